"""The ways out in a real Chromium without script: taps counted from the link to the end, axe 0, both ways."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Promise
from models.disputes import Dispute
from models.invoices import Invoice
from models.payments import Payment
from models.states import PromiseStatus
from tests.browser.visits import Visit, visit
from tests.portal.conftest import Portal

pytestmark = pytest.mark.browser


class Taps(Visit):
    """A window that counts what the debtor presses; opening the link is the first."""

    taps: int = 0

    def open(self, link: str) -> None:
        self.taps += 1
        self.go(f"/l/{link}")

    def tap(self, selector: str) -> None:
        """Press what leads to another page."""
        self.taps += 1
        with self.page.expect_navigation():
            self.page.click(selector)

    def tick(self, selector: str) -> None:
        """Choose something on the page in view."""
        self.taps += 1
        self.page.check(selector)


def taps(browser: Browser, portal: Portal, *, width: int = 360) -> Taps:
    seen = visit(browser, portal, width=width, script=False)
    return Taps(seen.page, seen.base)


def owing(portal: Portal) -> Account:
    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 57600, -29, number="2026-1131", lines=3)
        portal.invoice(session, account, 84240, -8, number="2026-1184", lines=3)

    return portal.account(fill)


def pay_by_card(seen: Taps) -> None:
    """Type the card on the hosted page; typing is not counted, its button is."""
    seen.page.wait_for_url("**/c/pay/**")
    for name, value in (("number", "4242424242424242"), ("expiry", "12 / 34"), ("cvc", "123")):
        seen.page.fill(f"[name={name}]", value)
    if seen.page.query_selector("[name=name]"):
        seen.page.fill("[name=name]", "Helen Marsh")
    seen.taps += 1
    seen.page.press("[name=number]", "Enter")
    seen.page.wait_for_url("**/r/*")


def test_pay_all_in_six_taps(browser: Browser, served: Portal) -> None:
    """Quality bars: link, Continue, Pay, Continue by card, Pay, the card page's button."""
    seen = taps(browser, served)
    seen.open(served.link(owing(served)))
    seen.tap("main form .btn-primary")
    seen.tap(".opening .btn-primary")
    seen.tap("main form .btn-primary")
    seen.tap("main form .btn-primary")
    pay_by_card(seen)
    assert seen.taps <= 6
    (attempt,) = served.attempts()
    assert attempt.amount_minor == 57600 + 84240
    seen.page.context.close()


def test_a_promise_in_six_taps(browser: Browser, served: Portal) -> None:
    """Quality bars: link, Continue, what is stopping you, on a date, the day, confirm."""
    seen = taps(browser, served)
    seen.open(served.link(owing(served)))
    seen.tap("main form .btn-primary")
    seen.tap(".opening a[href*='/account/stopping']")
    seen.tap("main a[href$='/account/promise']")
    seen.tap("main a[href*='/account/promise/review']")
    seen.tap("main form .btn-primary")
    assert seen.taps <= 6
    with served.store.read() as session:
        promise = session.scalars(select(Promise)).one()
    assert (promise.status, promise.amount_minor) == (PromiseStatus.OPEN, 57600 + 84240)
    seen.page.context.close()


def test_dispute_a_line_and_pay_the_rest_in_eight_taps(browser: Browser, served: Portal) -> None:
    """Quality bars: the contested line leaves what is asked for, the rest is paid."""
    seen = taps(browser, served)
    seen.open(served.link(owing(served)))
    seen.tap("main form .btn-primary")
    seen.tap(".rows a[href*='/account/invoices/']")
    seen.tap("main a[href*='/dispute'][href*='line=']")
    seen.page.check("[name=reason][value=damaged]")
    seen.taps += 1
    seen.tap("main form .btn-primary")
    seen.tap("main form .btn-primary")
    seen.tap("main .btn-primary")
    assert seen.taps <= 8
    with served.store.read() as session:
        dispute = session.scalars(select(Dispute)).one()
        invoice = session.scalars(select(Invoice).where(Invoice.id == dispute.invoice_id)).one()
    assert dispute.holds
    assert 0 < dispute.contested_minor < invoice.balance_minor
    assert session.scalars(select(Payment)).all() == []
    seen.page.context.close()
