"""The Stripe gateway's refunds, chargebacks and warnings: what it sends, and how each truth is told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.stripe.payments import StripePayments
from models.money import Money, MoneyError
from receivables.ports import (
    REFUND_CHARGE,
    ChargeOrder,
    DisputeState,
    GatewayRefused,
    GatewayUnreachable,
    MovementKind,
    OutcomeUnknown,
    RefundOrder,
    RefundState,
)
from tests.conformance.judge import recorder
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn

CREATE = "refunds.create"


@pytest.fixture
def gateway(stripe: StandIn) -> Iterator[StripePayments]:
    yield StripePayments("default", API_KEY, [WEBHOOK_SECRET], stripe.url)
    stripe.control("clear_faults")


def a_charge(gateway: StripePayments, amount: Money | None = None, card: str = "pm_card_visa") -> str:
    """The id of a charge that succeeded."""
    ref = secrets.token_hex(8)
    order = ChargeOrder(ref, amount or Money(5000, "EUR"), "Northgate", "", card, ["inv"], f"key:{ref}")
    body = json.loads(gateway.prepare_charge(order).body)
    # A test card's id stands for a card that nobody holds.
    prepared = type(gateway.prepare_charge(order))("charge_card", json.dumps(_without(body)), f"key:{ref}")
    charge = gateway.charge(prepared).charge
    assert charge is not None
    return charge.charge_id


def _without(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("customer", "off_session")}


def an_order(charge_id: str, amount: Money | None = None) -> RefundOrder:
    ref = secrets.token_hex(8)
    amount = Money(1200, "EUR") if amount is None else amount
    return RefundOrder(ref, charge_id, amount, f"refund:{ref}:1")


def now() -> datetime:
    return datetime.now(UTC)


def lately() -> datetime:
    return now() - timedelta(minutes=5)


def test_a_refund_is_prepared_for_the_wire() -> None:
    """M-02, P-02: one exact request, in the gateway's units, with our reference and no word of the debtor."""
    with recorder({"error": {"type": "invalid_request_error", "message": "no"}}) as heard:
        gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], heard.url)
        order = RefundOrder("r1", "ch_1", Money(500, "ISK"), "refund:r1:1")
        prepared = gateway.prepare_refund(order)
        assert prepared == gateway.prepare_refund(order)
        with pytest.raises(AttributeError):
            gateway.refund(prepared)  # what the listener answers is no refund
    assert (prepared.operation, prepared.idempotency_key) == (REFUND_CHARGE, "refund:r1:1")
    sent = heard.requests[0]
    assert sent.faults() == []
    assert sent.params() == {
        "charge": "ch_1", "amount": 50_000, "metadata": {"amicable": "1", "refund": "r1"},
    }  # fmt: skip
    assert sent.headers["Idempotency-Key"] == "refund:r1:1"


@pytest.mark.parametrize("minor", [0, -5])
def test_nothing_is_not_given_back(gateway: StripePayments, minor: int) -> None:
    with pytest.raises(MoneyError):
        gateway.prepare_refund(an_order("ch_1", Money(minor, "EUR")))


def test_a_refund_is_made_once_and_told(gateway: StripePayments) -> None:
    """P-02, P-20: the same key again is the same refund; all ways to it tell the same."""
    charge_id = a_charge(gateway)
    order = an_order(charge_id)
    made = gateway.refund(gateway.prepare_refund(order))
    assert gateway.refund(gateway.prepare_refund(order)) == made
    assert (made.status, made.amount, made.charge_id) == (
        RefundState.SUCCEEDED,
        Money(1200, "EUR"),
        charge_id,
    )
    assert (made.refund_ref, made.failure_movement_id) == (order.refund_ref, None)
    assert made.movement_id
    assert gateway.refund_of(made.refund_id) == made
    assert gateway.find_refund(order.refund_ref, lately()) == made
    assert gateway.find_refund("nobody", lately()) is None
    other = gateway.refund(gateway.prepare_refund(an_order(charge_id, Money(300, "EUR"))))
    assert gateway.refunds_of_charge(charge_id) == [made, other]
    assert made in list(gateway.refunds_between(lately(), now() + timedelta(minutes=5)))
    assert list(gateway.refunds_between(lately() - timedelta(days=1), lately())) == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("timeout_before", OutcomeUnknown),
        ("timeout_after", OutcomeUnknown),
        ("error_500", OutcomeUnknown),
        ("error_500_after", OutcomeUnknown),
        ("409", OutcomeUnknown),
        ("429", GatewayUnreachable),
    ],
)
def test_a_lost_answer_is_never_a_failure(
    gateway: StripePayments, stripe: StandIn, kind: str, error: type[Exception]
) -> None:
    """P-01, P-02: the same request later finds out, and the money went back once."""
    charge_id = a_charge(gateway)
    prepared = gateway.prepare_refund(an_order(charge_id))
    stripe.fault(CREATE, kind, count=3)
    with pytest.raises(error):
        gateway.refund(prepared)
    stripe.control("clear_faults")
    made = gateway.refund(prepared)
    assert gateway.refunds_of_charge(charge_id) == [made]


def test_what_stripe_refuses_gave_nothing_back(gateway: StripePayments) -> None:
    charge_id = a_charge(gateway)
    with pytest.raises(GatewayRefused) as over:
        gateway.refund(gateway.prepare_refund(an_order(charge_id, Money(5001, "EUR"))))
    assert over.value.param == "amount"
    gateway.refund(gateway.prepare_refund(an_order(charge_id, Money(5000, "EUR"))))
    with pytest.raises(GatewayRefused) as again:
        gateway.refund(gateway.prepare_refund(an_order(charge_id)))
    assert again.value.code == "charge_already_refunded"
    with pytest.raises(GatewayRefused) as nobody:
        gateway.refund_of("re_nobody")
    assert nobody.value.code == "resource_missing"


@pytest.mark.parametrize(
    ("becomes", "state"),
    [
        ("failed", RefundState.FAILED),
        ("requires_action", RefundState.REQUIRES_ACTION),
        ("succeeded", RefundState.SUCCEEDED),
    ],
)
def test_a_refund_may_still_change(
    gateway: StripePayments, stripe: StandIn, becomes: str, state: RefundState
) -> None:
    """P-20: a failed one names why, and the movement that brought its money back."""
    made = gateway.refund(gateway.prepare_refund(an_order(a_charge(gateway, card="pm_card_pendingRefund"))))
    assert made.status is RefundState.PENDING
    stripe.control("refund", refund=made.refund_id, becomes=becomes)
    found = gateway.refund_of(made.refund_id)
    assert found.status is state
    assert bool(found.failure_movement_id) == bool(found.failure_reason) == (state is RefundState.FAILED)


def test_a_refund_of_the_dashboard_is_not_ours(gateway: StripePayments, stripe: StandIn) -> None:
    charge_id = a_charge(gateway)
    stripe.control("refund", charge=charge_id, amount=700)
    (found,) = gateway.refunds_of_charge(charge_id)
    assert (found.refund_ref, found.amount) == (None, Money(700, "EUR"))


def test_a_chargeback_is_told_with_its_movements(gateway: StripePayments, stripe: StandIn) -> None:
    """P-21: money moves by the movements alone: taken with a fee, given back with it when won."""
    charge_id = a_charge(gateway)
    opened = stripe.control("dispute", charge=charge_id, amount=2000, reason="product_not_received")
    held = gateway.dispute_of(opened["id"])
    assert (held.charge_id, held.amount, held.reason) == (
        charge_id,
        Money(2000, "EUR"),
        "product_not_received",
    )
    assert (held.status, held.is_inquiry) == (DisputeState.NEEDS_RESPONSE, False)
    assert held.evidence_due_at is not None
    assert held.evidence_due_at > now()
    (taken,) = held.movements
    assert (taken.kind, taken.amount, taken.fee) == (
        MovementKind.DISPUTE, Money(-2000, "EUR"), Money(1500, "EUR"),
    )  # fmt: skip
    with pytest.raises(GatewayRefused) as blocked:
        gateway.refund(gateway.prepare_refund(an_order(charge_id)))
    assert blocked.value.code == "charge_disputed"
    stripe.control("dispute", dispute=held.dispute_id, outcome="won")
    won = gateway.dispute_of(held.dispute_id)
    assert won.status is DisputeState.WON
    assert [moved.kind for moved in won.movements] == [MovementKind.DISPUTE, MovementKind.DISPUTE_REVERSAL]
    assert sum(moved.net.minor for moved in won.movements) == 0
    assert won in list(gateway.disputes_between(lately(), now() + timedelta(minutes=5)))


def test_an_inquiry_has_no_movement(gateway: StripePayments, stripe: StandIn) -> None:
    opened = stripe.control("dispute", charge=a_charge(gateway), inquiry=True)
    asked = gateway.dispute_of(opened["id"])
    assert (asked.is_inquiry, asked.movements, asked.status) == (True, [], DisputeState.NEEDS_RESPONSE)
    stripe.control("dispute", dispute=asked.dispute_id, outcome="lost")
    assert gateway.dispute_of(asked.dispute_id).status is DisputeState.CLOSED
    stripe.control(
        "dispute", dispute=(lost := stripe.control("dispute", charge=a_charge(gateway)))["id"], outcome="lost"
    )
    assert gateway.dispute_of(lost["id"]).status is DisputeState.LOST


def test_a_warning_is_told(gateway: StripePayments, stripe: StandIn) -> None:
    charge_id = a_charge(gateway)
    warned = stripe.control("warning", charge=charge_id)
    found = gateway.warning_of(warned["id"])
    assert (found.charge_id, found.kind, found.actionable) == (charge_id, "made_with_stolen_card", True)
    gateway.refund(gateway.prepare_refund(an_order(charge_id)))
    assert not gateway.warning_of(warned["id"]).actionable


def test_a_review_is_told(gateway: StripePayments, stripe: StandIn) -> None:
    """P-21: by its event it is found as it stands now."""
    charge_id = a_charge(gateway)
    opened = stripe.control("review", charge=charge_id)["id"]
    found = gateway.review_of(opened)
    assert (found.charge_id, found.kind, found.is_open) == (charge_id, "rule", True)
    stripe.control("review", review=opened, closes="approved")
    assert not gateway.review_of(opened).is_open
    told = [one.type for one in gateway.events_since(lately(), types=["review.*"]) if one.object_id == opened]
    assert told == ["review.opened", "review.closed"]


@pytest.mark.parametrize("look", ["refund_of", "dispute_of", "warning_of", "review_of", "payout_of"])
def test_reading_on_a_dead_line_is_unreachable(look: str) -> None:
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], "http://127.0.0.1:9")
    with pytest.raises(GatewayUnreachable):
        getattr(gateway, look)("x")
