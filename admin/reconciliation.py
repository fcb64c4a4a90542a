"""Gateway and books side by side, and how the gateway is heard: lists, explanations, parked events."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Response, request
from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import DataRequired, Length

import web
from admin import tables
from admin.forms import ReasonForm
from admin.shell import blueprint, done, frame, note_read, page
from admin.words import word
from models.money import Money
from models.reconciliation import FindingList
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.ports import Sheet
from receivables.reconciling import findings, parked, reports
from receivables.reconciling.reports import AccountReport

P = Permission
#: Days that the page shows when nobody asked for others.
USUAL = 10
#: What a CSV may be of; the workbook has all of them.
WHAT = ("differences", "sums", "payouts", "waiting")


class EventForm(FlaskForm):  # type: ignore[misc]
    """Which event is tried again."""

    event = HiddenField(validators=[DataRequired("empty"), Length(max=255, message="too_long")])


@blueprint.get("/reconciliation")
@web.needs(P.RECONCILIATION_READ)
def reconciliation() -> Response:
    """The gateway's word beside the books: sums, the three lists, payouts, and what waits."""
    return _show()


@blueprint.post("/reconciliation/<ref>/explain")
@web.needs(P.RECONCILIATION_EXPLAIN)
def explain_finding(ref: str) -> Response:
    """Say why a difference is as it is."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _show(422, form=form, at=ref)
    try:
        web.house().store.run(
            lambda s: findings.explain(s, actor, ref, reason=form.reason.data, now=web.now())
        )
    except Refused as refused:
        form.reason.errors = [refused.code]
        return _show(409, form=form, at=ref)
    return done("finding_explained", "backoffice.reconciliation")


def _show(status: int = 200, *, form: ReasonForm | None = None, at: str = "") -> Response:
    today = business_date(web.now(), frame().zone)
    first, last, refused, format_ = today - timedelta(days=USUAL - 1), today, None, None
    try:
        first, last = tables.asked_day("from", first), tables.asked_day("to", last)
        if last < first:
            raise Refused("days_reversed")
        format_ = tables.asked_format() if request.method == "GET" else None
    except Refused as error:
        refused, first, last = error, today - timedelta(days=USUAL - 1), today
    with web.house().store.read() as database:
        found = reports.report(
            database, web.staff_actor(), first, last, now=web.now(), whole=format_ is not None
        )
    note_read(None)
    if format_:
        return _file(found, first, last, format_)
    return page("backoffice/reconciliation.html", 422 if refused else status, found=found, first=first,
                last=last, refused=refused, lists=[one.value for one in FindingList], most=reports.MOST,
                here="backoffice.reconciliation", form=form or ReasonForm(formdata=None), at=at)  # fmt: skip


@blueprint.get("/gateway")
@web.needs(P.RECONCILIATION_READ)
def gateway() -> Response:
    """How the gateway is heard, and the events that nobody could follow."""
    return _gateway()


@blueprint.post("/gateway/try-again")
@web.needs(P.EVENT_TRY)
def try_event_again() -> Response:
    """Let a parked event be followed at once."""
    form, actor = EventForm(), web.staff_actor()
    if not form.validate():
        return _gateway(422, refused=Refused("event_missing"))
    try:
        web.house().store.run(lambda s: parked.try_again(s, actor, form.event.data, now=web.now()))
    except Refused as refused:
        return _gateway(409, refused=refused)
    return done("event_tried", "backoffice.gateway")


def _gateway(status: int = 200, *, refused: Refused | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        lines, events = reports.lines(database, actor), parked.waiting(database, actor)
    note_read(None)
    return page("backoffice/gateway.html", status, here="backoffice.gateway", lines=lines, events=events,
                refused=refused)  # fmt: skip


# --------------------------------------------------------------------------- files


def _file(found: list[AccountReport], first: date, last: date, format_: str) -> Response:
    made = {
        "differences": _differences(found),
        "sums": _sums(found),
        "payouts": _payouts(found),
        "waiting": _waiting(found),
    }
    what = request.args.get("what", WHAT[0])
    chosen = [made.get(what, made[WHAT[0]])] if format_ == "csv" else list(made.values())
    return tables.give(*chosen, format_=format_, name=f"reconciliation {first} {last}")


def _sheet(title: str, header: list[str], rows: list[list[object]]) -> Sheet:
    return Sheet(title=title, header=header, rows=rows, right_to_left=web.runs_right_to_left())  # type: ignore[arg-type]


def _differences(found: list[AccountReport]) -> Sheet:
    return _sheet(
        gettext("Differences"),
        [gettext("Gateway account"), gettext("List"), gettext("Kind"), gettext("Object"), gettext("Source"),
         gettext("Day"), gettext("There"), gettext("Here"), gettext("Difference"), gettext("Explanation")],
        [
            [one.gateway_account, word("finding_list", row.listed), word("gateway_movement", row.about),
             row.object_id, row.source, row.arose_on, row.said or row.there, row.here, row.difference,
             row.reason]
            for one in found
            for row in one.differences
        ],
    )  # fmt: skip


def _sums(found: list[AccountReport]) -> Sheet:
    return _sheet(
        gettext("There and here"),
        [gettext("Gateway account"), gettext("Currency"), gettext("Kind"), gettext("Number"),
         gettext("There"), gettext("Here"), gettext("Difference")],
        [
            [one.gateway_account, row.currency, word("gateway_movement", row.kind), row.number, row.there,
             row.here, row.difference]
            for one in found
            for row in one.sums
        ],
    )  # fmt: skip


def _payouts(found: list[AccountReport]) -> Sheet:
    return _sheet(
        gettext("Payouts"),
        [gettext("Gateway account"), gettext("Payout"), gettext("Made"), gettext("Arrives"),
         gettext("State"), gettext("Amount"), gettext("Sum of its movements")],
        [
            [one.gateway_account, row.payout_id, row.made_at.date(), row.arrives_on,
             word("payout_status", row.status), row.amount, row.listed]
            for one in found
            for row in one.payouts
        ],
    )  # fmt: skip


def _waiting(found: list[AccountReport]) -> Sheet:
    return _sheet(
        gettext("Money on its way"),
        [gettext("Gateway account"), gettext("Place"), gettext("Day"), gettext("Amount"),
         gettext("State")],
        [
            [one.gateway_account, word("ledger", item.code), item.since_on,
             Money(item.minor, item.currency), gettext("late") if item.late else None]
            for one in found
            for place in one.places
            for item in place.items
        ],
    )  # fmt: skip
