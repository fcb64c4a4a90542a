"""Two journeys across desk and portal, in two real windows: a freeze and its end, a dispute and the rest.

Source: issue of the desk, "Done when": freeze → debtor sees → pays → released automatically; dispute
resolved → debtor pays the rest.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import CreditHold, HoldEnd
from models.disputes import Dispute
from models.staff import Role
from models.states import DisputeStatus, HoldStatus
from receivables import ledger
from tests import factories as make
from tests.admin.conftest import PASSWORD, password_hash
from tests.browser.conftest import both
from tests.browser.test_ways_out import Taps, owing, pay_by_card, taps
from tests.browser.visits import Visit, visit
from tests.portal.conftest import Portal
from tests.proof import prove
from tests.receivables.paying import balances

pytestmark = pytest.mark.browser


def at_the_desk(browser: Browser, portal: Portal) -> Visit:
    """A collector's own window, signed in."""
    with portal.store.write() as session:
        person = make.a_person(session, Role.COLLECTOR, password_hash=password_hash())
    seen = visit(browser, portal, width=1280, script=True)
    seen.go("/desk/login")
    seen.page.fill("#email", person.email)
    seen.page.fill("#password", PASSWORD)
    seen.press("button.go")
    return seen


def debtor(browser: Browser, portal: Portal, account: Account) -> Taps:
    """The debtor's window, behind his link."""
    seen = taps(browser, portal)
    seen.open(portal.link(account))
    seen.tap("main form .btn-primary")
    return seen


def settled(seen: Taps, portal: Portal, account: Account, left: list[int]) -> None:
    """The return page says paid, the books balance, and the checker agrees."""
    seen.press()
    assert "is paid" in seen.page.inner_text("h1")
    with portal.store.read() as session:
        assert ledger.trial_balance(session) == {"GBP": 0}
    assert balances(portal.store, account) == left
    prove(portal.app.extensions["amicable"].settings.DATABASE_URL)


@both
def test_freeze_seen_paid_released(browser: Browser, live: Portal) -> None:
    """Part 5: placed after what follows was read; the debtor pays what releases it, and it ends by itself."""
    account = owing(live)
    desk = at_the_desk(browser, live)
    desk.go(f"/desk/accounts/{account.ref}/hold")
    assert "1,418.40" in desk.page.inner_text("main")
    desk.check("the form of a hold")
    desk.press("button.stop")
    assert "Placed on credit hold until" in desk.page.inner_text("[role=status]")
    desk.check("the hold that stands")
    live.clock.at += timedelta(minutes=1)  # what is paid after it

    seen = debtor(browser, live, account)
    assert "New credit is on hold" in seen.page.inner_text("main")
    seen.tap("main a[href*='/account/credit-hold']")
    assert "Invoices are overdue, and nothing has been arranged for them." in seen.page.inner_text("main")
    seen.check("the debtor's page of the hold", axe=False)  # axe needs the script that this window has not
    seen.tap("main .btn-primary")
    seen.tap("main form .btn-primary")
    pay_by_card(seen)
    settled(seen, live, account, [0, 0])

    with live.store.read() as session:
        hold = session.scalars(select(CreditHold)).one()
    assert (hold.status, hold.ended_as, hold.released_by_id) == (HoldStatus.RELEASED, HoldEnd.PAID, None)
    desk.go("/desk/holds")
    assert "Nobody is on credit hold." in desk.page.inner_text("main")
    desk.go("/desk/holds?show=ended")
    assert "paid" in desk.page.inner_text("table")
    desk.check("the holds that ended")
    for window in (desk, seen):
        window.page.context.close()


@both
def test_dispute_resolved_the_rest_paid(browser: Browser, live: Portal) -> None:
    """Part 6: the button names the sum that is asked for; the debtor comes back and pays just that."""

    def fill(session: Session, account: Account) -> None:
        live.invoice(session, account, 57600, -29, number="2026-1131", lines=3)

    account = live.account(fill)
    seen = debtor(browser, live, account)
    seen.tap(".rows a[href*='/account/invoices/']")
    seen.tap("main a[href*='/dispute'][href*='line=']")
    seen.tick("[name=reason][value=damaged]")
    seen.tap("main form .btn-primary")
    seen.tap("main form .btn-primary")
    thread = seen.page.url

    desk = at_the_desk(browser, live)
    desk.go("/desk/disputes")
    desk.check("the queue")
    with desk.page.expect_navigation():
        desk.page.click("table th a")
    desk.page.fill("textarea[name=words]", "I have asked our warehouse.")
    desk.press("button[name=to][value=debtor]")
    desk.page.fill("textarea[name=finding]", "The third carton was wet.")
    desk.press("form[action$='/outcome'] button.go")
    desk.check("what follows from an outcome")
    assert "Uphold and ask for 384.00" in desk.page.inner_text("form[action$='/outcome'] button.go")
    assert "The third carton was wet." in desk.page.text_content("pre.letter")
    desk.press("form[action$='/outcome'] button.go")
    assert "Credited and answered." in desk.page.inner_text("[role=status]")

    seen.page.goto(thread)
    assert "I have asked our warehouse." in seen.page.inner_text("main")
    assert "The third carton was wet." in seen.page.inner_text("main")
    seen.tap("main .btn-primary")
    if "/account/pay/review" in seen.page.url:
        seen.tap("main form .btn-primary")
    pay_by_card(seen)
    settled(seen, live, account, [0, 0])
    with live.store.read() as session:
        dispute = session.scalars(select(Dispute)).one()
    assert (dispute.status, dispute.credited_minor) == (DisputeStatus.UPHELD, 57600 // 3)
    for window in (desk, seen):
        window.page.context.close()
