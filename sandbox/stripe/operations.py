"""The operations the sandbox offers, one table for all; each turns checked parameters into an answer.

Known differences from the real service: no refunds, disputes, payouts or subscriptions; setup intents are
begun on a hosted page only and save cards only; prices only as `price_data`; no manual capture; bank debits
answer after 5 days whatever the bank, and only for EUR, GBP, USD, AUD and CAD; fees follow one formula;
wallets are not offered; a parameter that is known but has no meaning here (shipping, tax, custom fields) is
taken and ignored. Bodies of 402 and 409 follow the documentation, not recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import cards, checkout, customers, payments, setups
from sandbox.stripe.currencies import check_amount, check_currency
from sandbox.stripe.errors import ApiError, absent, missing, refused_param, refused_state
from sandbox.stripe.events import new_id
from sandbox.stripe.schema import Description, form_name
from sandbox.stripe.store import API_VERSION, Unit

EXPAND_DEPTH = 4
CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


@dataclass
class Call:
    """One call whose key, version and parameters are in order."""

    unit: Unit
    params: dict[str, Any]
    object_id: str | None
    description: Description
    base_url: str

    def subject(self, kind: str) -> dict[str, Any]:
        """The object named in the path.

        Raises:
            ApiError: 404 `resource_missing`.
        """
        found = self.unit.get(self.object_id or "", kind)
        if found is None:
            raise missing(kind, self.object_id or "")
        return found


@dataclass(frozen=True)
class Handler:
    """An operation's name (as faults call it) and what it does."""

    op: str
    act: Callable[[Call], dict[str, Any]]

    def run(self, call: Call) -> dict[str, Any]:
        """Acts, then expands what the caller asked for."""
        result = self.act(call)
        for i, path in enumerate(call.params.get("expand", [])):
            _expand(call, result, path.split("."), path, i)
        return result


# --------------------------------------------------------------------------- reading


def retrieve(kind: str) -> Callable[[Call], dict[str, Any]]:
    """Makes the operation that answers one object."""
    return lambda call: call.subject(kind)


def listing(
    kind: str, url: str, fits: Callable[[Call, dict[str, Any]], bool] = lambda call, item: True
) -> Callable[[Call], dict[str, Any]]:
    """Makes the operation that answers a page of objects, newest first.

    Args:
        kind: Stripe's `object` word.
        url: what the list calls itself.
        fits: further filter on the caller's parameters.
    """

    def act(call: Call) -> dict[str, Any]:
        items = (item for item in call.unit.each(kind) if _created_fits(call, item) and fits(call, item))
        return _page(call, items, url, lambda object_id: call.unit.get(object_id, kind))

    return act


def _same(*names: str) -> Callable[[Call, dict[str, Any]], bool]:
    """A filter: each of these parameters, where given, equals the object's field."""
    return lambda call, item: all(
        item.get(name) == call.params[name] for name in names if name in call.params
    )


def _created_fits(call: Call, item: dict[str, Any]) -> bool:
    wish = call.params.get("created")
    if wish is None:
        return True
    if isinstance(wish, int):
        return bool(item["created"] == wish)
    tests = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}
    return all(tests[name](item["created"], bound) for name, bound in wish.items())


def _page(
    call: Call,
    items: Iterator[dict[str, Any]],
    url: str,
    find: Callable[[str], dict[str, Any] | None],
) -> dict[str, Any]:
    """Cuts one page out of a walk, newest first, by `limit`, `starting_after` and `ending_before`."""
    params, limit = call.params, call.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise refused_param("limit", "Invalid integer: limit must be between 1 and 100")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise refused_param("ending_before", "You may only pass one of ending_before and starting_after.")
    for name in ("starting_after", "ending_before"):
        if params.get(name) and find(params[name]) is None:
            raise missing("object", params[name], name)
    taken: list[dict[str, Any]] = []
    more, begun = False, after is None
    for item in items:
        if before and item["id"] == before:
            break
        if begun:
            taken.append(item)
            if len(taken) > limit:
                more = True
                if before is None:
                    break
                del taken[0]  # the page next to `ending_before` is the oldest of those newer than it
        begun = begun or item["id"] == after
    return {"object": "list", "data": taken[:limit], "has_more": more, "url": url}


def list_lines(call: Call) -> dict[str, Any]:
    """Answers a session's line items."""
    session = call.subject("checkout.session")
    lines = checkout.lines_of(call.unit, session["id"])
    known = {line["id"]: line for line in lines}
    return _page(call, iter(lines), f"/v1/checkout/sessions/{session['id']}/line_items", known.get)


def retrieve_event(call: Call) -> dict[str, Any]:
    """Answers one event."""
    row = call.unit.db.execute("SELECT data FROM event WHERE id = ?", (call.object_id,)).fetchone()
    if row is None:
        raise missing("event", call.object_id or "")
    return _event(call, row["data"])


def list_events(call: Call) -> dict[str, Any]:
    """Answers events, newest first, by type, age and delivery."""
    params, unit = call.params, call.unit
    if "type" in params and "types" in params:
        raise refused_param("types", "You may pass either type or types, but not both.")
    wanted = params.get("types") or ([params["type"]] if "type" in params else [])

    def wanted_type(name: str) -> bool:
        return not wanted or any(
            name == wish or (wish.endswith("*") and name.startswith(wish[:-1])) for wish in wanted
        )

    def walk() -> Iterator[dict[str, Any]]:
        rows = unit.db.execute("SELECT id, type, data FROM event ORDER BY seq DESC")
        for row in rows:
            if not wanted_type(row["type"]):
                continue
            if "delivery_success" in params and _undelivered(unit, row["id"]) == params["delivery_success"]:
                continue
            event = _event(call, row["data"])
            if _created_fits(call, event):
                yield event

    def find(event_id: str) -> dict[str, Any] | None:
        row = unit.db.execute("SELECT id FROM event WHERE id = ?", (event_id,)).fetchone()
        return dict(row) if row else None

    return _page(call, walk(), "/v1/events", find)


def _event(call: Call, data: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(data)
    event["pending_webhooks"] = call.unit.db.execute(
        "SELECT count(*) FROM delivery WHERE event = ? AND state = 'pending'", (event["id"],)
    ).fetchone()[0]
    return event


def _undelivered(unit: Unit, event_id: str) -> bool:
    row = unit.db.execute(
        "SELECT 1 FROM (SELECT endpoint, max(state = 'delivered') AS done FROM delivery WHERE event = ?"
        " GROUP BY endpoint) WHERE NOT done LIMIT 1",
        (event_id,),
    ).fetchone()
    return row is not None


def balance(call: Call) -> dict[str, Any]:
    """Adds up what is available and what is still on its way, by currency."""
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in call.unit.each("balance_transaction"):
        side = sums[transaction["status"]]
        side[transaction["currency"]] = side.get(transaction["currency"], 0) + transaction["net"]
    currencies = sorted({*sums["available"], *sums["pending"]}) or ["usd"]
    return {
        "object": "balance",
        "livemode": False,
        **{
            side: [
                {
                    "amount": sums[side].get(code, 0),
                    "currency": code,
                    "source_types": {"card": sums[side].get(code, 0)},
                }
                for code in currencies
            ]
            for side in ("available", "pending")
        },
    }


# --------------------------------------------------------------------------- changing


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


def list_methods(call: Call) -> dict[str, Any]:
    """Answers the payment methods that a customer holds, newest first."""
    customer = call.params.get("customer")
    if not customer:
        raise absent("customer")
    if call.unit.get(customer, "customer") is None:
        raise missing("customer", customer, "customer")
    return listing("payment_method", "/v1/payment_methods", _same("customer", "type"))(call)


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


# --------------------------------------------------------------------------- expanding


def _expand(call: Call, value: dict[str, Any], names: list[str], path: str, index: int) -> None:
    """Replaces ids by objects along one `expand` path."""
    if len(names) > EXPAND_DEPTH:
        raise refused_param(
            form_name(["expand", index]), "You cannot expand more than 4 levels of a property."
        )
    if not names:
        return
    if value.get("object") == "list" and names[0] == "data":
        for child in value["data"]:
            _expand(call, child, names[1:], path, index)
        return
    name, kind = names[0], value.get("object", "")
    if kind == "checkout.session" and name == "line_items":
        lines = checkout.lines_of(call.unit, value["id"])
        url = f"/v1/checkout/sessions/{value['id']}/line_items"
        value["line_items"] = {"object": "list", "data": lines[:10], "has_more": len(lines) > 10, "url": url}
        return
    if not call.description.expandable(kind, name):
        raise ApiError(400, f"This property cannot be expanded ({path}).", param=form_name(["expand", index]))
    if isinstance(value.get(name), str):
        value[name] = call.unit.get(value[name]) or value[name]
    if isinstance(value.get(name), dict):
        _expand(call, value[name], names[1:], path, index)


_BY_CUSTOMER = _same("customer")

OPERATIONS: dict[tuple[str, str], Handler] = {
    ("POST", "/v1/customers"): Handler("customers.create", create_customer),
    ("GET", "/v1/customers"): Handler("customers.list", listing("customer", "/v1/customers", _same("email"))),
    ("GET", "/v1/customers/{id}"): Handler("customers.retrieve", retrieve("customer")),
    ("POST", "/v1/customers/{id}"): Handler(
        "customers.update", lambda call: customers.update(call.unit, call.subject("customer"), call.params)
    ),
    ("POST", "/v1/checkout/sessions"): Handler("checkout.sessions.create", create_session),
    ("GET", "/v1/checkout/sessions"): Handler(
        "checkout.sessions.list",
        listing("checkout.session", "/v1/checkout/sessions", _same("customer", "payment_intent", "status")),
    ),
    ("GET", "/v1/checkout/sessions/{id}"): Handler(
        "checkout.sessions.retrieve", retrieve("checkout.session")
    ),
    ("POST", "/v1/checkout/sessions/{id}/expire"): Handler("checkout.sessions.expire", expire_session),
    ("GET", "/v1/checkout/sessions/{id}/line_items"): Handler("checkout.sessions.line_items", list_lines),
    ("POST", "/v1/payment_intents"): Handler("payment_intents.create", create_intent),
    ("GET", "/v1/payment_intents"): Handler(
        "payment_intents.list", listing("payment_intent", "/v1/payment_intents", _BY_CUSTOMER)
    ),
    ("GET", "/v1/payment_intents/{id}"): Handler("payment_intents.retrieve", retrieve("payment_intent")),
    ("POST", "/v1/payment_intents/{id}/confirm"): Handler("payment_intents.confirm", confirm_intent),
    ("POST", "/v1/payment_intents/{id}/cancel"): Handler("payment_intents.cancel", cancel_intent),
    ("GET", "/v1/charges"): Handler(
        "charges.list", listing("charge", "/v1/charges", _same("customer", "payment_intent"))
    ),
    ("GET", "/v1/charges/{id}"): Handler("charges.retrieve", retrieve("charge")),
    ("GET", "/v1/setup_intents"): Handler(
        "setup_intents.list",
        listing("setup_intent", "/v1/setup_intents", _same("customer", "payment_method")),
    ),
    ("GET", "/v1/setup_intents/{id}"): Handler("setup_intents.retrieve", retrieve("setup_intent")),
    ("GET", "/v1/payment_methods"): Handler("payment_methods.list", list_methods),
    ("GET", "/v1/payment_methods/{id}"): Handler("payment_methods.retrieve", retrieve("payment_method")),
    ("POST", "/v1/payment_methods/{id}/detach"): Handler("payment_methods.detach", detach_method),
    ("GET", "/v1/balance"): Handler("balance.retrieve", balance),
    ("GET", "/v1/balance_transactions"): Handler(
        "balance_transactions.list",
        listing(
            "balance_transaction", "/v1/balance_transactions", _same("source", "type", "currency", "payout")
        ),
    ),
    ("GET", "/v1/balance_transactions/{id}"): Handler(
        "balance_transactions.retrieve", retrieve("balance_transaction")
    ),
    ("GET", "/v1/events"): Handler("events.list", list_events),
    ("GET", "/v1/events/{id}"): Handler("events.retrieve", retrieve_event),
    ("POST", "/v1/webhook_endpoints"): Handler("webhook_endpoints.create", create_endpoint),
    ("GET", "/v1/webhook_endpoints"): Handler(
        "webhook_endpoints.list", listing("webhook_endpoint", "/v1/webhook_endpoints")
    ),
}
