"""Cards kept for later: setup intents, and payment methods that a customer holds or let go of."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import cards
from sandbox.stripe.errors import ApiError, refused_state
from sandbox.stripe.events import new_id, tell
from sandbox.stripe.store import Unit


class NotSaved(Exception):
    """A card was not saved; the setup intent keeps the reason.

    Catch it inside the unit of work: what was written of the decline is to be kept.
    """

    def __init__(self, intent: dict[str, Any], error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.intent = intent
        self.error = error


def new_intent(unit: Unit, *, parent: str, **fields: Any) -> dict[str, Any]:
    """Creates a setup intent that awaits its payment method.

    Args:
        unit: the unit of work.
        parent: the session on which it is begun.
        fields: further fields of the object, e.g. `customer`, `metadata`, `payment_method_types`.
    """
    intent_id = new_id("seti_1")
    intent: dict[str, Any] = {
        "id": intent_id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{new_id('', 25)}",
        "created": unit.now,
        "customer": None,
        "description": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    } | fields
    unit.put(intent, parent=parent)
    tell(unit, "setup_intent.created", intent)
    return intent


def attempt(
    unit: Unit, intent: dict[str, Any], method: dict[str, Any], *, challenge_url: str
) -> dict[str, Any]:
    """Tries to keep a card; no money moves.

    Returns:
        The intent: `succeeded`, or `requires_action` while the bank asks its customer.
    Raises:
        NotSaved: the intent is back at `requires_payment_method`.
    """
    intent |= {"payment_method": method["id"], "last_setup_error": None, "next_action": None}
    private = unit.private(method["id"])
    if "debit" in private:
        return _succeed(unit, intent, method)
    card = cards.BY_NAME[private["card"]]
    if card.challenge:
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": challenge_url, "return_url": None},
        }
        unit.put(intent)
        tell(unit, "setup_intent.requires_action", intent)
        return intent
    if card.code and not card.saves:
        raise _not_saved(unit, intent, method, card.code, card.decline_code)
    return _succeed(unit, intent, method)


def finish_challenge(unit: Unit, intent: dict[str, Any], *, passed: bool) -> dict[str, Any]:
    """Ends a challenge that the card's holder passed or failed.

    Raises:
        NotSaved: they failed.
    """
    if intent["status"] != "requires_action":
        raise refused_state(f"This SetupIntent is {intent['status']}.", "setup_intent_unexpected_state")
    method = unit.need(intent["payment_method"])
    intent["next_action"] = None
    if not passed:
        raise _not_saved(unit, intent, method, "setup_intent_authentication_failure", None)
    return _succeed(unit, intent, method)


def cancel(unit: Unit, intent: dict[str, Any], reason: str | None) -> dict[str, Any]:
    """Cancels a setup intent whose session ended."""
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    unit.put(intent)
    tell(unit, "setup_intent.canceled", intent)
    return intent


def attach(unit: Unit, method: dict[str, Any], customer: str) -> dict[str, Any]:
    """Gives a payment method to a customer; once kept it may be charged without its holder."""
    if method["customer"] == customer:
        return method
    method |= {"customer": customer}
    unit.put(method, private=unit.private(method["id"]) | {"saved": True})
    tell(unit, "payment_method.attached", method)
    return method


def detach(unit: Unit, method: dict[str, Any]) -> dict[str, Any]:
    """Takes a payment method from its customer for good.

    Raises:
        ApiError: 400 when no customer has it.
    """
    customer = method["customer"]
    if customer is None:
        raise ApiError(
            400,
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            stored=True,
        )
    method |= {"customer": None}
    unit.put(method, private=unit.private(method["id"]) | {"saved": False, "detached": True})
    tell(unit, "payment_method.detached", method, {"customer": customer})
    return method


def mandate_of(unit: Unit, method: dict[str, Any]) -> dict[str, Any]:
    """The holder's permission to charge a method that is kept; made at the first question.

    The real service makes one for bank debits and few cards; here each kept method has one.
    """
    known = next(unit.each("mandate", parent=method["id"]), None)
    if known is not None:
        return known
    kind = method["type"]
    reference, url = new_id("", 16).upper(), "https://payments.stripe.example/mandate"
    details: dict[str, dict[str, Any]] = {
        "sepa_debit": {"reference": reference, "url": url},
        "bacs_debit": {"network_status": "accepted", "reference": reference, "url": url},
        "au_becs_debit": {"url": url},
        "acss_debit": {"payment_schedule": "sporadic", "transaction_type": "business"},
    }
    mandate: dict[str, Any] = {
        "id": new_id("mandate_1"),
        "object": "mandate",
        "customer_acceptance": {
            "accepted_at": unit.now,
            "online": {"ip_address": "192.0.2.1", "user_agent": "sandbox"},
            "type": "online",
        },
        "livemode": False,
        "multi_use": {},
        "on_behalf_of": None,
        "payment_method": method["id"],
        "payment_method_details": {kind: details.get(kind, {}), "type": kind},
        "single_use": None,
        "status": "active",
        "type": "multi_use",
    }
    return unit.put(mandate, parent=method["id"])


def set_mandate(unit: Unit, mandate: dict[str, Any], status: str) -> dict[str, Any]:
    """The holder's bank takes the permission back, or gives it again."""
    before = mandate["status"]
    mandate["status"] = status
    unit.put(mandate)
    tell(unit, "mandate.updated", mandate, {"status": before})
    return mandate


def renew(unit: Unit, method: dict[str, Any], month: int, year: int) -> dict[str, Any]:
    """The card network tells of a new expiry date; what was kept stays good."""
    before = {name: method["card"][name] for name in ("exp_month", "exp_year")}
    method["card"] |= {"exp_month": month, "exp_year": year}
    unit.put(method)
    tell(unit, "payment_method.automatically_updated", method, {"card": before})
    return method


def _succeed(unit: Unit, intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    if intent["customer"]:
        attach(unit, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None, "mandate": mandate_of(unit, method)["id"]}
    unit.put(intent)
    tell(unit, "setup_intent.succeeded", intent)
    return intent


def _not_saved(
    unit: Unit, intent: dict[str, Any], method: dict[str, Any], code: str, decline_code: str | None
) -> NotSaved:
    """Writes down why a card was not kept and returns the exception to raise."""
    error: dict[str, Any] = {
        "code": code,
        "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
        "message": cards.message(code, decline_code),
        "payment_method": method,
        "type": "card_error",
    }
    if decline_code and code == "card_declined":
        error["decline_code"] = decline_code
    if decline_code in cards.ADVICE:
        error["advice_code"] = cards.ADVICE[decline_code]
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": error,
    }
    unit.put(intent)
    tell(unit, "setup_intent.setup_failed", intent)
    return NotSaved(intent, error)
