"""From one account to the next: let go of what is done and take the first of one's own list.

Source: issue of the desk, part 1 ("one account at a time with next").
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models.worklist import WorklistClaim
from receivables.audit import record
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.worklist import claiming, reads, refreshing
from receivables.worklist.reads import Filters

#: So many rows of the list are looked through at once.
ROWS = 50


def next_after(session: Session, actor: Actor, ref: str, *, now: datetime) -> str | None:
    """Let go of an account and claim the first other one of the actor's list that nobody works on.

    Args:
        ref: the account that is done; somebody else's claim on it stays.
    Returns:
        The ref of the account that is his now; None when nothing is left to work.
    Raises: NotAllowed; NotFound: no such account.
    """
    require(actor, Permission.WORKLIST_WORK)
    account = claiming.locked(session, ref)
    row = session.get(WorklistClaim, account.id)
    if row is not None and row.staff_id == actor.id:
        claiming.let_go(session, account)
        record(session, actor, "worklist.released", None, account_id=account.id, now=now)
    refreshing.refresh(session, [account.id], now=now)
    first = 0
    while True:
        found = reads.listed(session, actor, Filters(), first=first, limit=ROWS, now=now)
        for line in found.lines:
            if (
                line.ref != ref
                and (line.claimed_by is None or line.is_mine)
                and _claimed(session, actor, line.ref, now)
            ):
                return line.ref
        if not found.more:
            return None
        first += ROWS


def _claimed(session: Session, actor: Actor, ref: str, now: datetime) -> bool:
    """Whether it could be claimed: not when a colleague was quicker."""
    try:
        claiming.claim(session, actor, ref, now=now)
    except Refused:
        return False
    return True
