"""Run a machine: with a seed, so many examples of so many steps each."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.money.world import World

SEED = int(os.environ.get("AMICABLE_SEED", "20261123"))


def run(kind: type[World], examples: int, steps: int, *, from_seed: int = SEED, shrink: bool = True) -> None:
    """Run a machine; one that is to fail is not made smaller, and ends with the first failure.

    Raises: whatever a rule or an invariant raised.
    """
    run_state_machine_as_test(
        seed(from_seed)(kind),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
            phases=[Phase.generate, *([Phase.shrink] if shrink else [])], report_multiple_bugs=shrink,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
