"""Every page of the portal, for a debtor with one of everything: few statements, and none that writes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

import web
from tests.portal.addresses import pages
from tests.portal.everything import Town, town_on
from tests.portal.test_links import everything
from tests.portal.test_routes import statements
from tests.standins import StandIn

#: Of the issue's quality bars.
MOST_STATEMENTS = 8
#: Bytes over the wire of a page with everything it loads, and of the page alone.
FIRST, AFTER = 60_000, 15_000
#: Ends of endpoints that only lead on: where a form's answer is reloaded, and the code when it was typed.
LEADS_ON = ("_again", "_by_hand", ".cancelled", ".asked_back", ".withdrawn")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, stripe: StandIn) -> Iterator[Town]:
    with town_on(tmp_path_factory.mktemp("town"), stripe) as town:
        yield town


def test_every_page_asks_little_and_writes_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quality bars, L-04: at most eight statements of any kind a page, none of them at the writer.

    Each page in every state that the books have; one that a row has none of leads on or is not there, but
    each kind of page is shown at least once. The rules, which a process reads anew every few seconds and
    not for a page, are not counted.
    """
    monkeypatch.setattr(web, "RULES_KEPT", 3600.0)
    portal, visitor = town.portal, town.ours.visitor
    found = pages(portal.app, town.ours, first=portal.day(9).isoformat())
    before, wrong, shown = everything(portal.store), [], set()
    for endpoint, path in found:
        with statements(portal.store) as seen:
            answer = visitor.get(path)
        written = [statement for name, statement in seen if name == "write"]
        if answer.status_code not in (200, 303, 404, 409) or written or len(seen) > MOST_STATEMENTS:
            wrong.append(f"{path} ({endpoint}): {answer.status}, {len(seen)} statements, {written}")
        if answer.status_code == 200:
            shown.add(endpoint)
    assert wrong == [], "\n".join(wrong)
    assert [name for name, _ in found if name not in shown and not name.endswith(LEADS_ON)] == []
    assert everything(portal.store) == before


def test_every_page_is_light(town: Town) -> None:
    """Quality bars: at most 60 kB over the wire first, 15 kB after, as the server sends it; no script."""
    client = town.ours.visitor.client

    def sent(path: str) -> TestResponse:
        answer = client.get(path, headers={"Accept-Encoding": "br, gzip"})
        answer.get_data()
        answer.close()
        return answer

    parts: dict[str, int] = {}
    wrong = []
    for endpoint, path in pages(town.portal.app, town.ours, first=town.portal.day(9).isoformat()):
        answer = sent(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        alone = len(answer.data)
        text = client.get(path).text
        loads = {html.unescape(p) for p in re.findall(r'(?:href|src)="(/(?:static|brand)/[^"]+)"', text)}
        for part in loads - set(parts):
            parts[part] = len(sent(part).data)
        whole = alone + sum(parts[part] for part in loads)
        packed = answer.headers.get("Content-Encoding") == "br"
        if not packed or alone > AFTER or whole > FIRST or "<script" in text:
            wrong.append(f"{path} ({endpoint}): {alone} bytes, {whole} with what it loads")
    assert wrong == [], "\n".join(wrong)
    styles = [path for path in parts if path.startswith("/static/") and ".css" in path]
    assert len(styles) >= 2
    for path in styles:
        assert sent(path).headers.get("Content-Encoding") == "br", f"{path}: run `make static`"
