"""Whether anything that a message was made from has changed since: asked right before it leaves (FT-27).

Messages are claimed and written a lease at a time and leave one after the other. What is committed before
a message's own turn must count for it, so its turn begins with two short questions: the state of
everything the gate looked at, and what the account owes. Any difference, and the message is made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact
from models.inbound import ReachEvent
from models.ladder import LadderSwitch
from models.messages import CallAttempt, ConsentEvent, Message
from models.pauses import Pause
from models.states import MessageStatus
from models.store import fetch
from models.work import PolicyVersion
from receivables import invoices
from receivables.contact.consents import address_digest
from receivables.ports import InvoiceRow


def _of_account(*columns: Any, account_id: Any) -> list[Any]:
    return [
        select(column).where(account_id == Message.account_id).correlate(Message).scalar_subquery()
        for column in columns
    ]


_CALLS = (
    select(func.max(CallAttempt.id))
    .where(CallAttempt.contact_id.in_(select(Contact.id).where(Contact.account_id == Message.account_id)))
    .correlate(Message)
    .scalar_subquery()
)
_ADDRESSES: Any = bindparam("digests", expanding=True)
_STATE = (
    select(
        Message.id.label("message_id"),
        Message.status.label("message_status"),
        Message.version.label("message_version"),
        select(func.max(LadderSwitch.id)).scalar_subquery(),
        select(func.max(PolicyVersion.id)).scalar_subquery(),
        select(func.max(ConsentEvent.id)).where(ConsentEvent.address_digest.in_(_ADDRESSES)).scalar_subquery(),
        select(func.max(ReachEvent.id)).where(ReachEvent.address_digest.in_(_ADDRESSES)).scalar_subquery(),
        *_of_account(
            func.count(), func.max(AccountFlag.id), func.count(AccountFlag.to_on),
            func.max(AccountFlag.to_on), account_id=AccountFlag.account_id,
        ),
        *_of_account(
            func.count(), func.max(Pause.id), func.count(Pause.to_on), func.count(Pause.ended_at),
            account_id=Pause.account_id,
        ),
        _CALLS,
        Account.segment, Account.agreed_days, Account.zone, Account.country, Account.debtor_type,
        Account.collector_id,
        Contact.is_active, Contact.name, Contact.email, Contact.phone, Contact.preferred_channel,
        Contact.quiet_from, Contact.quiet_to,
    )
    .select_from(Message)
    .join(Account, Account.id == Message.account_id)
    .join(Contact, Contact.id == Message.contact_id)
    .where(Message.id.in_(bindparam("message_ids", expanding=True)))
)  # fmt: skip
#: Columns of the message itself, which moves by our own hand.
_OWN = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What one message was made from.

    Attributes:
        digests: of every address of its lease: a word about one of them makes all look again.
        state: of everything the gate looks at; opaque.
        rows: what the account owed.
    """

    account_id: int
    today: date
    digests: tuple[str, ...]
    state: tuple[Any, ...]
    rows: tuple[InvoiceRow, ...]


def digests_of(contacts: Sequence[Contact], also: Sequence[str]) -> tuple[str, ...]:
    """Return the digests of every address of some contacts, and of others that are not on file."""
    filed = [address for contact in contacts for address in (contact.email, contact.phone) if address]
    return tuple(sorted({address_digest(address) for address in (*filed, *also)}))


def states(
    session: Session, message_ids: Sequence[int], digests: tuple[str, ...]
) -> Mapping[int, tuple[Any, ...]]:
    """Return the state behind each message; taken before anything is made of it."""
    rows = fetch(session, _STATE, {"message_ids": list(message_ids), "digests": list(digests)})
    return {row.message_id: tuple(row)[_OWN:] for row in rows}


def is_as_seen(session: Session, message_id: int, version: int, seen: Seen) -> bool:
    """Whether the message is still in our hands and nothing behind it has changed.

    Args:
        session: one that sees what is committed by now.
        version: of the message since it was claimed.
    """
    row = fetch(session, _STATE, {"message_ids": [message_id], "digests": list(seen.digests)}).one()
    return (
        row.message_status is MessageStatus.SENDING
        and row.message_version == version
        and tuple(row)[_OWN:] == seen.state
        and tuple(invoices.open_rows_of(session, {seen.account_id: seen.today})[seen.account_id]) == seen.rows
    )
