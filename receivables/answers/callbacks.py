"""Ring me: a debtor names an hour of ours that suits him, and a person has a timed task.

Source: issue of the portal, part 7.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.creditors import Creditor
from models.work import Task, TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import at_local, business_date, is_business_day
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import CallRules, current_policy

#: Hours of a creditor who has written none that can be read.
USUAL = (time(9), time(17))
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])[:.]([0-5]\d)\b")


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call that was asked for and is still to come."""

    ref: str
    at: datetime
    number: str


def opening(hours: Mapping[str, str]) -> tuple[time, time]:
    """Return from when to when somebody is there, as the creditor's words say it in any language.

    >>> opening({"en": "Monday to Friday, 9:00 to 17:00"})
    (datetime.time(9, 0), datetime.time(17, 0))
    """
    for words in hours.values():
        clocks = [time(int(hour), int(minute)) for hour, minute in _CLOCK.findall(words)]
        if len(clocks) >= 2 and clocks[0] < clocks[1]:
            return clocks[0], clocks[1]
    return USUAL


def slots(
    hours: Mapping[str, str], zone: str, country: str, rules: CallRules, *, now: datetime
) -> list[datetime]:
    """Return the hours at which somebody can ring, as UTC moments: the creditor's, at his own place.

    Args:
        hours: the creditor's opening hours, language -> words.
        zone, country: of the creditor; his clock and his holidays.
    Source: policy calls.*.
    """
    soonest = now + timedelta(minutes=rules.notice_minutes)
    first, last = opening(hours)
    today = business_date(now, zone)
    found: list[datetime] = []
    days = 0
    # Four plain days for a business day reach beyond any holidays.
    for ahead in range(rules.ahead_business_days * 4):
        day = today + timedelta(days=ahead)
        if days == rules.ahead_business_days or not is_business_day(day, country):
            continue
        clocks = [time(hour, first.minute) for hour in range(first.hour, last.hour + 1)]
        of_day = [at_local(day, clock, zone) for clock in clocks if clock < last]
        of_day = [moment for moment in of_day if moment >= soonest]
        found += of_day
        days += bool(of_day)
    return found


def offered(session: Session, actor: Actor, *, now: datetime) -> Sequence[datetime]:
    """Return the hours that the link holder can choose from.

    Raises: NotAllowed.
    """
    require(actor, Permission.CALL_ASK)
    r = session.execute(
        select(Creditor.hours, Creditor.zone, Creditor.country)
        .join(Account, Account.creditor_id == Creditor.id)
        .where(Account.id == actor.account_id)
    ).one()
    return slots(r.hours, r.zone, r.country, current_policy(session, now).calls, now=now)


def number_of(text: str) -> str:
    """Return a telephone number as it can be rung: digits, with a plus in front if there was one.

    Raises:
        Refused: phone_missing, phone_unreadable.

    >>> number_of("(0113) 496-0142"), number_of("+44 113 496 0142")
    ('01134960142', '+441134960142')
    """
    bare = re.sub(r"[\s().\-/\u00a0\u2010-\u2015\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", text)
    if not bare:
        raise Refused("phone_missing")
    if not re.fullmatch(r"\+?[0-9]{6,15}", bare):
        raise Refused("phone_unreadable")
    return bare


def ask(session: Session, actor: Actor, at: datetime, number: str, *, now: datetime) -> Task:
    """Ask to be rung at one of our hours; another hour takes the place of the one asked for before.

    Args:
        at: one of `offered`.
        number: as typed.
    Returns:
        The task, due at that moment.
    Raises:
        NotAllowed.
        Refused: hour_missing (not one of ours, or past meanwhile), phone_missing, phone_unreadable.
    """
    require(actor, Permission.CALL_ASK)
    account = session.get_one(Account, actor.account_id or 0, with_for_update=True)
    rung = number_of(number)
    if at not in offered(session, actor, now=now):
        raise Refused("hour_missing")
    earlier = _open(session, account.id, actor.contact_id)
    if earlier is not None and earlier.due_at == at and earlier.facts["what"] == rung:
        return earlier
    if earlier is not None:
        _cancel(session, actor, earlier, now=now)
    key = f"call_back:{account.id}:{actor.contact_id}:{at:%Y%m%dT%H%M}:{now.isoformat()}"
    task = outbox.ask_person(
        session, TaskKind.CALL_BACK, key,
        account_id=account.id, facts={"what": rung, "contact_id": actor.contact_id}, now=now,
    )  # fmt: skip
    task.due_at, task.assigned_to_id = at, account.collector_id
    record(session, actor, "call.asked", task, account_id=account.id, now=now,
           facts={"at": at.isoformat()}, personal={"number": rung})  # fmt: skip
    outbox.note(session, account.id, "call.asked", contact_id=actor.contact_id, now=now,
                facts={"at": at.isoformat()})  # fmt: skip
    return task


def waiting(session: Session, actor: Actor) -> CallBack | None:
    """Return the call that the link holder has asked for and that is still to come.

    Raises: NotAllowed.
    """
    require(actor, Permission.CALL_ASK)
    task = _open(session, actor.account_id or 0, actor.contact_id)
    return CallBack(task.ref, task.due_at, task.facts["what"]) if task is not None else None


def usual_number(session: Session, actor: Actor) -> str:
    """Return the number on file of the person behind the link, or nothing."""
    if actor.contact_id is None:
        return ""
    return session.scalar(select(Contact.phone).where(Contact.id == actor.contact_id)) or ""


def cancel(session: Session, actor: Actor, ref: str, *, now: datetime) -> Task:
    """Take a call back that is still to come; a second call changes nothing.

    Raises:
        NotAllowed.
        NotFound: no such call of this account (L-15).
    """
    require(actor, Permission.CALL_ASK)
    task = session.scalar(select(Task).where(Task.ref == ref, Task.kind == TaskKind.CALL_BACK))
    if task is None:
        raise NotFound("not_found")
    require(actor, Permission.CALL_ASK, account_id=task.account_id)
    session.get_one(Account, task.account_id, with_for_update=True)
    session.refresh(task)
    if task.done_at is None:
        _cancel(session, actor, task, now=now)
    return task


def _cancel(session: Session, actor: Actor, task: Task, *, now: datetime) -> None:
    task.done_at = now
    record(session, actor, "call.cancelled", task, account_id=task.account_id, now=now)
    outbox.note(session, task.account_id, "call.cancelled", contact_id=actor.contact_id, now=now)


def _open(session: Session, account_id: int, contact_id: int | None) -> Task | None:
    tasks = session.scalars(
        select(Task)
        .where(Task.account_id == account_id, Task.kind == TaskKind.CALL_BACK, Task.done_at.is_(None))
        .order_by(Task.id.desc())
    )
    return next((task for task in tasks if task.facts.get("contact_id") == contact_id), None)
