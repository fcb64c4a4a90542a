"""Record a credit note against an invoice: an internal adjustment until the books confirm it.

Source: decisions 3, 4, 14; P-05 (open pages are ended at the gateway before it is too late).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.invoices import OWED_KINDS, Invoice, InvoiceKind
from models.ledger import LedgerCode
from models.money import Money
from models.payments import Allocation, AllocationRule
from models.states import InvoiceStatus
from receivables import consequences, invoices, ledger, outbox
from receivables.arrangements import offers
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, Permission, require


def record_credit_note(
    session: Session,
    actor: Actor,
    invoice_ref: str,
    *,
    number: str,
    amount: Money,
    reason: str,
    permission: Permission = Permission.CREDIT_NOTE_RECORD,
    now: datetime,
) -> Invoice:
    """Credit part or all of an open invoice and free it from open payment pages.

    Args:
        invoice_ref: the invoice's random name.
        number: of the credit note, unique for the account; the same number with the same amount
            for the same invoice is the same note.
        amount: > 0, at most what is open and not on its way by a delayed method.
        reason: words for the books and the debtor.
        permission: what the actor needs; who decides a dispute credits what answers it.
    Returns:
        The credit note, fully applied (its balance is 0).
    Raises:
        NotAllowed: the actor may not record credit notes.
        NotFound: no such invoice.
        Refused: invoice_not_open, other_currency, amount_zero, amount_above_balance (facts:
            asked), number_taken, reason_missing.
    """
    require(actor, permission)
    account_id = session.execute(
        select(Invoice.account_id).where(Invoice.ref == invoice_ref, Invoice.kind.in_(OWED_KINDS))
    ).scalar_one_or_none()
    if account_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, account_id, with_for_update=True)
    invoice = session.scalars(
        select(Invoice)
        .where(Invoice.ref == invoice_ref)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).one()
    known = session.scalar(
        select(Invoice).where(
            Invoice.account_id == account_id,
            Invoice.kind == InvoiceKind.CREDIT_NOTE,
            Invoice.number == number,
        )
    )
    if known is not None:
        if known.refers_to_id == invoice.id and Money(known.total_minor, known.currency) == amount:
            return known
        raise Refused("number_taken", number=number)
    asked = max(invoice.balance_minor - invoices.on_its_way(session, invoice.id), 0)
    _refuse_unless_fits(invoice, number, amount, reason, Money(asked, invoice.currency))
    today = business_date(now, account.zone)
    note = Invoice(
        ref=new_ref(),
        account_id=account_id,
        kind=InvoiceKind.CREDIT_NOTE,
        number=number,
        status=InvoiceStatus.PAID,
        issued_on=today,
        due_on=None,
        currency=invoice.currency,
        lines_net_minor=amount.minor,
        total_minor=amount.minor,
        balance_minor=0,
        description=reason,
        refers_to_id=invoice.id,
        created_at=now,
    )
    session.add(note)
    session.flush()
    attempts.supersede(session, actor, [invoice.id], reason="credit_note", now=now)
    entry = ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"credit_note:{note.id}",
            kind="credit_note",
            currency=invoice.currency,
            sides=[
                ledger.debit(LedgerCode.CREDIT_NOTES, amount),
                ledger.credit(LedgerCode.RECEIVABLES, amount, account_id=account_id, invoice_id=invoice.id),
            ],
            effective_on=today,
        ),
        now=now,
    )
    offers.void_changed(session, actor, [invoice.id], why="credit_note", now=now)
    session.add(
        Allocation(
            credit_note_id=note.id,
            invoice_id=invoice.id,
            amount_minor=amount.minor,
            currency=invoice.currency,
            rule=AllocationRule.CREDIT_NOTE,
            valued_on=today,
            entry_id=entry.id,
        )
    )
    record(
        session,
        actor,
        "credit_note.recorded",
        note,
        account_id=account_id,
        now=now,
        reason=reason,
        facts={"invoice": invoice.id, "amount_minor": amount.minor, "currency": amount.currency},
    )
    outbox.note(
        session,
        account_id,
        "credit_note.recorded",
        staff_id=actor.id,
        now=now,
        facts={
            "number": number,
            "invoice": invoice.number,
            "amount_minor": amount.minor,
            "currency": amount.currency,
        },
    )
    consequences.follow_reduction(session, account_id, [invoice.id], now=now)
    return note


def _refuse_unless_fits(invoice: Invoice, number: str, amount: Money, reason: str, asked: Money) -> None:
    if invoice.status is not InvoiceStatus.OPEN:
        raise Refused("invoice_not_open", number=invoice.number)
    if amount.currency != invoice.currency:
        raise Refused("other_currency", currency=invoice.currency)
    if amount.minor <= 0:
        raise Refused("amount_zero")
    if amount > asked:
        raise Refused("amount_above_balance", asked=asked)
    if not number.strip() or not reason.strip():
        raise Refused("reason_missing")
