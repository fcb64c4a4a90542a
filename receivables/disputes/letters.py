"""What the messages about a dispute say, and who gets them; amounts are those of the moment they leave."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.disputes import Dispute, DisputeNote
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from receivables import invoices, outbox
from receivables.calendar_days import add_business_days, business_date
from receivables.contact.consents import address_of
from receivables.contact.readers import reader_of
from receivables.contact.rules import prefers_other
from receivables.disputes.cases import case_number
from receivables.letter_kinds import LetterKind
from receivables.permissions import Actor
from receivables.policy import current_policy

#: What a debtor waits for: an answer in the thread, and the outcome; an SMS says that it is there.
BY_SMS = frozenset({"dispute_answered", "dispute_upheld", "dispute_partly_upheld", "dispute_refused"})


def tell(
    session: Session,
    actor: Actor,
    account: Account,
    dispute: Dispute,
    kind: str,
    *,
    about: int = 0,
    now: datetime,
) -> list[Message]:
    """Queue one message about a dispute to whoever opened it, else to whoever pays.

    The mail has the words. Of what somebody waits for an SMS says that it is there, as it says of
    everything to who has no mail; under the rules of notices: in hours, and not to who has opted out
    or wants mail.

    Args:
        kind: folder below templates/messages.
        about: id of the word in the thread that is told; 0 for the dispute itself.
    Returns: the mail and the SMS, as far as there are addresses.
    """
    contact = reader(session, dispute)
    if contact is None:
        return []
    turn = "again" if dispute.reopened_at else "first"
    ways = {Channel.EMAIL: Purpose.ANSWER}
    if (kind in BY_SMS or contact.email is None) and not prefers_other(session, contact, Channel.SMS):
        ways[Channel.SMS] = Purpose.ARRANGEMENT
    return [
        outbox.enqueue(
            session,
            actor,
            account=account,
            contact=contact,
            channel=channel,
            purpose=purpose,
            kind=kind,
            facts={"dispute_id": dispute.id, "note_id": about},
            dedupe_key=f"{kind}:dispute:{dispute.id}:{turn}:{about}:{channel.value}",
            currency=dispute.currency,
            now=now,
        )
        for channel, purpose in ways.items()
        if address_of(contact, channel) is not None
    ]


def reader(session: Session, dispute: Dispute) -> Contact | None:
    """Return who is told: whoever opened it, else whoever pays."""
    if dispute.contact_id is not None:
        return session.get_one(Contact, dispute.contact_id)
    return reader_of(session, dispute.account_id)


def values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What each of the messages may use; the texts take what they name."""
    dispute = session.get_one(Dispute, message.facts["dispute_id"])
    invoice = session.get_one(Invoice, dispute.invoice_id)
    rows = invoices.open_rows(session, account.id, today, currency=dispute.currency)
    asked = next((row.asked for row in rows if row.ref == invoice.ref), Money(0, dispute.currency))
    credited = Money(dispute.credited_minor, dispute.currency)
    said = said_of(session, dispute, invoice, account, credited, asked, dispute.finding or "", today)
    if message.facts["note_id"]:
        said["reply"] = session.get_one(DisputeNote, message.facts["note_id"]).words
    return said


def said_of(
    session: Session,
    dispute: Dispute,
    invoice: Invoice,
    account: Account,
    credited: Money,
    asked: Money,
    finding: str,
    today: date,
) -> dict[str, Any]:
    """What the texts are filled with; also of an outcome that is not decided yet.

    Args:
        asked: for the document, once it is decided.
    """
    return {
        "invoice": invoice.number,
        "case": case_number(dispute.id, dispute.opened_at),
        "contested_amount": Money(dispute.contested_minor, dispute.currency),
        "credited_amount": credited,
        "kept_amount": Money(dispute.contested_minor, dispute.currency) - credited,
        "rest_amount": asked,
        "balance": asked,
        "answer_by": dispute.answer_by_on,
        "finding": finding,
        "evidence": "none" if dispute.reopened_at else "open",
        "deadline": _deadline(session, dispute, invoice, account, today),
    }


def _deadline(session: Session, dispute: Dispute, invoice: Invoice, account: Account, today: date) -> date:
    """By when what remains is asked for: its own date, and never sooner than we took to answer."""
    decided = business_date(dispute.resolved_at, account.zone) if dispute.resolved_at else today
    rules = current_policy(session, dispute.resolved_at or dispute.opened_at).disputes
    soonest = add_business_days(decided, rules.answer_business_days, account.country)
    return max(invoice.due_on or soonest, soonest)


LETTERS = dict.fromkeys(
    ("dispute_received", "dispute_answered", "dispute_upheld", "dispute_partly_upheld", "dispute_refused"),
    LetterKind(values),
)
