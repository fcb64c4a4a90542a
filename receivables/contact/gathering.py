"""Gather what the gate looks at, for one message or for a whole lease of them in the same few statements.

Every message gets its own inputs; what they share, the addresses' last words, flags and claims of their
accounts, is read once for all of them (C-04).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact
from models.inbound import ReachEvent, ReachEventKind
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, ContactLedger, Purpose
from models.store import fetch
from receivables import pauses, switches
from receivables.calendar_days import business_date
from receivables.contact import reach
from receivables.contact.consents import address_digest, address_of
from receivables.contact.inputs import Inputs, binding_of, counts_of, place_of
from receivables.contact.rule_rows import Binding, ContactRules

#: Purposes that ask for something; all others answer the reader's own act.
CHASING = (Purpose.REMINDER, Purpose.ARRANGEMENT)


@dataclass(frozen=True, slots=True)
class Question:
    """May this contact be written to now? One question for each message.

    Attributes:
        currency: of a reminder; its cap is one a (contact, channel, currency, business date).
        message_id: a message whose own earlier claim does not stand against it.
        address: where a code goes that proves an address not on file yet.
    """

    account: Account
    contact: Contact
    channel: Channel
    purpose: Purpose
    currency: str | None = None
    message_id: int | None = None
    address: str | None = None

    @property
    def goes_to(self) -> str | None:
        """The address that the message would go to."""
        return self.address or address_of(self.contact, self.channel)


# --------------------------------------------------------------------------- addresses

_WORDS = (
    select(ConsentEvent.address_digest, ConsentEvent.channel, ConsentEvent.event)
    .where(
        ConsentEvent.address_digest.in_(bindparam("digests", expanding=True)),
        ConsentEvent.purpose == Purpose.REMINDER,
    )
    .order_by(ConsentEvent.id)
)
_LAST_REACHES = select(ReachEvent.address_digest, ReachEvent.channel, ReachEvent.event).where(
    ReachEvent.id.in_(
        select(func.max(ReachEvent.id))
        .where(ReachEvent.address_digest.in_(bindparam("digests", expanding=True)))
        .group_by(ReachEvent.address_digest, ReachEvent.channel)
    )
)


class Addresses:
    """What was said of the addresses of some contacts: the last word about reminders, and whether they work.

    Args:
        also: addresses that are not on file.
    """

    def __init__(self, session: Session, contacts: Iterable[Contact], also: Iterable[str] = ()) -> None:
        filed = (address for contact in contacts for address in (contact.email, contact.phone) if address)
        asked = {"digests": sorted({address_digest(address) for address in (*filed, *also)})}
        said = fetch(session, _WORDS, asked) if asked["digests"] else ()
        reached = fetch(session, _LAST_REACHES, asked) if asked["digests"] else ()
        self._session = session
        self._words = {(r.address_digest, r.channel): r.event for r in said}
        self._doubtful = {
            (r.address_digest, r.channel) for r in reached if r.event is not ReachEventKind.REACHED
        }

    def last_word(self, address: str | None, channel: Channel) -> ConsentEventKind | None:
        """Return the last word about reminders to an address on a channel."""
        return self._words.get((address_digest(address), channel)) if address is not None else None

    def opted_out(self, address: str | None, channel: Channel) -> bool:
        """Whether the last word is no."""
        return self.last_word(address, channel) is ConsentEventKind.OPTED_OUT

    def opted_out_elsewhere(self, contact: Contact, channel: Channel) -> bool:
        """Whether the contact said no on another channel than this one."""
        others = (other for other in (Channel.EMAIL, Channel.SMS) if other is not channel)
        return any(self.opted_out(address_of(contact, other), other) for other in others)

    def is_dead(self, contact: Contact, channel: Channel) -> bool:
        """Whether writing to the contact's address is in vain (reach.is_dead)."""
        address = address_of(contact, channel)
        if address is None or (address_digest(address), channel) not in self._doubtful:
            return False
        return reach.is_dead(self._session, contact, channel)

    def prefers_other(self, contact: Contact, channel: Channel) -> bool:
        """Whether the contact chose another channel for reminders, and can be reached there."""
        if contact.preferred_channel in (None, channel.value):
            return False
        chosen = Channel(contact.preferred_channel)
        address = address_of(contact, chosen)
        return address is not None and not (self.opted_out(address, chosen) or self.is_dead(contact, chosen))


# --------------------------------------------------------------------------- accounts

_FLAGS = (
    select(AccountFlag.account_id, AccountFlag.kind, AccountFlag.from_on, AccountFlag.to_on)
    .where(AccountFlag.account_id.in_(bindparam("account_ids", expanding=True)))
    .order_by(AccountFlag.id)
)
_CLAIMS = select(
    ContactLedger.contact_id,
    ContactLedger.channel,
    ContactLedger.currency,
    ContactLedger.business_on,
    ContactLedger.claimed_at,
    ContactLedger.message_id,
).where(
    ContactLedger.contact_id.in_(bindparam("contact_ids", expanding=True)),
    ContactLedger.business_on >= bindparam("since"),
)


def _flags(session: Session, days: Mapping[int, date]) -> dict[int, tuple[str, ...]]:
    """The facts that hold about each account on its day, each once, oldest first."""
    found: dict[int, list[str]] = {account_id: [] for account_id in days}
    for r in fetch(session, _FLAGS, {"account_ids": list(days)}) if days else ():
        today = days[r.account_id]
        if r.from_on <= today and (r.to_on is None or r.to_on > today):
            found[r.account_id].append(r.kind.value)
    return {account_id: tuple(dict.fromkeys(kinds)) for account_id, kinds in found.items()}


def _claims(session: Session, contact_ids: Collection[int], today: date | None) -> dict[Any, list[Any]]:
    """The reminders claimed of late by (contact, channel, currency); from the day before, for who moved."""
    found: dict[Any, list[Any]] = {}
    if today is not None:
        since = today - timedelta(days=1)
        for r in fetch(session, _CLAIMS, {"contact_ids": sorted(contact_ids), "since": since}):
            found.setdefault((r.contact_id, r.channel, r.currency), []).append(r)
    return found


def _is_claimed(claims: Iterable[Any], own: int, today: date, zone: str) -> bool:
    """Whether another reminder has the day, by the clock it was claimed by or by the one that holds now."""
    return any(
        r.message_id != own and today in (r.business_on, business_date(r.claimed_at, zone)) for r in claims
    )


# --------------------------------------------------------------------------- all of it


def gather(
    session: Session, questions: Sequence[Question], rules: ContactRules, hours: Mapping[int, Any], *,
    now: datetime,
) -> list[tuple[Inputs, Binding]]:  # fmt: skip
    """Return for each question its inputs and the rules that bind them.

    Args:
        hours: contact id -> the house's hours and the contact's own quiet ones (rules.hours_of).
    """
    started = [_started(question, hours[question.contact.id], now) for question in questions]
    flagged = _flags(session, {
        q.account.id: known.today
        for q, known in zip(questions, started, strict=True)
        if q.purpose is not Purpose.RECEIPT
    })  # fmt: skip
    bound = [question for question in questions if _asks_for_consent(question)]
    addresses = Addresses(session, [q.contact for q in bound], [q.address for q in bound if q.address])
    chasing = any(question.purpose in CHASING for question in questions)
    stopped = chasing and switches.sending_stopped(session)
    reminders = [(q, k) for q, k in zip(questions, started, strict=True) if q.purpose is Purpose.REMINDER]
    claims = _claims(
        session, {q.contact.id for q, _ in reminders}, min((k.today for _, k in reminders), default=None)
    )
    found = []
    for question, known in zip(questions, started, strict=True):
        binding = binding_of(rules, known)
        known = replace(
            known,
            flags=flagged.get(question.account.id, ()) if question.purpose is not Purpose.RECEIPT else (),
            stopped=stopped and question.purpose in CHASING,
            **(_said(question, binding, addresses) if _asks_for_consent(question) else {}),
            **(
                _of_reminder(session, question, known, binding, addresses, claims)
                if question.purpose is Purpose.REMINDER
                else {}
            ),
        )
        found.append((known, binding))
    return found


def _started(question: Question, hours: Mapping[str, Any], now: datetime) -> Inputs:
    contact = question.contact
    return Inputs(
        channel=question.channel.value,
        purpose=question.purpose.value,
        at=now,
        currency=question.currency,
        **place_of(question.account),
        **hours,
        unfiled=question.address is not None,
        addressed=question.goes_to is not None,
        active=contact.is_active,
        forwarded=contact.forwarded_by_id is not None,
    )


def _asks_for_consent(question: Question) -> bool:
    """Whether a no to reminders binds this: what chases, and an answer to a colleague."""
    forwarded = question.contact.forwarded_by_id is not None
    return question.purpose in CHASING or (forwarded and question.purpose is Purpose.ANSWER)


def _said(question: Question, binding: Binding, addresses: Addresses) -> dict[str, Any]:
    """What the reader said about being written to, and whether the address works."""
    contact, channel = question.contact, question.channel
    word = addresses.last_word(question.goes_to, channel)
    return {
        "opted_out": word is ConsentEventKind.OPTED_OUT,
        "opted_out_elsewhere": binding.opt_out_of_all and addresses.opted_out_elsewhere(contact, channel),
        "opted_in": channel.value in binding.opt_in and word is ConsentEventKind.OPTED_IN,
        "dead": question.purpose in CHASING
        and question.address is None
        and addresses.is_dead(contact, channel),
    }


def _of_reminder(
    session: Session, question: Question, known: Inputs, binding: Binding, addresses: Addresses,
    claims: Mapping[Any, list[Any]],
) -> dict[str, Any]:  # fmt: skip
    """What binds reminders only: pauses, the channel that was chosen, the day, the caps."""
    account, contact, channel = question.account, question.contact, question.channel
    held = pauses.standing(session, account.id, known.today)
    standing = pauses.paused_by(held, contact_id=contact.id, currency=question.currency)
    own = question.message_id or 0
    return {
        "pauses": tuple(pauses.spoken(reason).value for reason in standing),
        "prefers_other": addresses.prefers_other(contact, channel),
        "claimed_today": _is_claimed(
            claims.get((contact.id, channel, question.currency), ()), own, known.today, known.zones[0]
        ),
        "counts": counts_of(
            session, account, binding.caps_on(channel.value), today=known.today, zone=known.zones[0],
            message_id=own,
        ),
    }  # fmt: skip
