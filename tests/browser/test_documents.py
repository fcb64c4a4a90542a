"""Documents in a real Chromium: axe without a finding, and a file that arrives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from models.accounts import Account
from tests.agreements import an_agreed_offer, an_agreed_plan
from tests.browser.test_portal_pages import tidewater
from tests.browser.visits import READERS, visit
from tests.portal.conftest import Portal

pytestmark = pytest.mark.browser

PAGES = {
    "documents": "/account/documents",
    "statement": "/account/statement",
    "statement of a period": "/account/statement?period=year&currency=GBP",
    "statement that cannot be": "/account/statement?from=2026-09-30&to=2026-09-01&currency=GBP",
}


@pytest.fixture(autouse=True)
def press_ends(served: Portal) -> Iterator[None]:
    """The press lives as long as somebody holds its line."""
    yield
    served.app.extensions["amicable"].press.close()


@pytest.mark.parametrize(("language", "width"), READERS)
def test_every_page_is_accessible(served: Portal, browser: Browser, language: str, width: int) -> None:
    """WCAG 2.2 AA without script, in both directions; nothing scrolls sideways, no policy is broken."""
    account = tidewater(served, language)
    with served.store.write() as session:
        own = session.get_one(Account, account.id)
        an_agreed_plan(session, own, ["2026-1184"], now=served.clock.at)
        an_agreed_offer(session, own, ["2026-1207"], now=served.clock.at)
    seen = visit(browser, served, width=width, script=True)
    seen.go(f"/l/{served.link(account)}")
    seen.press()
    for name, path in PAGES.items():
        seen.go(path)
        seen.check(name)


def test_a_statement_arrives_as_a_file(served: Portal, browser: Browser) -> None:
    """From the account to the PDF: the file that the browser keeps is one."""
    account = tidewater(served, "en")
    seen = visit(browser, served, width=390, script=False, accept_downloads=True)
    seen.go(f"/l/{served.link(account)}")
    seen.press()
    seen.go("/account/statement")
    with seen.page.expect_download() as waited:
        seen.page.click(".acts .btn-primary")
    assert waited.value.suggested_filename.endswith(", GBP.pdf")
    assert waited.value.path().read_bytes().startswith(b"%PDF-")
