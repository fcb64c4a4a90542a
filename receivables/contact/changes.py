"""Whether anything that a message was made from has changed since: asked right before it leaves (FT-27).

Messages are claimed and written a lease at a time and leave one after the other. What is committed before
a message's own turn must count for it, so before its turn two questions are asked: the state of everything
the gate looked at, and what the account owes. Any difference, and the message is made again. As long as
nothing at all was committed since they were asked, their answers hold, and the turn costs one short look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact
from models.bulk import among
from models.inbound import ReachEvent
from models.ladder import LadderSwitch
from models.messages import CallAttempt, ConsentEvent, Message
from models.pauses import Pause
from models.states import MessageStatus
from models.store import fetch, seen_as
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
_STATE = (
    select(
        Message.id.label("message_id"),
        Message.status.label("message_status"),
        Message.version.label("message_version"),
        select(func.max(LadderSwitch.id)).scalar_subquery(),
        select(func.max(PolicyVersion.id)).scalar_subquery(),
        *(
            select(func.max(kind.id)).where(among(kind.address_digest, "digests")).scalar_subquery()
            for kind in (ConsentEvent, ReachEvent)
        ),
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
    .where(among(Message.id, "message_ids"))
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


class Watch:
    """Looks again at the messages of a lease, each at its own turn.

    Args:
        lease: message id -> the message's version since it was claimed, and what it was made from.
    """

    def __init__(self, lease: Mapping[int, tuple[int, Seen]]) -> None:
        self._lease = dict(lease)
        #: Message -> what was seen when it was last found unchanged (models.store.seen_as).
        self._found: dict[int, str] = {}

    def is_as_seen(self, session: Session, message_id: int) -> bool:
        """Whether the message is still in our hands and nothing behind it has changed.

        Args:
            session: one that sees what is committed by now (Store.glance).
        """
        name = seen_as(session)
        if name is None:
            return bool(_unchanged(session, {message_id: self._lease[message_id]}))
        if self._found.get(message_id) != name:
            ids = list(self._lease)
            ahead = {i: self._lease[i] for i in ids[ids.index(message_id) :]}
            self._found |= dict.fromkeys(_unchanged(session, ahead), name)
        return self._found.get(message_id) == name


def _unchanged(session: Session, lease: Mapping[int, tuple[int, Seen]]) -> list[int]:
    """Return the messages behind which everything is as it was when they were made."""
    of: dict[tuple[str, ...], list[int]] = {}
    for message_id, (_, seen) in lease.items():
        of.setdefault(seen.digests, []).append(message_id)
    days = {seen.account_id: seen.today for _, seen in lease.values()}
    rows = [
        row
        for digests, ids in of.items()
        for row in fetch(session, _STATE, {"message_ids": ids, "digests": list(digests)})
    ]
    owed = invoices.open_rows_of(session, days)
    found = []
    for row in rows:
        version, seen = lease[row.message_id]
        own = (row.message_status, row.message_version) == (MessageStatus.SENDING, version)
        if own and tuple(row)[_OWN:] == seen.state and tuple(owed[seen.account_id]) == seen.rows:
            found.append(row.message_id)
    return found
