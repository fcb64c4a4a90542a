"""Simple interest, pure: from a day to a day, over rates, payments and days that do not count.

A period has one sum, one rate and a number of days; it is rounded once, half up to the smallest payable
amount. Cutting a period in two can therefore move the total by one unit, never more: each half rounds
what the whole rounded once. Source: M-16; EU directive 2011/7, article 2(6); domain.md, "Arrangements".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from models.money import currency_row

DAY = timedelta(days=1)


class Span(NamedTuple):
    """Days from `from_on` up to, not with, `to_on`; None is without an end."""

    from_on: date
    to_on: date | None


class Rate(NamedTuple):
    """Percent a year as a decimal string, for the days from `from_on` up to, not with, `to_on`."""

    rate_id: int | None
    percent: str
    from_on: date
    to_on: date | None


class Step(NamedTuple):
    """What is owed from a day on, in minor units."""

    from_on: date
    minor: int


class RateMissing(Exception):
    """No rate is known for a day on which interest runs."""

    def __init__(self, day: date) -> None:
        super().__init__(f"no rate for {day}")
        self.day = day


@dataclass(frozen=True, slots=True)
class Period:
    """Days of one sum at one rate, and what they cost.

    Attributes:
        from_on, to_on: first and last day that counts.
        days: those of them that count; paused ones between do not.
        percent: a year, as a decimal string.
        amount_minor: the interest, in minor units; may be 0.
    """

    from_on: date
    to_on: date
    days: int
    base_minor: int
    percent: str
    rate_id: int | None
    amount_minor: int


def interest_minor(base_minor: int, percent: str, days: int, days_in_year: int, currency: str) -> int:
    """Return base × percent × days / (100 × days in a year), rounded once, half up.

    Args:
        base_minor: >= 0, in minor units of the currency.
        percent: a year, a decimal string; below nought is nought.
    Returns:
        Minor units, a multiple of the smallest payable amount of the currency.

    >>> interest_minor(100000, "10.15", 36, 365, "EUR")
    1001
    >>> interest_minor(100000000, "13.5", 10, 365, "HUF")
    369900
    """
    step = currency_row(currency).step
    exact = base_minor * max(Fraction(percent), Fraction(0)) * days / (100 * days_in_year * step)
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator) * step


def counted(first: date, last: date, stopped: Sequence[Span]) -> Iterator[tuple[date, date]]:
    """Return the stretches from `first` to `last`, both counted, that no span stops.

    >>> paused = Span(date(2026, 1, 3), date(2026, 1, 5))
    >>> [(a.day, b.day) for a, b in counted(date(2026, 1, 1), date(2026, 1, 9), [paused])]
    [(1, 2), (5, 9)]
    """
    at = first
    for span in sorted(stopped, key=lambda span: span.from_on):
        if span.to_on is not None and span.to_on <= span.from_on:
            continue
        if span.from_on > at:
            yield at, min(span.from_on - DAY, last)
        if span.to_on is None:
            return
        at = max(at, span.to_on)
        if at > last:
            return
    if at <= last:
        yield at, last


def periods(
    first: date,
    last: date,
    *,
    principal: Sequence[Step],
    rates: Sequence[Rate],
    stopped: Sequence[Span],
    days_in_year: int,
    currency: str,
) -> list[Period]:
    """Cut a stretch of lateness where the sum or the rate changes, and work out each part.

    Args:
        first, last: both counted; nothing comes of `last` before `first`.
        principal: what is owed from each day on, by day; nothing before the first.
        rates: without overlap, in any order.
        stopped: days that do not count; they may overlap.
    Returns:
        Periods with a sum and at least one day that counts, by day; days between them are free.
    Raises:
        RateMissing: a day that counts, with something owed, has no rate.
    """
    cuts = {step.from_on for step in principal}
    cuts.update(day for rate in rates for day in (rate.from_on, rate.to_on) if day is not None)
    edges = sorted({first, *(day for day in cuts if first < day <= last)})
    found = []
    for at, begin in enumerate(edges if first <= last else []):
        end = edges[at + 1] - DAY if at + 1 < len(edges) else last
        base = _owed(principal, begin)
        parts = list(counted(begin, end, stopped)) if base > 0 else []
        if not parts:
            continue
        rate = rate_on(rates, parts[0][0])
        days = sum((until - since).days + 1 for since, until in parts)
        amount = interest_minor(base, rate.percent, days, days_in_year, currency)
        found.append(Period(parts[0][0], parts[-1][1], days, base, rate.percent, rate.rate_id, amount))
    return found


def _owed(principal: Sequence[Step], day: date) -> int:
    minor = 0
    for step in principal:
        if step.from_on > day:
            break
        minor = step.minor
    return minor


def rate_on(rates: Sequence[Rate], day: date) -> Rate:
    """Return the rate of a day.

    Raises:
        RateMissing: none covers it.
    """
    for rate in rates:
        if rate.from_on <= day and (rate.to_on is None or day < rate.to_on):
            return rate
    raise RateMissing(day)
