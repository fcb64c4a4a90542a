"""FT-11: the storm: every notification many times over, shuffled, at 32 connections (B10).

INV-1 to INV-7: no 5xx, the books are those of the same events once each, in order, and the independent
checker finds nothing broken. How fast it is, is measured by `python -m bench storm`; timings are no
assertions (decision 25).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench import __main__ as bench
from bench import load, storm
from tests.effort import LONG

#: Twenty thousand requests in the long run; FT-11 speaks of two hundred thousand, which the bench sends.
PAYMENTS, COPIES = (40, 100) if LONG else (6, 10)


def test_a_storm_is_as_good_as_a_calm(database: str) -> None:
    """FT-11, B10: duplicates add nothing, whatever their order."""
    found = storm.storm(database, payments=PAYMENTS, copies=COPIES, seed=20261122)
    assert set(found.answers.statuses) == {200}
    assert found.answers.requests >= PAYMENTS * COPIES
    assert found.state == found.in_order
    assert not found.broken, found.broken
    assert found.holds


def test_a_storm_that_did_not_hold_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """FT-11: the bench ends with 1 on any 5xx, on other books and on broken ones; else with 0."""
    calm = storm.Storm(load.Outcome(9, 1.0, 1.0, 1.0, 1.0, {200: 9}), [0.1], "a", "a", "")
    for found in (
        calm,
        replace(calm, answers=replace(calm.answers, statuses={200: 8, 503: 1})),
        replace(calm, state="b"),
        replace(calm, broken="INV-6: a charge without a payment"),
    ):
        monkeypatch.setattr(storm, "storm", lambda kind, f=found, **_: f if kind == "postgres" else calm)
        assert storm.main() == (0 if found is calm else 1)
    assert bench.main(["storm"]) == 1
