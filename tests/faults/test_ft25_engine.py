"""FT-25: the plan engine under fire: two of it at once, killed between charge and record, a card whose bank
asks, a plan that is cancelled while it is charged (INV-3, INV-4, INV-12; M-15, P-24).

The engine is `amicable daily` as the process it is; web and workers of the product run beside it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from models.arrangements import PaysBy
from models.messages import Message
from models.staff import Role
from models.states import AttemptStatus, InstalmentStatus, PlanStatus
from receivables.arrangements import plan_ends
from tests import factories as make
from tests.effort import LONG
from tests.faults.waiting import PATIENCE, await_
from tests.faults.works import ROOT, Works, now
from tests.receivables.arrangements.card_world import ALWAYS, World, a_world
from tests.standins import pay_on_page

REPEATS = 50 if LONG else 1
#: The part that is due, minor units.
PART = 60000


@pytest.fixture
def engines(works: Works) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The engines that a test has started; none outlives it."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)


def begin(works: Works, engines: list[subprocess.Popen[bytes]], count: int) -> None:
    """Start so many engines at once."""
    with (works.folder / "engine.log").open("ab") as sink:
        engines += [
            subprocess.Popen(
                [sys.executable, "-m", "jobs.commands", "daily"], cwd=ROOT, env=works.environment,
                stdout=sink, stderr=sink,
            )
            for _ in range(count)
        ]  # fmt: skip


def ended(engines: list[subprocess.Popen[bytes]]) -> list[int]:
    """Wait for all that were started; how each ended."""
    codes = [process.wait(PATIENCE) for process in engines]
    engines.clear()
    return codes


def a_plan(works: Works) -> World:
    """A plan by card over £1,800.00 in three parts, the first of which is due."""
    world = a_world(works.house.store, works.stripe)
    world.save()
    return world


def assert_charged_once(world: World) -> None:
    """One charge at the gateway, one payment here, one part paid by it."""
    assert world.taken() == PART
    assert [c.credited for c in world.charges()] == [True]
    assert [world.part(seq).status for seq in (1, 2, 3)] == [
        InstalmentStatus.PAID, InstalmentStatus.SCHEDULED, InstalmentStatus.SCHEDULED,
    ]  # fmt: skip
    assert world.unapplied() == []
    assert world.hold()


def test_two_engines_charge_one_part_once(works: Works, engines: list[subprocess.Popen[bytes]]) -> None:
    """Two workers, the same instalment: the second finds the first one's row (P-01, M-07)."""
    for _ in range(REPEATS):
        world = a_plan(works)
        begin(works, engines, 2)
        assert ended(engines) == [0, 0]
        works.quiet()
        assert len(world.attempts()) == 1
        assert_charged_once(world)
    works.prove()


@pytest.mark.parametrize(
    "point", ["attempt.after_commit", "charge.after_call", "settle.before_commit", "settle.after_commit"]
)
def test_killed_between_charge_and_record(
    works: Works, engines: list[subprocess.Popen[bytes]], point: str
) -> None:
    """INV-4: whoever was to take the money, or to write it down, is dead: it is found, and taken once."""
    world = a_plan(works)
    works.strike(point, "kill")
    begin(works, engines, 1)
    codes = ended(engines)
    works.await_struck()  # of settling a worker of the product may be the one that dies
    assert point.startswith("settle.") or codes == [-9]
    begin(works, engines, 2)
    assert ended(engines) == [0, 0]
    works.quiet()
    assert_charged_once(world)
    works.prove()


def test_a_lost_answer_is_no_second_charge(works: Works, engines: list[subprocess.Popen[bytes]]) -> None:
    """Nobody knows whether it was taken: the next engine does not try anew, the sweeper asks."""
    world = a_plan(works)
    works.stripe.fault("payment_intents.create", "timeout_after", count=3)
    begin(works, engines, 1)
    assert ended(engines) == [0]
    works.stripe.control("clear_faults")
    begin(works, engines, 2)
    assert ended(engines) == [0, 0]
    works.quiet()
    assert len(world.attempts()) == 1
    assert_charged_once(world)
    works.prove()


def test_a_card_whose_bank_asks(works: Works, engines: list[subprocess.Popen[bytes]]) -> None:
    """P-24: the plan stays, nothing is tried again by itself; he confirms it by his link, and it is paid."""
    world = a_plan(works)
    world.becomes("challenge_always")
    for _ in range(2):
        begin(works, engines, 2)
        assert ended(engines) == [0, 0]
    (attempt,) = world.attempts()
    assert (attempt.status, attempt.failure_code) == (AttemptStatus.FAILED, "authentication_required")
    assert (world.now_plan().status, world.part().next_try_on) == (PlanStatus.ACTIVE, None)
    told = works.look(
        lambda s: s.scalars(
            select(Message.kind).where(Message.account_id == world.account.id, Message.kind == "card_refused")
        ).all()
    )
    assert told == ["card_refused"]
    started = world.start()
    assert started.url is not None
    pay_on_page(started.url, ALWAYS)
    await_("the part is paid", lambda: world.part().status is InstalmentStatus.PAID)
    assert world.taken() == PART
    works.prove()


def test_a_plan_cancelled_while_it_is_charged(works: Works, engines: list[subprocess.Popen[bytes]]) -> None:
    """What was taken for a plan that ended meanwhile pays its documents, once; no further part is taken."""
    world = a_plan(works)
    desk = works.house.store.run(lambda s: make.staff_actor(make.a_person(s, Role.SUPERVISOR)))
    works.strike("charge.after_call", "sleep")
    begin(works, engines, 1)
    await_("the money is taken", lambda: world.taken() == PART)
    works.house.store.run(
        lambda s: plan_ends.cancel(s, desk, world.plan.ref, reason="he has sold the shop", now=now())
    )
    assert ended(engines) == [0]
    begin(works, engines, 1)
    assert ended(engines) == [0]
    works.quiet()
    plan = world.now_plan()
    assert (plan.status, world.taken()) == (PlanStatus.CANCELLED, PART)
    assert plan.pays_by is PaysBy.CARD
    assert works.open_minor(world.account) == 180000 - PART
    assert [c.credited for c in world.charges()] == [False]
    assert world.unapplied() == []
    assert world.hold()
    works.prove()
