"""What moved on Stripe's balance and what went to the bank, for reconciliation.

Source: docs.stripe.com/reports/balance-transaction-types, docs.stripe.com/payouts/reconciliation;
support.stripe.com/questions/changes-to-balance-transaction-behavior-for-debit-payment-methods; stripe.md
section 4; P-17, P-19, M-18.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateways.stripe.line import StripeAccount, reading
from gateways.stripe.objects import amount_of, id_of, moment
from models.money import Money, MoneyError, currency_row, round_to_minor
from receivables.ports import (
    GatewayRefused,
    MovementKind,
    PayoutState,
    RemoteMovement,
    RemotePayout,
    UnreadMovement,
)

_PAGE = 100
_KINDS = {
    "charge": MovementKind.CHARGE,
    "charge_failure": MovementKind.CHARGE_FAILURE,
    "refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILURE,
    "dispute": MovementKind.DISPUTE,
    "dispute_reversal": MovementKind.DISPUTE_REVERSAL,
    "payout": MovementKind.PAYOUT,
    "payout_reversal": MovementKind.PAYOUT_FAILURE,
    "fee": MovementKind.FEE,
    "network_cost": MovementKind.FEE,
    "other_adjustment": MovementKind.ADJUSTMENT,
}
#: Kinds whose source may have moved in parts.
_PARTS = (MovementKind.DISPUTE, MovementKind.DISPUTE_REVERSAL)
#: Stripe's `type` of what takes a failed debit back, whatever category it bears.
_FAILED = "payment_failure_refund"
_PAYOUT_STATES = {
    "paid": PayoutState.PAID,
    "pending": PayoutState.PENDING,
    "in_transit": PayoutState.IN_TRANSIT,
    "failed": PayoutState.FAILED,
    "canceled": PayoutState.CANCELLED,
}


class StripeBooks(StripeAccount):
    """The part of the gateway that tells what became of the money."""

    def movements_between(self, start: datetime, end: datetime) -> Iterator[RemoteMovement | UnreadMovement]:
        """Walk the balance transactions made in a span, newest first, a page at a time."""
        return self._movements({"created": span(start, end)}, None)

    def movements_of_payout(self, payout_id: str) -> Iterator[RemoteMovement | UnreadMovement]:
        """Walk the balance transactions of an automatic payout, its own included."""
        return self._movements({"payout": payout_id}, payout_id)

    def _movements(
        self, asked: dict[str, Any], payout_id: str | None
    ) -> Iterator[RemoteMovement | UnreadMovement]:
        room, after = self._client.v1.balance_transactions, dict[str, Any]()
        while True:
            with reading():
                page = room.list(asked | after | {"limit": _PAGE})  # type: ignore[arg-type]
                if any(found.exchange_rate is not None or found.type == _FAILED for found in page.data):
                    # Only the source says what it was in its own currency, and of which charge a failure
                    # is; it is long, so it is asked for where there was an exchange or a failure.
                    page = room.list(asked | after | {"limit": _PAGE, "expand": ["data.source"]})  # type: ignore[arg-type]
            for found in page.data:
                yield listed(found, payout_id)
            if not page.has_more or not page.data:
                return
            after = {"starting_after": page.data[-1].id}

    def payout_of(self, payout_id: str) -> RemotePayout:
        """Return the present truth about one payout."""
        with reading():
            return _payout(self._client.v1.payouts.retrieve(payout_id))

    def payouts_between(self, start: datetime, end: datetime) -> Iterator[RemotePayout]:
        """Walk the payouts made in a span, newest first, but for those of a currency that we do not know."""
        with reading():
            asked: Any = {"created": span(start, end), "limit": _PAGE}
            for found in self._client.v1.payouts.list(asked).auto_paging_iter():
                try:
                    read = _payout(found)
                except GatewayRefused:
                    continue  # its movement on the balance stands on the list of differences
                yield read


def span(start: datetime, end: datetime) -> dict[str, int]:
    """A span of Stripe's whole seconds, its end not in it."""
    return {"gte": int(start.timestamp()), "lt": int(end.timestamp())}


def listed(found: Any, payout_id: str | None = None) -> RemoteMovement | UnreadMovement:
    """Read one balance transaction of a list, in which one that is unreadable must not hide the others."""
    try:
        return movement(found, payout_id)
    except GatewayRefused:
        return UnreadMovement(
            movement_id=found.id,
            kind=_kind(found),
            said=f"{found.amount} {found.currency}",
            source_id=_source_id(found),
            created_at=moment(found.created),
        )


def movement(found: Any, payout_id: str | None = None) -> RemoteMovement:
    """Read one balance transaction, its source expanded or not.

    Raises:
        GatewayRefused: "amount_unreadable", where our money has no such currency or fraction.
    """
    source_id = _source_id(found)
    kind = _kind(found)
    if kind in (MovementKind.PAYOUT, MovementKind.PAYOUT_FAILURE):
        payout_id = payout_id or source_id
    rate = found.exchange_rate
    amount, fee = amount_of(found.amount, found.currency, found.id), _fee(found)
    original = _original(found)
    moved = RemoteMovement(
        movement_id=found.id,
        kind=kind,
        amount=amount,
        fee=fee,
        net=amount - fee,
        source_id=source_id,
        created_at=moment(found.created),
        available_on=moment(found.available_on).date(),
        payout_id=payout_id,
        exchange_rate=None if rate is None else Decimal(str(rate)),
        original=original,
    )
    # A dispute says what is contested in all, and one movement of it may be a part of that.
    return in_its_currency(moved, original) if original is not None and kind in _PARTS else moved


def in_its_currency(moved: RemoteMovement, contested: Money) -> RemoteMovement:
    """Say what an exchanged movement was in the charge's currency: all of it, or by its own rate a part."""
    if moved.exchange_rate is None:
        return moved
    minor = round_to_minor(moved.amount.decimal / moved.exchange_rate, contested.currency)
    # One minor unit on the balance may be several of the charge's: what is that near is the whole.
    unit = round_to_minor(Money(1, moved.amount.currency).decimal / moved.exchange_rate, contested.currency)
    whole = abs(contested.minor)
    if abs(abs(minor) - whole) <= unit:
        minor = whole if minor > 0 else -whole
    return replace(moved, original=Money(minor, contested.currency))


def _kind(found: Any) -> MovementKind:
    if found.type == _FAILED:
        return MovementKind.CHARGE_FAILURE
    return _KINDS.get(found.reporting_category, MovementKind.OTHER)


def _source_id(found: Any) -> str | None:
    """What moved it. A failed debit is taken back by the charge itself or by a refund of it: both are the
    charge's."""
    charge = getattr(found.source, "charge", None)
    if found.type == _FAILED and charge is not None:
        return id_of(charge)
    return id_of(found.source)


def _fee(found: Any) -> Money:
    """A fee may be in parts of a unit that the currency does not have (7,525 hundredths of a króna): the
    books hold the nearest, and the net is what is left of the amount."""
    code = found.currency.upper()
    try:
        units = Decimal(found.fee).scaleb(-currency_row(code).gateway_exponent)
        return Money(round_to_minor(units, code), code)
    except MoneyError as error:
        raise GatewayRefused("amount_unreadable", found.id) from error


def _original(found: Any) -> Money | None:
    source = found.source
    currency = getattr(source, "currency", None)
    if source is None or isinstance(source, str) or currency is None or currency == found.currency:
        return None
    try:
        amount = amount_of(source.amount, currency, found.id)
    except GatewayRefused:
        return None  # none of ours was ever in it; on the balance it is in a currency of ours
    return -amount if (found.amount < 0) != (amount.minor < 0) else amount


def _payout(found: Any) -> RemotePayout:
    return RemotePayout(
        payout_id=found.id,
        amount=amount_of(found.amount, found.currency, found.id),
        # A word we do not know is no money at the bank yet.
        status=_PAYOUT_STATES.get(found.status, PayoutState.PENDING),
        automatic=bool(found.automatic),
        arrives_on=moment(found.arrival_date).date(),
        created_at=moment(found.created),
        movement_id=id_of(found.balance_transaction),
        failure_movement_id=id_of(found.failure_balance_transaction),
        failure_code=found.failure_code,
        reconciled=found.reconciliation_status == "completed",
    )
