"""What the message about a refund that was sent says at the moment it leaves."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.messages import Message
from models.money import Money
from receivables.letter_kinds import LetterKind

#: How many characters of a bank account a message shows: enough to know it by, no more.
SHOWN = 4


def sent_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Amount, day, the end of the bank account and the bank's reference."""
    refund = session.get_one(Refund, message.facts["refund_id"])
    return {
        "refund_amount": Money(refund.amount_minor, refund.currency),
        "refund_date": refund.paid_on,
        "refund_account": end_of(refund.bank_account),
        "refund_reference": refund.bank_reference,
    }


def end_of(bank_account: str) -> str:
    """Return the last characters of a bank account, without what only sets them apart.

    >>> end_of("GB29 NWBK 6016 1331 9268 19")
    '6819'
    """
    return "".join(sign for sign in bank_account if sign.isalnum())[-SHOWN:]


LETTERS = {
    "refund_sent": LetterKind(sent_values),
}
