"""The API description is the installed SDK's, and it tells right requests from wrong ones."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.conformance import sdkspec
from tests.conformance.conftest import sdk
from tests.conformance.judge import description, recorder, response_faults

SESSIONS = "/v1/checkout/sessions"


def test_the_description_is_that_of_the_installed_sdk() -> None:
    """P-27: after an SDK bump this fails until `python -m tests.conformance.sdkspec` is run."""
    with gzip.open(sdkspec.DATA_FILE) as file:
        kept = json.load(file)
    built = json.loads(json.dumps(sdkspec.build()))
    assert kept["info"] == built["info"]
    assert set(kept["components"]["schemas"]) == set(built["components"]["schemas"])
    assert kept == built


def test_the_version_is_the_one_the_stand_in_speaks() -> None:
    assert description().version == "2026-10-28.endive"


def _send(call: Callable[[stripe.StripeClient], Any]) -> list[str]:
    """What the description has against the request that the SDK makes of a call."""
    with recorder() as heard, sdk(heard.url) as made:
        call(made)
        return heard.requests[-1].faults()


RIGHT: dict[str, Callable[[stripe.StripeClient], Any]] = {
    "off-session instalment": lambda c: c.v1.payment_intents.create(
        {
            "amount": 1200,
            "currency": "gbp",
            "customer": "cus_1",
            "payment_method": "pm_1",
            "off_session": True,
            "confirm": True,
            "metadata": {"attempt": "a"},
        }
    ),
    "refund": lambda c: c.v1.refunds.create({"payment_intent": "pi_1", "amount": 100}),
    "events by type": lambda c: c.v1.events.list(
        {"types": ["charge.updated", "payment_intent.succeeded"], "delivery_success": False}
    ),
    "transactions of a payout": lambda c: c.v1.balance_transactions.list({"payout": "po_1", "limit": 100}),
    "charges since": lambda c: c.v1.charges.list({"created": {"gte": 1_700_000_000}}),
    "webhook endpoint": lambda c: c.v1.webhook_endpoints.create(
        {"url": "https://portal.example/w", "enabled_events": ["*"], "api_version": "2026-10-28.endive"}
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_requests_are_found_right(name: str) -> None:
    assert _send(RIGHT[name]) == []


def test_the_portals_session_is_right(order: Callable[..., dict[str, Any]]) -> None:
    assert _send(lambda c: c.v1.checkout.sessions.create(order())) == []  # type: ignore[arg-type]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "removed parameter": ({"payment_method_types": ["card"]}, "unknown parameter: payment_method_types"),
    "old ui_mode": ({"ui_mode": "hosted"}, "Invalid ui_mode"),
    "hebrew": ({"locale": "he"}, "Invalid locale"),
    "unknown parameter": ({"suces_url": "x"}, "unknown parameter: suces_url"),
    "not a number": ({"expires_at": "soon"}, "Invalid integer: soon"),
    "nested unknown": (
        {"line_items": [{"price_data": {"currency": "eur", "amount": 1}}]},
        "line_items[0][price_data][amount]",
    ),
    "nested missing": (
        {"line_items": [{"price_data": {"unit_amount": 1}}]},
        "line_items[0][price_data][currency]",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_sessions_are_found_wrong(name: str, order: Callable[..., dict[str, Any]]) -> None:
    """Code written from memory of older versions is found out without a network."""
    change, message = WRONG[name]
    faults = _send(lambda c: c.v1.checkout.sessions.create(order(**change)))  # type: ignore[arg-type]
    assert len(faults) == 1
    assert message in faults[0]


def test_wrong_answers_are_found_wrong() -> None:
    charge = {"id": "ch_1", "object": "charge", "amount": "12.50", "status": "paid"}
    faults = "\n".join(response_faults("GET", "/v1/charges/ch_1", charge))
    assert "amount: '12.50' is not of type 'integer'" in faults
    assert "status: 'paid' is not one of" in faults
    assert "'currency' is a required property" in faults
