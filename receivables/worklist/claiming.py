"""One person at a time works on an account: claims that end by themselves.

A claim is a row with the account as its key, written under the account's lock: of two who press at the
same moment one wins, on both databases. Whoever works on renews it; nobody has to remember to let go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.staff import Staff
from models.worklist import WorklistClaim
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import current_policy
from receivables.worklist import refreshing


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who works on an account, and until when the claim stands."""

    staff_id: int
    name: str
    claimed_at: datetime
    expires_at: datetime


def claim(session: Session, actor: Actor, ref: str, *, now: datetime) -> WorklistClaim:
    """Take an account to work on; a claim of one's own is renewed, one that timed out is taken over.

    Its rows are worked out at this moment, so that what is opened is what is true.

    Args:
        ref: the account's random name.
    Raises:
        NotAllowed; NotFound: no such account.
        Refused: claimed_already (facts: name, until), while somebody else works on it.
    Source: policy worklist.claim_minutes.
    """
    require(actor, Permission.WORKLIST_WORK)
    account = locked(session, ref)
    refuse_claimed(session, actor, account, now=now)
    until = now + timedelta(minutes=current_policy(session, now).worklist.claim_minutes)
    row = session.get(WorklistClaim, account.id)
    assert actor.id is not None
    changes = row is None or row.staff_id != actor.id or row.expires_at <= now
    if row is None:
        row = WorklistClaim(account_id=account.id, staff_id=actor.id, claimed_at=now, expires_at=until)
        session.add(row)
    elif changes:
        row.staff_id, row.claimed_at, row.expires_at = actor.id, now, until
    else:
        row.expires_at = until
    session.flush()
    if changes:
        record(session, actor, "worklist.claimed", None, account_id=account.id, now=now,
               facts={"until": until.isoformat()})  # fmt: skip
    refreshing.refresh(session, [account.id], now=now)
    return row


def release(session: Session, actor: Actor, ref: str, *, now: datetime) -> None:
    """Let go of an account; where nobody holds it nothing happens.

    Raises:
        NotAllowed: somebody else's claim, and the actor may not assign.
        NotFound: no such account.
    """
    require(actor, Permission.WORKLIST_WORK)
    account = locked(session, ref)
    row = session.get(WorklistClaim, account.id)
    if row is None:
        return
    if row.staff_id != actor.id:
        require(actor, Permission.WORKLIST_ASSIGN)
    let_go(session, account)
    record(session, actor, "worklist.released", None, account_id=account.id, now=now)


def claimed(session: Session, account_id: int, *, now: datetime) -> Claimed | None:
    """Return who works on an account now; for any page about it."""
    row = session.execute(
        select(WorklistClaim.staff_id, Staff.name, WorklistClaim.claimed_at, WorklistClaim.expires_at)
        .join(Staff, Staff.id == WorklistClaim.staff_id)
        .where(WorklistClaim.account_id == account_id, WorklistClaim.expires_at > now)
    ).first()
    return Claimed(*row) if row is not None else None


def refuse_claimed(session: Session, actor: Actor, account: Account, *, now: datetime) -> None:
    """Let nobody reach into what somebody else works on. Raises: Refused `claimed_already`."""
    held = claimed(session, account.id, now=now)
    if held is not None and held.staff_id != actor.id:
        raise Refused("claimed_already", name=held.name, until=held.expires_at.isoformat())


def let_go(session: Session, account: Account) -> None:
    """End the claim of an account, whoever holds it; the account is locked by the caller."""
    row = session.get(WorklistClaim, account.id)
    if row is not None:
        session.delete(row)
        session.flush()


def locked(session: Session, ref: str) -> Account:
    """Return an account, locked for this unit of work. Raises: NotFound."""
    account = session.scalar(
        select(Account).where(Account.ref == ref).with_for_update().execution_options(populate_existing=True)
    )
    if account is None:
        raise NotFound("not_found")
    return account


def is_his(actor: Actor, collector_id: int | None) -> bool:
    """Whether an actor may give an account to a colleague: his own, nobody's, or by permission any."""
    return collector_id in (None, actor.id) or may(actor, Permission.WORKLIST_ASSIGN)
