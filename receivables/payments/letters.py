"""What the messages about a payment say at the moment they leave."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.invoices import Invoice
from models.messages import Message
from models.money import Money, total
from models.payments import Allocation, Payment, PaymentAttempt
from models.states import AttemptStatus
from receivables import invoices
from receivables.calendar_days import business_date, days_late
from receivables.letter_kinds import LetterKind
from receivables.payments import delayed
from receivables.ports import InvoiceRow


def values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What came, which documents it paid, and what is still asked for."""
    payment = session.get_one(Payment, message.facts["payment_id"])
    found = session.execute(
        select(
            Invoice.ref,
            Invoice.number,
            Invoice.kind,
            Invoice.issued_on,
            Invoice.due_on,
            Invoice.total_minor,
            Invoice.description,
            Invoice.account_id,
            Allocation.amount_minor,
        )
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(Allocation.payment_id == payment.id)
        .order_by(Allocation.id)
    )
    rows = invoices.open_rows(session, account.id, today, currency=payment.currency)
    # A branch is told of its own documents only; the payment is its head office's (L-15).
    is_payer = payment.account_id == account.id
    shares = [s for s in found if is_payer or s.account_id == account.id]
    paid_minor = payment.amount_minor if is_payer else sum(s.amount_minor for s in shares)
    if session.get_one(Contact, message.contact_id).forwarded_by_id is not None:
        # A colleague is told of the document he paid and of no other (L-15).
        rows = [r for r in rows if r.ref in {s.ref for s in shares}]
    return {
        "paid_amount": Money(paid_minor, payment.currency),
        "paid_date": payment.valued_on,
        "balance": total([r.asked for r in rows], payment.currency),
        "confirmation": payment.number,
        "allocation_list": [
            InvoiceRow(
                ref=s.ref,
                number=s.number,
                kind=s.kind.value,
                issued_on=s.issued_on,
                due_on=s.due_on,
                total=Money(s.total_minor, payment.currency),
                balance=Money(s.amount_minor, payment.currency),
                days_late=days_late(s.due_on, today),
                description=s.description,
                processing=Money(0, payment.currency),
                currency=payment.currency,
            )
            for s in shares
        ],
    }


def failed_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What a bank did not pay after all, when it was begun, and the documents that are asked for again."""
    attempt = session.get_one(PaymentAttempt, message.facts["attempt_id"])
    return {
        "amount": Money(attempt.amount_minor, attempt.currency),
        "asked_date": business_date(attempt.started_at, account.zone),
        "invoice_list": _open_again(session, attempt, today),
    }


def still_failed(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the money has not come after all, and something that it was for is asked for."""
    attempt = session.get_one(PaymentAttempt, message.facts["attempt_id"])
    return attempt.status is AttemptStatus.FAILED and bool(_open_again(session, attempt, today))


def _open_again(session: Session, attempt: PaymentAttempt, today: date) -> list[InvoiceRow]:
    found = []
    for account, held in delayed.named_by(session, attempt):
        refs = {invoice.ref for invoice in held}
        rows = invoices.open_rows(session, account.id, today, currency=attempt.currency)
        found += [row for row in rows if row.ref in refs and row.open_part]
    return found


LETTERS = {
    "payment_confirmation": LetterKind(values),
    "debit_failed": LetterKind(failed_values, still_failed),
}
