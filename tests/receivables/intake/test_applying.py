"""From a table to the books: what is read, what is refused, what is posted (decisions 3 and 28)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateways.spreadsheets import DelimitedTable
from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.audit import AuditEntry
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerEntry, Posting
from models.states import InvoiceStatus
from models.store import Store
from receivables import audit, ledger
from receivables.errors import NotAllowed, Refused
from receivables.intake import applying, reading
from receivables.intake.cells import CellUnreadable, line_net_minor, plain_date, plain_number
from receivables.intake.rows import Finding, Grade, IntakeOptions, WrongUse, recognise
from receivables.intake.staging import StagedDocument, Staging
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests.conftest import NOON
from tests.factories import a_creditor, an_account

GBP = IntakeOptions(currency="GBP", terms_days=30, as_of=date(2026, 1, 1), date_order="dmy")
HEAD = "InvoiceNo;Description;Quantity;InvoiceDate;UnitPrice;CustomerID\n"


def staged(folder: Path, text: str, options: IntakeOptions = GBP) -> Staging:
    """Pass one over a table, without the books."""
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    staging = Staging.begin(folder / "staging.sqlite")
    reading.stage(DelimitedTable(path, delimiter=";"), options, staging, watch=lambda _rows: None)
    return staging


def documents(staging: Staging) -> dict[str, StagedDocument]:
    return {document.number: document for document in staging.documents(0, 1000)}


def found(staging: Staging) -> list[tuple[int, str, str]]:
    return [(finding.line, finding.column, finding.reason) for finding in staging.findings()]


# --------------------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("text", "mark", "plain"),
    [
        ("2,55", ",", "2.55"), ("1.234,5", ",", "1234.5"), ("1 234 567,89", ",", "1234567.89"),
        ("1'234.50", ".", "1234.50"), ("1,234", ".", "1234"), ("-12", ".", "-12"), ("−12", ".", "-12"),
        ("+7", ".", "7"), ("007", ".", "7"), ("-0", ".", "0"), ("-0.00", ".", "0.00"), (",5", ",", "0.5"),
        ("2.5500", ".", "2.5500"),
    ],
)  # fmt: skip
def test_numbers_are_kept_as_decimal_strings(text: str, mark: str, plain: str) -> None:
    assert plain_number(text, mark) == plain


@pytest.mark.parametrize(
    ("text", "mark", "reason"),
    [
        ("", ".", "empty"), ("NaN", ".", "not_a_number"), ("inf", ".", "not_a_number"),
        ("-Infinity", ".", "not_a_number"), ("1e400", ".", "not_a_number"), ("1E5", ".", "not_a_number"),
        ("9" * 1000, ".", "number_too_long"), ("9" * 16, ".", "number_too_long"),
        ("0." + "1" * 11, ".", "too_many_places"), ("2,55", ".", "not_a_number"),
        ("1.23", ",", "not_a_number"), ("1,23,456", ".", "not_a_number"), ("12abc", ".", "not_a_number"),
        (".", ".", "not_a_number"), ("--1", ".", "not_a_number"), ("٣", ".", "not_a_number"),
        ("=1+1", ".", "not_a_number"), ("0x1F", ".", "not_a_number"), ("1_000", ".", "not_a_number"),
    ],
)  # fmt: skip
def test_what_is_no_number(text: str, mark: str, reason: str) -> None:
    with pytest.raises(CellUnreadable) as unreadable:
        plain_number(text, mark)
    assert unreadable.value.reason == reason


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("1/12/2010 08:26", "dmy", "2010-12-01"), ("1/12/2010", "mdy", "2010-01-12"),
        ("2010-12-01T08:26:00Z", "ymd", "2010-12-01"), ("2010/2/3", "dmy", "2010-02-03"),
        ("01.12.2010.", "dmy", "2010-12-01"), ("29-02-2024", "dmy", "2024-02-29"),
    ],
)  # fmt: skip
def test_days(text: str, order: str, day: str) -> None:
    assert plain_date(text, order) == day


@pytest.mark.parametrize(
    ("text", "order", "reason"),
    [
        ("30/02/2026", "dmy", "impossible_date"), ("29/02/2023", "dmy", "impossible_date"),
        ("12/13/2026", "dmy", "impossible_date"), ("0/1/2026", "dmy", "impossible_date"),
        ("1/1/0001", "dmy", "impossible_date"), ("1/2/26", "dmy", "not_a_date"),
        ("40513", "dmy", "not_a_date"), ("1/2-2026", "dmy", "not_a_date"), ("1/2/2026", "ymd", "not_a_date"),
        ("yesterday", "dmy", "not_a_date"), ("", "dmy", "empty"),
    ],
)  # fmt: skip
def test_days_that_are_none(text: str, order: str, reason: str) -> None:
    with pytest.raises(CellUnreadable) as unreadable:
        plain_date(text, order)
    assert unreadable.value.reason == reason


def test_a_line_is_rounded_once_half_up_in_its_currency() -> None:
    """M-01: 28 digits and more stay exact until the one rounding."""
    assert line_net_minor("3", "0.335", "GBP") == 101
    assert line_net_minor("-3", "0.335", "GBP") == -101
    assert line_net_minor("1", "0.4999999999", "JPY") == 0
    assert line_net_minor("0.0000000001", "999999999999999.9999999999", "GBP") == 10_000_000
    assert line_net_minor("2", "1.0005", "KWD") == 2001
    with pytest.raises(CellUnreadable):
        line_net_minor("999999999999999", "999999999999999", "GBP")


# --------------------------------------------------------------------------- columns


def test_columns_are_recognised_however_they_are_written() -> None:
    header = ["Invoice Number", "CUSTOMER_ID", "Invoice Date", "qty", "Unit price", "VAT %", "Warehouse"]
    places, findings = recognise(header, {})
    assert findings == []
    assert places == {
        "number": 0, "customer": 1, "issued_on": 2, "quantity": 3, "unit_price": 4, "tax_rate": 5,
    }  # fmt: skip


def test_columns_are_mapped_by_hand_and_the_hand_wins() -> None:
    header = ["Belegnr", "Kunde", "InvoiceDate", "Date", "Quantity", "UnitPrice"]
    places, findings = recognise(header, {"Belegnr": "number", "kunde": "customer", "Date": "issued_on"})
    assert findings == []
    assert (places["number"], places["customer"], places["issued_on"]) == (0, 1, 3)
    with pytest.raises(WrongUse, match="unknown_field"):
        recognise(header, {"Belegnr": "nummer"})
    with pytest.raises(WrongUse, match="unknown_column"):
        recognise(header, {"Nummer": "number"})


def test_missing_and_doubled_columns_are_errors() -> None:
    _, findings = recognise(["InvoiceNo", "Invoice", "InvoiceDate", "Quantity", "UnitPrice"], {})
    assert {(finding.column, finding.reason) for finding in findings} == {
        ("number", "column_twice"), ("customer", "column_missing"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (IntakeOptions(terms_days=30, as_of=date(2026, 1, 1)), "currency_needed"),
        (IntakeOptions(currency="GBP", as_of=date(2026, 1, 1)), "terms_needed"),
        (IntakeOptions(currency="GBP", terms_days=30), "terms_needed"),
    ],
)
def test_a_file_without_currency_and_due_dates_needs_them_said(
    tmp_path: Path, options: IntakeOptions, code: str
) -> None:
    with pytest.raises(WrongUse, match=code):
        staged(tmp_path, HEAD + "1;x;1;1/1/2026;2,50;A\n", options)


@pytest.mark.parametrize(
    ("prices", "dates", "reason"),
    [
        (["2,50"], ["1/12/2025", "5/11/2025"], "date_ambiguous"),
        (["2,50"], ["2025-12-01", "2025-11-05"], None),
        (["2,50"], ["2025-12-01", "5/11/2025"], "not_a_date"),  # two orders in one file
        (["2,50"], ["1/12/2025", "13/12/2025"], None),
        (["2,50"], ["5/5/2025", "1/13/2025"], None),
        (["1,250", "2,500"], ["13/12/2025", "13/12/2025"], "number_ambiguous"),
        (["1,250", "2,50"], ["13/12/2025", "13/12/2025"], None),
        (["1250", "2500"], ["13/12/2025", "13/12/2025"], None),
    ],
)
def test_marks_are_found_or_asked_for(
    tmp_path: Path, prices: list[str], dates: list[str], reason: str | None
) -> None:
    options = IntakeOptions(currency="GBP", terms_days=0, as_of=date(2026, 1, 1))
    rows = "".join(f"{n};x;1;{day};{prices[n % len(prices)]};A\n" for n, day in enumerate(dates))
    assert reason in ([found_[2] for found_ in found(staged(tmp_path, HEAD + rows, options))] or [None])


def test_a_late_row_decides_the_order_of_dates(tmp_path: Path) -> None:
    rows = "".join(f"{n};x;1;1/2/2026;2,50;A\n" for n in range(5000)) + "x;x;1;28/2/2026;2,50;A\n"
    options = IntakeOptions(currency="GBP", terms_days=0, as_of=date(2026, 1, 1))
    staging = staged(tmp_path, HEAD + rows, options)
    assert found(staging) == []
    assert documents(staging)["7"].issued_on == date(2026, 2, 1)


# --------------------------------------------------------------------------- grouping


def test_lines_that_stand_apart_are_one_invoice(tmp_path: Path) -> None:
    """Also when more heads than are kept in memory lie between them."""
    between = "".join(f"N{n};filler;1;2/1/2026;1,00;B\n" for n in range(2500))
    text = HEAD + "7;first;2;1/1/2026 08:00;1,50;A\n" + between + "7;last;1;1/1/2026 09:30;0,333;A\n"
    staging = staged(tmp_path, text)
    document = documents(staging)["7"]
    assert found(staging) == []
    assert [line.description for line in document.lines] == ["first", "last"]
    assert [line.net_minor for line in document.lines] == [300, 33]
    assert (document.total_minor, document.due_on) == (333, date(2026, 1, 31))
    assert staging.totals() == (2501, 0)


def test_a_head_may_be_said_once(tmp_path: Path) -> None:
    staging = staged(tmp_path, HEAD + "7;a;1;1/1/2026;1,00;A\n7;b;1;;2,00;\n")
    assert found(staging) == []
    assert documents(staging)["7"].total_minor == 300


@pytest.mark.parametrize(
    ("second", "column", "reason"),
    [
        ("7;b;1;1/1/2026;2,00;B;GBP;", "customer", "conflict"),
        ("7;b;1;2/1/2026;2,00;A;GBP;", "issued_on", "conflict"),
        ("7;b;1;1/1/2026;2,00;A;EUR;", "currency", "two_currencies"),
        ("7;b;1;1/1/2026;2,00;A;GBP;PO-2", "purchase_order", "conflict"),
    ],
)
def test_one_number_with_two_stories_is_an_error(
    tmp_path: Path, second: str, column: str, reason: str
) -> None:
    head = "InvoiceNo;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Currency;PO\n"
    staging = staged(tmp_path, head + "7;a;1;1/1/2026;1,00;A;GBP;PO-1\n" + second + "\n")
    assert found(staging) == [(3, column, reason)]
    assert staging.count(Grade.ERROR) == 1


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("7;x;1;30/02/2026;1,00;A", "issued_on", "impossible_date"),
        ("7;x;NaN;1/1/2026;1,00;A", "quantity", "not_a_number"),
        ("7;x;1;1/1/2026;inf;A", "unit_price", "not_a_number"),
        ("7;x;1e400;1/1/2026;1,00;A", "quantity", "not_a_number"),
        (f"7;x;{'9' * 1000};1/1/2026;1,00;A", "quantity", "number_too_long"),
        ("7;x;999999999999;1/1/2026;999999999999;A", "unit_price", "amount_too_large"),
        (f"7;{'x' * 5000};1;1/1/2026;1,00;A", "description", "text_too_long"),
        (f"{'7' * 200};x;1;1/1/2026;1,00;A", "number", "text_too_long"),
        (";x;1;1/1/2026;1,00;A", "number", "empty"),
        ("7;x;1;;1,00;A", "issued_on", "empty"),
        ("7;x;1;1/1/2026;;A", "unit_price", "empty"),
        ("7;x;1;1/1/2026;1,00", "", "wrong_columns"),
        ("7;x;1;1/1/2026;1,00;A;more", "", "wrong_columns"),
    ],
)
def test_errors_are_told_with_line_and_column(tmp_path: Path, row: str, column: str, reason: str) -> None:
    options = IntakeOptions(
        currency="GBP", terms_days=30, as_of=date(2026, 1, 1), date_order="dmy", decimal_mark=","
    )
    staging = staged(tmp_path, HEAD + "1;x;1;1/1/2026;1,00;A\n" + row + "\n", options)
    assert (3, column, reason) in found(staging)
    assert staging.count(Grade.ERROR) == 1


def test_a_document_of_huge_lines_does_not_overflow(tmp_path: Path) -> None:
    """Each line is within range; 20,000 of them are not, nor would be their 64-bit sum."""
    rows = "7;x;1;1/1/2026;9999999999999,00;A\n" * 20_000
    staging = staged(tmp_path, HEAD + rows)
    assert found(staging) == [(2, "total", "amount_too_large")]


def test_what_is_rejected_leaves_the_rest(tmp_path: Path) -> None:
    rows = (
        "1;x;1;1/1/2026;1,00;\n2;x;1;1/1/2026;0;A\n2;y;1;1/1/2026;5,00;A\n"
        "3;x;1;1/1/2026;-1,00;A\n4;x;1;1/1/2026;1,00;A\n"
    )
    staging = staged(tmp_path, HEAD + rows)
    assert found(staging) == [
        (2, "customer", "no_customer"),
        (3, "unit_price", "price_not_positive"),
        (5, "unit_price", "price_not_positive"),
    ]
    assert list(documents(staging)) == ["4"]
    assert staging.totals() == (1, 3)


def test_zero_lines_may_be_dropped_but_never_a_negative_price(tmp_path: Path) -> None:
    """A line of no price changes nothing; leaving out a discount would ask for too much."""
    options = IntakeOptions(
        currency="GBP", terms_days=30, as_of=date(2026, 1, 1), date_order="dmy", drop_zero_lines=True
    )
    rows = "1;x;1;1/1/2026;0,00;A\n1;y;1;1/1/2026;5,00;A\n2;x;1;1/1/2026;0;A\n3;x;1;1/1/2026;-1,00;A\n"
    staging = staged(tmp_path, HEAD + rows, options)
    assert found(staging) == [(4, "number", "no_lines"), (5, "unit_price", "price_not_positive")]
    assert [line.description for line in documents(staging)["1"].lines] == ["y"]


def test_the_sign_of_the_total_makes_a_credit_note(tmp_path: Path) -> None:
    """Decision 3: totals are positive in every kind, lines may be negative."""
    rows = (
        "C5;back;-2;1/1/2026;2,50;A\nC5;fee kept;1;1/1/2026;1,00;A\n"
        "6;sold;3;1/1/2026;2,00;A\n6;back;-1;1/1/2026;2,00;A\n"
    )
    staged_ = documents(staged(tmp_path, HEAD + rows))
    note, invoice = staged_["C5"], staged_["6"]
    assert (note.kind, note.total_minor, note.due_on) == (InvoiceKind.CREDIT_NOTE, 400, None)
    assert [(line.quantity, line.net_minor) for line in note.lines] == [("2", 500), ("-1", -100)]
    assert (invoice.kind, invoice.total_minor) == (InvoiceKind.INVOICE, 400)
    assert [line.quantity for line in invoice.lines] == ["3", "-1"]


def test_kinds_that_are_said(tmp_path: Path) -> None:
    head = "InvoiceNo;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Kind\n"
    rows = (
        "1;x;1;1/1/2026;1,00;A;Credit note\n1;x;1;1/1/2026;2,00;A;Invoice\n2;x;1;1/1/2026;1,00;A;fee\n"
        "3;x;-1;1/1/2026;1,00;A;381\n4;x;-1;1/1/2026;1,00;A;invoice\n5;x;1;1/1/2026;1,00;A;prepayment\n"
    )
    staging = staged(tmp_path, head + rows)
    assert [(d.number, d.kind.value, d.total_minor) for d in staging.documents(0, 9)] == [
        ("1", "credit_note", 100), ("1", "invoice", 200), ("2", "fee", 100), ("3", "credit_note", 100),
        ("5", "prepayment", 100),
    ]  # fmt: skip
    assert found(staging) == [(6, "total", "negative_total")]
    wrong = staged(
        tmp_path, head + "1;x;1;1/1/2026;1,00;A;\n1;x;1;1/1/2026;2,00;A;invoice\n2;x;1;1/1/2026;1;A;quote\n"
    )
    assert found(wrong) == [(3, "number", "number_twice"), (4, "kind", "kind_unknown")]


def test_tax_totals_and_rounding(tmp_path: Path) -> None:
    head = "InvoiceNo;Quantity;InvoiceDate;UnitPrice;CustomerID;TaxRate;TaxAmount;Total\n"
    rows = (
        "1;1;1/1/2026;10,00;A;17,5%;;11,75\n"  # by rate
        "2;1;1/1/2026;10,00;A;17,5;1,76;\n"  # the stated tax wins
        "3;3;1/1/2026;0,333;A;;;1,01\n"  # a penny of rounding
        "4;1;1/1/2026;10,00;A;;;10,50\n"  # not rounding any more
    )
    staging = staged(tmp_path, head + rows)
    assert found(staging) == [(5, "total", "total_differs")]
    made = documents(staging)
    assert [(made[n].tax_minor, made[n].rounding_minor, made[n].total_minor) for n in "123"] == [
        (175, 0, 1175), (176, 0, 1176), (0, 1, 101),
    ]  # fmt: skip


def test_amounts_and_rates_that_cannot_be(tmp_path: Path) -> None:
    """An error in a line is told alone, not also what would follow from the line's absence."""
    head = "InvoiceNo;Quantity;InvoiceDate;UnitPrice;CustomerID;TaxRate;TaxAmount;Total\n"
    rows = "5;1;1/1/2026;10,00;A;;;10,005\n6;1;1/1/2026;10,00;A;100;;\n7;1;1/1/2026;10,00;A;-1;;9,90\n"
    assert found(staged(tmp_path, head + rows)) == [
        (2, "total", "too_many_places"),
        (3, "tax_rate", "rate_out_of_range"),
        (4, "tax_rate", "rate_out_of_range"),
    ]


def test_documents_without_lines(tmp_path: Path) -> None:
    """Decision 3: a table of totals is enough."""
    head = "InvoiceNo;InvoiceDate;DueDate;CustomerID;Total;TaxAmount;Currency\n"
    rows = (
        "1;13/1/2026;20/1/2026;A;120,00;20,00;eur\n2;13/1/2026;;A;-5,00;;EUR\n"
        "3;13/1/2026;12/1/2026;A;5,00;;EUR\n4;13/1/2026;;A;5,00;;EUR\n"
    )
    staging = staged(tmp_path, head + rows, IntakeOptions())
    made = documents(staging)
    assert (made["1"].lines_net_minor, made["1"].tax_minor, made["1"].total_minor) == (10000, 2000, 12000)
    assert (made["1"].currency, made["1"].due_on, made["1"].lines) == ("EUR", date(2026, 1, 20), ())
    assert (made["2"].kind, made["2"].total_minor) == (InvoiceKind.CREDIT_NOTE, 500)
    assert found(staging) == [(4, "due_on", "due_before_issue"), (5, "due_on", "empty")]


def test_contact_details_that_are_unusable_reject_nothing(tmp_path: Path) -> None:
    head = "InvoiceNo;Quantity;InvoiceDate;UnitPrice;CustomerID;Email;Phone;Country\n"
    rows = (
        "1;1;1/1/2026;1,00;A;pay at a.example;020 7946 0018;EIRE\n"
        "2;1;1/1/2026;1,00;B;p@b.example;+44 20 7946 0018;Mordor\n"
    )
    staging = staged(tmp_path, head + rows)
    assert found(staging) == [
        (2, "email", "email_unusable"),
        (2, "phone", "phone_unusable"),
        (3, "country", "country_unknown"),
    ]
    assert (staging.count(Grade.ERROR), staging.count(Grade.REJECTED)) == (0, 1)
    only = documents(staging)["1"]
    assert (only.email, only.phone, only.country) == (None, None, "IE")


def test_formulas_stay_text(tmp_path: Path) -> None:
    """X-01: nothing is changed on the way in; whoever writes a table makes its cells safe."""
    staging = staged(tmp_path, HEAD + "7;=cmd|' /C calc'!A0;1;1/1/2026;1,00;A\n")
    assert documents(staging)["7"].lines[0].description == "=cmd|' /C calc'!A0"


# --------------------------------------------------------------------------- the books


class Books:
    """A creditor's books that tables are brought into; what is read comes in no certain order."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        with store.write() as session:
            self.creditor = a_creditor(session, code="NORTH")

    def stage(self, text: str, options: IntakeOptions = GBP) -> Staging:
        staging = staged(self.folder, text, options)
        with self.store.read() as session:
            applying.compare_with_books(session, self.creditor, staging, watch=lambda _position: None)
        if not staging.count(Grade.ERROR):
            staging.keep()
        return staging

    def open(self, staging: Staging, digest: str = "a" * 64, actor: Actor = SYSTEM) -> int:
        with self.store.write() as session:
            batch = applying.open_batch(
                session, actor, self.creditor, content_digest=digest, file_name="t.csv", options={},
                staging=staging, now=NOON,
            )  # fmt: skip
            return batch.id

    def apply(
        self, batch_id: int, staging: Staging, *, size: int = 500, options: IntakeOptions = GBP
    ) -> applying.Applied:
        with self.store.write() as session:
            return applying.apply_next(
                session, SYSTEM, batch_id, staging=staging, options=options, size=size, now=NOON
            )

    def bring(self, text: str, options: IntakeOptions = GBP, digest: str = "a" * 64) -> applying.Applied:
        staging = self.stage(text, options)
        assert found(staging) == []
        return self.apply(self.open(staging, digest), staging, options=options)

    def all(self, *what: Any) -> list[Any]:
        with self.store.read() as session:
            return list(session.execute(select(*what)).all())


@pytest.fixture
def books(store: Store, tmp_path: Path) -> Books:
    return Books(store, tmp_path)


def test_an_invoice_and_a_credit_note_are_posted(books: Books) -> None:
    """Decision 3: receivables / opening counterpart; opening counterpart / unapplied credit."""
    books.bring(HEAD + "1;x;2;1/12/2025;1,50;A\nC2;x;-1;3/1/2026;1,00;A\n3;x;0;1/1/2026;1,00;A\n")
    invoice, nothing, note = sorted(
        books.all(
            Invoice.number, Invoice.status, Invoice.total_minor, Invoice.balance_minor,
            Invoice.version, Invoice.id,
        )
    )  # fmt: skip
    assert invoice[:5] == ("1", InvoiceStatus.OPEN, 300, 300, 1)
    assert note[:5] == ("C2", InvoiceStatus.OPEN, 100, 100, 1)
    assert nothing[:5] == ("3", InvoiceStatus.PAID, 0, 0, 1)
    sides = books.all(Posting.ledger_code, Posting.invoice_id, Posting.debit_minor, Posting.credit_minor)
    assert sorted(sides) == sorted(
        [
            ("receivables", invoice.id, 300, 0), ("opening_counterpart", None, 0, 300),
            ("opening_counterpart", None, 100, 0), ("unapplied_credit", note.id, 0, 100),
        ]
    )  # fmt: skip
    entries = books.all(LedgerEntry.reference, LedgerEntry.kind, LedgerEntry.effective_on)
    assert sorted(entries) == sorted(
        [
            (f"invoice:{invoice.id}:imported", "invoice_imported", date(2026, 1, 1)),  # the books open
            (f"invoice:{note.id}:imported", "credit_note_imported", date(2026, 1, 3)),
        ]
    )
    with books.store.read() as session:
        assert ledger.trial_balance(session) == {"GBP": 0}
        assert ledger.wrong_balances(session) == []
        assert audit.verify(session) is None
        codes = session.scalars(select(AuditEntry.code).order_by(AuditEntry.id)).all()
    assert codes == ["invoice.imported", "file.imported"]


def test_lines_stand_as_the_document_prints_them(books: Books) -> None:
    books.bring(HEAD + "1;A  spaced  name ;2;1/1/2026;1,5000;A\n1;=1+1;-1;1/1/2026;0,10;A\n")
    assert books.all(
        InvoiceLine.position, InvoiceLine.description, InvoiceLine.quantity, InvoiceLine.unit_price,
        InvoiceLine.net_minor,
    ) == [(1, "A  spaced  name", "2", "1.5000", 300), (2, "=1+1", "-1", "0.10", -10)]  # fmt: skip


def test_accounts_are_made_with_the_zone_and_language_of_their_country(books: Books) -> None:
    """Decision 2."""
    head = "InvoiceNo;Quantity;InvoiceDate;UnitPrice;CustomerID;CustomerName;Country;Language\n"
    applied = books.bring(
        head + "1;1;1/1/2026;1,00;A;Adler Kft;Hungary;\n2;1;1/1/2026;1,00;B;;EIRE;\n"
        "3;1;1/1/2026;1,00;C;Gan Ltd;IL;ru\n4;1;1/1/2026;1,00;D;;;xx\n5;1;1/1/2026;1,00;A;Other name;Japan;\n"
    )
    assert applied.accounts == 4
    assert sorted(
        books.all(Account.number, Account.name, Account.country, Account.zone, Account.language)
    ) == [
        ("A", "Adler Kft", "HU", "Europe/Budapest", "hu"),
        ("B", "B", "IE", "Europe/Dublin", "en"),
        ("C", "Gan Ltd", "IL", "Asia/Jerusalem", "ru"),
        ("D", "D", "GB", "Europe/London", "en"),
    ]


def test_new_accounts_bring_where_letters_go(books: Books) -> None:
    """Part 7 of the ladder: a letter needs an address; a cell may hold several lines."""
    head = "InvoiceNo;Quantity;InvoiceDate;UnitPrice;CustomerID;Address\n"
    books.bring(head + '1;1;1/1/2026;1,00;A;"1 Quay \u202e\n\n Hull"\n2;1;1/1/2026;1,00;B;\n')
    assert sorted(books.all(Account.number, Account.postal_address)) == [("A", "1 Quay\nHull"), ("B", None)]


def test_addresses_of_an_account_that_was_here_wait_for_confirmation(books: Books) -> None:
    """Decision 6: a new account's addresses are the books' own; a later one may be an attack."""
    with books.store.write() as session:
        here = an_account(session, books.creditor, email="old@a.example").number
    head = "InvoiceNo;Quantity;InvoiceDate;UnitPrice;CustomerID;Email;Phone\n"
    applied = books.bring(
        head + f"1;1;1/1/2026;1,00;{here};New@a.example;\n2;1;1/1/2026;1,00;{here};OLD@a.example;\n"
        "3;1;1/1/2026;1,00;B;pay@b.example;0044 20 7946 0018\n4;1;1/1/2026;1,00;B;pay@b.example;\n"
    )
    assert applied.contacts == 2
    contacts = {
        email: more
        for email, *more in books.all(Contact.email, Contact.phone, Contact.changed_at, Contact.confirmed_at)
    }
    assert contacts["New@a.example"] == [None, NOON, None]
    assert contacts["pay@b.example"] == ["+442079460018", None, NOON]
    assert len(contacts) == 3
    assert {role for (role,) in books.all(ContactHasRole.role)} == {ContactRole.PAYS}


def test_chunks_go_on_where_the_books_are(books: Books) -> None:
    """A second worker, or the same after a crash, never applies a document twice."""
    staging = books.stage(HEAD + "".join(f"{n};x;1;1/1/2026;1,00;A\n" for n in range(7)))
    batch_id = books.open(staging)
    assert books.open(staging) == batch_id
    steps = [books.apply(batch_id, staging, size=3) for _ in range(4)]
    assert [(step.position, step.done, step.documents) for step in steps] == [
        (3, False, 3), (6, False, 3), (7, True, 1), (7, True, 0),
    ]  # fmt: skip
    assert books.all(func.count(Invoice.id), func.sum(Invoice.balance_minor)) == [(7, 700)]
    assert books.all(func.count(AuditEntry.id)) == [(4,)]  # one a chunk, one for the file


def test_the_same_documents_in_another_file_are_known(books: Books) -> None:
    books.bring(HEAD + "1;x;1;1/1/2026;1,00;A\nC2;x;-1;1/1/2026;1,00;A\n")
    again = books.bring(
        HEAD + "C2;x;-1;1/1/2026;1,00;A\n3;x;1;1/1/2026;1,00;A\n1;x;1;1/1/2026;1,00;A\n", digest="b" * 64
    )
    assert (again.documents, again.already_known) == (1, 2)
    assert books.all(func.count(Invoice.id)) == [(3,)]
    assert books.all(func.count(LedgerEntry.id)) == [(3,)]


@pytest.mark.parametrize(
    "row",
    [
        "1;x;1;1/1/2026;1,01;A",
        "1;y;1;1/1/2026;1,00;A",
        "1;x;1;2/1/2026;1,00;A",
        "1;x;1;1/1/2026;1,00;B",
        "1;x;1;1/1/2026;1,000;A",
    ],
)
def test_a_number_in_the_books_with_other_content_is_an_error(books: Books, row: str) -> None:
    books.bring(HEAD + "1;x;1;1/1/2026;1,00;A\n")
    options = IntakeOptions(
        currency="GBP", terms_days=30, as_of=date(2026, 1, 1), date_order="dmy", decimal_mark=","
    )
    staging = books.stage(HEAD + "2;x;1;1/1/2026;1,00;A\n" + row + "\n", options)
    assert found(staging) == [(3, "number", "number_taken")]


def test_another_creditor_may_use_the_same_numbers(books: Books) -> None:
    books.bring(HEAD + "1;x;1;1/1/2026;1,00;A\n")
    with books.store.write() as session:
        books.creditor = a_creditor(session, code="SOUTH")
    assert books.bring(HEAD + "1;other;1;1/1/2026;9,00;A\n", digest="b" * 64).documents == 1


def test_a_number_that_was_taken_meanwhile_stops_the_chunk(books: Books) -> None:
    """Pass one saw it free; nothing of the chunk remains."""
    late = books.stage(HEAD + "0;x;1;1/1/2026;1,00;A\n1;x;1;1/1/2026;1,00;A\n")
    batch_id = books.open(late)
    other = books.folder / "other"
    other.mkdir()
    books.folder = other
    books.bring(HEAD + "1;changed;1;1/1/2026;1,00;A\n", digest="b" * 64)
    with pytest.raises(Refused, match="number_taken"):
        books.apply(batch_id, late)
    assert books.all(Invoice.number) == [("1",)]


def test_only_who_may_import_does(books: Books) -> None:
    staging = books.stage(HEAD + "1;x;1;1/1/2026;1,00;A\n")
    with pytest.raises(NotAllowed):
        books.open(staging, actor=Actor(ActorKind.LINK_HOLDER))


def test_a_half_written_staging_file_is_never_found(tmp_path: Path) -> None:
    place = tmp_path / "s.sqlite"
    Staging.begin(place).close()
    (part,) = tmp_path.iterdir()
    assert Staging.reopen(place) is None
    part.rename(tmp_path / "s.sqlite.999999999.abc.part")  # its process is dead: the next import tidies up
    Staging.begin(place).remove()
    assert list(tmp_path.iterdir()) == []


def test_findings_keep_their_values_short(tmp_path: Path) -> None:
    staging = staged(tmp_path, HEAD + f"7;x;{'9' * 1000};1/1/2026;1,00;A\n")
    finding = next(staging.findings())
    assert finding == Finding(2, "quantity", "9" * 200, "number_too_long", Grade.ERROR)
