"""What one kind of message is to the rules: what it says when it leaves, and whether it is still true.

Each `letters.py` declares the kinds of its subject as `LETTERS`; receivables/letters.py gathers them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.messages import Message


def nothing_more(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """No values beside those that every text may use."""
    return {}


def always(session: Session, message: Message, account: Account, today: date) -> bool:
    """What happened stays true however long the message waits."""
    return True


@dataclass(frozen=True, slots=True)
class LetterKind:
    """How a kind of message is filled and held back.

    values: what its text needs beside what every text may use, read when it leaves.
    still_true: whether it has something to say yet; asked again before it leaves.
    with_link: whether it may carry a payment link at all; not where its reader has lost the right to one.
    """

    values: Callable[[Session, Message, Account, date], dict[str, Any]] = nothing_more
    still_true: Callable[[Session, Message, Account, date], bool] = always
    with_link: bool = True
