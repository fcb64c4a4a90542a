"""INV-14: what a client was told is what the database holds.

The log has one JSON object a line: `op` (see OPERATIONS), `ref` (the random name of the row),
`outcome` (`invoke` where the client asked, then `ok`, `fail`, or `info` where it never learned), and,
where known, `amount_minor` and `currency`. Several lines may speak of one operation: an `ok` outweighs
everything, `info` outweighs `fail`; one that was only asked for is as good as `info`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from checker.currencies import shown
from checker.ground import Ground
from checker.sources import Scratch, Unsuitable

#: op -> query for (amount or None, currency or None) of the row that it makes.
OPERATIONS = {
    "pay": "SELECT p.amount_minor, p.currency FROM payment p"
    " JOIN payment_attempt a ON a.id = p.attempt_id WHERE a.ref = ?",
    "record_payment": "SELECT amount_minor, currency FROM payment WHERE ref = ?",
    "start": "SELECT amount_minor, currency FROM payment_attempt WHERE ref = ?",
    # By the hosted page that the client was sent to.
    "begin": "SELECT amount_minor, currency FROM payment_attempt WHERE remote_id = ?",
    "invoice": "SELECT total_minor, currency FROM invoice WHERE ref = ?",
    "message": "SELECT NULL, currency FROM message WHERE ref = ?",
}
OUTCOMES = ("invoke", "fail", "info", "ok")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Walk the operations of a client log.

    Raises:
        Unsuitable: a line is not an operation.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                act = json.loads(line)
                known = act["op"] in OPERATIONS and act["outcome"] in OUTCOMES and isinstance(act["ref"], str)
            except (ValueError, LookupError, TypeError):
                known = False
            if not known:
                raise Unsuitable(f"{path}, line {number}: not an operation of a client log")
            yield act


def operations(ground: Ground) -> Iterator[str]:
    """Every `ok` is in the database with its amount, no `fail` is, `info` may be either."""
    assert ground.client_log is not None
    with closing(Scratch()) as scratch:
        for act in read(ground.client_log):
            scratch.keep(json.dumps([act["op"], act["ref"]]), json.dumps(act))
        for word, told in groupby(scratch.each(), key=itemgetter(0)):
            ground.rows += 1
            op, ref = json.loads(word)
            acts = [json.loads(note) for _, note in told]
            yield from _operation(op, ref, acts, ground.books.one(OPERATIONS[op], ref))


def _operation(op: str, ref: str, acts: list[dict[str, Any]], found: tuple[Any, ...] | None) -> Iterator[str]:
    outcome = max((act["outcome"] for act in acts), key=OUTCOMES.index)
    if found is None:
        if outcome == "ok":
            yield f"{op} {ref} was confirmed to the client and is not in the database"
        return
    if outcome == "fail":
        yield f"{op} {ref} was refused to the client and is in the database"
    for act in acts:
        if act["outcome"] != outcome:
            continue
        minor, currency = act.get("amount_minor"), act.get("currency")
        if (minor is not None and found[0] not in (None, minor)) or (currency and found[1] != currency):
            yield (
                f"{op} {ref} is {shown(found[0] or 0, found[1] or '?')} in the database,"
                f" the client was told {shown(minor or 0, currency or '?')}"
            )
