"""The authenticator app of a person: offered, proved, and taken away by another (A-04)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.staff import Staff
from receivables.audit import record
from receivables.desk import recovery
from receivables.desk.passwords import new_code_secret
from receivables.desk.staff_sessions import end_sessions
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.staff_mail import queue_staff_mail
from receivables.texts import clean_words


def own_row(session: Session, actor: Actor) -> Staff:
    """Return the actor's own row, locked.

    Raises: NotAllowed: the actor is no person of the desk.
    """
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed")
    return session.scalars(select(Staff).where(Staff.id == actor.id).with_for_update()).one()


def person_row(session: Session, ref: str) -> Staff:
    """Return a person, locked. Raises: NotFound."""
    found = session.scalar(select(Staff).where(Staff.ref == ref).with_for_update())
    if found is None:
        raise NotFound("not_found")
    return found


def offer_secret(session: Session, actor: Actor, *, now: datetime) -> str:
    """Offer the actor a new secret; it opens nothing before a code of it is given (`enrol`).

    What was offered and not yet proved is offered again: a second tab shows the same picture.
    """
    require(actor, Permission.PROFILE_KEEP)
    person = own_row(session, actor)
    if person.totp_offered is None:
        person.totp_offered = new_code_secret()
        record(session, actor, "staff.factor_offered", person, account_id=None, now=now)
    return person.totp_offered


def enrol(
    session: Session,
    actor: Actor,
    code: str,
    *,
    code_step: Callable[[str, str, datetime], int | None],
    keep_session: int | None,
    now: datetime,
) -> list[str]:
    """Take the offered secret into use, proved by one of its codes; other sessions end.

    Args:
        keep_session: id of the session in which this happens.
    Returns:
        A set of recovery codes, shown once.
    Raises:
        Refused: nothing_offered, code_wrong.
    """
    require(actor, Permission.PROFILE_KEEP)
    person = own_row(session, actor)
    if person.totp_offered is None:
        raise Refused("nothing_offered")
    step = code_step(person.totp_offered, code, now)
    if step is None:
        raise Refused("code_wrong")
    person.totp_secret, person.totp_offered, person.totp_last_step = person.totp_offered, None, step
    end_sessions(session, actor, person, keep=keep_session, now=now)
    record(session, actor, "staff.factor_enrolled", person, account_id=None, now=now)
    queue_staff_mail(session, person, "factor_enrolled", key=f"{person.id}:{now.isoformat()}", now=now)
    return recovery.make_set(session, person, now=now)


def new_codes(session: Session, actor: Actor, *, now: datetime) -> list[str]:
    """Make the actor a new set of recovery codes; the old ones end.

    Raises: Refused: no_factor: there is no app whose loss they would help with.
    """
    require(actor, Permission.PROFILE_KEEP)
    person = own_row(session, actor)
    if person.totp_secret is None:
        raise Refused("no_factor")
    codes = recovery.make_set(session, person, now=now)
    record(session, actor, "staff.recovery_made", person, account_id=None, now=now)
    return codes


def reset_factor(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Staff:
    """Take a person's authenticator away, who lost it and the codes; his sessions end and he is told.

    He signs in by password and, where his role needs a code, enrols a new one before anything else.

    Raises:
        NotAllowed: the actor may not, or it is his own (nobody helps himself).
        NotFound; Refused: no_factor, reason_missing, words_too_long.
    """
    require(actor, Permission.STAFF_RESET)
    person = person_row(session, ref)
    if person.id == actor.id:
        raise NotAllowed("own_person")
    words = clean_words(reason, most=500)
    if not words:
        raise Refused("reason_missing")
    if person.totp_secret is None:
        raise Refused("no_factor")
    person.totp_secret = person.totp_offered = person.totp_last_step = None
    recovery.end_all(session, person, now=now)
    end_sessions(session, actor, person, keep=None, now=now)
    record(session, actor, "staff.factor_reset", person, account_id=None, now=now, reason=words)
    queue_staff_mail(
        session, person, "factor_reset", key=f"{person.id}:{now.isoformat()}", values={"by": actor.name},
        now=now,
    )  # fmt: skip
    return person
