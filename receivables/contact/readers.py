"""Who of an account's people is written to.

A colleague to whom one document was forwarded is never among them: he sees that one only (L-15).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.links import Channel
from models.messages import Purpose


def paying_contacts(session: Session, account: Account) -> list[Contact]:
    """Who is reminded: the active contacts who pay, or every active one if none is marked."""
    contacts = session.scalars(
        select(Contact)
        .where(Contact.account_id == account.id, Contact.is_active, Contact.forwarded_by_id.is_(None))
        .order_by(Contact.id)
    ).all()
    payers = set(
        session.scalars(
            select(ContactHasRole.contact_id).where(
                ContactHasRole.role == ContactRole.PAYS,
                ContactHasRole.contact_id.in_([c.id for c in contacts]),
            )
        )
    )
    return [c for c in contacts if c.id in payers] or list(contacts)


def reader_of(session: Session, account_id: int, *, by_mail: bool = False) -> Contact | None:
    """Who is written to once: an active contact who pays, else any; None when there is none.

    Args:
        by_mail: only who has an e-mail address.
    """
    found = (
        select(Contact)
        .outerjoin(
            ContactHasRole,
            (ContactHasRole.contact_id == Contact.id) & (ContactHasRole.role == ContactRole.PAYS),
        )
        .where(Contact.account_id == account_id, Contact.is_active, Contact.forwarded_by_id.is_(None))
        .order_by(ContactHasRole.contact_id.is_(None), Contact.id)
        .limit(1)
    )
    return session.scalar(found.where(Contact.email.is_not(None)) if by_mail else found)


def way_to(contact: Contact, purpose: Purpose) -> tuple[Channel, Purpose] | None:
    """How a person hears of what he waits for, and under which rules: by e-mail, else by SMS.

    The mail has the words and the papers, so who can get it gets it; what somebody prefers is about
    reminders. An SMS keeps to the rules of notices: in hours, and not to a number that was opted out.

    Args:
        purpose: of the mail.
    Returns: None when there is no address.
    """
    if contact.email is not None:
        return Channel.EMAIL, purpose
    return (Channel.SMS, Purpose.ARRANGEMENT) if contact.phone is not None else None
