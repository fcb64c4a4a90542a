"""Faults on command: what the line does to calls, what becomes of events on their way, and for how long."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
import stripe

from tests.conformance.conftest import Receiver, sdk
from tests.standins import WEBHOOK_SECRET, StandIn, get_page

REFUND = "refunds.create"


@pytest.fixture
def told(standin: StandIn, receiver: Receiver) -> Receiver:
    """A receiver at which the stand-in is pointed."""
    standin.control("webhooks", url=receiver.url, secret=WEBHOOK_SECRET)
    return receiver


def _charge(client: stripe.StripeClient) -> str:
    made: Any = client.v1.payment_intents.create(
        {"amount": 5000, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
    )
    return str(made.latest_charge)


def _refund(client: stripe.StripeClient, charge: str, key: str) -> Any:
    return client.v1.refunds.create({"charge": charge, "amount": 1000}, {"idempotency_key": key})


def _given_back(client: stripe.StripeClient, charge: str) -> int:
    return client.v1.charges.retrieve(charge).amount_refunded


@pytest.mark.parametrize(
    ("kind", "error", "effect"),
    [
        ("timeout_before", stripe.APIConnectionError, 0),
        ("drop", stripe.APIConnectionError, 0),
        ("timeout_after", stripe.APIConnectionError, 1000),
        ("error_500", stripe.APIError, 0),
        ("error_500_after", stripe.APIError, 1000),
        ("409", stripe.APIError, 0),
        ("429", stripe.RateLimitError, 0),
    ],
)
def test_a_call_fails_with_or_without_its_effect(
    standin: StandIn,
    client: stripe.StripeClient,
    kind: str,
    error: type,
    effect: int,
) -> None:
    """P-01: each failure leaves what it says, and the same key afterwards gives back once."""
    charge = _charge(client)
    standin.fault(REFUND, kind)
    with pytest.raises(error):
        _refund(client, charge, "k")
    assert _given_back(client, charge) == effect
    assert _refund(client, charge, "k").status == "succeeded"
    assert _given_back(client, charge) == 1000


@pytest.mark.parametrize(("kind", "effect"), [("error_500", 0), ("error_500_after", 1000)])
def test_a_stored_server_error_is_replayed_for_ever(
    standin: StandIn, client: stripe.StripeClient, kind: str, effect: int
) -> None:
    """P-02: the key keeps the error; only a look at the charge says whether money went."""
    charge = _charge(client)
    standin.fault(REFUND, kind, stored=True)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            _refund(client, charge, "k")
    assert _given_back(client, charge) == effect
    assert len(client.v1.refunds.list({"charge": charge}).data) == effect // 1000


def test_a_key_is_forgotten_after_a_day_of_the_clock(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-03: after 24 hours the same key gives back a second time, so it must not be used blindly."""
    charge = _charge(client)
    _refund(client, charge, "k")
    standin.control("advance", seconds=86_000)
    _refund(client, charge, "k")
    assert _given_back(client, charge) == 1000
    standin.control("advance", seconds=1_000)
    _refund(client, charge, "k")
    assert _given_back(client, charge) == 2000


def test_faults_strike_as_often_as_they_were_asked_for(standin: StandIn, client: stripe.StripeClient) -> None:
    standin.fault("*", "429", count=2)
    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            client.v1.balance.retrieve()
    client.v1.balance.retrieve()


@pytest.mark.parametrize("kind", ["bad_signature", "forged", "old"])
def test_a_spoilt_delivery_is_refused_and_the_retry_is_true(
    standin: StandIn, client: stripe.StripeClient, told: Receiver, kind: str
) -> None:
    """P-08: wrong secret, changed body, signed an hour ago."""
    standin.fault("webhook:charge.succeeded", kind)
    _charge(client)
    standin.control("flush")
    assert told.refused == 1
    standin.control("flush")
    assert (told.refused, told.types.count("charge.succeeded")) == (1, 1)


def test_a_delivery_signed_in_the_future_is_taken_by_the_sdk(
    standin: StandIn, client: stripe.StripeClient, told: Receiver
) -> None:
    """P-08: the SDK has no upper bound; the portal has one of its own (tests/gateways)."""
    standin.fault("webhook:charge.succeeded", "future", seconds=7200)
    _charge(client)
    standin.control("flush")
    assert told.refused == 0


def test_a_delivery_that_was_taken_too_slowly_comes_again(
    standin: StandIn, client: stripe.StripeClient, told: Receiver
) -> None:
    """P-10: a slow receiver did its work, is counted as one that did not, and is told a second time."""
    standin.fault("webhook:customer.created", "unheard")
    client.v1.customers.create({"name": "slow"})
    while standin.control("flush")["pending"]:
        pass
    assert [event.id for event in told.events] == [told.events[0].id] * 2
    assert told.refused == 0
    with closing(sqlite3.connect(standin.db_path)) as db:
        assert db.execute("SELECT state, attempts FROM delivery").fetchall() == [("delivered", 2)]


@pytest.mark.parametrize(("wish", "attempts"), [(True, 3), (False, 1), (None, 1)])
def test_a_full_counter_says_whether_to_come_again(
    standin: StandIn, client: stripe.StripeClient, wish: bool | None, attempts: int
) -> None:
    """stripe.md 1: the SDK repeats a 429 only where `Stripe-Should-Retry` says so."""
    options = {} if wish is None else {"should_retry": wish}
    standin.fault("balance.retrieve", "429", count=5, **options)
    with pytest.raises(stripe.RateLimitError) as refused:
        client.v1.balance.retrieve({}, {"max_network_retries": 2})
    said = (refused.value.headers or {}).get("Stripe-Should-Retry")
    assert said == {True: "true", False: "false", None: None}[wish]
    left = json.loads(get_page(f"{standin.url}/_sandbox/faults")[1])["faults"][0]["remaining"]
    assert 5 - left == attempts


def test_an_event_that_never_was_is_not_listed_either(
    standin: StandIn, client: stripe.StripeClient, told: Receiver
) -> None:
    """P-16: only the object itself, or the balance, tells of it."""
    standin.fault("webhook:charge.succeeded", "never")
    charge = _charge(client)
    standin.control("flush")
    assert "payment_intent.succeeded" in told.types
    assert "charge.succeeded" not in told.types
    assert client.v1.events.list({"type": "charge.succeeded"}).data == []
    assert client.v1.balance_transactions.list({"source": charge}).data


def test_deliveries_overtake_each_other(
    standin: StandIn, client: stripe.StripeClient, told: Receiver
) -> None:
    """P-10: events held back come after those that followed them, the last first."""
    standin.fault("webhook:customer.created", "reorder", count=2)
    for name in ("a", "b", "c"):
        client.v1.customers.create({"name": name})
    standin.control("flush")
    assert [event.data.object.name for event in told.events] == ["c", "b", "a"]


def test_what_waits_is_tried_again_when_the_clock_moves(
    standin: StandIn, client: stripe.StripeClient, told: Receiver
) -> None:
    """P-10: back-off goes by the stand-in's clock too; nobody sleeps."""
    standin.fault("webhook:*", "delay", seconds=3600)
    client.v1.customers.create({"name": "late"})
    assert not told.arrived.wait(0.3)
    standin.control("advance", seconds=3700)
    assert told.arrived.wait(20)


def test_a_disabled_endpoint_hears_nothing(
    standin: StandIn, client: stripe.StripeClient, told: Receiver
) -> None:
    """P-18: what happens meanwhile is only in the events list."""
    standin.control("endpoint", status="disabled")
    assert [found.status for found in client.v1.webhook_endpoints.list().data] == ["disabled"]
    client.v1.customers.create({"name": "unheard"})
    standin.control("endpoint", status="enabled")
    client.v1.customers.create({"name": "heard"})
    standin.control("flush")
    assert [event.data.object.name for event in told.events] == ["heard"]
    assert len(client.v1.events.list({"type": "customer.created"}).data) == 2


def test_events_are_listed_for_thirty_days(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-15: what is older is found by reconciliation only."""
    client.v1.customers.create({"name": "old"})
    cursor = client.v1.events.list().data[0].id
    standin.control("advance", days=31)
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.events.list({"ending_before": cursor})
    assert gone.value.param == "ending_before"


def test_many_connections_carry_many_copies(standin: StandIn, told: Receiver) -> None:
    """The storm: each copy arrives once, all of one event."""
    standin.control("webhooks", connections=16)
    standin.fault("webhook:customer.created", "duplicate", n=300)
    with sdk(standin.url) as client:
        client.v1.customers.create({"name": "storm"})
    while standin.control("flush")["pending"]:
        pass
    assert len(told.events) == 300
    assert len({event.id for event in told.events}) == 1
