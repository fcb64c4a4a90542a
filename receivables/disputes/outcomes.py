"""How a dispute ends: withdrawn, refused with a finding, upheld in whole or part; reopened once.

Each end asks for what remains in the same transaction and tells the debtor with a new link. Source:
domain.md, statuses of a dispute; decision 4 (a credit note made here is a numbered request).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.disputes import Dispute
from models.invoices import Invoice
from models.money import Money
from models.pauses import PauseReason
from models.states import HOLDING_DISPUTES, DisputeStatus
from receivables import outbox, pauses
from receivables.arrangements import offers
from receivables.audit import record
from receivables.disputes import crediting, letters, threads
from receivables.disputes.cases import (
    answer_by,
    ask_collector,
    ground,
    lines_of,
    lock,
    move,
    pause_key,
)
from receivables.disputes.claims import lowered
from receivables.errors import Refused
from receivables.payments import attempts
from receivables.permissions import Actor, ActorKind, Permission
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
    record(session, actor, "dispute.taken", dispute, account_id=account.id, now=now)
    return dispute


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
    facts = _facts(account, invoice, dispute, dispute.contested_minor, now)
    record(session, actor, "dispute.withdrawn", dispute, **facts)
    _note(session, actor, invoice, dispute, "dispute.withdrawn", dispute.contested_minor, now=now)
    return dispute


def refuse(session: Session, actor: Actor, ref: str, *, finding: str, now: datetime) -> Dispute:
    """Refuse a dispute with what was found; its amount is asked for again.

    Args:
        finding: words that the debtor reads.
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
    now: datetime,
) -> Dispute:
    """Agree with a dispute, in whole or in part, and credit what was agreed.

    Of what was paid meanwhile the credit stays on the account. The credit note carries the number of a
    request until the books' own is known (decision 4).

    Args:
        credited: > 0 and at most what was contested; less than it upholds in part. With a note that is in
            the books already it is what of the note answers the dispute.
        finding: words that the debtor reads.
        note_ref: of a credit note that came from the books meanwhile (`crediting.known_notes`); then
            nothing is credited anew.
    Raises:
        NotAllowed: the actor may not record credit notes.
        NotFound: no such dispute or note.
        Refused: dispute_closed, finding_missing, words_too_long, other_currency, amount_zero,
            amount_above_contested and amount_above_note (with `most`), and those of `crediting.credit`.
    """
    account, invoice, dispute = lock(session, actor, ref, Permission.CREDIT_NOTE_RECORD)
    said = _finding(finding)
    contested = Money(dispute.contested_minor, dispute.currency)
    to = DisputeStatus.UPHELD if credited == contested else DisputeStatus.PARTLY_UPHELD
    if dispute.status is to and dispute.credited_minor == credited.minor:
        return dispute
    _require_open(dispute)
    if credited.currency != dispute.currency:
        raise Refused("other_currency", currency=dispute.currency)
    if credited.minor <= 0:
        raise Refused("amount_zero")
    if credited > contested:
        raise Refused("amount_above_contested", most=contested)
    # Nothing is set aside any more when the credit note asks what is open.
    _decide(session, actor, account, dispute, to, said, now=now)
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
    dispute.resolved_at = dispute.resolved_by_id = dispute.finding = None
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
