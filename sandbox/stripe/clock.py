"""The sandbox clock: real time plus an offset that only moves forward, and what falls due on the way."""

from __future__ import annotations

import time

from sandbox.stripe import checkout, payments
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


def _ring(unit: Unit, what: str, object_id: str) -> None:
    subject = unit.need(object_id)
    if what == "expire" and subject["status"] == "open":
        checkout.expire(unit, subject)
    elif what == "settle" and subject["status"] == "processing":
        try:
            subject = payments.settle_debit(unit, subject)
        except payments.Declined as declined:
            subject = declined.intent
        checkout.settled(unit, subject)
    elif what == "fee":
        payments.book_fee(unit, subject)
    elif what == "available":
        unit.put(subject | {"status": "available"})
