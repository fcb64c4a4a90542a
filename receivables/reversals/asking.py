"""Ask a person what becomes of documents that are owed again because money was sent back on purpose."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.pauses import PauseReason
from models.payments import Allocation, Payment
from models.reversals import AllocationReversal, PaymentReversal
from models.work import TaskKind
from receivables import outbox, pauses
from receivables.calendar_days import add_business_days, business_date
from receivables.permissions import SYSTEM
from receivables.policy import current_policy


def ask_what_becomes(session: Session, payment: Payment, made: PaymentReversal, *, now: datetime) -> None:
    """Ask a person what becomes of what is owed again; it is not chased until he should have answered."""
    facts = {
        "payment": payment.number, "amount_minor": made.allocated_minor, "currency": made.currency,
        "cause": made.cause.value,
    }  # fmt: skip
    outbox.ask_person(
        session, TaskKind.PAYMENT_RETURNED, f"reversal:{made.id}", account_id=payment.account_id,
        facts=facts, now=now,
    )  # fmt: skip
    wait = current_policy(session, now).pauses.answer_business_days
    rows = session.execute(
        select(Invoice.id, Invoice.account_id)
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .where(AllocationReversal.reversal_id == made.id)
        .distinct()
        .order_by(Invoice.account_id, Invoice.id)
    )
    for r in rows.all():
        account = session.get_one(Account, r.account_id)
        until = add_business_days(business_date(now, account.zone), wait, account.country)
        pauses.pause(
            session, SYSTEM, account, PauseReason.AWAITING_OUR_ANSWER, key=f"reversal:{made.id}:{r.id}",
            to_on=until, invoice_id=r.id, now=now,
        )  # fmt: skip
