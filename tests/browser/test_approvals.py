"""Four eyes in a real Chromium (issue D, "Done when"): counter-offer to discount, self-approval refused."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import func, select

from models.approvals import ApprovalRequest
from models.arrangements import Offer
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.staff import Role
from models.states import ApprovalStatus, InvoiceStatus, OfferStatus
from tests.admin.conftest import Desk
from tests.admin.test_browser import RULES, browser, keeps_to_itself, served, sign_in  # noqa: F401
from tests.browser import test_agreements as agreements
from tests.browser.conftest import live, stripe  # noqa: F401
from tests.browsers import AXE, follow
from tests.portal.conftest import Portal

pytestmark = pytest.mark.browser


def sound(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = page.evaluate("rules => axe.run(rules)", {"runOnly": RULES})["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in wrong] == []


def test_counter_offer_approved_paid_and_the_discount_posted(browser: Browser, live: Portal) -> None:  # noqa: F811
    """Proposed in the portal, approved by a second person, paid at the stand-in, the rest a discount."""
    account = agreements.owing(live, days=(100, 70))
    seen = agreements.opened(browser, live, account)
    agreements.cannot_pay_all(seen, "offer")
    for name, value in (
        ("amount", "900"), ("day", live.day(9).isoformat()), ("reason", "The bank lends us this much."),
    ):  # fmt: skip
        seen.page.fill(f"#{name}", value)
    seen.press()
    assert agreements.one(live, Offer).status is OfferStatus.AWAITING_APPROVAL
    agreements.approve_at_the_desk(browser, live)
    live.clock.forward(minutes=5)
    seen.page.reload()
    agreements.accept_and_pay(seen, live, account, 90000)
    with live.store.read() as session:
        discount = select(func.sum(Posting.debit_minor)).where(
            Posting.ledger_code == LedgerCode.SETTLEMENT_DISCOUNTS
        )
        assert session.scalar(discount) == agreements.ALL - 90000
    seen.page.context.close()


@pytest.mark.parametrize("width", [1280, 820])
def test_self_approval_is_refused_and_another_approves(
    browser: Browser,  # noqa: F811 - the fixtures of the other file
    served: tuple[Desk, str],  # noqa: F811
    width: int,
) -> None:
    """A-02: the proposer finds no button, his forged POST is 403; a colleague reads the case and approves."""
    desk, url = served
    account = desk.account(name="Harbour & Pike Ltd")
    ref = desk.invoice(account, 20000, late=120, number="HP-2071")
    page = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=True).new_page()
    sign_in(page, desk, url, Role.SUPERVISOR)
    page.goto(f"{url}/desk/invoices/{ref}/write-off")
    sound(page)
    page.fill("#reason", "The firm is dissolved")
    follow(page, "main form .btn.go")
    sound(page)
    assert page.locator("form[action$='/approve']").count() == 0
    assert page.locator("form[action$='/refuse']").count() == 0
    with desk.store.read() as session:
        request = session.scalars(select(ApprovalRequest)).one()
    csrf = page.locator("main input[name=csrf_token]").first.get_attribute("value")
    forged = page.context.request.post(
        f"{url}/desk/approvals/requests/{request.ref}/approve",
        form={"csrf_token": csrf or "", "digest": request.content_digest}, headers={"Referer": url},
    )  # fmt: skip
    assert forged.status == 403
    page.context.close()

    other = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    sign_in(other, desk, url, Role.SUPERVISOR, language="he" if width == 820 else "en")
    other.goto(f"{url}/desk/approvals")
    sound(other)
    follow(other, "main tbody th a")
    sound(other)
    follow(other, "form[action$='/approve'] .btn")
    with desk.store.read() as session:
        assert session.get_one(ApprovalRequest, request.id).status is ApprovalStatus.APPROVED
        assert session.scalars(select(Invoice.status)).one() is InvoiceStatus.WRITTEN_OFF
    for path in ("/desk/approvals", "/desk/approvals/deputies", "/desk/refunds"):
        other.goto(url + path)
        sound(other)
    other.context.close()
