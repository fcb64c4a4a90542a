"""What is aimed to be collected in a month: set by a supervisor, with a reason, never overwritten."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.figures import CollectionTarget
from models.money import Money
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require


def set_target(
    session: Session,
    actor: Actor,
    creditor_ref: str,
    *,
    month_on: date,
    amount: Money,
    reason: str,
    now: datetime,
) -> CollectionTarget:
    """Set, or set anew, what is to be collected in one month and currency.

    Args:
        month_on: any day of the month.
        amount: > 0; its currency is the target's.
        reason: in words; kept with the person.
    Raises:
        NotAllowed, NotFound.
        Refused: target_zero.
    """
    require(actor, Permission.TARGET_SET)
    creditor = session.scalar(select(Creditor).where(Creditor.ref == creditor_ref))
    if creditor is None:
        raise NotFound("not_found")
    if amount.minor <= 0:
        raise Refused("target_zero")
    target = CollectionTarget(
        creditor_id=creditor.id, currency=amount.currency, month_on=month_on.replace(day=1),
        amount_minor=amount.minor, set_by_id=actor.id, reason=reason, set_at=now,
    )  # fmt: skip
    session.add(target)
    session.flush()
    record(
        session, actor, "target.set", target, account_id=None, now=now, reason=reason,
        facts={"month": f"{target.month_on:%Y-%m}", "amount_minor": amount.minor,
               "currency": amount.currency},
    )  # fmt: skip
    return target


def targets(session: Session, creditor_id: int, currency: str, first: date, last: date) -> dict[date, Money]:
    """Return the target in force of each month, by its first day; months without one are left out."""
    rows = session.execute(
        select(CollectionTarget.month_on, CollectionTarget.amount_minor)
        .where(
            CollectionTarget.creditor_id == creditor_id,
            CollectionTarget.currency == currency,
            CollectionTarget.month_on.between(first.replace(day=1), last),
        )
        .order_by(CollectionTarget.id)
    )
    return {r.month_on: Money(r.amount_minor, currency) for r in rows}
