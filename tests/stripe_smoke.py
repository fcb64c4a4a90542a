"""`make stripe-smoke`: the gateway's promises, and the stand-in's claims, against real Stripe in test mode.

Needs STRIPE_TEST_KEY (sk_test_… or rk_test_… with write access). Opens a hosted page for 1.00 in each
currency with a rule of its own, opens it again with the same key, reads it, ends it and looks for it; keeps
a test card, charges it, gives a part back and reads what moved and what was told; then holds Stripe to every
claim of tests/conformance (claims.py, door_claims.py) that needs no lever, with test cards. No money moves in
test mode. Prints what held; exits 1 where it did not.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import stripe

from gateways.stripe.line import TIMEOUT
from gateways.stripe.payments import StripePayments
from models.money import CURRENCIES, Money
from receivables.ports import (
    CardSaving,
    ChargeOrder,
    CheckoutOrder,
    GatewayRefused,
    PreparedRequest,
    RefundOrder,
    RemoteCharge,
    RemoteMovement,
    RemoteState,
    SetupOrder,
)
from tests.conformance.claims import CLAIMS
from tests.conformance.world import NEEDS_STANDIN, World
from tests.standins import StandIn

T = TypeVar("T")


def order(currency: str, language: str) -> CheckoutOrder:
    """The smallest order that the currency allows."""
    ref = secrets.token_urlsafe(12)
    return CheckoutOrder(
        attempt_ref=ref,
        amount=Money(max(CURRENCIES[currency].minimum, 100), currency),
        title="Amicable smoke test",
        language=language,
        note="Nothing is charged.",
        expires_at=datetime.now(UTC) + timedelta(minutes=40),
        success_url=f"https://portal.example/r/{ref}",
        cancel_url=f"https://portal.example/r/{ref}?left=1",
        invoice_refs=["smoke"],
        idempotency_key=f"attempt:{ref}:1",
    )


def setup_order(ref: str) -> SetupOrder:
    """A page that saves a card."""
    return SetupOrder(
        setup_ref=ref,
        currency="EUR",
        language="en",
        note="Nothing is charged.",
        expires_at=datetime.now(UTC) + timedelta(minutes=40),
        success_url=f"https://portal.example/r/{ref}",
        cancel_url=f"https://portal.example/r/{ref}?left=1",
        idempotency_key=f"setup:{ref}:1",
        saves_card=CardSaving(contact_ref=ref, customer_key=f"customer:{ref}"),
    )


class Smoke:
    """One run against one Stripe.

    Args:
        key: of an account in test mode, or of a stand-in.
        standin: the stand-in that is asked in place of Stripe, or None.
    """

    def __init__(self, key: str, standin: StandIn | None = None) -> None:
        url = standin.url if standin else None
        self.gateway = StripePayments("default", key, ["whsec_unused"], url)
        addresses: Any = {"api": url} if url else {}
        self.client = stripe.StripeClient(
            key, max_network_retries=2, http_client=stripe.RequestsClient(timeout=TIMEOUT),
            base_addresses=addresses,
        )  # fmt: skip
        self.world = World(self.client, standin)
        self.began = datetime.now(UTC) - timedelta(minutes=5)
        self.broken = 0

    def hold(self, what: str, promise: Callable[[], T]) -> T | None:
        """Say whether a promise is held; False and an error break it, and the run goes on.

        Returns:
            What the promise found; None where it was not held.
        """
        try:
            found = promise()
        except Exception as error:
            found, what = None, f"{what}: {type(error).__name__}: {error}"
            held = False
        else:
            held = found is not False
        self.broken += not held
        print(f"{'holds ' if held else 'BROKEN'}  {what}")
        return found if held else None

    def run(self) -> int:
        """Hold it to every promise; returns the exit code."""
        for currency, language in (
            ("GBP", "en"), ("EUR", "ru"), ("ILS", "he"), ("HUF", "hu"), ("JPY", "en"),
        ):  # fmt: skip
            self.page(currency, language)
        self.hold("a page that ends too soon is refused, naming expires_at (decision 13)", self.too_soon)
        self.card()
        for claim in CLAIMS:
            if claim.__name__ not in NEEDS_STANDIN:
                self.hold(str(claim.__doc__), lambda c=claim: c(self.world))  # type: ignore[misc]
        return 1 if self.broken else 0

    def page(self, currency: str, language: str) -> None:
        """A page in one currency is opened once, found, read and ended."""
        gateway, asked = self.gateway, order(currency, language)
        prepared = gateway.prepare_checkout(asked)
        opened = self.hold(f"{currency}: a page is opened", lambda: gateway.send(prepared))
        if opened is None:
            return
        page_id = opened.session_id

        def is_ours() -> bool:
            read = gateway.retrieve(page_id)
            return read.state is RemoteState.OPEN and read.attempt_ref == asked.attempt_ref

        self.hold(
            f"{currency}: the same key opens the same page",
            lambda: gateway.send(prepared).session_id == page_id,
        )
        self.hold(f"{currency}: the page is open and ours", is_ours)
        self.hold(
            f"{currency}: it is found by our tag",
            lambda: gateway.find(asked.attempt_ref, self.began) is not None,
        )
        self.hold(
            f"{currency}: it can be ended, twice",
            lambda: [gateway.expire(page_id).state for _ in "12"] == [RemoteState.EXPIRED] * 2,
        )

    def too_soon(self) -> bool:
        stale = order("GBP", "en")
        late = self.gateway.prepare_checkout(stale)
        body = late.body.replace(
            str(int(stale.expires_at.timestamp())), str(int(datetime.now(UTC).timestamp()) + 60)
        )
        try:
            self.gateway.send(PreparedRequest(late.operation, body, late.idempotency_key))
        except GatewayRefused as error:
            return error.param == "expires_at"
        return False

    def card(self) -> None:
        """A card is to be kept, is charged while nobody is there, and gets a part back; all of it is told."""
        gateway, ref, amount = self.gateway, secrets.token_urlsafe(12), Money(4999, "EUR")
        page = self.hold(
            "a page that saves a card is opened",
            lambda: gateway.send(gateway.prepare_setup(setup_order(ref))),
        )
        if page is None or page.customer_id is None:
            return
        customer_id = page.customer_id
        self.hold(
            "it is open and ours, and ended it keeps nothing",
            lambda: (
                gateway.retrieve(page.session_id).attempt_ref == ref
                and gateway.expire(page.session_id).state is RemoteState.EXPIRED
            ),
        )
        card = self.hold(
            "a card is kept by its customer",
            lambda: self.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer_id}),
        )
        if card is None:
            return
        prepared = gateway.prepare_charge(
            ChargeOrder(
                attempt_ref=ref, amount=amount, title="Amicable smoke test", customer_id=customer_id,
                payment_method_id=card.id, invoice_refs=["smoke"], idempotency_key=f"attempt:{ref}:2",
            )
        )  # fmt: skip
        paid = self.hold("the kept card is charged while nobody is there", lambda: taken(gateway, prepared))
        if paid is None:
            return
        self.hold(
            "the same key takes it once",
            lambda: taken(gateway, prepared).charge_id == paid.charge_id and paid.amount == amount,
        )
        self.hold(
            "its fee and movement are told once they are known",
            lambda: self.world.later(lambda: self._moved(paid.charge_id)) is not None,
        )
        back = gateway.prepare_refund(RefundOrder(ref, paid.charge_id, Money(1200, "EUR"), f"refund:{ref}:1"))
        refund = self.hold("a part is given back", lambda: gateway.refund(back))
        if refund is None:
            return
        self.hold("the same key gives back once", lambda: gateway.refund(back).refund_id == refund.refund_id)
        self.hold(
            "the refund is found by our tag and by its charge",
            lambda: (
                (found := gateway.find_refund(ref, self.began)) is not None
                and found.refund_id == refund.refund_id
                and [one.refund_id for one in gateway.refunds_of_charge(paid.charge_id)] == [refund.refund_id]
            ),
        )
        self.hold(
            "the movement of the refund is listed",
            lambda: self.world.later(lambda: self._moved(refund.refund_id)) is not None,
        )
        self.hold(
            "events tell of the charge and the refund",
            lambda: self.world.later(lambda: self._is_told({paid.charge_id, refund.refund_id})),
        )
        self.hold("the card is taken from its customer", lambda: gateway.detach_card(card.id))

    def _moved(self, source_id: str) -> RemoteMovement | None:
        listed = self.gateway.movements_between(self.began, datetime.now(UTC) + timedelta(hours=1))
        return next(
            (one for one in listed if isinstance(one, RemoteMovement) and one.source_id == source_id), None
        )

    def _is_told(self, wanted: set[str]) -> bool:
        types = ["charge.succeeded", "refund.created"]
        return wanted <= {event.object_id for event in self.gateway.events_since(self.began, types=types)}


def taken(gateway: StripePayments, prepared: PreparedRequest) -> RemoteCharge:
    """Charge a kept card; the charge, which must have been made."""
    answer = gateway.charge(prepared)
    assert answer.state is RemoteState.SUCCEEDED, answer.failure_code
    assert answer.charge is not None
    return answer.charge


def main() -> int:
    """Run every promise; returns the exit code."""
    key = os.environ.get("STRIPE_TEST_KEY", "")
    if not key.startswith(("sk_test_", "rk_test_")):
        print(
            "stripe-smoke needs STRIPE_TEST_KEY in the environment: a secret or restricted key of a Stripe "
            "account in test mode,\nwith write access. Live keys are refused; test mode moves no money."
        )
        return 2
    return Smoke(key).run()


if __name__ == "__main__":
    sys.exit(main())
