"""The worklist's ranking kept up: the whole book once for each account's day, and after every act."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from jobs.house import House
from receivables.worklist import assigning, refreshing

log = logging.getLogger("amicable.worklist")


def run(house: House, *, now: datetime) -> tuple[int, int]:
    """Rank every account whose rows are of another day or that has none; stand-ins begin and end.

    A chunk that fails is tried account by account, so that one account in trouble holds up nobody.

    Returns:
        (accounts looked at, accounts where it failed)
    """
    house.store.run(lambda session: assigning.turn_over(session, now=now))
    with house.store.read() as session:
        ids = refreshing.concerned(session, now=now)
    trouble = 0
    for part in refreshing.parts(ids):
        try:
            _unit(house, part, now)
        except Exception:
            log.exception("chunk of accounts stumbles", extra={"facts": {"first": part[0]}})
            trouble += _one_by_one(house, part, now)
    return len(ids), trouble


def _unit(house: House, ids: Sequence[int], now: datetime) -> None:
    house.store.run(lambda session: refreshing.refresh(session, ids, now=now))


def _one_by_one(house: House, ids: Sequence[int], now: datetime) -> int:
    trouble = 0
    for account_id in ids:
        try:
            _unit(house, [account_id], now)
        except Exception:
            log.exception("ranking fails", extra={"facts": {"account": account_id}})
            trouble += 1
    return trouble


def follow(house: House, *, now: datetime) -> int:
    """Rank anew what acts were done about since the last look; returns how many accounts.

    It comes before pages are asked for again, and costs one small question while nothing happens.
    """
    with house.store.glance() as session:
        if not refreshing.is_behind(session):
            return 0
    return house.store.run(lambda session: refreshing.follow(session, now=now))
