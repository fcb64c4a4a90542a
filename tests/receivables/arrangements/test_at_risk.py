"""What "at risk" means, case by case (issue D, part 8; policy [at_risk])."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Promise, SavedCard
from models.money import Money
from models.states import PromiseStatus, advance
from models.store import Store
from receivables.arrangements import promise_desk, promises
from receivables.arrangements.at_risk import PlanRisk, PromiseRisk, ends_by, plans_at_risk, promises_at_risk
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, noon_of

TODAY = date(2026, 11, 19)
GBP = "GBP"


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


def promised(world: PlanWorld, on: date, minor: int = 50000, *, status: PromiseStatus | None = None) -> int:
    """A promise that is open, or was judged yesterday."""

    def unit(s: Session) -> int:
        row = Promise(
            account_id=world.account.id, amount_minor=minor, currency=GBP, promised_on=on,
            status=PromiseStatus.OPEN, made_at=noon_of(TODAY - timedelta(days=3)),
        )  # fmt: skip
        s.add(row)
        s.flush()
        if status is not None:
            advance(row, status)
            row.judged_at = noon_of(TODAY - timedelta(days=1))
        return row.id

    return world.store.run(unit)


def risks(world: PlanWorld, on: date = TODAY) -> list[tuple[PromiseRisk, ...]]:
    with world.store.read() as s:
        return list(promises_at_risk(s, now=noon_of(on)).values())


@pytest.mark.parametrize(
    ("days", "broken", "found"),
    [
        (2, 1, [(PromiseRisk.SOON_AFTER_BROKEN,)]),
        (3, 1, []),  # not so soon
        (0, 1, [(PromiseRisk.SOON_AFTER_BROKEN,)]),
        (2, 0, []),  # none was broken before
        (-1, 0, [(PromiseRisk.IN_GRACE,)]),
        (-1, 1, [(PromiseRisk.SOON_AFTER_BROKEN, PromiseRisk.IN_GRACE)]),
    ],
)
def test_a_promise(world: PlanWorld, days: int, broken: int, found: list[tuple[PromiseRisk, ...]]) -> None:
    for _ in range(broken):
        promised(world, TODAY - timedelta(days=20), status=PromiseStatus.BROKEN)
    promised(world, TODAY + timedelta(days=days))
    assert risks(world) == found


def test_a_promise_that_was_kept_before_is_none(world: PlanWorld) -> None:
    promised(world, TODAY - timedelta(days=20), status=PromiseStatus.KEPT)
    promised(world, TODAY + timedelta(days=1))
    assert risks(world) == []


def test_money_that_came_or_is_on_its_way_takes_the_risk_away(world: PlanWorld) -> None:
    """A started payment counts, also before it is settled."""
    promised(world, TODAY - timedelta(days=1))
    assert risks(world) == [(PromiseRisk.IN_GRACE,)]
    plan = world.agreed(3)
    world.start(world.choice(plan, "next"), nonce="one", now=noon_of(TODAY))
    assert risks(world) == []


def plan_risks(world: PlanWorld, on: date) -> list[tuple[PlanRisk, ...]]:
    with world.store.read() as s:
        return list(plans_at_risk(s, now=noon_of(on)).values())


def test_a_plan_with_a_missed_part(world: PlanWorld) -> None:
    plan = world.agreed(3)
    first = world.parts(plan)[0].due_on
    assert plan_risks(world, first) == []
    world.daily(first + timedelta(days=1))
    assert plan_risks(world, first + timedelta(days=1)) == [(PlanRisk.MISSED_PART,)]
    world.pay(plan, "late", on=first + timedelta(days=1))
    assert plan_risks(world, first + timedelta(days=1)) == []


def test_a_plan_whose_card_ends(world: PlanWorld) -> None:
    plan = world.agreed(3)
    card = world.on_card(plan)
    assert plan_risks(world, TODAY) == []
    with world.store.write() as s:
        row = s.get_one(SavedCard, card.id)
        row.expires_year, row.expires_month = 2026, 12
    assert plan_risks(world, TODAY) == [(PlanRisk.CARD_ENDS,)]


def test_a_plan_whose_card_was_refused(world: PlanWorld) -> None:
    plan = world.agreed(3)
    world.on_card(plan)
    with world.store.write() as s:
        part = s.merge(world.parts(plan)[0])
        part.tries, part.last_failure = 1, "declined"
    assert plan_risks(world, TODAY) == [(PlanRisk.CARD_REFUSED,)]


@pytest.mark.parametrize(
    ("day", "ends"), [(date(2026, 12, 31), False), (date(2027, 1, 1), True), (date(2028, 5, 5), True)]
)
def test_a_card_ends_with_its_last_month(day: date, ends: bool) -> None:
    assert ends_by(2026, 12, day) is ends
    assert not ends_by(None, None, day)


def test_the_desk_shows_each_kind_once_with_its_sum(world: PlanWorld) -> None:
    """Sums per currency; a broken promise is shown until another one follows it."""
    promised(world, TODAY - timedelta(days=20), 30000, status=PromiseStatus.BROKEN)

    def shown(show: promise_desk.Show) -> list[int]:
        with world.store.read() as s:
            found = promise_desk.promises(s, world.collector, show=show, now=noon_of(TODAY))
            assert sum(row.amount.minor for row in found.rows) == sum(t.amount.minor for t in found.totals)
            return [row.amount.minor for row in found.rows]

    assert shown(promise_desk.Show.BROKEN) == [30000]
    promised(world, TODAY, 50000)
    assert shown(promise_desk.Show.BROKEN) == []
    assert shown(promise_desk.Show.DUE) == [50000]
    assert shown(promise_desk.Show.OPEN) == [50000]
    assert shown(promise_desk.Show.RISK) == [50000]


def test_what_came_since_is_shown(world: PlanWorld) -> None:
    """One statement for all rows counts what `promise_ends.received` counts for one."""
    on = TODAY + timedelta(days=7)
    row = world.store.run(
        lambda s: promises.promise(
            s, world.collector, s.get_one(Account, world.account.id), Money(141840, GBP), on,
            contact_id=world.contact.id, now=noon_of(TODAY),
        )
    )  # fmt: skip
    assert (row.recorded_by_id, row.contact_id) == (world.collector.id, world.contact.id)
    with world.store.read() as s:
        shown = promise_desk.promise(s, world.collector, row.ref, now=noon_of(TODAY))
    assert (shown.received.minor, shown.amount.minor, shown.giver) == (0, 141840, world.contact.name)
