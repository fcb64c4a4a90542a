"""The document that asks for interest or a fixed sum: one line, with all that it was worked out from (M-14).

Source: domain.md, "Arrangements": each fee shows rate, days, base and legal basis to the debtor.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.costs import Charge, ChargeKind
from models.invoices import Invoice, InvoiceKind, InvoiceLine
from models.ledger import LedgerCode
from models.money import Money
from models.states import InvoiceStatus
from receivables import ledger
from receivables.costs import rates
from receivables.permissions import Actor

INCOME = {
    ChargeKind.INTEREST: LedgerCode.INTEREST_INCOME,
    ChargeKind.FIXED_SUM: LedgerCode.LATE_FEE_INCOME,
}


def write_fee(
    session: Session,
    actor: Actor,
    account: Account,
    late: Invoice,
    charge: Charge,
    *,
    today: date,
    now: datetime,
) -> Invoice:
    """Write the document that asks for a charge and post it: receivables against income.

    The caller asked for the permission and holds the lock of the account.

    Args:
        late: the invoice that the charge came from.
        today: account-local date; the day it is issued and due.
    Returns:
        An open document of kind fee, whose line keeps the charge's inputs.
    """
    amount = Money(charge.amount_minor, charge.currency)
    words = rates.wording(charge.kind.value, account.language)
    document = Invoice(
        ref=new_ref(),
        account_id=account.id,
        kind=InvoiceKind.FEE,
        number=_number(session, account, late),
        status=InvoiceStatus.OPEN,
        issued_on=today,
        due_on=today,
        currency=amount.currency,
        lines_net_minor=amount.minor,
        total_minor=amount.minor,
        balance_minor=0,
        description=words,
        refers_to_id=late.id,
        created_at=now,
    )
    session.add(document)
    session.flush()
    is_interest = charge.kind is ChargeKind.INTEREST
    session.add(
        InvoiceLine(
            invoice_id=document.id,
            position=1,
            code=None,
            description=words,
            quantity="1",
            unit_price=str(amount.decimal),
            net_minor=amount.minor,
            basis_minor=charge.base_minor if is_interest else None,
            basis_rate=charge.percent if is_interest else None,
            basis_days=charge.days if is_interest else None,
            basis_from_on=charge.from_on if is_interest else None,
            basis_to_on=charge.to_on if is_interest else None,
            legal_basis=charge.legal_basis,
        )
    )
    ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"charge:{charge.id}",
            kind=f"{charge.kind.value}_charged",
            currency=amount.currency,
            sides=[
                ledger.debit(LedgerCode.RECEIVABLES, amount, account_id=account.id, invoice_id=document.id),
                ledger.credit(INCOME[charge.kind], amount),
            ],
            effective_on=today,
            policy_version_id=charge.policy_version_id,
        ),
        now=now,
    )
    return document


def _number(session: Session, account: Account, late: Invoice) -> str:
    """The number of the late invoice with the next free suffix."""
    taken = set(
        session.scalars(
            select(Invoice.number).where(
                Invoice.account_id == account.id,
                Invoice.kind == InvoiceKind.FEE,
                Invoice.number.startswith(f"{late.number}-F", autoescape=True),
            )
        )
    )
    return next(name for n in range(1, len(taken) + 2) if (name := f"{late.number}-F{n}") not in taken)
