"""The desk puts a plan forward: the first one, or one that takes the place of a plan that runs.

Within the policy's band the debtor gets it with a link and signs it; beyond it a second person approves
first, never its proposer. Nothing is agreed before the debtor has signed. Source: domain.md,
"Arrangements"; A-02, A-03; issue D, part 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Plan
from models.messages import Purpose
from models.money import Money, total
from models.pauses import PauseReason
from models.states import PlanStatus, advance
from receivables import invoices, outbox, pauses
from receivables.arrangements import plan_counts, plan_days, plan_ends, plan_reads, plan_terms, plans
from receivables.arrangements.plan_covers import comes_free, covers_of
from receivables.arrangements.plan_outlook import kept_promises, may_be_covered
from receivables.arrangements.plan_terms import Band, Draft, Wish
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow
from receivables.texts import clean_words

#: Longest reason, characters; the debtor reads it.
REASON_MOST = 500


@dataclass(frozen=True, slots=True)
class About:
    """What the form for a plan of one currency needs.

    Attributes:
        rows: what can be in it: name, number, due day, days late, and what would be covered.
        band: what the rules give for all that is chosen, without a second person.
        usual: ready choices that start at once.
        most_asked: parts that anybody may approve at most.
        limits: role -> parts that it may approve for another's proposal.
    """

    currency: str
    rows: Sequence[CoverRow]
    chosen: Sequence[str]
    whole: Money
    band: Band
    usual: Sequence[Draft]
    most_asked: int
    limits: dict[str, int]
    replaces: str | None


@dataclass(frozen=True, slots=True)
class CoverRow:
    """One document that a plan can cover."""

    ref: str
    number: str
    days_late: int
    due_on: Any
    covered: Money


def about(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    currency: str | None,
    refs: Sequence[str] = (),
    replaces: str | None = None,
    now: datetime,
) -> About:
    """Return what may be put forward over an account's documents of one currency.

    Args:
        currency: None for that of the oldest overdue document.
        refs: what is chosen; none for everything overdue, or all that the replaced plan covers.
        replaces: ref of a running plan whose place it would take.
    Raises:
        NotAllowed, NotFound: no such plan of this account.
        Refused: plan_nothing_open.
    """
    require(actor, Permission.PLAN_MAKE, account_id=account.id)
    policy, today = current_policy(session, now), business_date(now, account.zone)
    older = running(session, account, replaces) if replaces else None
    freed = {agreed["ref"] for agreed in older.terms["invoices"]} if older is not None else set()
    found = [
        row
        for row in invoices.open_rows(session, account.id, today)
        if may_be_covered(row) or (row.ref in freed and comes_free(row))
    ]
    first = next((row for row in found if row.days_late), next(iter(found), None))
    code = older.currency if older is not None else currency or (first.currency if first else "")
    rows = [row for row in found if row.currency == code]
    if not rows:
        raise Refused("plan_nothing_open")
    chosen = [row for row in rows if row.ref in refs]
    chosen = (
        chosen or [row for row in rows if row.ref in freed] or [row for row in rows if row.days_late] or rows
    )
    whole = total([_covered(row) for row in chosen], code)
    band = plan_terms.band_of(policy, whole, kept_promises=kept_promises(session, account.id), today=today)
    usual = [
        plan_terms.draft(policy, whole, wish, band, today=today, country=account.country)
        for wish in plan_terms.ready_wishes(policy, band, today)
    ]
    return About(
        currency=code,
        rows=[CoverRow(row.ref, row.number, row.days_late, row.due_on, _covered(row)) for row in rows],
        chosen=[row.ref for row in chosen],
        whole=whole,
        band=band,
        usual=[one for one in usual if not one.outside],
        most_asked=max(*policy.approvals.plan_parts.values(), band.most_parts),
        limits={role: parts for role, parts in policy.approvals.plan_parts.items() if parts},
        replaces=plan_reads.number_of(older) if older is not None else None,
    )


def managed(found: About, a_month: Money) -> plan_terms.Managed:
    """Return what an amount a month comes to over all that is chosen.

    Raises:
        Refused: amount_zero, amount_negative; currency_other, it is not of this currency.
    """
    if a_month.currency != found.currency:
        raise Refused("currency_other")
    return plan_terms.managed(found.whole, a_month, found.band, most_asked=found.most_asked)


def preview(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    currency: str,
    refs: Sequence[str],
    wish: Wish,
    replaces: str | None = None,
    now: datetime,
) -> Draft:
    """Return a plan with every day and amount as it would be put forward; nothing is written.

    Raises: as `propose`.
    """
    require(actor, Permission.PLAN_MAKE, account_id=account.id)
    older = running(session, account, replaces) if replaces else None
    return _worked_out(session, account, currency, refs, wish, older, now=now)[0]


def propose(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    currency: str,
    refs: Sequence[str],
    wish: Wish,
    reason: str,
    contact_id: int | None = None,
    replaces: str | None = None,
    now: datetime,
) -> Plan:
    """Put a plan forward: to the debtor with a link, or first to a second person beyond the band.

    A proposal of ours over the account that nobody has signed is replaced by this one. The chasing stands
    still while it is the debtor's to decide.

    Args:
        account: locked here.
        refs: documents, all of `currency`.
        reason: why, in words that the debtor reads too, at most REASON_MOST characters.
        contact_id: whom it is sent to; None for who pays at the account.
        replaces: ref of the running plan that ends when this one is signed.
    Returns:
        The plan, `proposed` or `awaiting_approval`.
    Raises:
        NotAllowed: not staff with this permission. NotFound: no such contact or plan of this account.
        Refused: none_chosen, invoice_not_open, plan_waits, reason_missing, words_too_long, and as
            `plan_terms.draft`.
    """
    require(actor, Permission.PLAN_MAKE, account_id=account.id)
    if actor.kind is not ActorKind.STAFF:
        raise NotAllowed("not_allowed", permission=Permission.PLAN_MAKE.value)
    account = plans.lock_account(session, account.id)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    _check_contact(session, account, contact_id)
    older = running(session, account, replaces) if replaces else None
    found, covers, policy = _worked_out(session, account, currency, refs, wish, older, now=now)
    terms = plan_terms.frozen(found, covers, policy)
    if older is not None:
        terms["replaces"] = plan_reads.number_of(older)
    _take_back_earlier(session, actor, account, currency, now=now)
    plan = plans.write_down(
        session, actor, account, found, covers, terms, now=now, contact_id=contact_id, replaces=older
    )
    plan.reason = words
    if found.outside:
        plans.ask_for_approval(session, actor, account, plan, policy, now=now)
    else:
        offer(session, actor, account, plan, now=now)
    return plan


def offer(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    """Send a plan of ours to the debtor for his signature; the chasing stands still until its last day."""
    pauses.pause(
        session, actor, account, PauseReason.PLAN, key=f"plan:{plan.id}:offered", now=now,
        to_on=business_date(plan_reads.open_to(plan), account.zone), currency=plan.currency,
    )  # fmt: skip
    facts = plan_counts.facts_of(plan)
    record(
        session, actor, "plan.offered", plan, account_id=account.id, now=now, facts=facts, reason=plan.reason
    )
    outbox.note(session, account.id, "plan.offered", staff_id=actor.id, now=now, facts=facts)
    plan_days.tell(
        session, actor, plan, "plan_proposed", purpose=Purpose.ARRANGEMENT, key=f"plan_proposed:{plan.id}",
        now=now,
    )  # fmt: skip


def running(session: Session, account: Account, ref: str) -> Plan:
    """Return a plan of the account that runs, or may still be cured.

    Raises:
        NotFound: no such plan of this account. Refused: plan_gone.
    """
    plan = session.scalar(select(Plan).where(Plan.ref == ref, Plan.account_id == account.id))
    if plan is None:
        raise NotFound("not_found")
    if not plan_ends.is_running(plan):
        raise Refused("plan_gone")
    return plan


def _covered(row: InvoiceRow) -> Money:
    return row.open_part if row.arranged == "plan" else row.asked


def _worked_out(
    session: Session,
    account: Account,
    currency: str,
    refs: Sequence[str],
    wish: Wish,
    older: Plan | None,
    *,
    now: datetime,
) -> tuple[Draft, list[plan_terms.Cover], Policy]:
    policy, today = current_policy(session, now), business_date(now, account.zone)
    covers, whole = covers_of(session, account, currency, refs, today=today, replaces=older)
    band = plan_terms.band_of(policy, whole, kept_promises=kept_promises(session, account.id), today=today)
    found = plan_terms.draft(policy, whole, wish, band, today=today, country=account.country)
    return found, covers, policy


def _check_contact(session: Session, account: Account, contact_id: int | None) -> None:
    if contact_id is None:
        return
    contact = session.get(Contact, contact_id)
    if contact is None or contact.account_id != account.id or not contact.is_active:
        raise NotFound("not_found")


def _take_back_earlier(
    session: Session, actor: Actor, account: Account, currency: str, *, now: datetime
) -> None:
    """Let a proposal of ours go that nobody has signed; one that a second person has before him stays his.

    Raises: Refused: plan_waits.
    """
    earlier = session.scalars(
        select(Plan).where(
            Plan.account_id == account.id,
            Plan.currency == currency,
            Plan.proposed_by_staff_id.is_not(None),
            Plan.status.in_([PlanStatus.PROPOSED, PlanStatus.AWAITING_APPROVAL]),
        )
    ).all()
    if any(plan.status is PlanStatus.AWAITING_APPROVAL for plan in earlier):
        raise Refused("plan_waits")
    for plan in earlier:
        advance(plan, PlanStatus.DECLINED)
        plan.ended_at = now
        pauses.resume(session, actor, account, f"plan:{plan.id}:offered", now=now)
        record(
            session, actor, "plan.replaced", plan, account_id=account.id, now=now,
            facts={**plan_counts.facts_of(plan), "digest": plan.terms_digest},
        )  # fmt: skip
