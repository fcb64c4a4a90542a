"""Who decides in whose stead, from a first to a last day: with the other's limit, marked in the audit.

A deputy never gets a limit for what he, or whom he stands in for, put forward himself (four_eyes.py).
Source: issue of the desk, part 4; A-03.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.approvals import Deputy
from models.staff import Role, Staff
from receivables.audit import record
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.four_eyes import house_today
from receivables.permissions import GRANTS, Actor, ActorKind, Permission, require

#: Longest time somebody is stood in for, days; a longer absence is named anew.
LONGEST = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class DeputyRow:
    """One deputyship that runs or is to come."""

    ref: str
    person: str
    person_role: Role
    deputy: str
    deputy_role: Role
    from_on: date
    to_on: date
    runs: bool
    may_end: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be named, by the random name that the form sends."""

    ref: str
    name: str
    role: Role


def name(
    session: Session,
    actor: Actor,
    *,
    for_ref: str,
    deputy_ref: str,
    from_on: date,
    to_on: date,
    now: datetime,
) -> Deputy:
    """Let somebody decide in another's stead.

    One names who stands in for oneself; a supervisor also for a colleague who fell ill, but nobody makes
    himself the deputy of another one.

    Args:
        for_ref: whom; deputy_ref: who stands in for him.
        from_on, to_on: first and last day, both counted, by the date of the house.
    Raises:
        NotAllowed: not this permission, or another's stead without being a supervisor.
        NotFound: no such person who may decide.
        Refused: deputy_self (the same person, or oneself for another), deputy_days, deputy_past,
            deputy_too_long, deputy_twice.
    """
    require(actor, Permission.DEPUTY_NAME)
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed", permission=Permission.DEPUTY_NAME.value)
    person, deputy = _decider(session, for_ref), _decider(session, deputy_ref)
    if person.id != actor.id and actor.role is not Role.SUPERVISOR:
        raise NotAllowed("not_allowed", permission=Permission.DEPUTY_NAME.value)
    if deputy.id == person.id or deputy.id == actor.id:
        raise Refused("deputy_self")
    today = house_today(session, now)
    if to_on < from_on:
        raise Refused("deputy_days")
    if from_on < today:
        raise Refused("deputy_past")
    if to_on - from_on > LONGEST:
        raise Refused("deputy_too_long")
    standing = select(Deputy.id).where(
        Deputy.staff_id == person.id, Deputy.deputy_id == deputy.id, Deputy.ended_at.is_(None),
        Deputy.from_on <= to_on, Deputy.to_on >= from_on,
    )  # fmt: skip
    if session.scalar(standing) is not None:
        raise Refused("deputy_twice")
    row = Deputy(
        staff_id=person.id, deputy_id=deputy.id, from_on=from_on, to_on=to_on, named_by_id=actor.id,
        named_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(session, actor, "deputy.named", row, account_id=None, now=now, facts=_facts(row))
    return row


def end(session: Session, actor: Actor, ref: str, *, now: datetime) -> Deputy:
    """End a deputyship before its last day; a second call finds it done.

    Raises:
        NotAllowed: neither the person himself nor a supervisor.
        NotFound.
    """
    require(actor, Permission.DEPUTY_NAME)
    row = session.scalar(select(Deputy).where(Deputy.ref == ref).with_for_update())
    if row is None:
        raise NotFound("not_found")
    if not _may_end(row, actor):
        raise NotAllowed("not_allowed", permission=Permission.DEPUTY_NAME.value)
    if row.ended_at is None:
        row.ended_at, row.ended_by_id = now, actor.id
        record(session, actor, "deputy.ended", row, account_id=None, now=now, facts=_facts(row))
    return row


def standing(session: Session, actor: Actor, *, now: datetime) -> list[DeputyRow]:
    """Return who stands in for whom, now and later.

    Raises: NotAllowed.
    """
    require(actor, Permission.APPROVAL_READ)
    person, deputy = aliased(Staff), aliased(Staff)
    today = house_today(session, now)
    found = session.execute(
        select(Deputy, person, deputy)
        .join(person, person.id == Deputy.staff_id)
        .join(deputy, deputy.id == Deputy.deputy_id)
        .where(Deputy.ended_at.is_(None), Deputy.to_on >= today)
        .order_by(Deputy.from_on, Deputy.id)
    )
    return [
        DeputyRow(
            row.ref, who.name, who.role, by.name, by.role, row.from_on, row.to_on, row.from_on <= today,
            _may_end(row, actor),
        )
        for row, who, by in found
    ]  # fmt: skip


def people(session: Session, actor: Actor) -> list[Person]:
    """Return who may decide at all, by name.

    Raises: NotAllowed.
    """
    require(actor, Permission.APPROVAL_READ)
    able = [role for role in Role if Permission.APPROVAL_DECIDE in GRANTS[role]]
    found = session.scalars(
        select(Staff).where(Staff.role.in_(able), Staff.is_active).order_by(Staff.name, Staff.id)
    )
    return [Person(one.ref, one.name, one.role) for one in found]


def _may_end(row: Deputy, actor: Actor) -> bool:
    return actor.id in (row.staff_id, row.named_by_id) or actor.role is Role.SUPERVISOR


def _decider(session: Session, ref: str) -> Staff:
    person = session.scalar(select(Staff).where(Staff.ref == ref, Staff.is_active))
    if person is None or Permission.APPROVAL_DECIDE not in GRANTS[person.role]:
        raise NotFound("not_found")
    return person


def _facts(row: Deputy) -> dict[str, object]:
    return {
        "for": row.staff_id,
        "deputy": row.deputy_id,
        "from_on": row.from_on.isoformat(),
        "to_on": row.to_on.isoformat(),
    }
