"""Money without a page: an intent of a session, the balance, a late fee, customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.standins import StandIn, pay_on_page


def _take(client: stripe.StripeClient) -> Any:
    return client.v1.payment_intents.create(
        {"amount": 1200, "currency": "gbp", "payment_method": "pm_card_visa", "confirm": True}
    )


def test_an_intent_of_a_session_ends_with_its_session(
    client: stripe.StripeClient, order: Callable[..., dict[str, Any]]
) -> None:
    opened: Any = client.v1.checkout.sessions.create(order())  # type: ignore[arg-type]
    pay_on_page(opened.url, "4000000000000002")
    begun: Any = client.v1.checkout.sessions.retrieve(opened.id)
    with pytest.raises(stripe.InvalidRequestError, match="Checkout Session"):
        client.v1.payment_intents.cancel(begun.payment_intent)


def test_money_becomes_available(standin: StandIn, client: stripe.StripeClient) -> None:
    _take(client)
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (1200 - 43, 0)
    standin.control("advance", days=2)
    balance = client.v1.balance.retrieve()
    assert (balance.pending[0].amount, balance.available[0].amount) == (0, 1200 - 43)


def test_a_fee_may_come_late(standin: StandIn, client: stripe.StripeClient) -> None:
    """`charge.balance_transaction` may be null at first; `charge.updated` fills it."""
    standin.fault("fees", "late_fee")
    charge_id = _take(client).latest_charge
    assert client.v1.charges.retrieve(charge_id).balance_transaction is None
    standin.control("advance", seconds=60)
    assert client.v1.charges.retrieve(charge_id).balance_transaction
    assert client.v1.events.list({"type": "charge.updated"}).data[0].data.object["id"] == charge_id


def test_customers_are_made_changed_and_found(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"email": "books@mill.example", "metadata": {"a": "1", "b": "2"}})
    client.v1.customers.update(made.id, {"name": "Mill", "metadata": {"a": "", "c": "3"}})
    found = client.v1.customers.list({"email": "books@mill.example"}).data[0]
    assert (found.name, found.metadata.to_dict()) == ("Mill", {"b": "2", "c": "3"})  # type: ignore[union-attr]
