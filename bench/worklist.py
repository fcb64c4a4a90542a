"""The worklist on PostgreSQL: ranking the whole book, following one act, and the page, at growing sizes.

Bars (issue D): the page p95 < 150 ms with 1,000,000 open invoices of 200,000 accounts; the whole book is
ranked within the night. `python -m bench.worklist 10000 100000 1000000`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, text

import web
from bench import load, places
from bench.ladder import EACH, SIZES, build, watched
from bench.pages import FAR
from jobs import worklist_run
from models.accounts import Account
from models.staff import Role, Staff, StaffSession
from models.store import Store
from receivables.links import digest, new_token
from receivables.worklist import refreshing
from tests import factories as make

#: Requests of each address, one after the other: a person's page, not a crowd's.
REQUESTS = 100
#: Single accounts that are ranked anew, one after the other.
SINGLES = 200
#: What people ask of the page.
PAGES = {
    "today": "/desk/",
    "by amount": "/desk/worklist?sort=amount",
    "by age": "/desk/worklist?sort=age",
    "next action": "/desk/worklist?sort=next",
    "everybody's": "/desk/worklist?whose=all",
    "one segment": "/desk/worklist?segment=no_agreement",
    "one age": "/desk/worklist?age=61-90",
    "of one collector": "/desk/worklist?whose={other}",
    "page 40": "/desk/worklist?first=1000",
    "nothing passes": "/desk/worklist?language=hu&currency=EUR",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds for the book, on the first night, on the same day again and on the next day; memory in MB;
    milliseconds (p50, p95) for one account and for each page."""

    invoices: int
    first: float
    again: float
    next_day: float
    memory: float
    one: tuple[float, float]
    pages: dict[str, tuple[float, float]]


def spread(connection: Connection, staff: list[int]) -> None:
    """Give accounts to collectors, kinds and languages; one in three is nobody's."""
    kinds = "ARRAY['reminder','own_terms','open_problem','hardship','no_agreement','untraceable']"
    connection.exec_driver_sql(
        f"UPDATE account SET segment = ({kinds})[1 + mod(id, 6)], language = (ARRAY['en','he','ru'])"  # noqa: S608
        f"[1 + mod(id, 3)], collector_id = ({'ARRAY' + str([*staff, None]).replace('None', 'NULL')})"
        f"[1 + mod(id, {len(staff) + 1})] WHERE id > {FAR}"
    )
    connection.execute(
        text(
            "UPDATE invoice SET balance_minor = total_minor WHERE id > :far AND balance_minor < total_minor"
        ),
        {"far": FAR},
    )


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def measure(invoices: int) -> Measured:
    """Measure one size."""
    now = datetime.now(UTC)
    with places.database("postgres") as url:
        store = Store(url)
        house: Any = type("House", (), {"store": store})()
        build(store, invoices, now)
        with store.write() as session:
            people = [make.a_person(session, Role.COLLECTOR, name=f"Collector {n}") for n in range(8)]
            token = new_token(256)
            session.add(
                StaffSession(session_digest=digest(token), staff_id=people[0].id, started_at=now,
                             ends_at=now + timedelta(hours=12))
            )  # fmt: skip
            other = people[1].ref
            ids = [person.id for person in people]
        with store.writer.begin() as connection:
            spread(connection, ids)
        with watched() as most:
            first = timed(lambda: worklist_run.run(house, now=now))
        again = timed(lambda: worklist_run.run(house, now=now))
        next_day = timed(lambda: worklist_run.run(house, now=now + timedelta(days=1)))
        worklist_run.run(house, now=now)
        with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE worklist_row")
            connection.exec_driver_sql("ANALYZE")
        with store.read() as session:
            some = session.scalars(select(Account.id).order_by(Account.id.desc()).limit(SINGLES)).all()
        singles = [
            timed(lambda one=one: store.run(lambda s: refreshing.refresh(s, [one], now=now)))  # type: ignore[misc]
            for one in some
        ]
        with store.read() as session:
            assert session.scalar(select(Staff.id).where(Staff.ref == other)) is not None
        store.dispose()
        signed = cookie(token)
        with places.server("wsgi:app", url) as (port, _, _):
            pages = {}
            for name, path in PAGES.items():
                request = load.get(path.format(other=other), signed)
                load.run(port, lambda n, r=request: r, requests=10, connections=1)
                times = []
                for _ in range(REQUESTS):
                    outcome = load.run(port, lambda n, r=request: r, requests=1, connections=1)
                    if set(outcome.statuses) != {200}:
                        raise RuntimeError(f"{path} answers {outcome.statuses}")
                    times.append(outcome.p50)
                pages[name] = _spread(times)
    return Measured(invoices, first, again, next_day, most[0], _spread([t * 1000 for t in singles]), pages)


def _spread(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def cookie(token: str) -> str:
    """The desk's session cookie for a session token, as web.py signs it."""
    interface = web.TwoCookies(places.SECRET, secure=True)
    seen = int(datetime.now(UTC).timestamp())
    signed = interface._signers["desk"].dumps({"_user_id": token, "_fresh": True, "seen": seen})
    return f"__Host-desk={signed}"


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Measure and print the tables."""
    print(f"load {os.getloadavg()[0]:.1f}; seconds by the clock, one process\n")
    found = []
    print(
        "| open invoices | accounts | first night s | same day again s | next day s | memory MB "
        "| one account p50 / p95 ms |"
    )
    print("|---|---|---|---|---|---|---|")
    for size in sizes:
        m = measure(size)
        found.append(m)
        print(
            f"| {m.invoices:,} | {m.invoices // EACH:,} | {m.first:.1f} | {m.again:.1f} | {m.next_day:.1f} "
            f"| {m.memory:.0f} | {m.one[0]:.1f} / {m.one[1]:.1f} |",
            flush=True,
        )
    print("\nPages, p50 / p95 ms, one reader:\n")
    print(f"| page | {' | '.join(f'{m.invoices:,}' for m in found)} |")
    print(f"|---|{'---|' * len(found)}")
    for name in PAGES:
        print(f"| {name} | {' | '.join('{:.0f} / {:.0f}'.format(*m.pages[name]) for m in found)} |")
    print(f"\nload {os.getloadavg()[0]:.1f} after", flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("sizes", type=int, nargs="*", default=SIZES)
    main(tuple(asked.parse_args().sizes))
