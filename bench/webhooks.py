"""Acknowledging notifications of the gateway: distinct signed events at 32 connections.

Bars (issue A): p99 < 100 ms on PostgreSQL, < 250 ms on SQLite.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time

from bench import load, places

EVENTS = 1500
ROUNDS = 5
CONNECTIONS = 32


def event(number: int, port: int) -> bytes:
    """Bytes of one signed notification."""
    body = json.dumps(
        {
            "id": f"evt_bench_{number}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "livemode": False,
            "pending_webhooks": 1,
            "type": "checkout.session.completed",
            "request": {"id": None, "idempotency_key": None},
            "data": {
                "object": {
                    "id": f"cs_bench_{number}",
                    "object": "checkout.session",
                    "payment_intent": f"pi_bench_{number}",
                    "metadata": {"amicable": "1", "attempt": f"bench{number}"},
                }
            },
        }
    ).encode()
    stamp = int(time.time())
    signature = hmac.new(
        places.WEBHOOK_SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256
    ).hexdigest()
    return (
        f"POST /webhooks/stripe/default HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Stripe-Signature: t={stamp},v1={signature}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _rounds(port: int) -> load.Outcome:
    """The median of some rounds, each with events of its own."""
    return load.median(
        [
            load.run(
                port, lambda n, first=first: event(first + n, port), requests=EVENTS, connections=CONNECTIONS
            )
            for first in range(0, ROUNDS * EVENTS, EVENTS)
        ]
    )


def main() -> None:
    """Measure both databases and print the table."""
    print("Acknowledging notifications, 2 workers x 4 threads, 32 connections\n")
    print("| database | events/s | p50 ms | p99 ms | bar ms |")
    print("|---|---|---|---|---|")
    for kind, bar in (("postgres", 100), ("sqlite", 250)):
        with places.database(kind) as url, places.server("wsgi:app", url) as (port, _, _):
            outcome = _rounds(port)
            print(f"| {kind} | {outcome.rate:.0f} | {outcome.p50:.1f} | {outcome.p99:.1f} | {bar} |")
            if set(outcome.statuses) != {200}:
                print(f"  answers: {outcome.statuses}")


if __name__ == "__main__":
    main()
