"""What people said about being written to: append-only, the latest word counts (C-06, C-07)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.creditors import Creditor
from models.links import Channel, OptOutLink
from models.messages import ConsentEvent, ConsentEventKind, Message, Purpose
from models.staff import Staff
from models.states import MessageStatus, advance
from receivables import links, outbox
from receivables.audit import record
from receivables.errors import LinkGone, NotFound
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy
from receivables.ports import Sender


def address_of(contact: Contact, channel: Channel) -> str | None:
    """The contact's address on a channel, or None."""
    return contact.email if channel is Channel.EMAIL else contact.phone


def address_digest(address: str) -> str:
    """SHA-256 of an address, folded, so that an opt-out follows it into other rows."""
    return hashlib.sha256(address.strip().casefold().encode()).hexdigest()


def masked(address: str) -> str:
    """An address that its owner recognises and nobody else can use: "d…@acme.example", "…142".

    >>> masked("dana@acme.example"), masked("+4411349600142")
    ('d…@acme.example', '…142')
    """
    name, at, host = address.partition("@")
    return f"{name[:1]}…@{host}" if at else f"…{address[-3:]}"


def has_opted_out(session: Session, address: str, channel: Channel) -> bool:
    """Whether the last word about reminders to this address on this channel is no."""
    last = session.scalar(
        select(ConsentEvent.event)
        .where(
            ConsentEvent.address_digest == address_digest(address),
            ConsentEvent.channel == channel,
            ConsentEvent.purpose == Purpose.REMINDER,
        )
        .order_by(ConsentEvent.id.desc())
        .limit(1)
    )
    return last is ConsentEventKind.OPTED_OUT


def issue_opt_out(
    session: Session, contact: Contact, channel: Channel, *, policy: Policy, now: datetime
) -> str:
    """Make the way out that a message carries and return its clear token (decision 20)."""
    token = links.new_token(policy.sms_bits)
    session.add(
        OptOutLink(token_digest=links.digest(token), contact_id=contact.id, channel=channel, issued_at=now)
    )
    return token


@dataclass(frozen=True, slots=True)
class OptOutView:
    """What the opt-out page shows: no account, no amount, only the masked address."""

    sender: Sender
    language: str
    languages: tuple[str, ...]
    channel: Channel
    masked_address: str
    is_out: bool


def opt_out_view(session: Session, token: str, *, now: datetime) -> OptOutView:
    """Return what an opt-out link is about; changes nothing (L-04).

    Raises:
        LinkGone: unknown, or the contact has no such address any more.
    """
    r = session.execute(
        select(
            *links.SENDER_COLUMNS,
            OptOutLink.channel,
            Contact,
            Account.language,
            Account.language_chosen_at,
        )
        .select_from(OptOutLink)
        .join(Contact, Contact.id == OptOutLink.contact_id)
        .join(Account, Account.id == Contact.account_id)
        .join(Creditor, Creditor.id == Account.creditor_id)
        .outerjoin(Staff, Staff.id == Account.collector_id)
        .where(OptOutLink.token_digest == links.digest(token))
    ).first()
    if r is None:
        raise LinkGone("link_gone")
    contact: Contact = r.Contact
    address = address_of(contact, r.channel)
    if address is None:
        raise LinkGone("link_gone")
    language = links.reader_language(r.language, r.language_chosen_at, contact.language)
    return OptOutView(
        sender=links.sender_of(r, language),
        language=language,
        languages=tuple(r.languages),
        channel=r.channel,
        masked_address=masked(address),
        is_out=has_opted_out(session, address, r.channel),
    )


def opt_out(
    session: Session,
    token: str,
    *,
    text_shown: str,
    text_version: str,
    source: str,
    ip_prefix: str | None,
    now: datetime,
) -> ConsentEvent | None:
    """Stop reminders to one address on one channel, queued ones included; confirm once (C-07).

    Returns:
        The new word in the ledger, or None when the last word was no already.
    Raises:
        LinkGone: unknown, or the contact has no such address any more.
    """
    contact, channel, address = _behind(session, token)
    actor = Actor(ActorKind.LINK_HOLDER, account_id=contact.account_id, contact_id=contact.id)
    return _stop(
        session, actor, contact, channel, address,
        text_shown=text_shown, text_version=text_version, source=source, ip_prefix=ip_prefix, now=now,
    )  # fmt: skip


def choose(
    session: Session,
    actor: Actor,
    channel: Channel,
    *,
    wanted: bool,
    text_shown: str,
    text_version: str,
    source: str,
    ip_prefix: str | None,
    now: datetime,
) -> ConsentEvent | None:
    """Stop reminders on one channel of the holder, or take them up again (C-06).

    Returns:
        The new word in the ledger, or None when it is the last one already.
    Raises:
        NotFound: the holder is nobody's contact, or has no such address.
    """
    require(actor, Permission.CONTACT_CHANGE, account_id=actor.account_id)
    contact = session.get(Contact, actor.contact_id, with_for_update=True) if actor.contact_id else None
    address = address_of(contact, channel) if contact is not None else None
    if contact is None or address is None:
        raise NotFound("not_found")
    act = _take_up if wanted else _stop
    return act(
        session, actor, contact, channel, address,
        text_shown=text_shown, text_version=text_version, source=source, ip_prefix=ip_prefix, now=now,
    )  # fmt: skip


def opt_in(
    session: Session,
    token: str,
    *,
    text_shown: str,
    text_version: str,
    source: str,
    ip_prefix: str | None,
    now: datetime,
) -> ConsentEvent | None:
    """Take reminders up again at the page that stopped them.

    Returns:
        The new word in the ledger, or None when nothing is stopped.
    Raises:
        LinkGone: unknown, or the contact has no such address any more.
    """
    contact, channel, address = _behind(session, token)
    actor = Actor(ActorKind.LINK_HOLDER, account_id=contact.account_id, contact_id=contact.id)
    return _take_up(
        session, actor, contact, channel, address,
        text_shown=text_shown, text_version=text_version, source=source, ip_prefix=ip_prefix, now=now,
    )  # fmt: skip


def _behind(session: Session, token: str) -> tuple[Contact, Channel, str]:
    """The contact, channel and address of an opt-out link; the contact is locked."""
    found = session.execute(
        select(OptOutLink.channel, Contact)
        .join(Contact, Contact.id == OptOutLink.contact_id)
        .where(OptOutLink.token_digest == links.digest(token))
        .with_for_update(of=Contact)
    ).first()
    address = address_of(found.Contact, found.channel) if found else None
    if found is None or address is None:
        raise LinkGone("link_gone")
    return found.Contact, found.channel, address


def _take_up(
    session: Session,
    actor: Actor,
    contact: Contact,
    channel: Channel,
    address: str,
    *,
    text_shown: str,
    text_version: str,
    source: str,
    ip_prefix: str | None,
    now: datetime,
) -> ConsentEvent | None:
    if not has_opted_out(session, address, channel):
        return None
    return _say(
        session, actor, contact, channel, address, ConsentEventKind.OPTED_IN,
        text_shown=text_shown, text_version=text_version, source=source, ip_prefix=ip_prefix, now=now,
    )  # fmt: skip


def _say(
    session: Session,
    actor: Actor,
    contact: Contact,
    channel: Channel,
    address: str,
    word: ConsentEventKind,
    *,
    text_shown: str,
    text_version: str,
    source: str,
    ip_prefix: str | None,
    now: datetime,
) -> ConsentEvent:
    """Write one word of a person into the ledger, the audit and the timeline."""
    event = ConsentEvent(
        contact_id=contact.id,
        channel=channel,
        address_digest=address_digest(address),
        purpose=Purpose.REMINDER,
        event=word,
        text_shown=text_shown,
        text_version=text_version,
        source=source,
        ip_prefix=ip_prefix,
        occurred_at=now,
    )
    session.add(event)
    session.flush()
    record(
        session,
        actor,
        "consent.opted_in" if word is ConsentEventKind.OPTED_IN else "consent.opted_out",
        event,
        account_id=contact.account_id,
        now=now,
        facts={"contact": contact.id, "channel": channel.value, "source": source},
    )
    outbox.note(
        session,
        contact.account_id,
        "consent.opted_in" if word is ConsentEventKind.OPTED_IN else "consent.opted_out",
        contact_id=contact.id,
        now=now,
        facts={"channel": channel.value},
    )
    return event


def _stop(
    session: Session,
    actor: Actor,
    contact: Contact,
    channel: Channel,
    address: str,
    *,
    text_shown: str,
    text_version: str,
    source: str,
    ip_prefix: str | None,
    now: datetime,
) -> ConsentEvent | None:
    if has_opted_out(session, address, channel):
        return None
    event = _say(
        session, actor, contact, channel, address, ConsentEventKind.OPTED_OUT,
        text_shown=text_shown, text_version=text_version, source=source, ip_prefix=ip_prefix, now=now,
    )  # fmt: skip
    for message in session.scalars(
        select(Message)
        .where(
            Message.contact_id == contact.id,
            Message.channel == channel,
            Message.purpose == Purpose.REMINDER,
            Message.status == MessageStatus.QUEUED,
        )
        # What a worker is sending in this moment is waited for, and then no longer queued.
        .with_for_update()
    ):
        message.reasons = ["opted_out"]
        advance(message, MessageStatus.SUPPRESSED)
    outbox.enqueue(
        session,
        actor,
        account=session.get_one(Account, contact.account_id),
        contact=contact,
        channel=channel,
        purpose=Purpose.OPT_OUT_CONFIRMED,
        kind="opt_out_confirmed",
        facts={"consent_event_id": event.id},
        dedupe_key=f"opt_out_confirmed:{event.id}",
        now=now,
    )
    return event
