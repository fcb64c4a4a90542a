"""What messages about promises and requests say, read again when they leave."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import Request
from models.arrangements import Promise
from models.messages import Message
from models.money import Money
from models.states import PromiseStatus
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.letter_kinds import LetterKind


def promise_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Values of every message about a promise."""
    row = session.get_one(Promise, message.facts["promise_id"])
    return {"promise_amount": Money(row.amount_minor, row.currency), "promise_date": row.promised_on}


def still_waited_for(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the note of the day before still has a promise to speak of."""
    return session.get_one(Promise, message.facts["promise_id"]).status is PromiseStatus.OPEN


def still_missing(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether what was promised has still not come, and is still asked for."""
    row = session.get_one(Promise, message.facts["promise_id"])
    rows = invoices.open_rows(session, row.account_id, row.promised_on, currency=row.currency)
    return row.status is PromiseStatus.BROKEN and any(r.asked for r in rows)


def answered_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Values of our answer to what somebody asked."""
    row = session.get_one(Request, message.facts["request_id"])
    return {"asked_date": business_date(row.asked_at, account.zone), "reply": row.reply or ""}


LETTERS = {
    "promise_recorded": LetterKind(promise_values),
    "promise_due_tomorrow": LetterKind(promise_values, still_waited_for),
    "promise_broken": LetterKind(promise_values, still_missing),
    "request_answered": LetterKind(answered_values),
}
