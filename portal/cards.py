"""Saved cards: what is kept and on which consent; keep one, let it pay a plan, remove it.

The card is typed on a page of the gateway. What is agreed to is shown here before, word for word, and kept
with its version, language, moment and network (P-24, decision 11).
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

import web
from models.states import AttemptStatus
from portal import forms
from portal.forms import Problem
from portal.preferences import carry_language
from receivables.arrangements import card_setups, cards, plan_reads
from receivables.arrangements.cards import Consent
from receivables.errors import NotFound, Refused
from receivables.payments import starting
from receivables.ports import GatewayRefused, GatewayUnreachable, PaymentGateway

blueprint = Blueprint("portal_cards", __name__)
blueprint.url_defaults(carry_language)

#: A step that a plan with a card asks to be proved first (decision 8).
ACT = "plan_by_card"
#: Ends that may come any minute: the return page looks again by itself.
PENDING = frozenset(
    {AttemptStatus.CREATED, AttemptStatus.OPEN, AttemptStatus.PROCESSING, AttemptStatus.UNKNOWN}
)
LOOKS_AGAIN_SECONDS = "10"


def consent_words(payee: str) -> list[str]:
    """The agreement to keep a card, sentence by sentence, in the reader's language."""
    return web.house().documents.card_words(payee, g.language)


# --------------------------------------------------------------------------- what is kept


@blueprint.get("/account/cards", endpoint="cards")
@web.link_session
def overview() -> Answer:
    """Show the saved cards with the consent that each was kept on, and the plans they pay."""
    holder = web.holder()
    kept, plans = cards.cards_of(web.reading(), holder.actor, account_id=holder.account_id, now=web.now())
    return web.render("portal/cards.html", cards=kept, plans=plans, by_card=_gateway() is not None)


# --------------------------------------------------------------------------- keeping one


@blueprint.get("/account/cards/add")
@web.link_session
def add() -> Answer:
    """Show what keeping a card means, before the page where it is typed."""
    if _gateway() is None:
        return redirect(url_for("portal_cards.cards"), 303)
    web.require_proof(ACT)
    return _add_page(None)


@blueprint.post("/account/cards/add")
@web.link_session
def keep() -> Answer:
    """Go to the page of the gateway that keeps a card and charges nothing."""
    gateway = _gateway()
    if gateway is None:
        return redirect(url_for("portal_cards.cards"), 303)
    web.require_proof(ACT)
    try:
        return _to_card_page(gateway, _consent(None), forms.read_currency(request.form))
    except Refused as error:
        return _add_page(Problem("agree", error.code, error.facts))


def _add_page(problem: Problem | None) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        currency = cards.likely_currency(session, holder.actor, account_id=holder.account_id)
    return web.render(
        "portal/card_add.html", 422 if problem else 200, words=consent_words(holder.sender.name),
        error=problem, currency=currency,
    )  # fmt: skip


def _consent(plan_ref: str | None) -> Consent:
    text = "\n".join(consent_words(web.holder().sender.name))
    return Consent(text, g.language, web.caller(), plan_ref=plan_ref)


def _to_card_page(gateway: PaymentGateway, consent: Consent, currency: str) -> Answer:
    holder = web.holder()
    begun = card_setups.begin_saving(
        web.house().store, gateway, holder.actor, consent,
        account_id=holder.account_id, currency=currency, language=g.language, note=None,
        base_url=web.house().settings.base_url, now=web.now(),
    )  # fmt: skip
    return redirect(begun.url or url_for("portal_cards.truth", ref=begun.ref), 303)


# --------------------------------------------------------------------------- a plan's card


@blueprint.get("/account/cards/plan/<plan_ref>")
@web.link_session
def for_plan(plan_ref: str) -> Answer:
    """Show which card shall pay a plan: one that is kept, or another; and what is charged now."""
    if _gateway() is None:
        return redirect(url_for("portal_plans.plan", ref=plan_ref), 303)
    web.require_proof(ACT)
    return _plan_page(plan_ref, None)


@blueprint.post("/account/cards/plan/<plan_ref>")
@web.link_session
def save_for_plan(plan_ref: str) -> Answer:
    """Let the chosen card pay the plan, or go to the page of the gateway for another one.

    Where the first part is paid at once, that payment keeps the card; else nothing is charged now.
    """
    gateway, chosen = _gateway(), forms.single(request.form, "card")
    if gateway is None or not chosen:
        return redirect(url_for("portal_cards.for_plan", plan_ref=plan_ref), 303)
    web.require_proof(ACT)
    holder = web.holder()
    try:
        if chosen != "new":
            web.house().store.run(
                lambda s: cards.use_for_plan(s, holder.actor, plan_ref, chosen, now=web.now())
            )
            return redirect(url_for("portal_plans.plan", ref=plan_ref), 303)
        return _keep_for_plan(gateway, plan_ref)
    except Refused as error:
        return _plan_page(plan_ref, Problem("card", error.code, error.facts))


def _keep_for_plan(gateway: PaymentGateway, plan_ref: str) -> Answer:
    """Go to the page that keeps a card for a plan, paying the first part on it where it is due at once.

    Raises: Refused, GatewayDown.
    """
    holder, nonce = web.holder(), forms.read_nonce(request.form)
    with web.house().store.read() as session:
        found = plan_reads.view(session, holder.actor, plan_ref, now=web.now())
        pays = cards.pays_at_once(found)
        if forms.single(request.form, "amount") != (f"{pays.decimal:f}" if pays else ""):
            raise Refused("arrangement_changed")
        choice = plan_reads.choice(session, holder.actor, plan_ref, "next", now=web.now()) if pays else None
    if choice is None:
        return _to_card_page(gateway, _consent(plan_ref), found.currency)
    started = starting.start(
        web.house().store, gateway, holder.actor, choice,
        account_id=holder.account_id, zone=holder.zone, nonce=nonce, language=g.language,
        title=_("Payment to %(name)s", name=holder.sender.name), note=None,
        base_url=web.house().settings.base_url, now=web.now(), consent=_consent(plan_ref),
    )  # fmt: skip
    return redirect(started.url or url_for("portal_returns.truth", ref=started.ref), 303)


def _plan_page(plan_ref: str, problem: Problem | None) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        found = plan_reads.view(session, holder.actor, plan_ref, now=web.now())
        kept, _plans = cards.cards_of(
            session, holder.actor, account_id=holder.account_id, now=web.now(), own=True
        )
        if not found.payable and not cards.awaits_card(found):
            return redirect(url_for("portal_plans.plan", ref=plan_ref), 303)
    return web.render(
        "portal/card_for_plan.html", 422 if problem else 200, plan=found, cards=kept, error=problem,
        words=consent_words(holder.sender.name), pays=cards.pays_at_once(found),
        nonce=secrets.token_urlsafe(32),
    )  # fmt: skip


# --------------------------------------------------------------------------- removing one


@blueprint.get("/account/cards/<ref>/remove")
@web.link_session
def remove_page(ref: str) -> Answer:
    """Show what removing a card does, before it is done."""
    holder = web.holder()
    kept, _plans = cards.cards_of(web.reading(), holder.actor, account_id=holder.account_id, now=web.now())
    card = next((card for card in kept if card.ref == ref), None)
    if card is None:
        raise NotFound("not_found")
    return web.render("portal/card_remove.html", card=card)


@blueprint.post("/account/cards/<ref>/remove")
@web.link_session
def remove(ref: str) -> Answer:
    """Remove a card; a repeated press finds it removed."""
    web.house().store.run(lambda s: cards.remove(s, web.holder().actor, ref, now=web.now()))
    return redirect(url_for("portal_cards.cards"), 303)


# --------------------------------------------------------------------------- coming back


@blueprint.get("/s/<ref>")
@web.public_page
def truth(ref: str) -> Answer:
    """Show what became of a page that keeps a card: status and creditor only (decision 10)."""
    with web.house().store.read() as session:
        view = card_setups.setup_view(session, ref, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    pending = view.status in PENDING
    answer = web.render(
        "portal/card_return.html", setup=view, sender=view.sender, languages=view.languages, zone=view.zone,
        left=request.args.get("left") == "1", looks_again=pending,
    )  # fmt: skip
    if pending:
        answer.headers["Refresh"] = LOOKS_AGAIN_SECONDS
    return answer


@blueprint.post("/s/<ref>/check")
@web.public_page
def check(ref: str) -> Answer:
    """Ask the gateway now, then show the truth again."""
    web.limit_guesses("check")
    with web.house().store.read() as session:
        view = card_setups.setup_view(session, ref, now=web.now())
    gateway = web.house().gateway(view.gateway_account)
    if gateway is not None:
        with suppress(GatewayUnreachable, GatewayRefused):  # nothing was learned: the page says so
            card_setups.settle_setup(web.house().store, gateway, ref, now=web.now())
    return redirect(url_for("portal_cards.truth", ref=ref), 303)


def _gateway() -> PaymentGateway | None:
    return web.house().gateway(web.holder().gateway_account)
