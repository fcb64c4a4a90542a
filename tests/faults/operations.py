"""What clients saw, written down as they saw it: one JSON line an answer, for INV-14 (checker/client_log.py).

A client says first that it asks (`invoke`), then what it was told: `ok`, `fail`, or `info` where the line
broke and it never learned. Each line is on the disk before the client goes on.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path


class ClientLog:
    """The log of all clients of one running product.

    Args:
        path: file that it is appended to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self._turn = threading.Lock()
        path.touch()

    def write(
        self, op: str, ref: str, outcome: str, amount_minor: int | None = None, currency: str | None = None
    ) -> None:
        """Write one line.

        Args:
            op, outcome: as in checker/client_log.py.
            ref: what names the row: an attempt's return id, or the hosted page that it was begun with.
        """
        line = {"op": op, "ref": ref, "outcome": outcome}
        line |= {"amount_minor": amount_minor} if amount_minor is not None else {}
        line |= {"currency": currency} if currency else {}
        with self._turn, self.path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
            self.counts[f"{op}:{outcome}"] += 1
