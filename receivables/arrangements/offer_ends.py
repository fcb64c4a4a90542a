"""How an offer ends: settled when the money is in, lapsed or expired by its day, reopened, voided.

The remainder is posted here, and nowhere before: nothing is forgiven before the money is in.
Source: M-11, M-17, INV-11, FT-26; decision 5; domain.md, "Arrangements".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import DiscountTax, Offer, OfferInvoice
from models.base import new_ref
from models.invoices import AdjustmentKind, Invoice, InvoiceAdjustment, InvoiceKind, InvoiceLine
from models.ledger import LedgerEntry
from models.money import Money
from models.payments import Allocation, AttemptInvoice, Payment, PaymentAttempt
from models.states import UNSETTLED_ATTEMPTS, InvoiceStatus, OfferStatus
from models.work import TaskKind
from receivables import bank_lines, ledger, outbox
from receivables.adjustments import adjust
from receivables.arrangements import offer_money, offers
from receivables.arrangements.offer_terms import TaxPart, split_tax
from receivables.calendar_days import business_date
from receivables.payments import attempts
from receivables.permissions import SYSTEM, Actor


def settle(session: Session, payment: Payment, *, now: datetime) -> list[Offer]:
    """Settle the accepted offers whose sum this payment completes (follower of a payment).

    The rest of each invoice is posted to settlement discounts and the invoices close. One unit short
    settles nothing; what came beyond was left unapplied when the payment was booked. Safe to repeat.
    """
    touched = select(Allocation.invoice_id).where(Allocation.payment_id == payment.id)
    return settle_for(session, session.scalars(touched.distinct()).all(), now=now)


def settle_for(session: Session, invoice_ids: Sequence[int], *, now: datetime) -> list[Offer]:
    """Settle the accepted offers of these invoices whose sum is in, or of which nothing is open any more."""
    settled = []
    for offer in _accepted_for(session, invoice_ids):
        short = offer_money.received(session, offer).minor < offer.amount_minor
        if short and offer_money.open_minor(session, offer):
            continue
        _forgive_rest(session, offer, now=now)
        offers.move(session, SYSTEM, offer, OfferStatus.SETTLED, now=now)
        settled.append(offer)
    return settled


def void_paid(session: Session, payment: Payment, *, now: datetime) -> list[Offer]:
    """Void what was offered for invoices that this payment changed (follower of a payment, M-11)."""
    ids = session.scalars(
        select(Allocation.invoice_id).where(Allocation.payment_id == payment.id).distinct()
    ).all()
    return offers.void_changed(session, SYSTEM, ids, why="payment", now=now)


def _accepted_for(session: Session, invoice_ids: Sequence[int]) -> list[Offer]:
    touched = select(OfferInvoice.offer_id).where(OfferInvoice.invoice_id.in_(invoice_ids))
    return list(
        session.scalars(
            select(Offer)
            .where(Offer.id.in_(touched), Offer.status == OfferStatus.ACCEPTED)
            .order_by(Offer.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _forgive_rest(session: Session, offer: Offer, *, now: datetime) -> None:
    """Post what is left of each invoice as settlement discount, with its tax where that is due."""
    locked = session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(offers.invoice_ids(session, offer)))
        .order_by(Invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).all()
    attempts.supersede(session, SYSTEM, [i.id for i in locked], reason="offer", now=now)
    for invoice in locked:
        if not invoice.balance_minor:
            continue
        rest = Money(invoice.balance_minor, invoice.currency)
        parts = split_tax(rest.minor, tax_parts(session, invoice))
        taxed = offer.discount_tax is DiscountTax.CREDIT_NOTE
        tax = sum(part.tax_minor for part in parts) if taxed else 0
        row = adjust(
            session, SYSTEM, invoice, "settlement_discount", rest, now=now,
            key=discount_key(offer.id, invoice.id), tax=Money(tax, rest.currency),
        )  # fmt: skip
        if tax:
            _write_note(session, invoice, rest, parts, row.entry_id, now=now)
        if offer.discount_tax is DiscountTax.ASK and invoice.tax_minor:
            held = sum(part.tax_minor for part in parts)
            outbox.ask_person(
                session, TaskKind.DISCOUNT_TAX, f"discount_tax:{row.id}", account_id=invoice.account_id,
                facts={"what": invoice.number, "amount_minor": held, "currency": rest.currency}, now=now,
            )  # fmt: skip


def discount_key(offer_id: int, invoice_id: int) -> str:
    """Names the discount of one invoice of one offer; the checker reads it (INV-11)."""
    return f"offer:{offer_id}:{invoice_id}"


def tax_parts(session: Session, invoice: Invoice) -> list[TaxPart]:
    """Return what an invoice consists of by tax rate, document-level amounts included."""
    net: dict[str | None, int] = {}
    tax: dict[str | None, int] = {}
    for line in session.scalars(select(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id)):
        net[line.tax_rate] = net.get(line.tax_rate, 0) + line.net_minor
        tax[line.tax_rate] = tax.get(line.tax_rate, 0) + line.tax_minor
    for more in session.scalars(select(InvoiceAdjustment).where(InvoiceAdjustment.invoice_id == invoice.id)):
        sign = -1 if more.kind is AdjustmentKind.ALLOWANCE else 1
        net[more.tax_rate] = net.get(more.tax_rate, 0) + sign * more.amount_minor
    told = sum(tax.values())
    if told != invoice.tax_minor:
        # The lines do not add up to the document's tax: the document's own figures count.
        whole = invoice.lines_net_minor - invoice.allowances_minor + invoice.charges_minor
        return [TaxPart(None, whole, invoice.tax_minor)]
    return [TaxPart(rate, net[rate], tax.get(rate, 0)) for rate in sorted(net, key=lambda r: r or "")]


def _write_note(
    session: Session, invoice: Invoice, gross: Money, parts: list[TaxPart], entry_id: int, *, now: datetime
) -> None:
    """Write the internal credit note for a discount, its lines by tax rate (decisions 4 and 5)."""
    account = session.get_one(Account, invoice.account_id)
    today = business_date(now, account.zone)
    net, tax = sum(p.net_minor for p in parts), sum(p.tax_minor for p in parts)
    note = Invoice(
        ref=new_ref(),
        account_id=invoice.account_id,
        kind=InvoiceKind.CREDIT_NOTE,
        number=f"SD-{today.year}-{entry_id:06d}",
        status=InvoiceStatus.PAID,
        issued_on=today,
        due_on=None,
        currency=gross.currency,
        lines_net_minor=net,
        tax_minor=tax,
        total_minor=gross.minor,
        balance_minor=0,
        description=invoice.number,
        refers_to_id=invoice.id,
        created_at=now,
    )
    session.add(note)
    session.flush()
    session.add_all(
        InvoiceLine(
            invoice_id=note.id,
            position=position,
            description=invoice.number,
            quantity="1",
            unit_price=str(Money(part.net_minor, gross.currency).decimal),
            net_minor=part.net_minor,
            tax_minor=part.tax_minor,
            tax_rate=part.rate,
        )
        for position, part in enumerate(parts, 1)
    )
    session.flush()


# --------------------------------------------------------------------------- by the day


def concerned(session: Session, latest: date) -> list[int]:
    """Return the accounts that may have outlived an offer by a day; a cheap question."""
    return list(
        session.scalars(
            select(Offer.account_id)
            .where(
                ((Offer.status == OfferStatus.OPEN) & (Offer.expires_on < latest))
                | ((Offer.status == OfferStatus.ACCEPTED) & (Offer.pay_by_on < latest))
            )
            .distinct()
        )
    )


def end_outlived(session: Session, account: Account, *, today: date, now: datetime) -> int:
    """Expire open offers past their day, lapse accepted ones that were not paid by theirs; daily.

    An accepted offer waits while a payment that was begun in time has no end yet, and while the bank's
    lines are behind. The account is
    locked by the caller.

    Args:
        today: account-local date; an offer's own last day is still in time.
    Returns:
        How many offers ended.
    """
    outlived = session.scalars(
        select(Offer)
        .where(
            Offer.account_id == account.id,
            ((Offer.status == OfferStatus.OPEN) & (Offer.expires_on < today))
            | ((Offer.status == OfferStatus.ACCEPTED) & (Offer.pay_by_on < today)),
        )
        .order_by(Offer.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    ended, behind = 0, bool(outlived) and bank_lines.is_behind(session, account, now=now)
    for offer in outlived:
        if offer.status is OfferStatus.OPEN:
            offers.move(session, SYSTEM, offer, OfferStatus.EXPIRED, now=now)
        elif behind or _on_its_way(session, offer, account.zone):
            continue
        else:
            offers.move(session, SYSTEM, offer, OfferStatus.LAPSED, now=now)
            offers.tell(session, SYSTEM, offer, "offer_lapsed", now=now)
        ended += 1
    return ended


def _on_its_way(session: Session, offer: Offer, zone: str) -> bool:
    begun = session.scalars(
        select(PaymentAttempt.started_at)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .join(OfferInvoice, OfferInvoice.invoice_id == AttemptInvoice.invoice_id)
        .where(OfferInvoice.offer_id == offer.id, PaymentAttempt.status.in_(UNSETTLED_ATTEMPTS))
    )
    return any(business_date(started_at, zone) <= offer.pay_by_on for started_at in begun)


# --------------------------------------------------------------------------- a payment reversed


def reopen_reversed(session: Session, payment: Payment, *, now: datetime) -> list[Offer]:
    """Reopen the offers that a reversed payment had settled (follower of a reversal)."""
    return reopen(session, SYSTEM, payment, now=now)


def reopen(session: Session, actor: Actor, payment: Payment, *, now: datetime) -> list[Offer]:
    """Reopen the offers that a reversed payment had settled: their discounts are reversed with it.

    Called after the payment's own entry was reversed, with the account locked. An offer that the
    remaining money still covers stays settled. Its internal credit notes stay as what was written
    then; what they stood for is reversed in the books.
    """
    touched = (
        select(OfferInvoice.offer_id)
        .join(Allocation, Allocation.invoice_id == OfferInvoice.invoice_id)
        .where(Allocation.payment_id == payment.id)
    )
    settled = session.scalars(
        select(Offer)
        .where(Offer.id.in_(touched), Offer.status == OfferStatus.SETTLED)
        .order_by(Offer.id)
        .with_for_update()
    ).all()
    reopened = []
    for offer in settled:
        if offer_money.received(session, offer).minor >= offer.amount_minor:
            continue
        account = session.get_one(Account, offer.account_id)
        for invoice_id in offers.invoice_ids(session, offer):
            reference = f"adjustment:{discount_key(offer.id, invoice_id)}"
            entry = session.scalar(select(LedgerEntry).where(LedgerEntry.reference == reference))
            if entry is not None:
                today = business_date(now, account.zone)
                ledger.reverse(session, actor, entry, effective_on=today, now=now)
        offers.move(session, actor, offer, OfferStatus.REOPENED, now=now)
        reopened.append(offer)
    return reopened
