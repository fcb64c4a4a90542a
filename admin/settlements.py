"""Settlements out: every offer and plan of a period, as a page and as a file (issue D, part 15)."""

from __future__ import annotations

from datetime import date

from flask import Response

import web
from admin import tables
from admin.shell import blueprint, frame, note_read, page
from admin.words import word
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.figures import settlements as figures
from receivables.permissions import Permission
from receivables.ports import Sheet

#: Where the case behind a row is looked at.
CASE_OF = {"offer": "backoffice.offer_case", "plan": "backoffice.plan_case"}
#: So many rows on a page; a file has them all.
SHOWN = 200


@blueprint.get("/settlements")
@web.needs(Permission.SETTLEMENTS_READ)
def settlements() -> Response:
    """The offers and plans of a period with their sums; a file with `?format=`."""
    today = business_date(web.now(), frame().zone)
    first, last = today.replace(day=1), today
    note_read(None)
    try:
        first, last = tables.asked_day("from", first), tables.asked_day("to", last)
        format_ = tables.asked_format()
        rows = _rows(first, last)
    except Refused as error:
        return page(
            "backoffice/settlements.html", 422, first=first, last=last, rows=[], totals=[], refused=error
        )
    if format_:
        web.require_fresh("bulk_export")
        return tables.give(_sheet(rows), format_=format_, name=f"settlements {first} {last}")
    return page("backoffice/settlements.html", first=first, last=last, rows=rows[:SHOWN], count=len(rows),
                totals=figures.totals(rows), refused=None, case_of=CASE_OF)  # fmt: skip


def _rows(first: date, last: date) -> list[figures.Settlement]:
    with web.house().store.read() as database:
        return figures.checked(database, web.staff_actor(), figures.Period(first, last))


def _sheet(rows: list[figures.Settlement]) -> Sheet:
    return Sheet(
        title=word("figures_page", "settlements"),
        header=[word("settlement_column", code) for code in figures.COLUMNS],
        rows=[figures.cells(row, word) for row in rows],
        right_to_left=web.runs_right_to_left(),
    )
