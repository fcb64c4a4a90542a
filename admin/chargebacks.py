"""Chargebacks: what payers contest with their bank, what is held, and what is to do until when (P-21)."""

from __future__ import annotations

from flask import Response
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import DataRequired, Length

import web
from admin.approvals import tidy
from admin.shell import blueprint, done, note_read, page
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.reversals import reads

P = Permission
HERE = "backoffice.chargebacks_list"
#: Where the gateway's own desk shows a dispute; evidence is submitted there.
_DESK = "https://dashboard.stripe.com/{mode}disputes/{dispute}"


class NoteForm(FlaskForm):  # type: ignore[misc]
    """What was submitted at the gateway."""

    note = StringField(
        filters=[tidy], validators=[DataRequired("empty"), Length(max=reads.NOTE_MOST, message="too_long")]
    )


@blueprint.get("/chargebacks")
@web.needs(P.CHARGEBACK_READ)
def chargebacks_list() -> Response:
    """The queue: what waits for our answer first, by the day it is due."""
    return _list(NoteForm(formdata=None))


def _list(form: NoteForm, status: int = 200, at: str = "", refused: str | None = None) -> Response:
    with web.house().store.read() as database:
        rows = reads.rows(database, web.staff_actor())
    note_read(None)
    return page(
        "backoffice/chargebacks.html", status, here=HERE, rows=rows, waiting=[r for r in rows if r.waits],
        ours=[r for r in rows if r.is_ours], desk={r.ref: _desk(r) for r in rows}, form=form, at=at,
        refused=refused,
    )  # fmt: skip


def _desk(row: reads.ChargebackRow) -> str:
    """Where a dispute is answered: at the gateway's desk, in a demo at that of its stand-in."""
    keys = web.house().settings.stripe_accounts.get(row.gateway_account)
    if keys is not None and keys.api_base:
        return f"{keys.api_base.rstrip('/')}/_sandbox/"
    gateway = web.house().gateway(row.gateway_account)
    mode = "" if gateway is not None and gateway.live else "test/"
    return _DESK.format(mode=mode, dispute=row.dispute_id)


@blueprint.post("/chargebacks/<ref>/note")
@web.needs(P.CHARGEBACK_ANSWER)
def note_chargeback(ref: str) -> Response:
    """Keep what was submitted, or that it is accepted."""
    form, actor = NoteForm(), web.staff_actor()
    if not form.validate():
        return _list(form, 422, ref)
    try:
        web.house().store.run(
            lambda s: reads.note_submitted(s, actor, ref, note=form.note.data, now=web.now()).ref
        )
    except Refused as error:
        form.note.errors = [error.code]
        return _list(form, 409, ref, error.code)
    return done("chargeback_noted", HERE)
