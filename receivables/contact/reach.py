"""Whether an address still works: what carriers and people said of it, the latest word counts.

Source: issue C, part 6 ("bounces … feed 'not found'"); domain.md, six kinds of debtor (untraceable).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.inbound import ReachEvent, ReachEventKind
from models.links import Channel, Link
from models.messages import Message
from receivables.contact.consents import address_digest, address_of
from receivables.policy import current_policy

#: Channels with an address of their own; a link that staff copied has none.
CHANNELS = (Channel.EMAIL, Channel.SMS)
#: Events of one address that are looked at, newest first.
_LOOKED_AT = 100
_LONGEST_WHY = 60


def learn(
    session: Session,
    contact: Contact,
    channel: Channel,
    event: ReachEventKind,
    *,
    why: str,
    message: Message | None = None,
    address: str | None = None,
    now: datetime,
) -> ReachEvent | None:
    """Write down what was learned about an address.

    Args:
        why: a code that the desk words, with the carrier's own: "dsn:5.1.1", "call:wrong_number"; at
            most 60 characters are kept.
        message: ours that it is about.
        address: the one it is about, when that may not be the contact's of today.
    Returns:
        The event; None when the contact has no address on this channel.
    """
    about = address or address_of(contact, channel)
    if not about:
        return None
    row = ReachEvent(
        contact_id=contact.id,
        channel=channel,
        address_digest=address_digest(about),
        event=event,
        why=why[:_LONGEST_WHY],
        message_id=message.id if message is not None else None,
        occurred_at=now,
    )
    session.add(row)
    session.flush()
    return row


def is_dead(session: Session, contact: Contact, channel: Channel) -> bool:
    """Whether writing to the contact's address on a channel is in vain.

    It is, when the last clear word was that there is no such address, or when so many messages in a row
    were returned for now as the policy says (contact.soft_bounces). An opened link speaks against it, and
    an address that was replaced starts afresh.
    """
    return bool(_against(session, contact, channel))


def dead_since(session: Session, contact: Contact, channel: Channel) -> datetime | None:
    """Return when it was learned that the contact's address fails; None while it may work."""
    against = _against(session, contact, channel)
    return against[0].occurred_at if against else None


def untraceable(session: Session, account: Account) -> list[dict[str, Any]]:
    """Return the evidence that nobody at an account can be reached; empty while one address may work.

    Returns:
        For each address that fails: contact (id), channel, why, on (ISO day), events (how many); or one
        entry with why "no_contact" when there is nobody to write to.
    """
    contacts = session.scalars(
        select(Contact)
        .where(
            Contact.account_id == account.id,
            Contact.is_active,
            # A colleague to whom one invoice was forwarded does not stand for the account.
            Contact.forwarded_by_id.is_(None),
        )
        .order_by(Contact.id)
    ).all()
    if not contacts:
        return [{"why": "no_contact"}]
    evidence = []
    for contact in contacts:
        for channel in CHANNELS:
            if address_of(contact, channel) is None:
                continue
            against = _against(session, contact, channel)
            if not against:
                return []
            evidence.append(
                {
                    "contact": contact.id,
                    "channel": channel.value,
                    "why": against[0].why,
                    "on": against[0].occurred_at.date().isoformat(),
                    "events": len(against),
                }
            )
    return evidence


def _against(session: Session, contact: Contact, channel: Channel) -> Sequence[ReachEvent]:
    """What says that the address fails, the weightiest first; empty while it may work."""
    address = address_of(contact, channel)
    if address is None:
        return ()
    events = session.scalars(
        select(ReachEvent)
        .where(ReachEvent.address_digest == address_digest(address), ReachEvent.channel == channel)
        .order_by(ReachEvent.id.desc())
        .limit(_LOOKED_AT)
    ).all()
    if not events:
        return ()
    opened_at = session.scalar(
        select(func.max(Link.redeemed_at)).where(Link.contact_id == contact.id, Link.channel == channel)
    )
    soft: list[ReachEvent] = []
    for event in events:
        reached = event.event is ReachEventKind.REACHED
        if reached or (opened_at is not None and opened_at > event.occurred_at):
            break
        if event.event is ReachEventKind.DEAD:
            return [event, *soft]
        soft.append(event)
    rule = current_policy(session, events[0].occurred_at)
    # One message that is returned twice is one.
    times = len({event.message_id or -event.id for event in soft})
    return soft if times >= rule.soft_bounces else ()
