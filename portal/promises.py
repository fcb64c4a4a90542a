"""I can pay on a date: a day, a last look, and the promise until it is kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

import web
from models.answers import AnswerKind
from models.money import AmountUnreadable, Money
from portal import forms
from portal.forms import Problem
from portal.preferences import carry_language
from portal.stopping import problem, read_amount, read_day
from receivables.answers import giving
from receivables.answers.giving import Facts
from receivables.arrangements import promises
from receivables.errors import NotFound, Refused

blueprint = Blueprint("portal_promises", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/promise")
@web.link_session
def choose() -> Answer:
    """Offer ready days, and a day and amount of one's own."""
    currency = forms.read_currency(request.args) if "currency" in request.args else None
    return _choose_page(web.reading(), currency, "", "")


@blueprint.post("/account/promise")
@web.link_session
def decide() -> Answer:
    """Check a day and amount as typed and go on to the last look."""
    currency = forms.read_currency(request.form)
    amount, on = forms.single(request.form, "amount"), forms.single(request.form, "on")
    try:
        day = read_day(on)
        if day is None:
            raise Refused("day_missing")
        money = read_amount(amount, currency)
        with web.house().store.read() as session:
            promises.preview(session, web.holder().actor, money, day, now=web.now())
    except Refused as error:
        with web.house().store.read() as session:
            return _choose_page(session, currency, amount, on, problem(error))
    return redirect(
        url_for("portal_promises.review", currency=currency, amount=f"{money.decimal:f}", on=day.isoformat()),
        303,
    )


@blueprint.get("/account/promise/review")
@web.link_session
def review() -> Answer:
    """Show what will be noted and what it does, before it is promised (WCAG 3.3.4)."""
    if "currency" not in request.args:
        return redirect(url_for("portal_promises.choose"), 303)
    return _review_page(web.reading(), request.args)


@blueprint.post("/account/promise/review")
@web.link_session
def make() -> Answer:
    """Note the promise that was looked at last; sent twice it is one."""
    actor = web.holder().actor
    currency = forms.read_currency(request.form)

    def unit(session: Session) -> str:
        amount, day = _read(request.form, currency)
        giving.give(session, actor, AnswerKind.ON_A_DATE, Facts(amount=amount, on=day), now=web.now())
        noted = promises.open_promise(session, actor.account_id or 0, currency)
        if noted is None:
            raise NotFound("not_found")
        return noted.ref

    try:
        ref = web.house().store.run(unit)
    except Refused:
        with web.house().store.read() as session:
            return _review_page(session, request.form)
    return redirect(url_for("portal_promises.status", ref=ref), 303)


@blueprint.get("/account/promises/<ref>")
@web.link_session
def status(ref: str) -> Answer:
    """Show one promise: until when we wait, and what can still be done about it."""
    found = promises.view(web.reading(), web.holder().actor, ref, now=web.now())
    return web.render("portal/promise.html", promise=found)


@blueprint.get("/account/promises/<ref>/withdraw")
@web.link_session
def ask_withdraw(ref: str) -> Answer:
    """Ask once more before a promise is taken back."""
    found = promises.view(web.reading(), web.holder().actor, ref, now=web.now())
    return web.render("portal/promise_withdraw.html", promise=found)


@blueprint.post("/account/promises/<ref>/withdraw")
@web.link_session
def withdraw(ref: str) -> Answer:
    """Take a promise back; one that is over meanwhile shows how it ended."""
    actor = web.holder().actor
    with suppress(Refused):  # the page says that it was kept, or that its day has passed
        web.house().store.run(lambda s: promises.withdraw(s, actor, ref, now=web.now()))
    return redirect(url_for("portal_promises.status", ref=ref), 303)


def _read(source: MultiDict[str, str], currency: str) -> tuple[Money, date]:
    """Read the plain amount and day that our own addresses and hidden fields carry."""
    day = read_day(forms.single(source, "on"))
    if day is None:
        raise Refused("day_missing")
    try:
        return forms.plain(currency)(forms.single(source, "amount")), day
    except AmountUnreadable as error:
        raise Refused(error.reason, example=forms.example(currency, g.language)) from None


def _review_page(session: Session, source: MultiDict[str, str]) -> Answer:
    currency = forms.read_currency(source)
    try:
        amount, day = _read(source, currency)
        will = promises.preview(session, web.holder().actor, amount, day, now=web.now())
    except Refused as error:
        typed = forms.single(source, "amount").replace(".", forms.DECIMAL_MARKS[g.language])
        return _choose_page(session, currency, typed, forms.single(source, "on"), problem(error))
    return web.render("portal/promise_review.html", will=will)


def _choose_page(
    session: Session, currency: str | None, amount: str, on: str, wrong: Problem | None = None
) -> Answer:
    """Show the days; with nothing to promise in this currency, the account."""
    try:
        found = promises.choices(session, web.holder().actor, currency, now=web.now())
    except Refused:
        return redirect(url_for("portal_overview.account"), 303)
    if found.standing is not None and not found.standing.may_change and wrong is None:
        return redirect(url_for("portal_promises.status", ref=found.standing.ref), 303)
    usual = f"{(found.standing.amount if found.standing else found.usual).decimal:f}"
    return web.render(
        "portal/promise_choose.html", 422 if wrong else 200,
        found=found, on=on, error=wrong, usual=usual,
        amount=amount or usual.replace(".", forms.DECIMAL_MARKS[g.language]),
    )  # fmt: skip
