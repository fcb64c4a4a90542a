"""Instalment plans: proposed, then signed or asked for, or taken back, by the debtor.

Inside the policy's band a plan is active with its acceptance; beyond it the signed request waits for a
person who did not propose it (plan_deciding.py). A move and what the plan holds are written together
(decision 12). Source: domain.md, "Arrangements"; decisions 7, 8, 10, 12, 14; M-15, A-02, C-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, Plan, PlanInvoice
from models.messages import Purpose
from models.pauses import PauseReason
from models.states import InstalmentStatus, PlanStatus, advance
from models.work import Task, TaskKind
from receivables import outbox, pauses
from receivables.arrangements import offers, plan_counts, plan_days, plan_ends, plan_reads
from receivables.arrangements.plan_covers import covers_of, still_covers
from receivables.arrangements.plan_outlook import kept_promises
from receivables.arrangements.plan_terms import Cover, Draft, Wish, band_of, digest_of, draft, frozen
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.signatories import require_signatory
from receivables.texts import clean_words, one_line

#: Longest name or role in a signature, characters.
MOST_NAME = 120


@dataclass(frozen=True, slots=True)
class Signature:
    """Who agrees: name and role as typed, that he may bind the business, and where it was done."""

    name: str
    role: str
    may_bind: bool
    language: str
    ip_prefix: str | None


# --------------------------------------------------------------------------- proposing


def propose(
    session: Session,
    actor: Actor,
    *,
    account_id: int,
    currency: str,
    invoice_refs: Sequence[str],
    wish: Wish,
    now: datetime,
) -> Plan:
    """Write a plan down as the debtor worked it out, for him to read and sign; it binds nobody yet.

    It stays for seven days (decision 10). The same figures give the same draft; other figures take
    the place of the debtor's earlier drafts.

    Args:
        invoice_refs: what is covered: all that is asked on these invoices, one at least.
    Returns:
        The plan, `proposed`; its terms say whether it goes beyond the band.
    Raises:
        Refused: none_chosen, invoice_not_open, and as `plan_terms.draft`.
        NotAllowed, NotFound.
    """
    require(actor, Permission.PLAN_MAKE, account_id=account_id)
    account = lock_account(session, account_id)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    covers, whole = covers_of(session, account, currency, invoice_refs, today=today)
    band = band_of(policy, whole, kept_promises=kept_promises(session, account.id), today=today)
    found = draft(policy, whole, wish, band, today=today, country=account.country)
    terms = frozen(found, covers, policy)
    digest = digest_of(terms)
    for earlier in session.scalars(
        select(Plan).where(
            Plan.account_id == account.id,
            Plan.status == PlanStatus.PROPOSED,
            Plan.proposed_by_staff_id.is_(None),
        )
    ).all():
        if earlier.terms_digest == digest and not _is_stale(earlier, now):
            return earlier
        advance(earlier, PlanStatus.DECLINED)
        earlier.ended_at = now
        facts = {**plan_counts.facts_of(earlier), "digest": earlier.terms_digest}
        record(session, actor, "plan.replaced", earlier, account_id=account.id, now=now, facts=facts)
    return write_down(session, actor, account, found, covers, terms, now=now)


def write_down(
    session: Session,
    actor: Actor,
    account: Account,
    found: Draft,
    covers: Sequence[Cover],
    terms: dict[str, Any],
    *,
    now: datetime,
    contact_id: int | None = None,
    replaces: Plan | None = None,
) -> Plan:
    """Write a plan with what it covers and its parts; its terms are not agreed yet.

    Args:
        replaces: the running plan that ends when this one is signed.
    """
    staff_id = actor.id if actor.kind is ActorKind.STAFF else None
    plan = Plan(
        account_id=account.id,
        contact_id=contact_id or actor.contact_id,
        status=PlanStatus.PROPOSED,
        currency=found.total.currency,
        total_minor=found.total.minor,
        parts=len(found.parts),
        every=found.wish.every,
        pays_by=found.wish.pays_by,
        proposed_by_staff_id=staff_id,
        proposed_at=now,
        terms=terms,
        terms_digest=digest_of(terms),
        policy_version_id=terms["policy_version"],
        replaces_id=replaces.id if replaces is not None else None,
    )
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInvoice(
            plan_id=plan.id,
            invoice_id=c.invoice_id,
            covered_minor=c.covered.minor,
            beside_minor=c.outside_minor + c.credited_minor,
            blocking=False,
        )
        for c in covers
    )
    session.add_all(
        Instalment(
            plan_id=plan.id,
            seq=part.seq,
            due_on=part.on,
            amount_minor=part.amount.minor,
            status=InstalmentStatus.SCHEDULED,
        )
        for part in found.parts
    )
    session.flush()
    facts = {
        "total_minor": plan.total_minor,
        "currency": plan.currency,
        "parts": plan.parts,
        "digest": plan.terms_digest,
        "outside": list(found.outside),
    }
    record(session, actor, "plan.proposed", plan, account_id=account.id, now=now, facts=facts)
    return plan


# --------------------------------------------------------------------------- accepting


def accept(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    digest: str,
    signature: Signature,
    reason: str = "",
    words: Sequence[str] = (),
    now: datetime,
) -> Plan:
    """Sign a plan: active at once inside the band or as proposed by us, else a request to a person.

    Freezes the terms with the words that were shown. Open payment pages of its invoices are ended
    (decision 14); its invoices leave what is asked for and are paused. A second call finds it done.

    Args:
        digest: of the terms that were read.
        reason: why more than the rules give is asked for; needed beyond the band only.
        words: the agreement as it was shown, sentence by sentence, in the signer's language.
    Returns:
        The plan, `active` or `awaiting_approval`.
    Raises:
        Refused: plan_gone, plan_changed, plan_days_passed, name_missing, role_missing, bind_missing,
            reason_missing, words_too_long, not_signatory (facts: names).
        NotAllowed: staff cannot sign for a debtor. NotFound.
    """
    plan = plan_to_change(session, actor, ref)
    if actor.kind is not ActorKind.LINK_HOLDER:
        raise NotAllowed("not_allowed", permission=Permission.PLAN_MAKE.value)
    account = session.get_one(Account, plan.account_id)
    signed = plan.status in (PlanStatus.ACTIVE, PlanStatus.AWAITING_APPROVAL, PlanStatus.COMPLETED)
    if signed and plan.terms.get("offered_digest") == digest:
        return plan
    if plan.status is not PlanStatus.PROPOSED or _is_stale(plan, now):
        raise Refused("plan_gone")
    if digest != plan.terms_digest:
        raise Refused("plan_changed")
    _sign(plan, actor, signature, words, now=now)
    require_signatory(session, actor, account)
    plan_ends.end_replaced(session, actor, account, plan, now=now)
    policy = current_policy(session, now)
    beyond = plan.proposed_by_staff_id is None and bool(plan.terms["outside"])
    if beyond:
        plan.reason = clean_words(reason, most=2000)
        if not plan.reason:
            raise Refused("reason_missing")
    still_covers(session, account, plan, now=now)
    if beyond:
        ask_for_approval(session, actor, account, plan, policy, now=now)
    else:
        activate(session, actor, account, plan, now=now)
    return plan


def _sign(plan: Plan, actor: Actor, signature: Signature, words: Sequence[str], *, now: datetime) -> None:
    """Write the signature and the words into the plan, and its digest anew.

    Raises: Refused: name_missing, role_missing, bind_missing, words_too_long.
    """
    name = clean_words(one_line(signature.name), most=MOST_NAME)
    role = clean_words(one_line(signature.role), most=MOST_NAME)
    if not any(letter.isalnum() for letter in name):
        raise Refused("name_missing")
    if not any(letter.isalnum() for letter in role):
        raise Refused("role_missing")
    if not signature.may_bind:
        raise Refused("bind_missing")
    plan.contact_id = actor.contact_id or plan.contact_id
    plan.accepted_name, plan.accepted_role = name, role
    plan.accepted_language, plan.accepted_ip_prefix = signature.language, signature.ip_prefix
    plan.accepted_at = now
    plan.terms = {
        **plan.terms,
        "offered_digest": plan.terms_digest,
        "language": signature.language,
        "words": list(words),
    }
    plan.terms_digest = digest_of(plan.terms)


def activate(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    ids = session.scalars(select(PlanInvoice.invoice_id).where(PlanInvoice.plan_id == plan.id)).all()
    attempts.supersede(session, actor, ids, reason="plan", now=now)
    offers.void_changed(session, actor, ids, why="plan", now=now)
    plan_counts.end_defaulted(session, actor, account, ids, now=now)
    advance(plan, PlanStatus.ACTIVE)
    session.flush()
    plan_counts.hold(session, actor, account, plan, now=now)
    record(
        session, actor, "plan.activated", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.activated", now=now, actor=actor)
    key = f"plan_activated:{plan.id}"
    plan_days.tell(session, actor, plan, "plan_activated", purpose=Purpose.ANSWER, key=key, now=now)


def ask_for_approval(
    session: Session, actor: Actor, account: Account, plan: Plan, policy: Policy, *, now: datetime
) -> None:
    """Let a second person decide on what goes beyond the rules."""
    advance(plan, PlanStatus.AWAITING_APPROVAL)
    today = business_date(now, account.zone)
    plan.answer_by_on = add_business_days(today, policy.pauses.answer_business_days, account.country)
    if plan.proposed_by_staff_id is None:  # nobody waits for an answer to what we put forward ourselves
        key = f"plan:{plan.id}:answer"
        pauses.pause(session, actor, account, PauseReason.AWAITING_OUR_ANSWER, key=key, now=now)
    outbox.ask_person(
        session,
        TaskKind.APPROVAL,
        f"approval:plan:{plan.id}",
        account_id=account.id,
        now=now,
        facts={
            "plan": plan_reads.number_of(plan),
            "plan_ref": plan.ref,
            "amount_minor": plan.total_minor,
            "currency": plan.currency,
        },
    )
    record(
        session, actor, "plan.requested", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.requested", now=now, actor=actor)


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> Plan:
    """Take a request back, or say no to a plan that is only proposed.

    Raises: Refused: plan_gone. NotAllowed, NotFound.
    """
    plan = plan_to_change(session, actor, ref)
    account = session.get_one(Account, plan.account_id)
    if plan.status in (PlanStatus.WITHDRAWN, PlanStatus.DECLINED):
        return plan
    if plan.status is PlanStatus.AWAITING_APPROVAL:
        advance(plan, PlanStatus.WITHDRAWN)
        answered(session, actor, account, plan, now=now)
    elif plan.status is PlanStatus.PROPOSED:
        advance(plan, PlanStatus.DECLINED)
        pauses.resume(session, actor, account, f"plan:{plan.id}:offered", now=now)
    else:
        raise Refused("plan_gone")
    plan.ended_at = now
    record(
        session, actor, "plan.withdrawn", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.withdrawn", now=now, actor=actor)
    return plan


def answered(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    """End what waited for our answer: the pause and the task."""
    pauses.resume(session, actor, account, f"plan:{plan.id}:answer", now=now)
    task = session.scalar(select(Task).where(Task.key == f"approval:plan:{plan.id}"))
    if task is not None and task.done_at is None:
        task.done_at = now
        task.done_by_id = actor.id if actor.kind is ActorKind.STAFF else None


# --------------------------------------------------------------------------- finding


def lock_account(session: Session, account_id: int) -> Account:
    """Lock the account, as everywhere before invoices and plans (M-07)."""
    return session.get_one(Account, account_id, with_for_update=True, populate_existing=True)


def lock_plan(session: Session, ref: str) -> Plan:
    account_id = session.scalar(select(Plan.account_id).where(Plan.ref == ref))
    if account_id is None:
        raise NotFound("not_found")
    lock_account(session, account_id)
    return session.scalars(
        select(Plan).where(Plan.ref == ref).execution_options(populate_existing=True)
    ).one()


def plan_to_change(session: Session, actor: Actor, ref: str) -> Plan:
    """Return a plan that the actor may make or change, its account locked.

    Raises: NotAllowed, NotFound.
    """
    plan_reads.find(session, actor, ref, permission=Permission.PLAN_MAKE)
    return lock_plan(session, ref)


def _is_stale(plan: Plan, now: datetime) -> bool:
    return now > plan_reads.open_to(plan)
