"""What money does to a plan: instalments paid in their order, the plan completed, cured or open again.

A move of a plan, whether it blocks its invoices and its pauses are written together (decision 12).
Source: domain.md, "Arrangements"; INV-12.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, InstalmentCharge, Plan, PlanInvoice
from models.pauses import Pause, PauseReason
from models.payments import Payment
from models.states import InstalmentStatus, PlanStatus, advance
from models.work import TaskKind
from receivables import outbox, pauses
from receivables.arrangements.paid_for import accounts_of
from receivables.arrangements.plan_reads import (
    COUNTED,
    Received,
    marks,
    number_of,
    parts_of,
    received,
    received_until,
)
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.payments import attempts
from receivables.permissions import SYSTEM, Actor

#: Instalments that still wait for money.
OPEN_PARTS = frozenset({InstalmentStatus.SCHEDULED, InstalmentStatus.MISSED})


# --------------------------------------------------------------------------- holding


def hold(session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime) -> None:
    """Let a plan that has just become active reserve and pause its invoices (decision 12).

    Raises: IntegrityError: another plan holds one of them.
    """
    covers = _covered(session, plan)
    # A plan that was cured or reopened pauses anew: its earlier pauses have ended.
    turn = sum(ended for _, ended in _pauses(session, plan)) // max(len(covers), 1) + 1
    for covered in covers:
        covered.blocking = True
        pauses.pause(
            session,
            actor,
            account,
            PauseReason.PLAN,
            key=f"plan:{plan.id}:{covered.invoice_id}:{turn}",
            now=now,
            invoice_id=covered.invoice_id,
        )
    session.flush()


def let_go(
    session: Session, actor: Actor, account: Account, plan: Plan, *, now: datetime, free: bool = True
) -> None:
    """End the pauses of a plan's invoices and, unless it may still be cured, free them."""
    for key, ended in _pauses(session, plan):
        if not ended:
            pauses.resume(session, actor, account, key, now=now)
    if free:
        for covered in _covered(session, plan):
            covered.blocking = False
    session.flush()


def _pauses(session: Session, plan: Plan) -> list[tuple[str, bool]]:
    """Return the keys of the pauses that a plan has had of its invoices, and whether each has ended."""
    rows = session.execute(
        select(Pause.key, Pause.ended_at).where(
            Pause.account_id == plan.account_id,
            Pause.reason == PauseReason.PLAN,
            Pause.invoice_id.is_not(None),
            Pause.key.startswith(f"plan:{plan.id}:", autoescape=True),
        )
    )
    return [(row.key, row.ended_at is not None) for row in rows]


def _covered(session: Session, plan: Plan) -> Sequence[PlanInvoice]:
    return session.scalars(
        select(PlanInvoice).where(PlanInvoice.plan_id == plan.id).order_by(PlanInvoice.invoice_id)
    ).all()


# --------------------------------------------------------------------------- money


def recount(session: Session, payment: Payment, *, now: datetime) -> None:
    """Let a booked payment count towards the plans of every account whose invoices it paid.

    A repeated call changes nothing. The accounts are locked by the caller.
    """
    for account in accounts_of(session, payment):
        recount_account(session, account, now=now)


def recount_account(session: Session, account: Account, *, now: datetime) -> None:
    """Bring instalments and plans of an account in line with its balances.

    Serves whatever moves a balance: a payment, a credit note, and a reversal, by which a paid
    instalment is open again and a completed plan runs on. The account is locked by the caller.
    """
    session.flush()
    plans = session.scalars(
        select(Plan)
        .where(Plan.account_id == account.id, Plan.status.in_(COUNTED))
        .order_by(Plan.id)
        .execution_options(populate_existing=True)
    ).all()
    came = received(session, plans) if plans else {}
    for plan in plans:
        _count(session, account, plan, came[plan.id], now=now)


def _count(session: Session, account: Account, plan: Plan, came: Received, *, now: datetime) -> None:
    today = business_date(now, account.zone)
    parts = parts_of(session, plan.id)
    marked = marks(parts, plan.currency)
    was_late = [mark for part, mark in marked if part.status is InstalmentStatus.MISSED]
    reopened = set()
    for part, mark in marked:
        if part.status is InstalmentStatus.WAIVED:
            continue
        paid = came.received >= mark
        if paid and part.status is not InstalmentStatus.PAID:
            move_part(session, plan, part, InstalmentStatus.PAID, now=now)
        elif not paid and part.status is InstalmentStatus.PAID:
            late = part.due_on < today
            move_part(
                session, plan, part, InstalmentStatus.MISSED if late else InstalmentStatus.SCHEDULED, now=now
            )
            reopened.add(part.id)
    if reopened & _let_charges_go(session, parts):
        ask(session, plan, "open_again", now=now, on=today)
    plan.missed_in_row = sum(part.status is InstalmentStatus.MISSED for part in parts)
    whole = all(part.status not in OPEN_PARTS for part in parts)
    if plan.status is PlanStatus.DEFAULTED and plan.ended_at is None and not plan.missed_in_row:
        if _in_time(session, account, plan, max(was_late, default=0)):
            _cure(session, account, plan, now=now)
        else:
            end(session, SYSTEM, account, plan, why="cured_late", now=now)
    if plan.status is PlanStatus.ACTIVE and whole:
        _complete(session, account, plan, now=now)
    elif plan.status is PlanStatus.COMPLETED and not whole:
        _reopen(session, account, plan, now=now)


def _let_charges_go(session: Session, parts: Sequence[Instalment]) -> set[int]:
    """Take their credit off charges whose instalment is open: what they brought went back, or filled another.

    Such a part may be paid by a link or by the next charge that somebody asks for. The card is not charged
    for it again by itself: it brought the money once (M-15, FT-25), and its holder, or we, may have had it
    sent back.

    Returns: the instalments.
    """
    open_parts = {part.id: part for part in parts if part.status in OPEN_PARTS}
    if not open_parts:
        return set()
    charges = session.scalars(
        select(InstalmentCharge)
        .where(InstalmentCharge.instalment_id.in_(open_parts), InstalmentCharge.credited)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).all()
    for charge in charges:
        charge.credited = False
        stand_still(open_parts[charge.instalment_id])
    session.flush()
    return {charge.instalment_id for charge in charges}


def stand_still(part: Instalment) -> None:
    """Let the daily work charge no card for an instalment until somebody asks for it."""
    part.tries, part.next_try_on = max(part.tries, 1), None


def move_part(session: Session, plan: Plan, part: Instalment, to: InstalmentStatus, *, now: datetime) -> None:
    before = part.status
    advance(part, to)
    part.settled_at = now if to is InstalmentStatus.PAID else None
    if to is InstalmentStatus.PAID:
        part.next_try_on = part.last_failure = None
    record(
        session,
        SYSTEM,
        "instalment.moved",
        part,
        account_id=plan.account_id,
        now=now,
        facts={"plan": plan.id, "seq": part.seq, "from": before.value, "to": to.value},
    )


def _in_time(session: Session, account: Account, plan: Plan, late_minor: int) -> bool:
    """Whether what was late was covered by money initiated in the days of the cure, whenever it came."""
    until = plan.cure_until_on
    return until is not None and received_until(session, plan, until, account.zone) >= late_minor


def end(session: Session, actor: Actor, account: Account, plan: Plan, *, why: str, now: datetime) -> None:
    """End a defaulted plan for good and free its invoices: it was not cured, or another takes its place."""
    plan.ended_at = now
    let_go(session, actor, account, plan, now=now)
    facts = {**facts_of(plan), "why": why}
    record(session, actor, "plan.ended", plan, account_id=plan.account_id, now=now, facts=facts)


def end_defaulted(
    session: Session, actor: Actor, account: Account, invoice_ids: Sequence[int], *, now: datetime
) -> None:
    """End the plans that might still be cured over some invoices: a new plan is made over them."""
    plans = session.scalars(
        select(Plan)
        .join(PlanInvoice, PlanInvoice.plan_id == Plan.id)
        .where(
            PlanInvoice.invoice_id.in_(invoice_ids),
            PlanInvoice.blocking,
            Plan.status == PlanStatus.DEFAULTED,
        )
        .order_by(Plan.id)
    ).unique()
    for plan in plans.all():
        end(session, actor, account, plan, why="new_plan", now=now)


def supersede_charges(
    session: Session, actor: Actor, plan: Plan, *, now: datetime, part: Instalment | None = None
) -> None:
    """End the charges of a plan that have no answer yet: one that was not made is not made any more.

    Args:
        part: only of this instalment.
    """
    charges = select(InstalmentCharge.attempt_id).join(
        Instalment, Instalment.id == InstalmentCharge.instalment_id
    )
    if part is None:
        charges = charges.where(Instalment.plan_id == plan.id)
    else:
        charges = charges.where(Instalment.id == part.id)
    attempts.supersede_charges(session, actor, charges, reason="plan_changed", now=now)


def _cure(session: Session, account: Account, plan: Plan, *, now: datetime) -> None:
    advance(plan, PlanStatus.ACTIVE)
    plan.cure_until_on = None
    session.flush()
    hold(session, SYSTEM, account, plan, now=now)
    record(
        session, SYSTEM, "plan.cured", plan, account_id=plan.account_id, now=now,
        facts=facts_of(plan),
    )  # fmt: skip
    note(session, plan, "plan.cured", now=now)


def _complete(session: Session, account: Account, plan: Plan, *, now: datetime) -> None:
    advance(plan, PlanStatus.COMPLETED)
    plan.ended_at = now
    let_go(session, SYSTEM, account, plan, now=now)
    record(
        session, SYSTEM, "plan.completed", plan, account_id=plan.account_id, now=now,
        facts=facts_of(plan),
    )  # fmt: skip
    note(session, plan, "plan.completed", now=now)


def _reopen(session: Session, account: Account, plan: Plan, *, now: datetime) -> None:
    """Run on after a payment was reversed; where another plan holds an invoice, a person decides."""
    taken = select(
        exists().where(
            PlanInvoice.blocking,
            PlanInvoice.plan_id != plan.id,
            PlanInvoice.invoice_id.in_(
                select(PlanInvoice.invoice_id).where(PlanInvoice.plan_id == plan.id).correlate(None)
            ),
        )
    )
    if session.execute(taken).scalar_one():
        ask(session, plan, "reversed", now=now)
        return
    advance(plan, PlanStatus.ACTIVE)
    plan.ended_at = None
    session.flush()
    hold(session, SYSTEM, account, plan, now=now)
    record(
        session, SYSTEM, "plan.reopened", plan, account_id=plan.account_id, now=now,
        facts=facts_of(plan),
    )  # fmt: skip
    note(session, plan, "plan.reopened", now=now)


def facts_of(plan: Plan) -> dict[str, object]:
    """What audit and timeline keep of a move: which plan, and its sum."""
    return {"plan": number_of(plan), "amount_minor": plan.total_minor, "currency": plan.currency}


def note(session: Session, plan: Plan, kind: str, *, now: datetime, actor: Actor = SYSTEM) -> None:
    """Write a move of a plan into the timeline."""
    outbox.note(session, plan.account_id, kind, now=now, facts=facts_of(plan), contact_id=actor.contact_id)


def ask(session: Session, plan: Plan, why: str, *, now: datetime, on: date | None = None) -> None:
    """Ask a person to look at a plan in trouble, once for each cause.

    Args:
        on: day of a cause that may come again, which then is another one.
    """
    outbox.ask_person(
        session,
        TaskKind.PLAN_TROUBLE,
        f"plan:{plan.id}:{why}" + (f":{on}" if on else ""),
        account_id=plan.account_id,
        now=now,
        facts={"plan": number_of(plan), "why": why},
    )
