"""The Stripe gateway's events: notifications and the list of them tell the same, each of them once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.stripe.payments import StripePayments
from receivables.ports import GatewayEvent, GatewayRefused, GatewayUnreachable, NotSignedByGateway
from sandbox.stripe.webhooks import signature
from tests.gateways.test_stripe_reversals import a_charge, an_order
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, call_api


@pytest.fixture
def gateway(own_stripe: StandIn) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)


def _since(**back: float) -> datetime:
    return datetime.now(UTC) - timedelta(**back)


def _customers(own_stripe: StandIn, *names: str) -> None:
    for name in names:
        call_api(own_stripe, "POST", "/v1/customers", name=name)


def _names(events: list[GatewayEvent]) -> list[str]:
    return [json.loads(event.raw)["data"]["object"]["name"] for event in events]


def test_events_are_walked_from_the_oldest_on(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-15: since a moment; each once, page after page."""
    assert list(gateway.events_since(_since(days=1), types=())) == []
    _customers(own_stripe, *[str(number) for number in range(120)])
    first = list(gateway.events_since(_since(days=1), types=("customer.created",)))
    assert _names(first) == [str(number) for number in range(120)]
    assert len({event.event_id for event in first}) == 120


def test_the_list_forgets_what_is_thirty_days_old(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-15: a moment further back is answered with what is left."""
    _customers(own_stripe, "old")
    own_stripe.control("advance", days=31)
    _customers(own_stripe, "new")
    assert _names(list(gateway.events_since(_since(days=60), types=()))) == ["new"]


def test_families_and_long_lists_of_types(gateway: StripePayments, own_stripe: StandIn) -> None:
    """Stripe takes twenty types and no families at once; we take both."""
    a_charge(gateway)
    _customers(own_stripe, "a")
    family = [event.type for event in gateway.events_since(_since(days=1), types=("charge.*",))]
    assert family == ["charge.succeeded", "charge.updated"]
    many = [f"customer.{number}" for number in range(25)] + ["customer.created"]
    assert _names(list(gateway.events_since(_since(days=1), types=many))) == ["a"]


def test_an_event_names_what_it_is_about(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-13: charge and intent are named where the object has them, tagged or not."""
    charge_id = a_charge(gateway)
    made = gateway.refund(gateway.prepare_refund(an_order(charge_id)))
    dispute = own_stripe.control("dispute", charge=a_charge(gateway))
    told = {event.type: event for event in gateway.events_since(_since(days=1), types=())}
    refund = told["refund.created"]
    assert (refund.object_id, refund.charge_id, refund.intent_id) == (
        made.refund_id,
        charge_id,
        made.intent_id,
    )
    assert refund.tagged
    contested = told["charge.dispute.created"]
    assert (contested.object_id, contested.charge_id) == (dispute["id"], dispute["charge"])
    assert not contested.tagged
    intent = told["payment_intent.succeeded"]
    assert (intent.object_id, intent.charge_id) == (intent.intent_id, dispute["charge"])
    charge = told["charge.updated"]
    assert charge.charge_id == charge.object_id == dispute["charge"]
    assert charge.payment_method_id


def test_a_card_and_a_mandate_name_the_card(gateway: StripePayments, own_stripe: StandIn) -> None:
    _, customer = call_api(own_stripe, "POST", "/v1/customers")
    path = "/v1/payment_methods/pm_card_visa/attach"
    _, card = call_api(own_stripe, "POST", path, customer=customer["id"])
    found = gateway.card_of(card["id"])
    assert found is not None
    assert (found.customer_id, found.last4) == (customer["id"], "4242")
    mandate = own_stripe.control("mandate", payment_method=card["id"], status="inactive")
    assert not gateway.mandate_is_active(mandate["id"])
    own_stripe.control("mandate", mandate=mandate["id"], status="active")
    assert gateway.mandate_is_active(mandate["id"])
    own_stripe.control("card", payment_method=card["id"], exp_month=7, exp_year=2044)
    renewed = gateway.card_of(card["id"])
    assert renewed is not None
    assert (renewed.month, renewed.year) == (7, 2044)
    own_stripe.control("card", payment_method=card["id"], detach=True)
    assert gateway.card_of(card["id"]) is None
    for ask in (lambda: gateway.card_of("pm_nobody"), lambda: gateway.mandate_is_active("mandate_nobody")):
        with pytest.raises(GatewayRefused, match="resource_missing"):
            ask()
    told = {event.type: event for event in gateway.events_since(_since(days=1), types=())}
    for kind in ("mandate.updated", "payment_method.detached", "payment_method.automatically_updated"):
        assert told[kind].payment_method_id == card["id"]


def test_list_and_notification_tell_the_same(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-15: an event that is backfilled is the event that would have come, raw text apart."""
    a_charge(gateway)
    for event in gateway.events_since(_since(days=1), types=()):
        body, now = event.raw, datetime.now(UTC)
        signed = signature(body, WEBHOOK_SECRET, int(now.timestamp()))
        assert gateway.read_event(body.encode(), signed, now) == event


def test_undelivered_events_are_told(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-15: what an endpoint did not take, until it was sent again."""
    own_stripe.control("webhooks", url="http://127.0.0.1:9/", secret=WEBHOOK_SECRET)
    own_stripe.fault("webhook:*", "drop", count=3)
    _customers(own_stripe, "a", "b", "c")
    assert _names(list(gateway.undelivered_events(_since(days=1)))) == ["a", "b", "c"]
    assert list(gateway.undelivered_events(_since(days=-1))) == []


def test_endpoints_are_told(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-18: where it goes, what for, and whether it is on."""
    assert gateway.endpoints() == []
    made: Any = call_api(
        own_stripe, "POST", "/v1/webhook_endpoints",
        **{"url": "https://portal.example/w", "enabled_events[0]": "refund.failed"},
    )[1]  # fmt: skip
    own_stripe.control("endpoint", endpoint=made["id"], status="disabled")
    (found,) = gateway.endpoints()
    assert (found.endpoint_id, found.url, found.enabled) == (made["id"], "https://portal.example/w", False)
    assert (found.event_types, found.api_version) == (("refund.failed",), "2026-10-28.endive")


def test_a_delivery_from_the_future_or_the_past_is_not_believed(gateway: StripePayments) -> None:
    """P-08: 300 s in either direction, by our clock."""
    body, now = (
        '{"id":"evt_1","object":"event","type":"x","livemode":false,"data":{"object":{}}}',
        datetime.now(UTC),
    )
    for away in (-301, 301):
        signed = signature(body, WEBHOOK_SECRET, int(now.timestamp()) + away)
        with pytest.raises(NotSignedByGateway):
            gateway.read_event(body.encode(), signed, now)


def test_a_walk_on_a_dead_line_is_unreachable() -> None:
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], "http://127.0.0.1:9")
    with pytest.raises(GatewayUnreachable):
        next(gateway.events_since(_since(days=1), types=()))
    with pytest.raises(GatewayUnreachable):
        next(gateway.movements_between(_since(days=1), _since(days=0)))
