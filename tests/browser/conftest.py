"""One Chromium for the tests of a module, and the portal behind a true address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.watching import WatchedBrowser
from tests.browsers import chromium
from tests.portal.conftest import Portal, portal_on, stripe  # noqa: F401 - a fixture
from tests.standins import StandIn


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[WatchedBrowser]:
    with chromium() as started:
        yield WatchedBrowser(started)


@pytest.fixture(autouse=True)
def keeps_to_itself(browser: WatchedBrowser) -> Iterator[None]:
    """Quality bars: no request to anybody else, and a policy that nothing on any page offends."""
    browser.forget()
    yield
    assert browser.outside == []
    assert browser.complaints == []


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


both = pytest.mark.parametrize(
    "live", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
def live(request: pytest.FixtureRequest, tmp_path: Path, stripe: StandIn, free_port: Any) -> Iterator[Portal]:  # noqa: F811
    """The portal on SQLite unless the test asks for `both`."""
    yield from serving(tmp_path, stripe, free_port(), database=getattr(request, "param", "sqlite"))


@pytest.fixture
def served(tmp_path: Path, stripe: StandIn, free_port: Any) -> Iterator[Portal]:  # noqa: F811
    """The portal on SQLite."""
    yield from serving(tmp_path, stripe, free_port())
