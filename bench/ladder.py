"""The ladder on PostgreSQL: full evaluation, a run with nothing due, memory, at growing sizes.

Bars (issue C): 1,000,000 open invoices of 200,000 accounts: full nightly evaluation ≤ 120 s, memory
< 500 MB, linear from 10k; nothing due ≤ 10 s. `python -m bench.ladder 10000 100000 --workers 2`.
"""

from __future__ import annotations

import argparse
import functools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from sqlalchemy import Connection, select

from bench import places
from bench.pages import FAR
from jobs import ladder_run
from models.accounts import Contact
from models.base import Base
from models.pauses import PauseReason
from models.store import Store
from receivables import pauses
from receivables.permissions import SYSTEM
from tests import factories as make

#: Open invoices; an account has five.
SIZES = (10_000, 100_000, 1_000_000)
EACH = 5
#: A Tuesday: on the day after it something is due again, and tomorrow's waits already.
NIGHT = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of processor: ours and PostgreSQL's."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} ({self.processor:.1f})"


@dataclass(frozen=True, slots=True)
class Measured:
    """Four runs; memory in MB is the most that all our processes together held, without PostgreSQL."""

    invoices: int
    first: Took
    again: Took
    next_day: Took
    nothing: Took
    memory: float


def build(store: Store, invoices: int, now: datetime) -> None:
    """Fill a database: accounts with five invoices each, due from 100 days ago to 20 days ahead."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        account = make.an_account(session, creditor)
        pattern = make.an_invoice(session, account, due_on=now.date())
        account_id, invoice_id = account.id, pattern.id
        contact_id = session.scalars(select(Contact.id).where(Contact.account_id == account_id)).one()
        pause_id = pauses.pause(
            session, SYSTEM, account, PauseReason.PROMISE, key="pattern", now=now,
            to_on=now.date() + timedelta(days=5),
        ).id  # fmt: skip
    with store.writer.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # rows are right by copy
        accounts = invoices // EACH
        _copy(connection, "account", f"s.id = {account_id}", accounts, {
            "id": f"{FAR} + n", "number": "'B' || n", "name": "'Tidewater Café ' || n || ' Ltd'",
            "ref": "substr(md5('a' || n), 1, 22)",
        })  # fmt: skip
        _copy(connection, "contact", f"s.account_id = {account_id}", accounts, {
            "id": f"{FAR} + n", "account_id": f"{FAR} + n", "ref": "substr(md5('c' || n), 1, 22)",
            "email": "'helen' || n || '@tidewater.example'",
        })  # fmt: skip
        _copy(connection, "contact_role", f"s.contact_id = {contact_id}", accounts,
              {"contact_id": f"{FAR} + n"})  # fmt: skip
        _copy(connection, "invoice", f"s.id = {invoice_id}", invoices, {
            "id": f"{FAR} + n", "account_id": f"{FAR} + 1 + (n - 1) / {EACH}", "number": "'I' || n",
            "ref": "substr(md5('i' || n), 1, 22)", "due_on": "s.due_on + 20 - mod(n * 7, 120)::int",
        })  # fmt: skip
        # One account in ten was paused a while ago, another stands still now.
        for name, days_ago in (("past", 30), ("now", 2)):
            _copy(connection, "pause", f"s.id = {pause_id}", accounts // 10, {
                "id": f"{FAR * days_ago} + n", "account_id": f"{FAR} + n * 10 - {days_ago % 10}",
                "key": f"'{name}' || n",
                "from_on": f"s.from_on - {days_ago}", "to_on": f"s.to_on - {days_ago}",
            })  # fmt: skip
    with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _copy(connection: Connection, name: str, condition: str, count: int, said: dict[str, str]) -> None:
    """Copy one row `count` times inside PostgreSQL, with columns said otherwise."""
    columns = {
        column.name: said.get(column.name, f"s.{column.name}")
        for column in Base.metadata.tables[name].columns
    }
    connection.exec_driver_sql(
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "  # noqa: S608
        f"FROM {name} s, generate_series(1, {count}) n WHERE {condition}"
    )


def _house(url: str) -> Any:
    return SimpleNamespace(store=Store(url))


@contextmanager
def watched() -> Iterator[list[float]]:
    """Yield a list whose only number is the most memory, in MB, of this process and those it began."""
    most, over = [0.0], threading.Event()
    me = psutil.Process()

    def watch() -> None:
        while not over.wait(0.2):
            held = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    if process.name() != "postgres":
                        held += process.memory_full_info().pss
                except psutil.Error:
                    continue
            most[0] = max(most[0], held / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def _processor(server: list[psutil.Process]) -> float:
    """Seconds of processor used so far by this process, those it began and ended, and PostgreSQL."""
    mine = os.times()
    used = mine.user + mine.system + mine.children_user + mine.children_system
    for main_process in server:
        for process in [main_process, *main_process.children()]:
            used += sum(process.cpu_times()[:4])
    return used


def measure(invoices: int, workers: int = 1) -> Measured:
    """Measure one size."""
    with places.database("postgres") as url:
        house = _house(url)
        build(house.store, invoices, NIGHT)
        folder = Path(str(house.store.url.query["host"])).parent.name
        servers = [process for process in psutil.process_iter() if process.name() == "postgres"]
        server = [process for process in servers if folder in " ".join(process.cmdline())]

        def timed(**how: Any) -> Took:
            began, used = time.perf_counter(), _processor(server)
            ran = ladder_run.run(house, workers=workers, begin=functools.partial(_house, url), **how)
            assert not ran.trouble
            return Took(time.perf_counter() - began, _processor(server) - used)

        with watched() as most:
            first = timed(now=NIGHT, everyone=True)
            again = timed(now=NIGHT, everyone=True)
            next_day = timed(now=NIGHT + timedelta(days=1), everyone=True)
            nothing = timed(now=NIGHT + timedelta(days=1))
        house.store.dispose()
    return Measured(invoices, first, again, next_day, nothing, most[0])


def main(sizes: tuple[int, ...] = SIZES, workers: int = 1) -> None:
    """Measure and print the table."""
    print(
        f"{workers} process(es), load {os.getloadavg()[0]:.1f}; seconds by the clock, "
        "in brackets of processor with PostgreSQL's\n"
    )
    print("| open invoices | accounts | first night | same day again | next day | nothing due | memory MB |")
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        m = measure(size, workers)
        print(
            f"| {m.invoices:,} | {m.invoices // EACH:,} | {m.first} | {m.again} | {m.next_day} | {m.nothing} "
            f"| {m.memory:.0f} |",
            flush=True,
        )
    print(f"\nload {os.getloadavg()[0]:.1f} after", flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("sizes", type=int, nargs="*", default=SIZES)
    asked.add_argument("--workers", type=int, default=1)
    given = asked.parse_args()
    main(tuple(given.sizes), given.workers)
