"""Every kind of message, gathered from where its subject lives, and what each says when it leaves.

The amount in a message is the amount behind its link: it is read again at that moment. As
consequences.py is for payments, this is the roof for messages: only who sends them looks in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.links import Channel
from models.messages import Message, Purpose
from receivables import branch_notices, credit_hold_letters, links, message_texts, refund_letters
from receivables.answers import letters as answer_letters
from receivables.arrangements import offer_letters, plan_letters
from receivables.calendar_days import business_date
from receivables.contact import letters as contact_letters
from receivables.disputes import letters as dispute_letters
from receivables.ladder import letters as ladder_letters
from receivables.letter_kinds import LetterKind
from receivables.payments import letters as payment_letters
from receivables.people import letters as people_letters
from receivables.ports import Letter
from receivables.reversals import debtor_letters
from receivables.writing import letters as writing_letters

#: Who declares kinds of messages; each kind has one owner (presentation/sources.py, KINDS).
OWNERS: tuple[Mapping[str, LetterKind], ...] = (
    contact_letters.LETTERS,
    payment_letters.LETTERS,
    debtor_letters.LETTERS,
    branch_notices.LETTERS,
    people_letters.LETTERS,
    answer_letters.LETTERS,
    dispute_letters.LETTERS,
    plan_letters.LETTERS,
    offer_letters.LETTERS,
    credit_hold_letters.LETTERS,
    refund_letters.LETTERS,
    ladder_letters.LETTERS,
    writing_letters.LETTERS,
)
#: Purposes whose messages carry a payment link.
_WITH_LINK = frozenset(
    {Purpose.REMINDER, Purpose.RECEIPT, Purpose.FRESH_LINK, Purpose.ANSWER, Purpose.ARRANGEMENT}
)
#: Stands for addresses that a preview has none of; the copy that is shown says "[link]" for it.
NO_LINK = "https://link.invalid/"
_KINDS = {kind: letter for letters in OWNERS for kind, letter in letters.items()}


def _kind_of(message: Message) -> LetterKind:
    """A kind that nobody declares has no text either, and whoever renders it says so by name."""
    return _KINDS.get(message.kind, LetterKind())


def needs_link(message: Message) -> bool:
    """Whether the message carries a payment link."""
    return message.purpose in _WITH_LINK and _kind_of(message).with_link


def is_still_true(session: Session, message: Message, account: Account, *, now: datetime) -> bool:
    """Whether a queued message still has something to say; asked again before it leaves."""
    return _kind_of(message).still_true(session, message, account, business_date(now, account.zone))


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
    today = business_date(now, account.zone)
    values = _kind_of(message).values(session, message, account, today)
    if link_expires_at is not None:
        values = {
            **values, "link_expires": business_date(link_expires_at - timedelta(minutes=1), account.zone)
        }  # fmt: skip
    is_sms = message.channel is Channel.SMS
    return _letter(
        session, account, contact.name, message.kind, values, language=message.language, is_sms=is_sms,
        link=link, stop=stop, now=now,
    )  # fmt: skip


def preview(
    session: Session,
    account: Account,
    kind: str,
    values: Mapping[str, Any],
    *,
    name: str,
    language: str | None = None,
    now: datetime,
) -> Letter:
    """Return a mail as it would be made now, for whoever decides whether to send it; it has no live link.

    Args:
        values: what its owner would give for it.
        name: of the reader.
        language: of the reader; the account's when nothing is said.
    """
    return _letter(
        session, account, name, kind, values, language=language or account.language, is_sms=False,
        link=NO_LINK, stop=NO_LINK, now=now,
    )  # fmt: skip


def _letter(
    session: Session,
    account: Account,
    name: str,
    kind: str,
    own: Mapping[str, Any],
    *,
    language: str,
    is_sms: bool,
    link: str | None,
    stop: str | None,
    now: datetime,
) -> Letter:
    """Put what every message may say around what its own kind says."""
    sender = links.sender_for(session, account.id, language, now=now)
    published = message_texts.texts_for(session, kind, now=now)
    version = published.get(kind)
    values = {
        "name": name,
        "account": account.name,
        "creditor": sender.short_name if is_sms else sender.name,
        "person": sender.person,
        "phone": sender.phone,
        "hours": sender.hours,
        "verify": sender.verify_url,
        "counted_to": business_date(now, account.zone),
        **own,
    }
    return Letter(
        kind=kind,
        channel="sms" if is_sms else "email",
        language=language,
        zone=account.zone,
        private=account.is_private,
        sender=sender,
        values=values,
        link=link,
        stop=stop,
        texts={
            f"{one.kind}/{place}": text for one in published.values() for place, text in one.texts.items()
        },
        texts_version=version.id if version is not None else None,
    )
