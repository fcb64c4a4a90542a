"""Plans as the desk works them: parts due today, at risk, broken, waiting for a signature; and what a
cancellation would leave.

Sums are per currency and never across. Which are at risk says at_risk.py. Source: issue D, part 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import Instalment, PaysBy, Plan
from models.money import Money, total
from models.staff import Staff
from models.states import InstalmentStatus, PlanStatus
from receivables import invoices
from receivables.arrangements import plan_ends, plan_reads
from receivables.arrangements.at_risk import PlanRisk, plans_at_risk
from receivables.arrangements.plan_counts import OPEN_PARTS
from receivables.arrangements.promise_desk import Total
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.ports import InvoiceRow

#: Rows of a page.
PAGE = 100


class Show(StrEnum):
    """Which plans; the order is that of the tabs."""

    DUE = "due"  # a part falls due today, in the account's zone
    RISK = "risk"
    BROKEN = "broken"  # defaulted, and may still be cured
    SIGNATURE = "signature"  # put forward by us, for the debtor to sign or a second person to approve
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One plan on the desk.

    Attributes:
        left: what is still to be paid and neither on its way nor contested.
        next_on, next_amount: the earliest part that is still open; both None where none is.
        missed: parts that did not come.
        until: last day to sign, or to cure.
    """

    ref: str
    number: str
    account_ref: str
    account_name: str
    account_number: str
    zone: str
    collector: str | None
    status: PlanStatus
    total: Money
    left: Money
    parts: int
    paid: int
    missed: int
    next_seq: int | None
    next_on: date | None
    next_amount: Money | None
    by_card: bool
    until: date | None
    today: date
    risks: tuple[PlanRisk, ...]


@dataclass(frozen=True, slots=True)
class PlanDesk:
    """A page of plans; `totals` are what is still to be paid on all of this kind."""

    rows: Sequence[PlanRow]
    totals: Sequence[Total]
    counts: dict[Show, int]
    currencies: Sequence[str]
    more: bool


_STANDS = or_(
    Plan.status == PlanStatus.ACTIVE,
    and_(Plan.status == PlanStatus.DEFAULTED, Plan.ended_at.is_(None)),
    and_(Plan.status == PlanStatus.PROPOSED, Plan.proposed_by_staff_id.is_not(None)),
    and_(Plan.status == PlanStatus.AWAITING_APPROVAL, Plan.accepted_at.is_(None)),
)


def plans(
    session: Session,
    actor: Actor,
    *,
    show: Show = Show.DUE,
    collector_id: int | None = None,
    currency: str | None = None,
    first: int = 0,
    now: datetime,
) -> PlanDesk:
    """Return plans of one kind, the nearest open part first.

    Args:
        collector_id: only of accounts that he looks after.
        first: how many rows to pass over.
    Raises: NotAllowed.
    """
    require(actor, Permission.ARRANGEMENT_READ)
    risks = plans_at_risk(session, now=now)
    narrow: list[ColumnElement[bool]] = [_STANDS]
    if collector_id is not None:
        narrow.append(Account.collector_id == collector_id)
    if currency is not None:
        narrow.append(Plan.currency == currency)
    next_on = (
        select(func.min(Instalment.due_on))
        .where(Instalment.plan_id == Plan.id, Instalment.status.in_(OPEN_PARTS))
        .correlate(Plan)
        .scalar_subquery()
    )
    due_on = (
        select(func.min(Instalment.due_on))
        .where(Instalment.plan_id == Plan.id, Instalment.status == InstalmentStatus.SCHEDULED)
        .correlate(Plan)
        .scalar_subquery()
    )
    collector = aliased(Staff)
    known = session.execute(
        select(
            Plan, Account, collector.name.label("collector"), next_on.label("next_on"), due_on.label("due_on")
        )
        .join(Account, Account.id == Plan.account_id)
        .outerjoin(collector, collector.id == Account.collector_id)
        .where(*narrow)
    ).all()
    kinds = {show: [r for r in known if _is(r, show, risks, now)] for show in Show}
    chosen = sorted(kinds[show], key=lambda r: (r.next_on or date.max, r.Plan.id))
    came = plan_reads.received(session, [r.Plan for r in chosen]) if chosen else {}
    shown = chosen[first : first + PAGE]
    parts = _parts(session, [r.Plan.id for r in shown])
    return PlanDesk(
        rows=[_row(r, parts[r.Plan.id], came[r.Plan.id], risks.get(r.Plan.id, ()), now) for r in shown],
        totals=_totals([(r.Plan, came[r.Plan.id]) for r in chosen]),
        counts={show: len(rows) for show, rows in kinds.items()},
        currencies=sorted({r.Plan.currency for r in known} | ({currency} if currency else set())),
        more=len(chosen) > first + PAGE,
    )


def _is(r: Any, show: Show, risks: Mapping[int, tuple[PlanRisk, ...]], now: datetime) -> bool:
    plan = r.Plan
    if show is Show.SIGNATURE:
        return plan.status in (PlanStatus.PROPOSED, PlanStatus.AWAITING_APPROVAL)
    if show is Show.BROKEN:
        return plan.status is PlanStatus.DEFAULTED
    if plan.status is not PlanStatus.ACTIVE:
        return False
    if show is Show.RISK:
        return plan.id in risks
    return show is Show.RUNNING or r.due_on == business_date(now, r.Account.zone)


def _parts(session: Session, plan_ids: Sequence[int]) -> dict[int, list[Instalment]]:
    found: dict[int, list[Instalment]] = {plan_id: [] for plan_id in plan_ids}
    rows = (
        select(Instalment)
        .where(Instalment.plan_id.in_(plan_ids))
        .order_by(Instalment.plan_id, Instalment.seq)
    )
    for part in session.scalars(rows):
        found[part.plan_id].append(part)
    return found


def _totals(plans_: Sequence[tuple[Plan, plan_reads.Received]]) -> list[Total]:
    by_code: dict[str, list[Money]] = {}
    for plan, came in plans_:
        by_code.setdefault(plan.currency, []).append(plan_reads.left_of(plan, came))
    return [Total(len(sums), total(sums, code)) for code, sums in sorted(by_code.items())]


def _row(
    r: Any, parts: Sequence[Instalment], came: plan_reads.Received, risks: tuple[PlanRisk, ...], now: datetime
) -> PlanRow:
    plan, account = r.Plan, r.Account
    coming = next((part for part in parts if plan_reads.remainder(parts, plan, came, part)), None)
    signing = plan.status is PlanStatus.PROPOSED
    until = business_date(plan_reads.open_to(plan), account.zone) if signing else plan.cure_until_on
    return PlanRow(
        ref=plan.ref,
        number=plan_reads.number_of(plan),
        account_ref=account.ref,
        account_name=account.name,
        account_number=account.number,
        zone=account.zone,
        collector=r.collector,
        status=plan.status,
        total=Money(plan.total_minor, plan.currency),
        left=plan_reads.left_of(plan, came),
        parts=len(parts),
        paid=sum(part.status is InstalmentStatus.PAID for part in parts),
        missed=sum(part.status is InstalmentStatus.MISSED for part in parts),
        next_seq=coming.seq if coming else None,
        next_on=coming.due_on if coming else None,
        next_amount=plan_reads.remainder(parts, plan, came, coming) if coming else None,
        by_card=plan.pays_by is PaysBy.CARD,
        until=until,
        today=business_date(now, account.zone),
        risks=risks,
    )


# --------------------------------------------------------------------------- before a plan is cancelled


@dataclass(frozen=True, slots=True)
class FreedRow:
    """One document that is asked for again once its plan has ended."""

    ref: str
    number: str
    due_on: date | None
    days_late: int
    asked: Money


@dataclass(frozen=True, slots=True)
class Ending:
    """What a cancellation would leave; nothing is written.

    Attributes:
        freed: documents with what would be asked for on each.
        asked: their sum.
        card: whether a saved card would have been charged.
    """

    account_ref: str
    plan: plan_reads.PlanView
    freed: Sequence[FreedRow]
    asked: Money
    card: bool


def ending(session: Session, actor: Actor, ref: str, *, now: datetime) -> Ending:
    """Return what becomes of a plan's documents if it is cancelled now.

    Raises:
        NotAllowed, NotFound. Refused: plan_gone.
    """
    plan = plan_reads.find(session, actor, ref, permission=Permission.PLAN_CANCEL)
    if not plan_ends.is_running(plan):
        raise Refused("plan_gone")
    view = plan_reads.view(session, actor, ref, now=now)
    covered = {cover.ref for cover in view.covers}
    rows = [
        row
        for row in invoices.open_rows(session, plan.account_id, view.today, currency=plan.currency)
        if row.ref in covered and not row.handed_over
    ]
    freed = [_freed(row) for row in rows if row.open_part]
    account_ref = session.get_one(Account, plan.account_id).ref
    asked = total([row.asked for row in freed], plan.currency)
    return Ending(account_ref, view, freed, asked, plan.pays_by is PaysBy.CARD)


def _freed(row: InvoiceRow) -> FreedRow:
    return FreedRow(row.ref, row.number, row.due_on, row.days_late, row.open_part)
