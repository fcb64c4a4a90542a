"""Choose, check, start: nothing is charged before the debtor has read the sum on the last page."""

from __future__ import annotations

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

import web
from models import fault_points
from portal import forms
from portal.preferences import carry_language
from receivables import early_payment, invoices, ways
from receivables.errors import Refused
from receivables.payments import quotes, starting
from receivables.ports import PaymentGateway

blueprint = Blueprint("portal_pay", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/pay")
@web.link_session
def choose() -> Answer:
    """Show the three choices and the bank transfer."""
    currency = forms.read_currency(request.args) if "currency" in request.args else None
    return _pay_page(currency, forms.shown(forms.read_pay(request.args), g.language))


@blueprint.post("/account/pay")
@web.link_session
def decide() -> Answer:
    """Check a choice and go on to its review; a refused one comes back with everything kept."""
    currency = forms.read_currency(request.form)
    form = forms.read_pay(request.form)
    try:
        choice = forms.choice_of(form, currency, forms.typed(currency, g.language))
        _quote(choice)
    except Refused as error:
        return _pay_page(currency, form, refused=error)
    return redirect(url_for("portal_pay.review", **forms.address_of(choice)), 303)


@blueprint.get("/account/pay/review")
@web.link_session
def review() -> Answer:
    """Show what will be paid, to whom and for what, before anything is (WCAG 3.3.4)."""
    currency = forms.read_currency(request.args)
    form = forms.read_pay(request.args)
    if _gateway() is None:
        return redirect(url_for("portal_pay.choose", currency=currency), 303)
    try:
        choice = forms.choice_of(form, currency, forms.plain(currency))
        quote = _quote(choice)
    except Refused as error:
        return _pay_page(currency, forms.shown(form, g.language), refused=error)
    change = url_for("portal_pay.choose", **forms.address_of(choice))
    fields = forms.reviewed(quote, choice)
    return web.render("portal/review.html", quote=quote, change_url=change, fields=fields)


@blueprint.get("/account/pay/start")
@web.link_session
def start_again() -> Answer:
    """A reloaded or translated answer of *start* goes back to the choice."""
    return redirect(url_for("portal_pay.choose"), 303)


@blueprint.post("/account/pay/start")
@web.link_session
def start() -> Answer:
    """Start the payment and go to the hosted page, or to the return page while its start is unknown."""
    holder, gateway = web.holder(), _gateway()
    choice, nonce = forms.read_reviewed(request.form), forms.read_nonce(request.form)
    if gateway is None:
        return redirect(url_for("portal_pay.choose", currency=choice.currency), 303)
    try:
        started = starting.start(
            web.house().store, gateway, holder.actor, choice,
            account_id=holder.account_id, zone=holder.zone, nonce=nonce, language=g.language,
            title=_("Payment to %(name)s", name=holder.sender.name), note=None,
            base_url=web.house().settings.base_url, now=web.now(),
        )  # fmt: skip
    except Refused as error:
        return _pay_page(choice.currency, forms.PayForm(), refused=error)
    fault_points.reach("pay.before_answer")
    return redirect(started.url or url_for("portal_returns.truth", ref=started.ref), 303)


def _gateway() -> PaymentGateway | None:
    return web.house().gateway(web.holder().gateway_account)


def _quote(choice: quotes.Choice) -> quotes.Quote:
    holder = web.holder()
    with web.house().store.read() as session:
        return quotes.quote(
            session, holder.actor, choice, account_id=holder.account_id, zone=holder.zone, now=web.now()
        )


def _pay_page(currency: str | None, form: forms.PayForm, *, refused: Refused | None = None) -> Answer:
    """Show the pay page; 422 with what needs another look. With nothing left to pay, the account."""
    holder = web.holder()
    with web.house().store.read() as session:
        account = invoices.overview(
            session, holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
        )
        groups = [group for group in account.groups if group.asked]
        group = next((group for group in groups if currency in (group.currency, None)), None)
        if group is None:
            return redirect(url_for("portal_overview.account"), 303)
        bank = invoices.bank_details(
            session, holder.actor, account_id=holder.account_id, currency=group.currency
        )
    amount = group.overdue or group.asked
    found = ways.ways(holder.country, amount, web.current_rules(), bank=bank, by_card=_gateway() is not None)
    return web.render(
        "portal/pay.html", 422 if refused else 200,
        group=group, groups=groups, ways=found, ways_for=amount, today=account.today,
        by_card=_gateway() is not None,
        whole=early_payment.whole(group.overdue_rows or group.rows, account.today),
        off={row.ref: early_payment.discount_today(row, account.today) for row in group.rows},
        notices=[n for n in account.notices if n.amount.currency == group.currency],
        payable=[row for row in group.rows if row.asked],
        form=forms.prefilled(form, group), least=forms.least(group.currency),
        most=forms.most(group.asked),
        error=forms.problem(refused, form, group.currency, g.language) if refused else None,
    )  # fmt: skip
