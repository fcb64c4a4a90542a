"""Hand-overs: put forward, approved by a second person, placed, ended (part 11; requirements 5)."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from models.accounts import Account, AccountFlag, FlagKind, Segment
from models.audit import AuditEntry
from models.base import new_ref
from models.files import StoredFile
from models.handovers import Handler, Handover, HandoverInvoice
from models.invoices import Invoice, InvoiceKind
from models.messages import Message
from models.pauses import PauseReason
from models.post import PostLetter
from models.staff import Role
from models.states import HandoverStatus, IllegalMove, advance
from models.store import Store
from models.work import Interaction, Job, Task
from receivables import invoices, pauses
from receivables.desk import reads as desk_reads
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.handovers import handlers, placing
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.handovers import cases
from tests.receivables.handovers.cases import TODAY, late_account, person, prepared, proposed


def refusal(store: Store, account: Account, **more: object) -> Refused:
    actor = person(store, Role.COLLECTOR)
    with store.write() as s, pytest.raises(Refused) as refused:
        placing.propose(s, actor, account, "GBP", **({"reason": cases.REASON, "now": NOON} | more))  # type: ignore[arg-type]
    return refused.value


def test_a_case_holds_what_is_overdue_and_nothing_else(store: Store) -> None:
    """Before due and prepayments never reach a hand-over (domain.md)."""
    account = late_account(store)
    with store.write() as s:
        order = make.an_invoice(s, account, total=9900, due_on=TODAY - timedelta(days=99))
        order.kind = InvoiceKind.PREPAYMENT
    case = proposed(store, account)
    assert (case.status, case.amount_minor, case.approved_by_id) == (HandoverStatus.PROPOSED, 141840, None)
    with store.read() as s:
        held = s.execute(
            select(Invoice.number, HandoverInvoice.balance_minor)
            .join(HandoverInvoice, HandoverInvoice.invoice_id == Invoice.id)
            .order_by(Invoice.number)
        ).all()
        noted = list(s.scalars(select(Interaction.kind)))
        task = s.scalars(select(Task)).one()
    assert [tuple(row) for row in held] == [("2026-0901", 57600), ("2026-0917", 84240)]
    assert "handover.proposed" in noted
    assert task.facts == {"amount_minor": 141840, "currency": "GBP"}


def test_prepayments_alone_are_nothing_to_hand_over(store: Store) -> None:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        order = make.an_invoice(s, account, due_on=TODAY - timedelta(days=99))
        order.kind = InvoiceKind.PREPAYMENT
        cases.warn(s, account)
    assert refusal(store, account).code == "nothing_asked"


@pytest.mark.parametrize(
    ("more", "code"),
    [({"reason": " \u202e "}, "reason_missing"), ({"reason": "x" * 501}, "words_too_long")],
)
def test_a_reason_is_needed(store: Store, more: dict[str, object], code: str) -> None:
    assert refusal(store, late_account(store), **more).code == code


def test_one_case_for_an_account_and_currency(store: Store) -> None:
    account = late_account(store)
    proposed(store, account)
    assert refusal(store, account).code == "already_handed_over"


@pytest.mark.parametrize(
    "kind",
    [
        FlagKind.WRONG_PARTY, FlagKind.DECEASED, FlagKind.BANKRUPTCY, FlagKind.BREATHING_SPACE,
        FlagKind.VULNERABILITY, FlagKind.MENTAL_HEALTH_CRISIS, FlagKind.MINOR,
    ],
)  # fmt: skip
def test_flags_of_the_matrix_hold_it_up(store: Store, kind: FlagKind) -> None:
    """C-05, column "escalate / hand over"; a flag whose day has passed holds nothing."""
    account = late_account(store)
    flag(store, account, kind, to=None)
    refused = refusal(store, account)
    assert (refused.code, refused.facts["reasons"]) == ("suppressed", [f"flag:{kind.value}"])


@pytest.mark.parametrize(
    ("kind", "days"), [(FlagKind.LEGAL_HOLD, None), (FlagKind.ATTORNEY, None), (FlagKind.BREATHING_SPACE, 0)]
)
def test_flags_that_hold_nothing_up(store: Store, kind: FlagKind, days: int | None) -> None:
    """A legal hold blocks deletion only; a lawyer needs a person first, and here two decide."""
    account = late_account(store)
    flag(store, account, kind, to=days)
    assert proposed(store, account).status is HandoverStatus.PROPOSED


def flag(store: Store, account: Account, kind: FlagKind, *, to: int | None) -> None:
    with store.write() as s:
        s.add(
            AccountFlag(
                account_id=account.id, kind=kind, from_on=TODAY - timedelta(days=9),
                to_on=None if to is None else TODAY + timedelta(days=to), source="told by telephone",
                created_at=NOON,
            )
        )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (PauseReason.PROMISE, "paused:promise"),
        (PauseReason.PLAN, "paused:plan"),
        (PauseReason.OFFER, "paused:offer"),
        (PauseReason.DEBIT_PROCESSING, "paused:debit_processing"),
        (PauseReason.CHARGEBACK, "paused:chargeback"),
        (PauseReason.HARDSHIP, "paused:awaiting_our_answer"),
    ],
)
def test_pauses_of_the_account_hold_it_up(store: Store, reason: PauseReason, code: str) -> None:
    """C-05; of hardship only that an answer of ours is due."""
    account = late_account(store)
    with store.write() as s:
        pauses.pause(s, SYSTEM, account, reason, key="test:1", now=NOON)
    refused = refusal(store, account)
    assert (refused.code, refused.facts["reasons"]) == ("suppressed", [code])
    with store.write() as s:
        pauses.resume(s, SYSTEM, account, "test:1", now=NOON)
    assert proposed(store, account).status is HandoverStatus.PROPOSED


def test_a_dispute_holds_its_document(store: Store) -> None:
    """Requirements 5, first row: the disputed document stays out; with nothing else it is refused."""
    account = late_account(store)
    with store.write() as s:
        first, second = s.scalars(select(Invoice).where(Invoice.number.like("2026%")).order_by(Invoice.id))
        for one in (first, second):
            pauses.pause(
                s, SYSTEM, account, PauseReason.DISPUTE, key=f"d:{one.id}", invoice_id=one.id, now=NOON
            )
    refused = refusal(store, account)
    assert (refused.code, refused.facts["reasons"]) == ("suppressed", ["paused:dispute"])
    with store.write() as s:
        pauses.resume(s, SYSTEM, account, f"d:{second.id}", now=NOON)
    assert proposed(store, account).amount_minor == second.total_minor


def test_a_legal_step_comes_first(store: Store) -> None:
    """Part 7: refused before the step that law or house rule wants, naming what is missing."""
    account = late_account(store, warned=False)
    refused = refusal(store, account)
    assert (refused.code, refused.facts["reasons"]) == ("legal_step_missing", ["formal_warning:not_posted"])
    with store.write() as s:
        cases.warn(s, account, days=5)
    (reason,) = refusal(store, account).facts["reasons"]
    assert reason.startswith("formal_warning:waits:2026-")


def test_a_document_that_nobody_was_warned_of_stays_out(store: Store) -> None:
    account = late_account(store)
    with store.write() as s:
        make.an_invoice(s, account, total=1000, due_on=TODAY - timedelta(days=40))
    assert proposed(store, account).amount_minor == 141840


def test_who_may(store: Store) -> None:
    """A-01: the salesperson and the accountant put nothing forward; the collector decides nothing."""
    account = late_account(store)
    actor = person(store, Role.ACCOUNTANT)
    with store.write() as s, pytest.raises(NotAllowed):
        placing.propose(s, actor, account, "GBP", reason="x", now=NOON)
    case, handler, collector = proposed(store, account), cases.agency(store), person(store, Role.COLLECTOR)
    with store.write() as s, pytest.raises(NotAllowed):
        placing.prepare(s, collector, case.ref, handler.ref, now=NOON)
    with store.write() as s, pytest.raises(NotAllowed):
        placing.refuse(s, collector, case.ref, reason="x", now=NOON)
    with store.write() as s, pytest.raises(NotFound):
        placing.prepare(s, person_in(s), "nobody", handler.ref, now=NOON)


def test_four_eyes(store: Store) -> None:
    """A-02: who put it forward approves it neither by the action nor past it in the database."""
    account, boss, handler = late_account(store), person(store), cases.agency(store)
    case = proposed(store, account, boss)
    with store.write() as s, pytest.raises(Refused, match="own_proposal"):
        placing.prepare(s, boss, case.ref, handler.ref, now=NOON)
    with store.write() as s:
        done = placing.prepare(s, person_in(s), case.ref, handler.ref, now=NOON)
    assert (done.status, done.commission_percent) == (HandoverStatus.PREPARED, "12.5")
    with store.write() as s, pytest.raises(Refused, match="own_proposal"):
        placing.place(s, boss, case.ref, TODAY, now=NOON)
    with pytest.raises(IntegrityError), store.write() as s:
        s.get_one(Handover, case.id).approved_by_id = boss.id


def person_in(s, role: Role = Role.SUPERVISOR):  # type: ignore[no-untyped-def]
    return make.staff_actor(make.a_person(s, role))


def test_a_handler_must_take_the_case(store: Store) -> None:
    account, boss = late_account(store), person(store)
    case, handler = proposed(store, account), cases.agency(store)
    for change, code in (
        ({"countries": "HU DE"}, "handler_country"),
        ({"is_active": False}, "handler_inactive"),
    ):
        with store.write() as s:
            row = s.get_one(Handler, handler.id)
            row.countries, row.is_active = (
                str(change.get("countries", "")),
                bool(change.get("is_active", True)),
            )
        with store.write() as s, pytest.raises(Refused, match=code):
            placing.prepare(s, boss, case.ref, handler.ref, now=NOON)


def test_placed_and_recalled(store: Store) -> None:
    """While it is placed we ask for nothing of it; recalled, we ask again."""
    account = late_account(store)
    case = cases.placed(store, account)
    assert (case.status, case.placed_on) == (HandoverStatus.PLACED, TODAY)
    with store.read() as s:
        rows = invoices.open_rows(s, account.id, TODAY)
        assert [(row.number, row.asked.minor, row.handed_over) for row in rows] == [
            ("2026-0901", 0, True), ("2026-0917", 0, True), ("N-1", 28800, False),
        ]  # fmt: skip
        assert all(task.done_at == NOON for task in s.scalars(select(Task)))
    assert refusal(store, account).code == "already_handed_over"
    with store.write() as s:
        placing.recall(s, person_in(s), case.ref, reason="They found no address.", now=NOON)
    with store.read() as s:
        rows = invoices.open_rows(s, account.id, TODAY)
        moved = s.scalars(select(AuditEntry.payload).where(AuditEntry.code == "handover.moved")).all()
    assert sum(row.asked.minor for row in rows) == 170640
    assert [json.loads(one)["facts"]["to"] for one in moved] == ["proposed", "prepared", "placed", "recalled"]
    assert proposed(store, account).status is HandoverStatus.PROPOSED


@pytest.mark.parametrize("address", ["1 Harbour Road\nBristol", None])
def test_the_debtor_is_told_first(store: Store, address: str | None) -> None:
    """Part 11: by post and e-mail, by e-mail alone without an address; the case goes from that day on."""
    account, boss = late_account(store), person(store)
    with store.write() as s:
        s.get_one(Account, account.id).postal_address = address
        s.scalars(select(Invoice).where(Invoice.number == "N-1")).one().due_on = TODAY + timedelta(days=40)
    case, handler = proposed(store, account), cases.agency(store)
    with store.write() as s:
        case = placing.prepare(s, boss, case.ref, handler.ref, now=NOON)
        placing.prepare(s, boss, case.ref, handler.ref, now=NOON)  # told once
    assert case.notice_on == date(2026, 11, 30)  # seven days to answer, three for the post
    with store.read() as s:
        letters = s.scalars(select(PostLetter.kind).where(PostLetter.kind == "handover_notice")).all()
        mails = s.scalars(select(Message).where(Message.kind == "handover_notice")).all()
    assert len(letters) == (1 if address else 0)
    assert [mail.facts["handover_on"] for mail in mails] == ["2026-11-30"]
    with store.write() as s:
        stored = StoredFile(
            ref=new_ref(), content_digest="0" * 64, name="case.zip", media_type="application/zip",
            size_bytes=1, retention_class="case_file", stored_at=NOON,
        )  # fmt: skip
        s.add(stored)
        s.flush()
        s.get_one(Handover, case.id).case_file_id = stored.id
    with store.write() as s, pytest.raises(Refused, match="notice_runs"):
        placing.place(s, boss, case.ref, TODAY, now=NOON)
    with store.write() as s:
        then = NOON + timedelta(days=11)
        assert placing.place(s, boss, case.ref, then.date(), now=then).placed_on == then.date()


def test_nobody_is_told_where_nobody_is_found(store: Store) -> None:
    """Part 11: at once when not found."""
    account, boss = late_account(store), person(store)
    case, handler = proposed(store, account), cases.agency(store)
    with store.write() as s:
        s.get_one(Account, account.id).segment = Segment.UNTRACEABLE
        assert placing.prepare(s, boss, case.ref, handler.ref, now=NOON).notice_on is None
    with store.read() as s:
        assert s.scalars(select(Message).where(Message.kind == "handover_notice")).all() == []


def test_what_keeps_it_from_being_placed(store: Store) -> None:
    account, boss = late_account(store), person(store)
    case = prepared(store, account, filed=False)
    with store.write() as s, pytest.raises(Refused, match="case_file_missing"):
        placing.place(s, boss, case.ref, TODAY, now=NOON)
    with store.write() as s:
        placing.refuse(s, person_in(s), case.ref, reason="again", now=NOON)
    other = late_account(store)
    with store.write() as s:
        s.get_one(Handler, case.handler_id).name = "Old name Ltd"
    case = prepared(store, other)
    for day, code in (
        (TODAY + timedelta(days=1), "placed_in_future"),
        (TODAY - timedelta(days=1), "too_early"),
    ):
        with store.write() as s, pytest.raises(Refused, match=code):
            placing.place(s, boss, case.ref, day, now=NOON)
    with store.write() as s:
        pauses.pause(s, SYSTEM, other, PauseReason.PROMISE, key="p:1", now=NOON)
    with store.write() as s, pytest.raises(Refused, match="suppressed"):
        placing.place(s, boss, case.ref, TODAY, now=NOON)
    with store.write() as s:
        pauses.resume(s, SYSTEM, other, "p:1", now=NOON)
        late = s.scalars(select(Invoice).where(Invoice.account_id == other.id).order_by(Invoice.id)).first()
        pauses.pause(s, SYSTEM, other, PauseReason.DISPUTE, key="p:2", invoice_id=late.id, now=NOON)
    with store.write() as s, pytest.raises(Refused, match="case_changed"):
        placing.place(s, boss, case.ref, TODAY, now=NOON)
    with store.write() as s:
        again = placing.prepare(s, person_in(s), case.ref, s.get_one(Handler, case.handler_id).ref, now=NOON)
        assert (again.amount_minor, again.case_file_id) == (84240, None)
        jobs = s.scalars(select(Job.key).where(Job.kind == "case_file", Job.key.like(f"%{case.ref}%"))).all()
    assert len(jobs) == 2


def test_an_ended_case_does_not_move(store: Store) -> None:
    account, boss = late_account(store), person(store)
    case = cases.placed(store, account)
    with store.write() as s, pytest.raises(Refused, match="not_waiting"):
        placing.refuse(s, boss, case.ref, reason="no", now=NOON)
    with store.write() as s:
        ended = placing.close(s, boss, case.ref, reason="Collected.", now=NOON)
        assert (ended.status, ended.ended_on, ended.end_reason) == (
            HandoverStatus.CLOSED,
            TODAY,
            "Collected.",
        )
    with store.write() as s, pytest.raises(Refused, match="not_placed"):
        placing.recall(s, boss, case.ref, reason="no", now=NOON)
    with store.write() as s, pytest.raises(IllegalMove):
        advance(s.get_one(Handover, case.id), HandoverStatus.PLACED)


def test_nobody_found_needs_no_house_rule(store: Store) -> None:
    """Who cannot be found goes at once where only a rule of the house holds it up (domain.md)."""
    account = late_account(store, warned=False)
    with store.write() as s:
        s.get_one(Account, account.id).country = "FR"
    assert refusal(store, account).code == "legal_step_missing"
    with store.write() as s:
        s.get_one(Account, account.id).segment = Segment.UNTRACEABLE
    assert proposed(store, account).amount_minor == 141840


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": " "}, "handler_incomplete"),
        ({"phone": ""}, "handler_incomplete"),
        ({"address": ""}, "handler_incomplete"),
        ({"commission_percent": "lots"}, "percent_unreadable"),
        ({"commission_percent": "100.01"}, "percent_unreadable"),
        ({"commission_percent": "-1"}, "percent_unreadable"),
        ({"commission_percent": "1.234"}, "percent_unreadable"),
        ({}, "handler_known"),
    ],
)
def test_a_handler_is_refused(store: Store, change: dict[str, str], code: str) -> None:
    known, boss = cases.agency(store), person(store)
    facts = {name: getattr(cases.TERMS, name) for name in cases.TERMS.__slots__}
    with store.write() as s, pytest.raises(Refused, match=code):
        handlers.add_handler(s, boss, handlers.HandlerFacts(**(facts | change)), now=NOON)
    with store.write() as s:
        renamed = handlers.HandlerFacts(**(facts | {"commission_percent": "15,00"}))
        assert handlers.change_handler(s, boss, known.ref, renamed, now=NOON).commission_percent == "15"


def test_the_day_list_leaves_out_what_is_handed_over(store: Store) -> None:
    """Who has it chases it: the desk's sums and the debtor's overview say one number."""
    account = late_account(store)
    with store.read() as s:
        (before,) = desk_reads.overdue_accounts(s, SYSTEM, now=NOON)
    assert before.total.minor == 141840
    cases.placed(store, account)
    with store.read() as s:
        assert desk_reads.overdue_accounts(s, SYSTEM, now=NOON) == []
