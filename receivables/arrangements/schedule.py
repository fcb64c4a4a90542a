"""The arithmetic of instalments: amounts that sum exactly, dates that fall on business days (M-15)."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from models.arrangements import Every
from models.money import Money, currency_row
from receivables.calendar_days import add_business_days
from receivables.errors import Refused

#: No plan has more parts, whoever approves it.
MOST_PARTS = 120


def amounts(total: Money, parts: int, *, down: Money | None = None) -> list[Money]:
    """Split a total into parts by largest remainder in payable steps.

    The first parts get one step more, a remainder below the step goes to the first part. Where a
    down payment asks for more than an equal first part, the first part is the down payment, in whole
    steps, and the rest is split equally.

    Args:
        total: what is split, > 0.
        parts: 1 to MOST_PARTS.
        down: what the first part has to be at least; None for equal parts.
    Raises:
        Refused: plan_part_too_small, a part would be less than one step.
    Source: M-15.

    >>> [part.minor for part in amounts(Money(141840, "GBP"), 3)]
    [47280, 47280, 47280]
    >>> [part.minor for part in amounts(Money(1000, "GBP"), 3, down=Money(500, "GBP"))]
    [500, 250, 250]
    """
    step = currency_row(total.currency).step
    if total.minor // step < parts:
        raise Refused("plan_part_too_small", most=max(total.minor // step, 1))
    equal = total.split(parts)
    if down is None or equal[0] >= down or parts == 1:
        return equal
    steps = -(-down.minor // step)
    first = Money(steps * step + total.minor % step, total.currency)
    rest = total - first
    if rest.minor // step < parts - 1:
        raise Refused("plan_part_too_small", most=max(rest.minor // step, 1) + 1)
    return [first, *rest.split(parts - 1)]


def parts_of(total: Money, each: Money) -> int:
    """Return how many parts of at most `each` a total takes; `each` is > 0.

    >>> parts_of(Money(10001, "GBP"), Money(5000, "GBP"))
    3
    """
    return -(-total.minor // each.minor)


def dates(first_on: date, parts: int, every: Every, country: str, *, at_once: bool = False) -> list[date]:
    """Return the days of the parts, counted from the first day as it was chosen.

    Months keep the day of the first one and are clamped to their end; a day on which nobody works
    moves to the next business day of the country. No two parts share a day.

    Args:
        at_once: the first part is paid on `first_on`, whatever day that is.
    """
    found: list[date] = []
    for number in range(parts):
        day = _counted(first_on, number, every)
        if not (at_once and number == 0):
            day = add_business_days(day, 0, country)
        if found and day <= found[-1]:
            day = add_business_days(found[-1], 1, country)
        found.append(day)
    return found


def _counted(first_on: date, number: int, every: Every) -> date:
    """Return the day `number` periods after the first.

    >>> _counted(date(2026, 12, 31), 2, Every.MONTH)
    datetime.date(2027, 2, 28)
    """
    if every is Every.WEEK:
        return first_on + timedelta(days=7 * number)
    if every is Every.FORTNIGHT:
        return first_on + timedelta(days=14 * number)
    years, month = divmod(first_on.month - 1 + number, 12)
    year, month = first_on.year + years, month + 1
    return date(year, month, min(first_on.day, calendar.monthrange(year, month)[1]))
