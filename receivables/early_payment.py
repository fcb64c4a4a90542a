"""Early-payment discount: set on the invoice, earned by paying in time (domain.md, "Arrangements").

An invoice with a discount may be paid with the discount off up to its last day. Who pays at least
that sum by then, counted by value date, owes nothing more on it: what is left is posted as a discount.
Who pays less, or later, gets none. What is contested, on its way or arranged keeps the whole balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import OfferInvoice
from models.invoices import Invoice
from models.ledger import LedgerEntry
from models.money import Money, total
from models.payments import Adjustment, Allocation, Payment, PaymentAttempt
from models.states import InvoiceStatus
from models.work import TaskKind
from receivables import invoices, outbox
from receivables.adjustments import adjust, paid_by, undo_unpaid
from receivables.allocations import KEPT_MINOR
from receivables.arrangements.offer_ends import tax_parts
from receivables.arrangements.offer_terms import split_tax
from receivables.calendar_days import business_date
from receivables.payments import attempts
from receivables.permissions import SYSTEM
from receivables.policy import current_policy
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
    closed = [
        close_if_earned(session, invoice_id, cause=f"payment:{payment.id}:{invoice_id}", now=now)
        for invoice_id in paid_by(session, payment)
    ]
    return [adjustment for adjustment in closed if adjustment is not None]


def reopen_early(session: Session, payment: Payment, *, now: datetime) -> list[LedgerEntry]:
    """Take back the discounts of documents that a reversed payment leaves unpaid; the accounts are locked.

    A follower of reversals (consequences.py): a second call finds nothing left to take back. One that is
    still paid in full keeps its discount.
    """
    return undo_unpaid(session, payment, KIND, now=now)


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
    last = _last_paid_on(session, invoice)
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
    parts = split_tax(left.minor, tax_parts(session, invoice))
    tax = Money(sum(part.tax_minor for part in parts), left.currency)
    rule = _tax_rule(session, invoice, now=now)
    closed = adjust(
        session, SYSTEM, invoice, KIND, left, now=now, key=f"early:{cause}",
        tax=tax if rule == "credit_note" else None,
    )  # fmt: skip
    if rule == "ask":
        outbox.ask_person(
            session, TaskKind.DISCOUNT_TAX, f"discount_tax:{closed.id}", account_id=invoice.account_id,
            facts={"what": invoice.number, "amount_minor": tax.minor, "currency": tax.currency}, now=now,
        )  # fmt: skip
    return closed


def _tax_rule(session: Session, invoice: Invoice, *, now: datetime) -> str:
    """What the policy says of the tax in a discount: for businesses whose invoices carry tax (decision 5)."""
    account = session.get_one(Account, invoice.account_id)
    if account.is_private or not invoice.tax_minor:
        return "none"
    return current_policy(session, now).discount_tax.of(account.country)


def _last_paid_on(session: Session, invoice: Invoice) -> date | None:
    """The last day on which any of it was paid: when a payment was initiated or valued (domain.md)."""
    zone = session.get_one(Account, invoice.account_id).zone
    rows = session.execute(
        select(Allocation.valued_on, PaymentAttempt.started_at)
        .outerjoin(Payment, Payment.id == Allocation.payment_id)
        .outerjoin(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(Allocation.invoice_id == invoice.id, KEPT_MINOR > 0)
    )
    days = [
        min(r.valued_on, business_date(r.started_at, zone)) if r.started_at else r.valued_on for r in rows
    ]
    return max(days, default=None)
