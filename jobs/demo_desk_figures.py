"""The demo's figures: targets for three months, set as a supervisor sets them, and the days worked out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import figures
from jobs.house import House
from models.accounts import Account
from models.creditors import Creditor
from models.invoices import Invoice
from models.money import Money
from models.staff import Role, Staff
from models.states import InvoiceStatus
from receivables.calendar_days import business_date
from receivables.figures import targets
from receivables.figures.facts import month_of
from receivables.permissions import Actor, ActorKind

#: A target is so much of what is open, rounded down to whole thousands of minor units.
_SHARE, _STEP = 4, 100_000


def show_figures(house: House, *, now: datetime) -> None:
    """Set targets from what is open, and work out every day there is."""
    house.store.run(lambda session: _aim(session, now))
    figures.rebuild(house, now=now)


def _aim(session: Session, now: datetime) -> None:
    person = session.scalars(select(Staff).where(Staff.role == Role.SUPERVISOR).order_by(Staff.id)).first()
    assert person is not None
    actor = Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)
    rows = session.execute(
        select(Creditor.ref, Creditor.zone, Invoice.currency, func.sum(Invoice.balance_minor).label("minor"))
        .join(Account, Account.creditor_id == Creditor.id)
        .join(Invoice, Invoice.account_id == Account.id)
        .where(Invoice.status == InvoiceStatus.OPEN)
        .group_by(Creditor.ref, Creditor.zone, Invoice.currency)
    ).all()
    for r in rows:
        amount = int(r.minor) // _SHARE // _STEP * _STEP
        for back in range(3) if amount else ():
            month = month_of(business_date(now, r.zone), back).first
            targets.set_target(
                session, actor, r.ref, month_on=month, amount=Money(amount, r.currency),
                reason="A quarter of what is open, as every month", now=now,
            )  # fmt: skip
