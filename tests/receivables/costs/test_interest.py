"""Simple interest: vectors worked out by hand, and what holds for every period (M-16)."""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receivables.costs.interest import Period, Rate, RateMissing, Span, Step, interest_minor, periods

VECTORS = tomllib.loads((Path(__file__).parent / "vectors.toml").read_text(encoding="utf-8"))["vectors"]
START = date(2026, 1, 1)
DAY = timedelta(days=1)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(vector: dict[str, Any]) -> None:
    """M-16: the cent that the arithmetic in vectors.toml gives, and from which days, sum and rate."""
    found = periods(
        vector["first"],
        vector["last"],
        principal=[Step(*step) for step in vector["principal"]],
        rates=[Rate(n, *rate) for n, rate in enumerate(vector["rates"], 1)],
        stopped=[Span(span[0], span[1] if len(span) > 1 else None) for span in vector["stopped"]],
        days_in_year=vector["days_in_year"],
        currency=vector["currency"],
    )
    said = [[p.from_on, p.to_on, p.days, p.base_minor, p.percent, p.amount_minor] for p in found]
    assert said == vector["periods"]


def test_a_day_without_a_rate_is_named() -> None:
    """Policy table rows 19, 25: nothing is guessed and nothing is carried over."""
    rates = [Rate(1, "10.15", date(2026, 1, 1), date(2026, 7, 1))]
    with pytest.raises(RateMissing) as missing:
        run(date(2026, 6, 20), date(2026, 7, 2), rates=rates)
    assert missing.value.day == date(2026, 7, 1)
    paused = [Span(date(2026, 7, 1), None)]
    assert len(run(date(2026, 6, 20), date(2026, 7, 2), rates=rates, stopped=paused)) == 1


def test_a_rate_below_nought_costs_nothing() -> None:
    assert interest_minor(100000, "-0.88", 100, 365, "EUR") == 0


def run(first: date, last: date, **more: Any) -> list[Period]:
    given_: dict[str, Any] = {
        "principal": [Step(START, 100000)],
        "rates": [Rate(1, "10.15", START, None)],
        "stopped": [],
        "days_in_year": 365,
        "currency": "EUR",
        **more,
    }
    return periods(first, last, **given_)


days = st.integers(0, 500).map(lambda n: START + n * DAY)
percents = st.decimals(0, 60, places=2).map(str)
payments = st.lists(st.tuples(days, st.integers(0, 10**13)), max_size=4)
spans = st.lists(
    st.tuples(days, st.one_of(st.none(), st.integers(0, 90))).map(
        lambda pair: Span(pair[0], None if pair[1] is None else pair[0] + pair[1] * DAY)
    ),
    max_size=5,
)
sums = st.integers(0, 10**13)


@given(first=days, length=st.integers(0, 400), cut=st.integers(0, 400), base=sums, percent=percents)
def test_splitting_a_period_moves_the_total_by_one_unit_at_most(
    first: date, length: int, cut: int, base: int, percent: str
) -> None:
    """M-16: each half is rounded once, half up, so two halves differ from the whole by one cent at most."""
    last, middle = first + length * DAY, first + (cut % (length + 1)) * DAY
    terms = {"principal": [Step(START, base)], "rates": [Rate(1, percent, START, None)]}
    whole = sum(p.amount_minor for p in run(first, last, **terms))
    parts = [*run(first, middle, **terms), *run(middle + DAY, last, **terms)]
    assert abs(whole - sum(p.amount_minor for p in parts)) <= 1
    assert sum(p.days for p in parts) == (length + 1 if base else 0)


@given(first=days, length=st.integers(0, 200), stopped=spans, steps=payments)
def test_the_sum_of_days_one_by_one(
    first: date, length: int, stopped: list[Span], steps: list[tuple[date, int]]
) -> None:
    """Cut wherever you like: each day counts once, with its own sum and rate, and a stopped one never.

    The reference adds exact days one by one; a period's rounding moves it by half a unit at most.
    """
    principal = [Step(day, minor) for day, minor in sorted(dict([(START, 70000), *steps]).items())]
    rates = [Rate(1, "10.15", START, date(2026, 7, 1)), Rate(2, "10.4", date(2026, 7, 1), None)]
    last = first + length * DAY
    found = run(first, last, principal=principal, rates=rates, stopped=stopped)
    exact, counted = Fraction(0), 0
    for n in range(length + 1):
        day = first + n * DAY
        owed = next(step.minor for step in reversed(principal) if step.from_on <= day)
        held = any(s.from_on <= day and (s.to_on is None or day < s.to_on) for s in stopped)
        percent = Fraction("10.15") if day < date(2026, 7, 1) else Fraction("10.4")
        if owed and not held:
            exact, counted = exact + owed * percent / 36500, counted + 1
    assert sum(p.days for p in found) == counted
    assert abs(sum(p.amount_minor for p in found) - exact) <= Fraction(len(found), 2)
    days_of = [(p.from_on, p.to_on) for p in found]
    assert all(since <= until for since, until in days_of)
    assert all(before[1] < after[0] for before, after in pairwise(days_of))


@given(base=sums, percent=percents, count=st.integers(1, 4000), year=st.sampled_from([360, 365]))
def test_stored_inputs_reproduce_the_cent(base: int, percent: str, count: int, year: int) -> None:
    """M-16: base, rate, days and year give the amount; half a unit is the most it is away from exact."""
    amount = interest_minor(base, percent, count, year, "EUR")
    exact = Fraction(base) * Fraction(percent) * count / (100 * year)
    assert 2 * (amount - exact) <= 1
    assert 2 * (exact - amount) < 1
