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
    return _last_word(session, address, channel) is ConsentEventKind.OPTED_OUT


def _last_word(session: Session, address: str, channel: Channel) -> ConsentEventKind | None:
    return session.scalar(
        select(ConsentEvent.event)
        .where(
            ConsentEvent.address_digest == address_digest(address),
            ConsentEvent.channel == channel,
            ConsentEvent.purpose == Purpose.REMINDER,
        )
        .order_by(ConsentEvent.id.desc())
        .limit(1)
    )


def issue_opt_out(
    session: Session,
    contact: Contact,
    channel: Channel,
    *,
    policy: Policy,
    now: datetime,
    address: str | None = None,
) -> str:
    """Make the way out that a message carries and return its clear token (decision 20).

    Args:
        address: where the message goes when that is not the contact's own on file; the way out is
            that address's and no other's.
    """
    token = links.new_token(policy.sms_bits)
    session.add(
        OptOutLink(
            token_digest=links.digest(token), contact_id=contact.id, channel=channel,
            address_digest=address_digest(address or address_of(contact, channel) or ""), issued_at=now,
        )
    )  # fmt: skip
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
            OptOutLink.address_digest,
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
    address = _own_address(contact, r.channel, r.address_digest)
    language = links.reader_language(r.language, r.language_chosen_at, contact.language)
    return OptOutView(
        sender=links.sender_of(r, language, now=now),
        language=language,
        languages=tuple(r.languages),
        channel=r.channel,
        masked_address=masked(address),
        is_out=has_opted_out(session, address, r.channel),
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody read when he said yes or no, and where: kept with his word (C-06)."""

    text: str
    version: str
    source: str
    ip_prefix: str | None = None


def choose_by_link(
    session: Session, token: str, *, wanted: bool, shown: Shown, now: datetime
) -> ConsentEvent | None:
    """Stop reminders at the page behind a message's way out, or take them up again there (C-07).

    Returns:
        The new word in the ledger, or None when it is the last one already.
    Raises:
        LinkGone: unknown, or the contact has no such address any more.
    """
    contact, channel, address = _behind(session, token)
    actor = Actor(ActorKind.LINK_HOLDER, account_id=contact.account_id, contact_id=contact.id)
    return _choose(session, actor, contact, channel, address, wanted=wanted, shown=shown, now=now)


def choose(
    session: Session, actor: Actor, channel: Channel, *, wanted: bool, shown: Shown, now: datetime
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
    return _choose(session, actor, contact, channel, address, wanted=wanted, shown=shown, now=now)


def choose_by_words(
    session: Session,
    contact: Contact,
    channel: Channel,
    *,
    wanted: bool,
    words: str,
    source: str,
    now: datetime,
) -> ConsentEvent | None:
    """Take somebody who wrote to us at his word: no more reminders on a channel, or reminders again (C-07).

    Args:
        words: what he wrote, cleaned; kept with the event in place of a text shown.
        source: how it came: "email_reply", "sms_reply".
    Returns:
        The new word in the ledger, or None when it is the last one already or he has no such address.
    """
    locked = session.get_one(Contact, contact.id, with_for_update=True)
    address = address_of(locked, channel)
    if address is None:
        return None
    actor = Actor(ActorKind.LINK_HOLDER, account_id=locked.account_id, contact_id=locked.id)
    shown = Shown(words, "received", source)
    return _choose(session, actor, locked, channel, address, wanted=wanted, shown=shown, now=now)


def _own_address(contact: Contact, channel: Channel, sent_to: str) -> str:
    """The contact's address when the way out went there; whoever has it from elsewhere learns nothing."""
    address = address_of(contact, channel)
    if address is None or address_digest(address) != sent_to:
        raise LinkGone("link_gone")
    return address


def _behind(session: Session, token: str) -> tuple[Contact, Channel, str]:
    """The contact, channel and address of an opt-out link; the contact is locked."""
    found = session.execute(
        select(OptOutLink.channel, OptOutLink.address_digest, Contact)
        .join(Contact, Contact.id == OptOutLink.contact_id)
        .where(OptOutLink.token_digest == links.digest(token))
        .with_for_update(of=Contact)
    ).first()
    if found is None:
        raise LinkGone("link_gone")
    return found.Contact, found.channel, _own_address(found.Contact, found.channel, found.address_digest)


def _choose(
    session: Session,
    actor: Actor,
    contact: Contact,
    channel: Channel,
    address: str,
    *,
    wanted: bool,
    shown: Shown,
    now: datetime,
) -> ConsentEvent | None:
    """Write a new word into the ledger, the audit and the timeline; a no is obeyed and confirmed at once.

    A first yes is kept too: some places ask for one (policy table row 13).
    """
    word = ConsentEventKind.OPTED_IN if wanted else ConsentEventKind.OPTED_OUT
    if _last_word(session, address, channel) is word:
        return None
    event = ConsentEvent(
        contact_id=contact.id,
        channel=channel,
        address_digest=address_digest(address),
        purpose=Purpose.REMINDER,
        event=word,
        text_shown=shown.text,
        text_version=shown.version,
        source=shown.source,
        ip_prefix=shown.ip_prefix,
        occurred_at=now,
    )
    session.add(event)
    session.flush()
    record(
        session, actor, "consent.opted_in" if wanted else "consent.opted_out", event,
        account_id=contact.account_id, now=now,
        facts={"contact": contact.id, "channel": channel.value, "source": shown.source},
    )  # fmt: skip
    outbox.note(
        session, contact.account_id, f"consent.{event.event.value}", contact_id=contact.id, now=now,
        facts={"channel": channel.value},
    )  # fmt: skip
    if not wanted:
        _hold_back(session, contact, channel)
        _confirm(session, actor, contact, event, now=now)
    return event


def _hold_back(session: Session, contact: Contact, channel: Channel) -> None:
    """Let no reminder leave that is queued to an address which was just opted out."""
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


def _confirm(session: Session, actor: Actor, contact: Contact, event: ConsentEvent, *, now: datetime) -> None:
    """Queue the one confirmation that follows a no (C-07)."""
    outbox.enqueue(
        session,
        actor,
        account=session.get_one(Account, contact.account_id),
        contact=contact,
        channel=event.channel,
        purpose=Purpose.OPT_OUT_CONFIRMED,
        kind="opt_out_confirmed",
        facts={"consent_event_id": event.id},
        dedupe_key=f"opt_out_confirmed:{event.id}",
        now=now,
    )
