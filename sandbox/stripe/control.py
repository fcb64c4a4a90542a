"""Levers for tests and demonstrations, under `/_sandbox/`: clock, faults, resending, pointing webhooks."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

from sandbox.stripe import clock, events, payouts
from sandbox.stripe.operations import OPERATIONS
from sandbox.stripe.store import Store, Unit
from sandbox.stripe.webhooks import Courier

CALL_FAULTS = (
    "timeout_before", "timeout_after", "drop", "error_500", "error_500_after", "409", "429", "slow",
)  # fmt: skip
KINDS = {
    "webhook": events.WEBHOOK_FAULTS,
    "fees": ("late_fee",),
    "payouts": payouts.FAULTS,
    "call": CALL_FAULTS,
}


class Refused(Exception):
    """The control request makes no sense; the sentence says why."""


def advance(store: Store, courier: Courier, wish: dict[str, Any]) -> dict[str, Any]:
    """Moves the clock and lets all ring that falls due.

    Args:
        wish: `seconds` and `days`, whole numbers, 0 or more, added up.
    Returns:
        `now` (Unix seconds of the sandbox clock) and `rang`.
    """
    seconds = int(wish.get("seconds", 0)) + int(wish.get("days", 0)) * 86_400
    if seconds < 0:
        raise Refused("The clock only moves forward.")
    with store.unit() as unit:
        clock.advance(unit, seconds)
        answer = {"now": unit.now, "rang": clock.tick(unit)}
        # What waits to be tried again waited all that time.
        unit.db.execute("UPDATE delivery SET due_at = due_at - ? WHERE state = 'pending'", (seconds,))
    courier.wake()
    return answer


def add_fault(store: Store, wish: dict[str, Any]) -> dict[str, Any]:
    """Asks for a fault that strikes the next `count` times.

    Args:
        wish: `op` (an operation such as `checkout.sessions.create`, `*` for any, `webhook:<type>`,
            `webhook:*`, `fees` or `payouts`), `kind`, `count` (default 1); the rest are options of the
            kind: `hold_seconds`, `stored`, `should_retry`, `n`, `seconds`.
    Raises:
        Refused: unknown operation or kind.
    """
    wish = dict(wish)
    op, kind, count = str(wish.pop("op", "*")), str(wish.pop("kind", "")), int(wish.pop("count", 1))
    room = op.partition(":")[0] if op in ("fees", "payouts") or op.startswith("webhook:") else "call"
    if room == "call" and op != "*" and op not in {handler.op for handler in OPERATIONS.values()}:
        raise Refused(f"No such operation: {op}.")
    if kind not in KINDS[room]:
        raise Refused(f"No such fault for {op}: {kind}. Known: {', '.join(KINDS[room])}.")
    with store.unit() as unit:
        unit.db.execute(
            "INSERT INTO fault (op, kind, remaining, options) VALUES (?, ?, ?, ?)",
            (op, kind, count, json.dumps(wish)),
        )
    return list_faults(store)


def clear_faults(store: Store) -> dict[str, Any]:
    """Takes back every fault that has not struck yet."""
    with store.unit() as unit:
        unit.db.execute("UPDATE fault SET remaining = 0")
    return list_faults(store)


def list_faults(store: Store) -> dict[str, Any]:
    """Lists the faults still to strike."""
    with store.unit() as unit:
        return {"faults": _waiting_faults(unit)}


def _waiting_faults(unit: Unit) -> list[dict[str, Any]]:
    rows = unit.db.execute("SELECT op, kind, remaining, options FROM fault WHERE remaining > 0 ORDER BY id")
    return [dict(row) | {"options": json.loads(row["options"])} for row in rows]


def resend(store: Store, courier: Courier, wish: dict[str, Any]) -> dict[str, Any]:
    """Queues an event once more for every endpoint.

    Args:
        wish: `event`, an id.
    """
    event_id = str(wish.get("event", ""))
    with store.unit() as unit:
        if unit.db.execute("SELECT 1 FROM event WHERE id = ?", (event_id,)).fetchone() is None:
            raise Refused(f"No such event: {event_id}.")
        queued = events.enqueue_again(unit, event_id)
    courier.wake()
    return {"queued": queued}


def point(courier: Courier, wish: dict[str, Any]) -> dict[str, Any]:
    """Points deliveries, waiting ones too, to another address.

    Args:
        wish: `url` and `secret`; or `connections`, how many deliveries may be under way at once.
    """
    if "connections" in wish:
        courier.connect(int(wish["connections"]))
        return {"connections": int(wish["connections"])}
    url, secret = str(wish.get("url", "")), str(wish.get("secret", ""))
    if not url.startswith(("http://", "https://")) or not secret:
        raise Refused("Webhooks need a url and a secret.")
    courier.point(url, secret)
    return {"url": url}


def overview(unit: Unit) -> dict[str, Any]:
    """Gathers what the human page shows: the latest sessions, intents, events and open faults."""
    sessions = list(islice(unit.each("checkout.session"), 50))
    rows = unit.db.execute(
        "SELECT id, type, created, object, (SELECT group_concat(word, ', ') FROM (SELECT"
        " state || coalesce(' ' || last_status, '') || iif(count(*) > 1, ' × ' || count(*), '') AS word"
        " FROM delivery WHERE delivery.event = event.id GROUP BY state, last_status)) AS deliveries"
        " FROM event ORDER BY seq DESC LIMIT 100"
    )
    kept = (method for method in unit.each("payment_method") if method["customer"])
    return {
        "now": unit.now,
        "sessions": sessions,
        "intents": list(islice(unit.each("payment_intent"), 50)),
        "events": [dict(row) for row in rows],
        "endpoints": list(unit.each("webhook_endpoint")),
        "charges": [charge for charge in islice(unit.each("charge"), 50) if charge["status"] == "succeeded"],
        "disputes": list(islice(unit.each("dispute"), 50)),
        "refunds": list(islice(unit.each("refund"), 50)),
        "methods": [
            method | {"mandate": next(unit.each("mandate", parent=method["id"]), None)}
            for method in islice(kept, 50)
        ],
        "payouts": list(islice(unit.each("payout"), 50)),
        "faults": _waiting_faults(unit),
    }
