"""Head office: what its branches owe, and one payment for several of them after a last look."""

from __future__ import annotations

import secrets

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

import web
from models.money import AmountUnreadable, parse_plain
from portal import forms
from portal.preferences import carry_language
from receivables import branches, invoices
from receivables.errors import NotFound, Refused
from receivables.payments import quotes, starting
from receivables.ports import PaymentGateway

blueprint = Blueprint("portal_branches", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/branches")
@web.link_session
def choose() -> Answer:
    """Show what each branch owes, with a tick for all of it or for single invoices."""
    currency = forms.read_currency(request.args) if "currency" in request.args else None
    ticked = (request.args.getlist("branch"), request.args.getlist("invoice"))
    return _page(currency, None, ticked)


def _page(currency: str | None, refused: Refused | None, ticked: tuple[list[str], list[str]]) -> Answer:
    holder = web.holder()
    error = forms.Problem("what", refused.code, refused.facts) if refused else None
    with web.house().store.read() as session:
        found = branches.views(session, holder.actor, account_id=holder.account_id, now=web.now())
        view = next((view for view in found if currency in (view.currency, None)), None)
        bank = None
        if view is not None:
            bank = invoices.bank_details(
                session, holder.actor, account_id=holder.account_id, currency=view.currency
            )
    return web.render(
        "portal/branches.html", 422 if error else 200, views=found, view=view, bank=bank,
        by_card=_gateway() is not None, error=error, branch_refs=ticked[0], invoice_refs=ticked[1],
    )  # fmt: skip


@blueprint.post("/account/branches")
@web.link_session
def decide() -> Answer:
    """Check the ticks and go on to the review."""
    currency = forms.read_currency(request.form)
    branch_refs, invoice_refs = request.form.getlist("branch"), request.form.getlist("invoice")
    try:
        _quote(currency, branch_refs, invoice_refs)
    except Refused as error:
        return _page(currency, error, (branch_refs, invoice_refs))
    address = url_for("portal_branches.review", currency=currency, branch=branch_refs, invoice=invoice_refs)
    return redirect(address, 303)


@blueprint.get("/account/branches/review")
@web.link_session
def review() -> Answer:
    """Show what will be paid, branch by branch, before anything is (WCAG 3.3.4)."""
    currency = forms.read_currency(request.args)
    branch_refs, invoice_refs = request.args.getlist("branch"), request.args.getlist("invoice")
    if _gateway() is None:
        return redirect(url_for("portal_branches.choose", currency=currency), 303)
    try:
        view, quote = _quote(currency, branch_refs, invoice_refs)
    except Refused as error:
        return _page(currency, error, (branch_refs, invoice_refs))
    shares = {row.ref: amount for row, amount in quote.shares}
    fields = [
        ("currency", currency),
        ("amount", f"{quote.amount.decimal:f}"),
        *(("invoice", ref) for ref in shares),
        ("nonce", secrets.token_urlsafe(32)),
    ]
    change = url_for("portal_branches.choose", currency=currency, branch=branch_refs, invoice=invoice_refs)
    return web.render(
        "portal/branches_review.html", view=view, quote=quote, shares=shares, fields=fields, change_url=change
    )


def _quote(
    currency: str, branch_refs: list[str], invoice_refs: list[str]
) -> tuple[branches.Branches, quotes.Quote]:
    """Work out what the ticks come to.

    Raises:
        Refused: none_chosen, or as `quotes.quote`.
        NotFound: a name that is none of this head office's (L-15).
    """
    holder = web.holder()
    with web.house().store.read() as session:
        found = branches.views(session, holder.actor, account_id=holder.account_id, now=web.now())
        view = next((view for view in found if view.currency == currency), None)
        if view is None:
            raise NotFound("not_found")
        refs = branches.chosen_refs(view, branch_refs, invoice_refs)
        if not refs:
            raise Refused("none_chosen")
        choice = quotes.Choice("branches", currency, refs)
        quote = quotes.quote(
            session, holder.actor, choice, account_id=holder.account_id, zone=holder.zone, now=web.now()
        )
    return view, quote


@blueprint.post("/account/branches/start")
@web.link_session
def start() -> Answer:
    """Start the one payment and go to the hosted page."""
    holder, gateway = web.holder(), _gateway()
    currency, nonce = forms.read_currency(request.form), forms.read_nonce(request.form)
    try:
        amount = parse_plain(forms.single(request.form, "amount"), currency)
    except AmountUnreadable:
        raise BadRequest("amount") from None
    refs = tuple(request.form.getlist("invoice"))
    if gateway is None:
        return redirect(url_for("portal_branches.choose", currency=currency), 303)
    try:
        started = starting.start(
            web.house().store, gateway, holder.actor, quotes.Choice("branches", currency, refs, amount),
            account_id=holder.account_id, zone=holder.zone, nonce=nonce, language=g.language,
            title=_("Payment to %(name)s", name=holder.sender.name), note=None,
            base_url=web.house().settings.base_url, now=web.now(),
        )  # fmt: skip
    except Refused as error:
        return _page(currency, error, ([], []))
    return redirect(started.url or url_for("portal_returns.truth", ref=started.ref), 303)


@blueprint.get("/account/branches/start")
@web.link_session
def start_again() -> Answer:
    """A reloaded or translated answer of *start* goes back to the choice."""
    return redirect(url_for("portal_branches.choose"), 303)


def _gateway() -> PaymentGateway | None:
    return web.house().gateway(web.holder().gateway_account)
