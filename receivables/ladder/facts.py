"""What the ladder reads of many accounts: a handful of statements, however many they are.

Everything after them is arithmetic. Source: decision 013.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import Executable, exists, func, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, DebtorType, FlagKind, Segment
from models.arrangements import CreditHold, Promise
from models.bulk import among
from models.invoices import OWED_KINDS, Invoice
from models.ladder import LadderPosition
from models.messages import Message, Purpose
from models.pauses import Pause
from models.states import HoldStatus, InvoiceStatus, MessageStatus, PromiseStatus
from models.store import fetch
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.invoices import OpenDocument
from receivables.pauses import Standing

_T = TypeVar("_T")

#: Why a document that is not open any more waits.
CLOSED = "closed"
#: The zone farthest ahead: nobody's today is later than its date.
FARTHEST = "Pacific/Kiritimati"


@dataclass(frozen=True, slots=True)
class Debtor:
    """What of an account the conditions of rungs may ask for."""

    id: int
    ref: str
    country: str
    zone: str
    language: str
    debtor_type: DebtorType
    segment: Segment
    agreed_days: int
    ladder: str | None
    in_pilot: bool
    salesperson_id: int | None
    creditor_id: int
    broken_promises: int
    credit_held: bool


class Kept(NamedTuple):
    """What a position remembers of a document."""

    ladder: str
    cycle: int
    seq: int
    met_on: date | None
    next_rung: str | None
    next_on: date | None
    waits_for: str | None


class Flag(NamedTuple):
    """A flag of an account, and its days; `to_on` is the first on which it no longer holds."""

    kind: FlagKind
    from_on: date
    to_on: date | None

    def holds_on(self, day: date) -> bool:
        """Whether it holds on an account-local day."""
        return self.from_on <= day and (self.to_on is None or day < self.to_on)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one account on its day.

    Attributes:
        kept: invoice id -> its position; those of documents that closed are left out once that is written.
        heard_on: when the account heard from us last; a document that stood open then was spoken of.
    """

    debtor: Debtor
    today: date
    documents: Sequence[OpenDocument]
    kept: Mapping[int, Kept]
    pauses: Sequence[Standing]
    flags: Sequence[Flag]
    heard_on: date | None


_OPEN = Invoice.status == InvoiceStatus.OPEN, Invoice.kind.in_(OWED_KINDS), Invoice.balance_minor > 0
_BROKEN = (
    select(func.count())
    .where(Promise.account_id == Account.id, Promise.status == PromiseStatus.BROKEN)
    .correlate(Account)
    .scalar_subquery()
)
_HELD = (
    exists()
    .where(CreditHold.account_id == Account.id, CreditHold.status == HoldStatus.ACTIVE)
    .correlate(Account)
)
_DEBTORS = (
    select(
        Account.id, Account.ref, Account.country, Account.zone, Account.language, Account.debtor_type,
        Account.segment, Account.agreed_days, Account.ladder, Account.in_pilot, Account.salesperson_id,
        Account.creditor_id,
        _BROKEN, _HELD,
    )
    .where(among(Account.id))
    .order_by(Account.id)
)  # fmt: skip
_POSITIONS = select(
    LadderPosition.account_id,
    LadderPosition.invoice_id,
    *(getattr(LadderPosition, name) for name in Kept._fields),
).where(
    among(LadderPosition.account_id),
    or_(
        LadderPosition.waits_for.is_distinct_from(CLOSED),
        exists().where(Invoice.id == LadderPosition.invoice_id, *_OPEN),
    ),
)
_PAUSES = (
    select(
        Pause.account_id, Pause.reason, Invoice.ref.label("invoice_ref"), Pause.contact_id, Pause.from_on,
        Pause.to_on, Pause.currency,
    )
    .outerjoin(Invoice, Invoice.id == Pause.invoice_id)
    .where(among(Pause.account_id), Pause.contact_id.is_(None))
    .order_by(Pause.id)
)  # fmt: skip
_FLAGS = select(AccountFlag.account_id, AccountFlag.kind, AccountFlag.from_on, AccountFlag.to_on).where(
    among(AccountFlag.account_id), AccountFlag.kind != FlagKind.LEGAL_HOLD
)
_HEARD = (
    select(Message.account_id, func.max(Message.sent_at))
    .where(
        among(Message.account_id),
        Message.purpose == Purpose.REMINDER,
        Message.status.in_([MessageStatus.SENT, MessageStatus.DELIVERED]),
    )
    .group_by(Message.account_id)
)
_NEW = (
    select(Invoice.account_id)
    .where(*_OPEN, ~exists().where(LadderPosition.invoice_id == Invoice.id))
    .distinct()
)
_EVERYBODY = select(Invoice.account_id).where(*_OPEN).distinct().order_by(Invoice.account_id)


def concerned(session: Session, now: datetime) -> list[int]:
    """Return the accounts that a run has to look at: by their own dates something is due, or is new."""
    due = (
        select(LadderPosition.account_id, Account.zone, func.min(LadderPosition.next_on))
        .join(Account, Account.id == LadderPosition.account_id)
        .where(LadderPosition.next_on <= business_date(now, FARTHEST))
        .group_by(LadderPosition.account_id, Account.zone)
    )
    rows: Iterable[Any] = session.execute(due)
    found = {account_id for account_id, zone, on in rows if _has_come(on, zone, now)}
    return sorted(found.union(session.scalars(_NEW)))


def _has_come(on: date, zone: str, now: datetime) -> bool:
    """Whether a day has begun at a place; a place that nobody knows is looked at, so that it is told of."""
    try:
        return on <= business_date(now, zone)
    except ZoneInfoNotFoundError:
        return True


def everybody(session: Session) -> list[int]:
    """Return every account with something open: what a full evaluation goes through."""
    return list(session.scalars(_EVERYBODY))


def read(session: Session, account_ids: Sequence[int], *, now: datetime, on: date | None) -> list[Facts]:
    """Return what is known of accounts on their business date, or on another one; in the order of ids."""
    ids = {"ids": account_ids}

    def rows(statement: Executable) -> Iterable[Any]:
        return fetch(session, statement, ids).all()

    def by_account(statement: Executable, kind: Callable[..., _T]) -> Mapping[int, Sequence[_T]]:
        found: defaultdict[int, list[_T]] = defaultdict(list)
        for account_id, *values in rows(statement):
            found[account_id].append(kind(*values))
        return found

    debtors = [Debtor(*r) for r in rows(_DEBTORS)]
    days = {debtor.id: on or business_date(now, debtor.zone) for debtor in debtors}
    documents = invoices.open_documents_of(session, days)
    kept: defaultdict[int, dict[int, Kept]] = defaultdict(dict)
    for account_id, invoice_id, *values in rows(_POSITIONS):
        kept[account_id][invoice_id] = Kept(*values)
    pauses, flags = by_account(_PAUSES, Standing), by_account(_FLAGS, Flag)
    heard = {account_id: last.date() for account_id, last in rows(_HEARD)}
    return [
        Facts(
            debtor, days[debtor.id], documents[debtor.id], kept.get(debtor.id, {}),
            pauses.get(debtor.id, ()), flags.get(debtor.id, ()), heard.get(debtor.id),
        )
        for debtor in debtors
    ]  # fmt: skip
