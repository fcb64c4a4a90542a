"""One consolidated reminder per account and currency, and what each message says at send time.

The amount in a message is the amount behind its link: it is read again when the message leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.invoices import Invoice
from models.links import Channel
from models.messages import ConsentEvent, Message, Purpose
from models.money import Money, total
from models.payments import Allocation, Payment
from receivables import credit_hold_letters, invoices, links, outbox, pauses
from receivables.answers import letters as answer_letters
from receivables.arrangements import offer_letters, plan_letters
from receivables.calendar_days import business_date, days_late
from receivables.contact.consents import address_of, masked
from receivables.contact.rules import prefers_other
from receivables.disputes import letters as dispute_letters
from receivables.errors import Refused
from receivables.people import letters as people_letters
from receivables.permissions import Actor, Permission, require
from receivables.ports import InvoiceRow, Letter


def paying_contacts(session: Session, account: Account) -> list[Contact]:
    """Who is reminded: the active contacts who pay, or every active one if none is marked."""
    contacts = session.scalars(
        select(Contact)
        .where(Contact.account_id == account.id, Contact.is_active, Contact.forwarded_by_id.is_(None))
        .order_by(Contact.id)
    ).all()
    payers = set(
        session.scalars(
            select(ContactHasRole.contact_id).where(
                ContactHasRole.role == ContactRole.PAYS,
                ContactHasRole.contact_id.in_([c.id for c in contacts]),
            )
        )
    )
    return [c for c in contacts if c.id in payers] or list(contacts)


def remind(
    session: Session,
    actor: Actor,
    account: Account,
    *,
    now: datetime,
    channels: tuple[Channel, ...] = (Channel.EMAIL, Channel.SMS),
) -> list[Message]:
    """Queue one reminder for each paying contact, channel and currency (domain.md, ladder).

    The kind follows the oldest document: overdue, due today, or a courtesy note before.

    Returns:
        The queued messages; those of the same day that were queued before are returned again.
    Raises:
        NotAllowed: the actor may not send reminders.
        Refused: `nothing_open`, `paused`, `no_contact`.
    """
    require(actor, Permission.REMINDER_SEND)
    today = business_date(now, account.zone)
    held = pauses.standing(session, account.id, today)
    rows = [row for row in invoices.open_rows(session, account.id, today) if row.asked]
    if not rows:
        raise Refused("nothing_open")
    rows = [row for row in rows if not pauses.paused_by(held, invoice_ref=row.ref)]
    if not rows:
        raise Refused("paused")
    contacts = paying_contacts(session, account)
    if not contacts:
        raise Refused("no_contact")
    queued = []
    for currency in sorted({row.currency for row in rows}):
        kind = _kind([row for row in rows if row.currency == currency], today)
        for contact in contacts:
            for channel in channels:
                if address_of(contact, channel) is None or not _has_text(kind, channel):
                    continue
                if prefers_other(session, contact, channel):
                    continue
                queued.append(
                    outbox.enqueue(
                        session,
                        actor,
                        account=account,
                        contact=contact,
                        channel=channel,
                        purpose=Purpose.REMINDER,
                        kind=kind,
                        facts={},
                        dedupe_key=f"reminder:{contact.id}:{channel.value}:{currency}:{today}",
                        currency=currency,
                        now=now,
                    )
                )
    return queued


def _kind(rows: list[InvoiceRow], today: date) -> str:
    if any(row.days_late for row in rows):
        return "first_reminder"
    return "due_today" if any(row.due_on == today for row in rows) else "courtesy"


def _has_text(kind: str, channel: Channel) -> bool:
    """A courtesy note before the date goes by e-mail only (tone.md, the rungs)."""
    return not (kind == "courtesy" and channel is Channel.SMS)


def still_due(session: Session, message: Message, account: Account, *, now: datetime) -> bool:
    """Whether a queued reminder or notice still has something to say: asked again at send time."""
    if message.purpose is Purpose.ARRANGEMENT:
        still_true = STILL_TRUE.get(message.kind)
        return still_true is None or still_true(session, message)
    return bool(_spoken_of(session, message, account, business_date(now, account.zone)))


def _spoken_of(session: Session, message: Message, account: Account, today: date) -> list[InvoiceRow]:
    """Return the documents that a reminder of this kind is about and that are still asked for."""
    rows = invoices.open_rows(session, account.id, today, currency=message.currency)
    if message.kind == "first_reminder":
        rows = [row for row in rows if row.days_late]
    elif message.kind == "due_today":
        rows = [row for row in rows if row.due_on == today]
    held = pauses.standing(session, account.id, today)
    return [row for row in rows if row.asked and not pauses.paused_by(held, invoice_ref=row.ref)]


def compose(
    session: Session,
    message: Message,
    *,
    link: str | None,
    link_expires_at: datetime | None,
    stop: str | None,
    now: datetime,
) -> Letter:
    """Return everything the message's template needs, with amounts of this moment.

    Args:
        link, stop: clear addresses, known only now.
    """
    account = session.get_one(Account, message.account_id)
    contact = session.get_one(Contact, message.contact_id)
    sender = links.sender_for(session, account.id, message.language)
    today = business_date(now, account.zone)
    values: dict[str, Any] = {
        "name": contact.name,
        "account": account.name,
        "creditor": sender.short_name if message.channel is Channel.SMS else sender.name,
        "person": sender.person,
        "phone": sender.phone,
        "hours": sender.hours,
        "verify": sender.verify_url,
        "counted_to": today,
    }
    maker = VALUES.get(message.kind) or _VALUES.get(message.purpose)
    if maker is not None:
        values |= maker(session, message, account, today)
    if link_expires_at is not None:
        values["link_expires"] = business_date(link_expires_at - timedelta(minutes=1), account.zone)
    return Letter(
        kind=message.kind,
        channel="sms" if message.channel is Channel.SMS else "email",
        language=message.language,
        zone=account.zone,
        private=account.is_private,
        sender=sender,
        values=values,
        link=link,
        stop=stop,
    )


def _reminder_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    rows = _spoken_of(session, message, account, today)
    currency = message.currency or rows[0].currency
    return {
        "amount": total([row.asked for row in rows], currency),
        "due_date": min((row.due_on for row in rows if row.due_on), default=today),
        "invoice_list": rows,
    }


def _receipt_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    payment = session.get_one(Payment, message.facts["payment_id"])
    found = session.execute(
        select(
            Invoice.ref,
            Invoice.number,
            Invoice.kind,
            Invoice.issued_on,
            Invoice.due_on,
            Invoice.total_minor,
            Invoice.description,
            Invoice.account_id,
            Allocation.amount_minor,
        )
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(Allocation.payment_id == payment.id)
        .order_by(Allocation.id)
    )
    rows = invoices.open_rows(session, account.id, today, currency=payment.currency)
    # A branch is told of its own documents only; the payment is its head office's (L-15).
    is_payer = payment.account_id == account.id
    shares = [s for s in found if is_payer or s.account_id == account.id]
    paid_minor = payment.amount_minor if is_payer else sum(s.amount_minor for s in shares)
    if session.get_one(Contact, message.contact_id).forwarded_by_id is not None:
        # A colleague is told of the document he paid and of no other (L-15).
        rows = [r for r in rows if r.ref in {s.ref for s in shares}]
    rest = total([r.asked for r in rows], payment.currency)
    return {
        "paid_amount": Money(paid_minor, payment.currency),
        "paid_date": payment.valued_on,
        "balance": rest,
        "confirmation": payment.number,
        "allocation_list": [
            InvoiceRow(
                ref=s.ref,
                number=s.number,
                kind=s.kind.value,
                issued_on=s.issued_on,
                due_on=s.due_on,
                total=Money(s.total_minor, payment.currency),
                balance=Money(s.amount_minor, payment.currency),
                days_late=days_late(s.due_on, today),
                description=s.description,
                processing=Money(0, payment.currency),
                currency=payment.currency,
            )
            for s in shares
        ],
    }


def _opt_out_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    event = session.get_one(ConsentEvent, message.facts["consent_event_id"])
    contact = session.get_one(Contact, message.contact_id)
    address = address_of(contact, message.channel) or ""
    return {
        "optout_date": business_date(event.occurred_at, account.zone),
        "contact_point": masked(address),
    }


_VALUES = {
    Purpose.REMINDER: _reminder_values,
    Purpose.RECEIPT: _receipt_values,
    Purpose.OPT_OUT_CONFIRMED: _opt_out_values,
}


#: Message kind -> what its text needs beside what every text may use; each maker lives with its subject.
VALUES: dict[str, Callable[[Session, Message, Account, date], dict[str, Any]]] = {
    "dispute_answered": dispute_letters.values,
    "dispute_partly_upheld": dispute_letters.values,
    "dispute_received": dispute_letters.values,
    "dispute_refused": dispute_letters.values,
    "dispute_upheld": dispute_letters.values,
    "promise_recorded": answer_letters.promise_values,
    "promise_due_tomorrow": answer_letters.promise_values,
    "promise_broken": answer_letters.promise_values,
    "request_answered": answer_letters.answered_values,
    **offer_letters.VALUES,
    "plan_activated": plan_letters.activated_values,
    "plan_answered": plan_letters.answered_values,
    "instalment_due": plan_letters.due_values,
    "instalment_missed": plan_letters.missed_values,
    "one_time_code": people_letters.code_values,
    "invoice_forwarded": people_letters.forwarded_values,
    "credit_hold_placed": credit_hold_letters.placed_values,
    "credit_hold_released": credit_hold_letters.released_values,
}
#: Kind of an arrangement's notice -> whether it is still true when it is about to leave.
STILL_TRUE: dict[str, Callable[[Session, Message], bool]] = {
    "promise_due_tomorrow": answer_letters.still_waited_for,
    "promise_broken": answer_letters.still_missing,
    **offer_letters.STILL_TRUE,
    "instalment_due": plan_letters.still_due,
    "instalment_missed": plan_letters.still_missed,
    "credit_hold_placed": credit_hold_letters.still_held,
}


def needs_link(message: Message) -> bool:
    """Whether the message carries a payment link."""
    return message.purpose in (
        Purpose.REMINDER, Purpose.RECEIPT, Purpose.FRESH_LINK, Purpose.ANSWER, Purpose.ARRANGEMENT,
    )  # fmt: skip
