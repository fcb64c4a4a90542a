"""Ask for what only a second person may allow, take it back, see whether it waits; the ground of four eyes.

Whoever puts something forward calls this module; who decides, within which limit and with which effect
is receivables/approvals/, above all other rooms. Source: A-02; INV-11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.audit import canonical
from models.base import new_ref
from models.money import Money
from models.states import ApprovalStatus, advance
from receivables.audit import record
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.texts import clean_words

#: Longest reason, characters.
REASON_MOST = 2000


def content_digest(
    kind: ApprovalKind, subject_ref: str, facts: Mapping[str, Any], amount: Money | None
) -> str:
    """Return the SHA-256 of what is asked for; another content is another request (A-02)."""
    money = [amount.minor, amount.currency] if amount is not None else None
    return hashlib.sha256(canonical([kind.value, subject_ref, dict(facts), money]).encode()).hexdigest()


def ask(
    session: Session,
    actor: Actor,
    kind: ApprovalKind,
    *,
    account: Account | None,
    subject_ref: str,
    facts: Mapping[str, Any],
    amount: Money | None = None,
    reason: str,
    now: datetime,
    supersedes: ApprovalRequest | None = None,
) -> ApprovalRequest:
    """Put something forward, for another person to decide.

    The caller has checked that what is asked for is possible, and that the actor may ask for it.

    Args:
        account: whom it is about; None for rules and texts.
        subject_ref: names what it is about, at most 120 characters; one request waits for it at a time.
        facts: what the effect needs and the decider reads: texts, whole numbers, lists and dicts of
            them (no floats); they are part of the digest, so that they cannot change any more.
        supersedes: the request that this one answers with other terms.
    Returns:
        The request, `waiting`.
    Raises:
        NotAllowed: the actor may not ask, or is no person.
        Refused: reason_missing, words_too_long, request_waits (facts: ref).
    """
    require(actor, Permission.APPROVAL_ASK)
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed", permission=Permission.APPROVAL_ASK.value)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    if (known := waiting(session, kind, subject_ref)) is not None:
        raise Refused("request_waits", ref=known.ref)
    request = ApprovalRequest(
        ref=new_ref(), kind=kind, subject_ref=subject_ref, status=ApprovalStatus.WAITING,
        account_id=account.id if account is not None else None,
        amount_minor=amount.minor if amount is not None else None,
        currency=amount.currency if amount is not None else None,
        facts=dict(facts), content_digest=content_digest(kind, subject_ref, facts, amount),
        reason=words, proposer_id=actor.id, proposed_at=now, is_alone=False,
        supersedes_id=supersedes.id if supersedes is not None else None,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(request)
            session.flush()
    except IntegrityError as error:  # somebody else asked for the same in this moment
        known = waiting(session, kind, subject_ref)
        if known is None:
            raise
        raise Refused("request_waits", ref=known.ref) from error
    record(
        session, actor, "approval.asked", request, account_id=request.account_id, now=now, reason=words,
        facts=facts_of(request),
    )  # fmt: skip
    return request


def withdraw(
    session: Session, actor: Actor, request: ApprovalRequest, *, reason: str | None = None, now: datetime
) -> ApprovalRequest:
    """Take back what one asked for; a second call finds it done.

    Raises:
        NotAllowed: another one asked for it.
        Refused: not_waiting (facts: status), words_too_long.
    """
    require(actor, Permission.APPROVAL_ASK)
    locked = lock(session, request.ref)
    if actor.kind is not ActorKind.STAFF or locked.proposer_id != actor.id:
        raise NotAllowed("not_yours")
    if locked.status is ApprovalStatus.WITHDRAWN:
        return locked
    refuse_unless_waiting(locked)
    advance(locked, ApprovalStatus.WITHDRAWN)
    locked.decided_at = now
    locked.answer = clean_words(reason or "", most=REASON_MOST) or None
    record(
        session, actor, "approval.withdrawn", locked, account_id=locked.account_id, now=now,
        reason=locked.answer, facts=facts_of(locked),
    )  # fmt: skip
    return locked


def void(
    session: Session, actor: Actor, request: ApprovalRequest, *, why: str, now: datetime
) -> ApprovalRequest:
    """End a request that has lost its subject: paid meanwhile, released, replaced by other terms.

    Args:
        why: code, worded by the desk.
    """
    locked = lock(session, request.ref)
    if locked.status is not ApprovalStatus.WAITING:
        return locked
    advance(locked, ApprovalStatus.VOIDED)
    locked.decided_at, locked.answer = now, why
    record(
        session, actor, "approval.voided", locked, account_id=locked.account_id, now=now,
        facts={**facts_of(locked), "why": why},
    )  # fmt: skip
    return locked


def waiting(session: Session, kind: ApprovalKind, subject_ref: str) -> ApprovalRequest | None:
    """Return the request that waits for a decision about a subject, if any."""
    return session.scalar(
        select(ApprovalRequest).where(
            ApprovalRequest.kind == kind,
            ApprovalRequest.subject_ref == subject_ref,
            ApprovalRequest.status == ApprovalStatus.WAITING,
        )
    )


def lock(session: Session, ref: str) -> ApprovalRequest:
    """Return a request as it is now, locked until the unit of work ends.

    Raises: NotFound.
    """
    found = session.scalar(
        select(ApprovalRequest)
        .where(ApprovalRequest.ref == ref)
        .execution_options(populate_existing=True)
        .with_for_update()
    )
    if found is None:
        raise NotFound("not_found")
    return found


def refuse_unless_waiting(request: ApprovalRequest) -> None:
    """Raise Refused `not_waiting` for what was decided already."""
    if request.status is not ApprovalStatus.WAITING:
        raise Refused("not_waiting", status=request.status.value)


def amount_of(request: ApprovalRequest) -> Money | None:
    """Return the sum that is asked for, if it is about money."""
    if request.amount_minor is None or request.currency is None:
        return None
    return Money(request.amount_minor, request.currency)


def facts_of(request: ApprovalRequest) -> dict[str, Any]:
    """Return what the audit keeps of a request: ids, codes, amounts."""
    return {
        "kind": request.kind.value,
        "subject": request.subject_ref,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "digest": request.content_digest,
    }
