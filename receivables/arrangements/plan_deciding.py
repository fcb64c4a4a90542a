"""A requested plan is decided: approved, refused, answered with other terms; never by its proposer.

Source: domain.md, "Arrangements"; A-02, A-03; policy approvals.plan_parts and approvals.plan_amount.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Every, Plan
from models.messages import Purpose
from models.money import Money
from models.pauses import PauseReason
from models.states import PlanStatus, advance
from receivables import four_eyes, pauses
from receivables.arrangements import plan_counts, plan_days, plan_proposing, plan_reads
from receivables.arrangements.plan_covers import covers_of, replaced_by, still_covers
from receivables.arrangements.plan_outlook import kept_promises
from receivables.arrangements.plan_terms import Wish, band_of, draft, frozen
from receivables.arrangements.plans import activate, answered, lock_plan, write_down
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotAllowed, Refused
from receivables.four_eyes import Eyes, Standing
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.texts import clean_words


def approve(
    session: Session,
    actor: Actor,
    plan_ref: str,
    *,
    digest: str,
    now: datetime,
    proved_at: datetime | None = None,
) -> Plan:
    """Approve a plan: a requested one is signed already and active at once, one of ours goes to be signed.

    Args:
        digest: of the terms that were read.
        proved_at: when the actor last gave password and code; needed of one who decides alone.
    Raises:
        NotAllowed: not staff with this permission, or `own_proposal`. NotFound.
        Refused: plan_gone, plan_changed, plan_days_passed (name other terms then), above_limit (facts:
            most), and those of one who decides alone (`four_eyes.look`).
    """
    plan, account = _to_decide(session, actor, plan_ref, digest)
    eyes = _check_limit(session, actor, plan, plan.parts, proved_at=proved_at, now=now)
    still_covers(session, account, plan, now=now)
    _decide(session, actor, account, plan, None, now=now)
    plan.is_alone = eyes.is_alone
    record(
        session, actor, "approval.decided", plan, account_id=plan.account_id, now=now,
        facts={"kind": "plan", "to": "approved", "digest": plan.terms_digest, **eyes.facts},
    )  # fmt: skip
    if eyes.is_alone:
        four_eyes.tell_owner(session, actor, about=account.name, ref=plan.ref, now=now)
    if plan.accepted_at is None:  # put forward by the desk: now it is the debtor's to sign
        advance(plan, PlanStatus.PROPOSED)
        plan_proposing.offer(session, actor, account, plan, now=now)
    else:
        activate(session, actor, account, plan, now=now)
    return plan


def refuse(
    session: Session, actor: Actor, plan_ref: str, *, digest: str = "", reason: str, now: datetime
) -> Plan:
    """Refuse a requested plan with a reason that the debtor reads.

    Raises: as `approve`, and Refused: reason_missing, words_too_long.
    """
    plan, account = _to_decide(session, actor, plan_ref, digest)
    _refuse_own(plan, actor)
    _decide(session, actor, account, plan, _reason(reason), now=now)
    advance(plan, PlanStatus.DECLINED)
    plan.ended_at = now
    record(
        session, actor, "plan.refused", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.refused", now=now, actor=actor)
    if plan.accepted_at is not None:  # whoever did not ask hears nothing
        key = f"plan_answered:{plan.id}"
        plan_days.tell(session, actor, plan, "plan_answered", purpose=Purpose.ANSWER, key=key, now=now)
    return plan


def counter(
    session: Session,
    actor: Actor,
    plan_ref: str,
    *,
    digest: str = "",
    parts: int,
    first_on: date,
    every: Every | None = None,
    reason: str,
    now: datetime,
) -> Plan:
    """Answer a request with other terms: a new plan over the same invoices, for the debtor to sign.

    The chasing stands still while it is his to decide.

    Returns:
        The new plan, `proposed`.
    Raises:
        As `approve`, Refused also: reason_missing, and as `plan_terms.draft`.
    """
    plan, account = _to_decide(session, actor, plan_ref, digest)
    _refuse_own(plan, actor)
    _check_limit(session, actor, plan, parts, proved_at=None, now=now)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    refs = [agreed["ref"] for agreed in plan.terms["invoices"]]
    older = replaced_by(session, plan)
    covers, whole = covers_of(session, account, plan.currency, refs, today=today, replaces=older)
    band = band_of(policy, whole, kept_promises=kept_promises(session, account.id), today=today)
    # Whoever names other terms may leave the down payment of the band aside.
    wish = Wish(parts, first_on, every or plan.every, pays_by=plan.pays_by)
    found = draft(policy, whole, wish, replace(band, down=None), today=today, country=account.country)
    _decide(session, actor, account, plan, _reason(reason), now=now)
    advance(plan, PlanStatus.DECLINED)
    plan.ended_at = now
    terms = frozen(found, covers, policy)
    new = write_down(
        session, actor, account, found, covers, terms, now=now, contact_id=plan.contact_id, replaces=older
    )
    new.reason = plan.decision_reason
    pauses.pause(
        session,
        actor,
        account,
        PauseReason.PLAN,
        key=f"plan:{new.id}:offered",
        now=now,
        to_on=business_date(plan_reads.open_to(new), account.zone),
    )
    record(
        session, actor, "plan.countered", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.countered", now=now, actor=actor)
    asked = plan.accepted_at is not None
    kind, purpose = ("plan_answered", Purpose.ANSWER) if asked else ("plan_proposed", Purpose.ARRANGEMENT)
    plan_days.tell(session, actor, new, kind, purpose=purpose, key=f"{kind}:{new.id}", now=now)
    return new


def _to_decide(session: Session, actor: Actor, ref: str, digest: str) -> tuple[Plan, Account]:
    require(actor, Permission.APPROVAL_DECIDE)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.APPROVAL_DECIDE.value)
    plan = lock_plan(session, ref)
    if plan.status is not PlanStatus.AWAITING_APPROVAL:
        raise Refused("plan_gone")
    if digest and digest != plan.terms_digest:
        raise Refused("plan_changed")
    return plan, session.get_one(Account, plan.account_id)


def _refuse_own(plan: Plan, actor: Actor) -> None:
    if plan.proposed_by_staff_id is not None and plan.proposed_by_staff_id == actor.id:
        raise NotAllowed("own_proposal")


def fits(policy: Policy, standing: Standing, parts: int, total: Money) -> bool:
    """Whether a standing may allow so many parts and so large a plan."""
    return parts <= policy.approvals.plan_parts.get(standing.role.value, 0) and four_eyes.is_within_units(
        policy, policy.approvals.plan_amount, standing, total
    )


def _check_limit(
    session: Session, actor: Actor, plan: Plan, parts: int, *, proved_at: datetime | None, now: datetime
) -> Eyes:
    policy, total = current_policy(session, now), Money(plan.total_minor, plan.currency)
    most = policy.approvals.plan_parts.get(actor.role.value, 0) if actor.role else 0
    return four_eyes.look(
        session, actor, proposer_id=plan.proposed_by_staff_id, proposed_at=plan.proposed_at,
        fits=lambda standing: fits(policy, standing, parts, total),
        beyond=Refused("above_limit", most=most), proved_at=proved_at, now=now,
    )  # fmt: skip


def _reason(reason: str) -> str:
    kept = clean_words(reason, most=2000)
    if not kept:
        raise Refused("reason_missing")
    return kept


def _decide(
    session: Session, actor: Actor, account: Account, plan: Plan, reason: str | None, *, now: datetime
) -> None:
    plan.decided_by_id, plan.decided_at, plan.decision_reason = actor.id, now, reason
    answered(session, actor, account, plan, now=now)
