"""Something happened at an account: the ladder looks at it again at its next run, whatever it waited for."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.ladder import LadderPosition
from receivables.calendar_days import business_date


def wake(session: Session, account_id: int, today: date) -> None:
    """Let the next run look at every document of an account that has a position."""
    session.execute(
        update(LadderPosition)
        .where(
            LadderPosition.account_id == account_id,
            or_(LadderPosition.next_on.is_(None), LadderPosition.next_on > today),
        )
        .values(next_on=today)
        .execution_options(synchronize_session=False)
    )


def wake_account(session: Session, account_id: int, *, now: datetime) -> None:
    """Let the next run look at an account, by its own date of today."""
    account = session.get_one(Account, account_id)
    wake(session, account_id, business_date(now, account.zone))


def wake_part(session: Session, after: int, *, most: int, now: datetime) -> int | None:
    """Let the next run look at some of all that climbs: rules of the house came into force.

    Args:
        after: id of the last account that was woken; 0 at the start.
        most: accounts of one unit of work.
    Returns:
        The last account woken; None when there was none left.
    """
    climbing = LadderPosition.waits_for.is_distinct_from("closed")
    part = select(LadderPosition.account_id).where(LadderPosition.account_id > after, climbing)
    ids = session.scalars(part.distinct().order_by(LadderPosition.account_id).limit(most)).all()
    if not ids:
        return None
    today = now.date()
    session.execute(
        update(LadderPosition)
        .where(
            LadderPosition.account_id.between(ids[0], ids[-1]),
            climbing,
            or_(LadderPosition.next_on.is_(None), LadderPosition.next_on > today),
        )
        .values(next_on=today)
        .execution_options(synchronize_session=False)
    )
    return ids[-1]
