"""A part that was tried or missed by card starts anew: on its new day, with another card, or by link."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from models.arrangements import Instalment, Plan
from models.states import InstalmentStatus
from models.store import Store
from receivables.arrangements import cards, plan_changes, plan_days
from receivables.arrangements.decline_classes import DeclineKind, DeclineReason
from receivables.permissions import SYSTEM
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, noon_of


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


@pytest.fixture
def lite(sqlite_store: Store) -> PlanWorld:
    return an_owing_account(sqlite_store)


def decline(world: PlanWorld, plan: Plan, on: date, kind: DeclineKind = DeclineKind.SOFT) -> None:
    def fail(session: Session) -> None:
        part = session.get_one(Instalment, world.parts(plan)[0].id)
        plan_days.charge_failed(
            session, SYSTEM, part, kind=kind, reason=DeclineReason.NO_FUNDS, now=noon_of(on)
        )

    world.store.run(fail)


def move(world: PlanWorld, plan: Plan, days: int, on: date) -> date:
    to_on = world.parts(plan)[0].due_on + timedelta(days=days)
    world.store.run(
        lambda s: plan_changes.move_part(s, world.holder, plan.ref, seq=1, to_on=to_on, now=noon_of(on))
    )
    return world.parts(plan)[0].due_on


@pytest.mark.parametrize("kind", list(DeclineKind))
def test_a_part_moved_after_a_failed_try_is_tried_on_its_new_day(world: PlanWorld, kind: DeclineKind) -> None:
    """P-24: the tries were those of the old day; the new one has all of its own, and its letters."""
    plan = world.agreed(3)
    world.on_card(plan)
    first = world.parts(plan)[0].due_on
    decline(world, plan, first, kind)
    told = world.mails().count("card_refused")
    new = move(world, plan, 10, first)
    part = world.parts(plan)[0]
    assert (part.tries, part.last_failure, part.next_try_on) == (0, None, None)
    world.daily(new)
    assert (world.charges(new - timedelta(days=1)), world.charges(new)) == ([], [part.id])
    decline(world, plan, new, kind)
    assert world.mails().count("card_refused") == 2 * told


def test_a_part_missed_by_a_card_that_was_removed_is_asked_for_by_link(world: PlanWorld) -> None:
    """Missed while a card was to pay it, and never charged (its account stood still): a link asks for it."""
    plan = world.agreed(3)
    card = world.on_card(plan)
    due = world.parts(plan)[0].due_on
    world.daily(due + timedelta(days=1))
    missed = world.parts(plan)[0]
    assert (missed.status, missed.tries, missed.next_try_on) == (InstalmentStatus.MISSED, 0, None)
    on = due + timedelta(days=1)
    world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=noon_of(on)))
    assert world.parts(plan)[0].next_try_on == due + timedelta(days=3)
    world.days(on + timedelta(days=1), due + timedelta(days=12))
    assert world.mails().count("instalment_missed") == 2 * 2  # twice, by mail and by SMS


def test_a_refused_part_is_asked_for_by_link(lite: PlanWorld) -> None:
    """No further try by card was planned; who pays by link from now on is asked on the next day."""
    plan = lite.agreed(3)
    lite.on_card(plan)
    due = lite.parts(plan)[0].due_on
    decline(lite, plan, due, DeclineKind.HARD)
    lite.days(due + timedelta(days=1), due + timedelta(days=7))
    assert lite.mails().count("instalment_missed") == 0
    on = due + timedelta(days=7)
    lite.store.run(lambda s: plan_changes.pay_by_link(s, lite.holder, plan.ref, now=noon_of(on)))
    lite.daily(on + timedelta(days=1))
    assert lite.mails().count("instalment_missed") == 2


def test_parts_to_come_are_not_asked_for_early(lite: PlanWorld) -> None:
    plan = lite.agreed(3)
    card = lite.on_card(plan)
    lite.store.run(lambda s: cards.remove(s, lite.holder, card.ref, now=noon_of(lite.parts(plan)[0].due_on)))
    assert [part.next_try_on is None for part in lite.parts(plan)] == [False, True, True]


def test_a_card_named_for_a_late_part_is_charged_the_same_day(lite: PlanWorld) -> None:
    """The page says that what is due is charged today, also of a part that was to be paid by link."""
    plan = lite.agreed(3)
    due = lite.parts(plan)[0].due_on
    lite.daily(due + timedelta(days=1))
    lite.on_card(plan, now=noon_of(due + timedelta(days=1)))
    assert lite.charges(due + timedelta(days=1)) == [lite.parts(plan)[0].id]
