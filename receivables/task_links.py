"""One tap from the mail of a task: a link that answers this task, for this person, and nothing else.

The link carries no sign-in: whoever holds it sees whose customer is meant and what is asked, and can answer
that. Opening it changes nothing, so that a scanner which follows links answers nothing. Source: issue D,
part 9; docs/decisions/015; decision 6; policy task_links.valid_hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.staff import Staff
from models.task_links import TaskLink
from models.work import Task
from receivables.audit import record
from receivables.errors import LinkGone
from receivables.links import digest, new_token
from receivables.permissions import SYSTEM
from receivables.policy import Policy, current_policy
from receivables.staff_mail import queue_staff_mail

#: Kind of the mail.
MAIL = "task_asked"


def mail_task(session: Session, account: Account, task: Task, *, now: datetime) -> TaskLink | None:
    """Write to who is asked, with a link that answers; once for a task and person.

    Args:
        task: assigned already.
    Returns:
        The link, without its token; None where nobody is asked by name, or he has left.
    """
    person = session.get(Staff, task.assigned_to_id) if task.assigned_to_id is not None else None
    if person is None or not person.is_active:
        return None
    session.flush()
    known = session.scalar(
        select(TaskLink).where(TaskLink.task_id == task.id, TaskLink.staff_id == person.id)
    )
    if known is not None:
        return known
    life = timedelta(hours=current_policy(session, now).task_links.valid_hours)
    link = TaskLink(
        task_id=task.id, staff_id=person.id, issued_at=now, expires_at=max(now, task.due_at) + life
    )
    session.add(link)
    session.flush()
    record(
        session, SYSTEM, "task_link.issued", link, account_id=account.id, now=now,
        facts={"task": task.key, "of": person.id},
    )  # fmt: skip
    queue_staff_mail(
        session, person, MAIL, key=link.ref, values={"customer": account.name}, token_ref=link.ref, now=now
    )
    return link


def mint(session: Session, token_ref: str, *, policy: Policy, now: datetime) -> tuple[str, datetime] | None:
    """Make the clear token of a link, for the mail that leaves now; a mail sent again gets a new one.

    Returns:
        The clear token and its end; None when the link is spent or over, or its task is done.
    """
    link = session.scalar(
        select(TaskLink)
        .join(Task, Task.id == TaskLink.task_id)
        .where(
            TaskLink.ref == token_ref,
            TaskLink.used_at.is_(None),
            TaskLink.expires_at > now,
            Task.done_at.is_(None),
        )
        .with_for_update(of=TaskLink)
    )
    if link is None:
        return None
    token = new_token(policy.mail_bits)
    link.token_digest = digest(token)
    return token, link.expires_at


def opened(
    session: Session, token: str, *, lock: bool = False, now: datetime
) -> tuple[TaskLink, Staff, Task]:
    """Return a link that answers, whom it was sent to, and its task; changes nothing.

    Args:
        lock: lock the link, so that two answers by it are one after the other.
    Raises:
        LinkGone: unknown, over, spent, its task is done, or the person has left; all alike.
    """
    query = (
        select(TaskLink, Staff, Task)
        .join(Staff, Staff.id == TaskLink.staff_id)
        .join(Task, Task.id == TaskLink.task_id)
        .where(
            TaskLink.token_digest == digest(token),
            TaskLink.used_at.is_(None),
            TaskLink.expires_at > now,
            Task.done_at.is_(None),
            Staff.is_active,
        )
    )
    found = session.execute(query.with_for_update(of=TaskLink) if lock else query).first()
    if found is None:
        raise LinkGone("task_link_gone")
    link, person, task = found
    return link, person, task
