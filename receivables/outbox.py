"""Queue what the outside shall see, in the transaction of the fact that causes it (P-25)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.creditors import Creditor
from models.links import Channel
from models.messages import Message, Purpose
from models.states import JobStatus, MessageStatus
from models.work import Alert, Interaction, Job, Task, TaskKind
from receivables.audit import record
from receivables.permissions import SYSTEM, Actor


def _added(session: Session, row: Message | Job | Task | Alert) -> bool:
    """Write a row that may stand once; False when another worker wrote the same in this moment."""
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        return False
    return True


def enqueue(
    session: Session,
    actor: Actor,
    *,
    account: Account,
    contact: Contact,
    channel: Channel,
    purpose: Purpose,
    kind: str,
    facts: Mapping[str, Any],
    dedupe_key: str,
    now: datetime,
    currency: str | None = None,
    not_before: datetime | None = None,
) -> Message:
    """Queue one message; the text is made at the last moment before it leaves.

    Args:
        facts: ids the text is made from; amounts are read again at send time.
        dedupe_key: names the fact that is told; a second call returns the first message.
        not_before: earliest moment to send; None for at once.
    Returns:
        The message, queued or as it is by now.
    """
    query = select(Message).where(Message.dedupe_key == dedupe_key)
    known = session.scalar(query)
    if known is not None:
        return known
    sender = session.execute(
        select(Creditor.email_from).where(Creditor.id == account.creditor_id)
    ).scalar_one()
    language = contact.language if contact.language and not account.language_chosen_at else account.language
    message = Message(
        account_id=account.id,
        contact_id=contact.id,
        channel=channel,
        purpose=purpose,
        kind=kind,
        language=language,
        currency=currency,
        facts=dict(facts),
        dedupe_key=dedupe_key,
        status=MessageStatus.QUEUED,
        wire_id=f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>",
        not_before=not_before or now,
        attempts=0,
        reasons=[],
        queued_at=now,
    )
    if not _added(session, message):
        return session.scalars(query).one()
    record(
        session,
        actor,
        "message.queued",
        message,
        account_id=account.id,
        now=now,
        facts={"kind": kind, "channel": channel.value, "purpose": purpose.value, "contact": contact.id},
    )
    return message


def queue_job(
    session: Session,
    *,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    now: datetime,
    run_at: datetime | None = None,
) -> Job:
    """Queue one outside effect; the same key is queued once."""
    query = select(Job).where(Job.key == key)
    known = session.scalar(query)
    if known is not None:
        return known
    job = Job(
        kind=kind,
        key=key,
        payload=dict(payload),
        status=JobStatus.QUEUED,
        run_at=run_at or now,
        attempts=0,
        queued_at=now,
    )
    return job if _added(session, job) else session.scalars(query).one()


def note(
    session: Session,
    account_id: int,
    kind: str,
    *,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
    contact_id: int | None = None,
    staff_id: int | None = None,
) -> Interaction:
    """Write one line of the account's timeline."""
    interaction = Interaction(
        account_id=account_id,
        contact_id=contact_id,
        staff_id=staff_id,
        kind=kind,
        facts=dict(facts or {}),
        occurred_at=now,
    )
    session.add(interaction)
    return interaction


def ask_person(
    session: Session, kind: TaskKind, key: str, *, account_id: int, facts: Mapping[str, Any], now: datetime
) -> Task:
    """Ask a person to decide something about an account; the same key is asked once."""
    query = select(Task).where(Task.key == key)
    known = session.scalar(query)
    if known is not None:
        return known
    task = Task(kind=kind, key=key, account_id=account_id, facts=dict(facts), due_at=now, created_at=now)
    return task if _added(session, task) else session.scalars(query).one()


def raise_alert(
    session: Session,
    code: str,
    key: str,
    *,
    now: datetime,
    account_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Alert:
    """Raise an alert that stays until a person closes it; one open row for one cause.

    Args:
        code: what is wrong; the desk words it.
        key: the cause, "attempt:17".
    """
    query = select(Alert).where(Alert.code == code, Alert.key == key, Alert.closed_at.is_(None))
    known = session.scalar(query)
    if known is not None:
        return known
    alert = Alert(code=code, key=key, account_id=account_id, facts=dict(facts or {}), raised_at=now)
    if not _added(session, alert):
        return session.scalars(query).one()
    record(
        session,
        SYSTEM,
        "alert.raised",
        alert,
        account_id=account_id,
        now=now,
        facts={"code": code, "key": key},
    )
    return alert
