"""Codes, people, open pages, forwarding and the trust page in a real Chromium (X-10)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.links import LinkSession
from tests.browser.test_portal_pages import tidewater
from tests.browser.visits import READERS, Visit, visit, width_of
from tests.portal.conftest import Portal
from tests.portal.test_codes import sent_code

pytestmark = pytest.mark.browser


def walk(seen: Visit, portal: Portal, account: Account) -> Iterator[str]:
    """Go through the pages as a debtor does; yields the name of each page in view."""
    with portal.store.read() as session:
        invoice = session.scalars(select(Invoice.ref).where(Invoice.account_id == account.id)).first()
    seen.go("/check")
    yield "check, before the link"
    seen.go(f"/l/{portal.link(account)}")
    seen.press()
    seen.go("/account/check")
    yield "check"
    seen.go("/account/people")
    yield "people"
    seen.press('main a[href="/account/people/new"]')
    yield "code, where to"
    seen.press()
    yield "code, typed here"
    seen.page.fill("#code", "12")
    seen.press()
    yield "code, refused"
    seen.page.fill("#code", sent_code(portal.store, portal.clock.at))
    seen.press()
    yield "new person"
    seen.page.fill("#name", "Dana Levi")
    seen.page.fill("#address", "0113 496 0142")
    seen.press()
    yield "new person, refused"
    seen.page.fill("#address", "dana@tidewater.example")
    seen.press()
    yield "proof of an address"
    seen.page.fill("#code", sent_code(portal.store, portal.clock.at))
    seen.press()
    yield "people, added"
    seen.press(".plain li:nth-child(2) a")
    yield "person"
    seen.go("/account/people")
    seen.press(".plain li:nth-child(2) a:nth-of-type(2)")
    yield "remove"
    seen.go("/account/sessions")
    yield "sessions"
    seen.go(f"/account/invoices/{invoice}/forward")
    seen.page.fill("#name", "Noa")
    seen.page.fill("#address", "noa@books.example")
    seen.press()
    yield "forward, sent"
    seen.go("/moved")
    yield "moved"


@pytest.mark.parametrize(("language", "width"), READERS)
def test_every_page_without_a_finding(browser: Browser, served: Portal, language: str, width: int) -> None:
    """X-10: axe 0, no policy complaint, no sideways scrolling, targets, in both directions."""
    seen = visit(browser, served, width=width, script=True)
    names = []
    for name in walk(seen, served, tidewater(served, language)):
        seen.check(f"{name} {language} {width}")
        names.append(name)
    assert len(names) == 15
    seen.page.context.close()


def test_the_code_field(browser: Browser, served: Portal) -> None:
    """WCAG 3.3.8: the code can be pasted and filled in by the browser; keyboard alone, without script."""
    seen = visit(browser, served, width=320, script=False)
    for name in walk(seen, served, tidewater(served, "en")):
        assert width_of(seen.page) <= 320, name
        if name == "code, typed here":
            break
    field = seen.page.locator("#code")
    assert field.get_attribute("autocomplete") == "one-time-code"
    assert field.get_attribute("inputmode") == "numeric"
    assert seen.page.get_by_label("Code").count() == 1
    code = sent_code(served.store, served.clock.at)
    field.focus()
    seen.page.keyboard.insert_text(f" {code} ")  # what pasting does
    with seen.page.expect_navigation():
        seen.page.keyboard.press("Enter")
    assert seen.page.url.endswith("/account/people/new")
    with served.store.read() as session:
        assert session.scalars(select(LinkSession.proved_at)).one() is not None
    seen.page.context.close()
