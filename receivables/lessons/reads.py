"""What closed cases teach: one case with what worked, and a month put together.

Figures are of cases that closed in the month. Recovered is what payments brought for documents that
were late, per currency; the recovery share of a rung is its part of that sum. An order after collection
is a document issued after the case closed. Source: issue D, part 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Survey
from models.arrears import ArrearsCase, ArrearsEnd
from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.staff import Staff
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require

#: An answer to the one question counts for a case so many days after it closed.
_ANSWERED_WITHIN = timedelta(days=30)
#: So many cases are read at once.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Review:
    """One closed case.

    Attributes:
        days, acts: from the due day to the end, and what we did in them.
        worked: the last act before the money, "call:promised"; None where it came without one.
        score, comment: the answer to the one question after paying.
        ordered_on: of the first document issued after it closed; None: none so far.
    """

    ref: str
    account_id: int
    account_ref: str
    account_name: str
    zone: str
    since_on: date
    closed_on: date
    ended: ArrearsEnd
    peak: Money
    recovered: Money
    days: int
    acts: int
    worked: str | None
    rung: str | None
    reason: str | None
    score: int | None
    comment: str
    ordered_on: date | None
    lesson: str
    lesson_by: str | None
    lesson_at: datetime | None


@dataclass(slots=True)
class Tally:
    """Cases with something in common: how many, how long on average, and what came, by currency."""

    key: str
    cases: int = 0
    days: int = 0
    sums: dict[str, int] = field(default_factory=dict)

    def add(self, review: Review) -> None:
        """Count one case."""
        self.cases += 1
        self.days += review.days
        if review.recovered:
            code = review.recovered.currency
            self.sums[code] = self.sums.get(code, 0) + review.recovered.minor

    @property
    def mean_days(self) -> int:
        """Days on average, rounded half up.

        >>> Tally("x", cases=2, days=15).mean_days
        8
        """
        return (2 * self.days + self.cases) // (2 * self.cases) if self.cases else 0

    @property
    def recovered(self) -> list[Money]:
        """What came, one amount for each currency."""
        return [Money(minor, code) for code, minor in sorted(self.sums.items())]


@dataclass(frozen=True, slots=True)
class Month:
    """What the cases of one month teach.

    Attributes:
        acts, rungs, reasons: the cases by what worked, by the rung behind it, by what stood in the way;
            most cases first. A case of which that is not known has the key "".
        answered, score_tenths: answers to the one question, and their mean in tenths; None of none.
        could_order, ordered: cases that were paid, and those of them after which an order came.
    """

    first: date
    last: date
    reviews: Sequence[Review]
    whole: Tally
    ends: dict[str, int]
    acts: Sequence[Tally]
    rungs: Sequence[Tally]
    reasons: Sequence[Tally]
    answered: int
    score_tenths: int | None
    could_order: int
    ordered: int

    @property
    def lessons(self) -> list[Review]:
        """The cases of which somebody wrote down a lesson."""
        return [review for review in self.reviews if review.lesson]


def month_of(day: date) -> tuple[date, date]:
    """Return the first and last day of a day's month.

    >>> month_of(date(2024, 2, 10))
    (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    """
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month(session: Session, actor: Actor, day: date) -> Month:
    """Return what the cases that closed in a day's month teach.

    Raises: NotAllowed.
    """
    require(actor, Permission.REPORT_READ)
    first, last = month_of(day)
    reviews = _reviews(session, _CLOSED.where(ArrearsCase.closed_on >= first, ArrearsCase.closed_on <= last))
    whole = Tally("")
    for review in reviews:
        whole.add(review)
    ends = {end.value: sum(review.ended is end for review in reviews) for end in ArrearsEnd}
    paid = [review for review in reviews if review.ended is ArrearsEnd.PAID]
    scores = [review.score for review in reviews if review.score is not None]
    return Month(
        first=first,
        last=last,
        reviews=reviews,
        whole=whole,
        ends=ends,
        acts=_tallies((review.worked or "", review) for review in paid),
        rungs=_tallies((review.rung or "", review) for review in paid),
        reasons=_tallies((review.reason or "", review) for review in reviews),
        answered=len(scores),
        score_tenths=(20 * sum(scores) + len(scores)) // (2 * len(scores)) if scores else None,
        could_order=len(paid),
        ordered=sum(review.ordered_on is not None for review in paid),
    )


def review(session: Session, actor: Actor, ref: str) -> Review:
    """Return one closed case.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.REPORT_READ)
    found = _reviews(session, _CLOSED.where(ArrearsCase.ref == ref))
    if not found:
        raise NotFound("not_found")
    return found[0]


def of_account(session: Session, actor: Actor, account_id: int) -> Sequence[Review]:
    """Return the closed cases of an account, newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.REPORT_READ)
    return _reviews(session, _CLOSED.where(ArrearsCase.account_id == account_id))


def _tallies(pairs: Iterable[tuple[str, Review]]) -> list[Tally]:
    found: dict[str, Tally] = {}
    for key, review_ in pairs:
        found.setdefault(key, Tally(key)).add(review_)
    return sorted(found.values(), key=lambda tally: (-tally.cases, not tally.key, tally.key))


_CLOSED = (
    select(ArrearsCase, Account.ref, Account.name, Account.zone, Staff.name.label("lesson_by"))
    .join(Account, Account.id == ArrearsCase.account_id)
    .outerjoin(Staff, Staff.id == ArrearsCase.lesson_by_id)
    .where(ArrearsCase.closed_on.is_not(None))
    .order_by(ArrearsCase.closed_on.desc(), ArrearsCase.id.desc())
)


def _reviews(session: Session, query: Select[*tuple[Any, ...]]) -> list[Review]:
    """Read closed cases, a fixed number of statements for each CHUNK of them."""
    rows = session.execute(query).all()
    found: list[Review] = []
    for first in range(0, len(rows), CHUNK):
        part = rows[first : first + CHUNK]
        ids = {row.ArrearsCase.account_id for row in part}
        surveys: dict[int, list[Survey]] = {}
        for survey in session.scalars(
            select(Survey).where(Survey.account_id.in_(ids)).order_by(Survey.answered_at)
        ):
            surveys.setdefault(survey.account_id, []).append(survey)
        orders: dict[int, list[date]] = {}
        for account_id, issued_on in session.execute(
            select(Invoice.account_id, Invoice.issued_on)
            .where(
                Invoice.account_id.in_(ids), Invoice.kind.in_((InvoiceKind.INVOICE, InvoiceKind.PREPAYMENT)),
                Invoice.issued_on > min(row.ArrearsCase.closed_on for row in part),
            )
            .order_by(Invoice.issued_on)
        ):  # fmt: skip
            orders.setdefault(account_id, []).append(issued_on)
        found += [
            _review(
                row, surveys.get(row.ArrearsCase.account_id, ()), orders.get(row.ArrearsCase.account_id, ())
            )
            for row in part
        ]
    return found


def _review(row: Any, surveys: Sequence[Survey], orders: Sequence[date]) -> Review:
    case = row.ArrearsCase
    until = case.closed_on + _ANSWERED_WITHIN
    answers = [s for s in surveys if case.since_on <= s.answered_at.date() <= until]
    return Review(
        ref=case.ref, account_id=case.account_id, account_ref=row.ref, account_name=row.name, zone=row.zone,
        since_on=case.since_on, closed_on=case.closed_on, ended=case.ended,
        peak=Money(case.peak_minor, case.currency), recovered=Money(case.recovered_minor, case.currency),
        days=case.days or 0, acts=case.acts or 0, worked=case.worked, rung=case.rung, reason=case.reason,
        score=answers[-1].score if answers else None, comment=answers[-1].comment if answers else "",
        ordered_on=next((day for day in orders if day > case.closed_on), None), lesson=case.lesson or "",
        lesson_by=row.lesson_by, lesson_at=case.lesson_at,
    )  # fmt: skip
