"""The credit that an upheld dispute brings: what is open goes down, what was paid comes back as credit.

A dispute is decided days after it came. By then its document may have been paid by other means, credited
from the books, or closed otherwise; the debtor was right all the same. So the credit note is applied as
far as the document is open, and the rest of it stays in the account's favour, but never more than was
paid for the document: nothing is given back that never came (INV-3, INV-7; decisions 3, 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.base import new_ref
from models.disputes import Dispute
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money
from models.payments import Adjustment, Allocation, AllocationRule
from models.states import InvoiceStatus
from receivables import consequences, credit_notes, invoices, ledger, outbox
from receivables.allocations import KEPT_MINOR
from receivables.arrangements import offers
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.disputes.cases import case_number
from receivables.errors import NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, Permission


@dataclass(frozen=True, slots=True)
class KnownNote:
    """A credit note that came into the books while the dispute was open."""

    ref: str
    number: str
    issued_on: date
    amount: Money


def known_notes(session: Session, dispute: Dispute) -> Sequence[KnownNote]:
    """Return the credit notes for the document, or for none, that came since and belong to no dispute."""
    return [
        KnownNote(note.ref, note.number, note.issued_on, Money(note.total_minor, note.currency))
        for note in session.scalars(_known(dispute).order_by(Invoice.id))
    ]


def _known(dispute: Dispute) -> Any:
    named = exists().where(Dispute.credit_note_id == Invoice.id)
    return select(Invoice).where(
        Invoice.account_id == dispute.account_id,
        Invoice.kind == InvoiceKind.CREDIT_NOTE,
        Invoice.currency == dispute.currency,
        Invoice.created_at >= dispute.opened_at,
        or_(Invoice.refers_to_id == dispute.invoice_id, Invoice.refers_to_id.is_(None)),
        ~named,
    )


def known_note(session: Session, dispute: Dispute, ref: str) -> Invoice:
    """Return one of `known_notes`, locked.

    Raises: NotFound: it is none of them.
    """
    note: Invoice | None = session.scalar(_known(dispute).where(Invoice.ref == ref).with_for_update())
    if note is None:
        raise NotFound("not_found")
    return note


def credit(
    session: Session,
    actor: Actor,
    account: Account,
    invoice: Invoice,
    dispute: Dispute,
    credited: Money,
    *,
    now: datetime,
) -> Invoice:
    """Record the credit note of a dispute; account, invoice and dispute are locked, nothing is set aside.

    Returns:
        The note; `balance_minor` is what stays in the account's favour.
    Raises:
        Refused: nothing_to_credit; money_on_its_way or credit_beyond_paid, with `most`.
    """
    case = case_number(dispute.id, dispute.opened_at)
    on_its_way = invoices.on_its_way(session, invoice.id)
    open_minor = max(invoice.balance_minor - on_its_way, 0) if invoice.status is InvoiceStatus.OPEN else 0
    applied = Money(min(credited.minor, open_minor), credited.currency)
    kept = credited - applied
    if not kept:
        return credit_notes.record_credit_note(
            session, actor, invoice.ref, number=f"REQ-{case}", amount=credited,
            reason=f"{case}: {dispute.finding}", permission=Permission.DISPUTE_CREDIT, now=now,
        )  # fmt: skip
    most = applied + _paid_and_not_given_back(session, invoice)
    if credited > most:
        if not most and not on_its_way:
            raise Refused("nothing_to_credit", number=invoice.number)
        raise Refused("money_on_its_way" if on_its_way else "credit_beyond_paid", most=most)
    return _record(session, actor, account, invoice, f"REQ-{case}", dispute, applied, kept, now=now)


def _paid_and_not_given_back(session: Session, invoice: Invoice) -> Money:
    """What payments and other credit brought for a document, less what credit notes for it gave back."""
    note, undone = aliased(Invoice), aliased(LedgerEntry)
    put_on = (
        select(KEPT_MINOR.label("amount_minor"), note.refers_to_id, note.id.label("note_id"))
        .outerjoin(note, note.id == Allocation.credit_note_id)
        .where(
            Allocation.invoice_id == invoice.id, ~exists().where(undone.reverses_id == Allocation.entry_id)
        )
        .subquery()
    )
    own = put_on.c.note_id.is_not(None) & (func.coalesce(put_on.c.refers_to_id, 0) == invoice.id)
    paid = session.scalar(select(func.coalesce(func.sum(put_on.c.amount_minor), 0)).where(~own))
    lowered = session.scalar(select(func.coalesce(func.sum(put_on.c.amount_minor), 0)).where(own))
    issued = session.scalar(
        select(func.coalesce(func.sum(Invoice.total_minor), 0)).where(
            Invoice.refers_to_id == invoice.id, Invoice.kind == InvoiceKind.CREDIT_NOTE
        )
    )
    given_back = int(issued or 0) - int(lowered or 0) - _noted_discounts(session, invoice)
    return Money(max(int(paid or 0) - given_back, 0), invoice.currency)


def _noted_discounts(session: Session, invoice: Invoice) -> int:
    """What notes for a document say of settlement discounts with tax: forgiven there, never given back."""
    tax = (
        exists()
        .where(
            Posting.entry_id == Adjustment.entry_id,
            Posting.ledger_code == LedgerCode.SETTLEMENT_DISCOUNT_TAX,
        )
        .correlate(Adjustment)
    )
    noted = select(func.coalesce(func.sum(Adjustment.amount_minor), 0)).where(
        Adjustment.invoice_id == invoice.id, Adjustment.kind == "settlement_discount", tax
    )
    return int(session.scalar(noted) or 0)


def _record(
    session: Session,
    actor: Actor,
    account: Account,
    invoice: Invoice,
    number: str,
    dispute: Dispute,
    applied: Money,
    kept: Money,
    *,
    now: datetime,
) -> Invoice:
    """Record one credit note: `applied` lowers the document, `kept` stays in the account's favour."""
    today, whole = business_date(now, account.zone), applied + kept
    note = Invoice(
        ref=new_ref(),
        account_id=account.id,
        kind=InvoiceKind.CREDIT_NOTE,
        number=number,
        status=InvoiceStatus.OPEN,
        issued_on=today,
        due_on=None,
        currency=whole.currency,
        lines_net_minor=whole.minor,
        total_minor=whole.minor,
        balance_minor=0,
        description=dispute.finding or "",
        refers_to_id=invoice.id,
        created_at=now,
    )
    session.add(note)
    session.flush()
    favour = ledger.credit(LedgerCode.UNAPPLIED_CREDIT, whole, account_id=account.id, invoice_id=note.id)
    _post(session, actor, account, f"credit_note:{note.id}", "credit_note", today, whole.currency,
          ledger.debit(LedgerCode.CREDIT_NOTES, whole), favour, now=now)  # fmt: skip
    if applied:
        _apply(session, actor, account, invoice, note, applied, now=now)
        consequences.follow_reduction(session, account.id, [invoice.id], now=now)
    facts = {"amount_minor": whole.minor, "currency": whole.currency}
    record(
        session, actor, "credit_note.recorded", note, account_id=account.id, now=now, reason=dispute.finding,
        facts={**facts, "invoice": invoice.id, "kept_minor": kept.minor},
    )  # fmt: skip
    outbox.note(
        session, account.id, "credit_note.recorded", staff_id=actor.id, now=now,
        facts={**facts, "number": number, "invoice": invoice.number},
    )  # fmt: skip
    return note


def _apply(
    session: Session, actor: Actor, account: Account, invoice: Invoice, note: Invoice, applied: Money, *,
    now: datetime,
) -> None:  # fmt: skip
    """Put a part of a note on its document, as any credit in favour is used."""
    attempts.supersede(session, actor, [invoice.id], reason="credit_note", now=now)
    entry = _post(
        session, actor, account, f"credit_note:{note.id}:applied", "credit_used", note.issued_on,
        applied.currency,
        ledger.debit(LedgerCode.UNAPPLIED_CREDIT, applied, account_id=account.id, invoice_id=note.id),
        ledger.credit(LedgerCode.RECEIVABLES, applied, account_id=account.id, invoice_id=invoice.id),
        now=now,
    )  # fmt: skip
    offers.void_changed(session, actor, [invoice.id], why="credit_note", now=now)
    session.add(
        Allocation(
            credit_note_id=note.id,
            invoice_id=invoice.id,
            amount_minor=applied.minor,
            currency=applied.currency,
            rule=AllocationRule.CREDIT_NOTE,
            valued_on=note.issued_on,
            entry_id=entry.id,
        )
    )


def _post(
    session: Session, actor: Actor, account: Account, reference: str, kind: str, on: date, currency: str,
    *sides: ledger.Side, now: datetime,
) -> LedgerEntry:  # fmt: skip
    draft = ledger.Draft(
        creditor_id=account.creditor_id, reference=reference, kind=kind, currency=currency, sides=sides,
        effective_on=on,
    )  # fmt: skip
    return ledger.post(session, actor, draft, now=now)
