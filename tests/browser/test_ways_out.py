"""The ways out in a real Chromium without script: taps counted from the page of the link, then the books.

On both databases. What is typed is not counted; the button of the card page is.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Promise
from models.disputes import Dispute
from models.payments import Payment
from models.states import PromiseStatus
from receivables import ledger
from tests.browser.conftest import both
from tests.browser.visits import Visit, visit
from tests.portal.conftest import Portal
from tests.proof import prove
from tests.receivables.paying import balances

pytestmark = pytest.mark.browser


class Taps(Visit):
    """A window that counts what the debtor presses, from the page that the link opens."""

    taps: int = 0

    def open(self, link: str) -> None:
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
    """Type the card on the hosted page, press its button, and come back."""
    seen.page.wait_for_url("**/c/pay/**")
    for name, value in (("number", "4242424242424242"), ("expiry", "12 / 34"), ("cvc", "123")):
        seen.page.fill(f"[name={name}]", value)
    if seen.page.query_selector("[name=name]"):
        seen.page.fill("[name=name]", "Helen Marsh")
    seen.taps += 1
    seen.page.press("[name=number]", "Enter")
    seen.page.wait_for_url("**/r/*")


def posted(seen: Taps, portal: Portal, account: Account, came: int, left: list[int]) -> None:
    """The payment that was just made stands in the books, and the checker agrees."""
    seen.press()  # what the worker does by itself: ask how it ended
    assert "is paid" in seen.page.inner_text("h1")
    with portal.store.read() as session:
        payment = session.scalars(select(Payment).where(Payment.account_id == account.id)).one()
        assert ledger.trial_balance(session) == {"GBP": 0}
    assert payment.amount_minor == came
    assert balances(portal.store, account) == left
    prove(portal.app.extensions["amicable"].settings.DATABASE_URL)


@both
def test_pay_all_in_six_taps(browser: Browser, live: Portal) -> None:
    """Quality bars: Continue, Pay, Continue by card, Pay, the card page's button."""
    account = owing(live)
    seen = taps(browser, live)
    seen.open(live.link(account))
    seen.tap("main form .btn-primary")
    seen.tap(".opening .btn-primary")
    seen.tap("main form .btn-primary")
    seen.tap("main form .btn-primary")
    pay_by_card(seen)
    assert seen.taps <= 6
    posted(seen, live, account, 57600 + 84240, [0, 0])
    seen.page.context.close()


@both
def test_a_promise_in_six_taps(browser: Browser, live: Portal) -> None:
    """Quality bars: Continue, what is stopping you, on a date, the day, confirm."""
    seen = taps(browser, live)
    seen.open(live.link(owing(live)))
    seen.tap("main form .btn-primary")
    seen.tap(".opening a[href*='/account/stopping']")
    seen.tap("main a[href$='/account/promise']")
    seen.tap("main a[href*='/account/promise/review']")
    seen.tap("main form .btn-primary")
    assert seen.taps <= 6
    with live.store.read() as session:
        promise = session.scalars(select(Promise)).one()
    assert (promise.status, promise.amount_minor) == (PromiseStatus.OPEN, 57600 + 84240)
    seen.page.context.close()


@both
def test_dispute_a_line_and_pay_the_rest_in_eight_taps(browser: Browser, live: Portal) -> None:
    """Quality bars: Continue, invoice, line, reason, Go on, Send, Pay the rest, the card page's button."""
    account = owing(live)
    seen = taps(browser, live)
    seen.open(live.link(account))
    seen.tap("main form .btn-primary")
    seen.tap(".rows a[href*='/account/invoices/']")
    seen.tap("main a[href*='/dispute'][href*='line=']")
    seen.tick("[name=reason][value=damaged]")
    seen.tap("main form .btn-primary")
    seen.tap("main form .btn-primary")
    assert "/account/disputes/" in seen.page.url
    seen.tap("main .btn-primary")
    pay_by_card(seen)
    assert seen.taps <= 8
    contested = 57600 // 3
    posted(seen, live, account, 57600 - contested, [contested, 84240])
    with live.store.read() as session:
        dispute = session.scalars(select(Dispute)).one()
        assert (dispute.holds, dispute.contested_minor) == (True, contested)
    seen.page.context.close()
