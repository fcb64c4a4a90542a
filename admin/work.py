"""What waits for a person: today, alerts, tasks, and the one box that finds things."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Response, request, url_for
from wtforms import DateField
from wtforms.validators import InputRequired

import web
from admin import worklist
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page, signed_in
from models.work import TaskKind
from receivables.desk import alerts as closing
from receivables.desk import reads as desk_reads
from receivables.desk.reads import TaskRow
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission
#: Kind of task -> where it is done, who may go there, and whether that is a page of the account.
DONE_AT: Mapping[TaskKind, tuple[str, Permission, bool]] = {
    TaskKind.APPROVAL: ("backoffice.approvals_list", P.APPROVAL_READ, False),
    TaskKind.CHARGEBACK: ("backoffice.chargebacks_list", P.CHARGEBACK_READ, False),
    TaskKind.FRAUD_WARNING: ("backoffice.account", P.ACCOUNT_READ, True),
    TaskKind.PAYMENT_RETURNED: ("backoffice.account", P.ACCOUNT_READ, True),
    TaskKind.REFUND_FAILED: ("backoffice.ask_refund", P.REFUND_PROPOSE, True),
    TaskKind.CALL_BACK: ("backoffice.call_screen", P.CALL_LOG, True),
    TaskKind.CONFIRM_SEGMENT: ("backoffice.segments", P.SEGMENT_READ, False),
    TaskKind.DISPUTE: ("backoffice.disputes", P.DISPUTE_READ, False),
    TaskKind.HAND_OVER: ("backoffice.handovers", P.HANDOVER_READ, False),
    TaskKind.HARDSHIP: ("backoffice.hardship_list", P.HARDSHIP_READ, False),
    TaskKind.HOLD_CREDIT: ("backoffice.ask_hold", P.CREDIT_HOLD_PLACE, True),
    TaskKind.PAY_REFUND: ("backoffice.refunds_list", P.REFUND_READ, False),
    TaskKind.HOLD_REVIEW: ("backoffice.ask_hold", P.CREDIT_HOLD_PLACE, True),
    TaskKind.LADDER_CALL: ("backoffice.call_screen", P.CALL_LOG, True),
    TaskKind.MAKE_OFFER: ("backoffice.ask_offer", P.OFFER_MAKE, True),
    TaskKind.FOLLOW_UP: ("backoffice.account", P.ACCOUNT_READ, True),
    TaskKind.MENTION: ("backoffice.account", P.ACCOUNT_READ, True),
    TaskKind.MANAGEMENT: ("backoffice.sales_account", P.SALES_READ, True),
    TaskKind.PLAN_TROUBLE: ("backoffice.call_screen", P.CALL_LOG, True),
    TaskKind.PREPAYMENT_OVER: ("backoffice.account", P.ACCOUNT_READ, True),
    TaskKind.PROMISE_BROKEN: ("backoffice.call_screen", P.CALL_LOG, True),
    TaskKind.READ_REPLY: ("backoffice.inbound", P.MESSAGE_READ, False),
    TaskKind.REQUEST: ("backoffice.requests_list", P.REQUEST_ANSWER, False),
    TaskKind.SALES: ("backoffice.sales_account", P.SALES_READ, True),
    TaskKind.STATEMENT: ("backoffice.statement", P.DISPUTE_STATE, False),
    TaskKind.TRACE: ("backoffice.account", P.ACCOUNT_READ, True),
}


class PutOffForm(ReasonForm):
    """Until when a task waits, and why."""

    to_on = DateField(validators=[InputRequired("day_unreadable")])


def place_of(task: TaskRow) -> str | None:
    """The address where a task is done; None where there is no such page, or not for this reader."""
    endpoint, permission, of_account = DONE_AT.get(task.kind, ("", P.TASK_CLOSE, False))
    if not endpoint or not web.staff_may(permission):
        return None
    if endpoint == "backoffice.call_screen":
        return url_for(endpoint, ref=task.account_ref, task=task.ref)
    if endpoint == "backoffice.statement":
        return url_for(endpoint, ref=task.facts["statement"])
    if task.kind is TaskKind.DISPUTE and "dispute" in task.facts:
        return url_for("backoffice.dispute", ref=task.facts["dispute"])
    return url_for(endpoint, ref=task.account_ref) if of_account else url_for(endpoint)


@blueprint.get("/")
@signed_in
def today() -> Response:
    """The worklist for who chases; for others what needs a look, each part by its own permission."""
    if web.staff_may(P.WORKLIST_WORK):
        return worklist.shown()
    actor, looks = web.staff_actor(), web.staff_may(P.ALERT_READ)
    owed, money = web.staff_may(P.ACCOUNT_READ), web.staff_may(P.PAYMENT_READ)
    with web.house().store.read() as database:
        parts: dict[str, Any] = {
            "alerts": desk_reads.alerts(database, actor, limit=5) if looks else [],
            "tasks": desk_reads.tasks(database, actor, limit=5) if looks else [],
            "overdue": desk_reads.overdue_accounts(database, actor, now=web.now()) if owed else None,
            "payments": desk_reads.last_payments(database, actor) if money else None,
        }
    note_read(None)
    return page("backoffice/today.html", **parts)


@blueprint.get("/alerts")
@web.needs(P.ALERT_READ)
def alerts() -> Response:
    """Open alerts, or those that were closed."""
    closed = request.args.get("show") == "closed"
    with web.house().store.read() as database:
        rows = desk_reads.alerts(database, web.staff_actor(), closed=closed)
    note_read(None)
    return page("backoffice/alerts.html", rows=rows, closed=closed, form=ReasonForm(), refused=None)


@blueprint.post("/alerts/<ref>/close")
@web.needs(P.ALERT_CLOSE)
def close_alert(ref: str) -> Response:
    """Close one alert with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    if form.validate():
        web.house().store.run(
            lambda s: closing.close_alert(s, actor, ref, reason=form.reason.data, now=web.now())
        )
        return done("alert_closed", "backoffice.alerts")
    with web.house().store.read() as database:
        rows = desk_reads.alerts(database, actor)
    return page("backoffice/alerts.html", 422, here="backoffice.alerts", rows=rows, closed=False, form=form,
                refused=ref)  # fmt: skip


@blueprint.get("/tasks")
@web.needs(P.ALERT_READ)
def tasks() -> Response:
    """Open tasks, or those that are done."""
    return _tasks(finished=request.args.get("show") == "done")


def _tasks(
    status: int = 200,
    *,
    finished: bool = False,
    form: ReasonForm | None = None,
    putting: PutOffForm | None = None,
    refused: str | None = None,
) -> Response:
    with web.house().store.read() as database:
        rows = desk_reads.tasks(database, web.staff_actor(), done=finished)
    note_read(None)
    return page("backoffice/tasks.html", status, here="backoffice.tasks", rows=rows, finished=finished,
                place_of=place_of, as_day=date.fromisoformat, form=form or ReasonForm(formdata=None),
                putting=putting or PutOffForm(formdata=None), refused=refused)  # fmt: skip


@blueprint.post("/tasks/<ref>/done")
@web.needs(P.TASK_CLOSE)
def finish_task(ref: str) -> Response:
    """Mark one task as done, with what was decided."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _tasks(422, form=form, refused=ref)
    web.house().store.run(
        lambda s: closing.finish_task(s, actor, ref, reason=form.reason.data, now=web.now())
    )
    return done("task_done", "backoffice.tasks")


@blueprint.post("/tasks/<ref>/put-off")
@web.needs(P.TASK_CLOSE)
def put_off_task(ref: str) -> Response:
    """Let one task wait until another day, with a reason."""
    form, actor = PutOffForm(), web.staff_actor()
    if not form.validate():
        return _tasks(422, putting=form, refused=ref)
    try:
        web.house().store.run(
            lambda s: closing.put_off_task(
                s, actor, ref, to_on=form.to_on.data, reason=form.reason.data, now=web.now()
            )
        )
    except Refused as error:
        form.to_on.errors = [error.code]
        return _tasks(409, putting=form, refused=ref)
    return done("task_put_off", "backoffice.tasks")
