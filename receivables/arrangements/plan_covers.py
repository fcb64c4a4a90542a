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
    session: Session,
    account: Account,
    currency: str,
    refs: Sequence[str],
    *,
    today: date,
    replaces: Plan | None = None,
) -> tuple[list[Cover], Money]:
    """Return what of each invoice a plan would cover, and the sum.

    Args:
        replaces: a running plan that ends when this one is signed; what it still covers comes with it.
    Raises: Refused: none_chosen, invoice_not_open.
    """
    if not refs:
        raise Refused("none_chosen")
    freed = {agreed["ref"] for agreed in replaces.terms["invoices"]} if replaces is not None else set()
    rows = {
        row.ref: row
        for row in invoices.open_rows(session, account.id, today, currency=currency)
        if row.ref in refs and (may_be_covered(row) or (row.ref in freed and comes_free(row)))
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


def comes_free(row: InvoiceRow) -> bool:
    """Whether something of an invoice in a running plan is open once that plan ends; none is on its way."""
    return bool(row.open_part) and row.arranged == "plan" and not row.processing and not row.handed_over


def _of(row: InvoiceRow, invoice_id: int, credited: int) -> Cover:
    covered = row.open_part if row.arranged == "plan" else row.asked
    return Cover(
        invoice_id=invoice_id,
        ref=row.ref,
        number=row.number,
        covered=covered,
        outside_minor=row.balance.minor - covered.minor,
        credited_minor=credited,
    )


def replaced_by(session: Session, plan: Plan) -> Plan | None:
    """Return the running plan whose place a plan takes; None once it has ended, or where there is none."""
    older = session.get(Plan, plan.replaces_id) if plan.replaces_id is not None else None
    return older if older is not None and older.ended_at is None else None


def still_covers(session: Session, account: Account, plan: Plan, *, now: datetime) -> None:
    """Refuse a plan whose invoices stand otherwise than it says, or whose first day has passed.

    Raises: Refused: plan_changed, plan_days_passed.
    """
    today = business_date(now, account.zone)
    agreed = plan.terms["invoices"]
    try:
        refs = [i["ref"] for i in agreed]
        covers, _ = covers_of(
            session, account, plan.currency, refs, today=today, replaces=replaced_by(session, plan)
        )
    except Refused:
        raise Refused("plan_changed") from None
    if {c.ref: c.covered.minor for c in covers} != {i["ref"]: i["minor"] for i in agreed}:
        raise Refused("plan_changed")
    if date.fromisoformat(plan.terms["parts"][0]["on"]) < today:
        raise Refused("plan_days_passed")
