"""Messages on PostgreSQL: queued a second, made and sent a second by one worker and by two.

Bars (issue C): enqueue ≥ 2,000/s; render and send in leases of 20 ≥ 150/s a worker; two workers at least
1.5 times one against a sink that answers after 20 ms. Every message asks the gate, mints its link, works
out its amounts, is rendered as text and HTML, half of them in Hebrew, and looked at again before it leaves.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import Connection, event, func, select

from assembly import House, assemble
from bench import ladder, places
from bench.pages import FAR
from bench.sink import sink
from config import Settings
from jobs import outbox as postbox
from jobs import worker
from models.accounts import Account, Contact
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus
from models.store import Store
from receivables import outbox
from receivables.permissions import SYSTEM

#: A Thursday, 10:00 in London: inside every contact window.
NOW = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)
ACCOUNTS = 4000
#: Messages that each measurement sends, and those that warm a worker up.
SENT, WARM = 1500, 60
LATENCY = 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """Messages a second; statements for each message of one worker."""

    one_by_one: float
    enqueued: float
    alone: float
    alone_slow: float
    pair_slow: float
    statements: float


def house_at(url: str, smtp: str, folder: str) -> House:
    """The house of a worker."""
    return assemble(
        Settings.load(
            **{
                "AMICABLE_ENV": "test", "DATABASE_URL": url, "SECRET_KEY": places.SECRET,
                "AMICABLE_DATA_DIR": Path(folder), "BASE_URL": "https://pay.northgate.example",
                "SMTP_URL": smtp,
            }
        )
    )  # fmt: skip


def build(store: Store) -> None:
    """Accounts with five invoices and one contact each, none paused, every second one in Hebrew."""
    ladder.build(store, ACCOUNTS * ladder.EACH, NOW)
    with store.writer.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            f"UPDATE account SET language = 'he' WHERE id > {FAR} AND mod(id, 2) = 0"  # noqa: S608
        )
        connection.exec_driver_sql("DELETE FROM pause")


def queue(store: Store, first: int, count: int, *, together: bool) -> float:
    """Queue one reminder each to so many accounts; returns messages a second."""
    with store.read() as session:
        accounts = session.scalars(
            select(Account).where(Account.id > FAR).order_by(Account.id).offset(first).limit(count)
        ).all()
        people = {c.account_id: c for c in session.scalars(select(Contact).where(Contact.account_id > FAR))}
    outgoing = [
        outbox.Outgoing(
            account=account, contact=people[account.id], channel=Channel.EMAIL, purpose=Purpose.REMINDER,
            kind="first_reminder", facts={}, dedupe_key=f"bench:{account.id}", currency="GBP",
        )
        for account in accounts
    ]  # fmt: skip
    began = time.perf_counter()
    step = 500 if together else 1
    for at in range(0, count, step):
        some = outgoing[at : at + step]
        store.run(lambda s, some=some: outbox.enqueue_many(s, SYSTEM, some, now=NOW))  # type: ignore[misc]
    return count / (time.perf_counter() - began)


def empty_queue(house: House, name: str, most: int | None = None) -> int:
    """Send until nothing waits, or so many were looked at; returns how many."""
    looked = 0
    while most is None or looked < most:
        seen = postbox.send_due(house, worker=name, now=NOW)
        if not seen:
            break
        looked += seen
    return looked


def _work(url: str, smtp: str, name: str, warm: int, ready: Barrier) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = house_at(url, smtp, folder)
        empty_queue(house, name, warm)
        ready.wait()
        with worker.more_lines(house, name, stop=threading.Event(), clock=lambda: NOW):
            empty_queue(house, name)
        house.store.dispose()


def send(url: str, workers: int, latency: float, expected: int) -> float:
    """Let so many processes empty the queue; returns messages a second, all together."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(workers + 1)
    with sink(latency) as smtp:
        processes = [
            context.Process(target=_work, args=(url, smtp, f"w{n}", WARM, ready)) for n in range(workers)
        ]
        for process in processes:
            process.start()
        ready.wait()
        began = time.perf_counter()
        for process in processes:
            process.join()
        took = time.perf_counter() - began
    return (expected - WARM * workers) / took


def statements(url: str) -> float:
    """Statements for each message, in leases of 20."""
    with sink() as smtp, tempfile.TemporaryDirectory() as folder:
        house = house_at(url, smtp, folder)
        made: list[str] = []

        @event.listens_for(house.store.writer, "before_cursor_execute")
        def count(_: Connection, cursor: object, statement: str, *more: object) -> None:
            made.append(statement)

        looked = empty_queue(house, "counted")
        house.store.dispose()
    return len(made) / looked


def measure() -> Measured:
    """Measure everything in one database; what was queued is sent by each measurement in turn."""
    with places.database("postgres") as url:
        store = Store(url)
        build(store)
        one_by_one = queue(store, 0, 200, together=False)
        per_message = statements(url)
        enqueued = queue(store, 200, SENT, together=True)
        alone = send(url, 1, 0.0, SENT)
        at = 200 + SENT
        queue(store, at, SENT // 2, together=True)
        alone_slow = send(url, 1, LATENCY, SENT // 2)
        queue(store, at + SENT // 2, SENT // 2, together=True)
        pair_slow = send(url, 2, LATENCY, SENT // 2)
        with store.read() as session:
            left = session.scalar(
                select(func.count()).select_from(Message).where(Message.status != MessageStatus.SENT)
            )
        store.dispose()
    if left:
        raise RuntimeError(f"{left} messages were not sent: the figures say nothing")
    return Measured(one_by_one, enqueued, alone, alone_slow, pair_slow, per_message)


def main() -> None:
    """Measure and print the table."""
    m = measure()
    print("| what | messages/s | bar |")
    print("|---|---|---|")
    print(f"| enqueue, 500 in a unit of work | {m.enqueued:,.0f} | 2,000 |")
    print(f"| enqueue, one in a unit of work | {m.one_by_one:,.0f} | |")
    print(f"| render and send, one worker | {m.alone:,.0f} | 150 |")
    print(f"| the same, a sink of {LATENCY * 1000:.0f} ms | {m.alone_slow:,.0f} | |")
    print(f"| two workers, a sink of {LATENCY * 1000:.0f} ms | {m.pair_slow:,.0f} | |")
    print(f"\nTwo workers are {m.pair_slow / m.alone_slow:.2f} times one (bar 1.5); ", end="")
    print(f"{m.statements:.1f} statements for each message.")


if __name__ == "__main__":
    main()
