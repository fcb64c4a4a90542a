"""One act on the ticked accounts: shown first, then done, and undone while nothing has left."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response, request
from wtforms import DateField, StringField
from wtforms.validators import AnyOf, Optional

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.worklist import BulkKind
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.worklist import assigning, bulk

P = Permission
HERE = "backoffice.today"


class BulkForm(ReasonForm):
    """What is done to all of them. Reminders have no reason of their own."""

    act = StringField(validators=[AnyOf([kind.value for kind in BulkKind], "empty")])
    to = StringField(default="")
    from_on = DateField(validators=[Optional()])
    to_on = DateField(validators=[Optional()])


@blueprint.get("/worklist/bulk", endpoint="bulk")
@web.needs(P.WORKLIST_WORK)
def ask_bulk() -> Response:
    """What an act would do to each of the ticked accounts."""
    typed = request.args.get("act", "")
    kind = BulkKind(typed) if typed in set(BulkKind) else BulkKind.REASSIGN
    return _ask(kind, request.args.getlist("account"), BulkForm(formdata=None))


def _ask(kind: BulkKind, refs: list[str], form: BulkForm, status: int = 200, refused: str = "") -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        people = assigning.colleagues(database)
        today = assigning.house_today(database, web.now())
        try:
            lines = bulk.preview(database, actor, kind, [ref[:24] for ref in refs], now=web.now())
        except Refused as error:
            lines, refused = [], error.code
    note_read(None)
    return page("backoffice/worklist_bulk.html", status, here=HERE, kind=kind, lines=lines, people=people,
                today=today, form=form, refused=refused)  # fmt: skip


@blueprint.post("/worklist/bulk")
@web.needs(P.WORKLIST_WORK)
def do_bulk() -> Response:
    """Do it where it can be done, and show what came of it."""
    form, actor, refs = BulkForm(), web.staff_actor(), request.form.getlist("account")
    kind = BulkKind(form.act.data) if form.act.data in set(BulkKind) else None
    if kind is None or (kind is not BulkKind.REMIND and not form.validate()):
        return _ask(kind or BulkKind.REASSIGN, refs, form, 422)
    words = form.reason.data if kind is not BulkKind.REMIND else ""
    chosen = bulk.Chosen(kind, form.to.data or "", form.from_on.data, form.to_on.data, words)
    try:
        act = web.house().store.run(lambda s: bulk.do(s, actor, chosen, refs, now=web.now()))
    except Refused as error:
        return _ask(kind, refs, form, 409, error.code)
    return done("bulk_done", "backoffice.bulk_made", values={"ref": act.ref})


@blueprint.get("/worklist/bulk/<ref>")
@web.needs(P.WORKLIST_WORK)
def bulk_made(ref: str) -> Response:
    """What an act did at each account, and how it is undone."""
    with web.house().store.read() as database:
        made = bulk.made(database, web.staff_actor(), ref)
    note_read(None)
    facts: dict[str, Any] = {"as_day": lambda iso: datetime.fromisoformat(iso).date()}
    return page("backoffice/worklist_bulk_made.html", here=HERE, made=made, **facts)


@blueprint.post("/worklist/bulk/<ref>/undo")
@web.needs(P.WORKLIST_WORK)
def undo_bulk(ref: str) -> Response:
    """Take back what can be taken back."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: bulk.undo(s, actor, ref, now=web.now()))
    return done("bulk_undone", "backoffice.bulk_made", values={"ref": ref})
