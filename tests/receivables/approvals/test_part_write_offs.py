"""A part of an invoice given up: the rest stays open, limits count all of it, and it can be reversed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from models.approvals import ApprovalRequest
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.store import Store
from receivables import write_offs
from receivables.errors import Refused
from receivables.ledger import unapplied_credit
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.proof import prove
from tests.receivables.approvals.world import GBP, Office, an_office
from tests.receivables.paying import pay


@pytest.fixture
def office(store: Store) -> Office:
    return an_office(store)


def ask(office: Office, minor: int, *, currency: str = GBP) -> ApprovalRequest:
    with office.store.write() as s:
        return write_offs.propose_write_off(
            s, office.collector, office.invoice.ref, amount=Money(minor, currency), reason="The last pallet",
            now=NOON,
        )  # fmt: skip


def reverse(office: Office) -> ApprovalRequest:
    with office.store.write() as s:
        return write_offs.propose_reopening(
            s, office.collector, office.invoice.ref, reason="It was found", now=NOON
        )


def booked(office: Office, code: LedgerCode) -> int:
    with office.store.read() as s:
        moved = func.sum(Posting.debit_minor - Posting.credit_minor)
        return int(s.scalar(select(moved).where(Posting.ledger_code == code)) or 0)


def test_the_rest_stays_open_and_is_paid(office: Office) -> None:
    """M-17: paid + written off = original; the state follows the balance."""
    office.approve(ask(office, 5000), office.supervisor)
    assert office.balance() == ("open", 15000)
    assert booked(office, LedgerCode.BAD_DEBT) == 5000
    prove(office.url)
    pay(office.store, office.account, Choice("all", GBP), came=Money(15000, GBP))
    assert office.balance() == ("paid", 0)
    prove(office.url)


def test_part_by_part_until_nothing_is_left(office: Office) -> None:
    """The last part closes it as written off; each is reversed by itself, the last one first."""
    office.approve(ask(office, 5000), office.supervisor)
    office.approve(ask(office, 15000), office.supervisor)
    assert office.balance() == ("written_off", 0)
    prove(office.url)
    for balance in (15000, 20000):
        office.approve(reverse(office), office.supervisor)
        assert office.balance() == ("open", balance)
    with pytest.raises(Refused, match="not_written_off"):
        reverse(office)
    assert booked(office, LedgerCode.BAD_DEBT) == 0
    prove(office.url)


def test_limits_count_what_was_given_up_before(office: Office) -> None:
    """A-03: whoever may give up 100 does not give up 200 in parts of 100."""
    first = ask(office, 9000)
    office.approve(first, office.supervisor)
    office.rules(write_off="{ collector = 100, supervisor = 150 }")
    with office.store.read() as s:
        assert write_offs.written_off_minor(s, office.invoice.id) == 9000
    second = ask(office, 9000)
    assert second.facts["earlier_minor"] == 9000
    with pytest.raises(Refused, match="above_limit"):
        office.approve(second, office.supervisor)
    with office.store.write() as s:
        write_offs.approval_requests.withdraw(
            s, office.collector, s.get_one(ApprovalRequest, second.id), now=NOON
        )
    office.approve(ask(office, 6000), office.supervisor)
    assert office.balance() == ("open", 5000)


@pytest.mark.parametrize(
    ("minor", "currency", "code"),
    [(0, GBP, "amount_zero"), (-1, GBP, "amount_zero"), (20001, GBP, "amount_above_balance"),
     (100, "EUR", "other_currency")],
)  # fmt: skip
def test_what_no_part_can_be(office: Office, minor: int, currency: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        ask(office, minor, currency=currency)


def test_a_payment_meanwhile_ends_the_request(office: Office) -> None:
    """Approve after edit: what is open is not what was asked about."""
    request = ask(office, 5000)
    pay(office.store, office.account, Choice("all", GBP), came=Money(1000, GBP))
    with pytest.raises(Refused, match="case_changed"):
        office.approve(request, office.supervisor)
    assert office.balance() == ("open", 19000)


def test_money_beyond_the_rest_is_a_recovery(office: Office) -> None:
    """domain.md: what still comes for what was given up; the open rest first, beyond all of it credit."""
    gateway = ToldGateway()
    started = starting.start(
        office.store, gateway, make.holder_actor(office.account), Choice("all", GBP),
        account_id=office.account.id, zone=office.account.zone, nonce="late-1", language="en",
        title="Northgate", note=None, base_url="http://127.0.0.1:9", now=NOON,
    )  # fmt: skip
    office.approve(ask(office, 5000), office.supervisor)
    charge = replace(a_charge(started.ref, Money(21000, GBP)), taken_at=NOON)
    gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
    settling.settle(office.store, gateway, started.ref, now=NOON)
    assert office.balance() == ("paid", 0)
    assert booked(office, LedgerCode.RECOVERIES) == -5000
    with office.store.read() as s:
        assert unapplied_credit(s, office.account.id) == [Money(1000, GBP)]
    with pytest.raises(Refused, match="recovered_since"):
        reverse(office)
    prove(office.url)
