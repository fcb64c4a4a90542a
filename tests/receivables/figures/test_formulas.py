"""Formulas against sums done by hand; what cannot be worked out is None and never nought (part 12)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from receivables.figures import formulas
from receivables.figures.dashboard import span_of
from receivables.figures.facts import Span


def test_days_sales_outstanding() -> None:
    """9,000.00 open of 6,000.00 sold in 31 days: 46.5; 6,000.00 of it not due: best possible 31, ADD 15.5."""
    assert formulas.dso(900000, 600000, 31) == Decimal("46.5")
    assert formulas.best_possible_dso(600000, 600000, 31) == Decimal("31.0")
    assert formulas.average_days_delinquent(900000, 600000, 600000, 31) == Decimal("15.5")
    assert formulas.dso(900000, 0, 31) is None
    assert formulas.average_days_delinquent(1, 1, 0, 31) is None


@pytest.mark.parametrize(
    ("opening", "sales", "closing", "current", "index"),
    [
        (800000, 600000, 900000, 600000, "62.5"),  # 500 of 800 that could be collected
        (800000, 600000, 600000, 600000, "100.0"),  # all that was due is in
        (800000, 0, 800000, 0, "0.0"),
    ],
)
def test_collection_effectiveness(opening: int, sales: int, closing: int, current: int, index: str) -> None:
    assert formulas.cei(opening, sales, closing, current) == Decimal(index)


def test_nothing_that_could_be_collected() -> None:
    assert formulas.cei(0, 600000, 600000, 600000) is None
    assert formulas.share(0, 0) is None
    assert formulas.cycle_days(0, 0) is None


def test_shares_and_cycles() -> None:
    """58 of 81 promises are 71.6 %; two disputes of 3 and 5.4 days take 4.2 on average."""
    assert formulas.share(58, 81) == Decimal("71.6")
    assert formulas.cycle_days((3 * 24 * 60) + 7776, 2) == Decimal("4.2")


@pytest.mark.parametrize(
    ("due", "bucket"),
    [(date(2026, 3, 2), "not_due"), (date(2026, 3, 1), "not_due"), (date(2026, 2, 28), "1_30"),
     (date(2026, 1, 30), "1_30"), (date(2026, 1, 29), "31_60"), (date(2025, 12, 1), "61_90"),
     (date(2025, 11, 30), "91_120"), (date(2025, 10, 31), "over_120"), (None, "not_due")],
)  # fmt: skip
def test_ages_at_their_borders(due: date | None, bucket: str) -> None:
    """On 1 March 2026: the due day itself is not late; 30, 60, 90 and 120 days end an age."""
    assert formulas.bucket_of(date(2026, 3, 1), due) == bucket


def test_ranges() -> None:
    today = date(2026, 3, 5)
    assert span_of("month", today) == Span(date(2026, 3, 1), today)
    assert span_of("last_month", today) == Span(date(2026, 2, 1), date(2026, 2, 28))
    assert span_of("half_year", today).first == date(2025, 10, 1)
    assert span_of("year", today).first == date(2025, 4, 1)
    assert Span(date(2026, 1, 1), date(2026, 3, 31)).before == Span(date(2025, 10, 1), date(2025, 12, 31))
    assert Span(date(2026, 3, 1), date(2026, 3, 5)).before == Span(date(2026, 2, 24), date(2026, 2, 28))
