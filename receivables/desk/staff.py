"""People at the desk: adding them, logging in, sessions (A-01, A-04, decisions 9 and 34)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.staff import Role, Staff, StaffSession
from receivables.audit import record
from receivables.desk.recovery import spend
from receivables.errors import Refused, SessionEnded
from receivables.links import digest, new_token
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy
from receivables.staff_mail import queue_staff_mail

#: Roles that touch money or others' rights log in with a time-based code as well (decision 34).
CODE_ROLES = frozenset({Role.SUPERVISOR, Role.ACCOUNTANT, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class StaffHolder:
    """Who is behind a live desk session."""

    actor: Actor
    staff_id: int
    ref: str
    name: str
    email: str
    role: Role
    language: str
    ends_at: datetime
    session_id: int
    #: Whether an authenticator app is enrolled.
    has_code: bool
    #: When password and code were last given in this session.
    fresh_at: datetime | None

    @property
    def must_enrol(self) -> bool:
        """Whether the role needs a code and none is enrolled: nothing else is reached before (A-04)."""
        return self.role in CODE_ROLES and not self.has_code


def add_staff(
    session: Session,
    actor: Actor,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str,
    totp_secret: str | None,
    phone: str | None = None,
    language: str = "en",
    now: datetime,
) -> Staff:
    """Add a person to the desk.

    Raises:
        NotAllowed: the actor may not add staff.
        Refused: email_taken; code_required when the role needs a time-based code.
    """
    require(actor, Permission.STAFF_ADD)
    address = email.strip().casefold()
    if session.scalar(select(Staff.id).where(Staff.email == address)) is not None:
        raise Refused("email_taken", email=address)
    if role in CODE_ROLES and not totp_secret:
        raise Refused("code_required", role=role.value)
    person = Staff(
        email=address,
        name=name,
        phone=phone,
        role=role,
        language=language,
        password_hash=password_hash,
        totp_secret=totp_secret,
        is_active=True,
        created_at=now,
    )
    session.add(person)
    session.flush()
    record(
        session,
        actor,
        "staff.added",
        person,
        account_id=None,
        now=now,
        facts={"role": role.value},
        personal={"email": address, "name": name},
    )
    return person


def log_in(
    session: Session,
    *,
    email: str,
    password: str,
    code: str | None,
    verify_password: Callable[[str | None, str], bool],
    code_step: Callable[[str, str, datetime], int | None],
    policy: Policy,
    now: datetime,
    request_id: str | None,
    device: str | None = None,
    place: str | None = None,
) -> tuple[str, Staff] | None:
    """Check e-mail, password and, where one is enrolled, the time-based code; open a session.

    A recovery code stands in for the time-based one, once. Who needs a code and has none yet is let
    in to enrol and to nothing else (`StaffHolder.must_enrol`).

    The answer to every wrong combination is the same None, after the same work (L-10): the
    password is verified against a dummy hash when there is no such person.

    Args:
        verify_password: (stored hash or None, password) -> bool.
        code_step: (secret, code, now) -> the time step the code belongs to, or None.
        device, place: browser and network in a few words, for the person's own list of sessions.
    Returns:
        The clear session token and the person, or None. A code step is accepted once.
    """
    person = session.scalar(select(Staff).where(Staff.email == email.strip().casefold()).with_for_update())
    right = verify_password(person.password_hash if person else None, password)
    if person is None or not right or not person.is_active:
        if person is not None:
            _refused(session, person, "password", now=now, request_id=request_id)
        return None
    actor = Actor(ActorKind.STAFF, id=person.id, role=person.role, request_id=request_id)
    if not takes_code(session, actor, person, code or "", code_step=code_step, now=now):
        _refused(session, person, "code", now=now, request_id=request_id)
        return None
    token = new_token(policy.mail_bits)
    opened = StaffSession(
        session_digest=digest(token),
        staff_id=person.id,
        started_at=now,
        ends_at=now + policy.staff_absolute,
        fresh_at=now,
        device=device,
        place=place,
    )
    session.add(opened)
    session.flush()
    record(session, actor, "staff.logged_in", opened, account_id=None, now=now)
    return token, person


def takes_code(
    session: Session,
    actor: Actor,
    person: Staff,
    code: str,
    *,
    code_step: Callable[[str, str, datetime], int | None],
    now: datetime,
) -> bool:
    """Whether the second factor is right, or none is enrolled; a code is spent by it.

    Args:
        person: locked by the caller, so that a code works once also for two at the same moment.
    """
    if person.totp_secret is None:
        return True
    step = code_step(person.totp_secret, code, now)
    if step is not None:
        if person.totp_last_step is not None and step <= person.totp_last_step:
            return False
        person.totp_last_step = step
        return True
    return spend(session, actor, person, code, now=now)


def _refused(session: Session, person: Staff, why: str, *, now: datetime, request_id: str | None) -> None:
    actor = Actor(ActorKind.STAFF, id=person.id, role=person.role, request_id=request_id)
    record(session, actor, "staff.refused", person, account_id=None, facts={"why": why}, now=now)


def staff_holder(session: Session, token: str, *, now: datetime, request_id: str | None) -> StaffHolder:
    """Return who is behind a desk session; one statement, no write.

    Raises:
        SessionEnded: over, revoked, unknown, or the person is no longer active (A-06).
    """
    r = session.execute(
        select(Staff, StaffSession.ends_at, StaffSession.id, StaffSession.fresh_at)
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .where(
            StaffSession.session_digest == digest(token),
            StaffSession.revoked_at.is_(None),
            StaffSession.ends_at > now,
            Staff.is_active,
        )
    ).first()
    if r is None:
        raise SessionEnded("session_ended")
    person: Staff = r.Staff
    return StaffHolder(
        actor=Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name, request_id=request_id),
        staff_id=person.id,
        ref=person.ref,
        name=person.name,
        email=person.email,
        role=person.role,
        language=person.language,
        ends_at=r.ends_at,
        session_id=r.id,
        has_code=person.totp_secret is not None,
        fresh_at=r.fresh_at,
    )


def tell_locked_out(session: Session, email: str, *, window: timedelta, now: datetime) -> None:
    """Write to a person whose name was tried too often, once a window; nobody hears of unknown ones."""
    person = session.scalar(select(Staff).where(Staff.email == email.strip().casefold(), Staff.is_active))
    if person is not None:
        turn = int(now.timestamp()) // int(window.total_seconds())
        queue_staff_mail(session, person, "locked_out", key=f"{person.id}:{turn}", now=now)


def log_out(session: Session, actor: Actor, token: str, *, now: datetime) -> None:
    """End one desk session; a second call changes nothing."""
    opened = session.scalar(
        select(StaffSession).where(
            StaffSession.session_digest == digest(token), StaffSession.revoked_at.is_(None)
        )
    )
    if opened is not None:
        opened.revoked_at = now
        record(session, actor, "staff.logged_out", opened, account_id=None, now=now)
