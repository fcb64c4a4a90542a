"""A message from somebody whom no rule knows, put to an account by a person.

Source: issue C, part 6 ("replies threaded to the account"); C-07.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.inbound import InboundKind, InboundMessage
from models.links import Channel
from receivables import waking
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact import inbound, reply_words
from receivables.contact.inbound import Writer
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require


def assign(session: Session, actor: Actor, ref: str, contact_ref: str, *, now: datetime) -> InboundMessage:
    """Say who wrote a message that could not be matched; what it asks for is obeyed from now on.

    A word of opting out counts for the contact's own address on the channel it came by; one of opting
    in does not, where it came from another address.

    Args:
        ref: of the message.
        contact_ref: of an active contact, of whatever account.
    Returns:
        The message, threaded; a second call with the same contact changes nothing.
    Raises:
        NotAllowed: the actor may not assign messages.
        NotFound: no such message of a person, or no such contact.
        Refused: `assigned_already` (to somebody else).
    """
    require(actor, Permission.INBOUND_ASSIGN)
    row = session.scalar(
        select(InboundMessage)
        .where(InboundMessage.ref == ref, InboundMessage.kind == InboundKind.REPLY)
        .with_for_update()
    )
    contact = session.scalar(
        select(Contact).where(
            Contact.ref == contact_ref, Contact.is_active, Contact.forwarded_by_id.is_(None)
        )
    )
    if row is None or contact is None:
        raise NotFound("not_found")
    if row.contact_id is not None:
        if row.contact_id == contact.id:
            return row
        raise Refused("assigned_already")
    row.account_id, row.contact_id = contact.account_id, contact.id
    own = inbound.is_at(contact, row.channel, row.from_digest)
    subject = row.subject if row.channel is Channel.EMAIL else None
    heard = reply_words.asked_in(subject, row.words or "")
    inbound.obey(session, row, Writer(contact, None, own), heard, now=now)
    session.flush()
    record(
        session, actor, "inbound.assigned", row, account_id=contact.account_id, now=now,
        facts={"contact": contact.id, "outcome": row.outcome, "own_address": own},
    )  # fmt: skip
    account = session.get_one(Account, contact.account_id)
    waking.wake(session, account.id, business_date(now, account.zone))
    return row
