"""What holds for every page: owner check, statement budget, headers, nothing written by a look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.payments import PaymentAttempt
from models.store import Store
from receivables.payments.quotes import Choice
from tests.portal.conftest import Portal
from tests.portal.test_links import everything
from tests.portal.test_overview import started
from tests.portal.visitor import Visitor

#: Pages of an account with their parts; {invoice} and {attempt} are filled in.
PAGES = [
    "/account",
    "/account/invoices/{invoice}",
    "/account/pay",
    "/account/pay?currency=GBP&what=chosen&invoice={invoice}",
    "/account/pay/review?currency=GBP&what=overdue",
    "/account/pay/review?currency=GBP&what=chosen&invoice={invoice}",
    "/r/{attempt}",
    "/r/{attempt}?left=1",
    "/left",
]
MOST_STATEMENTS = 6


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, str]]]:
    """Collect (engine, statement) of everything sent to the database."""
    seen: list[tuple[str, str]] = []

    def note_of(name: str):  # type: ignore[no-untyped-def]
        def note(_c, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
            if statement not in ("BEGIN", "BEGIN IMMEDIATE"):
                seen.append((name, statement))

        return note

    hooks = [(engine, note_of(name)) for name, engine in (("read", store.reader), ("write", store.writer))]
    for engine, hook in hooks:
        event.listen(engine, "before_cursor_execute", hook)
    try:
        yield seen
    finally:
        for engine, hook in hooks:
            event.remove(engine, "before_cursor_execute", hook)


@pytest.fixture
def attempt(portal: Portal, tidewater: Account) -> str:
    return started(portal, tidewater, Choice("overdue", "GBP")).ref


def first_invoice(portal: Portal, account: Account) -> str:
    with portal.store.read() as session:
        query = select(Invoice.ref).where(Invoice.account_id == account.id).order_by(Invoice.id)
        return session.scalars(query).first() or ""


@pytest.mark.parametrize("page", PAGES)
def test_budget_and_no_write(portal: Portal, tidewater: Account, attempt: str, page: str) -> None:
    """Quality bars: at most eight statements a page and none that writes, counted at the engines (L-04)."""
    address = page.format(invoice=first_invoice(portal, tidewater), attempt=attempt)
    visitor = portal.visitor(tidewater)
    before = everything(portal.store)
    with statements(portal.store) as seen:
        assert visitor.get(address).status_code == 200
    assert [s for name, s in seen if name == "write"] == []
    assert len(seen) <= MOST_STATEMENTS, [s for _, s in seen]
    assert visitor.client.head(address).status_code == 200
    assert everything(portal.store) == before


def test_every_view_says_who_may_see_it(portal: Portal) -> None:
    """A-01: a new route without an owner check fails here."""
    rules = [r for r in portal.app.url_map.iter_rules() if r.endpoint.startswith("portal_")]
    assert len(rules) > 15
    for rule in rules:
        if rule.endpoint.startswith("portal_webhooks."):
            continue
        check = getattr(portal.app.view_functions[rule.endpoint], "owner_check", None)
        looks = {"/account": "link", "/as-debtor": "staff"}
        assert check == looks.get("/" + rule.rule.split("/")[1], "public"), rule


def test_two_accounts_and_every_address(portal: Portal, tidewater: Account, attempt: str) -> None:
    """L-15: with another account's session, or none, nothing of this account is on any page."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 777, -3, number="2026-9001")

    stranger = portal.visitor(portal.account(fill, name="Harbour & Sons Ltd"))
    nobody = portal.visitor()
    with portal.store.read() as session:
        invoices = session.scalars(select(Invoice.ref).where(Invoice.account_id == tidewater.id)).all()
        attempts = session.scalars(select(PaymentAttempt.ref)).all()
    for ref in (*invoices, *attempts):
        for page in PAGES[1:6]:
            address = page.format(invoice=ref, attempt=ref)
            answer = stranger.get(address)
            assert "Tidewater" not in answer.text, address
            assert not re.search("2026-1(131|184|207|262)", answer.text), address
            if "/invoices/" in address:
                assert answer.status_code == 404
            assert nobody.get(address).status_code == 401, address
    assert stranger.get(f"/account/invoices/{attempts[0]}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/account/pay", "/account/pay/start", "/account/language", "/account/leave"]
)
def test_every_form_needs_session_and_token(portal: Portal, tidewater: Account, path: str) -> None:
    """A-09: without the page's token 400, without a session 401, and nothing happens."""
    visitor = portal.visitor(tidewater)
    before = everything(portal.store)
    assert visitor.client.post(path, data={"currency": "GBP", "what": "overdue"}).status_code == 400
    nobody = portal.visitor()
    nobody.get("/left")
    nobody.get("/l/x")
    assert nobody.post(path, {"currency": "GBP"}).status_code == 401
    assert everything(portal.store) == before


def test_headers_and_nothing_from_outside(portal: Portal, tidewater: Account, attempt: str) -> None:
    """L-12, L-14: policy, no referrer, no store; no inline style, script or picture, no other host."""
    visitor = portal.visitor(tidewater)
    for page in [*PAGES, "/l/nothing", "/nothing"]:
        answer = visitor.get(page.format(invoice=first_invoice(portal, tidewater), attempt=attempt))
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script" not in answer.text
        assert not re.search(r'\sstyle="|<style|<img|data:|\son\w+="', answer.text)
        assert not re.search(r'(src|<link[^>]+href)="https?:', answer.text)


def test_a_nul_is_refused(portal: Portal) -> None:
    """X-08: no page of the debtor's has a use for it, and PostgreSQL has none either."""
    visitor = Visitor(portal.app)
    visitor.get("/l/some-token")
    assert visitor.post("/l/some-token/fresh", {"note": "a"}).status_code != 400
    visitor.get("/l/some-token")
    assert visitor.post("/l/some-token/fresh", {"note": "a\x00b"}).status_code == 400
