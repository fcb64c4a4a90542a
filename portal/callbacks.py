"""Ring me: an hour of ours that suits the reader, in his own zone."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

import web
from portal import forms
from portal.forms import Problem
from portal.preferences import carry_language
from portal.stopping import problem
from receivables.answers import callbacks
from receivables.calendar_days import business_date, local_time
from receivables.errors import Refused

blueprint = Blueprint("portal_callbacks", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/ring-me")
@web.link_session
def ask() -> Answer:
    """Offer hours, or show the one that is noted."""
    return _page(web.reading(), {})


@blueprint.post("/account/ring-me")
@web.link_session
def note() -> Answer:
    """Note an hour and a number."""
    actor = web.holder().actor
    typed = {name: forms.single(request.form, name) for name in ("at", "phone")}
    try:
        at = _moment(typed["at"])
        web.house().store.run(lambda s: callbacks.ask(s, actor, at, typed["phone"], now=web.now()))
    except Refused as error:
        with web.house().store.read() as session:
            return _page(session, typed, problem(error))
    return redirect(url_for("portal_callbacks.ask"), 303)


@blueprint.get("/account/ring-me/<ref>/cancel")
@web.link_session
def cancelled(ref: str) -> Answer:
    """A reloaded or translated answer of *cancel* goes back to the hours."""
    return redirect(url_for("portal_callbacks.ask"), 303)


@blueprint.post("/account/ring-me/<ref>/cancel")
@web.link_session
def cancel(ref: str) -> Answer:
    """Take the call back."""
    actor = web.holder().actor
    web.house().store.run(lambda s: callbacks.cancel(s, actor, ref, now=web.now()))
    return redirect(url_for("portal_callbacks.ask"), 303)


def _moment(text: str) -> datetime:
    """Read an hour as our own list sends it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("hour_missing") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _page(session: Session, typed: dict[str, str], wrong: Problem | None = None) -> Answer:
    holder = web.holder()
    hours = callbacks.offered(session, holder.actor, now=web.now())
    days: dict[object, list[tuple[str, str]]] = {}
    for moment in hours:
        clock = f"{local_time(moment, holder.zone):%H:%M}"
        days.setdefault(business_date(moment, holder.zone), []).append((moment.isoformat(), clock))
    return web.render(
        "portal/ring_me.html", 422 if wrong else 200,
        waiting=callbacks.waiting(session, holder.actor), days=days, typed=typed, error=wrong,
        number=typed.get("phone") or callbacks.usual_number(session, holder.actor),
    )  # fmt: skip
