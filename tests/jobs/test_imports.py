"""`amicable import invoices` from the file to the books, as its user sees it (decisions 28, 30)."""

from __future__ import annotations

import argparse
import csv
import json
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from gateways.spreadsheets import Spreadsheets
from jobs.imports import add_import_arguments, import_file, run_import
from models.accounts import Account
from models.audit import AuditEntry
from models.intake import ImportBatch
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerEntry, Posting
from models.states import ImportStatus, InvoiceStatus
from models.store import Store
from receivables import audit, ledger
from receivables.intake.rows import IntakeOptions
from receivables.permissions import SYSTEM
from tests.conftest import NOON
from tests.factories import a_creditor

RETAIL = Path(__file__).parents[1] / "data" / "online_retail_10k.csv"
SAID = ["--currency", "GBP", "--terms", "30", "--as-of", "2010-12-31", "--date-order", "dmy"]
#: The countries of the retail file, by hand.
CODES = {
    "United Kingdom": "GB", "Germany": "DE", "EIRE": "IE", "France": "FR", "Norway": "NO", "Lithuania": "LT",
    "Italy": "IT", "Japan": "JP", "Australia": "AU", "Belgium": "BE", "Poland": "PL", "Portugal": "PT",
    "Switzerland": "CH", "Spain": "ES", "Netherlands": "NL",
}  # fmt: skip
HEAD = "InvoiceNo;Description;Quantity;InvoiceDate;UnitPrice;CustomerID\n"


class Desk:
    """A terminal at which imports are typed."""

    def __init__(self, store: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store, self.folder, self.capsys = store, folder, capsys
        with store.write() as session:
            a_creditor(session, code="NORTH")

    def file(self, text: str | bytes, name: str = "table.csv") -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def type(self, path: Path, *said: str) -> int:
        parser = argparse.ArgumentParser("amicable import invoices")
        add_import_arguments(parser)
        args = parser.parse_args([str(path), "--creditor", "NORTH", *said])
        return run_import(self.store, self.folder / "data", args, NOON, tables=Spreadsheets())

    def ask(self, path: Path, *said: str) -> tuple[int, dict[str, Any]]:
        self.capsys.readouterr()
        code = self.type(path, *said, "--json")
        return code, json.loads(self.capsys.readouterr().out)

    def report(self, told: dict[str, Any]) -> list[list[str]]:
        with Path(told["report"]).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))

    def all(self, *what: Any) -> list[Any]:
        with self.store.read() as session:
            return list(session.execute(select(*what)).all())

    def staging_files(self) -> list[str]:
        return sorted(path.suffix for path in (self.folder / "data" / "staging").iterdir())

    def assert_books_hold(self) -> None:
        with self.store.read() as session:
            assert set(ledger.trial_balance(session).values()) <= {0}
            assert ledger.wrong_balances(session) == []
            assert audit.verify(session) is None


@pytest.fixture
def desk(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(store, tmp_path, capsys)


@pytest.fixture
def sqlite_desk(sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(sqlite_store, tmp_path, capsys)


# --------------------------------------------------------------------------- the real file


class Expected:
    """What the retail file must give, worked out without a line of ours."""

    def __init__(self, *, drop_zero_lines: bool) -> None:
        with RETAIL.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        by_number: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in rows:
            by_number[row["InvoiceNo"]].append(row)
        self.rows = len(rows)
        self.dropped = 0
        self.rejected: set[str] = set()
        self.documents: dict[str, tuple[str, str, date, int, int]] = {}
        countries: dict[str, str] = {}
        for number, lines in by_number.items():
            zero = [line for line in lines if Decimal(line["UnitPrice"].replace(",", ".")) <= 0]
            if drop_zero_lines:
                self.dropped += len(zero)
                lines = [line for line in lines if line not in zero]
            if not lines or not lines[0]["CustomerID"] or (zero and not drop_zero_lines):
                self.rejected.add(number)
                continue
            countries[lines[0]["CustomerID"]] = CODES[lines[0]["Country"]]
            pence = sum(self.pence(line) for line in lines)
            day, month, year = map(int, lines[0]["InvoiceDate"].split()[0].split("/"))
            kind = "credit_note" if pence < 0 else "invoice"
            self.documents[number] = (
                kind, lines[0]["CustomerID"], date(year, month, day), abs(pence), len(lines),
            )  # fmt: skip

        self.countries = Counter(countries.values())

    @staticmethod
    def pence(line: dict[str, str]) -> int:
        amount = Decimal(line["Quantity"]) * Decimal(line["UnitPrice"].replace(",", "."))
        return int((amount * 100).quantize(Decimal(1), ROUND_HALF_UP))

    def count(self, kind: str) -> int:
        return sum(document[0] == kind for document in self.documents.values())

    def total(self, kind: str) -> int:
        return sum(document[3] for document in self.documents.values() if document[0] == kind)


@pytest.mark.parametrize("drop", [False, True])
def test_the_retail_file(desk: Desk, drop: bool) -> None:
    """Ten thousand real lines: every document, amount and day, and the books afterwards."""
    expected = Expected(drop_zero_lines=drop)
    code, told = desk.ask(RETAIL, *SAID, *(["--drop-zero-lines"] if drop else []))
    assert code == 0
    assert told["status"] == "imported"
    assert told["rows"] == expected.rows == 10_000
    assert told["dropped_lines"] == expected.dropped
    assert told["invoices"] == expected.count("invoice") == (401 if drop else 400)
    assert told["credit_notes"] == expected.count("credit_note") == 43
    assert told["rejected"] == len(expected.rejected)
    assert told["accounts_added"] == len({document[1] for document in expected.documents.values()})
    assert told["totals"] == {
        "GBP": {kind: expected.total(kind) for kind in ("credit_note", "invoice")},
    }
    lines = func.count(InvoiceLine.id)
    with desk.store.read() as session:
        rows = session.execute(
            select(
                Invoice.number, Invoice.kind, Account.number, Invoice.issued_on, Invoice.due_on,
                Invoice.total_minor, Invoice.balance_minor, Invoice.status, lines,
            )
            .join(Account, Account.id == Invoice.account_id)
            .join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
            .group_by(Invoice.id, Account.number)
        ).all()  # fmt: skip
        countries = dict(
            session.execute(select(Account.country, func.count()).group_by(Account.country)).all()
        )
    assert len(rows) == len(expected.documents)
    for number, kind, customer, issued_on, due_on, total, balance, status, line_count in rows:
        assert (kind, customer, issued_on, total, line_count) == expected.documents[number]
        assert due_on == (None if kind is InvoiceKind.CREDIT_NOTE else issued_on + timedelta(days=30))
        assert balance == total
        assert status is (InvoiceStatus.OPEN if total else InvoiceStatus.PAID)
    assert countries == expected.countries
    assert {entry.effective_on for entry in desk.all(LedgerEntry.effective_on)} == {date(2010, 12, 31)}
    receivable = desk.all(func.sum(Posting.debit_minor)).pop()[0]
    assert receivable == expected.total("invoice") + expected.total("credit_note")
    desk.assert_books_hold()
    reported = {row[2] for row in desk.report(told)[1:] if row[1] == "InvoiceNo"}
    assert reported <= expected.rejected
    assert desk.staging_files() == [".csv"]


def test_the_retail_file_needs_what_it_does_not_say(sqlite_desk: Desk) -> None:
    """Decision 28; every one of its days can be read in two ways."""
    desk = sqlite_desk
    assert desk.type(RETAIL) == 2
    assert "say --currency" in desk.capsys.readouterr().err
    assert desk.type(RETAIL, "--currency", "GBP") == 2
    assert "say --terms and --as-of" in desk.capsys.readouterr().err
    code, told = desk.ask(RETAIL, *SAID[:6])
    assert (code, told["status"], told["reasons"]) == (1, "refused", {"date_ambiguous": 1})
    assert desk.report(told)[1][:3] == ["2", "", "1/12/2010 08:26"]
    assert desk.all(func.count(Invoice.id)) == [(0,)]


# --------------------------------------------------------------------------- again, and after a crash


def test_a_file_that_is_in_the_books_brings_nothing(desk: Desk) -> None:
    path = desk.file(HEAD + "1;x;1;13/1/2026;2,50;A\n")
    assert desk.ask(path, *SAID)[1]["invoices"] == 1
    before = desk.all(func.count(AuditEntry.id))
    code, told = desk.ask(path, *SAID)
    assert (code, told["status"], told["invoices"], told["already_known"]) == (0, "nothing_new", 0, 1)
    copy = desk.file(HEAD + "1;x;1;13/1/2026;2,50;A\n\n", "copy.csv")  # other bytes, same documents
    code, told = desk.ask(copy, *SAID)
    assert (code, told["status"], told["already_known"]) == (0, "nothing_new", 1)
    assert desk.type(path, *SAID) == 0
    assert "nothing new" in desk.capsys.readouterr().out
    assert desk.all(func.count(Invoice.id)) == [(1,)]
    assert desk.all(func.count(AuditEntry.id))[0][0] == before[0][0] + 1  # the copy's own batch


def test_other_content_under_a_number_in_the_books_is_refused_whole(desk: Desk) -> None:
    desk.type(desk.file(HEAD + "1;x;1;13/1/2026;2,50;A\n"), *SAID)
    other = desk.file(HEAD + "2;x;1;13/1/2026;2,50;A\n1;x;1;13/1/2026;9,99;A\n", "other.csv")
    code, told = desk.ask(other, *SAID)
    assert (code, told["status"], told["reasons"]) == (1, "refused", {"number_taken": 1})
    assert desk.report(told)[1][:3] == ["3", "InvoiceNo", "1"]
    assert desk.all(Invoice.number) == [("1",)]
    assert desk.all(func.count(ImportBatch.id)) == [(1,)]


class Stopped(Exception):
    """The machine went away."""


@pytest.mark.parametrize("stop_at", [("reading", 0), ("comparing", 1), ("applying", 1), ("applying", 3)])
@pytest.mark.parametrize("staging_survives", [True, False])
def test_an_import_that_stopped_goes_on(desk: Desk, stop_at: tuple[str, int], staging_survives: bool) -> None:
    """What is applied stays, the rest follows, nothing comes twice; also without the staging file."""
    path = desk.file(HEAD + "".join(f"{n};x;1;13/1/2026;2,50;A{n % 3}\n" for n in range(10)))
    options = IntakeOptions(currency="GBP", terms_days=30, as_of=date(2026, 1, 1))
    told: list[str] = []

    def bring(stop: bool) -> Any:
        def progress(what: str, _so_far: int, _of: int) -> None:
            told.append(what)
            if stop and what == stop_at[0] and told.count(what) > stop_at[1] - 1:
                raise Stopped

        return import_file(
            desk.store, Spreadsheets(), desk.folder / "data", path, "NORTH", options, SYSTEM,
            now=NOON, progress=progress, chunk=2,
        )  # fmt: skip

    with pytest.raises(Stopped):
        bring(stop=True)
    applied = 2 * stop_at[1] if stop_at[0] == "applying" else 0
    assert desk.all(func.count(Invoice.id)) == [(applied,)]
    if applied:
        assert desk.all(ImportBatch.invoices_applied, ImportBatch.status) == [
            (applied, ImportStatus.APPLYING)
        ]
        assert desk.staging_files() == [".sqlite"]
        if not staging_survives:
            next((desk.folder / "data" / "staging").iterdir()).unlink()
    else:
        assert desk.staging_files() == []
    outcome = bring(stop=False)
    assert (outcome.status, outcome.invoices, outcome.already_known) == ("imported", 10, 0)
    assert desk.all(ImportBatch.invoices_applied, ImportBatch.status) == [(10, ImportStatus.APPLIED)]
    assert desk.all(func.count(Invoice.id), func.sum(Invoice.balance_minor)) == [(10, 2500)]
    assert desk.all(func.count(LedgerEntry.id)) == [(10,)]
    assert desk.staging_files() == []
    desk.assert_books_hold()


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from gateways.spreadsheets import Spreadsheets
from jobs.imports import import_file
from models.store import Store
from receivables.intake.rows import IntakeOptions
from receivables.permissions import SYSTEM
from tests.conftest import NOON

def progress(what, so_far, of):
    if what == "applying" and so_far == 4:
        os.kill(os.getpid(), signal.SIGKILL)

import_file(Store(sys.argv[1]), Spreadsheets(), Path(sys.argv[2]), Path(sys.argv[3]), "NORTH",
            IntakeOptions(currency="GBP", terms_days=30, as_of=date(2010, 12, 31), date_order="dmy"),
            SYSTEM, now=NOON, progress=progress, chunk=2)
"""


def test_kill_minus_nine_in_the_middle(desk: Desk, database_url: str) -> None:
    """P-25 for files: a real process, really killed between two chunks."""
    path = desk.file(HEAD + "".join(f"{n};x;1;13/1/2026;2,50;A\n" for n in range(10)))
    killed = subprocess.run(  # noqa: S603
        [sys.executable, "-c", KILLED, database_url, str(desk.folder / "data"), str(path)],
        cwd=Path(__file__).parents[2], check=False, capture_output=True,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert desk.all(func.count(Invoice.id)) == [(4,)]
    code, told = desk.ask(path, *SAID)
    assert (code, told["status"], told["invoices"]) == (0, "imported", 10)
    assert desk.all(func.count(LedgerEntry.id)) == [(10,)]
    desk.assert_books_hold()


def test_two_terminals_and_one_file(desk: Desk) -> None:
    """Both say that it is in; it is in once (M-07, decision 28)."""
    path = desk.file(HEAD + "".join(f"{n};x;1;13/1/2026;2,50;A{n % 5}\n" for n in range(40)))
    options = IntakeOptions(currency="GBP", terms_days=30, as_of=date(2026, 1, 1))
    together = threading.Barrier(2)

    def bring(_terminal: int) -> Any:
        together.wait()
        return import_file(
            desk.store, Spreadsheets(), desk.folder / "data", path, "NORTH", options, SYSTEM,
            now=NOON, progress=lambda _what, _so_far, _of: None, chunk=4,
        )  # fmt: skip

    with ThreadPoolExecutor(2) as terminals:
        outcomes = list(terminals.map(bring, range(2)))
    assert {outcome.status for outcome in outcomes} <= {"imported", "nothing_new"}
    assert desk.all(ImportBatch.invoices_applied, ImportBatch.status) == [(40, ImportStatus.APPLIED)]
    assert desk.all(func.count(Invoice.id)) == [(40,)]
    assert desk.all(func.count(Account.id)) == [(5,)]
    assert desk.staging_files() == []
    desk.assert_books_hold()


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (HEAD.encode(), "no_rows"),
        (b"PK\x03\x04" + bytes(range(256)), "binary"),
        (bytes(range(256)) * 40, "binary"),
        ((HEAD + "1;x;1;13/1/2026;2,50;A\n").encode("utf-16"), "utf16_unsaid"),
        ((HEAD + "1;Café;1;13/1/2026;2,50;A\n").encode("cp1252"), "encoding"),
        (HEAD.encode() + b'1;"open;1;13/1/2026;2,50;A\n', "quoting"),
        (b"InvoiceNo;Quantity\n1;2\n", "column_missing"),
        ((HEAD + "1;x;1;30/02/2026;2,50;A\n").encode(), "impossible_date"),
        ((HEAD + "1;x;1;13/1/2026;2,50;A\n1;x;1;14/1/2026;2,50;A\n").encode(), "conflict"),
        ((HEAD + f"1;{'x' * 140_000};1;13/1/2026;2,50;A\n").encode(), "field_too_large"),
    ],
)
def test_a_file_with_an_error_changes_nothing(sqlite_desk: Desk, content: bytes, reason: str) -> None:
    """Decision 28: exit 1, a report, no row of ours; and the same again."""
    desk = sqlite_desk
    path = desk.file(content)
    for _ in range(2):
        code, told = desk.ask(path, *SAID, "--delimiter", ";")
        assert (code, told["status"]) == (1, "refused")
        assert reason in told["reasons"]
        assert desk.staging_files() == [".csv"]
    for table in (Invoice, Account, ImportBatch, LedgerEntry, AuditEntry):
        assert desk.all(func.count(table.id)) == [(0,)]
    assert desk.type(path, *SAID, "--delimiter", ";") == 1
    assert "nothing was imported" in desk.capsys.readouterr().out


def test_formulas_in_the_report_are_text(sqlite_desk: Desk) -> None:
    """X-01: the report is opened in a spreadsheet by the very person who can be tricked."""
    desk = sqlite_desk
    rows = "1;x;=cmd|' /C calc'!A0;13/1/2026;2,50;A\n2;x;@SUM(1);13/1/2026;2,50;A\n3;x;-;13/1/2026;2,50;A\n"
    _, told = desk.ask(desk.file(HEAD + rows), *SAID)
    assert [row[:3] for row in desk.report(told)] == [
        ["line", "column", "value"],
        ["2", "Quantity", "'=cmd|' /C calc'!A0"],
        ["3", "Quantity", "'@SUM(1)"],
        ["4", "Quantity", "'-"],
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["--map", "Kunde=customer"], "no column Kunde"),
        (["--map", "InvoiceNo=nummer"], "no field nummer"),
        (["--encoding", "klingon"], "klingon"),
        (["--delimiter", ";;"], "';;'"),
        (["--language", "fr"], "language fr"),
        (["--creditor", "SOUTH"], "SOUTH"),
    ],
)
def test_wrong_use_is_told_on_the_error_stream(sqlite_desk: Desk, said: list[str], words: str) -> None:
    desk = sqlite_desk
    path = desk.file(HEAD + "1;x;1;13/1/2026;2,50;A\n")
    assert desk.type(path, *SAID, *said) == 2
    told = desk.capsys.readouterr()
    assert words in told.err
    assert told.out == ""


def test_a_file_that_is_not_there(sqlite_desk: Desk) -> None:
    assert sqlite_desk.type(sqlite_desk.folder / "nowhere.csv", *SAID) == 2
    assert sqlite_desk.type(sqlite_desk.folder, *SAID) == 2


@pytest.mark.parametrize(
    "said",
    [
        ["--currency", "XXX"], ["--terms", "-1"], ["--terms", "4000"], ["--as-of", "30/02/2026"],
        ["--date-order", "ydm"], ["--country", "Mordor"], ["--map", "Kunde"], ["--kind", "quote"],
    ],
)  # fmt: skip
def test_arguments_are_checked_before_anything_is_read(sqlite_desk: Desk, said: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        sqlite_desk.type(sqlite_desk.folder / "nowhere.csv", *said)
    assert left.value.code == 2


# --------------------------------------------------------------------------- what people send


def test_a_german_export_with_names_of_its_own(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    text = "Beleg\tKunde\tDatum\tMenge\tPreis\tText\tLager\n4711\tK1\t03.01.2026\t1.000\t1,25\tGrün\tA\n"
    maps = ["Beleg=number", "Kunde=customer", "Datum=issued_on", "Menge=quantity", "Preis=unit_price"]
    code, told = desk.ask(
        desk.file(text.encode("cp1252")), *SAID, "--encoding", "cp1252", "--delimiter", "tab",
        "--country", "Germany", *(word for said in maps for word in ("--map", said)),
    )  # fmt: skip
    assert (code, told["totals"], told["unused_columns"]) == (0, {"GBP": {"invoice": 125_000}}, ["Lager"])
    assert desk.all(Account.country, Account.zone) == [("DE", "Europe/Berlin")]
    assert desk.all(InvoiceLine.description, InvoiceLine.quantity) == [("Grün", "1000")]


def test_everything_rejected_is_still_no_error(sqlite_desk: Desk) -> None:
    code, told = sqlite_desk.ask(sqlite_desk.file(HEAD + "1;x;1;13/1/2026;2,50;\n"), *SAID)
    assert (code, told["invoices"], told["rejected"]) == (0, 0, 1)
    assert told["reasons"] == {"no_customer": 1}


def test_words_for_a_person(sqlite_desk: Desk) -> None:
    desk = sqlite_desk
    text = HEAD + "1;x;1;13/1/2026;1250,00;A\nC2;x;-1;13/1/2026;2,50;A\n3;x;1;13/1/2026;2,50;\n"
    assert desk.type(desk.file(text), *SAID) == 0
    told = desk.capsys.readouterr()
    assert told.err == ""  # no bar where nobody looks
    for words in (
        "3 rows read",
        "Imported 1 invoices and 1 credit notes; 1 new customers",
        "GBP: credit note 2.50, invoice 1,250.00",
        "Left out 1 documents (no customer: 1)",
        "Report: ",
    ):
        assert words in told.out
