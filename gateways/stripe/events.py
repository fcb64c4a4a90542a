"""Stripe's notifications and its own list of them: verified or asked for, then read.

Source: stripe.md sections 1 and 4; docs.stripe.com/webhooks, docs.stripe.com/api/events/list.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import stripe

from gateways.stripe.line import StripeAccount, reading
from gateways.stripe.objects import id_of, moment, our_ref, short_id, stamp, tag
from receivables.ports import EndpointHealth, GatewayEvent, NotSignedByGateway

#: |now - t| of a notification's signature, seconds, in both directions (P-08).
TOLERANCE = 300
#: So many types Stripe takes in one question; more are sorted out here.
_MOST_TYPES = 20
_PAGE = 100


class StripeEvents(StripeAccount):
    """The part of the gateway that hears."""

    def read_event(self, body: bytes, signature: str | None, now: datetime) -> GatewayEvent:
        """Verify a notification with any of our secrets and read it (P-08)."""
        event = self._verified(body, signature)
        signed_at = stamp(signature or "")
        # The SDK would accept the future (requirements 0.8).
        if signed_at is None or abs(now.timestamp() - signed_at) > TOLERANCE:
            raise NotSignedByGateway("stale")
        if not getattr(event, "id", None) or not getattr(event, "type", None):
            raise NotSignedByGateway("unreadable")
        if bool(getattr(event, "livemode", False)) != self.live:
            raise NotSignedByGateway("livemode")
        return self._told(event, body.decode("utf-8"))

    def events_since(self, since: datetime, *, types: Sequence[str]) -> Iterator[GatewayEvent]:
        """Walk the list of events since a moment, the oldest first (P-12)."""
        asked: dict[str, Any] = {"limit": _PAGE}
        if types and len(types) <= _MOST_TYPES and not any(kind.endswith("*") for kind in types):
            asked["types"] = list(types)
        return self._forward(asked, since, types)

    def undelivered_events(self, since: datetime) -> Iterator[GatewayEvent]:
        """Walk the events that an endpoint of ours has not taken, the oldest first."""
        return self._forward({"limit": _PAGE, "delivery_success": False}, since, ())

    def _forward(
        self, asked: dict[str, Any], since: datetime, types: Sequence[str]
    ) -> Iterator[GatewayEvent]:
        """Walk upwards from the oldest event that a walk downwards finds."""
        rooms = self._client.v1.events
        asked = asked | {"created": {"gte": int(since.timestamp())}}
        with reading():
            oldest = deque(rooms.list(asked).auto_paging_iter(), maxlen=1)  # type: ignore[arg-type]
            if not oldest:
                return
            if _wanted(oldest[0].type, types):
                yield self._told(oldest[0])
            later = asked | {"ending_before": oldest[0].id}
            for event in rooms.list(later).auto_paging_iter():  # type: ignore[arg-type]
                if _wanted(event.type, types):
                    yield self._told(event)

    def endpoints(self) -> Sequence[EndpointHealth]:
        """Return the addresses that Stripe notifies."""
        with reading():
            return [
                EndpointHealth(
                    endpoint_id=found.id,
                    url=found.url,
                    enabled=found.status == "enabled",
                    event_types=tuple(found.enabled_events),
                    api_version=found.api_version,
                    our_version=stripe.api_version,
                )
                for found in self._client.v1.webhook_endpoints.list({"limit": _PAGE}).auto_paging_iter()
            ]

    def _told(self, event: Any, raw: str | None = None) -> GatewayEvent:
        thing: Any = getattr(getattr(event, "data", None), "object", None)
        what = getattr(thing, "object", "")
        intent = id_of(getattr(thing, "payment_intent", None))
        method = id_of(getattr(thing, "payment_method", None))
        return GatewayEvent(
            event_id=short_id(str(event.id)),
            type=str(event.type),
            created_at=moment(getattr(event, "created", None)),
            live=self.live,
            object_id=str(getattr(thing, "id", "")),
            session_id=id_of(thing) if what == "checkout.session" else None,
            intent_id=id_of(thing) if what == "payment_intent" else intent,
            attempt_ref=our_ref(thing),
            tagged=tag(thing, "amicable") is not None or our_ref(thing) is not None,
            raw=json.dumps(event.to_dict(for_json=True)) if raw is None else raw,
            charge_id=_charge_of(thing, what),
            payment_method_id=id_of(thing) if what == "payment_method" else method,
        )

    def _verified(self, body: bytes, signature: str | None) -> stripe.Event:
        for secret in self._secrets:
            try:
                # Its age is judged by the caller's clock, not by this machine's.
                event: stripe.Event = stripe.Webhook.construct_event(
                    body, signature or "", secret, tolerance=0
                )
                return event
            except (stripe.SignatureVerificationError, ValueError, AttributeError, TypeError):
                continue
        raise NotSignedByGateway("signature")


def _charge_of(thing: Any, what: str) -> str | None:
    if what == "charge":
        return id_of(thing)
    return id_of(getattr(thing, "charge", None)) or id_of(getattr(thing, "latest_charge", None))


def _wanted(kind: str, types: Sequence[str]) -> bool:
    return not types or any(
        kind == wish or (wish.endswith("*") and kind.startswith(wish[:-1])) for wish in types
    )
