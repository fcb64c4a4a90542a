"""What a message says that a person wrote: his words, as they were when he sent it."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.messages import Message
from models.writing import PersonalMessage
from receivables.letter_kinds import LetterKind

#: Folder below templates/messages.
KIND = "personal"


def personal_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """The subject and the words."""
    row = session.get(PersonalMessage, message.id)
    return {"about": row.subject, "reply": row.words} if row is not None else {}


LETTERS = {KIND: LetterKind(personal_values)}
