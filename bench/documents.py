"""Documents: how long a PDF takes the first time and again, and what eight at once do to pages.

Bars (issue B): 300 ms the first time, 20 ms again; p99 of a page ≤ 150 ms at 32 connections, eight of
them asking for PDFs that nobody has asked for before.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import load, pages, places
from gateways.pdf import PressClient
from presentation.documents import Documents
from receivables.ports import Document
from tests.presentation.papers import (
    MADE_ON,
    a_plan,
    a_receipt,
    a_statement,
    an_invoice,
    the_parties,
)

#: New documents of each kind; the median is shown.
NEW = 20
PAGES, PAGE_CONNECTIONS, PDF_CONNECTIONS = 2000, 24, 8

MAKERS: dict[str, Callable[[Documents, str, str], Document]] = {
    "statement, 40 movements": lambda d, name, language: d.statement(
        a_statement(40), the_parties(account=name), language, MADE_ON
    ),
    "invoice": lambda d, name, language: d.invoice(an_invoice(), the_parties(account=name), language),
    "receipt": lambda d, name, language: d.receipt(a_receipt(), the_parties(account=name), language),
    "agreement, two languages": lambda d, name, language: d.plan(
        a_plan(), the_parties(account=name, creditor_language="hu"), language
    ),
}


def _taken(press: PressClient, document: Document) -> float:
    """Milliseconds until a document is there."""
    began = time.perf_counter()
    press.press(document)
    return (time.perf_counter() - began) * 1000


def set_alone(folder: Path) -> None:
    """Print how long one document takes on a machine that does nothing else."""
    press, documents = PressClient(folder / "press", wait_seconds=30.0), Documents()
    started = _taken(press, MAKERS["receipt"](documents, "first of all", "en"))
    print(f"first document of all, the press started for it: {started:.0f} ms\n")
    print("| document | language | first ms | slowest ms | again ms | kB |")
    print("|---|---|---|---|---|---|")
    for name, make in MAKERS.items():
        for language in ("en", "he"):
            made = [make(documents, f"Tidewater {n}", language) for n in range(NEW)]
            first = [_taken(press, document) for document in made]
            again = [_taken(press, document) for document in made]
            size = len(press.press(made[0])) / 1000
            print(
                f"| {name} | {language} | {statistics.median(first):.0f} | {max(first):.0f} | "
                f"{statistics.median(again):.1f} | {size:.0f} |"
            )
    press.close()


def beside_pages(folder: Path) -> None:
    """Print what pages take while others ask for PDFs that are new each time."""
    os.environ["AMICABLE_DATA_DIR"] = str(folder / "data")
    with places.database("postgres") as url:
        scene = pages.build(url, others=200)
        signed = pages.cookie(scene.session_token)
        with places.server("wsgi:app", url) as (port, _, _):
            page = load.get("/account", signed)
            load.run(port, lambda n: page, requests=300, connections=8)
            alone = load.run(port, lambda n: page, requests=PAGES, connections=PAGE_CONNECTIONS)
            today, over = datetime.now(UTC).date(), threading.Event()
            asked: list[load.Outcome] = []

            def pdf(number: int) -> bytes:
                # Another period each time, so that nothing is in the cache.
                first = today - timedelta(days=300 - number % 200)
                last = first + timedelta(days=40 + number // 200)
                return load.get(f"/account/statement.pdf?from={first}&to={last}&currency=GBP", signed)

            def ask() -> None:
                start = 0
                while not over.is_set():
                    asked.append(
                        load.run(
                            port, lambda n, s=start: pdf(s + n), requests=80, connections=PDF_CONNECTIONS
                        )
                    )
                    start += 80

            asking = threading.Thread(target=ask)
            asking.start()
            beside = load.run(port, lambda n: page, requests=PAGES, connections=PAGE_CONNECTIONS)
            over.set()
            asking.join()
    print("\n| overview, 2 workers x 4 threads | requests/s | p50 ms | p99 ms |")
    print("|---|---|---|---|")
    for name, outcome in (("alone", alone), (f"beside {PDF_CONNECTIONS} parallel PDFs", beside)):
        print(f"| {name} | {outcome.rate:.0f} | {outcome.p50:.1f} | {outcome.p99:.1f} |")
    statuses: dict[int, int] = {}
    for outcome in asked:
        for status, count in outcome.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    print(f"\nPDFs meanwhile: {statuses.get(200, 0)} given, {statuses.get(202, 0)} told to look again,"
          f" p50 {statistics.median(o.p50 for o in asked):.0f} ms")  # fmt: skip


def main() -> None:
    """Measure and print both tables."""
    with tempfile.TemporaryDirectory(prefix="amicable-bench-") as name:
        set_alone(Path(name))
        beside_pages(Path(name))


if __name__ == "__main__":
    main()
