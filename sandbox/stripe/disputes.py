"""Chargebacks, inquiries before them, and the card networks' early warnings of fraud.

Source: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/testing#disputes,
docs.stripe.com/payments/sepa-debit#disputed-payments (no appeal).
"""

from __future__ import annotations

from typing import Any

from sandbox.stripe import balance, cards
from sandbox.stripe.errors import refused_state
from sandbox.stripe.events import new_id, tell
from sandbox.stripe.store import Unit

DAY = 86_400
DUE_IN = 7 * DAY
ANSWERABLE = ("needs_response", "warning_needs_response")
OPEN = (*ANSWERABLE, "under_review", "warning_under_review")
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt",
    "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date",
    "service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
    "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def after_charge(unit: Unit, charge: dict[str, Any], private: dict[str, Any]) -> None:
    """What the named test cards and accounts bring right after they paid."""
    later = cards.BY_NAME[private["card"]].later if "card" in private else private.get("debit")
    if later == "warning":
        warn(unit, charge)
    elif later in ("dispute", "not_received", "inquiry", "debit_disputed"):
        reason = "product_not_received" if later == "not_received" else "fraudulent"
        open_dispute(unit, charge, reason=reason, inquiry=later == "inquiry")


def open_dispute(
    unit: Unit,
    charge: dict[str, Any],
    *,
    amount: int | None = None,
    reason: str = "fraudulent",
    inquiry: bool = False,
) -> dict[str, Any]:
    """The payer contests a charge at the bank.

    Args:
        charge: one that succeeded.
        amount: of it; default what was not refunded, or all of it: who got it back may contest it still.
        reason: Stripe's word.
        inquiry: the bank only asks; no money moves. Bank debits know no inquiry, and are lost at once.
    """
    kind = charge["payment_method_details"]["type"]
    final = kind != "card"
    status = "lost" if final else "warning_needs_response" if inquiry else "needs_response"
    due_by = None if final else unit.now + DUE_IN
    dispute: dict[str, Any] = {
        "id": new_id("du_1"),
        "object": "dispute",
        "amount": amount or charge["amount"] - charge["amount_refunded"] or charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": unit.now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry and not final,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": None if final else _card_details(charge, inquiry),
        "reason": reason,
        "status": status,
    }
    unit.put(dispute, parent=charge["id"])
    unit.put(charge | {"disputed": True})
    charge["disputed"] = True
    tell(unit, "charge.dispute.created", dispute)
    if not dispute["is_charge_refundable"]:
        _withdraw(unit, dispute)
    if final:
        tell(unit, "charge.dispute.closed", dispute)
    else:
        unit.at(unit.now + DUE_IN, "dispute_due", dispute["id"])
    calm(unit, charge["id"])
    return dispute


def _card_details(charge: dict[str, Any], inquiry: bool) -> dict[str, Any]:
    brand = charge["payment_method_details"]["card"]["brand"]
    case = "inquiry" if inquiry else "chargeback"
    card = {"brand": brand, "case_type": case, "network": brand, "network_reason_code": "10.4"}
    return {"card": card, "type": "card"}


def escalate(unit: Unit, dispute: dict[str, Any]) -> dict[str, Any]:
    """Turns an open inquiry into a chargeback; now the money goes."""
    dispute |= {"is_charge_refundable": False}
    dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    dispute["evidence_details"]["due_by"] = unit.now + DUE_IN
    _change(unit, dispute, "needs_response")
    _withdraw(unit, dispute)
    unit.at(unit.now + DUE_IN, "dispute_due", dispute["id"])
    return dispute


def answer(unit: Unit, dispute: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Takes evidence, and submits it unless told otherwise.

    The texts `winning_evidence` and `losing_evidence` in `uncategorized_text` decide at once, as in the real
    test mode.

    Raises:
        ApiError: 400 when the dispute takes no evidence any more.
    """
    evidence = params.get("evidence") or {}
    if evidence and dispute["status"] not in ANSWERABLE:
        raise refused_state(f"This dispute is {dispute['status']}; evidence can no longer be given.")
    dispute["evidence"] |= evidence
    dispute["metadata"] |= params.get("metadata") or {}
    if evidence:
        dispute["evidence_details"]["has_evidence"] = True
    if not params.get("submit", True) or not evidence:
        unit.put(dispute)
        tell(unit, "charge.dispute.updated", dispute, {})
        return dispute
    dispute["evidence_details"] |= {"submission_count": 1, "submission_method": "manual"}
    warning = dispute["status"].startswith("warning_")
    _change(unit, dispute, "warning_under_review" if warning else "under_review")
    text = evidence.get("uncategorized_text")
    if text in ("winning_evidence", "losing_evidence"):
        decide(unit, dispute, won=text == "winning_evidence")
    return dispute


def decide(unit: Unit, dispute: dict[str, Any], *, won: bool, amount: int | None = None) -> dict[str, Any]:
    """The bank decides, or we accept.

    Args:
        won: the money and the fee come back; an inquiry is closed without either.
        amount: so much of it comes back only, and not the fee.
    """
    if dispute["status"].startswith("warning_"):
        _close(unit, dispute, "warning_closed")
    elif not won:
        _close(unit, dispute, "lost")
    else:
        moved, currency, rate = balance.settled(unit, amount or dispute["amount"], dispute["currency"])
        fee = -balance.DISPUTE_FEE if amount is None else 0
        back = balance.move(
            unit, dispute, "adjustment", "dispute_reversal", moved, currency, rate=rate, fee=fee,
            description=f"Chargeback reversal for {dispute['charge']}",
        )  # fmt: skip
        dispute["balance_transactions"].append(back)
        _close(unit, dispute, "won")
        tell(unit, "charge.dispute.funds_reinstated", dispute)
    return dispute


def accept(unit: Unit, dispute: dict[str, Any]) -> dict[str, Any]:
    """Gives up a dispute, for good.

    Raises:
        ApiError: 400 when it is over.
    """
    if dispute["status"] not in ANSWERABLE:
        raise refused_state(f"This dispute is already {dispute['status']}.")
    return decide(unit, dispute, won=False)


def overdue(unit: Unit, dispute: dict[str, Any]) -> None:
    """Ends what nobody answered in time."""
    due_by = dispute["evidence_details"]["due_by"]
    if dispute["status"] in ANSWERABLE and due_by is not None and due_by <= unit.now:
        dispute["evidence_details"]["past_due"] = True
        decide(unit, dispute, won=False)


def warn(unit: Unit, charge: dict[str, Any]) -> dict[str, Any]:
    """A card network says that a charge may be fraud."""
    warning = {
        "id": new_id("issfr_1"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": unit.now,
        "fraud_type": "made_with_stolen_card",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    unit.put(warning, parent=charge["id"])
    tell(unit, "radar.early_fraud_warning.created", warning)
    return warning


def calm(unit: Unit, charge_id: str) -> None:
    """Ends a warning once the charge was given back or is contested."""
    for warning in unit.each("radar.early_fraud_warning", parent=charge_id):
        if warning["actionable"]:
            warning["actionable"] = False
            unit.put(warning)
            tell(unit, "radar.early_fraud_warning.updated", warning, {"actionable": True})


def review(unit: Unit, charge: dict[str, Any]) -> dict[str, Any]:
    """Somebody, or a rule, wants a person to look at a charge; no money moves."""
    opened = {
        "id": new_id("prv_1"),
        "object": "review",
        "billing_zip": None,
        "charge": charge["id"],
        "closed_reason": None,
        "created": unit.now,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": "rule",
        "payment_intent": charge["payment_intent"],
        "reason": "rule",
        "session": None,
    }
    unit.put(opened, parent=charge["id"])
    tell(unit, "review.opened", opened)
    return opened


def close_review(unit: Unit, opened: dict[str, Any], why: str) -> dict[str, Any]:
    """A person has looked: approved, or given back."""
    opened |= {"open": False, "reason": why, "closed_reason": why}
    unit.put(opened)
    tell(unit, "review.closed", opened)
    return opened


def _withdraw(unit: Unit, dispute: dict[str, Any]) -> None:
    moved, currency, rate = balance.settled(unit, -dispute["amount"], dispute["currency"])
    taken = balance.move(
        unit, dispute, "adjustment", "dispute", moved, currency, rate=rate, fee=balance.DISPUTE_FEE,
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )  # fmt: skip
    dispute["balance_transactions"].append(taken)
    unit.put(dispute)
    tell(unit, "charge.dispute.funds_withdrawn", dispute)


def _close(unit: Unit, dispute: dict[str, Any], status: str) -> None:
    before = dispute["status"]
    dispute["status"] = status
    unit.put(dispute)
    tell(unit, "charge.dispute.closed", dispute, {"status": before})


def _change(unit: Unit, dispute: dict[str, Any], status: str) -> None:
    before = dispute["status"]
    dispute["status"] = status
    unit.put(dispute)
    tell(unit, "charge.dispute.updated", dispute, {"status": before})
