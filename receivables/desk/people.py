"""People of the desk: who there is, what role each has, and how somebody leaves it (A-01, A-02, A-06)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.calendars import CalendarFeed
from models.staff import Role, Staff, StaffSession, StaffToken
from models.states import ApprovalStatus
from models.work import Task
from receivables import approval_requests
from receivables.audit import record
from receivables.desk.invitations import NO_PASSWORD, Wish, admit, open_invitations
from receivables.desk.second_factor import own_row, person_row
from receivables.desk.staff import CODE_ROLES
from receivables.desk.staff_sessions import end_sessions
from receivables.errors import NotAllowed, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.staff_mail import queue_staff_mail
from receivables.texts import clean_words

#: Languages in which the desk speaks.
LANGUAGES = ("en", "he", "ru", "hu")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of the desk as the list shows him."""

    id: int
    ref: str
    name: str
    email: str
    role: Role
    language: str
    is_active: bool
    left_at: datetime | None
    has_joined: bool
    has_code: bool
    needs_code: bool
    sessions: int
    last_at: datetime | None
    #: Accounts he looks after, in whatever part.
    accounts: int
    invited_until: datetime | None


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A role that somebody is to get, and which waits for a second person."""

    ref: str
    act: str
    name: str
    role: str
    before: str | None
    proposer_id: int
    proposer: str
    reason: str
    asked_at: datetime


def people(session: Session, actor: Actor, *, now: datetime) -> list[PersonRow]:
    """Return everybody of the desk, who works here first, by name.

    Raises: NotAllowed.
    """
    require(actor, Permission.STAFF_READ)
    opened = {
        r.staff_id: r.n
        for r in session.execute(
            select(StaffSession.staff_id, func.count().label("n"))
            .where(StaffSession.revoked_at.is_(None), StaffSession.ends_at > now)
            .group_by(StaffSession.staff_id)
        )
    }
    last = {
        r.staff_id: r.at
        for r in session.execute(
            select(StaffSession.staff_id, func.max(StaffSession.started_at).label("at")).group_by(
                StaffSession.staff_id
            )
        )
    }
    invited = dict(open_invitations(session, now=now))
    cared = _accounts_each(session)
    rows = session.scalars(select(Staff).order_by(Staff.is_active.desc(), Staff.name, Staff.id))
    return [
        PersonRow(
            p.id, p.ref, p.name, p.email, p.role, p.language, p.is_active, p.left_at,
            has_joined=p.password_hash != NO_PASSWORD, has_code=p.totp_secret is not None,
            needs_code=p.role in CODE_ROLES, sessions=opened.get(p.id, 0), last_at=last.get(p.id),
            accounts=cared.get(p.id, 0), invited_until=invited.get(p.id),
        )
        for p in rows
    ]  # fmt: skip


def person(session: Session, actor: Actor, ref: str, *, now: datetime) -> PersonRow:
    """Return one person of the list. Raises: NotAllowed, NotFound."""
    require(actor, Permission.STAFF_READ)
    wanted = person_row(session, ref).id
    return next(row for row in people(session, actor, now=now) if row.id == wanted)


def _accounts_each(session: Session) -> dict[int, int]:
    counted: dict[int, int] = {}
    for column in (Account.collector_id, Account.salesperson_id, Account.sponsor_id):
        rows = session.execute(select(column, func.count()).where(column.is_not(None)).group_by(column))
        for staff_id, number in rows:
            if staff_id is not None:
                counted[staff_id] = counted.get(staff_id, 0) + number
    return counted


def grants_waiting(session: Session, actor: Actor) -> list[GrantRow]:
    """Return roles that wait for a second person, the oldest first."""
    require(actor, Permission.STAFF_READ)
    rows = session.execute(
        select(ApprovalRequest, Staff.name)
        .join(Staff, Staff.id == ApprovalRequest.proposer_id)
        .where(
            ApprovalRequest.kind == ApprovalKind.STAFF_ROLE, ApprovalRequest.status == ApprovalStatus.WAITING
        )
        .order_by(ApprovalRequest.id)
    )
    return [
        GrantRow(
            r.ref, r.facts["act"], r.facts["name"], r.facts["role"], r.facts.get("before"), r.proposer_id,
            proposer, r.reason, r.proposed_at,
        )
        for r, proposer in rows
    ]  # fmt: skip


def change_role(
    session: Session, actor: Actor, ref: str, role: Role, *, reason: str, now: datetime
) -> Staff | ApprovalRequest:
    """Give a person another role; one that touches money only with a second person (A-02).

    Returns:
        The person with the new role, sessions ended; or the request that waits.
    Raises:
        NotAllowed: the actor may not, or it is his own role.
        NotFound; Refused: nothing_changes, has_left, last_admin, reason_missing, request_waits.
    """
    require(actor, Permission.STAFF_CHANGE)
    who = person_row(session, ref)
    if who.id == actor.id:
        raise NotAllowed("own_person")
    words = clean_words(reason, most=500)
    if not words:
        raise Refused("reason_missing")
    _refuse_change(session, who, role)
    if role in CODE_ROLES:
        facts = {
            "act": "change",
            "staff": who.ref,
            "name": who.name,
            "role": role.value,
            "before": who.role.value,
        }
        return approval_requests.ask(
            session, actor, ApprovalKind.STAFF_ROLE, account=None, subject_ref=f"role:{who.ref}",
            facts=facts, reason=words, now=now,
        )  # fmt: skip
    return _grant(session, actor, who, role, reason=words, now=now)


def _refuse_change(session: Session, who: Staff, role: Role) -> None:
    if not who.is_active:
        raise Refused("has_left")
    if who.role is role:
        raise Refused("nothing_changes")
    if who.role is Role.ADMIN:
        _refuse_last_admin(session, who)


def _refuse_last_admin(session: Session, who: Staff) -> None:
    others = session.scalar(
        select(func.count()).where(
            Staff.role == Role.ADMIN, Staff.is_active, Staff.id != who.id, Staff.password_hash != NO_PASSWORD
        )
    )
    if not others:
        raise Refused("last_admin")


def _grant(session: Session, actor: Actor, who: Staff, role: Role, *, reason: str, now: datetime) -> Staff:
    before, who.role = who.role, role
    end_sessions(session, actor, who, keep=None, now=now)
    record(
        session, actor, "staff.role_changed", who, account_id=None, now=now, reason=reason,
        facts={"from": before.value, "to": role.value},
    )  # fmt: skip
    queue_staff_mail(
        session, who, "role_changed", key=f"{who.id}:{now.isoformat()}", values={"by": actor.name}, now=now
    )
    return who


def grant_on_approval(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Do what a second person allowed: invite into a role, or change to one. The effect of `staff_role`.

    Raises:
        NotAllowed: the approver asked for it, or it is his own role.
        Refused: email_taken, nothing_changes, has_left, last_admin: it lost its ground meanwhile.
    """
    facts = request.facts
    role = Role(facts["role"])
    if actor.id == request.proposer_id and not request.is_alone:
        raise NotAllowed("own_proposal")
    if facts["act"] == "invite":
        wish = Wish(facts["email"], facts["name"], role, facts["language"])
        admit(session, actor, wish, policy=current_policy(session, now), now=now)
        return
    who = person_row(session, facts["staff"])
    if who.id == actor.id:
        raise NotAllowed("own_person")
    if who.role.value != facts["before"]:
        raise Refused("role_moved")
    _refuse_change(session, who, role)
    _grant(session, actor, who, role, reason=request.reason, now=now)


def leave(
    session: Session, actor: Actor, ref: str, *, successor_ref: str | None, reason: str, now: datetime
) -> Staff:
    """Let a person leave the desk: every session and way in ends at once, the work goes to a successor.

    The row stays, since the audit and the books name it.

    Args:
        successor_ref: who takes the accounts and open tasks over; needed where there are any.
    Raises:
        NotAllowed: the actor may not, or it is himself.
        NotFound; Refused: has_left, last_admin, reason_missing, successor_missing, successor_wrong.
    """
    require(actor, Permission.STAFF_CHANGE)
    who = person_row(session, ref)
    if who.id == actor.id:
        raise NotAllowed("own_person")
    words = clean_words(reason, most=500)
    if not words:
        raise Refused("reason_missing")
    if not who.is_active:
        raise Refused("has_left")
    if who.role is Role.ADMIN:
        _refuse_last_admin(session, who)
    handed = _hand_over(session, who, successor_ref, now=now)
    who.is_active, who.left_at = False, now
    who.totp_offered = None
    end_sessions(session, actor, who, keep=None, now=now)
    session.execute(
        update(StaffToken)
        .where(StaffToken.staff_id == who.id, StaffToken.used_at.is_(None))
        .values(used_at=now)
    )
    # The address of a calendar is a key of its own: it dies with its holder.
    for feed in session.scalars(select(CalendarFeed).where(CalendarFeed.staff_id == who.id)):
        session.delete(feed)
    record(session, actor, "staff.left", who, account_id=None, now=now, reason=words, facts=handed)
    return who


def _hand_over(
    session: Session, who: Staff, successor_ref: str | None, *, now: datetime
) -> dict[str, int | None]:
    parts = (Account.collector_id, Account.salesperson_id, Account.sponsor_id)
    cared = (
        session.scalar(select(func.count(Account.id)).where(or_(*(part == who.id for part in parts)))) or 0
    )
    open_tasks = (Task.assigned_to_id == who.id, Task.done_at.is_(None))
    tasks = session.scalar(select(func.count(Task.id)).where(*open_tasks)) or 0
    if not (cared or tasks):
        return {"accounts": 0, "tasks": 0, "successor": None}
    if not successor_ref:
        raise Refused("successor_missing", accounts=cared, tasks=tasks)
    heir = session.scalar(select(Staff).where(Staff.ref == successor_ref, Staff.is_active))
    if heir is None or heir.id == who.id:
        raise Refused("successor_wrong")
    for part in parts:
        session.execute(update(Account).where(part == who.id).values({part: heir.id}))
    session.execute(update(Task).where(*open_tasks).values(assigned_to_id=heir.id))
    return {"accounts": cared, "tasks": tasks, "successor": heir.id}


def choose_language(session: Session, actor: Actor, language: str, *, now: datetime) -> None:
    """Speak another language with the actor from now on.

    Raises: Refused: language_unknown.
    """
    require(actor, Permission.PROFILE_KEEP)
    if language not in LANGUAGES:
        raise Refused("language_unknown")
    own_row(session, actor).language = language
