"""A case on its way to an agency or a lawyer: put forward, approved by a second person, placed, ended.

What is handed over is what is overdue and asked for in one currency; prepayments and what is not due
never are. Everything is looked at again at each step: a promise or a dispute of yesterday stops it.
Source: domain.md, "Statuses and their moves" and the ladder; requirements.md section 5; A-02.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from models.accounts import Account, Segment
from models.base import new_ref
from models.handovers import Handler, Handover, HandoverInvoice, Remittance
from models.invoices import Invoice, InvoiceKind
from models.ladder import LadderStep
from models.money import total
from models.payments import Allocation, Payment
from models.states import HandoverStatus, advance
from models.work import Task, TaskKind
from receivables import bank_lines, invoices, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.handovers import notices
from receivables.handovers.handlers import handler_of
from receivables.handovers.obstacles import free_of_obstacles
from receivables.payments.attempts import supersede
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.ports import InvoiceRow
from receivables.post import legal_steps
from receivables.texts import clean_words

#: Longest reason, characters.
REASON_MOST = 500
#: Cases that stand: one for an account and a currency.
STANDING = (HandoverStatus.PROPOSED, HandoverStatus.PREPARED, HandoverStatus.PLACED)
#: Cases of which nobody outside knows yet.
UNPLACED = (HandoverStatus.PROPOSED, HandoverStatus.PREPARED)
#: Why a case ended that was paid; every other reason is somebody's words.
PAID = "paid"
#: Kinds that may be handed over; a prepayment is a sale not yet closed (domain.md).
KINDS = frozenset({InvoiceKind.INVOICE.value, InvoiceKind.FEE.value})


@dataclass(frozen=True, slots=True)
class Standing:
    """What of an account and a currency may be handed over today, and what stands in the way of it.

    `left_out` says why others are not part of it; `refused` is empty where there is something.
    """

    rows: Sequence[InvoiceRow]
    refused: Sequence[Refused] = ()
    left_out: Sequence[str] = ()


def standing_of(session: Session, account: Account, currency: str, *, now: datetime) -> Standing:
    """Look at what may be handed over: overdue, asked for, warned as the law wants it, no prepayment."""
    if bank_lines.is_behind(session, account, now=now):
        return Standing([], [Refused("bank_lines_behind")])
    today = business_date(now, account.zone)
    late = [
        row
        for row in invoices.open_rows(session, account.id, today, currency=currency)
        if row.days_late and row.kind in KINDS and not row.handed_over
    ]
    free, why = free_of_obstacles(session, account.id, currency, late, today=today)
    free = [row for row in free if row.asked]
    if not free:
        said = Refused("suppressed", reasons=why) if why else Refused("nothing_asked", currency=currency)
        return Standing([], [said])
    warned = legal_steps.warned(session, account, currency=currency, now=now)
    rows = [row for row in free if row.ref in warned]
    if rows:
        return Standing(rows, left_out=why)
    nobody_found = account.segment is Segment.UNTRACEABLE
    missing = legal_steps.missing(session, account, currency=currency, untraceable=nobody_found, now=now)
    if missing:
        return Standing([], [Refused("legal_step_missing", reasons=missing)])
    return Standing(free, left_out=why)


def propose(
    session: Session,
    actor: Actor,
    account: Account,
    currency: str,
    *,
    reason: str,
    step: LadderStep | None = None,
    now: datetime,
) -> Handover:
    """Put a case forward: everything overdue and asked for in one currency; a second person decides.

    Args:
        reason: why now, at most REASON_MOST characters; the debtor does not read it.
        step: the rung's step that proposes it; who approved the step counts as the proposer.
    Returns:
        The case, proposed; with a step that has one already, that one.
    Raises:
        NotAllowed: the actor may not propose hand-overs.
        Refused: reason_missing, words_too_long, already_handed_over, nothing_asked (also where there are
            prepayments only), suppressed and legal_step_missing (facts: reasons).
    """
    require(actor, Permission.HANDOVER_PROPOSE, account_id=account.id)
    account = session.get_one(Account, account.id, with_for_update=True)
    if step is not None:
        known = session.scalar(select(Handover).where(Handover.step_id == step.id))
        if known is not None:
            return known
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    if standing_case(session, account.id, currency) is not None:
        raise Refused("already_handed_over", currency=currency)
    rows = _free(session, account, currency, now=now)
    case = Handover(
        ref=new_ref(),
        account_id=account.id,
        status=HandoverStatus.PROPOSED,
        currency=currency,
        amount_minor=total([row.asked for row in rows], currency).minor,
        reason=words,
        step_id=step.id if step else None,
        proposed_by_id=step.decided_by_id if step is not None and actor.id is None else actor.id,
        proposed_at=now,
    )
    session.add(case)
    session.flush()
    _take_in(session, case, rows)
    outbox.ask_person(
        session, TaskKind.HAND_OVER, _task_key(case), account_id=account.id, now=now, facts=_money(case)
    )
    _tell(session, actor, case, "handover.proposed", now=now, reason=words)
    return case


def prepare(session: Session, actor: Actor, ref: str, handler_ref: str, *, now: datetime) -> Handover:
    """Approve a proposed case, choose who gets it, tell the debtor, and have its case file made.

    Called again on a prepared case it takes in what changed since and makes the file anew.

    Raises:
        NotAllowed, NotFound.
        Refused: own_proposal (four eyes), not_waiting, handler_inactive, handler_country, nothing_asked,
            suppressed, legal_step_missing.
    """
    require(actor, Permission.HANDOVER_DECIDE)
    case, account = _locked(session, ref)
    if case.status not in UNPLACED:
        raise Refused("not_waiting")
    if actor.id == case.proposed_by_id:
        raise Refused("own_proposal")
    handler = handler_of(session, handler_ref)
    if not handler.is_active:
        raise Refused("handler_inactive")
    if handler.countries and account.country not in handler.countries.split():
        raise Refused("handler_country", country=account.country)
    rows = _free(session, account, case.currency, now=now)
    _take_in(session, case, rows)
    if case.status is HandoverStatus.PROPOSED:
        advance(case, HandoverStatus.PREPARED)
    case.handler_id, case.commission_percent = handler.id, handler.commission_percent
    case.approved_by_id, case.prepared_at = actor.id, now
    case.case_file_id = case.case_digest = None
    case.notice_on = notices.announce(session, actor, account, case, handler, now=now)
    session.flush()
    outbox.queue_job(
        session, kind="case_file", key=job_key(case.ref, case.version),
        payload={"handover_ref": case.ref, "at": case.version}, now=now,
    )  # fmt: skip
    facts = {"handler": handler.name, "commission_percent": handler.commission_percent}
    _tell(session, actor, case, "handover.prepared", now=now, facts=facts)
    return case


def place(session: Session, actor: Actor, ref: str, placed_on: date, *, now: datetime) -> Handover:
    """Say that a prepared case has gone to its handler; links now name the handler.

    Args:
        placed_on: account-local day on which it went, not after today nor before it was prepared.
    Raises:
        NotAllowed, NotFound.
        Refused: own_proposal, not_waiting, case_file_missing, case_changed (what is open is not what the
            file says: prepare it again), notice_runs (facts: on; the debtor was told of that day),
            placed_in_future, placed_too_early, nothing_asked, suppressed,
            legal_step_missing.
    """
    require(actor, Permission.HANDOVER_DECIDE)
    case, account = _locked(session, ref)
    if case.status is not HandoverStatus.PREPARED or case.prepared_at is None:
        raise Refused("not_waiting")
    if actor.id == case.proposed_by_id:
        raise Refused("own_proposal")
    if case.case_file_id is None:
        raise Refused("case_file_missing")
    if placed_on > business_date(now, account.zone):
        raise Refused("placed_in_future")
    if placed_on < business_date(case.prepared_at, account.zone):
        raise Refused("placed_too_early")
    if case.notice_on is not None and business_date(now, account.zone) < case.notice_on:
        raise Refused("notice_runs", on=case.notice_on)
    rows = _free(session, account, case.currency, now=now)
    if _asked(session, rows) != _held(session, case):
        raise Refused("case_changed")
    advance(case, HandoverStatus.PLACED)
    case.placed_on = placed_on
    # From now on the handler asks for it: a page of ours that is open for it is ended (decision 14).
    held = select(HandoverInvoice.invoice_id).where(HandoverInvoice.handover_id == case.id)
    supersede(session, actor, session.scalars(held).all(), reason="handover", now=now)
    _close_task(session, actor, case, now=now)
    handler = session.get_one(Handler, case.handler_id)
    facts = {"handler": handler.name, "placed_on": placed_on.isoformat(), "digest": case.case_digest}
    _tell(session, actor, case, "handover.placed", now=now, facts=facts)
    return case


def recall(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Handover:
    """Take a placed case back; its invoices are asked for by us again.

    Raises: NotAllowed, NotFound; Refused: not_placed, reason_missing, words_too_long.
    """
    return _end_placed(session, actor, ref, HandoverStatus.RECALLED, reason, now=now)


def close(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Handover:
    """End a placed case for good: collected, or given up.

    Raises: NotAllowed, NotFound; Refused: not_placed, reason_missing, words_too_long.
    """
    return _end_placed(session, actor, ref, HandoverStatus.CLOSED, reason, now=now)


def refuse(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Handover:
    """Refuse a case that has not been placed; who put it forward may take it back this way.

    Raises: NotAllowed, NotFound; Refused: not_waiting, reason_missing, words_too_long.
    """
    require(actor, Permission.HANDOVER_PROPOSE)
    case, _ = _locked(session, ref)
    if actor.id is None or actor.id != case.proposed_by_id:
        require(actor, Permission.HANDOVER_DECIDE)
    if case.status not in UNPLACED:
        raise Refused("not_waiting")
    _end(session, actor, case, HandoverStatus.REFUSED, _said(reason), now=now)
    return case


def follow_money(session: Session, payment: Payment, *, now: datetime) -> list[Handover]:
    """Follow a payment: end the cases that it has paid in full, and have a handler told of what came to us.

    A case that nobody outside knows is refused as paid; a placed one is closed. The accounts are locked
    by the caller.
    """
    cases = session.scalars(
        select(Handover)
        .where(
            Handover.status.in_(STANDING),
            Handover.id.in_(
                select(HandoverInvoice.handover_id)
                .join(Allocation, Allocation.invoice_id == HandoverInvoice.invoice_id)
                .where(Allocation.payment_id == payment.id)
            ),
        )
        .order_by(Handover.id)
    ).all()
    # What a handler sent he knows of; of money of an earlier case the handler of today's does not.
    known_to = session.scalar(select(Remittance.handover_id).where(Remittance.payment_id == payment.id))
    for case in cases:
        if case.status is HandoverStatus.PLACED and case.id != known_to:
            outbox.ask_person(
                session, TaskKind.HAND_OVER, f"handover:{case.ref}:payment:{payment.id}",
                account_id=case.account_id, now=now,
                facts={"payment": payment.number, "amount_minor": payment.amount_minor,
                       "currency": payment.currency},
            )  # fmt: skip
    return [case for case in cases if _ended_as_paid(session, case, now=now)]


def end_paid(session: Session, account_id: int, *, now: datetime) -> list[Handover]:
    """End the cases of an account of which nothing is open any more, whatever brought it down.

    The account is locked by the caller.
    """
    cases = session.scalars(
        select(Handover)
        .where(Handover.account_id == account_id, Handover.status.in_(STANDING))
        .order_by(Handover.id)
    ).all()
    return [case for case in cases if _ended_as_paid(session, case, now=now)]


def _ended_as_paid(session: Session, case: Handover, *, now: datetime) -> bool:
    if _still_open(session, case):
        return False
    to = HandoverStatus.CLOSED if case.status is HandoverStatus.PLACED else HandoverStatus.REFUSED
    _end(session, SYSTEM, case, to, PAID, now=now)
    return True


def standing_case(session: Session, account_id: int, currency: str) -> Handover | None:
    """Return the case that stands for an account and a currency."""
    return session.scalar(
        select(Handover).where(
            Handover.account_id == account_id, Handover.currency == currency, Handover.status.in_(STANDING)
        )
    )


def job_key(ref: str, version: int) -> str:
    """Name of the job that makes the case file of a preparation; a newer one is another job."""
    return f"case_file:{ref}:{version}"


# --------------------------------------------------------------------------- parts


def _locked(session: Session, ref: str) -> tuple[Handover, Account]:
    """Lock the account, then read the case: everybody takes them in this order (M-07)."""
    account_id = session.scalar(select(Handover.account_id).where(Handover.ref == ref))
    if account_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, account_id, with_for_update=True)
    case = session.scalars(
        select(Handover).where(Handover.ref == ref).execution_options(populate_existing=True)
    ).one()
    return case, account


def _free(session: Session, account: Account, currency: str, *, now: datetime) -> Sequence[InvoiceRow]:
    """Return what a case hands over today; refuse where there is nothing."""
    found = standing_of(session, account, currency, now=now)
    for refused in found.refused:
        raise refused
    return found.rows


def _asked(session: Session, rows: Sequence[InvoiceRow]) -> dict[int, int]:
    """Return what is asked for on each document, in minor units by its id."""
    asked = {row.ref: row.asked.minor for row in rows}
    found = session.execute(select(Invoice.id, Invoice.ref).where(Invoice.ref.in_(asked)))
    return {invoice_id: asked[ref] for invoice_id, ref in found}


def _held(session: Session, case: Handover) -> dict[int, int]:
    rows = session.execute(
        select(HandoverInvoice.invoice_id, HandoverInvoice.balance_minor).where(
            HandoverInvoice.handover_id == case.id
        )
    )
    return {invoice_id: int(minor) for invoice_id, minor in rows}


def _take_in(session: Session, case: Handover, rows: Sequence[InvoiceRow]) -> None:
    """Write which documents are part of a case, and what is asked for on each."""
    session.execute(delete(HandoverInvoice).where(HandoverInvoice.handover_id == case.id))
    asked = _asked(session, rows)
    session.add_all(
        HandoverInvoice(handover_id=case.id, invoice_id=invoice_id, balance_minor=minor)
        for invoice_id, minor in asked.items()
    )
    case.amount_minor = sum(asked.values())
    session.flush()


def _still_open(session: Session, case: Handover) -> bool:
    found = session.scalar(
        select(Invoice.id)
        .join(HandoverInvoice, HandoverInvoice.invoice_id == Invoice.id)
        .where(HandoverInvoice.handover_id == case.id, Invoice.balance_minor > 0)
        .limit(1)
    )
    return found is not None


def _said(reason: str) -> str:
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    return words


def _end_placed(
    session: Session, actor: Actor, ref: str, to: HandoverStatus, reason: str, *, now: datetime
) -> Handover:
    require(actor, Permission.HANDOVER_DECIDE)
    case, _ = _locked(session, ref)
    if case.status is not HandoverStatus.PLACED:
        raise Refused("not_placed")
    _end(session, actor, case, to, _said(reason), now=now)
    return case


def _end(
    session: Session, actor: Actor, case: Handover, to: HandoverStatus, reason: str, *, now: datetime
) -> None:
    advance(case, to)
    account = session.get_one(Account, case.account_id)
    case.ended_on, case.end_reason = business_date(now, account.zone), reason
    _close_task(session, actor, case, now=now)
    _tell(session, actor, case, f"handover.{to.value}", now=now, reason=reason)


def _task_key(case: Handover) -> str:
    return f"handover:{case.ref}"


def _close_task(session: Session, actor: Actor, case: Handover, *, now: datetime) -> None:
    task = session.scalar(select(Task).where(Task.key == _task_key(case), Task.done_at.is_(None)))
    if task is not None:
        task.done_at, task.done_by_id = now, actor.id


def _money(case: Handover) -> dict[str, object]:
    return {"amount_minor": case.amount_minor, "currency": case.currency}


def _tell(
    session: Session,
    actor: Actor,
    case: Handover,
    code: str,
    *,
    now: datetime,
    facts: Mapping[str, object] | None = None,
    reason: str | None = None,
) -> None:
    """Write the audit and the timeline; both know the sum, the audit alone the reason."""
    said = {**_money(case), **(facts or {})}
    record(
        session, actor, "handover.moved", case, account_id=case.account_id, now=now, reason=reason,
        facts={**said, "to": case.status.value},
    )  # fmt: skip
    outbox.note(session, case.account_id, code, staff_id=actor.id, now=now, facts=said)
