"""Each movement of the gateway beside what it did in our books, by SQL: who agrees never leaves the database.

A movement is tied to the effects that bear its own id, and to those of its source that are of its kind.
Tied right, they change gateway clearing by the movement's net. Source: P-17, INV-4, INV-5.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.payments import ProviderEffect
from models.reconciliation import GatewayMovement
from receivables.payments.receipts import PAYMENT_EFFECT
from receivables.payouts import SENT, SENT_BACK
from receivables.ports import MovementKind

M, K = GatewayMovement, MovementKind
#: Kind of movement -> the effects of its source that it stands for. What is missing here is tied by the
#: movement's own id alone.
OF_SOURCE: dict[MovementKind, tuple[str, ...]] = {
    K.CHARGE: (PAYMENT_EFFECT,),
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


def _beside(currency: Any) -> Any:
    """What the books hold for a movement in a currency, NULL for nothing."""
    own, source = _cleared(_OWN, currency, _SUM), _cleared(_SOURCES, currency, _SUM)
    return case(
        (own.is_(None), source),
        (source.is_(None), own),
        else_=func.coalesce(own, 0) + func.coalesce(source, 0),
    )


def within(gateway_account: str, start: datetime, end: datetime) -> ColumnElement[bool]:
    """The condition that a movement was made in a span."""
    return and_(M.gateway_account == gateway_account, M.made_at >= start, M.made_at < end)


def untied(session: Session, where: ColumnElement[bool], *, after: int = 0, limit: int = 500) -> list[Tie]:
    """Return movements whose net is not what our books hold for them, in the order of their ids."""
    here = _beside(M.currency).label("here")
    found = select(M.id, M.net_minor, here).where(where, M.id > after).order_by(M.id).subquery("beside")
    query = (
        select(M, found.c.here)
        .join(found, found.c.id == M.id)
        .where(or_(found.c.here != M.net_minor, and_(found.c.here.is_(None), M.net_minor != 0)))
        .order_by(M.id)
        .limit(limit)
    )
    return [Tie(row[0], None if row.here is None else int(row.here)) for row in session.execute(query)]


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
    """Return what moved by currency and kind, there and here."""
    here = _beside(M.currency).label("here")
    found = select(M.currency, M.kind, M.net_minor, here).where(where).subquery("beside")
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
