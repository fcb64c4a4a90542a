"""An account left for another day, with a reason: it comes back then, or earlier when something happens."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.worklist import SkipReason, WorklistSkip
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words
from receivables.worklist import claiming, refreshing

#: Longest words beside a reason, characters.
WORDS_MOST = 500


def skip(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    reason: SkipReason,
    until_on: date,
    words: str = "",
    now: datetime,
) -> WorklistSkip:
    """Leave an account for another day; a claim of one's own ends.

    Args:
        ref: the account's random name.
        until_on: account-local day on which it is shown again, after today.
        words: needed where the reason is `other`.
    Raises:
        NotAllowed; NotFound.
        Refused: claimed_already; day_past, day_too_late; reason_missing, words_too_long.
    Source: policy worklist.skip_most_days.
    """
    require(actor, Permission.WORKLIST_WORK)
    account = claiming.locked(session, ref)
    claiming.refuse_claimed(session, actor, account, now=now)
    row = put_off(session, actor, account, reason=reason, until_on=until_on, words=words, now=now)
    claiming.let_go(session, account)
    refreshing.refresh(session, [account.id], now=now)
    return row


def put_off(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    reason: SkipReason,
    until_on: date,
    words: str,
    now: datetime,
) -> WorklistSkip:
    """Write a skip down in place of one that stands; the account is locked, its rows are the caller's work.

    Raises: Refused: as of `skip`, but claimed_already.
    """
    kept = clean_words(words, most=WORDS_MOST)
    if reason is SkipReason.OTHER and not kept:
        raise Refused("reason_missing")
    today = business_date(now, account.zone)
    if until_on <= today:
        raise Refused("day_past")
    most = current_policy(session, now).worklist.skip_most_days
    if until_on > today + timedelta(days=most):
        raise Refused("day_too_late", most=most)
    _end_open(session, account.id, now=now)
    assert actor.id is not None
    row = WorklistSkip(
        account_id=account.id, staff_id=actor.id, reason=reason, words=kept, until_on=until_on,
        skipped_at=now, ended_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    facts = {"reason": reason.value, "to": until_on.isoformat()}
    outbox.note(
        session, account.id, "worklist.skipped", staff_id=actor.id, now=now,
        facts={**facts, **({"words": kept} if kept else {})},
    )  # fmt: skip
    record(session, actor, "worklist.skipped", row, account_id=account.id, now=now, facts=facts,
           reason=kept or None)  # fmt: skip
    return row


def undo(session: Session, actor: Actor, skip_ref: str, *, now: datetime) -> WorklistSkip:
    """Show a skipped account again at once; a second call changes nothing.

    Raises:
        NotAllowed: somebody else's skip, and the actor may not assign.
        NotFound: no such skip.
    """
    require(actor, Permission.WORKLIST_WORK)
    row = session.scalar(select(WorklistSkip).where(WorklistSkip.ref == skip_ref))
    if row is None:
        raise NotFound("not_found")
    if row.staff_id != actor.id:
        require(actor, Permission.WORKLIST_ASSIGN)
    account = session.get_one(Account, row.account_id, with_for_update=True)
    session.refresh(row)
    if row.ended_at is None:
        row.ended_at = now
        record(session, actor, "worklist.skip_undone", row, account_id=account.id, now=now)
        refreshing.refresh(session, [account.id], now=now)
    return row


def _end_open(session: Session, account_id: int, *, now: datetime) -> None:
    standing = session.scalar(
        select(WorklistSkip).where(WorklistSkip.account_id == account_id, WorklistSkip.ended_at.is_(None))
    )
    if standing is not None:
        standing.ended_at = now
        session.flush()
