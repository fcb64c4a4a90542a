"""What the messages about a dispute say, and who gets them; amounts are those of the moment they leave."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.disputes import Dispute, DisputeNote
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from receivables import invoices, outbox
from receivables.calendar_days import add_business_days, business_date
from receivables.disputes.cases import case_number
from receivables.permissions import Actor
from receivables.policy import current_policy


def tell(
    session: Session,
    actor: Actor,
    account: Account,
    dispute: Dispute,
    kind: str,
    *,
    about: int = 0,
    now: datetime,
) -> Message | None:
    """Queue one message about a dispute to whoever opened it, else to whoever pays; None without an address.

    Args:
        kind: folder below templates/messages.
        about: id of the word in the thread that is told; 0 for the dispute itself.
    """
    contact = _reader(session, dispute)
    if contact is None or not contact.email:
        return None
    turn = "again" if dispute.reopened_at else "first"
    return outbox.enqueue(
        session,
        actor,
        account=account,
        contact=contact,
        channel=Channel.EMAIL,
        purpose=Purpose.ANSWER,
        kind=kind,
        facts={"dispute_id": dispute.id, "note_id": about},
        dedupe_key=f"{kind}:dispute:{dispute.id}:{turn}:{about}",
        currency=dispute.currency,
        now=now,
    )


def _reader(session: Session, dispute: Dispute) -> Contact | None:
    if dispute.contact_id is not None:
        return session.get_one(Contact, dispute.contact_id)
    return session.scalar(
        select(Contact)
        .outerjoin(
            ContactHasRole,
            (ContactHasRole.contact_id == Contact.id) & (ContactHasRole.role == ContactRole.PAYS),
        )
        .where(Contact.account_id == dispute.account_id, Contact.is_active)
        .order_by(ContactHasRole.contact_id.is_(None), Contact.id)
        .limit(1)
    )


def values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What each of the messages may use; the texts take what they name."""
    dispute = session.get_one(Dispute, message.facts["dispute_id"])
    invoice = session.get_one(Invoice, dispute.invoice_id)
    rows = invoices.open_rows(session, account.id, today, currency=dispute.currency)
    asked = next((row.asked for row in rows if row.ref == invoice.ref), Money(0, dispute.currency))
    said: dict[str, Any] = {
        "invoice": invoice.number,
        "case": case_number(dispute.id, dispute.opened_at),
        "contested_amount": Money(dispute.contested_minor, dispute.currency),
        "credited_amount": Money(dispute.credited_minor, dispute.currency),
        "kept_amount": Money(dispute.contested_minor - dispute.credited_minor, dispute.currency),
        "rest_amount": asked,
        "balance": asked,
        "answer_by": dispute.answer_by_on,
        "finding": dispute.finding or "",
        "deadline": _deadline(session, dispute, invoice, account, today),
    }
    if message.facts["note_id"]:
        said["reply"] = session.get_one(DisputeNote, message.facts["note_id"]).words
    return said


def _deadline(session: Session, dispute: Dispute, invoice: Invoice, account: Account, today: date) -> date:
    """By when what remains is asked for: its own date, and never sooner than we took to answer."""
    decided = business_date(dispute.resolved_at, account.zone) if dispute.resolved_at else today
    rules = current_policy(session, dispute.resolved_at or dispute.opened_at).disputes
    soonest = add_business_days(decided, rules.answer_business_days, account.country)
    return max(invoice.due_on or soonest, soonest)
