"""A storm of notifications: each event many times over, shuffled, at 32 connections, against real gunicorn.

Two web processes, two workers, the payment stand-in. Measured are the time to the answer, any 5xx, and the
time from an event's first answer until it is done; afterwards the books must be those that the same events
give once each, in order, and the independent checker must find nothing broken in them (FT-11). Bars
(issue E): p99 < 250 ms, settled p95 < 5 s. Exit code 1: an answer of 5xx, other books, or broken ones.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, text

from bench import load, places
from gateways.stripe.payments import StripePayments
from models.payments import InboxEvent
from models.states import InboxStatus
from models.store import Store
from receivables.payments import inbox, starting
from receivables.payments.quotes import Choice
from receivables.policy import default_policy
from tests import factories as make
from tests.proof import check
from tests.standins import API_KEY, StandIn, pay_on_page, start_stripe

#: A payment by card is told of by five events.
PAYMENTS, COPIES, CONNECTIONS, WORKERS = 400, 100, 32, 2
#: What the books say, without ids and moments: equal however often and in which order the events came.
STATE = (
    "SELECT p.provider_charge_id, p.amount_minor, p.currency, p.account_id FROM payment p ORDER BY 1",
    "SELECT id, status, balance_minor FROM invoice ORDER BY 1",
    "SELECT ref, status FROM payment_attempt ORDER BY 1",
    "SELECT i.number, a.amount_minor, a.rule FROM allocation a JOIN invoice i ON i.id = a.invoice_id"
    " ORDER BY 1, 2",
    "SELECT e.reference, s.ledger_code, s.account_id, s.invoice_id, s.debit_minor, s.credit_minor"
    " FROM posting s JOIN ledger_entry e ON e.id = s.entry_id"
    " WHERE e.kind IN ('payment', 'gateway_fee') ORDER BY 1, 2, 3, 4, 5, 6",
    "SELECT provider_object_id, kind FROM provider_effect ORDER BY 1, 2",
    "SELECT kind, purpose, account_id FROM message ORDER BY 3, 1, 2",
)


@dataclass(frozen=True, slots=True)
class Storm:
    """What a storm came to.

    Attributes:
        answers: times to the answer and statuses.
        settled: seconds from an event's first answer until it was done, sorted.
        state, in_order: hash of the books after the storm, and after the same events once each.
        broken: what the independent checker says of the books after the storm; empty where all holds.
    """

    answers: load.Outcome
    settled: Sequence[float]
    state: str
    in_order: str
    broken: str

    @property
    def failures(self) -> int:
        """How many answers were 5xx."""
        return sum(count for status, count in self.answers.statuses.items() if status >= 500)

    @property
    def holds(self) -> bool:
        """Whether no answer was 5xx and the books are the same and whole."""
        return not self.failures and self.state == self.in_order and not self.broken

    @property
    def settled_p95(self) -> float:
        return self.settled[min(len(self.settled) - 1, int(len(self.settled) * 0.95))]


def prepare(url: str, stripe: StandIn, payments: int) -> list[str]:
    """Make paid pages that our books do not know of yet; the gateway's events about them, in order."""
    store = Store(url)
    gateway = _gateway(stripe)
    with store.write() as session:
        creditor = make.a_creditor(session)
    for number in range(payments):
        now = datetime.now(UTC)
        with store.write() as session:
            account = make.an_account(session, creditor, now=now)
            make.an_invoice(session, account, total=57600 + number, now=now)
        started = starting.start(
            store, gateway, make.holder_actor(account), Choice("all", "GBP"), account_id=account.id,
            zone=account.zone, nonce=f"storm-{number}", language="en", title="Storm", note=None,
            base_url="http://127.0.0.1:9", now=now,
        )  # fmt: skip
        assert started.url is not None
        pay_on_page(started.url)
    store.dispose()
    with closing(sqlite3.connect(stripe.db_path)) as log:
        return [row[0] for row in log.execute("SELECT data FROM event ORDER BY seq")]


def _gateway(stripe: StandIn) -> StripePayments:
    return StripePayments("default", API_KEY, [places.WEBHOOK_SECRET], stripe.url)


def request(body: bytes, port: int) -> bytes:
    """Bytes of one signed notification."""
    return (
        f"POST /webhooks/stripe/default HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Stripe-Signature: {_signature(body)}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def in_order(url: str, stripe: StandIn, events: Sequence[str]) -> str:
    """Take each event once, in order, in this process; the hash of the books."""
    store, gateway, policy = Store(url), _gateway(stripe), default_policy()
    for event in events:
        now = datetime.now(UTC)
        read = gateway.read_event(event.encode(), _signature(event.encode()), now)
        store.run(lambda s, e=read, n=now: inbox.accept(s, e, gateway_account="default", now=n))  # type: ignore[misc]
        for row in store.run(lambda s, n=now: inbox.claim(s, worker="order", policy=policy, now=n)):  # type: ignore[misc]
            inbox.process(store, gateway, row, now=now)
    found = state(store)
    store.dispose()
    return found


def _signature(body: bytes) -> str:
    stamp = int(time.time())
    digest = hmac.new(places.WEBHOOK_SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
    return f"t={stamp},v1={digest.hexdigest()}"


def state(store: Store) -> str:
    """Hash of what the books say."""
    digest = hashlib.sha256()
    with store.read() as session:
        for query in STATE:
            for row in session.execute(text(query)):
                digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


@contextmanager
def workers(url: str, stripe: StandIn, count: int) -> Iterator[None]:
    """Workers as in production."""
    environment = {
        **os.environ, "AMICABLE_ENV": "test", "DATABASE_URL": url, "SECRET_KEY": places.SECRET,
        "BASE_URL": "http://127.0.0.1:9", "STRIPE_SECRET_KEY": API_KEY,
        "STRIPE_WEBHOOK_SECRET": places.WEBHOOK_SECRET, "AMICABLE_STRIPE_API_BASE": stripe.url,
        "PYTHONPATH": str(places.ROOT),
    }  # fmt: skip
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "jobs.commands", "worker"],
            cwd=places.ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def at_work(url: str, port: int, count: int) -> None:
    """Wait until so many workers have each taken up a notification: the storm finds them at work.

    A worker that starts does the day's work first. The notifications are of a kind that nobody follows.
    """
    store, number, pause, deadline = Store(url), 0, threading.Event(), time.monotonic() + 300
    known: set[str | None] = set()
    while len(known) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(known)} of {count} workers are at work after five minutes")
        number += 1
        now = int(time.time())
        body = json.dumps(
            {
                "id": f"evt_ready_{number}", "object": "event", "type": "nothing.at_all", "created": now,
                "livemode": False, "api_version": "2026-10-28.endive",
                "data": {"object": {"id": f"none_{number}", "object": "nothing"}},
            }
        ).encode()  # fmt: skip
        load.run(port, lambda n, b=body: request(b, port), requests=1, connections=1)  # type: ignore[misc]
        pause.wait(0.1)
        with store.read() as session:
            known = set(session.scalars(select(InboxEvent.worker).where(_DONE)))
    store.dispose()


_DONE = InboxEvent.status == InboxStatus.DONE


class _Watch(threading.Thread):
    """Notes when each event is done, by looking again and again."""

    def __init__(self, url: str, events: Collection[str]) -> None:
        super().__init__()
        self.done: dict[str, float] = {}
        self._store, self._waiting = Store(url), set(events)
        self.patience = 600.0

    def run(self) -> None:
        deadline = time.monotonic() + self.patience
        pause = threading.Event()
        while self._waiting and time.monotonic() < deadline:
            with self._store.read() as session:
                done = set(session.scalars(select(InboxEvent.event_id).where(_DONE)))
                at = time.monotonic()
            for event_id in done & self._waiting:
                self.done[event_id] = at
            self._waiting -= done
            pause.wait(0.1)
        self._store.dispose()


def blow(
    url: str, stripe: StandIn, events: Sequence[str], *, copies: int, seed: int, port: int
) -> tuple[load.Outcome, list[float]]:
    """Send every event so many times, shuffled.

    Returns: the answers, and the seconds from each event's first answer until it was done.
    """
    bodies = {json.loads(event)["id"]: event.encode() for event in events}
    order = [event_id for event_id in bodies for _ in range(copies)]
    random.Random(seed).shuffle(order)  # noqa: S311 - a repeatable storm
    first: dict[str, float] = {}
    watch = _Watch(url, bodies)
    watch.start()

    def answered(number: int, status: int) -> None:
        if status == 200:
            first.setdefault(order[number], time.monotonic())

    outcome = load.run(
        port, lambda n: request(bodies[order[n]], port), requests=len(order), connections=CONNECTIONS,
        answered=answered,
    )  # fmt: skip
    watch.join()
    settled = sorted(
        max(watch.done[event_id] - at, 0.0) for event_id, at in first.items() if event_id in watch.done
    )
    assert len(settled) == len(bodies), f"{len(bodies) - len(settled)} events were never done"
    return outcome, settled


def storm(kind: str, *, payments: int, copies: int, seed: int = 1) -> Storm:
    """Prepare, blow, ask the checker, and compare with the same events once each, in order."""
    with tempfile.TemporaryDirectory(prefix="amicable-storm-") as name, places.database(kind) as url:
        folder = Path(name)
        stripe = start_stripe(folder, api_key=API_KEY)
        try:
            events = prepare(url, stripe, payments)
            with places.copied(url) as copy:
                with (
                    places.server("wsgi:app", url, api_base=stripe.url) as (port, _, _),
                    workers(url, stripe, WORKERS),
                ):
                    at_work(url, port, WORKERS)
                    answers, settled = blow(url, stripe, events, copies=copies, seed=seed, port=port)
                store = Store(url)
                found = state(store)
                store.dispose()
                proof = check(url, stripe_log=stripe.db_path)
                broken = proof.stdout + proof.stderr if proof.returncode else ""
                return Storm(answers, settled, found, in_order(copy, stripe, events), broken)
        finally:
            stripe.stop()
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Measure both databases and print the table; 1 where a storm did not hold, else 0."""
    print(
        f"{PAYMENTS * 5} events x {COPIES}, shuffled, {CONNECTIONS} connections, 2 web processes x 4 threads,"
        f" {WORKERS} workers\n"
    )
    print("| database | answers/s | p50 ms | p95 ms | p99 ms | 5xx | settled p95 s | same books | proved |")
    print("|---|---|---|---|---|---|---|---|---|")
    storms = []
    for kind in ("postgres", "sqlite"):
        found = storm(kind, payments=PAYMENTS, copies=COPIES)
        storms.append(found)
        print(
            f"| {kind} | {found.answers.rate:.0f} | {found.answers.p50:.1f} | {found.answers.p95:.1f} |"
            f" {found.answers.p99:.1f} | {found.failures} | {found.settled_p95:.2f} |"
            f" {'yes' if found.state == found.in_order else 'NO'} | {'NO' if found.broken else 'yes'} |"
        )
    for found in storms:
        if found.broken:
            print(f"\n{found.broken}", file=sys.stderr)
    return 0 if all(found.holds for found in storms) else 1


if __name__ == "__main__":
    sys.exit(main())
