"""The books: read only whatever is sent, set apart and escaped, calm with every address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import func, select

from admin.words import AUDIT
from jobs import worklist_run
from models import Base
from models.accounts import Account
from models.audit import AccessLog
from models.invoices import Invoice, InvoiceKind
from models.staff import Role
from models.states import InvoiceStatus
from models.store import Store
from receivables import audit
from tests.admin.conftest import Desk, desk_at
from tests.conftest import NOON
from tests.portal.test_routes import statements
from tests.portal.visitor import Visitor, words

LISTS = ["accounts", "invoices", "payments", "journal", "messages", "attempts", "notices", "audit"]


def counts(store: Store) -> dict[str, int]:
    """Rows of every table but the access log, which records looks."""
    with store.read() as session:
        return {
            t.name: session.execute(select(func.count()).select_from(t)).scalar_one()
            for t in Base.metadata.sorted_tables
            if t.name not in ("access_log", "guess_counter")
        }


def seen_by(desk: Desk) -> Visitor:
    return desk.at(Role.SUPERVISOR)


@pytest.mark.parametrize("name", LISTS)
def test_nothing_can_be_changed(desk: Desk, tidewater: Account, name: str) -> None:
    """House trap 2: new, edit, delete, bulk, inline and export have no address, with a token or without."""
    visitor = seen_by(desk)
    before = counts(desk.store)
    root = f"/desk/books/{name}"
    fields = {"id": "1", "name": "Gone", "action": "delete", "rowid": "1", "list_form_pk": "1"}
    for path in ("new/", "edit/?id=1", "delete/", "action/", "ajax/update/", "export/csv/", "ajax/lookup/"):
        assert visitor.client.get(f"{root}/{path}").status_code == 404
        assert visitor.post(f"{root}/{path}", fields).status_code == 404
    for path in ("", "details/?id=1"):
        visitor.get("/desk/")
        assert visitor.post(f"{root}/{path}", fields).status_code == 405
    assert counts(desk.store) == before


def test_posts_need_a_token(desk: Desk, tidewater: Account) -> None:
    """A-09: every change of the desk is refused without the CSRF token, before it is looked at."""
    visitor = seen_by(desk)
    visitor.csrf = ""
    before = counts(desk.store)
    for path in (
        f"/desk/accounts/{tidewater.ref}/remind", f"/desk/accounts/{tidewater.ref}/link",
        f"/desk/accounts/{tidewater.ref}/links/revoke", "/desk/alerts/x/close", "/desk/tasks/x/done",
        "/desk/logout", "/desk/login",
    ):  # fmt: skip
        visitor.csrf = ""
        assert visitor.post(path).status_code == 400, path
    assert counts(desk.store) == before


def test_no_file_of_flask_admin_is_served_or_used(desk: Desk) -> None:
    """The strict policy holds because none of its scripts and styles is there; keys.js is our own."""
    visitor = seen_by(desk)
    assert not [r for r in desk.app.url_map.iter_rules() if r.endpoint.endswith(".static")]
    page = visitor.get("/desk/books/accounts/").text
    assert re.findall(r'<script[^>]*src="([^"?]*)', page) == ["/desk-static/keys.js"]
    assert page.count("<script") == 1
    assert " style=" not in page
    assert "onclick" not in page
    for name in LISTS:
        visitor.get(f"/desk/books/{name}/")
        visitor.get(f"/desk/books/{name}/details/?id=1")
    ours = str(Path(desk.app.root_path) / "templates")
    cache = desk.app.jinja_env.cache
    assert cache is not None
    assert [t.filename for t in cache.values() if not str(t.filename).startswith(ours)] == []


QUERIES = [
    "", "?page=1", "?page=-3", "?page=99999999999999999999999", "?page=x", "?sort=0", "?sort=99&desc=1",
    "?sort=1&desc=1", "?search=%00%25_", "?search=2026", "?status=nonsense", "?currency=GBP",
    "?from=2026-11-01", "?from=0001-01-01", "?to=2026-13-45", "?from=%00", "?reference=invoice:",
    "?ledger=receivables", "?code=link.issued", "?kind=invoice", "?who=staff", "?flt0_0=1",
    "?page_size=100000",
]  # fmt: skip


def test_every_page_on_both_databases(database_url: str, tmp_path: Path) -> None:
    """Lists, filters, details and our own pages answer on SQLite and PostgreSQL alike."""
    for desk in desk_at(database_url, tmp_path):
        account = desk.account()
        invoice = desk.invoice(account, lines=3)
        visitor = desk.at(Role.SUPERVISOR)
        visitor.post(f"/desk/accounts/{account.ref}/remind")
        visitor.post(f"/desk/accounts/{account.ref}/link")
        at = f"accounts/{account.ref}"
        paper = f"invoices/{invoice}"
        own = ["", "alerts", "tasks?show=done", "search?q=2026", at, f"{at}?before=2026-11-20&show=money",
               f"{at}/remind", f"{at}/links/revoke", paper, f"{paper}/credit"]  # fmt: skip
        lists = [f"books/{name}/{query}" for name in LISTS for query in QUERIES]
        known = [
            f"books/{name}/details/?id=1" for name in ("accounts", "invoices", "journal", "messages", "audit")
        ]
        answers = {path: visitor.get(f"/desk/{path}").status_code for path in (*own, *lists, *known)}
        assert {path: status for path, status in answers.items() if status != 200} == {}


def test_details_of_nothing_are_not_found(desk: Desk, tidewater: Account) -> None:
    visitor = seen_by(desk)
    for number in ("0", "-1", "999999", "99999999999999999999", "abc", "%00", "٣", "1 or 1=1"):
        assert visitor.get(f"/desk/books/accounts/details/?id={number}").status_code == 404, number


def test_filters_narrow(desk: Desk, tidewater: Account) -> None:
    """Filters, search and days do what they say; the address of the next page keeps them."""
    visitor = seen_by(desk)
    euros = words(visitor.get("/desk/books/invoices/?currency=EUR"))
    assert "2026-E087" in euros
    assert "2026-1131" not in euros
    late = words(visitor.get("/desk/books/invoices/?to=2026-10-31"))
    assert "2026-1131" in late
    assert "2026-1184" not in late
    found = words(visitor.get("/desk/books/invoices/?search=1207&currency=GBP"))
    assert "2026-1207" in found
    assert "2026-1131" not in found
    credited = words(visitor.get("/desk/books/journal/?ledger=credit_notes"))
    assert "Nothing fits these filters." in credited
    for number in range(60):
        desk.invoice(tidewater, 100 + number, number=f"N-{number}")
    page = visitor.get("/desk/books/invoices/?currency=GBP&sort=0")
    assert "currency=GBP" in page.text.split('rel="next"')[0].rpartition("href=")[2]
    assert "51–" in words(visitor.get("/desk/books/invoices/?currency=GBP&sort=0&page=1"))


def test_drafts_are_in_no_list_and_have_no_page(desk: Desk, tidewater: Account) -> None:
    """get_one goes the way of get_query, or ids would leak (stack.md, finding 3)."""
    with desk.store.write() as session:
        draft = Invoice(
            account_id=tidewater.id, kind=InvoiceKind.INVOICE, number="DRAFT-1", status=InvoiceStatus.DRAFT,
            issued_on=NOON.date(), due_on=None, currency="GBP", lines_net_minor=100, total_minor=100,
            created_at=NOON,
        )  # fmt: skip
        session.add(draft)
        session.flush()
        number, ref = draft.id, draft.ref
    visitor = seen_by(desk)
    assert "DRAFT-1" not in visitor.get("/desk/books/invoices/").text
    assert visitor.get(f"/desk/books/invoices/details/?id={number}").status_code == 404
    assert visitor.get(f"/desk/invoices/{ref}").status_code == 404


def test_names_are_set_apart_and_escaped(desk: Desk) -> None:
    """X-04: markup and formulas in names stay words; right-to-left names can't reorder a row."""
    evil = '<script>alert(1)</script>=HYPERLINK("http://x")'
    account = desk.account(name=evil)
    desk.invoice(account, number="=1+1")
    worklist_run.run(desk.app.extensions["amicable"], now=desk.clock.at)
    visitor = seen_by(desk)
    for path in ("/desk/books/accounts/", "/desk/books/invoices/", "/desk/books/journal/", "/desk/",
                 f"/desk/accounts/{account.ref}", "/desk/search?q=HYPERLINK"):  # fmt: skip
        page = visitor.get(path).text
        assert "<script>" not in page, path
        assert "&lt;script&gt;" in page, path
    assert "<bdi>&lt;script&gt;" in visitor.get("/desk/books/accounts/").text


def test_journal_shows_whole_entries_that_balance(desk: Desk, tidewater: Account) -> None:
    """Debits equal credits on every page of the journal, per currency."""
    page = words(seen_by(desk).get("/desk/books/journal/"))
    assert "This page 2,318.40 2,318.40 GBP" in page
    assert "This page 215.00 215.00 EUR" in page


@pytest.mark.parametrize("name", LISTS)
def test_a_list_costs_few_statements(desk: Desk, tidewater: Account, name: str) -> None:
    """Names come in one statement a kind, not one a row; a look writes nothing."""
    visitor = seen_by(desk)
    with statements(desk.store) as seen:
        answer = visitor.client.get(f"/desk/books/{name}/")
        assert answer.status_code == 200
        assert [s for engine, s in seen if engine == "write"] == []
        assert len(seen) <= 8, [s for _, s in seen]


def test_each_code_of_the_audit_is_worded() -> None:
    """The desk has a word for each code that may be recorded."""
    assert audit.CODES - set(AUDIT) == set()


def test_looks_are_logged_after_the_answer(desk: Desk, tidewater: Account) -> None:
    """Decision 16, A-07: who read which account, outside the request and outside the chain."""
    visitor = seen_by(desk)
    before = len(desk.codes())
    with statements(desk.store) as seen:
        answer = visitor.client.get(f"/desk/accounts/{tidewater.ref}", buffered=False)
        inside = [s for engine, s in seen if engine == "write"]
        answer.close()
    assert inside == []
    assert [s for engine, s in seen if engine == "write" and "INSERT INTO access_log" in s]
    with desk.store.read() as session:
        row = session.scalars(select(AccessLog).where(AccessLog.account_id.is_not(None))).one()
    assert (row.account_id, row.endpoint) == (tidewater.id, "backoffice.account")
    assert row.request_id == answer.headers["X-Request-Id"]
    assert len(desk.codes()) == before
