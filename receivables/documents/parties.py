"""Who a document is from and to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.creditors import Creditor
from models.invoices import Invoice
from models.staff import Staff
from models.store import fetch
from receivables.documents.data import Parties

_ALL = (
    select(
        Creditor.name.label("creditor"),
        Creditor.address,
        Creditor.company_number,
        Creditor.tax_id,
        Creditor.language,
        Creditor.person_name,
        Creditor.phone,
        Creditor.email_from,
        Creditor.verify_url,
        Creditor.brand_colour,
        Account.name,
        Account.number,
        Account.zone,
        Staff.name.label("collector_name"),
        Staff.phone.label("collector_phone"),
    )
    .select_from(Account)
    .join(Creditor, Creditor.id == Account.creditor_id)
    .outerjoin(Staff, Staff.id == Account.collector_id)
)
_PARTIES = _ALL.where(Account.id == bindparam("account_id"))
_PARTIES_OF = _ALL.join(Invoice, Invoice.account_id == Account.id).where(Invoice.ref == bindparam("ref"))


def parties(session: Session, account_id: int) -> Parties:
    """Return who stands on a document of an account; the caller has asked for the permission."""
    return _parties(fetch(session, _PARTIES, {"account_id": account_id}).one())


def parties_of(session: Session, invoice_ref: str) -> Parties:
    """Return who stands on a copy of an invoice; the caller may read the invoice."""
    return _parties(fetch(session, _PARTIES_OF, {"ref": invoice_ref}).one())


def _parties(r: Any) -> Parties:
    return Parties(
        creditor=r.creditor,
        creditor_address=r.address,
        creditor_numbers=[number for number in (r.company_number, r.tax_id) if number],
        creditor_language=r.language,
        person=r.collector_name or r.person_name,
        phone=r.collector_phone or r.phone,
        email=r.email_from,
        verify_url=r.verify_url,
        brand_colour=r.brand_colour,
        account=r.name,
        account_number=r.number,
        zone=r.zone,
    )
