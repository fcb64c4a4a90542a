"""Small differences: what is left of an invoice and not worth, or not possible, asking for (decision 32).

A fraction of a payable step cannot be paid by card, so that it would stay open, and late, for ever. Once the
rest was paid it is posted to small differences and the invoice closes. Where the policy lets more go
(`payments.small_difference_minor`, minor units of any currency), so much is let go of an invoice that was
paid but for it. What is contested, on its way or in an accepted offer stays; what a plan covers stays too,
unless it is such a fraction: no part waits for that.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.arrangements import OfferInvoice, PlanInvoice
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerEntry
from models.money import Money, currency_row
from models.payments import Adjustment, Allocation, Payment
from models.states import InvoiceStatus
from receivables import invoices
from receivables.adjustments import adjust, paid_by, undo_unpaid
from receivables.allocations import KEPT_MINOR
from receivables.payments import attempts
from receivables.permissions import SYSTEM
from receivables.policy import current_policy

#: Kind of the adjustment that closes what is let go.
KIND = "small_difference"


def close_small(session: Session, payment: Payment, *, now: datetime) -> list[Adjustment]:
    """Let go what a payment leaves of its documents, where it is small; the accounts are locked.

    A follower of payments (consequences.py): a second call finds nothing left to let go.
    """
    closed = [
        close_if_small(session, invoice_id, cause=f"payment:{payment.id}:{invoice_id}", now=now)
        for invoice_id in paid_by(session, payment)
    ]
    return [adjustment for adjustment in closed if adjustment is not None]


def reopen_small(session: Session, payment: Payment, *, now: datetime) -> list[LedgerEntry]:
    """Ask again for what was let go of documents that a reversed payment leaves unpaid; accounts are locked.

    A follower of reversals (consequences.py): a second call finds nothing left to ask for again.
    """
    return undo_unpaid(session, payment, KIND, now=now)


def close_if_small(session: Session, invoice_id: int, *, cause: str, now: datetime) -> Adjustment | None:
    """Let go what is left of one invoice on which something was paid, if it is small.

    Args:
        cause: names what was paid with, so that one payment closes an invoice once.
    """
    invoice = session.get_one(Invoice, invoice_id, with_for_update=True, populate_existing=True)
    step = currency_row(invoice.currency).step
    most = max(step - 1, current_policy(session, now).small_difference_minor)
    if (
        invoice.status is not InvoiceStatus.OPEN
        or invoice.kind not in OWED_KINDS
        or not 0 < invoice.balance_minor <= most
    ):
        return None
    in_offer = exists().where(OfferInvoice.invoice_id == invoice.id, OfferInvoice.blocking)
    in_plan = exists().where(PlanInvoice.invoice_id == invoice.id, PlanInvoice.blocking)
    # Nobody lets go what nothing was paid of: a document may be that small as a whole.
    paid = exists().where(Allocation.invoice_id == invoice.id, KEPT_MINOR > 0)
    if not session.scalar(select(paid)) or session.scalar(select(in_offer)):
        return None
    if invoice.balance_minor >= step and session.scalar(select(in_plan)):
        return None
    if invoices.contested(session, [invoice.id]) or invoices.on_its_way(session, invoice.id):
        return None
    attempts.supersede(session, SYSTEM, [invoice.id], reason=KIND, now=now)
    left = Money(invoice.balance_minor, invoice.currency)
    return adjust(session, SYSTEM, invoice, KIND, left, now=now, key=f"small:{cause}")
