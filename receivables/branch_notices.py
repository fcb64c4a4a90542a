"""What follows for branches when their head office has paid: a line of their timeline and an e-mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.payments import Allocation, Payment
from models.store import fetch
from models.work import Interaction
from receivables import outbox
from receivables.contact.readers import paying_contacts
from receivables.letter_kinds import LetterKind
from receivables.payments import letters as payment_letters
from receivables.permissions import SYSTEM

#: Line of a branch's timeline.
BY_HEAD_OFFICE = "payment.by_head_office"

_SHARES = (
    select(Invoice.account_id, Allocation.amount_minor, Allocation.currency)
    .join(Allocation, Allocation.invoice_id == Invoice.id)
    .where(Allocation.payment_id == bindparam("payment_id"))
    .order_by(Invoice.account_id, Allocation.id)
)


def tell_branches(session: Session, payment: Payment, *, now: datetime) -> list[Message]:
    """Tell each branch what its head office has paid for it: a line of its own and an e-mail.

    A follower of payments (consequences.py): a second call finds the messages that are there.
    """
    paid: dict[int, int] = {}
    for r in fetch(session, _SHARES, {"payment_id": payment.id}):
        if r.account_id != payment.account_id:
            paid[r.account_id] = paid.get(r.account_id, 0) + r.amount_minor
    told = []
    for account_id, minor in paid.items():
        account = session.get_one(Account, account_id)
        _note(session, account_id, payment, minor, now=now)
        for contact in paying_contacts(session, account):
            if contact.email is None:
                continue
            told.append(
                outbox.enqueue(
                    session,
                    SYSTEM,
                    account=account,
                    contact=contact,
                    channel=Channel.EMAIL,
                    purpose=Purpose.RECEIPT,
                    kind="paid_by_head_office",
                    facts={"payment_id": payment.id},
                    dedupe_key=f"paid_by_head_office:{payment.id}:{contact.id}",
                    currency=payment.currency,
                    now=now,
                )
            )
    return told


def _note(session: Session, account_id: int, payment: Payment, minor: int, *, now: datetime) -> None:
    """Write the branch's timeline, once for a payment."""
    earlier = session.scalars(
        select(Interaction.facts).where(
            Interaction.account_id == account_id, Interaction.kind == BY_HEAD_OFFICE
        )
    )
    if any(facts["payment"] == payment.number for facts in earlier):
        return
    facts = {"payment": payment.number, "amount_minor": minor, "currency": payment.currency}
    outbox.note(session, account_id, BY_HEAD_OFFICE, now=now, facts=facts)


LETTERS = {"paid_by_head_office": LetterKind(payment_letters.values)}
