"""The courier: signs events and carries them to the endpoints, with back-off until they are taken.

Which time a signature bears is told in `clock.signing_time`.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sandbox.stripe import clock
from sandbox.stripe.events import new_id, release
from sandbox.stripe.store import API_VERSION, Store

BACK_OFF = (1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60)  # seconds after each failed try; then given up
ANSWER_WITHIN = 10
POINTED = "we_sandbox_pointed"
MOST_CONNECTIONS = 64

log = logging.getLogger("sandbox.stripe.webhooks")


def signature(payload: str, secret: str, moment: int) -> str:
    """Writes the `Stripe-Signature` header: HMAC-SHA256 over "<moment>.<payload>"."""
    digest = hmac.new(secret.encode(), f"{moment}.{payload}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _written(payload: str, secret: str, moment: int, options: dict[str, Any]) -> tuple[str, str]:
    """The body and its signature, spoilt where a fault says so."""
    spoilt, seconds = options.get("spoilt"), int(options.get("seconds", 0))
    moment += {"old": -seconds, "future": seconds}.get(spoilt or "", 0)
    signed = signature(payload, new_id("whsec_not_", 32) if spoilt == "bad_signature" else secret, moment)
    if spoilt == "forged":
        dearer = re.sub(r'("amount(?:_total)?": )(\d)', r"\g<1>9\2", payload, count=1)
        payload = dearer if dearer != payload else payload + " "
    return payload, signed


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect is a failed delivery, as it is for Stripe."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Courier:
    """Delivers what the `delivery` table holds; a thread does it in time, `flush` does it at once.

    Args:
        store: the stand-in's memory.
        patience: seconds after which a receiver that has not answered has not taken the event.
    """

    def __init__(self, store: Store, patience: float = ANSWER_WITHIN) -> None:
        self.store = store
        self._patience = patience
        self._turn = threading.Condition()
        self._under_way: set[int] = set()
        self._connections = 1
        self._wake = threading.Event()
        self._stopped = False
        # No proxy from the environment: deliveries go to loopback or to where they were pointed.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere()).open
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._carriers = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="carrier")

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the deliveries that are under way."""
        self._stopped = True
        self._wake.set()
        self._thread.join(self._patience + 1)
        self._carriers.shutdown(cancel_futures=True)

    def connect(self, connections: int) -> None:
        """Says how many deliveries may be under way at once; with 1 they keep their order.

        Raises:
            ValueError: fewer than 1, or more than MOST_CONNECTIONS.
        """
        if not 1 <= connections <= MOST_CONNECTIONS:
            raise ValueError(f"From 1 to {MOST_CONNECTIONS} connections.")
        self._connections = connections

    def wake(self) -> None:
        """Says that there may be something new to deliver."""
        self._wake.set()

    def point(self, url: str, secret: str) -> None:
        """Sends events, also those still waiting, to this address from now on.

        Args:
            url: where the receiver listens.
            secret: `whsec_…` shared with it.
        """
        with self.store.unit() as unit:
            endpoint: dict[str, Any] = {
                "id": POINTED,
                "object": "webhook_endpoint",
                "api_version": API_VERSION,
                "application": None,
                "created": unit.now,
                "description": "pointed by the sandbox's own control",
                "enabled_events": ["*"],
                "livemode": False,
                "metadata": {},
                "status": "enabled",
                "url": url,
            }
            unit.put(endpoint, private={"secret": secret})
        self.wake()

    def flush(self) -> dict[str, int]:
        """Tries every waiting delivery once, delayed ones too; answers how they went.

        Returns:
            Counts `delivered`, `failed` (this try) and `pending` (left for later).
        """
        with self.store.unit() as unit:
            for endpoint in list(unit.each("webhook_endpoint")):
                release(unit, endpoint["id"])
            rows = unit.db.execute("SELECT id FROM delivery WHERE state = 'pending' ORDER BY id")
            waiting = [row["id"] for row in rows]
        outcomes = [outcome for outcome in self._carry(waiting) if outcome is not None]
        with self.store.unit() as unit:
            pending = unit.db.execute("SELECT count(*) FROM delivery WHERE state = 'pending'").fetchone()[0]
        return {"delivered": outcomes.count(True), "failed": outcomes.count(False), "pending": pending}

    def _carry(self, waiting: list[int]) -> Iterable[bool | None]:
        if self._connections == 1:
            return map(self._deliver, waiting)
        return self._carriers.map(self._deliver, waiting)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            with self.store.unit() as unit:
                rows = unit.db.execute(
                    "SELECT id, due_at FROM delivery WHERE state = 'pending' ORDER BY due_at, id LIMIT ?",
                    (1 if self._connections == 1 else 8 * self._connections,),
                ).fetchall()
            due = [row["id"] for row in rows if row["due_at"] <= time.time()]
            if not due:
                self._wake.wait(rows[0]["due_at"] - time.time() if rows else None)
                continue
            for _ in self._carry(due):
                pass

    def _deliver(self, delivery_id: int) -> bool | None:
        """Tries one delivery; None when it was already taken care of."""
        with self._turn:
            self._turn.wait_for(
                lambda: delivery_id not in self._under_way and len(self._under_way) < self._connections
            )
            self._under_way.add(delivery_id)
        try:
            return None if self._stopped else self._try(delivery_id)
        finally:
            with self._turn:
                self._under_way.discard(delivery_id)
                self._turn.notify_all()

    def _try(self, delivery_id: int) -> bool | None:
        with self.store.unit() as unit:
            row = unit.db.execute(
                "SELECT d.*, e.data FROM delivery d JOIN event e ON e.id = d.event"
                " WHERE d.id = ? AND d.state = 'pending'",
                (delivery_id,),
            ).fetchone()
            if row is None:
                return None
            endpoint = unit.get(row["endpoint"])
            if endpoint is None or endpoint["status"] != "enabled":
                unit.db.execute("UPDATE delivery SET state = 'failed' WHERE id = ?", (delivery_id,))
                return False
            secret = unit.private(row["endpoint"])["secret"]
            moment = clock.signing_time(unit)
        options = json.loads(row["options"])
        payload, signed = _written(row["data"], secret, moment, options)
        status, trouble = self._post(endpoint["url"], payload, signed)
        if options.get("spoilt") == "unheard":
            status, trouble = None, "the answer came too late"
        taken = status is not None and 200 <= status < 300
        self._record(delivery_id, row["attempts"] + 1, status, trouble, taken)
        return taken

    def _record(
        self, delivery_id: int, attempts: int, status: int | None, trouble: str | None, taken: bool
    ) -> None:
        given_up = not taken and attempts > len(BACK_OFF)
        due_at = time.time() + (0 if taken or given_up else BACK_OFF[attempts - 1])
        with self.store.unit() as unit:
            # What was spoilt on purpose is spoilt once: the retry is a true one. An endpoint that was
            # deleted meanwhile gave its deliveries up.
            unit.db.execute(
                "UPDATE delivery SET state = ?, attempts = ?, last_status = ?, last_error = ?, due_at = ?,"
                " done_at = ?, options = '{}' WHERE id = ? AND state = 'pending'",
                (
                    "delivered" if taken else "failed" if given_up else "pending",
                    attempts,
                    status,
                    trouble,
                    due_at,
                    time.time() if taken else None,
                    delivery_id,
                ),
            )

    def _post(self, url: str, payload: str, signed: str) -> tuple[int | None, str | None]:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked where endpoints are made
            url,
            data=payload.encode(),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": signed,
                "User-Agent": "Stripe/1.0 (sandbox)",
            },
        )
        try:
            with self._open(request, timeout=self._patience) as answer:
                return answer.status, None
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, str(error)
        except (OSError, ValueError, http.client.HTTPException) as error:
            log.info("delivery to %s failed: %s", url, error)
            return None, str(error)
