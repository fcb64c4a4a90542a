"""Write an invoice off as a bad debt, and open it again: each asked for by one person, done by another.

A write-off closes what is open on the invoice against bad debts, or takes a part of it: the rest stays open
and is asked for. It stays until it is reversed, and money that still comes for what was given up is a
recovery (payments/receipts.py). Source: M-17; A-02; domain.md, "Statuses and
their moves"; policy approvals.write_off.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

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
    session: Session,
    actor: Actor,
    invoice_ref: str,
    *,
    amount: Money | None = None,
    reason: str,
    now: datetime,
) -> ApprovalRequest:
    """Ask for what is open on an invoice to be written off, or for a part of it.

    Args:
        amount: the part; None for all that is open now.
    Raises:
        NotAllowed. NotFound.
        Refused: invoice_not_open, invoice_busy (contested, arranged, or money on its way: that ends first),
            other_currency, amount_zero, amount_above_balance (facts: asked), request_waits, reason_missing,
            words_too_long.
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
    part = amount if amount is not None else row.balance
    adjustments.refuse_unless_fits(invoice, part)
    return approval_requests.ask(
        session, actor, ApprovalKind.WRITE_OFF, account=account, subject_ref=invoice.ref,
        facts={
            "number": invoice.number, "days_late": row.days_late, "total_minor": invoice.total_minor,
            "balance_minor": row.balance.minor, "earlier_minor": written_off_minor(session, invoice.id),
        },
        amount=part, reason=reason, now=now,
    )  # fmt: skip


def write_off(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Post an approved write-off: bad debt against receivables; what is nil then is written off.

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
    # A request from before parts were possible is about the whole.
    asked_of = request.facts.get("balance_minor", request.amount_minor)
    if amount is None or row is None or row.balance.minor != asked_of or not offers.is_free(row):
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
    """Ask for what was written off last on an invoice to be owed again: that write-off is reversed.

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


def written_off_minor(session: Session, invoice_id: int) -> int:
    """Return what of an invoice is written off and was not reversed, minor units."""
    query = select(func.coalesce(func.sum(Adjustment.amount_minor), 0)).where(*_standing(invoice_id))
    return int(session.execute(query).scalar_one())


def last_part(session: Session, actor: Actor, invoice_ref: str) -> Money | None:
    """Return what was written off last on an invoice and could be owed again; None where nothing was.

    Raises: NotAllowed.
    """
    require(actor, Permission.WRITE_OFF_PROPOSE)
    invoice = session.scalar(select(Invoice).where(Invoice.ref == invoice_ref))
    try:
        return _write_off_of(session, invoice)[1] if invoice is not None else None
    except Refused:
        return None


def _standing(invoice_id: int) -> tuple[ColumnElement[bool], ...]:
    """The conditions of write-offs of an invoice that were not reversed."""
    reversal = aliased(LedgerEntry)
    return (
        Adjustment.invoice_id == invoice_id,
        Adjustment.kind == "write_off",
        ~exists().where(reversal.reverses_id == Adjustment.entry_id),
    )


def _write_off_of(session: Session, invoice: Invoice) -> tuple[LedgerEntry, Money]:
    """The entry of the last write-off that stands, and its sum."""
    found = session.execute(
        select(Adjustment, LedgerEntry)
        .join(LedgerEntry, LedgerEntry.id == Adjustment.entry_id)
        .where(*_standing(invoice.id))
        .order_by(Adjustment.id.desc())
        .limit(1)
    ).first()
    if found is None:
        raise Refused("not_written_off", number=invoice.number)
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
