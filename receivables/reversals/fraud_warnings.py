"""Early warnings of fraud, and payments that the gateway wants a person to look at: no money moves (P-21).

A person sees whether a refund now avoids a chargeback. Source: stripe.md section 4.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payments import InboxEvent, Payment
from models.store import Store
from models.work import Task, TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.permissions import SYSTEM
from receivables.ports import PaymentGateway, RemoteReview, RemoteWarning
from receivables.reversals.card_refunds import is_contested
from receivables.reversals.finding import payment_of
from receivables.reversals.taking import lock_payment


def follow_warning(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """Follow a notification about an early warning to the truth; not ours, nothing follows.

    Raises: as payments.followers.Follower.
    """
    remote = gateway.warning_of(row.object_id)
    payment_id = payment_of(store, gateway, remote.charge_id, now=now)
    if payment_id is not None:
        store.run(lambda s: warn(s, payment_id, remote, now=now))


def warn(session: Session, payment_id: int, remote: RemoteWarning, *, now: datetime) -> Payment:
    """Ask a person once to look at a payment that the card network suspects; a contested one is past that."""
    payment = lock_payment(session, payment_id)
    if not remote.actionable or is_contested(session, payment):
        return payment
    key = f"fraud_warning:{remote.warning_id}"
    told = {"warning": remote.warning_id}
    return _ask(session, payment, key, remote.kind, told, "payment.suspected", now=now)


def follow_review(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """Follow a notification about a review to the truth; not ours, nothing follows.

    Raises: as payments.followers.Follower.
    """
    remote = gateway.review_of(row.object_id)
    payment_id = payment_of(store, gateway, remote.charge_id, now=now)
    if payment_id is not None:
        store.run(lambda s: review(s, payment_id, remote, now=now))


def review(session: Session, payment_id: int, remote: RemoteReview, *, now: datetime) -> Payment:
    """Ask a person once to look at a payment while the gateway has a review of it open, and no longer."""
    payment = lock_payment(session, payment_id)
    key = f"review:{remote.review_id}"
    if not remote.is_open:
        for waiting in session.scalars(select(Task).where(Task.key == key, Task.done_at.is_(None))):
            waiting.done_at = now
        return payment
    told = {"review": remote.review_id}
    return _ask(session, payment, key, remote.kind, told, "payment.to_review", now=now)


def _ask(
    session: Session,
    payment: Payment,
    key: str,
    why: str,
    told: dict[str, str],
    noted: str,
    *,
    now: datetime,
) -> Payment:
    """Ask a person about a payment, and write down once that it is suspected; `told` names who says so."""
    facts = {
        "payment": payment.number, "amount_minor": payment.amount_minor, "currency": payment.currency,
        "why": why,
    }  # fmt: skip
    task = outbox.ask_person(
        session, TaskKind.FRAUD_WARNING, key, account_id=payment.account_id, facts=facts, now=now
    )
    if task.created_at == now:
        record(
            session, SYSTEM, "payment.suspected", payment, account_id=payment.account_id, now=now,
            facts={**facts, **told},
        )  # fmt: skip
        outbox.note(session, payment.account_id, noted, now=now, facts=facts)
    return payment
