"""Notifications that a test signs and posts itself, as the gateway would or as a forger might."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from sandbox.stripe.webhooks import signature
from tests.faults.works import Works
from tests.stack import WEBHOOK_SECRET


def an_event(event_id: str, kind: str, thing: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A snapshot event about an object."""
    return {
        "id": event_id, "object": "event", "api_version": "2026-10-28.endive", "type": kind,
        "created": int(time.time()), "livemode": False, "data": {"object": thing}, **more,
    }  # fmt: skip


def post(
    works: Works,
    event: dict[str, Any] | str,
    *,
    secret: str = WEBHOOK_SECRET,
    at: float | None = None,
    header: str | None = None,
    account: str = "default",
) -> int:
    """Post one notification to the running product; the status of its answer.

    Args:
        at: Unix time that the signature bears; None for now.
        header: the whole signature header, where it is not made here.
    """
    body = event if isinstance(event, str) else json.dumps(event)
    signed = signature(body, secret, int(time.time() if at is None else at)) if header is None else header
    line = http.client.HTTPConnection("127.0.0.1", works.port, timeout=300)
    try:
        line.request(
            "POST", f"/webhooks/stripe/{account}", body.encode(),
            {"Content-Type": "application/json", "Stripe-Signature": signed},
        )  # fmt: skip
        return line.getresponse().status
    finally:
        line.close()
