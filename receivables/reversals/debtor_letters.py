"""What the debtor is told when money goes back: that his bank took a payment back, that it counts again,
that a refund is on its way."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.arrangements import Offer, OfferInvoice, Plan, PlanInvoice, Promise
from models.invoices import Invoice
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.payments import Allocation, Payment
from models.reversals import AllocationReversal, PaymentReversal, ReversalCause
from models.states import OfferStatus, PlanStatus, PromiseStatus, RefundStatus
from receivables import invoices, outbox
from receivables.calendar_days import business_date
from receivables.contact.readers import reader_of
from receivables.letter_kinds import LetterKind
from receivables.permissions import SYSTEM
from receivables.ports import InvoiceRow
from receivables.reversals.beyond import with_late

#: Kinds of messages of this room.
RETURNED, RESTORED, REFUNDED = "payment_returned", "payment_restored", "card_refund_sent"


def tell(session: Session, payment: Payment, reversal: PaymentReversal, *, now: datetime) -> Message | None:
    """Tell who paid, by mail, what went back; once a reversal, of a mistake of ours nothing.

    Returns: None where nobody has an address, or there is nothing to say.
    """
    if reversal.cause is ReversalCause.MISTAKE:
        return None
    kind = REFUNDED if reversal.cause is ReversalCause.REFUND else RETURNED
    return _enqueue(session, payment.account_id, kind, f"{kind}:reversal:{reversal.id}",
                    {"reversal_id": reversal.id}, payment.currency, now=now)  # fmt: skip


def tell_restored(
    session: Session, payment: Payment, reversal: PaymentReversal, counted_minor: int, *, now: datetime
) -> Message | None:
    """Tell who paid how much of his payment counts again; where nothing does, nothing."""
    if counted_minor <= 0:
        return None
    facts = {"reversal_id": reversal.id, "amount_minor": counted_minor}
    return _enqueue(session, payment.account_id, RESTORED, f"{RESTORED}:{reversal.id}", facts,
                    payment.currency, now=now)  # fmt: skip


def tell_refund(session: Session, refund: Refund, *, now: datetime) -> Message | None:
    """Tell the account that credit was sent back to its card; once for each refund."""
    return _enqueue(session, refund.account_id, REFUNDED, f"{REFUNDED}:{refund.id}",
                    {"refund_id": refund.id}, refund.currency, now=now)  # fmt: skip


def _enqueue(
    session: Session,
    account_id: int,
    kind: str,
    key: str,
    facts: dict[str, Any],
    currency: str,
    *,
    now: datetime,
) -> Message | None:
    contact = reader_of(session, account_id, by_mail=True)
    if contact is None:
        return None
    return outbox.enqueue(
        session, SYSTEM, account=session.get_one(Account, account_id), contact=contact,
        channel=Channel.EMAIL, purpose=Purpose.RECEIPT, kind=kind, facts=facts, dedupe_key=key,
        currency=currency, now=now,
    )  # fmt: skip


def _of_reversal(session: Session, message: Message) -> tuple[PaymentReversal, Payment]:
    reversal = session.get_one(PaymentReversal, message.facts["reversal_id"])
    return reversal, session.get_one(Payment, reversal.payment_id)


def returned_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What went back, of which payment, what is open again as it stands now, and the agreement it touched."""
    reversal, payment = _of_reversal(session, message)
    return {
        "returned": _leaves(session, reversal, today),
        "again": _touched(session, reversal),
        "amount": Money(reversal.amount_minor, reversal.currency),
        "confirmation": payment.number,
        "paid_date": payment.valued_on,
        "invoice_list": _open_again(session, reversal, today),
    }


def still_returned(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the money has not come back meanwhile, nor what it had paid been paid anew."""
    reversal, _ = _of_reversal(session, message)
    return not _is_undone(session, reversal) and _leaves(session, reversal, today) is not None


def _leaves(session: Session, reversal: PaymentReversal, today: date) -> str | None:
    """Return what a taking leaves, by the word of its block; None once it leaves nothing to be told."""
    if _open_again(session, reversal, today):
        return "open"
    if reversal.allocated_minor or reversal.recovered_minor:
        return None
    return "credit" if reversal.unapplied_minor else "twice"


def _touched(session: Session, reversal: PaymentReversal) -> str | None:
    """Return which agreement about its documents a taking touched, by the word of its block, if one."""
    ids = (
        select(Allocation.invoice_id)
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .where(AllocationReversal.reversal_id == reversal.id)
    )
    found = {
        "plan": select(Plan.id)
        .join(PlanInvoice, PlanInvoice.plan_id == Plan.id)
        .where(Plan.status == PlanStatus.ACTIVE, PlanInvoice.invoice_id.in_(ids)),
        "offer": select(Offer.id)
        .join(OfferInvoice, OfferInvoice.offer_id == Offer.id)
        .where(Offer.status == OfferStatus.REOPENED, OfferInvoice.invoice_id.in_(ids)),
        "promise": select(Promise.id).where(
            Promise.status == PromiseStatus.BROKEN, Promise.judged_at == reversal.made_at,
            Promise.currency == reversal.currency,
            Promise.account_id.in_(select(Invoice.account_id).where(Invoice.id.in_(ids))),
        ),
    }  # fmt: skip
    words = (word for word, query in found.items() if session.scalar(query.limit(1)) is not None)
    return next(words, None)


def _is_undone(session: Session, reversal: PaymentReversal) -> bool:
    takings = [taking.id for taking in with_late(session, reversal.source)]
    back = select(PaymentReversal.id).where(PaymentReversal.undoes_id.in_(takings))
    return session.scalar(back.limit(1)) is not None


def _open_again(session: Session, reversal: PaymentReversal, today: date) -> list[InvoiceRow]:
    """Return what a reversal took something off and is open now, the branches' documents with it."""
    refs: dict[int, set[str]] = {}
    for owner, ref in session.execute(
        select(Invoice.account_id, Invoice.ref)
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .where(AllocationReversal.reversal_id == reversal.id)
    ):
        refs.setdefault(owner, set()).add(ref)
    return [
        row
        for owner in sorted(refs)
        for row in invoices.open_rows(session, owner, today, currency=reversal.currency)
        if row.ref in refs[owner]
    ]


def restored_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What counts again, and of which payment."""
    reversal, payment = _of_reversal(session, message)
    return {
        "amount": Money(message.facts["amount_minor"], reversal.currency),
        "confirmation": payment.number,
        "paid_date": payment.valued_on,
    }


def refunded_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """How much was sent back, when and to which card."""
    if "refund_id" in message.facts:
        refund = session.get_one(Refund, message.facts["refund_id"])
        on = refund.paid_on or business_date(refund.approved_at, account.zone)
        return {
            "amount": Money(refund.amount_minor, refund.currency),
            "sent_date": on,
            "refund_to": refund.bank_account,
        }
    reversal, payment = _of_reversal(session, message)
    return {
        "amount": Money(reversal.amount_minor, reversal.currency),
        "sent_date": reversal.effective_on,
        "refund_to": payment.method_detail,
    }


def still_refunded(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the refund has not failed meanwhile."""
    if "refund_id" in message.facts:
        return session.get_one(Refund, message.facts["refund_id"]).status is not RefundStatus.FAILED
    return not _is_undone(session, _of_reversal(session, message)[0])


LETTERS = {
    RETURNED: LetterKind(returned_values, still_returned),
    RESTORED: LetterKind(restored_values),
    REFUNDED: LetterKind(refunded_values, still_refunded),
}
