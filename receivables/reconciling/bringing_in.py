"""Money that the gateway has and our books do not: brought in by the doors that everything else uses.

A charge of ours is settled as if its notification had come; what is not ours, or names an attempt that we
do not have, stays on the list. Source: P-15, P-17; requirements 0.5, 0.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payments import Payment, PaymentAttempt
from models.reconciliation import GatewayMovement
from models.store import Store
from receivables import outbox
from receivables.errors import NotFound
from receivables.payments import settling
from receivables.ports import GatewayRefused, MovementKind, OutcomeUnknown, PaymentGateway
from receivables.reconciling import ties
from receivables.reversals import chargebacks, outside_refunds


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
    remote = gateway.payment_of_charge(charge_id)
    with store.read() as session:
        attempt = session.scalar(
            select(PaymentAttempt).where(
                PaymentAttempt.ref == (remote.attempt_ref or ""),
                PaymentAttempt.gateway_account == gateway.name,
            )
        )
    if attempt is None or _payment_of(store, charge_id) is not None:
        return False
    settling.learn(store, gateway, attempt.ref, now=now)
    payment = _payment_of(store, charge_id)
    if payment is None:
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
    MovementKind.REFUND: _refund,
    MovementKind.REFUND_FAILURE: _refund,
    MovementKind.DISPUTE: _dispute,
    MovementKind.DISPUTE_REVERSAL: _dispute,
}
