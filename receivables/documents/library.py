"""Every document of an account in one list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.arrangements import Offer, Plan
from models.invoices import OWED_KINDS, Invoice, InvoiceKind
from models.money import Money
from models.payments import Payment
from models.states import InvoiceStatus, OfferStatus, PlanStatus
from models.store import fetch
from receivables.calendar_days import business_date
from receivables.documents.data import InvoiceEntry, Library, PaperEntry
from receivables.permissions import Actor, Permission, require

#: Agreements that were made, whatever became of them; drafts are read where they are decided.
MADE_PLANS = (PlanStatus.ACTIVE, PlanStatus.COMPLETED, PlanStatus.DEFAULTED, PlanStatus.CANCELLED)
MADE_OFFERS = (OfferStatus.ACCEPTED, OfferStatus.SETTLED, OfferStatus.LAPSED, OfferStatus.REOPENED)

_INVOICES = (
    select(
        Invoice.ref,
        Invoice.number,
        Invoice.kind,
        Invoice.issued_on,
        Invoice.total_minor,
        Invoice.balance_minor,
        Invoice.currency,
    )
    .where(Invoice.account_id == bindparam("account_id"), Invoice.status != InvoiceStatus.DRAFT)
    .order_by(Invoice.issued_on.desc(), Invoice.id.desc())
)
_RECEIPTS = (
    select(
        Payment.ref,
        Payment.number,
        Payment.valued_on.label("made_on"),
        Payment.amount_minor,
        Payment.currency,
        Payment.method.label("status"),
    )
    .where(Payment.account_id == bindparam("account_id"))
    .order_by(Payment.valued_on.desc(), Payment.id.desc())
)
_PLANS = (
    select(Plan.ref, Plan.total_minor.label("amount_minor"), Plan.currency, Plan.status, Plan.accepted_at)
    .where(
        Plan.account_id == bindparam("account_id"), Plan.status.in_(MADE_PLANS), Plan.accepted_at.is_not(None)
    )
    .order_by(Plan.id.desc())
)
_OFFERS = (
    select(Offer.ref, Offer.amount_minor, Offer.currency, Offer.status, Offer.accepted_at)
    .where(
        Offer.account_id == bindparam("account_id"),
        Offer.status.in_(MADE_OFFERS),
        Offer.accepted_at.is_not(None),
    )
    .order_by(Offer.id.desc())
)


def library(
    session: Session, actor: Actor, *, account_id: int, zone: str, year: int | None = None, now: datetime
) -> Library:
    """Return every document of an account: agreements, and invoices and receipts of one year.

    Args:
        zone: the account's; decides which year it is.
        year: of issue or payment; None is the newest with anything in it. What is still open is
            listed in the newest year, however old it is.
    Raises:
        NotAllowed, NotFound: the actor may not read this account's documents.
    """
    require(actor, Permission.DOCUMENT_READ, account_id=account_id)
    scope = {"account_id": account_id}
    invoices = fetch(session, _INVOICES, scope).all()
    receipts = fetch(session, _RECEIPTS, scope).all()
    this_year = business_date(now, zone).year
    years = sorted({r.issued_on.year for r in invoices} | {r.made_on.year for r in receipts}, reverse=True)
    newest = years[0] if years else this_year
    shown = year if year is not None and year in years else newest
    return Library(
        year=shown,
        years=years,
        invoices=[
            InvoiceEntry(
                r.ref, r.number, r.kind.value, r.issued_on, Money(r.total_minor, r.currency),
                Money(r.balance_minor if r.kind in OWED_KINDS else 0, r.currency),
            )
            for r in invoices
            if r.issued_on.year == shown or (shown == newest and _is_open(r))
        ],
        receipts=[_entry(r, r.number, r.made_on) for r in receipts if r.made_on.year == shown],
        plans=[_entry(r, "", business_date(r.accepted_at, zone)) for r in fetch(session, _PLANS, scope)],
        offers=[_entry(r, "", business_date(r.accepted_at, zone)) for r in fetch(session, _OFFERS, scope)],
    )  # fmt: skip


def _is_open(r: Any) -> bool:
    return bool(r.balance_minor) and r.kind is not InvoiceKind.CREDIT_NOTE


def _entry(r: Any, number: str, on: Any) -> PaperEntry:
    return PaperEntry(r.ref, number, on, Money(r.amount_minor, r.currency), r.status.value)
