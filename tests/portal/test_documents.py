"""Documents in the portal: the list, the statement on screen, files to keep, nobody else's."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Offer, Plan
from models.files import StoredFile
from models.invoices import Invoice
from models.payments import Payment
from models.states import AttemptStatus
from receivables import ledger
from receivables.payments.quotes import Choice
from receivables.ports import Document, DocumentFailed, StillPreparing
from tests.agreements import an_agreed_offer, an_agreed_plan
from tests.portal.conftest import Portal
from tests.portal.test_overview import settle, started
from tests.portal.test_routes import statements
from tests.portal.visitor import words
from tests.standins import pay_on_page

#: Every address of this room; {…} are refs.
PAGES = [
    "/account/documents",
    "/account/statement",
    "/account/statement?from={from}&to={to}&currency=GBP",
    "/account/statement.pdf",
    "/account/statement.csv",
    "/account/statement.xlsx",
    "/account/invoices/{invoice}/pdf",
    "/account/payments/{payment}/pdf",
    "/account/plans/{plan}/pdf",
    "/account/plans/{plan}/calendar",
    "/account/offers/{offer}/pdf",
]


@pytest.fixture(autouse=True)
def press_ends(portal: Portal) -> Iterator[None]:
    """The press lives as long as somebody holds its line."""
    yield
    portal.app.extensions["amicable"].press.close()


@pytest.fixture
def refs(portal: Portal, tidewater: Account) -> dict[str, str]:
    """Tidewater with a paid invoice, a plan and a settlement; refs of each."""
    begun = started(portal, tidewater, Choice("chosen", "GBP", (_invoice(portal, "2026-1131"),)))
    assert begun.url
    pay_on_page(begun.url)
    assert settle(portal, begun.ref) is AttemptStatus.SUCCEEDED
    with portal.store.write() as session:
        account = session.get_one(Account, tidewater.id)
        plan = an_agreed_plan(session, account, ["2026-1184"], now=portal.clock.at)
        offer = an_agreed_offer(session, account, ["2026-1262"], now=portal.clock.at)
    with portal.store.read() as session:
        payment = session.scalars(select(Payment.ref)).one()
    return {
        "invoice": _invoice(portal, "2026-1184"), "payment": payment, "plan": plan, "offer": offer,
        "from": portal.day(-90).isoformat(), "to": portal.today.isoformat(),
    }  # fmt: skip


def _invoice(portal: Portal, number: str) -> str:
    with portal.store.read() as session:
        return session.scalars(select(Invoice.ref).where(Invoice.number == number)).one()


@pytest.mark.parametrize("page", PAGES)
def test_budget_and_no_write(portal: Portal, tidewater: Account, refs: dict[str, str], page: str) -> None:
    """At most eight statements a page and none that writes, files included (L-04)."""
    visitor = portal.visitor(tidewater)
    with statements(portal.store) as seen:
        assert visitor.get(page.format(**refs)).status_code == 200
    assert [s for name, s in seen if name == "write"] == []
    assert len(seen) <= 8, [s for _, s in seen]


def test_two_accounts_and_every_document(portal: Portal, tidewater: Account, refs: dict[str, str]) -> None:
    """L-15, INV-17: another account's session sees 404 for each ref and its own data elsewhere; none, 401."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 777, -3, number="2026-9001")

    stranger = portal.visitor(portal.account(fill, name="Harbour & Sons Ltd"))
    nobody = portal.visitor()
    for page in PAGES:
        answer = stranger.get(page.format(**refs))
        assert answer.status_code == (404 if re.search(r"\{(invoice|payment|plan|offer)\}", page) else 200)
        if not answer.mimetype.startswith("application/"):
            assert "Tidewater" not in answer.text
            assert not re.search("2026-1(131|184|207|262)", answer.text), page
        assert nobody.get(page.format(**refs)).status_code == 401, page
    every = [ref for key, ref in refs.items() if key not in ("from", "to")]
    for page in ("invoices/{}/pdf", "payments/{}/pdf", "plans/{}/pdf", "plans/{}/calendar", "offers/{}/pdf"):
        for ref in every:
            assert stranger.get(f"/account/{page.format(ref)}").status_code == 404


@pytest.mark.parametrize("page", [p for p in PAGES if p.endswith((".pdf", "/pdf"))])
def test_files_are_kept_by_nobody_and_shown_by_no_page(
    portal: Portal, tidewater: Account, refs: dict[str, str], page: str
) -> None:
    """X-03: attachment with a UTF-8 name, nosniff, sandbox, no-store."""
    answer = portal.visitor(tidewater).get(page.format(**refs))
    assert answer.data.startswith(b"%PDF-")
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers.get("ETag") is None


def test_a_name_in_hebrew_is_a_name_in_utf8(portal: Portal) -> None:
    """RFC 6266: the creditor's name travels percent-encoded; nothing in it ends the header."""

    def fill(session: Session, account: Account) -> None:
        portal.invoice(session, account, 777, -3)

    account = portal.account(fill, creditor={"name": 'צפון אספקה בע"מ/..'})
    header = portal.visitor(account).get("/account/statement.csv").headers["Content-Disposition"]
    assert "filename*=UTF-8''%D7%A6%D7%A4%D7%95%D7%9F%20" in header
    assert "/" not in header
    assert "%2F" not in header


def test_the_list_holds_everything(portal: Portal, tidewater: Account, refs: dict[str, str]) -> None:
    """Issue B part 6: invoices, statement, receipts, plan and settlement agreements, each with its link."""
    page = portal.visitor(tidewater).get("/account/documents")
    for kind, address in (
        ("invoice", "/account/invoices/{}/pdf"),
        ("payment", "/account/payments/{}/pdf"),
        ("plan", "/account/plans/{}/pdf"),
        ("offer", "/account/offers/{}/pdf"),
    ):
        assert f'href="{address.format(refs[kind])}"' in page.text
    assert 'href="/account/statement"' in page.text
    said = words(page)
    assert re.search(r"Invoice 2026-1131 £576\.00 ?Dated", said)
    assert "£842.40 still open" in said


def test_the_statement_adds_up_in_sight(portal: Portal, tidewater: Account, refs: dict[str, str]) -> None:
    """Opening, movements and closing on screen sum to what the ledger says is owed."""
    said = words(portal.visitor(tidewater).get("/account/statement"))
    with portal.store.read() as session:
        owed = sum(
            i.balance_minor
            for i in session.scalars(select(Invoice).where(Invoice.account_id == tidewater.id))
        )
        assert ledger.unapplied_credit(session, tidewater.id) == []
    assert f"Balance on {_day(portal.today)} £{owed / 100:,.2f}" in said
    figures = {
        name: _pence(said, name) for name in ("Balance brought forward", "Charged", "Paid or credited")
    }
    assert figures["Balance brought forward"] + figures["Charged"] - figures["Paid or credited"] == owed
    assert "Payment PC-" in said
    assert "for 2026-1131" in said


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _pence(said: str, name: str) -> int:
    found = re.search(rf"{name} £([\d,]+)\.(\d\d)", said)
    assert found, (name, said)
    return int(found[1].replace(",", "") + found[2])


@pytest.mark.parametrize(
    ("query", "sentence", "field"),
    [
        ("from=2026-09-30&to=2026-09-01", "The last day is before the first", "from"),
        ("from=2026-09-30", "Choose both the first and the last day", "to"),
        ("from=2020-01-01&to=2021-06-30", "One statement covers at most 366 days", "from"),
        ("from=2020-01-01&to=2999-01-01", "The last day is still to come", "to"),
        ("from=30.9.2026&to=2026-10-01", "Type the day as year, month and day", "from"),
        ("from=2026-02-30&to=2026-10-01", "Type the day as year, month and day", "from"),
    ],
)
def test_a_period_that_cannot_be(
    portal: Portal, tidewater: Account, query: str, sentence: str, field: str
) -> None:
    """Bad input: 422, a summary that leads to the field, what was typed stays; files lead to the page."""
    visitor = portal.visitor(tidewater)
    answer = visitor.get(f"/account/statement?{query}&currency=GBP")
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert f'href="#{field}"' in answer.text
    for typed in re.findall(r"=([^&]+)", query):
        assert f'value="{typed}"' in answer.text
    for ending in ("pdf", "csv", "xlsx"):
        gone = visitor.get(f"/account/statement.{ending}?{query}")
        assert gone.status_code == 303
        assert gone.location.startswith("/account/statement?")


@pytest.mark.parametrize("more", ["endpoint=x", "_external=1&_scheme=javascript", "_anchor=x", "filename=y"])
def test_nothing_foreign_rides_along(portal: Portal, tidewater: Account, more: str) -> None:
    """An address leads back to the page with what belongs to it, whatever else was put into it."""
    visitor = portal.visitor(tidewater)
    gone = visitor.get(f"/account/statement.pdf?from=x&to=y&{more}")
    assert (gone.status_code, gone.location) == (303, "/account/statement?from=x&to=y")
    house = portal.app.extensions["amicable"]
    slow = _with_press(house, SlowPress(StillPreparing("x")))
    portal.app.extensions["amicable"] = slow
    try:
        answer = visitor.get(f"/account/statement.pdf?period=year&{more}")
    finally:
        portal.app.extensions["amicable"] = house
    assert answer.headers["Refresh"] == "2; url=/account/statement.pdf?period=year&look=1"


def test_another_currency_is_404_and_an_empty_account_says_so(portal: Portal, tidewater: Account) -> None:
    """A currency without a movement is nobody's; no movement at all is said, and gives no file."""
    assert portal.visitor(tidewater).get("/account/statement?currency=EUR").status_code == 404
    assert portal.visitor(tidewater).get("/account/statement?currency=XXX").status_code == 404
    assert portal.visitor(tidewater).get("/account/statement?period=ever").status_code == 404
    empty = portal.visitor(portal.account())
    assert "nothing in the books" in words(empty.get("/account/statement"))
    assert empty.get("/account/statement.pdf").status_code == 303
    assert "There are no invoices yet" in words(empty.get("/account/documents"))


def test_csv_is_the_statement(portal: Portal, tidewater: Account, refs: dict[str, str]) -> None:
    """X-01: amounts are numbers, balances run from opening to closing."""
    text = portal.visitor(tidewater).get("/account/statement.csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    pence = [round(float(row["Balance"]) * 100) for row in rows]
    moved = [
        round(float(row["Charged"] or 0) * 100) - round(float(row["Paid or credited"] or 0) * 100)
        for row in rows[1:-1]
    ]
    assert pence[0] + sum(moved) == pence[-1] == pence[-2]
    assert {row["Currency"] for row in rows} == {"GBP"}


def test_the_creditors_own_file_comes_first(portal: Portal, tidewater: Account) -> None:
    """Decision 4: where the original is there, it is given byte for byte under its own name."""
    house = portal.app.extensions["amicable"]
    digest = house.files.keep(b"%PDF-1.7 the creditor's own %%EOF")
    with portal.store.write() as session:
        file = StoredFile(
            content_digest=digest, name="Rechnung 2026-1131.pdf", media_type="application/pdf",
            size_bytes=33, account_id=tidewater.id, retention_class="books", stored_at=portal.clock.at,
        )  # fmt: skip
        session.add(file)
        session.flush()
        session.scalars(select(Invoice).where(Invoice.number == "2026-1131")).one().file_id = file.id
    answer = portal.visitor(tidewater).get(f"/account/invoices/{_invoice(portal, '2026-1131')}/pdf")
    assert answer.data == b"%PDF-1.7 the creditor's own %%EOF"
    assert "Rechnung 2026-1131.pdf" in answer.headers["Content-Disposition"]


def test_the_calendar_has_one_day_a_part(portal: Portal, tidewater: Account, refs: dict[str, str]) -> None:
    """Part 3: stable ids, an alarm the day before, a way back to the account."""
    visitor = portal.visitor(tidewater)
    text = visitor.get(f"/account/plans/{refs['plan']}/calendar").text.replace("\r\n ", "")
    assert text.count("BEGIN:VEVENT") == text.count("BEGIN:VALARM") == 3
    assert text.count("http://localhost/account") == 3
    again = visitor.get(f"/account/plans/{refs['plan']}/calendar").text.replace("\r\n ", "")
    ids = re.findall(r"UID:(\S+)", text)
    assert len(set(ids)) == 3
    assert re.findall(r"UID:(\S+)", again) == ids


class SlowPress:
    """A press that is never ready, or that fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def press(self, document: Document) -> bytes:
        raise self.error

    def close(self) -> None: ...


def test_a_page_says_preparing_and_looks_again(
    portal: Portal, tidewater: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decision 23: 202 with a Refresh to the same document; after a while it stops by itself."""
    house = portal.app.extensions["amicable"]
    monkeypatch.setitem(portal.app.extensions, "amicable", _with_press(house, SlowPress(StillPreparing("x"))))
    visitor = portal.visitor(tidewater)
    address = "/account/statement.pdf?period=year"
    for look in range(1, 11):
        answer = visitor.get(address)
        assert answer.status_code == 202
        assert "being prepared" in words(answer)
        seconds, _, address = answer.headers["Refresh"].partition("; url=")
        assert seconds == "2"
        assert address == f"/account/statement.pdf?period=year&look={look}"
    answer = visitor.get(address)
    assert "Refresh" not in answer.headers
    assert "longer than usual" in words(answer)


def test_a_failed_document_is_said_and_logged(
    portal: Portal, tidewater: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for what will not come; the log names the kind, not the content."""
    house = portal.app.extensions["amicable"]
    broken = _with_press(house, SlowPress(DocumentFailed("unknown variable")))
    monkeypatch.setitem(portal.app.extensions, "amicable", broken)
    answer = portal.visitor(tidewater).get("/account/statement.pdf")
    assert answer.status_code == 503
    assert "cannot be made just now" in words(answer)
    assert any(record.message == "document" for record in caplog.records)


def _with_press(house: object, press: SlowPress) -> object:
    return dataclasses.replace(house, press=press)  # type: ignore[type-var]


def test_agreements_that_nobody_may_see_yet(portal: Portal, tidewater: Account, refs: dict[str, str]) -> None:
    """A drafted offer is the desk's own until it is made; a draft of a plan says that it is one."""
    with portal.store.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE offer SET status = 'draft', accepted_at = NULL WHERE ref = '{refs['offer']}'"  # noqa: S608
        )
    assert portal.visitor(tidewater).get(f"/account/offers/{refs['offer']}/pdf").status_code == 404
    with portal.store.read() as session:
        assert session.scalars(select(Plan.ref)).one() == refs["plan"]
        assert session.scalars(select(Offer.ref)).one() == refs["offer"]
