"""Sales and management beside the ladder: warnings, tasks, 48 hours, a day's notice (part 10)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.audit import AuditEntry
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.money import Money
from models.pauses import Pause, PauseReason
from models.segments import EarlyWarning
from models.staff import Role
from models.states import InvoiceStatus
from models.store import Store
from models.work import Alert, Interaction, Task, TaskKind
from receivables import ledger, outbox, pauses
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor
from receivables.segments import reads, sales
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.segments import books

#: 19 November 2026 is a Thursday.
THURSDAY = date(2026, 11, 19)


class Case:
    """An account 40 days late with its own salesperson, and a salesperson of others."""

    def __init__(self, session: Session) -> None:
        self.account = books.an_account(session)
        own, other, boss = (
            make.a_person(session, role) for role in (Role.SALESPERSON, Role.SALESPERSON, Role.SUPERVISOR)
        )
        self.account.salesperson_id = own.id
        session.flush()
        self.own, self.other, self.boss = map(make.staff_actor, (own, other, boss))


@pytest.fixture
def case(store: Store) -> Case:
    with store.write() as s:
        return Case(s)


def ask(store: Store, case: Case, *, at: datetime = NOON, who: Actor | None = None) -> Pause:
    return store.run(lambda s: sales.ask_for_time(s, who or case.own, case.account, now=at))


def a_task(store: Store, case: Case, kind: TaskKind = TaskKind.SALES) -> str:
    with store.write() as s:
        return outbox.ask_person(s, kind, f"step:1:{kind.value}", account_id=case.account.id, facts={},
                                 now=NOON).ref  # fmt: skip


def kinds(store: Store) -> list[str]:
    with store.read() as s:
        return list(s.scalars(select(Interaction.kind).order_by(Interaction.id)))


def test_early_warning_alerts_whoever_collects(store: Store, case: Case) -> None:
    store.run(lambda s: sales.early_warning(s, case.own, case.account, "Their shop is half empty.", now=NOON))
    with store.read() as s:
        assert s.scalars(select(EarlyWarning.words)).one() == "Their shop is half empty."
        assert s.scalars(select(Alert.code)).one() == "early_warning"
        assert "early_warning.raised" in s.scalars(select(AuditEntry.code)).all()
        assert reads.sales_account(s, case.own, case.account.ref, now=NOON).warning is not None
    assert kinds(store) == ["sales.early_warning"]
    with pytest.raises(Refused, match="words_missing"):
        store.run(lambda s: sales.early_warning(s, case.own, case.account, " ", now=NOON))


@pytest.mark.parametrize("kind", sorted(sales.KINDS))
@pytest.mark.parametrize("outcome", sales.OUTCOMES)
def test_the_result_comes_back_to_the_timeline(sqlite_store: Store, kind: TaskKind, outcome: str) -> None:
    with sqlite_store.write() as s:
        case = Case(s)
    ref = a_task(sqlite_store, case, kind)
    for _ in range(2):  # a form sent twice is one result
        sqlite_store.run(lambda s: sales.report_back(s, case.own, ref, outcome, "We spoke.", now=NOON))
    assert kinds(sqlite_store) == [f"sales.{outcome}"]
    with sqlite_store.read() as s:
        assert s.scalars(select(Task.done_by_id)).one() == case.own.id
        assert s.scalars(select(Interaction.facts)).one() == {"words": "We spoke."}


def test_only_tasks_of_sales_and_only_known_results(store: Store, case: Case) -> None:
    with store.write() as s:
        other = outbox.ask_person(
            s, TaskKind.CALL_BACK, "c:1", account_id=case.account.id, facts={}, now=NOON
        )
    with pytest.raises(NotFound):
        store.run(lambda s: sales.report_back(s, case.own, other.ref, "will_pay", "x", now=NOON))
    ref = a_task(store, case)
    for outcome, words, code in (("soon", "x", "outcome_unknown"), ("will_pay", "", "words_missing")):
        with pytest.raises(Refused, match=code):
            store.run(lambda s, o=outcome, w=words: sales.report_back(s, case.own, ref, o, w, now=NOON))


def test_another_salesperson_finds_nothing(store: Store, case: Case) -> None:
    """L-15: another's account is not found, neither read nor acted on; a sponsor's is his."""
    ref = a_task(store, case)
    acts = (
        lambda s: sales.early_warning(s, case.other, case.account, "x", now=NOON),
        lambda s: sales.ask_for_time(s, case.other, case.account, now=NOON),
        lambda s: sales.report_back(s, case.other, ref, "will_pay", "x", now=NOON),
        lambda s: reads.sales_account(s, case.other, case.account.ref, now=NOON),
        lambda s: reads.task_account(s, case.other, ref),
    )
    for act in acts:
        with pytest.raises(NotFound):
            store.run(act)
    with store.read() as s:
        assert reads.sales_accounts(s, case.other, now=NOON) == []
        (row,) = reads.sales_accounts(s, case.own, now=NOON)
        assert (row.overdue, row.oldest_days, [t.ref for t in row.tasks]) == (
            [Money(10000, "GBP")],
            40,
            [ref],
        )
        assert len(reads.sales_accounts(s, case.boss, now=NOON)) == 1
    with store.write() as s:
        s.get_one(Account, case.account.id).sponsor_id = case.other.id
    with store.read() as s:
        assert reads.sales_account(s, case.other, case.account.ref, now=NOON).ref == case.account.ref


def test_roles_that_may_not(store: Store, case: Case) -> None:
    for role in (Role.COLLECTOR, Role.ACCOUNTANT, Role.AUDITOR, Role.ADMIN):
        with store.write() as s:
            who = make.staff_actor(make.a_person(s, role))
        with pytest.raises(NotAllowed):
            ask(store, case, who=who)
    with pytest.raises(NotAllowed):
        ask(store, case, who=SYSTEM)


@pytest.mark.parametrize(
    ("asked_on", "goes_on"),
    [
        (date(2026, 11, 19), date(2026, 11, 23)),  # Thursday: Thursday and Friday, on Monday it goes on
        (date(2026, 11, 20), date(2026, 11, 24)),  # Friday
        (date(2026, 11, 21), date(2026, 11, 25)),  # Saturday: Monday and Tuesday
        # Christmas Eve: 25 and 28 are holidays (26 is a Saturday), so that 24 and 29 count.
        (date(2026, 12, 24), date(2026, 12, 30)),
    ],
)
def test_48_hours_are_two_business_days(store: Store, case: Case, asked_on: date, goes_on: date) -> None:
    """domain.md: the salesperson may ask for 48 hours; policy segments.talk_business_days."""
    at = datetime(asked_on.year, asked_on.month, asked_on.day, 10, tzinfo=UTC)
    held = ask(store, case, at=at)
    assert (held.reason, held.from_on, held.to_on) == (PauseReason.SALES_TALK, asked_on, goes_on)
    with store.read() as s:
        assert pauses.paused_by(pauses.standing(s, case.account.id, asked_on)) == [PauseReason.SALES_TALK]
        assert pauses.standing(s, case.account.id, goes_on) == []


def settle(store: Store, case: Case) -> None:
    """What is open is paid; a new document falls late afterwards."""
    with store.write() as s:
        for invoice in s.scalars(select(Invoice).where(Invoice.status == InvoiceStatus.OPEN)):
            amount = Money(invoice.balance_minor, "GBP")
            ledger.post(
                s, SYSTEM,
                ledger.Draft(
                    creditor_id=case.account.creditor_id, reference=f"test:{invoice.id}", kind="payment",
                    currency="GBP", effective_on=books.TODAY,
                    sides=[
                        ledger.debit(LedgerCode.BANK, amount),
                        ledger.credit(LedgerCode.RECEIVABLES, amount, account_id=case.account.id,
                                      invoice_id=invoice.id),
                    ],
                ),
                now=NOON,
            )  # fmt: skip


def test_once_a_case(store: Store, case: Case) -> None:
    """domain.md: once per case; the next case is another document that falls late."""
    ask(store, case)
    for days in (0, 1, 10):
        with pytest.raises(Refused, match="talk_used"):
            ask(store, case, at=NOON + timedelta(days=days))
    settle(store, case)
    later = NOON + timedelta(days=60)
    with pytest.raises(Refused, match="nothing_overdue"):
        ask(store, case, at=later)
    with store.write() as s:
        make.an_invoice(s, s.get_one(Account, case.account.id), due_on=later.date() - timedelta(days=3))
    assert ask(store, case, at=later).from_on == later.date()


def test_two_ask_at_once(store: Store, case: Case) -> None:
    """M-07: salesperson and sponsor press in the same moment; one pause comes of it."""
    for _ in range(REPEATS):
        with store.write() as s:
            fresh = Case(s)
        ends = together(2, lambda n, fresh=fresh: ask(store, fresh, who=(fresh.own, fresh.boss)[n]))
        assert sorted(type(end).__name__ for end in ends) == ["Pause", "Refused"], ends


# --------------------------------------------------------------------------- notice


def given(store: Store, case: Case, rung: str, at: datetime) -> bool:
    with store.read() as s:
        return sales.notice_given(s, s.get_one(Account, case.account.id), rung, now=at)


def give(store: Store, case: Case, rung: str, at: datetime) -> Task | None:
    return store.run(lambda s: sales.give_notice(s, s.get_one(Account, case.account.id), rung, now=at))


@pytest.mark.parametrize("rung", ["formal_warning", "freeze_review", "hand_over"])
def test_one_business_days_notice_before_firm_rungs(store: Store, case: Case, rung: str) -> None:
    """domain.md: a salesperson gets one business day's notice before formal warning, freeze, hand-over."""
    assert given(store, case, rung, NOON) is False
    friday = NOON + timedelta(days=1)
    task = give(store, case, rung, friday)
    assert task is not None
    assert (task.kind, task.assigned_to_id) == (TaskKind.SALES, case.own.id)
    assert task.facts == {"rung": rung, "on": "2026-11-23"}
    assert [given(store, case, rung, friday + timedelta(days=n)) for n in range(4)] == [
        False, False, False, True,
    ]  # fmt: skip
    assert give(store, case, rung, friday + timedelta(days=1)) is None, "told once"
    others = {"formal_warning", "freeze_review", "hand_over"} - {rung}
    assert not any(given(store, case, one, friday + timedelta(days=9)) for one in others)


def test_no_notice_is_due(store: Store, case: Case) -> None:
    """Other rungs act without it, and so do all where nobody sells to the account."""
    assert given(store, case, "first_reminder", NOON) is True
    assert give(store, case, "first_reminder", NOON) is None
    with store.write() as s:
        s.get_one(Account, case.account.id).salesperson_id = None
    assert given(store, case, "hand_over", NOON) is True
    assert give(store, case, "hand_over", NOON) is None
    with store.read() as s:
        assert s.scalars(select(Task)).all() == []


def test_notice_of_an_old_case_is_no_notice_of_the_next(store: Store, case: Case) -> None:
    give(store, case, "hand_over", NOON)
    settle(store, case)
    later = NOON + timedelta(days=60)
    with store.write() as s:
        make.an_invoice(s, s.get_one(Account, case.account.id), due_on=later.date() - timedelta(days=3))
    assert given(store, case, "hand_over", later) is False
    assert give(store, case, "hand_over", later) is not None
