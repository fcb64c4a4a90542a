"""The ladder at the desk: its batches, its switch, the stop of all sending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.ladder import LadderMode, LadderStep
from models.staff import Role
from models.states import StepStatus
from receivables import switches
from receivables.ladder import steps
from receivables.ladder.choosing import ladders_in_force
from receivables.policy import default_policy
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words


@pytest.fixture
def proposed(desk: Desk, tidewater: Account) -> LadderStep:
    """One proposed first reminder at tidewater."""
    with desk.store.write() as s:
        steps.climb(s, [tidewater.id], ladders=ladders_in_force(s, NOON), policy=default_policy(), now=NOON)
        return s.scalars(select(LadderStep).order_by(LadderStep.id)).all()[0]


def test_what_waits_is_listed_and_decided(desk: Desk, proposed: LadderStep) -> None:
    """Go-live without regret: counts, samples, and a batch approved with one press."""
    collector = desk.at(Role.COLLECTOR)
    page = words(collector.get("/desk/ladder"))
    assert "First reminder" in page
    assert "Every rung waits here for a person." in page
    answer = collector.post("/desk/ladder/approve", {"ladder": proposed.ladder, "rung": proposed.rung})
    assert answer.status_code == 303
    with desk.store.read() as s:
        assert s.get_one(LadderStep, proposed.id).status is StepStatus.DONE


def test_a_no_needs_its_reason(desk: Desk, proposed: LadderStep) -> None:
    collector = desk.at(Role.COLLECTOR)
    collector.get("/desk/ladder")
    assert collector.post(f"/desk/ladder/steps/{proposed.ref}/refuse", {}).status_code == 422
    said = {"reason": "He rang; the transfer is on its way"}
    assert collector.post(f"/desk/ladder/steps/{proposed.ref}/refuse", said).status_code == 303
    with desk.store.read() as s:
        assert s.get_one(LadderStep, proposed.id).status is StepStatus.REFUSED


def test_stop_and_go(desk: Desk, tidewater: Account) -> None:
    """Anybody who chases may stop all sending; only a supervisor lets it go again."""
    collector = desk.at(Role.COLLECTOR)
    collector.get("/desk/ladder")
    assert collector.post("/desk/ladder/stop", {"reason": "Wrong bank details"}).status_code == 303
    with desk.store.read() as s:
        assert switches.sending_stopped(s)
    assert "All sending is stopped." in words(collector.get("/desk/ladder"))
    boss = desk.at(Role.SUPERVISOR)
    boss.get("/desk/ladder")
    assert boss.post("/desk/ladder/resume", {"reason": "Mended"}).status_code == 303
    form = {"mode": "live", "ceiling": "500", "reason": "The trial is over"}
    assert boss.post("/desk/ladder/switch", form).status_code == 303
    with desk.store.read() as s:
        switch = switches.in_force(s)
    assert (switch.sending_stopped, switch.mode, switch.daily_ceiling) == (False, LadderMode.LIVE, 500)
    assert switch.set_at is not None
    assert switch.set_at - NOON < timedelta(days=1)
