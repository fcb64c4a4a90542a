"""What money is on its way and since when; each sum there is a listed item, and old ones are alarms.

Gateway clearing is what the gateway has not paid out yet, bank in transit what has not arrived, refunds
payable what was approved and not sent. What left a payment beyond all that was on it stands on refunds
payable or on chargebacks held, by its cause. What the balances hold beyond the items is a difference: of the
first two it is listed by itself, or nothing explains it, which is an alarm of its own. Source: M-18.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.creditors import Creditor
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.payments import ProviderEffect
from models.reconciliation import GatewayMovement, Payout, ReconciliationFinding
from models.reversals import PaymentReversal
from models.states import FindingStatus, PayoutStatus, RefundStatus
from receivables import payouts
from receivables.calendar_days import add_business_days, business_date
from receivables.payouts import SENT, SENT_BACK
from receivables.policy import current_policy
from receivables.ports import MovementKind
from receivables.reconciling import ties
from receivables.reversals.beyond import left_beyond
from receivables.reversals.taking import HOLDING

#: Accounts of the chart through which money passes on its way; in this order.
PASSED = (
    LedgerCode.GATEWAY_CLEARING,
    LedgerCode.BANK_IN_TRANSIT,
    LedgerCode.CHARGEBACKS_HELD,
    LedgerCode.REFUNDS_PAYABLE,
    LedgerCode.EXCHANGE,
)
_ON_THE_WAY = (PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT, PayoutStatus.PAID)


class Waiting(StrEnum):
    """What an item consists of."""

    AT_BANKS = "at_banks"  # debits that the payers' banks have in hand: on no balance of ours yet
    MOVEMENTS = "movements"  # the gateway has not paid them out
    UNSEEN = "unseen"  # booked, and the gateway's list has not been read since
    PAYOUTS = "payouts"  # not at the bank yet
    REFUNDS = "refunds"  # approved and not sent
    LEFT_TWICE = "left_twice"  # refunded and charged back: more than was on the payment


@dataclass(frozen=True, slots=True)
class Item:
    """Money that waits at one place, counted from a day that may be to come (when it can be paid out, when it
    arrives); `late` where that is longer than policy allows."""

    code: str
    currency: str
    minor: int
    since_on: date
    number: int
    what: Waiting
    late: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """One clearing account in one currency: its balance, and what of it is listed as waiting."""

    code: str
    currency: str
    balance_minor: int
    items: Sequence[Item]

    @property
    def waiting_minor(self) -> int:
        """What of the balance is listed item by item."""
        return sum(item.minor for item in self.items if item.what is not Waiting.AT_BANKS)

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


def unexplained(session: Session, gateway_account: str, *, now: datetime) -> list[tuple[str, str, int]]:
    """Return what gateway clearing and bank in transit hold beyond items and findings: place, currency, sum.

    It is older than what was compared, or was posted by hand.
    """
    f = ReconciliationFinding
    listed = session.execute(
        select(
            f.currency,
            func.sum(func.coalesce(f.here_minor, 0) - func.coalesce(f.there_minor, 0)).label("minor"),
        )
        .where(f.gateway_account == gateway_account, f.status != FindingStatus.GONE)
        .group_by(f.currency)
    )
    named = {(LedgerCode.GATEWAY_CLEARING.value, r.currency): int(r.minor) for r in listed}
    found = []
    for place in places(session, gateway_account, now=now):
        minor = place.rest_minor - named.get((place.code, place.currency), 0)
        if minor and place.code in (LedgerCode.GATEWAY_CLEARING, LedgerCode.BANK_IN_TRANSIT):
            found.append((place.code, place.currency, minor))
    return found


def late(session: Session, gateway_account: str, *, now: datetime) -> list[Item]:
    """Return the oldest late item of each kind, place and currency, with all that is late of it."""
    found: dict[tuple[str, str, Waiting], Item] = {}
    for item in _marked(session, gateway_account, now=now):
        if not item.late:
            continue
        key = (item.code, item.currency, item.what)
        first = found.get(key)
        found[key] = (
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
        *_at_banks(session, gateway_account),
        *_at_the_gateway(session, gateway_account),
        *_unseen(session, gateway_account, now - timedelta(hours=rules.wait_hours)),
        *_in_transit(session, gateway_account),
        *_to_send(session, gateway_account, creditor.zone),
        *_left_twice(session, gateway_account),
    ]
    return [mark(item) for item in waiting]


def _at_banks(session: Session, gateway_account: str) -> list[Item]:
    """Debits on their way: on the gateway's balance and not in the books, by the day they may be paid out."""
    m = GatewayMovement
    rows = session.execute(
        select(m.currency, m.available_on, func.count().label("number"), func.sum(m.net_minor).label("minor"))
        .where(m.gateway_account == gateway_account, ties.is_on_its_way())
        .group_by(m.currency, m.available_on)
        .order_by(m.currency, m.available_on)
    )
    code = LedgerCode.GATEWAY_CLEARING.value
    return [Item(code, r.currency, int(r.minor), r.available_on, r.number, Waiting.AT_BANKS) for r in rows]


def _at_the_gateway(session: Session, gateway_account: str) -> list[Item]:
    """What the gateway holds: movements that no payout has taken, by the day they may be paid out.

    A payout whose movements are not listed (made by hand, or of today) has taken the oldest of them.
    """
    m = GatewayMovement
    by_day = session.execute(
        select(m.currency, m.available_on, func.count().label("number"), func.sum(m.net_minor).label("minor"))
        .where(
            m.gateway_account == gateway_account,
            ~ties.is_on_its_way(),
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
                Item(
                    LedgerCode.GATEWAY_CLEARING.value, r.currency, minor - gone, r.available_on, r.number,
                    Waiting.MOVEMENTS,
                )
            )  # fmt: skip
    return items


def _unseen(session: Session, gateway_account: str, since: datetime) -> list[Item]:
    """What was booked since, and is on none of the lists before the gateway has had its time to show it."""
    return [
        Item(LedgerCode.GATEWAY_CLEARING.value, currency, minor, first_on, number, Waiting.UNSEEN)
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
        Item(
            LedgerCode.BANK_IN_TRANSIT.value, r.currency, int(r.minor), r.arrives_on, r.number,
            Waiting.PAYOUTS,
        )
        for r in rows
    ]  # fmt: skip


def _to_send(session: Session, gateway_account: str, zone: str) -> list[Item]:
    """What was approved to go back and has left neither the bank nor the gateway, by the day of approval."""
    rows = session.execute(
        select(Refund.currency, Refund.approved_at, Refund.amount_minor)
        .join(Account, Account.id == Refund.account_id)
        .join(Creditor, Creditor.id == Account.creditor_id)
        .where(
            Creditor.gateway_account == gateway_account,
            Refund.status.in_([RefundStatus.PAYABLE, RefundStatus.UNDER_WAY]),
            Refund.paid_entry_id.is_(None),
        )
    )
    # We owe it: on the other side of the chart than what is on its way to us.
    found = [(r.currency, business_date(r.approved_at, zone), -r.amount_minor) for r in rows]
    return _by_day(LedgerCode.REFUNDS_PAYABLE, Waiting.REFUNDS, found)


def _left_twice(session: Session, gateway_account: str) -> list[Item]:
    """What was taken back of payments beyond all that was on them, by the day that it left."""
    takings = session.scalars(
        select(PaymentReversal)
        .join(Account, Account.id == PaymentReversal.account_id)
        .join(Creditor, Creditor.id == Account.creditor_id)
        .where(
            Creditor.gateway_account == gateway_account, PaymentReversal.undoes_id.is_(None),
            PaymentReversal.beyond_minor > 0,
        )
    ).all()  # fmt: skip
    found: dict[LedgerCode, list[tuple[str, date, int]]] = defaultdict(list)
    for taking in takings:
        if minor := left_beyond(session, taking):
            found[HOLDING[taking.cause]].append((taking.currency, taking.effective_on, minor))
    return [item for code, rows in found.items() for item in _by_day(code, Waiting.LEFT_TWICE, rows)]


def _by_day(code: LedgerCode, what: Waiting, rows: Sequence[tuple[str, date, int]]) -> list[Item]:
    by_day: dict[tuple[str, date], list[int]] = defaultdict(list)
    for currency, on, minor in rows:
        by_day[currency, on].append(minor)
    return [
        Item(code.value, currency, sum(minors), on, len(minors), what)
        for (currency, on), minors in sorted(by_day.items())
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
