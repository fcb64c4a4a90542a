"""The right person, as somebody who is not he named him: put on file by staff, with one button.

He is reminded from then on; no code goes to his address until the account itself proves it (decision 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, ContactHasRole, ContactRole
from models.answers import Request, RequestKind
from models.links import Channel
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.people.addresses import Address, read_address, read_name
from receivables.permissions import Actor, Permission, require


def add_named(session: Session, actor: Actor, request_ref: str, *, now: datetime) -> Contact:
    """Add the person whom a request names as the one who pays; one who is on file already is marked so.

    Args:
        request_ref: of "I am not the right person" or "somebody else decides".
    Returns:
        The person, active and not confirmed; the same one when called again.
    Raises:
        NotAllowed.
        NotFound: no such request, or one that names nobody.
        Refused: no mail address and no telephone number that can be read (reasons of `read_address`),
            and reasons of `read_name`.
    """
    require(actor, Permission.CONTACT_ADD)
    row = session.scalar(
        select(Request).where(Request.ref == request_ref, Request.kind == RequestKind.OTHER_CONTACT)
    )
    if row is None:
        raise NotFound("not_found")
    account = session.get_one(Account, row.account_id, with_for_update=True)
    name, reached = read_name(row.facts.get("name", "")), _addresses(row.facts)
    known = _on_file(session, account.id, reached)
    contact = known or Contact(
        account_id=account.id, name=name, email=reached.get(Channel.EMAIL), phone=reached.get(Channel.SMS),
        may_commit=False, is_active=True, changed_by_staff_id=actor.id, changed_at=now, created_at=now,
    )  # fmt: skip
    session.add(contact)
    session.flush()
    if session.get(ContactHasRole, (contact.id, ContactRole.PAYS)) is None:
        session.add(ContactHasRole(contact_id=contact.id, role=ContactRole.PAYS))
        session.flush()
    if known is not None:
        return known
    record(
        session, actor, "contact.added_by_staff", contact, account_id=account.id, now=now,
        facts={"request": row.id, "channels": sorted(channel.value for channel in reached)},
        personal={"name": name, "email": contact.email, "phone": contact.phone},
    )  # fmt: skip
    outbox.note(
        session, account.id, "contact.added", staff_id=actor.id, contact_id=contact.id, now=now,
        facts={"channel": next(iter(reached)).value},
    )  # fmt: skip
    return contact


def _addresses(facts: Mapping[str, Any]) -> dict[Channel, str]:
    """What can be written to of what was typed; one that cannot be read does no harm beside one that can."""
    found: list[Address] = []
    refusal = Refused("address_missing")
    for typed in (facts.get("email", ""), facts.get("phone", "")):
        try:
            found += [read_address(typed)] if typed else []
        except Refused as error:
            refusal = error
    if not found:
        raise refusal
    return {address.channel: address.text for address in found}


def _on_file(session: Session, account_id: int, reached: Mapping[Channel, str]) -> Contact | None:
    """An active person of the account at one of the addresses; colleagues of one invoice are none."""
    columns = {Channel.EMAIL: Contact.email, Channel.SMS: Contact.phone}
    for channel, text in reached.items():
        known = session.scalar(
            select(Contact)
            .where(
                Contact.account_id == account_id, Contact.is_active, Contact.forwarded_by_id.is_(None),
                func.lower(columns[channel]) == text.lower(),
            )
            .order_by(Contact.id)
            .limit(1)
        )  # fmt: skip
        if known is not None:
            return known
    return None
