"""Which kind of debtor an account is: proposals to decide, moves by a person, and own terms."""

from __future__ import annotations

from typing import Any

from flask import Response
from wtforms import StringField
from wtforms.validators import AnyOf, Regexp

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.accounts import Segment
from receivables.calendar_days import business_date
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission
from receivables.segments import moving, reads, terms

P = Permission
HERE = "backoffice.segments"
ACCOUNTS = "books_accounts.index_view"


class MoveForm(ReasonForm):
    """To which kind, and why."""

    to = StringField(validators=[AnyOf([segment.value for segment in Segment], "segment_unknown")])


class TermsForm(ReasonForm):
    """Days after the due date, and why; its fields stand beside those of the other form."""

    days = StringField(validators=[Regexp(r"[0-9]{1,3}\Z", message="days_unreadable")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, prefix="terms-", **kwargs)


@blueprint.get("/segments")
@web.needs(P.SEGMENT_READ)
def segments() -> Response:
    """Proposals that wait, with the evidence in words, and what was decided lately."""
    return _segments(ReasonForm(formdata=None))


def _segments(form: ReasonForm, status: int = 200, *, refused: str | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = reads.proposals(database, actor)
        decided = reads.proposals(database, actor, decided=True, limit=20)
    note_read(None)
    return page("backoffice/segments.html", status, here=HERE, rows=rows, decided=decided, form=form,
                refused=refused)  # fmt: skip


@blueprint.post("/segments/<ref>/confirm")
@web.needs(P.SEGMENT_DECIDE)
def confirm_segment(ref: str) -> Response:
    """Move the account as proposed."""
    actor = web.staff_actor()
    try:
        web.house().store.run(lambda s: moving.confirm(s, actor, ref, now=web.now()))
    except Refused as error:
        form = ReasonForm(formdata=None)
        form.reason.errors = [error.code]
        return _segments(form, 409)
    return done("segment_moved", HERE)


@blueprint.post("/segments/<ref>/refuse")
@web.needs(P.SEGMENT_DECIDE)
def refuse_segment(ref: str) -> Response:
    """Leave the account as it is, with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    with web.house().store.read() as database:
        known = {row.ref for row in reads.proposals(database, actor)}
    if not form.validate():
        if ref not in known:
            raise NotFound("not_found")
        return _segments(form, 422, refused=ref)
    try:
        web.house().store.run(lambda s: moving.refuse(s, actor, ref, reason=form.reason.data, now=web.now()))
    except Refused as error:
        form.reason.errors = [error.code]
        return _segments(form, 409, refused=ref)
    return done("segment_kept", HERE)


# --------------------------------------------------------------------------- one account


@blueprint.get("/accounts/<ref>/segment")
@web.needs(P.SEGMENT_DECIDE)
def ask_segment(ref: str) -> Response:
    """How the account pays, what it is and was, and the forms to move it and to agree on terms."""
    return _ask(ref, MoveForm(formdata=None), TermsForm(formdata=None))


def _ask(ref: str, form: MoveForm, agreeing: TermsForm, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        note_read(who.id)
        card = reads.card(database, actor, who.id)
        account = desk_accounts.account_row(database, ref)
        view = terms.terms_of(
            database, account, today=business_date(web.now(), who.zone), policy=web.policy()
        )
    guarded = not web.staff_may(P.HARDSHIP_READ)
    kinds = [kind for kind in Segment if not (guarded and kind is Segment.HARDSHIP)]
    return page("backoffice/segments_account.html", status, here=ACCOUNTS, zone=who.zone, who=who, card=card,
                terms=view, kinds=kinds, form=form, agreeing=agreeing)  # fmt: skip


@blueprint.post("/accounts/<ref>/segment")
@web.needs(P.SEGMENT_DECIDE)
def move_segment(ref: str) -> Response:
    """Move the account by a person's own decision."""
    form, actor = MoveForm(), web.staff_actor()
    if not form.validate():
        return _ask(ref, form, TermsForm(formdata=None), 422)
    try:
        web.house().store.run(
            lambda s: moving.move(
                s, actor, desk_accounts.account_row(s, ref), Segment(form.to.data), reason=form.reason.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        (form.to if error.code == "same_segment" else form.reason).errors = [error.code]
        return _ask(ref, form, TermsForm(formdata=None), 409)
    return done("segment_moved", "backoffice.account", values={"ref": ref})


@blueprint.post("/accounts/<ref>/terms")
@web.needs(P.TERMS_AGREE)
def agree_terms(ref: str) -> Response:
    """Agree on longer terms, or take them back."""
    form, actor = TermsForm(), web.staff_actor()
    if not form.validate():
        return _ask(ref, MoveForm(formdata=None), form, 422)
    try:
        web.house().store.run(
            lambda s: terms.agree_terms(
                s, actor, desk_accounts.account_row(s, ref), int(form.days.data), reason=form.reason.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        (form.days if error.code in ("same_terms", "terms_too_long") else form.reason).errors = [error.code]
        return _ask(ref, MoveForm(formdata=None), form, 409)
    return done("terms_agreed", "backoffice.account", values={"ref": ref})
