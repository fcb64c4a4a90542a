"""Races of plans on both databases, then the independent checker over what they wrote (FT-25, INV-12)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import daily
from models.arrangements import Plan, PlanInvoice
from models.pauses import PauseReason
from models.payments import PaymentAttempt
from models.states import PlanStatus
from models.store import Store
from receivables.arrangements import plan_deciding, plans
from receivables.errors import Refused
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.proof import prove
from tests.races import together
from tests.receivables.arrangements.plan_world import TODAY, PlanWorld, an_owing_account


def only_refused(outcomes: list[object], *codes: str) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            assert isinstance(outcome, Refused), outcome
            assert outcome.code in codes, outcome


def test_two_devices_sign_two_plans_over_one_invoice(store: Store, database_url: str) -> None:
    """accept ∥ accept: of a proposal of ours and a draft of his own over the same invoice, one is agreed."""
    for _ in range(REPEATS):
        world = an_owing_account(store)
        asked = world.asked(9)

        def answer(s: Session, world: PlanWorld = world, asked: Plan = asked) -> Plan:
            return plan_deciding.counter(
                s, world.collector, asked.ref, parts=8, first_on=TODAY + timedelta(days=9), reason="Eight.",
                now=NOON,
            )  # fmt: skip

        drafts = [store.run(answer), world.propose(3)]
        outcomes = together(4, lambda n, world=world, drafts=drafts: world.accept(drafts[n % 2]))
        only_refused(outcomes, "plan_changed")
        with store.read() as session:
            agreed = session.scalars(
                select(Plan).where(Plan.account_id == world.account.id, Plan.status == PlanStatus.ACTIVE)
            ).all()
            of_agreed = select(PlanInvoice.invoice_id).where(PlanInvoice.plan_id == agreed[0].id)
            held = session.scalars(of_agreed.where(PlanInvoice.blocking)).all()
        assert len(agreed) == 1
        assert len(held) == 2
        # Whoever signed the agreed plan twice was told of it once.
        assert world.mails().count("plan_activated") == 1
    prove(database_url)


def test_paying_while_the_plan_is_signed(store: Store, database_url: str) -> None:
    """pay ∥ accept: either the page opens first and is superseded, or there is nothing to pay any more."""
    for number in range(2 * REPEATS):  # each order as often
        world = an_owing_account(store)
        draft = world.propose(3)

        def start(world: PlanWorld = world) -> object:
            return world.start(Choice("chosen", "GBP", world.refs[:1]), nonce=f"race-{world.account.id}")

        def sign(world: PlanWorld = world, draft: Plan = draft) -> object:
            return world.accept(draft)

        acts = [start, sign] if number % 2 else [sign, start]
        only_refused(together(2, lambda n, acts=acts: acts[n]()), "nothing_to_pay", "invoice_not_open")
        plan = world.plan(draft)
        assert plan.status is PlanStatus.ACTIVE
        with store.read() as session:
            attempts = session.scalars(
                select(PaymentAttempt).where(PaymentAttempt.account_id == world.account.id)
            ).all()
        for attempt in attempts:
            assert attempt.superseded_at is not None
            world.told(attempt.ref, RemoteState.SUCCEEDED, 57600)
        paid = 57600 * len(attempts)
        assert world.view(plan).received.minor == paid
        assert sum(status == "paid" for status in world.statuses(plan)) == paid // 47280
    prove(database_url)


def test_the_last_money_comes_while_the_day_is_done(store: Store, database_url: str) -> None:
    """settle ∥ settle ∥ daily ∥ daily: the part is paid once, whoever comes first, and nothing is lost."""
    work = next(work for work in daily.DAILY if work.name == "plans")
    late = NOON + timedelta(days=17)
    for _ in range(REPEATS):
        world = an_owing_account(store)
        plan = world.agreed(2)
        ref = world.start(world.choice(plan, "rest"), nonce=f"rest-{plan.ref}")

        def settle(world: PlanWorld = world, ref: str = ref) -> object:
            return world.told(ref, RemoteState.SUCCEEDED, 141840)

        def day(world: PlanWorld = world) -> object:
            return store.run(lambda s: daily.once(s, work, world.account.id, now=late))

        acts = [settle, day, settle, day]
        outcomes = together(4, lambda n, acts=acts: acts[n]())
        assert not any(isinstance(outcome, Exception) for outcome in outcomes), outcomes
        assert outcomes[1] is not outcomes[3]  # one of the two found the day done
        assert world.plan(plan).status is PlanStatus.COMPLETED
        assert world.statuses(plan) == ["paid", "paid"]
    prove(database_url)


def test_signed_on_one_device_and_taken_back_on_the_other(store: Store, database_url: str) -> None:
    """accept ∥ withdraw ∥ accept ∥ withdraw: agreed or not, never both; the other device is refused."""
    for _ in range(REPEATS):
        world = an_owing_account(store)
        draft = world.propose(3)

        def act(number: int, world: PlanWorld = world, draft: Plan = draft) -> object:
            if number % 2:
                return world.accept(draft)
            return store.run(lambda s: plans.withdraw(s, world.holder, draft.ref, now=NOON))

        only_refused(together(4, act), "plan_gone")
        status = world.plan(draft).status
        agreed = status is PlanStatus.ACTIVE
        assert agreed or status is PlanStatus.DECLINED
        assert world.blocking(draft) == {agreed}
        assert world.paused(PauseReason.PLAN) == (2 if agreed else 0)
        assert world.mails().count("plan_activated") == int(agreed)
    prove(database_url)


def test_approved_at_the_desk_and_taken_back_by_the_debtor(store: Store, database_url: str) -> None:
    """approve ∥ withdraw: one of the two; the task is done and nothing waits for our answer."""
    for _ in range(REPEATS):
        world = an_owing_account(store)
        asked = world.asked(9)

        def act(number: int, world: PlanWorld = world, asked: Plan = asked) -> object:
            def unit(session: Session) -> Plan:
                if number:
                    return plans.withdraw(session, world.holder, asked.ref, now=NOON)
                digest = asked.terms_digest
                return plan_deciding.approve(session, world.supervisor, asked.ref, digest=digest, now=NOON)

            return store.run(unit)

        only_refused(together(2, act), "plan_gone")
        status = world.plan(asked).status
        assert status in (PlanStatus.ACTIVE, PlanStatus.WITHDRAWN)
        assert world.blocking(asked) == {status is PlanStatus.ACTIVE}
        assert world.paused(PauseReason.AWAITING_OUR_ANSWER) == 0
    prove(database_url)
