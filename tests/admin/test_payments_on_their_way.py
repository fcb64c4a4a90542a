"""What the desk sees of payments without an end: on their way, unknown, and the alert that calls a person."""

from __future__ import annotations

import pytest

from models.accounts import Account
from models.staff import Role
from models.states import AttemptStatus
from receivables.payments import settling, starting, sweeping
from receivables.payments.quotes import Choice
from receivables.ports import GatewayUnreachable, OutcomeUnknown, RemoteState
from tests import factories as make
from tests.admin.conftest import Desk
from tests.fakes import ToldGateway, a_truth
from tests.portal.visitor import words
from tests.receivables.payments.test_settling import raises


@pytest.fixture
def gateway() -> ToldGateway:
    return ToldGateway()


def begun(desk: Desk, account: Account, gateway: ToldGateway) -> str:
    return starting.start(
        desk.store, gateway, make.holder_actor(account), Choice("overdue", "GBP"), account_id=account.id,
        zone=account.zone, nonce="n1", language="en", title="Northgate", note=None,
        base_url="http://localhost", now=desk.clock.at,
    ).ref  # fmt: skip


def tell(desk: Desk, gateway: ToldGateway, ref: str, state: RemoteState) -> AttemptStatus:
    gateway.truths = [a_truth(ref, state)]
    return settling.settle(desk.store, gateway, ref, now=desk.clock.at)


def test_a_debit_on_its_way_stands_on_the_account(
    desk: Desk, tidewater: Account, gateway: ToldGateway
) -> None:
    """P-19: said first, counted apart, on the timeline; and the ladder says why it waits."""
    ref = begun(desk, tidewater, gateway)
    assert tell(desk, gateway, ref, RemoteState.PROCESSING) is AttemptStatus.PROCESSING
    person = desk.at()
    page = words(person.get(f"/desk/accounts/{tidewater.ref}"))
    assert "Processing: 1,418.40 GBP" in page
    assert "The debtor sees this too and is not asked for it again." in page
    assert "Payment on its way" in page
    assert page.count("576.00 GBP on its way") + page.count("842.40 GBP on its way") >= 2
    assert "bank debit" in page
    tell(desk, gateway, ref, RemoteState.FAILED)
    page = words(person.get(f"/desk/accounts/{tidewater.ref}"))
    assert "Processing:" not in page
    assert "Payment failed" in page


def test_an_unknown_outcome_calls_a_person_and_lets_him_go(
    desk: Desk, tidewater: Account, gateway: ToldGateway
) -> None:
    """P-22: on the account at once, among the alerts within 15 minutes, gone from them with the truth."""
    gateway.on_send = raises(OutcomeUnknown("no_answer"))
    ref = begun(desk, tidewater, gateway)
    boss = desk.at(Role.SUPERVISOR)
    page = words(boss.get(f"/desk/accounts/{tidewater.ref}"))
    assert "The debtor is told not to pay again while we ask the gateway." in page
    gateway.truths = [GatewayUnreachable("no_answer")]
    desk.clock.forward(minutes=15)
    sweeping.sweep(desk.store, gateway, gateway_account="default", now=desk.clock.at)
    said = words(boss.get("/desk/alerts"))
    assert "A payment attempt is past its end and has no answer" in said
    assert tidewater.name in said
    assert "Look it up at the gateway." in words(boss.get(f"/desk/accounts/{tidewater.ref}"))
    tell(desk, gateway, ref, RemoteState.EXPIRED)
    assert "past its end" not in words(boss.get("/desk/alerts"))
    closed = words(boss.get("/desk/alerts?show=closed"))
    assert "past its end" in closed
    assert "by itself" in closed
