"""The long run tells what was lost and what was doubled, and its proof fails by it (issue E)."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.faults import long
from tests.faults.works import Works


def _plant(works: Works, charge: dict[str, Any], **other: Any) -> None:
    """Let the gateway have taken once more what it took, under another id."""
    with closing(sqlite3.connect(works.stripe.db_path, timeout=60)) as db, db:
        db.execute(
            "INSERT INTO object (id, kind, created, data) VALUES (?, 'charge', ?, ?)",
            (other["id"], charge["created"], json.dumps(charge | other)),
        )


def test_lost_and_doubled_are_told(works: Works) -> None:
    """A charge without a payment is lost; a second charge of one attempt is doubled (and lost here too)."""
    account = works.account(57600)
    assert works.debtor(account).pay() == "ok"
    works.prove()
    assert (long.lost(works), long.doubled(works)) == (0, 0)
    (attempt,) = works.attempts(account)
    (charge,) = works.charges_of([attempt.ref])
    works.proved = False  # nobody else gets these books
    _plant(works, charge, id="ch_planted", metadata={"attempt": "nobody"})
    assert (long.lost(works), long.doubled(works)) == (1, 0)
    _plant(works, charge, id="ch_twice")
    assert (long.lost(works), long.doubled(works)) == (2, 1)
    with pytest.raises(AssertionError, match="INV-6"):
        works.prove()
