"""`make stripe-smoke`: the gateway's promises, and the stand-in's claims, against real Stripe in test mode.

Needs STRIPE_TEST_KEY (sk_test_… or rk_test_… with write access). Opens a hosted page for 1.00 in each
currency with a rule of its own, opens it again with the same key, reads it, ends it and looks for it; then
holds Stripe to every claim of tests/conformance (claims.py, door_claims.py) that needs no lever, with test
cards. No money moves in test mode. Prints what held; exits 1 where it did not.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import stripe

from gateways.stripe.line import TIMEOUT
from gateways.stripe.payments import StripePayments
from models.money import CURRENCIES, Money
from receivables.ports import CheckoutOrder, GatewayRefused, PreparedRequest, RemoteState
from tests.conformance.claims import CLAIMS
from tests.conformance.world import NEEDS_STANDIN, World


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


def main() -> int:
    """Run every promise; returns the exit code."""
    key = os.environ.get("STRIPE_TEST_KEY", "")
    if not key.startswith(("sk_test_", "rk_test_")):
        print(
            "stripe-smoke needs STRIPE_TEST_KEY in the environment: a secret or restricted key of a Stripe "
            "account in test mode,\nwith write access. Live keys are refused; test mode moves no money."
        )
        return 2
    gateway = StripePayments("default", key, ["whsec_unused"])
    broken = 0

    def hold(what: str, promise: Callable[[], bool]) -> None:
        nonlocal broken
        try:
            held = promise()
        except Exception as error:
            held, what = False, f"{what}: {type(error).__name__}: {error}"
        broken += not held
        print(f"{'holds ' if held else 'BROKEN'}  {what}")

    for currency, language in (("GBP", "en"), ("EUR", "ru"), ("ILS", "he"), ("HUF", "hu"), ("JPY", "en")):
        asked = order(currency, language)
        prepared = gateway.prepare_checkout(asked)
        opened = gateway.send(prepared)
        hold(
            f"{currency}: the same key opens the same page",
            lambda p=prepared, o=opened: gateway.send(p).session_id == o.session_id,
        )
        hold(
            f"{currency}: the page is open and ours",
            lambda a=asked, o=opened: (
                (r := gateway.retrieve(o.session_id)).state is RemoteState.OPEN
                and r.attempt_ref == a.attempt_ref
            ),
        )
        hold(
            f"{currency}: it is found by our tag",
            lambda a=asked: gateway.find(a.attempt_ref, datetime.now(UTC) - timedelta(minutes=5)) is not None,
        )
        hold(
            f"{currency}: it can be ended, twice",
            lambda o=opened: (
                gateway.expire(o.session_id).state is RemoteState.EXPIRED
                and gateway.expire(o.session_id).state is RemoteState.EXPIRED
            ),
        )
    stale = order("GBP", "en")
    late = gateway.prepare_checkout(stale)
    body = late.body.replace(
        str(int(stale.expires_at.timestamp())), str(int(datetime.now(UTC).timestamp()) + 60)
    )

    def refused() -> bool:
        try:
            gateway.send(PreparedRequest(late.operation, body, late.idempotency_key))
        except GatewayRefused as error:
            return error.param == "expires_at"
        return False

    hold("a page that ends too soon is refused, naming expires_at (decision 13)", refused)
    http = stripe.RequestsClient(timeout=TIMEOUT)
    world = World(stripe.StripeClient(key, max_network_retries=2, http_client=http))
    for claim in CLAIMS:
        if claim.__name__ not in NEEDS_STANDIN:
            hold(str(claim.__doc__), lambda c=claim: c(world) is None)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
