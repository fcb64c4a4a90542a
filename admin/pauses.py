"""Pauses at the desk: what stands still, one placed by hand with its consequences shown first, one ended."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

from flask import Response, request
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, DataRequired, Length

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.pauses import PauseReason
from receivables import pausing
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.ladder import what_ifs
from receivables.permissions import Permission

P = Permission
HERE = "books_accounts.index_view"
SCOPES = ("account", "invoices")
#: The field that each refusal is about; all others are about the reason.
FIELDS = {
    **dict.fromkeys(("day_past", "pause_day_late"), "until"),
    **dict.fromkeys(("reason_missing", "words_too_long"), "reason"),
}


class PauseForm(ReasonForm):
    """Why, for what, up to which day, and a note. `shown` is what the consequences were last shown for."""

    kind = StringField(validators=[AnyOf([one.value for one in pausing.BY_HAND], "pause_reason_unknown")])
    scope = StringField(default="account", validators=[AnyOf(SCOPES, "empty")])
    until = StringField(validators=[DataRequired("empty"), Length(max=10, message="day_unreadable")])
    shown = HiddenField()

    def last_day(self) -> date | None:
        """The day as typed, or None with an error at its field."""
        try:
            return date.fromisoformat(self.until.data)
        except ValueError:
            self.until.errors = ["day_unreadable"]
            return None

    def as_typed(self, refs: list[str]) -> str:
        """One name for all that is typed: equal to `shown` when nothing changed since."""
        typed = [self.kind.data, self.scope.data, self.until.data, *sorted(refs)]
        return sha256("\0".join(typed).encode()).hexdigest()


@blueprint.get("/accounts/<ref>/pause")
@web.needs(P.PAUSE_PLACE)
def ask_pause(ref: str) -> Response:
    """What stands still now, and the form to let more stand still."""
    return _show(ref, PauseForm(formdata=None))


def _show(
    ref: str,
    form: PauseForm,
    status: int = 200,
    *,
    chosen: list[str] | None = None,
    seen: pausing.Wanted | None = None,
    ending: ReasonForm | None = None,
    of: str = "",
    refused: str | None = None,
) -> Response:
    """The page; `of` is the pause that `ending` would have ended."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        account = desk_accounts.account_row(database, ref)
        about = pausing.about(database, actor, account, now=web.now())
        held = pausing.held(database, actor, account, now=web.now())
        ahead = None
        if seen is not None:
            ahead = what_ifs.with_pause(
                database, actor, who.id, seen.reason, until=seen.until,
                refs=[] if seen.whole else [row.ref for row in seen.rows], now=web.now(),
            )  # fmt: skip
    note_read(who.id)
    return page(
        "backoffice/pause.html", status, here=HERE, zone=who.zone, who=who, form=form, about=about,
        chosen=chosen or [], seen=seen, held=held, ahead=ahead, ending=ending, of=of, refused=refused,
        anew_days=web.policy().pauses.their_approval_anew_days,
    )  # fmt: skip


@blueprint.post("/accounts/<ref>/pause")
@web.needs(P.PAUSE_PLACE)
def place_pause(ref: str) -> Response:
    """Show what would stand still; place the pause once that was read."""
    form, actor = PauseForm(), web.staff_actor()
    by_document = form.scope.data == "invoices"
    chosen = request.form.getlist("invoice")
    until = form.last_day() if form.validate() else None
    if until is not None and by_document and not chosen:
        form.scope.errors = ["pause_invoices_missing"]
    if until is None or form.scope.errors:
        return _show(ref, form, 422, chosen=chosen)
    kind, refs = PauseReason(form.kind.data), chosen if by_document else []
    try:
        if form.shown.data != form.as_typed(refs):
            with web.house().store.read() as database:
                account = desk_accounts.account_row(database, ref)
                seen = pausing.preview(
                    database, actor, account, kind, until=until, refs=refs, now=web.now()
                )  # fmt: skip
            form.shown.data = form.as_typed(refs)
            return _show(ref, form, chosen=chosen, seen=seen)
        web.house().store.run(
            lambda s: pausing.place(
                s, actor, desk_accounts.account_row(s, ref), kind, until=until, refs=refs,
                words=form.reason.data, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        form[FIELDS.get(error.code, "kind")].errors = [error.code]
        if "latest" in error.facts:
            form.until.data = error.facts["latest"].isoformat()
        return _show(ref, form, 409, chosen=chosen)
    return done("pause_placed", "backoffice.account", values={"ref": ref})


@blueprint.post("/accounts/<ref>/pauses/<name>/end")
@web.needs(P.PAUSE_PLACE)
def end_pause(ref: str, name: str) -> Response:
    """End a pause that a person placed, with the reason."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _show(ref, PauseForm(formdata=None), 422, ending=form, of=name)
    try:
        web.house().store.run(
            lambda s: pausing.end(
                s, actor, desk_accounts.account_row(s, ref), name, reason=form.reason.data, now=web.now()
            )
        )  # fmt: skip
    except Refused as error:
        return _show(ref, PauseForm(formdata=None), 409, refused=error.code)
    return done("pause_ended", "backoffice.ask_pause", values={"ref": ref})
