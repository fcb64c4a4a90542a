"""What left a payment twice, by a refund and by the payer's bank: taken once money of it is here again.

A taking that found nothing left of its payment stands open on the holding account. When the other way is
undone, a refund that fails later or a chargeback that is won, that money is not the debtor's a second time:
it is taken by a *late taking*, which moves no money, names the cause of the first and closes what stood open.
A late taking is named after the taking that it completes, and is given back before it. Source: P-20, P-21,
INV-7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from models.payments import Payment
from models.reversals import PaymentReversal
from receivables import outbox
from receivables.reversals.taking import lock_payment, take_late

#: Of takings: whether one moved no money, since what it took had left before.
MOVED_NOTHING: ColumnElement[bool] = PaymentReversal.source.contains(":late:", autoescape=True)


def _late(source: str) -> str:
    """How the names of the late takings begin that complete the taking of a source."""
    return f"{source}:late:"


def with_late(session: Session, source: str) -> Sequence[PaymentReversal]:
    """Return the taking of a fact and the late ones that complete it, the last one first."""
    return session.scalars(
        select(PaymentReversal)
        .where(
            PaymentReversal.undoes_id.is_(None),
            or_(
                PaymentReversal.source == source,
                PaymentReversal.source.startswith(_late(source), autoescape=True),
            ),
        )
        .order_by(PaymentReversal.id.desc())
    ).all()


def _taken_late(session: Session, taking: PaymentReversal) -> list[int]:
    return list(
        session.scalars(
            select(PaymentReversal.amount_minor).where(
                PaymentReversal.payment_id == taking.payment_id, PaymentReversal.undoes_id.is_(None),
                PaymentReversal.source.startswith(_late(taking.source), autoescape=True),
            )
        )
    )  # fmt: skip


def _given_back(session: Session, taking: PaymentReversal) -> tuple[int, int]:
    """Return what of a taking was given back, in all and of its beyond."""
    row = session.execute(
        select(
            func.coalesce(func.sum(PaymentReversal.amount_minor), 0).label("whole"),
            func.coalesce(func.sum(PaymentReversal.beyond_minor), 0).label("beyond"),
        ).where(PaymentReversal.undoes_id == taking.id)
    ).one()
    return int(row.whole), int(row.beyond)


def left_beyond(session: Session, taking: PaymentReversal) -> int:
    """Return what a taking found nothing left for and stands open still, minor units."""
    if not taking.beyond_minor:
        return 0
    return taking.beyond_minor - _given_back(session, taking)[1] - sum(_taken_late(session, taking))


def left_to_give_back(session: Session, taking: PaymentReversal) -> int:
    """Return what of a taking was neither given back nor taken late, minor units."""
    late = sum(_taken_late(session, taking)) if taking.beyond_minor else 0
    return taking.amount_minor - _given_back(session, taking)[0] - late


def close_if_even(session: Session, taking: PaymentReversal, *, now: datetime) -> None:
    """End the alert of a taking beyond its payment once nothing of that stands open."""
    if taking.beyond_minor and not left_beyond(session, taking):
        outbox.end_alert(session, "taken_beyond", f"reversal:{taking.id}", now=now)


def take_what_is_due(session: Session, payment: Payment, *, now: datetime) -> list[PaymentReversal]:
    """Take off a payment, as far as there is something on it again, what left it twice; it is locked.

    Returns: the late takings, the oldest cause first.
    """
    takings = session.scalars(
        select(PaymentReversal)
        .where(
            PaymentReversal.payment_id == payment.id, PaymentReversal.undoes_id.is_(None),
            PaymentReversal.beyond_minor > 0,
        )
        .order_by(PaymentReversal.id)
    ).all()  # fmt: skip
    made = []
    for taking in takings:
        open_minor = left_beyond(session, taking)
        if open_minor <= 0:
            continue
        source = f"{_late(taking.source)}{len(_taken_late(session, taking)) + 1}"
        row = take_late(session, payment, taking, open_minor, source=source, now=now)
        if row is not None:
            made.append(row)
            close_if_even(session, taking, now=now)
    return made


def take_credit_that_is_due(session: Session, account_id: int, currency: str, *, now: datetime) -> None:
    """Take credit that is free again for what left payments of the account twice; the account is locked."""
    takings = session.scalars(
        select(PaymentReversal).where(
            PaymentReversal.account_id == account_id, PaymentReversal.currency == currency,
            PaymentReversal.undoes_id.is_(None), PaymentReversal.beyond_minor > 0,
        )
    ).all()  # fmt: skip
    for payment_id in sorted({taking.payment_id for taking in takings if left_beyond(session, taking) > 0}):
        take_what_is_due(session, lock_payment(session, payment_id), now=now)
