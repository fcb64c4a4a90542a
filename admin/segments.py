"""Which kind of debtor an account is: proposals to decide, moves by a person, and own terms."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, Regexp

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.accounts import Segment
from receivables.calendar_days import business_date
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.ladder import what_ifs
from receivables.ladder.choosing import ladders_in_force
from receivables.permissions import Permission
from receivables.segments import moving, reads, terms

P = Permission
HERE = "backoffice.segments"
ACCOUNTS = "books_accounts.index_view"
#: Decisions of late that the list shows.
HISTORY = 50


class MoveForm(ReasonForm):
    """To which kind, and why."""

    to = StringField(validators=[AnyOf([segment.value for segment in Segment], "segment_unknown")])


class BulkForm(ReasonForm):
    """One answer and one reason for all that are ticked. `shown` is what the list was last made for."""

    decision = StringField(validators=[AnyOf(("confirm", "refuse"), "empty")])
    shown = HiddenField()

    def as_typed(self, chosen: Sequence[str]) -> str:
        """One name for the answer and those that are ticked: equal to `shown` when nothing changed since."""
        return sha256("\0".join([self.decision.data or "", *sorted(chosen)]).encode()).hexdigest()


class TermsForm(ReasonForm):
    """Days after the due date, and why; its fields stand beside those of the other form."""

    days = StringField(validators=[Regexp(r"[0-9]{1,3}\Z", message="days_unreadable")])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, prefix="terms-", **kwargs)


@blueprint.get("/segments")
@web.needs(P.SEGMENT_READ)
def segments() -> Response:
    """Proposals that wait, with the evidence in words, and what was decided lately."""
    return _segments(BulkForm(formdata=None))


def _segments(
    form: BulkForm,
    status: int = 200,
    *,
    chosen: Sequence[str] = (),
    seen: Sequence[reads.ProposalRow] = (),
    refused: str | None = None,
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = reads.proposals(database, actor)
        decided = reads.proposals(database, actor, decided=True, limit=HISTORY)
        ahead = _ahead(database, [row for row in rows if row.ref in {one.ref for one in seen}])
    note_read(None)
    return page("backoffice/segments.html", status, here=HERE, rows=rows, decided=decided, form=form,
                chosen=chosen, seen=seen, ahead=ahead, refused=refused)  # fmt: skip


def _ahead(database: Session, rows: Sequence[reads.ProposalRow]) -> dict[int, what_ifs.WhatIf]:
    """What the ladder would do otherwise if the accounts moved as proposed."""
    if not rows:
        return {}
    to = {row.account_id: row.to_segment for row in rows}
    return what_ifs.of_segments(database, web.staff_actor(), to, now=web.now())


@blueprint.get("/segments/rules")
@web.needs(P.SEGMENT_READ)
def segment_rules() -> Response:
    """What makes the rules propose a kind, with the figures in force, and what each kind changes."""
    with web.house().store.read() as database:
        ladders = sorted(ladders_in_force(database, web.now()))
    note_read(None)
    policy = web.policy()
    return page("backoffice/segments_rules.html", here=HERE, rules=policy.segments, climbs=policy.ladders,
                kinds=list(Segment), ladders=ladders, texts=what_ifs.own_texts(),
                version=policy.version_id)  # fmt: skip


@blueprint.post("/segments/review")
@web.needs(P.SEGMENT_DECIDE)
def review_segments() -> Response:
    """Show what changes for those that are ticked; decide on all of them once that was read."""
    form, actor = BulkForm(), web.staff_actor()
    chosen = request.form.getlist("proposal")[: moving.BULK_MOST]
    if not form.validate():
        return _segments(form, 422, chosen=chosen)
    confirmed = form.decision.data == "confirm"
    try:
        if form.shown.data != form.as_typed(chosen):
            with web.house().store.read() as database:
                known = {row.ref: row for row in reads.proposals(database, actor)}
            seen = moving.together([known[ref] for ref in chosen if ref in known])
            form.shown.data = form.as_typed(chosen)
            return _segments(form, chosen=chosen, seen=seen)
        made = web.house().store.run(
            lambda s: moving.decide_many(
                s, actor, chosen, confirmed=confirmed, reason=form.reason.data, now=web.now()
            )
        )
    except Refused as error:
        form.shown.data = ""
        return _segments(form, 409, chosen=chosen, refused=error.code)
    return done("segments_moved" if confirmed else "segments_kept", HERE, count=len(made))


# --------------------------------------------------------------------------- one proposal


@blueprint.get("/segments/<ref>")
@web.needs(P.SEGMENT_READ)
def segment_case(ref: str) -> Response:
    """One proposal with its evidence and what each answer changes."""
    return _case(ref, ReasonForm(formdata=None))


def _case(ref: str, form: ReasonForm, status: int = 200, *, refused: str | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        row = reads.proposal(database, actor, ref)
        card = reads.card(database, actor, row.account_id)
        ahead = _ahead(database, [row]).get(row.account_id)
    note_read(row.account_id)
    return page("backoffice/segments_case.html", status, here=HERE, row=row, card=card, ahead=ahead,
                form=form, refused=refused)  # fmt: skip


@blueprint.post("/segments/<ref>/confirm")
@web.needs(P.SEGMENT_DECIDE)
def confirm_segment(ref: str) -> Response:
    """Move the account as proposed."""
    actor = web.staff_actor()
    try:
        web.house().store.run(lambda s: moving.confirm(s, actor, ref, now=web.now()))
    except Refused as error:
        return _case(ref, ReasonForm(formdata=None), 409, refused=error.code)
    return done("segment_moved", HERE)


@blueprint.post("/segments/<ref>/refuse")
@web.needs(P.SEGMENT_DECIDE)
def refuse_segment(ref: str) -> Response:
    """Leave the account as it is, with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _case(ref, form, 422)
    try:
        web.house().store.run(lambda s: moving.refuse(s, actor, ref, reason=form.reason.data, now=web.now()))
    except Refused as error:
        if error.code in ("reason_missing", "words_too_long"):
            form.reason.errors = [error.code]
        return _case(ref, form, 409, refused=error.code)
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
        ahead = {
            kind: what_ifs.of_segments(database, actor, {who.id: kind}, now=web.now()).get(who.id)
            for kind in kinds
            if card is not None and kind is not card.segment
        }
    return page("backoffice/segments_account.html", status, here=ACCOUNTS, zone=who.zone, who=who, card=card,
                terms=view, kinds=kinds, ahead=ahead, form=form, agreeing=agreeing)  # fmt: skip


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
