"""A window on the portal that examines what it shows: axe, complaints of the policy, width, targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, Response, Route

from tests import browsers
from tests.effort import LONG
from tests.portal.conftest import Portal

AXE = browsers.AXE.read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WAIT = 30_000  # ms
LANGUAGES = ("en", "he", "ru", "hu")
#: (language, width) in which a walk is done: each language once, in the long run at both widths (X-10).
READERS = (
    [(language, width) for language in LANGUAGES for width in (360, 1280)]
    if LONG
    else [("en", 360), ("he", 1280), ("ru", 360), ("hu", 1280)]
)


def width_of(page: Page) -> int:
    """How wide a page really is, in CSS pixels."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


@dataclass
class Visit:
    """One window on the portal; collects what the browser complains about.

    Attributes:
        status: of the last answer to a navigation.
    """

    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)
    status: int = 0

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT)
        self.page.on("console", self._heard)
        self.page.on("response", self._answered)
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

    def _answered(self, answer: Response) -> None:
        if answer.request.is_navigation_request():
            self.status = answer.status

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)

    def press(self, selector: str = "main form .btn-primary") -> None:
        with self.page.expect_navigation():
            self.page.click(selector)

    def findings(self) -> list[str]:
        """What axe has to say about the page in view."""
        self.page.evaluate(AXE)
        found = self.page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
        )
        return [
            f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]
        ]

    def check(self, name: str, *, axe: bool = True) -> None:
        """Assert that the page in view is none of our errors, has no finding and does not scroll sideways.

        Args:
            axe: whether axe looks too; what it finds seldom depends on the language, the layout does.
        """
        assert self.status < 500, name
        if axe:
            found = self.findings()
            assert found == [], f"{name}: {found}"
        assert self.complaints == [], f"{name}: {self.complaints}"
        wide, room = width_of(self.page), self.page.viewport_size["width"]
        assert wide <= room, f"{name}: {wide} px wide"
        crossed = self.page.eval_on_selector_all(
            ".rows > li, .opt, .sum > div",
            "all => all.filter(e => e.offsetParent && e.querySelector('.number, dt')).filter(e => {"
            "const a = [...e.querySelector('.number, dt').getClientRects()];"
            "const b = [...([...e.querySelectorAll('.amount')].pop()?.getClientRects() ?? [])];"
            "return a.some(p => b.some(q => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 1"
            " && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 1))}).map(e => e.innerText)",
        )
        assert crossed == [], f"{name}: {crossed}"
        small = self.page.eval_on_selector_all(
            "main .btn, main .tick, .lang summary, .foot .link, main .link",
            "all => all.filter(e => e.offsetParent && e.getBoundingClientRect().height < 24)"
            ".map(e => e.outerHTML)",
        )
        assert small == [], f"{name}: {small}"


def visit(browser: Browser, portal: Portal, *, width: int, script: bool, **more: Any) -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=script, **more
    )
    return Visit(context.new_page(), portal.app.extensions["amicable"].settings.base_url)
