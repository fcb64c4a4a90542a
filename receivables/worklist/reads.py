"""What the worklist's page shows: one page of the ranking, its figures, and what to know before working.

Rows are read in the order of an index, with the few accounts they are of beside them; nothing is worked
out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, inspect, or_, select, true
from sqlalchemy.orm import Session, aliased

from models.accounts import Account, DebtorType, Segment
from models.arrangements import Promise
from models.creditors import CreditorBankAccount
from models.money import Money
from models.staff import Staff
from models.states import PromiseStatus
from models.work import Task, TaskKind
from models.worklist import Assignment, SkipReason, WorklistClaim, WorklistRow, WorklistSkip
from receivables import bank_lines
from receivables.calendar_days import business_date
from receivables.permissions import Actor, Permission, require
from receivables.worklist.assigning import house_today

#: So many are counted; beyond it the page says "more than".
COUNTED = 1000


class Sort(StrEnum):
    RISK = "risk"
    AMOUNT = "amount"
    AGE = "age"
    NEXT = "next"


class Age(StrEnum):
    """How late the oldest document is; days."""

    TO_30 = "1-30"
    TO_60 = "31-60"
    TO_90 = "61-90"
    OVER_90 = "91-"


_AGES: Mapping[Age, tuple[int, int | None]] = {
    Age.TO_30: (1, 30), Age.TO_60: (31, 60), Age.TO_90: (61, 90), Age.OVER_90: (91, None),
}  # fmt: skip
_ORDER: Mapping[Sort, Callable[[Any], tuple[ColumnElement[Any], ...]]] = {
    Sort.RISK: lambda row: (row.rank.desc(), row.account_id.desc()),
    Sort.AMOUNT: lambda row: (row.size.desc(), row.account_id.desc()),
    Sort.AGE: lambda row: (row.oldest_on.asc(), row.account_id.asc()),
    # What nothing comes next for stands last on both databases; so PostgreSQL keeps its index anyway.
    Sort.NEXT: lambda row: (row.next_on.asc().nulls_last(), row.account_id.asc()),
}
#: Whose accounts; anything else is the ref of a person.
MINE, EVERYBODY, NOBODY = "mine", "all", "nobody"


@dataclass(frozen=True, slots=True)
class Filters:
    """What of the worklist is shown; None is everything."""

    whose: str = MINE
    segment: Segment | None = None
    age: Age | None = None
    currency: str | None = None
    language: str | None = None
    sort: Sort = Sort.RISK


@dataclass(frozen=True, slots=True)
class Line:
    """One account in one currency, with the terms of its rank.

    Attributes:
        bands: (amount, percent a day) of each age. factors: (code, percent).
        why: codes with their facts, heaviest first.
        claimed_by: who works on it now; claimed_until: until when.
        lent_from, lent_to_on: whose it is, while it is lent for days.
    """

    account_id: int
    ref: str
    number: str
    name: str
    debtor_type: DebtorType
    zone: str
    language: str
    segment: Segment
    collectable: Money
    disputed: Money
    days_late: int
    at_risk: Money
    lifted_from: Money | None
    bands: Sequence[tuple[Money, Decimal]]
    factors: Sequence[tuple[str, Decimal]]
    why: Sequence[dict[str, Any]]
    next_code: str | None
    next_on: date | None
    collector: str | None
    claimed_by: str | None
    claimed_until: datetime | None
    is_mine: bool
    lent_from: str | None
    lent_to_on: date | None

    @property
    def bank_behind(self) -> bool:
        """Whether the bank's lines are too old to know who has paid."""
        return any(said["code"] == "bank_behind" for said in self.why)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the worklist; `count` is of all that pass the filters, COUNTED at most."""

    lines: Sequence[Line]
    first: int
    count: int
    more: bool

    @property
    def is_more_than(self) -> bool:
        return self.count >= COUNTED


def listed(
    session: Session, actor: Actor, filters: Filters, *, first: int = 0, limit: int, now: datetime
) -> Page:
    """Return one page of the ranking.

    Args:
        first: how many come before it.
    Raises: NotAllowed.
    """
    require(actor, Permission.WORKLIST_WORK)
    today = house_today(session, now)
    which = _which(session, actor, filters, today)
    counted = select(WorklistRow.account_id).where(*which).limit(COUNTED).subquery()
    found: Any = WorklistRow
    if filters.segment is not None:
        # Found first and put into order then: a kind may be rare among one's own accounts, and whoever
        # walks along the whole ranking for the next one of it does not arrive. The offset of nothing
        # keeps the database from making one query of the two.
        found = aliased(WorklistRow, select(WorklistRow).where(*which).offset(0).subquery())
        which = []
    order = _ORDER[filters.sort](found)
    rows = session.execute(
        _lines_of(found).where(*which).order_by(*order).offset(first).limit(limit + 1)
    ).all()
    lines = _lines(session, actor, rows[:limit], now=now)
    count = session.execute(select(func.count()).select_from(counted)).scalar_one()
    return Page(lines, first, count, len(rows) > limit)


def currencies(session: Session) -> list[str]:
    """Return the currencies that creditors are paid in, for a filter."""
    return list(
        session.scalars(
            select(CreditorBankAccount.currency).distinct().order_by(CreditorBankAccount.currency)
        )
    )


def of_account(session: Session, actor: Actor, account_id: int, *, now: datetime) -> list[Line]:
    """Return where one account stands in each currency, for its own page. Raises: NotAllowed."""
    require(actor, Permission.WORKLIST_WORK)
    rows = session.execute(
        _lines_of(WorklistRow).where(WorklistRow.account_id == account_id).order_by(WorklistRow.rank.desc())
    ).all()
    return _lines(session, actor, rows, now=now)


def _lines_of(row: Any) -> Select[Any]:
    """Select rows of the ranking, or an alias of them, each with its account and its collector."""
    collector = aliased(Staff)
    return (
        select(
            *inspect(row).selectable.columns, Account.ref, Account.number, Account.name, Account.debtor_type,
            Account.zone, collector.name.label("collector"),
        )
        .join(Account, Account.id == row.account_id)
        .outerjoin(collector, collector.id == row.collector_id)
    )  # fmt: skip


def _which(session: Session, actor: Actor, filters: Filters, today: date) -> list[ColumnElement[bool]]:
    """The conditions of what is to be worked: something to collect, and not put off to another day."""
    found: list[ColumnElement[bool]] = [
        WorklistRow.collectable_minor > 0,
        or_(WorklistRow.rests_until.is_(None), WorklistRow.rests_until <= today),
        _whose(session, actor, filters.whose),
    ]
    if filters.segment is not None:
        found.append(WorklistRow.segment == filters.segment)
    if filters.age is not None:
        least, most = _AGES[filters.age]
        found.append(WorklistRow.oldest_on <= today - timedelta(days=least))
        if most is not None:
            found.append(WorklistRow.oldest_on >= today - timedelta(days=most))
    if filters.currency is not None:
        found.append(WorklistRow.currency == filters.currency)
    if filters.language is not None:
        found.append(WorklistRow.language == filters.language)
    return found


def _whose(session: Session, actor: Actor, whose: str) -> ColumnElement[bool]:
    if whose == EVERYBODY:
        return true()
    if whose == NOBODY:
        return WorklistRow.collector_id.is_(None)
    if whose == MINE:
        return or_(WorklistRow.collector_id == actor.id, WorklistRow.collector_id.is_(None))
    return WorklistRow.collector_id == select(Staff.id).where(Staff.ref == whose).scalar_subquery()


def _lines(session: Session, actor: Actor, rows: Sequence[Any], *, now: datetime) -> list[Line]:
    ids = [row.account_id for row in rows]
    claims = {
        r.account_id: r
        for r in session.execute(
            select(WorklistClaim.account_id, WorklistClaim.staff_id, WorklistClaim.expires_at, Staff.name)
            .join(Staff, Staff.id == WorklistClaim.staff_id)
            .where(WorklistClaim.account_id.in_(ids), WorklistClaim.expires_at > now)
        )
    }
    loans = {
        r.account_id: r
        for r in session.execute(
            select(Assignment.account_id, Assignment.to_on, Staff.name)
            .outerjoin(Staff, Staff.id == Assignment.from_staff_id)
            .where(
                Assignment.account_id.in_(ids),
                Assignment.ended_at.is_(None),
                Assignment.begun_at.is_not(None),
            )
        )
    }
    return [_line(actor, row, claims.get(row.account_id), loans.get(row.account_id), now) for row in rows]


def _line(actor: Actor, row: Any, claim: Any, loan: Any, now: datetime) -> Line:
    currency = row.currency
    today = business_date(now, row.zone)
    return Line(
        account_id=row.account_id,
        ref=row.ref,
        number=row.number,
        name=row.name,
        debtor_type=row.debtor_type,
        zone=row.zone,
        language=row.language,
        segment=row.segment,
        collectable=Money(row.collectable_minor, currency),
        disputed=Money(row.disputed_minor, currency),
        days_late=max(0, (today - row.oldest_on).days),
        at_risk=Money(row.at_risk_minor, currency),
        lifted_from=None if row.lifted_from_minor is None else Money(row.lifted_from_minor, currency),
        bands=[(Money(minor, currency), Decimal(percent)) for minor, percent in row.bands],
        factors=[(code, Decimal(percent) / 100) for code, percent in row.factors],
        why=row.why,
        next_code=row.next_code,
        next_on=row.next_on,
        collector=row.collector,
        claimed_by=claim.name if claim is not None else None,
        claimed_until=claim.expires_at if claim is not None else None,
        is_mine=claim is not None and claim.staff_id == actor.id,
        lent_from=loan.name if loan is not None else None,
        lent_to_on=loan.to_on if loan is not None else None,
    )


# --------------------------------------------------------------------------- before working


@dataclass(frozen=True, slots=True)
class Skipped:
    """What a person skipped last and may still want back."""

    ref: str
    account_ref: str
    name: str
    reason: SkipReason
    words: str
    until_on: date


@dataclass(frozen=True, slots=True)
class Figures:
    """What stands beside the list.

    Attributes:
        claimed: accounts that this person works on now, newest first: (ref, name).
        call_back_at: the next call that a debtor asked for, with its zone; of this person or of nobody.
        promised: what falls due today, by currency, with how many promises.
        tomorrow: how many promises fall due tomorrow.
        behind: (creditor, last day) of bank lines older than policy allows.
        unmatched: how many tasks ask where money belongs.
        skipped: what this person skipped today, newest first.
    """

    claimed: Sequence[tuple[str, str]]
    call_back_at: datetime | None
    promised: Sequence[tuple[Money, int]]
    tomorrow: int
    behind: Sequence[tuple[str, date]]
    unmatched: int
    skipped: Sequence[Skipped]


def figures(session: Session, actor: Actor, *, now: datetime) -> Figures:
    """Return what to know before working. Raises: NotAllowed."""
    require(actor, Permission.WORKLIST_WORK)
    today = house_today(session, now)
    claimed = session.execute(
        select(Account.ref, Account.name)
        .join(WorklistClaim, WorklistClaim.account_id == Account.id)
        .where(WorklistClaim.staff_id == actor.id, WorklistClaim.expires_at > now)
        .order_by(WorklistClaim.claimed_at.desc())
    )
    promised = session.execute(
        select(Promise.currency, func.sum(Promise.amount_minor), func.count())
        .where(Promise.status == PromiseStatus.OPEN, Promise.promised_on == today)
        .group_by(Promise.currency)
        .order_by(Promise.currency)
    )
    tomorrow = session.scalar(
        select(func.count())
        .select_from(Promise)
        .where(Promise.status == PromiseStatus.OPEN, Promise.promised_on == today + timedelta(days=1))
    )
    stands = bank_lines.stands(session, actor, now=now)
    return Figures(
        claimed=[(r.ref, r.name) for r in claimed],
        call_back_at=_call_back(session, actor),
        promised=[(Money(int(minor), currency), count) for currency, minor, count in promised],
        tomorrow=tomorrow or 0,
        behind=[(one.name, one.up_to_on) for one in stands if one.behind and one.up_to_on is not None],
        unmatched=session.scalar(
            select(func.count())
            .select_from(Task)
            .where(Task.done_at.is_(None), Task.kind == TaskKind.UNAPPLIED_MONEY)
        )
        or 0,
        skipped=_skipped(session, actor, now=now),
    )


def _call_back(session: Session, actor: Actor) -> datetime | None:
    return session.scalar(
        select(func.min(Task.due_at))
        .join(Account, Account.id == Task.account_id)
        .where(
            Task.kind == TaskKind.CALL_BACK,
            Task.done_at.is_(None),
            or_(Account.collector_id == actor.id, Account.collector_id.is_(None)),
        )
    )


def _skipped(session: Session, actor: Actor, *, now: datetime, limit: int = 3) -> list[Skipped]:
    rows = session.execute(
        select(
            WorklistSkip.ref, Account.ref.label("account_ref"), Account.name, WorklistSkip.reason,
            WorklistSkip.words, WorklistSkip.until_on,
        )
        .join(Account, Account.id == WorklistSkip.account_id)
        .where(
            WorklistSkip.staff_id == actor.id,
            WorklistSkip.ended_at.is_(None),
            WorklistSkip.skipped_at > now - timedelta(hours=12),
        )
        .order_by(WorklistSkip.id.desc())
        .limit(limit)
    )  # fmt: skip
    return [Skipped(*row) for row in rows]
