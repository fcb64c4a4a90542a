"""`amicable ladder run`: chunk after chunk, by one process or several; nobody holds up another (FT-18)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from jobs import ladder_run
from models.accounts import Account
from models.calendars import CalendarDay
from models.ladder import LadderMeeting, LadderPosition, LadderStep
from models.store import Store
from models.work import Alert
from receivables import calendar_days
from tests import factories as make
from tests.conftest import NOON


@pytest.fixture(autouse=True)
def no_corrections() -> Iterator[None]:
    """Every test begins and ends with the calendars that ship."""
    calendar_days.correct([])
    yield
    calendar_days.correct([])


def a_house(url: str) -> Any:
    return SimpleNamespace(store=Store(url))


def debtors(store: Store, count: int) -> list[int]:
    """Accounts with one document each, a day late."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        accounts = [make.an_account(session, creditor) for _ in range(count)]
        for account in accounts:
            make.an_invoice(session, account, due_on=NOON.date() - timedelta(days=1))
        return [account.id for account in accounts]


def counted(store: Store) -> tuple[int, ...]:
    with store.read() as session:
        return tuple(
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (LadderStep, LadderMeeting, LadderPosition)
        )


def test_several_processes_do_the_work_once(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each account is looked at by one of them; afterwards nothing is left for another run."""
    monkeypatch.setattr(ladder_run, "CHUNK", 2)
    debtors(store, 5)
    house: Any = SimpleNamespace(store=store)
    told: list[tuple[int, int]] = []
    ran = ladder_run.run(
        house, now=NOON, workers=2, begin=partial(a_house, database_url),
        told=lambda done, of: told.append((done, of)),
    )  # fmt: skip
    assert (ran.climbed.looked_at, ran.climbed.proposed, ran.climbed.met, ran.trouble) == (5, 5, 5, 0)
    assert counted(store) == (5, 5, 5)
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert ladder_run.run(house, now=NOON).climbed.looked_at == 0


def test_one_account_in_trouble_holds_up_nobody(store: Store) -> None:
    """A chunk that fails is tried account by account; who failed is counted and tried at the next run."""
    ids = debtors(store, 3)
    with store.write() as session:
        session.get_one(Account, ids[1]).ladder = "nobody_wrote_this"
    house: Any = SimpleNamespace(store=store)
    ran = ladder_run.run(house, now=NOON)
    assert (ran.climbed.proposed, ran.trouble) == (2, 1)
    assert counted(store) == (2, 2, 2)
    assert ladder_run.run(house, now=NOON).trouble == 1


def test_a_run_keeps_days_off_that_were_added(store: Store) -> None:
    """Calendars: what a person corrected holds in a run from the command line too (C-05)."""
    debtors(store, 1)
    with store.write() as session:
        session.add(
            CalendarDay(
                country="GB", day_on=NOON.date(), name="Day of the founders", is_business_day=False,
                changed_at=NOON,
            )
        )  # fmt: skip
    house: Any = SimpleNamespace(store=store)
    assert ladder_run.run(house, now=NOON).climbed.met == 0
    assert ladder_run.run(house, now=NOON + timedelta(days=1)).climbed.met == 1


def test_a_place_that_nobody_knows_is_told_of_and_holds_up_nobody(store: Store) -> None:
    """Bad input: an unknown time zone is reported by name, once; all others climb."""
    first, second = debtors(store, 2)
    house: Any = SimpleNamespace(store=store)
    with store.write() as session:
        session.get_one(Account, first).zone = "Mars/Olympus"
    for day in (0, 3):  # new, and known
        ran = ladder_run.run(house, now=NOON + timedelta(days=day))
        assert ran.trouble == 1
    with store.read() as session:
        alert = session.scalars(select(Alert)).one()
        assert (alert.code, alert.account_id, alert.facts) == (
            "ladder_stumbles", first, {"why": "unknown_zone"},
        )  # fmt: skip
        assert set(session.scalars(select(LadderStep.account_id))) == {second}
