"""Every page of the portal, for a debtor with one of everything: few statements, and none that writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import web
from tests.portal.addresses import pages
from tests.portal.everything import Town, town_on
from tests.portal.test_links import everything
from tests.portal.test_routes import statements
from tests.standins import StandIn

#: Of the issue's quality bars.
MOST_STATEMENTS = 8
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
