"""What the desk says of a contact: that he is the debtor's, as a second person; that he may sign.

Source: decision 6 (the other way is an old contact, `contacts.confirm`); decision 2 (`may_commit`);
docs/decisions/012; policy contact.confirm_hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, DebtorType
from models.staff import Staff
from receivables import outbox
from receivables.audit import record
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words

#: Longest reason for a confirmation, characters.
MOST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Vouched:
    """A contact as who may confirm him sees him.

    Attributes:
        changed_by: name of the colleague who put him there; None for an import that nobody started.
        changed_at: when that was.
        confirmed_at: since when codes go to him, or None.
        from_at: the first moment at which a second person may confirm him.
        own: the reader put him there himself, so somebody else confirms.
        signs: the account is a business, so whether he may sign matters (docs/decisions/012).
    """

    ref: str
    name: str
    email: str | None
    phone: str | None
    may_commit: bool
    changed_by: str | None
    changed_at: datetime
    confirmed_at: datetime | None
    from_at: datetime
    own: bool
    signs: bool
    account_id: int
    account_ref: str
    account_name: str
    account_number: str
    zone: str


def vouched(session: Session, actor: Actor, contact_ref: str, *, now: datetime) -> Vouched:
    """Return a contact with what is needed to vouch for him.

    Raises:
        NotAllowed.
        NotFound: no such contact, one no longer written to, or a colleague of one invoice.
    """
    require(actor, Permission.CONTACT_CONFIRM)
    contact = _contact(session, contact_ref)
    account = session.get_one(Account, contact.account_id)
    by = session.get(Staff, contact.changed_by_staff_id) if contact.changed_by_staff_id else None
    return Vouched(
        ref=contact.ref,
        name=contact.name,
        email=contact.email,
        phone=contact.phone,
        may_commit=contact.may_commit,
        changed_by=by.name if by else None,
        changed_at=_changed_at(contact),
        confirmed_at=contact.confirmed_at,
        from_at=_changed_at(contact) + current_policy(session, now).confirm_after,
        own=_is_own(contact, actor),
        signs=account.debtor_type is DebtorType.BUSINESS,
        account_id=account.id,
        account_ref=account.ref,
        account_name=account.name,
        account_number=account.number,
        zone=account.zone,
    )


def _contact(session: Session, ref: str, *, lock: bool = False) -> Contact:
    """An active person of an account; with `lock` the account is locked first, as the debtor's acts do."""
    query: Any = select(Contact).where(
        Contact.ref == ref, Contact.is_active, Contact.forwarded_by_id.is_(None)
    )
    contact: Contact | None = session.scalar(query)
    if contact is not None and lock:
        session.get_one(Account, contact.account_id, with_for_update=True)
        contact = session.scalar(query.execution_options(populate_existing=True))
    if contact is None:
        raise NotFound("not_found")
    return contact


def _changed_at(contact: Contact) -> datetime:
    return contact.changed_at or contact.created_at


def _is_own(contact: Contact, actor: Actor) -> bool:
    return actor.id is not None and contact.changed_by_staff_id == actor.id


def confirm_by_second(
    session: Session, actor: Actor, contact_ref: str, *, reason: str, now: datetime
) -> Contact:
    """Say that a contact whom a colleague or an import put there is the debtor's: codes may go to him.

    Args:
        reason: how it was checked; kept in the audit, the debtor does not read it.
    Raises:
        NotAllowed.
        NotFound: as `vouched`.
        Refused: confirmed_already; confirm_own, who put him there does not confirm him;
            confirm_too_early (facts: from_at); reason_missing, words_too_long.
    Source: decision 6, policy contact.confirm_hours.
    """
    require(actor, Permission.CONTACT_CONFIRM)
    contact = _contact(session, contact_ref, lock=True)
    if contact.confirmed_at is not None:
        raise Refused("confirmed_already")
    if _is_own(contact, actor):
        raise Refused("confirm_own")
    from_at = _changed_at(contact) + current_policy(session, now).confirm_after
    if now < from_at:
        raise Refused("confirm_too_early", from_at=from_at)
    why = clean_words(reason, most=MOST_WORDS)
    if not why:
        raise Refused("reason_missing")
    contact.confirmed_at = now
    record(
        session,
        actor,
        "contact.confirmed",
        contact,
        account_id=contact.account_id,
        now=now,
        facts={"changed_by": contact.changed_by_staff_id, "changed_at": _changed_at(contact).isoformat()},
        reason=why,
    )
    outbox.note(
        session, contact.account_id, "desk.contact_confirmed", contact_id=contact.id, staff_id=actor.id,
        now=now,
    )  # fmt: skip
    return contact


def mark_signatory(
    session: Session, actor: Actor, contact_ref: str, *, may_commit: bool, now: datetime
) -> Contact:
    """Say whether a contact may sign for the business; the same again changes nothing.

    Where one is marked, only who is marked signs a plan or a settlement (`signatories`).

    Raises:
        NotAllowed.
        NotFound: as `vouched`.
        Refused: not_confirmed: nobody knows yet that he is the debtor's.
    Source: decision 2, docs/decisions/012.
    """
    require(actor, Permission.CONTACT_MARK_SIGNATORY)
    contact = _contact(session, contact_ref, lock=True)
    if contact.may_commit == may_commit:
        return contact
    if may_commit and contact.confirmed_at is None:
        raise Refused("not_confirmed")
    contact.may_commit = may_commit
    record(
        session,
        actor,
        "contact.signatory_changed",
        contact,
        account_id=contact.account_id,
        now=now,
        facts={"may_commit": may_commit},
    )
    outbox.note(
        session, contact.account_id, "desk.signatory_marked" if may_commit else "desk.signatory_unmarked",
        contact_id=contact.id, staff_id=actor.id, now=now,
    )  # fmt: skip
    return contact
