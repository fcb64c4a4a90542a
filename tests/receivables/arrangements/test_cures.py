"""A defaulted plan is cured or ended, never neither; a new plan takes its place."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from models.arrangements import Every, Plan
from models.audit import AuditEntry
from models.pauses import PauseReason
from models.states import InstalmentStatus, PlanStatus
from models.store import Store
from models.work import Task
from receivables import credit_notes
from receivables.calendar_days import at_local
from receivables.payments import settling
from receivables.ports import RemoteState
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, gbp, noon_of


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


def until(world: PlanWorld, plan: Plan, status: PlanStatus, day: date) -> date:
    """Do each day's work until the plan has a status; returns the day after."""
    for _ in range(60):
        world.daily(day)
        day += timedelta(days=1)
        if world.plan(plan).status is status:
            return day
    raise AssertionError(world.plan(plan).status)


def defaulted(world: PlanWorld, parts: int = 6) -> tuple[Plan, date]:
    """A plan that has just defaulted, and the last day on which it can be cured."""
    plan = world.agreed(parts, every=Every.FORTNIGHT)
    until(world, plan, PlanStatus.DEFAULTED, world.parts(plan)[0].due_on)
    last = world.plan(plan).cure_until_on
    assert last is not None
    return plan, last


def late_of(world: PlanWorld, plan: Plan) -> int:
    return sum(p.amount_minor for p in world.parts(plan) if p.status is InstalmentStatus.MISSED)


def ends(world: PlanWorld) -> list[str]:
    """Why plans ended, as the audit has it."""
    with world.store.read() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.code == "plan.ended").order_by(AuditEntry.id)
        )
        return [json.loads(row.payload)["facts"]["why"] for row in rows]


def debit(world: PlanWorld, plan: Plan, begun: datetime) -> tuple[str, int]:
    """Pay what is late by a bank debit, which is on its way then."""
    choice = world.choice(plan, "late", on=begun.date())
    assert choice.amount is not None
    ref = world.start(choice, nonce=f"cure-{plan.ref}", now=begun)
    world.told(ref, RemoteState.PROCESSING, now=begun)
    return ref, choice.amount.minor


def lands(world: PlanWorld, ref: str, minor: int, *, taken: datetime, now: datetime) -> None:
    """The money of a debit comes; the gateway dates it by `taken`."""
    charge = replace(a_charge(ref, gbp(minor)), taken_at=taken)
    truth = a_truth(ref, RemoteState.SUCCEEDED, charge)
    settling.settle(world.store, ToldGateway([truth]), ref, now=now)


def test_money_begun_on_the_last_day_cures_when_it_comes(world: PlanWorld) -> None:
    """domain.md: deadlines look at when money was initiated, whenever we learn of it."""
    plan, last = defaulted(world)
    ref, minor = debit(world, plan, at_local(last, time(23, 50), "Europe/London"))
    world.days(last + timedelta(days=1), last + timedelta(days=4))
    waiting = world.plan(plan)
    assert (waiting.status, waiting.ended_at) == (PlanStatus.DEFAULTED, None)
    came = noon_of(last + timedelta(days=5))
    lands(world, ref, minor, taken=came, now=came)
    cured = world.plan(plan)
    assert (cured.status, cured.cure_until_on, world.blocking(plan)) == (PlanStatus.ACTIVE, None, {True})
    assert world.paused(PauseReason.PLAN, last + timedelta(days=5)) == 2
    assert ends(world) == []


def test_money_begun_after_the_last_day_ends_it_when_it_comes(world: PlanWorld) -> None:
    """All parts that were late are paid, and too late: ended, recorded, freed; it waits for nobody more."""
    plan, last = defaulted(world)
    after = at_local(last + timedelta(days=1), time(0, 10), "Europe/London")
    ref, minor = debit(world, plan, after)
    world.days(last + timedelta(days=1), last + timedelta(days=4))
    assert world.plan(plan).ended_at is None  # what is on its way is waited for
    lands(world, ref, minor, taken=after, now=noon_of(last + timedelta(days=5)))
    over = world.plan(plan)
    assert over.status is PlanStatus.DEFAULTED
    assert over.ended_at is not None
    assert (world.blocking(plan), ends(world)) == ({False}, ["cured_late"])
    world.daily(last + timedelta(days=6))
    assert ends(world) == ["cured_late"]


def test_a_debit_that_fails_after_the_last_day_ends_it(world: PlanWorld) -> None:
    plan, last = defaulted(world)
    ref, _ = debit(world, plan, noon_of(last))
    world.daily(last + timedelta(days=1))
    world.told(ref, RemoteState.FAILED, now=noon_of(last + timedelta(days=2)))
    world.daily(last + timedelta(days=2))
    assert (world.blocking(plan), ends(world)) == ({False}, ["not_cured"])


def test_a_credit_of_the_last_day_cures(world: PlanWorld) -> None:
    """Whether it is counted at once or with the next day's work."""
    plan, last = defaulted(world)
    late = late_of(world, plan)
    world.store.run(
        lambda s: credit_notes.record_credit_note(
            s, world.supervisor, world.refs[1], number="CN-9", amount=gbp(late), reason="agreed",
            now=noon_of(last),
        )
    )  # fmt: skip
    world.daily(last + timedelta(days=1))
    assert (world.plan(plan).status, world.blocking(plan)) == (PlanStatus.ACTIVE, {True})


def test_a_credit_after_the_last_day_does_not(world: PlanWorld) -> None:
    plan, last = defaulted(world)
    late = late_of(world, plan)
    day = last + timedelta(days=1)
    world.store.run(
        lambda s: credit_notes.record_credit_note(
            s, world.supervisor, world.refs[1], number="CN-9", amount=gbp(late), reason="agreed",
            now=noon_of(day),
        )
    )  # fmt: skip
    world.daily(day)
    assert world.plan(plan).status is PlanStatus.DEFAULTED
    assert (world.blocking(plan), ends(world)) == ({False}, ["cured_late"])


def test_a_new_plan_takes_the_place_of_one_in_its_last_days(world: PlanWorld) -> None:
    """Decision 12: the old one is ended, recorded and frees its invoices before the new one holds them."""
    old, last = defaulted(world)
    day = last - timedelta(days=2)
    draft = world.propose(3, first_on=day + timedelta(days=10), now=noon_of(day))
    new = world.accept(draft, now=noon_of(day))
    assert new.status is PlanStatus.ACTIVE
    assert (world.blocking(old), world.blocking(new), ends(world)) == ({False}, {True}, ["new_plan"])
    assert world.paused(PauseReason.PLAN, day) == 2
    world.pay(new, on=day)
    ended = world.plan(old)
    assert (ended.status, ended.ended_at) == (PlanStatus.DEFAULTED, noon_of(day))


def test_a_second_default_asks_a_person_again(sqlite_store: Store) -> None:
    """The first task was done long ago; the plan stopped again, which is another cause."""
    world = an_owing_account(sqlite_store)
    plan = world.agreed(6, every=Every.WEEK)
    day = until(world, plan, PlanStatus.DEFAULTED, world.parts(plan)[0].due_on)
    world.daily(day)
    world.pay(plan, "late", on=day)
    assert world.plan(plan).status is PlanStatus.ACTIVE
    with world.store.write() as session:
        (task,) = session.scalars(select(Task))
        task.done_at = noon_of(day)
    until(world, plan, PlanStatus.DEFAULTED, day)
    with world.store.read() as session:
        waiting = session.scalars(select(Task).where(Task.done_at.is_(None))).all()
    assert [task.facts["why"] for task in waiting] == ["defaulted"]
