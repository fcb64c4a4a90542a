"""Paying in parts: choose, check, sign, then one calm page to keep.

Every date and amount is shown before anything binds; what is charged comes from the plan's rows.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

import web
from models.arrangements import PaysBy
from models.states import PlanStatus
from portal import forms, plan_forms
from portal.forms import Problem
from portal.plan_forms import PlanForm
from portal.preferences import carry_language
from receivables.arrangements import plan_changes, plan_outlook, plan_reads, plans
from receivables.arrangements.plan_outlook import Outlook
from receivables.arrangements.plan_reads import PlanView
from receivables.arrangements.plan_terms import Draft
from receivables.errors import GatewayDown, Refused
from receivables.payments import quotes, starting
from receivables.ports import PaymentGateway

blueprint = Blueprint("portal_plans", __name__)
blueprint.url_defaults(carry_language)

#: What may be paid of a plan.
WHATS = ("next", "late", "rest")


# --------------------------------------------------------------------------- choosing


@blueprint.get("/account/plan")
@web.link_session
def choose() -> Answer:
    """Show the ready choices and the form of an own plan."""
    return _choice_page(plan_forms.read_plan(request.args), None)


@blueprint.post("/account/plan")
@web.link_session
def decide() -> Answer:
    """Check a choice and go on to its review; a refused one comes back with everything kept."""
    form = plan_forms.read_plan(request.form)
    try:
        with web.house().store.read() as session:
            found = _outlook(session, form)
            wish = plan_forms.wish_of(form, found, g.language)
            plan_outlook.worked_out(session, web.holder().account_id, found, wish, now=web.now())
    except Refused as error:
        return _choice_page(form, error)
    return redirect(url_for("portal_plans.review", **plan_forms.address_of(found, wish)), 303)


@blueprint.get("/account/plan/review")
@web.link_session
def review() -> Answer:
    """Show every date and amount of a choice (WCAG 3.3.4)."""
    form = plan_forms.read_plan(request.args)
    try:
        found, draft = _worked_out(form)
    except Refused as error:
        return _choice_page(form, error)
    address = plan_forms.address_of(found, draft.wish)
    return web.render("portal/plan_review.html", found=found, draft=draft, fields=_pairs(address),
                      change_url=url_for("portal_plans.choose", **address))  # fmt: skip


@blueprint.get("/account/plan/draft")
@web.link_session
def draft_again() -> Answer:
    """A reloaded answer of *draft* goes back to the choice."""
    return redirect(url_for("portal_plans.choose"), 303)


@blueprint.post("/account/plan/draft")
@web.link_session
def draw_up() -> Answer:
    """Write the plan down as it was read and go on to the agreement; it binds nobody yet."""
    holder, form = web.holder(), plan_forms.read_plan(request.form)
    try:
        found, draft = _worked_out(form)
        refs = [row.ref for row in found.chosen]
        plan = web.house().store.run(
            lambda s: plans.propose(
                s, holder.actor, account_id=holder.account_id, currency=found.currency,
                invoice_refs=refs, wish=draft.wish, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _choice_page(form, error)
    return redirect(url_for("portal_plans.agreement", ref=plan.ref), 303)


def _worked_out(form: PlanForm) -> tuple[Outlook, Draft]:
    with web.house().store.read() as session:
        found = _outlook(session, form)
        wish = plan_forms.wish_of(form, found, g.language)
        return found, plan_outlook.worked_out(session, web.holder().account_id, found, wish, now=web.now())


def _outlook(session: Any, form: PlanForm) -> Outlook:
    source = request.values
    return plan_outlook.outlook(
        session, web.holder().actor, account_id=web.holder().account_id,
        currency=forms.read_currency(source) if "currency" in source else None,
        invoice_refs=form.invoices, now=web.now(),
    )  # fmt: skip


def _choice_page(form: PlanForm, refused: Refused | None) -> Answer:
    """Show the choice; 422 with what needs another look. With nothing to arrange, say so."""
    with web.house().store.read() as session:
        try:
            found = _outlook(session, form)
        except Refused as error:
            if error.code != "invoice_not_open":
                return web.render("portal/plan_none.html")
            form, refused = PlanForm(), refused or error
            found = _outlook(session, form)
    facts = {"example": forms.example(found.currency, g.language), "most": found.most_asked}
    return web.render(
        "portal/plan.html", 422 if refused else 200, found=found,
        form=plan_forms.prefilled(form, found), by_card=_gateway() is not None,
        error=plan_forms.problem(refused, facts, own=form.plan == "own") if refused else None,
    )  # fmt: skip


def _pairs(address: dict[str, Any]) -> list[tuple[str, Any]]:
    """Write an address as hidden fields."""
    return [(n, v) for n, value in address.items() for v in (value if isinstance(value, list) else [value])]


# --------------------------------------------------------------------------- the agreement


@blueprint.get("/account/plans/<ref>/agree")
@web.link_session
def agreement(ref: str) -> Answer:
    """Show the agreement to be read and signed; a signed one leads to its page."""
    plan = plan_reads.view(web.reading(), web.holder().actor, ref, now=web.now())
    if plan.status is not PlanStatus.PROPOSED:
        return redirect(url_for("portal_plans.plan", ref=ref), 303)
    if plan.pays_by is PaysBy.CARD:
        web.require_proof("plan_by_card")
    return _agreement_page(plan, None)


@blueprint.post("/account/plans/<ref>/agree")
@web.link_session
def sign(ref: str) -> Answer:
    """Sign the agreement as it was read; with a first part at once, go on to pay it."""
    holder = web.holder()
    with web.house().store.read() as session:
        plan = plan_reads.view(session, holder.actor, ref, now=web.now())
    if plan.pays_by is PaysBy.CARD:
        web.require_proof("plan_by_card")
    nonce = forms.read_nonce(request.form)
    signature = plans.Signature(
        name=forms.single(request.form, "name"), role=forms.single(request.form, "role"),
        may_bind=forms.single(request.form, "ok") == "yes", language=g.language, ip_prefix=web.caller(),
    )  # fmt: skip
    try:
        signed = web.house().store.run(
            lambda s: plans.accept(
                s, holder.actor, ref, digest=forms.single(request.form, "digest"), signature=signature,
                reason=forms.single(request.form, "reason"), words=plan_forms.agreement_words(plan),
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _agreement_page(plan, plan_forms.problem(error, {}))
    if signed.status is PlanStatus.ACTIVE and plan.at_once and plan.pays_by is PaysBy.LINK:
        return _start(ref, "next", nonce)
    if signed.status is PlanStatus.ACTIVE and plan.pays_by is PaysBy.CARD:
        return redirect(url_for("portal_cards.for_plan", plan_ref=ref), 303)
    return redirect(url_for("portal_plans.plan", ref=ref), 303)


def _agreement_page(plan: PlanView, problem: Problem | None) -> Answer:
    """Show the agreement; 422 with what needs another look."""
    typed = {name: request.form.get(name, "") for name in ("name", "role", "reason", "ok")}
    return web.render(
        "portal/plan_agreement.html", 422 if problem else 200, plan=plan, typed=typed, error=problem,
        words=plan_forms.agreement_words(plan), nonce=secrets.token_urlsafe(32),
        beyond=bool(plan.outside) and not plan.by_staff,
    )  # fmt: skip


@blueprint.post("/account/plans/<ref>/withdraw")
@web.link_session
def withdraw(ref: str) -> Answer:
    """Take a request back, or say no to what was only proposed."""
    return _change(ref, lambda s: plans.withdraw(s, web.holder().actor, ref, now=web.now()))


# --------------------------------------------------------------------------- the page to keep


@blueprint.get("/account/plans/<ref>")
@web.link_session
def plan(ref: str) -> Answer:
    """Show how a plan stands, what is next, and everything that can be done about it."""
    return _plan_page(ref, None)


def _plan_page(ref: str, problem: Problem | None) -> Answer:
    with web.house().store.read() as session:
        found = plan_reads.view(session, web.holder().actor, ref, now=web.now())
    return web.render(
        "portal/plan_status.html", 422 if problem else 200, plan=found, by_card=_gateway() is not None,
        words=found.terms.get("words") or plan_forms.agreement_words(found), error=problem,
    )  # fmt: skip


@blueprint.get("/account/plans/<ref>/pay")
@web.link_session
def check(ref: str) -> Answer:
    """Show what will be paid of a plan, before anything is (WCAG 3.3.4)."""
    if _gateway() is None:
        return redirect(url_for("portal_plans.plan", ref=ref), 303)
    what = _what(request.args.get("what", "next"))
    try:
        return _check_page(ref, what, None)
    except Refused as error:
        if error.code == "amount_above_maximum":
            return _plan_page(ref, Problem("pay", error.code, error.facts))
        return redirect(url_for("portal_plans.plan", ref=ref), 303)


@blueprint.post("/account/plans/<ref>/pay")
@web.link_session
def pay(ref: str) -> Answer:
    """Start paying the amount that was read, and go to the hosted page."""
    what = _what(forms.single(request.form, "what"))
    read = (forms.single(request.form, "part"), forms.single(request.form, "amount"))
    return _start(ref, what, forms.read_nonce(request.form), read=read)


def _what(what: str) -> str:
    if what not in WHATS:
        raise BadRequest("unknown_choice")
    return what


def _check_page(ref: str, what: str, problem: Problem | None) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        found = plan_reads.view(session, holder.actor, ref, now=web.now())
        choice = plan_reads.choice_of(found, what)
        quote = quotes.quote(
            session, holder.actor, choice, account_id=holder.account_id, zone=holder.zone, now=web.now()
        )
    return web.render(
        "portal/plan_pay.html", 422 if problem else 200, plan=found, quote=quote, what=what, error=problem,
        nonce=secrets.token_urlsafe(32),
    )  # fmt: skip


def _start(ref: str, what: str, nonce: str, *, read: tuple[str, str] | None = None) -> Answer:
    """Start a payment of a plan; what cannot be started is said where it can be tried again.

    Args:
        read: the first part and the amount of the page that was pressed, which may be an old one.
    """
    holder, gateway = web.holder(), _gateway()
    if gateway is None:
        return redirect(url_for("portal_plans.plan", ref=ref), 303)
    try:
        with web.house().store.read() as session:
            choice = plan_reads.choice(session, holder.actor, ref, what, now=web.now())
            part = plan_reads.view(session, holder.actor, ref, now=web.now()).next_part
        if read is not None and read[0] != part.ref:  # type: ignore[union-attr]
            raise Refused("plan_part_changed")
        if read is not None and read[1] != f"{choice.amount.decimal:f}":  # type: ignore[union-attr]
            raise Refused("arrangement_changed")
        started = starting.start(
            web.house().store, gateway, holder.actor, choice,
            account_id=holder.account_id, zone=holder.zone, nonce=nonce, language=g.language,
            title=_("Payment to %(name)s", name=holder.sender.name), note=None,
            base_url=web.house().settings.base_url, now=web.now(),
        )  # fmt: skip
    except (Refused, GatewayDown) as error:
        if read is None or error.code == "nothing_to_pay":
            return redirect(url_for("portal_plans.plan", ref=ref), 303)
        if isinstance(error, GatewayDown):
            raise
        return _check_page(ref, what, Problem("pay", error.code, error.facts))
    return redirect(started.url or url_for("portal_returns.truth", ref=started.ref), 303)


# --------------------------------------------------------------------------- changing


@blueprint.get("/account/plans/<ref>/move")
@web.link_session
def move_form(ref: str) -> Answer:
    """Show what may be moved and until when."""
    return _move_page(ref, request.args.get("seq", "", str), None)


@blueprint.post("/account/plans/<ref>/move")
@web.link_session
def move(ref: str) -> Answer:
    """Move one part to the day that was chosen."""
    seq, typed = forms.single(request.form, "seq"), forms.single(request.form, "to")
    try:
        to_on = plan_forms.read_day(typed, "plan_move_missing")
        number = int(seq) if seq.isdecimal() and len(seq) < 4 else 0
        web.house().store.run(
            lambda s: plan_changes.move_part(
                s, web.holder().actor, ref, seq=number, to_on=to_on, now=web.now()
            )
        )
    except Refused as error:
        return _move_page(ref, seq, plan_forms.problem(error, {}), typed)
    return redirect(url_for("portal_plans.plan", ref=ref), 303)


def _move_page(ref: str, seq: str, problem: Problem | None, typed: str = "") -> Answer:
    with web.house().store.read() as session:
        found = plan_reads.view(session, web.holder().actor, ref, now=web.now())
    part = next((p for p in found.parts if str(p.seq) == seq), None) or next(
        (p for p in found.parts if p.may_move), None
    )
    if part is None or not (part.may_move or problem):
        return redirect(url_for("portal_plans.plan", ref=ref), 303)
    return web.render(
        "portal/plan_move.html", 422 if problem else 200, plan=found, part=part, error=problem, typed=typed
    )


@blueprint.post("/account/plans/<ref>/by-link")
@web.link_session
def by_link(ref: str) -> Answer:
    """Pay the parts to come by link instead of by card."""
    return _change(ref, lambda s: plan_changes.pay_by_link(s, web.holder().actor, ref, now=web.now()))


def _change(ref: str, act: Callable[[Session], object]) -> Answer:
    """Do what a button of the plan's page says; where it came too late, show how the plan stands."""
    try:
        web.house().store.run(act)
    except Refused:
        return _plan_page(ref, Problem("main", "plan_moved_on", {}))
    return redirect(url_for("portal_plans.plan", ref=ref), 303)


def _gateway() -> PaymentGateway | None:
    return web.house().gateway(web.holder().gateway_account)
