"""The account page's own pages in a real Chromium, and the look as the debtor, which has nothing to press."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser
from sqlalchemy import func, select

from models.accounts import Account
from models.base import Base
from models.money import Money
from models.staff import Role
from models.work import TaskKind
from receivables import credit_limits, outbox
from receivables.desk import notes
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.admin.conftest import Desk
from tests.admin.test_browser import RULES, browser, keeps_to_itself, served, sign_in  # noqa: F401
from tests.browsers import AXE, watched

pytestmark = pytest.mark.browser


def filled(desk: Desk) -> tuple[str, str]:
    """An account with a note, a limit that is passed, a task; returns its ref and the note's."""
    person = desk.person(Role.SUPERVISOR, name="Priya Shah", email="priya@desk.example")
    account = desk.account()
    desk.invoice(account, 57600)
    with desk.store.write() as session:
        own, actor = session.get_one(Account, account.id), make.staff_actor(person)
        note = notes.write(session, actor, own, words="She says the season was late.", now=desk.clock.at)
        credit_limits.set_limit(session, actor, own, currency="GBP", limit=Money(100, "GBP"),
                                reason="Bank reference", now=desk.clock.at)  # fmt: skip
        credit_limits.tell_orders(session, SYSTEM, own, Money(100, "GBP"), as_of_at=desk.clock.at,
                                  source="order_system", now=desk.clock.at)  # fmt: skip
        outbox.ask_person(session, TaskKind.PROMISE_BROKEN, "p:1", account_id=own.id, now=desk.clock.at,
                          facts={"amount_minor": 90000, "currency": "GBP"})  # fmt: skip
        return account.ref, note.ref


@pytest.mark.parametrize("language", ["en", "he"])
def test_the_pages_are_sound(browser: Browser, served: tuple[Desk, str], language: str) -> None:  # noqa: F811
    """X-10: axe finds nothing, the strict policy is not touched, nothing runs over the side."""
    desk, url = served
    ref, _ = filled(desk)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    complaints = watched(page)
    sign_in(page, desk, url, Role.SUPERVISOR, language)
    account = f"/desk/accounts/{ref}"
    for path in (account, f"{account}/message", f"{account}/credit-limit", f"{account}/pay-run",
                 "/desk/snippets", "/desk/snippets/new", "/desk/snippets/house-question"):  # fmt: skip
        for width in (1280, 820):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        wrong = page.evaluate("rules => axe.run(rules)", {"runOnly": RULES})["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in wrong] == [], path
    assert complaints == []


def rows(desk: Desk) -> dict[str, int]:
    with desk.store.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
            if name != "access_log"
        }


def test_the_look_has_nothing_to_press(browser: Browser, served: tuple[Desk, str]) -> None:  # noqa: F811
    """A-08: from the desk into the look; whatever is clicked or pressed leaves the books as they were."""
    desk, url = served
    ref, _ = filled(desk)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    sign_in(page, desk, url, Role.SUPERVISOR, "en")
    page.goto(f"{url}/desk/accounts/{ref}")
    page.locator("summary", has_text="More").click()
    with page.expect_navigation():
        page.get_by_role("button", name="View as debtor").click()
    assert page.url == f"{url}/as-debtor/account"
    assert "You look as the debtor" in page.locator(".staff-look").inner_text()
    before = rows(desk)
    assert page.locator("form").count() == 0
    assert page.locator(":is(button, input, select, textarea):not(:disabled)").count() == 0
    for link in page.locator("main a").all():
        href = link.get_attribute("href")
        assert href is None or href.startswith("/as-debtor/account"), href
    for pressed in page.locator("main a:not([href])").all():
        pressed.click(force=True, no_wait_after=True)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.goto(f"{url}/as-debtor/account")
    with page.expect_navigation():
        page.locator("main a[href*='/invoices/']").first.click()
    assert "/as-debtor/account/invoices/" in page.url
    assert page.locator(":is(button, input, select, textarea):not(:disabled)").count() == 0
    # A script of the desk's own making cannot send anything from here either: there is no such route.
    assert context.request.post(f"{url}/as-debtor/account").status in (400, 404, 405)
    assert rows(desk) == before
    page.get_by_role("link", name="Back to the desk").click()
    assert page.url == f"{url}/desk/accounts/{ref}"
