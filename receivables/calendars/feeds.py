"""A secret address under which a collector's own calendar reads his tasks, and nothing else.

We keep the address's digest only. Whoever holds it reads which account wants what and when: no name, no
amount, no words. Source: issue "Calendars"; L-01, L-02.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.calendars import CalendarFeed
from models.staff import Staff
from models.work import Task, TaskKind
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.links import digest, new_token
from receivables.permissions import Actor, ActorKind, Permission, may, require

#: Unguessable: bits of an address.
TOKEN_BITS = 144
#: Tasks that one feed shows, those that are due first.
TASKS_MOST = 500


@dataclass(frozen=True, slots=True)
class FeedTask:
    """One task as a calendar shows it.

    Attributes:
        key: names it for ever, so that a calendar moves it instead of doubling it.
        on: the day it stands on, in the account's zone: its own, or today once that is past.
        at: when it is due; None when that day is past, and for the whole of today.
    """

    key: str
    kind: TaskKind
    account_number: str
    on: date
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Feed:
    """Whose tasks these are, in which language, and the tasks."""

    language: str
    tasks: Sequence[FeedTask]


def make_feed(session: Session, actor: Actor, *, now: datetime) -> str:
    """Make the actor's address; one that he had before ends.

    Returns:
        The secret part of the address: shown once, kept as a digest.
    Raises:
        NotAllowed: the actor has no tasks to read.
    """
    require(actor, Permission.FEED_KEEP)
    session.execute(delete(CalendarFeed).where(CalendarFeed.staff_id == actor.id))
    token = new_token(TOKEN_BITS)
    feed = CalendarFeed(staff_id=actor.id, token_digest=digest(token), made_at=now)
    session.add(feed)
    session.flush()
    record(session, actor, "calendar_feed.made", feed, account_id=None, now=now)
    return token


def revoke_feed(session: Session, actor: Actor, *, now: datetime) -> None:
    """End the actor's address: who calls it is told that there is nothing.

    Raises:
        NotAllowed, NotFound: he has no right to one; he has none.
    """
    require(actor, Permission.FEED_KEEP)
    feed = session.scalar(select(CalendarFeed).where(CalendarFeed.staff_id == actor.id).with_for_update())
    if feed is None:
        raise NotFound("not_found")
    record(session, actor, "calendar_feed.revoked", feed, account_id=None, now=now)
    session.flush()
    session.delete(feed)


def made_at(session: Session, actor: Actor) -> datetime | None:
    """Return since when the actor has an address; None: he has none."""
    require(actor, Permission.FEED_KEEP)
    return session.scalar(select(CalendarFeed.made_at).where(CalendarFeed.staff_id == actor.id))


def read_feed(session: Session, token: str, *, now: datetime) -> Feed:
    """Return the open tasks of whoever's address this is: given to him, or to nobody at his accounts.

    Raises:
        NotFound: no such address, or its owner works here no more.
    """
    who = session.scalar(
        select(Staff)
        .join(CalendarFeed, CalendarFeed.staff_id == Staff.id)
        .where(CalendarFeed.token_digest == digest(token), Staff.is_active)
    )
    if who is None:
        raise NotFound("not_found")
    reader = Actor(ActorKind.STAFF, id=who.id, role=who.role, name=who.name)
    if not may(reader, Permission.FEED_KEEP):
        raise NotFound("not_found")
    mine = or_(
        Task.assigned_to_id == who.id, and_(Task.assigned_to_id.is_(None), Account.collector_id == who.id)
    )
    query = (
        select(Task.ref, Task.kind, Task.due_at, Account.number, Account.zone)
        .join(Account, Account.id == Task.account_id)
        .where(Task.done_at.is_(None), mine)
        .order_by(Task.due_at, Task.id)
        .limit(TASKS_MOST)
    )
    if not may(reader, Permission.HARDSHIP_READ):
        query = query.where(Task.kind != TaskKind.HARDSHIP)
    return Feed(who.language, [_task(row, now) for row in session.execute(query)])


def _task(row: Any, now: datetime) -> FeedTask:
    today, day = business_date(now, row.zone), business_date(row.due_at, row.zone)
    at = row.due_at if day >= today else None
    return FeedTask(row.ref, row.kind, row.number, on=max(day, today), at=at)
