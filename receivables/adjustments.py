"""Reduce an invoice otherwise than by money or a credit note: one posted entry and one row for each.

A settlement discount once the agreed sum is in, tax that the debtor withheld, a discount for paying
early, a small difference, a bad debt. Source: M-17; decision 5; domain.md, "Money and ledger".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.base import new_ref
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money
from models.payments import Adjustment, Allocation, Payment
from models.states import InvoiceStatus
from receivables import ledger
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import SYSTEM, Actor

#: Kind of an adjustment -> the ledger account that it is debited to.
ACCOUNTS: Mapping[str, LedgerCode] = {
    "settlement_discount": LedgerCode.SETTLEMENT_DISCOUNTS,
    "early_payment_discount": LedgerCode.SETTLEMENT_DISCOUNTS,
    "small_difference": LedgerCode.SMALL_DIFFERENCES,
    "withholding_tax": LedgerCode.WITHHOLDING_TAX,
    "write_off": LedgerCode.BAD_DEBT,
}


def adjust(
    session: Session,
    actor: Actor,
    invoice: Invoice,
    kind: str,
    amount: Money,
    *,
    now: datetime,
    key: str | None = None,
    tax: Money | None = None,
) -> Adjustment:
    """Reduce one invoice: debit the account of the kind, credit receivables; what is nil closes.

    The caller asked for the permission that the kind needs, holds the lock of the account and voids
    what was offered for the invoice (`offers.void_changed`).

    Args:
        kind: one of ACCOUNTS.
        amount: > 0, at most what is open, in the invoice's currency.
        key: names the cause; the same key is the same adjustment. None for a cause of its own.
        tax: the part of the amount that is output tax, debited to tax on settlement discounts.
    Returns:
        The adjustment, posted.
    Raises:
        Refused: invoice_not_open, other_currency, amount_zero, amount_above_balance (facts: asked).
        KeyError: no such kind.
        ValueError: more tax than amount.
    """
    code = ACCOUNTS[kind]
    reference = f"adjustment:{key or new_ref()}"
    locked = session.scalars(
        select(Invoice)
        .where(Invoice.id == invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).one()
    known = session.scalar(
        select(Adjustment)
        .join(LedgerEntry, LedgerEntry.id == Adjustment.entry_id)
        .where(LedgerEntry.reference == reference)
    )
    if known is not None:
        return known
    if tax is not None and not 0 <= tax.minor <= amount.minor:
        raise ValueError(f"{tax} of tax in a reduction of {amount}")
    refuse_unless_fits(locked, amount)
    account = session.get_one(Account, locked.account_id)
    today = business_date(now, account.zone)
    part = tax if tax is not None else Money(0, amount.currency)
    sides = [ledger.debit(code, amount - part)] if amount != part else []
    sides += [ledger.debit(LedgerCode.SETTLEMENT_DISCOUNT_TAX, part)] if part else []
    entry = ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=reference,
            kind=kind,
            currency=amount.currency,
            sides=[
                *sides,
                ledger.credit(LedgerCode.RECEIVABLES, amount, account_id=account.id, invoice_id=locked.id),
            ],
            effective_on=today,
        ),
        now=now,
    )
    row = Adjustment(
        account_id=account.id,
        invoice_id=locked.id,
        kind=kind,
        amount_minor=amount.minor,
        currency=amount.currency,
        entry_id=entry.id,
        made_on=today,
    )
    session.add(row)
    session.flush()
    return row


def paid_by(session: Session, payment: Payment) -> list[int]:
    """Return the invoices that a payment was put on, by id: those that its followers may close."""
    rows = session.scalars(
        select(Allocation.invoice_id)
        .where(Allocation.payment_id == payment.id)
        .distinct()
        .order_by(Allocation.invoice_id)
    )
    return list(rows)


def undo_unpaid(session: Session, payment: Payment, kind: str, *, now: datetime) -> list[LedgerEntry]:
    """Undo the adjustments of a kind on documents that a reversed payment leaves unpaid; accounts are locked.

    A document that is still paid in full keeps its own. A second call finds nothing left to undo.

    Returns: the reversal entries, by invoice.
    """
    undone = aliased(LedgerEntry)
    given = session.execute(
        select(LedgerEntry, Account.zone)
        .join(Adjustment, Adjustment.entry_id == LedgerEntry.id)
        .join(Invoice, Invoice.id == Adjustment.invoice_id)
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Adjustment.kind == kind,
            Invoice.id.in_(select(Allocation.invoice_id).where(Allocation.payment_id == payment.id)),
            Invoice.balance_minor > 0,
            ~exists().where(undone.reverses_id == LedgerEntry.id),
        )
        .order_by(Invoice.id, LedgerEntry.id)
    ).all()
    return [
        ledger.reverse(session, SYSTEM, entry, effective_on=business_date(now, zone), now=now)
        for entry, zone in given
    ]


def refuse_unless_fits(invoice: Invoice, amount: Money) -> None:
    """Refuse a reduction that an invoice cannot take.

    Raises: Refused: invoice_not_open, other_currency, amount_zero, amount_above_balance (facts: asked).
    """
    if invoice.status is not InvoiceStatus.OPEN or invoice.kind not in OWED_KINDS:
        raise Refused("invoice_not_open", number=invoice.number)
    if amount.currency != invoice.currency:
        raise Refused("other_currency", currency=invoice.currency)
    if amount.minor <= 0:
        raise Refused("amount_zero")
    if amount.minor > invoice.balance_minor:
        raise Refused("amount_above_balance", asked=Money(invoice.balance_minor, invoice.currency))
