"""Money that the gateway has and our books do not: brought in by the doors that everything else uses.

A charge of ours is settled as if its notification had come, and a debit that the payer's bank has in hand is
marked as on its way; what is not ours, or names an attempt that we do not have, stays on the list.
Source: P-15, P-17, P-19; requirements 0.5, 0.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payments import Payment, PaymentAttempt
from models.reconciliation import GatewayMovement
from models.states import AttemptStatus
from models.store import Store
from receivables import outbox
from receivables.errors import NotFound
from receivables.payments import settling
from receivables.ports import GatewayRefused, MovementKind, OutcomeUnknown, PaymentGateway
from receivables.reconciling import ties
from receivables.reversals import chargebacks, outside_refunds

#: How an attempt stands of which the gateway lists a charge without its money: what the bank has in hand, and
#: what it refused a moment ago, so that the movement back is not listed yet.
_ON_ITS_WAY = (AttemptStatus.PROCESSING, AttemptStatus.FAILED, AttemptStatus.CANCELLED)


def bring_in(store: Store, gateway: PaymentGateway, movement: GatewayMovement, *, now: datetime) -> bool:
    """Bring in what a movement of the gateway stands for, where a door of ours takes it.

    Speaks to the gateway between units of work; a repeated call finds the work done.

    Returns:
        Whether money came into the books by this call.
    Raises:
        GatewayUnreachable: nothing was learned; ask again later.
    """
    door = DOORS.get(MovementKind(movement.kind))
    if door is None or movement.source_id is None:
        return False
    try:
        return door(store, gateway, movement, now)
    except (GatewayRefused, NotFound, OutcomeUnknown):
        return False  # it stays on the list, where a person sees it


def _charge(store: Store, gateway: PaymentGateway, movement: GatewayMovement, now: datetime) -> bool:
    charge_id = movement.source_id or ""
    attempt = _attempt_of(store, gateway, charge_id)
    if attempt is None or _payment_of(store, charge_id) is not None:
        return False
    settling.learn(store, gateway, attempt.ref, now=now)
    payment = _payment_of(store, charge_id)
    if payment is None:
        store.run(lambda session: _mark(session, movement, attempt.id))
        return False

    def tell(session: Session) -> None:
        outbox.raise_alert(
            session, "money_found", f"attempt:{attempt.id}", account_id=attempt.account_id, now=now,
            facts={
                "payment": payment.number, "amount_minor": payment.amount_minor, "currency": payment.currency,
                "taken": movement.made_at.isoformat(timespec="minutes"),
            },
        )  # fmt: skip

    store.run(tell)
    return True


def _failure(store: Store, gateway: PaymentGateway, movement: GatewayMovement, now: datetime) -> bool:
    """Learn that a debit of ours failed; what it cost is posted with the other fees. No money came in."""
    charge_id = movement.source_id or ""
    attempt = _attempt_of(store, gateway, charge_id)
    if attempt is None:
        return False
    settling.learn(store, gateway, attempt.ref, now=now)
    if _payment_of(store, charge_id) is None:
        store.run(lambda session: _mark(session, movement, attempt.id))
    return False


def _attempt_of(store: Store, gateway: PaymentGateway, charge_id: str) -> PaymentAttempt | None:
    ref = gateway.payment_of_charge(charge_id).attempt_ref or ""
    with store.read() as session:
        return session.scalar(
            select(PaymentAttempt).where(
                PaymentAttempt.ref == ref, PaymentAttempt.gateway_account == gateway.name
            )
        )


def _mark(session: Session, movement: GatewayMovement, attempt_id: int) -> None:
    """Say of a charge of ours without its money whether it is on its way: in, or out again."""
    status = session.get_one(PaymentAttempt, attempt_id).status
    is_debit = movement.kind == MovementKind.CHARGE_FAILURE or status in _ON_ITS_WAY
    m = GatewayMovement
    for row in session.scalars(
        select(m).where(
            m.gateway_account == movement.gateway_account, m.source_id == movement.source_id,
            m.kind.in_(ties.CHARGES),
        )
    ):  # fmt: skip
        row.kind = (MovementKind.CHARGE_PENDING if is_debit else MovementKind.CHARGE).value


def _payment_of(store: Store, charge_id: str) -> Payment | None:
    with store.read() as session:
        return session.scalar(select(Payment).where(Payment.provider_charge_id == charge_id))


def _refund(store: Store, gateway: PaymentGateway, movement: GatewayMovement, now: datetime) -> bool:
    remote = gateway.refund_of(movement.source_id or "")
    if not outside_refunds.learn(store, gateway, remote, now=now):
        return False
    return _told(store, movement, f"refund:{remote.refund_id}", now=now)


def _dispute(store: Store, gateway: PaymentGateway, movement: GatewayMovement, now: datetime) -> bool:
    dispute_id = movement.source_id or ""
    if chargebacks.learn(store, gateway, dispute_id, now=now) is None:
        return False
    return _told(store, movement, f"dispute:{dispute_id}", now=now)


def _told(store: Store, movement: GatewayMovement, key: str, *, now: datetime) -> bool:
    """Raise an alert for what came in late, where it did; who learned nothing new says nothing."""

    def unit(session: Session) -> bool:
        this = GatewayMovement.id == movement.id
        if any(tie.here_minor is None for tie in ties.untied(session, this, limit=1)):
            return False
        facts = {
            "object": movement.source_id, "amount_minor": abs(movement.amount_minor),
            "currency": movement.currency, "taken": movement.made_at.isoformat(timespec="minutes"),
        }  # fmt: skip
        if movement.kind in (MovementKind.REFUND, MovementKind.REFUND_FAILURE):
            outbox.raise_alert(session, "refund_found", key, now=now, facts=facts)
        else:
            outbox.raise_alert(session, "chargeback_found", key, now=now, facts=facts)
        return True

    return store.run(unit)


#: Kind of movement -> the door that what it stands for comes in by.
DOORS: Mapping[MovementKind, Callable[[Store, PaymentGateway, GatewayMovement, datetime], bool]] = {
    MovementKind.CHARGE: _charge,
    MovementKind.CHARGE_PENDING: _charge,
    MovementKind.CHARGE_FAILURE: _failure,
    MovementKind.REFUND: _refund,
    MovementKind.REFUND_FAILURE: _refund,
    MovementKind.DISPUTE: _dispute,
    MovementKind.DISPUTE_REVERSAL: _dispute,
}
