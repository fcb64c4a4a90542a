"""What goes wrong again and again: the report, narrowed step by step, as a page and as a file."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Response, request
from flask_babel import gettext

import web
from admin import tables
from admin.shell import blueprint, frame, note_read, page
from admin.words import word
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.ports import Sheet
from receivables.talks import problems as talks_problems
from receivables.texts import one_line

P = Permission
#: Days that the page shows when nobody asked for others; single cases on it.
USUAL, SHOWN = 90, 50


@blueprint.get("/problems")
@web.needs(P.REPORT_READ)
def problems() -> Response:
    """How often what went wrong, put together by reason, account, product or salesperson."""
    today = business_date(web.now(), frame().zone)
    first, last, refused = today - timedelta(days=USUAL - 1), today, None
    try:
        first, last = tables.asked_day("from", first), tables.asked_day("to", last)
        format_ = tables.asked_format()
    except Refused as error:
        refused, format_ = error, None
    found = _report(first, last)
    note_read(None)
    if format_:
        return tables.give(
            _sheet(found), format_=format_, name=f"problems {found.span.first} {found.span.last}"
        )
    return page("backoffice/problems.html", 422 if refused else 200, report=found, shown=SHOWN,
                refused=refused, bys=talks_problems.BY, nobody=talks_problems.NOBODY, reason_word=reason_word,
                asked={name: getattr(found.only, name) for name in talks_problems.BY})  # fmt: skip


def _report(first: date, last: date) -> talks_problems.Report:
    only = {name: one_line(request.args.get(name, ""))[:200] for name in talks_problems.BY}
    with web.house().store.read() as database:
        return talks_problems.report(
            database, web.staff_actor(), talks_problems.Span.of(first, last), by=request.args.get("by", ""),
            only=talks_problems.Only(**only),
        )  # fmt: skip


def reason_word(code: str) -> str:
    """A reason in the reader's words: of a dispute, of the portal, of a talk."""
    kind, _, what = code.partition(":")
    table = {"dispute": "dispute_reason", "answer": "answer_reason", "talk": "call_outcome"}.get(kind)
    return word(table, what) if table else code


def _sheet(report: talks_problems.Report) -> Sheet:
    """A row for each case: what a spreadsheet can put together by itself."""
    return Sheet(
        title=gettext("Recurring problems"),
        header=[gettext("Day"), *(word("problem_by", by) for by in talks_problems.BY), gettext("Invoice"),
                gettext("Contested")],
        rows=[
            [case.at.date(), reason_word(case.reason), case.account_name, case.product or None,
             case.salesperson_name or None, case.number or None, case.amount]
            for case in report.cases
        ],
        right_to_left=web.runs_right_to_left(),
    )  # fmt: skip
