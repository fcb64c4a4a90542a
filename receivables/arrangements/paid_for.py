"""For whom a payment counts: the account that paid, and every account whose invoices it went to.

A head office pays for its branches (branches.py), and what a branch has arranged follows that money.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select, union
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.payments import Allocation, Payment

_CONCERNED = union(
    select(Payment.account_id).where(Payment.id == bindparam("payment_id")),
    select(Invoice.account_id)
    .join(Allocation, Allocation.invoice_id == Invoice.id)
    .where(Allocation.payment_id == bindparam("payment_id")),
)


def accounts_of(session: Session, payment: Payment) -> Sequence[Account]:
    """Return the account that a payment belongs to and those of the invoices that it paid, by id."""
    ids = session.execute(_CONCERNED, {"payment_id": payment.id}).scalars()
    return [session.get_one(Account, account_id) for account_id in sorted(ids)]
