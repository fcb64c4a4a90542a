"""The post in a real Chromium, letters in every state: both directions, two widths, no finding of axe."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from models.accounts import DebtorType
from models.staff import Role
from receivables.permissions import SYSTEM
from receivables.post import printing, queueing
from tests.admin.conftest import Desk
from tests.admin.test_browser import RULES, browser, keeps_to_itself, served, sign_in  # noqa: F401
from tests.browsers import AXE, watched
from tests.receivables.post.letters import an_addressed_account, pdfs, posted

pytestmark = pytest.mark.browser


def in_every_state(desk: Desk) -> str:
    """Two letters wait, two are printed, one of them taken out, one came back; returns an account's ref."""
    now = desk.clock.at
    with desk.store.write() as session:
        kinds = ("official_letter", "formal_warning", "claim_letter", "official_letter", "formal_warning")
        accounts = [
            an_addressed_account(session, debtor_type=DebtorType.SOLE_TRADER, language="he") for _ in kinds
        ]
        made = [
            queueing.queue_letter(session, SYSTEM, account, kind=kind, currency="GBP", now=now)
            for kind, account in zip(kinds, accounts, strict=True)
        ]
        posted(session, made[4])
        printing.mark_returned(session, SYSTEM, made[4], now=now)
        printing.print_batch(session, SYSTEM, pdfs(made[2].ref, made[3].ref), now=now)
        queueing.withdraw(session, SYSTEM, made[3], reason="nothing_asked", now=now)
        return accounts[0].ref


@pytest.mark.parametrize("language", ["en", "he"])
def test_the_post_is_sound(browser: Browser, served: tuple[Desk, str], language: str) -> None:  # noqa: F811
    """X-10: axe finds nothing, the strict policy is not touched, nothing runs over the side."""
    desk, url = served
    ref = in_every_state(desk)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    complaints = watched(page)
    sign_in(page, desk, url, Role.SUPERVISOR, language)
    for path in ("/desk/post", f"/desk/accounts/{ref}/address"):
        for width in (1280, 820):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(url + path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        wrong = page.evaluate("rules => axe.run(rules)", {"runOnly": RULES})["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in wrong] == [], path
    assert complaints == []
