"""Instalment plans: proposed, accepted or asked for, decided by a second person, changed by the debtor.

Inside the policy's band a plan is active with its acceptance; beyond it the signed request waits for a
person who did not propose it. A move and what the plan holds are written together (decision 12).
Source: domain.md, "Arrangements"; decisions 7, 8, 10, 12, 14; M-15, A-02, A-03, C-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Every, Instalment, PaysBy, Plan, PlanInvoice, SavedCard
from models.invoices import Invoice
from models.messages import Purpose
from models.money import Money, total
from models.pauses import PauseReason
from models.payments import Allocation
from models.states import CardStatus, InstalmentStatus, PlanStatus, advance
from models.work import Task, TaskKind
from receivables import invoices, outbox, pauses
from receivables.arrangements import offers, plan_counts, plan_days, plan_reads
from receivables.arrangements.plan_days import charge_amount, charge_failed, due_charges
from receivables.arrangements.plan_reads import DRAFT_LIFE, kept_promises, may_be_covered
from receivables.arrangements.plan_terms import Cover, Draft, Wish, band_of, digest_of, draft, frozen
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow
from receivables.texts import clean_words, one_line

__all__ = [
    "Signature", "accept", "approve", "charge_amount", "charge_failed", "counter", "due_charges",
    "forget_card", "move_part", "pay_by_card", "pay_by_link", "propose", "refuse", "withdraw",
]  # fmt: skip

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
    account = _locked(session, account_id)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    covers, whole = _cover(session, account, currency, invoice_refs, today=today)
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
    return _write(session, actor, account, found, covers, terms, now=now)


def _write(
    session: Session,
    actor: Actor,
    account: Account,
    found: Draft,
    covers: Sequence[Cover],
    terms: dict[str, Any],
    *,
    now: datetime,
    contact_id: int | None = None,
) -> Plan:
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
    )
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInvoice(plan_id=plan.id, invoice_id=c.invoice_id, covered_minor=c.covered.minor, blocking=False)
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


def _cover(
    session: Session, account: Account, currency: str, refs: Sequence[str], *, today: date
) -> tuple[list[Cover], Money]:
    """Return what of each invoice a plan would cover, and the sum.

    Raises: Refused: none_chosen, invoice_not_open.
    """
    if not refs:
        raise Refused("none_chosen")
    rows = {
        row.ref: row
        for row in invoices.open_rows(session, account.id, today, currency=currency)
        if row.ref in refs and may_be_covered(row)
    }
    if missing := sorted(set(refs) - set(rows)):
        raise Refused("invoice_not_open", ref=missing[0])
    ids = {r.ref: r.id for r in session.execute(select(Invoice.ref, Invoice.id).where(Invoice.ref.in_(rows)))}
    credited = {
        r.invoice_id: int(r.minor)
        for r in session.execute(
            select(Allocation.invoice_id, func.sum(Allocation.amount_minor).label("minor"))
            .where(Allocation.invoice_id.in_(ids.values()), Allocation.credit_note_id.is_not(None))
            .group_by(Allocation.invoice_id)
        )
    }
    covers = [_of(row, ids[row.ref], credited.get(ids[row.ref], 0)) for row in rows.values()]
    return covers, total([cover.covered for cover in covers], currency)


def _of(row: InvoiceRow, invoice_id: int, credited: int) -> Cover:
    return Cover(
        invoice_id=invoice_id,
        ref=row.ref,
        number=row.number,
        covered=row.asked,
        outside_minor=row.balance.minor - row.asked.minor,
        credited_minor=credited,
    )


def _still_covers(session: Session, account: Account, plan: Plan, *, now: datetime) -> None:
    """Refuse a plan whose invoices stand otherwise than it says, or whose first day has passed.

    Raises: Refused: plan_changed, plan_days_passed.
    """
    today = business_date(now, account.zone)
    agreed = plan.terms["invoices"]
    try:
        covers, _ = _cover(session, account, plan.currency, [i["ref"] for i in agreed], today=today)
    except Refused:
        raise Refused("plan_changed") from None
    if {c.ref: c.covered.minor for c in covers} != {i["ref"]: i["minor"] for i in agreed}:
        raise Refused("plan_changed")
    if date.fromisoformat(plan.terms["parts"][0]["on"]) < today:
        raise Refused("plan_days_passed")


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
            reason_missing, words_too_long.
        NotAllowed: staff cannot sign for a debtor. NotFound.
    """
    plan = _found(session, actor, ref)
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
    policy = current_policy(session, now)
    beyond = plan.proposed_by_staff_id is None and bool(plan.terms["outside"])
    if beyond:
        plan.reason = clean_words(reason, most=2000)
        if not plan.reason:
            raise Refused("reason_missing")
    _still_covers(session, account, plan, now=now)
    if beyond:
        _ask_for_approval(session, actor, account, plan, policy, now=now)
    else:
        _activate(session, actor, account, plan, now=now)
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


def _activate(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    ids = session.scalars(select(PlanInvoice.invoice_id).where(PlanInvoice.plan_id == plan.id)).all()
    attempts.supersede(session, actor, ids, reason="plan", now=now)
    offers.void_changed(session, actor, ids, why="plan", now=now)
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


def _ask_for_approval(
    session: Session, actor: Actor, account: Account, plan: Plan, policy: Policy, *, now: datetime
) -> None:
    advance(plan, PlanStatus.AWAITING_APPROVAL)
    today = business_date(now, account.zone)
    plan.answer_by_on = add_business_days(today, policy.pauses.answer_business_days, account.country)
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
    plan = _found(session, actor, ref)
    account = session.get_one(Account, plan.account_id)
    if plan.status in (PlanStatus.WITHDRAWN, PlanStatus.DECLINED):
        return plan
    if plan.status is PlanStatus.AWAITING_APPROVAL:
        advance(plan, PlanStatus.WITHDRAWN)
        _answered(session, actor, account, plan, now=now)
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


# --------------------------------------------------------------------------- deciding


def approve(session: Session, actor: Actor, plan_ref: str, *, digest: str, now: datetime) -> Plan:
    """Approve a requested plan, which is signed already and becomes active at once.

    Args:
        digest: of the terms that were read.
    Raises:
        NotAllowed: not staff with this permission. NotFound.
        Refused: plan_gone, plan_changed, plan_days_passed (name other terms then), above_limit (facts:
            most), own_proposal.
    """
    plan, account = _to_decide(session, actor, plan_ref, digest)
    _check_limit(session, actor, plan.parts, now=now)
    _still_covers(session, account, plan, now=now)
    _decide(session, actor, account, plan, None, now=now)
    _activate(session, actor, account, plan, now=now)
    return plan


def refuse(
    session: Session, actor: Actor, plan_ref: str, *, digest: str = "", reason: str, now: datetime
) -> Plan:
    """Refuse a requested plan with a reason that the debtor reads.

    Raises: as `approve`, and Refused: reason_missing, words_too_long.
    """
    plan, account = _to_decide(session, actor, plan_ref, digest)
    _decide(session, actor, account, plan, _reason(reason), now=now)
    advance(plan, PlanStatus.DECLINED)
    plan.ended_at = now
    record(
        session, actor, "plan.refused", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.refused", now=now, actor=actor)
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
    _check_limit(session, actor, parts, now=now)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    refs = [agreed["ref"] for agreed in plan.terms["invoices"]]
    covers, whole = _cover(session, account, plan.currency, refs, today=today)
    band = band_of(policy, whole, kept_promises=kept_promises(session, account.id), today=today)
    # Whoever names other terms may leave the down payment of the band aside.
    wish = Wish(parts, first_on, every or plan.every, pays_by=plan.pays_by)
    found = draft(policy, whole, wish, replace(band, down=None), today=today, country=account.country)
    _decide(session, actor, account, plan, _reason(reason), now=now)
    advance(plan, PlanStatus.DECLINED)
    plan.ended_at = now
    terms = frozen(found, covers, policy)
    new = _write(session, actor, account, found, covers, terms, now=now, contact_id=plan.contact_id)
    new.reason = plan.decision_reason
    pauses.pause(
        session,
        actor,
        account,
        PauseReason.PLAN,
        key=f"plan:{new.id}:offered",
        now=now,
        to_on=today + DRAFT_LIFE,
    )
    record(
        session, actor, "plan.countered", plan, account_id=plan.account_id, now=now,
        facts=plan_counts.facts_of(plan),
    )  # fmt: skip
    plan_counts.note(session, plan, "plan.countered", now=now, actor=actor)
    key = f"plan_answered:{new.id}"
    plan_days.tell(session, actor, new, "plan_answered", purpose=Purpose.ANSWER, key=key, now=now)
    return new


def _to_decide(session: Session, actor: Actor, ref: str, digest: str) -> tuple[Plan, Account]:
    require(actor, Permission.APPROVAL_DECIDE)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.APPROVAL_DECIDE.value)
    plan = _lock_plan(session, ref)
    if plan.status is not PlanStatus.AWAITING_APPROVAL:
        raise Refused("plan_gone")
    if digest and digest != plan.terms_digest:
        raise Refused("plan_changed")
    if plan.proposed_by_staff_id is not None and plan.proposed_by_staff_id == actor.id:
        raise Refused("own_proposal")
    return plan, session.get_one(Account, plan.account_id)


def _check_limit(session: Session, actor: Actor, parts: int, *, now: datetime) -> None:
    limits = current_policy(session, now).approvals.plan_parts
    most = limits.get(actor.role.value, 0) if actor.role else 0
    if parts > most:
        raise Refused("above_limit", most=most)


def _reason(reason: str) -> str:
    kept = clean_words(reason, most=2000)
    if not kept:
        raise Refused("reason_missing")
    return kept


def _decide(
    session: Session, actor: Actor, account: Account, plan: Plan, reason: str | None, *, now: datetime
) -> None:
    plan.decided_by_id, plan.decided_at, plan.decision_reason = actor.id, now, reason
    _answered(session, actor, account, plan, now=now)


def _answered(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    """End what waited for our answer: the pause and the task."""
    pauses.resume(session, actor, account, f"plan:{plan.id}:answer", now=now)
    task = session.scalar(select(Task).where(Task.key == f"approval:plan:{plan.id}"))
    if task is not None and task.done_at is None:
        task.done_at = now
        task.done_by_id = actor.id if actor.kind is ActorKind.STAFF else None


# --------------------------------------------------------------------------- changing


def move_part(
    session: Session, actor: Actor, ref: str, *, seq: int, to_on: date, now: datetime
) -> Instalment:
    """Move one instalment that has not passed to a later day, as often as the terms allow.

    A day on which nobody works moves on to the next business day.

    Raises:
        Refused: plan_gone, plan_move_used, plan_move_passed, plan_move_not_later, plan_move_far (facts:
            latest), plan_move_order (facts: before).
        NotAllowed, NotFound.
    """
    plan = _found(session, actor, ref)
    account = session.get_one(Account, plan.account_id)
    parts = {part.seq: part for part in plan_reads.parts_of(session, plan.id)}
    part = parts.get(seq)
    if part is None:
        raise NotFound("not_found")
    rules = plan.terms["rules"]
    if plan.status is not PlanStatus.ACTIVE:
        raise Refused("plan_gone")
    if part.moved_from_on is not None and part.due_on == add_business_days(to_on, 0, account.country):
        return part  # the same form again
    if plan.moves >= rules["moves"]:
        raise Refused("plan_move_used")
    if part.status is not InstalmentStatus.SCHEDULED or part.due_on < business_date(now, account.zone):
        raise Refused("plan_move_passed")
    latest = part.due_on + timedelta(days=rules["move_days"])
    day = add_business_days(to_on, 0, account.country)
    if day <= part.due_on:
        raise Refused("plan_move_not_later", after=part.due_on)
    if to_on > latest:
        raise Refused("plan_move_far", latest=latest)
    after = parts.get(seq + 1)
    if after is not None and day >= after.due_on:
        raise Refused("plan_move_order", before=after.due_on)
    before = part.due_on
    part.moved_from_on, part.due_on, part.next_try_on = before, day, None
    plan.moves += 1
    record(
        session,
        actor,
        "instalment.rescheduled",
        part,
        account_id=plan.account_id,
        now=now,
        facts={"plan": plan.id, "seq": seq, "from": before.isoformat(), "to": day.isoformat()},
    )
    facts = {"seq": seq, "from": before.isoformat(), "to": day.isoformat()}
    outbox.note(session, plan.account_id, "plan.instalment_moved", now=now, facts=facts)
    return part


def pay_by_link(session: Session, actor: Actor, ref: str, *, now: datetime) -> Plan:
    """Pay the instalments to come by link instead of by card; a second call changes nothing.

    Raises: Refused: plan_gone. NotAllowed, NotFound.
    """
    plan = _found(session, actor, ref)
    _must_run(plan)
    _set_way(session, actor, plan, PaysBy.LINK, None, now=now)
    return plan


def pay_by_card(session: Session, actor: Actor, ref: str, card: SavedCard, *, now: datetime) -> Plan:
    """Pay the instalments to come from a saved card; what is late is tried again today.

    Raises: Refused: plan_gone, card_not_usable. NotAllowed, NotFound.
    """
    plan = _found(session, actor, ref)
    if card.account_id != plan.account_id:
        raise NotFound("not_found")
    if card.status is not CardStatus.ACTIVE:
        raise Refused("card_not_usable")
    _must_run(plan)
    account = session.get_one(Account, plan.account_id)
    today = business_date(now, account.zone)
    changed = plan.saved_card_id != card.id
    _set_way(session, actor, plan, PaysBy.CARD, card, now=now)
    for part in plan_reads.parts_of(session, plan.id) if changed else []:
        if part.status in plan_counts.OPEN_PARTS and part.due_on <= today and part.tries:
            part.next_try_on = today
    return plan


def forget_card(session: Session, actor: Actor, card: SavedCard, *, now: datetime) -> int:
    """Let every running plan that was paid from a card be paid by link; the card is being removed.

    Returns: how many plans changed their way.
    """
    require(actor, Permission.CARD_KEEP, account_id=card.account_id)
    _locked(session, card.account_id)
    plans = session.scalars(
        select(Plan).where(Plan.saved_card_id == card.id, Plan.ended_at.is_(None)).order_by(Plan.id)
    ).all()
    for plan in plans:
        _set_way(session, actor, plan, PaysBy.LINK, None, now=now)
    return len(plans)


def _must_run(plan: Plan) -> None:
    running = (PlanStatus.PROPOSED, PlanStatus.AWAITING_APPROVAL, PlanStatus.ACTIVE, PlanStatus.DEFAULTED)
    if plan.status not in running or plan.ended_at is not None:
        raise Refused("plan_gone")


def _set_way(
    session: Session, actor: Actor, plan: Plan, way: PaysBy, card: SavedCard | None, *, now: datetime
) -> None:
    card_id = card.id if card else None
    if (plan.pays_by, plan.saved_card_id) == (way, card_id):
        return
    plan.pays_by, plan.saved_card_id = way, card_id
    facts = {"way": way.value, "card": card_id}
    record(session, actor, "plan.way_changed", plan, account_id=plan.account_id, now=now, facts=facts)


# --------------------------------------------------------------------------- finding


def _locked(session: Session, account_id: int) -> Account:
    """Lock the account, as everywhere before invoices and plans (M-07)."""
    return session.get_one(Account, account_id, with_for_update=True, populate_existing=True)


def _lock_plan(session: Session, ref: str) -> Plan:
    account_id = session.scalar(select(Plan.account_id).where(Plan.ref == ref))
    if account_id is None:
        raise NotFound("not_found")
    _locked(session, account_id)
    return session.scalars(
        select(Plan).where(Plan.ref == ref).execution_options(populate_existing=True)
    ).one()


def _found(session: Session, actor: Actor, ref: str) -> Plan:
    """Return a plan that the actor may make or change, its account locked.

    Raises: NotAllowed, NotFound.
    """
    plan_reads.find(session, actor, ref, permission=Permission.PLAN_MAKE)
    return _lock_plan(session, ref)


def _is_stale(plan: Plan, now: datetime) -> bool:
    return now - plan.proposed_at > DRAFT_LIFE
