"""The dashboard: how long its days take to be worked out, a night's renewal, and the page itself."""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime
from types import SimpleNamespace

from sqlalchemy import func, select

from bench import desk_book, places
from jobs import figures
from models.figures import FigureDay, FigureRun
from models.store import Store
from receivables.figures import dashboard
from receivables.permissions import SYSTEM

INVOICES = int(os.environ.get("BENCH_INVOICES", "1000000"))
TIMES = 20


def main() -> None:
    """Measure both databases and print a table."""
    for kind in ("sqlite", "postgres"):
        with places.database(kind) as url:
            store, now = Store(url), datetime.now(UTC)
            desk_book.build(store, INVOICES, now)
            house = SimpleNamespace(store=store)
            print(f"{kind}, {INVOICES:,} invoices")
            began = time.perf_counter()
            days = figures.rebuild(house, now=now)  # type: ignore[arg-type]
            print(f"  all {days} days worked out     {time.perf_counter() - began:>8.1f} s")
            with store.write() as session:
                run = session.scalars(select(FigureRun)).one()
                run.last_on = run.last_on.replace(day=1)
            began = time.perf_counter()
            days = figures.nightly(house, now=now)  # type: ignore[arg-type]
            print(f"  a night, {days} days renewed   {time.perf_counter() - began:>8.1f} s")
            with store.read() as session:
                print(f"  rows kept {session.scalar(select(func.count()).select_from(FigureDay)):,}")
            for name in dashboard.RANGES:
                print(f"  page, {name:<12}{_page(store, name, now):>8.1f} ms")
            store.dispose()


def _page(store: Store, name: str, now: datetime) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        with store.read() as session:
            span = dashboard.span_of(name, now.date())
            dashboard.dashboard(session, SYSTEM, creditor_ref=None, currency=None, span=span, now=now)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
