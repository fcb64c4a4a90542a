"""What the messages about codes and forwarded invoices say beside what every message may use."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.invoices import Invoice
from models.messages import Message
from receivables.letter_kinds import LetterKind
from receivables.policy import current_policy


def code_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """How long the code is good and what it is for; the code itself is made as it leaves (L-08)."""
    rules = current_policy(session, message.queued_at).step_up
    return {"code_minutes": rules.valid_minutes, "purpose": message.facts["act"] or "page"}


def forwarded_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Whose invoice it is, and who sends it on."""
    invoice = session.get_one(Invoice, message.facts["invoice_id"])
    forwarder = session.get_one(Contact, message.facts["forwarder_id"])
    return {"number": invoice.number, "account": account.name, "forwarder": forwarder.name}


LETTERS = {
    "contact_changed": LetterKind(with_link=False),
    "one_time_code": LetterKind(code_values),
    "invoice_forwarded": LetterKind(forwarded_values),
}
