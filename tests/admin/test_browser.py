"""The desk in a real Chromium: both directions, two widths, without script, axe without a finding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import WSGIRequestHandler, make_server

from models.accounts import Account
from models.staff import Role
from receivables import outbox
from tests import factories as make
from tests.admin.conftest import PASSWORD, Desk, desk_on
from tests.browser.watching import WatchedBrowser
from tests.browsers import AXE, chromium, follow, watched
from tests.conftest import NOON

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = [
    "/desk/", "/desk/alerts", "/desk/tasks", "/desk/search?q=2026", "/desk/accounts/{account}",
    "/desk/accounts/{account}/remind", "/desk/accounts/{account}/link",
    "/desk/accounts/{account}/links/revoke", "/desk/accounts/{account}/hold",
    "/desk/accounts/{account}/offer", "/desk/approvals", "/desk/disputes", "/desk/requests",
    "/desk/contacts/{named}", "/desk/contacts/{signer}",
    "/desk/hardship", "/desk/invoices/{invoice}", "/desk/invoices/{invoice}/credit",
    "/desk/books/", "/desk/books/accounts/", "/desk/books/invoices/", "/desk/books/payments/",
    "/desk/books/journal/", "/desk/books/journal/details/?id=1", "/desk/books/messages/",
    "/desk/books/attempts/", "/desk/books/notices/", "/desk/books/audit/",
    "/desk/books/audit/details/?id=1", "/desk/nothing",
    "/desk/worklist?view=one", "/desk/worklist/away", "/desk/worklist/bulk?act=put_off&account={account}",
    "/desk/profile/keys",
]  # fmt: skip


class _Silent(WSGIRequestHandler):
    def log(self, *_: object) -> None:
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


@pytest.fixture
def served(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[tuple[Desk, str]]:
    for desk in desk_on(tmp_path):
        port = free_port()
        server = make_server("127.0.0.1", port, desk.app, threaded=True, request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield desk, f"http://127.0.0.1:{port}"
        server.shutdown()
        thread.join()
        server.server_close()


def sign_in(page: Page, desk: Desk, url: str, role: Role, language: str = "en") -> None:
    person = desk.person(role, language=language)
    page.goto(f"{url}/desk/login")
    page.fill("#email", person.email)
    page.fill("#password", PASSWORD)
    page.fill("#code", desk.code() if person.totp_secret else "")
    follow(page, "button.go")
    page.wait_for_url("**/desk/")


def filled(desk: Desk) -> tuple[Account, str]:
    account = desk.account(name="מאפיית גלים ובניו בע״מ", phone="+447700900142")
    invoice = desk.invoice(account, 57600, late=29, lines=3)
    desk.invoice(account, 21500, late=-7, currency="EUR")
    with desk.store.write() as session:
        outbox.raise_alert(
            session, "attempt_unresolved", "attempt:1", account_id=account.id, now=desk.clock.at
        )
        outbox.note(session, account.id, "portal.opened", now=desk.clock.at)
    return account, invoice


def contacts(desk: Desk, account: Account) -> dict[str, str]:
    """One whom an import named four days ago and nobody confirmed, and one who may be marked to sign."""
    with desk.store.write() as session:
        named = make.a_contact(
            session, account, name="דנה לוי", email="dana@galim.example", now=NOON - timedelta(days=4)
        )
        named.confirmed_at, named.may_commit = None, False
        signer = make.a_contact(session, account, name="עומר כהן", email="omer@galim.example", role=None)
        return {"named": named.ref, "signer": signer.ref}


@pytest.mark.parametrize("language", ["en", "he"])
def test_every_page_is_sound(browser: Browser, served: tuple[Desk, str], language: str) -> None:
    """Axe finds nothing, the strict policy is not touched, and nothing runs over the side at 1280 and 820."""
    desk, url = served
    account, invoice = filled(desk)
    refs = {"account": account.ref, "invoice": invoice, **contacts(desk, account)}
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    complaints = watched(page)
    sign_in(page, desk, url, Role.SUPERVISOR, language)
    rules, axe = {"runOnly": RULES}, AXE.read_text(encoding="utf-8")
    found: dict[str, object] = {}
    for path in PAGES:
        for width in (1280, 820):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(url + path.format(**refs))
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
        page.evaluate(axe)
        wrong = page.evaluate("rules => axe.run(rules)", rules)["violations"]
        if wrong:
            found[path] = [(v["id"], v["nodes"][0]["html"]) for v in wrong]
    assert found == {}
    assert [c for c in complaints if "404" not in c] == []


def test_amounts_stand_at_the_right_in_hebrew_too(browser: Browser, served: tuple[Desk, str]) -> None:
    """Look.md: digits run left to right everywhere, so points stand under each other (decision 32)."""
    desk, url = served
    filled(desk)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, desk, url, Role.SUPERVISOR, "he")
    page.goto(f"{url}/desk/books/invoices/")
    assert page.evaluate("document.documentElement.dir") == "rtl"
    ends = page.eval_on_selector_all(
        "td.n bdi", "all => all.map(e => Math.round(e.getBoundingClientRect().right))"
    )
    assert len(ends) == 4
    assert len(set(ends[0::2])) == len(set(ends[1::2])) == 1


def test_whole_credit_note_without_script(browser: Browser, served: tuple[Desk, str]) -> None:
    """Everything works with plain forms: sign in, see what follows, record, sign out."""
    desk, url = served
    _, invoice = filled(desk)
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in(page, desk, url, Role.ACCOUNTANT)
    page.goto(f"{url}/desk/invoices/{invoice}/credit")
    page.fill("#number", "CN-7")
    page.fill("#amount", "100.50")
    page.fill("#reason", "two cases\ncame wet")
    follow(page, "main button.go")
    assert page.get_by_text("Record a credit note of 100.50").is_visible()
    follow(page, "main button.go")
    assert "Credit note CN-7 recorded:" in page.inner_text("[role=status]")
    page.click("header summary")
    follow(page, "header form[method=post] button")
    assert page.inner_text("[role=status]") == "You are signed out."
