"""The nightly work on figures, the demo's targets, and `amicable export` (parts 12 and 15)."""

from __future__ import annotations

import argparse
import csv
import io
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from gateways.statement_files import ExportFiles
from jobs import demo_desk_figures, exporting, figures
from models.creditors import Creditor
from models.figures import CollectionTarget, FigureDay, FigureRun
from models.money import Money
from models.store import Store
from receivables.errors import Refused
from receivables.figures.targets import targets
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account

TODAY = NOON.date()


def house(store: Store) -> Any:
    return SimpleNamespace(store=store, exports=ExportFiles())


@pytest.fixture
def world(sqlite_store: Store) -> OfferWorld:
    world = a_late_account(sqlite_store)
    offer = world.propose(130000)
    world.accept(offer)
    world.pay_offer(offer)
    return world


def test_a_night_renews_each_day_once(sqlite_store: Store, world: OfferWorld) -> None:
    """The first night works out all days, the second hour none, the next day the days that may change."""
    here = house(sqlite_store)
    assert figures.nightly(here, now=NOON) == 131
    assert figures.nightly(here, now=NOON + timedelta(hours=1)) == 0
    assert figures.nightly(here, now=NOON + timedelta(days=1)) == 101
    with sqlite_store.read() as session:
        run = session.scalars(select(FigureRun)).one()
        assert (run.first_on, run.last_on) == (TODAY - timedelta(days=130), TODAY + timedelta(days=1))
    assert figures.rebuild(here, now=NOON + timedelta(days=1)) == 132


def test_days_without_the_work_are_made_up_for(sqlite_store: Store, world: OfferWorld) -> None:
    here = house(sqlite_store)
    figures.nightly(here, now=NOON)
    assert figures.nightly(here, now=NOON + timedelta(days=200)) == 201
    with sqlite_store.read() as session:
        stood = session.scalars(select(FigureDay.day_on).where(FigureDay.name == "ageing")).all()
    assert max(stood) == TODAY - timedelta(days=1)  # all is paid since


def test_no_books_are_no_days(sqlite_store: Store) -> None:
    assert figures.nightly(house(sqlite_store), now=NOON) == 0


def test_the_demo_aims_at_something(sqlite_store: Store) -> None:
    """Three months of targets from what is open, and the days worked out."""
    a_late_account(sqlite_store)
    here = house(sqlite_store)
    with sqlite_store.write() as session:
        made = a_creditor_with_much(session)
    demo_desk_figures.show_figures(here, now=NOON)
    with sqlite_store.read() as session:
        found = targets(session, made, "GBP", date(2026, 9, 1), TODAY)
        assert sorted(found) == [date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1)]
        assert set(found.values()) == {Money(200000, "GBP")}
        assert session.scalars(select(CollectionTarget.set_by_id).distinct()).all()
        assert session.get(FigureRun, made) is not None


def a_creditor_with_much(session: Any) -> int:
    creditor: Creditor = make.a_creditor(session)
    make.an_invoice(session, make.an_account(session, creditor), total=900000)
    return creditor.id


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    exporting.add_export_arguments(parser)
    return parser.parse_args(["settlements", *words])


def test_export_settlements(
    sqlite_store: Store, world: OfferWorld, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Decision 30: to a file or to standard output; codes stay codes, amounts are plain decimals."""
    days = ("--from", "2026-11-01", "--to", "2026-11-30")
    assert exporting.run_export(house(sqlite_store), arguments(*days)) == 0
    header, row = csv.reader(io.StringIO(capsysbinary.readouterr().out.decode("utf-8-sig"), newline=""))
    said = dict(zip(header, row, strict=True))
    assert (said["status"], said["paid"], said["forgiven_net"], said["forgiven_tax"]) == (
        "settled", "1300.00", "98.67", "19.73",
    )  # fmt: skip
    out = tmp_path / "november.xlsx"
    assert (
        exporting.run_export(house(sqlite_store), arguments(*days, "--format", "xlsx", "--out", str(out)))
        == 0
    )
    assert out.read_bytes().startswith(b"PK")
    with pytest.raises(Refused, match="period_backwards"):
        exporting.run_export(house(sqlite_store), arguments("--from", "2026-11-02", "--to", "2026-11-01"))
