"""`python -m bench [name …]`, all of them when none is named: dashboard, documents, import, ladder, pages,
reconcile, search, sending, storm, webhooks, worklist."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench import (
    dashboard,
    documents,
    import_invoices,
    ladder,
    pages,
    reconcile,
    search,
    sending,
    storm,
    webhooks,
    worklist,
)

#: What each returns is its exit code; None is 0.
MEASUREMENTS: dict[str, Callable[[], int | None]] = {
    "dashboard": dashboard.main,
    "documents": documents.main,
    "import": import_invoices.main,
    "ladder": ladder.main,
    "pages": pages.main,
    "reconcile": reconcile.main,
    "search": search.main,
    "sending": sending.main,
    "storm": storm.main,
    "webhooks": webhooks.main,
    "worklist": worklist.main,
}


def _reference() -> float:
    """Seconds for a fixed piece of Python: tells how fast this machine is at this moment."""
    began, total = time.perf_counter(), 0
    for number in range(10_000_000):
        total += number
    return time.perf_counter() - began


def main(names: list[str]) -> int:
    """Run the named measurements; returns the worst of their exit codes."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"known are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, ten million additions in {_reference():.2f} s\n"
    )
    code = 0
    for name in names or MEASUREMENTS:
        code = max(code, MEASUREMENTS[name]() or 0)
        print()
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
