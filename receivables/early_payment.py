"""Early-payment discount: set on the invoice, earned by paying in time (domain.md, "Arrangements").

An invoice with a discount may be paid with the discount off up to its last day. Who pays at least
that sum by then, counted by value date, owes nothing more on it: what is left is posted as a discount.
Who pays less, or later, gets none. What is contested, on its way or arranged keeps the whole balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import OfferInvoice
from models.invoices import Invoice
from models.money import Money, total
from models.payments import Adjustment, Allocation, Payment
from models.states import InvoiceStatus
from receivables import invoices
from receivables.adjustments import adjust
from receivables.payments import attempts
from receivables.permissions import SYSTEM
from receivables.ports import InvoiceRow

#: Kind of the adjustment that closes what the discount leaves.
KIND = "early_payment_discount"


def discount_today(row: InvoiceRow, today: date) -> Money | None:
    """Return what may be left off an invoice when it is paid today; None where there is none.

    Args:
        today: account-local date; the last day itself is in time.
    """
    if row.discount is None or row.discount_to is None or today > row.discount_to:
        return None
    whole = bool(row.asked) and row.asked == row.balance
    return row.discount if whole and row.discount < row.balance else None


def asked_with_discount(row: InvoiceRow, today: date) -> Money:
    """Return what is asked for on an invoice when all of it is paid today.

    Args:
        today: account-local date.
    """
    return row.asked - (discount_today(row, today) or Money(0, row.currency))


def whole(rows: Sequence[InvoiceRow], today: date) -> Money:
    """Return what all of some documents of one currency cost when they are paid in full today."""
    return total([asked_with_discount(row, today) for row in rows], rows[0].currency)


def parts_asked(rows: Sequence[InvoiceRow], kind: str, amount: Money | None, today: date) -> dict[str, Money]:
    """Return what each document of a choice is asked for, by its ref.

    Whole documents are asked for with their discount. An amount is put on them as they are, unless it
    is what all of them cost with their discounts: then that was read on the page before.

    Args:
        kind: of the choice (quotes.Choice).
        amount: of a choice of an amount.
    """
    less = {row.ref: asked_with_discount(row, today) for row in rows}
    if kind != "amount" or (rows and amount == total(list(less.values()), rows[0].currency)):
        return less
    return {row.ref: row.asked for row in rows}


def close_early(session: Session, payment: Payment, *, now: datetime) -> list[Adjustment]:
    """Close what a payment has paid in time but for its discount; the accounts are locked.

    A follower of payments (consequences.py): a second call finds nothing left to close.
    """
    paid = session.scalars(
        select(Allocation.invoice_id)
        .where(Allocation.payment_id == payment.id)
        .distinct()
        .order_by(Allocation.invoice_id)
    ).all()
    closed = [
        close_if_earned(session, invoice_id, cause=f"payment:{payment.id}:{invoice_id}", now=now)
        for invoice_id in paid
    ]
    return [adjustment for adjustment in closed if adjustment is not None]


def close_if_earned(session: Session, invoice_id: int, *, cause: str, now: datetime) -> Adjustment | None:
    """Post the discount of one invoice if all but the discount was paid by its last day.

    Args:
        cause: names what was paid with, so that one payment closes an invoice once.
    """
    invoice = session.get_one(Invoice, invoice_id, with_for_update=True, populate_existing=True)
    if (
        invoice.status is not InvoiceStatus.OPEN
        or not invoice.early_discount_minor
        or invoice.early_discount_to_on is None
        or not 0 < invoice.balance_minor <= invoice.early_discount_minor
    ):
        return None
    last = session.scalar(select(func.max(Allocation.valued_on)).where(Allocation.invoice_id == invoice.id))
    if last is None or last > invoice.early_discount_to_on:
        return None
    if invoices.contested(session, [invoice.id]) or invoices.on_its_way(session, invoice.id):
        return None
    in_offer = select(OfferInvoice.offer_id).where(
        OfferInvoice.invoice_id == invoice.id, OfferInvoice.blocking
    )
    if session.scalar(in_offer.limit(1)):
        return None  # an accepted offer says what is paid on it
    left = Money(invoice.balance_minor, invoice.currency)
    attempts.supersede(session, SYSTEM, [invoice.id], reason=KIND, now=now)
    tax = _tax_part(session, invoice, left)
    return adjust(session, SYSTEM, invoice, KIND, left, now=now, key=f"early:{cause}", tax=tax)


def _tax_part(session: Session, invoice: Invoice, amount: Money) -> Money | None:
    """The output tax in a discount, pro rata, for a business whose invoice carries tax (decision 5)."""
    account = session.get_one(Account, invoice.account_id)
    if account.is_private or not invoice.tax_minor:
        return None
    share = Decimal(amount.minor) * invoice.tax_minor / invoice.total_minor
    return Money(int(share.to_integral_value(ROUND_HALF_UP)), amount.currency)
