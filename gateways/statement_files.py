"""Tables and calendars for other people's programs: CSV, XLSX and iCalendar.

No cell is ever a formula, whoever chose the words in it (X-01): texts that could begin one are
marked, workbooks hold texts as texts and amounts as numbers.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from icalendar import Alarm, Calendar, Event
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from gateways.spreadsheets import safe_cell
from models.money import Money, currency_row
from receivables.ports import CalendarEntry, Cell, Sheet

#: What no name of a sheet may hold, and its greatest length.
_NOT_IN_SHEET_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
_LONGEST_SHEET_NAME = 31
_ISO_DAY = "yyyy-mm-dd"
#: A piece of a file that is sent while it is written, bytes or so.
PIECE = 64 * 1024
#: So many rows tell how wide a column is, and none is wider.
ROWS_FOR_WIDTH, WIDEST = 200, 60
#: How long an entry takes that has a time of day.
HALF_AN_HOUR = timedelta(minutes=30)


class ExportFiles:
    """The Exports of this house."""

    def csv(self, sheet: Sheet) -> bytes:
        """Write RFC 4180 text in UTF-8 with a mark, which spreadsheets need to read it as such.

        Amounts are plain decimals, so a negative one is a number and not marked; days are ISO.
        """
        return b"".join(self.csv_pieces(sheet))

    def csv_pieces(self, sheet: Sheet) -> Iterator[bytes]:
        """See csv; a piece for every hundred rows or so."""
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow([safe_cell(name) for name in sheet.header])
        yield codecs.BOM_UTF8
        for row in sheet.rows:
            writer.writerow([_csv_cell(cell) for cell in row])
            if out.tell() >= PIECE:
                yield out.getvalue().encode()
                out.seek(0)
                out.truncate()
        yield out.getvalue().encode()

    def xlsx(self, *sheets: Sheet) -> bytes:
        """Write a workbook: days and amounts typed, nothing that is run or followed."""
        return b"".join(self.xlsx_pieces(*sheets))

    def xlsx_pieces(self, *sheets: Sheet) -> Iterator[bytes]:
        """See xlsx; rows go to a file as they are read, one at a time."""
        with tempfile.TemporaryFile() as out:
            options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                       "strings_to_numbers": False}  # fmt: skip
            book = Workbook(out, options)
            # A file made twice from the same books is the same file.
            book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001
            formats = _Formats(book)
            names: set[str] = set()
            for sheet in sheets:
                _write_sheet(book, formats, sheet, _sheet_name(sheet.title, names))
            book.close()
            out.seek(0)
            while piece := out.read(PIECE):
                yield piece

    def calendar(self, name: str, language: str, entries: Sequence[CalendarEntry]) -> bytes:
        """Write an iCalendar file: whole days, each with an alarm at 9:00 of the day before, and moments.

        Moments stand in UTC, so that every program shows them right in its reader's own zone.
        """
        calendar = Calendar()
        calendar.add("prodid", "-//Amicable//Payments//EN")
        calendar.add("version", "2.0")
        calendar.add("method", "PUBLISH")
        calendar.add("x-wr-calname", name)
        for entry in entries:
            event = Event()
            event.add("uid", f"{entry.key}@amicable")
            event.add("dtstamp", entry.changed_at)
            event.add("last-modified", entry.changed_at)
            event.add("dtstart", entry.at or entry.on)
            event.add("dtend", entry.at + HALF_AN_HOUR if entry.at else entry.on + timedelta(days=1))
            event.add("summary", entry.summary, {"LANGUAGE": language})
            event.add("description", entry.words, {"LANGUAGE": language})
            event.add("transp", "TRANSPARENT")
            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", entry.summary)
            alarm.add("trigger", timedelta(minutes=-10) if entry.at else timedelta(hours=-15))
            event.add_component(alarm)
            calendar.add_component(event)
        return bytes(calendar.to_ical())


class _Formats:
    """Formats of one workbook, one for each currency that occurs."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._amounts: dict[str, Any] = {}
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.day = book.add_format({"num_format": _ISO_DAY, "align": "left"})

    def amount(self, currency: str) -> Any:
        """Return the format of amounts of a currency: its own decimals."""
        if currency not in self._amounts:
            self._amounts[currency] = self._book.add_format({"num_format": _amount_format(currency)})
        return self._amounts[currency]


def _write_sheet(book: Workbook, formats: _Formats, sheet: Sheet, name: str) -> None:
    page = book.add_worksheet(name)
    if sheet.right_to_left:
        page.right_to_left()
    page.freeze_panes(1, 0)
    rows = iter(sheet.rows)
    first = list(itertools.islice(rows, ROWS_FOR_WIDTH))
    # Widths stand before the rows in a file that is written in one go; the first rows tell them.
    for column, title in enumerate(sheet.header):
        longest = max((len(_csv_cell(row[column])) for row in first if column < len(row)), default=0)
        page.set_column(column, column, min(max(longest + 3, min(len(title) + 2, 16), 8), WIDEST))
    for column, title in enumerate(sheet.header):
        page.write_string(0, column, safe_cell(title), formats.head)
    for number, row in enumerate(itertools.chain(first, rows), 1):
        for column, cell in enumerate(row):
            match cell:
                case Money():
                    page.write_number(number, column, cell.decimal, formats.amount(cell.currency))
                case date():
                    page.write_datetime(number, column, cell, formats.day)
                case int() | Decimal():
                    page.write_number(number, column, cell)
                case str():
                    page.write_string(number, column, safe_cell(cell))


def _sheet_name(title: str, taken: set[str]) -> str:
    """Return a name that a workbook takes: no sign it forbids, not too long, not there yet."""
    plain = title.translate(_NOT_IN_SHEET_NAMES).strip("' ") or "1"
    for number in itertools.count(1):
        ending = f" {number}" if number > 1 else ""
        name = plain[: _LONGEST_SHEET_NAME - len(ending)] + ending
        if name.casefold() not in taken:
            taken.add(name.casefold())
            return name
    raise AssertionError


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Money():
            return f"{cell.decimal:f}"
        case date():
            return cell.isoformat()
        case int() | Decimal():
            return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    return safe_cell(cell)


def _amount_format(currency: str) -> str:
    places = currency_row(currency).exponent
    return "#,##0" + (f".{'0' * places}" if places else "")
