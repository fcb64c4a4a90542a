"""Pages at the edges in a real Chromium: doors that are shut, refusals, what became of a payment (X-10)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort
from playwright.sync_api import Browser

from models.states import AttemptStatus
from receivables.payments import starting
from receivables.payments.quotes import Choice
from receivables.ports import DocumentFailed, StillPreparing
from tests.browser.test_every_way import enter, owing
from tests.browser.visits import Visit, visit
from tests.effort import LONG
from tests.portal.conftest import Portal
from tests.portal.everything import refs_of
from tests.portal.test_documents import SlowPress
from tests.portal.test_links import opt_out_token
from tests.portal.test_overview import settle, started
from tests.standins import StandIn, call_api, debit_on_page, pay_on_page

pytestmark = pytest.mark.browser

#: What a request can be answered with instead of its page.
ERRORS = (400, 403, 404, 409, 410, 413, 429, 500, 503)


def tell(status: int) -> str:
    abort(status)


def doors(seen: Visit, portal: Portal, stripe: StandIn, language: str) -> Iterator[str]:
    """Links that are over, the way out of reminders and back, leaving, a session that is no more."""
    account = owing(portal, language)
    seen.go(f"/l/nothing?lang={language}")
    yield "gone"
    token = opt_out_token(portal, account)
    seen.go(f"/x/{token}?lang={language}")
    yield "opt out"
    seen.press()
    yield "opted out"
    seen.press("main form button")
    yield "in again"
    seen.go(f"/left?lang={language}")
    yield "left"
    enter(seen, portal, account)
    seen.page.context.clear_cookies()
    seen.go(f"/account?lang={language}")
    assert seen.status == 401
    yield "session ended"


def errors(seen: Visit, portal: Portal, stripe: StandIn, language: str) -> Iterator[str]:
    """Each error's page, as a stranger sees it and behind a session."""
    for status in ERRORS:
        seen.go(f"/told/{status}?lang={language}")
        assert seen.status == status
        yield f"error {status}"
    enter(seen, portal, owing(portal, language))
    for status in (400, 404, 409):
        seen.go(f"/told/{status}?lang={language}")
        yield f"error {status}, inside"


def papers(seen: Visit, portal: Portal, stripe: StandIn, language: str) -> Iterator[str]:
    """A document that takes long, and one that cannot be made."""
    enter(seen, portal, owing(portal, language))
    house: Any = portal.app.extensions["amicable"]
    for name, trouble in (("takes long", StillPreparing("x")), ("failed", DocumentFailed("x"))):
        portal.app.extensions["amicable"] = dataclasses.replace(house, press=SlowPress(trouble))
        seen.go(f"/account/statement.pdf?period=year&look=10&lang={language}")
        yield name
    portal.app.extensions["amicable"] = house


def returns(seen: Visit, portal: Portal, stripe: StandIn, language: str) -> Iterator[str]:
    """What became of a payment: left, declined once, paid; on its way; expired; not known."""
    account = owing(portal, language)
    enter(seen, portal, account)
    with portal.store.read() as session:
        owed = [ref for kind, ref in refs_of(session, account.id) if kind == "invoice"]

    def begin(number: int) -> starting.Started:
        choice = Choice("chosen", "GBP", (owed[number],))
        return started(portal, account, choice, nonce=f"n{number}")

    begun = begin(0)
    seen.go(f"/r/{begun.ref}?left=1&lang={language}")
    yield "left"
    pay_on_page(begun.url or "", "4000000000000002")
    settle(portal, begun.ref)
    seen.go(f"/r/{begun.ref}?lang={language}")
    yield "declined"
    pay_on_page(begun.url or "")
    assert settle(portal, begun.ref) is AttemptStatus.SUCCEEDED
    seen.go(f"/r/{begun.ref}?lang={language}")
    yield "paid"
    begun = begin(1)
    debit_on_page(begun.url or "")
    settle(portal, begun.ref)
    seen.go(f"/r/{begun.ref}?lang={language}")
    yield "on its way"
    begun = begin(2)
    attempt = portal.attempts()[-1]
    call_api(stripe, "POST", f"/v1/checkout/sessions/{attempt.remote_id}/expire")
    assert settle(portal, begun.ref) is AttemptStatus.EXPIRED
    seen.go(f"/r/{begun.ref}?lang={language}")
    yield "expired"
    stripe.fault("checkout.sessions.create", "timeout_after", count=3)
    begun = begin(3)
    stripe.control("clear_faults")
    seen.go(f"/r/{begun.ref}?lang={language}")
    yield "not known"


WALKS = {"doors": (doors, 6), "errors": (errors, 12), "papers": (papers, 2), "returns": (returns, 6)}
READERS = [
    ("en", 360, True),
    ("he", 1280, LONG),
    *([("ru", 360, True), ("hu", 1280, True)] if LONG else []),
]


@pytest.mark.parametrize(("language", "width", "axe"), READERS)
@pytest.mark.parametrize("name", WALKS)
def test_every_end_without_a_finding(
    browser: Browser, served: Portal, stripe: StandIn, name: str, language: str, width: int, axe: bool
) -> None:
    """X-10: axe 0, nothing scrolls sideways, no policy complaint; each says what can be done next."""
    app: Flask = served.app
    app.add_url_rule("/told/<int:status>", "told", tell)
    seen = visit(browser, served, width=width, script=True)
    walk, pages = WALKS[name]
    names = []
    for page in walk(seen, served, stripe, language):
        if not page.startswith("error 500") and seen.status not in (500, 503):
            seen.check(f"{page} {language} {width}", axe=axe)
        elif axe:
            assert seen.findings() == [], page
        assert seen.page.get_attribute("html", "lang") == language, page
        names.append(page)
    assert len(names) == pages
    seen.page.context.close()
