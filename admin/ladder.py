"""The ladder at the desk: how far it goes by itself, what it proposes, and the stop of all sending."""

from __future__ import annotations

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField
from wtforms.validators import AnyOf, DataRequired, Length, NumberRange, Optional

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.ladder import LadderMode
from receivables import switches
from receivables.errors import Refused
from receivables.ladder import reads, steps
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
#: Steps that one press of "approve all" decides; the rest waits for the next one.
BATCH = 200


class SwitchForm(FlaskForm):  # type: ignore[misc]
    """How far the ladder goes by itself, and how many messages a day at most."""

    mode = StringField(validators=[AnyOf([mode.value for mode in LadderMode], message="empty")])
    ceiling = IntegerField(validators=[Optional(), NumberRange(1, 10_000_000, "not_a_number")])
    reason = StringField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=500, message="too_long")],
    )


@blueprint.get("/ladder")
@web.needs(P.LADDER_READ)
def ladder() -> Response:
    """What waits for a person, by rung and one by one, and how the ladder runs."""
    return _ladder()


def _ladder(
    status: int = 200, form: SwitchForm | None = None, stop: ReasonForm | None = None, refused: str = ""
) -> Response:
    actor = web.staff_actor()
    chosen, rung = request.args.get("ladder"), request.args.get("rung")
    with web.house().store.read() as database:
        switch = switches.in_force(database)
        batches = reads.batches(database, actor)
        rows = reads.proposals(database, actor, ladder=chosen, rung=rung)
        left = (
            switches.left_before(database, switch.set_at)
            if switch.sending_stopped and switch.set_at is not None
            else []
        )
    note_read(None)
    if form is None:
        form = SwitchForm(formdata=None, mode=switch.mode.value, ceiling=switch.daily_ceiling)
    return page(
        "backoffice/ladder.html", status, here="backoffice.ladder", switch=switch, batches=batches, rows=rows,
        left=left, form=form, stop=stop or ReasonForm(formdata=None), refused=refused, rung=rung,
        modes=list(LadderMode),
    )  # fmt: skip


@blueprint.post("/ladder/switch")
@web.needs(P.LADDER_SWITCH)
def switch_ladder() -> Response:
    """Let the ladder go further by itself, or less far."""
    form, actor = SwitchForm(), web.staff_actor()
    if not form.validate():
        return _ladder(422, form)
    mode = LadderMode(form.mode.data)
    web.house().store.run(
        lambda s: switches.set_mode(
            s, actor, mode, daily_ceiling=form.ceiling.data, reason=form.reason.data, now=web.now()
        )
    )
    return done("ladder_switched", "backoffice.ladder")


@blueprint.post("/ladder/stop")
@web.needs(P.SENDING_STOP)
def stop_sending() -> Response:
    """Stop everything that chases, queued messages included."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _ladder(422, stop=form)
    web.house().store.run(lambda s: switches.stop_sending(s, actor, reason=form.reason.data, now=web.now()))
    return done("sending_stopped", "backoffice.ladder")


@blueprint.post("/ladder/resume")
@web.needs(P.LADDER_SWITCH)
def allow_sending() -> Response:
    """Let messages leave again."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _ladder(422, stop=form)
    web.house().store.run(lambda s: switches.allow_sending(s, actor, reason=form.reason.data, now=web.now()))
    return done("sending_allowed", "backoffice.ladder")


@blueprint.post("/ladder/steps/<ref>/approve")
@web.needs(P.LADDER_DECIDE)
def approve_step(ref: str) -> Response:
    """Let one proposed step be done."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: steps.decide(s, actor, ref, approve=True, now=web.now()))
    return done("step_done", "backoffice.ladder", count=1)


@blueprint.post("/ladder/steps/<ref>/refuse")
@web.needs(P.LADDER_DECIDE)
def refuse_step(ref: str) -> Response:
    """Leave one proposed step undone, with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _ladder(422, refused=ref)
    web.house().store.run(
        lambda s: steps.decide(s, actor, ref, approve=False, reason=form.reason.data, now=web.now())
    )
    return done("step_refused", "backoffice.ladder")


@blueprint.post("/ladder/approve")
@web.needs(P.LADDER_DECIDE)
def approve_batch() -> Response:
    """Approve what stands in one rung's batch, each step on its own: one in trouble holds up no other."""
    actor = web.staff_actor()
    chosen, rung = request.form.get("ladder", ""), request.form.get("rung", "")
    with web.house().store.read() as database:
        waiting = reads.proposals(database, actor, ladder=chosen, rung=rung, most=BATCH)
    count = 0
    for row in waiting:
        try:
            web.house().store.run(lambda s, r=row.ref: steps.decide(s, actor, r, approve=True, now=web.now()))  # type: ignore[misc]
            count += 1
        except Refused:
            continue  # somebody else was faster
    return done("step_done", "backoffice.ladder", count=count)
