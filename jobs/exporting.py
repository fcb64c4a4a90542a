"""Tables for other programs: `amicable export …` (decision 30). Codes stay codes: they never change."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from jobs.house import House
from receivables.figures import settlements
from receivables.permissions import SYSTEM
from receivables.ports import Sheet


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Name what can be exported, for which days, and where to."""
    parser.add_argument("what", choices=["settlements"], help="every offer and plan of a period")
    for name, text in (("from", "first"), ("to", "last")):
        parser.add_argument(
            f"--{name}", dest=f"{name}_on", type=date.fromisoformat, required=True, metavar="DATE",
            help=f"{text} day of the books (YYYY-MM-DD)",
        )  # fmt: skip
    parser.add_argument("--format", choices=["csv", "xlsx"], default="csv")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a file; standard output else")


def run_export(house: House, args: argparse.Namespace) -> int:
    """Write the table, or nothing: a row that differs from the ledger is refused by name.

    Raises: Refused, as `settlements.settlements`.
    """
    period = settlements.Period(args.from_on, args.to_on)
    with house.store.read() as session:
        rows = settlements.checked(session, SYSTEM, period)
    sheet = Sheet("Settlements", settlements.COLUMNS, [settlements.cells(row, _code) for row in rows])
    data = house.exports.csv(sheet) if args.format == "csv" else house.exports.xlsx(sheet)
    if args.out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        args.out.write_bytes(data)
        print(f"{len(rows)} settlements written to {args.out}; they agree with the ledger.")
    return 0


def _code(_table: str, code: str) -> str:
    return code
