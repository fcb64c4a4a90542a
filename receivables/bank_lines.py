"""Up to which day the bank's lines are in our books, and what may not happen while they are behind.

Who paid yesterday by transfer must not be chased today because we have not looked. Where somebody says
how far the lines are in, they must not grow old: until they are up to date nothing beyond the first
reminder runs, no promise breaks, no accepted offer lapses, no plan defaults, nothing is frozen or handed
over. A creditor of whom nobody ever said it has no feed, and nothing waits for one.
Source: domain.md, "The ladder"; policy ladders.bank_lines_days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.bank_lines import BankLines
from models.creditors import Creditor
from models.ladder import LadderPosition
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy

#: What the ladder waits for meanwhile.
BANK_LINES = "bank_lines"


@dataclass(frozen=True, slots=True)
class Stand:
    """How far the lines of one creditor are in.

    up_to_on, recorded_at: None where nobody ever said it.
    behind: whether they are older than policy allows today.
    """

    creditor_id: int
    code: str
    name: str
    up_to_on: date | None
    behind: bool


def record_lines(
    session: Session, actor: Actor, creditor_code: str, up_to_on: date, *, now: datetime
) -> BankLines:
    """Say that every bank line of a creditor up to a day is in the books.

    Args:
        up_to_on: a day at the creditor's place, today at most and not before the one of last time.
    Raises:
        NotAllowed; NotFound: no such creditor.
        Refused: day_in_future, day_before_last (facts: up_to).
    """
    require(actor, Permission.BANK_LINES_RECORD)
    creditor = session.scalar(select(Creditor).where(Creditor.code == creditor_code).with_for_update())
    if creditor is None:
        raise NotFound("not_found")
    if up_to_on > business_date(now, creditor.zone):
        raise Refused("day_in_future")
    last = _latest(session).get(creditor.id)
    if last is not None and up_to_on < last:
        raise Refused("day_before_last", up_to=last)
    _wake(session, creditor, business_date(now, creditor.zone))
    row = BankLines(creditor_id=creditor.id, up_to_on=up_to_on, staff_id=actor.id, recorded_at=now)
    session.add(row)
    session.flush()
    record(
        session, actor, "bank_lines.recorded", row, account_id=None, now=now,
        facts={"creditor": creditor.code, "up_to": up_to_on.isoformat()},
    )  # fmt: skip
    return row


def stands(session: Session, actor: Actor, *, now: datetime) -> Sequence[Stand]:
    """Return how far each creditor's lines are in, by name. Raises: NotAllowed."""
    require(actor, Permission.BANK_LINES_READ)
    return _stands(session, now)


def creditors_behind(session: Session, *, now: datetime) -> frozenset[int]:
    """Return the creditors whose lines are older than policy allows."""
    if not _latest(session):
        return frozenset()
    return frozenset(one.creditor_id for one in _stands(session, now) if one.behind)


def is_behind(session: Session, account: Account, *, now: datetime) -> bool:
    """Whether what an account may have paid by transfer is not known yet."""
    return account.creditor_id in creditors_behind(session, now=now)


def refuse_behind(session: Session, account: Account, *, now: datetime) -> None:
    """Let nothing firm happen while lines are behind. Raises: Refused `bank_lines_behind` (facts: up_to)."""
    if is_behind(session, account, now=now):
        raise Refused("bank_lines_behind", up_to=_latest(session)[account.creditor_id])


def _wake(session: Session, creditor: Creditor, today: date) -> None:
    """Let the next run look at what waited for the lines."""
    theirs = select(Account.id).where(Account.creditor_id == creditor.id)
    session.execute(
        update(LadderPosition)
        .where(LadderPosition.waits_for == BANK_LINES, LadderPosition.account_id.in_(theirs))
        .values(next_on=today)
        .execution_options(synchronize_session=False)
    )


def _stands(session: Session, now: datetime) -> list[Stand]:
    latest, days = _latest(session), current_policy(session, now).ladders.bank_lines_days
    if not latest:
        rows = session.execute(select(Creditor.id, Creditor.code, Creditor.name).order_by(Creditor.name))
        return [Stand(*row, None, False) for row in rows]
    found = []
    for creditor in session.scalars(select(Creditor).order_by(Creditor.name)):
        up_to = latest.get(creditor.id)
        today = business_date(now, creditor.zone)
        behind = up_to is not None and add_business_days(up_to, days, creditor.country) < today
        found.append(Stand(creditor.id, creditor.code, creditor.name, up_to, behind))
    return found


def _latest(session: Session) -> dict[int, date]:
    newest = select(func.max(BankLines.id)).group_by(BankLines.creditor_id)
    rows = session.execute(select(BankLines.creditor_id, BankLines.up_to_on).where(BankLines.id.in_(newest)))
    return {r.creditor_id: r.up_to_on for r in rows}
