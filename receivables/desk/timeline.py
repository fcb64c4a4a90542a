"""The timeline of an account: what happened, what was written and what came, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Contact
from models.inbound import InboundKind, InboundMessage
from models.invoices import Invoice
from models.links import Channel, Link
from models.messages import Message
from models.money import Money
from models.payments import Allocation, Payment, PaymentMethod
from models.staff import Staff
from models.states import MessageStatus
from models.work import Interaction
from models.writing import PersonalMessage
from receivables.desk import notes
from receivables.desk.notes import NoteLine
from receivables.permissions import Actor, Permission, may, require

#: What may be shown alone.
SHOWS = ("all", "calls", "messages", "money", "portal", "decisions", "notes")
#: First parts of kinds of interactions that each shows; what is in none of them is seen under "all".
_KINDS = {
    "calls": ("call", "visit", "talk", "sales"),
    "messages": ("letter",),
    "money": ("payment", "credit_note", "credit", "cheque", "charge"),
    "portal": (
        "portal", "answer", "promise", "plan", "offer", "dispute", "request", "consent", "card", "contact",
        "invoice",
    ),
    "decisions": (
        "ladder", "segment", "terms", "credit_hold", "flag", "handover", "desk", "task", "dispute", "plan",
        "offer", "promise", "approval",
    ),
}  # fmt: skip
#: How much of what is answered stands beside the answer, characters.
_BEGINS = 80


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline.

    Attributes:
        source: interaction, message, reply, payment, link or note.
        code: the interaction's kind, the message's kind, the payment's method, what a rule made of a reply.
        number: of a document or payment.
        on: the day it is about: of a promise, a part of a plan, a cheque.
        towards: numbers of the documents a payment went to.
        flag: a fact about the account that was recorded or ended.
        rung: of the ladder, whose step was done.
        words: what was written, by us or by them.
        ref: of a message or a reply.
        answers: what of the other side it answers: its subject, or the first of its words.
        note: an internal note.
    """

    at: datetime
    source: str
    code: str
    contact: str | None = None
    staff: str | None = None
    channel: Channel | None = None
    status: MessageStatus | None = None
    reasons: Sequence[str] = ()
    subject: str | None = None
    amount: Money | None = None
    number: str | None = None
    on: date | None = None
    detail: str = ""
    towards: Sequence[str] = ()
    flag: str = ""
    rung: str = ""
    words: str = ""
    ref: str = ""
    answers: str = ""
    note: NoteLine | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    events: Sequence[Event]
    #: Moment before which there is more, or None.
    older: datetime | None


def timeline(
    session: Session,
    actor: Actor,
    account_id: int,
    *,
    show: str = "all",
    before: datetime | None = None,
    limit: int = 40,
) -> Timeline:
    """Return what happened at an account, newest first; what the actor may not read is left out.

    Args:
        show: one of SHOWS.
        before: only what happened earlier.
        limit: lines on one page.
    Raises:
        NotAllowed: the actor may not read accounts.
    """
    require(actor, Permission.ACCOUNT_READ)
    events: list[Event] = []
    reads_messages = may(actor, Permission.MESSAGE_READ)
    if show == "all" or show in _KINDS:
        events += _interactions(session, account_id, show, before, limit + 1, replies=not reads_messages)
    if show in ("all", "messages") and reads_messages:
        events += _messages(session, account_id, before, limit + 1)
        events += _replies(session, account_id, before, limit + 1)
    if show in ("all", "money") and may(actor, Permission.PAYMENT_READ):
        events += _payments(session, account_id, before, limit + 1)
    if show in ("all", "portal"):
        events += _copied_links(session, account_id, before, limit + 1)
    if show in ("all", "notes"):
        events += [
            Event(at=line.written_at, source="note", code="note", staff=line.by, note=line)
            for line in notes.lines(session, actor, account_id, before=before, limit=limit + 1)
        ]
    events.sort(key=lambda e: e.at, reverse=True)
    shown = _whole_moments(events, limit)
    return Timeline(shown, shown[-1].at if len(events) > len(shown) else None)


def _whole_moments(events: list[Event], limit: int) -> list[Event]:
    """A page that does not end between two lines of one moment: the next page begins before its last one."""
    if len(events) <= limit:
        return events
    end = limit
    while end and events[end - 1].at == events[end].at:
        end -= 1
    while not end or (end < len(events) and events[end].at == events[end - 1].at):
        end += 1  # one moment has more lines than a page
    return events[:end]


def _interactions(
    session: Session, account_id: int, show: str, before: datetime | None, limit: int, *, replies: bool
) -> list[Event]:
    # A payment that came and a message are told by their own rows, with where they went.
    query = (
        select(
            Interaction.occurred_at, Interaction.kind, Interaction.facts,
            Contact.name.label("contact"), Staff.name.label("staff"),
        )
        .outerjoin(Contact, Contact.id == Interaction.contact_id)
        .outerjoin(Staff, Staff.id == Interaction.staff_id)
        .where(
            Interaction.account_id == account_id,
            Interaction.kind != "payment.succeeded",
            ~Interaction.kind.startswith("message."),
        )
        .order_by(Interaction.occurred_at.desc(), Interaction.id.desc())
        .limit(limit)
    )  # fmt: skip
    if not replies:  # told by their own rows, with their words
        query = query.where(~Interaction.kind.startswith("reply."))
    if show in _KINDS:
        query = query.where(or_(*(Interaction.kind.startswith(f"{first}.") for first in _KINDS[show])))
    if before is not None:
        query = query.where(Interaction.occurred_at < before)
    return [
        Event(
            at=r.occurred_at,
            source="interaction",
            code=r.kind,
            contact=r.contact,
            staff=r.staff,
            amount=_amount(r.facts),
            number=r.facts.get("number"),
            on=_day(r.facts),
            detail=r.facts.get("words", ""),
            towards=[r.facts["invoice"]] if "invoice" in r.facts else (),
            flag=r.facts.get("flag", ""),
            rung=r.facts.get("rung", ""),
        )
        for r in session.execute(query)
    ]


def _amount(facts: dict[str, Any]) -> Money | None:
    if "amount_minor" not in facts or "currency" not in facts:
        return None
    return Money(facts["amount_minor"], facts["currency"])


def _day(facts: dict[str, Any]) -> date | None:
    day = next((facts[name] for name in ("on", "to", "dated_on") if facts.get(name)), None)
    return date.fromisoformat(day) if day else None


def _messages(session: Session, account_id: int, before: datetime | None, limit: int) -> list[Event]:
    query = (
        select(
            Message.queued_at, Message.sent_at, Message.kind, Message.channel, Message.status,
            Message.reasons, Message.subject, Message.ref, Contact.name.label("contact"),
            PersonalMessage.words, PersonalMessage.subject.label("about"), Staff.name.label("staff"),
            InboundMessage.subject.label("their_subject"), InboundMessage.words.label("their_words"),
        )
        .join(Contact, Contact.id == Message.contact_id)
        .outerjoin(PersonalMessage, PersonalMessage.message_id == Message.id)
        .outerjoin(Staff, Staff.id == PersonalMessage.staff_id)
        .outerjoin(InboundMessage, InboundMessage.id == PersonalMessage.answers_id)
        .where(Message.account_id == account_id)
        .order_by(Message.queued_at.desc(), Message.id.desc())
        .limit(limit)
    )  # fmt: skip
    if before is not None:
        query = query.where(Message.queued_at < before)
    return [
        Event(
            at=r.queued_at,
            source="message",
            code=r.kind,
            contact=r.contact,
            channel=r.channel,
            status=r.status,
            reasons=r.reasons,
            subject=r.subject or r.about,
            staff=r.staff,
            words=r.words or "",
            ref=r.ref if r.words else "",
            answers=_begins(r.their_subject or r.their_words),
        )
        for r in session.execute(query)
    ]


def _replies(session: Session, account_id: int, before: datetime | None, limit: int) -> list[Event]:
    """What people wrote to us; carriers' words about messages stand with those."""
    query = (
        select(
            InboundMessage.received_at, InboundMessage.outcome, InboundMessage.ref, InboundMessage.channel,
            InboundMessage.subject, InboundMessage.words, Contact.name.label("contact"),
            Message.subject.label("our_subject"),
        )
        .outerjoin(Contact, Contact.id == InboundMessage.contact_id)
        .outerjoin(Message, Message.id == InboundMessage.answers_id)
        .where(
            InboundMessage.account_id == account_id,
            InboundMessage.kind.in_((InboundKind.REPLY, InboundKind.AUTOMATIC)),
        )
        .order_by(InboundMessage.received_at.desc(), InboundMessage.id.desc())
        .limit(limit)
    )  # fmt: skip
    if before is not None:
        query = query.where(InboundMessage.received_at < before)
    return [
        Event(
            at=r.received_at,
            source="reply",
            code=r.outcome,
            contact=r.contact,
            subject=r.subject,
            words=r.words or "",
            ref=r.ref,
            answers=_begins(r.our_subject),
        )
        for r in session.execute(query)
    ]


def _begins(text: str | None) -> str:
    """The first words of something long."""
    said = " ".join((text or "").split())
    return said if len(said) <= _BEGINS else said[: _BEGINS - 1].rstrip() + "…"


def _payments(session: Session, account_id: int, before: datetime | None, limit: int) -> list[Event]:
    query = (
        select(
            Payment.id, Payment.received_at, Payment.number, Payment.amount_minor, Payment.currency,
            Payment.method, Payment.method_detail,
        )
        .where(Payment.account_id == account_id)
        .order_by(Payment.received_at.desc(), Payment.id.desc())
        .limit(limit)
    )  # fmt: skip
    if before is not None:
        query = query.where(Payment.received_at < before)
    payments = session.execute(query).all()
    towards: dict[int, list[str]] = {}
    for share in session.execute(
        select(Allocation.payment_id, Invoice.number)
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .where(Allocation.payment_id.in_([p.id for p in payments]))
        .order_by(Allocation.id)
    ):
        towards.setdefault(share.payment_id, []).append(share.number)
    return [
        Event(
            at=p.received_at,
            source="payment",
            code=PaymentMethod(p.method).value,
            amount=Money(p.amount_minor, p.currency),
            number=p.number,
            detail=p.method_detail,
            towards=towards.get(p.id, ()),
        )
        for p in payments
    ]


def _copied_links(session: Session, account_id: int, before: datetime | None, limit: int) -> list[Event]:
    """Links that staff took and links that were ended; the others travel in a message and show there."""
    holder = aliased(Staff)
    query = (
        select(Link.issued_at, holder.name.label("staff"))
        .join(holder, holder.id == Link.held_by_staff_id)
        .where(Link.account_id == account_id)
        .order_by(Link.issued_at.desc())
        .limit(limit)
    )
    ended = (
        select(Link.revoked_at, Link.revoked_reason, Contact.name.label("contact"))
        .outerjoin(Contact, Contact.id == Link.contact_id)
        .where(Link.account_id == account_id, Link.revoked_at.is_not(None))
        .order_by(Link.revoked_at.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Link.issued_at < before)
        ended = ended.where(Link.revoked_at < before)
    copied = [Event(at=r.issued_at, source="link", code="link.copied", staff=r.staff)
              for r in session.execute(query)]  # fmt: skip
    return copied + [
        Event(
            at=r.revoked_at,
            source="link",
            code="link.revoked",
            contact=r.contact,
            detail=r.revoked_reason or "",
        )
        for r in session.execute(ended)
    ]
