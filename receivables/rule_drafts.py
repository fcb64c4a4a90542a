"""Rules on their way, whatever they are about: put forward by one person, decided by another.

What a body may say is the business of who puts it in force: receivables/ladder/publishing.py and
receivables/contact/publishing.py. Source: A-02; C-04.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.base import new_ref
from models.rules import RulesDraft, RulesKind
from models.staff import Staff
from models.states import DraftStatus, advance
from receivables import four_eyes
from receivables.audit import record
from receivables.calendar_days import at_local, business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.texts import clean_words

#: Longest reason, characters.
REASON_MOST = 500
#: Longest body, characters: rules of contact for many countries fit several times.
BODY_MOST = 60_000
#: What a person needs to publish rules of a kind.
PUBLISHES = {
    RulesKind.LADDER: Permission.LADDER_PUBLISH,
    RulesKind.CHOICE: Permission.LADDER_PUBLISH,
    RulesKind.CONTACT: Permission.CONTACT_RULES_PUBLISH,
}


@dataclass(frozen=True, slots=True)
class DraftView:
    """A proposal as the desk lists it; `decided_by` published, refused or took it back."""

    ref: str
    kind: RulesKind
    name: str
    status: DraftStatus
    body: str
    effective_on: date | None
    author_id: int
    author: str
    reason: str
    made_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    answer: str | None
    version_id: int | None


def put_forward(
    session: Session,
    actor: Actor,
    kind: RulesKind,
    *,
    name: str,
    body: str,
    reason: str,
    effective_on: date | None,
    zone: str,
    now: datetime,
) -> RulesDraft:
    """Keep a proposal until somebody else decides; its body was read by the caller.

    Args:
        effective_on: first day in force, not before today; None for the moment of publishing.
        zone: IANA zone of the house, whose date today is.
    Raises:
        NotAllowed: the actor may not propose, or is no person.
        Refused: reason_missing, words_too_long, effective_past, draft_waits.
    """
    require(actor, Permission.RULES_PROPOSE)
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed", permission=Permission.RULES_PROPOSE.value)
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    if effective_on is not None and effective_on < business_date(now, zone):
        raise Refused("effective_past")
    waiting = select(RulesDraft.id).where(
        RulesDraft.kind == kind, RulesDraft.name == name, RulesDraft.status == DraftStatus.PROPOSED
    )
    if session.scalar(waiting) is not None:
        raise Refused("draft_waits", name=name)
    draft = RulesDraft(
        ref=new_ref(), kind=kind, name=name, status=DraftStatus.PROPOSED, body=body,
        body_digest=hashlib.sha256(body.encode()).hexdigest(), effective_on=effective_on,
        author_id=actor.id, reason=words, made_at=now,
    )  # fmt: skip
    session.add(draft)
    session.flush()
    record(
        session, actor, "rules.proposed", draft, account_id=None, now=now, reason=words,
        facts={"kind": kind.value, "name": name, "digest": draft.body_digest},
    )  # fmt: skip
    return draft


def to_publish(
    session: Session,
    actor: Actor,
    ref: str,
    *kinds: RulesKind,
    proved_at: datetime | None = None,
    now: datetime,
) -> RulesDraft:
    """Return a waiting proposal of one of the kinds, locked, for another person than its author.

    Args:
        proved_at: when the actor last gave password and code; needed of one who decides alone, whose
            proposal is marked as such.
    Raises:
        NotAllowed: the actor may not publish such rules, or `own_proposal`.
        NotFound: there is none of these kinds.
        Refused: decided_already, and those of one who decides alone (`four_eyes.look`).
    """
    draft = _waiting(_of_kinds(session, actor, ref, kinds))
    eyes = four_eyes.refuse_own(
        session, actor, proposer_id=draft.author_id, proposed_at=draft.made_at, proved_at=proved_at, now=now
    )
    if eyes.is_alone:
        draft.is_alone = True
        four_eyes.tell_owner(session, actor, about=draft.name, ref=draft.ref, now=now)
    return draft


def _of_kinds(session: Session, actor: Actor, ref: str, kinds: Sequence[RulesKind]) -> RulesDraft:
    draft = _draft(session, ref)
    if draft.kind not in kinds:
        raise NotFound("not_found")
    require(actor, PUBLISHES[draft.kind])
    return draft


def starts_at(draft: RulesDraft, *, zone: str, now: datetime) -> datetime:
    """Return when a proposal that is published now is in force; a day that has passed meanwhile is now."""
    if draft.effective_on is None:
        return now
    return max(now, at_local(draft.effective_on, time(), zone))


def published(
    draft: RulesDraft, actor: Actor, *, ladder: int | None = None, policy: int | None = None, now: datetime
) -> RulesDraft:
    """Note that a proposal was put in force as a version; the act itself is audited by who does it."""
    advance(draft, DraftStatus.PUBLISHED)
    draft.ladder_version_id, draft.policy_version_id = ladder, policy
    draft.decided_by_id, draft.decided_at = actor.id, now
    return draft


def refuse(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> RulesDraft:
    """Leave the rules as they are; by who could have published them.

    Raises:
        NotAllowed: not this permission, or `own_proposal`: one takes back one's own.
        NotFound.
        Refused: decided_already, reason_missing, words_too_long.
    """
    draft = _waiting(_of_kinds(session, actor, ref, tuple(RulesKind)))
    if actor.id == draft.author_id:
        raise NotAllowed("own_proposal")
    facts = _end(actor, draft, DraftStatus.REFUSED, reason, now)
    record(session, actor, "rules.refused", draft, account_id=None, now=now, reason=draft.answer, facts=facts)
    return draft


def withdraw(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> RulesDraft:
    """Take back one's own proposal.

    Raises:
        NotAllowed: the actor may not propose, or another one did.
        NotFound.
        Refused: decided_already, reason_missing, words_too_long.
    """
    require(actor, Permission.RULES_PROPOSE)
    draft = _draft(session, ref)
    if actor.id != draft.author_id:
        raise NotAllowed("not_allowed", permission=Permission.RULES_PROPOSE.value)
    facts = _end(actor, _waiting(draft), DraftStatus.WITHDRAWN, reason, now)
    record(
        session, actor, "rules.withdrawn", draft, account_id=None, now=now, reason=draft.answer, facts=facts
    )
    return draft


def view(session: Session, actor: Actor, ref: str) -> DraftView:
    """Return one proposal.

    Raises: NotAllowed; NotFound.
    """
    found = _views(session, actor, RulesDraft.ref == ref)
    if not found:
        raise NotFound("not_found")
    return found[0]


def views(session: Session, actor: Actor, *kinds: RulesKind, limit: int = 50) -> list[DraftView]:
    """Return proposals of some kinds, the newest first."""
    return _views(session, actor, RulesDraft.kind.in_(kinds), limit=limit)


def _views(session: Session, actor: Actor, *where: object, limit: int = 1) -> list[DraftView]:
    require(actor, Permission.RULES_READ)
    author, decider = aliased(Staff), aliased(Staff)
    rows: Sequence[tuple[RulesDraft, str, str | None]] = session.execute(
        select(RulesDraft, author.name, decider.name)
        .join(author, author.id == RulesDraft.author_id)
        .outerjoin(decider, decider.id == RulesDraft.decided_by_id)
        .where(*where)  # type: ignore[arg-type]
        .order_by(RulesDraft.made_at.desc(), RulesDraft.id.desc())
        .limit(limit)
    ).all()
    return [
        DraftView(
            draft.ref, draft.kind, draft.name, draft.status, draft.body, draft.effective_on, draft.author_id,
            by, draft.reason, draft.made_at, decided_by, draft.decided_at, draft.answer,
            draft.ladder_version_id or draft.policy_version_id,
        )
        for draft, by, decided_by in rows
    ]  # fmt: skip


def _end(actor: Actor, draft: RulesDraft, to: DraftStatus, reason: str, now: datetime) -> dict[str, str]:
    """Close a proposal without putting it in force; returns what the audit says of it."""
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    advance(draft, to)
    draft.answer, draft.decided_by_id, draft.decided_at = words, actor.id, now
    return {"kind": draft.kind.value, "name": draft.name}


def _draft(session: Session, ref: str) -> RulesDraft:
    draft = session.scalar(select(RulesDraft).where(RulesDraft.ref == ref).with_for_update())
    if draft is None:
        raise NotFound("not_found")
    return draft


def _waiting(draft: RulesDraft) -> RulesDraft:
    if draft.status is not DraftStatus.PROPOSED:
        raise Refused("decided_already")
    return draft
