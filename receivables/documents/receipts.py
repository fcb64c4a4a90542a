"""The payment confirmation: what came, when, how, and where it went."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.invoices import Invoice
from models.money import Money, total
from models.payments import Allocation, Payment
from receivables.documents.data import ReceiptPaper
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require


def receipt_paper(session: Session, actor: Actor, ref: str) -> ReceiptPaper:
    """Return the confirmation of one payment.

    Args:
        ref: the payment's random name.
    Raises:
        NotAllowed: the actor may not read documents.
        NotFound: no such payment, or another account's (L-15).
    """
    payment = session.execute(
        select(
            Payment.id, Payment.account_id, Payment.number, Payment.amount_minor, Payment.currency,
            Payment.valued_on, Payment.received_at, Payment.method, Payment.method_detail, Payment.entry_id,
        ).where(Payment.ref == ref)
    ).first()  # fmt: skip
    if payment is None:
        raise NotFound("not_found")
    require(actor, Permission.DOCUMENT_READ, account_id=payment.account_id)
    rows = session.execute(
        select(Invoice.number, Allocation.amount_minor)
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        # What it paid when it came; its rest may have gone elsewhere since.
        .where(Allocation.payment_id == payment.id, Allocation.entry_id == payment.entry_id)
        .order_by(Invoice.due_on.is_(None), Invoice.due_on, Invoice.id, Allocation.id)
    )
    shares = [(r.number, Money(r.amount_minor, payment.currency)) for r in rows]
    amount = Money(payment.amount_minor, payment.currency)
    return ReceiptPaper(
        ref=ref,
        number=payment.number,
        amount=amount,
        valued_on=payment.valued_on,
        received_at=payment.received_at,
        method=payment.method.value,
        method_detail=payment.method_detail,
        shares=shares,
        rest=amount - total([share for _, share in shares], payment.currency),
    )
