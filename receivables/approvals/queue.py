"""The one queue of what waits for a second person, and the case behind a request on one screen.

Offers, plans and withheld tax come from arrangements/approvals.py, rules from rule_drafts.py, the rest are
requests. Source: issue of the desk, part 4; A-02, A-03.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.money import Money
from models.rules import RulesDraft
from models.staff import Role, Staff
from models.states import ApprovalStatus, DraftStatus
from receivables import four_eyes
from receivables.approval_requests import amount_of
from receivables.approvals import limits
from receivables.approvals.deciding import COUNTERED
from receivables.approvals.limits import Mark
from receivables.arrangements import approvals as agreements
from receivables.arrangements.approvals import History
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound
from receivables.four_eyes import House
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import current_policy


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One thing that waits.

    Attributes:
        kind: an ApprovalKind, "offer", "counter_offer", "plan", "withholding" or "rules".
        account_ref, account_name: None for rules and texts, which have a `name`.
        own: whether the reader put it forward, so that somebody else decides.
        is_late: it has waited so long that it was put to the next role.
    """

    kind: str
    ref: str
    account_ref: str | None
    account_name: str | None
    name: str
    amount: Money | None
    forgiven: Money | None
    parts: int | None
    since: datetime
    waits: timedelta
    answer_by_on: date | None
    proposed_by: str | None
    own: bool
    is_late: bool


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """A request that was decided, for the list of the last ones."""

    kind: str
    ref: str
    account_ref: str | None
    account_name: str | None
    name: str
    amount: Money | None
    status: ApprovalStatus
    at: datetime
    proposed_by: str
    decided_by: str | None
    deputy_for: str | None
    is_alone: bool


@dataclass(frozen=True, slots=True)
class RequestCase:
    """A request, waiting or decided, with what its decider needs.

    Attributes:
        marks: the limits of the roles that decide it, the lowest first.
        limit: the reader's own; None where he has none or none is needed.
        may_decide: the reader may approve now; `by_deputy` names whose limit he uses then.
        may_refuse: he may refuse or answer with another sum.
        alone_from: of one who is alone in the house: since when he may decide his own.
        supersedes_ref: the request that this one answers with other terms.
    """

    ref: str
    kind: ApprovalKind
    status: ApprovalStatus
    subject_ref: str
    name: str
    account_id: int | None
    account_ref: str | None
    account_name: str | None
    account_number: str | None
    zone: str | None
    amount: Money | None
    facts: Mapping[str, Any]
    digest: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    deputy_for: str | None
    decided_at: datetime | None
    answer: str | None
    is_alone: bool
    marks: Sequence[Mark]
    limit: Mark | None
    own: bool
    may_decide: bool
    by_deputy: str | None
    may_refuse: bool
    may_counter: bool
    alone_from: datetime | None
    supersedes_ref: str | None
    history: History | None


@dataclass(frozen=True, slots=True)
class Place:
    """One mark on the bar of limits, as hundredths of its length."""

    role: Role
    at: int
    amount: Money


def rows(session: Session, actor: Actor, *, now: datetime) -> list[QueueRow]:
    """Return what waits for a decision, longest waiting first.

    Raises: NotAllowed.
    """
    require(actor, Permission.APPROVAL_READ)
    house, days = four_eyes.house(session), current_policy(session, now).approvals.escalate_business_days

    def late(since: datetime) -> bool:
        return has_waited(since, days, house, now)

    found = [
        *_agreements(session, actor, now, late),
        *_requests(session, actor, now, late),
        *_drafts(session, actor, now, late),
    ]
    return sorted(found, key=lambda row: row.since)


def _agreements(
    session: Session, actor: Actor, now: datetime, late: Callable[[datetime], bool]
) -> list[QueueRow]:
    return [
        QueueRow(
            kind=row.kind, ref=row.ref, account_ref=row.account_ref, account_name=row.account_name,
            name=row.account_name, amount=row.amount, forgiven=row.forgiven, parts=row.parts,
            since=row.since, waits=now - row.since, answer_by_on=row.answer_by_on,
            proposed_by=row.proposed_by, own=row.own, is_late=late(row.since),
        )
        for row in agreements.waiting(session, actor)
    ]  # fmt: skip


def _requests(
    session: Session, actor: Actor, now: datetime, late: Callable[[datetime], bool]
) -> list[QueueRow]:
    found = session.execute(
        select(ApprovalRequest, Account.ref, Account.name, Staff.name)
        .outerjoin(Account, Account.id == ApprovalRequest.account_id)
        .join(Staff, Staff.id == ApprovalRequest.proposer_id)
        .where(ApprovalRequest.status == ApprovalStatus.WAITING)
    )
    return [
        QueueRow(
            kind=request.kind.value, ref=request.ref, account_ref=ref, account_name=name,
            name=name or name_of(request), amount=amount_of(request), forgiven=None, parts=None,
            since=request.proposed_at, waits=now - request.proposed_at, answer_by_on=None, proposed_by=by,
            own=request.proposer_id == actor.id, is_late=late(request.proposed_at),
        )
        for request, ref, name, by in found
    ]  # fmt: skip


def _drafts(
    session: Session, actor: Actor, now: datetime, late: Callable[[datetime], bool]
) -> list[QueueRow]:
    found = session.execute(
        select(RulesDraft, Staff.name)
        .join(Staff, Staff.id == RulesDraft.author_id)
        .where(RulesDraft.status == DraftStatus.PROPOSED)
    )
    return [
        QueueRow(
            kind="rules", ref=draft.ref, account_ref=None, account_name=None, name=draft.name, amount=None,
            forgiven=None, parts=None, since=draft.made_at, waits=now - draft.made_at, answer_by_on=None,
            proposed_by=by, own=draft.author_id == actor.id, is_late=late(draft.made_at),
        )
        for draft, by in found
    ]  # fmt: skip


def has_waited(since: datetime, days: int, house: House, now: datetime) -> bool:
    """Whether something waits for so many business days of the house."""
    first = business_date(since, house.zone)
    return add_business_days(first, days, house.country) <= business_date(now, house.zone)


def name_of(request: ApprovalRequest) -> str:
    """The name of what has no account: of rules, of a text."""
    return str(request.facts.get("name", request.subject_ref))


def decided(session: Session, actor: Actor, *, limit: int = 20) -> list[DecidedRow]:
    """Return the requests that were decided last, the newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.APPROVAL_READ)
    proposer, approver, other = aliased(Staff), aliased(Staff), aliased(Staff)
    found = session.execute(
        select(ApprovalRequest, Account.ref, Account.name, proposer.name, approver.name, other.name)
        .outerjoin(Account, Account.id == ApprovalRequest.account_id)
        .join(proposer, proposer.id == ApprovalRequest.proposer_id)
        .outerjoin(approver, approver.id == ApprovalRequest.approver_id)
        .outerjoin(other, other.id == ApprovalRequest.deputy_for_id)
        .where(ApprovalRequest.status != ApprovalStatus.WAITING)
        .order_by(ApprovalRequest.decided_at.desc(), ApprovalRequest.id.desc())
        .limit(limit)
    )
    return [
        DecidedRow(
            kind=request.kind.value, ref=request.ref, account_ref=ref, account_name=name,
            name=name or name_of(request), amount=amount_of(request), status=request.status,
            at=request.decided_at or request.proposed_at, proposed_by=by, decided_by=decider,
            deputy_for=stead, is_alone=request.is_alone,
        )
        for request, ref, name, by, decider, stead in found
    ]  # fmt: skip


def case(session: Session, actor: Actor, ref: str, *, now: datetime) -> RequestCase:
    """Return the case of one request.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.APPROVAL_READ)
    request = session.scalar(select(ApprovalRequest).where(ApprovalRequest.ref == ref))
    if request is None:
        raise NotFound("not_found")
    account = session.get_one(Account, request.account_id) if request.account_id else None
    policy, amount, weight = current_policy(session, now), amount_of(request), limits.weight(request)
    waits, own = request.status is ApprovalStatus.WAITING, request.proposer_id == actor.id
    fitting = [
        standing
        for standing in four_eyes.standings(session, actor, proposer_id=request.proposer_id, now=now)
        if limits.fits(policy, request.kind, weight, standing)
    ]
    able = Permission.APPROVAL_DECIDE
    allowed = four_eyes.may_look(
        session, actor, proposer_id=request.proposer_id, proposed_at=request.proposed_at,
        fits=lambda standing: limits.fits(policy, request.kind, weight, standing), now=now,
    )  # fmt: skip
    marks = limits.marks(policy, request.kind, request.currency)
    by_deputy = fitting[0].deputy_for_id if fitting and not own else None
    refuses = waits and not own and may(actor, able)
    alone = waits and own and policy.approvals.alone and not four_eyes.others(session, actor)
    return RequestCase(
        ref=request.ref, kind=request.kind, status=request.status, subject_ref=request.subject_ref,
        name=account.name if account else name_of(request),
        account_id=request.account_id, account_ref=account.ref if account else None,
        account_name=account.name if account else None, account_number=account.number if account else None,
        zone=account.zone if account else None, amount=amount, facts=request.facts,
        digest=request.content_digest, reason=request.reason,
        proposed_by=_name(session, request.proposer_id) or "", proposed_at=request.proposed_at,
        decided_by=_name(session, request.approver_id), deputy_for=_name(session, request.deputy_for_id),
        decided_at=request.decided_at, answer=request.answer, is_alone=request.is_alone, marks=marks,
        limit=next((mark for mark in marks if mark.role is actor.role), None),
        own=own, may_decide=waits and allowed and may(actor, able),
        by_deputy=_name(session, by_deputy), may_refuse=refuses,
        may_counter=refuses and request.kind in COUNTERED,
        alone_from=request.proposed_at + timedelta(hours=policy.approvals.alone_hours) if alone else None,
        supersedes_ref=session.scalar(
            select(ApprovalRequest.ref).where(ApprovalRequest.id == request.supersedes_id)
        ),
        history=agreements.history(session, account.id) if account else None,
    )  # fmt: skip


def waiting_ref(session: Session, actor: Actor, subject_ref: str) -> str | None:
    """Return the request that waits about a subject, of any kind.

    Raises: NotAllowed.
    """
    require(actor, Permission.APPROVAL_READ)
    return session.scalar(
        select(ApprovalRequest.ref).where(
            ApprovalRequest.subject_ref == subject_ref, ApprovalRequest.status == ApprovalStatus.WAITING
        )
    )


def places(marks: Sequence[Mark], amount: Money) -> tuple[int, list[Place]]:
    """Return where an amount and the limits stand on a bar, in hundredths of its length.

    The bar is as long as what is largest, the amount or the second limit above it, so that a limit of a
    million does not press the rest into a corner; marks beyond it are left out.
    """
    known = [mark for mark in marks if mark.amount is not None]
    near = [m.amount.minor for m in known if m.amount is not None and m.amount.minor <= 4 * amount.minor]
    whole = max([amount.minor, *near], default=amount.minor) or 1
    shown = [
        Place(mark.role, mark.amount.minor * 100 // whole, mark.amount)
        for mark in known
        if mark.amount is not None and mark.amount.minor <= whole
    ]
    return amount.minor * 100 // whole, shown


def _name(session: Session, staff_id: int | None) -> str | None:
    return session.scalar(select(Staff.name).where(Staff.id == staff_id)) if staff_id is not None else None
