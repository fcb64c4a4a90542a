"""M-23: a Hypothesis state machine over everything that moves money, and a model in plain integers.

500 steps in every run, 10,000 and more with AMICABLE_TEST_LONG=1; the seed is printed, AMICABLE_SEED names
another one. A machine that sees nothing proves nothing: seeded mistakes must make it fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from models.ledger import LedgerCode
from models.money import Money
from models.states import AttemptStatus
from receivables import consequences, ledger
from receivables.arrangements import offer_money, plan_counts
from receivables.payments import followers, settling
from receivables.reversals import outside_refunds, taking
from tests.effort import LONG
from tests.simulation.money.machine import TALLY, MoneyMachine

SEED = int(os.environ.get("AMICABLE_SEED", "20261123"))
#: Examples and steps of each.
SIZE = (200, 60) if LONG else (16, 40)


def run(
    kind: type[MoneyMachine], examples: int, steps: int, *, from_seed: int = SEED, shrink: bool = True
) -> None:
    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]
    run_state_machine_as_test(
        seed(from_seed)(kind),
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=True,
        ),
    )  # fmt: skip


def test_money_is_never_lost_and_never_doubled(capsys: pytest.CaptureFixture[str]) -> None:
    """M-09, M-23, INV-1, 2, 3, 5, 6, 7, 11, 12: pay, webhook, refund, chargeback, credit note, promise, plan,
    offer, reversal, crash, sweep and backfill in any order."""
    TALLY.clear()
    run(MoneyMachine, *SIZE)
    with capsys.disabled():
        print(f"\nmoney machine: seed {SEED}, {TALLY['steps']} steps, {dict(sorted(TALLY.items()))}")
    assert TALLY["steps"] >= (10_000 if LONG else 500)
    for what in MUST_HAPPEN:
        assert TALLY[what], f"{what} never happened: the run proves little"


#: A run without these would be a run over nothing.
MUST_HAPPEN = (
    "accept offer", "backfill", "booked", "booked beyond what was open", "chargeback", "credit note",
    "given back", "offer", "paid", "plan", "promise", "refund at the gateway", "refund failed", "sweep",
    "taken back", "webhook",
)  # fmt: skip


# --------------------------------------------------------------------------- it sees mistakes


@contextmanager
def _replaced(where: Any, name: str, other: Any) -> Iterator[None]:
    real = getattr(where, name)
    setattr(where, name, other(real))
    try:
        yield
    finally:
        setattr(where, name, real)


def doubled_effect() -> AbstractContextManager[None]:
    """A refund at the gateway's own desk is taken back twice, under two names."""

    def other(real: Any) -> Any:
        def take(*given: Any, source: str, **more: Any) -> Any:
            real(*given, source=f"{source}:again", **more)
            return real(*given, source=source, **more)

        return take

    return _replaced(outside_refunds, "take_back", other)


def dropped_excess() -> AbstractContextManager[None]:
    """What is left over is kept from the debtor: put to the small differences instead."""

    def other(real: Any) -> Any:
        def credit(code: LedgerCode, amount: Money, **more: Any) -> Any:
            lost = code is LedgerCode.UNAPPLIED_CREDIT
            return real(LedgerCode.SMALL_DIFFERENCES if lost else code, amount, **({} if lost else more))

        return credit

    return _replaced(ledger, "credit", other)


def forgiven_early() -> AbstractContextManager[None]:
    """An offer settles one unit short."""
    return _replaced(
        offer_money, "received", lambda real: lambda s, offer: real(s, offer) + Money(100, offer.currency)
    )


def uncounted_plan() -> AbstractContextManager[None]:
    """A plan does not look at what came."""
    return _replaced(
        consequences, "AFTER_PAYMENT", lambda real: tuple(f for f in real if f is not plan_counts.recount)
    )


def deaf_to_refunds() -> AbstractContextManager[None]:
    """Refunds made at the gateway's own desk are not followed."""
    return _replaced(
        followers, "FOLLOWERS", lambda real: tuple(f for f in real if not f[0].startswith("refund"))
    )


def taken_from_nowhere() -> AbstractContextManager[None]:
    """What goes back is not owed again."""

    def other(real: Any) -> Any:
        def split(session: Any, payment: Any, minor: int) -> Any:
            found = real(session, payment, minor)
            return replace(found, pieces=[], beyond=found.beyond + found.allocated)

        return split

    return _replaced(taking, "_split", other)


def never_swept() -> AbstractContextManager[None]:
    """Attempts without an answer are forgotten, and so are their notifications."""
    return _replaced(
        settling, "learn", lambda real: lambda store, gateway, ref, *, now: AttemptStatus.UNKNOWN
    )


MISTAKES = (
    doubled_effect, dropped_excess, forgiven_early, uncounted_plan, deaf_to_refunds, taken_from_nowhere,
    never_swept,
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.__name__)
def test_a_seeded_mistake_is_seen(mistake: Any) -> None:
    """The machine is worth something: with each of these in the product its invariants fail."""

    class Spoiled(MoneyMachine):
        spoiled = staticmethod(mistake)

    with pytest.raises(AssertionError):
        run(Spoiled, 40, 40, shrink=False)
