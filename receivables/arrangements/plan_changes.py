"""The debtor changes a plan that runs: one date moved, by link instead of by card, another card.

Source: domain.md, "Arrangements"; decision 11; policy plans.moves, plans.move_days.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, PaysBy, Plan, SavedCard
from models.states import CardStatus, InstalmentStatus, PlanStatus
from receivables import outbox
from receivables.arrangements import plan_counts, plan_reads
from receivables.arrangements.plans import lock_account, plan_to_change
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require


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
    plan = plan_to_change(session, actor, ref)
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
    part.moved_from_on, part.due_on = before, day
    part.tries, part.next_try_on, part.last_failure = 0, None, None  # what was tried was for the other day
    plan_counts.supersede_charges(session, actor, plan, now=now, part=part)
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
    plan = plan_to_change(session, actor, ref)
    _must_run(plan)
    _set_way(session, actor, plan, PaysBy.LINK, None, now=now)
    return plan


def pay_by_card(session: Session, actor: Actor, ref: str, card: SavedCard, *, now: datetime) -> Plan:
    """Pay the instalments to come from a saved card; what is late is tried again today.

    Raises: Refused: plan_gone, card_not_usable. NotAllowed, NotFound.
    """
    plan = plan_to_change(session, actor, ref)
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
        if part.status in plan_counts.OPEN_PARTS and part.due_on <= today:
            part.next_try_on, part.last_failure = today, None  # the refusal was the other card's
    return plan


def forget_card(session: Session, actor: Actor, card: SavedCard, *, now: datetime) -> int:
    """Let every running plan that was paid from a card be paid by link; the card is being removed.

    Returns: how many plans changed their way.
    """
    require(actor, Permission.CARD_KEEP, account_id=card.account_id)
    lock_account(session, card.account_id)
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
    plan_counts.supersede_charges(session, actor, plan, now=now)
    if way is PaysBy.LINK:
        _ask_by_link(session, plan, now=now)
    facts = {"way": way.value, "card": card_id}
    record(session, actor, "plan.way_changed", plan, account_id=plan.account_id, now=now, facts=facts)


def _ask_by_link(session: Session, plan: Plan, *, now: datetime) -> None:
    """Let the parts that a card was to pay be asked for by link, on the days of the terms."""
    today = business_date(now, session.get_one(Account, plan.account_id).zone)
    first = timedelta(days=plan.terms["rules"]["retry_days"][0])
    for part in plan_reads.parts_of(session, plan.id):
        if part.status in plan_counts.OPEN_PARTS and part.due_on <= today and part.next_try_on is None:
            part.next_try_on = max(today, part.due_on + first)
