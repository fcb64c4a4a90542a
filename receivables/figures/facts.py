"""Figures of days, read once for a page: sums of what flowed, and what stood at the end of a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.figures import FigureDay, FigureRun
from models.money import Money
from receivables.figures.days import NO_CURRENCY
from receivables.figures.formulas import BUCKETS

#: Days of a sum that was counted: (day, minor units or minutes, number).
_Days = list[tuple[date, int, int]]


@dataclass(frozen=True, slots=True)
class Span:
    """Days of the books, both of them in it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Span:
        """As many days, or the same whole months, that end the day before.

        >>> Span(date(2026, 3, 1), date(2026, 3, 31)).before
        Span(first=datetime.date(2026, 2, 1), last=datetime.date(2026, 2, 28))
        """
        eve = self.first - timedelta(days=1)
        if self.first.day == 1 and (self.last + timedelta(days=1)).day == 1:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
            return Span(month_of(eve, months).first, eve)
        return Span(self.first - timedelta(days=self.days), eve)

    def months(self) -> list[Span]:
        """The calendar months of it, each cut to it.

        >>> [m.last.isoformat() for m in Span(date(2026, 1, 30), date(2026, 3, 5)).months()]
        ['2026-01-31', '2026-02-28', '2026-03-05']
        """
        found, begin = [], self.first
        while begin <= self.last:
            end = min(month_of(begin, 0).last, self.last)
            found.append(Span(begin, end))
            begin = end + timedelta(days=1)
        return found

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days))


def month_of(day: date, back: int) -> Span:
    """Return the whole month so many months before that of a day.

    >>> month_of(date(2026, 1, 15), 2).last
    datetime.date(2025, 11, 30)
    """
    number = day.year * 12 + day.month - 1 - back
    first = date(number // 12, number % 12 + 1, 1)
    return Span(first, date((number + 1) // 12, (number + 1) % 12 + 1, 1) - timedelta(days=1))


class Facts:
    """What is kept of some days of one creditor, in one currency and in none.

    Attributes:
        currency: of every amount.
        run: since and up to which day figures stand; None where none was ever worked out.
    """

    def __init__(self, session: Session, creditor_id: int, currency: str, span: Span) -> None:
        self.currency = currency
        self.run = session.get(FigureRun, creditor_id)
        self._kept: dict[tuple[str, str], _Days] = defaultdict(list)
        rows = session.execute(
            select(
                FigureDay.name, FigureDay.key, FigureDay.day_on, FigureDay.amount_minor, FigureDay.number
            ).where(
                FigureDay.creditor_id == creditor_id,
                FigureDay.currency.in_((currency, NO_CURRENCY)),
                FigureDay.day_on.between(span.first, span.last),
            )
        )
        for r in rows:
            self._kept[r.name, r.key].append((r.day_on, r.amount_minor, r.number))

    def keys(self, name: str, span: Span) -> list[str]:
        """Return what divides a figure in a span, in order."""
        return sorted(
            key
            for (known, key), days in self._kept.items()
            if known == name and any(span.first <= day <= span.last for day, _, _ in days)
        )

    def flow(self, name: str, span: Span, key: str | None = None) -> tuple[int, int]:
        """Return the sums of minor units (or minutes) and of numbers; of all keys where none is named."""
        amount = number = 0
        for (known, own), days in self._kept.items():
            if known == name and key in (None, own):
                for day, minor, count in days:
                    if span.first <= day <= span.last:
                        amount, number = amount + minor, number + count
        return amount, number

    def money(self, name: str, span: Span, key: str | None = None) -> Money:
        """Return the sum of a flow as money."""
        return Money(self.flow(name, span, key)[0], self.currency)

    def day_flow(self, name: str, span: Span) -> dict[date, int]:
        """Return what flowed on each day on which something did."""
        found: dict[date, int] = defaultdict(int)
        for (known, _), days in self._kept.items():
            if known == name:
                for day, minor, _ in days:
                    if span.first <= day <= span.last:
                        found[day] += minor
        return found

    def ageing(self, day: date) -> dict[str, int] | None:
        """Return what stood open at the end of a day, by age; None where the figures do not reach so far.

        A day that is not over yet, or not worked out, stands as the last that is.
        """
        if self.run is None or day < self.run.first_on:
            return None
        at = min(day, self.run.last_on)
        return {
            bucket: sum(minor for known, minor, _ in self._kept.get(("ageing", bucket), ()) if known == at)
            for bucket in BUCKETS
        }
