"""Links: issue, look, redeem, end; the sessions they open; fresh links.

GET looks and changes nothing; POST redeems (L-04, L-05). Tokens that are not live look alike
whatever the cause (L-10, decision 7). Source: decisions 6-10; L-01…L-17.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.base import UTCDateTime
from models.creditors import Creditor
from models.invoices import Invoice
from models.links import Channel, Link, LinkInvoice, LinkScope, LinkSession
from models.messages import Message, Purpose
from models.staff import Staff
from models.store import fetch
from receivables import outbox
from receivables.audit import record
from receivables.errors import LinkGone, NotFound, SessionEnded
from receivables.office_hours import hours_for
from receivables.permissions import SYSTEM, Actor, ActorKind, Permission, require
from receivables.policy import Policy
from receivables.ports import Sender
from receivables.reading_ahead import read_already


def digest(token: str) -> str:
    """SHA-256 of a clear token; the only form in which we know it (L-02)."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(bits: int) -> str:
    """A random URL-safe token of at least `bits` bits (L-01)."""
    return secrets.token_urlsafe(bits // 8)


@dataclass(frozen=True, slots=True)
class Landing:
    """What the page before *Continue* may show: who asks, never of what (look.md)."""

    sender: Sender
    language: str
    languages: tuple[str, ...]
    private: bool
    account_name: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is behind a live link session, and what every page needs of him."""

    actor: Actor
    account_id: int
    account_name: str
    account_number: str
    zone: str
    country: str
    language: str
    languages: tuple[str, ...]
    private: bool
    contact_name: str
    sender: Sender
    creditor_id: int
    gateway_account: str
    ends_at: datetime
    #: When the holder proved himself by a one-time code in this session (decision 8).
    proved_at: datetime | None
    session_id: int
    #: The one invoice that a forwarded link shows; None for the whole account.
    invoice_ref: str | None


def issue(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    contact: Contact | None,
    channel: Channel,
    policy: Policy,
    now: datetime,
    message: Message | None = None,
    invoice_id: int | None = None,
) -> tuple[Link, str]:
    """Make a link and return it with its clear token, which is known only now (L-02).

    A link that staff copy is view-and-pay only, whatever they may do themselves (decision 6).

    Args:
        contact: whose link it is; None for a link that staff hold.
        message: the message it will travel in.
        invoice_id: the one document it shows and pays, for a colleague; None for the whole account.
    Raises:
        NotAllowed: the actor may not issue links.
    """
    link, token = issue_later(
        session, actor, account, contact=contact, channel=channel, policy=policy, now=now, message=message,
        invoice_id=invoice_id,
    )  # fmt: skip
    session.flush()
    return link, token


def issue_later(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    contact: Contact | None,
    channel: Channel,
    policy: Policy,
    now: datetime,
    message: Message | None = None,
    invoice_id: int | None = None,
) -> tuple[Link, str]:
    """Make a link as `issue` does, and let it be written with all others of the unit of work."""
    require(actor, Permission.LINK_ISSUE)
    by_staff = channel is Channel.STAFF
    scope = LinkScope.VIEW_AND_PAY if by_staff else LinkScope.FULL
    if invoice_id is not None:
        scope = LinkScope.ONE_INVOICE
    token = new_token(policy.sms_bits if channel is Channel.SMS else policy.mail_bits)
    link = Link(
        token_digest=digest(token),
        account_id=account.id,
        contact_id=contact.id if contact else None,
        channel=channel,
        scope=scope,
        held_by_staff_id=actor.id if by_staff else None,
        message_id=message.id if message else None,
        issued_at=now,
        expires_at=now + policy.link_valid,
        redeemed_count=0,
    )
    session.add(link)
    if invoice_id is not None:
        session.flush()
        session.add(LinkInvoice(link_id=link.id, invoice_id=invoice_id))
    record(
        session,
        actor,
        "link.issued",
        link,
        account_id=account.id,
        facts={
            "contact": link.contact_id,
            "channel": channel.value,
            "scope": link.scope.value,
            "expires_at": link.expires_at,
        },
        now=now,
    )
    return link, token


def _live(now: datetime) -> Any:
    return (Link.revoked_at.is_(None)) & (Link.expires_at > now)


SENDER_COLUMNS = (
    Creditor.id.label("creditor_id"),
    Creditor.name.label("creditor_name"),
    Creditor.short_name,
    Creditor.address,
    Creditor.company_number,
    Creditor.tax_id,
    Creditor.language.label("creditor_language"),
    Creditor.languages,
    Creditor.brand_colour,
    Creditor.gateway_account,
    Creditor.email_from,
    Creditor.person_name,
    Creditor.phone.label("creditor_phone"),
    Creditor.hours,
    Creditor.verify_url,
    Creditor.zone.label("creditor_zone"),
    Account.zone.label("account_zone"),
    Staff.name.label("collector_name"),
    Staff.phone.label("collector_phone"),
)
#: Built once: composing a statement costs more than running it.
_SENDERS = (
    select(Account.id.label("account_id"), *SENDER_COLUMNS)
    .select_from(Account)
    .join(Creditor, Creditor.id == Account.creditor_id)
    .outerjoin(Staff, Staff.id == Account.collector_id)
    .where(Account.id.in_(bindparam("account_ids", expanding=True)))
)


def sender_of(r: Any, language: str, *, now: datetime) -> Sender:
    """Make the creditor's face from a row with `SENDER_COLUMNS`: the collector, else the house's person.

    Hours are as the account's clock shows them.
    """
    hours = {
        said_in: hours_for(text, r.creditor_zone, r.account_zone, now) for said_in, text in r.hours.items()
    }
    legal = [r.creditor_name, r.address, r.company_number, r.tax_id]
    return Sender(
        name=r.creditor_name,
        short_name=r.short_name,
        legal_line=" · ".join(part for part in legal if part),
        person=r.collector_name or r.person_name,
        phone=r.collector_phone or r.creditor_phone,
        hours=hours.get(language) or hours.get(r.creditor_language) or "",
        email=r.email_from,
        brand_colour=r.brand_colour,
        verify_url=r.verify_url,
        hours_in=hours,
    )


def sender_for(session: Session, account_id: int, language: str, *, now: datetime) -> Sender:
    """Return the face an account sees in messages: collector or house person, phone, hours."""
    r = read_already(session, "senders", account_id)
    return sender_of(r or sender_rows(session, [account_id])[account_id], language, now=now)


def sender_rows(session: Session, account_ids: Sequence[int]) -> dict[int, Any]:
    """Return for each account the row of `SENDER_COLUMNS` that its face is made of; one statement."""
    return {r.account_id: r for r in fetch(session, _SENDERS, {"account_ids": list(account_ids)})}


def look(session: Session, token: str, *, now: datetime) -> Landing:
    """Return who asks behind a live link, without using it (L-04).

    Raises:
        LinkGone: unknown, expired, revoked or malformed: always the same (L-10).
    """
    r = session.execute(
        select(
            *SENDER_COLUMNS,
            Account.name.label("account_name"),
            Account.language,
            Account.language_chosen_at,
            Account.debtor_type,
            Contact.language.label("contact_language"),
        )
        .select_from(Link)
        .join(Account, Account.id == Link.account_id)
        .join(Creditor, Creditor.id == Account.creditor_id)
        .outerjoin(Contact, Contact.id == Link.contact_id)
        .outerjoin(Staff, Staff.id == Account.collector_id)
        .where(Link.token_digest == digest(token), _live(now))
    ).first()
    if r is None:
        raise LinkGone("link_gone")
    language = reader_language(r.language, r.language_chosen_at, r.contact_language)
    return Landing(
        sender=sender_of(r, language, now=now),
        language=language,
        languages=tuple(r.languages),
        private=r.debtor_type.value != "business",
        account_name=r.account_name,
    )


def reader_language(account_language: str, chosen_at: datetime | None, contact_language: str | None) -> str:
    """The debtor's own choice sticks; else the contact's language; else the account's (decision 2)."""
    return account_language if chosen_at or not contact_language else contact_language


def redeem(
    session: Session,
    token: str,
    *,
    policy: Policy,
    now: datetime,
    request_id: str | None,
    device: str | None = None,
) -> tuple[str, Actor]:
    """Open a link session; the link stays usable until it expires (L-05).

    Args:
        device: browser and system in two words, so that the debtor knows his sessions apart (L-16).
    Returns:
        The clear session token for the cookie, and the actor from now on.
    Raises:
        LinkGone: not live.
    """
    link = session.scalar(
        select(Link).where(Link.token_digest == digest(token), _live(now)).with_for_update()
    )
    if link is None:
        raise LinkGone("link_gone")
    link.redeemed_count += 1
    link.redeemed_at = now
    session_token = new_token(policy.mail_bits)
    opened = LinkSession(
        session_digest=digest(session_token),
        link_id=link.id,
        started_at=now,
        ends_at=now + policy.debtor_absolute,
        device=device,
    )
    session.add(opened)
    session.flush()
    actor = Actor(
        kind=ActorKind.LINK_HOLDER,
        id=link.id,
        account_id=link.account_id,
        contact_id=link.contact_id,
        scope=link.scope,
        request_id=request_id,
    )
    record(
        session,
        actor,
        "link.redeemed",
        link,
        account_id=link.account_id,
        now=now,
        facts={"session": opened.id, "count": link.redeemed_count},
    )
    outbox.note(
        session,
        link.account_id,
        "portal.opened",
        contact_id=link.contact_id,
        now=now,
        facts={"channel": link.channel.value},
    )
    return session_token, actor


_HOLDER = (
    select(
        *SENDER_COLUMNS,
        LinkSession.ends_at,
        LinkSession.proved_at,
        LinkSession.id.label("session_id"),
        LinkInvoice.invoice_id,
        Invoice.ref.label("invoice_ref"),
        Link.id.label("link_id"),
        Link.scope,
        Link.contact_id,
        Account.id.label("account_id"),
        Account.name.label("account_name"),
        Account.number.label("account_number"),
        Account.zone,
        Account.country.label("account_country"),
        Account.language,
        Account.language_chosen_at,
        Account.debtor_type,
        Contact.name.label("contact_name"),
        Contact.language.label("contact_language"),
    )
    .select_from(LinkSession)
    .join(Link, Link.id == LinkSession.link_id)
    .join(Account, Account.id == Link.account_id)
    .join(Creditor, Creditor.id == Account.creditor_id)
    .outerjoin(Contact, Contact.id == Link.contact_id)
    .outerjoin(Staff, Staff.id == Account.collector_id)
    .outerjoin(LinkInvoice, LinkInvoice.link_id == Link.id)
    .outerjoin(Invoice, Invoice.id == LinkInvoice.invoice_id)
    .where(
        LinkSession.session_digest == bindparam("session_digest"),
        LinkSession.revoked_at.is_(None),
        LinkSession.ends_at > bindparam("now", type_=UTCDateTime()),
        Link.revoked_at.is_(None),
    )
)


def holder(session: Session, session_token: str, *, now: datetime, request_id: str | None) -> Holder:
    """Return who is behind a link session; one statement, no write (decision 9).

    Raises:
        SessionEnded: over, revoked, unknown, or its link was revoked (L-03).
    """
    r = fetch(session, _HOLDER, {"session_digest": digest(session_token), "now": now}).first()
    if r is None:
        raise SessionEnded("session_ended")
    language = reader_language(r.language, r.language_chosen_at, r.contact_language)
    return Holder(
        actor=Actor(
            kind=ActorKind.LINK_HOLDER,
            id=r.link_id,
            account_id=r.account_id,
            contact_id=r.contact_id,
            scope=r.scope,
            name=r.contact_name or "",
            request_id=request_id,
            invoice_id=r.invoice_id,
        ),
        account_id=r.account_id,
        account_name=r.account_name,
        account_number=r.account_number,
        zone=r.zone,
        country=r.account_country,
        language=language,
        languages=tuple(r.languages),
        private=r.debtor_type.value != "business",
        contact_name=r.contact_name or "",
        sender=sender_of(r, language, now=now),
        creditor_id=r.creditor_id,
        gateway_account=r.gateway_account,
        ends_at=r.ends_at,
        proved_at=r.proved_at,
        session_id=r.session_id,
        invoice_ref=r.invoice_ref,
    )


_LOOK = (
    select(*SENDER_COLUMNS)
    .select_from(Account)
    .join(Creditor, Creditor.id == Account.creditor_id)
    .outerjoin(Staff, Staff.id == Account.collector_id)
    .where(Account.id == bindparam("account_id"))
)


def holder_for_a_look(session: Session, actor: Actor, account: Account, *, now: datetime) -> Holder:
    """Return a holder of the whole account who has no link and no session: for a look by staff (A-08).

    It is made for one page that only reads; nothing of it is kept, and no action is ever given it.

    Raises:
        NotAllowed: the actor may not look.
    """
    require(actor, Permission.ACCOUNT_VIEW_AS_DEBTOR)
    r = session.execute(_LOOK, {"account_id": account.id}).one()
    return Holder(
        actor=Actor(
            kind=ActorKind.LINK_HOLDER, account_id=account.id, scope=LinkScope.FULL,
            request_id=actor.request_id,
        ),
        account_id=account.id,
        account_name=account.name,
        account_number=account.number,
        zone=account.zone,
        country=account.country,
        language=account.language,
        languages=tuple(r.languages),
        private=account.is_private,
        contact_name="",
        sender=sender_of(r, account.language, now=now),
        creditor_id=r.creditor_id,
        gateway_account=r.gateway_account,
        ends_at=now,
        proved_at=now,
        session_id=0,
        invoice_ref=None,
    )  # fmt: skip


def log_out(session: Session, actor: Actor, session_token: str, *, now: datetime) -> None:
    """End one link session, and what was made from its page for other devices; again changes nothing."""
    opened = session.scalar(
        select(LinkSession).where(
            LinkSession.session_digest == digest(session_token), LinkSession.revoked_at.is_(None)
        )
    )
    if opened is None:
        return
    opened.revoked_at = now
    record(session, actor, "link_session.ended", opened, account_id=actor.account_id, now=now)
    end_descendants(session, opened.link_id, reason="page_closed", now=now)


def revoke(session: Session, actor: Actor, link: Link, *, reason: str, now: datetime) -> Link:
    """End a link, every session it opened and what was made of it for other devices, at once (L-03).

    A second call changes nothing.
    """
    require(actor, Permission.LINK_REVOKE)
    if link.revoked_at is None:
        link.revoked_at = now
        link.revoked_reason = reason
        session.execute(
            update(LinkSession)
            .where(LinkSession.link_id == link.id, LinkSession.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        record(session, actor, "link.revoked", link, account_id=link.account_id, reason=reason, now=now)
        end_descendants(session, link.id, reason=reason, now=now)
    return link


def end_descendants(
    session: Session, link_id: int, *, reason: str, now: datetime, keep: int | None = None
) -> None:
    """End the links that were made for other devices from pages of a link, and theirs in turn.

    Args:
        keep: the link of the page that asks, which ends by its own act only.
    """
    made = select(Link).where(Link.parent_id == link_id, Link.revoked_at.is_(None)).order_by(Link.id)
    for link in session.scalars(made).all():
        if link.id != keep:
            revoke(session, SYSTEM, link, reason=reason, now=now)


def revoke_all(session: Session, actor: Actor, account: Account, *, reason: str, now: datetime) -> int:
    """End every link of an account that is live or has a live session; returns how many."""
    require(actor, Permission.LINK_REVOKE)
    opened = select(LinkSession.link_id).where(LinkSession.revoked_at.is_(None), LinkSession.ends_at > now)
    live = session.scalars(
        select(Link).where(
            Link.account_id == account.id,
            Link.revoked_at.is_(None),
            or_(Link.expires_at > now, Link.id.in_(opened)),
        )
    ).all()
    for link in live:
        revoke(session, actor, link, reason=reason, now=now)
    return len(live)


def choose_language(session: Session, actor: Actor, language: str, *, now: datetime) -> None:
    """Keep the debtor's own choice of language; it sticks (decision 2).

    Raises:
        NotAllowed: a link held by staff chooses nothing for the debtor (decision 6).
        NotFound: the creditor does not offer that language.
    """
    require(actor, Permission.ACCOUNT_CHOOSE_LANGUAGE, account_id=actor.account_id)
    account = session.get_one(Account, actor.account_id)
    creditor = session.get_one(Creditor, account.creditor_id)
    if language not in creditor.languages:
        raise NotFound("language_not_offered", language=language)
    before, account.language, account.language_chosen_at = account.language, language, now
    record(
        session,
        actor,
        "account.language_chosen",
        account,
        account_id=account.id,
        now=now,
        facts={"from": before, "to": language},
    )


def ask_fresh(session: Session, token: str, *, policy: Policy, now: datetime) -> Message | None:
    """Queue a fresh link to the same contact, only for an *expired* link, capped a day (decision 7).

    The caller answers the same whatever is returned, so that nobody learns which links exist.

    Returns:
        The queued message, or None when there is nothing to send.
    """
    link = session.scalar(select(Link).where(Link.token_digest == digest(token)))
    if link is None or link.revoked_at is not None or link.expires_at > now:
        return None
    if link.contact_id is None or link.channel is Channel.STAFF:
        return None
    # Locked, so that the cap holds for many at once.
    contact = session.get_one(Contact, link.contact_id, with_for_update=True)
    if not contact.is_active:
        return None
    asked = session.scalar(
        select(func.count())
        .select_from(Message)
        .where(
            Message.contact_id == contact.id,
            Message.purpose == Purpose.FRESH_LINK,
            Message.queued_at > now - timedelta(days=1),
        )
    )
    if asked is not None and asked >= policy.fresh_per_day:
        return None
    only = session.scalar(select(LinkInvoice.invoice_id).where(LinkInvoice.link_id == link.id))
    return outbox.enqueue(
        session,
        SYSTEM,
        account=session.get_one(Account, link.account_id),
        contact=contact,
        channel=link.channel,
        purpose=Purpose.FRESH_LINK,
        kind="fresh_link",
        facts={} if only is None else {"only_invoice_id": only},
        dedupe_key=f"fresh_link:{link.id}:{now.isoformat(timespec='minutes')}",
        now=now,
    )
