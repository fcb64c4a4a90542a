"""What reminders, fresh links and the word about an opt-out say at the moment they leave."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.messages import ConsentEvent, Message
from models.money import total
from receivables import invoices, pauses
from receivables.calendar_days import business_date
from receivables.contact.consents import address_of, masked
from receivables.contact.reminders import told_of
from receivables.letter_kinds import LetterKind
from receivables.ports import InvoiceRow


def reminder_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What is asked for now, its documents, and the oldest date among them."""
    rows = _spoken_of(session, message, account, today)
    currency = message.currency or rows[0].currency
    return {
        "amount": total([row.asked for row in rows], currency),
        "due_date": _due_date(message, account, rows, today),
        "invoice_list": rows,
    }


def _due_date(message: Message, account: Account, rows: list[InvoiceRow], today: date) -> date:
    """The oldest date among documents; before it has passed the one that was agreed, where terms were."""
    oldest = min((row.due_on for row in rows if row.due_on), default=today)
    return oldest if message.kind == "first_reminder" else oldest + timedelta(days=account.agreed_days)


def still_due(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether anything that a reminder of this kind is about is still asked for."""
    return bool(_spoken_of(session, message, account, today))


def _spoken_of(session: Session, message: Message, account: Account, today: date) -> list[InvoiceRow]:
    rows = invoices.open_rows(session, account.id, today, currency=message.currency)
    held = pauses.standing(session, account.id, today)
    return [
        row
        for row in told_of(message.kind, rows, today, account)
        if row.asked and not pauses.paused_by(held, invoice_ref=row.ref, currency=row.currency)
    ]


def opt_out_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Since when which address is left alone; the address only as its owner knows it."""
    event = session.get_one(ConsentEvent, message.facts["consent_event_id"])
    contact = session.get_one(Contact, message.contact_id)
    return {
        "optout_date": business_date(event.occurred_at, account.zone),
        "contact_point": masked(address_of(contact, message.channel) or ""),
    }


_REMINDER = LetterKind(reminder_values, still_due)
LETTERS = {
    "courtesy": _REMINDER,
    "due_today": _REMINDER,
    "first_reminder": _REMINDER,
    # Never queued: what a private person gets by SMS instead of a text that names amounts.
    "neutral_notice": LetterKind(),
    "fresh_link": LetterKind(),
    "opt_out_confirmed": LetterKind(opt_out_values),
}
