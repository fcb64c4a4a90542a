"""What is on its way to the bank and since when; each sum there is a listed item, and old ones are alarms.

Gateway clearing is what the gateway has not paid out yet, bank in transit what has not arrived. What their
balances hold beyond the items is a difference, which is listed by itself. Source: M-18.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.payments import ProviderEffect
from models.reconciliation import GatewayMovement, Payout
from models.states import PayoutStatus
from receivables import payouts
from receivables.calendar_days import add_business_days, business_date
from receivables.payouts import SENT, SENT_BACK
from receivables.policy import current_policy
from receivables.ports import MovementKind
from receivables.reconciling import ties

#: Accounts of the chart through which money passes on its way; in this order.
PASSED = (
    LedgerCode.GATEWAY_CLEARING,
    LedgerCode.BANK_IN_TRANSIT,
    LedgerCode.CHARGEBACKS_HELD,
    LedgerCode.REFUNDS_PAYABLE,
    LedgerCode.EXCHANGE,
)
_ON_THE_WAY = (PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT, PayoutStatus.PAID)


@dataclass(frozen=True, slots=True)
class Item:
    """Money that waits at one place since a day.

    `late` where that is longer than policy allows; `unseen` where it was booked and the gateway's list has
    not been read since.
    """

    code: str
    currency: str
    minor: int
    since_on: date
    number: int
    late: bool = False
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """One clearing account in one currency: its balance, and what of it is listed as waiting."""

    code: str
    currency: str
    balance_minor: int
    items: Sequence[Item]

    @property
    def waiting_minor(self) -> int:
        """What is listed item by item."""
        return sum(item.minor for item in self.items)

    @property
    def rest_minor(self) -> int:
        """What of the balance no item explains: it stands on one of the three lists."""
        return self.balance_minor - self.waiting_minor


def places(session: Session, gateway_account: str, *, now: datetime) -> list[Place]:
    """Return the clearing accounts of a gateway account with what waits in them, the oldest first."""
    items: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in _marked(session, gateway_account, now=now):
        items[item.code, item.currency].append(item)
    balances = _balances(session, gateway_account)
    keys = sorted(
        {*items, *balances}, key=lambda key: (key[1], [code.value for code in PASSED].index(key[0]))
    )
    return [
        Place(code, currency, balances.get((code, currency), 0), items[code, currency])
        for code, currency in keys
    ]


def late(session: Session, gateway_account: str, *, now: datetime) -> list[Item]:
    """Return the oldest late item of each place and currency, with all that is late in it."""
    found: dict[tuple[str, str], Item] = {}
    for item in _marked(session, gateway_account, now=now):
        if not item.late:
            continue
        first = found.get((item.code, item.currency))
        found[item.code, item.currency] = (
            item
            if first is None
            else replace(first, minor=first.minor + item.minor, number=first.number + item.number)
        )
    return list(found.values())


def _marked(session: Session, gateway_account: str, *, now: datetime) -> list[Item]:
    creditor = payouts.creditor_of(session, gateway_account)
    if creditor is None:
        return []
    rules = current_policy(session, now).reconciling
    today = business_date(now, creditor.zone)

    def mark(item: Item) -> Item:
        is_late = add_business_days(item.since_on, rules.clearing_days, creditor.country) < today
        return replace(item, late=is_late)

    waiting = [
        *_at_the_gateway(session, gateway_account),
        *_unseen(session, gateway_account, now - timedelta(hours=rules.wait_hours)),
        *_in_transit(session, gateway_account),
    ]
    return [mark(item) for item in waiting]


def _at_the_gateway(session: Session, gateway_account: str) -> list[Item]:
    """What the gateway holds: movements that no payout has taken, by the day they may be paid out.

    A payout whose movements are not listed (made by hand, or of today) has taken the oldest of them.
    """
    m = GatewayMovement
    by_day = session.execute(
        select(m.currency, m.available_on, func.count().label("number"), func.sum(m.net_minor).label("minor"))
        .where(
            m.gateway_account == gateway_account,
            or_(
                and_(m.payout_id.is_(None), m.kind != MovementKind.PAYOUT.value),
                # What came back waits for the next payout, which then lists it.
                and_(m.kind == MovementKind.PAYOUT_FAILURE.value, m.payout_id == m.source_id),
            ),
        )
        .group_by(m.currency, m.available_on)
        .order_by(m.currency, m.available_on)
    ).all()
    taken = _taken_unlisted(session, gateway_account)
    items = []
    for r in by_day:
        minor = int(r.minor)
        gone = min(max(taken.get(r.currency, 0), 0), max(minor, 0))
        taken[r.currency] = taken.get(r.currency, 0) - gone
        if minor - gone:
            items.append(
                Item(LedgerCode.GATEWAY_CLEARING.value, r.currency, minor - gone, r.available_on, r.number)
            )
    return items


def _unseen(session: Session, gateway_account: str, since: datetime) -> list[Item]:
    """What was booked since, and is on none of the lists before the gateway has had its time to show it."""
    return [
        Item(LedgerCode.GATEWAY_CLEARING.value, currency, minor, first_on, number, unseen=True)
        for currency, minor, number, first_on in ties.lone_sums(session, gateway_account, since=since)
    ]


def _taken_unlisted(session: Session, gateway_account: str) -> dict[str, int]:
    back = select(ProviderEffect.provider_object_id).where(ProviderEffect.kind == SENT_BACK)
    sent = select(ProviderEffect.provider_object_id).where(ProviderEffect.kind == SENT)
    rows = session.execute(
        select(Payout.currency, func.sum(Payout.amount_minor).label("minor"))
        .where(
            Payout.gateway_account == gateway_account,
            Payout.listed_minor.is_(None),
            Payout.payout_id.in_(sent),
            Payout.payout_id.not_in(back),
        )
        .group_by(Payout.currency)
    )
    return {r.currency: int(r.minor) for r in rows}


def _in_transit(session: Session, gateway_account: str) -> list[Item]:
    sent = select(ProviderEffect.provider_object_id).where(ProviderEffect.kind == SENT)
    rows = session.execute(
        select(
            Payout.currency, Payout.arrives_on, func.count().label("number"),
            func.sum(Payout.amount_minor).label("minor"),
        )
        .where(
            Payout.gateway_account == gateway_account,
            Payout.banked_at.is_(None),
            Payout.status.in_(_ON_THE_WAY),
            Payout.payout_id.in_(sent),
        )
        .group_by(Payout.currency, Payout.arrives_on)
        .order_by(Payout.currency, Payout.arrives_on)
    )  # fmt: skip
    return [
        Item(LedgerCode.BANK_IN_TRANSIT.value, r.currency, int(r.minor), r.arrives_on, r.number) for r in rows
    ]


def _balances(session: Session, gateway_account: str) -> dict[tuple[str, str], int]:
    rows = session.execute(
        select(
            Posting.ledger_code, Posting.currency,
            func.sum(Posting.debit_minor - Posting.credit_minor).label("minor"),
        )
        .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
        .join(Creditor, Creditor.id == LedgerEntry.creditor_id)
        .where(Posting.ledger_code.in_(PASSED), Creditor.gateway_account == gateway_account)
        .group_by(Posting.ledger_code, Posting.currency)
    )  # fmt: skip
    return {(r.ledger_code.value, r.currency): int(r.minor) for r in rows if r.minor}
