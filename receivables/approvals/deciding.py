"""Decide a request: approve, refuse with a reason, answer with another sum; never by who asked (A-02).

Whoever is within his limit, or stands in for one who is, decides the content that he has read. Two who
decide at once: the row is locked, the second finds it decided. Source: A-02, A-03; INV-11.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.money import Money
from models.staff import Staff
from models.states import ApprovalStatus, advance
from receivables import approval_requests, four_eyes
from receivables.approval_requests import REASON_MOST, amount_of, facts_of
from receivables.approvals import limits
from receivables.approvals.effects import EFFECTS
from receivables.audit import record
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.four_eyes import Eyes
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.staff_mail import queue_staff_mail
from receivables.texts import clean_words

#: Kinds that may be answered with another sum; of the others all or nothing is decided.
COUNTERED = frozenset({ApprovalKind.REFUND})


def approve(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    digest: str,
    now: datetime,
    proved_at: datetime | None = None,
) -> ApprovalRequest:
    """Approve what was read, and let its effect follow in the same transaction.

    Args:
        digest: of the content that the approver has read; another content is refused.
        proved_at: when the actor last gave password and code; needed of one who decides alone.
    Returns:
        The request, `approved`; it says whose limit was used and whether one decided alone.
    Raises:
        NotAllowed: not this permission, or `own_proposal`. NotFound.
        Refused: not_waiting, content_changed, above_limit, case_changed and others of the effect, and those
            of one who decides alone (`four_eyes.look`).
    """
    require(actor, Permission.APPROVAL_DECIDE)
    request = _locked(session, ref)
    if not current_policy(session, now).approvals.alone:
        _refuse_own(request, actor)
    _refuse_changed(request, digest)
    policy, weight = current_policy(session, now), limits.weight(request)
    eyes = four_eyes.look(
        session, actor, proposer_id=request.proposer_id, proposed_at=request.proposed_at,
        fits=lambda standing: limits.fits(policy, request.kind, weight, standing),
        beyond=Refused("above_limit"), proved_at=proved_at, now=now,
    )  # fmt: skip
    request.policy_version_id = policy.version_id
    _decide(session, actor, request, ApprovalStatus.APPROVED, None, eyes, now=now)
    EFFECTS[request.kind](session, actor, request, now=now)
    if eyes.is_alone:
        four_eyes.tell_owner(session, actor, about=_about(session, request), ref=request.ref, now=now)
    return request


def refuse(
    session: Session, actor: Actor, ref: str, *, digest: str, reason: str, now: datetime
) -> ApprovalRequest:
    """Refuse with a reason, which the proposer reads; whoever may decide at all may refuse.

    Raises: as `approve`, and reason_missing, words_too_long.
    """
    require(actor, Permission.APPROVAL_DECIDE)
    request = _locked(session, ref)
    _refuse_own(request, actor)
    _refuse_changed(request, digest)
    _decide(session, actor, request, ApprovalStatus.REFUSED, _reason(reason), Eyes(), now=now)
    return request


def answer_with(
    session: Session, actor: Actor, ref: str, *, digest: str, amount: Money, reason: str, now: datetime
) -> ApprovalRequest:
    """Answer with another sum: a request of one's own takes the place of this one, for another to decide.

    Who asked first may approve it: he is another person than who asks now.

    Raises: as `refuse`, and not_countered, other_currency, amount_zero, amount_above_asked (facts: asked).
    """
    require(actor, Permission.APPROVAL_DECIDE)
    request = _locked(session, ref)
    _refuse_own(request, actor)
    _refuse_changed(request, digest)
    asked = amount_of(request)
    if request.kind not in COUNTERED or asked is None:
        raise Refused("not_countered")
    if amount.currency != asked.currency:
        raise Refused("other_currency", currency=asked.currency)
    if amount.minor <= 0:
        raise Refused("amount_zero")
    if amount >= asked:
        raise Refused("amount_above_asked", asked=asked)
    words = _reason(reason)
    approval_requests.void(session, actor, request, why="countered", now=now)
    session.flush()
    _tell_proposer(session, actor, request, "countered", words, now=now)
    account = session.get_one(Account, request.account_id) if request.account_id else None
    return approval_requests.ask(
        session, actor, request.kind, account=account, subject_ref=request.subject_ref,
        facts=request.facts, amount=amount, reason=words, supersedes=request, now=now,
    )  # fmt: skip


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> ApprovalRequest:
    """Take back what one asked for. Raises: as `approval_requests.withdraw`; NotFound."""
    return approval_requests.withdraw(session, actor, _locked(session, ref), now=now)


def _locked(session: Session, ref: str) -> ApprovalRequest:
    """Lock the account, then the request, as everywhere (M-07)."""
    found = session.execute(
        select(ApprovalRequest.id, ApprovalRequest.account_id).where(ApprovalRequest.ref == ref)
    ).first()
    if found is None:
        raise NotFound("not_found")
    if found.account_id is not None:
        session.get_one(Account, found.account_id, with_for_update=True)
    return approval_requests.lock(session, ref)


def _refuse_own(request: ApprovalRequest, actor: Actor) -> None:
    if request.proposer_id == actor.id:
        raise NotAllowed("own_proposal")


def _refuse_changed(request: ApprovalRequest, digest: str) -> None:
    approval_requests.refuse_unless_waiting(request)
    said = approval_requests.content_digest(
        request.kind, request.subject_ref, request.facts, amount_of(request)
    )
    if not digest == request.content_digest == said:
        raise Refused("content_changed")


def _reason(reason: str) -> str:
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    return words


def _decide(
    session: Session,
    actor: Actor,
    request: ApprovalRequest,
    to: ApprovalStatus,
    words: str | None,
    eyes: Eyes,
    *,
    now: datetime,
) -> None:
    advance(request, to)
    request.approver_id, request.decided_at, request.answer = actor.id, now, words
    request.deputy_for_id, request.is_alone = eyes.deputy_for_id, eyes.is_alone
    session.flush()
    record(
        session, actor, "approval.decided", request, account_id=request.account_id, now=now, reason=words,
        facts={**facts_of(request), "to": to.value, **eyes.facts},
    )  # fmt: skip
    _tell_proposer(session, actor, request, to.value, words, now=now)


def _tell_proposer(
    session: Session, actor: Actor, request: ApprovalRequest, to: str, words: str | None, *, now: datetime
) -> None:
    """Write to who asked what became of it; one who decided his own knows."""
    if request.proposer_id == actor.id:
        return
    queue_staff_mail(
        session, session.get_one(Staff, request.proposer_id), f"approval_{to}", key=request.ref, now=now,
        values={
            "about": _about(session, request), "who": session.get_one(Staff, actor.id).name,
            "reason": words or "", "ref": request.ref,
        },
    )  # fmt: skip


def _about(session: Session, request: ApprovalRequest) -> str:
    """The account that a request is about; else the name of the rules or the text."""
    if request.account_id is None:
        return str(request.facts.get("name", request.subject_ref))
    return session.get_one(Account, request.account_id).name
