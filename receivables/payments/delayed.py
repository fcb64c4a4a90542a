"""Payments that a bank has accepted and that take days: nothing is chased meanwhile, nothing is confirmed.

What such a payment reserves is asked for by nobody; documents of which it pays all that was asked for
stand still with it. When the money does not come they go on where they stood, and the payer hears of it.
Source: P-19; requirements.md 5, "bank debit processing"; domain.md, "Pauses".
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import InstalmentCharge
from models.invoices import Invoice
from models.messages import Purpose
from models.pauses import PauseReason
from models.payments import AttemptInvoice, PaymentAttempt
from receivables import invoices, outbox, pauses
from receivables.calendar_days import business_date
from receivables.contact.readers import way_to
from receivables.payments.receipts import receipt_contact
from receivables.permissions import SYSTEM


def accepted(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    """Let what a payment on its way pays in full stand still; called once, when the attempt moved.

    Of a document that it pays in part the rest is asked for as before. The accounts are locked by the
    caller.
    """
    attempt.accepted_at = attempt.accepted_at or now
    for account, held in named_by(session, attempt):
        today = business_date(now, account.zone)
        rows = invoices.open_rows(session, account.id, today, currency=attempt.currency)
        asked = {row.ref for row in rows if row.open_part}
        for invoice in held:
            if invoice.ref not in asked:
                pauses.pause(
                    session, SYSTEM, account, PauseReason.DEBIT_PROCESSING, key=_key(attempt, invoice),
                    invoice_id=invoice.id, now=now,
                )  # fmt: skip


def ended(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    """Let go on what stood still for a payment; nothing stood where nobody saw it on its way.

    Called when the attempt has come to an end. The accounts are locked by the caller.
    """
    for account, held in named_by(session, attempt):
        for invoice in held:
            pauses.resume(session, SYSTEM, account, _key(attempt, invoice), now=now)


def failed(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    """Tell the payer that his bank did not carry out what he was told was accepted, with the way out.

    A declined card leaves its page open, so what a page calls failed was accepted before, whether or not
    we saw it on its way. A charge without its payer is told of by his plan.
    """
    if session.get(InstalmentCharge, attempt.id) is not None:
        return
    attempt.accepted_at = attempt.accepted_at or attempt.started_at
    _tell(session, attempt, now=now)


def named_by(session: Session, attempt: PaymentAttempt) -> list[tuple[Account, list[Invoice]]]:
    """Return the documents that an attempt names, by whose they are: a head office pays for branches too."""
    found: dict[int, list[Invoice]] = {}
    for invoice in session.scalars(
        select(Invoice)
        .join(AttemptInvoice, AttemptInvoice.invoice_id == Invoice.id)
        .where(AttemptInvoice.attempt_id == attempt.id)
        .order_by(Invoice.account_id, Invoice.id)
    ):
        found.setdefault(invoice.account_id, []).append(invoice)
    return [(session.get_one(Account, account_id), held) for account_id, held in found.items()]


def _key(attempt: PaymentAttempt, invoice: Invoice) -> str:
    return f"debit:{attempt.id}:{invoice.id}"


def _tell(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    contact = receipt_contact(session, attempt)
    way = way_to(contact, Purpose.ANSWER) if contact is not None else None
    if contact is None or way is None:
        return
    outbox.enqueue(
        session,
        SYSTEM,
        account=session.get_one(Account, attempt.account_id),
        contact=contact,
        channel=way[0],
        purpose=way[1],
        kind="debit_failed",
        facts={"attempt_id": attempt.id},
        dedupe_key=f"debit_failed:{attempt.id}",
        currency=attempt.currency,
        now=now,
    )
