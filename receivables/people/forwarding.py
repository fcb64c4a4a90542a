"""One invoice forwarded to a colleague: a narrower link that shows and pays that invoice only.

The colleague is written to about this one document, is never reminded, and can bind nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.invoices import OWED_KINDS, Invoice
from models.links import Channel, Link, LinkInvoice
from models.messages import Message, Purpose
from models.states import InvoiceStatus
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.consents import address_digest, has_opted_out, masked
from receivables.errors import NotFound, Refused, TooManyTries
from receivables.people.addresses import read_address, read_name
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy

KIND = "invoice_forwarded"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One earlier forwarding of an invoice, for the page."""

    name: str
    shown: str
    at: datetime


def invoice_to_forward(session: Session, actor: Actor, invoice_ref: str) -> Invoice:
    """Return an open document of the holder's account.

    Raises:
        NotFound: no such open document, or another account's (L-15).
    """
    require(actor, Permission.LINK_FORWARD, account_id=actor.account_id)
    found = session.scalar(
        select(Invoice).where(
            Invoice.ref == invoice_ref,
            Invoice.account_id == actor.account_id,
            Invoice.status == InvoiceStatus.OPEN,
            Invoice.kind.in_(OWED_KINDS),
        )
    )
    if found is None:
        raise NotFound("not_found")
    return found


def forwarded(session: Session, actor: Actor, invoice: Invoice) -> list[Forwarded]:
    """Return to whom an invoice was forwarded, the latest first."""
    require(actor, Permission.LINK_FORWARD, account_id=invoice.account_id)
    rows = session.execute(
        select(Contact.name, Contact.email, Message.queued_at, Message.facts)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.account_id == invoice.account_id, Message.kind == KIND)
        .order_by(Message.id.desc())
        .limit(50)
    )
    return [
        Forwarded(r.name, masked(r.email or ""), r.queued_at)
        for r in rows
        if r.facts["invoice_id"] == invoice.id
    ]


def forward(
    session: Session, actor: Actor, invoice_ref: str, *, name: str, email: str, now: datetime
) -> Message:
    """Send one invoice to a colleague; the same again on the same day changes nothing.

    Args:
        name, email: the colleague's, as typed.
    Returns:
        The queued message; its link is made when it leaves.
    Raises:
        NotFound: no such open document of this account.
        Refused: name_missing, name_too_long, name_unfit, name_number, address_missing, address_malformed,
            address_not_email, address_opted_out.
        TooManyTries: as many as the policy allows in a day are out.
    """
    invoice = invoice_to_forward(session, actor, invoice_ref)
    called, address = read_name(name), read_address(email)
    if address.channel is not Channel.EMAIL:
        raise Refused("address_not_email")
    if has_opted_out(session, address.text, Channel.EMAIL):
        raise Refused("address_opted_out")
    account = session.get_one(Account, invoice.account_id, with_for_update=True)
    today = business_date(now, account.zone)
    key = f"{KIND}:{invoice.id}:{today}:{address_digest(address.text)[:40]}"
    known = session.scalar(select(Message).where(Message.dedupe_key == key))
    if known is not None:
        return known
    sent = session.scalar(
        select(func.count())
        .select_from(Message)
        .where(
            Message.account_id == account.id,
            Message.kind == KIND,
            Message.queued_at > now - timedelta(days=1),
        )
    )
    if (sent or 0) >= current_policy(session, now).forwards_per_day:
        raise TooManyTries("too_many_forwards", minutes=24 * 60)
    colleague = _colleague(session, actor, account, called, address.text, now=now)
    record(
        session,
        actor,
        "invoice.forwarded",
        invoice,
        account_id=account.id,
        now=now,
        facts={"contact": colleague.id},
        personal={"name": called, "email": address.text},
    )
    outbox.note(
        session,
        account.id,
        "invoice.forwarded",
        contact_id=actor.contact_id,
        now=now,
        facts={"invoice": invoice.number},
    )
    return outbox.enqueue(
        session,
        actor,
        account=account,
        contact=colleague,
        channel=Channel.EMAIL,
        purpose=Purpose.ANSWER,
        kind=KIND,
        facts={"invoice_id": invoice.id, "forwarder_id": actor.contact_id},
        dedupe_key=key,
        now=now,
    )


def _colleague(
    session: Session, actor: Actor, account: Account, name: str, email: str, *, now: datetime
) -> Contact:
    """The contact at this address, or a new one who is nothing but a colleague."""
    known = session.scalars(
        select(Contact)
        .where(
            Contact.account_id == account.id,
            Contact.is_active,
            func.lower(Contact.email) == email.lower(),
        )
        .order_by(Contact.forwarded_by_id.is_not(None), Contact.id)
    ).first()
    if known is not None:
        return known
    colleague = Contact(
        account_id=account.id,
        name=name,
        email=email,
        may_commit=False,
        is_active=True,
        forwarded_by_id=actor.contact_id,
        # His codes open his one invoice and nothing else (codes.addresses).
        confirmed_at=now,
        created_at=now,
    )
    session.add(colleague)
    session.flush()
    return colleague


def only_invoice(session: Session, message: Message, contact: Contact) -> int | None:
    """The one invoice that the link of a message may show; None for the whole account.

    A colleague never gets more than was forwarded to him, whatever the message is about.
    """
    named: int | None = message.facts.get("only_invoice_id")
    if message.kind == KIND:
        named = message.facts["invoice_id"]
    if named is not None or contact.forwarded_by_id is None:
        return named
    last = session.scalar(
        select(LinkInvoice.invoice_id)
        .join(Link, Link.id == LinkInvoice.link_id)
        .where(Link.contact_id == contact.id)
        .order_by(Link.id.desc())
        .limit(1)
    )
    if last is None:
        raise NotFound("not_found")
    return last
