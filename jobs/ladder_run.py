"""`amicable ladder run`: the ladder for everybody whose day it is, or what it would do on any date.

Accounts are taken in chunks, each a unit of work of its own, so a worker that dies loses at most a chunk
and the next one finds the rest (FT-18). A chunk that fails is tried account by account: one account in
trouble holds up nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.house import House
from models.accounts import Account
from receivables import switches
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import Look, look
from receivables.ladder.facts import concerned, everybody
from receivables.ladder.steps import Climbed, climb
from receivables.policy import current_policy

log = logging.getLogger("amicable.ladder")

#: Accounts of one unit of work.
CHUNK = 1_000


@dataclass(slots=True)
class Ran:
    """What a run did, and accounts where something failed; they are tried again at the next run."""

    climbed: Climbed
    trouble: int = 0


def run(
    house: House, *, now: datetime, everyone: bool = False, told: Callable[[int, int], None] | None = None
) -> Ran:
    """Let every account climb that has something due, or everyone.

    Args:
        everyone: look at all that is open, not only at what is due: once a day.
        told: `told(done, of)` after each chunk, for a line of progress.
    """
    with house.store.read() as session:
        ids = everybody(session) if everyone else concerned(session, now)
        ladders, policy = ladders_in_force(session, now), current_policy(session, now)
        switch = switches.in_force(session)
        room = switches.ceiling_left(session, switch, day_began=now - timedelta(hours=24))
    ran = Ran(Climbed())
    for done, chunk in enumerate(_chunks(ids), start=1):

        def unit(session: Session, chunk: Sequence[int] = chunk) -> Climbed:
            left = None if room is None else max(0, room - ran.climbed.done)
            return climb(session, chunk, ladders=ladders, policy=policy, now=now, room=left)

        try:
            ran.climbed.add(house.store.run(unit))
        except Exception:
            log.exception("chunk of accounts stumbles", extra={"facts": {"first": chunk[0]}})
            for account_id in chunk:
                try:
                    ran.climbed.add(house.store.run(lambda s, one=account_id: unit(s, [one])))  # type: ignore[misc]
                except Exception:
                    log.exception("account stumbles", extra={"facts": {"account": account_id}})
                    ran.trouble += 1
        if told is not None:
            told(min(done * CHUNK, len(ids)), len(ids))
    return ran


def dry_run(
    house: House, *, now: datetime, on: date | None = None, account_number: str | None = None
) -> Iterator[Look]:
    """Yield what the ladder would find, account by account, without writing anything.

    Args:
        on: any date; pauses and positions are those of now.
        account_number: only this customer.
    """
    with house.store.read() as session:
        ladders, policy = ladders_in_force(session, now), current_policy(session, now)
        if account_number is None:
            ids = everybody(session)
        else:
            ids = list(session.scalars(select(Account.id).where(Account.number == account_number)))
        for chunk in _chunks(ids):
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


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(ids), CHUNK):
        yield ids[first : first + CHUNK]
