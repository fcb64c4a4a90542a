"""The portal in a real Chromium: no script, both directions, three widths, axe without a finding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from tests.browser.visits import READERS, Visit, visit, width_of
from tests.portal.conftest import Portal

pytestmark = pytest.mark.browser

#: Texts that long names and other scripts must not break.
CREDITORS: dict[str, dict[str, object]] = {
    "en": {},
    "he": {
        "name": "דפוס השחר בע״מ",
        "address": "רחוב המסגר 14, תל אביב",
        "company_number": "ח״פ 514417822",
        "tax_id": None,
        "brand_colour": "#4a3aa7",
        "person_name": "יעל אברהמי",
        "phone": "03-555-0142",
        "hours": {"en": "Sunday to Thursday, 9:00 to 17:00", "he": "ימים ראשון עד חמישי, 9:00 עד 17:00"},
    },
}


def tidewater(portal: Portal, language: str, **creditor: object) -> Account:
    """An account with two invoices overdue, one due today, one later, and a long name."""

    def fill(session: Session, account: Account) -> None:
        for total, due, number in (
            (57600, -29, "2026-1131"),
            (84240, -8, "2026-1184"),
            (28800, 0, "2026-1207"),
        ):
            portal.invoice(session, account, total, due, number=number, lines=3)
        portal.invoice(session, account, 61200, 20, number="2026-1262-LONG-NUMBER-7")

    return portal.account(
        fill, language=language, creditor={"language": language, **CREDITORS.get(language, {}), **creditor}
    )


def walk(seen: Visit, portal: Portal, account: Account) -> Iterator[str]:
    """Go through every page as a debtor does; yields the name of each page in view."""
    seen.go(f"/l/{portal.link(account)}")
    yield "landing"
    seen.press()
    yield "overview"
    seen.press(".rows li:nth-child(2) a")
    yield "invoice"
    seen.go("/account/pay")
    yield "pay"
    seen.page.check("#w2")
    yield "pay, invoices"
    seen.page.check("#w3")
    seen.page.fill("#amount", "99999999")
    seen.press()
    yield "pay, wrong amount"
    seen.page.check("#w1")
    seen.press()
    yield "review"
    seen.press()
    seen.page.wait_for_url("**/c/pay/**")
    (attempt,) = portal.attempts()
    seen.go(f"/r/{attempt.ref}?left=1")
    yield "return, left"
    seen.go(f"/r/{attempt.ref}")
    yield "return, checking"
    seen.go("/account?lang=ru")
    yield "overview in another language"
    seen.go("/l/nothing")
    yield "gone"
    seen.go("/nothing")
    yield "no such page"


@pytest.mark.parametrize(("language", "width"), READERS)
def test_every_page_without_a_finding(browser: Browser, served: Portal, language: str, width: int) -> None:
    """X-10: axe 0, no policy complaint, no sideways scrolling, in both directions."""
    seen = visit(browser, served, width=width, script=True)
    names = []
    for name in walk(seen, served, tidewater(served, language)):
        seen.check(f"{name} {language} {width}")
        names.append(name)
        if name == "overview":
            assert seen.page.get_attribute("html", "dir") == ("rtl" if language == "he" else "ltr")
    assert len(names) == 12
    seen.page.context.close()


@pytest.mark.parametrize("colour", ["#ffd400", "#000000"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_any_creditors_colour_can_be_read(browser: Browser, served: Portal, scheme: Any, colour: str) -> None:
    """look.md: lightness is clamped, so links and buttons keep their contrast."""
    seen = visit(browser, served, width=390, script=True, color_scheme=scheme)
    for name in walk(seen, served, tidewater(served, "en", brand_colour=colour)):
        seen.check(f"{name} {colour} {scheme}")
        if name == "pay":
            break
    seen.page.context.close()


def test_reflow_at_320(browser: Browser, served: Portal) -> None:
    """WCAG 1.4.10, 1.4.4: 320 px, which is also a window of 640 px at 200 %, without sideways scrolling."""
    seen = visit(browser, served, width=320, script=True)
    for name in walk(seen, served, tidewater(served, "en")):
        assert width_of(seen.page) <= 320, name
    seen.page.context.close()


def test_the_whole_way_without_script(browser: Browser, served: Portal) -> None:
    """Issue A: open, choose, pay and see it paid, with script switched off and the keyboard's order."""
    seen = visit(browser, served, width=390, script=False)
    account = tidewater(served, "en")
    seen.go(f"/l/{served.link(account)}")
    seen.press()
    seen.press(".opening .btn-primary")
    seen.press()
    assert "Check before you pay" in (seen.page.text_content("h1") or "")
    seen.press()
    seen.page.wait_for_url("**/c/pay/**")
    for name, value in (("number", "4242424242424242"), ("expiry", "12 / 34"), ("cvc", "123")):
        seen.page.fill(f"[name={name}]", value)
    if seen.page.query_selector("[name=name]"):
        seen.page.fill("[name=name]", "Helen Marsh")
    seen.page.press("[name=number]", "Enter")
    seen.page.wait_for_url("**/r/*")
    seen.press()
    assert "£1,418.40 is paid" in (seen.page.text_content("h1") or "")
    seen.press(".acts .btn-primary")
    assert "£288.00" in (seen.page.text_content("h1") or "")
    with served.store.read() as session:
        open_now = session.scalars(select(Invoice.number).where(Invoice.balance_minor > 0)).all()
    assert sorted(open_now) == ["2026-1207", "2026-1262-LONG-NUMBER-7"]
    assert seen.complaints == []
    seen.page.context.close()


def test_focus_goes_to_what_needs_another_look(browser: Browser, served: Portal) -> None:
    """WCAG 3.3.1, 2.4.3: the summary has the focus, and its link leads into the field."""
    seen = visit(browser, served, width=390, script=True)
    for name in walk(seen, served, tidewater(served, "en")):
        if name == "pay, wrong amount":
            break
    seen.page.wait_for_selector("#errors:focus")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("#amount:focus")
    assert seen.page.input_value("#amount") == "99999999"
    seen.page.context.close()
