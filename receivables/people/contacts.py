"""The people at an account, as the debtor keeps them: add, correct, confirm, remove; how to write to them.

Every act here was preceded by a code to a contact on file (portal), and a new address is proved by a
code of its own. Links of an address that changed end at once (L-03).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.links import Channel, Link, OneTimeCode
from models.messages import Message, Purpose
from receivables import links, outbox
from receivables.audit import record
from receivables.contact.consents import address_of, has_opted_out, masked
from receivables.contact.rules import in_hours
from receivables.errors import NotFound, Refused
from receivables.people import codes
from receivables.people.addresses import Address, read_address, read_name
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import Policy, current_policy

MINUTES_OF_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as the holder sees him: his own addresses in full, those of others masked."""

    ref: str
    name: str
    email: str | None
    phone: str | None
    pays: bool
    own: bool
    #: Put there by staff and not confirmed by anybody of the account yet (decision 6).
    unconfirmed: bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the holder wants to be written to; `stopped` names the channels without reminders."""

    contact_ref: str
    channels: tuple[Channel, ...]
    preferred: str | None
    quiet_from: str | None
    quiet_to: str | None
    stopped: tuple[Channel, ...]


def people(session: Session, actor: Actor) -> list[Person]:
    """Return the people of the holder's account, himself first; colleagues of one invoice are none."""
    require(actor, Permission.CONTACT_CHANGE, account_id=actor.account_id)
    rows = session.scalars(
        select(Contact)
        .where(Contact.account_id == actor.account_id, Contact.is_active, Contact.forwarded_by_id.is_(None))
        .order_by(Contact.id != (actor.contact_id or 0), Contact.id)
    ).all()
    payers = set(
        session.scalars(
            select(ContactHasRole.contact_id).where(
                ContactHasRole.role == ContactRole.PAYS, ContactHasRole.contact_id.in_([c.id for c in rows])
            )
        )
    )
    return [_person(c, actor, c.id in payers) for c in rows]


def _person(contact: Contact, actor: Actor, pays: bool) -> Person:
    own = contact.id == actor.contact_id

    def shown(address: str | None) -> str | None:
        return address if own or address is None else masked(address)

    return Person(
        ref=contact.ref,
        name=contact.name,
        email=shown(contact.email),
        phone=shown(contact.phone),
        pays=pays,
        own=own,
        unconfirmed=not codes.may_receive(contact),
    )


def person(session: Session, actor: Actor, ref: str) -> Person:
    """Return one person of the holder's account.

    Raises: NotFound: nobody of this account, or no longer.
    """
    contact = _contact(session, actor, ref)
    pays = session.get(ContactHasRole, (contact.id, ContactRole.PAYS)) is not None
    return _person(contact, actor, pays)


def _contact(session: Session, actor: Actor, ref: str, *, lock: bool = False, new: bool = False) -> Contact:
    """A person of the actor's account; with `new` also one whose address is not proved yet.

    With `lock` the account is locked first, so that of many at once each sees what the other did.
    """
    require(actor, Permission.CONTACT_CHANGE, account_id=actor.account_id)
    if lock:
        session.get_one(Account, actor.account_id, with_for_update=True)
    contact = session.scalar(
        select(Contact)
        .where(Contact.ref == ref, Contact.account_id == actor.account_id, Contact.forwarded_by_id.is_(None))
        .execution_options(populate_existing=lock)
    )
    if contact is None or not (contact.is_active or (new and contact.confirmed_at is None)):
        raise NotFound("not_found")
    return contact


# --------------------------------------------------------------------------- adding and correcting


def add(
    session: Session,
    actor: Actor,
    session_id: int,
    *,
    name: str,
    address: str,
    pays: bool,
    caller: str,
    now: datetime,
) -> Contact:
    """Write down a new person and send a code to his address; he counts once it was typed.

    Args:
        name, address: as typed; an e-mail address or a mobile number.
        pays: whether reminders go to him too.
    Returns:
        The person, not active yet; `prove_address` makes him so.
    Raises:
        Refused: reasons of `read_name` and `read_address`, address_known.
        TooManyTries: codes of this hour are used up.
    """
    require(actor, Permission.CONTACT_CHANGE, account_id=actor.account_id)
    called, reached = read_name(name), read_address(address)
    account = session.get_one(Account, actor.account_id, with_for_update=True)
    known = _at(session, account.id, reached)
    if known is not None and known.is_active:
        raise Refused("address_known")
    contact = known or Contact(account_id=account.id, may_commit=False, is_active=False, created_at=now)
    contact.name = called
    _put(contact, reached)
    session.add(contact)
    session.flush()
    _mark_payer(session, contact, pays)
    _send_code(session, actor, session_id, contact, reached, caller=caller, now=now)
    return contact


def _at(session: Session, account_id: int, address: Address) -> Contact | None:
    """The person with this address, active or waiting for his proof; colleagues of one invoice are none."""
    column = Contact.email if address.channel is Channel.EMAIL else Contact.phone
    rows = session.scalars(
        select(Contact).where(
            Contact.account_id == account_id, column.is_not(None), Contact.forwarded_by_id.is_(None)
        )
    )
    found = [c for c in rows if (address_of(c, address.channel) or "").casefold() == address.text.casefold()]
    waiting = [c for c in found if not c.is_active and c.confirmed_at is None]
    return next((c for c in found if c.is_active), waiting[0] if waiting else None)


def _put(contact: Contact, address: Address) -> None:
    if address.channel is Channel.EMAIL:
        contact.email = address.text
    else:
        contact.phone = address.text


def _mark_payer(session: Session, contact: Contact, pays: bool) -> bool:
    """Write whether reminders go to a person; returns whether that changed anything."""
    role = session.get(ContactHasRole, (contact.id, ContactRole.PAYS))
    if pays and role is None:
        session.add(ContactHasRole(contact_id=contact.id, role=ContactRole.PAYS))
    elif not pays and role is not None:
        session.delete(role)
    return pays != (role is not None)


def _send_code(
    session: Session,
    actor: Actor,
    session_id: int,
    contact: Contact,
    address: Address,
    *,
    caller: str,
    now: datetime,
) -> OneTimeCode:
    return codes.send(
        session, actor, session_id, contact, address.channel,
        purpose=proof_of(contact.ref), address=address.text, act="address", caller=caller, now=now,
    )  # fmt: skip


def proof_of(contact_ref: str) -> str:
    """The purpose of a code that proves an address of a contact."""
    return f"contact:{contact_ref}"


def rename(session: Session, actor: Actor, ref: str, *, name: str, pays: bool, now: datetime) -> Contact:
    """Correct a name, and whether reminders go to this person; the same again changes nothing.

    Raises:
        Refused: reasons of `read_name`.
    """
    called = read_name(name)
    contact = _contact(session, actor, ref, lock=True)
    before = contact.name
    changed = _mark_payer(session, contact, pays)
    if before == called and not changed:
        return contact
    contact.name = called
    record(
        session,
        actor,
        "contact.renamed",
        contact,
        account_id=contact.account_id,
        now=now,
        facts={"pays": pays},
        personal={"before": before, "after": called},
    )
    return contact


def change_address(
    session: Session, actor: Actor, session_id: int, ref: str, *, address: str, caller: str, now: datetime
) -> OneTimeCode:
    """Send a code to a new address of a person; the old one stays until it was typed.

    Raises:
        Refused: reasons of `read_address`, address_known, address_same.
        TooManyTries: codes of this hour are used up.
    """
    reached = read_address(address)
    contact = _contact(session, actor, ref, lock=True)
    current = address_of(contact, reached.channel)
    if current is not None and current.casefold() == reached.text.casefold():
        raise Refused("address_same")
    other = _at(session, contact.account_id, reached)
    if other is not None and other.is_active:
        raise Refused("address_known")
    return _send_code(session, actor, session_id, contact, reached, caller=caller, now=now)


def send_again(
    session: Session, actor: Actor, session_id: int, ref: str, *, caller: str, now: datetime
) -> OneTimeCode:
    """Send another code to the address that is being proved.

    Raises:
        NotFound: nothing is being proved in this session.
        TooManyTries: codes of this hour are used up.
    """
    contact = _contact(session, actor, ref, new=True)
    last = session.scalars(
        select(OneTimeCode)
        .where(OneTimeCode.session_id == session_id, OneTimeCode.purpose == proof_of(ref))
        .order_by(OneTimeCode.id.desc())
        .limit(1)
    ).first()
    if last is None or last.address is None or last.used_at is not None:
        raise NotFound("not_found")
    address = Address(last.channel, last.address)
    return _send_code(session, actor, session_id, contact, address, caller=caller, now=now)


@dataclass(frozen=True, slots=True)
class Proved:
    """What a try of a code did to an address; `own_link_ended` when this very session ends with it."""

    tried: codes.Tried
    own_link_ended: bool = False


def prove_address(
    session: Session, actor: Actor, session_id: int, ref: str, code: str, *, now: datetime
) -> Proved:
    """Try the code that was sent to a new address; the right one puts the address in force.

    Links that went to the old address end, with their sessions (L-03), and the new one gets a link.

    Raises:
        Refused: as `codes.redeem`; address_known when another person took it meanwhile.
    """
    contact = _contact(session, actor, ref, lock=True, new=True)
    tried, row = codes.redeem(session, actor, session_id, proof_of(ref), code, now=now)
    if not tried.right or row.address is None:
        return Proved(tried)
    address = Address(row.channel, row.address)
    other = _at(session, contact.account_id, address)
    if other is not None and other.is_active and other.id != contact.id:
        raise Refused("address_known")
    before = address_of(contact, address.channel) if contact.is_active else None
    is_new, contact.is_active = not contact.is_active, True
    _put(contact, address)
    contact.changed_by_staff_id, contact.changed_at, contact.confirmed_at = None, None, now
    record(
        session,
        actor,
        "contact.added" if is_new else "contact.address_changed",
        contact,
        account_id=contact.account_id,
        now=now,
        facts={"channel": address.channel.value},
        personal={"name": contact.name, "before": before, "after": address.text},
    )
    outbox.note(
        session,
        contact.account_id,
        "contact.added" if is_new else "contact.address_changed",
        contact_id=contact.id,
        now=now,
        facts={"channel": address.channel.value},
    )
    if before is not None:
        _tell_former(session, actor, contact, Address(address.channel, before), key=f"code:{row.id}", now=now)
    ended = _end_links(session, contact, address.channel, now=now) if before is not None else []
    if is_new or ended:
        _welcome(session, contact, address, row, now=now)
    return Proved(tried, own_link_ended=actor.id in ended)


def _tell_former(
    session: Session, actor: Actor, contact: Contact, address: Address, *, key: str, now: datetime
) -> None:
    """Tell an address that it is no longer on file, so that a change nobody wanted is noticed there."""
    outbox.enqueue(
        session,
        actor,
        account=session.get_one(Account, contact.account_id),
        contact=contact,
        channel=address.channel,
        purpose=Purpose.ANSWER,
        kind="contact_changed",
        facts={"address": address.text},
        dedupe_key=f"contact_changed:{key}",
        now=now,
    )


def address_before(message: Message) -> str | None:
    """The address that a message goes to though it is no longer on file; None for any other message."""
    former: str | None = message.facts.get("address") if message.kind == "contact_changed" else None
    return former


def _welcome(
    session: Session, contact: Contact, address: Address, code: OneTimeCode, *, now: datetime
) -> None:
    """Send the first link to an address that has just been proved."""
    outbox.enqueue(
        session,
        SYSTEM,
        account=session.get_one(Account, contact.account_id),
        contact=contact,
        channel=address.channel,
        purpose=Purpose.FRESH_LINK,
        kind="fresh_link",
        facts={},
        dedupe_key=f"fresh_link:code:{code.id}",
        now=now,
    )


def _end_links(session: Session, contact: Contact, channel: Channel | None, *, now: datetime) -> list[int]:
    """End the links of a contact, of one channel or all, expired ones with their sessions too."""
    query = select(Link).where(Link.contact_id == contact.id, Link.revoked_at.is_(None))
    if channel is not None:
        query = query.where(Link.channel == channel)
    found = session.scalars(query).all()
    for link in found:
        links.revoke(session, SYSTEM, link, reason="contact_changed", now=now)
    return [link.id for link in found]


def confirm(session: Session, actor: Actor, ref: str, *, now: datetime) -> Contact:
    """Say that somebody whom our staff added belongs here: from now on he may receive codes (decision 6).

    Raises:
        Refused: confirm_yourself: nobody vouches for himself.
    """
    contact = _contact(session, actor, ref, lock=True)
    if contact.id == actor.contact_id:
        raise Refused("confirm_yourself")
    if not codes.may_receive(contact):
        contact.confirmed_at = now
        record(session, actor, "contact.confirmed", contact, account_id=contact.account_id, now=now)
    return contact


def remove(session: Session, actor: Actor, ref: str, *, now: datetime) -> Contact:
    """Stop writing to a person, end his links and tell him so; never the last one who can get a code.

    Raises:
        Refused: last_contact.
    """
    contact = _contact(session, actor, ref, lock=True)
    others = session.scalars(
        select(Contact).where(
            Contact.account_id == contact.account_id,
            Contact.is_active,
            Contact.forwarded_by_id.is_(None),
            Contact.id != contact.id,
        )
    ).all()
    if not any(codes.may_receive(other) for other in others):
        raise Refused("last_contact")
    contact.is_active, contact.confirmed_at = False, contact.confirmed_at or now
    channel = Channel.EMAIL if contact.email is not None else Channel.SMS
    former = Address(channel, address_of(contact, channel) or "")
    _tell_former(session, actor, contact, former, key=f"contact:{contact.id}:{now.isoformat()}", now=now)
    _end_links(session, contact, None, now=now)
    record(
        session,
        actor,
        "contact.removed",
        contact,
        account_id=contact.account_id,
        now=now,
        personal={"name": contact.name},
    )
    outbox.note(session, contact.account_id, "contact.removed", contact_id=contact.id, now=now)
    return contact


# --------------------------------------------------------------------------- how to write to the holder


def preferences(session: Session, actor: Actor) -> Preferences | None:
    """Return how the holder wants to be written to; None for a link that is nobody's."""
    require(actor, Permission.CONTACT_CHANGE, account_id=actor.account_id)
    contact = session.get(Contact, actor.contact_id) if actor.contact_id else None
    if contact is None:
        return None
    channels = tuple(c for c in (Channel.EMAIL, Channel.SMS) if address_of(contact, c) is not None)
    stopped = tuple(c for c in channels if has_opted_out(session, address_of(contact, c) or "", c))
    return Preferences(
        contact.ref, channels, contact.preferred_channel, contact.quiet_from, contact.quiet_to, stopped
    )


def prefer(
    session: Session, actor: Actor, *, channel: str, quiet_from: str, quiet_to: str, now: datetime
) -> Contact:
    """Keep the holder's own choice of channel and quiet hours; it binds reminders.

    Args:
        channel: "email", "sms" or "" for as we see fit.
        quiet_from, quiet_to: "HH:MM" in the account's zone, both or neither; may go past midnight.
    Raises:
        NotFound: the holder is nobody's contact, or has no such address.
        Refused: quiet_half, quiet_malformed, quiet_too_long (facts: the hours that must stay).
    """
    require(actor, Permission.CONTACT_CHANGE, account_id=actor.account_id)
    contact = session.get(Contact, actor.contact_id) if actor.contact_id else None
    known = {"": None, **{c.value: c for c in (Channel.EMAIL, Channel.SMS)}}
    if contact is None or channel not in known:
        raise NotFound("not_found")
    chosen = known[channel]
    if chosen is not None and address_of(contact, chosen) is None:
        raise NotFound("not_found")
    start, end = read_quiet(quiet_from, quiet_to)
    before = (contact.preferred_channel, contact.quiet_from, contact.quiet_to)
    contact.preferred_channel, contact.quiet_from, contact.quiet_to = channel or None, start, end
    policy = current_policy(session, now)
    if _open_minutes(contact, policy) < policy.least_window / timedelta(minutes=1):
        raise Refused(
            "quiet_too_long",
            hours=int(policy.least_window / timedelta(hours=1)),
            opens=policy.contact_from.strftime("%H:%M"),
            closes=policy.contact_to.strftime("%H:%M"),
        )
    after = (contact.preferred_channel, contact.quiet_from, contact.quiet_to)
    if after != before:
        record(
            session,
            actor,
            "contact.preferences_changed",
            contact,
            account_id=contact.account_id,
            now=now,
            facts={"channel": channel, "quiet": [start, end]},
        )
    return contact


def read_quiet(start: str, end: str) -> tuple[str | None, str | None]:
    """Return quiet hours as they are kept; the same time twice is none.

    >>> read_quiet("9:00", "13:30"), read_quiet("", "")
    (('09:00', '13:30'), (None, None))

    Raises:
        Refused: quiet_half, quiet_malformed.
    """
    if not start and not end:
        return None, None
    if not start or not end:
        raise Refused("quiet_half")
    try:
        begins, ends = (time.fromisoformat(text.strip().zfill(5)) for text in (start, end))
    except ValueError:
        raise Refused("quiet_malformed") from None
    if begins.tzinfo or ends.tzinfo:
        raise Refused("quiet_malformed")
    kept = begins.strftime("%H:%M"), ends.strftime("%H:%M")
    return kept if kept[0] != kept[1] else (None, None)


def _open_minutes(contact: Contact, policy: Policy) -> int:
    """Minutes of a day on which a reminder may reach the contact."""
    midnight = datetime.combine(date(2000, 1, 1), time(0))
    clocks = ((midnight + timedelta(minutes=minute)).time() for minute in range(MINUTES_OF_DAY))
    return sum(in_hours(contact, clock, policy) for clock in clocks)
