"""A message from outside, and what follows from it beyond the right to write: the ladder looks again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models.accounts import Account
from models.inbound import InboundMessage
from receivables import waking
from receivables.calendar_days import business_date
from receivables.contact import inbound
from receivables.ports import Incoming


def take(session: Session, incoming: Incoming, *, now: datetime) -> InboundMessage:
    """Receive one message, once, and let the ladder look again at the account it is about.

    Source: C-07; issue C, part 3 (a bounce re-evaluates at once).
    """
    row = inbound.receive(session, incoming, now=now)
    if row.account_id is not None:
        account = session.get_one(Account, row.account_id)
        waking.wake(session, account.id, business_date(now, account.zone))
    return row
