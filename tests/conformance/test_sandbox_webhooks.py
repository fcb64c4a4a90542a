"""Events as the SDK verifies them: signed, repeated, lost, late and listed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import stripe

from tests.conformance.conftest import Receiver
from tests.standins import WEBHOOK_SECRET, StandIn, debit_on_page, get_page, pay_on_page, post_form

Order = Callable[..., dict[str, Any]]


def _open(client: stripe.StripeClient, order: Order) -> Any:
    return client.v1.checkout.sessions.create(order())  # type: ignore[arg-type]


def _point(standin: StandIn, receiver: Receiver) -> None:
    standin.control("webhooks", url=receiver.url, secret=WEBHOOK_SECRET)


def test_a_payment_tells_its_story(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver, order: Order
) -> None:
    _point(standin, receiver)
    opened = _open(client, order)
    pay_on_page(opened.url, "4000000000000002")
    pay_on_page(opened.url, "4000002500003155")
    standin.control("flush")
    assert sorted(receiver.types) == sorted(
        [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
            "payment_intent.requires_action",
            "charge.succeeded",
            "payment_intent.succeeded",
            "charge.updated",
            "checkout.session.completed",
        ]
    )
    assert receiver.refused == 0
    completed: Any = next(event for event in receiver.events if event.type == "checkout.session.completed")
    assert (completed.api_version, completed.livemode) == ("2026-10-28.endive", False)
    assert completed.data.object.payment_status == "paid"
    assert completed.data.object.metadata.attempt == "attempt-1"


def test_delayed_ending_and_cancelling_are_told(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver, order: Order
) -> None:
    _point(standin, receiver)
    for settles in (True, False):
        debit_on_page(_open(client, order).url, settles=settles)
    pay_on_page(_open(client, order).url, "4000000000000002")
    standin.control("advance", days=6)
    standin.control("flush")
    assert {
        "charge.pending",
        "payment_intent.processing",
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "payment_intent.canceled",
    } <= set(receiver.types)


def test_a_receiver_that_fails_is_tried_again_by_itself(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver
) -> None:
    """P-10: the first try is answered 500, the next comes a second later without a flush."""
    receiver.statuses = [500]
    _point(standin, receiver)
    client.v1.customers.create({"name": "Mill"})
    assert receiver.arrived.wait(10)
    assert receiver.types == ["customer.created"]


def test_flush_counts(standin: StandIn, client: stripe.StripeClient, receiver: Receiver) -> None:
    _point(standin, receiver)
    standin.fault("webhook:*", "delay", seconds=600)
    client.v1.customers.create({"name": "Mill"})
    receiver.statuses = [503]
    assert standin.control("flush") == {"delivered": 0, "failed": 1, "pending": 1}
    assert standin.control("flush")["failed"] == 0
    assert receiver.types == ["customer.created"]


def test_faults_of_delivery(standin: StandIn, client: stripe.StripeClient, receiver: Receiver) -> None:
    """P-08, P-10: lost, doubled and wrongly signed deliveries."""
    _point(standin, receiver)
    standin.fault("webhook:customer.created", "drop")
    dropped = client.v1.customers.create({"name": "dropped"})
    standin.fault("webhook:customer.created", "duplicate", n=3)
    client.v1.customers.create({"name": "doubled"})
    standin.fault("webhook:customer.created", "bad_signature")
    client.v1.customers.create({"name": "forged"})
    standin.control("flush")
    standin.control("flush")
    names = [event.data.object.name for event in receiver.events]
    assert sorted(names) == ["doubled"] * 3 + ["forged"]  # the retry is signed rightly
    assert len({event.id for event in receiver.events if event.data.object.name == "doubled"}) == 1
    assert receiver.refused == 1

    undelivered = client.v1.events.list({"delivery_success": False}).data
    assert [event.data.object["id"] for event in undelivered] == [dropped.id]
    standin.control("resend", event=undelivered[0].id)
    standin.control("flush")
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_waiting_deliveries_follow_a_new_address(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver
) -> None:
    standin.control("webhooks", url="http://127.0.0.1:9/", secret=WEBHOOK_SECRET)
    client.v1.customers.create({"name": "Mill"})
    _point(standin, receiver)
    standin.control("flush")
    assert receiver.types == ["customer.created"]


def test_the_signature_bears_the_real_time(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver
) -> None:
    """P-08: a moved sandbox clock does not make signatures look old or future."""
    _point(standin, receiver)
    standin.control("advance", days=3)
    client.v1.customers.create({"name": "Mill"})
    standin.control("flush")
    assert receiver.refused == 0
    assert receiver.events[0].created > time.time() + 2 * 86_400


def test_endpoints_made_by_the_api_sign_with_their_own_secret(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver
) -> None:
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["customer.updated"]})
    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert not hasattr(client.v1.webhook_endpoints.list().data[0], "secret")
    receiver.secret = made.secret
    customer = client.v1.customers.create({"name": "Mill"})
    client.v1.customers.update(customer.id, {"name": "Mill & Sons"})
    standin.control("flush")
    assert (receiver.types, receiver.refused) == (["customer.updated"], 0)


def test_what_a_page_finds_due_is_told_at_once(
    standin: StandIn, client: stripe.StripeClient, receiver: Receiver, order: Order
) -> None:
    """A page that is looked at after its end ends then, and nobody need call the API to hear of it."""
    _point(standin, receiver)
    opened = _open(client, order)
    with closing(sqlite3.connect(standin.db_path)) as db, db:
        db.execute("UPDATE timer SET at = 1 WHERE what = 'expire'")
    get_page(opened.url)
    assert receiver.arrived.wait(20)
    assert receiver.types == ["checkout.session.expired"]


def test_declines_by_hand_reach_nobody_before_an_address_is_known(
    standin: StandIn, client: stripe.StripeClient, order: Order
) -> None:
    opened = _open(client, order)
    post_form(opened.url, pick="declined")
    assert standin.control("flush") == {"delivered": 0, "failed": 0, "pending": 0}
    assert len(client.v1.events.list().data) == 3
