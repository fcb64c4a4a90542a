"""Paying in parts in a real Chromium: choose, check, sign, keep, move, pay; axe without a finding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from models.accounts import Account
from tests.browser.test_portal_pages import tidewater
from tests.browser.visits import READERS, Visit, visit
from tests.portal.conftest import Portal

pytestmark = pytest.mark.browser


def walk(seen: Visit, portal: Portal, account: Account) -> Iterator[str]:
    """Go through every page of a plan as a debtor does; yields the name of each page in view."""
    seen.go(f"/l/{portal.link(account)}")
    seen.press()
    seen.go("/account/plan")
    yield "choice"
    seen.page.check("#po")
    seen.page.fill("#parts", "1000")
    seen.press()
    yield "choice, wrong number"
    seen.page.fill("#parts", "9")
    seen.press()
    yield "review, beyond the rules"
    seen.press()
    seen.press()
    yield "request, not signed"
    seen.go("/account/plan")
    seen.press("form.flow-lg .btn-primary")
    seen.press()
    yield "agreement"
    seen.page.fill("#name", "Helen Marsh")
    seen.page.fill("#role", "Owner")
    seen.page.check("#ok")
    seen.press()
    yield "running"
    address = seen.page.url
    seen.press(".plan .link >> nth=0")
    yield "move"
    seen.page.fill("#to", seen.page.get_attribute("#to", "max") or "")
    seen.press()
    yield "moved"
    seen.page.goto(address)
    seen.press(".acts a.btn-primary")
    yield "pay"


@pytest.mark.parametrize(("language", "width"), READERS)
def test_every_page_of_a_plan_without_a_finding(
    browser: Browser, served: Portal, language: str, width: int
) -> None:
    """X-10: axe 0, no policy complaint, no sideways scrolling, in both directions; no script is needed."""
    seen = visit(browser, served, width=width, script=True)
    names = []
    for name in walk(seen, served, tidewater(served, language)):
        seen.check(f"{name} {language} {width}")
        names.append(name)
    assert len(names) == 9
    seen.page.context.close()
