"""What happens to money: payment methods, payment intents, charges and the fees taken from them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.stripe import balance, cards, disputes, setups
from sandbox.stripe.errors import refused_state
from sandbox.stripe.events import new_id, tell
from sandbox.stripe.store import Unit

DAY = 86_400
#: What a debit costs that the payer's bank refuses, in minor units; the fee of the payment is given back.
FAILED_DEBIT_FEE = 400
CANCELABLE = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "requires_capture",
    "processing",
)


class Declined(Exception):
    """A payment was declined; the intent keeps the reason.

    Args:
        intent: the payment intent as it is now.
        error: the API's error object, without the intent.

    Catch it inside the unit of work: what was written of the decline is to be kept.
    """

    def __init__(self, intent: dict[str, Any], error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.intent = intent
        self.error = error


# --------------------------------------------------------------------------- payment methods


def card_method(
    unit: Unit, card: cards.Card, *, name: str | None = None, email: str | None = None
) -> dict[str, Any]:
    """Makes a payment method of a test card; the number itself is not kept."""
    details = {
        "brand": card.brand,
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"sandbox{card.name}",
        "funding": "credit",
        "last4": card.last4,
    }
    return _method(unit, "card", details, name, email, {"card": card.name})


def debit_method(
    unit: Unit, currency: str, outcome: str, *, name: str | None = None, email: str | None = None
) -> dict[str, Any]:
    """Makes a bank debit payment method; `outcome` is a key of `cards.DEBIT_LAST4`."""
    kind = cards.DEBIT_TYPES[currency]
    return _method(unit, kind, {"last4": cards.DEBIT_LAST4[outcome]}, name, email, {"debit": outcome})


def _method(
    unit: Unit,
    kind: str,
    details: dict[str, Any],
    name: str | None,
    email: str | None,
    private: dict[str, Any],
) -> dict[str, Any]:
    method = {
        "id": new_id("pm_"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": email, "name": name, "phone": None, "tax_id": None},
        kind: details,
        "created": unit.now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }
    return unit.put(method, private=private)


# --------------------------------------------------------------------------- intents


def new_intent(
    unit: Unit, amount: int, currency: str, parent: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Creates a payment intent that awaits its payment method.

    Args:
        unit: the unit of work.
        amount: minor units on Stripe's wire.
        currency: lower-case code.
        parent: the session on which it is begun, or None.
        fields: further fields of the object, e.g. `metadata`, `customer`, `description`.
    """
    intent_id = new_id("pi_3")
    intent: dict[str, Any] = {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{new_id('', 25)}",
        "confirmation_method": "automatic",
        "created": unit.now,
        "currency": currency,
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    intent |= fields
    unit.put(intent, parent=parent)
    tell(unit, "payment_intent.created", intent)
    return intent


def attempt(
    unit: Unit,
    intent: dict[str, Any],
    method: dict[str, Any],
    *,
    challenge_url: str,
    off_session: bool = False,
) -> dict[str, Any]:
    """Tries to take the money.

    Args:
        unit: the unit of work.
        intent: an intent that awaits a payment method or a confirmation.
        method: the payment method to try.
        challenge_url: page on which the payer would prove who they are.
        off_session: the payer is not there to prove anything.
    Returns:
        The intent: `succeeded`, `processing` (bank debit) or `requires_action` (challenge).
    Raises:
        Declined: the intent is back at `requires_payment_method`.
        ApiError: 400 `payment_intent_mandate_invalid`, where the holder took the permission back.
    """
    intent["payment_method"] = method["id"]
    intent["last_payment_error"] = intent["next_action"] = None
    private = unit.private(method["id"])
    mandate = next(unit.each("mandate", parent=method["id"]), None)
    if off_session and mandate is not None and mandate["status"] != "active":
        raise refused_state(
            "The provided mandate is invalid; it is not active any more.", "payment_intent_mandate_invalid"
        )
    if "debit" in private:
        return _begin_debit(unit, intent, method)
    card = cards.BY_NAME[private["card"]]
    saved = card.challenge == "until_saved" and private.get("saved")
    if card.challenge and not saved:
        if off_session:
            raise _decline(unit, intent, method, "authentication_required", "authentication_required")
        intent["status"] = "requires_action"
        intent["next_action"] = {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": challenge_url, "return_url": None},
        }
        unit.put(intent)
        tell(unit, "payment_intent.requires_action", intent)
        return intent
    if card.code:
        raise _decline(unit, intent, method, card.code, card.decline_code)
    return _succeed(unit, intent, method)


def finish_challenge(unit: Unit, intent: dict[str, Any], *, passed: bool) -> dict[str, Any]:
    """Ends a challenge that the payer passed or failed.

    Raises:
        Declined: they failed.
    """
    if intent["status"] != "requires_action":
        raise refused_state(f"This PaymentIntent is {intent['status']}.", "payment_intent_unexpected_state")
    method = unit.need(intent["payment_method"])
    intent["next_action"] = None
    if not passed:
        raise _decline(unit, intent, method, "payment_intent_authentication_failure", None)
    card = cards.BY_NAME[unit.private(method["id"])["card"]]
    if card.code:
        raise _decline(unit, intent, method, card.code, card.decline_code)
    return _succeed(unit, intent, method)


def cancel(unit: Unit, intent: dict[str, Any], reason: str | None) -> dict[str, Any]:
    """Cancels an intent that took no money yet.

    Raises:
        ApiError: 400 `payment_intent_unexpected_state` otherwise.
    """
    if intent["status"] not in CANCELABLE:
        raise refused_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            "payment_intent_unexpected_state",
        )
    if intent["status"] == "processing":
        charge = unit.need(intent["latest_charge"]) | {"status": "failed"}
        _take_off(unit, charge)
        unit.put(charge)
        tell(unit, "charge.failed", charge)
    intent |= {
        "status": "canceled",
        "canceled_at": unit.now,
        "cancellation_reason": reason,
        "next_action": None,
    }
    unit.put(intent)
    tell(unit, "payment_intent.canceled", intent)
    return intent


def update(unit: Unit, intent: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Changes words of an intent, or its amount while nothing was confirmed; metadata is merged.

    Raises:
        ApiError: 400 `payment_intent_unexpected_state`.
    """
    if "amount" in params and intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise refused_state(
            f"This PaymentIntent's amount could not be updated: it has a status of {intent['status']}.",
            "payment_intent_unexpected_state",
        )
    merged = intent["metadata"] | (params.get("metadata") or {})
    changed = {name: params[name] for name in ("amount", "description", "receipt_email") if name in params}
    intent |= changed | {"metadata": {key: text for key, text in merged.items() if text != ""}}
    return unit.put(intent)


def settle_debit(unit: Unit, intent: dict[str, Any]) -> dict[str, Any]:
    """Brings the answer of the payer's bank to an intent that is `processing`.

    Returns:
        The intent, `succeeded`.
    Raises:
        Declined: the bank said no.
    """
    method = unit.need(intent["payment_method"])
    charge = unit.need(intent["latest_charge"])
    if unit.private(method["id"])["debit"] == "debit_fails":
        raise _decline(unit, intent, method, "debit_not_authorized", None, charge)
    return _succeed(unit, intent, method, charge)


# --------------------------------------------------------------------------- what follows


def _succeed(
    unit: Unit, intent: dict[str, Any], method: dict[str, Any], charge: dict[str, Any] | None = None
) -> dict[str, Any]:
    charge = charge or _charge(unit, intent, method)
    charge |= {
        "amount_captured": charge["amount"],
        "captured": True,
        "paid": True,
        "status": "succeeded",
        "outcome": _outcome("authorized", "approved_by_network", "Payment complete."),
        "receipt_url": None,
    }
    unit.put(charge)
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
    unit.put(intent)
    tell(unit, "charge.succeeded", charge)
    tell(unit, "payment_intent.succeeded", intent)
    if intent["setup_future_usage"] and intent["customer"]:
        setups.attach(unit, method, intent["customer"])
    if charge["balance_transaction"] is None:  # that of a debit was made when it was sent to the bank
        _move(unit, charge)
    disputes.after_charge(unit, charge, unit.private(method["id"]))
    return intent


def _move(unit: Unit, charge: dict[str, Any]) -> None:
    """Writes the balance transaction of a charge now, or later where a fault says so."""
    if unit.take_fault("fees", ("late_fee",)):
        unit.at(unit.now + 60, "fee", charge["id"])
    else:
        book_fee(unit, charge)


def book_fee(unit: Unit, charge: dict[str, Any]) -> None:
    """Writes the balance transaction of a charge, after the charge itself, as asynchronous capture does.

    That of a bank debit is pending for as long as the payer's bank may say no.
    Source: support.stripe.com/questions/changes-to-balance-transaction-behavior-for-debit-payment-methods.
    """
    amount, currency, rate = balance.settled(unit, charge["amount"], charge["currency"])
    by_card = charge["payment_method_details"]["type"] == "card"
    transaction = balance.move(
        unit,
        charge,
        "charge" if by_card else "payment",
        "charge",
        amount,
        currency,
        rate=rate,
        fee=balance.fee_of(amount, currency),
        pending=balance.AVAILABLE_AFTER + (0 if by_card else cards.DEBIT_DAYS * DAY),
        description=charge["description"],
    )
    charge["balance_transaction"] = transaction["id"]
    unit.put(charge)
    tell(unit, "charge.updated", charge, {"balance_transaction": None, "receipt_url": None})


def _take_off(unit: Unit, charge: dict[str, Any]) -> None:
    """Takes a debit that does not come off the balance again, with its fee, and takes one for the failure."""
    if charge["balance_transaction"] is None:
        return
    taken = unit.need(charge["balance_transaction"])
    back = balance.move(
        unit,
        charge,
        "payment_failure_refund",
        "charge_failure",
        -taken["amount"],
        taken["currency"],
        rate=None if taken["exchange_rate"] is None else Decimal(str(taken["exchange_rate"])),
        fee=FAILED_DEBIT_FEE - taken["fee"],
        pending=max(taken["available_on"] - unit.now, 0),
        description="REFUND FOR FAILED PAYMENT",
    )
    charge["failure_balance_transaction"] = back["id"]


def _decline(
    unit: Unit,
    intent: dict[str, Any],
    method: dict[str, Any],
    code: str,
    decline_code: str | None,
    charge: dict[str, Any] | None = None,
) -> Declined:
    """Writes a decline down and returns the exception to raise."""
    error: dict[str, Any] = {
        "code": code,
        "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
        "message": cards.message(code, decline_code),
        "type": "card_error" if method["type"] == "card" else "invalid_request_error",
    }
    if decline_code and code in ("card_declined", "authentication_required"):
        error["decline_code"] = decline_code
    advice = cards.ADVICE.get(decline_code or "")
    if advice:
        error["advice_code"] = advice
    failed_before_charge = code == "payment_intent_authentication_failure"
    if not failed_before_charge:
        charge = charge or _charge(unit, intent, method)
        charge |= {
            "status": "failed",
            "paid": False,
            "captured": False,
            "failure_code": code,
            "failure_message": error["message"],
            "outcome": _outcome(
                "issuer_declined", "declined_by_network", "The bank did not approve.", decline_code, advice
            ),
        }
        _take_off(unit, charge)
        unit.put(charge)
        error["charge"] = charge["id"]
        tell(unit, "charge.failed", charge)
        intent["latest_charge"] = charge["id"]
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": error | {"payment_method": method},
    }
    unit.put(intent)
    tell(unit, "payment_intent.payment_failed", intent)
    return Declined(intent, error | {"payment_method": method})


def _begin_debit(unit: Unit, intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    charge = _charge(unit, intent, method)
    unit.put(charge)
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    unit.put(intent)
    unit.at(unit.now + cards.DEBIT_DAYS * DAY, "settle", intent["id"])
    tell(unit, "charge.pending", charge)
    tell(unit, "payment_intent.processing", intent)
    _move(unit, charge)
    return intent


def _charge(unit: Unit, intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    charge = new_charge(unit.now, intent, method)
    if intent["setup_future_usage"]:
        charge["payment_method_details"][method["type"]]["mandate"] = setups.mandate_of(unit, method)["id"]
    return charge


def new_charge(at: int, intent: dict[str, Any], method: dict[str, Any]) -> dict[str, Any]:
    """Makes a charge that is not decided yet, and writes it nowhere."""
    kind = method["type"]
    if kind == "card":
        details = {
            key: method["card"][key]
            for key in ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
        }
        details |= {"network": details["brand"], "amount_authorized": intent["amount"], "wallet": None}
    else:
        details = {"last4": method[kind]["last4"]}
    return {
        "id": new_id("ch_3" if kind == "card" else "py_3"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SANDBOX",
        "captured": False,
        "created": at,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"type": kind, kind: details},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }


def _outcome(
    kind: str, network: str, sentence: str, reason: str | None = None, advice: str | None = None
) -> dict[str, Any]:
    return {
        "advice_code": advice,
        "network_status": network,
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 10,
        "seller_message": sentence,
        "type": kind,
    }
