"""What the messages about settlement offers say, with sums of the moment in which they leave.

Each text says what is paid, by when, and what remains owed: nothing, once it is in (C-10).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Offer, OfferMaker
from models.messages import Message
from models.money import Money
from models.states import OfferStatus
from receivables.arrangements.offer_money import open_minor, received
from receivables.calendar_days import business_date
from receivables.letter_kinds import LetterKind

#: Kinds that we send of ourselves; the others answer the debtor's own act.
NOTICES = frozenset({"offer_made", "offer_lapsed"})
#: Kinds that speak of the debtor's own sum, also where ours has answered it.
_OF_THEIRS = frozenset({"counter_offer_changed", "offer_voided"})


def values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Return what a mail about an offer needs beside what every mail may use."""
    offer = session.get_one(Offer, message.facts["offer_id"])
    said: dict[str, Any] = {
        "offer_amount": Money(offer.amount_minor, offer.currency),
        "discount": Money(offer.balance_minor - offer.amount_minor, offer.currency),
        "deadline": offer.expires_on,
        "pay_by": offer.pay_by_on,
        "balance": Money(open_minor(session, offer), offer.currency),
        "reason": offer.decision_reason or "",
    }
    if offer.accepted_at is not None:
        said["accepted_date"] = business_date(offer.accepted_at, account.zone)
        said["paid_amount"] = received(session, offer)
    if message.kind in _OF_THEIRS and offer.maker is not OfferMaker.DEBTOR and offer.supersedes_id:
        # The mail thanks for the debtor's own sum; ours stands behind the link.
        theirs = session.get_one(Offer, offer.supersedes_id)
        said["offer_amount"] = Money(theirs.amount_minor, theirs.currency)
    return said


def is_still_open(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether an offer that was made may still be accepted when its mail is about to leave."""
    return session.get_one(Offer, message.facts["offer_id"]).status is OfferStatus.OPEN


_OF_OFFER = LetterKind(values)
LETTERS = {
    "offer_made": LetterKind(values, is_still_open),
    "offer_accepted": _OF_OFFER,
    "offer_lapsed": _OF_OFFER,
    "counter_offer_accepted": _OF_OFFER,
    "counter_offer_changed": _OF_OFFER,
    "counter_offer_refused": _OF_OFFER,
    "offer_voided": _OF_OFFER,
}
