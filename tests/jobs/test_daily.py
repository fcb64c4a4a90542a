"""Daily work: once for each account and business date, whoever runs and however often (decision 22)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House, assemble
from config import Settings
from jobs import commands, daily
from jobs.daily import GatewayWork, Work
from models.accounts import Account
from models.arrangements import DailyRun
from models.store import Store
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.fakes import ToldGateway
from tests.races import together


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    settings = Settings.load(
        AMICABLE_ENV="test", SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=tmp_path, DATABASE_URL=database_url
    )
    house = replace(assemble(settings), gateways={"default": ToldGateway()})
    yield house
    house.store.dispose()


@pytest.fixture
def own_log() -> Iterator[None]:
    """What a command sets up for its log goes with the test, whose output it writes to."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def accounts(store: Store, *zones: str) -> list[Account]:
    with store.write() as session:
        creditor = make.a_creditor(session)
        return [make.an_account(session, creditor, zone=zone) for zone in zones]


class Diary:
    """A piece of work that writes down for whom and which day it was done, in the books themselves."""

    def __init__(self, name: str = "diary", *, fails_for: int | None = None) -> None:
        self.name, self.fails_for = name, fails_for
        self.done: list[tuple[int, date]] = []

    def concerned(self, session: Session, latest: date) -> list[int]:
        return list(session.scalars(select(Account.id)))

    def do(self, session: Session, account: Account, *, today: date, now: datetime) -> None:
        if account.id == self.fails_for:
            raise RuntimeError("one bad account")
        account.pay_days = f"{account.pay_days or ''}{today} "
        self.done.append((account.id, today))

    @property
    def work(self) -> Work:
        return Work(self.name, self.concerned, self.do)


def diaries(store: Store) -> dict[int, str | None]:
    with store.read() as session:
        return {a.id: a.pay_days for a in session.scalars(select(Account))}


def only(monkeypatch: pytest.MonkeyPatch, *work: Work, gateway: tuple[GatewayWork, ...] = ()) -> None:
    monkeypatch.setattr(daily, "DAILY", work)
    monkeypatch.setattr(daily, "WITH_GATEWAY", gateway)


def test_each_account_by_its_own_day_and_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 10:00 UTC it is the 19th in London and the 20th on Kiritimati."""
    diary = Diary()
    only(monkeypatch, diary.work)
    london, far = accounts(house.store, "Europe/London", "Pacific/Kiritimati")
    assert daily.run(house, now=NOON) == {
        "diary": 2,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 0,
    }
    assert diaries(house.store) == {london.id: "2026-11-19 ", far.id: "2026-11-20 "}
    assert daily.run(house, now=NOON + timedelta(hours=1)) == {
        "diary": 0,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 0,
    }
    assert daily.run(house, now=NOON + timedelta(hours=14)) == {
        "diary": 1,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 0,
    }
    assert diaries(house.store)[london.id] == "2026-11-19 2026-11-20 "
    assert diaries(house.store)[far.id] == "2026-11-20 "


def test_after_missed_days_it_goes_on_with_today(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    diary = Diary()
    only(monkeypatch, diary.work)
    (account,) = accounts(house.store, "Europe/London")
    daily.run(house, now=NOON)
    daily.run(house, now=NOON + timedelta(days=5))
    assert diaries(house.store) == {account.id: "2026-11-19 2026-11-24 "}
    daily.run(house, now=NOON, on=date(2026, 11, 21))
    assert diaries(house.store)[account.id] == "2026-11-19 2026-11-24 2026-11-21 "


def test_two_workers_do_a_day_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts in the same second: the claim and the work are one unit."""
    diary = Diary()
    only(monkeypatch, diary.work)
    found = accounts(house.store, *["Europe/London"] * 3)
    for number in range(REPEATS):
        now = NOON + timedelta(days=number)
        outcomes = together(4, lambda n, now=now: daily.run(house, now=now))
        assert sum(o["diary"] for o in outcomes if isinstance(o, dict)) == 3, outcomes
        assert all(isinstance(o, dict) and o["trouble"] == 0 for o in outcomes), outcomes
    for account in found:
        days = (diaries(house.store)[account.id] or "").split()
        assert len(days) == len(set(days)) == REPEATS


def test_one_bad_account_holds_up_nobody_and_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails leaves no claim, so the next run takes it up."""
    first, second = accounts(house.store, "Europe/London", "Europe/London")
    diary = Diary(fails_for=first.id)
    only(monkeypatch, diary.work)
    assert daily.run(house, now=NOON) == {
        "diary": 1,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 1,
    }
    with house.store.read() as session:
        assert [run.account_id for run in session.scalars(select(DailyRun))] == [second.id]
    diary.fails_for = None
    assert daily.run(house, now=NOON + timedelta(hours=1)) == {
        "diary": 1,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 0,
    }


def test_gateway_work_is_asked_at_every_run_and_outside_a_unit(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-08: no call inside a unit of work; without keys nobody is asked (decision 24)."""
    asked: list[tuple[int, date, Any]] = []

    def charge(store: Store, gateway: Any, account_id: int, *, today: date, now: datetime) -> bool:
        store.run(lambda s: None)  # its own units do not nest in ours
        asked.append((account_id, today, gateway))
        return len(asked) == 1

    diary = Diary()
    only(monkeypatch, gateway=(GatewayWork("charge", diary.concerned, charge),))
    (account,) = accounts(house.store, "Europe/London")
    assert daily.run(house, now=NOON) == {
        "charge": 1,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 0,
    }
    assert daily.run(house, now=NOON) == {
        "charge": 0,
        "ladder": 0,
        "approvals": 0,
        "files_erased": 0,
        "trouble": 0,
    }
    assert asked == [(account.id, NOON.date(), house.gateways["default"])] * 2
    without = replace(house, gateways={})
    daily.run(without, now=NOON)
    assert len(asked) == 2


def test_names_of_work_fit_their_column_and_are_one_each() -> None:
    names = [work.name for work in daily.DAILY] + [work.name for work in daily.WITH_GATEWAY]
    assert len(names) == len(set(names))
    assert all(0 < len(name) <= 40 for name in names)


@pytest.mark.usefixtures("own_log")
def test_a_day_that_has_not_begun_is_refused_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`amicable daily --on`: nobody's instalment is missed before its day."""
    environment = {
        "AMICABLE_ENV": "production", "BASE_URL": "https://pay.northgate.example", "SECRET_KEY": "k" * 40,
        "AMICABLE_SINGLE_HOST": "yes", "AMICABLE_TRUSTED_PROXIES": "1", "AMICABLE_DATA_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/amicable.db",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert commands.main(["db", "upgrade"]) == 0
    ahead = (datetime.now(UTC) + timedelta(days=2)).date()
    assert commands.main(["daily", "--on", ahead.isoformat()]) == 2
    assert "has not begun anywhere" in capsys.readouterr().err
    assert commands.main(["daily", "--on", "2026-11-19", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["work"]["trouble"] == 0
