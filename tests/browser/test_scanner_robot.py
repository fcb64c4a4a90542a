"""FT-19: a mail scanner with a real browser: it runs our scripts, waits, and presses every button it sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.links import Channel
from models.messages import ConsentEvent
from receivables.contact import consents
from receivables.policy import default_policy
from tests.browser.conftest import both
from tests.browser.visits import visit
from tests.portal.conftest import Portal
from tests.portal.test_links import everything

pytestmark = pytest.mark.browser

BUTTONS = "main button, main input[type=submit]"
#: What may follow from a press: a session of the link and its line in the audit (L-05).
OF_A_SESSION = {"link", "link_session", "audit_entry", "audit_head", "interaction"}
#: What a press on the way out may write: the word, its confirmation and their traces (C-07).
OF_A_WORD = {"consent_event", "message", "audit_entry", "audit_head", "interaction"}


def owing(portal: Portal) -> Account:
    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 57600, -29, number="2026-1131", lines=3)

    return portal.account(fill, phone="+447946000001")


def ways_out(portal: Portal, account: Account) -> list[str]:
    with portal.store.write() as session:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        return [
            consents.issue_opt_out(session, contact, channel, policy=default_policy(), now=portal.clock.at)
            for channel in (Channel.EMAIL, Channel.SMS)
        ]


def robot(browser: Browser, portal: Portal, path: str) -> Page:
    """Open an address, run what it brings and wait until all is quiet."""
    seen = visit(browser, portal, width=1280, script=True)
    seen.page.goto(seen.base + path, wait_until="networkidle")
    assert seen.status == 200
    return seen.page


def presses(browser: Browser, portal: Portal, path: str) -> Iterator[Page]:
    """Press each button of a page, each in a browser that knows nothing of the others."""
    page = robot(browser, portal, path)
    count = len(page.query_selector_all(BUTTONS))
    page.context.close()
    assert count
    for number in range(count):
        page = robot(browser, portal, path)
        with page.expect_navigation():
            page.query_selector_all(BUTTONS)[number].click()
        yield page
        page.context.close()


def changed(before: dict[str, list[tuple[object, ...]]], portal: Portal) -> set[str]:
    after = everything(portal.store)
    return {name for name in after if after[name] != before[name]}


@both
def test_looking_with_scripts_changes_nothing(browser: Browser, live: Portal) -> None:
    """L-04: every address of every message, twice, with scripts: not one row differs."""
    account = owing(live)
    paths = [f"/l/{live.link(account, channel)}" for channel in (Channel.EMAIL, Channel.SMS)]
    for token in ways_out(live, account):
        paths += [f"/x/{token}", f"/x/{token}/one-click"]
    before = everything(live.store)
    for path in paths:
        page = robot(browser, live, path)
        page.reload(wait_until="networkidle")
        page.context.close()
    assert changed(before, live) == set()


@both
def test_pressing_continue_burns_nothing(browser: Browser, live: Portal) -> None:
    """L-05: the robot gets a session of its own and whatever it follows from there writes nothing; the
    reader still enters by the same link."""
    account = owing(live)
    token = live.link(account)
    before = everything(live.store)
    for page in presses(browser, live, f"/l/{token}"):
        if not page.url.endswith("/account"):
            continue
        entered = everything(live.store)
        for address in page.eval_on_selector_all("main a[href^='/account']", "all => all.map(a => a.href)"):
            assert page.goto(address).status < 400  # type: ignore[union-attr]
        assert changed(entered, live) <= OF_A_SESSION
    assert changed(before, live) <= OF_A_SESSION | {"message", "guess_counter"}
    page = robot(browser, live, f"/l/{token}")
    with page.expect_navigation():
        page.click("main form .btn-primary")
    assert page.url.endswith("/account")
    page.context.close()


@both
def test_pressing_the_way_out_is_one_word_that_can_be_taken_back(browser: Browser, live: Portal) -> None:
    """C-06, C-07, X-06: a robot that presses cannot be told from a person; it stops reminders to this one
    address, the person hears of it, and takes it back on the same page."""
    account = owing(live)
    mail, _sms = ways_out(live, account)
    before = everything(live.store)
    for page in presses(browser, live, f"/x/{mail}"):
        assert page.url.endswith(f"/x/{mail}")
    assert changed(before, live) <= OF_A_WORD
    page = robot(browser, live, f"/x/{mail}")
    with page.expect_navigation():
        page.click(BUTTONS)
    page.context.close()
    with live.store.read() as session:
        said = session.execute(select(ConsentEvent.event, ConsentEvent.channel)).all()
    assert [(row.event.value, row.channel) for row in said] == [
        ("opted_out", Channel.EMAIL), ("opted_in", Channel.EMAIL)
    ]  # fmt: skip
