"""Something happened at an account: the ladder looks at it again at its next run, whatever it waited for."""

from __future__ import annotations

from datetime import date

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from models.ladder import LadderPosition


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
