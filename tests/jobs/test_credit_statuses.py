"""`amicable credit-status`: one account in words or JSON, all of them as CSV (part 5 of the desk)."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateways.statement_files import ExportFiles
from jobs import credit_statuses
from jobs.house import House
from models.accounts import Account
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import credit_holds
from receivables.credit_status import COLUMNS
from tests import factories as make
from tests.conftest import NOON


@pytest.fixture
def house(sqlite_store: Store) -> House:
    return cast(House, cast(Any, SimpleNamespace(store=sqlite_store, exports=ExportFiles())))


@pytest.fixture
def held(sqlite_store: Store) -> Account:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), name="=Tidewater & Sons")
        make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=50000, due_on=NOON.date() - timedelta(days=20))
        actor = make.staff_actor(make.a_person(s, Role.COLLECTOR))
        credit_holds.place(s, actor, account, "Late.", Money(40000, "GBP"), now=NOON)
        return account


def test_one_account(house: House, held: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert credit_statuses.show(house, held.number, as_json=True, now=NOON) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["release_amount"], said["currency"]) == ("hold", "400.00", "GBP")
    assert credit_statuses.show(house, held.number, as_json=False, now=NOON) == 0
    assert "hold · since 2026-11-19, to pay 400.00 GBP · prepaid orders go on" in capsys.readouterr().out
    assert credit_statuses.show(house, "nobody", as_json=False, now=NOON) == 1


def test_all_of_them(house: House, held: Account, tmp_path: Path) -> None:
    """X-01: a name that begins with = is no formula; amounts are numbers."""
    path = tmp_path / "status.csv"
    assert credit_statuses.write_all(house, path, now=NOON) == 0
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    assert tuple(rows[0]) == COLUMNS
    assert [row["status"] for row in rows] == ["hold", "ok"]
    assert rows[0]["name"].startswith("'=")
    assert rows[0]["release_amount"] == "400.00"
