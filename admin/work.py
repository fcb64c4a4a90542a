"""What waits for a person: today, alerts, tasks, and the one box that finds things."""

from __future__ import annotations

from typing import Any

from flask import Response, request

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page, signed_in
from receivables.desk import alerts as closing
from receivables.desk import reads as desk_reads
from receivables.permissions import Permission

P = Permission


@blueprint.get("/")
@signed_in
def today() -> Response:
    """What needs a look, and the accounts that owe most; each part by its own permission."""
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
    finished = request.args.get("show") == "done"
    with web.house().store.read() as database:
        rows = desk_reads.tasks(database, web.staff_actor(), done=finished)
    note_read(None)
    return page("backoffice/tasks.html", rows=rows, finished=finished, form=ReasonForm(), refused=None)


@blueprint.post("/tasks/<ref>/done")
@web.needs(P.TASK_CLOSE)
def finish_task(ref: str) -> Response:
    """Mark one task as done, with what was decided."""
    form, actor = ReasonForm(), web.staff_actor()
    if form.validate():
        web.house().store.run(
            lambda s: closing.finish_task(s, actor, ref, reason=form.reason.data, now=web.now())
        )
        return done("task_done", "backoffice.tasks")
    with web.house().store.read() as database:
        rows = desk_reads.tasks(database, actor)
    return page("backoffice/tasks.html", 422, here="backoffice.tasks", rows=rows, finished=False, form=form,
                refused=ref)  # fmt: skip


@blueprint.get("/search")
@web.needs(P.ACCOUNT_READ)
def search() -> Response:
    """Find accounts, invoices and people."""
    text = request.args.get("q", "").replace("\x00", "").strip()[:100]
    note_read(None)
    with web.house().store.read() as database:
        found = desk_reads.search(database, web.staff_actor(), text)
    return page("backoffice/search.html", q=text, found=found)
