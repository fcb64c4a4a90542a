"""How credit holds end: by money, by a plan, by two persons, or by their placer at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.approvals import ApprovalRequest
from models.arrangements import CreditHold, HoldCause, HoldEnd
from models.audit import AuditEntry
from models.messages import Message
from models.money import Money
from models.staff import Role
from models.states import ApprovalStatus, HoldStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import credit_hold_facts, credit_holds, credit_limits, credit_status, outbox
from receivables.approvals import deciding
from receivables.calendar_days import business_date
from receivables.credit_holds import HoldTerms
from receivables.credit_status import Grade
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ledger import trial_balance
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor
from receivables.segments import sales
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.arrangements.plan_world import an_owing_account, gbp
from tests.receivables.paying import pay

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def account(store: Store) -> Account:
    """£576.00 29 and £842.40 8 days late."""
    return an_account(store)


def an_account(store: Store) -> Account:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        for number, total, late in (("2026-1", 57600, 29), ("2026-2", 84240, 8)):
            make.an_invoice(
                s, account, total=total, number=f"{account.number}-{number}",
                due_on=NOON.date() - timedelta(days=late),
            )  # fmt: skip
        return account


def person(store: Store, role: Role = Role.COLLECTOR) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, role))


def place(
    store: Store, account: Account, release: Money, actor: Actor | None = None, **terms: object
) -> CreditHold:
    who = actor or person(store)
    return store.run(
        lambda s: credit_holds.place(
            s,
            who,
            account,
            "Promised and not paid.",
            release,
            terms=HoldTerms(**terms),
            now=NOON,  # type: ignore[arg-type]
        )
    )


def now_of(store: Store, hold: CreditHold) -> CreditHold:
    with store.read() as s:
        return s.get_one(CreditHold, hold.id)


def refs(store: Store, account: Account) -> list[str]:
    with store.read() as s:
        return [row.ref for row in credit_holds.overdue_rows(s, account.id, NOON.date(), "GBP")]


def test_a_real_payment_releases_it(store: Store, account: Account) -> None:
    """Part 5: auto-release by rule, in the settlement of the payment; one unit less leaves it standing."""
    hold = place(store, account, gbp(60000))
    pay(store, account, Choice("amount", "GBP", amount=gbp(59999)), at=LATER)
    assert now_of(store, hold).status is HoldStatus.ACTIVE
    pay(store, account, Choice("amount", "GBP", amount=gbp(100)), at=LATER)
    ended = now_of(store, hold)
    assert (ended.status, ended.ended_as, ended.released_by_id) == (HoldStatus.RELEASED, HoldEnd.PAID, None)


def test_the_documents_that_were_named(store: Store, account: Account) -> None:
    """The condition that was stored decides: money for another document does not count."""
    first, second = refs(store, account)
    hold = place(store, account, gbp(57600), invoices=(first,))
    with store.read() as s:
        view = credit_holds.view(
            s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=NOON
        )
    assert [ref for ref, _ in view.documents] == [first]
    pay(store, account, Choice("chosen", "GBP", (second,)), at=LATER)
    assert now_of(store, hold).status is HoldStatus.ACTIVE
    pay(store, account, Choice("chosen", "GBP", (first,)), at=LATER)
    assert now_of(store, hold).ended_as is HoldEnd.PAID


def test_what_is_asked_of_the_named_must_be_what_was_read(store: Store, account: Account) -> None:
    first, _ = refs(store, account)
    with pytest.raises(Refused) as refused:
        place(store, account, gbp(57599), invoices=(first,))
    assert refused.value.code == "release_changed"
    with pytest.raises(NotFound):
        place(store, account, gbp(57600), invoices=("nothing",))


@pytest.mark.parametrize("releases", [True, False])
def test_a_plan_with_its_first_part_paid(store: Store, releases: bool) -> None:
    """Part 5: arranged and kept releases it, where that was said; being agreed alone does not."""
    world = an_owing_account(store)
    hold = place(store, world.account, gbp(141840), plan_releases=releases)
    plan = world.agreed(3)
    assert now_of(store, hold).status is HoldStatus.ACTIVE
    pay(store, world.account, world.choice(plan, "next"), at=LATER)
    ended = now_of(store, hold)
    if releases:
        assert (ended.status, ended.ended_as) == (HoldStatus.RELEASED, HoldEnd.ARRANGED)
    else:
        assert ended.status is HoldStatus.ACTIVE


def test_two_persons_end_it_early(store: Store, account: Account) -> None:
    """A-02: whoever asks does not decide; the other's approval ends it, and the debtor is told."""
    asker, boss = person(store), person(store, Role.SUPERVISOR)
    hold = place(store, account, gbp(60000), asker)
    request = store.run(
        lambda s: credit_holds.ask_release(s, asker, account, reason="Paid by cheque today.", now=LATER)
    )
    with pytest.raises(Refused) as again:
        store.run(lambda s: credit_holds.ask_release(s, boss, account, reason="x", now=LATER))
    assert again.value.code == "request_waits"
    with pytest.raises(NotAllowed):
        store.run(lambda s: deciding.approve(s, asker, request.ref, digest=request.content_digest, now=LATER))
    store.run(lambda s: deciding.approve(s, boss, request.ref, digest=request.content_digest, now=LATER))
    ended = now_of(store, hold)
    assert (ended.ended_as, ended.released_by_id) == (HoldEnd.EARLY, boss.id)
    with store.read() as s:
        assert s.scalars(select(Message.kind).order_by(Message.id)).all()[-1] == "credit_hold_released"


def test_payment_and_early_end_at_once(store: Store) -> None:
    """Race payment ∥ manual release: it ends once, the loser finds it done, the books hold."""
    for number in range(REPEATS):
        account, asker, boss = an_account(store), person(store), person(store, Role.SUPERVISOR)
        hold = place(store, account, gbp(57600), asker)
        request = store.run(
            lambda s: credit_holds.ask_release(s, asker, account, reason="agreed", now=LATER)  # noqa: B023
        )

        def act(which: int) -> object:
            if which:
                return pay(store, account, Choice("amount", "GBP", amount=gbp(57600)), at=LATER)  # noqa: B023
            return store.run(
                lambda s: deciding.approve(s, boss, request.ref, digest=request.content_digest, now=LATER)  # noqa: B023
            )

        approved, paid = together(2, act)
        assert not isinstance(paid, Exception), (number, paid)
        assert not isinstance(approved, Exception) or (
            isinstance(approved, Refused) and approved.code in ("hold_over", "not_waiting")
        ), approved
        ended = now_of(store, hold)
        with store.read() as s:
            released = s.scalars(
                select(AuditEntry.id).where(
                    AuditEntry.code == "credit_hold.released", AuditEntry.subject_id == hold.id
                )
            ).all()
            status = s.get_one(ApprovalRequest, request.id).status
            assert trial_balance(s) == {"GBP": 0}
        assert len(released) == 1
        early = ended.ended_as is HoldEnd.EARLY
        assert status is (ApprovalStatus.APPROVED if early else ApprovalStatus.VOIDED)


def test_only_the_placer_takes_it_back_and_only_at_once(store: Store, account: Account) -> None:
    """Nobody is told of a hold that was taken back in time, nor of its end."""
    placer, other = person(store), person(store)
    hold = place(store, account, gbp(60000), placer)
    with pytest.raises(NotAllowed):
        store.run(lambda s: credit_holds.undo(s, other, account, now=NOON))
    with pytest.raises(Refused) as late:
        store.run(lambda s: credit_holds.undo(s, placer, account, now=NOON + timedelta(minutes=10)))
    assert late.value.code == "undo_over"
    store.run(lambda s: credit_holds.undo(s, placer, account, now=NOON + timedelta(minutes=9)))
    assert now_of(store, hold).ended_as is HoldEnd.UNDONE
    with store.read() as s:
        (message,) = s.scalars(select(Message))
    assert (message.kind, message.not_before) == ("credit_hold_placed", NOON + timedelta(minutes=10))


def test_somebody_looks_again_on_its_day(store: Store, account: Account) -> None:
    """Review date due → task, once; letting it stand names the next day and ends the task."""
    actor = person(store)
    place(store, account, gbp(60000), actor, review_on=NOON.date() + timedelta(days=7))
    day = NOON.date() + timedelta(days=7)
    with store.write() as s:
        assert credit_holds.concerned_reviews(s, day - timedelta(days=1)) == []
        assert credit_holds.concerned_reviews(s, day) == [account.id]
        locked = s.get_one(Account, account.id)
        first = credit_holds.ask_review(s, locked, today=day, now=NOON)
        assert first is credit_holds.ask_review(s, locked, today=day, now=NOON)
    later = NOON + timedelta(days=7)
    store.run(
        lambda s: credit_holds.put_off(
            s, actor, account, day + timedelta(days=7), note="They negotiate.", now=later
        )
    )
    with store.read() as s:
        task = s.scalars(select(Task).where(Task.kind == TaskKind.HOLD_REVIEW)).one()
        assert task.done_at == later
        assert credit_holds.concerned_reviews(s, day) == []


def test_the_ladders_task_is_done_and_sales_is_told(store: Store, account: Account) -> None:
    """Proposed by the ladder: placing it answers its task; who sells gets a task to talk."""
    with store.write() as s:
        seller = make.a_person(s, Role.SALESPERSON)
        locked = s.get_one(Account, account.id)
        locked.salesperson_id = seller.id
        outbox.ask_person(s, TaskKind.HOLD_CREDIT, "ladder:1", account_id=account.id, facts={}, now=NOON)
    with pytest.raises(Refused) as unheard:
        place(store, account, gbp(60000))
    assert unheard.value.code == "sales_notice"
    with store.write() as s:
        sales.give_notice(s, s.get_one(Account, account.id), "freeze_review", now=NOON - timedelta(days=4))
    place(store, account, gbp(60000))
    with store.read() as s:
        tasks = {t.key.partition(":")[0]: t for t in s.scalars(select(Task))}
    assert tasks["ladder"].done_at == NOON
    assert (tasks["hold_placed"].assigned_to_id, tasks["hold_placed"].done_at) == (seller.id, None)


def test_what_the_order_system_is_told(store: Store, account: Account) -> None:
    """Part 5: ok, watch or hold, with the reasons as codes and what is still to come."""
    actor = person(store)

    def status() -> credit_status.CreditStatus:
        with store.read() as s:
            return credit_status.credit_status(s, actor, account.ref, now=NOON)

    assert status().grade is Grade.OK, "£576.00 is late for longer than ten days: less than is watched"
    with store.write() as s:
        make.an_invoice(s, account, total=50000, due_on=NOON.date() - timedelta(days=15))
    assert (status().grade, status().reasons) == (Grade.WATCH, ("overdue",))
    boss = person(store, Role.SUPERVISOR)
    store.run(
        lambda s: credit_limits.set_limit(
            s, boss, s.get_one(Account, account.id), currency="GBP", limit=gbp(100000), reason="as agreed",
            now=NOON,
        )
    )  # fmt: skip
    assert status().reasons == ("overdue", "over_limit")
    place(store, account, gbp(60000), cause=HoldCause.OVERDUE, prepaid_allowed=False)
    held = status()
    assert (held.grade, held.release, held.prepaid_allowed) == (Grade.HOLD, gbp(60000), False)
    with store.read() as s:
        rows = list(credit_status.sheet(s, SYSTEM, now=NOON).rows)
        found = credit_hold_facts.holds(s, actor, cause=HoldCause.OVERDUE, now=NOON)
    assert [row[2] for row in rows if row[0] == account.number] == ["hold"]
    assert [row.left for row in found] == [gbp(60000)]


def test_evidence_proposes_the_cause(store: Store, account: Account) -> None:
    actor = person(store)
    with store.read() as s:
        locked = s.get_one(Account, account.id)
        before = credit_hold_facts.before(s, actor, locked, "GBP", now=NOON)
    assert before.cause is HoldCause.OVERDUE
    assert before.overdue == gbp(141840)
    assert before.review_on == business_date(NOON, account.zone) + timedelta(days=14)
