"""Money goes back while arrangements move: the legal results only, in each order (issue E, part 6; M-17).

What a reversal does by itself is proved in tests/receivables/reversals; here somebody else is at work too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.ledger import LedgerCode
from models.payments import Payment
from models.reversals import PaymentReversal, ReversalCause
from models.states import OfferStatus, PlanStatus, PromiseStatus
from models.store import Store
from receivables import ledger
from receivables.arrangements import promises
from receivables.errors import Refused
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.ports import RemoteState
from receivables.reversals import taking
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.proof import prove
from tests.races import together
from tests.receivables.arrangements.offer_world import a_late_account
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, gbp

BALANCE, AGREED = 141840, 121896
#: The day of a promise.
ON = NOON.date() + timedelta(days=4)


def take(store: Store, payment: Payment, source: str, minor: int | None = None) -> PaymentReversal:
    """Take a payment back, or so much of it."""

    def unit(session: Session) -> PaymentReversal:
        row = taking.lock_payment(session, payment.id)
        return taking.take_back(
            session, SYSTEM, row, gbp(minor or payment.amount_minor), cause=ReversalCause.MISTAKE,
            source=source, at=NOON, reason="booked to the wrong account", now=NOON,
        )  # fmt: skip

    return store.run(unit)


def at_once(first: int, *acts: Callable[[], object]) -> list[object]:
    """Run the acts at once, beginning with one of them; nothing but a refusal may go wrong."""
    outcomes = together(len(acts), lambda n: acts[(n + first) % len(acts)]())
    assert not [o for o in outcomes if isinstance(o, Exception) and not isinstance(o, Refused)], outcomes
    return outcomes


def payments(world: PlanWorld) -> list[Payment]:
    with world.store.read() as session:
        mine = select(Payment).where(Payment.account_id == world.account.id)
        return list(session.scalars(mine.order_by(Payment.id)))


def hold(store: Store) -> bool:
    with store.read() as session:
        return not any(ledger.trial_balance(session).values()) and ledger.wrong_balances(session) == []


@pytest.mark.parametrize("first", [0, 1])
def test_a_part_goes_back_while_the_rest_is_paid(store: Store, database_url: str, first: int) -> None:
    """The plan counts what is there: never completed on money that is gone, whoever comes first."""
    for _ in range(REPEATS):
        world = an_owing_account(store)
        plan = world.agreed(2)
        world.pay(plan)
        rest = world.choice(plan, "rest")
        assert rest.amount is not None
        ref, minor = world.start(rest, nonce=f"rest-{plan.ref}"), rest.amount.minor
        (paid,) = payments(world)
        at_once(
            first,
            lambda w=world, r=ref, m=minor: w.told(r, RemoteState.SUCCEEDED, m),
            lambda p=paid, r=plan.ref: take(store, p, f"staff:{r}"),
        )
        assert (world.plan(plan).status, world.statuses(plan)) == (PlanStatus.ACTIVE, ["paid", "scheduled"])
        assert world.blocking(plan) == {True}
        assert hold(store)
    prove(database_url, now=NOON)


@pytest.mark.parametrize("first", [0, 1])
def test_a_completed_plan_is_opened_once(store: Store, database_url: str, first: int) -> None:
    """Two who tell of the same reversal, and one of another: one reversal each, the plan runs on once."""
    for _ in range(REPEATS):
        world = an_owing_account(store)
        plan = world.agreed(2)
        world.pay(plan)
        world.pay(plan, "rest")
        assert world.plan(plan).status is PlanStatus.COMPLETED
        one, two = payments(world)
        at_once(
            first,
            lambda p=one, r=plan.ref: take(store, p, f"a:{r}"),
            lambda p=one, r=plan.ref: take(store, p, f"a:{r}"),
            lambda p=two, r=plan.ref: take(store, p, f"b:{r}"),
        )
        assert (world.plan(plan).status, world.statuses(plan)) == (PlanStatus.ACTIVE, ["scheduled"] * 2)
        with store.read() as session:
            mine = PaymentReversal.account_id == world.account.id
            assert session.scalar(select(func.count(PaymentReversal.id)).where(mine)) == 2
        # It runs as before: paid anew, it is completed anew.
        world.pay(plan, "rest")
        assert world.plan(plan).status is PlanStatus.COMPLETED
    prove(database_url, now=NOON)


@pytest.mark.parametrize("first", [0, 1])
def test_a_settled_offer_is_reopened_once(store: Store, database_url: str, first: int) -> None:
    """One unit goes back, told twice, while another part goes back too: the discount is reversed once."""
    for _ in range(REPEATS):
        world = a_late_account(store)
        before = world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS)
        offer = world.accept(world.propose(AGREED))
        world.pay_offer(offer)
        assert world.status(offer.ref) is OfferStatus.SETTLED
        paid = world.payments()[-1]
        at_once(
            first,
            lambda p=paid, r=offer.ref: take(store, p, f"a:{r}", 1),
            lambda p=paid, r=offer.ref: take(store, p, f"a:{r}", 1),
            lambda p=paid, r=offer.ref: take(store, p, f"b:{r}", 1000),
        )
        assert world.status(offer.ref) is OfferStatus.REOPENED
        assert sum(world.balances()) == BALANCE - AGREED + 1001
        assert world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS) == before
        assert world.blocking(offer.ref) == {False}
        assert hold(store)
    prove(database_url, now=NOON)


@pytest.mark.parametrize("first", [0, 1])
def test_the_last_unit_comes_while_the_first_goes(store: Store, database_url: str, first: int) -> None:
    """An accepted offer's sum is completed and broken at once: settled and reopened, or never settled."""
    for _ in range(REPEATS):
        world = a_late_account(store)
        offer = world.accept(world.propose(AGREED))
        world.pay_offer(offer, AGREED - 100)
        early = world.payments()[-1]
        ref = world.start(_arranged(world.refs[1:], 100), nonce=f"last-{offer.ref}")
        at_once(
            first,
            lambda w=world, r=ref: w.pay(r, 100),
            lambda p=early, r=offer.ref: take(store, p, f"a:{r}", 1),
        )
        assert world.status(offer.ref) in (OfferStatus.REOPENED, OfferStatus.ACCEPTED)
        assert sum(world.balances()) == BALANCE - AGREED + 1
        assert hold(store)
    prove(database_url, now=NOON)


def _arranged(refs: tuple[str, ...], minor: int) -> Choice:
    return Choice("arranged", "GBP", refs, gbp(minor))


@pytest.mark.parametrize("first", [0, 1])
def test_a_promise_is_kept_by_what_stays(store: Store, database_url: str, first: int) -> None:
    """Kept by two payments, one of which goes back while the other comes: kept only if enough is there."""
    for number in range(REPEATS):
        world = an_owing_account(store)
        made = store.run(
            lambda s, w=world: promises.promise(s, w.holder, s.merge(w.account), gbp(141840), ON, now=NOON)
        )
        one, two = (
            world.start(_chosen(world.refs[n : n + 1]), nonce=f"p{n}-{number}-{world.account.id}")
            for n in (0, 1)
        )
        world.told(one, RemoteState.SUCCEEDED, 57600)
        (paid,) = payments(world)
        at_once(
            first,
            lambda w=world, r=two: w.told(r, RemoteState.SUCCEEDED, 84240),
            lambda p=paid, r=made.ref: take(store, p, f"a:{r}"),
        )
        with store.read() as session:
            row = promises.find(session, world.holder, made.ref)
        # Kept first and then not enough: broken. Not enough from the first: it waits for its day.
        assert row.status in (PromiseStatus.BROKEN, PromiseStatus.OPEN)
        assert hold(store)
    prove(database_url, now=NOON)


def _chosen(refs: tuple[str, ...]) -> Choice:
    return Choice("chosen", "GBP", refs)
