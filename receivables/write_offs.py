"""Write an invoice off as a bad debt, and open it again: each asked for by one person, done by another.

A write-off closes what is open on the invoice against bad debts; it stays until it is reversed, and money
that still comes for it is a recovery (payments/receipts.py). Source: M-17; A-02; domain.md, "Statuses and
their moves"; policy approvals.write_off.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerEntry
from models.money import Money
from models.payments import Adjustment
from models.states import InvoiceStatus
from receivables import adjustments, approval_requests, consequences, invoices, ledger, outbox
from receivables.approval_requests import amount_of
from receivables.arrangements import offers
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.payments import attempts
from receivables.permissions import Actor, Permission, require


def propose_write_off(
    session: Session, actor: Actor, invoice_ref: str, *, reason: str, now: datetime
) -> ApprovalRequest:
    """Ask for an open invoice to be written off whole: what is open on it now.

    Raises:
        NotAllowed. NotFound.
        Refused: invoice_not_open, invoice_busy (contested, arranged, or money on its way: that ends first),
            request_waits, reason_missing, words_too_long.
    """
    require(actor, Permission.WRITE_OFF_PROPOSE)
    account, invoice = _locked(session, invoice_ref)
    today = business_date(now, account.zone)
    rows = invoices.open_rows(session, account.id, today, currency=invoice.currency)
    row = next((row for row in rows if row.ref == invoice_ref), None)
    if invoice.status is not InvoiceStatus.OPEN or row is None:
        raise Refused("invoice_not_open", number=invoice.number)
    if not offers.is_free(row):
        raise Refused("invoice_busy", number=invoice.number)
    return approval_requests.ask(
        session, actor, ApprovalKind.WRITE_OFF, account=account, subject_ref=invoice.ref,
        facts={"number": invoice.number, "days_late": row.days_late, "total_minor": invoice.total_minor},
        amount=row.balance, reason=reason, now=now,
    )  # fmt: skip


def write_off(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Post an approved write-off: bad debt against receivables; the invoice is written off.

    Raises: Refused: case_changed, when the invoice is not as it was when it was asked for.
    """
    account, invoice = _locked(session, request.subject_ref)
    amount = amount_of(request)
    row = next(
        (
            row
            for row in invoices.open_rows(
                session, account.id, business_date(now, account.zone), currency=invoice.currency
            )
            if row.ref == invoice.ref
        ),
        None,
    )
    if amount is None or row is None or row.balance != amount or not offers.is_free(row):
        raise Refused("case_changed", number=invoice.number)
    attempts.supersede(session, actor, [invoice.id], reason="write_off", now=now)
    adjustments.adjust(session, actor, invoice, "write_off", amount, key=f"write_off:{request.id}", now=now)
    offers.void_changed(session, actor, [invoice.id], why="write_off", now=now)
    facts = {"amount_minor": amount.minor, "currency": amount.currency}
    record(
        session, actor, "invoice.written_off", invoice, account_id=account.id, now=now, reason=request.reason,
        facts={**facts, "request": request.id},
    )  # fmt: skip
    outbox.note(
        session, account.id, "invoice.written_off", staff_id=actor.id, now=now,
        facts={**facts, "invoice": invoice.number},
    )  # fmt: skip
    consequences.follow_reduction(session, account.id, [invoice.id], now=now)


def propose_reopening(
    session: Session, actor: Actor, invoice_ref: str, *, reason: str, now: datetime
) -> ApprovalRequest:
    """Ask for a written-off invoice to be owed again: its write-off is reversed.

    Raises:
        NotAllowed. NotFound.
        Refused: not_written_off, recovered_since (money came for it, so that it cannot be owed whole again),
            request_waits, reason_missing, words_too_long.
    """
    require(actor, Permission.WRITE_OFF_PROPOSE)
    account, invoice = _locked(session, invoice_ref)
    _, amount = _write_off_of(session, invoice)
    return approval_requests.ask(
        session, actor, ApprovalKind.WRITE_OFF_REOPENING, account=account, subject_ref=invoice.ref,
        facts={"number": invoice.number, "total_minor": invoice.total_minor}, amount=amount, reason=reason,
        now=now,
    )  # fmt: skip


def reopen(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Reverse the write-off that was asked about; the invoice is open again.

    Raises: Refused: not_written_off, recovered_since, case_changed.
    """
    account, invoice = _locked(session, request.subject_ref)
    entry, amount = _write_off_of(session, invoice)
    if amount != amount_of(request):
        raise Refused("case_changed", number=invoice.number)
    today = business_date(now, account.zone)
    ledger.reverse(session, actor, entry, effective_on=today, now=now)
    facts = {"amount_minor": amount.minor, "currency": amount.currency}
    record(
        session, actor, "invoice.reopened", invoice, account_id=account.id, now=now, reason=request.reason,
        facts={**facts, "request": request.id},
    )  # fmt: skip
    outbox.note(
        session, account.id, "invoice.reopened", staff_id=actor.id, now=now,
        facts={**facts, "invoice": invoice.number},
    )  # fmt: skip


def _write_off_of(session: Session, invoice: Invoice) -> tuple[LedgerEntry, Money]:
    """The entry that wrote an invoice off, and its sum."""
    if invoice.status is not InvoiceStatus.WRITTEN_OFF:
        raise Refused("not_written_off", number=invoice.number)
    found = session.execute(
        select(Adjustment, LedgerEntry)
        .join(LedgerEntry, LedgerEntry.id == Adjustment.entry_id)
        .where(Adjustment.invoice_id == invoice.id, Adjustment.kind == "write_off")
        .order_by(Adjustment.id.desc())
        .limit(1)
    ).one()
    if ledger.recovered(session, invoice.id):
        raise Refused("recovered_since", number=invoice.number)
    return found.LedgerEntry, Money(found.Adjustment.amount_minor, found.Adjustment.currency)


def _locked(session: Session, invoice_ref: str) -> tuple[Account, Invoice]:
    """Lock the account, then the invoice (M-07)."""
    account_id = session.execute(
        select(Invoice.account_id).where(Invoice.ref == invoice_ref, Invoice.kind.in_(OWED_KINDS))
    ).scalar_one_or_none()
    if account_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, account_id, with_for_update=True)
    invoice = session.scalars(
        select(Invoice)
        .where(Invoice.ref == invoice_ref)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).one()
    return account, invoice
