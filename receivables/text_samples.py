"""How a text would read with a real account: what it has said before, or its open documents of today.

Above the kinds of messages and the drafts, for who edits a text and who sends a trial to himself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.messages import Message
from models.money import total
from receivables import invoices, letters
from receivables.calendar_days import business_date
from receivables.contact.readers import paying_contacts
from receivables.ports import Letter


def letter_of(
    session: Session,
    account: Account,
    kind: str,
    texts: Mapping[str, str],
    examples: Mapping[str, Any],
    *,
    channel: str,
    language: str,
    now: datetime,
) -> Letter:
    """Return a letter of a kind to a real account, made of given texts; it has no live link.

    Args:
        texts: "language/part" -> text, in force or drafted.
        examples: a value for each placeholder, where the account has no such fact yet.
        channel: email or sms.
    """
    today = business_date(now, account.zone)
    rows = [row for row in invoices.open_rows(session, account.id, today) if row.asked.minor > 0]
    values: dict[str, Any] = dict(examples)
    if rows:
        mine = [row for row in rows if row.currency == rows[0].currency]
        values |= {
            "amount": total([row.asked for row in mine], rows[0].currency), "invoice_list": mine,
            "due_date": min((row.due_on or today for row in mine), default=today),
            "invoice": mine[0].number, "number": mine[0].number,
        }  # fmt: skip
    earlier = session.scalars(
        select(Message)
        .where(Message.account_id == account.id, Message.kind == kind)
        .order_by(Message.id.desc())
        .limit(1)
    ).first()
    if earlier is not None:
        said = letters.compose(
            session, earlier, link=letters.NO_LINK, link_expires_at=now, stop=letters.NO_LINK, now=now
        )
        values |= {name: value for name, value in said.values.items() if value not in (None, "", [], ())}
    made = letters.preview(
        session, account, kind, {**values, **_words(examples)}, name=_reader(session, account), now=now
    )
    return replace(
        made, channel=channel, language=language, code="123456",
        texts={f"{kind}/{place}": text for place, text in texts.items()},
        values={**made.values, "link_expires": today},
    )  # fmt: skip


def _words(examples: Mapping[str, Any]) -> dict[str, Any]:
    """Values that choose a block by their word; an account that has said nothing gets the plainest."""
    known = {
        "evidence": "open", "next_step": "agency", "purpose": "page", "refusal": "declined", "remedy": "card",
        "returned": "open",
    }  # fmt: skip
    return {name: word for name, word in known.items() if name not in examples}


def _reader(session: Session, account: Account) -> str:
    """Who of the account would read it."""
    readers = paying_contacts(session, account)
    return readers[0].name if readers else account.name
