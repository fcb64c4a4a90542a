"""The sandbox clock: real time plus an offset that only moves forward, and what falls due on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sandbox.stripe import checkout, disputes, payments, payouts, refunds
from sandbox.stripe.store import Unit

KEEP_KEYS = 24 * 60 * 60


def advance(unit: Unit, seconds: int) -> None:
    """Moves the clock forward; call `tick` afterwards.

    Args:
        unit: the unit of work.
        seconds: how far, 0 or more.
    """
    row = unit.db.execute("SELECT value FROM setting WHERE name = 'clock_offset'").fetchone()
    offset = (int(row["value"]) if row else 0) + seconds
    unit.db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('clock_offset', ?)", (str(offset),))
    unit.now += seconds


def begin_at(unit: Unit, moment: int) -> None:
    """Starts a new file's clock at a moment of its own; signatures bear that clock's time from then on.

    Args:
        unit: the unit of work.
        moment: Unix seconds. A file that has a clock already keeps it.
    """
    offset = moment - int(time.time())
    for name, value in (("clock_offset", offset), ("sign_by_clock", 1)):
        unit.db.execute("INSERT OR IGNORE INTO setting (name, value) VALUES (?, ?)", (name, str(value)))


def signing_time(unit: Unit) -> int:
    """The time a signature bears: the real one, so that a receiver takes it although the clock was moved.

    Where the stand-in was started on a clock of its own, its receivers live by that clock too.
    """
    own = unit.db.execute("SELECT 1 FROM setting WHERE name = 'sign_by_clock'").fetchone()
    return unit.now if own else int(time.time())


def tick(unit: Unit) -> int:
    """Does all that fell due, each at its own moment and in order; returns how many timers rang."""
    rang, until = 0, unit.now
    while row := unit.db.execute(
        "SELECT id, at, what, object FROM timer WHERE at <= ? ORDER BY at, id LIMIT 1", (until,)
    ).fetchone():
        unit.db.execute("DELETE FROM timer WHERE id = ?", (row["id"],))
        unit.now = row["at"]
        _ring(unit, row["what"], row["object"])
        rang += 1
    unit.now = until
    unit.db.execute("DELETE FROM idempotency WHERE at < ?", (until - KEEP_KEYS,))
    return rang


def _settle(unit: Unit, intent: dict[str, Any]) -> None:
    if intent["status"] != "processing":
        return
    try:
        intent = payments.settle_debit(unit, intent)
    except payments.Declined as declined:
        intent = declined.intent
    checkout.settled(unit, intent)


def _expire(unit: Unit, session: dict[str, Any]) -> None:
    if session["status"] == "open":
        checkout.expire(unit, session)


def _refund_fails(unit: Unit, refund: dict[str, Any]) -> None:
    refunds.fail(unit, refund)


def _payout_fails(unit: Unit, payout: dict[str, Any]) -> None:
    if payout["status"] == "paid":
        payouts.fail(unit, payout)


#: What timers bring, by their word.
RINGS: dict[str, Callable[[Unit, dict[str, Any]], object]] = {
    "available": lambda unit, transaction: unit.put(transaction | {"status": "available"}),
    "dispute_due": disputes.overdue,
    "expire": _expire,
    "fee": payments.book_fee,
    "payout_arrives": payouts.arrive,
    "payout_fails": _payout_fails,
    "payout_listed": payouts.listed,
    "refund_fails": _refund_fails,
    "refund_pending": refunds.finish,
    "settle": _settle,
}


def _ring(unit: Unit, what: str, object_id: str) -> None:
    if what == "payout_day":
        payouts.day(unit)
    else:
        RINGS[what](unit, unit.need(object_id))
