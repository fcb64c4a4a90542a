"""The call screen: whom to ring, whether that is allowed now, what to say, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, Length

import web
from admin.shell import blueprint, done, note_read, page
from models.links import Channel
from receivables.desk import called, calling
from receivables.desk import timeline as desk_timeline
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "books_accounts.index_view"
#: Lines of the timeline beside the call.
LINES = 8
#: "yes:promised": whether somebody was spoken to, and what came of it.
OUTCOMES = tuple(f"yes:{code}" for code in called.TALKED) + tuple(f"no:{code}" for code in called.NOT_TALKED)


class AskForm(FlaskForm):  # type: ignore[misc]
    """Whom to ring, and which task asks for it."""

    contact = HiddenField(validators=[Length(min=1, max=24, message="empty")])
    task = HiddenField(filters=[lambda ref: (ref or "")[:24]])


class CallForm(AskForm):
    """What came of a call, what was said, when to ring again, and what the person wishes."""

    outcome = StringField(validators=[AnyOf(OUTCOMES, "outcome_unknown")])
    words = TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[Length(max=called.WORDS_MOST, message="too_long")],
    )
    again = StringField(default=called.BY_ITSELF)
    no_calls = BooleanField()
    instead = StringField(default="", validators=[AnyOf(("", "email", "sms"), "empty")])

    @property
    def next_at(self) -> str | datetime:
        """When to ring again: a moment, by itself, or not at all."""
        if self.again.data in ("", called.BY_ITSELF):
            return str(self.again.data)
        try:
            moment = datetime.fromisoformat(self.again.data)
        except ValueError:
            return called.BY_ITSELF
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


@blueprint.get("/accounts/<ref>/call")
@web.needs(P.CALL_LOG)
def call_screen(ref: str) -> Response:
    """Everything before a call; after a yes of the gate also the number and the form."""
    return _screen(ref, task=request.args.get("task", ""), contact=request.args.get("contact", ""))


def _screen(
    ref: str, status: int = 200, *, task: str = "", contact: str = "", form: CallForm | None = None,
    refused: Refused | None = None,
) -> Response:  # fmt: skip
    actor = web.staff_actor()
    with web.house().store.read() as database:
        view = calling.screen(database, actor, ref, task=task, now=web.now())
        events = desk_timeline.timeline(database, actor, view.who.id, limit=LINES)
    note_read(view.who.id)
    chosen = next((person for person in view.people if person.ref == contact), None)
    facts: dict[str, Any] = {"talked": called.TALKED, "not_talked": called.NOT_TALKED}
    return page("backoffice/call.html", status, here=HERE, zone=view.who.zone, view=view, who=view.who,
                chosen=chosen, timeline=events, refused=refused, by_itself=called.BY_ITSELF,
                form=form or CallForm(formdata=None), words_most=called.WORDS_MOST, **facts)  # fmt: skip


@blueprint.post("/accounts/<ref>/call/ask")
@web.needs(P.CALL_LOG)
def ask_call(ref: str) -> Response:
    """Ask before dialling; the answer is kept, and a no is said by name."""
    form, actor = AskForm(), web.staff_actor()
    if not form.validate():
        return _screen(ref, 422, task=form.task.data or "")
    asked = {"contact": form.contact.data, "task": form.task.data}
    decision = web.house().store.run(lambda s: called.ask(s, actor, ref, now=web.now(), **asked))
    if not decision.allowed:
        refusal = Refused("call_not_allowed", reasons=list(decision.reasons))
        return _screen(ref, 409, **asked, refused=refusal)
    return done("call_allowed", "backoffice.call_screen", values={"ref": ref, **asked, "_anchor": "log"})


@blueprint.post("/accounts/<ref>/call")
@web.needs(P.CALL_LOG)
def log_call(ref: str) -> Response:
    """Write down a call that was made, with the next try and what the person wishes."""
    form, actor = CallForm(), web.staff_actor()
    asked: dict[str, Any] = {"contact": form.contact.data or "", "task": form.task.data or ""}
    if not form.validate():
        return _screen(ref, 422, **asked, form=form)
    talked, _, outcome = form.outcome.data.partition(":")
    try:
        web.house().store.run(
            lambda s: called.write_down(
                s, actor, ref, **asked, talked=talked == "yes", outcome=outcome, words=form.words.data,
                again=form.next_at, no_calls=form.no_calls.data,
                instead=Channel(form.instead.data) if form.instead.data else None, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _screen(ref, 409, **asked, form=form, refused=error)
    return done("call_logged", "backoffice.account", values={"ref": ref})


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
