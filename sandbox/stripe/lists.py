"""Pages of objects and of events, newest first; the database cuts them, however many there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.calls import Call
from sandbox.stripe.errors import absent, missing, refused_param

DAY = 86_400
EVENTS_KEPT = 30 * DAY
MOST_TYPES = 20
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_UNTAKEN = (
    "EXISTS (SELECT 1 FROM delivery WHERE delivery.event = event.id"
    " GROUP BY delivery.endpoint HAVING max(delivery.state = 'delivered') = 0)"
)


@dataclass
class _Filter:
    """Conditions on one table, all of them to hold; no text of a caller's is in `tests`."""

    table: str
    tests: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, test: str, *values: Any) -> None:
        self.tests.append(test)
        self.values += values

    def bounds(self, column: str, wish: Any) -> None:
        """One moment, or bounds of a span."""
        if isinstance(wish, int):
            self.add(f"{column} = ?", wish)
        for name, bound in wish.items() if isinstance(wish, dict) else ():
            self.add(f"{column} {_SIGNS[name]} ?", bound)


def listing(kind: str, url: str, *same: str) -> Callable[[Call], dict[str, Any]]:
    """Makes the operation that answers a page of objects.

    Args:
        kind: Stripe's `object` word.
        url: what the list calls itself.
        same: parameters that, where given, equal the object's field of that name.
    """

    def act(call: Call) -> dict[str, Any]:
        wanted = _Filter("object")
        wanted.add("kind = ?", kind)
        wanted.bounds("created", call.params.get("created"))
        for name in same:
            if name in call.params:
                wanted.add(f"json_extract(data, '$.{name}') = ?", call.params[name])
        return _page(call, wanted, url)

    return act


def list_lines(call: Call) -> dict[str, Any]:
    """Answers a session's line items, in their order."""
    session = call.subject("checkout.session")
    wanted = _Filter("object")
    wanted.add("kind = 'item' AND parent = ?", session["id"])
    return _page(call, wanted, f"/v1/checkout/sessions/{session['id']}/line_items", newest_first=False)


def list_methods(call: Call) -> dict[str, Any]:
    """Answers the payment methods that a customer holds."""
    customer = call.params.get("customer")
    if not customer:
        raise absent("customer")
    if call.unit.get(customer, "customer") is None:
        raise missing("customer", customer, "customer")
    return listing("payment_method", "/v1/payment_methods", "customer", "type")(call)


def list_transactions(call: Call) -> dict[str, Any]:
    """Answers balance transactions, also those that went out with an automatic payout."""
    params, wanted = call.params, _Filter("object")
    # The plus keeps the database from walking the whole kind where an index knows the few.
    few = "payout" in params or "source" in params
    wanted.add("+kind = 'balance_transaction'" if few else "kind = 'balance_transaction'")
    wanted.bounds("created", params.get("created"))
    if "payout" in params:
        payout = call.unit.get(params["payout"], "payout")
        if payout is None:
            raise missing("payout", params["payout"], "payout")
        if not payout["automatic"]:
            raise refused_param(
                "payout", "Balance transaction history can only be filtered on automatic payouts, not manual."
            )
        wanted.add("json_extract(private, '$.payout') = ?", payout["id"])
    for name in ("source", "type", "currency"):
        if name in params:
            wanted.add(f"json_extract(data, '$.{name}') = ?", params[name])
    return _page(call, wanted, "/v1/balance_transactions")


def list_payouts(call: Call) -> dict[str, Any]:
    """Answers payouts by status, age and day of arrival."""
    wanted = _Filter("object")
    wanted.add("kind = 'payout'")
    wanted.bounds("created", call.params.get("created"))
    wanted.bounds("json_extract(data, '$.arrival_date')", call.params.get("arrival_date"))
    if "status" in call.params:
        wanted.add("json_extract(data, '$.status') = ?", call.params["status"])
    return _page(call, wanted, "/v1/payouts")


def list_events(call: Call) -> dict[str, Any]:
    """Answers events of the last 30 days by type, age and delivery."""
    params, wanted = call.params, _Filter("event")
    if "type" in params and "types" in params:
        raise refused_param("types", "You may pass either type or types, but not both.")
    types = params.get("types") or ([params["type"]] if "type" in params else [])
    if len(types) > MOST_TYPES:
        raise refused_param("types", f"You may pass up to {MOST_TYPES} event types.")
    wanted.add("created >= ?", call.unit.now - EVENTS_KEPT)
    wanted.bounds("created", params.get("created"))
    if types:
        wanted.add("(" + " OR ".join(["type GLOB ?"] * len(types)) + ")", *types)
    if "delivery_success" in params:
        wanted.add(f"NOT {_UNTAKEN}" if params["delivery_success"] else _UNTAKEN)
    return _page(call, wanted, "/v1/events")


def retrieve_event(call: Call) -> dict[str, Any]:
    """Answers one event of the last 30 days."""
    row = call.unit.db.execute(
        "SELECT data FROM event WHERE id = ? AND created >= ?",
        (call.object_id, call.unit.now - EVENTS_KEPT),
    ).fetchone()
    if row is None:
        raise missing("event", call.object_id or "")
    return _with_deliveries(call, json.loads(row["data"]))


def _with_deliveries(call: Call, event: dict[str, Any]) -> dict[str, Any]:
    event["pending_webhooks"] = call.unit.db.execute(
        "SELECT count(*) FROM delivery WHERE event = ? AND state = 'pending'", (event["id"],)
    ).fetchone()[0]
    return event


def _page(call: Call, wanted: _Filter, url: str, *, newest_first: bool = True) -> dict[str, Any]:
    """Cuts one page by `limit`, `starting_after` and `ending_before`."""
    params, limit = call.params, call.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise refused_param("limit", "Invalid integer: limit must be between 1 and 100")
    if params.get("starting_after") and params.get("ending_before"):
        raise refused_param("ending_before", "You may only pass one of ending_before and starting_after.")
    # Next to `ending_before` are the oldest of those newer than it: read upwards, shown downwards.
    downwards = newest_first != bool(params.get("ending_before"))
    for name in ("starting_after", "ending_before"):
        if params.get(name):
            wanted.add("seq < ?" if downwards else "seq > ?", _seq(call, wanted, params[name], name))
    order = "DESC" if downwards else "ASC"
    rows = call.unit.db.execute(
        f"SELECT data FROM {wanted.table} WHERE {' AND '.join(wanted.tests)}"  # noqa: S608 - our own words only
        f" ORDER BY seq {order} LIMIT ?",
        (*wanted.values, limit + 1),
    ).fetchall()
    data = [json.loads(row["data"]) for row in rows[:limit]]
    if params.get("ending_before"):
        data.reverse()
    if wanted.table == "event":
        data = [_with_deliveries(call, event) for event in data]
    return {"object": "list", "data": data, "has_more": len(rows) > limit, "url": url}


def _seq(call: Call, wanted: _Filter, object_id: str, name: str) -> int:
    kept = "created >= ?" if wanted.table == "event" else "?"
    row = call.unit.db.execute(
        f"SELECT seq FROM {wanted.table} WHERE id = ? AND {kept}",  # noqa: S608 - our own words only
        (object_id, call.unit.now - EVENTS_KEPT),
    ).fetchone()
    if row is None:
        raise missing("object", object_id, name)
    return int(row["seq"])
