"""When an account pays its suppliers, and the day after, on which we look whether it came.

Who pays every second Thursday is not asked on Monday: the follow-up lands on the business day after his
next run. Source: issue D, part 2 ("pay days"); domain.md ("plan the follow-up by his real behaviour").
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.notes import PayCycle, PayRun
from models.work import Task, TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import add_business_days, at_local, business_date
from receivables.errors import Refused
from receivables.own_accounts import require_theirs
from receivables.permissions import Actor, Permission, require
from receivables.texts import clean_words, one_line

#: Longest words for days and references, characters.
WORDS_MOST = 300
#: When a follow-up is due, at the account's place.
_MORNING = time(9)
#: How far a known pay day may lie from today.
_KNOWN_WITHIN = timedelta(days=400)
_DAYS_MOST = 6


@dataclass(frozen=True, slots=True)
class NextRun:
    """The next day on which an account pays, and the business day after it."""

    run_on: date
    follow_up_on: date


def next_run(
    cycle: PayCycle, *, known_on: date | None, month_days: Sequence[int], today: date, country: str
) -> NextRun:
    """Return the first pay day from today on, today included, and the business day after it.

    Args:
        known_on: of a week or fortnight, a day on which a run was.
        month_days: of a month, days of it; a day that a month lacks is its last.

    >>> next_run(PayCycle.FORTNIGHT, known_on=date(2026, 11, 12), month_days=(),
    ...          today=date(2026, 11, 19), country="GB")
    NextRun(run_on=datetime.date(2026, 11, 26), follow_up_on=datetime.date(2026, 11, 27))
    >>> next_run(PayCycle.MONTH, known_on=None, month_days=(31,), today=date(2027, 2, 3), country="GB")
    NextRun(run_on=datetime.date(2027, 2, 28), follow_up_on=datetime.date(2027, 3, 1))
    """
    if cycle is PayCycle.MONTH or known_on is None:
        run = next(day for day in _days_of_months(month_days, today) if day >= today)
    else:
        step = 7 if cycle is PayCycle.WEEK else 14
        run = today + timedelta(days=(known_on - today).days % step)
    return NextRun(run, add_business_days(run + timedelta(days=1), 0, country))


def _days_of_months(month_days: Sequence[int], today: date) -> list[date]:
    """The days of this month and the next, in order."""
    months = ((today.year, today.month), (today.year + today.month // 12, today.month % 12 + 1))
    return sorted({_day(year, month, day) for year, month in months for day in month_days})


def _day(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def keep(
    session: Session, actor: Actor, account: Account, *, cycle: PayCycle | None, known_on: date | None,
    month_days: Sequence[int], words: str, references: str, now: datetime,
) -> PayRun | None:  # fmt: skip
    """Keep when an account pays and what its books require on an invoice.

    Args:
        cycle: None where nobody knows a rule; then the days may still be said in words.
        known_on, month_days: as in `next_run`.
        words: the days as the debtor says them; shown to whoever follows up.
        references: what has to stand on an invoice.
    Returns:
        The rule, or None where there is none.
    Raises:
        NotAllowed, NotFound.
        Refused: pay_day_missing, pay_day_far, month_days_wrong, words_too_long.
    """
    require(actor, Permission.PAY_RUN_KEEP)
    require_theirs(actor, account)
    account = session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    days = sorted(set(month_days))
    today = business_date(now, account.zone)
    if cycle is PayCycle.MONTH:
        known_on = None
        if not days or len(days) > _DAYS_MOST or not all(1 <= day <= 31 for day in days):
            raise Refused("month_days_wrong")
    elif cycle is not None:
        days = []
        if known_on is None:
            raise Refused("pay_day_missing")
        if abs(known_on - today) > _KNOWN_WITHIN:
            raise Refused("pay_day_far")
    account.pay_days = one_line(clean_words(words, most=WORDS_MOST)) or None
    account.required_references = one_line(clean_words(references, most=WORDS_MOST)) or None
    row = session.get(PayRun, account.id)
    if cycle is None:
        if row is not None:
            session.delete(row)
            row = None
    else:
        row = row or PayRun(account_id=account.id)
        row.cycle, row.known_on = cycle, known_on
        row.month_days = ",".join(str(day) for day in days) or None
        row.set_by_id, row.set_at = actor.id, now
        session.add(row)
    session.flush()
    record(
        session, actor, "account.pay_run_kept", account, account_id=account.id, now=now,
        facts={"cycle": cycle.value if cycle else None, "days": days,
               "known_on": known_on.isoformat() if cycle and known_on else None},
    )  # fmt: skip
    return row


def run_of(session: Session, account_id: int) -> PayRun | None:
    """Return the rule of an account."""
    return session.get(PayRun, account_id)


def month_days_of(row: PayRun) -> list[int]:
    """The days of the month that a rule names."""
    return [int(day) for day in (row.month_days or "").split(",") if day]


def coming(row: PayRun | None, *, today: date, country: str) -> NextRun | None:
    """Return the next run by a rule; None where there is none."""
    if row is None:
        return None
    return next_run(
        row.cycle, known_on=row.known_on, month_days=month_days_of(row), today=today, country=country
    )


def follow_up(session: Session, actor: Actor, account: Account, *, words: str, now: datetime) -> Task:
    """Ask for a look at the account on the business day after its next pay run; once for each run.

    Args:
        words: what to look for; may be empty.
    Raises:
        NotAllowed, NotFound.
        Refused: pay_run_unknown, words_too_long.
    """
    require(actor, Permission.PAY_RUN_KEEP)
    require_theirs(actor, account)
    today = business_date(now, account.zone)
    due = coming(run_of(session, account.id), today=today, country=account.country)
    if due is None:
        raise Refused("pay_run_unknown")
    said = clean_words(words, most=WORDS_MOST)
    task = outbox.ask_person(
        session, TaskKind.FOLLOW_UP, f"pay_run:{account.id}:{due.run_on}", account_id=account.id, now=now,
        facts={"on": due.run_on.isoformat()} | ({"words": said} if said else {}),
    )  # fmt: skip
    if task.created_at == now:
        task.due_at = at_local(due.follow_up_on, _MORNING, account.zone)
        task.assigned_to_id = actor.id
    return task


def open_follow_up(session: Session, account_id: int) -> Task | None:
    """Return the follow-up of a pay run that waits, first due first."""
    return session.scalars(
        select(Task)
        .where(
            Task.account_id == account_id, Task.kind == TaskKind.FOLLOW_UP, Task.done_at.is_(None),
            Task.key.startswith("pay_run:"),
        )
        .order_by(Task.due_at)
        .limit(1)
    ).first()  # fmt: skip
