"""Queue what the outside shall see, in the transaction of the fact that causes it (P-25)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, String, cast, exists, literal, select
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
    return _all_added(session, [row])


def _all_added(session: Session, rows: Sequence[Message | Job | Task | Alert]) -> bool:
    try:
        with session.begin_nested():
            session.add_all(rows)
            session.flush()
    except IntegrityError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message that is to be queued; the text is made at the last moment before it leaves.

    Attributes:
        facts: ids the text is made from; amounts are read again at send time.
        dedupe_key: names the fact that is told; what is queued under it already is returned instead.
        not_before: earliest moment to send; None for at once.
    """

    account: Account
    contact: Contact
    channel: Channel
    purpose: Purpose
    kind: str
    facts: Mapping[str, Any]
    dedupe_key: str
    currency: str | None = None
    not_before: datetime | None = None


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
    """Queue one message, with the facts of an `Outgoing`.

    Returns:
        The message, queued or as it is by now.
    """
    one = Outgoing(account, contact, channel, purpose, kind, facts, dedupe_key, currency, not_before)
    return enqueue_many(session, actor, [one], now=now)[0]


def enqueue_many(
    session: Session, actor: Actor, outgoing: Sequence[Outgoing], *, now: datetime
) -> list[Message]:
    """Queue messages, all of them in a handful of statements.

    Returns:
        The messages in the order asked for, each queued or as it is by now.
    """
    known = _queued_as(session, [one.dedupe_key for one in outgoing])
    fresh = {one.dedupe_key: one for one in outgoing if one.dedupe_key not in known}
    if fresh:
        domains = _domains(session, {one.account.creditor_id for one in fresh.values()})
        made = [_message(one, domains, now=now) for one in fresh.values()]
        if not _all_added(session, made):  # another worker queued one of them in this moment
            made = [row for one in fresh.values() if _added(session, row := _message(one, domains, now=now))]
            known = _queued_as(session, list(fresh.keys() - {row.dedupe_key for row in made})) | known
        for message in made:
            _record_queued(session, actor, message, now=now)
        known |= {message.dedupe_key: message for message in made}
    return [known[one.dedupe_key] for one in outgoing]


def _queued_as(session: Session, keys: Sequence[str]) -> dict[str, Message]:
    found = session.scalars(select(Message).where(Message.dedupe_key.in_(keys)))
    return {message.dedupe_key: message for message in found}


def _domains(session: Session, creditor_ids: Collection[int]) -> dict[int, str]:
    """The domain of each creditor's own address, for the names of his mails."""
    rows = session.execute(select(Creditor.id, Creditor.email_from).where(Creditor.id.in_(creditor_ids)))
    return {r.id: r.email_from.rpartition("@")[2] for r in rows}


def _message(one: Outgoing, domains: Mapping[int, str], *, now: datetime) -> Message:
    account, contact = one.account, one.contact
    own = contact.language if contact.language and not account.language_chosen_at else None
    return Message(
        account_id=account.id,
        contact_id=contact.id,
        channel=one.channel,
        purpose=one.purpose,
        kind=one.kind,
        language=own or account.language,
        currency=one.currency,
        facts=dict(one.facts),
        dedupe_key=one.dedupe_key,
        status=MessageStatus.QUEUED,
        wire_id=f"<{secrets.token_hex(16)}@{domains[account.creditor_id]}>",
        not_before=one.not_before or now,
        attempts=0,
        reasons=[],
        queued_at=now,
    )


def _record_queued(session: Session, actor: Actor, message: Message, *, now: datetime) -> None:
    record(
        session,
        actor,
        "message.queued",
        message,
        account_id=message.account_id,
        now=now,
        facts={
            "kind": message.kind,
            "channel": message.channel.value,
            "purpose": message.purpose.value,
            "contact": message.contact_id,
        },
    )


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
    """Raise an alert that stays until a person closes it, or its cause is over; one open row for one cause.

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


def is_alerted(code: str, prefix: str, subject_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """A condition: whether an alert is open whose cause is `prefix` and the subject's number."""
    cause = literal(prefix) + cast(subject_id, String)
    return exists().where(Alert.code == code, Alert.key == cause, Alert.closed_at.is_(None))


def open_keys(session: Session, code: str, prefix: str) -> list[str]:
    """Return the causes of the open alerts of a code whose keys begin so."""
    return list(
        session.scalars(
            select(Alert.key).where(
                Alert.code == code, Alert.closed_at.is_(None), Alert.key.startswith(prefix, autoescape=True)
            )
        )
    )


def end_alert(session: Session, code: str, key: str, *, now: datetime) -> None:
    """Close an alert whose cause is over, if one is open; nobody needs to look any more."""
    alert = session.scalar(
        select(Alert).where(Alert.code == code, Alert.key == key, Alert.closed_at.is_(None))
    )
    if alert is None:
        return
    alert.closed_at = now
    record(
        session, SYSTEM, "alert.closed", alert, account_id=alert.account_id, now=now,
        facts={"code": code, "key": key},
    )  # fmt: skip
