"""The one box of the desk: how long each kind of question takes among very many invoices.

Bar (issue D, part 13): below 150 ms at 1 million invoices, on both databases.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime

from bench import desk_book, places
from models.staff import Role
from models.store import Store
from receivables.desk import finding
from receivables.permissions import SYSTEM, Actor, ActorKind

#: Invoices in the book; less for a quick look.
INVOICES = int(os.environ.get("BENCH_INVOICES", "1000000"))
#: Times each question is asked.
TIMES = 40


def questions(n: int) -> dict[str, str]:
    """One question of each kind, about another row each time."""
    year = datetime.now(UTC).year
    return {
        "name, three letters": "har",
        "name, two words": "quay traders",
        "a word that all have": "ltd",
        "account number": f"{100000 + n}",
        "invoice, whole number": f"INV-{year}-{n:07d}",
        "invoice, beginning": f"INV-{year}-00",
        "invoice, end": f"{n:05d}",
        "e-mail": f"helen{n}@",
        "phone, spaced": f"0113 {4000000 + n}",
        "confirmation": f"PC-{year}-{n:07d}",
        "amount": f"{(n * 37) % 19000 + 5},50",
        "nothing there": f"zzqx{n}",
    }


def main() -> None:
    """Measure both databases and print a table."""
    for kind in ("sqlite", "postgres"):
        with places.database(kind) as url:
            store = Store(url)
            began = time.perf_counter()
            desk_book.build(store, INVOICES, datetime.now(UTC))
            print(f"{kind}, {INVOICES:,} invoices, filled in {time.perf_counter() - began:.0f} s")
            for who, actor in (
                ("all accounts", SYSTEM),
                ("own accounts", Actor(ActorKind.STAFF, id=5, role=Role.SALESPERSON)),
            ):
                _measure(store, who, actor)
            store.dispose()


def _measure(store: Store, who: str, actor: Actor) -> None:
    print(f"  {who:<24}{'median ms':>10}{'p95 ms':>10}{'found':>8}")
    for name in questions(0):
        times, found = [], 0
        for n in range(TIMES):
            typed = questions(n * 131 % (INVOICES // desk_book.EACH))[name]
            began = time.perf_counter()
            with store.read() as session:
                found = finding.search(session, actor, typed).count
            times.append((time.perf_counter() - began) * 1000)
        times.sort()
        print(f"  {name:<24}{statistics.median(times):>10.1f}{times[int(TIMES * 0.95)]:>10.1f}{found:>8}")
