"""What of each invoice a plan covers, and whether it still stands as the plan says.

Source: domain.md, "Arrangements"; decision 14.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Plan
from models.invoices import Invoice
from models.money import Money, total
from models.payments import Allocation
from receivables import invoices
from receivables.arrangements.plan_outlook import may_be_covered
from receivables.arrangements.plan_terms import Cover
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.ports import InvoiceRow


def covers_of(
    session: Session, account: Account, currency: str, refs: Sequence[str], *, today: date
) -> tuple[list[Cover], Money]:
    """Return what of each invoice a plan would cover, and the sum.

    Raises: Refused: none_chosen, invoice_not_open.
    """
    if not refs:
        raise Refused("none_chosen")
    rows = {
        row.ref: row
        for row in invoices.open_rows(session, account.id, today, currency=currency)
        if row.ref in refs and may_be_covered(row)
    }
    if missing := sorted(set(refs) - set(rows)):
        raise Refused("invoice_not_open", ref=missing[0])
    ids = {r.ref: r.id for r in session.execute(select(Invoice.ref, Invoice.id).where(Invoice.ref.in_(rows)))}
    credited = {
        r.invoice_id: int(r.minor)
        for r in session.execute(
            select(Allocation.invoice_id, func.sum(Allocation.amount_minor).label("minor"))
            .where(Allocation.invoice_id.in_(ids.values()), Allocation.credit_note_id.is_not(None))
            .group_by(Allocation.invoice_id)
        )
    }
    covers = [_of(row, ids[row.ref], credited.get(ids[row.ref], 0)) for row in rows.values()]
    return covers, total([cover.covered for cover in covers], currency)


def _of(row: InvoiceRow, invoice_id: int, credited: int) -> Cover:
    return Cover(
        invoice_id=invoice_id,
        ref=row.ref,
        number=row.number,
        covered=row.asked,
        outside_minor=row.balance.minor - row.asked.minor,
        credited_minor=credited,
    )


def still_covers(session: Session, account: Account, plan: Plan, *, now: datetime) -> None:
    """Refuse a plan whose invoices stand otherwise than it says, or whose first day has passed.

    Raises: Refused: plan_changed, plan_days_passed.
    """
    today = business_date(now, account.zone)
    agreed = plan.terms["invoices"]
    try:
        covers, _ = covers_of(session, account, plan.currency, [i["ref"] for i in agreed], today=today)
    except Refused:
        raise Refused("plan_changed") from None
    if {c.ref: c.covered.minor for c in covers} != {i["ref"]: i["minor"] for i in agreed}:
        raise Refused("plan_changed")
    if date.fromisoformat(plan.terms["parts"][0]["on"]) < today:
        raise Refused("plan_days_passed")
