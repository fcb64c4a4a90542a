"""How often one caller may try: counters in the database, written by POST only (L-11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.links import GuessCounter
from receivables.errors import TooManyTries


def count(session: Session, bucket: str, *, window: timedelta, tries: int, now: datetime) -> int:
    """Count one try and refuse when the window is full; one statement, safe for many at once.

    Args:
        bucket: what is tried and by whom, for example "link:198.51.100.0/24".
        window: length of the counting window.
        tries: how many are allowed in it.
    Returns:
        The number of tries in this window, this one included.
    Raises:
        TooManyTries: facts say in how many whole minutes the window ends.
    """
    length = int(window.total_seconds())
    started = datetime.fromtimestamp(int(now.timestamp()) // length * length, UTC)
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = (
        dialect.insert(GuessCounter)
        .values(bucket=bucket, window_started_at=started, tries=1)
        .on_conflict_do_update(
            index_elements=[GuessCounter.bucket, GuessCounter.window_started_at],
            set_={"tries": GuessCounter.tries + 1},
        )
        .returning(GuessCounter.tries)
    )
    number = int(session.execute(statement).scalar_one())
    if number > tries:
        left = started + window - now
        raise TooManyTries("too_many_tries", minutes=int(left.total_seconds() // 60) + 1)
    return number


def forget_old(session: Session, *, older_than: datetime) -> None:
    """Remove counters whose window is long over."""
    session.execute(delete(GuessCounter).where(GuessCounter.window_started_at < older_than))
