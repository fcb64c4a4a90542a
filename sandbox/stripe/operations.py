"""The operations the sandbox offers, one table for all; each turns checked parameters into an answer.

What differs from the real service is told in docs/stand-in.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import balance, cards, checkout, customers, disputes, payments, refunds, setups
from sandbox.stripe.calls import Call
from sandbox.stripe.currencies import check_amount, check_currency
from sandbox.stripe.errors import absent, missing, refused_param, refused_state
from sandbox.stripe.events import new_id
from sandbox.stripe.lists import (
    list_events,
    list_lines,
    list_methods,
    list_payouts,
    list_transactions,
    listing,
    retrieve_event,
)
from sandbox.stripe.store import API_VERSION

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


@dataclass(frozen=True)
class Handler:
    """An operation's name (as faults call it) and what it does."""

    op: str
    act: Callable[[Call], dict[str, Any]]

    def run(self, call: Call) -> dict[str, Any]:
        """Acts, then expands what the caller asked for."""
        return call.expand(self.act(call))


def retrieve(kind: str) -> Callable[[Call], dict[str, Any]]:
    """Makes the operation that answers one object."""
    return lambda call: call.subject(kind)


def create_customer(call: Call) -> dict[str, Any]:
    """Makes a customer."""
    for name in ("payment_method", "source", "test_clock"):
        if name in call.params:
            raise refused_param(name, f"The sandbox does not offer {name} here.")
    fields = {name: call.params[name] for name in customers.FIELDS if call.params.get(name)}
    return customers.create(call.unit, fields)


def create_session(call: Call) -> dict[str, Any]:
    """Makes a Checkout Session."""
    return checkout.create(call.unit, call.params, call.base_url)


def expire_session(call: Call) -> dict[str, Any]:
    """Ends an open Checkout Session."""
    return checkout.expire(call.unit, call.subject("checkout.session"))


def create_intent(call: Call) -> dict[str, Any]:
    """Makes a payment intent and, when asked, confirms it at once."""
    unit, params = call.unit, call.params
    currency = check_currency(params["currency"], "currency")
    check_amount(params["amount"], currency, "amount")
    for name in ("payment_method_data", "confirmation_token"):
        if name in params:
            raise refused_param(name, f"The sandbox does not offer {name}: send a payment_method.")
    if params.get("capture_method") == "manual":
        raise refused_param("capture_method", "The sandbox does not offer manual capture.")
    if params.get("off_session") and not params.get("confirm"):
        raise refused_param("off_session", "off_session can only be passed when confirm is true.")
    if params.get("customer") and unit.get(params["customer"], "customer") is None:
        raise missing("customer", params["customer"], "customer")
    method = _method_wished(call, params.get("customer"))
    carried = (
        "customer", "description", "metadata", "receipt_email", "setup_future_usage", "statement_descriptor",
        "statement_descriptor_suffix", "transfer_group",
    )  # fmt: skip
    fields = {name: params[name] for name in carried if params.get(name)}
    fields["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "always"}
    if "automatic_payment_methods" in params:
        fields["automatic_payment_methods"] |= params["automatic_payment_methods"]
    if method:
        fields |= {"payment_method": method["id"], "status": "requires_confirmation"}
        fields["payment_method_types"] = [method["type"]]
    intent = payments.new_intent(unit, params["amount"], currency, **fields)
    return _confirm(call, intent, method) if params.get("confirm") else intent


def confirm_intent(call: Call) -> dict[str, Any]:
    """Confirms a payment intent with its own or the given payment method."""
    intent = call.subject("payment_intent")
    if intent["status"] not in CONFIRMABLE:
        raise refused_state(
            f"This PaymentIntent's status is {intent['status']}; it cannot be confirmed.",
            "payment_intent_unexpected_state",
        )
    wished = _method_wished(call, intent["customer"])
    return _confirm(call, intent, wished or call.unit.get(intent["payment_method"] or ""))


def _confirm(call: Call, intent: dict[str, Any], method: dict[str, Any] | None) -> dict[str, Any]:
    if method is None:
        raise refused_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
        )
    intent = payments.attempt(
        call.unit,
        intent,
        method,
        challenge_url=f"{call.base_url}/3ds/{intent['id']}",
        off_session=bool(call.params.get("off_session")),
    )
    if intent["next_action"]:
        intent["next_action"]["redirect_to_url"]["return_url"] = call.params.get("return_url")
        call.unit.put(intent)
    return intent


def _method_wished(call: Call, customer: str | None) -> dict[str, Any] | None:
    wish = call.params.get("payment_method")
    if not wish:
        return None
    if wish in cards.BY_TOKEN:
        return payments.card_method(call.unit, cards.BY_TOKEN[wish])
    method = call.unit.get(wish, "payment_method")
    if method is None:
        raise missing("PaymentMethod", wish, "payment_method")
    if call.unit.private(wish).get("detached"):
        raise refused_param(
            "payment_method",
            "The provided PaymentMethod was detached from a Customer. It may not be used again. To use a"
            " PaymentMethod multiple times, you must attach it to a Customer first.",
        )
    if method["customer"] and method["customer"] != customer:
        raise refused_param(
            "payment_method",
            f"The customer does not have a payment method with the ID {wish}. The payment method must be"
            " attached to the customer.",
            "resource_missing",
        )
    return method


def cancel_intent(call: Call) -> dict[str, Any]:
    """Cancels a payment intent; one that belongs to a session ends with its session instead."""
    intent = call.subject("payment_intent")
    if checkout.session_of(call.unit, intent["id"]):
        raise refused_state(
            "You cannot cancel this PaymentIntent because it belongs to a Checkout Session:"
            " expire that instead.",
            "payment_intent_unexpected_state",
        )
    return payments.cancel(call.unit, intent, call.params.get("cancellation_reason"))


def create_method(call: Call) -> dict[str, Any]:
    """Makes a SEPA debit payment method of a test account; a card's number is typed on the page only."""
    params = call.params
    if params.get("type") != "sepa_debit":
        raise refused_param("type", "The sandbox makes sepa_debit here; cards have their pm_card_… ids.")
    iban = str((params.get("sepa_debit") or {}).get("iban", "")).replace(" ", "").upper()
    if iban not in cards.IBANS:
        raise refused_param(
            "sepa_debit[iban]", "This is not a known test account.", "invalid_bank_account_iban"
        )
    billing = params.get("billing_details") or {}
    if not billing.get("name") or not billing.get("email"):
        raise absent("billing_details[name]" if not billing.get("name") else "billing_details[email]")
    return payments.debit_method(
        call.unit, "eur", cards.IBANS[iban], name=billing["name"], email=billing["email"]
    )


def attach_method(call: Call) -> dict[str, Any]:
    """Gives a payment method to a customer; a `pm_card_…` id gives a new card."""
    customer = call.params["customer"]
    if call.unit.get(customer, "customer") is None:
        raise missing("customer", customer, "customer")
    if call.object_id in cards.BY_TOKEN:
        return setups.attach(
            call.unit, payments.card_method(call.unit, cards.BY_TOKEN[call.object_id]), customer
        )
    method = call.subject("payment_method")
    if call.unit.private(method["id"]).get("detached"):
        raise refused_state("This PaymentMethod was previously detached. It may not be used again.")
    return setups.attach(call.unit, method, customer)


def detach_method(call: Call) -> dict[str, Any]:
    """Takes a payment method from its customer."""
    return setups.detach(call.unit, call.subject("payment_method"))


def create_endpoint(call: Call) -> dict[str, Any]:
    """Registers a webhook endpoint; its secret is shown this once."""
    params = call.params
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise refused_param("api_version", f"The sandbox writes events of {API_VERSION} only.")
    secret = "whsec_" + new_id("", 32)
    endpoint = {
        "id": new_id("we_1"),
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": call.unit.now,
        "description": params.get("description") or None,
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "status": "enabled",
        "url": params["url"],
    }
    call.unit.put(endpoint, private={"secret": secret})
    return endpoint | {"secret": secret}


def delete_endpoint(call: Call) -> dict[str, Any]:
    """Forgets a webhook endpoint; what still waits for it is given up."""
    endpoint = call.subject("webhook_endpoint")
    call.unit.drop(endpoint["id"])
    call.unit.db.execute(
        "UPDATE delivery SET state = 'failed' WHERE endpoint = ? AND state IN ('pending', 'held')",
        (endpoint["id"],),
    )
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


OPERATIONS: dict[tuple[str, str], Handler] = {
    ("POST", "/v1/customers"): Handler("customers.create", create_customer),
    ("GET", "/v1/customers"): Handler("customers.list", listing("customer", "/v1/customers", "email")),
    ("GET", "/v1/customers/{id}"): Handler("customers.retrieve", retrieve("customer")),
    ("POST", "/v1/customers/{id}"): Handler(
        "customers.update", lambda call: customers.update(call.unit, call.subject("customer"), call.params)
    ),
    ("POST", "/v1/checkout/sessions"): Handler("checkout.sessions.create", create_session),
    ("GET", "/v1/checkout/sessions"): Handler(
        "checkout.sessions.list",
        listing("checkout.session", "/v1/checkout/sessions", "customer", "payment_intent", "status"),
    ),
    ("GET", "/v1/checkout/sessions/{id}"): Handler(
        "checkout.sessions.retrieve", retrieve("checkout.session")
    ),
    ("POST", "/v1/checkout/sessions/{id}/expire"): Handler("checkout.sessions.expire", expire_session),
    ("GET", "/v1/checkout/sessions/{id}/line_items"): Handler("checkout.sessions.line_items", list_lines),
    ("POST", "/v1/payment_intents"): Handler("payment_intents.create", create_intent),
    ("GET", "/v1/payment_intents"): Handler(
        "payment_intents.list", listing("payment_intent", "/v1/payment_intents", "customer")
    ),
    ("GET", "/v1/payment_intents/{id}"): Handler("payment_intents.retrieve", retrieve("payment_intent")),
    ("POST", "/v1/payment_intents/{id}"): Handler(
        "payment_intents.update",
        lambda call: payments.update(call.unit, call.subject("payment_intent"), call.params),
    ),
    ("POST", "/v1/payment_intents/{id}/confirm"): Handler("payment_intents.confirm", confirm_intent),
    ("POST", "/v1/payment_intents/{id}/cancel"): Handler("payment_intents.cancel", cancel_intent),
    ("GET", "/v1/charges"): Handler(
        "charges.list", listing("charge", "/v1/charges", "customer", "payment_intent")
    ),
    ("GET", "/v1/charges/{id}"): Handler("charges.retrieve", retrieve("charge")),
    ("GET", "/v1/setup_intents"): Handler(
        "setup_intents.list",
        listing("setup_intent", "/v1/setup_intents", "customer", "payment_method"),
    ),
    ("GET", "/v1/setup_intents/{id}"): Handler("setup_intents.retrieve", retrieve("setup_intent")),
    ("POST", "/v1/payment_methods"): Handler("payment_methods.create", create_method),
    ("POST", "/v1/payment_methods/{id}/attach"): Handler("payment_methods.attach", attach_method),
    ("GET", "/v1/payment_methods"): Handler("payment_methods.list", list_methods),
    ("GET", "/v1/payment_methods/{id}"): Handler("payment_methods.retrieve", retrieve("payment_method")),
    ("POST", "/v1/payment_methods/{id}/detach"): Handler("payment_methods.detach", detach_method),
    ("GET", "/v1/balance"): Handler("balance.retrieve", lambda call: balance.sums(call.unit)),
    ("GET", "/v1/balance_transactions"): Handler("balance_transactions.list", list_transactions),
    ("GET", "/v1/balance_transactions/{id}"): Handler(
        "balance_transactions.retrieve", retrieve("balance_transaction")
    ),
    ("GET", "/v1/events"): Handler("events.list", list_events),
    ("GET", "/v1/events/{id}"): Handler("events.retrieve", retrieve_event),
    ("POST", "/v1/webhook_endpoints"): Handler("webhook_endpoints.create", create_endpoint),
    ("GET", "/v1/webhook_endpoints"): Handler(
        "webhook_endpoints.list", listing("webhook_endpoint", "/v1/webhook_endpoints")
    ),
    ("DELETE", "/v1/webhook_endpoints/{id}"): Handler("webhook_endpoints.delete", delete_endpoint),
    ("POST", "/v1/refunds"): Handler("refunds.create", lambda call: refunds.create(call.unit, call.params)),
    ("GET", "/v1/refunds"): Handler(
        "refunds.list", listing("refund", "/v1/refunds", "charge", "payment_intent")
    ),
    ("GET", "/v1/refunds/{id}"): Handler("refunds.retrieve", retrieve("refund")),
    ("POST", "/v1/refunds/{id}/cancel"): Handler(
        "refunds.cancel", lambda call: refunds.cancel(call.unit, call.subject("refund"))
    ),
    ("GET", "/v1/disputes"): Handler(
        "disputes.list", listing("dispute", "/v1/disputes", "charge", "payment_intent")
    ),
    ("GET", "/v1/disputes/{id}"): Handler("disputes.retrieve", retrieve("dispute")),
    ("POST", "/v1/disputes/{id}"): Handler(
        "disputes.update", lambda call: disputes.answer(call.unit, call.subject("dispute"), call.params)
    ),
    ("POST", "/v1/disputes/{id}/close"): Handler(
        "disputes.close", lambda call: disputes.accept(call.unit, call.subject("dispute"))
    ),
    ("GET", "/v1/payouts"): Handler("payouts.list", list_payouts),
    ("GET", "/v1/payouts/{id}"): Handler("payouts.retrieve", retrieve("payout")),
    ("GET", "/v1/mandates/{id}"): Handler("mandates.retrieve", retrieve("mandate")),
    ("GET", "/v1/reviews/{id}"): Handler("reviews.retrieve", retrieve("review")),
    ("GET", "/v1/radar/early_fraud_warnings"): Handler(
        "radar.early_fraud_warnings.list",
        listing("radar.early_fraud_warning", "/v1/radar/early_fraud_warnings", "charge", "payment_intent"),
    ),
    ("GET", "/v1/radar/early_fraud_warnings/{id}"): Handler(
        "radar.early_fraud_warnings.retrieve", retrieve("radar.early_fraud_warning")
    ),
}
