"""How far the ladder may go by itself, and the stop of all sending.

Each change is a new row with who and why; the latest is in force. A house that has said nothing is in
*propose*: every step waits for a person. Source: issue "Go-live without regret"; decision 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from models.ladder import LadderMode, LadderSwitch
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus
from models.store import fetch
from receivables.audit import record
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require

_LATEST = (
    select(
        LadderSwitch.mode, LadderSwitch.daily_ceiling, LadderSwitch.sending_stopped, LadderSwitch.set_at,
        LadderSwitch.reason, LadderSwitch.staff_id,
    )
    .order_by(LadderSwitch.id.desc())
    .limit(1)
)  # fmt: skip
#: Reminders that left or will: one that waits in the queue has its place already.
_SPOKEN_SINCE = select(func.count()).where(
    Message.purpose == Purpose.REMINDER,
    Message.status.not_in([MessageStatus.SUPPRESSED, MessageStatus.FAILED]),
    Message.queued_at > bindparam("since"),
)


@dataclass(frozen=True, slots=True)
class Switch:
    """What is in force now.

    daily_ceiling: messages of the ladder a day, all accounts together; None is no ceiling.
    """

    mode: LadderMode = LadderMode.PROPOSE
    daily_ceiling: int | None = None
    sending_stopped: bool = False
    set_at: datetime | None = None
    reason: str = ""
    staff_id: int | None = None

    def acts_alone(self, *, in_pilot: bool) -> bool:
        """Whether a rung without a gate acts without anybody's word at an account."""
        return self.mode is LadderMode.LIVE or (self.mode is LadderMode.PILOT and in_pilot)


def in_force(session: Session) -> Switch:
    """Return how the ladder runs now."""
    row = fetch(session, _LATEST, {}).first()
    return Switch(*row) if row is not None else Switch()


def sending_stopped(session: Session) -> bool:
    """Whether nothing that chases may leave, queued messages included."""
    return in_force(session).sending_stopped


def set_mode(
    session: Session, actor: Actor, mode: LadderMode, *, daily_ceiling: int | None, reason: str, now: datetime
) -> LadderSwitch:
    """Let the ladder go further by itself, or less far.

    Raises:
        NotAllowed: not a supervisor.
        Refused: `reason_missing`, `ceiling_unusable`.
    """
    require(actor, Permission.LADDER_SWITCH)
    if daily_ceiling is not None and daily_ceiling < 1:
        raise Refused("ceiling_unusable")
    before = in_force(session)
    return _set(session, actor, mode, daily_ceiling, before.sending_stopped, reason, now=now)


def stop_sending(session: Session, actor: Actor, *, reason: str, now: datetime) -> LadderSwitch:
    """Stop everything that chases at once: the gate asks for this row before each message leaves."""
    require(actor, Permission.SENDING_STOP)
    before = in_force(session)
    return _set(session, actor, before.mode, before.daily_ceiling, True, reason, now=now)


def allow_sending(session: Session, actor: Actor, *, reason: str, now: datetime) -> LadderSwitch:
    """Let messages leave again; what waited leaves by its own rules, one day's claims once."""
    require(actor, Permission.LADDER_SWITCH)
    before = in_force(session)
    return _set(session, actor, before.mode, before.daily_ceiling, False, reason, now=now)


def _set(
    session: Session,
    actor: Actor,
    mode: LadderMode,
    ceiling: int | None,
    stopped: bool,
    reason: str,
    *,
    now: datetime,
) -> LadderSwitch:
    if not reason.strip():
        raise Refused("reason_missing")
    row = LadderSwitch(
        mode=mode, daily_ceiling=ceiling, sending_stopped=stopped, staff_id=actor.id, reason=reason.strip(),
        set_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(
        session, actor, "ladder.switched", row, account_id=None, now=now, reason=row.reason,
        facts={"mode": mode.value, "ceiling": ceiling, "sending_stopped": stopped},
    )  # fmt: skip
    return row


@dataclass(frozen=True, slots=True)
class Left:
    """One message that had left before sending was stopped."""

    message_ref: str
    account_id: int
    kind: str
    channel: Channel
    sent_at: datetime


def left_before(session: Session, stopped_at: datetime, *, hours: int = 24, most: int = 500) -> list[Left]:
    """What had already left in the hours before a stop, newest first: who stops asks for it next."""
    rows = session.execute(
        select(Message.ref, Message.account_id, Message.kind, Message.channel, Message.sent_at)
        .where(
            Message.purpose.in_([Purpose.REMINDER, Purpose.ARRANGEMENT]),
            Message.sent_at >= stopped_at - timedelta(hours=hours),
        )
        .order_by(Message.sent_at.desc())
        .limit(most)
    )
    return [Left(r.ref, r.account_id, r.kind, r.channel, r.sent_at) for r in rows if r.sent_at is not None]


def room_left(session: Session, *, since: datetime) -> int | None:
    """How many reminders may still be queued of those that one day allows; None without a ceiling.

    The ceiling is one for all workers, so whoever asks goes on alone until the end of his unit of work.
    """
    ceiling = in_force(session).daily_ceiling
    if ceiling is None:
        return None
    session.execute(select(LadderSwitch.id).order_by(LadderSwitch.id.desc()).limit(1).with_for_update())
    spoken = int(fetch(session, _SPOKEN_SINCE, {"since": since}).scalar_one())
    return max(0, ceiling - spoken)
