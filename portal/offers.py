"""Settlement offers: see one, sign and pay it, or make one's own and learn what became of it.

Nothing binds before the page that is signed, and a one-time code stands before that (decision 8).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

import web
from models.money import AmountUnreadable
from portal import forms
from portal.preferences import carry_language
from receivables import invoices
from receivables.arrangements import offer_deciding, offer_making, offer_reads, offers
from receivables.errors import GatewayDown, Refused
from receivables.payments import starting
from receivables.payments.quotes import Choice
from receivables.permissions import Permission, may
from receivables.ports import PaymentGateway

blueprint = Blueprint("portal_offers", __name__)
blueprint.url_defaults(carry_language)

#: The field that each refusal is about; all others are about the form as a whole.
FIELDS = {
    **dict.fromkeys(
        (
            "empty", "not_a_number", "ambiguous", "too_precise", "amount_zero", "amount_negative",
            "amount_is_all", "amount_above_balance", "amount_below_minimum", "amount_off_step",
        ),
        "amount",
    ),
    **dict.fromkeys(("day_missing", "day_unreadable", "day_past", "day_too_late", "day_off"), "day"),
    "reason_missing": "reason",
    "words_too_long": "reason",
    "name_missing": "name",
    "role_missing": "role",
    "binds_missing": "binds",
    "not_signatory": "binds",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnOfferForm:
    """A debtor's own offer as typed, so that nothing has to be typed again."""

    amount: str = ""
    day: str = ""
    reason: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class SignForm:
    """What stands under an acceptance, as typed."""

    name: str = ""
    role: str = ""
    binds: bool = False


# --------------------------------------------------------------------------- an offer


@blueprint.get("/account/offers/<ref>")
@web.link_session
def offer(ref: str) -> Answer:
    """Show an offer: what is paid, what is written off once it is in, until when, what became of it."""
    return _offer_page(ref)


def _offer_page(ref: str, *, refused: Refused | None = None) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        found = offer_reads.offer(session, holder.actor, ref, now=web.now())
        bank = (
            invoices.bank_details(
                session, holder.actor, account_id=holder.account_id, currency=found.amount.currency
            )
            if found.status.value == "accepted"
            else None
        )
    return web.render(
        "portal/offer.html", 422 if refused else 200, offer=found, bank=bank, nonce=secrets.token_urlsafe(32),
        by_card=_gateway() is not None, may_bind=may(holder.actor, Permission.OFFER_ACCEPT),
        error=_problem(refused, found.amount.currency) if refused else None,
    )  # fmt: skip


@blueprint.get("/account/offers/<ref>/accept")
@web.link_session
def review(ref: str) -> Answer:
    """The agreement to read and sign, in one's own time (WCAG 3.3.4)."""
    web.require_proof("settlement")
    return _review_page(ref, SignForm())


def _review_page(ref: str, form: SignForm, *, refused: Refused | None = None) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        found = offer_reads.offer(session, holder.actor, ref, now=web.now())
    if not found.is_open:
        return redirect(url_for("portal_offers.offer", ref=ref), 303)
    return web.render(
        "portal/offer_review.html", 422 if refused else 200, offer=found, form=form,
        nonce=secrets.token_urlsafe(32), by_card=_gateway() is not None,
        error=_problem(refused, found.amount.currency) if refused else None,
    )  # fmt: skip


@blueprint.post("/account/offers/<ref>/accept")
@web.link_session
def accept(ref: str) -> Answer:
    """Accept as read and signed, then go and pay; a change since the page was made voids the offer."""
    web.require_proof("settlement")
    holder, store = web.holder(), web.house().store
    form = SignForm(
        forms.single(request.form, "name"),
        forms.single(request.form, "role"),
        bool(forms.single(request.form, "binds")),
    )
    digest, nonce = forms.single(request.form, "digest"), forms.read_nonce(request.form)
    try:
        store.run(
            lambda s: offers.accept(
                s, holder.actor, ref, digest=digest, name=form.name, role=form.role, binds=form.binds,
                language=g.language, ip_prefix=web.caller(), now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        if error.code in FIELDS:
            return _review_page(ref, form, refused=error)
        if error.code == "offer_changed":
            store.run(lambda s: offers.void_if_changed(s, holder.actor, ref, now=web.now()))
        return _offer_page(ref, refused=error)
    return _pay(ref, nonce)


@blueprint.post("/account/offers/<ref>/pay")
@web.link_session
def pay(ref: str) -> Answer:
    """Pay what an accepted offer still asks for."""
    return _pay(ref, forms.read_nonce(request.form))


def _pay(ref: str, nonce: str) -> Answer:
    """Start the payment of an accepted offer; the sum and the invoices come from the offer alone (P-06)."""
    holder, gateway = web.holder(), _gateway()
    with web.house().store.read() as session:
        found = offer_reads.offer(session, holder.actor, ref, now=web.now())
    here = redirect(url_for("portal_offers.offer", ref=ref), 303)
    if gateway is None or not found.is_payable:
        return here
    choice = Choice("arranged", found.amount.currency, tuple(p.ref for p in found.parts), found.due)
    try:
        started = starting.start(
            web.house().store, gateway, holder.actor, choice,
            account_id=holder.account_id, zone=holder.zone, nonce=nonce, language=g.language,
            title=_("Payment to %(name)s", name=holder.sender.name), note=None,
            base_url=web.house().settings.base_url, now=web.now(),
        )  # fmt: skip
    except Refused as error:
        return _offer_page(ref, refused=error)
    except GatewayDown:
        # Agreed it is; it can be paid from its own page once the gateway answers again.
        return _offer_page(ref, refused=Refused("gateway_down"))
    return redirect(started.url or url_for("portal_returns.truth", ref=started.ref), 303)


@blueprint.post("/account/offers/<ref>/decline")
@web.link_session
def decline(ref: str) -> Answer:
    """Decline an offer; the account stands as before."""
    web.require_proof("settlement")
    actor = web.holder().actor
    return _end(ref, lambda s: offers.decline(s, actor, ref, now=web.now()))


@blueprint.post("/account/offers/<ref>/withdraw")
@web.link_session
def withdraw(ref: str) -> Answer:
    """Take one's own offer back."""
    actor = web.holder().actor
    return _end(ref, lambda s: offer_deciding.withdraw(s, actor, ref, now=web.now()))


def _end(ref: str, act: Callable[[Session], object]) -> Answer:
    try:
        web.house().store.run(act)
    except Refused as error:
        return _offer_page(ref, refused=error)
    return redirect(url_for("portal_offers.offer", ref=ref), 303)


# --------------------------------------------------------------------------- one's own


@blueprint.get("/account/own-offer")
@web.link_session
def own() -> Answer:
    """Ask what can be paid and when."""
    _prove_if_ours_stands()
    return _own_page(_currency(), OwnOfferForm(name=web.holder().contact_name))


def _prove_if_ours_stands() -> None:
    """Ask for a code before an own offer would take the place of one that we made (decision 8)."""
    holder = web.holder()
    with web.house().store.read() as session:
        stands = offer_reads.stands_from_us(session, holder.actor, account_id=holder.account_id)
    if stands:
        web.require_proof("settlement")


def _own_page(currency: str | None, form: OwnOfferForm, *, refused: Refused | None = None) -> Answer:
    holder = web.holder()
    try:
        with web.house().store.read() as session:
            about = offer_reads.own_offer(
                session, holder.actor, account_id=holder.account_id, currency=currency, now=web.now()
            )
    except Refused as none:
        return web.render("portal/offer_none.html", 422 if refused else 200, code=none.code)
    code = about.balance.currency
    return web.render(
        "portal/offer_own.html", 422 if refused else 200, about=about, currency=code, form=form,
        error=_problem(refused, code) if refused else None,
    )  # fmt: skip


@blueprint.post("/account/own-offer")
@web.takes_words
@web.link_session
def make() -> Answer:
    """Send an own offer; its page says whether it stands at once or by when a person answers."""
    _prove_if_ours_stands()
    holder, currency = web.holder(), forms.read_currency(request.form)
    form = OwnOfferForm(*(forms.single(request.form, n) for n in ("amount", "day", "reason", "name")))
    try:
        amount = forms.typed(currency, g.language)(form.amount)
        day = _day(form.day)
        made = web.house().store.run(
            lambda s: offer_making.counter(
                s, holder.actor, account_id=holder.account_id, currency=currency, amount=amount,
                pay_by_on=day, reason=form.reason, name=form.name, now=web.now(),
            )
        )  # fmt: skip
    except AmountUnreadable as unreadable:
        code = "not_a_number" if unreadable.reason == "too_large" else unreadable.reason
        return _own_page(currency, form, refused=Refused(code))
    except Refused as error:
        return _own_page(currency, form, refused=error)
    return redirect(url_for("portal_offers.offer", ref=made.ref), 303)


def _currency() -> str | None:
    return forms.read_currency(request.args) if "currency" in request.args else None


def _day(text: str) -> date:
    """Read the day of a date field.

    Raises: Refused: day_missing, day_unreadable.
    """
    if not text:
        raise Refused("day_missing")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("day_unreadable") from None


def _gateway() -> PaymentGateway | None:
    return web.house().gateway(web.holder().gateway_account)


def _problem(error: Refused, currency: str) -> forms.Problem:
    facts = {**error.facts, "example": forms.example(currency, g.language)}
    return forms.Problem(FIELDS.get(error.code, "main"), error.code, facts)
