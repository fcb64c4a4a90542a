"""Instalments to the last unit and the right day (M-15)."""

from __future__ import annotations

import doctest
import itertools
import random
from datetime import date

import pytest

from models.arrangements import Every
from models.money import Money, currency_row
from receivables.arrangements import schedule
from receivables.calendar_days import is_business_day
from receivables.errors import Refused
from tests.effort import EXAMPLES

#: Exponents 2, 0 and 3, and two with a step of their own.
CURRENCIES = ("GBP", "JPY", "KWD", "HUF", "ISK")


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(schedule).failed == 0


@pytest.mark.parametrize("currency", CURRENCIES)
def test_parts_sum_exactly_and_differ_by_one_step(currency: str) -> None:
    """M-15: n <= 120, total <= 10^12; the first parts are the larger ones."""
    dice = random.Random(f"parts {currency}")  # noqa: S311
    step = currency_row(currency).step
    for _ in range(EXAMPLES):
        parts = dice.randint(1, schedule.MOST_PARTS)
        total = Money(dice.randint(parts * step, 10 ** dice.randint(6, 12)), currency)
        split = schedule.amounts(total, parts)
        minors = [part.minor for part in split]
        assert (len(minors), sum(minors)) == (parts, total.minor)
        assert min(minors) > 0
        remainder = total.minor % step
        whole = [minors[0] - remainder, *minors[1:]]
        assert all(minor % step == 0 for minor in whole)
        assert max(whole) - min(whole) <= step
        assert whole == sorted(whole, reverse=True)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_a_down_payment_comes_first_and_the_rest_is_equal(currency: str) -> None:
    dice = random.Random(f"down {currency}")  # noqa: S311
    step = currency_row(currency).step
    for _ in range(EXAMPLES):
        parts = dice.randint(2, 36)
        total = Money(dice.randint(parts * step * 10, 10**12), currency)
        down = Money(total.minor * dice.randint(1, 60) // 100, currency)
        minors = [part.minor for part in schedule.amounts(total, parts, down=down)]
        assert (len(minors), sum(minors)) == (parts, total.minor)
        assert minors[0] >= down.minor
        assert max(minors[1:]) - min(minors[1:]) <= step
        assert min(minors) > 0


def test_more_parts_than_steps_are_refused() -> None:
    """A part of nothing is no part; in forints the smallest part is one whole forint."""
    with pytest.raises(Refused) as caught:
        schedule.amounts(Money(250, "HUF"), 3)
    assert (caught.value.code, caught.value.facts) == ("plan_part_too_small", {"most": 2})
    with pytest.raises(Refused):
        schedule.amounts(Money(1000, "GBP"), 600, down=Money(900, "GBP"))


@pytest.mark.parametrize(("each", "parts"), [(1, 141840), (47280, 3), (47279, 4), (141840, 1), (999999, 1)])
def test_an_amount_for_each_part_gives_the_number(each: int, parts: int) -> None:
    assert schedule.parts_of(Money(141840, "GBP"), Money(each, "GBP")) == parts


@pytest.mark.parametrize("country", ["GB", "IL", "HU", "RU", "JP"])
@pytest.mark.parametrize("every", list(Every))
def test_days_are_business_days_in_order(country: str, every: Every) -> None:
    """Months are clamped, holidays moved forward; never two parts on one day."""
    dice = random.Random(f"{country} {every}")  # noqa: S311
    for _ in range(EXAMPLES // 10):
        first = date.fromordinal(dice.randint(date(2026, 1, 1).toordinal(), date(2030, 1, 1).toordinal()))
        days = schedule.dates(first, 24, every, country)
        assert all(is_business_day(day, country) for day in days)
        assert all(early < late for early, late in itertools.pairwise(days))
        assert days[0] >= first


def test_month_ends_stay_month_ends_where_they_can() -> None:
    days = schedule.dates(date(2026, 12, 31), 4, Every.MONTH, "GB")
    assert days == [date(2026, 12, 31), date(2027, 2, 1), date(2027, 3, 1), date(2027, 3, 31)]


def test_christmas_and_the_shabbat_move_on() -> None:
    assert schedule.dates(date(2026, 12, 25), 1, Every.MONTH, "GB") == [date(2026, 12, 29)]
    assert schedule.dates(date(2026, 11, 21), 1, Every.MONTH, "IL") == [date(2026, 11, 22)]


def test_a_first_part_paid_at_once_waits_for_no_business_day() -> None:
    saturday = date(2026, 11, 21)
    days = schedule.dates(saturday, 2, Every.FORTNIGHT, "GB", at_once=True)
    assert days == [saturday, date(2026, 12, 7)]
