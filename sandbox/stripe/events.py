"""Snapshot events: written in the same unit of work as the change they tell of, with their deliveries."""

from __future__ import annotations

import copy
import json
import secrets
import string
import time
from typing import Any

from sandbox.stripe.store import API_VERSION, Unit

ALPHABET = string.ascii_letters + string.digits
#: Spoilt once; the retry is a true one. `unheard`: the receiver took it and answered too late.
SPOILT = ("bad_signature", "forged", "old", "future", "unheard")
WEBHOOK_FAULTS = ("drop", "duplicate", "delay", "reorder", "never", *SPOILT)


def new_id(prefix: str, length: int = 24) -> str:
    """Makes an object id, e.g. `pi_` and 24 letters and digits."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def tell(
    unit: Unit, event_type: str, subject: dict[str, Any], previous: dict[str, Any] | None = None
) -> None:
    """Records an event and a delivery for each endpoint that listens for it.

    The fault `never` loses the event itself: neither a delivery nor the list of events knows of it.

    Args:
        unit: the unit of work in which the thing happened.
        event_type: e.g. `payment_intent.succeeded`.
        subject: the object as it is now; the event keeps a copy.
        previous: old values of changed fields, for `*.updated`.
    """
    if unit.take_fault(f"webhook:{event_type}", ("never",)):
        return
    endpoints = [
        endpoint
        for endpoint in unit.each("webhook_endpoint", newest_first=False)
        if endpoint["status"] == "enabled" and {"*", event_type} & set(endpoint["enabled_events"])
    ]
    data: dict[str, Any] = {"object": copy.deepcopy(subject)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = {
        "id": new_id("evt_"),
        "object": "event",
        "api_version": API_VERSION,
        "created": unit.now,
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": {"id": unit.request_id, "idempotency_key": unit.idempotency_key},
        "type": event_type,
    }
    unit.db.execute(
        "INSERT INTO event (id, type, created, object, data) VALUES (?, ?, ?, ?, ?)",
        (event["id"], event_type, unit.now, subject["id"], json.dumps(event, ensure_ascii=False)),
    )
    for endpoint in endpoints:
        _enqueue(unit, str(event["id"]), event_type, endpoint["id"])


def _enqueue(unit: Unit, event_id: str, event_type: str, endpoint_id: str) -> None:
    state, copies, delay, options = "pending", 1, 0.0, {}
    fault = unit.take_fault(f"webhook:{event_type}", tuple(set(WEBHOOK_FAULTS) - {"never"}))
    if fault:
        kind, wish = fault
        state = {"drop": "dropped", "reorder": "held"}.get(kind, "pending")
        copies = int(wish.get("n", 2)) if kind == "duplicate" else 1
        delay = float(wish.get("seconds", 5)) if kind == "delay" else 0.0
        options = {"spoilt": kind, "seconds": wish.get("seconds", 3600)} if kind in SPOILT else {}
    unit.db.executemany(
        "INSERT INTO delivery (event, endpoint, due_at, state, options) VALUES (?, ?, ?, ?, ?)",
        [(event_id, endpoint_id, time.time() + delay, state, json.dumps(options))] * copies,
    )
    if state != "held":
        release(unit, endpoint_id)


def release(unit: Unit, endpoint_id: str) -> None:
    """Lets deliveries go that were held to be overtaken, the latest first."""
    held = unit.db.execute(
        "DELETE FROM delivery WHERE endpoint = ? AND state = 'held' RETURNING id, event", (endpoint_id,)
    ).fetchall()
    unit.db.executemany(
        "INSERT INTO delivery (event, endpoint, due_at) VALUES (?, ?, ?)",
        [(row["event"], endpoint_id, time.time()) for row in sorted(held, key=lambda row: -row["id"])],
    )


def enqueue_again(unit: Unit, event_id: str) -> int:
    """Queues an event once more for each endpoint, as the Dashboard's Resend does; returns how many."""
    endpoints = [endpoint["id"] for endpoint in unit.each("webhook_endpoint", newest_first=False)]
    for endpoint_id in endpoints:
        unit.db.execute(
            "INSERT INTO delivery (event, endpoint, due_at) VALUES (?, ?, ?)",
            (event_id, endpoint_id, time.time()),
        )
    return len(endpoints)
