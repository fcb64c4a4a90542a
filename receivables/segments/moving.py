"""People decide which kind of debtor an account is: confirm a proposal, refuse it, or move the account.

No rule and no job can: the actor is a person, whoever the debtor is. Each decision is audited, stands on
the timeline and stays in the account's history. Source: domain.md, "Six kinds of debtor"; GDPR article 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, DebtorType, Segment
from models.base import new_ref
from models.segments import SegmentProposal
from models.states import SegmentStatus, advance
from receivables import outbox, waking
from receivables.audit import record
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, may, require
from receivables.segments import proposing
from receivables.texts import clean_words

_T = TypeVar("_T", bound=Any)

#: Longest reason, characters.
REASON_MOST = 500
#: Proposals decided together, at most: what one page shows.
BULK_MOST = 100


def confirm(
    session: Session, actor: Actor, proposal_ref: str, *, reason: str | None = None, now: datetime
) -> SegmentProposal:
    """Move the account to where the rules propose it to be.

    Args:
        reason: what a person adds to the evidence, at most REASON_MOST characters; None for nothing.
    Raises:
        NotAllowed: the actor may not decide, or is no person.
        NotFound: no such proposal for this actor.
        Refused: decided_already, words_too_long.
    """
    account, proposal = _waiting(session, actor, proposal_ref)
    proposal.reason = clean_words(reason or "", most=REASON_MOST) or None
    _take_effect(session, actor, account, proposal, now=now)
    return proposal


def refuse(
    session: Session, actor: Actor, proposal_ref: str, *, reason: str, now: datetime
) -> SegmentProposal:
    """Leave the account as it is; the same evidence is not proposed again for some days.

    Args:
        reason: why, in words, at most REASON_MOST characters.
    Raises:
        NotAllowed, NotFound: as of `confirm`.
        Refused: decided_already, reason_missing, words_too_long.
    """
    _account, proposal = _waiting(session, actor, proposal_ref)
    proposal.reason = _words(reason)
    advance(proposal, SegmentStatus.REFUSED)
    _sign(proposal, actor, now)
    record(
        session, actor, "segment.refused", proposal, account_id=proposal.account_id, now=now,
        facts=proposing.spoken(proposal), reason=proposal.reason,
    )  # fmt: skip
    proposing.close_task(session, proposal, staff_id=actor.id, now=now)
    return proposal


def decide_many(
    session: Session, actor: Actor, refs: Sequence[str], *, confirmed: bool, reason: str, now: datetime
) -> list[SegmentProposal]:
    """Decide the same way on several proposals, with one reason for all; all of them or none.

    Of a private person a human decides for him alone, so he is not taken in a row (GDPR article 22).

    Args:
        refs: proposals, at most BULK_MOST.
        confirmed: whether the accounts move as proposed, or stay.
        reason: why, in words, at most REASON_MOST characters.
    Raises:
        NotAllowed, NotFound: as of `confirm`.
        Refused: proposal_none, person_one_by_one, proposals_changed, reason_missing, words_too_long.
    """
    _require(actor)
    words = _words(reason)
    wanted = sorted(set(refs))[:BULK_MOST]
    rows = session.execute(
        select(SegmentProposal.ref, Account.debtor_type)
        .join(Account, Account.id == SegmentProposal.account_id)
        .where(SegmentProposal.ref.in_(wanted))
        .order_by(Account.id)  # everybody locks accounts in this order (M-07)
    ).all()
    if len(rows) < len(wanted):
        raise NotFound("not_found")
    together(rows)
    decide = confirm if confirmed else refuse
    try:
        return [decide(session, actor, r.ref, reason=words, now=now) for r in rows]
    except Refused as error:
        raise Refused("proposals_changed") from error


def together(rows: Sequence[_T]) -> Sequence[_T]:
    """Return proposals that may be decided on together, each with its `debtor_type`.

    Raises: Refused: proposal_none, person_one_by_one.
    """
    if not rows:
        raise Refused("proposal_none")
    if any(row.debtor_type is DebtorType.PRIVATE_PERSON for row in rows):
        raise Refused("person_one_by_one")
    return rows


def move(
    session: Session, actor: Actor, account: Account, to: Segment, *, reason: str, now: datetime
) -> SegmentProposal:
    """Move an account without a proposal, or against one; the rules then keep quiet for some days.

    Args:
        account: locked here.
        reason: why, in words, at most REASON_MOST characters.
    Returns:
        The line of its history.
    Raises:
        NotAllowed: the actor may not decide, or is no person.
        NotFound: it is about difficulty, which the actor may not know of.
        Refused: same_segment, reason_missing, words_too_long.
    """
    _require(actor)
    account = session.get_one(Account, account.id, with_for_update=True, populate_existing=True)
    if Segment.HARDSHIP in (account.segment, to) and not may(actor, Permission.HARDSHIP_READ):
        raise NotFound("not_found")
    if account.segment is to:
        raise Refused("same_segment")
    words = _words(reason)
    waiting = proposing.open_proposal(session, account.id)
    if waiting is not None:
        proposing.supersede(session, waiting, now=now)
    moved = SegmentProposal(
        ref=new_ref(),
        account_id=account.id,
        status=SegmentStatus.PROPOSED,
        from_segment=account.segment,
        to_segment=to,
        evidence=[],
        proposed_at=now,
        reason=words,
    )
    session.add(moved)
    session.flush()
    _take_effect(session, actor, account, moved, now=now)
    return moved


def _require(actor: Actor) -> None:
    require(actor, Permission.SEGMENT_DECIDE)
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise NotAllowed("not_allowed", permission=Permission.SEGMENT_DECIDE.value)


def _waiting(session: Session, actor: Actor, ref: str) -> tuple[Account, SegmentProposal]:
    """Return the proposal that waits, behind the lock of its account."""
    _require(actor)
    account_id = session.scalar(select(SegmentProposal.account_id).where(SegmentProposal.ref == ref))
    if account_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, account_id, with_for_update=True, populate_existing=True)
    proposal = session.scalars(
        select(SegmentProposal).where(SegmentProposal.ref == ref).execution_options(populate_existing=True)
    ).one()
    if proposing.is_guarded(proposal) and not may(actor, Permission.HARDSHIP_READ):
        raise NotFound("not_found")
    if proposal.status is not SegmentStatus.PROPOSED:
        raise Refused("decided_already")
    return account, proposal


def _take_effect(
    session: Session, actor: Actor, account: Account, proposal: SegmentProposal, *, now: datetime
) -> None:
    advance(proposal, SegmentStatus.CONFIRMED)
    _sign(proposal, actor, now)
    account.segment = proposal.to_segment
    facts = proposing.spoken(proposal)
    record(
        session, actor, "segment.moved", proposal, account_id=account.id, now=now, facts=facts,
        reason=proposal.reason,
    )  # fmt: skip
    # The history of the account says from where to where, to those who may read it.
    outbox.note(session, account.id, "segment.moved", staff_id=actor.id, now=now, facts=facts)
    proposing.close_task(session, proposal, staff_id=actor.id, now=now)
    session.flush()
    waking.wake_account(session, account.id, now=now)  # another kind may climb another ladder


def _sign(proposal: SegmentProposal, actor: Actor, now: datetime) -> None:
    proposal.decided_by_id, proposal.decided_at = actor.id, now


def _words(reason: str) -> str:
    words = clean_words(reason, most=REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    return words
