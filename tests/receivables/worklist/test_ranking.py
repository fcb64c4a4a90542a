"""What a day of waiting costs, worked out by hand (issue of the desk, part 1)."""

from __future__ import annotations

import random
import tomllib
from decimal import Decimal
from typing import Any

import pytest

from models.accounts import Segment
from receivables.policy import DEFAULT_BODY, Policy, default_policy
from receivables.worklist.ranking import Risk, risk

POLICY = default_policy()


def of(*documents: tuple[int, int], currency: str = "GBP", segment: Segment = Segment.REMINDER,
       happened: tuple[str, ...] = (), untouched: int = 0) -> Risk:  # fmt: skip
    return risk(documents, currency=currency, segment=segment, happened=happened, untouched_days=untouched,
                policy=POLICY)  # fmt: skip


def changed(**rules: Any) -> Policy:
    data = tomllib.loads(DEFAULT_BODY)
    data["worklist"] |= rules
    return Policy.of(data)


def test_amount_times_age_times_kind_times_what_happened() -> None:
    """15,980.00 x 0.45 % = 71.91; x 0.80 own terms = 57.528; x 1.50 broken promise = 86.292: 86.29 a day."""
    found = of((1598000, 34), segment=Segment.OWN_TERMS, happened=("promise_broken",))
    assert found.at_risk_minor == 8629
    assert found.bands == ((1598000, Decimal("0.45")),)
    assert found.factors == (("segment:own_terms", 80), ("promise_broken", 150))
    assert found.lifted_from_minor is None
    assert (found.rank, found.size) == (86292, 15980000)


def test_each_age_has_its_own_percent() -> None:
    """1,000.00 x 0.40 % + (500.00 + 300.00) x 0.25 % = 4.00 + 2.00 = 6.00 a day, oldest first."""
    found = of((50000, 12), (100000, 75), (30000, 29))
    assert found.at_risk_minor == 600
    assert found.bands == ((100000, Decimal("0.40")), (80000, Decimal("0.25")))


def test_rounds_half_up_once_at_the_end() -> None:
    """1.00 x 0.45 % = 0.0045 rounds to 0.00; 1.12 x 0.45 % = 0.00504 rounds to 0.01."""
    assert (of((100, 40)).at_risk_minor, of((112, 40)).at_risk_minor) == (0, 1)


@pytest.mark.parametrize(
    ("currency", "minor", "units"),
    [("GBP", 100000, 1000), ("ILS", 100000, 250), ("JPY", 150000, 1000), ("KWD", 300000, 1000),
     ("ISK", 140000, 1000), ("NOK", 100000, 1000)],
)  # fmt: skip
def test_currencies_are_compared_in_units_of_policy(currency: str, minor: int, units: int) -> None:
    """1,000.00 GBP, 1,000.00 ILS / 4, 150,000 JPY / 150, 300.000 KWD / 0.3; without a scale as of scale 1."""
    found = of((minor, 40), currency=currency)
    assert found.size == units * 1000
    assert found.rank == units * 1000 * 45 // 10000


def test_small_and_old_is_lifted() -> None:
    """212.40 at 97 days: 0.4248 a day. Untouched for 74 days: (74 - 30) x 0.1 = 4.40 a day."""
    found = of((21240, 97), untouched=74)
    assert (found.at_risk_minor, found.lifted_from_minor, found.rank) == (440, 42, 4400)
    assert of((21240, 97), untouched=30).lifted_from_minor is None
    assert of((21240, 59), untouched=59).lifted_from_minor is None


def test_the_floor_is_in_units_so_that_small_currencies_are_lifted_alike() -> None:
    """44 days beyond 30 give 4.4 units: 17.60 ILS of scale 4, 660 JPY of scale 150."""
    assert of((21240, 97), currency="ILS", untouched=74).at_risk_minor == 1760
    assert of((2124, 97), currency="JPY", untouched=74).at_risk_minor == 660


@pytest.mark.parametrize("code", ["promise_open", "says_paid", "spoken_lately", "tried_lately", "bound"])
def test_what_we_wait_for_on_purpose_is_not_lifted(code: str) -> None:
    found = of((21240, 97), untouched=90, happened=(code,))
    assert found.lifted_from_minor is None
    assert found.at_risk_minor < 42


def test_nothing_starves() -> None:
    """However large the others are, each day untouched lifts an account above them in the end."""
    largest = of((10**11, 40), segment=Segment.NO_AGREEMENT, happened=("promise_broken", "reply")).rank
    rng, days = random.Random(7), 40  # noqa: S311
    for _ in range(50):
        small = (rng.randint(1, 5000), 0)
        while of((small[0], days), untouched=days).rank <= largest:
            days *= 2
            assert days < 10**9
    assert of((1, 61), untouched=60).rank > of((1, 60), untouched=59).rank


def test_nothing_collectable_costs_nothing() -> None:
    found = of(untouched=90)
    assert (found.collectable_minor, found.at_risk_minor, found.rank, found.bands) == (0, 0, 0, ())


def test_every_number_is_policy() -> None:
    """C-04: age curve, factors and floor are data."""
    policy = changed(
        ages=[{"late": 1, "percent_a_day": "2.5"}],
        segment_percent={segment.value: 300 for segment in Segment},
        floor_units_a_day="7", floor_late_days=30, floor_untouched_days=14,
    )  # fmt: skip
    found = risk([(1000, 3)], currency="GBP", segment=Segment.HARDSHIP, happened=(), untouched_days=0,
                 policy=policy)  # fmt: skip
    assert found.at_risk_minor == 75
    lifted = risk([(1000, 31)], currency="GBP", segment=Segment.HARDSHIP, happened=(), untouched_days=15,
                  policy=policy)  # fmt: skip
    assert (lifted.at_risk_minor, lifted.lifted_from_minor) == (700, 75)


@pytest.mark.parametrize(
    "rules",
    [
        {"segment_percent": {"reminder": 100}},
        {"factor_percent": {"promise_broken": 150, "weather": 90}},
        {"ages": [{"late": 1, "percent_a_day": "0.1"}, {"late": 31, "percent_a_day": "0.4"}]},
        {"stranger": 1},
    ],
)
def test_a_policy_that_is_not_whole_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(KeyError):
        changed(**rules)
