"""The dashboard, a salesperson's statement, and the targets: pages, charts and every table as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Response, request, url_for
from wtforms import StringField
from wtforms.validators import DataRequired, Length

import web
from admin import charts, tables
from admin.forms import ReasonForm, money_of
from admin.invoices import actor_language
from admin.shell import blueprint, done, frame, note_read, page
from admin.words import word
from models.money import CURRENCIES, Money
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.figures import dashboard as figures
from receivables.figures import statements, targets
from receivables.figures.dashboard import Dashboard
from receivables.figures.facts import Span
from receivables.figures.settlements import LONGEST
from receivables.figures.tables import FigureCell, FigureTable, Month, Said
from receivables.permissions import Permission
from receivables.ports import Cell, Sheet

P = Permission
#: What is shown where an address names no range.
USUAL = "half_year"


class TargetForm(ReasonForm):
    """What is to be collected in one month."""

    month = StringField(validators=[DataRequired("empty"), Length(max=7, message="month_unreadable")])
    amount = StringField(validators=[DataRequired("empty"), Length(max=40, message="too_long")])

    def day(self) -> date | None:
        """The first of the month, or None with an error at its field."""
        try:
            return date.fromisoformat(f"{self.month.data}-01")
        except ValueError:
            self.month.errors = ["month_unreadable"]
            return None

    def money(self, currency: str) -> Money | None:
        """The amount, or None with an error at its field."""
        return money_of(self.amount, currency, actor_language())


# --------------------------------------------------------------------------- dashboard


@blueprint.get("/dashboard")
@web.needs(P.FIGURES_READ_OWN)
def dashboard() -> Response:
    """Key figures, tables and charts; one table or all of them as a file with `?format=`."""
    note_read(None)
    return _dashboard()


def _dashboard(status: int = 200, *, form: TargetForm | None = None) -> Response:
    try:
        range_, span = _asked_span()
        format_ = tables.asked_format()
    except Refused as error:
        return page("backoffice/dashboard_refused.html", 422, here="backoffice.dashboard", why=error.code,
                    ranges=figures.RANGES)  # fmt: skip
    try:
        with web.house().store.read() as database:
            found = figures.dashboard(
                database, web.staff_actor(), creditor_ref=request.args.get("creditor") or None,
                currency=request.args.get("currency") or None, span=span, now=web.now(),
            )  # fmt: skip
    except Refused as error:
        return page("backoffice/dashboard_empty.html", here="backoffice.dashboard", why=error.code)
    if format_:
        one = request.args.get("table", "")
        chosen = [found.table(one)] if one or format_ == "csv" else found.tables
        name = f"{one or 'dashboard'} {found.currency} {span.first} {span.last}"
        return tables.give(*(_sheet(table, found.currency) for table in chosen), format_=format_, name=name)
    asked: dict[str, Any] = {"creditor": found.creditor_ref, "currency": found.currency, "range": range_,
             "from": span.first, "to": span.last}  # fmt: skip

    def address(format_: str, table: str | None = None) -> str:
        return url_for("backoffice.dashboard", **asked, format=format_, table=table)

    return page("backoffice/dashboard.html", status, here="backoffice.dashboard", found=found, asked=asked,
                address=address, ranges=figures.RANGES, drawn=_drawn(found), spark=charts.spark,
                form=form or TargetForm(formdata=None))  # fmt: skip


def _asked_span() -> tuple[str, Span]:
    """Return the ready range and its days; "" with days of one's own.

    Raises:
        Refused: day_unreadable, period_backwards, period_too_long.
    """
    today = business_date(web.now(), frame().zone)
    ready = request.args.get("range", USUAL)
    if ready in figures.RANGES:
        return ready, figures.span_of(ready, today)
    usual = figures.span_of(USUAL, today)
    span = Span(tables.asked_day("from", usual.first), min(tables.asked_day("to", usual.last), today))
    if span.last < span.first:
        raise Refused("period_backwards")
    if span.days > LONGEST:
        raise Refused("period_too_long")
    return "", span


def _drawn(found: Dashboard) -> dict[str, Any]:
    """Return the drawings of a dashboard."""
    bars = charts.stacked([amounts for _, amounts in found.ageing], mirrored=web.runs_right_to_left())
    line = found.course and charts.course(found.course.sums, found.course.days, found.course.target)
    return {"ageing": bars, "course": line}


@blueprint.post("/dashboard/targets")
@web.needs(P.TARGET_SET)
def set_target() -> Response:
    """Set what is to be collected in one month and currency."""
    form, actor = TargetForm(), web.staff_actor()
    ref, currency = request.args.get("creditor", ""), request.args.get("currency", "")
    if currency not in CURRENCIES:
        raise NotFound("not_found")
    if not form.validate() or (month := form.day()) is None or (amount := form.money(currency)) is None:
        return _dashboard(422, form=form)
    web.house().store.run(
        lambda s: targets.set_target(
            s, actor, ref, month_on=month, amount=amount, reason=form.reason.data, now=web.now()
        )
    )
    return done("target_set", "backoffice.dashboard", values={"creditor": ref, "currency": currency},
                month=month.isoformat(), minor=amount.minor, currency=currency)  # fmt: skip


# --------------------------------------------------------------------------- statement


@blueprint.get("/sales-statement")
@web.needs(P.STATEMENT_READ)
def sales_statement() -> Response:
    """What was collected from one salesperson's accounts; a file with `?format=`."""
    note_read(None)
    try:
        range_, span = _asked_span()
        format_ = tables.asked_format()
    except Refused as error:
        return page("backoffice/dashboard_refused.html", 422, here="backoffice.sales_statement",
                    why=error.code, ranges=figures.RANGES)  # fmt: skip
    with web.house().store.read() as database:
        found = statements.statement(
            database, web.staff_actor(), staff_ref=request.args.get("who") or None, span=span
        )
    if format_:
        sheet = _sheet(found.table, None)
        return tables.give(sheet, format_=format_, name=f"statement {found.name} {span.first} {span.last}")
    asked = {"who": found.ref, "range": range_, "from": span.first, "to": span.last}
    return page("backoffice/sales_statement.html", found=found, asked=asked, ranges=figures.RANGES)


# --------------------------------------------------------------------------- as a file


def _sheet(table: FigureTable, currency: str | None) -> Sheet:
    """Return a table as it is taken along: its words, and its figures as figures.

    Args:
        currency: of every amount, told in a column of its own; None where rows tell theirs.
    """
    rows = [*table.rows, *([table.foot] if table.foot else [])]
    header = [word("figure_column", name) for name in table.columns]
    if table.why:
        header, rows = [word("figure_table", table.code)], [[Said("figure_why", table.why)]]
    has_money = any(isinstance(cell, Money) for row in rows for cell in row)
    if has_money:
        header.append(word("settlement_column", "currency"))
    return Sheet(
        title=word("figure_table", table.code),
        header=header,
        rows=[
            _cells(row, currency if has_money else None, own=has_money and currency is None) for row in rows
        ],
        right_to_left=web.runs_right_to_left(),
    )


def _cells(row: Sequence[FigureCell], currency: str | None, *, own: bool) -> list[Cell]:
    cells: list[Cell] = []
    for cell in row:
        match cell:
            case Said():
                cells.append(word(cell.table, cell.code))
            case Month():
                cells.append(cell.first)
            case _:
                cells.append(cell)
    if own:
        currency = next((cell.currency for cell in row if isinstance(cell, Money)), None)
    return [*cells, currency] if currency is not None else cells
