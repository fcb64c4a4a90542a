"""How a dispute ends: withdrawn, refused with a finding, upheld in whole or part; reopened once.

Each end asks for what remains in the same transaction and tells the debtor with a new link. Source:
domain.md, statuses of a dispute; decision 4 (a credit note made here is a numbered request).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.disputes import Dispute, DisputeReason
from models.invoices import Invoice
from models.money import Money
from models.pauses import PauseReason
from models.staff import Staff
from models.states import HOLDING_DISPUTES, DisputeStatus
from models.work import Task
from receivables import approval_requests, outbox, pauses
from receivables.arrangements import offers
from receivables.audit import record
from receivables.disputes import crediting, letters, statements, threads
from receivables.disputes.cases import (
    answer_by,
    ask_collector,
    case_number,
    ground,
    lines_of,
    lock,
    move,
    pause_key,
)
from receivables.disputes.claims import lowered
from receivables.errors import Refused
from receivables.payments import attempts
from receivables.permissions import GRANTS, Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words


def take(session: Session, actor: Actor, ref: str, *, now: datetime) -> Dispute:
    """Take a dispute under review, or over from a colleague; the debtor sees who has it.

    Raises: NotAllowed, NotFound; Refused: dispute_closed.
    """
    account, _invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_RESOLVE)
    _require_open(dispute)
    if dispute.status is DisputeStatus.UNDER_REVIEW and dispute.handled_by_id == actor.id:
        return dispute
    move(session, actor, account, dispute, DisputeStatus.UNDER_REVIEW, now=now)
    dispute.handled_by_id = actor.id
    _give_task(session, dispute, actor.id)
    record(session, actor, "dispute.taken", dispute, account_id=account.id, now=now)
    return dispute


def hand_over(session: Session, actor: Actor, ref: str, to_ref: str, *, now: datetime) -> Dispute:
    """Give a dispute to a colleague who decides disputes; its task goes with it, the debtor sees the name.

    Args:
        to_ref: of the colleague.
    Raises: NotAllowed, NotFound; Refused: dispute_closed, assignee_unknown.
    """
    account, _invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_RESOLVE)
    _require_open(dispute)
    colleague = session.scalar(select(Staff).where(Staff.ref == to_ref, deciders()))
    if colleague is None:
        raise Refused("assignee_unknown")
    if dispute.handled_by_id == colleague.id:
        return dispute
    if dispute.status is DisputeStatus.OPENED:
        move(session, actor, account, dispute, DisputeStatus.UNDER_REVIEW, now=now)
    dispute.handled_by_id = colleague.id
    _give_task(session, dispute, colleague.id)
    record(session, actor, "dispute.assigned", dispute, account_id=account.id, now=now,
           facts={"to": colleague.id})  # fmt: skip
    outbox.note(session, account.id, "dispute.assigned", staff_id=actor.id, now=now,
                facts={"what": colleague.name})  # fmt: skip
    return dispute


def deciders() -> ColumnElement[bool]:
    """Which staff may decide disputes."""
    roles = [role for role, given in GRANTS.items() if Permission.DISPUTE_RESOLVE in given]
    return and_(Staff.is_active, Staff.role.in_(roles))


def _give_task(session: Session, dispute: Dispute, staff_id: int | None) -> None:
    """Put the task of a dispute on the list of who has it."""
    task = session.scalar(select(Task).where(Task.key == pause_key(dispute), Task.done_at.is_(None)))
    if task is not None:
        task.assigned_to_id = staff_id


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> Dispute:
    """Take a dispute back; its amount is asked for again at once. A second call changes nothing.

    Raises: NotAllowed, NotFound; Refused: dispute_closed.
    """
    account, invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_OPEN)
    if dispute.status is DisputeStatus.WITHDRAWN:
        return dispute
    _require_open(dispute)
    move(session, actor, account, dispute, DisputeStatus.WITHDRAWN, now=now)
    dispute.resolved_at = now
    _drop_questions(session, actor, dispute, now=now)
    facts = _facts(account, invoice, dispute, dispute.contested_minor, now)
    record(session, actor, "dispute.withdrawn", dispute, **facts)
    _note(session, actor, invoice, dispute, "dispute.withdrawn", dispute.contested_minor, now=now)
    return dispute


def refuse(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    finding: str,
    found_reason: DisputeReason | None = None,
    now: datetime,
) -> Dispute:
    """Refuse a dispute with what was found; its amount is asked for again.

    Args:
        finding: words that the debtor reads.
        found_reason: what it truly was, for the report; None for what the debtor gave.
    Raises:
        NotAllowed, NotFound.
        Refused: dispute_closed, finding_missing, words_too_long.
    """
    account, invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_RESOLVE)
    said = _finding(finding)
    if dispute.status is DisputeStatus.REJECTED and dispute.finding == said:
        return dispute
    _require_open(dispute)
    _decide(session, actor, account, dispute, DisputeStatus.REJECTED, said, now=now)
    dispute.found_reason = found_reason or dispute.reason
    facts = _facts(account, invoice, dispute, dispute.contested_minor, now)
    record(session, actor, "dispute.rejected", dispute, **facts)
    _note(session, actor, invoice, dispute, "dispute.rejected", dispute.contested_minor, now=now)
    letters.tell(session, actor, account, dispute, "dispute_refused", now=now)
    return dispute


def uphold(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    credited: Money,
    finding: str,
    note_ref: str = "",
    found_reason: DisputeReason | None = None,
    now: datetime,
) -> Dispute:
    """Agree with a dispute, in whole or in part, and credit what was agreed, within one's own limit.

    Of what was paid meanwhile the credit stays on the account. The credit note carries the number of a
    request until the books' own is known (decision 4).

    Args:
        credited: > 0 and at most what was contested; less than it upholds in part. With a note that is in
            the books already it is what of the note answers the dispute.
        finding: words that the debtor reads.
        note_ref: of a credit note that came from the books meanwhile (`crediting.known_notes`); then
            nothing is credited anew.
        found_reason: what it truly was, for the report; None for what the debtor gave.
    Raises:
        NotAllowed: the actor may not credit disputes.
        NotFound: no such dispute or note.
        Refused: above_limit (facts: most): a second person decides, see `ask_credit`; request_waits;
            dispute_closed, finding_missing, words_too_long, other_currency, amount_zero,
            amount_above_contested and amount_above_note (with `most`), and those of `crediting.credit`.
    Source: A-03; policy approvals.dispute_credit.
    """
    most = limit_of(session, actor, credited.currency, now=now)
    if not note_ref and not _is_within(actor, credited, most):
        raise Refused("above_limit", most=most)
    return _uphold(session, actor, ref, credited, finding, note_ref, found_reason, None, now=now)


def limit_of(session: Session, actor: Actor, currency: str, *, now: datetime) -> Money | None:
    """Return what an actor may credit for one dispute alone; None where policy gives his role nothing."""
    policy = current_policy(session, now)
    units = policy.approvals.dispute_credit.get(actor.role.value if actor.role else "", 0)
    return policy.units(units, currency) if units else None


def _is_within(actor: Actor, credited: Money, most: Money | None) -> bool:
    return actor.kind is ActorKind.SYSTEM or (most is not None and credited <= most)


def ask_credit(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    credited: Money,
    finding: str,
    found_reason: DisputeReason | None = None,
    now: datetime,
) -> ApprovalRequest:
    """Ask a second person to agree to a credit above one's own limit; the dispute waits as it is.

    Args:
        finding: words that the debtor reads once it is approved.
    Raises:
        NotAllowed, NotFound.
        Refused: dispute_closed, finding_missing, words_too_long, other_currency, amount_zero,
            amount_above_contested (with `most`), request_waits.
    Source: A-02, A-03.
    """
    account, invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_CREDIT)
    said = _finding(finding)
    _require_open(dispute)
    _require_creditable(dispute, credited)
    case = case_number(dispute.id, dispute.opened_at)
    asked = approval_requests.ask(
        session, actor, ApprovalKind.DISPUTE_CREDIT, account=account, subject_ref=dispute.ref,
        amount=credited, reason=said, now=now,
        facts={"case": case, "invoice": invoice.number, "contested_minor": dispute.contested_minor,
               "currency": dispute.currency, "finding": said,
               "found_reason": (found_reason or dispute.reason).value},
    )  # fmt: skip
    dispute.handled_by_id = dispute.handled_by_id or actor.id
    _note(session, actor, invoice, dispute, "dispute.credit_asked", credited.minor, now=now)
    return asked


def uphold_on_approval(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> Dispute:
    """Agree with the dispute that an approved request names; the effect of ApprovalKind.DISPUTE_CREDIT.

    Args:
        actor: who approved, within his limit (receivables.approvals).
    Raises: as `uphold`.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    credited = approval_requests.amount_of(request)
    if credited is None:
        raise Refused("amount_zero")
    facts = request.facts
    return _uphold(
        session, actor, request.subject_ref, credited, facts["finding"], "",
        DisputeReason(facts["found_reason"]), request, now=now,
    )  # fmt: skip


def _require_creditable(dispute: Dispute, credited: Money) -> None:
    contested = Money(dispute.contested_minor, dispute.currency)
    if credited.currency != dispute.currency:
        raise Refused("other_currency", currency=dispute.currency)
    if credited.minor <= 0:
        raise Refused("amount_zero")
    if credited > contested:
        raise Refused("amount_above_contested", most=contested)


def _uphold(
    session: Session,
    actor: Actor,
    ref: str,
    credited: Money,
    finding: str,
    note_ref: str,
    found_reason: DisputeReason | None,
    request: ApprovalRequest | None,
    *,
    now: datetime,
) -> Dispute:
    account, invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_CREDIT)
    said = _finding(finding)
    contested = Money(dispute.contested_minor, dispute.currency)
    to = DisputeStatus.UPHELD if credited == contested else DisputeStatus.PARTLY_UPHELD
    if dispute.status is to and dispute.credited_minor == credited.minor:
        return dispute
    _require_open(dispute)
    _require_creditable(dispute, credited)
    if request is None and approval_requests.waiting(session, ApprovalKind.DISPUTE_CREDIT, dispute.ref):
        raise Refused("request_waits")
    # Nothing is set aside any more when the credit note asks what is open.
    _decide(session, actor, account, dispute, to, said, now=now)
    dispute.found_reason = found_reason or dispute.reason
    if note_ref:
        note = crediting.known_note(session, dispute, note_ref)
        if credited.minor > note.total_minor:
            raise Refused("amount_above_note", most=Money(note.total_minor, note.currency))
    else:
        note = crediting.credit(session, actor, account, invoice, dispute, credited, now=now)
    dispute.credited_minor, dispute.credit_note_id = credited.minor, note.id
    facts = _facts(account, invoice, dispute, credited.minor, now)
    record(session, actor, "dispute.upheld", dispute, **facts)
    _note(session, actor, invoice, dispute, "dispute.upheld", credited.minor, now=now)
    kind = "dispute_upheld" if to is DisputeStatus.UPHELD else "dispute_partly_upheld"
    letters.tell(session, actor, account, dispute, kind, now=now)
    return dispute


def reopen(
    session: Session, actor: Actor, ref: str, *, words: str, files: Sequence[str] = (), now: datetime
) -> Dispute:
    """Look again at a refused dispute, once, because the debtor has new evidence.

    What is open of the contested amount by now is set aside again.

    Raises:
        NotAllowed, NotFound.
        Refused: not_refused, reopened_before, words_missing (neither words nor a file),
            nothing_to_question, line_contested, in_arrangement; words_too_long, too_many_files.
    """
    account, invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_OPEN)
    if dispute.status is not DisputeStatus.REJECTED:
        raise Refused("not_refused")
    if dispute.reopened_at is not None:
        raise Refused("reopened_before")
    said = clean_words(words)
    if not said and not files:
        raise Refused("words_missing")
    policy = current_policy(session, now)
    of = ground(session, actor, invoice.ref, now=now)
    if not dispute.paid_before:
        _contest_again(session, dispute, of.open_part, of.taken, of.row.arranged if of.row else None)
    dispute.reopened_at = now
    dispute.answer_by_on = answer_by(of.today, of.country, policy)
    dispute.resolved_at = dispute.resolved_by_id = dispute.finding = dispute.found_reason = None
    move(session, actor, account, dispute, DisputeStatus.UNDER_REVIEW, now=now)
    threads.write_note(session, actor, dispute, said, files, policy=policy, now=now)
    if dispute.holds:
        pauses.pause(session, actor, account, PauseReason.DISPUTE, key=pause_key(dispute), now=now,
                     invoice_id=invoice.id)  # fmt: skip
        attempts.supersede(session, actor, [invoice.id], reason="dispute", now=now)
        offers.void_changed(session, actor, [invoice.id], why="dispute", now=now)
    ask_collector(session, account, dispute, invoice.number, now=now)
    facts = _facts(account, invoice, dispute, dispute.contested_minor, now)
    record(session, actor, "dispute.reopened", dispute, **facts)
    _note(session, actor, invoice, dispute, "dispute.reopened", dispute.contested_minor, now=now)
    letters.tell(session, actor, account, dispute, "dispute_received", now=now)
    return dispute


def _contest_again(
    session: Session, dispute: Dispute, open_part: Money, taken: frozenset[int], arranged: str | None
) -> None:
    """Lower a dispute to what is open of it now; lines of which nothing is open leave it."""
    if arranged:
        raise Refused("in_arrangement", by=arranged)
    lines = lines_of(session, dispute)
    if any(line.invoice_line_id in taken for line in lines):
        raise Refused("line_contested")
    amount = min(Money(dispute.contested_minor, dispute.currency), open_part)
    if amount.minor <= 0:
        raise Refused("nothing_to_question")
    dispute.contested_minor = amount.minor
    parts = {line.invoice_line_id: Money(line.contested_minor, dispute.currency) for line in lines}
    kept = lowered(parts, amount)
    for line in lines:
        if line.invoice_line_id in kept:
            line.contested_minor = kept[line.invoice_line_id].minor
        else:
            session.delete(line)
    session.flush()


def _require_open(dispute: Dispute) -> None:
    if dispute.status not in HOLDING_DISPUTES:
        raise Refused("dispute_closed")


def _finding(words: str) -> str:
    said = clean_words(words)
    if not said:
        raise Refused("finding_missing")
    return said


def _decide(
    session: Session,
    actor: Actor,
    account: Account,
    dispute: Dispute,
    to: DisputeStatus,
    finding: str,
    *,
    now: datetime,
) -> None:
    if dispute.status is DisputeStatus.OPENED:
        move(session, actor, account, dispute, DisputeStatus.UNDER_REVIEW, now=now)
    dispute.handled_by_id = dispute.handled_by_id or actor.id
    dispute.finding, dispute.resolved_at, dispute.resolved_by_id = finding, now, actor.id
    move(session, actor, account, dispute, to, now=now)
    _drop_questions(session, actor, dispute, now=now)


def _drop_questions(session: Session, actor: Actor, dispute: Dispute, *, now: datetime) -> None:
    """What was asked of a second person or of sales about a dispute that has ended is asked no more."""
    asked = approval_requests.waiting(session, ApprovalKind.DISPUTE_CREDIT, dispute.ref)
    if asked is not None:
        approval_requests.void(session, actor, asked, why="dispute_closed", now=now)
    statements.close(session, actor, dispute, now=now)


def _facts(account: Account, invoice: Invoice, dispute: Dispute, minor: int, now: datetime) -> dict[str, Any]:
    """What the audit keeps of one move."""
    return {
        "account_id": account.id,
        "now": now,
        "reason": dispute.finding,
        "facts": {
            "invoice": invoice.id,
            "status": dispute.status.value,
            "amount_minor": minor,
            "currency": dispute.currency,
        },
    }


def _note(
    session: Session,
    actor: Actor,
    invoice: Invoice,
    dispute: Dispute,
    kind: str,
    minor: int,
    *,
    now: datetime,
) -> None:
    """Write the timeline of one move."""
    outbox.note(
        session,
        dispute.account_id,
        kind,
        contact_id=actor.contact_id,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
        now=now,
        facts={"what": invoice.number, "amount_minor": minor, "currency": dispute.currency},
    )
