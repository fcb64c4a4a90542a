"""Disputes at the desk: the list of what waits, one dispute with its thread, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response
from flask_wtf import FlaskForm
from wtforms import Field, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

import web
from admin.forms import DECIMAL_MARKS
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.disputes import Dispute
from models.money import AmountUnreadable, Money, parse_typed
from receivables import files
from receivables.disputes import outcomes, reads, threads
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "backoffice.disputes"
#: Longest words of the thread and of a finding, characters.
MOST = 2000


def _words() -> Field:
    return TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=MOST, message="words_too_long")],
    )


class AnswerForm(FlaskForm):  # type: ignore[misc]
    """What the debtor reads in the thread."""

    words = _words()


class RefuseForm(FlaskForm):  # type: ignore[misc]
    """What was found; the debtor reads it with the refusal."""

    finding = _words()


class CreditForm(FlaskForm):  # type: ignore[misc]
    """How much is agreed, and what was found."""

    amount = StringField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=64, message="too_long")],
    )
    credit_finding = _words()
    #: A credit note that is in the books already; "" for a new one.
    note = StringField(filters=[lambda text: plain(text or "").strip()], validators=[Length(max=64)])

    def money(self, currency: str, language: str) -> Money | None:
        """The typed amount, or None with an error at its field."""
        try:
            return parse_typed(self.amount.data, currency, decimal_mark=DECIMAL_MARKS[language])
        except AmountUnreadable as error:
            self.amount.errors = [error.reason]
            return None


@blueprint.get("/disputes")
@web.needs(P.DISPUTE_READ)
def disputes() -> Response:
    """Every dispute that waits for an answer, the one due first on top."""
    with web.house().store.read() as database:
        rows = reads.open_disputes(database, web.staff_actor(), now=web.now())
    note_read(None)
    return page("backoffice/disputes.html", rows=rows)


@blueprint.get("/disputes/<ref>")
@web.needs(P.DISPUTE_READ)
def dispute(ref: str) -> Response:
    """One dispute with everything that was said and sent."""
    return _page(ref)


@blueprint.post("/disputes/<ref>/take")
@web.needs(P.DISPUTE_RESOLVE)
def take_dispute(ref: str) -> Response:
    """Take it under review; the debtor sees who has it."""
    return _act(ref, "dispute_taken", outcomes.take)


@blueprint.post("/disputes/<ref>/answer")
@web.needs(P.DISPUTE_RESOLVE)
def answer_dispute(ref: str) -> Response:
    """Write to the debtor in the thread."""
    form = AnswerForm()
    if not form.validate():
        return _page(ref, 422, answer=form)
    words = form.words.data
    return _act(ref, "dispute_answered", threads.answer, form.words, {"answer": form}, words=words)


@blueprint.post("/disputes/<ref>/refuse")
@web.needs(P.DISPUTE_RESOLVE)
def refuse_dispute(ref: str) -> Response:
    """Refuse it with what was found."""
    form = RefuseForm()
    if not form.validate():
        return _page(ref, 422, refusal=form)
    finding = form.finding.data
    return _act(ref, "dispute_refused", outcomes.refuse, form.finding, {"refusal": form}, finding=finding)


@blueprint.post("/disputes/<ref>/credit")
@web.needs(P.CREDIT_NOTE_RECORD)
def credit_dispute(ref: str) -> Response:
    """Agree with it, in whole or in part, and credit what was agreed."""
    form = CreditForm()
    with web.house().store.read() as database:
        found = reads.dispute_view(database, web.staff_actor(), ref, now=web.now())
    amount = form.money(found.contested.currency, actor_language()) if form.validate() else None
    if amount is None:
        return _page(ref, 422, credit=form)
    return _act(ref, "dispute_credited", outcomes.uphold, form.amount, {"credit": form},
                credited=amount, finding=form.credit_finding.data, note_ref=form.note.data)  # fmt: skip


@blueprint.get("/files/<ref>")
@web.needs(P.DISPUTE_READ)
def file(ref: str) -> Response:
    """A file that a debtor sent, to be saved, never shown inside a page (X-03)."""
    with web.house().store.read() as database:
        found = files.one_file(database, web.staff_actor(), ref)
    note_read(None)
    return web.attachment(found.name, found.media_type, files.content(web.house().files, found))


def _act(
    ref: str,
    code: str,
    verb: Callable[..., Dispute],
    field: Field | None = None,
    forms: dict[str, Any] | None = None,
    **facts: Any,
) -> Response:
    """Do one act; what a rule refuses comes back at its field with everything typed."""
    actor = web.staff_actor()
    try:
        web.house().store.run(lambda s: verb(s, actor, ref, **facts, now=web.now()))
    except Refused as error:
        if field is None:
            raise
        field.errors = [error.code]
        return _page(ref, 409, **(forms or {}))
    return done(code, "backoffice.dispute", values={"ref": ref})


def _page(ref: str, status: int = 200, **forms: FlaskForm) -> Response:
    with web.house().store.read() as database:
        found = reads.dispute_view(database, web.staff_actor(), ref, now=web.now())
    note_read(found.account_id)
    given = {
        "answer": AnswerForm(formdata=None),
        "refusal": RefuseForm(formdata=None),
        "credit": CreditForm(formdata=None),
        **forms,
    }
    return page("backoffice/dispute.html", status, here=HERE, zone=found.zone, dispute=found, **given)
