"""A bank debit on each page of the debtor: on its way, arrived, or sent back with the way out (P-19)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.money import Money
from models.states import AttemptStatus
from receivables.payments import attempts, settling
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests.fakes import a_charge, a_truth
from tests.portal.conftest import Portal
from tests.portal.test_overview import settle, started
from tests.portal.visitor import Visitor, words
from tests.receivables.ladder.test_steps import run
from tests.standins import debit_on_page


@pytest.fixture
def debtor(portal: Portal, tidewater: Account) -> Visitor:
    return portal.visitor(tidewater)


def ref_of(portal: Portal, number: str) -> str:
    with portal.store.read() as session:
        return session.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


def debited(portal: Portal, account: Account, choice: Choice, *, settles: bool = True) -> str:
    """A bank debit that its bank has accepted; returns the attempt's ref."""
    begun = started(portal, account, choice)
    debit_on_page(begun.url or "", settles=settles)
    assert settle(portal, begun.ref) is AttemptStatus.PROCESSING
    return begun.ref


def end(portal: Portal, ref: str, state: AttemptStatus) -> None:
    """Let the gateway say how it ended, days later."""
    with portal.store.read() as session:
        attempt = attempts.find_attempt(session, ref)
    charge = a_charge(ref, Money(attempt.amount_minor, "GBP")) if state is AttemptStatus.SUCCEEDED else None
    portal.clock.forward(days=5)
    assert settling.apply(
        portal.store, attempt.id, a_truth(ref, RemoteState(state.value), charge), now=portal.clock.at
    ) is state  # fmt: skip


def test_each_page_says_that_it_is_on_its_way(portal: Portal, tidewater: Account, debtor: Visitor) -> None:
    """Overview, invoice, pay page, return page: the amount, and that it is not to be paid again."""
    ref = debited(portal, tidewater, Choice("overdue", "GBP"))
    assert "Your £1,418.40 is on its way" in words(debtor.get("/account"))
    invoice = words(debtor.get(f"/account/invoices/{ref_of(portal, '2026-1131')}"))
    assert "On its way to us £576.00 What you have paid is on its way. There is nothing to do." in invoice
    assert "Was due on" not in invoice
    assert "/account/pay?" not in debtor.get(f"/account/invoices/{ref_of(portal, '2026-1131')}").text
    pay = words(debtor.get("/account/pay"))
    assert "Your £1,418.40 is on its way" in pay
    assert "Everything open £900.00" in pay
    assert "2026-1131" not in pay
    back = words(debtor.get(f"/r/{ref}"))
    assert "Please do not pay again." in back
    assert "We send no reminders about what it pays" in back
    for page in ("/account", "/account/pay", f"/r/{ref}"):
        assert "is paid" not in words(debtor.get(page))
    with portal.store.write() as session:
        run(session, tidewater.id, now=portal.clock.at)
    coming = words(debtor.get("/account/what-next"))
    assert "Your payment is on its way. There is nothing to do. About: 2026-1131, 2026-1184" in coming


def test_the_same_amount_cannot_be_paid_a_second_time(
    portal: Portal, tidewater: Account, debtor: Visitor
) -> None:
    """Decision 12: the invoices that it pays are refused by name; the others go on as before."""
    debited(portal, tidewater, Choice("overdue", "GBP"))
    debtor.get("/account/pay")
    for number, status in (("2026-1131", 422), ("2026-1207", 303)):
        fields = {"currency": "GBP", "what": "chosen", "invoice": ref_of(portal, number)}
        assert debtor.post("/account/pay", fields).status_code == status
    too_much = debtor.post("/account/pay", {"currency": "GBP", "what": "amount", "amount": "900.01"})
    assert "That is more than is open. Type £900.00 or less." in words(too_much)


def test_a_part_on_its_way_leaves_the_rest(portal: Portal, tidewater: Account, debtor: Visitor) -> None:
    """The amount only: of an invoice that is paid in part the rest is asked for, with both sums in sight."""
    amount = Choice("amount", "GBP", (ref_of(portal, "2026-1131"),), Money(20000, "GBP"))
    debited(portal, tidewater, amount)
    said = words(debtor.get("/account"))
    assert "On its way to us, not asked for again £200.00" in said
    assert "Overdue today £1,218.40" in said
    invoice = words(debtor.get(f"/account/invoices/{ref_of(portal, '2026-1131')}"))
    assert "£376.00 £200.00 is on its way to us. You need not pay that part again. Pay £376.00" in invoice
    pay = debtor.get("/account/pay")
    assert "2026-1131" in words(pay)
    assert "£376.00" in words(pay)


def test_sent_back_it_says_so_and_offers_the_way_out(
    portal: Portal, tidewater: Account, debtor: Visitor
) -> None:
    """FT-14: no "charged", no blame; pay again, by another way, or say what stands in the way."""
    ref = debited(portal, tidewater, Choice("overdue", "GBP"))
    end(portal, ref, AttemptStatus.FAILED)
    back = debtor.get(f"/r/{ref}")
    said = words(back)
    assert "Your payment did not arrive" in said
    assert "If the amount has left your account, your bank returns it." in said
    assert "nothing was charged" not in said
    assert "Try again" in said
    assert "/account/pay?currency=GBP#transfer" in back.text
    fresh = portal.visitor(tidewater)
    overview = words(fresh.get("/account"))
    assert "is on its way" not in overview
    assert "2026-1131" in words(fresh.get("/account/pay"))


def test_arrived_it_is_paid_and_confirmed(portal: Portal, tidewater: Account, debtor: Visitor) -> None:
    ref = debited(portal, tidewater, Choice("overdue", "GBP"))
    end(portal, ref, AttemptStatus.SUCCEEDED)
    assert "Thank you, £1,418.40 is paid" in words(debtor.get(f"/r/{ref}"))
    assert "is on its way" not in words(portal.visitor(tidewater).get("/account"))
