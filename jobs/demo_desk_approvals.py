"""The demo's write-off that waits for a second person, and a deputyship to come (issue D, part 4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.invoices import Invoice, InvoiceKind
from models.staff import Role, Staff
from models.states import InvoiceStatus
from receivables import write_offs
from receivables.approvals import deputies
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import Actor, ActorKind


def seed(session: Session, *, zone: str, now: datetime) -> None:
    """Ask for a write-off of what is open longest, and name who stands in for the supervisor next week.

    Args:
        zone: IANA zone of the house.
    """
    people = session.scalars(
        select(Staff).where(Staff.role.in_([Role.COLLECTOR, Role.SUPERVISOR])).order_by(Staff.id)
    ).all()
    collector = next((one for one in people if one.role is Role.COLLECTOR), None)
    boss = next((one for one in people if one.role is Role.SUPERVISOR), None)
    if collector is None or boss is None:
        return
    _ask(session, _actor(collector), now)
    first = business_date(now, zone) + timedelta(days=7)
    deputies.name(
        session, _actor(boss), for_ref=boss.ref, deputy_ref=collector.ref, from_on=first,
        to_on=first + timedelta(days=4), now=now,
    )  # fmt: skip


def _ask(session: Session, actor: Actor, now: datetime) -> None:
    oldest = session.scalars(
        select(Invoice.ref)
        .where(Invoice.status == InvoiceStatus.OPEN, Invoice.kind == InvoiceKind.INVOICE)
        .order_by(Invoice.due_on, Invoice.id)
        .limit(20)
    )
    for ref in oldest.all():
        try:
            write_offs.propose_write_off(
                session, actor, ref, reason="The firm is struck off the register; nobody answers.", now=now
            )
        except Refused:  # disputed or arranged: the next one
            continue
        return


def _actor(person: Staff) -> Actor:
    return Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)
