"""What reaches us: replies, words of opting out, bounces. Taken once, threaded, and obeyed at once.

A carrier's word about a message of ours counts only when it names that message by its own id, which
nobody else knows; a stranger who guesses addresses moves nothing.
Source: C-06, C-07, policy table rows 4 and 15; issue C, part 6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Contact
from models.inbound import InboundKind, InboundMessage, ReachEventKind
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus, advance
from models.work import TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.contact import consents, reach, reply_words
from receivables.contact.stop_words import Asked, Heard
from receivables.permissions import SYSTEM
from receivables.ports import DeliveryWord, Fate, Incoming

#: Messages that a reply refers to which are looked for, and characters of a task's words.
_ANSWERS = 30
_TASK_WORDS = 280
_LONGEST_NAME = 255

_FATES = {
    Fate.DELIVERED: (MessageStatus.DELIVERED, ReachEventKind.REACHED),
    Fate.DELAYED: (None, ReachEventKind.SOFT),
    Fate.RETURNED: (MessageStatus.BOUNCED, ReachEventKind.SOFT),
    Fate.DEAD: (MessageStatus.BOUNCED, ReachEventKind.DEAD),
}


#: A relay's answer that names the address as the fault (RFC 3463), ours excepted.
_NO_SUCH_ADDRESS = re.compile(r"55\d (5\.1\.(?:1|2|3|6|10))\b")
_TO_THE_ADDRESS = (Purpose.REMINDER, Purpose.ARRANGEMENT, Purpose.RECEIPT)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote, and the message of ours that is answered, where that is known for sure.

    own_address: whether the address it came from is the contact's own on this channel.
    """

    contact: Contact
    message: Message | None
    own_address: bool


def receive(session: Session, incoming: Incoming, *, now: datetime) -> InboundMessage:
    """Take one message that reached us, once, and do what it asks for as far as a rule can tell.

    Args:
        incoming: as a carrier brought it; a second time it changes nothing.
    Returns:
        The row that keeps it; `outcome` says what was made of it: stop, stop_and_ask, no_calls, start,
        task, noted, unknown_sender; delivered, delayed, bounced (for now), dead (for good), unmatched.
    Source: C-07.
    """
    name = incoming.external_id[:_LONGEST_NAME]
    query = select(InboundMessage).where(InboundMessage.external_id == name)
    known = session.scalar(query)
    if known is not None:
        return known
    channel = Channel(incoming.channel)
    words = reply_words.own_words(incoming.text) if channel is Channel.EMAIL else incoming.text
    row = InboundMessage(
        channel=channel,
        kind=_kind(incoming),
        external_id=name,
        from_digest=consents.address_digest(incoming.sender),
        subject=reply_words.kept_subject(incoming.subject),
        words=reply_words.kept(words),
        outcome="noted",
        received_at=now,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:  # another worker took it in this moment
        return session.scalars(query).one()
    if incoming.words:
        _hear_carrier(session, row, incoming.words, now=now)
    else:
        _hear_person(session, row, incoming, words, now=now)
    session.flush()
    record(
        session, SYSTEM, "inbound.received", row, account_id=row.account_id, now=now,
        facts={"channel": channel.value, "kind": row.kind.value, "outcome": row.outcome},
    )  # fmt: skip
    return row


def refused_at_the_door(session: Session, message: Message, answer: str, *, now: datetime) -> None:
    """Learn from a relay that refused a message while it was handed over, as from a report later.

    Args:
        message: one that goes to its contact's address on file; codes and notices to addresses that are
            not on file say nothing about it.
        answer: what the relay said: "550 5.1.1 No such mailbox".
    """
    said = _NO_SUCH_ADDRESS.match(answer)
    if said is None or message.channel is not Channel.EMAIL or message.purpose not in _TO_THE_ADDRESS:
        return
    contact = session.get_one(Contact, message.contact_id)
    reach.learn(
        session, contact, message.channel, ReachEventKind.DEAD, why=f"smtp:{said[1]}", message=message,
        now=now,
    )  # fmt: skip


def _kind(incoming: Incoming) -> InboundKind:
    if incoming.words:
        return InboundKind.BOUNCE if incoming.channel == Channel.EMAIL else InboundKind.STATUS
    return InboundKind.AUTOMATIC if incoming.automatic else InboundKind.REPLY


# --------------------------------------------------------------------------- what carriers say


def _hear_carrier(
    session: Session, row: InboundMessage, words: Sequence[DeliveryWord], *, now: datetime
) -> None:
    """Move our messages as the carrier says, and learn about their addresses."""
    row.outcome = "unmatched"
    for word in words:
        message = _ours(session, [word.wire_id] if word.wire_id else [], row.channel, locked=True)
        if message is None:
            continue
        contact = session.get_one(Contact, message.contact_id)
        row.account_id, row.contact_id, row.answers_id = message.account_id, contact.id, message.id
        row.outcome = "bounced" if word.fate is Fate.RETURNED else word.fate.value
        status, event = _FATES[word.fate]
        # Only what was handed over can arrive or come back; a second word about it moves nothing.
        if status is not None and message.status is MessageStatus.SENT:
            _move(session, message, status, word.code, now=now)
        prefix = "dsn" if row.channel is Channel.EMAIL else "sms"
        reach.learn(
            session, contact, row.channel, event, why=f"{prefix}:{word.code}", message=message,
            address=word.recipient, now=now,
        )  # fmt: skip
        if word.fate is Fate.DEAD and reach.is_dead(session, contact, row.channel):
            outbox.raise_alert(
                session, "address_dead", f"contact:{contact.id}:{row.channel.value}", now=now,
                account_id=contact.account_id, facts={"channel": row.channel.value, "why": word.code},
            )  # fmt: skip


def _move(session: Session, message: Message, status: MessageStatus, code: str, *, now: datetime) -> None:
    if status is MessageStatus.BOUNCED:
        message.reasons = ["bounced"]
    advance(message, status)
    facts = {"message": message.id, "kind": message.kind, "channel": message.channel.value}
    outbox.note(
        session, message.account_id, f"message.{status.value}", contact_id=message.contact_id, now=now,
        facts=facts,
    )  # fmt: skip
    record(
        session, SYSTEM, "message.moved", message, account_id=message.account_id, now=now,
        facts={"to": status.value, "why": code},
    )  # fmt: skip


# --------------------------------------------------------------------------- what people say


def _hear_person(
    session: Session, row: InboundMessage, incoming: Incoming, words: str, *, now: datetime
) -> None:
    """Thread a reply; obey what it says about being written to; else ask a person to read it."""
    writer = _writer_of(session, incoming, row.channel)
    if writer is None:
        _from_unknown(session, row, now=now)
        return
    contact = writer.contact
    row.account_id, row.contact_id = contact.account_id, contact.id
    row.answers_id = writer.message.id if writer.message else None
    if row.kind is InboundKind.AUTOMATIC:
        _note(session, row, contact, "reply.automatic", now=now)
        return
    if writer.own_address:
        reach.learn(
            session, contact, row.channel, ReachEventKind.REACHED, why="reply", message=writer.message,
            now=now,
        )  # fmt: skip
    subject = incoming.subject if row.channel is Channel.EMAIL else None
    obey(session, row, writer, reply_words.asked_in(subject, words), files=incoming.files, now=now)


def obey(
    session: Session, row: InboundMessage, writer: Writer, heard: Heard, *, files: int = 0, now: datetime
) -> None:
    """Do what a threaded reply asks for as far as a rule can tell; a person reads the rest.

    Args:
        files: how many files came with it.
    """
    contact = writer.contact
    row.outcome = _obey(session, row, writer, heard, now=now)
    _note(session, row, contact, f"reply.{row.outcome}", now=now)
    if row.outcome not in ("stop", "start"):
        outbox.ask_person(
            session, TaskKind.READ_REPLY, f"reply:{row.id}", account_id=contact.account_id, now=now,
            facts={
                "inbound": row.ref, "channel": row.channel.value, "contact": contact.id, "what": row.outcome,
                "words": (row.words or row.subject or "")[:_TASK_WORDS], "files": files,
            },
        )  # fmt: skip


def _obey(session: Session, row: InboundMessage, writer: Writer, heard: Heard, *, now: datetime) -> str:
    """Write what was asked into the consent ledger; return the outcome."""
    said = (row.words or row.subject or "")[:_TASK_WORDS]
    source = f"{row.channel.value}_reply"
    if heard.asked is Asked.START:
        # Anybody can write a sender's address; one of our own messages that is answered can't be made up.
        if not writer.own_address or (row.channel is Channel.EMAIL and writer.message is None):
            return "task"
        consents.choose_by_words(
            session, writer.contact, row.channel, wanted=True, words=said, source=source, now=now
        )
        return "start"
    if heard.asked is Asked.NOTHING:
        return "task"
    for channel in _channels(writer.contact, heard, row.channel):
        consents.choose_by_words(
            session, writer.contact, channel, wanted=False, words=said, source=source, now=now
        )
    if heard.calls and writer.contact.no_calls_at is None:
        writer.contact.no_calls_at = now
    return "no_calls" if heard.calls else heard.asked.value


def _channels(contact: Contact, heard: Heard, came_by: Channel) -> tuple[Channel, ...]:
    """The channels that a request stops: those it names, else the one it came by, unless it names calls."""
    named = tuple(c for c in heard.channels if consents.address_of(contact, c) is not None)
    if named:
        return named
    return () if heard.calls and not heard.channels else (came_by,)


def _writer_of(session: Session, incoming: Incoming, channel: Channel) -> Writer | None:
    """The contact who wrote: of the message that is answered, else by the address it came from."""
    digest = consents.address_digest(incoming.sender)
    message = _ours(session, incoming.answers[:_ANSWERS], channel)
    if message is not None:
        people = session.scalars(select(Contact).where(Contact.account_id == message.account_id)).all()
        at_address = [c for c in people if is_at(c, channel, digest)]
        receiver = next(c for c in people if c.id == message.contact_id)
        if receiver in at_address or not at_address:
            return Writer(receiver, message, receiver in at_address)
        # A colleague who is on file wrote himself: he speaks of his own address.
        return Writer(at_address[0], message, own_address=True)
    contact = _by_address(session, incoming.sender, channel)
    return Writer(contact, None, own_address=True) if contact is not None else None


def is_at(contact: Contact, channel: Channel, digest: str) -> bool:
    """Whether an address, by its digest, is the contact's own on a channel."""
    address = consents.address_of(contact, channel)
    return address is not None and consents.address_digest(address) == digest


def _by_address(session: Session, sender: str, channel: Channel) -> Contact | None:
    """The contact with an address; of several, the one to whom we wrote last, else who is active."""
    if not sender:
        return None
    own = func.lower(Contact.email) == sender.lower() if channel is Channel.EMAIL else Contact.phone == sender
    found = session.scalars(select(Contact).where(own).order_by(Contact.is_active.desc(), Contact.id)).all()
    if len(found) < 2:
        return found[0] if found else None
    written_to = session.scalar(
        select(Message.contact_id)
        .where(
            Message.contact_id.in_([c.id for c in found]),
            Message.channel == channel,
            Message.sent_at.is_not(None),
        )
        .order_by(Message.sent_at.desc(), Message.id.desc())
        .limit(1)
    )
    return next((c for c in found if c.id == written_to), found[0])


def _ours(
    session: Session, wire_ids: Sequence[str], channel: Channel, *, locked: bool = False
) -> Message | None:
    """The newest of our messages on a channel among those that are named."""
    if not wire_ids:
        return None
    query = (
        select(Message)
        .where(Message.wire_id.in_(wire_ids), Message.channel == channel)
        .order_by(Message.id.desc())
        .limit(1)
    )
    return session.scalars(query.with_for_update() if locked else query).first()


def _from_unknown(session: Session, row: InboundMessage, *, now: datetime) -> None:
    """Keep what nobody on file wrote; one open alert for all of it, so that spam makes no noise."""
    if row.kind is InboundKind.AUTOMATIC:
        return
    row.outcome = "unknown_sender"
    outbox.raise_alert(session, "unknown_sender", row.channel.value, now=now, facts={"inbound": row.ref})


def _note(session: Session, row: InboundMessage, contact: Contact, kind: str, *, now: datetime) -> None:
    outbox.note(
        session, contact.account_id, kind, contact_id=contact.id, now=now,
        facts={"inbound": row.ref, "channel": row.channel.value},
    )  # fmt: skip
