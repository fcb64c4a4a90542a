"""What somebody asked of us or told us: its status, who has it and by when; and difficulty, apart."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

import web
from models.answers import AnswerKind
from models.money import Money
from portal import forms
from portal.forms import Problem
from portal.preferences import carry_language
from portal.stopping import problem, read_amount
from receivables import invoices
from receivables.answers import giving, hardship, reads, requests
from receivables.answers.giving import Facts
from receivables.errors import Refused

blueprint = Blueprint("portal_requests", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/requests/<ref>")
@web.link_session
def status(ref: str) -> Answer:
    """Show one request with what was said on both sides."""
    found = reads.request_view(web.reading(), web.holder().actor, ref)
    return web.render("portal/request.html", asked=found)


@blueprint.get("/account/requests/<ref>/withdraw")
@web.link_session
def withdrawn(ref: str) -> Answer:
    """A reloaded or translated answer of *withdraw* goes back to the request."""
    return redirect(url_for("portal_requests.status", ref=ref), 303)


@blueprint.post("/account/requests/<ref>/withdraw")
@web.link_session
def withdraw(ref: str) -> Answer:
    """Take a request back; one that was answered meanwhile shows its answer."""
    actor = web.holder().actor
    with suppress(Refused):  # the page shows the answer
        web.house().store.run(lambda s: requests.withdraw(s, actor, ref, now=web.now()))
    return redirect(url_for("portal_requests.status", ref=ref), 303)


@blueprint.get("/account/hardship")
@web.link_session
def hard() -> Answer:
    """Ask somebody in difficulty to tell a person; behind a code, since nobody else may read it."""
    web.require_proof("hardship")
    return _hard_page(web.reading(), {})


@blueprint.post("/account/hardship")
@web.takes_words
@web.link_session
def tell() -> Answer:
    """Give the words to a person and stand still."""
    web.require_proof("hardship")
    actor = web.holder().actor
    typed = {name: forms.single(request.form, name) for name in ("words", "amount", "currency")}
    try:
        could = _could_pay(typed)
        web.house().store.run(
            lambda s: giving.give(
                s, actor, AnswerKind.HARDSHIP, Facts(words=typed["words"], amount=could), now=web.now()
            )
        )
    except Refused as error:
        with web.house().store.read() as session:
            return _hard_page(session, typed, problem(error))
    return redirect(url_for("portal_requests.hard"), 303)


def _could_pay(typed: dict[str, str]) -> Money | None:
    """Read the amount somebody could pay; it need not be named."""
    return read_amount(typed["amount"], forms.read_currency(request.form)) if typed["amount"] else None


def _hard_page(session: Session, typed: dict[str, str], wrong: Problem | None = None) -> Answer:
    holder = web.holder()
    found = invoices.overview(
        session, holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
    )
    return web.render(
        "portal/hardship.html", 422 if wrong else 200,
        told=hardship.told(session, holder.actor), typed=typed, error=wrong,
        currency=typed.get("currency") or (found.groups[0].currency if found.groups else "EUR"),
        most=hardship.MOST_WORDS,
    )  # fmt: skip
