"""Reconciliation by the clock and by command: once a day, back to the last end, with an exit code."""

from __future__ import annotations

import argparse
import io
import json
import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jobs import backfill, reconcile
from models.money import Money
from models.reconciliation import ReconciliationFinding
from models.staff import Role
from models.store import Store
from receivables.ports import GatewayUnreachable, MovementKind
from receivables.reconciling import findings
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.reconciling.world import World, a_movement, a_world, an_unread, open_invoices


@dataclass
class AHouse:
    """What these jobs ask of the house."""

    store: Store
    gateways: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def world(store: Store) -> World:
    return a_world(store)


def house_of(world: World) -> Any:
    return AHouse(world.store, {"default": world.gateway})


def asked(first: date, last: date, *, as_json: bool = False, gateway: str | None = None) -> Any:
    return argparse.Namespace(first=first, last=last, json=as_json, gateway=gateway)


def test_a_day_is_compared_once_however_many_workers_ask(world: World) -> None:
    """P-17: claimed by its next moment, on both databases; the next morning it is due again."""
    found: list[dict[str, Any]] = []
    gate = threading.Barrier(2)

    def worker() -> None:
        gate.wait()
        found.append(reconcile.daily(house_of(world), now=NOON))

    both = [threading.Thread(target=worker) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(len(one) for one in found) == [0, 1]
    assert reconcile.daily(house_of(world), now=NOON + timedelta(hours=3)) == {}
    assert list(reconcile.daily(house_of(world), now=NOON + timedelta(hours=20))) == ["default"]


def test_after_a_month_without_a_worker_the_month_is_compared(world: World) -> None:
    """FT-17, P-15: it goes back to its own last end, so 31 days off lose nothing."""
    reconcile.daily(house_of(world), now=NOON)
    world.charge(Money(4200, "GBP"), fee=88, at=NOON + timedelta(hours=1))
    back = NOON + timedelta(days=32)
    found = reconcile.daily(house_of(world), now=back)["default"]
    assert found is not None
    assert (found.brought_in, open_invoices(world)) == (1, [0])


def test_the_first_comparison_begins_at_the_first_payment(world: World) -> None:
    """P-17, M-18: books with payments of three months that were never compared are compared from their
    beginning, whatever span policy names for a morning."""
    began = NOON - timedelta(days=90)
    world.charge(Money(4200, "GBP"), fee=88, at=began)
    found = reconcile.daily(house_of(world), now=NOON)["default"]
    assert found is not None
    assert (found.brought_in, found.agrees, open_invoices(world)) == (1, True, [0])
    assert found.start < began


def test_an_account_without_payments_is_compared_as_policy_says(world: World) -> None:
    """P-17: where nobody has paid yet there is no beginning to go back to."""
    found = reconcile.daily(house_of(world), now=NOON)["default"]
    assert found is not None
    assert found.start == NOON - timedelta(days=10)


def test_a_gateway_that_cannot_be_read_is_tried_again(world: World) -> None:
    """P-17: an alert, the books as they were, and another run after an hour."""
    world.gateway.down = GatewayUnreachable("no_connection")
    assert reconcile.daily(house_of(world), now=NOON) == {"default": None}
    assert world.alerts() == ["not_reconciled"]
    world.gateway.down = None
    again = reconcile.daily(house_of(world), now=NOON + timedelta(hours=1))
    assert again["default"] is not None


def test_the_command_says_by_its_code_whether_both_agree(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """P-17: 0 agree, 1 differ, 2 wrong use; what a program reads has the sums and the lists."""
    moved = world.pay(Money(4200, "GBP"), fee=88)
    house, now = house_of(world), NOON + timedelta(days=1)
    days = (NOON.date(), NOON.date())
    assert reconcile.run_reconcile(house, asked(*days), now=now) == 0
    assert "Gateway and books agree." in capsys.readouterr().out
    world.gateway.moved.append(a_movement(MovementKind.ADJUSTMENT, Money(-500, "GBP")))
    assert reconcile.run_reconcile(house, asked(*days, as_json=True), now=now) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["agrees"], told["open"]["missing_here"]) == (False, 1)
    assert {"currency": "GBP", "kind": "charge", "number": 1, "there_minor": moved.net.minor,
            "here_minor": moved.net.minor} in told["sums"]  # fmt: skip
    assert reconcile.run_reconcile(house, asked(days[0], days[0] - timedelta(days=1)), now=now) == 2
    assert reconcile.run_reconcile(house, asked(*days, gateway="nobody"), now=now) == 2


def test_the_command_counts_what_it_cannot_read(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """P-17, M-02: it differs until a person explained it; the number is said each time."""
    world.gateway.unread.append(an_unread("500000 inr"))
    house, days = house_of(world), asked(NOON.date(), NOON.date(), as_json=True)
    now = NOON + timedelta(days=1)
    assert reconcile.run_reconcile(house, days, now=now) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["unread"], told["open"]["missing_here"]) == (1, 1)
    with world.store.write() as s:
        accountant = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        ref = s.scalars(select(ReconciliationFinding.ref)).one()
        findings.explain(s, accountant, ref, reason="A sale of the shop in Pune.", now=now)
    days.json = False
    assert reconcile.run_reconcile(house, days, now=now) == 0
    assert "in a currency or a fraction that we do not know: 1" in capsys.readouterr().out


class Screen(io.StringIO):
    """An error stream that a person watches."""

    def isatty(self) -> bool:
        return True


def test_a_long_run_says_how_far_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """P-17: each step with its number, to who watches; a program that reads gets nothing, the worker's log
    gets it."""
    screen = Screen()
    monkeypatch.setattr(reconcile, "TOLD_EVERY", 0.0)
    monkeypatch.setattr(reconcile, "LOGGED_EVERY", 0.0)
    paid = world.pay(Money(4200, "GBP"), fee=88)
    world.charge(Money(900, "GBP"), fee=20)
    world.payout(paid, at=NOON + timedelta(hours=1))
    house, now = house_of(world), NOON + timedelta(days=1)
    reconcile.run_reconcile(house, asked(NOON.date(), NOON.date()), now=now)
    assert "movements" not in capsys.readouterr().err
    world.charge(Money(700, "GBP"), fee=15, at=NOON + timedelta(minutes=1))
    with monkeypatch.context() as watched:
        watched.setattr("sys.stderr", screen)
        reconcile.run_reconcile(house, asked(NOON.date(), NOON.date()), now=now)
    said = screen.getvalue().splitlines()
    assert said[0] == "  movements: 4"
    assert {"  payouts: 1", "  brought in: 1"} <= set(said)
    with caplog.at_level("INFO", logger="amicable.reconcile"):
        reconcile.daily(house, now=now)
    assert {"reconciling"} == {record.message for record in caplog.records}


def test_the_worker_looks_after_gateways_beside_its_loop(world: World) -> None:
    """P-15, P-18: on a thread of its own, which ends with the worker."""
    stop, looked = threading.Event(), threading.Event()

    def clock() -> datetime:
        looked.set()
        return NOON

    with backfill.beside(house_of(world), stop=stop, clock=clock):
        assert looked.wait(30)
    assert stop.is_set()
    assert "gateways" not in {thread.name for thread in threading.enumerate()}
