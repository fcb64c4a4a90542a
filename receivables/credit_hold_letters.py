"""What the two messages about a credit hold say at the moment they leave."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import CreditHold
from models.messages import Message
from models.money import Money
from models.states import HoldStatus
from receivables.calendar_days import business_date
from receivables.letter_kinds import LetterKind


def placed_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Since when, why, and what releases it."""
    hold = session.get_one(CreditHold, message.facts["hold_id"])
    return said_of(
        hold.reason, Money(hold.release_minor, hold.currency), since_on=hold.since_on,
        plan_releases=hold.plan_releases, prepaid_allowed=hold.prepaid_allowed,
    )  # fmt: skip


def said_of(
    reason: str, release: Money, *, since_on: date, plan_releases: bool, prepaid_allowed: bool
) -> dict[str, Any]:
    """What the text about a new hold is filled with; also of one that is not placed yet."""
    return {
        "hold_date": since_on,
        "reason": reason,
        "release_amount": release,
        "release": "plan" if plan_releases else "money",
        "prepaid": "open" if prepaid_allowed else "none",
    }


def released_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """The day from which orders on credit are possible again."""
    hold = session.get_one(CreditHold, message.facts["hold_id"])
    ended = business_date(hold.released_at, account.zone) if hold.released_at else today
    return {"release_date": ended}


def still_held(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the hold that a waiting message speaks of stands yet."""
    return session.get_one(CreditHold, message.facts["hold_id"]).status is HoldStatus.ACTIVE


LETTERS = {
    "credit_hold_placed": LetterKind(placed_values, still_held),
    "credit_hold_released": LetterKind(released_values),
}
