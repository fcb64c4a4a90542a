"""The checker itself is tested by mutation: every seeded corruption is found and named (requirements 7)."""

from __future__ import annotations

import pytest

from tests.checker.conftest import Check
from tests.checker.corruptions import ALL
from tests.checker.damage import Corruption
from tests.checker.world import World


def test_healthy_world_holds(healthy: World, check: Check) -> None:
    """Nothing is called broken where nothing is: alerts, reversals, branches, repeated receipts and all."""
    answer = check(healthy)
    assert (answer.code, answer.broken) == (0, {})
    for name in ("INV-1", "INV-2", "INV-3", "INV-4", "INV-5", "INV-6", "INV-7", "INV-8", "INV-9", "INV-10",
                 "INV-11", "INV-12", "INV-13"):  # fmt: skip
        assert answer.checks[name]["verdict"] == "ok"
        assert answer.checks[name]["rows"] > 0


@pytest.mark.parametrize("corruption", ALL, ids=lambda corruption: corruption.name)
def test_corruption_is_found_and_named(corruption: Corruption, world: World, check: Check) -> None:
    """Exactly the invariants that it breaks are named, the first with words that lead to the row (FT-29)."""
    corruption.damage(world)
    answer = check(world)
    assert set(answer.broken) == set(corruption.invariants), answer.broken
    assert corruption.says in answer.broken[corruption.invariants[0]]
    assert answer.code == 1
