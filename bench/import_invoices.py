"""How fast invoices come in, and whether memory stays flat: `python -m bench.import_invoices`.

Makes its own files (shuffled in blocks, so that lines of one invoice stand apart), imports each
in a process of its own into a fresh SQLite database and prints a table. Both passes count.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from gateways.spreadsheets import Spreadsheets
from jobs.imports import CHUNK, import_file
from models.creditors import Creditor
from models.migrate import upgrade
from models.store import Store
from receivables.intake.rows import IntakeOptions
from receivables.permissions import SYSTEM

ROOT = Path(__file__).resolve().parents[1]
CREDITOR = "BENCH"


def make_file(path: Path, invoices: int, lines: int, per_account: int, apart: int) -> None:
    """Write a table of invoices; blocks of `apart` invoices have their lines mixed."""
    dice = random.Random(7)  # noqa: S311
    start = date(2026, 1, 1)
    with path.open("w", encoding="utf-8") as file:
        file.write(
            "InvoiceNo;InvoiceDate;CustomerID;CustomerName;Country;StockCode;Description;Quantity;UnitPrice\n"
        )
        block: list[str] = []
        for number in range(invoices):
            customer = dice.randrange(max(1, invoices // per_account))
            day = start + timedelta(days=number % 300)
            head = f"INV-{number:07d};{day:%d/%m/%Y};{customer};Customer {customer} Ltd;United Kingdom"
            block += [
                f"{head};S{dice.randrange(4000)};Part number {dice.randrange(4000)};{dice.randrange(1, 50)};"
                f"{dice.randrange(1, 20000) // 100},{dice.randrange(1, 100):02d}\n"
                for _ in range(lines)
            ]
            if not (number + 1) % apart or number + 1 == invoices:
                dice.shuffle(block)
                file.writelines(block)
                block.clear()


def import_one(path: Path, folder: Path, chunk: int) -> dict[str, int | str]:
    """Import a file into a new database in `folder` and say what it took."""
    store = Store(f"sqlite:///{folder}/bench.db")
    upgrade(store.writer)
    now = datetime.now(UTC)
    with store.write() as session:
        session.add(_creditor(now))
    options = IntakeOptions(currency="GBP", terms_days=30, as_of=date(2026, 1, 1))
    marks: dict[str, int] = {}
    began = time.perf_counter_ns()
    outcome = import_file(
        store, Spreadsheets(), folder, path, CREDITOR, options, SYSTEM, now=now, chunk=chunk,
        progress=lambda what, _so_far, _of: marks.__setitem__(what, time.perf_counter_ns()),
    )  # fmt: skip
    ended = time.perf_counter_ns()
    store.dispose()
    applied_from = marks.get("comparing", marks["reading"])
    return {
        "invoices": outcome.invoices,
        "first_ms": (applied_from - began) // 10**6,
        "second_ms": (ended - applied_from) // 10**6,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _creditor(now: datetime) -> Creditor:
    return Creditor(
        code=CREDITOR, name="Bench Ltd", short_name="Bench", address="1 Long Acre", country="GB",
        zone="Europe/London", language="en", languages=["en"], email_from="books@bench.example",
        person_name="A. Clerk", phone="+442079460000", hours={}, verify_url="https://bench.example",
        created_at=now,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000,100000", help="invoices of each file")
    parser.add_argument("--lines", type=int, default=4, help="lines of each invoice")
    parser.add_argument("--per-account", type=int, default=10, help="invoices of each customer")
    parser.add_argument("--apart", type=int, default=50, help="invoices whose lines are mixed; 1: none")
    parser.add_argument("--chunk", type=int, default=CHUNK, help="documents of one unit of work")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(import_one(args.one, args.one.parent, args.chunk)))
        return 0
    heads = ("invoices", "lines", "file MB", "pass 1 s", "pass 2 s", "a second", "peak MiB")
    print("".join(f"{head:>10}" for head in heads))
    for size in map(int, args.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="amicable-bench-") as folder:
            path = Path(folder) / "invoices.csv"
            make_file(path, size, args.lines, args.per_account, args.apart)
            command = [sys.executable, "-m", "bench.import_invoices", "--one", str(path)]
            told = subprocess.run(  # noqa: S603
                [*command, "--chunk", str(args.chunk)], cwd=ROOT, check=True, capture_output=True, text=True
            )
            result = json.loads(told.stdout)
            assert result["invoices"] == size, result
            took = result["first_ms"] + result["second_ms"]
            cells = (
                f"{size:,}", f"{size * args.lines:,}", f"{path.stat().st_size / 1e6:.1f}",
                f"{result['first_ms'] / 1000:.2f}", f"{result['second_ms'] / 1000:.2f}",
                f"{size * 1000 // took:,}", f"{result['peak_kib'] / 1024:.0f}",
            )  # fmt: skip
            print("".join(f"{cell:>10}" for cell in cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
