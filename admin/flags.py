"""What must be heeded about an account: the facts that hold, the form to record one, and their ends."""

from __future__ import annotations

from datetime import date

from flask import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.accounts import FlagKind
from receivables import flags
from receivables.calendar_days import business_date
from receivables.contact import suppression
from receivables.contact.suppression import Act
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.flags import FlagState
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "books_accounts.index_view"
#: The field that each refusal is about; all others are about the first one of their form.
FIELDS = {
    "flag_stands": "kind", "flag_end_missing": "to_on", "flag_to_before_from": "to_on",
    "flag_source_missing": "reason", "reason_missing": "reason", "words_too_long": "reason",
}  # fmt: skip
#: What the page says of a refusal that the form's own words cover.
SAID_AS = {"words_too_long": "too_long", "flag_source_missing": "empty", "reason_missing": "empty"}
#: What the page shows of the suppression matrix, in this order.
SHOWN = (Act.REMINDER, Act.CALL, Act.ESCALATE, Act.CHARGES)


def _tidy(text: str | None) -> str:
    return plain(text or "").strip()


def _day(field: StringField) -> date | None:
    """The day as typed; None where there is none, or with an error at the field."""
    try:
        return date.fromisoformat(field.data) if field.data else None
    except ValueError:
        field.errors = ["day_unreadable"]
        return None


class FlagForm(ReasonForm):
    """Which fact, from when, until when where that is known, and who said so."""

    kind = StringField(
        filters=[_tidy], validators=[DataRequired("flag_unknown"), Length(max=40, message="flag_unknown")]
    )
    from_on = StringField(
        filters=[_tidy], validators=[DataRequired("empty"), Length(max=10, message="too_long")]
    )
    to_on = StringField(filters=[_tidy], validators=[Length(max=10, message="too_long")])


class EndForm(ReasonForm):
    """From when on a fact no longer holds, and why."""

    on = StringField(filters=[_tidy], validators=[DataRequired("empty"), Length(max=10, message="too_long")])


@blueprint.get("/accounts/<ref>/flags")
@web.needs(P.FLAG_READ)
def account_flags(ref: str) -> Response:
    """What holds, what comes and what was, as far as this reader may know it."""
    return _show(ref, FlagForm(formdata=None))


def _show(
    ref: str, form: FlagForm, status: int = 200, *, ending: EndForm | None = None, about: int = 0
) -> Response:
    """The page; `about` is the fact that `ending` would have ended."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        note_read(who.id)
        today = business_date(web.now(), who.zone)
        known = flags.flags_of(database, actor, who.id, today=today)
    if not form.from_on.data and not form.from_on.errors:
        form.from_on.data = today.isoformat()
    return page(
        "backoffice/flags.html", status, here=HERE, zone=who.zone, who=who, today=today, form=form,
        ending=ending, about=about, standing=[flag for flag in known if flag.state is not FlagState.OVER],
        earlier=[flag for flag in known if flag.state is FlagState.OVER],
        kinds=flags.recordable(actor), all_kinds=list(FlagKind), guarded=flags.GUARDED,
        shown=SHOWN, table=suppression.TABLE,
        offered=flags.offered_end(FlagKind.BREATHING_SPACE, who.country, today),
    )  # fmt: skip


@blueprint.post("/accounts/<ref>/flags")
@web.needs(P.FLAG_RECORD)
def record_flag(ref: str) -> Response:
    """Record a fact; it is heeded from now on."""
    form, actor = FlagForm(), web.staff_actor()
    if not form.validate():
        return _show(ref, form, 422)
    kind = next((kind for kind in flags.recordable(actor) if kind.value == form.kind.data), None)
    if kind is None:
        form.kind.errors = ["flag_unknown"]
    from_on, to_on = _day(form.from_on), _day(form.to_on)
    if kind is None or from_on is None or form.to_on.errors:
        return _show(ref, form, 422)
    try:
        web.house().store.run(
            lambda s: flags.raise_flag(
                s, actor, desk_accounts.account_row(s, ref), kind, from_on=from_on, to_on=to_on,
                source=form.reason.data, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        getattr(form, _field(error, to_on)).errors = [SAID_AS.get(error.code, error.code)]
        if error.facts.get("offered") is not None:
            form.to_on.data = error.facts["offered"].isoformat()
        return _show(ref, form, 409)
    return done("flag_raised", "backoffice.account", values={"ref": ref})


def _field(error: Refused, to_on: date | None) -> str:
    """The field of the form that a refusal is about."""
    if error.code == "flag_day_range" and to_on is not None and to_on > flags.LAST_DAY:
        return "to_on"
    return FIELDS.get(error.code, "from_on")


@blueprint.post("/accounts/<ref>/flags/<name>/end")
@web.needs(P.FLAG_RECORD)
def end_account_flag(ref: str, name: str) -> Response:
    """Say from when on a fact no longer holds, and why."""
    if not (name.isascii() and name.isdigit() and len(name) < 16):
        raise NotFound("not_found")
    flag_id, form, actor = int(name), EndForm(), web.staff_actor()
    on = _day(form.on) if form.validate() else None
    if on is None:
        return _show(ref, FlagForm(formdata=None), 422, ending=form, about=flag_id)
    try:
        web.house().store.run(
            lambda s: flags.end_flag(
                s, actor, desk_accounts.account_row(s, ref), flag_id, on=on, reason=form.reason.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        field = form.reason if FIELDS.get(error.code) == "reason" else form.on
        field.errors = [SAID_AS.get(error.code, error.code)]
        return _show(ref, FlagForm(formdata=None), 409, ending=form, about=flag_id)
    return done("flag_ended", "backoffice.account_flags", values={"ref": ref})
