"""Ways in by mail: an invitation to choose a first password, and a reset for who forgot it.

The clear token is made when the mail leaves and stands nowhere else; each opens once and not for long.
Source: A-02, A-04 (ASVS V6.3.3, V6.4), L-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from models.approvals import ApprovalKind, ApprovalRequest
from models.base import new_ref
from models.staff import Role, Staff, StaffToken, StaffTokenKind
from receivables import approval_requests
from receivables.audit import record
from receivables.desk.staff import CODE_ROLES
from receivables.desk.staff_sessions import end_sessions
from receivables.errors import LinkGone, NotFound, Refused
from receivables.links import digest, new_token
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy
from receivables.staff_mail import queue_staff_mail
from receivables.texts import one_line

#: A hash that no password has.
NO_PASSWORD = "!"  # noqa: S105


@dataclass(frozen=True, slots=True)
class WayIn:
    """Who holds a token that is live, and what he may do with it."""

    kind: StaffTokenKind
    name: str
    email: str
    language: str
    role: Role
    #: Whether a time-based code goes with the password, which may then be shorter.
    with_code: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom somebody wants to invite."""

    email: str
    name: str
    role: Role
    language: str

    def facts(self) -> dict[str, str]:
        """The wish as an approval request keeps it."""
        return {
            "act": "invite", "email": self.email, "name": self.name, "role": self.role.value,
            "language": self.language,
        }  # fmt: skip


def invite(
    session: Session, actor: Actor, wish: Wish, *, reason: str, policy: Policy, now: datetime
) -> Staff | ApprovalRequest:
    """Invite a person by mail; into a role that touches money only with a second person (A-02).

    Returns:
        The person, who has been written to; or the request that waits for somebody else.
    Raises:
        NotAllowed: the actor may not add staff.
        Refused: email_taken, name_missing, email_wrong, reason_missing, request_waits.
    """
    require(actor, Permission.STAFF_ADD)
    wish = _tidy(session, wish)
    if wish.role in CODE_ROLES:
        return approval_requests.ask(
            session, actor, ApprovalKind.STAFF_ROLE, account=None, subject_ref=f"invite:{wish.email}"[:120],
            facts=wish.facts(), reason=reason, now=now,
        )  # fmt: skip
    return admit(session, actor, wish, policy=policy, now=now)


def _tidy(session: Session, wish: Wish) -> Wish:
    email, name = wish.email.strip().casefold(), one_line(wish.name)
    if not name or len(name) > 120:
        raise Refused("name_missing")
    local, at, domain = email.rpartition("@")
    if not (at and local and "." in domain) or len(email) > 110 or any(letter.isspace() for letter in email):
        raise Refused("email_wrong")
    if session.scalar(select(Staff.id).where(Staff.email == email)) is not None:
        raise Refused("email_taken", email=email)
    return Wish(email, name, wish.role, wish.language)


def admit(session: Session, actor: Actor, wish: Wish, *, policy: Policy, now: datetime) -> Staff:
    """Put an invited person on file and write to him; he opens nothing before he chose a password.

    Raises: Refused: email_taken.
    """
    wish = _tidy(session, wish)
    person = Staff(
        ref=new_ref(), email=wish.email, name=wish.name, role=wish.role, language=wish.language,
        password_hash=NO_PASSWORD, is_active=True, created_at=now,
    )  # fmt: skip
    session.add(person)
    session.flush()
    record(
        session, actor, "staff.invited", person, account_id=None, now=now, facts={"role": wish.role.value},
        personal={"email": wish.email, "name": wish.name},
    )  # fmt: skip
    _send_way_in(
        session, person, StaffTokenKind.INVITATION, by=actor,
        valid=timedelta(hours=policy.staff.invitation_hours), now=now,
    )  # fmt: skip
    return person


def invite_again(session: Session, actor: Actor, ref: str, *, policy: Policy, now: datetime) -> None:
    """Send an invitation anew that ran out or got lost; the one before is worth nothing.

    Raises: NotAllowed; NotFound; Refused: joined_already.
    """
    require(actor, Permission.STAFF_ADD)
    person = session.scalar(select(Staff).where(Staff.ref == ref, Staff.is_active).with_for_update())
    if person is None:
        raise NotFound("not_found")
    if person.password_hash != NO_PASSWORD:
        raise Refused("joined_already")
    record(
        session, actor, "staff.invited", person, account_id=None, now=now, facts={"role": person.role.value}
    )
    _send_way_in(
        session, person, StaffTokenKind.INVITATION, by=actor,
        valid=timedelta(hours=policy.staff.invitation_hours), now=now,
    )  # fmt: skip


def ask_reset(session: Session, email: str, *, policy: Policy, now: datetime, request_id: str | None) -> None:
    """Write to a person who forgot the password; for an unknown address nothing happens, and nobody can
    tell the difference (L-10)."""
    person = session.scalar(
        select(Staff).where(Staff.email == email.strip().casefold(), Staff.is_active).with_for_update()
    )
    if person is None:
        return
    if person.password_hash == NO_PASSWORD:
        return  # who never came in is invited again, by who may invite
    actor = Actor(ActorKind.STAFF, id=person.id, role=person.role, request_id=request_id)
    record(session, actor, "staff.reset_asked", person, account_id=None, now=now)
    _send_way_in(
        session, person, StaffTokenKind.RESET, by=None,
        valid=timedelta(minutes=policy.staff.reset_minutes), now=now,
    )  # fmt: skip


def _send_way_in(
    session: Session, person: Staff, kind: StaffTokenKind, *, by: Actor | None, valid: timedelta,
    now: datetime,
) -> None:  # fmt: skip
    _end_open(session, person.id, kind, now=now)
    way = StaffToken(
        ref=new_ref(), kind=kind, staff_id=person.id, made_at=now, expires_at=now + valid,
        made_by_id=by.id if by is not None and by.kind is ActorKind.STAFF else None,
    )  # fmt: skip
    session.add(way)
    session.flush()
    values = {"by": by.name or "Amicable"} if by is not None else {}
    queue_staff_mail(session, person, kind.value, key=way.ref, values=values, token_ref=way.ref, now=now)


def _end_open(session: Session, staff_id: int, kind: StaffTokenKind, *, now: datetime) -> None:
    session.execute(
        update(StaffToken)
        .where(StaffToken.staff_id == staff_id, StaffToken.kind == kind, StaffToken.used_at.is_(None))
        .values(used_at=now)
    )


def mint(session: Session, token_ref: str, *, policy: Policy, now: datetime) -> tuple[str, datetime] | None:
    """Make the clear token of a way in, for the mail that leaves now; a mail sent again gets a new one.

    Returns:
        The clear token and its end; None when the way is used, ended or over.
    """
    way = session.scalar(
        select(StaffToken)
        .where(StaffToken.ref == token_ref, StaffToken.used_at.is_(None), StaffToken.expires_at > now)
        .with_for_update()
    )
    if way is None:
        return None
    token = new_token(policy.mail_bits)
    way.token_digest = digest(token)
    return token, way.expires_at


def look_up(session: Session, token: str, *, now: datetime) -> WayIn:
    """Return who a token lets in; changes nothing, so that a scanner which follows links spends nothing.

    Raises: LinkGone: unknown, used, over, or the person has left; all alike.
    """
    found = session.execute(_live(token, now)).first()
    if found is None:
        raise LinkGone("way_gone")
    way, person = found
    return WayIn(
        way.kind, person.name, person.email, person.language, person.role,
        with_code=person.role in CODE_ROLES or person.totp_secret is not None,
    )  # fmt: skip


def _live(token: str, now: datetime) -> Select[StaffToken, Staff]:
    return (
        select(StaffToken, Staff)
        .join(Staff, Staff.id == StaffToken.staff_id)
        .where(
            StaffToken.token_digest == digest(token),
            StaffToken.used_at.is_(None),
            StaffToken.expires_at > now,
            Staff.is_active,
        )
    )


def choose_password(
    session: Session, token: str, *, password_hash: str, now: datetime, request_id: str | None
) -> Staff:
    """Spend a way in: set the password, end every session and every other way in.

    Args:
        password_hash: of a password that `passwords.check_password` took; made before the unit of work.
    Raises: LinkGone: see `look_up`; of two at the same moment one.
    """
    found = session.execute(_live(token, now).with_for_update()).first()
    if found is None:
        raise LinkGone("way_gone")
    way, person = found
    spent = session.execute(
        update(StaffToken)
        .where(StaffToken.id == way.id, StaffToken.used_at.is_(None))
        .values(used_at=now)
        .returning(StaffToken.id)
    ).scalar_one_or_none()
    if spent is None:
        raise LinkGone("way_gone")
    for kind in StaffTokenKind:
        _end_open(session, person.id, kind, now=now)
    actor = Actor(ActorKind.STAFF, id=person.id, role=person.role, name=person.name, request_id=request_id)
    set_password(session, actor, person, password_hash, keep=None, now=now)
    if way.kind is StaffTokenKind.INVITATION:
        record(session, actor, "staff.joined", person, account_id=None, now=now)
    return person


def set_password(
    session: Session, actor: Actor, person: Staff, password_hash: str, *, keep: int | None, now: datetime
) -> None:
    """Set a person's password; sessions end, all or all but one, and the person is told by mail."""
    person.password_hash = password_hash
    end_sessions(session, actor, person, keep=keep, now=now)
    record(session, actor, "staff.password_changed", person, account_id=None, now=now)
    queue_staff_mail(session, person, "password_changed", key=f"{person.id}:{now.isoformat()}", now=now)


def open_invitations(session: Session, *, now: datetime) -> Sequence[tuple[int, datetime]]:
    """Return (staff id, end) of invitations that still open something."""
    rows = session.execute(
        select(StaffToken.staff_id, StaffToken.expires_at).where(
            StaffToken.kind == StaffTokenKind.INVITATION,
            StaffToken.used_at.is_(None),
            StaffToken.expires_at > now,
        )
    )
    return [(r.staff_id, r.expires_at) for r in rows]
