"""A worker keeps more than one line to the relay busy, and each message still leaves once (P-25, P-26)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from assembly import House
from jobs import outbox as postbox
from jobs import worker
from models.messages import Message
from models.states import MessageStatus
from receivables.ports import Mail
from tests.conftest import NOON
from tests.databases import fresh_database
from tests.jobs.test_gate_at_the_queue import plan
from tests.jobs.test_outbox import build
from tests.mailboxes import MailboxProcess

#: More than one lease holds, so that two lines have something to send.
QUEUED = 25


def a_full_queue(url: str, mailbox: MailboxProcess, folder: Path) -> Iterator[House]:
    """The House on a database of its own, one reminder to each of its debtors in the queue."""
    house = build(url, mailbox, folder)
    plan(house, QUEUED)
    yield house
    house.press.close()
    house.store.dispose()


@pytest.fixture
def house(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    yield from a_full_queue(database_url, mailbox, tmp_path)


@pytest.fixture
def house_on_postgres(mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    with fresh_database("postgres", tmp_path) as url:
        yield from a_full_queue(url, mailbox, tmp_path)


class Relay:
    """A carrier that answers the first mail of each line when every line has one on its way."""

    def __init__(self, lines: int) -> None:
        self.together = threading.Barrier(lines)
        self.taken: dict[str, list[str]] = {}
        self.all_taken = threading.Event()

    def send(self, mail: Mail) -> None:
        mine = self.taken.setdefault(threading.current_thread().name, [])
        mine.append(mail.message_id)
        if len(mine) == 1:
            self.together.wait(timeout=60)
        if sum(len(ids) for ids in self.taken.values()) == QUEUED:
            self.all_taken.set()


def test_lines_of_one_worker_send_at_the_same_time(house: House, database: str) -> None:
    """While one line waits for the relay another one sends; no mail goes out twice. SQLite has one line."""
    lines = 1 if database == "sqlite" else worker.TO_RELAY
    heard = 1 if database == "sqlite" else worker.LINES
    relay = Relay(lines)
    house = replace(house, mail=relay)
    stop = threading.Event()
    with worker.more_lines(house, "w", stop=stop, clock=lambda: NOON):
        assert sum(t.name.startswith("line-") for t in threading.enumerate()) == heard - 1
        while postbox.send_due(house, worker="w", now=NOON):
            pass
        assert relay.all_taken.wait(60)
    assert stop.is_set()
    assert not any(t.name.startswith("line-") for t in threading.enumerate())
    sent = [message_id for ids in relay.taken.values() for message_id in ids]
    assert len(relay.taken) == lines
    assert len(sent) == len(set(sent)) == QUEUED
    with house.store.read() as s:
        assert s.scalar(
            select(func.count()).select_from(Message).where(Message.status == MessageStatus.SENT)
        ) == QUEUED  # fmt: skip


@pytest.mark.postgres
def test_a_line_outlives_bad_work(house_on_postgres: House, caplog: pytest.LogCaptureFixture) -> None:
    """A database that stumbles is asked again; the line says so and goes on."""
    relay = Relay(1)
    looks: list[datetime] = []

    def clock() -> datetime:
        looks.append(NOON)
        if len(looks) == 1:
            raise RuntimeError("away")
        return NOON

    with worker.more_lines(replace(house_on_postgres, mail=relay), "w", stop=threading.Event(), clock=clock):
        assert relay.all_taken.wait(60)
    assert "line stumbles" in caplog.text
