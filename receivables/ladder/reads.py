"""Why here, what next, when: the ladder of one account in facts that pages and commands word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.ladder import LadderMeeting, LadderStep, Met
from models.money import Money
from models.states import StepStatus
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import Finding, look
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy


@dataclass(frozen=True, slots=True)
class Place:
    """One document on its ladder.

    Attributes:
        met: the last rung it met in this cycle and how, None before the first.
        next_rung, on: what comes, and the earliest day for it; both None while it waits or at the top.
        waits_for, until: why nothing comes, and to when where that is known.
    """

    number: str
    invoice_ref: str
    asked: Money
    ladder: str
    age: int
    met: str | None
    met_on: date | None
    how: Met | None
    next_rung: str | None
    on: date | None
    waits_for: str | None
    until: date | None


def places(session: Session, actor: Actor, account: Account, *, now: datetime) -> list[Place]:
    """Return where each open document of an account stands, in the order in which they are due.

    Raises: NotAllowed, NotFound: the actor may not see it.
    """
    require(actor, Permission.LADDER_READ, account_id=account.id)
    found = look(
        session, [account.id], ladders=ladders_in_force(session, now), policy=current_policy(session, now),
        now=now,
    )  # fmt: skip
    if not found:
        return []
    meetings = _last_met(session, [f.invoice_id for f in found[0].findings])
    return [_place(finding, meetings.get(finding.invoice_id)) for finding in found[0].findings]


def _place(finding: Finding, meeting: Any) -> Place:
    of_this_cycle = meeting is not None and meeting.cycle == finding.position.cycle
    return Place(
        number=finding.row.number,
        invoice_ref=finding.row.ref,
        asked=finding.row.asked,
        ladder=finding.ladder.name,
        age=finding.age,
        met=meeting.rung if of_this_cycle else None,
        met_on=meeting.met_on if of_this_cycle else None,
        how=meeting.how if of_this_cycle else None,
        next_rung=finding.rung.code if finding.rung else None,
        on=finding.on,
        waits_for=finding.waits_for,
        until=finding.until,
    )


def _last_met(session: Session, invoice_ids: list[int]) -> dict[int, Any]:
    rows = session.execute(
        select(
            LadderMeeting.invoice_id, LadderMeeting.cycle, LadderMeeting.rung, LadderMeeting.met_on,
            LadderMeeting.how,
        )
        .where(LadderMeeting.invoice_id.in_(invoice_ids))
        .order_by(LadderMeeting.id)
    )  # fmt: skip
    return {row.invoice_id: row for row in rows}


@dataclass(frozen=True, slots=True)
class Batch:
    """Proposed steps of one rung, for approval together: how many, how much in each currency."""

    ladder: str
    rung: str
    gate: str
    count: int
    currency: str
    amount: Money


def batches(session: Session, actor: Actor) -> list[Batch]:
    """Return what waits for a person, by ladder, rung and currency; the gentlest rung first."""
    require(actor, Permission.LADDER_READ)
    rows = session.execute(
        select(
            LadderStep.ladder, LadderStep.rung, LadderStep.gate, LadderStep.currency,
            func.count().label("steps"), func.sum(LadderStep.amount_minor).label("minor"),
        )
        .where(LadderStep.status == StepStatus.PROPOSED)
        .group_by(LadderStep.ladder, LadderStep.seq, LadderStep.rung, LadderStep.gate, LadderStep.currency)
        .order_by(LadderStep.ladder, LadderStep.seq, LadderStep.currency)
    )  # fmt: skip
    return [
        Batch(r.ladder, r.rung, r.gate, r.steps, r.currency, Money(int(r.minor), r.currency)) for r in rows
    ]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposed step as a person decides it."""

    ref: str
    account_ref: str
    account_name: str
    account_number: str
    ladder: str
    rung: str
    gate: str
    amount: Money
    oldest_days: int
    documents: int
    business_on: date
    held_back: str | None


def proposals(
    session: Session, actor: Actor, *, ladder: str | None = None, rung: str | None = None, most: int = 100
) -> list[Proposal]:
    """Return proposed steps, the largest amounts first; all, or of one ladder and rung."""
    require(actor, Permission.LADDER_READ)
    query = (
        select(LadderStep, Account.ref, Account.name, Account.number)
        .join(Account, Account.id == LadderStep.account_id)
        .where(LadderStep.status == StepStatus.PROPOSED)
        .order_by(LadderStep.amount_minor.desc(), LadderStep.id)
        .limit(most)
    )
    if ladder is not None:
        query = query.where(LadderStep.ladder == ladder)
    if rung is not None:
        query = query.where(LadderStep.rung == rung)
    return [
        Proposal(
            step.ref, ref, name, number, step.ladder, step.rung, step.gate,
            Money(step.amount_minor, step.currency), step.facts["oldest"], len(step.facts["invoices"]),
            step.business_on, step.held_back,
        )
        for step, ref, name, number in session.execute(query)
    ]  # fmt: skip
