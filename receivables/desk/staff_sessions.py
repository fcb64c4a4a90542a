"""Sessions of people at the desk: their list, ending them, and giving password and code again.

Source: A-05 (ASVS V7.5.3), A-06 (ASVS V7.4.2, V7.4.5); decision 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.staff import Staff, StaffSession
from receivables.audit import record
from receivables.desk.staff import takes_code
from receivables.errors import NotAllowed, NotFound
from receivables.permissions import Actor, ActorKind, Permission, require


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One open session of a person; `device` and `place` are coarse on purpose."""

    id: int
    started_at: datetime
    ends_at: datetime
    device: str | None
    place: str | None


def own_sessions(session: Session, actor: Actor, *, now: datetime) -> list[SessionRow]:
    """Return the actor's open sessions, the newest first."""
    require(actor, Permission.PROFILE_KEEP)
    rows = session.execute(
        select(
            StaffSession.id, StaffSession.started_at, StaffSession.ends_at, StaffSession.device,
            StaffSession.place,
        )
        .where(StaffSession.staff_id == actor.id, *_open(now))
        .order_by(StaffSession.id.desc())
    )  # fmt: skip
    return [SessionRow(*r) for r in rows]


def _open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (StaffSession.revoked_at.is_(None), StaffSession.ends_at > now)


def revoke_own(session: Session, actor: Actor, session_id: int, *, now: datetime) -> None:
    """End one of the actor's own sessions; of another person's there is none (L-15).

    Raises: NotFound.
    """
    require(actor, Permission.PROFILE_KEEP)
    row = session.scalar(
        select(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.staff_id == actor.id, *_open(now))
        .with_for_update()
    )
    if row is None:
        raise NotFound("not_found")
    row.revoked_at = now
    record(session, actor, "staff.session_ended", row, account_id=None, now=now, facts={"sessions": 1})


def revoke_others(session: Session, actor: Actor, *, keep: int, now: datetime) -> int:
    """End all of the actor's sessions but the one in use; returns how many."""
    require(actor, Permission.PROFILE_KEEP)
    person = session.get_one(Staff, actor.id)
    return end_sessions(session, actor, person, keep=keep, now=now)


def end_sessions(session: Session, actor: Actor, person: Staff, *, keep: int | None, now: datetime) -> int:
    """End the sessions of a person, all or all but one; part of acts that change who he is.

    Returns: how many ended.
    """
    rows = session.scalars(
        select(StaffSession).where(StaffSession.staff_id == person.id, *_open(now)).with_for_update()
    ).all()
    ended = [row for row in rows if row.id != keep]
    for row in ended:
        row.revoked_at = now
    if ended:
        record(
            session, actor, "staff.session_ended", person, account_id=None, now=now,
            facts={"sessions": len(ended)},
        )  # fmt: skip
    return len(ended)


def end_of_another(session: Session, actor: Actor, person: Staff, *, now: datetime) -> int:
    """End every session of another person (A-06).

    Raises: NotAllowed.
    """
    require(actor, Permission.STAFF_RESET)
    return end_sessions(session, actor, person, keep=None, now=now)


def give_again(
    session: Session,
    actor: Actor,
    session_id: int,
    *,
    right_password: bool,
    code: str,
    code_step: Callable[[str, str, datetime], int | None],
    now: datetime,
) -> bool:
    """Note in the session that password and code were given again (A-05).

    Args:
        right_password: whether the typed password is the stored one; verified before the unit of work,
            since the hash is slow.
    Returns:
        Whether both were right.
    """
    require(actor, Permission.PROFILE_KEEP)
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed")
    person = session.scalars(select(Staff).where(Staff.id == actor.id).with_for_update()).one()
    good = right_password and takes_code(session, actor, person, code, code_step=code_step, now=now)
    if not good:
        why = "code" if right_password else "password"
        record(session, actor, "staff.refused", person, account_id=None, facts={"why": why}, now=now)
        return False
    row = session.get_one(StaffSession, session_id)
    row.fresh_at = now
    record(session, actor, "staff.confirmed", row, account_id=None, now=now)
    return True
