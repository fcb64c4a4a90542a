"""Who collects an account: given to a colleague for good, or for the days of an absence, with a note.

For days: the account is the colleague's from the first day on and is given back after the last, by the
daily job or sooner by hand. Everything else in the house reads the account's collector and needs to know
nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.base import new_ref
from models.creditors import Creditor
from models.staff import Role, Staff
from models.worklist import Assignment
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, may, require
from receivables.texts import clean_words
from receivables.worklist import claiming, refreshing

#: Who may be given accounts.
CHASING = frozenset({Role.COLLECTOR, Role.SUPERVISOR})
NOTE_MOST = 500
#: Accounts that are given away together at most.
MOST = 5000


@dataclass(frozen=True, slots=True)
class Lent:
    """Accounts that a colleague has for some days, or will have; given together.

    Attributes:
        from_name: whose they are; None where they are nobody's, or of several people.
        first_name: the account of which the name comes first.
    """

    batch: str
    from_name: str | None
    to_name: str
    from_on: date
    to_on: date
    note: str
    begun: bool
    accounts: int
    first_name: str


def assign(
    session: Session,
    actor: Actor,
    accounts: Sequence[Account],
    to: Staff,
    *,
    from_on: date,
    to_on: date | None,
    note: str,
    now: datetime,
) -> list[Assignment]:
    """Give accounts to a colleague; the accounts are locked by the caller.

    Args:
        from_on: first day, of today or later.
        to_on: last day of an absence; None is for good.
        note: what he should know, in words.
    Returns:
        One assignment for each account, in their order.
    Raises:
        NotAllowed: an account of somebody else, and the actor may not assign.
        Refused: note_missing, words_too_long; day_past, days_reversed; not_chasing;
            same_collector; lent_already (facts: account), while it is lent for days.
    """
    require(actor, Permission.WORKLIST_WORK)
    words = refuse_unfit(to, from_on=from_on, to_on=to_on, note=note)
    batch = new_ref()
    rows = [
        give(session, actor, account, to, batch, from_on=from_on, to_on=to_on, note=words, now=now)
        for account in accounts
    ]
    refreshing.refresh(session, [account.id for account in accounts], now=now)
    return rows


def refuse_unfit(to: Staff, *, from_on: date, to_on: date | None, note: str) -> str:
    """Refuse what is wrong whichever account it is about; returns the note as it is kept.

    Raises: Refused: note_missing, words_too_long, not_chasing, days_reversed.
    """
    words = clean_words(note, most=NOTE_MOST)
    if not words:
        raise Refused("note_missing")
    if to.role not in CHASING or not to.is_active:
        raise Refused("not_chasing")
    if to_on is not None and to_on < from_on:
        raise Refused("days_reversed")
    return words


def lend_all(
    session: Session,
    actor: Actor,
    who: str,
    to: str,
    *,
    from_on: date,
    to_on: date,
    note: str,
    now: datetime,
) -> list[Assignment]:
    """Lend every account of a collector to a colleague for the days of an absence; what is lent stays so.

    Args:
        who, to: refs of the two.
    Raises:
        NotAllowed: not his own, and the actor may not assign.
        Refused: as of `assign`; nothing_chosen, the collector has no account; too_many.
    """
    require(actor, Permission.WORKLIST_WORK)
    giver, taker = person(session, who), person(session, to)
    if giver.id == taker.id:
        raise Refused("same_collector")
    if giver.id != actor.id:
        require(actor, Permission.WORKLIST_ASSIGN)
    accounts = [account for account in accounts_of(session, giver.id) if _open(session, account.id) is None]
    if not accounts:
        raise Refused("nothing_chosen")
    return assign(session, actor, accounts, taker, from_on=from_on, to_on=to_on, note=note, now=now)


def refuse_assigning(session: Session, actor: Actor, account: Account, to_id: int) -> None:
    """Say by name why an account cannot be given to somebody.

    Raises:
        NotAllowed: it is somebody else's, and the actor may not assign.
        Refused: same_collector, lent_already.
    """
    if not claiming.is_his(actor, account.collector_id):
        raise NotAllowed("not_allowed", permission=Permission.WORKLIST_ASSIGN.value)
    if account.collector_id == to_id:
        raise Refused("same_collector")
    if _open(session, account.id) is not None:
        raise Refused("lent_already", account=account.ref)


def give_back(session: Session, actor: Actor, batch: str, *, now: datetime) -> int:
    """End an absence early, or call it off before it began; a second call changes nothing.

    Args:
        batch: names what was given together.
    Returns:
        How many accounts it ended for.
    Raises:
        NotAllowed: none of the people it is about, and may not assign.
        NotFound: nothing was given under this name.
    """
    require(actor, Permission.WORKLIST_WORK)
    rows = session.scalars(
        select(Assignment).where(Assignment.batch == batch).order_by(Assignment.account_id)
    ).all()
    if not rows:
        raise NotFound("not_found")
    if any(actor.id not in (row.from_staff_id, row.to_staff_id, row.made_by_id) for row in rows):
        require(actor, Permission.WORKLIST_ASSIGN)
    ended = 0
    for row in rows:
        account = session.get_one(Account, row.account_id, with_for_update=True)
        session.refresh(row)
        if row.ended_at is None:
            _end(session, actor, account, row, now=now)
            ended += 1
    refreshing.refresh(session, [row.account_id for row in rows], now=now)
    return ended


def take_back(session: Session, actor: Actor, account: Account, row: Assignment, *, now: datetime) -> bool:
    """Undo one assignment, also one for good; the account is locked by the caller.

    Returns:
        Whether it could be: not where the account was given to somebody else meanwhile.
    """
    if row.ended_at is None:
        _end(session, actor, account, row, now=now)
        return True
    if row.to_on is not None or account.collector_id != row.to_staff_id:
        return False
    account.collector_id = row.from_staff_id
    outbox.note(session, account.id, "worklist.given_back", staff_id=actor.id, now=now)
    record(session, actor, "assignment.ended", row, account_id=account.id, now=now)
    return True


def turn_over(session: Session, *, now: datetime) -> int:
    """Begin and end what is lent for days, by each account's own date; for the daily job.

    Returns:
        How many accounts changed hands.
    """
    rows = session.execute(
        select(Assignment.id, Account.zone)
        .join(Account, Account.id == Assignment.account_id)
        .where(Assignment.ended_at.is_(None))
        .order_by(Assignment.account_id)
    ).all()
    changed: list[int] = []
    for assignment_id, zone in rows:
        today = business_date(now, zone)
        row = session.get_one(Assignment, assignment_id)
        account = session.get_one(Account, row.account_id, with_for_update=True)
        session.refresh(row)
        if row.ended_at is not None:
            continue
        if row.to_on is not None and row.to_on < today:
            _end(session, SYSTEM, account, row, now=now)
        elif row.begun_at is None and row.from_on <= today:
            _begin(session, SYSTEM, account, row, now=now)
        else:
            continue
        changed.append(account.id)
    refreshing.refresh(session, changed, now=now)
    return len(changed)


def lent(session: Session, actor: Actor) -> list[Lent]:
    """Return what is lent for days, by the first day; a collector sees what concerns him."""
    require(actor, Permission.WORKLIST_WORK)
    giver, taker = aliased(Staff), aliased(Staff)
    query = (
        select(
            Assignment.batch, func.min(giver.name).label("from_name"),
            func.count(func.distinct(giver.id)).label("givers"), taker.name.label("to_name"),
            Assignment.from_on, Assignment.to_on, func.min(Assignment.note).label("note"),
            func.max(Assignment.begun_at).label("begun_at"), func.count().label("accounts"),
            func.min(Account.name).label("first_name"),
        )
        .join(Account, Account.id == Assignment.account_id)
        .join(taker, taker.id == Assignment.to_staff_id)
        .outerjoin(giver, giver.id == Assignment.from_staff_id)
        .where(Assignment.ended_at.is_(None))
        .group_by(Assignment.batch, taker.name, Assignment.from_on, Assignment.to_on)
        .order_by(Assignment.from_on, Assignment.batch)
    )  # fmt: skip
    if not may(actor, Permission.WORKLIST_ASSIGN):
        mine = (Assignment.from_staff_id, Assignment.to_staff_id, Assignment.made_by_id)
        query = query.where(or_(*(column == actor.id for column in mine)))
    return [
        Lent(r.batch, r.from_name if r.givers == 1 else None, r.to_name, r.from_on, r.to_on, r.note,
             r.begun_at is not None, r.accounts, r.first_name)
        for r in session.execute(query)
    ]  # fmt: skip


def colleagues(session: Session) -> list[tuple[str, str, int]]:
    """Return (ref, name, id) of everybody who may be given accounts, by name."""
    rows = session.execute(
        select(Staff.ref, Staff.name, Staff.id)
        .where(Staff.role.in_(CHASING), Staff.is_active)
        .order_by(Staff.name, Staff.id)
    )
    return [(r.ref, r.name, r.id) for r in rows]


def accounts_of(session: Session, staff_id: int) -> list[Account]:
    """Return every account of a collector, locked, at most MOST. Raises: Refused `too_many`."""
    found = session.scalars(
        select(Account)
        .where(Account.collector_id == staff_id)
        .order_by(Account.id)
        .limit(MOST + 1)
        .with_for_update()
    ).all()
    if len(found) > MOST:
        raise Refused("too_many", most=MOST)
    return list(found)


def person(session: Session, ref: str) -> Staff:
    """Return somebody who works here. Raises: Refused `not_chasing`."""
    found = session.scalar(select(Staff).where(Staff.ref == ref))
    if found is None:
        raise Refused("not_chasing")
    return found


def house_today(session: Session, now: datetime) -> date:
    """Return the date of the house, for whoever chooses days."""
    zone = session.scalar(select(Creditor.zone).order_by(Creditor.id).limit(1))
    return business_date(now, zone or "UTC")


def give(
    session: Session,
    actor: Actor,
    account: Account,
    to: Staff,
    batch: str,
    *,
    from_on: date,
    to_on: date | None,
    note: str,
    now: datetime,
) -> Assignment:
    """Give one account, as of `assign`; its rows of the worklist are the caller's work.

    Args:
        note: by `refuse_unfit`.
    """
    refuse_assigning(session, actor, account, to.id)
    today = business_date(now, account.zone)
    if to_on is not None and to_on < today:
        raise Refused("day_past")
    assert actor.id is not None
    row = Assignment(
        batch=batch, account_id=account.id, from_staff_id=account.collector_id, to_staff_id=to.id,
        from_on=from_on, to_on=to_on, note=note, made_by_id=actor.id, made_at=now, begun_at=None,
        ended_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(
        session, actor, "assignment.made", row, account_id=account.id, now=now, reason=note,
        facts={"from": row.from_staff_id, "to": to.id, "from_on": from_on.isoformat(),
               "to_on": to_on.isoformat() if to_on else None},
    )  # fmt: skip
    if from_on <= today:
        _begin(session, actor, account, row, now=now)
    return row


def _begin(session: Session, actor: Actor, account: Account, row: Assignment, *, now: datetime) -> None:
    """The colleague collects from now on; what is for good is settled with it."""
    account.collector_id = row.to_staff_id
    row.begun_at = now
    if row.to_on is None:
        row.ended_at = now
    claiming.let_go(session, account)
    outbox.note(
        session, account.id, "worklist.assigned", staff_id=actor.id, now=now,
        facts={"words": row.note, **({"to": row.to_on.isoformat()} if row.to_on else {})},
    )  # fmt: skip
    record(session, actor, "assignment.begun", row, account_id=account.id, now=now)


def _end(session: Session, actor: Actor, account: Account, row: Assignment, *, now: datetime) -> None:
    """Give an account back, unless somebody else was given it for good meanwhile."""
    if row.begun_at is not None and account.collector_id == row.to_staff_id:
        account.collector_id = row.from_staff_id
        outbox.note(session, account.id, "worklist.given_back", staff_id=actor.id, now=now)
    row.ended_at = now
    claiming.let_go(session, account)
    record(session, actor, "assignment.ended", row, account_id=account.id, now=now)


def _open(session: Session, account_id: int) -> Assignment | None:
    return session.scalar(
        select(Assignment).where(Assignment.account_id == account_id, Assignment.ended_at.is_(None))
    )
