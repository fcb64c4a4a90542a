"""What came for an accepted offer, what is still to pay, and how much of a payment its invoices take.

Deadlines look at when money was initiated or valued, not when we learned of it (domain.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import Offer, OfferInvoice
from models.invoices import Invoice
from models.ledger import LedgerEntry, Posting
from models.money import Money
from models.payments import Adjustment, Allocation, AttemptInvoice, Payment, PaymentAttempt
from models.states import AttemptStatus
from receivables.allocations import KEPT_MINOR
from receivables.calendar_days import business_date
from receivables.payments.allocation import Target, oldest_first


def is_in_time(offer: Offer, valued_on: date, started_at: datetime | None, zone: str) -> bool:
    """Whether money initiated or valued then came by the offer's last day.

    Args:
        started_at: when the debtor opened the payment page; None for money that came otherwise.
    """
    begun = business_date(started_at, zone) if started_at is not None else valued_on
    return min(valued_on, begun) <= offer.pay_by_on


def last_entry(session: Session, invoice_ids: Sequence[int]) -> int:
    """Return the id of the last entry on some invoices; what comes later came since.

    Entries on an invoice are posted under the lock of its account, so their ids are in order, which
    the moments of two computers need not be.
    """
    query = select(func.coalesce(func.max(Posting.entry_id), 0)).where(Posting.invoice_id.in_(invoice_ids))
    return int(session.execute(query).scalar_one())


def counted(session: Session, offer: Offer) -> dict[int, int]:
    """Return payment id -> minor units that came in time for the offer's invoices since acceptance.

    Reversed allocations do not count.
    """
    reversal = aliased(LedgerEntry)
    zone = session.execute(select(Account.zone).where(Account.id == offer.account_id)).scalar_one()
    rows = session.execute(
        select(
            Payment.id,
            Payment.valued_on,
            PaymentAttempt.started_at,
            func.sum(KEPT_MINOR).label("minor"),
        )
        .join(Allocation, Allocation.payment_id == Payment.id)
        .join(OfferInvoice, OfferInvoice.invoice_id == Allocation.invoice_id)
        .outerjoin(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(
            OfferInvoice.offer_id == offer.id,
            Allocation.entry_id > offer.terms["accepted"]["after_entry"],
            ~exists().where(reversal.reverses_id == Allocation.entry_id),
        )
        .group_by(Payment.id, Payment.valued_on, PaymentAttempt.started_at)
        .order_by(Payment.id)
    )
    return {r.id: int(r.minor) for r in rows if is_in_time(offer, r.valued_on, r.started_at, zone)}


def received(session: Session, offer: Offer) -> Money:
    """Return what came in time for an accepted offer, with the tax that was proved to be withheld."""
    if not offer.accepted_at:
        return Money(0, offer.currency)
    return Money(sum(counted(session, offer).values()) + _withheld(session, offer), offer.currency)


def _withheld(session: Session, offer: Offer) -> int:
    reversal = aliased(LedgerEntry)
    return int(
        session.execute(
            select(func.coalesce(func.sum(Adjustment.amount_minor), 0))
            .join(OfferInvoice, OfferInvoice.invoice_id == Adjustment.invoice_id)
            .where(
                OfferInvoice.offer_id == offer.id,
                Adjustment.kind == "withholding_tax",
                Adjustment.entry_id > offer.terms["accepted"]["after_entry"],
                Adjustment.made_on <= offer.pay_by_on,
                ~exists().where(reversal.reverses_id == Adjustment.entry_id),
            )
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class Sums:
    """How an accepted offer stands: what came in time, what is on its way, what is still to pay.

    `due` is at most what is open and never below nil; what is on its way is not asked for again (P-19).
    """

    received: Money
    on_its_way: Money
    due: Money


def sums(session: Session, offer: Offer) -> Sums:
    """Return how an accepted offer stands; nothing yet where it was not accepted."""
    came, coming = received(session, offer), on_its_way(session, offer)
    missing = max(offer.amount_minor - came.minor - coming.minor, 0)
    return Sums(came, coming, Money(min(missing, open_minor(session, offer)), offer.currency))


def on_its_way(session: Session, offer: Offer) -> Money:
    """Return what a delayed method is bringing for the offer's invoices."""
    minor = session.execute(
        select(func.coalesce(func.sum(AttemptInvoice.reserved_minor), 0))
        .join(PaymentAttempt, PaymentAttempt.id == AttemptInvoice.attempt_id)
        .join(OfferInvoice, OfferInvoice.invoice_id == AttemptInvoice.invoice_id)
        .where(OfferInvoice.offer_id == offer.id, PaymentAttempt.status == AttemptStatus.PROCESSING)
    ).scalar_one()
    return Money(int(minor), offer.currency)


def _missing(session: Session, offer: Offer) -> int:
    return offer.amount_minor - received(session, offer).minor


def open_minor(session: Session, offer: Offer) -> int:
    """Return what is open on the offer's invoices, in minor units."""
    return int(
        session.execute(
            select(func.coalesce(func.sum(Invoice.balance_minor), 0))
            .join(OfferInvoice, OfferInvoice.invoice_id == Invoice.id)
            .where(OfferInvoice.offer_id == offer.id)
        ).scalar_one()
    )


def within_offers(
    session: Session, targets: Sequence[Target], *, valued_on: date, started_at: datetime | None, zone: str
) -> list[Target]:
    """Limit what invoices of accepted offers take of a payment to what their offers still ask for.

    What is paid beyond an agreed sum is not taken for the part that will be forgiven: it is left over
    (requirements 0.1, pay ∥ accept settlement). Money that came too late is not limited.
    """
    offers = session.execute(
        select(Offer, OfferInvoice.invoice_id)
        .join(OfferInvoice, OfferInvoice.offer_id == Offer.id)
        .where(OfferInvoice.invoice_id.in_([t.invoice_id for t in targets]), OfferInvoice.blocking)
    ).all()
    offer_of = {r.invoice_id: r.Offer for r in offers if is_in_time(r.Offer, valued_on, started_at, zone)}
    left = {offer.id: max(_missing(session, offer), 0) for offer in offer_of.values()}
    limited = []
    for target in oldest_first(targets):
        offer = offer_of.get(target.invoice_id)
        if offer is not None:
            target = replace(target, open_minor=min(target.open_minor, left[offer.id]))
            left[offer.id] -= target.open_minor
        limited.append(target)
    return limited
