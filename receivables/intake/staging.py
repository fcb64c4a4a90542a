"""The staging file: rows of one import on their way, grouped into documents by SQL.

A SQLite file of its own, so that memory stays constant whatever the length of the table, and
lines of one document may stand anywhere in it. It is written under another name and moved into
place when it is whole; a half-written one is never found. Source: decision 28.
"""

# ruff: noqa: S608  the names in these statements are constants of this file and of HEAD_FIELDS

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from models.invoices import InvoiceKind
from models.money import MAX_MINOR
from receivables.intake.fee_basis import NO_BASIS, StagedBasis, staged_basis
from receivables.intake.rows import HEAD_FIELDS, Finding, Grade, HeadRow, LineRow

#: It can be made again from the table at any time, so it needs no journal while it is written.
_PRAGMAS = "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000;"
_TABLES = f"""
CREATE TABLE head (id INTEGER PRIMARY KEY, line INTEGER NOT NULL, {", ".join(HEAD_FIELDS)}, document INTEGER);
CREATE TABLE line (head INTEGER, line INTEGER, code, description, quantity, unit_price, net, tax, tax_rate,
    basis, PRIMARY KEY (head, line)) WITHOUT ROWID;
CREATE TABLE finding (line INTEGER, field, value, reason, grade, head INTEGER);
CREATE TABLE document (id INTEGER PRIMARY KEY, head INTEGER, heads INTEGER, number, given_kind, kind,
    lines INTEGER DEFAULT 0, net INTEGER DEFAULT 0, tax INTEGER DEFAULT 0, rounding INTEGER DEFAULT 0,
    due_on, rejected INTEGER DEFAULT 0);
CREATE TABLE accepted (position INTEGER PRIMARY KEY, document INTEGER NOT NULL);
CREATE TABLE note (text);
"""
#: Heads of one document must agree in these; of the others the first one said counts.
_AGREEING = ("customer", "issued_on", "due_on", "currency", "purchase_order", "total", "tax_amount",
              "early_discount", "early_discount_to", "refers_to")  # fmt: skip
#: Sums are made in two halves, so that no number of lines overflows 64 bits.
_HALF = 10**6


class StagedLine(NamedTuple):
    code: str | None
    description: str
    quantity: str
    unit_price: str
    net_minor: int
    tax_minor: int
    tax_rate: str | None
    basis: StagedBasis = NO_BASIS


class StagedDocument(NamedTuple):
    """One document as it will stand in the books: amounts positive, whatever its kind."""

    position: int
    #: Line of the table on which it begins.
    line: int
    kind: InvoiceKind
    number: str
    customer: str
    customer_name: str | None
    country: str | None
    issued_on: date
    due_on: date | None
    currency: str
    purchase_order: str | None
    contact_name: str | None
    email: str | None
    phone: str | None
    language: str | None
    lines_net_minor: int
    tax_minor: int
    rounding_minor: int
    early_discount_minor: int | None
    early_discount_to_on: date | None
    #: Number of the customer's document that a fee or credit note is about.
    refers_to: str | None
    #: Where letters to the customer go, a line each.
    postal_address: str | None
    lines: tuple[StagedLine, ...]

    @property
    def total_minor(self) -> int:
        return self.lines_net_minor + self.tax_minor + self.rounding_minor


class Staging:
    """One staging file. Made by `begin`, filled by `add`, closed for good by `group` and `keep`."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, lies_at: Path) -> None:
        self._db, self.path, self._lies_at = connection, path, lies_at

    @classmethod
    def begin(cls, path: Path) -> Staging:
        """Start a staging file under a name of its own beside `path`."""
        for left in path.parent.glob(f"{path.name}.*.part"):
            if not _is_running(left.name.split(".")[-3]):
                left.unlink(missing_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
        db = sqlite3.connect(part, isolation_level=None)
        db.executescript(_PRAGMAS + _TABLES)
        db.execute("BEGIN")
        return cls(db, path, lies_at=part)

    @classmethod
    def reopen(cls, path: Path) -> Staging | None:
        """Open a staging file that was kept, or return None when there is none."""
        try:
            return cls(_read_only(path), path, lies_at=path)
        except sqlite3.OperationalError:
            return None

    def add(self, heads: list[HeadRow], lines: list[LineRow], findings: list[Finding]) -> None:
        """Take the next rows; the three lists are emptied."""
        self._db.executemany(f"INSERT INTO head VALUES ({'?,' * (2 + len(HEAD_FIELDS))}NULL)", heads)
        self._db.executemany("INSERT INTO line VALUES (?,?,?,?,?,?,?,?,?,?)", lines)
        self._db.executemany("INSERT INTO finding VALUES (?,?,?,?,?,?)", findings)
        for rows in (heads, lines, findings):
            rows.clear()

    # ----------------------------------------------------------------- grouping

    def group(self, *, terms_days: int | None, has_lines: bool) -> None:
        """Make documents of heads and lines, and find what is wrong with whole documents.

        Args:
            terms_days: days from issue to due date for documents without one.
            has_lines: whether the table has lines; else each document has only its total.
        """
        run = self._db.execute
        run("CREATE INDEX head_number ON head (number, kind)")
        run(
            "INSERT INTO document (head, heads, number, given_kind) SELECT min(id), count(*), number, kind"
            " FROM head GROUP BY number, kind ORDER BY min(id)"
        )
        run("CREATE INDEX document_number ON document (number)")
        run(
            "UPDATE head SET document = (SELECT d.id FROM document d"
            " WHERE d.number = head.number AND d.given_kind IS head.kind)"
        )
        run("CREATE INDEX head_document ON head (document)")
        self._agree()
        self._sum(has_lines)
        self._judge(terms_days, has_lines)
        run(
            # What refers to another document comes behind all that it can refer to.
            "INSERT INTO accepted (document) SELECT d.id FROM document d JOIN head h ON h.id = d.head"
            " WHERE NOT d.rejected ORDER BY h.refers_to IS NOT NULL, d.id",
        )

    def _agree(self) -> None:
        """Compare the heads of documents that have several, and complete the first from the others."""
        if not self._db.execute("SELECT count(*) FROM document WHERE heads > 1").fetchone()[0]:
            return
        first = (
            "(SELECT f.{0} FROM head f WHERE f.document = d.id AND f.{0} IS NOT NULL ORDER BY f.id LIMIT 1)"
        )
        for name in HEAD_FIELDS[2:]:
            said = first.format(name)
            if name in _AGREEING:
                reason = "two_currencies" if name == "currency" else "conflict"
                self._db.execute(
                    f"INSERT INTO finding SELECT h.line, '{name}', h.{name}, '{reason}', 'error', h.id"
                    " FROM document d JOIN head h ON h.document = d.id"
                    f" WHERE d.heads > 1 AND h.{name} <> {said}"
                )
            self._db.execute(
                f"UPDATE head SET {name} = (SELECT {said} FROM document d WHERE d.id = head.document)"
                f" WHERE {name} IS NULL AND id IN (SELECT head FROM document WHERE heads > 1)"
            )

    def _sum(self, has_lines: bool) -> None:
        if not has_lines:
            self._db.execute(
                "UPDATE document SET tax = coalesce(h.tax_amount, 0),"
                " net = coalesce(h.total, 0) - coalesce(h.tax_amount, 0)"
                " FROM head h WHERE h.id = document.head"
            )
            return
        self._db.execute(
            "UPDATE document SET lines = s.lines,"
            f" net = CASE WHEN s.large THEN 0 ELSE s.net_high * {_HALF} + s.net_low END,"
            f" tax = CASE WHEN s.large THEN 0 ELSE s.tax_high * {_HALF} + s.tax_low END,"
            " rejected = s.large FROM ("
            "SELECT h.document AS document, count(*) AS lines,"
            f" sum(l.net / {_HALF}) AS net_high, sum(l.net % {_HALF}) AS net_low,"
            f" sum(l.tax / {_HALF}) AS tax_high, sum(l.tax % {_HALF}) AS tax_low,"
            f" abs(sum(l.net / {_HALF})) + abs(sum(l.tax / {_HALF})) > {MAX_MINOR // _HALF} AS large"
            " FROM line l JOIN head h ON h.id = l.head GROUP BY h.document) s"
            " WHERE s.document = document.id"
        )

    def _judge(self, terms_days: int | None, has_lines: bool) -> None:
        """Give each document its kind and due date, and write down what does not hold."""
        run = self._db.execute
        run("UPDATE document SET kind = coalesce(given_kind, CASE WHEN net + tax < 0 THEN ? ELSE ? END)",
            (InvoiceKind.CREDIT_NOTE, InvoiceKind.INVOICE))  # fmt: skip
        run(
            "UPDATE document SET due_on = CASE WHEN document.kind <> 'credit_note'"
            " THEN coalesce(h.due_on, date(h.issued_on, ? || ' days')) END"
            " FROM head h WHERE h.id = document.head",
            (terms_days,),
        )
        if has_lines:
            # A total that the document states wins by at most one minor unit a line.
            run(
                "UPDATE document SET rounding = CASE WHEN document.kind = 'credit_note'"
                " THEN abs(h.total) - abs(net + tax) ELSE h.total - (net + tax) END"
                " FROM head h WHERE h.id = document.head AND h.total IS NOT NULL"
            )
        # A line that could not be read is missing in the sums: nothing follows from that.
        sound = "NOT EXISTS (SELECT 1 FROM finding WHERE grade = 'error')"
        for field, value, reason, grade, wrong in (
            ("total", "''", "amount_too_large", Grade.ERROR, "d.rejected"),
            ("issued_on", "''", "empty", Grade.ERROR, "h.issued_on IS NULL"),
            ("due_on", "''", "empty", Grade.ERROR,
             "d.due_on IS NULL AND d.kind <> 'credit_note' AND h.issued_on IS NOT NULL"),
            ("due_on", "d.due_on", "due_before_issue", Grade.ERROR, "d.due_on < h.issued_on"),
            ("number", "d.number", "number_twice", Grade.ERROR,
             "EXISTS (SELECT 1 FROM document o"
             " WHERE o.number = d.number AND o.kind = d.kind AND o.id < d.id)"),
            ("customer", "''", "no_customer", Grade.REJECTED, "h.customer IS NULL"),
            ("number", "d.number", "no_lines", Grade.REJECTED,
             f"d.lines = 0 AND {sound}" if has_lines else "h.total IS NULL"),
            ("total", "d.net + d.tax", "negative_total", Grade.REJECTED,
             "d.net + d.tax < 0 AND d.kind <> 'credit_note'"),
            ("total", "h.total", "total_differs", Grade.REJECTED,
             f"abs(d.rounding) > d.lines AND d.lines > 0 AND {sound}"),
            # Both or neither; less than the whole, and a last day that can be met.
            ("early_discount", "coalesce(h.early_discount, '')", "discount_unusable", Grade.REJECTED,
             "(h.early_discount IS NOT NULL OR h.early_discount_to IS NOT NULL) AND NOT coalesce("
             "d.kind <> 'credit_note' AND h.early_discount > 0 AND h.early_discount_to >= h.issued_on"
             f" AND h.early_discount < d.net + d.tax + d.rounding, 0) AND {sound}"),
        ):  # fmt: skip
            run(
                f"INSERT INTO finding SELECT h.line, '{field}', {value}, '{reason}', '{grade}', h.id"
                f" FROM document d JOIN head h ON h.id = d.head WHERE {wrong}"
            )
        run(
            "UPDATE document SET rejected = 1 WHERE id IN (SELECT h.document FROM finding f"
            " JOIN head h ON h.id = f.head WHERE f.grade = 'rejected')"
        )

    def find(self, finding: Finding) -> None:
        """Write down one more thing that is wrong."""
        self._db.execute("INSERT INTO finding VALUES (?,?,?,?,?,?)", finding)

    def note(self, text: str) -> None:
        """Keep a text about the reading with the file, in place of an earlier one."""
        self._db.execute("DELETE FROM note")
        self._db.execute("INSERT INTO note VALUES (?)", (text,))

    def noted(self) -> str:
        """Return the text that was kept."""
        return str(self._db.execute("SELECT text FROM note").fetchone()[0])

    def keep(self) -> None:
        """Move the file to its place: whole, on disk, and from now on only read."""
        self._db.execute("COMMIT")
        self._db.close()
        with self._lies_at.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(self._lies_at, self.path)
        self._lies_at = self.path
        self._db = _read_only(self.path)

    def remove(self) -> None:
        """Delete the file, finished or not: what it holds is in the books or will not be."""
        self._db.close()
        self._lies_at.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and leave it where it is."""
        self._db.close()

    # ----------------------------------------------------------------- reading

    def count(self, grade: Grade) -> int:
        """Return how many findings of a grade there are."""
        return int(self._db.execute("SELECT count(*) FROM finding WHERE grade = ?", (grade,)).fetchone()[0])

    def reasons(self, grade: Grade) -> dict[str, int]:
        """Return how many findings of a grade have which reason."""
        return dict(
            self._db.execute(
                "SELECT reason, count(*) FROM finding WHERE grade = ? GROUP BY reason ORDER BY reason",
                (grade,),
            )
        )

    def findings(self) -> Iterator[Finding]:
        """Yield every finding in the order of the table's lines."""
        for line, field, value, reason, grade, head in self._db.execute(
            "SELECT line, field, value, reason, grade, head FROM finding ORDER BY line, rowid"
        ):
            yield Finding(line, field, str(value), reason, Grade(grade), head)

    def totals(self) -> tuple[int, int]:
        """Return how many documents are accepted and how many are rejected."""
        accepted = self._db.execute("SELECT count(*) FROM accepted").fetchone()[0]
        rejected = self._db.execute("SELECT count(*) FROM document WHERE rejected").fetchone()[0]
        return int(accepted), int(rejected)

    def numbers(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Return position and number of the next accepted documents behind a position."""
        return self._db.execute(
            "SELECT a.position, d.number FROM accepted a JOIN document d ON d.id = a.document"
            " WHERE a.position > ? ORDER BY a.position LIMIT ?",
            (after, limit),
        ).fetchall()

    def references(self) -> list[tuple[int, str, str, int]]:
        """Return what accepted documents refer to and this file does not bring: (line, customer, number,
        number of the head)."""
        return self._db.execute(
            "SELECT h.line, h.customer, h.refers_to, h.id FROM accepted a"
            " JOIN document d ON d.id = a.document JOIN head h ON h.id = d.head"
            " WHERE h.refers_to IS NOT NULL AND NOT EXISTS (SELECT 1 FROM document o"
            " JOIN head oh ON oh.id = o.head WHERE o.number = h.refers_to AND oh.customer = h.customer"
            " AND o.kind IN ('invoice', 'prepayment') AND NOT o.rejected) ORDER BY a.position"
        ).fetchall()

    def documents(self, after: int, limit: int) -> list[StagedDocument]:
        """Return the next accepted documents behind a position, with their lines.

        The order depends on the table alone, so a position means the same after a restart.
        """
        heads = self._db.execute(
            "SELECT a.position, h.line, d.kind, d.number, h.customer, h.customer_name, h.country,"
            " h.issued_on, d.due_on, h.currency, h.purchase_order, h.contact_name, h.email, h.phone,"
            " h.language, d.net, d.tax, d.rounding, h.early_discount, h.early_discount_to, h.refers_to,"
            " h.postal_address"
            " FROM accepted a JOIN document d ON d.id = a.document"
            " JOIN head h ON h.id = d.head WHERE a.position > ? ORDER BY a.position LIMIT ?",
            (after, limit),
        ).fetchall()
        if not heads:
            return []
        lines = self._db.execute(
            "SELECT a.position, l.code, l.description, l.quantity, l.unit_price, l.net, l.tax, l.tax_rate,"
            " l.basis"
            " FROM accepted a JOIN head h ON h.document = a.document JOIN line l ON l.head = h.id"
            " WHERE a.position BETWEEN ? AND ? ORDER BY a.position, l.line",
            (heads[0][0], heads[-1][0]),
        )
        return list(_documents(heads, lines))


def _documents(heads: list[Any], lines: Iterable[Any]) -> Iterator[StagedDocument]:
    held: dict[int, list[Any]] = {}
    for position, *line in lines:
        held.setdefault(position, []).append(line)
    for position, begins, kind, number, customer, name, country, issued_on, due_on, *rest in heads:
        currency, order, person, email, phone, language, net, tax, rounding, off, off_to, *last = rest
        refers_to, address = last
        turned = kind == InvoiceKind.CREDIT_NOTE and net + tax < 0
        sign = -1 if turned else 1
        yield StagedDocument(
            position, begins, InvoiceKind(kind), number, customer, name, country,
            date.fromisoformat(issued_on), date.fromisoformat(due_on) if due_on else None,
            currency, order, person, email, phone, language, sign * net, sign * tax, rounding,
            off, date.fromisoformat(off_to) if off_to else None, refers_to, address,
            tuple(
                StagedLine(
                    code, text, _turn(count) if turned else count, price, sign * n, sign * t, rate,
                    staged_basis(basis),
                )
                for code, text, count, price, n, t, rate, basis in held.get(position, ())
            ),
        )  # fmt: skip


def _read_only(path: Path) -> sqlite3.Connection:
    """Open a file that must be there; it stays readable when somebody else removes it meanwhile."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _is_running(number: str) -> bool:
    """Whether the process lives whose number a part's name carries."""
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except (ValueError, OSError):
        return False
    return True


def _turn(quantity: str) -> str:
    """Return a quantity with the other sign: a credit note counts what came back as positive."""
    if quantity.startswith("-"):
        return quantity[1:]
    return "-" + quantity if quantity.strip("0.") else quantity
