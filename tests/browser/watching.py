"""Listens to every window of a browser: what it fetches from elsewhere, what the page's policy forbids."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Request

#: Ours and the stand-ins: nothing else is there while tests run.
HERE = ("localhost", "127.0.0.1")
OWN_SCHEMES = ("data", "blob", "about")


class WatchedBrowser:
    """A Chromium that notes what no page of ours may do.

    Attributes:
        outside: addresses that were fetched from anywhere but the page's own host, pages by navigation aside.
        complaints: what the browser said of a page's Content Security Policy.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.outside: list[str] = []
        self.complaints: list[str] = []

    def new_context(self, **more: Any) -> BrowserContext:
        """Open a context whose windows are all listened to."""
        context = self._browser.new_context(**more)
        context.on("request", self._asked)
        context.on("console", self._heard)
        return context

    def forget(self) -> None:
        self.outside.clear()
        self.complaints.clear()

    def _asked(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme in OWN_SCHEMES:
            return
        if request.url.endswith("/csp-report"):
            self.complaints.append(f"reported: {request.post_data}")
        if asked.hostname not in HERE:
            self.outside.append(request.url)
        elif not request.is_navigation_request() and urlsplit(request.frame.url).netloc != asked.netloc:
            self.outside.append(f"{request.url} from {request.frame.url}")

    def _heard(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Refused to" in message.text:
            self.complaints.append(message.text)
