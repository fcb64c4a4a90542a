"""Send what is queued: lease, make what may leave, hand over one by one, write down what came of it.

Delivery classes (P-26): reminders leave at most once (`sending` is committed first, an unknown
outcome counts as sent); receipts leave at least once with the same Message-ID. Several workers
share the queue; a lease that is over is free again.

A lease is made in one unit of work and closed in another. Between them nothing is locked, so that what is
said meanwhile is committed at once; each message looks again when its own turn comes (FT-27).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from jobs import making
from jobs.enclosures import enclosure_of
from jobs.house import House
from jobs.making import Envelope
from models import fault_points
from models.messages import Message, Purpose
from models.states import MessageStatus, advance
from models.store import write_together
from receivables import outbox, switches
from receivables.audit import record
from receivables.contact import changes, inbound
from receivables.contact.gathering import CHASING
from receivables.documents.enclosures import may_enclose
from receivables.permissions import SYSTEM
from receivables.policy import Policy, current_policy
from receivables.ports import SendDeferred, SendRefused, SendUnknown

log = logging.getLogger("amicable.outbox")

#: Tries before a message is given up, and how long one that was surely not taken waits besides:
#: a relay that is away for a night costs nobody a reminder (FT-23).
TRIES = 8
PATIENCE = timedelta(days=3)
#: Seconds after it was made in which a message may set out; what a slow relay kept waiting goes back into
#: the queue, so that little is on its way when a worker dies.
SETS_OUT = 4.0
#: How often a message is made again because something changed before its turn came.
AGAIN = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message.

    Attributes:
        status: None when it did not set out.
        changed: something behind it changed since it was made.
    """

    envelope: Envelope
    status: MessageStatus | None
    at: datetime
    reason: str | None = None
    changed: bool = False


def send_due(house: House, *, worker: str, now: datetime, limit: int = 20) -> int:
    """Lease and send waiting messages; returns how many were looked at.

    A slow relay makes a lease of messages long, so each is sent at its own moment: `now` and what
    went by since. One that can't be sent holds up no other.
    """
    started = time.monotonic()
    with house.store.read() as session:
        policy = current_policy(session, now)
    leased = house.store.run(lambda s: _lease(s, worker=worker, policy=policy, now=now, limit=limit))
    for message_ids in _bundles(house, leased):
        _carry(house, message_ids, now=now + timedelta(seconds=time.monotonic() - started))
    return len(leased)


def _bundles(house: House, leased: list[int]) -> list[list[int]]:
    """What is made in one go; a message with a paper alone and last, since its press may take seconds."""
    if not leased:
        return []
    with house.store.glance() as session:
        rows = session.execute(
            select(Message.id, Message.kind, Message.channel).where(Message.id.in_(leased))
        )
        papers = {row.id for row in rows if may_enclose(row.kind, row.channel)}
    plain = [message_id for message_id in leased if message_id not in papers]
    return ([plain] if plain else []) + [[i] for i in leased if i in papers]


def _lease(session: Session, *, worker: str, policy: Policy, now: datetime, limit: int) -> list[int]:
    free = or_(Message.locked_until.is_(None), Message.locked_until <= now)
    if switches.sending_stopped(session):
        # What chases stays in the queue until sending is allowed again (decision 22).
        free = and_(
            free,
            or_(Message.status == MessageStatus.SENDING, Message.purpose.not_in(CHASING)),
        )
    rows = session.scalars(
        select(Message)
        .where(
            free,
            Message.not_before <= now,
            or_(
                Message.status.in_([MessageStatus.QUEUED, MessageStatus.SENDING]),
                # At least once: a receipt whose outcome is unknown is sent again.
                and_(Message.status == MessageStatus.UNKNOWN, Message.purpose == Purpose.RECEIPT),
            ),
        )
        .order_by(Message.not_before, Message.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    leased = []
    for message in rows:
        if message.status is MessageStatus.SENDING:
            # Its worker died between the commit and the answer: the outcome is unknown (P-26).
            advance(message, MessageStatus.UNKNOWN)
            _note(session, message, MessageStatus.UNKNOWN, now=now)
            if message.purpose is not Purpose.RECEIPT:
                message.locked_until = None
                continue
        unsure = message.status is MessageStatus.UNKNOWN
        if message.attempts >= TRIES and (unsure or now - message.queued_at > PATIENCE):
            _give_up(session, message, now=now)
            continue
        leased.append(message.id)
    session.execute(
        update(Message)
        .where(Message.id.in_(leased))
        .values(worker=worker, locked_until=now + policy.lease, version=Message.version + 1)
        .execution_options(synchronize_session=False)
    )
    return leased


def _give_up(session: Session, message: Message, *, now: datetime) -> None:
    if message.status is MessageStatus.QUEUED:
        message.reasons = [*message.reasons, "given_up"]
        advance(message, MessageStatus.SUPPRESSED)
    else:
        making.rest(message, now=now)
    outbox.raise_alert(
        session,
        "message_given_up",
        f"message:{message.id}",
        now=now,
        account_id=message.account_id,
        facts={"kind": message.kind},
    )


def _later(message: Message, *, now: datetime) -> None:
    message.locked_until = None
    message.not_before = now + min(timedelta(seconds=30 * 2**message.attempts), timedelta(hours=1))


def _stumble(session: Session, message_id: int, what: str, *, now: datetime) -> None:
    """Put a message back that could not be made; a person hears of it (FT-08)."""
    message = session.get_one(Message, message_id, with_for_update=True)
    if message.status not in (MessageStatus.QUEUED, MessageStatus.UNKNOWN):
        return
    message.attempts += 1
    _later(message, now=now)
    making.tell_incomplete(session, message, what, now=now)


# --------------------------------------------------------------------------- on the way


def deliver(house: House, message_id: int, *, now: datetime) -> MessageStatus:
    """Send one leased message and return its status afterwards."""
    _carry(house, [message_id], now=now)
    with house.store.read() as session:
        return session.get_one(Message, message_id).status


def _carry(house: House, message_ids: Sequence[int], *, now: datetime, again: int = AGAIN) -> None:
    """Make messages, hand each over at its turn, and write down what came of all."""
    started = time.monotonic()
    envelopes = _made(house, message_ids, now=now)
    made = time.monotonic()
    watch = changes.Watch({e.message_id: (e.version, e.seen) for e in envelopes})
    outcomes = []
    with house.store.glances() as glance:
        for envelope in envelopes:
            is_late = time.monotonic() - made > SETS_OUT
            moment = now + timedelta(seconds=time.monotonic() - started)
            if is_late:
                outcomes.append(Outcome(envelope, None, moment))
                continue
            with glance() as session:
                as_seen = watch.is_as_seen(session, envelope.message_id)
            outcomes.append(_set_out(house, envelope, as_seen=as_seen, now=moment))
    if outcomes:
        house.store.run(lambda s: _close(s, outcomes))
    changed = [outcome.envelope.message_id for outcome in outcomes if outcome.changed]
    if changed and again:
        later = now + timedelta(seconds=time.monotonic() - started)
        _carry(house, changed, now=later, again=again - 1)


def _made(house: House, message_ids: Sequence[int], *, now: datetime) -> list[Envelope]:
    """Make a lease as a whole; where that fails each message alone, so that one holds up no other."""
    enclosed = {}
    if len(message_ids) == 1:  # a message with a paper comes alone; before `sending`: it may take seconds
        file = enclosure_of(house, message_ids[0], now=now)
        enclosed = {message_ids[0]: file} if file is not None else {}
    try:
        return house.store.run(lambda s: making.make(s, house, message_ids, enclosed, now=now))
    except Exception as error:
        if len(message_ids) > 1:
            return [one for message_id in message_ids for one in _made(house, [message_id], now=now)]
        [message_id] = message_ids
        if isinstance(error, IntegrityError):  # another worker claimed the same day for this person
            house.store.run(lambda s: _already_claimed(s, message_id, now=now))
        else:
            log.exception("message stumbles", extra={"facts": {"message_id": message_id}})
            what = type(error).__name__
            house.store.run(lambda s: _stumble(s, message_id, what, now=now))
        return []


def _already_claimed(session: Session, message_id: int, *, now: datetime) -> None:
    message = session.get_one(Message, message_id, with_for_update=True)
    if message.status is MessageStatus.QUEUED:
        making.suppress(session, message, ("already_today",), now=now)


def _set_out(house: House, envelope: Envelope, *, as_seen: bool, now: datetime) -> Outcome:
    """Hand one message over that was just looked at again: nothing committed before its turn is missed."""
    if not as_seen or not envelope.is_in_hours(now):
        return Outcome(envelope, None, now, changed=True)
    try:
        _hand_over(house, envelope)
    except SendRefused as error:
        return Outcome(envelope, MessageStatus.FAILED, now, str(error))
    except SendDeferred as error:
        return Outcome(envelope, MessageStatus.QUEUED, now, str(error))
    except SendUnknown as error:
        return Outcome(envelope, MessageStatus.UNKNOWN, now, str(error))
    except Exception as error:  # nobody knows how far it came (P-26)
        log.exception("carrier stumbles", extra={"facts": {"message_id": envelope.message_id}})
        return Outcome(envelope, MessageStatus.UNKNOWN, now, type(error).__name__)
    fault_points.reach("message.after_send")
    return Outcome(envelope, MessageStatus.SENT, now)


def _hand_over(house: House, envelope: Envelope) -> None:
    if envelope.mail is not None:
        if house.mail is None:
            raise SendDeferred("no_mail_carrier")
        house.mail.send(envelope.mail)
    elif envelope.sms is not None:
        if house.sms is None:
            raise SendDeferred("no_sms_carrier")
        house.sms.send(envelope.sms)


# --------------------------------------------------------------------------- afterwards


def _close(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Write down what became of each message of a lease that is still in our hands."""
    ids = [outcome.envelope.message_id for outcome in outcomes]
    asked = select(Message).where(Message.id.in_(ids)).order_by(Message.id).with_for_update()
    messages = {message.id: message for message in session.scalars(asked)}
    for outcome in outcomes:
        message = messages[outcome.envelope.message_id]
        if message.status is not MessageStatus.SENDING or message.version != outcome.envelope.version:
            continue
        message.locked_until = None
        if outcome.status is None:
            advance(message, outcome.envelope.before)
            message.attempts -= 1
        else:
            _end(session, message, outcome, outcome.status, now=outcome.at)
    write_together(session, list(messages.values()))


def _end(
    session: Session, message: Message, outcome: Outcome, status: MessageStatus, *, now: datetime
) -> None:
    advance(message, status)
    if status is MessageStatus.SENT:
        message.sent_at = now
    if status in (MessageStatus.QUEUED, MessageStatus.UNKNOWN):
        _later(message, now=now)
    if status is MessageStatus.FAILED:
        message.reasons = ["carrier_refused"]
        outbox.raise_alert(
            session,
            "message_refused",
            f"message:{message.id}",
            now=now,
            account_id=message.account_id,
            facts={"why": outcome.reason or ""},
        )
        inbound.refused_at_the_door(session, message, outcome.reason or "", now=now)
    _note(session, message, status, now=now)
    record(
        session,
        SYSTEM,
        "message.moved",
        message,
        account_id=message.account_id,
        now=now,
        facts={"to": status.value, "try": message.attempts},
    )


def _note(session: Session, message: Message, outcome: MessageStatus, *, now: datetime) -> None:
    outbox.note(
        session,
        message.account_id,
        f"message.{outcome.value}",
        contact_id=message.contact_id,
        now=now,
        facts={"message": message.id, "kind": message.kind, "channel": message.channel.value},
    )
