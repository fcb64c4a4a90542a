"""One-time codes: asked for by a session, made when they leave, good for one proof (decision 8).

A code is known in clear only in the message that carries it; the row keeps a salted digest. Every
limit is counted in rows, so that a restart forgives nothing (L-06, L-08, L-11).
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import case, literal, select, update
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.base import UTCDateTime
from models.links import Channel, LinkScope, LinkSession, OneTimeCode
from models.messages import Message, Purpose
from receivables import guesses, outbox
from receivables.audit import record
from receivables.contact.consents import address_of, masked
from receivables.errors import NotFound, Refused, TooManyTries
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy

STEP_UP = "step_up"
#: A button pressed twice asks once.
SAME_ASKING = timedelta(seconds=30)
HOUR = timedelta(hours=1)
#: Acts that neither the stored message nor the audit names: many read both (domain.md, hardship).
UNTOLD = frozenset({"hardship"})


@dataclass(frozen=True, slots=True)
class CodeAddress:
    """Where a code may go: a contact on file and a channel, shown masked."""

    contact_ref: str
    channel: Channel
    shown: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A code that was asked for and may still be typed; `left` is how many tries it has."""

    contact_ref: str
    channel: Channel
    shown: str
    asked_at: datetime
    left: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one try: right or not, and how many tries the code has left."""

    right: bool
    left: int


def may_receive(contact: Contact) -> bool:
    """Whether codes may go to a contact: on file and confirmed, by whoever put it there (decision 6)."""
    return contact.is_active and contact.confirmed_at is not None


def addresses(session: Session, actor: Actor) -> list[CodeAddress]:
    """Return where a code may go, the holder's own addresses first.

    Who holds a forwarded link gets codes at his own address only, and is no way for anybody else.

    Raises:
        NotAllowed: a link held by staff gets no codes (decision 6).
    """
    require(actor, Permission.CODE_ASK, account_id=actor.account_id)
    contacts = session.scalars(
        select(Contact)
        .where(Contact.account_id == actor.account_id, Contact.is_active)
        .order_by(Contact.id != (actor.contact_id or 0), Contact.id)
    )
    narrow = actor.scope is not LinkScope.FULL
    found = []
    for contact in contacts:
        own = contact.id == actor.contact_id
        if not may_receive(contact) or (not own and (narrow or contact.forwarded_by_id is not None)):
            continue
        for channel in (Channel.EMAIL, Channel.SMS):
            address = address_of(contact, channel)
            if address is not None:
                found.append(CodeAddress(contact.ref, channel, masked(address)))
    return found


def ask_code(
    session: Session,
    actor: Actor,
    session_id: int,
    contact_ref: str,
    channel: Channel,
    *,
    caller: str,
    now: datetime,
    act: str = "",
) -> OneTimeCode:
    """Queue a code for this session to one of its `addresses`.

    Args:
        caller: network prefix of the client; counted beside the account (L-08).
        act: what it is for, one of the risky acts; named in the message, except for one that nobody
            else may know of.
    Returns:
        The code's row; the one just asked for when the button was pressed twice.
    Raises:
        NotFound: no such address that may receive codes.
        TooManyTries: three codes in the last hour, by account or by caller.
    """
    if (contact_ref, channel) not in [(a.contact_ref, a.channel) for a in addresses(session, actor)]:
        raise NotFound("not_found")
    contact = session.scalars(select(Contact).where(Contact.ref == contact_ref)).one()
    return send(
        session, actor, session_id, contact, channel,
        purpose=STEP_UP, address=None, act="" if act in UNTOLD else act, caller=caller, now=now,
    )  # fmt: skip


def send(
    session: Session,
    actor: Actor,
    session_id: int,
    contact: Contact,
    channel: Channel,
    *,
    purpose: str,
    address: str | None,
    act: str,
    caller: str,
    now: datetime,
) -> OneTimeCode:
    """Queue a code of a purpose; within the limits whatever it is for.

    Args:
        purpose: STEP_UP, or "contact:<ref>" for an address that is to be proved.
        address: where it goes when that is not the contact's own on file.
    Raises:
        NotFound: the session is not the actor's or is over.
        TooManyTries: three codes in the last hour, by account or by caller.
    """
    require(actor, Permission.CODE_ASK, account_id=contact.account_id)
    rules = current_policy(session, now).step_up
    account = session.get_one(Account, contact.account_id, with_for_update=True)
    _own_session(session, actor, session_id, now=now)
    again = session.scalar(
        select(OneTimeCode).where(
            OneTimeCode.session_id == session_id,
            OneTimeCode.contact_id == contact.id,
            OneTimeCode.channel == channel,
            OneTimeCode.purpose == purpose,
            OneTimeCode.address.is_(None) if address is None else OneTimeCode.address == address,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.asked_at > now - SAME_ASKING,
        )
    )
    if again is not None:
        return again
    # The counter's row makes askers of one prefix wait for each other; what counts are the codes.
    guesses.count(session, f"code:{caller}", window=HOUR, tries=2**31, now=now)
    for one in (OneTimeCode.account_id == account.id, OneTimeCode.caller == caller):
        recent = session.scalars(
            select(OneTimeCode.asked_at)
            .where(one, OneTimeCode.asked_at > now - HOUR)
            .order_by(OneTimeCode.asked_at)
        ).all()
        if len(recent) >= rules.per_hour:
            free_at = recent[len(recent) - rules.per_hour] + HOUR
            raise TooManyTries("too_many_codes", minutes=ceil((free_at - now).total_seconds() / 60))
    code = OneTimeCode(
        account_id=account.id,
        session_id=session_id,
        contact_id=contact.id,
        channel=channel,
        purpose=purpose,
        address=address,
        tries=0,
        asked_at=now,
        expires_at=now + timedelta(minutes=rules.valid_minutes),
        caller=caller,
    )
    session.add(code)
    session.flush()
    record(
        session,
        actor,
        "code.asked",
        code,
        account_id=account.id,
        now=now,
        facts={"session": session_id, "contact": contact.id, "channel": channel.value, "for": act or purpose},
    )
    outbox.enqueue(
        session,
        actor,
        account=account,
        contact=contact,
        channel=channel,
        purpose=Purpose.CODE,
        kind="one_time_code",
        facts={"code_id": code.id, "act": act},
        dedupe_key=f"code:{code.id}",
        now=now,
    )
    return code


def _own_session(session: Session, actor: Actor, session_id: int, *, now: datetime) -> LinkSession:
    opened = session.scalar(
        select(LinkSession).where(
            LinkSession.id == session_id,
            LinkSession.link_id == actor.id,
            LinkSession.revoked_at.is_(None),
            LinkSession.ends_at > now,
        )
    )
    if opened is None:
        raise NotFound("not_found")
    return opened


# --------------------------------------------------------------------------- on its way out


def address_for(session: Session, message: Message) -> str | None:
    """The address that a code goes to when it is not one of the contact's on file."""
    code = session.get(OneTimeCode, message.facts.get("code_id", 0))
    return code.address if code is not None else None


def is_over(session: Session, message: Message, *, policy: Policy, now: datetime) -> bool:
    """Whether a queued code comes too late to be of use."""
    code = session.get_one(OneTimeCode, message.facts["code_id"])
    waited_out = now >= code.asked_at + timedelta(minutes=policy.step_up.valid_minutes)
    return waited_out or code.used_at is not None


def make(session: Session, message: Message, *, policy: Policy, now: datetime) -> str:
    """Make the clear code at the last moment and keep its digest (L-08).

    A message that is tried again carries another code, and only the last one is good.
    """
    code = session.get_one(OneTimeCode, message.facts["code_id"], with_for_update=True)
    digits = max(policy.step_up.digits, 6)
    clear = f"{secrets.randbelow(10**digits):0{digits}d}"
    code.salt = secrets.token_hex(16)
    code.code_digest = _digest(code.salt, clear)
    code.expires_at = now + timedelta(minutes=policy.step_up.valid_minutes)
    return clear


def _digest(salt: str, clear: str) -> str:
    return hashlib.sha256(f"{salt}:{clear}".encode()).hexdigest()


# --------------------------------------------------------------------------- typed


def pending(session: Session, session_id: int, purpose: str, *, now: datetime) -> Pending | None:
    """Return the newest code of a session that may still be typed, or None."""
    rules = current_policy(session, now).step_up
    found = session.execute(
        select(OneTimeCode, Contact)
        .join(Contact, Contact.id == OneTimeCode.contact_id)
        .where(
            OneTimeCode.session_id == session_id,
            OneTimeCode.purpose == purpose,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > now,
        )
        .order_by(OneTimeCode.id.desc())
        .limit(1)
    ).first()
    if found is None or found.OneTimeCode.tries >= rules.tries:
        return None
    code: OneTimeCode = found.OneTimeCode
    address = code.address or address_of(found.Contact, code.channel) or ""
    return Pending(found.Contact.ref, code.channel, masked(address), code.asked_at, rules.tries - code.tries)


def read_code(text: str) -> str:
    """Return the digits of a code as it was typed or pasted, in any script, with or without gaps.

    Raises:
        Refused: code_empty, code_malformed.
    """
    kept = [c for c in text if not c.isspace() and c not in "-–." and unicodedata.category(c) != "Cf"]
    if not kept:
        raise Refused("code_empty")
    digits = [unicodedata.digit(c, -1) for c in kept]
    if -1 in digits or not 6 <= len(digits) <= 12:
        raise Refused("code_malformed")
    return "".join(str(d) for d in digits)


def prove(session: Session, actor: Actor, session_id: int, code: str, *, now: datetime) -> Tried:
    """Try a code; the right one proves the session once (L-06).

    A wrong try is counted, so the caller lets the unit of work commit and tells by the answer.

    Raises:
        Refused: code_empty, code_malformed, code_none (none was sent yet), code_over (expired, used
            or tried too often).
    """
    opened = _own_session(session, actor, session_id, now=now)
    tried, _code = redeem(session, actor, session_id, STEP_UP, code, now=now)
    if tried.right:
        opened.proved_at = now
        record(session, actor, "code.proved", opened, account_id=actor.account_id, now=now)
    return tried


def redeem(
    session: Session, actor: Actor, session_id: int, purpose: str, text: str, *, now: datetime
) -> tuple[Tried, OneTimeCode]:
    """Count one try of the newest code of a session and consume it when it is right.

    One conditional UPDATE does both: of many at once at most one finds the code unused (L-06).

    Raises:
        Refused: as `prove`.
    """
    require(actor, Permission.CODE_ASK, account_id=actor.account_id)
    clear = read_code(text)
    rules = current_policy(session, now).step_up
    code = session.scalar(
        select(OneTimeCode)
        .where(
            OneTimeCode.session_id == session_id,
            OneTimeCode.purpose == purpose,
            OneTimeCode.code_digest.is_not(None),
        )
        .order_by(OneTimeCode.id.desc())
        .limit(1)
    )
    if code is None or code.salt is None:
        raise Refused("code_none")
    done = session.execute(
        update(OneTimeCode)
        .where(
            OneTimeCode.id == code.id,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.tries < rules.tries,
            OneTimeCode.expires_at > now,
        )
        .values(
            tries=OneTimeCode.tries + 1,
            used_at=case(
                (OneTimeCode.code_digest == _digest(code.salt, clear), literal(now, UTCDateTime())),
                else_=None,
            ),
        )
        .returning(OneTimeCode.used_at, OneTimeCode.tries)
        .execution_options(synchronize_session=False)
    ).first()
    if done is None:
        raise Refused("code_over")
    tried = Tried(done.used_at is not None, rules.tries - done.tries)
    session.expire(code)
    if not tried.right:
        record(
            session,
            actor,
            "code.refused",
            code,
            account_id=actor.account_id,
            now=now,
            facts={"session": session_id, "tries": done.tries},
        )
    return tried, code
