"""Each movement of the gateway beside what it did in our books, by SQL: who agrees never leaves the database.

A movement is tied to the effects that bear its own id, and to those of its source that are of its kind.
Tied right, they change gateway clearing by the movement's net. A bank debit moves the gateway's balance
when it is sent to the bank, and our books when the money came: until then it is on its way, and if it fails
a second movement takes it back, and both are one nil but for what they cost. A debit of which the gateway
lists nothing before the money is there ties as any other charge. Source: P-17, P-19, INV-4, INV-5.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.creditors import Creditor
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.payments import ProviderEffect
from models.reconciliation import GatewayMovement
from receivables.payments.receipts import PAYMENT_EFFECT
from receivables.payouts import SENT, SENT_BACK
from receivables.ports import MovementKind

M, K = GatewayMovement, MovementKind
#: What a payer's bank may still refuse, or has: of these there is one movement of a charge.
CHARGES = (K.CHARGE.value, K.CHARGE_PENDING.value)
#: Kind of movement -> the effects of its source that it stands for. What is missing here is tied by the
#: movement's own id alone.
OF_SOURCE: dict[MovementKind, tuple[str, ...]] = {
    K.CHARGE: (PAYMENT_EFFECT,),
    K.CHARGE_PENDING: (PAYMENT_EFFECT,),
    K.REFUND: ("refund",),
    K.REFUND_FAILURE: ("refund_failed",),
    K.PAYOUT: (SENT,),
    K.PAYOUT_FAILURE: (SENT_BACK,),
}


@dataclass(frozen=True, slots=True)
class Tie:
    """A movement that our books do not show as it is; `here_minor` None where they know nothing of it."""

    movement: GatewayMovement
    here_minor: int | None


@dataclass(frozen=True, slots=True)
class Lone:
    """An entry on gateway clearing that no movement stands for."""

    reference: str
    kind: str
    currency: str
    minor: int
    effective_on: date
    object_id: str | None


@dataclass(frozen=True, slots=True)
class KindSum:
    """Movements of one kind and currency in a span, there and here."""

    currency: str
    kind: str
    number: int
    there_minor: int
    here_minor: int


def of_its_kind() -> ColumnElement[bool]:
    """The condition that an effect of a movement's source is the one that the movement stands for."""
    return or_(
        *(and_(M.kind == kind.value, ProviderEffect.kind.in_(kinds)) for kind, kinds in OF_SOURCE.items())
    )


def _cleared(on: ColumnElement[bool], currency: Any, what: Any) -> Any:
    """What the tied effects did to gateway clearing in a currency; a scalar beside each movement."""
    return (
        select(what)
        .select_from(ProviderEffect)
        .join(Posting, Posting.entry_id == ProviderEffect.entry_id)
        .where(
            on,
            Posting.ledger_code == LedgerCode.GATEWAY_CLEARING,
            Posting.currency == currency,
        )
        .correlate(M)
        .scalar_subquery()
    )


_OWN = ProviderEffect.provider_object_id == M.movement_id
_SOURCES = and_(ProviderEffect.provider_object_id == M.source_id, of_its_kind())
_SUM = func.sum(Posting.debit_minor - Posting.credit_minor)
_OTHER = aliased(GatewayMovement)


def _counterpart() -> ColumnElement[bool]:
    """The condition that `_OTHER` is the one movement of a failed debit, and the looked-at one the other."""
    paid = select(ProviderEffect.id).where(
        ProviderEffect.provider_object_id == M.source_id, ProviderEffect.kind == PAYMENT_EFFECT
    )
    return and_(
        _OTHER.gateway_account == M.gateway_account,
        _OTHER.source_id == M.source_id,
        _OTHER.currency == M.currency,
        _OTHER.amount_minor == -M.amount_minor,
        or_(
            and_(M.kind.in_(CHARGES), _OTHER.kind == K.CHARGE_FAILURE.value),
            and_(M.kind == K.CHARGE_FAILURE.value, _OTHER.kind.in_(CHARGES)),
        ),
        ~paid.correlate(M).exists(),
    )


def _taken_back(currency: Any) -> Any:
    """The whole amount of a movement of a failed debit, without its fee; NULL where it is none."""
    return (
        select(-_OTHER.amount_minor)
        .where(_counterpart(), _OTHER.currency == currency)
        .limit(1)
        .correlate(M)
        .scalar_subquery()
    )


def _beside(currency: Any) -> Any:
    """What the books hold for a movement in a currency, NULL for nothing."""
    own, source = _cleared(_OWN, currency, _SUM), _cleared(_SOURCES, currency, _SUM)
    nil = _taken_back(currency)
    return case(
        (source.is_not(None), func.coalesce(own, 0) + source),
        (nil.is_not(None), func.coalesce(own, 0) + nil),
        else_=own,
    )


def is_on_its_way() -> ColumnElement[bool]:
    """The condition that a movement is a debit of ours that was neither paid nor refused yet."""
    paid = exists().where(
        ProviderEffect.provider_object_id == M.source_id, ProviderEffect.kind == PAYMENT_EFFECT
    )
    back = exists().where(_counterpart())
    return and_(M.kind == K.CHARGE_PENDING.value, ~paid.correlate(M), ~back.correlate(M))


def within(gateway_account: str, start: datetime, end: datetime) -> ColumnElement[bool]:
    """The condition that a movement was made in a span."""
    return and_(M.gateway_account == gateway_account, M.made_at >= start, M.made_at < end)


def untied(session: Session, where: ColumnElement[bool], *, after: int = 0, limit: int = 500) -> list[Tie]:
    """Return movements whose net is not what our books hold for them, in the order of their ids.

    What is on its way is none of them.
    """
    here = _beside(M.currency).label("here")
    found = (
        select(M.id, M.net_minor, here)
        .where(where, M.id > after, ~is_on_its_way())
        .order_by(M.id)
        .subquery("beside")
    )
    query = (
        select(M, found.c.here)
        .join(found, found.c.id == M.id)
        .where(or_(found.c.here != M.net_minor, and_(found.c.here.is_(None), M.net_minor != 0)))
        .order_by(M.id)
        .limit(limit)
    )
    return [Tie(row[0], None if row.here is None else int(row.here)) for row in session.execute(query)]


def on_its_way(
    session: Session, where: ColumnElement[bool], *, after: int = 0, limit: int = 500
) -> list[Tie]:
    """Return debits of ours that the payers' banks have in hand, in the order of their ids."""
    rows = session.scalars(select(M).where(where, M.id > after, is_on_its_way()).order_by(M.id).limit(limit))
    return [Tie(row, None) for row in rows]


def unchanged(session: Session, where: ColumnElement[bool], *, after: int = 0, limit: int = 500) -> list[Tie]:
    """Return movements of another currency than their source whose source still stands in clearing.

    `here_minor` is what of it stands there, in the source's currency.
    """
    here = _beside(M.original_currency).label("here")
    found = select(M.id, here).where(where, M.id > after, M.original_minor.is_not(None)).subquery("beside")
    query = (
        select(M, found.c.here)
        .join(found, found.c.id == M.id)
        .where(found.c.here != 0)
        .order_by(M.id)
        .limit(limit)
    )
    return [Tie(row[0], int(row.here)) for row in session.execute(query)]


def posted_within(first: date, last: date, *, before: datetime) -> ColumnElement[bool]:
    """The condition that an entry counts on a day of a span, and was posted before a moment.

    What is newer than `before` may not show at the gateway yet.
    """
    return and_(
        LedgerEntry.posted_on >= first,
        LedgerEntry.effective_on >= first,
        LedgerEntry.effective_on <= last,
        LedgerEntry.posted_at < before,
    )


def _lone(gateway_account: str) -> list[ColumnElement[bool]]:
    """The conditions that an entry stands on gateway clearing and no movement stands for it."""
    # Scalars, so that each entry is looked up by itself: a join over all that was ever kept costs minutes
    # where the database has not counted the rows yet.
    tied = [
        select(M.id)
        .select_from(ProviderEffect)
        .join(M, and_(M.gateway_account == gateway_account, on))
        .where(ProviderEffect.entry_id == LedgerEntry.id)
        .limit(1)
        .correlate(LedgerEntry)
        .scalar_subquery()
        for on in (_OWN, _SOURCES)
    ]
    return [
        Creditor.gateway_account == gateway_account,
        Posting.ledger_code == LedgerCode.GATEWAY_CLEARING,
        *(one.is_(None) for one in tied),
    ]


def lone_entries(
    session: Session, gateway_account: str, where: ColumnElement[bool], *, after: int = 0, limit: int = 500
) -> list[tuple[int, Lone]]:
    """Return entries on gateway clearing that no movement stands for, with their ids."""
    object_id = (
        select(func.min(ProviderEffect.provider_object_id))
        .where(ProviderEffect.entry_id == LedgerEntry.id)
        .scalar_subquery()
    )
    query: Select[Any] = (
        select(LedgerEntry, _SUM.label("minor"), object_id.label("object_id"))
        .join(Creditor, Creditor.id == LedgerEntry.creditor_id)
        .join(Posting, Posting.entry_id == LedgerEntry.id)
        .where(*_lone(gateway_account), LedgerEntry.id > after, where)
        .group_by(LedgerEntry.id)
        .having(_SUM != 0)
        .order_by(LedgerEntry.id)
        .limit(limit)
    )
    return [
        (
            entry.id,
            Lone(entry.reference, entry.kind, entry.currency, int(minor), entry.effective_on, of_object),
        )
        for entry, minor, of_object in session.execute(query)
    ]


def lone_sums(session: Session, gateway_account: str, *, since: datetime) -> list[tuple[str, int, int, date]]:
    """Return what was posted since a moment and no movement stands for: currency, sum, number, first day."""
    rows = session.execute(
        select(Posting.currency, _SUM.label("minor"), func.count(), func.min(LedgerEntry.posted_on))
        .select_from(LedgerEntry)
        .join(Creditor, Creditor.id == LedgerEntry.creditor_id)
        .join(Posting, Posting.entry_id == LedgerEntry.id)
        .where(*_lone(gateway_account), LedgerEntry.posted_at >= since)
        .group_by(Posting.currency)
        .having(_SUM != 0)
    )
    return [(currency, int(minor), number, first_on) for currency, minor, number, first_on in rows]


def sums(session: Session, where: ColumnElement[bool]) -> list[KindSum]:
    """Return what moved by currency and kind, there and here, without what is on its way."""
    here = _beside(M.currency).label("here")
    kind = case((M.kind == K.CHARGE_PENDING.value, K.CHARGE.value), else_=M.kind).label("kind")
    found = select(M.currency, kind, M.net_minor, here).where(where, ~is_on_its_way()).subquery("beside")
    query = (
        select(
            found.c.currency, found.c.kind, func.count().label("number"),
            func.sum(found.c.net_minor).label("there"),
            func.coalesce(func.sum(found.c.here), 0).label("here"),
        )
        .group_by(found.c.currency, found.c.kind)
        .order_by(found.c.currency, found.c.kind)
    )  # fmt: skip
    return [KindSum(r.currency, r.kind, r.number, int(r.there), int(r.here)) for r in session.execute(query)]
