"""What needs a look and may not be forgotten: closing alerts and finishing tasks (INV-13)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.work import Alert, Task, TaskKind
from receivables.audit import record
from receivables.calendar_days import at_local, business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require

Subject = TypeVar("Subject", Alert, Task)
#: When a task that was put off comes back, at the account's place; and how far it may be put off.
COMES_BACK = time(9)
PUT_OFF_MOST = timedelta(days=60)


def close_alert(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Alert:
    """Close an alert for good; the same cause may raise a new one. A second call changes nothing.

    Args:
        ref: the alert's random name.
        reason: what was found or done, in words; kept with the audit.
    Returns:
        The alert, closed.
    Raises:
        NotAllowed: the actor may not close alerts.
        NotFound: no such alert.
        Refused: reason_missing.
    """
    require(actor, Permission.ALERT_CLOSE)
    alert = _locked(session, Alert, ref)
    if alert.closed_at is not None:
        return alert
    words = _words(reason)
    alert.closed_at, alert.closed_by_id = now, actor.id
    record(session, actor, "alert.closed", alert, account_id=alert.account_id, now=now, reason=words,
           facts={"code": alert.code, "key": alert.key})  # fmt: skip
    return alert


def finish_task(session: Session, actor: Actor, ref: str, *, reason: str, now: datetime) -> Task:
    """Mark a task as done; a second call changes nothing.

    Args:
        ref: the task's random name.
        reason: what was decided or done, in words; kept with the audit.
    Returns:
        The task, done.
    Raises:
        NotAllowed: the actor may not finish tasks.
        NotFound: no such task.
        Refused: reason_missing.
    """
    require(actor, Permission.TASK_CLOSE)
    task = _locked(session, Task, ref)
    if task.kind is TaskKind.HARDSHIP:
        require(actor, Permission.HARDSHIP_READ)
    if task.done_at is not None:
        return task
    words = _words(reason)
    task.done_at, task.done_by_id = now, actor.id
    # What was told in difficulty has no name in the audit of the house (domain.md, hardship).
    known = {"code": task.kind.value, "key": task.key} if task.kind is not TaskKind.HARDSHIP else {}
    record(session, actor, "task.done", task, account_id=task.account_id, now=now, reason=words, facts=known)
    return task


def put_off_task(
    session: Session, actor: Actor, ref: str, *, to_on: date, reason: str, now: datetime
) -> Task:
    """Let a task wait until another day; the same day again changes nothing.

    Args:
        ref: the task's random name.
        to_on: a day at the account's place, after today and at most PUT_OFF_MOST ahead.
        reason: why, in words; kept with the audit.
    Returns:
        The task, due in the morning of that day.
    Raises:
        NotAllowed: the actor may not finish tasks.
        NotFound: no such open task.
        Refused: reason_missing, day_past, day_too_late.
    """
    require(actor, Permission.TASK_CLOSE)
    task = _locked(session, Task, ref)
    if task.kind is TaskKind.HARDSHIP:
        require(actor, Permission.HARDSHIP_READ)
    if task.done_at is not None:
        raise NotFound("not_found")
    words = _words(reason)
    zone = session.get_one(Account, task.account_id).zone
    today = business_date(now, zone)
    if to_on <= today:
        raise Refused("day_past")
    if to_on > today + PUT_OFF_MOST:
        raise Refused("day_too_late")
    due_at = at_local(to_on, COMES_BACK, zone)
    if task.due_at != due_at:
        task.due_at = due_at
        known = {"code": task.kind.value} if task.kind is not TaskKind.HARDSHIP else {}
        record(session, actor, "task.put_off", task, account_id=task.account_id, now=now, reason=words,
               facts={**known, "to": to_on.isoformat()})  # fmt: skip
    return task


def _locked(session: Session, kind: type[Subject], ref: str) -> Subject:
    found = session.scalar(select(kind).where(kind.ref == ref).with_for_update())
    if found is None:
        raise NotFound("not_found")
    return found


def _words(reason: str) -> str:
    if not reason.strip():
        raise Refused("reason_missing")
    return reason.strip()
