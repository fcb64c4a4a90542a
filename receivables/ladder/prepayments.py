"""Prepayments that hang: orders that wait for their money, and until when the goods are kept for them.

A prepayment is a sale not closed yet, never a debt. Source: domain.md, the guides; issue D, part 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.states import InvoiceStatus
from receivables.calendar_days import business_date
from receivables.ladder.letters import kept_until
from receivables.own_accounts import of_theirs
from receivables.permissions import Actor, Permission, require


@dataclass(frozen=True, slots=True)
class Hung:
    """One order whose prepayment has not come.

    Attributes:
        left: what of it is still to come.
        kept_until: last day on which the goods are kept; None where the document has no due day.
        days_left: to that day; negative once it has passed.
    """

    account_id: int
    number: str
    description: str
    left: Money
    due_on: date | None
    kept_until: date | None
    days_left: int | None


def hung(
    session: Session, actor: Actor, account_ids: Sequence[int], *, now: datetime
) -> dict[int, list[Hung]]:
    """Return the open prepayments of accounts, whose last day is nearest first; one statement.

    A salesperson's are those of his accounts. Raises: NotAllowed.
    """
    require(actor, Permission.SALES_READ)
    rows = session.execute(
        select(Invoice, Account.zone)
        .join(Account, Account.id == Invoice.account_id)
        .where(
            Invoice.account_id.in_(account_ids),
            Invoice.kind == InvoiceKind.PREPAYMENT,
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.balance_minor > 0,
            of_theirs(actor, Invoice.account_id),
        )
        .order_by(Invoice.due_on, Invoice.id)
    )
    found: dict[int, list[Hung]] = {}
    for order, zone in rows:
        last = kept_until([order])
        found.setdefault(order.account_id, []).append(
            Hung(
                account_id=order.account_id,
                number=order.number,
                description=order.description,
                left=Money(order.balance_minor, order.currency),
                due_on=order.due_on,
                kept_until=last,
                days_left=(last - business_date(now, zone)).days if last is not None else None,
            )
        )
    return found
