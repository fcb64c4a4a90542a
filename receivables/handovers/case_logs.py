"""The tables of a case file: contacts, disputes with their answers, promises, consent.

What was said about hardship stays out, and so does whatever happened after the case was prepared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.disputes import Dispute, DisputeNote
from models.invoices import Invoice
from models.messages import CallAttempt, ConsentEvent, Message, Spoken
from models.money import Money
from models.post import PostLetter
from models.staff import Staff
from models.states import MessageStatus, PostStatus
from receivables.ports import Sheet

Cell = str | Money | date | None

#: What was handed to a carrier.
_LEFT = (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.BOUNCED)
#: What no handler reads of; it names messages and outcomes of calls.
_PRIVATE = "hardship"


def tables(
    session: Session, account: Account, currency: str, *, until: datetime
) -> list[tuple[str, str, Sheet]]:
    """Return (what it is, path, table) for each table of a case file, rows oldest first.

    Args:
        currency: disputes and promises of others stay out.
        until: the moment of preparation.
    """
    return [
        ("contact_log", "contact-log.csv", _contacts(session, account, until)),
        ("disputes", "disputes.csv", _disputes(session, account, currency, until)),
        ("promises", "promises.csv", _promises(session, account, currency, until)),
        ("consents", "consents.csv", _consents(session, account, until)),
    ]


def _contacts(session: Session, account: Account, until: datetime) -> Sheet:
    """What was written, called and posted: who, when, by which way, and what became of it."""
    found: list[tuple[datetime, list[Cell]]] = []
    messages = session.execute(
        select(Message, Contact.name)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.account_id == account.id, Message.status.in_(_LEFT), Message.sent_at <= until)
    )
    for message, name in messages:
        if _PRIVATE not in message.kind and message.sent_at is not None:
            row = [message.channel.value, "out", message.kind, name, message.status.value, message.subject]
            found.append((message.sent_at, [*row, message.body_digest]))
    calls = session.execute(
        select(CallAttempt, Contact.name)
        .join(Contact, Contact.id == CallAttempt.contact_id)
        .where(CallAttempt.account_id == account.id, CallAttempt.made_at <= until)
    )
    for call, name in calls:
        if _PRIVATE not in call.outcome:
            talked = "talked" if call.talked else "not_reached"
            way = "call" if call.channel == Spoken.PHONE else call.channel
            found.append((call.made_at, [way, call.direction, call.outcome, name, talked, None, None]))
    letters = session.execute(
        select(PostLetter, Contact.name)
        .outerjoin(Contact, Contact.id == PostLetter.contact_id)
        .where(
            PostLetter.account_id == account.id,
            PostLetter.queued_at <= until,
            PostLetter.status.in_([PostStatus.POSTED, PostStatus.RETURNED]),
        )
    )
    for letter, name in letters:
        posted = letter.posted_on.isoformat() if letter.posted_on else None
        found.append(
            (letter.queued_at, ["post", "out", letter.kind, name, letter.status.value, posted, None])
        )
    return _sheet(
        "Contact log",
        ["at", "way", "direction", "what", "who", "result", "subject", "sha256_of_text"],
        [[_moment(at, account), *row] for at, row in sorted(found, key=lambda pair: pair[0])],
    )


def _disputes(session: Session, account: Account, currency: str, until: datetime) -> Sheet:
    """Every dispute with each word of its thread and its end."""
    rows: list[list[Cell]] = []
    disputes = session.execute(
        select(Dispute, Invoice.number)
        .join(Invoice, Invoice.id == Dispute.invoice_id)
        .where(Dispute.account_id == account.id, Dispute.currency == currency, Dispute.opened_at <= until)
        .order_by(Dispute.id)
    ).all()
    notes = session.execute(
        select(DisputeNote, Contact.name, Staff.name)
        .join(Dispute, Dispute.id == DisputeNote.dispute_id)
        .outerjoin(Contact, Contact.id == DisputeNote.contact_id)
        .outerjoin(Staff, Staff.id == DisputeNote.staff_id)
        .where(
            Dispute.account_id == account.id, DisputeNote.written_at <= until, DisputeNote.internal.is_(False)
        )
        .order_by(DisputeNote.id)
    ).all()
    for dispute, number in disputes:
        about: list[Cell] = [number, dispute.reason.value, Money(dispute.contested_minor, currency)]
        rows.append([_moment(dispute.opened_at, account), *about, "opened", None, None])
        for note, contact, staff in notes:
            if note.dispute_id == dispute.id:
                side = "we said" if note.staff_id else "they said"
                said_at = _moment(note.written_at, account)
                rows.append([said_at, *about, side, staff or contact, note.words])
        if dispute.resolved_at is not None and dispute.resolved_at <= until:
            ended_at = _moment(dispute.resolved_at, account)
            rows.append([ended_at, *about, dispute.status.value, None, dispute.finding])
    return _sheet(
        "Disputes and answers", ["at", "invoice", "reason", "contested", "what", "who", "words"], rows
    )


def _promises(session: Session, account: Account, currency: str, until: datetime) -> Sheet:
    promises = session.scalars(
        select(Promise)
        .where(Promise.account_id == account.id, Promise.currency == currency, Promise.made_at <= until)
        .order_by(Promise.id)
    )
    return _sheet(
        "Promises",
        ["made_at", "promised_on", "amount", "received", "status"],
        [
            [
                _moment(p.made_at, account),
                p.promised_on,
                Money(p.amount_minor, currency),
                Money(p.received_minor, currency),
                p.status.value,
            ]
            for p in promises
        ],
    )


def _consents(session: Session, account: Account, until: datetime) -> Sheet:
    events = session.execute(
        select(ConsentEvent, Contact.name)
        .join(Contact, Contact.id == ConsentEvent.contact_id)
        .where(Contact.account_id == account.id, ConsentEvent.occurred_at <= until)
        .order_by(ConsentEvent.id)
    )
    return _sheet(
        "Consent record",
        ["at", "who", "way", "purpose", "event", "source", "text_shown", "text_version"],
        [
            [
                _moment(event.occurred_at, account),
                name,
                event.channel.value,
                event.purpose.value,
                event.event.value,
                event.source,
                event.text_shown,
                event.text_version,
            ]
            for event, name in events
        ],
    )


def _sheet(title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Sheet:
    return Sheet(title=title, header=header, rows=rows)


def _moment(at: datetime, account: Account) -> str:
    """A moment in the account's zone, with its offset: the table is read elsewhere."""
    return at.astimezone(ZoneInfo(account.zone)).isoformat(timespec="seconds")
