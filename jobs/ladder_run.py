"""`amicable ladder run`: the ladder for everybody whose day it is, or what it would do on any date.

Accounts are taken in chunks, each a unit of work of its own, so a worker that dies loses at most a chunk
and the next one finds the rest (FT-18). A chunk that fails is tried account by account: one account in
trouble holds up nobody. Several processes may share the chunks, here or on several machines.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.house import House
from models.accounts import Account
from models.ladder import LadderMode
from receivables import outbox, switches
from receivables.calendars import days
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import Look, look
from receivables.ladder.facts import concerned, everybody
from receivables.ladder.rungs import Ladder
from receivables.ladder.steps import Climbed, climb
from receivables.policy import Policy, current_policy

log = logging.getLogger("amicable.ladder")

#: Accounts of one unit of work; where steps act they are locked for longer, so there are fewer.
CHUNK = 1_000
ACTING_CHUNK = 200


@dataclass(slots=True)
class Ran:
    """What a run did, and accounts where something failed; they are tried again at the next run."""

    climbed: Climbed = field(default_factory=Climbed)
    trouble: int = 0


@dataclass(frozen=True, slots=True)
class Climbing:
    """What one process needs to let chunks of accounts climb."""

    house: House
    ladders: Mapping[str, Ladder]
    policy: Policy
    now: datetime

    @classmethod
    def begin(cls, house: House, now: datetime) -> Climbing:
        """Read the rules and calendars in force."""
        with house.store.read() as session:
            days.refresh(session)
            return cls(house, ladders_in_force(session, now), current_policy(session, now), now)

    def climb(self, chunk: Sequence[int]) -> Ran:
        """Let a chunk of accounts climb; where it fails, each by itself."""
        try:
            return Ran(self._unit(chunk))
        except Exception:
            log.exception("chunk of accounts stumbles", extra={"facts": {"first": chunk[0]}})
        ran = Ran()
        for account_id in chunk:
            try:
                ran.climbed.add(self._unit([account_id]))
            except Exception as error:
                log.exception("account stumbles", extra={"facts": {"account": account_id}})
                self._tell(account_id, error)
                ran.trouble += 1
        return ran

    def _tell(self, account_id: int, error: Exception) -> None:
        """A person hears which account the ladder could not look at, and why: once, until it is closed."""
        why = "unknown_zone" if isinstance(error, ZoneInfoNotFoundError) else type(error).__name__
        self.house.store.run(
            lambda s: outbox.raise_alert(
                s, "ladder_stumbles", f"account:{account_id}", account_id=account_id, facts={"why": why},
                now=self.now,
            )
        )  # fmt: skip

    def _unit(self, account_ids: Sequence[int]) -> Climbed:
        def unit(session: Session) -> Climbed:
            # Before any account is locked: with a ceiling, one worker at a time.
            room = switches.room_left(session, since=self.now - timedelta(hours=24))
            return climb(
                session, account_ids, ladders=self.ladders, policy=self.policy, now=self.now, room=room
            )

        return self.house.store.run(unit)


def run(
    house: House,
    *,
    now: datetime,
    everyone: bool = False,
    workers: int = 1,
    begin: Callable[[], House] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Ran:
    """Let every account climb that has something due, or everyone.

    Args:
        everyone: look at all that is open, not only at what is due: once a day.
        workers: processes that share the work; one where a daily ceiling counts all messages, and on
            SQLite, which has one writer.
        begin: makes the house of another process; needed for several.
        told: `told(done, of)` after each chunk, for a line of progress.
    """
    with house.store.read() as session:
        ids = everybody(session) if everyone else concerned(session, now)
        switch = switches.in_force(session)
    size = CHUNK if switch.mode is LadderMode.PROPOSE else ACTING_CHUNK
    chunks = list(_chunks(ids, size))
    has_ceiling = switch.daily_ceiling is not None
    if begin is None or workers < 2 or len(chunks) < 2 or has_ceiling or house.store.is_sqlite:
        results = _alone(house, chunks, now)
    else:
        results = _together(begin, chunks, min(workers, len(chunks)), now)
    ran = Ran()
    for done, part in enumerate(results, start=1):
        ran.climbed.add(part.climbed)
        ran.trouble += part.trouble
        if told is not None:
            told(min(done * size, len(ids)), len(ids))
    return ran


def _alone(house: House, chunks: Iterable[Sequence[int]], now: datetime) -> Iterator[Ran]:
    climbing = Climbing.begin(house, now)
    for chunk in chunks:
        yield climbing.climb(chunk)


def _together(
    begin: Callable[[], House], chunks: Iterable[Sequence[int]], workers: int, now: datetime
) -> Iterator[Ran]:
    """Let new processes take the chunks, each the next as soon as it is free."""
    # Begun anew rather than forked: a connection to the database cannot be shared.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, fresh, initializer=_begin_worker, initargs=(begin, now)) as pool:
        yield from pool.map(_climb_in_worker, chunks)


_worker: Climbing


def _begin_worker(begin: Callable[[], House], now: datetime) -> None:
    global _worker
    _worker = Climbing.begin(begin(), now)


def _climb_in_worker(chunk: Sequence[int]) -> Ran:
    return _worker.climb(chunk)


def dry_run(
    house: House, *, now: datetime, on: date | None = None, account_number: str | None = None
) -> Iterator[Look]:
    """Yield what the ladder would find, account by account, without writing anything.

    Args:
        on: any date; pauses and positions are those of now.
        account_number: only this customer.
    """
    with house.store.read() as session:
        days.refresh(session)
        ladders, policy = ladders_in_force(session, now), current_policy(session, now)
        if account_number is None:
            ids = everybody(session)
        else:
            ids = list(session.scalars(select(Account.id).where(Account.number == account_number)))
        for chunk in _chunks(ids, CHUNK):
            yield from look(session, chunk, ladders=ladders, policy=policy, now=now, on=on)


def told_in_words(found: Look) -> Iterator[str]:
    """Yield a line for each document of an account: why here, what next, when; for a terminal."""
    yield f"account {found.debtor.ref} on {found.today.isoformat()}, segment {found.debtor.segment.value}"
    for finding in found.findings:
        stands = f"{finding.row.number}: day {finding.age:+d} on {finding.ladder.name}"
        if finding.waits_for is not None:
            until = f" until {finding.until.isoformat()}" if finding.until else ""
            yield f"  {stands}; waits: {finding.waits_for}{until}"
        elif finding.rung is not None and finding.on is not None:
            when = "today" if finding.meets else finding.on.isoformat()
            yield f"  {stands}; next: {finding.rung.code}, {when}"
    for due in found.due:
        yield f"  -> {due.rung.code} about {due.amount.minor} {due.currency} ({due.rung.gate.value})"


def _chunks(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]
