"""The account on one page: sums in sight, overdue first, notices before any button."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.states import AttemptStatus
from receivables.payments import attempts, settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.portal.conftest import Portal
from tests.portal.visitor import words
from tests.standins import StandIn, debit_on_page, pay_on_page


def started(portal: Portal, account: Account, choice: Choice, nonce: str = "n") -> starting.Started:
    """A payment started by the account's own link holder."""
    house = portal.app.extensions["amicable"]
    return starting.start(
        portal.store, house.gateway("default"), make.holder_actor(account), choice, account_id=account.id,
        zone=account.zone, nonce=nonce, language="en", title="Northgate", note=None,
        base_url="http://localhost", now=portal.clock.at,
    )  # fmt: skip


def settle(portal: Portal, ref: str) -> AttemptStatus:
    house = portal.app.extensions["amicable"]
    return settling.settle(portal.store, house.gateway("default"), ref, now=portal.clock.at)


def test_overdue_first_and_sums_that_add_up(portal: Portal, tidewater: Account) -> None:
    """look.md 2: overdue, due today and later are never mixed, and end in one total."""
    said = words(portal.visitor(tidewater).get("/account"))
    assert "Overdue today £1,418.40 2 invoices have passed their date." in said
    assert "Overdue £1,418.40 Due today £288.00 Not yet due £612.00 To pay in all £2,318.40" in said
    places = [said.index(n) for n in ("2026-1131", "2026-1184", "2026-1207", "2026-1262")]
    assert places == sorted(places)
    assert "Payments counted up to" in said
    assert "What is stopping you from paying now?" in said
    assert "Ask Maya Thornton to ring you" in said
    assert "No fee or interest has been added" in said


def test_two_currencies_are_never_added(portal: Portal) -> None:
    """M-01: each currency has its own sum and its own button."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 120000, -3, currency="EUR")
        portal.invoice(session, account, 4550, -40)

    page = portal.visitor(portal.account(fill)).get("/account")
    said = words(page)
    assert "Pay €1,200.00" in said
    assert "Pay £45.50" in said
    assert "Your invoices in EUR" in said
    assert "currency=EUR" in page.text
    assert "currency=GBP" in page.text
    assert "1,245.50" not in said


def test_due_today_and_nothing_overdue(portal: Portal) -> None:
    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 28800, 0)
        portal.invoice(session, account, 100, 9)

    page = portal.visitor(portal.account(fill)).get("/account")
    assert "Due today £288.00 Nothing is overdue." in words(page)
    link = re.search(r'href="(/account/pay\?[^"]+)"', page.text)
    assert link
    assert "what=chosen" in link[1]


def test_nothing_to_pay(portal: Portal) -> None:
    page = portal.visitor(portal.account()).get("/account")
    said = words(page)
    assert "Nothing to pay Everything we have invoiced is paid. Thank you." in said
    assert "/account/pay" not in page.text


def test_an_unknown_payment_is_said_first_and_takes_the_place_of_the_button(
    portal: Portal, tidewater: Account, stripe: StandIn
) -> None:
    """P-22: "we are checking, do not pay again", and no Pay button beside it."""
    stripe.fault("checkout.sessions.create", "timeout_after", count=3)
    begun = started(portal, tidewater, Choice("overdue", "GBP"))
    assert begun.url is None
    stripe.control("clear_faults")
    visitor = portal.visitor(tidewater)
    page = visitor.get("/account")
    said = words(page)
    assert said.index("We are checking your payment of £1,418.40") < said.index("Overdue today")
    assert "Please do not pay it again" in said
    assert f'class="btn btn-primary" href="/r/{begun.ref}"' in page.text
    assert "Pay £1,418.40" not in said
    review = visitor.get("/account/pay/review?currency=GBP&what=overdue")
    assert "We are still checking an earlier payment" in words(review)
    assert 'action="/account/pay/start"' not in review.text
    with portal.store.read() as session:
        refs = dict(session.execute(select(Invoice.number, Invoice.ref)).all())
    invoice = visitor.get(f"/account/invoices/{refs['2026-1131']}")
    assert "Please do not pay it again until we know. See how it stands" in words(invoice)
    assert f'class="btn btn-primary" href="/r/{begun.ref}"' in invoice.text
    assert "Pay £" not in words(invoice)
    assert "Pay £288.00" in words(visitor.get(f"/account/invoices/{refs['2026-1207']}"))


def test_a_payment_on_its_way_is_not_asked_for_again(
    portal: Portal, tidewater: Account, stripe: StandIn
) -> None:
    """Decision 12: a bank debit reserves its amount until it is here."""
    begun = started(portal, tidewater, Choice("overdue", "GBP"))
    assert begun.url
    debit_on_page(begun.url)
    assert settle(portal, begun.ref) is AttemptStatus.PROCESSING
    said = words(portal.visitor(tidewater).get("/account"))
    assert "Your £1,418.40 is on its way" in said
    assert "On its way to us, not asked for again £1,418.40" in said
    assert "To pay in all £900.00" in said
    assert "Due today £288.00 Nothing is overdue." in said


def test_credit_in_favour_is_named_and_never_negative(portal: Portal, tidewater: Account) -> None:
    """tone.md 9: what came too much is a credit in your favour."""
    begun = started(portal, tidewater, Choice("overdue", "GBP"))
    with portal.store.write() as session:
        ids = session.scalars(select(Invoice.id).where(Invoice.account_id == tidewater.id)).all()
        attempts.supersede(session, SYSTEM, list(ids), reason="test", now=portal.clock.at)
    assert begun.url
    again = started(portal, tidewater, Choice("overdue", "GBP"), nonce="n2")
    assert again.url
    for one in (again, begun):
        pay_on_page(one.url or "")
        settle(portal, one.ref)
    said = words(portal.visitor(tidewater).get("/account"))
    assert "Credit in your favour" in said
    assert "£1,418.40" in said
    assert "−" not in said


def test_a_fee_is_named_and_the_promise_of_none_is_gone(portal: Portal) -> None:
    """look.md: say what is not there, only while it is not there."""

    def fill(session: Session, account: Account) -> None:
        invoice = make.an_invoice(session, account, total=Money(4000, "GBP"), now=portal.clock.at)
        invoice.kind = InvoiceKind.FEE

    said = words(portal.visitor(portal.account(fill)).get("/account"))
    assert "Fee" in said
    assert "No fee or interest" not in said


def test_language_rides_along_and_is_kept_only_by_a_post(portal: Portal, tidewater: Account) -> None:
    """Decision 2: `?lang=` shows, the button keeps."""
    visitor = portal.visitor(tidewater)
    page = visitor.get("/account?lang=he")
    assert '<html lang="he" dir="rtl">' in page.text
    assert 'href="/account/pay?currency=GBP&amp;lang=he"' in page.text
    assert '<html lang="en"' in visitor.get("/account").text
    visitor.get("/account?lang=he")
    answer = visitor.post("/account/language?lang=he", {"language": "he"})
    assert (answer.status_code, answer.location) == (303, "/account")
    assert '<html lang="he"' in visitor.get("/account").text
    assert '<html lang="he"' in portal.visitor(tidewater).get("/account").text


def test_a_language_that_is_not_offered(portal: Portal) -> None:
    account = portal.account(creditor={"languages": ["en", "hu"]})
    visitor = portal.visitor(account)
    page = visitor.get("/account?lang=he")
    assert '<html lang="en"' in page.text
    assert "עברית" not in page.text
    assert visitor.post("/account/language", {"language": "he"}).status_code == 404
