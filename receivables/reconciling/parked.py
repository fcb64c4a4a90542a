"""Events of the gateway that nobody could follow: shown, and tried again when a person says so (P-12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payments import InboxEvent
from models.states import InboxStatus
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.payments import inbox
from receivables.permissions import Actor, Permission, require

#: Shown at most.
MOST = 200
_WAITING = (InboxStatus.PARKED, InboxStatus.FAILED)


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """One event that waits; `parked` is not tried any more by itself."""

    event_id: str
    type: str
    object_id: str
    gateway_account: str
    received_at: datetime
    attempts: int
    error: str
    parked: bool
    next_try_at: datetime


def waiting(session: Session, actor: Actor) -> list[ParkedRow]:
    """Return the events that are parked, then those that are tried again later; newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.RECONCILIATION_READ)
    found: list[ParkedRow] = []
    for status in _WAITING:
        rows = session.scalars(
            select(InboxEvent).where(InboxEvent.status == status).order_by(InboxEvent.id.desc()).limit(MOST)
        )
        found += [
            ParkedRow(
                row.event_id, row.type, row.object_id, row.gateway_account, row.received_at, row.attempts,
                row.error or "", row.status is InboxStatus.PARKED, row.next_try_at,
            )
            for row in rows
        ]  # fmt: skip
    return found


def try_again(session: Session, actor: Actor, event_id: str, *, now: datetime) -> InboxEvent:
    """Let a parked event, or one that waits for its next try, be followed at once.

    Raises:
        NotAllowed. NotFound. Refused: event_done, when it was understood meanwhile.
    """
    require(actor, Permission.EVENT_TRY)
    row = session.scalar(select(InboxEvent).where(InboxEvent.event_id == event_id).with_for_update())
    if row is None:
        raise NotFound("not_found")
    if row.status not in _WAITING:
        raise Refused("event_done")
    inbox.wake(row, now=now)
    record(
        session, actor, "event.tried_again", row, account_id=None, now=now,
        facts={"event": row.event_id, "type": row.type, "attempts": row.attempts},
    )  # fmt: skip
    return row
