"""The desk ends a plan that runs: cancelled by a person with a reason, or replaced by one that was signed.

What was paid stays paid; the rest is asked for as if there had been no plan, and the ladder goes on where it
stood. A charge that has no answer yet is not made any more. Source: domain.md, "Statuses and their moves";
issue D, part 8.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Plan
from models.messages import Purpose
from models.states import PlanStatus, advance
from models.work import Task, TaskKind
from receivables import outbox
from receivables.arrangements import plan_counts, plan_days, plan_reads
from receivables.audit import record
from receivables.errors import NotAllowed, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.texts import clean_words

#: Longest reason, characters; the debtor reads it.
REASON_MOST = 500


def cancel(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Plan:
    """End a plan that runs or may still be cured, and tell the debtor why.

    Args:
        reason: why, in words that the debtor reads, at most REASON_MOST characters.
    Returns:
        The plan, `cancelled`; a defaulted one stays so and has ended.
    Raises:
        NotAllowed: not staff with this permission. NotFound.
        Refused: plan_gone, it does not run any more; reason_missing, words_too_long.
    """
    plan = plan_reads.find(session, actor, ref, permission=Permission.PLAN_CANCEL)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.PLAN_CANCEL.value)
    account = session.get_one(Account, plan.account_id, with_for_update=True, populate_existing=True)
    session.refresh(plan)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    if not is_running(plan):
        raise Refused("plan_gone")
    plan.decision_reason = words
    _end(session, actor, account, plan, why="cancelled", reason=words, now=now)
    plan_days.tell(
        session, actor, plan, "plan_cancelled", purpose=Purpose.ARRANGEMENT, key=f"plan_cancelled:{plan.id}",
        now=now,
    )  # fmt: skip
    return plan


def end_replaced(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    """End the plan whose place a signed one takes; nothing to do where it takes none, or that has ended."""
    older = session.get(Plan, plan.replaces_id) if plan.replaces_id is not None else None
    if older is None or not is_running(older):
        return
    _end(session, actor, account, older, why="new_plan", reason=None, now=now)


def is_running(plan: Plan) -> bool:
    """Whether a plan runs, or has stopped and may still be cured."""
    return plan.status in (PlanStatus.ACTIVE, PlanStatus.DEFAULTED) and plan.ended_at is None


def _end(
    session: Session,
    actor: Actor,
    account: Account,
    plan: Plan,
    *,
    why: str,
    reason: str | None,
    now: datetime,
) -> None:
    require(actor, Permission.PLAN_MAKE, account_id=account.id)
    plan_counts.supersede_charges(session, actor, plan, now=now)
    staff_id = actor.id if actor.kind is ActorKind.STAFF else None
    _close_tasks(session, plan, staff_id=staff_id, now=now)
    if plan.status is PlanStatus.DEFAULTED:
        plan_counts.end(session, actor, account, plan, why=why, now=now)
    else:
        advance(plan, PlanStatus.CANCELLED)
        plan.ended_at = now
        plan_counts.let_go(session, actor, account, plan, now=now)
        facts = {**plan_counts.facts_of(plan), "why": why}
        record(
            session, actor, "plan.cancelled", plan, account_id=account.id, now=now, facts=facts, reason=reason
        )
    told = "plan.replaced" if why == "new_plan" else "plan.cancelled"
    facts = {**plan_counts.facts_of(plan), **({"words": reason} if reason else {})}
    outbox.note(
        session, account.id, told, contact_id=actor.contact_id, staff_id=staff_id, now=now, facts=facts
    )


def _close_tasks(session: Session, plan: Plan, *, staff_id: int | None, now: datetime) -> None:
    """Take off the list what was asked about a plan that is over."""
    asked = select(Task).where(
        Task.kind == TaskKind.PLAN_TROUBLE,
        Task.key.startswith(f"plan:{plan.id}:", autoescape=True),
        Task.done_at.is_(None),
    )
    for task in session.scalars(asked):
        task.done_at, task.done_by_id = now, staff_id
