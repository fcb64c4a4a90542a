"""Open a dispute: what is contested leaves what is asked for in the same transaction.

Source: issue of the portal, part 2; M-12, P-05, X-09; policy table row 7; domain.md, "Pauses".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.disputes import Dispute, DisputeLine, DisputeReason
from models.invoices import Invoice
from models.money import Money
from models.pauses import PauseReason
from models.states import DisputeStatus
from receivables import outbox, pauses
from receivables.arrangements import offers
from receivables.audit import record
from receivables.disputes import drafts, letters, threads
from receivables.disputes.cases import (
    ANSWERED,
    Ground,
    answer_by,
    ask_collector,
    ground,
    paid_since,
    pause_key,
)
from receivables.disputes.claims import Claim, Contest, weigh
from receivables.errors import NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.texts import clean_words


@dataclass(frozen=True, slots=True)
class Preview:
    """What would follow, before anything is sent.

    Attributes:
        contest: what is set aside.
        rest: what remains asked for of the document.
        paid_before: it was paid while the form was open, or its money is on its way; nothing is set aside,
            the question is answered.
        answer_by: by when a person answers.
    """

    contest: Contest
    rest: Money
    paid_before: bool
    answer_by: date


def weighed(session: Session, of: Ground, claim: Claim, *, shown_at: datetime, now: datetime) -> Preview:
    """Return what a claim comes to now; changes nothing. Raises as `open_dispute`."""
    policy = current_policy(session, now)
    contest, paid_before = _contest(session, of, claim, shown_at, policy, now)
    rest = Money(0, of.currency) if paid_before or of.row is None else of.row.asked - contest.amount
    return Preview(contest, rest, paid_before, answer_by(of.today, of.country, policy))


def open_dispute(
    session: Session,
    actor: Actor,
    invoice_ref: str,
    claim: Claim,
    *,
    words: str,
    files: Sequence[str] = (),
    shown_at: datetime,
    ref: str | None = None,
    now: datetime,
) -> Dispute:
    """Open a dispute of a document, of some of its lines or of an amount.

    The contested amount is set aside, the chasing of it pauses, open payment pages and offers for the
    document are ended, and whoever looks after the account is asked; all in this unit of work.

    Args:
        words: what is wrong, in the debtor's words; may be empty but for the reason "other".
        files: refs of files that this account sent (receivables.files).
        shown_at: when the form was first shown; what was open then and paid since may be disputed.
        ref: of the draft; the same ref is the same dispute.
    Returns:
        The dispute, opened.
    Raises:
        NotAllowed, NotFound.
        Refused: invoice_paid, in_arrangement, already_answered, words_missing, words_too_long,
            too_many_files, and all of `claims.weigh`.
    Source: policy disputes.*, sessions.debtor_absolute.
    """
    require(actor, Permission.DISPUTE_OPEN)
    account_id = session.scalar(select(Invoice.account_id).where(Invoice.ref == invoice_ref))
    if account_id is None:
        raise NotFound("not_found")
    require(actor, Permission.DISPUTE_OPEN, account_id=account_id)
    account = session.get_one(Account, account_id, with_for_update=True)
    known = session.scalar(select(Dispute).where(Dispute.ref == ref)) if ref else None
    if known is not None:
        if known.account_id != account_id:
            raise NotFound("not_found")
        return known
    session.scalars(select(Invoice).where(Invoice.ref == invoice_ref).with_for_update()).one()
    policy = current_policy(session, now)
    said = clean_words(words)
    if claim.reason is DisputeReason.OTHER and not said:
        raise Refused("words_missing")
    of = ground(session, actor, invoice_ref, now=now)
    contest, paid_before = _contest(session, of, claim, shown_at, policy, now)
    dispute = _write(session, actor, account, of, claim, contest, ref=ref, paid_before=paid_before,
                     by=answer_by(of.today, of.country, policy), now=now)  # fmt: skip
    threads.write_note(session, actor, dispute, said, files, policy=policy, now=now)
    if not paid_before:
        pauses.pause(session, actor, account, PauseReason.DISPUTE, key=pause_key(dispute), now=now,
                     invoice_id=of.invoice_id)  # fmt: skip
        attempts.supersede(session, actor, [of.invoice_id], reason="dispute", now=now)
        offers.void_changed(session, actor, [of.invoice_id], why="dispute", now=now)
    drafts.drop_draft(session, of.invoice_id)
    ask_collector(session, account, dispute, of.number, now=now)
    _tell(session, actor, account, dispute, of, contest, policy, now=now)
    return dispute


def _contest(
    session: Session, of: Ground, claim: Claim, shown_at: datetime, policy: Policy, now: datetime
) -> tuple[Contest, bool]:
    """Weigh a claim against what is open; or, paid by now, against what was paid or is on its way."""
    _refuse_if_answered(session, of, claim)
    if of.row is not None:
        if of.row.arranged:
            raise Refused("in_arrangement", number=of.number, by=of.row.arranged)
        # Money on its way was first: it is taken as paid, and what we agree to comes back as credit.
        under_way = not of.open_part and bool(of.on_its_way)
        return weigh(claim, of.lines, of.disputable, tax=of.tax, taken=of.taken), under_way
    # An address or a form can be kept for days; a form is believed as long as its session lives.
    if not now - policy.debtor_absolute <= shown_at <= now:
        raise Refused("invoice_paid", number=of.number)
    paid = paid_since(session, of.invoice_id, of.currency, shown_at)
    if not paid:
        raise Refused("invoice_paid", number=of.number)
    return weigh(claim, of.lines, paid, tax=of.tax, taken=of.taken), True


def _refuse_if_answered(session: Session, of: Ground, claim: Claim) -> None:
    """A whole document or an amount that was refused for a reason is looked at again by reopening."""
    if claim.lines:
        return
    refused = session.scalar(
        select(Dispute.id)
        .outerjoin(DisputeLine, DisputeLine.dispute_id == Dispute.id)
        .where(
            Dispute.invoice_id == of.invoice_id,
            Dispute.status.in_(ANSWERED),
            Dispute.reason == claim.reason,
            DisputeLine.dispute_id.is_(None),
        )
        .limit(1)
    )
    if refused is not None:
        raise Refused("already_answered")


def _write(
    session: Session,
    actor: Actor,
    account: Account,
    of: Ground,
    claim: Claim,
    contest: Contest,
    *,
    ref: str | None,
    paid_before: bool,
    by: date,
    now: datetime,
) -> Dispute:
    dispute = Dispute(
        ref=ref or new_ref(),
        account_id=account.id,
        invoice_id=of.invoice_id,
        contact_id=actor.contact_id,
        status=DisputeStatus.OPENED,
        reason=claim.reason,
        contested_minor=contest.amount.minor,
        currency=of.currency,
        holds=not paid_before,
        paid_before=paid_before,
        opened_at=now,
        answer_by_on=by,
    )
    session.add(dispute)
    session.flush()
    session.add_all(
        DisputeLine(
            dispute_id=dispute.id, invoice_line_id=line_id, contested_minor=part.minor, holds=dispute.holds
        )
        for line_id, part in contest.parts.items()
    )
    session.flush()
    return dispute


def _tell(
    session: Session,
    actor: Actor,
    account: Account,
    dispute: Dispute,
    of: Ground,
    contest: Contest,
    policy: Policy,
    *,
    now: datetime,
) -> None:
    record(
        session,
        actor,
        "dispute.opened",
        dispute,
        account_id=account.id,
        now=now,
        facts={
            "invoice": of.invoice_id,
            "reason": dispute.reason.value,
            "contested_minor": contest.amount.minor,
            "currency": of.currency,
            "lines": {str(line_id): part.minor for line_id, part in contest.parts.items()},
            "paid_before": dispute.paid_before,
            "policy": policy.version_id,
        },
    )
    outbox.note(
        session,
        account.id,
        "dispute.opened",
        contact_id=actor.contact_id,
        now=now,
        facts={"what": of.number, "amount_minor": contest.amount.minor, "currency": of.currency},
    )
    letters.tell(session, actor, account, dispute, "dispute_received", now=now)
