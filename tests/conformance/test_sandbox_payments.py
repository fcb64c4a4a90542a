"""Payment intents without a page: saved cards, declines, cancelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.standins import StandIn, pay_on_page


def _take(client: stripe.StripeClient, method: str, key: str | None = None, **more: Any) -> Any:
    params = {
        "amount": 1200,
        "currency": "gbp",
        "payment_method": method,
        "confirm": True,
        "off_session": True,
    }
    return client.v1.payment_intents.create(
        {name: value for name, value in (params | more).items() if value is not None},  # type: ignore[arg-type]
        {"idempotency_key": key} if key else {},
    )


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ],
)
def test_a_declined_card_is_a_card_error(
    client: stripe.StripeClient, method: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        _take(client, method)
    error: Any = declined.value.error
    assert (declined.value.http_status, declined.value.code) == (402, code)
    assert error.decline_code == decline_code
    kept = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (kept.status, kept.last_payment_error.code) == ("requires_payment_method", code)  # type: ignore[union-attr]


def test_a_decline_is_replayed_by_its_key(client: stripe.StripeClient) -> None:
    """P-02: after a 402 only a new key makes a new attempt."""
    ids = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            _take(client, "pm_card_visa_chargeDeclined", "plan:1:inst:1:try:1")
        ids.append(declined.value.error.payment_intent.id)  # type: ignore[union-attr]
    assert ids[0] == ids[1]
    assert len(client.v1.charges.list().data) == 1
    assert _take(client, "pm_card_visa", "plan:1:inst:1:try:2").status == "succeeded"


def test_confirm_and_cancel(client: stripe.StripeClient) -> None:
    made = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    assert made.status == "requires_payment_method"
    assert (
        client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(made.id)
    assert refused.value.code == "payment_intent_unexpected_state"

    other = client.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    cancelled = client.v1.payment_intents.cancel(other.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")


def test_an_on_session_challenge_asks_for_a_redirect(client: stripe.StripeClient) -> None:
    made = _take(
        client, "pm_card_authenticationRequired", off_session=None, return_url="http://portal.example/r"
    )
    assert made.status == "requires_action"
    assert made.next_action.redirect_to_url.return_url == "http://portal.example/r"
    assert made.next_action.redirect_to_url.url.endswith(f"/3ds/{made.id}")


def test_an_intent_of_a_session_ends_with_its_session(
    client: stripe.StripeClient, order: Callable[..., dict[str, Any]]
) -> None:
    opened: Any = client.v1.checkout.sessions.create(order())  # type: ignore[arg-type]
    pay_on_page(opened.url, "4000000000000002")
    begun: Any = client.v1.checkout.sessions.retrieve(opened.id)
    with pytest.raises(stripe.InvalidRequestError, match="Checkout Session"):
        client.v1.payment_intents.cancel(begun.payment_intent)


def test_money_becomes_available(standin: StandIn, client: stripe.StripeClient) -> None:
    _take(client, "pm_card_visa")
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (1200 - 43, 0)
    standin.control("advance", days=2)
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (0, 1200 - 43)


def test_a_fee_may_come_late(standin: StandIn, client: stripe.StripeClient) -> None:
    """`charge.balance_transaction` may be null at first; `charge.updated` fills it."""
    standin.fault("fees", "late_fee")
    charge_id = _take(client, "pm_card_visa").latest_charge
    assert client.v1.charges.retrieve(charge_id).balance_transaction is None
    standin.control("advance", seconds=60)
    assert client.v1.charges.retrieve(charge_id).balance_transaction
    assert client.v1.events.list({"type": "charge.updated"}).data[0].data.object["id"] == charge_id


def test_unknown_objects_are_missing(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.retrieve("pi_nobody")
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_customers_are_made_changed_and_found(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"email": "books@mill.example", "metadata": {"a": "1", "b": "2"}})
    client.v1.customers.update(made.id, {"name": "Mill", "metadata": {"a": "", "c": "3"}})
    found = client.v1.customers.list({"email": "books@mill.example"}).data[0]
    assert (found.name, found.metadata.to_dict()) == ("Mill", {"b": "2", "c": "3"})  # type: ignore[union-attr]
