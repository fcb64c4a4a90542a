"""The feed of a collector's tasks: secret, without personal data, right over the change of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.calendars import CalendarFeed
from models.staff import Role, Staff
from models.store import Store
from models.work import Task, TaskKind
from receivables import outbox
from receivables.calendar_days import at_local
from receivables.calendars import feeds
from receivables.errors import NotAllowed, NotFound
from tests import factories as make
from tests.conftest import NOON


def a_task(s: Session, account: Account, due_at: datetime, kind: TaskKind = TaskKind.LADDER_CALL) -> Task:
    task = outbox.ask_person(
        s, kind, f"t:{account.id}:{kind.value}:{due_at}", account_id=account.id, facts={}, now=NOON
    )
    task.due_at = due_at
    return task


def a_collector(s: Session, role: Role = Role.COLLECTOR) -> tuple[Staff, Account]:
    person = make.a_person(s, role)
    account = make.an_account(s, make.a_creditor(s))
    account.collector_id = person.id
    s.flush()
    return person, account


def test_made_read_replaced_and_ended(store: Store) -> None:
    """L-02: only the digest is kept; a new address ends the old one, and an ended one is nothing."""
    with store.write() as s:
        person, account = a_collector(s)
        actor = make.staff_actor(person)
        a_task(s, account, NOON + timedelta(hours=2))
        assert feeds.made_at(s, actor) is None
        first = feeds.make_feed(s, actor, now=NOON)
        assert first not in str(s.scalars(select(CalendarFeed.token_digest)).all())
        assert len(feeds.read_feed(s, first, now=NOON).tasks) == 1
        second = feeds.make_feed(s, actor, now=NOON)
        assert feeds.made_at(s, actor) == NOON
        with pytest.raises(NotFound):
            feeds.read_feed(s, first, now=NOON)
        feeds.revoke_feed(s, actor, now=NOON)
        for token in (second, "", "x" * 24):
            with pytest.raises(NotFound):
                feeds.read_feed(s, token, now=NOON)
        with pytest.raises(NotFound):
            feeds.revoke_feed(s, actor, now=NOON)


def test_whose_tasks_these_are(store: Store) -> None:
    """His own and nobody's at his accounts; neither another's nor those that are done."""
    with store.write() as s:
        person, account = a_collector(s)
        other, elsewhere = a_collector(s)
        mine = a_task(s, elsewhere, NOON + timedelta(hours=1))
        mine.assigned_to_id = person.id
        theirs = a_task(s, account, NOON + timedelta(hours=2))
        theirs.assigned_to_id = other.id
        nobodys = a_task(s, account, NOON + timedelta(hours=3))
        finished = a_task(s, account, NOON + timedelta(hours=4))
        finished.done_at = NOON
        a_task(s, elsewhere, NOON + timedelta(hours=5))
        s.flush()
        token = feeds.make_feed(s, make.staff_actor(person), now=NOON)
        assert [t.key for t in feeds.read_feed(s, token, now=NOON).tasks] == [mine.ref, nobodys.ref]


def test_a_case_of_difficulty_is_only_for_who_may_read_it(store: Store) -> None:
    """L-15: the feed shows no more than the desk does."""
    with store.write() as s:
        for role, count in ((Role.COLLECTOR, 0), (Role.SUPERVISOR, 1)):
            person, account = a_collector(s, role)
            a_task(s, account, NOON, TaskKind.HARDSHIP).assigned_to_id = person.id
            s.flush()
            token = feeds.make_feed(s, make.staff_actor(person), now=NOON)
            assert len(feeds.read_feed(s, token, now=NOON).tasks) == count


def test_who_left_or_may_not_has_none(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        person, _ = a_collector(s)
        token = feeds.make_feed(s, make.staff_actor(person), now=NOON)
        person.is_active = False
        s.flush()
        with pytest.raises(NotFound):
            feeds.read_feed(s, token, now=NOON)
        person.is_active, person.role = True, Role.AUDITOR
        s.flush()
        with pytest.raises(NotFound):
            feeds.read_feed(s, token, now=NOON)
        with pytest.raises(NotAllowed):
            feeds.make_feed(s, make.staff_actor(person), now=NOON)


@pytest.mark.parametrize(
    ("zone", "day", "hour_utc"),
    [
        ("Europe/London", date(2027, 3, 27), 12), ("Europe/London", date(2027, 3, 28), 11),
        ("Asia/Jerusalem", date(2027, 3, 25), 10), ("Asia/Jerusalem", date(2027, 3, 26), 9),
        ("America/New_York", date(2026, 10, 31), 16), ("America/New_York", date(2026, 11, 1), 17),
    ],
)  # fmt: skip
def test_noon_is_noon_at_the_account(sqlite_store: Store, zone: str, day: date, hour_utc: int) -> None:
    """FT-18: a call for noon stands at the account's noon on both sides of the change of the clock."""
    with sqlite_store.write() as s:
        person, account = a_collector(s)
        account.zone = zone
        a_task(s, account, at_local(day, time(12), zone))
        token = feeds.make_feed(s, make.staff_actor(person), now=NOON)
        morning = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
        (task,) = feeds.read_feed(s, token, now=morning).tasks
    assert (task.on, task.at) == (day, datetime(day.year, day.month, day.day, hour_utc, tzinfo=UTC))


def test_what_is_late_stands_on_today_of_the_account(sqlite_store: Store) -> None:
    """Nothing is forgotten in last week: an open task of a past day stands on today, the whole day."""
    with sqlite_store.write() as s:
        person, account = a_collector(s)
        account.zone = "Pacific/Auckland"
        a_task(s, account, NOON - timedelta(days=7))
        token = feeds.make_feed(s, make.staff_actor(person), now=NOON)
        evening = datetime(2026, 11, 19, 20, tzinfo=UTC)
        (task,) = feeds.read_feed(s, token, now=evening).tasks
    assert (task.on, task.at) == (date(2026, 11, 20), None)
