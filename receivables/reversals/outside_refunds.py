"""Refunds that were made at the gateway's own desk: booked by their id, whatever told us of them (P-20).

Each refund is one fact with its own amount; what the charge says was refunded in all is never read. A refund
that fails after all gives the money back to where it was. Ours are followed by card_refunds.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.ledger import LedgerCode
from models.money import Money
from models.payments import InboxEvent, Payment
from models.reversals import ReversalCause
from models.store import Store
from models.work import TaskKind
from receivables import ledger, outbox
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM
from receivables.ports import PaymentGateway, RefundState, RemoteRefund
from receivables.reversals import card_refunds, chargebacks, debtor_letters
from receivables.reversals.asking import ask_what_becomes
from receivables.reversals.beyond import left_to_give_back, with_late
from receivables.reversals.finding import payment_of
from receivables.reversals.restoring import give_back
from receivables.reversals.taking import cash_code, effect_of, lock_payment, remember, take_back

#: States in which the money does not reach the payer.
NOT_SENT = frozenset({RefundState.FAILED, RefundState.CANCELLED})


def follow_refund(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """Follow a notification about a refund, or about a charge that was refunded, to the truth.

    Raises: as payments.followers.Follower.
    """
    if row.type.startswith("charge.refunded"):
        remotes: Sequence[RemoteRefund] = gateway.refunds_of_charge(row.object_id)
    else:
        remotes = [gateway.refund_of(row.object_id)]
    for remote in remotes:
        learn(store, gateway, remote, now=now)


def learn(store: Store, gateway: PaymentGateway, remote: RemoteRefund, *, now: datetime) -> bool:
    """Bring the books in line with one refund as the gateway tells it; safe to call at any time.

    Speaks to the gateway between units of work, where the payment is not booked yet.

    Returns: False when it is not of a payment of ours.
    Raises: NotFound, GatewayUnreachable, GatewayRefused, OutcomeUnknown.
    """
    with store.read() as session:
        own = session.scalar(
            select(Refund.id).where(
                Refund.ref == (remote.refund_ref or ""), Refund.gateway_account == gateway.name
            )
        )
    if own is not None:
        store.run(lambda s: card_refunds.apply(s, own, remote, now=now))
        return True
    payment_id = payment_of(store, gateway, remote.charge_id, now=now)
    if payment_id is None:
        return False
    store.run(lambda s: apply(s, payment_id, remote, now=now))
    return True


def apply(session: Session, payment_id: int, remote: RemoteRefund, *, now: datetime) -> None:
    """Write a refund that is not ours into the books in one unit of work; idempotent and order-free."""
    payment = lock_payment(session, payment_id)
    booked = effect_of(session, remote.refund_id, "refund") is not None
    moved = remote.movement_id is not None or remote.status is RefundState.SUCCEEDED
    if remote.status in NOT_SENT:
        if effect_of(session, remote.refund_id, "refund_failed") is not None:
            return
        if booked:
            _failed(session, payment, remote, now=now)
        elif remote.movement_id is not None:
            _passed(session, payment, remote, now=now)
        return
    if moved and not booked:
        made = take_back(
            session, SYSTEM, payment, remote.amount, cause=ReversalCause.REFUND,
            source=f"refund:{remote.refund_id}", at=remote.created_at, now=now,
        )  # fmt: skip
        remember(session, remote.refund_id, "refund", payment, made.entry_id, now=now)
        debtor_letters.tell(session, payment, made, now=now)
        if made.allocated_minor:
            ask_what_becomes(session, payment, made, now=now)
    if remote.status is RefundState.REQUIRES_ACTION:
        outbox.raise_alert(
            session, "refund_needs_action", f"refund:{remote.refund_id}", account_id=payment.account_id,
            now=now, facts=_facts(payment, remote.amount),
        )  # fmt: skip


def _facts(payment: Payment, amount: Money) -> dict[str, object]:
    return {"payment": payment.number, "amount_minor": amount.minor, "currency": amount.currency}


def _failed(session: Session, payment: Payment, remote: RemoteRefund, *, now: datetime) -> None:
    """Give back what a refund took that never reached the payer, and ask for another way."""
    takings = with_late(session, f"refund:{remote.refund_id}")
    left = Money(sum(left_to_give_back(session, taking) for taking in takings), payment.currency)
    back = give_back(
        session, payment, takings, left, source=f"refund_failed:{remote.refund_id}", at=now, now=now
    )
    if back is None:
        return
    made = back.first
    remember(session, remote.refund_id, "refund_failed", payment, made.entry_id, now=now)
    chargebacks.follow_late(session, payment, back.late, now=now)
    outbox.ask_person(
        session, TaskKind.REFUND_FAILED, f"refund_failed:{remote.refund_id}", account_id=payment.account_id,
        facts={**_facts(payment, left), "why": remote.failure_reason or "unknown"}, now=now,
    )  # fmt: skip


def _passed(session: Session, payment: Payment, remote: RemoteRefund, *, now: datetime) -> None:
    """Book the two movements of a refund that had failed before we heard of it: nothing was taken back."""
    account = session.get_one(Account, payment.account_id)
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"refund_passed:{remote.refund_id}",
            kind="refund_passed",
            currency=remote.amount.currency,
            sides=[
                ledger.debit(LedgerCode.REFUNDS_PAYABLE, remote.amount),
                ledger.credit(cash_code(session, payment), remote.amount),
            ],
            effective_on=business_date(remote.created_at, account.zone),
        ),
        now=now,
    )
    remember(session, remote.refund_id, "refund", payment, entry.id, now=now)
    back = ledger.reverse(session, SYSTEM, entry, effective_on=business_date(now, account.zone), now=now)
    remember(session, remote.refund_id, "refund_failed", payment, back.id, now=now)
