"""INV-13: nothing waits for long without somebody being told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from checker.ground import Ground
from checker.sources import moment

#: How long an event of the gateway, or an attempt after its page closed, may wait in silence.
PATIENCE = timedelta(minutes=15)
#: How long a bank debit may be on its way: the slowest scheme answers within 14 days.
DEBIT_PATIENCE = timedelta(days=14)

_EVENTS = """
SELECT id, status, received_at, event_id FROM inbox_event i
 WHERE status IN ('received', 'processing', 'failed')
   AND NOT EXISTS (SELECT 1 FROM alert l
                    WHERE l.closed_at IS NULL AND l.key = 'inbox:' || CAST(i.id AS TEXT))
 ORDER BY id
"""
_ATTEMPTS = """
SELECT id, ref, status, expires_at FROM payment_attempt a
 WHERE status IN ('created', 'open', 'processing', 'unknown')
   AND NOT EXISTS (SELECT 1 FROM alert l
                    WHERE l.closed_at IS NULL AND l.key = 'attempt:' || CAST(a.id AS TEXT))
 ORDER BY id
"""


def waiting(ground: Ground) -> Iterator[str]:
    """No event unfinished and no attempt without an end past its time, unless an alert about it is open."""
    for event_id, status, received_at, key in ground.books.rows(_EVENTS):
        ground.rows += 1
        if moment(received_at) < ground.now - PATIENCE:
            yield f"inbox event {event_id} ({key}) is {status} since {_clock(received_at)}, no alert is open"
    for attempt_id, ref, status, expires_at in ground.books.rows(_ATTEMPTS):
        ground.rows += 1
        limit = DEBIT_PATIENCE if status == "processing" else PATIENCE
        if moment(expires_at) < ground.now - limit:
            yield (
                f"attempt {attempt_id} ({ref}) is {status}, its page closed {_clock(expires_at)},"
                " and no alert is open"
            )


def _clock(value: object) -> str:
    return moment(value).isoformat(timespec="minutes")
