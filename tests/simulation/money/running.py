"""Run a machine by chance: with a seed, so many examples of so many steps each."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.money.world import World

SEED = int(os.environ.get("AMICABLE_SEED", "20261123"))


def run(kind: type[World], examples: int, steps: int, *, start: int = SEED) -> None:
    """Run a machine; the same seed takes the same steps, and nothing is kept between runs.

    Args:
        start: the seed.
    Raises: whatever a rule or an invariant raised, of the shortest run that shows it.
    """
    run_state_machine_as_test(
        seed(start)(kind),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip
