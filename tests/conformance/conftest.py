"""The real SDK, pointed at a stand-in that is a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, start_stripe


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    """A fresh stand-in without a webhook address."""
    running = start_stripe(tmp_path, business="Harbour Supplies")
    yield running
    running.stop()


@pytest.fixture
def client(standin: StandIn) -> Iterator[stripe.StripeClient]:
    """The SDK, as the gateway makes it, without retries of its own."""
    with sdk(standin.url) as made:
        yield made


@contextmanager
def sdk(url: str, key: str = API_KEY) -> Iterator[stripe.StripeClient]:
    """An SDK client whose connections are closed at the end of the block."""
    http = stripe.RequestsClient(timeout=(3, 20))
    yield stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0, http_client=http)
    http.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """Makes the parameters of a session as the portal sends them; keywords replace or add."""

    def make(amount: int = 4999, currency: str = "eur", **more: Any) -> dict[str, Any]:
        return {
            "mode": "payment",
            "ui_mode": "hosted_page",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": currency,
                        "unit_amount": amount,
                        "product_data": {"name": "Invoice A-1042"},
                    },
                }
            ],
            "submit_type": "pay",
            "locale": "en",
            "client_reference_id": "attempt-1",
            "metadata": {"attempt": "attempt-1"},
            "payment_intent_data": {"metadata": {"attempt": "attempt-1"}, "description": "A-1042"},
            "adaptive_pricing": {"enabled": False},
            "expires_at": int(time.time()) + 40 * 60,
            "success_url": "http://portal.example/return/r1?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://portal.example/return/r1",
        } | more

    return make


@dataclass
class Receiver:
    """A webhook receiver that verifies with the SDK, as the portal will.

    Attributes:
        url: where it listens.
        secret: with which deliveries must be signed.
        statuses: answers to give next; 200 when there are none left.
        events: verified events, in order of arrival.
        refused: how many deliveries failed the signature check.
    """

    url: str = ""
    secret: str = WEBHOOK_SECRET
    statuses: list[int] = field(default_factory=list)
    events: list[stripe.Event] = field(default_factory=list)
    refused: int = 0
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def take(self, body: bytes, signature: str) -> int:
        try:
            event = stripe.Webhook.construct_event(body, signature, self.secret)
        except stripe.SignatureVerificationError:
            self.refused += 1
            return 400
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.events.append(event)
            self.arrived.set()
        return status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A listening webhook receiver; point a stand-in at it."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(made.take(body, self.headers["Stripe-Signature"]))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Writes nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/webhooks/stripe"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
