"""The figures of a head of collections, as the trade works them out; pure, in minor units and days.

A figure that cannot be worked out is None, never 0: whoever shows it says why. Sources: Credit Research
Foundation, "Key performance indicators" (CEI, DSO, best possible DSO, ADD); domain.md.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

#: Ages of what is open, oldest last: days past due from, to.
BUCKETS = {
    "not_due": (None, 0),
    "1_30": (1, 30),
    "31_60": (31, 60),
    "61_90": (61, 90),
    "91_120": (91, 120),
    "over_120": (121, None),
}
#: Ways of paying in which nobody of us had a hand once the link was sent.
SELF_SERVICE = ("page", "saved_card")
_TENTH = Decimal("0.1")


def bucket_of(today: date, due_on: date | None) -> str:
    """Return the age of what is due on a day; what has no due date is not due.

    >>> [bucket_of(date(2026, 3, 1), date(2026, 2, d)) for d in (28, 1)], bucket_of(date(2026, 3, 1), None)
    (['1_30', '1_30'], 'not_due')
    """
    late = 0 if due_on is None else (today - due_on).days
    return next(name for name, (_, to) in BUCKETS.items() if to is None or late <= to)


def rounded(value: Decimal) -> Decimal:
    """Return a figure to one decimal, halves up.

    >>> rounded(Decimal("47.25"))
    Decimal('47.3')
    """
    return value.quantize(_TENTH, rounding=ROUND_HALF_UP)


def dso(receivables: int, credit_sales: int, days: int) -> Decimal | None:
    """Days sales outstanding: receivables at the end ÷ credit sales of the period × its days.

    Args:
        receivables: open on credit at the end of the period, minor units.
        credit_sales: invoiced on credit in it; credit notes are not taken off.
        days: of the period.
    Returns:
        Days; None without credit sales.

    >>> dso(900_000, 600_000, 31)
    Decimal('46.5')
    """
    return rounded(Decimal(receivables) / credit_sales * days) if credit_sales > 0 else None


def best_possible_dso(current: int, credit_sales: int, days: int) -> Decimal | None:
    """Best possible DSO: only what is not yet due ÷ credit sales × days; what DSO were if all paid in time.

    >>> best_possible_dso(600_000, 600_000, 31)
    Decimal('31.0')
    """
    return dso(current, credit_sales, days)


def average_days_delinquent(receivables: int, current: int, credit_sales: int, days: int) -> Decimal | None:
    """ADD: DSO less best possible DSO, worked out before rounding.

    >>> average_days_delinquent(900_000, 600_000, 600_000, 31)
    Decimal('15.5')
    """
    return dso(receivables - current, credit_sales, days)


def cei(opening: int, credit_sales: int, closing: int, closing_current: int) -> Decimal | None:
    """Collection effectiveness index: of what could be collected, how much was, in percent.

    (opening + sales − closing) ÷ (opening + sales − what of the closing is not yet due) × 100.

    Args:
        opening, closing: open on credit before the period and at its end, minor units.
        closing_current: what of the closing is not yet due.
    Returns:
        Percent; None where nothing could be collected.

    >>> cei(800_000, 600_000, 900_000, 600_000)
    Decimal('62.5')
    """
    could = opening + credit_sales - closing_current
    return rounded(Decimal(opening + credit_sales - closing) / could * 100) if could > 0 else None


def share(part: int, whole: int) -> Decimal | None:
    """A part of a whole in percent; None of nothing.

    >>> share(58, 81), share(0, 0)
    (Decimal('71.6'), None)
    """
    return rounded(Decimal(part) / whole * 100) if whole > 0 else None


def cycle_days(minutes: int, number: int) -> Decimal | None:
    """Days from opening a dispute to its outcome, on average; None where none was resolved.

    >>> cycle_days(12_096, 2)
    Decimal('4.2')
    """
    return rounded(Decimal(minutes) / number / (24 * 60)) if number > 0 else None
