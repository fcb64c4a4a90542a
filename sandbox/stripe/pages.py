"""The hosted page: a form that pays or saves a card, a challenge, and what is shown when it is over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.stripe import cards, checkout, clock, payments, setups
from sandbox.stripe.currencies import shown
from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Store, Unit
from sandbox.stripe.texts import words
from sandbox.stripe.webhooks import Courier


class Problem(Exception):
    """What was typed cannot be used; `code` names the sentence to show."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def blueprint(store: Store, courier: Courier, base_url: str, business: str | None) -> Blueprint:
    """Makes the pages.

    Args:
        store: the stand-in's memory.
        courier: told when a payment made events.
        base_url: address under which the pages are reached.
        business: the payee's name as shown, or None to show none but the lines.
    """
    pages = Blueprint("pages", __name__)

    def show(template: str, session: Mapping[str, Any], status: int = 200, **more: Any) -> tuple[str, int]:
        language, text = words(session["locale"])
        payee = business or "…"
        return render_template(
            template,
            base_url=base_url,
            session=session,
            language=language,
            text={key: line.replace("{business}", payee) for key, line in text.items()},
            business=business,
            amount=_amount(session, language),
            shown=shown,
            **more,
        ), status

    def tick(unit: Unit) -> None:
        if clock.tick(unit):
            courier.wake()  # it waits for this unit of work before it looks

    def open_session(unit: Unit, session_id: str) -> dict[str, Any]:
        tick(unit)
        session = unit.get(session_id, "checkout.session")
        if session is None:
            abort(404)
        return session

    def home(session: Mapping[str, Any], problem: str | None = None) -> AnyResponse:
        query = f"?problem={problem}" if problem else ""
        return redirect(f"{base_url}/c/pay/{session['id']}{query}", 303)

    def onward(session: dict[str, Any], intent: Mapping[str, Any]) -> AnyResponse:
        courier.wake()
        if intent["status"] == "requires_action":
            return redirect(f"{base_url}/3ds/{intent['id']}", 303)
        return redirect(checkout.return_url(session), 303)

    @pages.get("/c/pay/<session_id>")
    def page(session_id: str) -> tuple[str, int]:
        with store.unit() as unit:
            session = open_session(unit, session_id)
            lines = checkout.lines_of(unit, session_id)
            keeps = unit.private(session_id)["payment_intent_data"].get("setup_future_usage")
            ended = None if session["status"] == "open" else _ended(unit, session)
        if ended:
            return show("closed.html", session, state=ended)
        problem = request.args.get("problem", "")
        setup = session["mode"] == "setup"
        debit = [
            name
            for name in cards.DEBIT_LAST4
            if len(session["payment_method_types"]) > 1 or "card" not in session["payment_method_types"]
        ]
        return show(
            "pay.html",
            session,
            lines=lines,
            problem=problem if f"problem.{problem}" in words("en")[1] else "",
            picks=[cards.BY_NAME[name] for name in (cards.SAVE_PICKS if setup else cards.QUICK_PICKS)],
            takes_cards="card" in session["payment_method_types"],
            debits=debit,
            setup=setup,
            saves=bool(keeps),
        )

    @pages.post("/c/pay/<session_id>")
    def pay(session_id: str) -> AnyResponse:
        with store.unit() as unit:
            session = open_session(unit, session_id)
            if session["status"] != "open":
                return home(session)
            try:
                method = _method(unit, session, request.form)
                act = checkout.save if session["mode"] == "setup" else checkout.pay
                intent = act(unit, session, method, base_url)
            except Problem as problem:
                return home(session, problem.code)
            except (payments.Declined, setups.NotSaved) as declined:
                courier.wake()
                return home(session, _reason(declined))
        return onward(session, intent)

    @pages.get("/3ds/<intent_id>")
    def challenge(intent_id: str) -> AnyResponse | tuple[str, int]:
        with store.unit() as unit:
            tick(unit)
            intent, session = _challenged(unit, intent_id)
        if intent["status"] != "requires_action":
            return home(session) if session else Response("Nothing to confirm.", 410, mimetype="text/plain")
        return show("challenge.html", session or _bare(intent), intent=intent)

    @pages.post("/3ds/<intent_id>")
    def answer_challenge(intent_id: str) -> AnyResponse:
        with store.unit() as unit:
            tick(unit)
            intent, session = _challenged(unit, intent_id)
            back = ((intent["next_action"] or {}).get("redirect_to_url") or {}).get("return_url")
            problem = None
            try:
                room = setups if intent["object"] == "setup_intent" else payments
                intent = room.finish_challenge(unit, intent, passed=request.form.get("answer") == "pass")
                if session:
                    checkout.complete(unit, session, intent)
            except (payments.Declined, setups.NotSaved) as declined:
                problem = _reason(declined)
            except ApiError:
                return (
                    home(session) if session else Response("Nothing to confirm.", 410, mimetype="text/plain")
                )
        courier.wake()
        if session:
            return home(session, problem) if problem else onward(session, intent)
        return redirect(back, 303) if back else Response(intent["status"], mimetype="text/plain")

    return pages


def _ended(unit: Unit, session: Mapping[str, Any]) -> str:
    """How a session that is not open any more came out."""
    if session["status"] == "expired":
        return "expired"
    if session["mode"] == "setup":
        return "saved"
    if session["payment_status"] == "paid":
        return "complete"
    return "processing" if unit.need(session["payment_intent"])["status"] == "processing" else "failed"


def _challenged(unit: Unit, intent_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    intent = unit.get(intent_id, "payment_intent") or unit.get(intent_id, "setup_intent")
    if intent is None:
        abort(404)
    return intent, checkout.session_of(unit, intent_id)


def _bare(intent: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "locale": "en",
        "amount_total": intent["amount"],
        "currency": intent["currency"],
        "cancel_url": None,
    }


def _amount(session: Mapping[str, Any], language: str) -> str | None:
    """The sum as the page shows it; None where nothing is paid."""
    total = session["amount_total"]
    return None if total is None else shown(total, session["currency"], language)


def _reason(declined: payments.Declined | setups.NotSaved) -> str:
    """The decline as the payer may know it: never that a card is reported lost or stolen."""
    reason = declined.error.get("decline_code") or declined.error["code"]
    return str(reason if reason in ("insufficient_funds",) else declined.error["code"])


def _method(unit: Unit, session: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
    """Makes the payment method that was typed or picked.

    Raises:
        Problem: an unknown number, a bad date or code, or a way to pay that is not offered.
    """
    types = session["payment_method_types"]
    name, email = form.get("name", "").strip() or None, session["customer_email"]
    debit = form.get("debit")
    if debit:
        if debit not in cards.DEBIT_LAST4 or types == ["card"]:
            raise Problem("bad_method")
        return payments.debit_method(unit, session["currency"], debit, name=name, email=email)
    if "card" not in types:
        raise Problem("bad_method")
    pick = form.get("pick")
    card = cards.BY_NAME.get(pick) if pick else cards.BY_NUMBER.get(re.sub(r"\D", "", form.get("number", "")))
    if card is None:
        raise Problem("unknown_number")
    if not pick:
        _check_typed(unit, form)
    return payments.card_method(unit, card, name=name, email=email)


def _check_typed(unit: Unit, form: Mapping[str, str]) -> None:
    expiry = re.fullmatch(r"\s*(\d{1,2})\s*/?\s*(\d{2}|\d{4})\s*", form.get("expiry", ""))
    if not expiry or not 1 <= int(expiry[1]) <= 12:
        raise Problem("bad_expiry")
    year = int(expiry[2]) % 100 + 2000
    months_now = unit.now // 2_629_746 + 1970 * 12  # mean months since year 0: near enough for an expiry date
    if year * 12 + int(expiry[1]) - 1 < months_now:
        raise Problem("bad_expiry")
    if not re.fullmatch(r"\d{3,4}", form.get("cvc", "").strip()):
        raise Problem("bad_cvc")
