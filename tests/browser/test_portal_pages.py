"""The portal in a real Chromium: no script, both directions, three widths, axe without a finding."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from models.accounts import Account
from models.invoices import Invoice
from tests.portal.conftest import Portal, portal_on, stripe  # noqa: F401 - a fixture
from tests.standins import StandIn

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAIT = 10_000  # ms
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


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


def _chromium() -> str | None:
    """A Chromium of this machine; None leaves the choice to the driver's own."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return os.environ.get("CHROMIUM") or next((path for path in found if path), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        # Inside containers Chromium has no sandbox of its own; it opens our loopback pages only.
        chromium = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def served(tmp_path: Path, stripe: StandIn, free_port: Any) -> Iterator[Portal]:  # noqa: F811
    """The portal behind a real address, so that cookies, headers and redirects are the browser's."""
    port = free_port()
    for portal in portal_on(tmp_path, stripe, base_url=f"http://localhost:{port}"):
        server = make_server("127.0.0.1", port, portal.app, threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield portal
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Visit:
    """One window on the portal; collects what the browser complains about."""

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT)
        self.page.on("console", self._heard)
        self.page.route("**/r/*", self._without_refresh)

    @staticmethod
    def _without_refresh(route: Route) -> None:
        """Let a page that looks again by itself stand still while it is examined."""
        answer = route.fetch(max_redirects=0)
        headers = {name: value for name, value in answer.headers.items() if name != "refresh"}
        route.fulfill(response=answer, headers=headers)

    def _heard(self, message: ConsoleMessage) -> None:
        if self.page.url.startswith(self.base) and "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)

    def press(self, selector: str = "main form .btn-primary") -> None:
        with self.page.expect_navigation():
            self.page.click(selector)

    def check(self, name: str) -> None:
        """Assert that the page in view has no finding, no complaint and no sideways scrolling."""
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
        )
        problems = [
            f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]
        ]
        assert problems == [], name
        assert self.complaints == [], name
        wide, room = _width(self.page), self.page.viewport_size["width"]
        assert wide <= room, name
        crossed = self.page.eval_on_selector_all(
            ".rows > li, .opt, .sum > div",
            "all => all.filter(e => e.offsetParent && e.querySelector('.number, dt')).map(e => {"
            "const a = e.querySelector('.number, dt').getBoundingClientRect();"
            "const b = e.querySelector('.amount').getBoundingClientRect();"
            "return [Math.min(a.right, b.right) - Math.max(a.left, b.left), e.innerText]})"
            ".filter(([over]) => over > 1)",
        )
        assert crossed == [], name
        small = self.page.eval_on_selector_all(
            "main .btn, main .tick, .lang summary, .foot .link, main .link",
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 24)"
            ".map(e => e.outerHTML)",
        )
        assert small == [], name


def visit(browser: Browser, portal: Portal, *, width: int, script: bool, **more: Any) -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=script, **more
    )
    return Visit(context.new_page(), portal.app.extensions["amicable"].settings.base_url)


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
        fill, language=language, creditor={"language": language, **CREDITORS[language], **creditor}
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


@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("language", ["en", "he"])
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


def _width(page: Page) -> int:
    """How wide a page really is, in CSS pixels."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_reflow_at_320(browser: Browser, served: Portal) -> None:
    """WCAG 1.4.10, 1.4.4: 320 px, which is also a window of 640 px at 200 %, without sideways scrolling."""
    seen = visit(browser, served, width=320, script=True)
    for name in walk(seen, served, tidewater(served, "en")):
        assert _width(seen.page) <= 320, name
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
