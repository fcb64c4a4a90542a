"""What a contact will read of a message that is not sent: made the same way as when it leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.links import Channel
from models.messages import Message, Purpose
from models.states import MessageStatus
from receivables import letters
from receivables.links import reader_language
from receivables.policy import current_policy
from receivables.ports import Letter
from receivables.writing.letters import KIND
from receivables.writing.personal import Written

#: Addresses of a look: they open nothing, and stand where the debtor's own will.
LINK, STOP = "https://example.invalid/l/", "https://example.invalid/x/"


def personal(
    session: Session, account: Account, contact: Contact, written: Written, *, purpose: Purpose, now: datetime
) -> Letter:
    """Return a message that somebody wrote as a letter to render; writes nothing.

    The links in it are no links: nobody gets one for a look.
    """
    message = Message(
        account_id=account.id, contact_id=contact.id, channel=Channel.EMAIL, purpose=purpose, kind=KIND,
        language=reader_language(account.language, account.language_chosen_at, contact.language), facts={},
        status=MessageStatus.QUEUED, queued_at=now,
    )  # fmt: skip
    letter = letters.compose(
        session, message, link=LINK, link_expires_at=now + current_policy(session, now).link_valid,
        stop=STOP, now=now,
    )  # fmt: skip
    return replace(letter, values={**letter.values, "about": written.subject, "reply": written.words})
