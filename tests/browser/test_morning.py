"""A morning of five accounts, by keyboard alone and by mouse alone (issue D, "Done when")."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from models.accounts import Account
from models.messages import CallAttempt
from models.staff import Role
from models.worklist import WorklistClaim, WorklistSkip
from receivables.worklist import refreshing
from tests.admin.conftest import Desk
from tests.admin.test_browser import RULES, browser, keeps_to_itself, served, sign_in  # noqa: F401
from tests.browsers import AXE, follow

pytestmark = pytest.mark.browser

#: Ranked in this order: so much, so many days late.
FIVE = (
    ("Brightwater Hospitality Ltd", 1598000, 40), ("Fenwick Print Works", 618000, 46),
    ("Severn Valley Foods", 995000, 17),
    ("Castle Street Motors", 302500, 25), ("Tamar & Sons Bakery", 99000, 9),
)  # fmt: skip


def morning(desk: Desk) -> list[Account]:
    accounts = []
    for number, (name, total, late) in enumerate(FIVE):
        account = desk.account(name=name, phone=f"+4477009001{number:02d}")
        desk.invoice(account, total, late=late)
        accounts.append(account)
    with desk.store.read() as session:
        ids = refreshing.concerned(session, now=desk.clock.at)
    desk.store.run(lambda s: refreshing.refresh(s, ids, now=desk.clock.at))
    return accounts


def rows(desk: Desk, table: Any) -> list[Any]:
    with desk.store.read() as session:
        return list(session.scalars(select(table)))


def first_now(page: Page) -> str:
    return page.inner_text("section.now h3")


def press(page: Page, *keys: str) -> None:
    """Press keys; the last one opens another page."""
    for key in keys[:-1]:
        page.keyboard.press(key)
    with page.expect_navigation():
        page.keyboard.press(keys[-1])


def sound(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    wrong = page.evaluate("rules => axe.run(rules)", {"runOnly": RULES})["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in wrong] == []


def test_by_keyboard_alone(browser: Browser, served: tuple[Desk, str]) -> None:  # noqa: F811
    """Claim, note, next, skip with a reason, call logged: no mouse, and no key acts inside a field."""
    desk, url = served
    accounts = morning(desk)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, desk, url, Role.COLLECTOR)
    assert first_now(page) == FIVE[0][0]

    # 1: claim and open, then a note.
    press(page, "Enter")
    assert page.url.endswith(f"/desk/accounts/{accounts[0].ref}")
    assert page.get_by_text("It is yours now.").is_visible()
    page.keyboard.press("n")
    page.keyboard.type("Helen is back after 14:00. just stay here")
    assert page.url.endswith(accounts[0].ref)
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.innerText") != "Add the note":
        page.keyboard.press("Tab")
    press(page, "Enter")
    assert page.get_by_text("Helen is back after 14:00.").first.is_visible()

    # 2: today again, the next one, left for another day.
    press(page, "g", "t")
    press(page, "j")
    assert first_now(page) == FIVE[1][0]
    page.keyboard.press("s")
    assert page.evaluate("document.activeElement.id") == "why"
    while page.evaluate("document.activeElement.innerText") != "Skip and show the next":
        page.keyboard.press("Tab")
    press(page, "Enter")
    assert page.get_by_text(f"Skipped {FIVE[1][0]}").is_visible()
    assert [skip.account_id for skip in rows(desk, WorklistSkip)] == [accounts[1].id]

    # 3: the next is there already: claim and call.
    assert first_now(page) == FIVE[2][0]
    press(page, "c")
    assert page.url.endswith(f"/desk/accounts/{accounts[2].ref}/call")
    assert {claim.account_id for claim in rows(desk, WorklistClaim)} == {accounts[0].id, accounts[2].id}

    # 4 and 5: through the list, row by row; back by the first key.
    press(page, "g", "t")
    page.keyboard.press("/")
    page.keyboard.type("sjgt")
    assert page.url.endswith("/desk/")
    assert page.input_value("#q") == "sjgt"
    page.keyboard.press("Tab")
    press(page, "j")
    press(page, "j")
    press(page, "j")
    assert first_now(page) == FIVE[4][0]
    press(page, "k")
    assert first_now(page) == FIVE[3][0]
    sound(page)
    press(page, "?")
    assert page.inner_text("h1") == "Keys"
    sound(page)
    ticked = "&".join(f"account={account.ref}" for account in accounts[:2])
    for path in ("/away", f"/bulk?act=reassign&{ticked}", f"/bulk?act=remind&{ticked}", "?view=one"):
        page.goto(f"{url}/desk/worklist{path}")
        sound(page)


def test_by_mouse_and_without_script(browser: Browser, served: tuple[Desk, str]) -> None:  # noqa: F811
    """The same morning with plain links and forms: claim, call logged, skip, undo, next."""
    desk, url = served
    accounts = morning(desk)
    page = browser.new_context(java_script_enabled=False, viewport={"width": 820, "height": 1100}).new_page()
    sign_in(page, desk, url, Role.COLLECTOR)
    follow(page, "button:has-text('Claim and call')")
    follow(page, "main form[action*='call/ask'] button")
    page.check("input[name=outcome][value='no:no_answer']")
    follow(page, "main button.go")
    assert [call.account_id for call in rows(desk, CallAttempt)] == [accounts[0].id]
    page.goto(f"{url}/desk/")
    page.click("summary:has-text('Skip')")
    page.select_option("#why", "waits_papers")
    follow(page, "button:has-text('Skip and show the next')")
    assert len(rows(desk, WorklistSkip)) == 1
    follow(page, ".note.good button:has-text('Undo')")
    assert "Back in the list." in page.inner_text("[role=status]")
    follow(page, "a[rel=next]")
    assert first_now(page) != FIVE[0][0]
    follow(page, "tbody tr:last-child button:has-text('Claim')")
    assert "/desk/accounts/" in page.url
    assert len(rows(desk, WorklistClaim)) == 1  # the skip let go of the first


def test_keys_that_are_off_do_nothing(browser: Browser, served: tuple[Desk, str]) -> None:  # noqa: F811
    """WCAG 2.1.4: switched off in the profile, laid elsewhere for another act."""
    desk, url = served
    morning(desk)
    page = browser.new_context().new_page()
    sign_in(page, desk, url, Role.COLLECTOR)
    page.goto(f"{url}/desk/profile/keys")
    page.fill("input[name=key-skip]", "x")
    follow(page, "main button.go")
    page.goto(f"{url}/desk/")
    page.keyboard.press("s")
    assert not page.locator("#why").is_visible()
    page.keyboard.press("x")
    assert page.locator("#why").is_visible()
    page.goto(f"{url}/desk/profile/keys")
    page.check("input[name=off]")
    follow(page, "main button.go")
    page.goto(f"{url}/desk/")
    page.keyboard.press("x")
    assert not page.locator("#why").is_visible()
    assert page.locator("kbd").count() == 0
