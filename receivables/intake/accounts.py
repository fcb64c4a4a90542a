"""Accounts and contacts that an import meets for the first time.

Source: decisions 2 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from models import search
from models.accounts import Account, Contact, ContactHasRole, ContactRole, DebtorType
from models.base import new_ref
from models.creditors import Creditor
from receivables.countries import country_language, country_zone
from receivables.intake.rows import IntakeOptions
from receivables.intake.staging import StagedDocument
from receivables.permissions import Actor, ActorKind
from receivables.texts import postal_lines

_ACCOUNT = cast(Table, Account.__table__)


@dataclass(frozen=True, slots=True)
class Ensured:
    """`ids`: account number -> id for every document; how many accounts and contacts are new."""

    ids: Mapping[str, int]
    made: int
    contacts: int


def ensure_accounts(
    session: Session,
    actor: Actor,
    creditor: Creditor,
    documents: Sequence[StagedDocument],
    options: IntakeOptions,
    *,
    now: datetime,
) -> Ensured:
    """Find the accounts of documents by the creditor's own numbers, and make those that are missing.

    What the file says of an account that exists is not taken over: names, countries and
    languages are kept by people here.
    """
    first: dict[str, StagedDocument] = {}
    for document in documents:
        first.setdefault(document.customer, document)
    ids = _ids(session, creditor.id, first)
    missing = [document for number, document in first.items() if number not in ids]
    if missing:
        rows = [_account(creditor, document, options, now) for document in missing]
        session.execute(insert(_ACCOUNT), rows)
        ids |= _ids(session, creditor.id, [document.customer for document in missing])
        session.execute(
            insert(search.SearchTerm),
            search.terms_of_accounts({**values, "id": ids[str(values["number"])]} for values in rows),
        )
    new = {ids[document.customer] for document in missing}
    contacts = _ensure_contacts(session, actor, documents, ids, new, now=now)
    return Ensured(ids, len(missing), contacts)


def _ids(session: Session, creditor_id: int, numbers: Iterable[str]) -> dict[str, int]:
    rows = session.execute(
        select(Account.number, Account.id).where(
            Account.creditor_id == creditor_id, Account.number.in_(list(numbers))
        )
    )
    return {row.number: row.id for row in rows}


def _account(
    creditor: Creditor, document: StagedDocument, options: IntakeOptions, now: datetime
) -> dict[str, object]:
    country = document.country or options.country or creditor.country
    default = options.language or creditor.language
    if document.language in creditor.languages:
        language = document.language
    elif options.language:
        language = options.language
    else:
        language = country_language(country, creditor.languages, default)
    return {
        "ref": new_ref(),
        "creditor_id": creditor.id,
        "number": document.customer,
        "name": document.customer_name or document.customer,
        "debtor_type": DebtorType.BUSINESS,
        "country": country,
        "zone": country_zone(country, creditor.zone),
        "language": language,
        "postal_address": postal_lines(document.postal_address or ""),
        "created_at": now,
    }


def _ensure_contacts(
    session: Session,
    actor: Actor,
    documents: Sequence[StagedDocument],
    ids: Mapping[str, int],
    new_accounts: set[int],
    *,
    now: datetime,
) -> int:
    """Add the addresses that the accounts do not have yet; each new one is somebody who pays.

    Addresses that come with a new account are the books' own and count as confirmed. Those
    for an account that was here before receive no codes until they are confirmed (decision 6).
    """
    wanted: dict[tuple[int, str], StagedDocument] = {}
    for document in documents:
        if document.email or document.phone:
            wanted.setdefault((ids[document.customer], _address(document.email, document.phone)), document)
    if not wanted:
        return 0
    account_ids = {account_id for account_id, _ in wanted}
    known = {
        (account_id, _address(email, phone))
        for account_id, email, phone in session.execute(
            select(Contact.account_id, Contact.email, Contact.phone).where(
                Contact.account_id.in_(account_ids)
            )
        )
    }
    staff_id = actor.id if actor.kind is ActorKind.STAFF else None
    contacts = [
        Contact(
            ref=new_ref(),
            account_id=account_id,
            name=document.contact_name or document.customer_name or document.customer,
            email=document.email,
            phone=document.phone,
            changed_by_staff_id=None if account_id in new_accounts else staff_id,
            changed_at=None if account_id in new_accounts else now,
            confirmed_at=now if account_id in new_accounts else None,
            created_at=now,
        )
        for (account_id, address), document in wanted.items()
        if (account_id, address) not in known
    ]
    session.add_all(contacts)
    session.flush()
    session.add_all(ContactHasRole(contact_id=contact.id, role=ContactRole.PAYS) for contact in contacts)
    session.flush()
    return len(contacts)


def _address(email: str | None, phone: str | None) -> str:
    """What makes two contacts of an account the same: the mail address, else the number."""
    return email.casefold() if email else phone or ""
