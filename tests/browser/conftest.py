"""One Chromium for the tests of a module, and the portal behind a true address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.visits import chromium_here
from tests.portal.conftest import Portal, portal_on, stripe  # noqa: F401 - a fixture
from tests.standins import StandIn


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        # Inside containers Chromium has no sandbox of its own; it opens our loopback pages only.
        chromium = driver.chromium.launch(executable_path=chromium_here(), args=["--no-sandbox"])
        yield chromium
        chromium.close()


def serving(folder: Path, stripe: StandIn, port: int, *, database: str = "sqlite") -> Iterator[Portal]:  # noqa: F811
    """The portal behind a real address, so that cookies, headers and redirects are the browser's."""
    for portal in portal_on(folder, stripe, base_url=f"http://localhost:{port}", database=database):
        server = make_server("127.0.0.1", port, portal.app, threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield portal
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def served(tmp_path: Path, stripe: StandIn, free_port: Any) -> Iterator[Portal]:  # noqa: F811
    """The portal on SQLite."""
    yield from serving(tmp_path, stripe, free_port())
