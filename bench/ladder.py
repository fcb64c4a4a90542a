"""The ladder on PostgreSQL: full evaluation, a run with nothing due, memory, at growing sizes.

Bars (issue C): 1,000,000 open invoices of 200,000 accounts: full nightly evaluation ≤ 120 s, memory
< 500 MB, linear from 10k; nothing due ≤ 10 s.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection

from bench import places
from bench.pages import FAR
from jobs import ladder_run
from models.base import Base
from models.store import Store
from tests import factories as make

#: Open invoices; an account has five.
SIZES = (10_000, 100_000, 1_000_000)
EACH = 5


@dataclass(frozen=True, slots=True)
class Measured:
    invoices: int
    first: float
    again: float
    next_day: float
    nothing: float
    memory: float


def build(store: Store, invoices: int, now: datetime) -> None:
    """Fill a database: accounts with five invoices each, due from 100 days ago to 20 days ahead."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        account = make.an_account(session, creditor)
        pattern = make.an_invoice(session, account, due_on=now.date())
        account_id, invoice_id = account.id, pattern.id
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
        _copy(connection, "contact_role", f"s.contact_id IN (SELECT id FROM contact WHERE account_id = {account_id})",
              accounts, {"contact_id": f"{FAR} + n"})  # fmt: skip
        _copy(connection, "invoice", f"s.id = {invoice_id}", invoices, {
            "id": f"{FAR} + n", "account_id": f"{FAR} + 1 + (n - 1) / {EACH}", "number": "'I' || n",
            "ref": "substr(md5('i' || n), 1, 22)", "due_on": "s.due_on + 20 - mod(n * 7, 120)::int",
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


def measure(invoices: int) -> Measured:
    """Measure one size."""
    now = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)
    with places.database("postgres") as url:
        store = Store(url)
        build(store, invoices, now)
        house: Any = SimpleNamespace(store=store)

        def timed(**how: Any) -> float:
            began = time.perf_counter()
            ran = ladder_run.run(house, **how)
            assert not ran.trouble
            return time.perf_counter() - began

        first = timed(now=now, everyone=True)
        again = timed(now=now, everyone=True)
        next_day = timed(now=now + timedelta(days=1), everyone=True)
        nothing = timed(now=now + timedelta(days=1))
        store.dispose()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(invoices, first, again, next_day, nothing, memory)


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure and print the table."""
    print(
        "| open invoices | accounts | first evaluation s | full again s | next day s | nothing due s | memory MB |"
    )
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        m = measure(size)
        print(
            f"| {m.invoices:,} | {m.invoices // EACH:,} | {m.first:.1f} | {m.again:.1f} | {m.next_day:.1f} "
            f"| {m.nothing:.2f} | {m.memory:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
