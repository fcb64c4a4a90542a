"""The call screen: whom to speak with, whether that is allowed now, what to say, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, Length

import web
from admin.forms import DECIMAL_MARKS
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.disputes import DisputeReason
from models.links import Channel
from models.messages import Direction, Spoken
from models.money import Money, MoneyError, parse_typed
from receivables import files
from receivables.arrangements import plan_proposing
from receivables.arrangements.plan_terms import Managed
from receivables.desk import accounts as desk_accounts
from receivables.desk import called, calling
from receivables.desk import timeline as desk_timeline
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.policy import default_policy
from receivables.talks import allowed, phrases, recordings, written
from receivables.texts import plain
from receivables.worklist import going_on

P = Permission
HERE = "books_accounts.index_view"
#: Lines of the timeline beside the call.
LINES = 8
#: "yes:promised": whether somebody was spoken to, and what came of it.
OUTCOMES = tuple(f"yes:{code}" for code in called.TALKED) + tuple(
    f"no:{code}" for codes in called.NOT_TALKED.values() for code in codes
)
#: The first nine outcomes of a call have a key each (1 to 9), in the order of the page.
KEYED = ("promised", "pays_now", "disputed", "hardship", "refused", "call_again", "no_answer", "voicemail",
         "wrong_number")  # fmt: skip
#: Largest form with a recording and photos, MiB.
_RULES = default_policy()
LARGEST = _RULES.talks.recording_mebibytes + _RULES.talks.photos * _RULES.disputes.file_mebibytes
_MEBIBYTE = 1024 * 1024
#: The field that a refusal is about; every other stands at the top of the page.
FIELD_OF = {
    "promise_missing": "amount", "amount_zero": "amount", "amount_negative": "amount",
    "amount_above_balance": "amount", "amount_below_least": "amount", "nothing_to_promise": "amount",
    "promise_changed_before": "promised_on", "day_beyond": "promised_on", "day_off": "promised_on",
    "dispute_missing": "invoice", "invoice_paid": "invoice", "in_arrangement": "invoice",
    "already_answered": "invoice", "nothing_to_question": "invoice", "words_missing": "words",
    "words_too_long": "words", "amount_above_open": "contested", "cannot_missing": "cannot",
    "next_missing": "next", "next_call_needed": "next", "day_too_late": "next_at",
    "number_too_long": "number", "recording_none": "basis", "recording_basis_missing": "basis",
    "recording_basis_short": "basis", "recording_not_a_call": "recording", "sound_kind": "recording",
    "photo_not_a_visit": "photos", "photos_many": "photos",
}  # fmt: skip


def _tidy(text: str | None) -> str:
    return plain(text or "").strip()


def _line(most: int = 64, *more: Any, default: str = "") -> StringField:
    return StringField(
        default=default, filters=[_tidy], validators=[Length(max=most, message="too_long"), *more]
    )


class AskForm(FlaskForm):  # type: ignore[misc]
    """Whom to speak with, how, and which task asks for it."""

    contact = HiddenField(validators=[Length(min=1, max=24, message="empty")])
    task = HiddenField(filters=[lambda ref: (ref or "")[:24]])
    how = HiddenField(default="phone", validators=[AnyOf(tuple(Spoken), "empty")])
    way = HiddenField(default="out", validators=[AnyOf(tuple(Direction), "empty")])


class CallForm(AskForm):
    """What came of it: the outcome with what it names, the next action, words, files and wishes."""

    outcome = StringField(validators=[AnyOf(OUTCOMES, "outcome_unknown")])
    words = TextAreaField(
        filters=[_tidy], validators=[Length(max=called.WORDS_MOST, message="too_long")],
    )  # fmt: skip
    number = _line(called.NUMBER_MOST)
    next = _line(24, AnyOf(called.NEXT, "next_missing"))
    next_at = _line()
    amount = _line()
    currency = _line(3)
    promised_on = _line(10)
    #: The promise that the list of consequences was last made for.
    shown = HiddenField(filters=[_tidy])
    invoice = _line(24)
    reason = _line(24, AnyOf(("", *DisputeReason), "empty"))
    contested = _line()
    cannot = _line(8, AnyOf(("", *written.CANNOT), "cannot_missing"))
    #: What somebody who cannot pay at once can manage a month.
    a_month = _line()
    month_currency = _line(3)
    basis = _line(12)
    no_calls = BooleanField()
    instead = _line(8, AnyOf(("", "email", "sms"), "empty"))
    #: "next": go on to the next account once it is saved.
    then = _line(8, AnyOf(("", "next"), "empty"))

    def follows(self, zone: str) -> called.Next | None:
        """What comes next, at the account's hour; None with an error at its field."""
        if self.next.data == "ladder":
            return called.Next("ladder")
        try:
            moment = datetime.fromisoformat(self.next_at.data)
        except ValueError:
            self.next_at.errors = ["day_unreadable"]
            return None
        return called.Next(self.next.data, moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))

    def promise(self) -> written.Promised | None:
        """The promise as typed, or None with an error at its field."""
        amount = self._money(self.amount, self.currency.data)
        try:
            on = date.fromisoformat(self.promised_on.data)
        except ValueError:
            self.promised_on.errors = ["day_unreadable"]
            return None
        return written.Promised(amount, on) if amount is not None else None

    def dispute(self, currency: str) -> written.Disputed | None:
        """The dispute as typed, or None with an error at its field."""
        if not self.invoice.data or not self.reason.data:
            field = self.reason if self.invoice.data else self.invoice
            field.errors = ["empty"]
            return None
        amount = self._money(self.contested, currency) if self.contested.data else None
        if self.contested.data and amount is None:
            return None
        return written.Disputed(self.invoice.data, DisputeReason(self.reason.data), amount)

    def month(self) -> Money | None:
        """What he can manage a month, or None: not said, or with an error at its field."""
        amount = self._money(self.a_month, self.month_currency.data) if self.a_month.data else None
        if amount is not None and amount.minor <= 0:
            self.a_month.errors = ["amount_negative" if amount.minor < 0 else "amount_zero"]
            return None
        return amount

    def _money(self, field: StringField, currency: str) -> Money | None:
        try:
            return parse_typed(field.data or "", currency, decimal_mark=DECIMAL_MARKS[actor_language()])
        except MoneyError as error:
            field.errors = [getattr(error, "reason", "empty")]
            return None


@blueprint.get("/accounts/<ref>/call")
@web.needs(P.CALL_LOG)
def call_screen(ref: str) -> Response:
    """Everything before a talk; after a yes of the gate also the number and the form."""
    asked: dict[str, Any] = {name: request.args.get(name, "") for name in ("task", "contact", "how", "way")}
    return _screen(ref, **asked)


def _screen(
    ref: str, status: int = 200, *, task: str = "", contact: str = "", how: str = "", way: str = "",
    form: CallForm | None = None, refused: Refused | None = None, look: bool = False,
) -> Response:  # fmt: skip
    actor, now = web.staff_actor(), web.now()
    how = how if how in tuple(Spoken) else Spoken.PHONE
    way = way if way in tuple(Direction) else Direction.OUT
    with web.house().store.read() as database:
        view = calling.screen(database, actor, ref, task=task, now=now)
        events = desk_timeline.timeline(database, actor, view.who.id, limit=LINES)
        chosen = next((person for person in view.people if person.ref == contact), None)
        ring = chosen if chosen and (chosen.asked_at or way == Direction.IN) else None
        side = allowed.beside(database, actor, view.who.id, currency=_about(view), now=now)
        if form is None:
            form = _prefilled(view, side, ring, how, way)
        wish = _wish(form, side)
        promised, not_promised = None, None
        if ring is not None and wish is not None:
            try:
                promised = allowed.follows(database, actor, ring.ref, wish, now=now)
            except Refused as error:
                not_promised = error.code
        form.shown.data = _name(wish)
        managed = _managed(database, ref, form)
        ladder_goes_on = called.goes_on(database, view.who.id)
    note_read(view.who.id)
    given = [said.reason.value for said in side.answers if said.reason]
    return page(
        "backoffice/call.html",
        status,
        here=HERE,
        zone=view.who.zone,
        view=view,
        who=view.who,
        chosen=chosen,
        ring=ring,
        timeline=events,
        refused=refused,
        form=form,
        words_most=called.WORDS_MOST,
        how=how,
        way=way,
        side=side,
        promised=promised,
        not_promised=not_promised,
        managed=managed,
        look=look,
        nine=KEYED,
        nexts=called.NEXT,
        talked=called.TALKED,
        not_talked=called.NOT_TALKED[Spoken(how)],
        ladder_goes_on=ladder_goes_on,
        phrases=phrases.phrases(view.who.language, given),
        rule=recordings.rule_of(view.who.country),
        talks=web.policy().talks,
        dispute_reasons=tuple(DisputeReason),
        checked=request.form.getlist("checks"),
    )


def _managed(database: Session, ref: str, form: CallForm) -> tuple[Managed, plan_proposing.About] | None:
    """What an amount a month comes to, with what the rules give; None where none is said or can be read."""
    a_month = form.month() if web.staff_may(P.PLAN_MAKE) and not form.a_month.errors else None
    if a_month is None:
        return None
    try:
        found = plan_proposing.about(
            database, web.staff_actor(), desk_accounts.account_row(database, ref), currency=a_month.currency,
            now=web.now(),
        )  # fmt: skip
        return plan_proposing.managed(found, a_month), found
    except Refused as error:
        form.a_month.errors = [error.code]
        return None


def _about(view: calling.CallScreen) -> str | None:
    """The currency of the task that asks for the call."""
    return view.task.facts.get("currency") if view.task else None


def _prefilled(
    view: calling.CallScreen, side: allowed.Beside, ring: calling.Person | None, how: str, way: str
) -> CallForm:
    """The form as it opens: the usual promise, and the next try as the next action."""
    form = CallForm(formdata=None, how=how, way=way, next="call")
    form.number.data = ring.phone if ring and how != Spoken.VISIT else ""
    if ring is not None and ring.again:
        form.next_at.data = f"{ring.again[0].astimezone(ZoneInfo(view.who.zone)):%Y-%m-%dT%H:%M}"
    if side.offers:
        first = side.offers[0]
        form.amount.data, form.currency.data = str(first.asked.decimal), first.currency
        form.promised_on.data = first.ready[len(first.ready) // 2].isoformat() if first.ready else ""
        form.month_currency.data = first.currency
    return form


def _wish(form: CallForm, side: allowed.Beside) -> written.Promised | None:
    """The promise that the page tells the consequences of; nothing is said of one that cannot be read."""
    if form.currency.data not in {offer.currency for offer in side.offers} or form.amount.errors:
        return None
    kept = form.amount.errors, form.promised_on.errors
    wish = form.promise()
    form.amount.errors, form.promised_on.errors = kept
    return wish


def _name(wish: written.Promised | None) -> str:
    return f"{wish.amount.minor}{wish.amount.currency}{wish.on.isoformat()}" if wish else ""


@blueprint.post("/accounts/<ref>/call/ask")
@web.needs(P.CALL_LOG)
def ask_call(ref: str) -> Response:
    """Ask before dialling, going or writing; the answer is kept, and a no is said by name."""
    form, actor = AskForm(), web.staff_actor()
    if not form.validate():
        return _screen(ref, 422, task=form.task.data or "")
    asked = {"contact": form.contact.data, "task": form.task.data}
    decision = web.house().store.run(lambda s: called.ask(s, actor, ref, now=web.now(), **asked))
    asked["how"] = form.how.data
    if not decision.allowed:
        refusal = Refused("call_not_allowed", reasons=list(decision.reasons))
        return _screen(ref, 409, **asked, refused=refusal)
    return done("call_allowed", "backoffice.call_screen", values={"ref": ref, **asked, "_anchor": "log"})


@blueprint.post("/accounts/<ref>/call")
@web.takes_files(LARGEST)
@web.needs(P.CALL_LOG)
def log_call(ref: str) -> Response:
    """Write a talk down with what was agreed, what comes next and what the person wishes.

    A promise is written only as its consequences were shown: one that was changed is shown again first.
    """
    form, actor = CallForm(), web.staff_actor()
    asked: dict[str, Any] = {name: form[name].data or "" for name in ("contact", "task", "how", "way")}
    with web.house().store.read() as database:
        view = calling.screen(database, actor, ref, task=asked["task"], now=web.now())
        side = allowed.beside(database, actor, view.who.id, currency=_about(view), now=web.now())
    talk = _talk(form, view, side) if form.validate() else None
    if talk is None:
        return _screen(ref, 422, **asked, form=form)
    if "look" in request.form or (talk.promised and _name(talk.promised) != form.shown.data):
        return _screen(ref, **asked, form=form, look=True)
    try:
        talk = _enclosing(talk, form, view.who.country)
        web.house().store.run(lambda s: written.write_down(s, actor, ref, talk, now=web.now()))
    except Refused as error:
        field = FIELD_OF.get(error.code)
        if field == "amount" and talk.disputed is not None:
            field = "contested"
        if field in form._fields:
            form[field].errors = [error.code]
        return _screen(ref, 409, **asked, form=form, refused=error)
    if form.then.data == "next":
        return _next_after(ref)
    month = form.month()
    if talk.cannot == "plan" and month is not None and web.staff_may(P.PLAN_MAKE):
        terms = {"ref": ref, "currency": month.currency, "month": month.minor}
        return done("call_logged", "backoffice.ask_plan", values=terms, plan=True)
    if talk.cannot == "plan":
        return done("call_logged", "backoffice.call_screen", values={"ref": ref, "_anchor": "al"}, plan=True)
    return done("call_logged", "backoffice.account", values={"ref": ref})


def _next_after(ref: str) -> Response:
    """The next account of the list, claimed; the list itself when nothing is left."""
    actor = web.staff_actor()
    following = web.house().store.run(lambda s: going_on.next_after(s, actor, ref, now=web.now()))
    if following is None:
        return done("call_logged", "backoffice.worklist")
    return done("call_logged_next", "backoffice.account", values={"ref": following})


def _talk(form: CallForm, view: calling.CallScreen, side: allowed.Beside) -> written.Talk | None:
    """The talk as typed, or None with an error at its field."""
    talked, _, outcome = form.outcome.data.partition(":")
    follows = form.follows(view.who.zone)
    promised = form.promise() if outcome == "promised" else None
    currency = next((row.currency for row in side.rows if row.ref == form.invoice.data), "")
    disputed = form.dispute(currency) if outcome == "disputed" else None
    if outcome == "hardship" and form.a_month.data and form.cannot.data == "person":
        form.a_month.errors = ["month_without_parts"]
    elif outcome == "hardship" and form.cannot.data == "plan":
        form.month()
    if (
        follows is None
        or form.a_month.errors
        or (outcome == "promised" and not promised)
        or (outcome == "disputed" and not disputed)
    ):
        return None
    visit = form.how.data == Spoken.VISIT
    return written.Talk(
        contact=form.contact.data,
        talked=talked == "yes",
        outcome=outcome,
        follows=follows,
        words=form.words.data,
        task=form.task.data or "",
        direction=Direction(form.way.data),
        channel=Spoken(form.how.data),
        number=form.number.data,
        checks=request.form.getlist("checks") if visit else (),
        no_calls=form.no_calls.data,
        instead=Channel(form.instead.data) if form.instead.data else None,
        promised=promised,
        disputed=disputed,
        cannot=form.cannot.data if outcome == "hardship" else "",
    )


def _enclosing(talk: written.Talk, form: CallForm, country: str) -> written.Talk:
    """The talk with its files, looked at before anything is written.

    Raises: Refused: of the files, and of a recording without a basis.
    """
    sent = request.files.get("recording")
    recording = None
    if sent is not None and sent.filename:
        recordings.check_basis(country, form.basis.data)
        data = sent.stream.read(LARGEST * _MEBIBYTE + 1)
        recording = recordings.receive(web.house().files, sent.filename, data, web.policy())
    photos = [
        files.receive(
            web.house().files, photo.filename, photo.stream.read(LARGEST * _MEBIBYTE + 1), web.policy()
        )
        for photo in request.files.getlist("photos")
        if photo.filename
    ]
    enclosed = written.Enclosed(recording, form.basis.data if recording else "", photos)
    return replace(talk, enclosed=enclosed)


@blueprint.post("/accounts/<ref>/call/wish")
@web.needs(P.CALL_LOG)
def calls_wanted(ref: str) -> Response:
    """Note that somebody who asked us not to ring wants calls again."""
    form, actor = AskForm(), web.staff_actor()
    if not form.validate():
        return _screen(ref, 422)
    web.house().store.run(
        lambda s: called.wish(s, actor, ref, contact=form.contact.data, calls_wanted=True, now=web.now())
    )
    return done("calls_wanted", "backoffice.call_screen", values={"ref": ref})
