"""Refunds: asked for by the API or at the Dashboard, and what becomes of them later.

Source: docs.stripe.com/refunds, docs.stripe.com/api/refunds, docs.stripe.com/testing#refunds.
"""

from __future__ import annotations

from typing import Any

from sandbox.stripe import balance, cards, disputes
from sandbox.stripe.currencies import shown
from sandbox.stripe.errors import ApiError, absent, missing, refused_param, refused_state
from sandbox.stripe.events import new_id, tell
from sandbox.stripe.store import Unit

DAY = 86_400
#: Days until a refund that is not final at once becomes so.
LATER = 2


def create(unit: Unit, params: dict[str, Any]) -> dict[str, Any]:
    """Gives back a charge or a part of it.

    Args:
        params: checked parameters of the API call: `charge` or `payment_intent`, `amount` (default: what is
            left), `reason`, `metadata`.
    Raises:
        ApiError: 400 `charge_already_refunded`, `charge_disputed`, or naming `amount`.
    """
    for name in ("origin", "customer", "instructions_email", "reverse_transfer", "refund_application_fee"):
        if params.get(name):
            raise refused_param(name, f"The sandbox does not offer {name}.")
    charge = _charge(unit, params)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise refused_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    if _is_held(unit, charge):
        raise refused_state(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed"
        )
    amount = params.get("amount", left)
    if amount < 1:
        raise refused_param("amount", "Invalid positive integer", "parameter_invalid_integer")
    if amount > left:
        currency = charge["currency"]
        raise ApiError(
            400,
            f"Refund amount ({shown(amount, currency)}) is greater than unrefunded amount on charge"
            f" ({shown(left, currency)})",
            param="amount",
            stored=True,
        )
    return _write(unit, charge, amount, params.get("reason"), params.get("metadata") or {})


def _charge(unit: Unit, params: dict[str, Any]) -> dict[str, Any]:
    named, intent_id = params.get("charge"), params.get("payment_intent")
    if not named and not intent_id:
        raise absent("charge")
    if intent_id:
        intent = unit.get(intent_id, "payment_intent")
        if intent is None:
            raise missing("payment_intent", intent_id, "payment_intent")
        if named and intent["latest_charge"] != named:
            raise refused_param("charge", "The charge does not belong to the payment_intent.")
        named = intent["latest_charge"]
    charge = unit.get(named or "", "charge")
    if charge is None and not intent_id:
        raise missing("charge", str(named), "charge")
    if charge is None or charge["status"] != "succeeded":
        raise refused_state(
            f"{intent_id or named} does not have a successful charge to refund.",
            None if intent_id else "charge_not_refundable",
        )
    return charge


def _is_held(unit: Unit, charge: dict[str, Any]) -> bool:
    return any(
        not dispute["is_charge_refundable"] and dispute["status"] != "won"
        for dispute in unit.each("dispute", parent=charge["id"])
    )


def _write(
    unit: Unit, charge: dict[str, Any], amount: int, reason: str | None, metadata: dict[str, str]
) -> dict[str, Any]:
    private = unit.private(charge["payment_method"])
    later = cards.BY_NAME[private["card"]].later if "card" in private else "refund_pending"
    kind = charge["payment_method_details"]["type"]
    refund: dict[str, Any] = {
        "id": new_id("re_3" if kind == "card" else "pyr_1"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": unit.now,
        "currency": charge["currency"],
        "description": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"} if kind == "card" else None,
        "failure_balance_transaction": None,
        "failure_reason": None,
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if later == "refund_pending" else None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if later == "refund_pending" else "succeeded",
        "transfer_reversal": None,
    }
    moved, currency, rate = balance.settled(unit, -amount, charge["currency"])
    kind = "refund" if kind == "card" else "payment_refund"
    transaction = balance.move(unit, refund, kind, "refund", moved, currency, rate=rate)
    refund["balance_transaction"] = transaction["id"]
    unit.put(refund, parent=charge["id"])
    before = charge["amount_refunded"]
    charge |= {"amount_refunded": before + amount, "refunded": before + amount == charge["amount"]}
    unit.put(charge)
    tell(unit, "charge.refunded", charge, {"amount_refunded": before})
    tell(unit, "refund.created", refund)
    if later in ("refund_pending", "refund_fails"):
        unit.at(unit.now + LATER * DAY, later, refund["id"])
    disputes.calm(unit, charge["id"])
    return refund


def finish(unit: Unit, refund: dict[str, Any]) -> dict[str, Any]:
    """Brings a pending refund to its good end."""
    if refund["status"] == "pending":
        _change(unit, refund, status="succeeded", pending_reason=None)
    return refund


def fail(
    unit: Unit, refund: dict[str, Any], status: str = "failed", reason: str = "expired_or_canceled_card"
) -> dict[str, Any]:
    """Brings the money of a refund back to the balance: the payer's bank did not take it.

    Args:
        refund: pending, waiting for the payer, or succeeded.
        status: `failed`, or `canceled` by us.
        reason: Stripe's `failure_reason`.
    """
    if refund["status"] in ("failed", "canceled"):
        return refund
    charge = unit.need(refund["charge"])
    moved, currency, rate = balance.settled(unit, refund["amount"], refund["currency"])
    back = balance.move(unit, refund, "refund_failure", "refund_failure", moved, currency, rate=rate)
    charge |= {"amount_refunded": charge["amount_refunded"] - refund["amount"], "refunded": False}
    unit.put(charge)
    _change(
        unit,
        refund,
        status=status,
        pending_reason=None,
        failure_reason=reason if status == "failed" else None,
        failure_balance_transaction=back["id"],
        next_action=None,
    )
    if status == "failed":
        tell(unit, "refund.failed", refund)
    return refund


def ask_payer(unit: Unit, refund: dict[str, Any]) -> dict[str, Any]:
    """Lets a pending refund wait for the payer, as bank transfers do whose account is not known."""
    _change(unit, refund, status="requires_action", pending_reason=None)
    return refund


def cancel(unit: Unit, refund: dict[str, Any]) -> dict[str, Any]:
    """Takes back a refund that waits for the payer.

    Raises:
        ApiError: 400 in any other state.
    """
    if refund["status"] != "requires_action":
        raise refused_state(f"You cannot cancel a refund with a status of {refund['status']}.")
    return fail(unit, refund, "canceled")


def _change(unit: Unit, refund: dict[str, Any], **fields: Any) -> None:
    before = {name: refund.get(name) for name in fields if refund.get(name) != fields[name]}
    refund |= fields
    unit.put(refund)
    tell(unit, "refund.updated", refund, before)
    tell(unit, "charge.refund.updated", refund, before)
