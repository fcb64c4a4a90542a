"""The demo’s rules and roles that wait for a second person (issue D, parts 10 and 14).

Both wait for a second person, so that the queue of approvals and the editors have something to show.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.staff import Role, Staff
from receivables.desk.invitations import Wish, invite
from receivables.editing import house
from receivables.permissions import Actor, ActorKind
from receivables.policy import current_policy


def _actor(session: Session, role: Role) -> Actor | None:
    person = session.scalars(select(Staff).where(Staff.role == role).order_by(Staff.id).limit(1)).first()
    if person is None:
        return None
    return Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name)


def seed(session: Session, *, zone: str, now: datetime) -> None:
    """Send a draft of the rules, and ask for an accountant.

    Args:
        zone: IANA zone of the house.
    """
    collector, admin = _actor(session, Role.COLLECTOR), _actor(session, Role.ADMIN)
    if collector is not None:
        house.edit(session, collector, "promises", {"promises.horizon_days": 21}, now=now)
        house.propose(
            session, collector, effective_on=None, zone=zone, now=now,
            reason="Public bodies pay in runs of three weeks; a fortnight makes them break their word.",
        )  # fmt: skip
    if admin is not None:
        wish = Wish("rosa@northgate.example", "Rosa Lindqvist", Role.ACCOUNTANT, "en")
        invite(
            session,
            admin,
            wish,
            reason="Stands in from January.",
            policy=current_policy(session, now),
            now=now,
        )
