"""One act on many accounts: what it would do is shown first, and it can be undone while nothing has left.

Reminders go through the same action and the same gate as one by one; they wait some minutes before they
leave, so that undoing stops them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.audit import savepoint
from models.base import new_ref
from models.messages import Message
from models.staff import Staff
from models.states import MessageStatus, advance
from models.worklist import Assignment, BulkAct, BulkActAccount, BulkKind, SkipReason, WorklistSkip
from receivables.audit import record
from receivables.contact import reminders
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.worklist import assigning, claiming, refreshing, skipping

DONE = "done"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be done to all of them.

    Attributes:
        to: ref of the colleague (reassign).
        from_on, to_on: first and last day; to_on None is for good (reassign). from_on is the day on which
            they are shown again (put off).
        words: the note (reassign), the reason (put off).
    """

    kind: BulkKind
    to: str = ""
    from_on: date | None = None
    to_on: date | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What would be done, or was done, at one account.

    Attributes:
        outcome: DONE, or a code of why not.
        messages: how many would leave, or did; those that the gate holds back for good are not counted.
        undone: what undoing it came to.
    """

    ref: str
    number: str
    name: str
    collector: str | None
    outcome: str
    messages: int = 0
    undone: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """One bulk act as its page shows it."""

    ref: str
    kind: BulkKind
    by: str
    made_at: datetime
    facts: dict[str, Any]
    lines: Sequence[Line]
    undone_at: datetime | None
    #: Until when reminders still wait; None where nothing is to leave.
    leaves_at: datetime | None


def preview(
    session: Session, actor: Actor, kind: BulkKind, refs: Sequence[str], *, now: datetime
) -> list[Line]:
    """Return what an act would do to each account as far as that is known before it is filled in.

    Raises: NotAllowed; Refused: nothing_chosen, too_many.
    """
    _may(actor, kind)
    policy = current_policy(session, now)
    lines = []
    for account, collector in _chosen(session, refs, most=policy.worklist.bulk_most):
        outcome, messages = DONE, 0
        held = claiming.claimed(session, account.id, now=now)
        if held is not None and held.staff_id != actor.id:
            outcome = "claimed_already"
        elif kind is BulkKind.REASSIGN and not claiming.is_his(actor, account.collector_id):
            outcome = "not_yours"
        elif kind is BulkKind.REMIND:
            planned = desk_accounts.reminder_plan(session, actor, account, policy=policy, now=now)
            leaving = [one for one in planned if one.decision.allowed or one.decision.next_at is not None]
            messages = len(leaving)
            outcome = DONE if leaving else "nothing_leaves" if planned else "nothing_open"
        lines.append(Line(account.ref, account.number, account.name, collector, outcome, messages))
    return lines


def do(session: Session, actor: Actor, chosen: Chosen, refs: Sequence[str], *, now: datetime) -> BulkAct:
    """Do it to every account where it can be done; why not elsewhere is kept beside it.

    Raises:
        NotAllowed.
        Refused: nothing_chosen, too_many; what is wrong for all of them: note_missing, not_chasing,
            day_past, day_too_late, days_reversed, day_missing, words_too_long.
    """
    _may(actor, chosen.kind)
    policy = current_policy(session, now)
    rows = _chosen(session, refs, most=policy.worklist.bulk_most, lock=True)
    each = _way(session, actor, chosen, now=now)
    assert actor.id is not None
    act = BulkAct(kind=chosen.kind, staff_id=actor.id, made_at=now, undone_at=None, undone_by_id=None,
                  facts=_facts(session, chosen))  # fmt: skip
    session.add(act)
    session.flush()
    ids, count = [], 0
    for account, _ in rows:
        try:
            with savepoint(session):
                claiming.refuse_claimed(session, actor, account, now=now)
                outcome, made = DONE, each(account)
                count += 1
        except (Refused, NotAllowed) as error:
            if error.code in _FOR_ALL:
                raise
            outcome, made = "not_yours" if isinstance(error, NotAllowed) else error.code, {}
        ids.append(account.id)
        session.add(BulkActAccount(bulk_act_id=act.id, account_id=account.id, outcome=outcome, facts=made,
                                   undone=None))  # fmt: skip
    refreshing.refresh(session, ids, now=now)
    record(session, actor, "worklist.bulk", act, account_id=None, now=now, reason=chosen.words or None,
           facts={"kind": chosen.kind.value, "accounts": len(ids), "done": count})  # fmt: skip
    return act


def undo(session: Session, actor: Actor, ref: str, *, now: datetime) -> BulkAct:
    """Take back what can be taken back; what has left is named. A second call changes nothing.

    Raises:
        NotAllowed: somebody else's act, and the actor may not assign.
        NotFound: no such act.
    """
    require(actor, Permission.WORKLIST_WORK)
    act = session.scalar(select(BulkAct).where(BulkAct.ref == ref).with_for_update())
    if act is None:
        raise NotFound("not_found")
    if act.staff_id != actor.id:
        require(actor, Permission.WORKLIST_ASSIGN)
    if act.undone_at is not None:
        return act
    rows = session.scalars(
        select(BulkActAccount)
        .where(BulkActAccount.bulk_act_id == act.id, BulkActAccount.outcome == DONE)
        .order_by(BulkActAccount.account_id)
    ).all()
    back = _BACK[act.kind]
    for row in rows:
        account = session.get_one(Account, row.account_id, with_for_update=True)
        row.undone = back(session, actor, account, row.facts, now)
    refreshing.refresh(session, [row.account_id for row in rows], now=now)
    act.undone_at, act.undone_by_id = now, actor.id
    record(session, actor, "worklist.bulk_undone", act, account_id=None, now=now,
           facts={"kind": act.kind.value})  # fmt: skip
    return act


def made(session: Session, actor: Actor, ref: str) -> Made:
    """Return what a bulk act did. Raises: NotAllowed; NotFound."""
    require(actor, Permission.WORKLIST_WORK)
    act = session.scalar(select(BulkAct).where(BulkAct.ref == ref))
    if act is None:
        raise NotFound("not_found")
    rows = session.execute(
        select(
            Account.ref, Account.number, Account.name, Staff.name.label("collector"), BulkActAccount.outcome,
            BulkActAccount.facts, BulkActAccount.undone,
        )
        .join(Account, Account.id == BulkActAccount.account_id)
        .outerjoin(Staff, Staff.id == Account.collector_id)
        .where(BulkActAccount.bulk_act_id == act.id)
        .order_by(Account.name, Account.id)
    ).all()  # fmt: skip
    ids = [message_id for row in rows for message_id in row.facts.get("messages", ())]
    waiting = session.scalars(
        select(Message.not_before).where(Message.id.in_(ids), Message.status == MessageStatus.QUEUED)
    ).all()
    return Made(
        ref=act.ref,
        kind=act.kind,
        by=session.get_one(Staff, act.staff_id).name,
        made_at=act.made_at,
        facts=act.facts,
        lines=[
            Line(r.ref, r.number, r.name, r.collector, r.outcome, len(r.facts.get("messages", ())), r.undone)
            for r in rows
        ],
        undone_at=act.undone_at,
        leaves_at=min(waiting, default=None),
    )


# --------------------------------------------------------------------------- the three ways

#: What is wrong with the form and not with an account.
_FOR_ALL = frozenset(
    {"note_missing", "not_chasing", "day_past", "day_too_late", "days_reversed", "day_missing",
     "reason_missing", "words_too_long"}
)  # fmt: skip


def _may(actor: Actor, kind: BulkKind) -> None:
    require(actor, Permission.WORKLIST_WORK)
    if kind is BulkKind.REMIND:
        require(actor, Permission.REMINDER_SEND)


def _chosen(
    session: Session, refs: Sequence[str], *, most: int, lock: bool = False
) -> list[tuple[Account, str | None]]:
    """Return the chosen accounts with their collectors' names, in the order of ids."""
    wanted = list(dict.fromkeys(refs))
    if len(wanted) > most:
        raise Refused("too_many", most=most)
    query = select(Account).where(Account.ref.in_(wanted)).order_by(Account.id)
    accounts = session.scalars(query.with_for_update() if lock else query).all()
    if not accounts:
        raise Refused("nothing_chosen")
    held = {account.collector_id for account in accounts if account.collector_id is not None}
    rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(held)))
    names: dict[int | None, str] = {r.id: r.name for r in rows}
    return [(account, names.get(account.collector_id)) for account in accounts]


def _facts(session: Session, chosen: Chosen) -> dict[str, Any]:
    """What was chosen, as it is kept and shown."""
    facts: dict[str, Any] = {"words": chosen.words}
    if chosen.kind is BulkKind.REASSIGN:
        facts["to"] = assigning.person(session, chosen.to).name
    for name, day in (("from_on", chosen.from_on), ("to_on", chosen.to_on)):
        if day is not None:
            facts[name] = day.isoformat()
    return facts


def _way(
    session: Session, actor: Actor, chosen: Chosen, *, now: datetime
) -> Callable[[Account], dict[str, Any]]:
    """Return what is done to one account; it gives the names of what it made."""
    if chosen.kind is BulkKind.REMIND:
        return lambda account: _remind(session, actor, account, now=now)
    if chosen.from_on is None:
        raise Refused("day_missing")
    from_on = chosen.from_on
    if chosen.kind is BulkKind.PUT_OFF:
        if not chosen.words.strip():
            raise Refused("reason_missing")

        def put_off(account: Account) -> dict[str, Any]:
            row = skipping.put_off(session, actor, account, reason=SkipReason.OTHER, until_on=from_on,
                                   words=chosen.words, now=now)  # fmt: skip
            claiming.let_go(session, account)
            return {"skip": row.id}

        return put_off
    to, batch = assigning.person(session, chosen.to), new_ref()
    note = assigning.refuse_unfit(to, from_on=from_on, to_on=chosen.to_on, note=chosen.words)

    def give(account: Account) -> dict[str, Any]:
        row = assigning.give(session, actor, account, to, batch, from_on=from_on, to_on=chosen.to_on,
                             note=note, now=now)  # fmt: skip
        return {"assignment": row.id}

    return give


def _remind(session: Session, actor: Actor, account: Account, *, now: datetime) -> dict[str, Any]:
    """Queue reminders as one by one; those made now wait for a change of mind."""
    wait = timedelta(minutes=current_policy(session, now).worklist.undo_minutes)
    queued = [m for m in reminders.remind(session, actor, account, now=now) if m.queued_at == now]
    if not queued:
        raise Refused("reminded_already")
    for message in queued:
        message.not_before = max(message.not_before, now + wait)
    session.flush()
    return {"messages": [message.id for message in queued]}


# --------------------------------------------------------------------------- and back


def _unsend(session: Session, actor: Actor, account: Account, facts: dict[str, Any], now: datetime) -> str:
    """Stop what still waits; each message is locked, so that it is stopped or sent and never both.

    What is stopped gives its name back, so that the same day's reminder can be queued anew; a day that was
    claimed at the gate stays claimed (C-02).
    """
    messages = session.scalars(
        select(Message)
        .where(Message.id.in_(facts.get("messages", ())))
        .order_by(Message.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    waiting = [message for message in messages if message.status is MessageStatus.QUEUED]
    for message in waiting:
        advance(message, MessageStatus.STOPPED)
        message.reasons = ["undone"]
        message.dedupe_key = f"undone:{message.ref}:{message.dedupe_key}"
        record(session, actor, "message.moved", message, account_id=account.id, now=now,
               facts={"to": MessageStatus.STOPPED.value, "reasons": ["undone"]})  # fmt: skip
    return "undone" if len(waiting) == len(messages) else "partly_left" if waiting else "left"


def _show_again(
    session: Session, actor: Actor, account: Account, facts: dict[str, Any], now: datetime
) -> str:
    row = session.get(WorklistSkip, facts.get("skip"))
    if row is None or row.ended_at is not None:
        return "changed_since"
    row.ended_at = now
    record(session, actor, "worklist.skip_undone", row, account_id=account.id, now=now)
    return "undone"


def _take_back(session: Session, actor: Actor, account: Account, facts: dict[str, Any], now: datetime) -> str:
    row = session.get(Assignment, facts.get("assignment"))
    if row is None:
        return "changed_since"
    return "undone" if assigning.take_back(session, actor, account, row, now=now) else "changed_since"


_BACK: dict[BulkKind, Callable[[Session, Actor, Account, dict[str, Any], datetime], str]] = {
    BulkKind.REASSIGN: _take_back,
    BulkKind.REMIND: _unsend,
    BulkKind.PUT_OFF: _show_again,
}
