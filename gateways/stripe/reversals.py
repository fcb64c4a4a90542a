"""Money that goes back: refunds, chargebacks, and the early warnings of them.

Source: docs.stripe.com/refunds, docs.stripe.com/disputes; stripe.md section 4; P-20, P-21.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import stripe

from gateways.stripe.books import in_its_currency, movement, span
from gateways.stripe.line import StripeAccount, outcome, reading
from gateways.stripe.objects import amount_of, id_of, moment, tag
from models.money import to_gateway
from receivables.ports import (
    REFUND_CHARGE,
    DisputeState,
    GatewayRefused,
    PreparedRequest,
    RefundOrder,
    RefundState,
    RemoteDispute,
    RemoteRefund,
    RemoteReview,
    RemoteWarning,
)

_PAGE = 100
_INQUIRY = "warning_"
_REFUNDS = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.REQUIRES_ACTION,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.CANCELLED,
}
_DISPUTES = {
    "needs_response": DisputeState.NEEDS_RESPONSE,
    "warning_needs_response": DisputeState.NEEDS_RESPONSE,
    "appeal_needs_response": DisputeState.NEEDS_RESPONSE,
    "under_review": DisputeState.UNDER_REVIEW,
    "warning_under_review": DisputeState.UNDER_REVIEW,
    "appeal_under_review": DisputeState.UNDER_REVIEW,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    "warning_closed": DisputeState.CLOSED,
    "prevented": DisputeState.PREVENTED,
}


class StripeReversals(StripeAccount):
    """The part of the gateway that gives back, and tells what was taken back."""

    def prepare_refund(self, order: RefundOrder) -> PreparedRequest:
        """Write down the exact request that gives money back. Pure."""
        body = {
            "charge": order.charge_id,
            "amount": to_gateway(order.amount),
            "metadata": {"amicable": "1", "refund": order.refund_ref},
        }
        return PreparedRequest(REFUND_CHARGE, json.dumps(body, sort_keys=True), order.idempotency_key)

    def refund(self, prepared: PreparedRequest) -> RemoteRefund:
        """Make the stored refund with its stored key; the same key never gives back twice."""
        self._line.begin()
        try:
            made = self._client.v1.refunds.create(
                json.loads(prepared.body), {"idempotency_key": prepared.idempotency_key}
            )
        except stripe.StripeError as error:
            raise outcome(error, in_doubt=self._line.in_doubt) from error
        return _refund(made)

    def refund_of(self, refund_id: str) -> RemoteRefund:
        """Return the present truth about one refund."""
        with reading():
            return _refund(self._client.v1.refunds.retrieve(refund_id))

    def refunds_of_charge(self, charge_id: str) -> Sequence[RemoteRefund]:
        """Return all refunds of a charge, the oldest first."""
        return list(self._refunds({"charge": charge_id}))[::-1]

    def find_refund(self, refund_ref: str, since: datetime) -> RemoteRefund | None:
        """Walk the refunds made since a moment for the one with our reference (P-03)."""
        made = self._refunds({"created": {"gte": int(since.timestamp())}})
        return next((found for found in made if found.refund_ref == refund_ref), None)

    def refunds_between(self, start: datetime, end: datetime) -> Iterator[RemoteRefund]:
        """Walk the refunds made in a span, newest first, but for those of a currency that we do not know."""
        return self._refunds({"created": span(start, end)})

    def _refunds(self, asked: dict[str, Any]) -> Iterator[RemoteRefund]:
        with reading():
            for found in self._client.v1.refunds.list(asked | {"limit": _PAGE}).auto_paging_iter():  # type: ignore[arg-type]
                try:
                    read = _refund(found)
                except GatewayRefused:
                    continue  # in a currency of nobody's here: its movement stands on the list of differences
                yield read

    def dispute_of(self, dispute_id: str) -> RemoteDispute:
        """Return the present truth about one chargeback or inquiry."""
        with reading():
            return _dispute(self._client.v1.disputes.retrieve(dispute_id))

    def disputes_between(self, start: datetime, end: datetime) -> Iterator[RemoteDispute]:
        """Walk the chargebacks opened in a span, newest first, but for those of a currency unknown here."""
        with reading():
            asked: Any = {"created": span(start, end), "limit": _PAGE}
            for found in self._client.v1.disputes.list(asked).auto_paging_iter():
                try:
                    read = _dispute(found)
                except GatewayRefused:
                    continue
                yield read

    def warning_of(self, warning_id: str) -> RemoteWarning:
        """Return an early warning of fraud."""
        with reading():
            found = self._client.v1.radar.early_fraud_warnings.retrieve(warning_id)
        return RemoteWarning(
            warning_id=found.id,
            charge_id=str(id_of(found.charge)),
            intent_id=id_of(found.payment_intent),
            kind=found.fraud_type,
            actionable=bool(found.actionable),
            created_at=moment(found.created),
        )

    def review_of(self, review_id: str) -> RemoteReview:
        """Return the present truth about one review."""
        with reading():
            found = self._client.v1.reviews.retrieve(review_id)
        return RemoteReview(
            review_id=found.id,
            charge_id=id_of(found.charge),
            kind=found.opened_reason,
            is_open=bool(found.open),
            created_at=moment(found.created),
        )


def _refund(found: Any) -> RemoteRefund:
    return RemoteRefund(
        refund_id=found.id,
        charge_id=id_of(found.charge),
        intent_id=id_of(found.payment_intent),
        amount=amount_of(found.amount, found.currency, found.id),
        status=_REFUNDS.get(found.status or "", RefundState.REQUIRES_ACTION),
        refund_ref=tag(found, "refund"),
        reason=found.reason,
        failure_reason=getattr(found, "failure_reason", None),
        created_at=moment(found.created),
        movement_id=id_of(found.balance_transaction),
        failure_movement_id=id_of(getattr(found, "failure_balance_transaction", None)),
    )


def _dispute(found: Any) -> RemoteDispute:
    due_by = getattr(found.evidence_details, "due_by", None)
    contested = amount_of(found.amount, found.currency, found.id)
    moved = [in_its_currency(movement(one), contested) for one in found.balance_transactions]
    return RemoteDispute(
        dispute_id=found.id,
        charge_id=str(id_of(found.charge)),
        intent_id=id_of(found.payment_intent),
        amount=contested,
        status=_DISPUTES.get(found.status, DisputeState.NEEDS_RESPONSE),
        is_inquiry=found.status.startswith(_INQUIRY),
        reason=found.reason,
        evidence_due_at=None if not due_by else moment(due_by),
        movements=sorted(moved, key=lambda one: one.created_at),
        created_at=moment(found.created),
    )
