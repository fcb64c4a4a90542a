"""What the desk shows of segments and to sales: proposals, the history of an account, whose accounts.

What is about difficulty is read with its own permission only; to all others such an account is with a
supervisor. A salesperson sees the accounts that are his (L-15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType, Segment
from models.invoices import Invoice, InvoiceKind
from models.money import Money
from models.pauses import PauseReason
from models.segments import EarlyWarning, SegmentProposal
from models.staff import Role, Staff
from models.states import InvoiceStatus, SegmentStatus
from models.work import Task, TaskKind
from receivables import pauses, task_links
from receivables.calendar_days import business_date, days_late
from receivables.errors import NotFound
from receivables.own_accounts import is_theirs, theirs
from receivables.permissions import Actor, Permission, may, require
from receivables.segments import sales
from receivables.segments.evidence import overdue_on


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One move of an account, proposed or decided.

    `evidence` holds codes with their numbers; empty where a person moved the account by himself.
    """

    ref: str
    account_id: int
    account_ref: str
    account_name: str
    debtor_type: DebtorType
    status: SegmentStatus
    from_segment: Segment
    to_segment: Segment
    evidence: Sequence[dict[str, Any]]
    proposed_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class SegmentCard:
    """What the account's page says; `segment` None: with a supervisor, as far as this reader goes."""

    segment: Segment | None
    agreed_days: int
    history: Sequence[ProposalRow]

    @property
    def waiting(self) -> ProposalRow | None:
        """The proposal that waits for a person."""
        return next((row for row in self.history if row.status is SegmentStatus.PROPOSED), None)


#: In the order of ProposalRow.
_COLUMNS = (
    SegmentProposal.ref, SegmentProposal.account_id, Account.ref.label("account_ref"), Account.name,
    Account.debtor_type,
    SegmentProposal.status, SegmentProposal.from_segment, SegmentProposal.to_segment,
    SegmentProposal.evidence, SegmentProposal.proposed_at, SegmentProposal.decided_at,
    Staff.name.label("decided_by"), SegmentProposal.reason,
)  # fmt: skip


def proposals(
    session: Session, actor: Actor, *, decided: bool = False, limit: int = 100
) -> list[ProposalRow]:
    """Return proposals that wait, oldest first, or what was decided, newest first.

    Raises:
        NotAllowed: the actor may not read segments.
    """
    require(actor, Permission.SEGMENT_READ)
    waits = SegmentProposal.status == SegmentStatus.PROPOSED
    people = SegmentProposal.decided_by_id.is_not(None)
    order = SegmentProposal.decided_at.desc() if decided else SegmentProposal.proposed_at
    return _rows(session, actor, people if decided else waits, order, limit)


def proposal(session: Session, actor: Actor, ref: str) -> ProposalRow:
    """Return one proposal, waiting or decided.

    Raises:
        NotAllowed: the actor may not read segments. NotFound: no such proposal for him.
    """
    require(actor, Permission.SEGMENT_READ)
    found = _rows(session, actor, SegmentProposal.ref == ref, SegmentProposal.id, 1)
    if not found:
        raise NotFound("not_found")
    return found[0]


def card(session: Session, actor: Actor, account_id: int) -> SegmentCard | None:
    """Return the segment of an account with its last moves; None for who may not read segments."""
    if not may(actor, Permission.SEGMENT_READ):
        return None
    mine = and_(SegmentProposal.account_id == Account.id, _for_eyes(actor))
    rows = session.execute(
        select(Account.segment, Account.agreed_days, *_COLUMNS)
        .outerjoin(SegmentProposal, mine)
        .outerjoin(Staff, Staff.id == SegmentProposal.decided_by_id)
        .where(Account.id == account_id)
        .order_by(SegmentProposal.proposed_at.desc(), SegmentProposal.id.desc())
        .limit(10)
    ).all()
    segment, agreed_days = rows[0][:2]
    hidden = segment is Segment.HARDSHIP and not may(actor, Permission.HARDSHIP_READ)
    history = [ProposalRow(*r[2:]) for r in rows if r[2] is not None]
    return SegmentCard(None if hidden else segment, agreed_days, history)


def _rows(
    session: Session, actor: Actor, where: ColumnElement[bool], order: Any, limit: int
) -> list[ProposalRow]:
    rows = session.execute(
        select(*_COLUMNS)
        .select_from(SegmentProposal)
        .join(Account, Account.id == SegmentProposal.account_id)
        .outerjoin(Staff, Staff.id == SegmentProposal.decided_by_id)
        .where(where, _for_eyes(actor))
        .order_by(order, SegmentProposal.id)
        .limit(limit)
    )
    return [ProposalRow(*r) for r in rows]


def _for_eyes(actor: Actor) -> ColumnElement[bool]:
    if may(actor, Permission.HARDSHIP_READ):
        return true()
    return and_(
        SegmentProposal.from_segment != Segment.HARDSHIP, SegmentProposal.to_segment != Segment.HARDSHIP
    )


# --------------------------------------------------------------------------- sales and management


@dataclass(frozen=True, slots=True)
class SalesTask:
    """What sales or management is asked; `rung` names the firm rung that a notice is about."""

    ref: str
    kind: TaskKind
    rung: str | None
    acts_on: date | None
    due_at: datetime
    assigned_to: str | None


@dataclass(frozen=True, slots=True)
class SalesAccount:
    """An account as its salesperson sees it.

    Attributes:
        overdue: per currency, all that is past due and has something left.
        oldest_days: days of the oldest.
        resting_to: first day after the 48 hours that were asked for, while they run.
        may_ask: whether time may still be asked for in this case.
        warning: words of the latest early warning.
    """

    id: int
    ref: str
    number: str
    name: str
    salesperson: str | None
    overdue: Sequence[Money]
    oldest_days: int
    tasks: Sequence[SalesTask]
    zone: str = "UTC"
    resting_to: date | None = None
    may_ask: bool = False
    warning: str | None = None
    warned_at: datetime | None = None


def salespeople(session: Session, actor: Actor) -> list[tuple[str, str]]:
    """Return ref and name of everybody who sells to an account, for who sees them all; none else.

    Raises: NotAllowed.
    """
    require(actor, Permission.SALES_READ)
    if actor.role is Role.SALESPERSON:
        return []
    rows = session.execute(
        select(Staff.ref, Staff.name)
        .where(Staff.id.in_(select(Account.salesperson_id).where(Account.salesperson_id.is_not(None))))
        .order_by(Staff.name, Staff.id)
    )
    return [(r.ref, r.name) for r in rows]


def sales_accounts(
    session: Session, actor: Actor, *, salesperson: str | None = None, now: datetime, limit: int = 100
) -> list[SalesAccount]:
    """Return accounts with something overdue, an order that hangs, or asked of sales, the oldest first.

    A salesperson's are his.

    Args:
        salesperson: ref of one, whose accounts alone are wanted; unknown is nobody's.
    Raises:
        NotAllowed: the actor may not read what sales reads.
    """
    require(actor, Permission.SALES_READ)
    salesperson_id = None
    if salesperson:
        salesperson_id = session.scalar(select(Staff.id).where(Staff.ref == salesperson)) or 0
    asked = select(Task.account_id).where(Task.kind.in_(sales.KINDS), Task.done_at.is_(None))
    hangs = select(Invoice.account_id).where(
        Invoice.kind == InvoiceKind.PREPAYMENT,
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.balance_minor > 0,
    )
    # A day is late everywhere once it is over in UTC; rows count by the account's own day.
    late = select(Invoice.account_id).where(overdue_on(now.date()))
    first = select(func.min(Invoice.due_on)).where(Invoice.account_id == Account.id, overdue_on(now.date()))
    oldest = first.correlate(Account).scalar_subquery()
    rows = session.execute(
        select(
            Account.id, Account.ref, Account.number, Account.name, Account.zone,
            Staff.name.label("salesperson"),
        )
        .outerjoin(Staff, Staff.id == Account.salesperson_id)
        .where(
            theirs(actor),
            or_(Account.id.in_(asked), and_(_sold(), or_(Account.id.in_(late), Account.id.in_(hangs)))),
            *([Account.salesperson_id == salesperson_id] if salesperson_id is not None else []),
        )
        .order_by(oldest.is_(None), oldest, Account.id)
        .limit(limit)
    ).all()  # fmt: skip
    ids = [r.id for r in rows]
    sums, tasks = _overdue(session, ids, now.date()), _tasks(session, ids)
    return [
        SalesAccount(
            id=r.id,
            ref=r.ref,
            number=r.number,
            name=r.name,
            salesperson=r.salesperson,
            overdue=[amount for amount, _ in sums.get(r.id, ())],
            oldest_days=max(
                (days_late(due, business_date(now, r.zone)) for _, due in sums.get(r.id, ())), default=0
            ),
            tasks=tasks.get(r.id, ()),
            zone=r.zone,
        )
        for r in rows
    ]


def sales_account(session: Session, actor: Actor, ref: str, *, now: datetime) -> SalesAccount:
    """Return one account for sales, with what may be asked for.

    Raises:
        NotAllowed: the actor may not read what sales reads.
        NotFound: no such account for this actor.
    """
    require(actor, Permission.SALES_READ)
    account = session.scalar(select(Account).where(Account.ref == ref))
    if account is None or not is_theirs(actor, account):
        raise NotFound("not_found")
    today = business_date(now, account.zone)
    found, tasks = _overdue(session, [account.id], today), _tasks(session, [account.id])
    since = sales.case_since(session, account.id, today)
    resting = [
        held.to_on
        for held in pauses.standing(session, account.id, today)
        if held.reason is PauseReason.SALES_TALK
    ]
    warned = session.execute(
        select(EarlyWarning.words, EarlyWarning.raised_at)
        .where(EarlyWarning.account_id == account.id)
        .order_by(EarlyWarning.id.desc())
        .limit(1)
    ).first()
    seller = session.get(Staff, account.salesperson_id) if account.salesperson_id else None
    return SalesAccount(
        id=account.id,
        ref=account.ref,
        number=account.number,
        name=account.name,
        salesperson=seller.name if seller else None,
        overdue=[amount for amount, _ in found.get(account.id, ())],
        oldest_days=days_late(since, today),
        tasks=tasks.get(account.id, ()),
        zone=account.zone,
        resting_to=resting[0] if resting else None,
        may_ask=since is not None and not sales.talk_used(session, account.id, since),
        warning=warned.words if warned else None,
        warned_at=warned.raised_at if warned else None,
    )


def task_account(session: Session, actor: Actor, task_ref: str) -> str:
    """Return the ref of the account that a task for sales or management is about.

    Raises:
        NotAllowed, NotFound: not this actor's to read; no such task for him.
    """
    require(actor, Permission.SALES_READ)
    account = session.scalar(
        select(Account)
        .join(Task, Task.account_id == Account.id)
        .where(Task.ref == task_ref, Task.kind.in_(sales.KINDS))
    )
    if account is None or not is_theirs(actor, account):
        raise NotFound("not_found")
    return account.ref


def _sold() -> ColumnElement[bool]:
    """Overdue accounts that somebody sells to; without one they are the collectors' alone."""
    return or_(Account.salesperson_id.is_not(None), Account.sponsor_id.is_not(None))


def _overdue(session: Session, ids: Sequence[int], today: date) -> dict[int, list[tuple[Money, date]]]:
    rows = session.execute(
        select(
            Invoice.account_id, Invoice.currency, func.sum(Invoice.balance_minor).label("minor"),
            func.min(Invoice.due_on).label("oldest_on"),
        )
        # What was to be paid in advance is a sale not closed yet, and is told apart.
        .where(Invoice.account_id.in_(ids), overdue_on(today), Invoice.kind != InvoiceKind.PREPAYMENT)
        .group_by(Invoice.account_id, Invoice.currency)
        .order_by(Invoice.currency)
    )  # fmt: skip
    found: dict[int, list[tuple[Money, date]]] = {}
    for r in rows:
        found.setdefault(r.account_id, []).append((Money(int(r.minor), r.currency), r.oldest_on))
    return found


def _tasks(session: Session, ids: Sequence[int]) -> dict[int, list[SalesTask]]:
    rows = session.execute(
        select(Task.account_id, Task.ref, Task.kind, Task.facts, Task.due_at, Staff.name.label("assigned_to"))
        .outerjoin(Staff, Staff.id == Task.assigned_to_id)
        .where(Task.account_id.in_(ids), Task.kind.in_(sales.KINDS), Task.done_at.is_(None))
        .order_by(Task.due_at, Task.id)
    )
    found: dict[int, list[SalesTask]] = {}
    for r in rows:
        on = r.facts.get("on")
        task = SalesTask(
            r.ref,
            r.kind,
            r.facts.get("rung"),
            date.fromisoformat(on) if on else None,
            r.due_at,
            r.assigned_to,
        )
        found.setdefault(r.account_id, []).append(task)
    return found


# --------------------------------------------------------------------------- one tap


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link of a mail asks: whose customer is meant and what about; no figures (docs/decisions/015)."""

    kind: TaskKind
    rung: str | None
    acts_on: date | None
    account_ref: str
    account_name: str
    name: str
    language: str


def asked_by_link(session: Session, token: str, *, now: datetime) -> Asked:
    """Return what a link asks; changes nothing.

    Raises: LinkGone: as of `task_links.opened`.
    """
    _link, person, task = task_links.opened(session, token, now=now)
    account = session.get_one(Account, task.account_id)
    on = task.facts.get("on")
    return Asked(
        kind=task.kind,
        rung=task.facts.get("rung"),
        acts_on=date.fromisoformat(on) if on else None,
        account_ref=account.ref,
        account_name=account.name,
        name=person.name,
        language=person.language,
    )
