"""A charge that was written down and not made: what the debtor or the law ended is never sent later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.accounts import AccountFlag, FlagKind
from models.arrangements import Plan, SavedCard
from models.payments import Payment, PaymentAttempt
from models.states import AttemptStatus, InstalmentStatus
from models.store import Store
from models.work import Task
from receivables import flags
from receivables.arrangements import cards, charging, plan_changes
from receivables.arrangements.charge_stops import STOPS_CHARGES
from receivables.payments import sweeping
from receivables.permissions import SYSTEM
from receivables.ports import RemoteState
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, gbp, noon_of

Change = Callable[[PlanWorld, Plan, SavedCard, datetime], object]


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


@pytest.fixture
def lite(sqlite_store: Store) -> PlanWorld:
    return an_owing_account(sqlite_store)


def written_down(world: PlanWorld) -> tuple[Plan, SavedCard, PaymentAttempt, datetime]:
    """A plan by card whose first charge was committed by a worker that died before the call (FT-01)."""
    plan = world.agreed(3)
    card = world.on_card(plan)
    due = world.parts(plan)[0]
    at = noon_of(due.due_on)
    attempt = world.store.run(lambda s: charging._reserve(s, ToldGateway(), SYSTEM, due.id, now=at))
    assert attempt is not None
    return plan, card, attempt, at


def swept(world: PlanWorld, *truths: object, now: datetime) -> list[str]:
    """Let the sweeper look after what is open; returns what the gateway was asked."""
    gateway = ToldGateway(list(truths))  # type: ignore[arg-type]
    sweeping.sweep(world.store, gateway, gateway_account="default", now=now)
    return gateway.calls


def flag(world: PlanWorld, kind: FlagKind, at: datetime) -> None:
    with world.store.write() as session:
        session.add(
            AccountFlag(
                account_id=world.account.id, kind=kind, from_on=at.date(), to_on=None, source="letter",
                created_at=at,
            )
        )  # fmt: skip


def by_link(world: PlanWorld, plan: Plan, card: SavedCard, at: datetime) -> object:
    return world.store.run(lambda s: plan_changes.pay_by_link(s, world.holder, plan.ref, now=at))


def another_card(world: PlanWorld, plan: Plan, card: SavedCard, at: datetime) -> object:
    return world.on_card(plan, last4="4444", now=at)


def removed(world: PlanWorld, plan: Plan, card: SavedCard, at: datetime) -> object:
    return world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=at))


def moved(world: PlanWorld, plan: Plan, card: SavedCard, at: datetime) -> object:
    to_on = world.parts(plan)[0].due_on + timedelta(days=7)
    return world.store.run(
        lambda s: plan_changes.move_part(s, world.holder, plan.ref, seq=1, to_on=to_on, now=at)
    )


@pytest.mark.parametrize("change", [by_link, another_card, removed, moved])
def test_what_the_debtor_ended_is_not_charged_afterwards(world: PlanWorld, change: Change) -> None:
    """P-01, decisions 11, 14: the stored call is searched for and never sent; the part counts no try."""
    plan, card, attempt, at = written_down(world)
    change(world, plan, card, at + timedelta(seconds=10))
    assert swept(world, now=at + timedelta(minutes=5)) == ["find"]
    with world.store.read() as session:
        assert session.get_one(PaymentAttempt, attempt.id).status is AttemptStatus.FAILED
        assert session.scalars(select(Payment)).all() == []
    first = world.parts(plan)[0]
    assert (first.tries, first.status) == (0, InstalmentStatus.SCHEDULED)
    later = first.due_on
    assert world.charges(later) == ([] if change in (by_link, removed) else [first.id])


def test_what_was_taken_nevertheless_is_found(world: PlanWorld) -> None:
    """The call had been made when he changed his mind: its money is found by the search and booked."""
    plan, card, attempt, at = written_down(world)
    by_link(world, plan, card, at + timedelta(seconds=10))
    charge = a_charge(attempt.ref, gbp(attempt.amount_minor))
    truth = a_truth(attempt.ref, RemoteState.SUCCEEDED, charge)
    assert swept(world, truth, now=at + timedelta(minutes=5)) == ["find"]
    assert world.statuses(plan)[0] == "paid"


def test_another_part_moved_leaves_the_charge(lite: PlanWorld) -> None:
    """Only the charge of the part that was moved is ended."""
    plan, _, attempt, at = written_down(lite)
    second = lite.parts(plan)[1].due_on + timedelta(days=7)
    lite.store.run(lambda s: plan_changes.move_part(s, lite.holder, plan.ref, seq=2, to_on=second, now=at))
    charge = a_charge(attempt.ref, gbp(attempt.amount_minor))
    truth = a_truth(attempt.ref, RemoteState.SUCCEEDED, charge)
    assert swept(lite, truth, now=at + timedelta(minutes=5)) == ["charge"]
    assert lite.statuses(plan)[0] == "paid"


@pytest.mark.parametrize("kind", sorted(STOPS_CHARGES))
def test_whom_the_law_protects_meanwhile_is_not_charged(lite: PlanWorld, kind: FlagKind) -> None:
    """requirements 5: the fact came between the row and the call; the stored call is not sent either."""
    plan, _, _, at = written_down(lite)
    flag(lite, kind, at)
    assert swept(lite, now=at + timedelta(minutes=5)) == ["find"]
    assert lite.statuses(plan)[0] == "scheduled"


#: requirements 5, "Default suppression matrix", column plan autopay; a task is as good as a stop here.
AUTOPAY = {
    FlagKind.ATTORNEY: False,
    FlagKind.BANKRUPTCY: False,
    FlagKind.BREATHING_SPACE: False,
    FlagKind.CEASE_REQUEST: True,
    FlagKind.DECEASED: False,
    FlagKind.LEGAL_HOLD: True,
    FlagKind.MENTAL_HEALTH_CRISIS: False,
    FlagKind.MINOR: False,
    FlagKind.VULNERABILITY: False,
    FlagKind.WRONG_PARTY: False,
}


@pytest.mark.parametrize("kind", list(FlagKind))
def test_autopay_follows_the_matrix(lite: PlanWorld, kind: FlagKind) -> None:
    """C-05: each fact that may stand about an account; where nothing is taken a person hears of it once."""
    plan = lite.agreed(3)
    lite.on_card(plan)
    due = lite.parts(plan)[0]
    at = noon_of(due.due_on)
    flag(lite, kind, at)
    for _ in range(2):
        started = lite.store.run(lambda s: charging._reserve(s, ToldGateway(), SYSTEM, due.id, now=at))
        assert (started is not None) == AUTOPAY[kind]
        if started:
            break
    with lite.store.read() as session:
        whys = [task.facts["why"] for task in session.scalars(select(Task))]
    assert whys == ([] if AUTOPAY[kind] else [flags.spoken(f"flag:{kind.value}")])


def test_what_is_on_its_way_is_not_charged_a_second_time(lite: PlanWorld) -> None:
    """Matrix, "bank debit processing": what comes by another way is left out of the charge."""
    plan = lite.agreed(3)
    ref = lite.start(lite.choice(plan, "next"), nonce="debit")
    lite.told(ref, RemoteState.PROCESSING)
    lite.on_card(plan)
    due = lite.parts(plan)[0].due_on
    assert lite.charges(due) == []
    lite.told(ref, RemoteState.FAILED)
    assert len(lite.charges(due)) == 1
