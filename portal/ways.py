"""Ways beside the card: going on with another device, and a post-dated cheque announced."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, g, redirect, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

import web
from models.accounts import Account
from models.money import AmountUnreadable, Money, total
from portal import forms
from portal.preferences import carry_language
from receivables import invoices, ways
from receivables.calendar_days import business_date
from receivables.errors import Refused

blueprint = Blueprint("portal_ways", __name__)
blueprint.url_defaults(carry_language)

#: The field that each refusal of a cheque is about; those of amounts are about the amount.
FIELDS = {
    "number_missing": "number",
    "bank_missing": "bank",
    "number_too_long": "number",
    "bank_too_long": "bank",
    "date_missing": "dated_on",
    "date_past": "dated_on",
    "date_too_far": "dated_on",
}


@blueprint.get("/account/other-device")
@web.link_session
def other_device() -> Answer:
    """Say what the code does; it is made by the button."""
    return web.render("portal/other_device.html", code=None)


@blueprint.post("/account/other-device")
@web.link_session
def show_code() -> Answer:
    """Make a short-lived link and show it, once, as a code and as text (L-02)."""
    web.limit_guesses("device")
    actor = web.holder().actor
    try:
        link, token = web.house().store.run(lambda s: ways.continue_elsewhere(s, actor, now=web.now()))
    except Refused:
        return web.render("portal/other_device.html", 409, code=None, over=True)
    address = f"{web.house().settings.base_url}/l/{token}"
    code = Markup(ways.link_code(address))  # noqa: S704 - drawn by us, no text of anybody's in it
    return web.render("portal/other_device.html", code=code, address=address, until=link.expires_at)


@blueprint.get("/account/cheque")
@web.link_session
def cheque() -> Answer:
    """Show the form for a cheque that is on its way, and those that were announced."""
    return _cheque_page(forms.read_currency(request.args), None)


@blueprint.post("/account/cheque")
@web.link_session
def announce() -> Answer:
    """Tell a person that a cheque is on its way."""
    holder, currency = web.holder(), forms.read_currency(request.form)
    try:
        told = _read_cheque(currency)

        def unit(session: Session) -> object:
            account = session.get_one(Account, holder.account_id)
            asked = _asked(session, currency)
            return ways.announce_cheque(session, holder.actor, account, told, asked=asked, now=web.now())

        web.house().store.run(unit)
    except Refused as error:
        return _cheque_page(currency, error)
    return redirect(url_for("portal_ways.cheque", currency=currency, _anchor="announced"), 303)


def _read_cheque(currency: str) -> ways.Cheque:
    """Read the form.

    Raises: Refused: date_missing, or a reason of AmountUnreadable.
    """
    try:
        amount = forms.typed(currency, g.language)(forms.single(request.form, "amount"))
    except AmountUnreadable as error:
        raise Refused("not_a_number" if error.reason == "too_large" else error.reason) from None
    try:
        dated_on = date.fromisoformat(forms.single(request.form, "dated_on"))
    except ValueError:
        raise Refused("date_missing") from None
    return ways.Cheque(
        forms.single(request.form, "number"), forms.single(request.form, "bank"), amount, dated_on
    )


def _asked(session: Session, currency: str) -> Money:
    holder = web.holder()
    today = business_date(web.now(), holder.zone)
    rows = invoices.open_rows(session, holder.account_id, today, currency=currency)
    return total([row.asked for row in rows], currency)


def _cheque_page(currency: str, refused: Refused | None) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        found = ways.announced(session, holder.actor, account_id=holder.account_id, now=web.now())
        asked = _asked(session, currency)
    fields = ("number", "bank", "amount", "dated_on")
    typed = {name: request.form.get(name, "") if refused else "" for name in fields}
    error = None
    if refused is not None:
        facts = {"example": forms.example(currency, g.language), **refused.facts}
        error = forms.Problem(FIELDS.get(refused.code, "amount"), refused.code, facts)
    return web.render(
        "portal/cheque.html", 422 if refused else 200, currency=currency, asked=asked, announced=found,
        typed=typed, error=error, today=business_date(web.now(), holder.zone), number_most=ways.CHEQUE_NUMBER,
        bank_most=ways.CHEQUE_BANK,
    )  # fmt: skip
