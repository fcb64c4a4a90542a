"""Every page of the portal that answers to GET, in a real Chromium: axe, four languages, zoom (X-10).

The addresses come from the application's own list of routes, filled from a debtor with one of everything;
pages that only a form leads to have walks of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import select, update

from models.answers import Request
from models.arrangements import Offer, Plan, Promise, SavedCard
from models.disputes import Dispute
from models.links import LinkSession
from models.payments import PaymentAttempt
from models.staff import Role
from tests.admin.conftest import PASSWORD, Desk
from tests.browser.conftest import serving
from tests.browser.desk_rows import fill_desk
from tests.browser.visits import Visit, visit, width_of
from tests.effort import LONG
from tests.portal.addresses import pages
from tests.portal.everything import Town, fill
from tests.stack import free_port
from tests.standins import StandIn

pytestmark = pytest.mark.browser

#: Rows of one kind whose page is looked at, at most: enough for each of their states.
MOST_ROWS = 4
#: Language, width, whether axe looks: 320 px is also a window of 640 px at 200 % (WCAG 1.4.4, 1.4.10).
READERS = [
    ("en", 360, True),
    ("he", 1280, True),
    ("ru", 320, LONG),
    ("hu", 320, LONG),
    *([(language, width, True) for language in ("en", "he", "ru", "hu") for width in (320, 360, 1280)
       if (language, width) not in (("en", 360), ("he", 1280), ("ru", 320), ("hu", 320))] if LONG else []),
]  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, stripe: StandIn) -> Iterator[Town]:
    for portal in serving(tmp_path_factory.mktemp("town"), stripe, free_port()):
        yield fill(portal)


@pytest.fixture(scope="module")
def addresses(town: Town) -> list[str]:
    """The addresses that answer with a page: found without a browser, which is quicker."""
    kinds: Counter[str] = Counter()
    found = []
    for endpoint, path in pages(town.portal.app, town.ours, first=town.portal.day(9).isoformat()):
        if kinds[endpoint] == MOST_ROWS:
            continue
        answer = town.ours.visitor.get(path)
        if answer.mimetype == "text/html" and answer.status_code in (200, 409):
            kinds[endpoint] += 1
            found.append(path)
    assert len(kinds) > 50
    return found


def inside(browser: Browser, town: Town, width: int, **more: Any) -> Visit:
    """A window behind a proved session of the debtor's."""
    seen = visit(browser, town.portal, width=width, script=True, **more)
    seen.go(f"/l/{town.portal.link(town.ours.account)}")
    seen.press()
    with town.portal.store.write() as session:
        session.execute(update(LinkSession).values(proved_at=town.portal.clock.at))
    return seen


@pytest.mark.parametrize(("language", "width", "axe"), READERS)
def test_every_page_without_a_finding(
    browser: Browser, town: Town, addresses: list[str], language: str, width: int, axe: bool
) -> None:
    """X-10: axe 0, nothing scrolls sideways, targets large enough, no policy complaint, its language."""
    seen, wrong = inside(browser, town, width), []
    for path in addresses:
        seen.go(f"{path}{'&' if '?' in path else '?'}lang={language}")
        wrong += troubles(seen, f"{path} {language} {width}", axe=axe)
        assert seen.page.get_attribute("html", "lang") == language, path
    assert wrong == [], "\n".join(wrong)
    seen.page.context.close()


def troubles(seen: Visit, name: str, *, axe: bool) -> list[str]:
    """What is wrong with the page in view, kept so that one run tells of all pages."""
    try:
        seen.check(name, axe=axe)
    except AssertionError as error:
        return [str(error)]
    return []


#: Table of what has a status -> its page; each is shown in every status that it can have.
STATES: dict[str, tuple[Any, str]] = {
    "plan": (Plan, "/account/plans/{ref}"),
    "offer": (Offer, "/account/offers/{ref}"),
    "dispute": (Dispute, "/account/disputes/{ref}"),
    "promise": (Promise, "/account/promises/{ref}"),
    "request": (Request, "/account/requests/{ref}"),
    "payment_attempt": (PaymentAttempt, "/r/{ref}"),
    "saved_card": (SavedCard, "/account/cards"),
}
STATE_READERS = [
    ("en", 360, True),
    ("he", 320, LONG),
    *([("ru", 1280, True), ("hu", 360, True)] if LONG else []),
]


@pytest.mark.parametrize(("language", "width", "axe"), STATE_READERS)
def test_every_state_without_a_finding(
    browser: Browser, town: Town, language: str, width: int, axe: bool
) -> None:
    """X-10: running, waiting, answered, refused, lapsed, ended: each page in each of its states.

    The status is written beside the rules, since only the page is looked at; then it is put back.
    """
    seen, shown, wrong = inside(browser, town, width), Counter[str](), list[str]()
    for kind, (model, path) in STATES.items():
        with town.portal.store.read() as session:
            rows = session.scalars(select(model).where(model.ref.in_(town.ours.of(kind)))).all()
        row = next((row for row in rows if getattr(row, "accepted_at", None)), rows[0])
        ref, before = row.ref, row.status
        for status in type(before):
            _put(town, model, ref, status)
            seen.go(path.format(ref=ref) + f"?lang={language}")
            if seen.status == 404:  # what is not made yet is the desk's own
                continue
            wrong += troubles(seen, f"{kind} {status} {language} {width}", axe=axe)
            shown[kind] += 1
        _put(town, model, ref, before)
    assert wrong == [], "\n".join(wrong)
    assert all(shown[kind] > 1 for kind in STATES), shown
    seen.page.context.close()


def _put(town: Town, model: Any, ref: str, status: Any) -> None:
    with town.portal.store.write() as session:
        session.execute(update(model).where(model.ref == ref).values(status=status))


# --------------------------------------------------------------------------- the desk

#: Rows whose ref an address of the desk carries, by the start of its path.
DESK_ROWS = {
    "/desk/accounts/": "account",
    "/desk/approvals/requests/": "approval_request",
    "/desk/lessons/": "arrears_case",
    "/desk/notes/": "account_note",
    "/desk/plans/": "plan",
    "/desk/policy/versions/": "policy_version",
    "/desk/policy/": "policy_section",
    "/desk/promises/": "promise",
    "/desk/segments/": "account",
    "/desk/snippets/": "snippet",
    "/desk/staff/": "staff",
    "/desk/statements/": "dispute_statement",
    "/desk/texts/": "text",
    "/desk/worklist/bulk/": "bulk_act",
    "/desk/approvals/offers/": "offer",
    "/desk/approvals/plans/": "plan",
    "/desk/disputes/": "dispute",
    "/desk/handlers/": "handler",
    "/desk/handovers/": "handover",
    "/desk/hardship/": "hardship_case",
    "/desk/contacts/": "contact",
    "/desk/remittances/": "remittance",
    "/desk/invoices/": "invoice",
    "/desk/requests/": "request",
    "/desk/rules/proposals/": "rules_draft",
    "/desk/sales/": "account",
}


#: Downloads, and addresses that only a secret opens.
NO_PAGES = (
    "/desk/account-files", "/desk/answer/", "/desk/books", "/desk/feeds", "/desk/files",
    "/desk/holds/status.csv", "/desk/in/",
)  # fmt: skip


@pytest.fixture(scope="module")
def desk_rows(town: Town) -> Mapping[str, list[str]]:
    """What only the desk sees; a debtor of its own, no part of the portal's pages."""
    return fill_desk(town)


def desk_pages(town: Town, rows: Mapping[str, list[str]]) -> Iterator[str]:
    """The desk's pages, its books and downloads aside, for up to four rows of a kind and the desk's own."""
    for rule in town.portal.app.url_map.iter_rules():
        if not rule.rule.startswith("/desk/") or rule.rule.startswith(NO_PAGES):
            continue
        if "GET" not in (rule.methods or ()) or rule.endpoint.endswith("static") or "login" in rule.rule:
            continue
        if not rule.arguments:
            yield rule.rule
            continue
        kind = next(kind for start, kind in DESK_ROWS.items() if rule.rule.startswith(start))
        assert len(rule.arguments) == 1, rule
        refs = [*rows.get(kind, ())[:MOST_ROWS], *town.ours.of(kind)[:MOST_ROWS]]
        assert refs, f"no row for {rule.rule}"
        yield from (re.sub("<[^>]+>", ref, rule.rule) for ref in refs)


@pytest.mark.parametrize(
    ("language", "width"), [("en", 1280), *([("he", 820), ("ru", 1280), ("hu", 820)] if LONG else [])]
)
def test_every_page_of_the_desk(
    browser: Browser, town: Town, desk_rows: Mapping[str, list[str]], language: str, width: int
) -> None:
    """X-10: work, ladder, post, charges, hand-overs, rules, what came in: axe 0, no policy complaint."""
    desk = Desk(town.portal.app, town.portal.store, town.portal.clock)
    looked, wrong, closed = 0, list[str](), list(desk_pages(town, desk_rows))
    for role, name in ((Role.SUPERVISOR, "Maya Thornton"), (Role.ACCOUNTANT, "Tom Okafor")):
        person = desk.person(role, name=name, language=language)
        seen = visit(browser, town.portal, width=width, script=True)
        seen.go("/desk/login")
        for field, value in (("email", person.email), ("password", PASSWORD), ("code", desk.code())):
            seen.page.fill(f"#{field}", value)
        seen.press("main form .btn.go")
        asked, closed = closed, []  # what is closed to the one is shown to the other
        for path in asked:
            seen.go(path)
            assert seen.status in (200, 403, 404, 409), path
            if seen.status == 403:
                closed.append(path)
            wrong += [f"{path}: {finding}" for finding in seen.findings()]
            if width_of(seen.page) > width:
                wrong.append(f"{path}: too wide")
            looked += seen.status == 200
        seen.page.context.close()
    assert wrong == [], "\n".join(wrong)
    assert looked > 60
    assert not [path for path in closed if path.startswith("/desk/remittances/")]
