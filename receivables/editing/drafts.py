"""Drafts of rules and of texts: begun by one person, kept while written, published by two (A-02, C-08).

A draft holds what differs, not the whole; so it stays good when something else was published meanwhile.
What a second person approves is bound by its digest: what changed since must be sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.approvals import ApprovalKind, ApprovalRequest
from models.base import new_ref
from models.editing import EditorDraft, EditorKind
from models.staff import Staff
from models.states import ApprovalStatus, EditorStatus, advance
from receivables import approval_requests
from receivables.audit import record
from receivables.calendar_days import at_local, business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require

_APPROVAL = {EditorKind.POLICY: ApprovalKind.POLICY, EditorKind.TEXT: ApprovalKind.TEXT}


@dataclass(frozen=True, slots=True)
class DraftState:
    """An open draft as its page shows it.

    Attributes:
        waits: the request that waits for a second person, if it was sent.
        answer: why the last request was refused or fell away, if it was.
    """

    ref: str
    kind: EditorKind
    name: str
    changes: Mapping[str, Any]
    effective_on: date | None
    author_id: int
    author: str
    begun_at: datetime
    waits: str | None
    answer: str | None


def open_draft(session: Session, actor: Actor, kind: EditorKind, name: str) -> DraftState | None:
    """Return the draft of a thing that is being written, whoever writes it.

    Raises: NotAllowed.
    """
    require(actor, Permission.RULES_READ)
    found = session.execute(
        select(EditorDraft, Staff.name)
        .join(Staff, Staff.id == EditorDraft.author_id)
        .where(EditorDraft.kind == kind, EditorDraft.name == name, EditorDraft.status == EditorStatus.OPEN)
    ).first()
    return _state(session, *found) if found else None


def open_names(session: Session, kind: EditorKind) -> dict[str, str]:
    """Return what of a kind is being written, with who began it."""
    rows = session.execute(
        select(EditorDraft.name, Staff.name)
        .join(Staff, Staff.id == EditorDraft.author_id)
        .where(EditorDraft.kind == kind, EditorDraft.status == EditorStatus.OPEN)
    )
    return {row[0]: row[1] for row in rows}


def _state(session: Session, draft: EditorDraft, author: str) -> DraftState:
    last = session.scalars(
        select(ApprovalRequest)
        .where(ApprovalRequest.kind == _APPROVAL[draft.kind], ApprovalRequest.subject_ref == draft.ref)
        .order_by(ApprovalRequest.id.desc())
        .limit(1)
    ).first()
    waits = last is not None and last.status is ApprovalStatus.WAITING
    return DraftState(
        draft.ref, draft.kind, draft.name, json.loads(draft.changes), draft.effective_on, draft.author_id,
        author, draft.begun_at,
        waits=last.ref if last is not None and waits else None,
        answer=last.answer if last is not None and not waits else None,
    )  # fmt: skip


def change(
    session: Session, actor: Actor, kind: EditorKind, name: str, changes: Mapping[str, Any], *, now: datetime
) -> EditorDraft | None:
    """Keep what a draft changes; begins one where there is none, drops one that changes nothing more.

    Args:
        changes: all that differs from what is in force.
    Raises:
        NotAllowed: the actor may not propose.
        Refused: draft_of_another (facts: author), draft_sent: what waits is taken back first.
    """
    require(actor, Permission.RULES_PROPOSE)
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed", permission=Permission.RULES_PROPOSE.value)
    draft = _locked(session, kind, name)
    if draft is None:
        return _begin(session, actor, kind, name, changes, now=now) if changes else None
    _refuse_others(session, actor, draft)
    if not changes:
        _drop(session, actor, draft, now=now)
        return None
    draft.changes, draft.changed_at = json.dumps(dict(changes), ensure_ascii=False), now
    return draft


def _begin(
    session: Session, actor: Actor, kind: EditorKind, name: str, changes: Mapping[str, Any], *, now: datetime
) -> EditorDraft:
    draft = EditorDraft(
        ref=new_ref(), kind=kind, name=name, status=EditorStatus.OPEN, author_id=actor.id,
        changes=json.dumps(dict(changes), ensure_ascii=False), begun_at=now, changed_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(draft)
            session.flush()
    except IntegrityError as error:  # somebody else began one in this moment
        raise Refused("draft_of_another", author="") from error
    record(
        session, actor, "policy_draft.begun", draft, account_id=None, now=now,
        facts={"kind": kind.value, "name": name},
    )  # fmt: skip
    return draft


def _locked(session: Session, kind: EditorKind, name: str) -> EditorDraft | None:
    return session.scalar(
        select(EditorDraft)
        .where(EditorDraft.kind == kind, EditorDraft.name == name, EditorDraft.status == EditorStatus.OPEN)
        .with_for_update()
    )


def _refuse_others(session: Session, actor: Actor, draft: EditorDraft) -> None:
    if draft.author_id != actor.id:
        raise Refused("draft_of_another", author=session.get_one(Staff, draft.author_id).name)
    if approval_requests.waiting(session, _APPROVAL[draft.kind], draft.ref) is not None:
        raise Refused("draft_sent")


def drop(session: Session, actor: Actor, kind: EditorKind, name: str, *, now: datetime) -> None:
    """Give a draft up, and take back what waits of it.

    Raises: NotAllowed; NotFound; Refused: draft_of_another.
    """
    require(actor, Permission.RULES_PROPOSE)
    draft = _locked(session, kind, name)
    if draft is None:
        raise NotFound("not_found")
    waits = approval_requests.waiting(session, _APPROVAL[kind], draft.ref)
    if waits is not None and draft.author_id == actor.id:
        approval_requests.withdraw(session, actor, waits, now=now)
    _refuse_others(session, actor, draft)
    _drop(session, actor, draft, now=now)


def _drop(session: Session, actor: Actor, draft: EditorDraft, *, now: datetime) -> None:
    advance(draft, EditorStatus.DROPPED)
    draft.decided_by_id, draft.decided_at = actor.id, now
    record(
        session, actor, "policy_draft.dropped", draft, account_id=None, now=now,
        facts={"kind": draft.kind.value, "name": draft.name},
    )  # fmt: skip


def take_back(session: Session, actor: Actor, kind: EditorKind, name: str, *, now: datetime) -> None:
    """Take back what waits for a second person, to write on.

    Raises: NotAllowed; NotFound: nothing waits.
    """
    draft = _locked(session, kind, name)
    waits = approval_requests.waiting(session, _APPROVAL[kind], draft.ref) if draft is not None else None
    if waits is None:
        raise NotFound("not_found")
    approval_requests.withdraw(session, actor, waits, now=now)


def send(
    session: Session,
    actor: Actor,
    kind: EditorKind,
    name: str,
    *,
    result: str,
    facts: Mapping[str, Any],
    effective_on: date | None,
    reason: str,
    zone: str,
    now: datetime,
) -> ApprovalRequest:
    """Ask a second person to put a draft in force; who may write it has checked it before.

    Args:
        result: the whole that would be in force; its digest is what is approved.
        facts: what the decider reads: the differences in words and figures.
        effective_on: first day in force, not before today; None for the moment of approval.
        zone: IANA zone of the house, whose date today is.
    Raises:
        NotAllowed; NotFound: there is no draft.
        Refused: draft_of_another, draft_sent, effective_past, reason_missing, words_too_long.
    """
    require(actor, Permission.RULES_PROPOSE)
    draft = _locked(session, kind, name)
    if draft is None:
        raise NotFound("not_found")
    _refuse_others(session, actor, draft)
    if effective_on is not None and effective_on < business_date(now, zone):
        raise Refused("effective_past")
    draft.effective_on, draft.changed_at = effective_on, now
    said = {
        **facts, "name": name, "draft": draft.ref, "digest": digest_of(result),
        "effective_on": effective_on.isoformat() if effective_on else None, "zone": zone,
    }  # fmt: skip
    return approval_requests.ask(
        session,
        actor,
        _APPROVAL[kind],
        account=None,
        subject_ref=draft.ref,
        facts=said,
        reason=reason,
        now=now,
    )


def digest_of(result: str) -> str:
    """Return the SHA-256 of what would be in force."""
    return hashlib.sha256(result.encode()).hexdigest()


def approved(session: Session, actor: Actor, request: ApprovalRequest) -> EditorDraft:
    """Return the draft that a request is about, for another person than its author, locked.

    Raises:
        NotAllowed: the approver wrote it, and is not alone in the house. NotFound.
        Refused: decided_already.
    """
    draft = session.scalar(
        select(EditorDraft).where(EditorDraft.ref == request.subject_ref).with_for_update()
    )
    if draft is None:
        raise NotFound("not_found")
    if actor.id in (draft.author_id, request.proposer_id) and not request.is_alone:
        raise NotAllowed("own_proposal")
    if draft.status is not EditorStatus.OPEN:
        raise Refused("decided_already")
    return draft


def refuse_moved(request: ApprovalRequest, result: str) -> None:
    """Refuse what is not what was approved any more: something else was published meanwhile.

    Raises: Refused: draft_moved.
    """
    if digest_of(result) != request.facts["digest"]:
        raise Refused("draft_moved")


def starts_at(request: ApprovalRequest, *, now: datetime) -> datetime:
    """Return from when it holds; a day that has passed while it waited is now."""
    day = request.facts["effective_on"]
    if day is None:
        return now
    return max(now, at_local(date.fromisoformat(day), time(), request.facts["zone"]))


def published(draft: EditorDraft, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Note that a draft is in force; the act itself is audited by who does it."""
    advance(draft, EditorStatus.PUBLISHED)
    draft.decided_by_id, draft.decided_at, draft.is_alone = actor.id, now, request.is_alone
