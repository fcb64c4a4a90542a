"""Files for other people's programs: no cell is ever a formula, no number ever a text (X-01)."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from icalendar import Calendar

from gateways.statement_files import ExportFiles
from models.money import Money
from receivables.ports import CalendarEntry, Sheet

#: What people have put into names and memos to be run by somebody else's spreadsheet.
PAYLOADS = [
    "=1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x.example","Click")', "+1+1", "-1+1", "@SUM(1)",
    "\t=1+1", "\r=1+1", "\n=1+1", "＝1+1", "＋1", "－1", "＠SUM(1)", "=\u202e1", '="x"&A1', "-2+3+cmd|'x'!A0",
]  # fmt: skip
HARMLESS = ["a=b", "1+1", "Tidewater", "http://x.example", "12.50", "", "0012", "Café ₪", 'a "b", c']
EXPORTS = ExportFiles()
NAMES = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def sheet(*cells: object, **more: object) -> Sheet:
    """One row a cell."""
    return Sheet(**{"title": "Statement", "header": ["What"], "rows": [[c] for c in cells], **more})  # type: ignore[arg-type,list-item]


def csv_cells(data: bytes) -> list[str]:
    assert data.startswith(b"\xef\xbb\xbf")
    return [row[0] if row else "" for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))][
        1:
    ]


def xlsx_part(data: bytes, name: str) -> ElementTree.Element:
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return ElementTree.fromstring(book.read(name))  # noqa: S314


def xlsx_cells(data: bytes) -> list[tuple[str | None, str]]:
    """(type, value) of every cell below the header; "s" for a text, which stands in its cell."""
    cells = []
    for cell in xlsx_part(data, "xl/worksheets/sheet1.xml").iterfind(".//s:c", NAMES):
        assert cell.find("s:f", NAMES) is None
        kind = cell.get("t")
        text = cell.findtext("s:is/s:t", "", NAMES)
        if str(cell.get("r"))[1:] != "1":
            is_text = kind == "inlineStr"
            cells.append(("s", text) if is_text else (kind, cell.findtext("s:v", "", NAMES)))
    return cells


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_is_a_formula(payload: str) -> None:
    """X-01: each of the corpus is marked in both formats, in cells and in headers."""
    (cell,) = csv_cells(EXPORTS.csv(sheet(payload)))
    assert cell == "'" + payload
    book = EXPORTS.xlsx(sheet(payload))
    ((kind, value),) = xlsx_cells(book)
    assert kind == "s"
    assert value.startswith("'")
    assert EXPORTS.csv(sheet(header=[payload])).decode("utf-8-sig").lstrip('"').startswith("'")


def test_harmless_texts_stay_as_they_are() -> None:
    """Nothing else is touched: numbers as texts keep their noughts, addresses are no links."""
    book = EXPORTS.xlsx(sheet(*HARMLESS))
    assert [value for _, value in xlsx_cells(book)] == HARMLESS
    assert {kind for kind, _ in xlsx_cells(book)} == {"s"}
    assert csv_cells(EXPORTS.csv(sheet(*HARMLESS))) == HARMLESS
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        assert not any("_rels/sheet1" in name for name in parts.namelist())


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Money(-1250, "GBP"), "-12.50"),
        (Money(123, "KWD"), "0.123"),
        (Money(500, "JPY"), "500"),
        (Money(10**14 + 1, "EUR"), "1000000000000.01"),
    ],
)
def test_amounts_are_numbers(amount: Money, written: str) -> None:
    """X-01: −12.50 is a number and not marked; no cent is lost on the way."""
    assert csv_cells(EXPORTS.csv(sheet(amount))) == [written]
    ((kind, value),) = xlsx_cells(EXPORTS.xlsx(sheet(amount)))
    assert kind is None
    assert value.rstrip("0").rstrip(".") == written.rstrip("0").rstrip(".") or value == written


def test_days_and_direction_are_typed() -> None:
    """A day is a day to the spreadsheet; a Hebrew sheet runs from the right."""
    book = EXPORTS.xlsx(sheet(date(2026, 1, 2), None, right_to_left=True, title="דף: חשבון/[1]*" + "x" * 40))
    assert xlsx_cells(book) == [(None, "46024")]
    assert csv_cells(EXPORTS.csv(sheet(date(2026, 1, 2), None))) == ["2026-01-02", ""]
    view = xlsx_part(book, "xl/worksheets/sheet1.xml").find(".//s:sheetView", NAMES)
    assert view is not None
    assert view.get("rightToLeft") == "1"
    name = xlsx_part(book, "xl/workbook.xml").find(".//s:sheet", NAMES)
    assert name is not None
    assert re.fullmatch(r"[^\[\]:*?/\\]{1,31}", str(name.get("name")))


def test_a_file_made_twice_is_the_same() -> None:
    """Nothing of the moment is in it."""
    assert EXPORTS.xlsx(sheet("a", Money(1, "GBP"))) == EXPORTS.xlsx(sheet("a", Money(1, "GBP")))


def test_counts_and_shares_are_numbers() -> None:
    """X-01: a count, a share and a day are what they are, in both formats; the days column too."""
    cells = [3, -2, Decimal("47.2"), Decimal("10.5")]
    assert csv_cells(EXPORTS.csv(sheet(*cells))) == ["3", "-2", "47.2", "10.5"]
    assert xlsx_cells(EXPORTS.xlsx(sheet(*cells))) == [
        (None, "3"),
        (None, "-2"),
        (None, "47.2"),
        (None, "10.5"),
    ]


def test_a_long_table_is_written_as_it_is_read() -> None:
    """The first piece leaves before the last row is asked for; the pieces are the file."""
    asked = []

    def rows() -> Iterator[list[str]]:
        for number in range(5000):
            asked.append(number)
            yield [f"row {number} " + "x" * 40]

    pieces = EXPORTS.csv_pieces(Sheet("Long", ["What"], rows()))
    first = next(pieces) + next(pieces)
    assert len(asked) < 5000
    rest = b"".join(pieces)
    assert csv_cells(first + rest) == [f"row {n} " + "x" * 40 for n in range(5000)]
    assert len(xlsx_cells(EXPORTS.xlsx(Sheet("Long", ["What"], rows())))) == 5000


def test_a_workbook_of_several_tables() -> None:
    """Each table has its own sheet, also where two would have one name."""
    book = EXPORTS.xlsx(sheet("a"), sheet("b"), sheet("c", title="Ageing"))
    names = [s.get("name") for s in xlsx_part(book, "xl/workbook.xml").iterfind(".//s:sheet", NAMES)]
    assert names == ["Statement", "Statement 2", "Ageing"]


def test_the_calendar_reads_back() -> None:
    """RFC 5545: whole days, stable ids, an alarm before midnight of the day, no line smuggled in."""
    made = datetime(2026, 11, 1, 10, tzinfo=UTC)
    entry = CalendarEntry(
        "abc", date(2026, 12, 4), "שלמו 5 ₪\r\nATTENDEE:x", "words\nhttps://a.example", made
    )
    calendar = Calendar.from_ical(EXPORTS.calendar("תשלומים", "he", [entry]))
    (event,) = calendar.walk("VEVENT")
    assert event["UID"] == "abc@amicable"
    assert event["DTSTART"].dt == date(2026, 12, 4)
    assert event["DTEND"].dt == date(2026, 12, 5)
    assert "ATTENDEE" not in event
    assert event["DESCRIPTION"] == "words\nhttps://a.example"
    (alarm,) = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(hours=-15)


def test_an_entry_with_a_time_stands_at_its_moment() -> None:
    """Issue C, part 13: half an hour from its moment in UTC, so that each program shows its own time."""
    at = datetime(2027, 3, 28, 11, tzinfo=UTC)
    entry = CalendarEntry("abc", date(2027, 3, 28), "Call", "words", at, at=at)
    (event,) = Calendar.from_ical(EXPORTS.calendar("Tasks", "en", [entry])).walk("VEVENT")
    assert event["DTSTART"].dt == at
    assert event["DTEND"].dt == at + timedelta(minutes=30)
    (alarm,) = event.walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(minutes=-10)
