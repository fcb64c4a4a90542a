"""The demo's account of which the desk knows most: a note, a limit that is passed, pay days (part 2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.notes import PayCycle
from models.staff import Role, Staff
from models.states import InvoiceStatus
from receivables import credit_limits, pay_runs
from receivables.calendar_days import business_date
from receivables.desk import notes
from receivables.permissions import SYSTEM, Actor, ActorKind


def seed(session: Session, *, now: datetime) -> None:
    """Write down what the desk knows of the account that owes most: a little more than its limit."""
    people = session.scalars(
        select(Staff).where(Staff.role.in_([Role.COLLECTOR, Role.SUPERVISOR])).order_by(Staff.id)
    ).all()
    collector = next((one for one in people if one.role is Role.COLLECTOR), None)
    boss = next((one for one in people if one.role is Role.SUPERVISOR), None)
    largest = session.execute(
        select(Invoice.account_id, Invoice.currency, func.sum(Invoice.balance_minor).label("minor"))
        .where(Invoice.status == InvoiceStatus.OPEN, Invoice.kind == InvoiceKind.INVOICE)
        .group_by(Invoice.account_id, Invoice.currency)
        .order_by(func.sum(Invoice.balance_minor).desc(), Invoice.account_id)
        .limit(1)
    ).first()
    if collector is None or boss is None or largest is None:
        return
    account = session.get_one(Account, largest.account_id)
    owed = Money(int(largest.minor), largest.currency)
    caring, deciding = _actor(collector), _actor(boss)
    credit_limits.set_limit(
        session, deciding, account, currency=owed.currency, limit=owed,
        reason="Bank reference of last month, reviewed once a year.", now=now,
    )  # fmt: skip
    credit_limits.tell_orders(
        session, SYSTEM, account, Money(owed.minor // 10, owed.currency), as_of_at=now,
        source="order_system", now=now,
    )  # fmt: skip
    pay_runs.keep(
        session, caring, account, cycle=PayCycle.FORTNIGHT,
        known_on=business_date(now, account.zone) - timedelta(days=4), month_days=(),
        words="every second week", references="Order number on the invoice", now=now,
    )  # fmt: skip
    pay_runs.follow_up(session, caring, account, words="Is the oldest invoice in it?", now=now)
    notes.write(
        session, deciding, account,
        words=f"They order as before. @{collector.name}, please ask what holds the oldest invoice.", now=now,
    )  # fmt: skip


def _actor(person: Staff) -> Actor:
    return Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)
