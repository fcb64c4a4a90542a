"""Book money that came: the payment, where it went, the gateway's fee, and the confirmation.

One effect per gateway object and kind, whoever reports it and however often (P-11, INV-5).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account, Contact
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.links import Channel
from models.messages import Purpose
from models.money import Money, total
from models.payments import (
    Adjustment,
    Allocation,
    AttemptInvoice,
    Payment,
    PaymentAttempt,
    PaymentMethod,
    ProviderEffect,
)
from models.states import InvoiceStatus
from models.work import TaskKind
from receivables import invoices, ledger, outbox
from receivables.arrangements.offer_money import within_offers
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.readers import reader_of
from receivables.payments.allocation import Share, Target, allocate
from receivables.permissions import SYSTEM
from receivables.ports import RemoteCharge

PAYMENT_EFFECT = "payment"
FEE_EFFECT = "fee"


def book_charge(
    session: Session, attempt: PaymentAttempt, charge: RemoteCharge, *, late: bool, now: datetime
) -> Payment:
    """Book a taken charge: one payment, one entry, its allocations, its confirmation.

    The account and the attempt are locked by the caller. Amounts other than the attempt's are
    booked as they are and raise an alert (P-06).

    Args:
        late: the attempt had ended before: nothing is allocated, a person decides (domain.md).
    Returns:
        The payment; the one already there when this charge was booked before.
    """
    known = session.scalar(
        select(Payment)
        .join(ProviderEffect, ProviderEffect.entry_id == Payment.entry_id)
        .where(ProviderEffect.provider_object_id == charge.charge_id, ProviderEffect.kind == PAYMENT_EFFECT)
    )
    if known is not None:
        return known
    account = session.get_one(Account, attempt.account_id)
    valued_on = business_date(charge.taken_at, account.zone)
    shares, rest = _share_out(
        session, attempt, charge.amount, late=late, valued_on=valued_on, zone=account.zone
    )
    owners = _owners(session, shares)
    meant_for = session.scalars(
        select(AttemptInvoice.invoice_id).where(AttemptInvoice.attempt_id == attempt.id)
    ).all()
    recovered = recovered_parts(session, meant_for, shares, rest)
    rest -= total([part for _, part in recovered], rest.currency)
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"payment:{charge.charge_id}",
            kind="payment",
            currency=charge.amount.currency,
            sides=[
                ledger.debit(LedgerCode.GATEWAY_CLEARING, charge.amount),
                *(
                    ledger.Side(
                        LedgerCode.RECEIVABLES,
                        credit_minor=share.amount_minor,
                        account_id=owners[share.invoice_id],
                        invoice_id=share.invoice_id,
                    )
                    for share in shares
                ),
                *(
                    ledger.credit(LedgerCode.RECOVERIES, part, account_id=account.id, invoice_id=invoice_id)
                    for invoice_id, part in recovered
                ),
                *([ledger.credit(LedgerCode.UNAPPLIED_CREDIT, rest, account_id=account.id)] if rest else []),
            ],
            effective_on=valued_on,
        ),
        now=now,
    )
    _remember(session, charge.charge_id, PAYMENT_EFFECT, attempt, entry, now=now)
    payment = Payment(
        number=f"PC-{valued_on.year}-{entry.id:06d}",
        account_id=account.id,
        attempt_id=attempt.id,
        method=PaymentMethod(charge.method) if charge.method in set(PaymentMethod) else PaymentMethod.OTHER,
        method_detail=charge.method_detail,
        amount_minor=charge.amount.minor,
        currency=charge.amount.currency,
        provider_charge_id=charge.charge_id,
        received_at=now,
        valued_on=valued_on,
        entry_id=entry.id,
    )
    session.add(payment)
    session.flush()
    session.add_all(
        Allocation(
            payment_id=payment.id,
            invoice_id=share.invoice_id,
            amount_minor=share.amount_minor,
            currency=charge.amount.currency,
            rule=share.rule,
            valued_on=valued_on,
            entry_id=entry.id,
        )
        for share in shares
    )
    record(
        session,
        SYSTEM,
        "payment.settled",
        payment,
        account_id=account.id,
        now=now,
        facts={
            "charge": charge.charge_id,
            "amount_minor": charge.amount.minor,
            "currency": charge.amount.currency,
            "unapplied_minor": rest.minor,
            "shares": {str(s.invoice_id): s.amount_minor for s in shares},
            **({"recovered": {str(i): part.minor for i, part in recovered}} if recovered else {}),
        },
    )
    _tell(session, attempt, payment, charge, rest, now=now)
    if recovered:
        tell_of_recovered(session, payment, total([part for _, part in recovered], rest.currency), now=now)
    return payment


def _owners(session: Session, shares: Sequence[Share]) -> dict[int, int]:
    """Whose document each share is for: a head office pays those of its branches too."""
    rows = session.execute(
        select(Invoice.id, Invoice.account_id).where(Invoice.id.in_([share.invoice_id for share in shares]))
    )
    return {r.id: r.account_id for r in rows}


def _share_out(
    session: Session, attempt: PaymentAttempt, amount: Money, *, late: bool, valued_on: date, zone: str
) -> tuple[list[Share], Money]:
    """Lock the reserved invoices and share the amount out over what is still open on them."""
    if late:
        return [], amount
    reserved = {
        r.invoice_id: r.reserved_minor
        for r in session.execute(
            select(AttemptInvoice.invoice_id, AttemptInvoice.reserved_minor).where(
                AttemptInvoice.attempt_id == attempt.id
            )
        )
    }
    locked = session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(reserved))
        .order_by(Invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).all()
    targets = open_targets(
        session, locked, amount.currency, valued_on=valued_on, started_at=attempt.started_at, zone=zone
    )
    shares, rest = allocate(amount.minor, targets, reserved)
    return shares, Money(rest, amount.currency)


def open_targets(
    session: Session,
    locked: Sequence[Invoice],
    currency: str,
    *,
    valued_on: date,
    started_at: datetime | None,
    zone: str,
) -> list[Target]:
    """Return what of locked documents money may be put on: what is open, not disputed, and asked for.

    What a dispute sets aside is not paid by itself (M-12, race pay ∥ dispute), and of an accepted offer no
    more than it still asks for (`within_offers`).

    Args:
        started_at: when its payment was begun, where that counts for an offer's day.
    """
    aside = invoices.contested(session, [i.id for i in locked])
    targets = [
        Target(i.id, max(i.balance_minor - aside.get(i.id, 0), 0), i.due_on)
        for i in locked
        if i.status is InvoiceStatus.OPEN and i.kind in OWED_KINDS and i.currency == currency
    ]
    return within_offers(session, targets, valued_on=valued_on, started_at=started_at, zone=zone)


def recovered_parts(
    session: Session, meant_for: Sequence[int], shares: Sequence[Share], rest: Money
) -> list[tuple[int, Money]]:
    """Return what of the rest was meant for invoices that were written off meanwhile, at most what was.

    A write-off stays; the money that still comes for it is a recovery (domain.md), once nothing else is
    open on the invoice.

    Args:
        meant_for: ids of the invoices that the money came for.
        rest: what is left over of it after its shares.
    Returns: the invoices and their parts, by id.
    """
    paid = {share.invoice_id: share.amount_minor for share in shares}
    come = (
        select(func.coalesce(func.sum(Posting.credit_minor - Posting.debit_minor), 0))
        .where(Posting.invoice_id == Invoice.id, Posting.ledger_code == LedgerCode.RECOVERIES)
        .correlate(Invoice)
        .scalar_subquery()
    )
    reversal = aliased(LedgerEntry)
    found = session.execute(
        select(
            Invoice.id, Invoice.balance_minor, func.sum(Adjustment.amount_minor).label("lost_minor"),
            come.label("come_minor"),
        )
        .join(Adjustment, (Adjustment.invoice_id == Invoice.id) & (Adjustment.kind == "write_off"))
        .where(
            Invoice.id.in_(meant_for),
            Invoice.currency == rest.currency,
            ~exists().where(reversal.reverses_id == Adjustment.entry_id),
        )
        .group_by(Invoice.id)
        .order_by(Invoice.id)
    )  # fmt: skip
    parts, left = [], rest
    for r in found.all():
        if r.balance_minor != paid.get(r.id, 0):
            continue
        part = Money(max(min(int(r.lost_minor) - int(r.come_minor), left.minor), 0), rest.currency)
        if part:
            parts.append((r.id, part))
            left -= part
    return parts


def _tell(
    session: Session,
    attempt: PaymentAttempt,
    payment: Payment,
    charge: RemoteCharge,
    rest: Money,
    *,
    now: datetime,
) -> None:
    """Write the timeline, ask a person about what is left over, queue the confirmation."""
    account = session.get_one(Account, payment.account_id)
    outbox.note(
        session,
        account.id,
        "payment.succeeded",
        contact_id=attempt.contact_id,
        now=now,
        facts={"payment": payment.number, "amount_minor": payment.amount_minor, "currency": payment.currency},
    )
    if rest:
        outbox.ask_person(
            session,
            TaskKind.UNAPPLIED_MONEY,
            f"unapplied:payment:{payment.id}",
            account_id=account.id,
            now=now,
            facts={"payment": payment.number, "amount_minor": rest.minor, "currency": rest.currency},
        )
    if charge.amount != Money(attempt.amount_minor, attempt.currency):
        outbox.raise_alert(
            session,
            "amount_differs",
            f"attempt:{attempt.id}",
            account_id=account.id,
            now=now,
            facts={
                "asked_minor": attempt.amount_minor,
                "came_minor": charge.amount.minor,
                "currency": charge.amount.currency,
            },
        )
    contact = receipt_contact(session, attempt)
    if contact is not None:
        outbox.enqueue(
            session,
            SYSTEM,
            account=account,
            contact=contact,
            channel=Channel.EMAIL if contact.email else Channel.SMS,
            purpose=Purpose.RECEIPT,
            kind="payment_confirmation",
            facts={"payment_id": payment.id},
            dedupe_key=f"receipt:payment:{payment.id}",
            currency=payment.currency,
            now=now,
        )


def tell_of_recovered(session: Session, payment: Payment, recovered: Money, *, now: datetime) -> None:
    """Race pay ∥ write-off: what came for a bad debt is booked; a person looks at its tax and its file."""
    outbox.ask_person(
        session, TaskKind.RECOVERED_MONEY, f"recovered:payment:{payment.id}", account_id=payment.account_id,
        now=now,
        facts={
            "payment": payment.number, "amount_minor": recovered.minor, "currency": recovered.currency,
        },
    )  # fmt: skip


def receipt_contact(session: Session, attempt: PaymentAttempt) -> Contact | None:
    """Who gets the confirmation: who paid, else the contact who pays at the account, else anyone."""
    if attempt.contact_id is not None:
        return session.get_one(Contact, attempt.contact_id)
    return reader_of(session, attempt.account_id)


def book_fee(session: Session, attempt: PaymentAttempt, charge: RemoteCharge, *, now: datetime) -> None:
    """Book the gateway's fee once it is known; a second call changes nothing."""
    if charge.fee is None or charge.balance_transaction_id is None:
        return
    account = session.get_one(Account, attempt.account_id)
    post_fee(
        session, charge.balance_transaction_id, charge.fee, creditor_id=account.creditor_id,
        attempt_id=attempt.id, effective_on=business_date(charge.taken_at, account.zone), now=now,
    )  # fmt: skip


def post_fee(
    session: Session,
    movement_id: str,
    fee: Money,
    *,
    creditor_id: int,
    attempt_id: int | None,
    effective_on: date,
    now: datetime,
) -> bool:
    """Post what the gateway kept of one movement; negative where it gave back.

    Returns:
        Whether it was posted: not when it is nil, or was posted before.
    """
    known = session.scalar(
        select(ProviderEffect.id).where(
            ProviderEffect.provider_object_id == movement_id, ProviderEffect.kind == FEE_EFFECT
        )
    )
    if known is not None or not fee:
        return False
    kept = fee if fee.minor > 0 else -fee
    owed, paid = LedgerCode.GATEWAY_FEES, LedgerCode.GATEWAY_CLEARING
    if fee.minor < 0:
        owed, paid = paid, owed
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=creditor_id,
            reference=f"fee:{movement_id}",
            kind="gateway_fee",
            currency=fee.currency,
            sides=[ledger.debit(owed, kept), ledger.credit(paid, kept)],
            effective_on=effective_on,
        ),
        now=now,
    )
    session.add(
        ProviderEffect(
            provider_object_id=movement_id, kind=FEE_EFFECT, attempt_id=attempt_id, entry_id=entry.id,
            recorded_at=now,
        )
    )  # fmt: skip
    session.flush()
    return True


def _remember(
    session: Session, object_id: str, kind: str, attempt: PaymentAttempt, entry: LedgerEntry, *, now: datetime
) -> None:
    """Write down what the gateway's object became in our books: unique, so that it happens once (P-09)."""
    session.add(
        ProviderEffect(
            provider_object_id=object_id, kind=kind, attempt_id=attempt.id, entry_id=entry.id, recorded_at=now
        )
    )
