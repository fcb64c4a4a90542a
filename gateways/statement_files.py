"""Tables and calendars for other people's programs: CSV, XLSX and iCalendar.

No cell is ever a formula, whoever chose the words in it (X-01): texts that could begin one are
marked, workbooks hold texts as texts and amounts as numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from icalendar import Alarm, Calendar, Event
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from models.money import Money, currency_row
from receivables.ports import CalendarEntry, Sheet

#: What a spreadsheet takes for the beginning of a formula (X-01).
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
#: What no name of a sheet may hold, and its greatest length.
_NOT_IN_SHEET_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
_LONGEST_SHEET_NAME = 31
_ISO_DAY = "yyyy-mm-dd"
#: How long an entry takes that has a time of day.
HALF_AN_HOUR = timedelta(minutes=30)


def safe(text: str) -> str:
    """Return text that no spreadsheet runs as a formula.

    >>> safe("=1+1"), safe("a=b")
    ("'=1+1", 'a=b')
    """
    return "'" + text if text.startswith(FORMULA_STARTS) else text


class ExportFiles:
    """The Exports of this house."""

    def csv(self, sheet: Sheet) -> bytes:
        """Write RFC 4180 text in UTF-8 with a mark, which spreadsheets need to read it as such.

        Amounts are plain decimals, so a negative one is a number and not marked; days are ISO.
        """
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow([safe(name) for name in sheet.header])
        for row in sheet.rows:
            writer.writerow([_csv_cell(cell) for cell in row])
        return out.getvalue().encode("utf-8-sig")

    def xlsx(self, sheet: Sheet) -> bytes:
        """Write a workbook of one sheet: days and amounts typed, nothing that is run or followed."""
        out = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
                   "strings_to_numbers": False}  # fmt: skip
        book = Workbook(out, options)
        # A file made twice from the same books is the same file.
        book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001
        page = book.add_worksheet(sheet.title.translate(_NOT_IN_SHEET_NAMES)[:_LONGEST_SHEET_NAME])
        if sheet.right_to_left:
            page.right_to_left()
        head = book.add_format({"bold": True, "bottom": 1})
        day = book.add_format({"num_format": _ISO_DAY, "align": "left"})
        amounts = {
            code: book.add_format({"num_format": _amount_format(code)})
            for code in sorted(
                {cell.currency for row in sheet.rows for cell in row if isinstance(cell, Money)}
            )
        }
        for column, name in enumerate(sheet.header):
            page.write_string(0, column, safe(name), head)
        for number, row in enumerate(sheet.rows, 1):
            for column, cell in enumerate(row):
                match cell:
                    case Money():
                        page.write_number(number, column, cell.decimal, amounts[cell.currency])
                    case date():
                        page.write_datetime(number, column, cell, day)
                    case str():
                        page.write_string(number, column, safe(cell))
        page.freeze_panes(1, 0)
        page.autofit()
        book.close()
        return out.getvalue()

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


def _csv_cell(cell: str | Money | date | None) -> str:
    match cell:
        case None:
            return ""
        case Money():
            return f"{cell.decimal:f}"
        case date():
            return cell.isoformat()
    return safe(cell)


def _amount_format(currency: str) -> str:
    places = currency_row(currency).exponent
    return "#,##0" + (f".{'0' * places}" if places else "")
