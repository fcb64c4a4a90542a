"""A real Chromium for the browser tests, and what every page is held to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """The system's Chromium, or None for the driver's own."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a headless Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def phone(browser: Browser, *, width: int = 390, javascript: bool = False) -> BrowserContext:
    """A context the size of a phone; without JavaScript unless asked for."""
    return browser.new_context(
        viewport={"width": width, "height": 844}, java_script_enabled=javascript, locale="en-GB"
    )


def follow(page: Page, selector: str) -> None:
    """Click what opens another page, and wait until that page stands: a click ends before it does."""
    with page.expect_navigation():
        page.locator(selector).first.click()


def watched(page: Page) -> list[str]:
    """Collect what the browser complains about: CSP violations and page errors."""
    complaints: list[str] = []

    def heard(message: object) -> None:
        text = str(getattr(message, "text", message))
        if "Content Security Policy" in text or "Refused to" in text:
            complaints.append(text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints
