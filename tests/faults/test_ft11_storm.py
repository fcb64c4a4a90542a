"""FT-11: the storm: every notification many times over, shuffled, at 32 connections (B10).

INV-1 to INV-7: no 5xx, and the books are those of the same events once each, in order. How fast it is, is
measured by `python -m bench storm`; timings are no assertions (decision 25).
"""

from __future__ import annotations

from bench import storm
from tests.effort import LONG

#: Twenty thousand requests in the long run; FT-11 speaks of two hundred thousand, which the bench sends.
PAYMENTS, COPIES = (40, 100) if LONG else (6, 10)


def test_a_storm_is_as_good_as_a_calm(database: str) -> None:
    """FT-11, B10: duplicates add nothing, whatever their order."""
    found = storm.storm(database, payments=PAYMENTS, copies=COPIES, seed=20261122)
    assert set(found.answers.statuses) == {200}
    assert found.answers.requests >= PAYMENTS * COPIES
    assert found.state == found.in_order
