"""Credit in favour: where it comes from, using it for an invoice after a last look, asking it back."""

from __future__ import annotations

import secrets

from flask import Blueprint, redirect, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

import web
from models.money import AmountUnreadable, parse_plain
from portal import forms
from portal.preferences import carry_language
from receivables import credits, early_payment
from receivables.calendar_days import business_date
from receivables.errors import Refused

blueprint = Blueprint("portal_credit", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/credit")
@web.link_session
def credit() -> Answer:
    """Show what there is, where it comes from, and what it can be used for."""
    return _page(None)


def _page(refused: Refused | None) -> Answer:
    holder = web.holder()
    error = forms.Problem("", refused.code, refused.facts) if refused else None
    with web.house().store.read() as session:
        found = credits.views(
            session, holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
        )
    today = business_date(web.now(), holder.zone)
    return web.render(
        "portal/credit.html", 422 if error else 200, views=found, error=error, today=today,
        fits=credits.fits,
    )  # fmt: skip


@blueprint.get("/account/credit/use/<ref>")
@web.link_session
def review(ref: str) -> Answer:
    """Show what using credit for one invoice does, before it is done (WCAG 3.3.4)."""
    holder = web.holder()
    today = business_date(web.now(), holder.zone)
    found = credits.views(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
    )
    view, row = credits.usable(found, ref)
    amount = credits.fits(view, row, today)
    return web.render(
        "portal/credit_review.html", view=view, row=row, today=today, amount=amount,
        plain=f"{amount.decimal:f}", discount=early_payment.discount_today(row, today),
        nonce=secrets.token_urlsafe(32),
    )  # fmt: skip


@blueprint.post("/account/credit/use/<ref>")
@web.link_session
def use(ref: str) -> Answer:
    """Use exactly the amount that the review showed."""
    actor, nonce = web.holder().actor, forms.read_nonce(request.form)
    try:
        amount = parse_plain(forms.single(request.form, "amount"), forms.read_currency(request.form))
    except AmountUnreadable:
        raise BadRequest("amount") from None
    try:
        web.house().store.run(
            lambda s: credits.apply_credit(s, actor, ref, amount, nonce=nonce, now=web.now())
        )
    except Refused as error:
        return _page(error)
    return redirect(url_for("portal_invoices.document", ref=ref), 303)


@blueprint.post("/account/credit/back")
@web.link_session
def ask_back() -> Answer:
    """Ask all free credit of a currency back."""
    holder, currency = web.holder(), forms.read_currency(request.form)
    try:
        web.house().store.run(
            lambda s: credits.ask_back(s, holder.actor, currency, account_id=holder.account_id, now=web.now())
        )
    except Refused as error:
        return _page(error)
    return redirect(url_for("portal_credit.credit", _anchor=currency), 303)


@blueprint.get("/account/credit/back")
@web.link_session
def asked_back() -> Answer:
    """A reloaded or translated answer goes back to the page."""
    return redirect(url_for("portal_credit.credit"), 303)
