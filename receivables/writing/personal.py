"""A message that a person writes to a contact: through the gate, the outbox, and onto the timeline.

What chases is a reminder whoever wrote it, and counts against the same hours and caps; what answers a
message of theirs is an answer (C-01, C-02, decision 18). The gate is asked before anything is queued, so
that nobody believes to have written what never leaves, and again when it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.inbound import InboundKind, InboundMessage
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus, advance
from models.work import Task, TaskKind
from models.writing import PersonalMessage
from receivables import invoices, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact import decisions
from receivables.contact.rules import Decision, may_contact
from receivables.errors import NotFound, Refused
from receivables.own_accounts import require_theirs
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words, one_line
from receivables.writing.letters import KIND

#: Longest subject and words, characters.
SUBJECT_MOST, WORDS_MOST = 120, 4000
#: Reasons with which a message waits instead of being refused: only the hour is wrong.
_WAITS = ("outside_hours",)


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote, as it may be kept."""

    subject: str
    words: str


def readable(subject: str, words: str) -> Written:
    """Return a subject and words as they may be sent.

    Raises:
        Refused: subject_missing, words_missing, words_too_long (with `most`).
    """
    about = one_line(clean_words(subject, most=SUBJECT_MOST))
    said = clean_words(words, most=WORDS_MOST)
    if not about:
        raise Refused("subject_missing")
    if not said:
        raise Refused("words_missing")
    return Written(about, said)


def contact_of(session: Session, actor: Actor, account: Account, ref: str) -> Contact:
    """Return the contact of an account to whom may be written.

    Raises:
        NotAllowed, NotFound: not this actor's to do; nobody of this account.
    """
    require(actor, Permission.MESSAGE_WRITE)
    require_theirs(actor, account)
    contact = session.scalar(select(Contact).where(Contact.ref == ref, Contact.account_id == account.id))
    if contact is None:
        raise NotFound("not_found")
    return contact


def people(session: Session, account: Account) -> Sequence[Contact]:
    """Return who may be written to: who is active and stands for the account, and has a mail address."""
    return session.scalars(
        select(Contact)
        .where(
            Contact.account_id == account.id, Contact.is_active, Contact.forwarded_by_id.is_(None),
            Contact.email.is_not(None),
        )
        .order_by(Contact.id)
    ).all()  # fmt: skip


def usual_contact(people: Sequence[Contact], answers: InboundMessage | None) -> str:
    """Ref of who is written to unless somebody else is chosen: who wrote, else the first; "" for nobody."""
    wrote = [one.ref for one in people if answers is not None and one.id == answers.contact_id]
    return (wrote or [one.ref for one in people] or [""])[0]


def answered(session: Session, account: Account, ref: str | None) -> InboundMessage | None:
    """Return the message of theirs that is answered; None for none.

    Raises:
        NotFound: no such message of this account that a person wrote.
    """
    if not ref:
        return None
    row = session.scalar(
        select(InboundMessage).where(
            InboundMessage.ref == ref, InboundMessage.account_id == account.id,
            InboundMessage.kind == InboundKind.REPLY,
        )
    )  # fmt: skip
    if row is None:
        raise NotFound("not_found")
    return row


def purpose_of(answers: InboundMessage | None) -> Purpose:
    """Why it is written: an answer to what they wrote, else it chases."""
    return Purpose.ANSWER if answers is not None else Purpose.REMINDER


def ask_gate(
    session: Session, account: Account, contact: Contact, *, answers: InboundMessage | None,
    currency: str | None, now: datetime,
) -> Decision:  # fmt: skip
    """Return what the gate says about a message now; changes nothing."""
    return may_contact(
        session, account, contact, channel=Channel.EMAIL, purpose=purpose_of(answers), currency=currency,
        policy=current_policy(session, now), now=now,
    )  # fmt: skip


def stands_against(decision: Decision) -> list[str]:
    """Reasons for which a message is refused; the hour alone only lets it wait."""
    return [reason for reason in decision.reasons if reason not in _WAITS or decision.next_at is None]


def send(
    session: Session, actor: Actor, account: Account, contact: Contact, *, subject: str, words: str,
    answers_ref: str | None = None, snippet: str | None = None, currency: str | None, name: str,
    now: datetime,
) -> Message:  # fmt: skip
    """Queue a message that a person wrote; it leaves at once, or when the hours allow.

    A reply of theirs that it answers is done with it: the task to read it ends.

    Args:
        currency: of what it chases; its cap is one a contact, channel, currency and day.
        snippet: name of the snippet it was begun with.
        name: of this writing, from the form: sent twice, it is queued once.
    Returns:
        The message, queued or as it is by now.
    Raises:
        NotAllowed, NotFound.
        Refused: subject_missing, words_missing, words_too_long; contact_refused (with `reasons`, codes of
            the gate), kept as its decision.
    """
    require(actor, Permission.MESSAGE_WRITE)
    require_theirs(actor, account)
    written = readable(subject, words)
    answers = answered(session, account, answers_ref)
    decision = ask_gate(session, account, contact, answers=answers, currency=currency, now=now)
    against = stands_against(decision)
    if against:
        raise Refused("contact_refused", reasons=against)
    message = outbox.enqueue(
        session, actor, account=account, contact=contact, channel=Channel.EMAIL, purpose=purpose_of(answers),
        kind=KIND, facts={}, dedupe_key=f"personal:{actor.id}:{account.id}:{name}", currency=currency,
        not_before=decision.next_at, now=now,
    )  # fmt: skip
    if session.get(PersonalMessage, message.id) is not None:
        return message
    decisions.keep(session, account, contact, decision, message_id=message.id, now=now)
    session.add(
        PersonalMessage(
            message_id=message.id, staff_id=actor.id, subject=written.subject, words=written.words,
            snippet=snippet, answers_id=answers.id if answers else None,
        )
    )  # fmt: skip
    session.flush()
    record(
        session, actor, "message.written", message, account_id=account.id, now=now,
        facts={"contact": contact.id, "answers": answers.id if answers else None, "snippet": snippet},
    )  # fmt: skip
    if answers is not None:
        _end_reading(session, actor, answers, now=now)
    return message


def withdraw(session: Session, actor: Actor, ref: str, *, now: datetime) -> Message:
    """Take back a message that has not left yet; a second call changes nothing.

    Raises:
        NotAllowed, NotFound: not this actor's to do; no such message that a person wrote.
        Refused: message_gone, it is on its way already.
    """
    require(actor, Permission.MESSAGE_WRITE)
    message = session.scalar(
        select(Message)
        .join(PersonalMessage, PersonalMessage.message_id == Message.id)
        .where(Message.ref == ref)
        .with_for_update(of=Message)
    )
    if message is None:
        raise NotFound("not_found")
    require_theirs(actor, session.get_one(Account, message.account_id))
    if message.status is MessageStatus.STOPPED:
        return message
    if message.status is not MessageStatus.QUEUED:
        raise Refused("message_gone")
    message.reasons, message.locked_until = ["taken_back"], None
    advance(message, MessageStatus.STOPPED)
    record(session, actor, "message.moved", message, account_id=message.account_id, now=now,
           facts={"to": "stopped", "reasons": message.reasons})  # fmt: skip
    return message


def _end_reading(session: Session, actor: Actor, answers: InboundMessage, *, now: datetime) -> None:
    """The task that asks somebody to read the reply is done with the answer."""
    task = session.scalar(
        select(Task)
        .where(Task.key == f"reply:{answers.id}", Task.kind == TaskKind.READ_REPLY, Task.done_at.is_(None))
        .with_for_update()
    )
    if task is not None:
        task.done_at, task.done_by_id = now, actor.id
        record(session, actor, "task.done", task, account_id=task.account_id, now=now,
               facts={"code": task.kind.value, "key": task.key})  # fmt: skip


def currency_of(session: Session, account: Account, *, now: datetime) -> str | None:
    """The currency that a message chases: of the document that fell due first; None where none is open."""
    rows = invoices.open_rows(session, account.id, business_date(now, account.zone))
    return next((row.currency for row in rows if row.asked), None)
