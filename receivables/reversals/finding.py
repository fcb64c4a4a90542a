"""Which payment an object of the gateway is about: refunds, chargebacks and warnings bear no tag of ours."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from models.payments import Payment, PaymentAttempt
from models.store import Store
from receivables.errors import NotFound
from receivables.payments import settling
from receivables.ports import GatewayRefused, PaymentGateway


def payment_of(store: Store, gateway: PaymentGateway, charge_id: str | None, *, now: datetime) -> int | None:
    """Return the id of the payment that a charge became; learns of the payment first where it is ours.

    Speaks to the gateway between units of work.

    Returns:
        None for a charge of somebody else on the same gateway account (P-13), and for one that this account
        names and another account took (B20).
    Raises:
        NotFound: it is ours and not in the books yet: ask again later (P-12).
        GatewayUnreachable, GatewayRefused, OutcomeUnknown.
    """
    if charge_id is None:
        return None
    found = _booked(store, gateway, charge_id)
    if found is not None:
        return found
    try:
        ref = gateway.payment_of_charge(charge_id).attempt_ref
    except GatewayRefused as error:
        if error.code == "no_payment":
            return None
        raise
    with store.read() as session:
        known = select(PaymentAttempt.id).where(
            PaymentAttempt.ref == (ref or ""), PaymentAttempt.gateway_account == gateway.name
        )
        is_ours = session.scalar(known) is not None
    if ref is None or not is_ours:
        return None
    settling.learn(store, gateway, ref, now=now)
    found = _booked(store, gateway, charge_id)
    if found is None:
        raise NotFound("unknown_payment")
    return found


def _booked(store: Store, gateway: PaymentGateway, charge_id: str) -> int | None:
    query = (
        select(Payment.id)
        .join(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(Payment.provider_charge_id == charge_id, PaymentAttempt.gateway_account == gateway.name)
    )
    with store.read() as session:
        return session.scalar(query)
