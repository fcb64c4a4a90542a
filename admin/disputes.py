"""Disputes at the desk: the queue, one case on one screen, sales' statement, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flask import Response, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import Field, HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length

import web
from admin.forms import DECIMAL_MARKS
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.accounts import Account
from models.disputes import DisputeReason
from models.money import AmountUnreadable, Money, parse_typed, total
from receivables import files, letters
from receivables.disputes import desk, outcomes, previews, reads, statements, threads
from receivables.disputes.desk import DeskCase
from receivables.disputes.previews import Follows
from receivables.disputes.reads import DisputeView
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.policy import default_policy
from receivables.ports import Rendered
from receivables.texts import plain

P = Permission
HERE = "backoffice.disputes"
#: Longest words of the thread and of a finding, characters.
MOST = 2000
#: Largest form with files, MiB, whatever the policy in force says of each.
LARGEST = default_policy().disputes.files * default_policy().disputes.file_mebibytes
#: What the queue can show, of whom, and in which order.
SHOWS, WHOSE, ORDERS = ("open", "late", "ended"), ("all", "mine", "nobody"), ("due", "age", "amount")
#: How a dispute can end.
WAYS = ("upheld", "partly", "rejected")
#: The field of the outcome that each refusal is about; all others are about the amount.
FIELDS = {"finding_missing": "finding", "words_too_long": "finding", "dispute_closed": "finding"}


def _line(text: str | None) -> str:
    return plain(text or "").strip()


def _words(most: int = MOST) -> Field:
    return TextAreaField(
        filters=[_line], validators=[DataRequired("empty"), Length(max=most, message="words_too_long")]
    )


class AnswerForm(FlaskForm):  # type: ignore[misc]
    """What the debtor reads in the thread; or, kept as ours, what he does not."""

    words = _words()
    to = StringField(default="debtor", validators=[AnyOf(("debtor", "us"), "empty")])


class HandForm(FlaskForm):  # type: ignore[misc]
    """Who shall decide it."""

    colleague = StringField(
        filters=[_line], validators=[DataRequired("empty"), Length(max=24, message="too_long")]
    )


class QuestionForm(FlaskForm):  # type: ignore[misc]
    """What sales is asked."""

    question = _words(statements.WORDS_MOST)


class StatementForm(FlaskForm):  # type: ignore[misc]
    """Whether it was promised, and what was said."""

    promised = StringField(validators=[AnyOf(("yes", "no"), "empty")])
    said = _words(statements.WORDS_MOST)


class OutcomeForm(FlaskForm):  # type: ignore[misc]
    """How it ends; `shown` is what the list of consequences was last made for."""

    outcome = StringField(default="upheld", validators=[AnyOf(WAYS, "empty")])
    amount = StringField(filters=[_line], validators=[Length(max=64, message="too_long")])
    finding = _words()
    #: A credit note that is in the books already; "" for a new one.
    note = StringField(filters=[_line], validators=[Length(max=64)])
    found_reason = StringField(
        filters=[_line], validators=[AnyOf(["", *(r.value for r in DisputeReason)], "empty")]
    )
    shown = HiddenField(filters=[_line])

    def credited(self, contested: Money, language: str) -> Money | None:
        """What is credited: all, the amount as typed, or nothing; None with an error at its field."""
        if self.outcome.data == "rejected":
            return Money(0, contested.currency)
        if self.outcome.data == "upheld":
            return contested
        try:
            amount = parse_typed(self.amount.data, contested.currency, decimal_mark=DECIMAL_MARKS[language])
        except AmountUnreadable as error:
            self.amount.errors = [error.reason]
            return None
        if amount.minor <= 0 or amount >= contested:
            self.amount.errors = ["amount_zero" if amount.minor <= 0 else "amount_above_contested"]
            return None
        return amount

    def reason(self) -> DisputeReason | None:
        """What it truly was."""
        return DisputeReason(self.found_reason.data) if self.found_reason.data else None

    def as_typed(self) -> str:
        """One name for all that is decided: equal to `shown` when nothing changed since."""
        amount = self.amount.data if self.outcome.data == "partly" else ""
        typed = (self.outcome.data, amount, self.finding.data, self.note.data)
        return sha256("\0".join(str(part) for part in typed).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Shown:
    """What would follow from the outcome as the form stands, and the message; None: it says too little."""

    follows: Follows
    mail: Rendered | None


# --------------------------------------------------------------------------- the queue


@blueprint.get("/disputes")
@web.needs(P.DISPUTE_READ)
def disputes() -> Response:
    """Disputes that wait for an answer, by what is chosen; or those that ended."""
    actor, given = web.staff_actor(), request.args
    show = _one_of(given.get("show"), SHOWS)
    whose, order = _one_of(given.get("whose"), WHOSE), _one_of(given.get("order"), ORDERS)
    reason = next((r for r in DisputeReason if r.value == given.get("reason")), None)
    with web.house().store.read() as database:
        rows = reads.dispute_rows(
            database, actor, show=show, whose=whose, reason=reason, order=order, now=web.now()
        )
        mean = reads.mean_days(database, actor, now=web.now())
    note_read(None)
    return page("backoffice/disputes.html", rows=rows, show=show, shows=SHOWS, whose=whose, order=order,
                reason=reason, reasons=list(DisputeReason), sums=_sums(rows), mean=mean)  # fmt: skip


def _one_of(given: str | None, known: tuple[str, ...]) -> str:
    return given if given in known else known[0]


def _sums(rows: list[reads.DisputeRow]) -> list[Money]:
    codes = sorted({row.contested.currency for row in rows})
    return [total([r.contested for r in rows if r.contested.currency == code], code) for code in codes]


# --------------------------------------------------------------------------- one case


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


@blueprint.post("/disputes/<ref>/hand-over")
@web.needs(P.DISPUTE_RESOLVE)
def hand_dispute(ref: str) -> Response:
    """Give it to a colleague."""
    form = HandForm()
    if not form.validate():
        return _page(ref, 422, hand=form)
    return _act(ref, "dispute_handed", outcomes.hand_over, form.colleague, {"hand": form},
                to_ref=form.colleague.data)  # fmt: skip


@blueprint.post("/disputes/<ref>/answer")
@web.takes_files(LARGEST)
@web.needs(P.DISPUTE_RESOLVE)
def answer_dispute(ref: str) -> Response:
    """Write to the debtor in the thread with files, or keep a note of ours."""
    form = AnswerForm()
    if not form.validate():
        return _page(ref, 422, answer=form)
    sent = [one for one in request.files.getlist("file") if one.filename]
    if form.to.data == "us":
        if sent:
            form.words.errors = ["note_takes_no_file"]
            return _page(ref, 422, answer=form)
        return _act(ref, "dispute_noted", threads.note_ours, form.words, {"answer": form},
                    words=form.words.data)  # fmt: skip
    try:
        received = [
            files.receive(
                web.house().files,
                one.filename or "",
                one.stream.read(LARGEST * 1024 * 1024 + 1),
                web.policy(),
            )
            for one in sent
        ]
    except Refused as error:
        form.words.errors = [error.code]
        return _page(ref, 422, answer=form)
    return _act(ref, "dispute_answered", threads.answer, form.words, {"answer": form}, words=form.words.data,
                files=received)  # fmt: skip


@blueprint.post("/disputes/<ref>/ask-sales")
@web.needs(P.DISPUTE_RESOLVE)
def ask_statement(ref: str) -> Response:
    """Ask who sells to the account what was promised."""
    form = QuestionForm()
    if not form.validate():
        return _page(ref, 422, question=form)
    return _act(ref, "statement_asked", statements.ask, form.question, {"question": form},
                question=form.question.data)  # fmt: skip


@blueprint.post("/disputes/<ref>/outcome")
@web.needs(P.DISPUTE_CREDIT)
def decide_dispute(ref: str) -> Response:
    """Show what follows from an outcome; decide it when it is what was shown."""
    form, actor = OutcomeForm(), web.staff_actor()
    with web.house().store.read() as database:
        found = reads.dispute_view(database, actor, ref, now=web.now())
    sound = form.validate()
    credited = form.credited(found.contested, actor_language()) if sound else None
    if credited is None:
        return _page(ref, 422, outcome=form)
    if form.shown.data != form.as_typed():
        return _page(ref, outcome=form)
    code, verb, facts = _decision(form, credited)
    field = getattr(form, "finding" if form.outcome.data != "partly" else "amount")
    return _act(ref, code, verb, field, {"outcome": form}, **facts)


def _decision(form: OutcomeForm, credited: Money) -> tuple[str, Callable[..., object], dict[str, Any]]:
    """Which action the form asks for: refuse, credit, or ask a second person for the credit."""
    said: dict[str, Any] = {"finding": form.finding.data, "found_reason": form.reason()}
    if not credited:
        return "dispute_refused", outcomes.refuse, said
    said["credited"] = credited
    if form.note.data:
        return "dispute_credited", outcomes.uphold, said | {"note_ref": form.note.data}
    with web.house().store.read() as database:
        most = outcomes.limit_of(database, web.staff_actor(), credited.currency, now=web.now())
    if most is None or credited > most:
        return "dispute_credit_asked", outcomes.ask_credit, said
    return "dispute_credited", outcomes.uphold, said


@blueprint.get("/files/<ref>")
@web.needs(P.DISPUTE_READ)
def file(ref: str) -> Response:
    """A file of a thread, to be saved, never shown inside a page (X-03)."""
    with web.house().store.read() as database:
        found = files.one_file(database, web.staff_actor(), ref)
    note_read(None)
    return web.attachment(found.name, found.media_type, files.content(web.house().files, found))


def _act(
    ref: str,
    code: str,
    verb: Callable[..., object],
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
    actor, now = web.staff_actor(), web.now()
    with web.house().store.read() as database:
        case = desk.desk_case(database, actor, ref, now=now)
        found = case.view
        note_read(found.account_id)
        outcome = forms.pop("outcome", None) or _first_look(found)
        decides = found.is_open and case.waiting is None and web.staff_may(P.DISPUTE_CREDIT)
        shown = _shown(database, case, outcome) if decides else None
    given = {
        "answer": AnswerForm(formdata=None),
        "hand": HandForm(formdata=None),
        "question": QuestionForm(formdata=None),
        **forms,
    }
    return page("backoffice/dispute.html", status, here=HERE, zone=found.zone, case=case, dispute=found,
                outcome=outcome, shown=shown, ways=WAYS, reasons=list(DisputeReason), decides=decides,
                **given)  # fmt: skip


def _first_look(found: DisputeView) -> OutcomeForm:
    """The outcome as it is proposed: all that is contested, for the reason that was given."""
    form = OutcomeForm(formdata=None)
    form.found_reason.data = found.reason.value
    return form


def _shown(database: Session, case: DeskCase, form: OutcomeForm) -> Shown | None:
    """Work out what follows from the form as it stands, and remember for what that was."""
    found, actor, now = case.view, web.staff_actor(), web.now()
    failed = {name: field.errors for name, field in form._fields.items() if field.errors}
    credited = None if "amount" in failed else form.credited(found.contested, actor_language())
    if credited is None:
        form.amount.errors = failed.get("amount", form.amount.errors)
        return None
    follows = previews.follows(
        database, actor, found.ref, credited=credited, finding=form.finding.data or "",
        known_note=bool(form.note.data), now=now,
    )  # fmt: skip
    if not form.finding.data or follows.reader is None:
        return Shown(follows, None)
    form.shown.data = form.as_typed()
    account = database.get_one(Account, found.account_id)
    letter = letters.preview(database, account, follows.kind, follows.said, name=follows.reader, now=now)
    return Shown(follows, web.house().presenter.render_message(letter))


# --------------------------------------------------------------------------- sales says what was promised


@blueprint.get("/statements/<ref>")
@web.needs(P.DISPUTE_STATE)
def statement(ref: str) -> Response:
    """What sales is asked about a contested price."""
    return _statement(ref, StatementForm(formdata=None))


@blueprint.post("/statements/<ref>")
@web.needs(P.DISPUTE_STATE)
def give_statement(ref: str) -> Response:
    """Say whether it was promised."""
    form, actor = StatementForm(), web.staff_actor()
    if not form.validate():
        return _statement(ref, form, 422)
    try:
        web.house().store.run(
            lambda s: statements.give(
                s, actor, ref, was_promised=form.promised.data == "yes", words=form.said.data, now=web.now()
            )
        )
    except Refused as error:
        form.said.errors = [error.code]
        return _statement(ref, form, 409)
    return done("statement_given", "backoffice.statement", values={"ref": ref})


def _statement(ref: str, form: StatementForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        asked = statements.view(database, web.staff_actor(), ref, now=web.now())
    note_read(asked.account_id)
    here = HERE if web.staff_may(P.DISPUTE_READ) else "backoffice.sales_list"
    return page("backoffice/statement.html", status, here=here, zone=asked.zone, asked=asked, form=form)
