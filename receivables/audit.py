"""Record what was done in the transaction that does it; `verify` walks the chain.

Source: decision 16; M-20, M-21; A-07.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import audit as chainbook
from models.audit import GENESIS, AuditDetail, AuditEntry, canonical, chained_hash, salted_digests
from receivables.permissions import Actor

#: Every code that may be recorded; the desk words each (test_house.py holds both to it).
CODES = frozenset(
    {
        "account.address_changed",
        "account.language_chosen",
        "account.pay_run_kept",
        "account.viewed_as_debtor",
        "account_file.added",
        "account_note.corrected",
        "account_note.written",
        "alert.closed",
        "alert.raised",
        "answer.given",
        "approval.asked",
        "approval.decided",
        "approval.voided",
        "approval.withdrawn",
        "arrears.closed",
        "arrears.lesson_added",
        "assignment.begun",
        "assignment.ended",
        "assignment.made",
        "attempt.moved",
        "attempt.started",
        "attempt.superseded",
        "bank_lines.recorded",
        "calendar.cleared",
        "calendar.corrected",
        "calendar_feed.made",
        "calendar_feed.revoked",
        "call.asked",
        "call.cancelled",
        "call.file_kept",
        "call.logged",
        "card.consented",
        "card.not_kept",
        "card.removed",
        "card.renewed",
        "card.saved",
        "charge.changed",
        "charge.issued",
        "charge.proposed",
        "charge.waived",
        "charge.withdrawn",
        "chargeback.moved",
        "chargeback.noted",
        "cheque.announced",
        "code.asked",
        "code.proved",
        "code.refused",
        "consent.opted_in",
        "consent.opted_out",
        "contact.added",
        "contact.added_by_staff",
        "contact.address_changed",
        "contact.confirmed",
        "contact.preferences_changed",
        "contact.removed",
        "contact.renamed",
        "contact.signatory_changed",
        "contact.wishes_noted",
        "contact_rules.published",
        "credit.applied",
        "credit.asked_back",
        "credit_hold.announced",
        "credit_hold.placed",
        "credit_hold.released",
        "credit_hold.reviewed",
        "credit_limit.set",
        "credit_note.recorded",
        "deputy.ended",
        "deputy.named",
        "dispute.added",
        "dispute.answered",
        "dispute.assigned",
        "dispute.draft_forgotten",
        "dispute.noted",
        "dispute.opened",
        "dispute.rejected",
        "dispute.reopened",
        "dispute.statement_asked",
        "dispute.statement_given",
        "dispute.taken",
        "dispute.upheld",
        "dispute.withdrawn",
        "early_warning.raised",
        "event.tried_again",
        "file.checked",
        "file.erased",
        "file.forgotten",
        "file.imported",
        "file.kept",
        "flag.ended",
        "flag.raised",
        "hardship.answered",
        "hardship.told",
        "inbound.assigned",
        "inbound.received",
        "instalment.charge_failed",
        "instalment.moved",
        "instalment.rescheduled",
        "handler.added",
        "handler.changed",
        "handover.case_file_made",
        "handover.moved",
        "handover.remittance_taken_back",
        "handover.remitted",
        "invoice.forwarded",
        "invoice.imported",
        "invoice.reopened",
        "invoice.written_off",
        "ladder.assigned",
        "ladder.chosen",
        "ladder.proposed",
        "ladder.published",
        "ladder.switched",
        "ladder_step.moved",
        "ledger.posted",
        "ledger.reversed",
        "letter.posted",
        "letter.printed",
        "letter.queued",
        "letter.returned",
        "letter.withdrawn",
        "link.issued",
        "link.redeemed",
        "link.revoked",
        "link_session.ended",
        "message.moved",
        "message.queued",
        "message.written",
        "offer.made",
        "offer.moved",
        "orders.told",
        "pause.ended",
        "pause.started",
        "payment.given_back",
        "payment.settled",
        "payment.suspected",
        "payment.taken_back",
        "payout.moved",
        "plan.activated",
        "plan.cancelled",
        "plan.completed",
        "plan.countered",
        "plan.cured",
        "plan.defaulted",
        "plan.ended",
        "plan.lapsed",
        "plan.offered",
        "plan.proposed",
        "plan.refused",
        "plan.reopened",
        "plan.replaced",
        "plan.requested",
        "plan.way_changed",
        "plan.withdrawn",
        "promise.broken",
        "promise.kept",
        "promise.made",
        "promise.withdrawn",
        "rate.added",
        "reconciliation.explained",
        "reconciliation.found",
        "reconciliation.gone",
        "refund.approved",
        "refund.failed",
        "refund.paid_out",
        "rules.proposed",
        "rules.refused",
        "rules.withdrawn",
        "request.answered",
        "request.opened",
        "request.refused",
        "request.withdrawn",
        "segment.moved",
        "segment.proposed",
        "segment.refused",
        "segment.superseded",
        "snippet.kept",
        "snippet.put_away",
        "staff.added",
        "staff.confirmed",
        "staff.factor_enrolled",
        "staff.factor_offered",
        "staff.factor_reset",
        "staff.invited",
        "staff.joined",
        "staff.left",
        "staff.password_changed",
        "staff.recovery_made",
        "staff.recovery_used",
        "staff.reset_asked",
        "staff.role_changed",
        "staff.session_ended",
        "staff.logged_in",
        "staff.logged_out",
        "staff.refused",
        "survey.answered",
        "target.set",
        "task.done",
        "task.put_off",
        "task_link.issued",
        "terms.agreed",
        "worklist.bulk",
        "worklist.bulk_undone",
        "worklist.claimed",
        "worklist.released",
        "worklist.skip_undone",
        "worklist.skipped",
        "policy.published",
        "policy_draft.begun",
        "policy_draft.dropped",
        "text.published",
    }
)


def record(
    session: Session,
    actor: Actor,
    code: str,
    subject: Any,
    *,
    account_id: int | None,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
    personal: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Buffer one act; it is chained when the unit of work ends.

    Args:
        subject: the row that was acted on (its id may come with the flush), or None.
        facts: ids, codes, amounts: hashed as they are, kept for ever.
        personal: values about people: only salted digests are hashed, the values can be erased.
        reason: words of a person, kept with the personal values.
    Raises:
        ValueError: the code is not in CODES.
    """
    if code not in CODES:
        raise ValueError(f"audit code {code!r} is not in CODES")
    chainbook.buffer(
        session,
        code=code,
        actor_kind=actor.kind.value,
        actor_id=actor.id,
        account_id=account_id,
        subject_kind=type(subject).__tablename__ if subject is not None else "none",
        subject=subject,
        facts=facts or {},
        personal=personal or {},
        reason=reason,
        request_id=actor.request_id,
        now=now,
    )


def verify(session: Session) -> int | None:
    """Return the id of the first row that breaks the chain, or None while it holds.

    A row holds when its hash follows from the row before and its payload, when its columns say
    what the payload says, and when its personal values, unless erased, are those that were digested.
    """
    prev, expected = GENESIS, 1
    query = (
        select(*AuditEntry.__table__.columns, *_PERSONAL)
        .outerjoin(AuditDetail, AuditDetail.audit_entry_id == AuditEntry.id)
        .order_by(AuditEntry.id)
        .execution_options(yield_per=1000)
    )
    with session.execute(query) as rows:
        for row in rows:
            chained = row.id == expected and row.prev_hash == prev
            hashed = row.hash == chained_hash(prev, row.payload, row.form)
            if not (chained and hashed and _says_the_same(row)):
                return int(row.id)
            prev, expected = row.hash, row.id + 1
    return None


_PERSONAL = (AuditDetail.salt, AuditDetail.values.label("personal"), AuditDetail.reason)


def _says_the_same(row: Any) -> bool:
    """Whether columns and personal values of a row agree with its hashed payload."""
    said = json.loads(row.payload)
    columns = {
        "id": row.id,
        "at": row.occurred_at,
        "code": row.code,
        "actor": [row.actor_kind, row.actor_id],
        "account": row.account_id,
        "subject": [row.subject_kind, row.subject_id],
    }
    if canonical({name: said.get(name) for name in columns}) != canonical(columns):
        return False
    if row.salt is None:
        return True  # nothing personal, or erased
    try:
        personal = json.loads(row.personal)
        return bool(salted_digests(row.salt, personal, row.reason) == said["digests"])
    except (ValueError, TypeError, AttributeError):
        return False


def head(session: Session) -> tuple[int, str] | None:
    """Return number and hash of the last row of the chain, or None while it is empty."""
    last = session.execute(
        select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).first()
    return (last.id, last.hash) if last else None
