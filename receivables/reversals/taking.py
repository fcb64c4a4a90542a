"""Take back a payment or a part of it: one action for refunds, chargebacks, returned debits and mistakes.

The payment stays what it was; what is taken back is a `PaymentReversal` with one entry. It is taken from what
is left of the payment as unapplied credit, then from its allocations, the newest first, then from what of it
went to recoveries; what is beyond all of that had left the payment before (a refund by bank transfer) and
stays on the holding account for a person, until there is something of the payment again (beyond.py). Credit
notes are not touched, a write-off stays. Source: P-20, P-21, M-04, M-07, INV-7; domain.md, "Statuses and
their moves".

For the checker: each entry of kind `payment_returned` credits the holding account (HOLDING, with the paying
account) with what it took from the account, and debits it with all that left the gateway; `payment_restored`
is its mirror, and a late taking has the credit alone. So of these two kinds "refunded" and "held" of INV-7
are the credits of the first less the debits of the second; a balance that stays on the holding account is
what was taken beyond the payment. The
effects are (refund id, "refund"), (refund id, "refund_failed"), (movement id, "chargeback"), (movement id,
"chargeback_returned") and (movement id, "fee").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import Allocation, Payment, ProviderEffect
from models.reversals import AllocationReversal, Chargeback, PaymentReversal, ReversalCause
from receivables import consequences, credits, ledger, outbox
from receivables.allocations import KEPT_MINOR, UNDONE
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.permissions import SYSTEM, Actor, ActorKind, Permission, require

#: Where what went back passes through, by its cause.
HOLDING = {
    ReversalCause.REFUND: LedgerCode.REFUNDS_PAYABLE,
    ReversalCause.MISTAKE: LedgerCode.REFUNDS_PAYABLE,
    ReversalCause.CHARGEBACK: LedgerCode.CHARGEBACKS_HELD,
    ReversalCause.BANK_RETURN: LedgerCode.CHARGEBACKS_HELD,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """What is taken off one allocation."""

    allocation_id: int
    invoice_id: int
    owner_id: int
    minor: int


@dataclass(frozen=True, slots=True)
class Split:
    """Where an amount is taken from, minor units; the parts sum to the amount."""

    unapplied: int
    pieces: Sequence[Piece]
    recovered: Sequence[tuple[int, int]]
    beyond: int

    @property
    def minor(self) -> int:
        """All of it."""
        return self.unapplied + self.allocated + self.recovered_minor + self.beyond

    @property
    def allocated(self) -> int:
        return sum(piece.minor for piece in self.pieces)

    @property
    def recovered_minor(self) -> int:
        return sum(minor for _, minor in self.recovered)

    @property
    def invoice_ids(self) -> list[int]:
        """The invoices of which something is owed again, by id."""
        return sorted({piece.invoice_id for piece in self.pieces})


def lock_payment(session: Session, payment_id: int) -> Payment:
    """Lock the accounts that a payment touches, in the order of their ids, then the payment (M-07)."""
    payer = session.execute(select(Payment.account_id).where(Payment.id == payment_id)).scalar_one()
    owners = session.scalars(
        select(Invoice.account_id)
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .where(Allocation.payment_id == payment_id)
        .distinct()
    )
    for account_id in sorted({payer, *owners}):
        session.get_one(Account, account_id, with_for_update=True)
    return session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)


def take_back(
    session: Session,
    actor: Actor,
    payment: Payment,
    amount: Money,
    *,
    cause: ReversalCause,
    source: str,
    at: datetime,
    reason: str | None = None,
    chargeback: Chargeback | None = None,
    now: datetime,
) -> PaymentReversal:
    """Take back a payment or a part of it, in the books and in what it had paid, and let follow what follows.

    The accounts and the payment are locked by the caller (`lock_payment`); its follow-ups are those of
    consequences.follow_reversal. A second call with the same source returns the first reversal.

    Args:
        amount: > 0, in the payment's currency.
        source: names the fact: "refund:re_1", "movement:txn_1", "staff:<nonce>".
        at: when it happened, for the day it counts on.
        reason: words of a person, of a mistake.
    Returns:
        The reversal, posted; its parts say where it was taken from.
    Raises:
        NotAllowed. Refused: amount_zero, other_currency (facts: currency), source_reused.
    """
    require(actor, Permission.PAYMENT_TAKE_BACK, account_id=payment.account_id)
    known = session.scalar(select(PaymentReversal).where(PaymentReversal.source == source))
    if known is not None:
        if (known.payment_id, known.amount_minor) != (payment.id, amount.minor):
            raise Refused("source_reused", source=source)
        return known
    if amount.minor <= 0:
        raise Refused("amount_zero")
    if amount.currency != payment.currency:
        raise Refused("other_currency", currency=payment.currency)
    split = _split(session, payment, amount.minor)
    return _take(
        session, actor, payment, split, cause=cause, source=source, at=at, reason=reason,
        chargeback_id=chargeback.id if chargeback is not None else None, now=now,
    )  # fmt: skip


def gone_of(session: Session, payment: Payment, amount: Money) -> Money:
    """Return what of an amount has left its payment already, so that taking it back would be beyond it."""
    return Money(_split(session, payment, amount.minor).beyond, amount.currency)


def take_late(
    session: Session, payment: Payment, taking: PaymentReversal, most: int, *, source: str, now: datetime
) -> PaymentReversal | None:
    """Take off a payment what an earlier taking found nothing left of; no money moves: it had left before.

    Args:
        most: minor units, > 0.
    Returns: the reversal, posted; None where there is nothing on the payment still.
    """
    split = replace(_split(session, payment, most), beyond=0)
    if not split.minor:
        return None
    return _take(
        session, SYSTEM, payment, split, cause=taking.cause, source=source, at=now,
        chargeback_id=taking.chargeback_id, is_late=True, now=now,
    )  # fmt: skip


def _take(
    session: Session,
    actor: Actor,
    payment: Payment,
    split: Split,
    *,
    cause: ReversalCause,
    source: str,
    at: datetime,
    chargeback_id: int | None,
    reason: str | None = None,
    is_late: bool = False,
    now: datetime,
) -> PaymentReversal:
    account = session.get_one(Account, payment.account_id)
    holding, currency = HOLDING[cause], payment.currency
    amount, taken = Money(split.minor, currency), Money(split.minor - split.beyond, currency)
    left = [ledger.debit(holding, amount, account_id=account.id),
            ledger.credit(cash_code(session, payment), amount)]  # fmt: skip
    effective_on = business_date(at, account.zone)
    entry = ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"taken_back:{source}",
            kind="payment_returned",
            currency=currency,
            sides=[
                *_debits(payment, split),
                *([ledger.credit(holding, taken, account_id=account.id)] if taken else []),
                *([] if is_late else left),
            ],
            effective_on=effective_on,
        ),
        now=now,
    )
    row = PaymentReversal(
        payment_id=payment.id, account_id=account.id, cause=cause, source=source,
        chargeback_id=chargeback_id, amount_minor=amount.minor, currency=currency,
        allocated_minor=split.allocated, unapplied_minor=split.unapplied,
        recovered_minor=split.recovered_minor, beyond_minor=split.beyond, entry_id=entry.id,
        effective_on=effective_on, made_at=now,
        made_by_id=actor.id if actor.kind is ActorKind.STAFF else None, reason=reason,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add_all(
        AllocationReversal(reversal_id=row.id, allocation_id=piece.allocation_id, amount_minor=piece.minor)
        for piece in split.pieces
    )
    session.flush()
    _tell(session, actor, payment, row, split, now=now)
    consequences.follow_reversal(session, payment, split.invoice_ids, now=now)
    return row


def remember(
    session: Session, object_id: str, kind: str, payment: Payment, entry_id: int, *, now: datetime
) -> None:
    """Write down what the gateway's object became in our books: unique, so that it happens once (INV-5)."""
    session.add(
        ProviderEffect(
            provider_object_id=object_id, kind=kind, attempt_id=payment.attempt_id, entry_id=entry_id,
            recorded_at=now,
        )
    )  # fmt: skip
    session.flush()


def effect_of(session: Session, object_id: str, kind: str) -> ProviderEffect | None:
    """Return what the gateway's object became, if it is in our books already."""
    return session.scalar(
        select(ProviderEffect).where(
            ProviderEffect.provider_object_id == object_id, ProviderEffect.kind == kind
        )
    )


def cash_code(session: Session, payment: Payment) -> LedgerCode:
    """The line of the chart that the payment's money came to: gateway clearing, or the bank."""
    query = (
        select(Posting.ledger_code)
        .where(Posting.entry_id == payment.entry_id, Posting.debit_minor > 0)
        .order_by(Posting.position)
        .limit(1)
    )
    return session.execute(query).scalar_one()


def recovered_of(session: Session, payment: Payment) -> list[tuple[int, int]]:
    """Return what of a payment is booked as recovered, by invoice, the last one first; minor units."""
    entries = select(PaymentReversal.entry_id).where(PaymentReversal.payment_id == payment.id)
    rows = session.execute(
        select(Posting.invoice_id, func.sum(Posting.credit_minor - Posting.debit_minor).label("minor"))
        .where(
            (Posting.entry_id == payment.entry_id) | Posting.entry_id.in_(entries),
            Posting.ledger_code == LedgerCode.RECOVERIES,
        )
        .group_by(Posting.invoice_id)
        .order_by(Posting.invoice_id.desc())
    )
    return [(r.invoice_id, int(r.minor)) for r in rows if r.minor > 0]


def _split(session: Session, payment: Payment, minor: int) -> Split:
    free = next(
        (
            source.left.minor
            for source in credits.sources(session, payment.account_id)
            if source.kind == "payment" and source.row_id == payment.id
        ),
        0,
    )
    unapplied = min(free, minor)
    left = minor - unapplied
    rows = session.execute(
        select(Allocation.id, Allocation.invoice_id, Invoice.account_id, KEPT_MINOR.label("kept_minor"))
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .where(Allocation.payment_id == payment.id, ~UNDONE)
        .order_by(Allocation.id.desc())
    )
    pieces = []
    for r in rows:
        part = min(left, int(r.kept_minor))
        if part > 0:
            pieces.append(Piece(r.id, r.invoice_id, r.account_id, part))
            left -= part
    recovered = []
    for invoice_id, come in recovered_of(session, payment):
        part = min(left, come)
        if part > 0:
            recovered.append((invoice_id, part))
            left -= part
    return Split(unapplied, pieces, recovered, left)


def _debits(payment: Payment, split: Split) -> list[ledger.Side]:
    by_invoice: dict[tuple[int, int], int] = {}
    for piece in split.pieces:
        key = (piece.invoice_id, piece.owner_id)
        by_invoice[key] = by_invoice.get(key, 0) + piece.minor
    code, currency = LedgerCode.RECEIVABLES, payment.currency
    sides = [
        ledger.debit(code, Money(minor, currency), account_id=owner_id, invoice_id=invoice_id)
        for (invoice_id, owner_id), minor in sorted(by_invoice.items())
    ]
    if split.unapplied:
        amount = Money(split.unapplied, currency)
        sides.append(ledger.debit(LedgerCode.UNAPPLIED_CREDIT, amount, account_id=payment.account_id))
    return sides + [
        ledger.debit(
            LedgerCode.RECOVERIES, Money(minor, currency), account_id=payment.account_id,
            invoice_id=invoice_id,
        )
        for invoice_id, minor in split.recovered
    ]  # fmt: skip


def _tell(
    session: Session, actor: Actor, payment: Payment, row: PaymentReversal, split: Split, *, now: datetime
) -> None:
    facts = {
        "payment": payment.number, "amount_minor": row.amount_minor, "currency": row.currency,
        "cause": row.cause.value,
    }  # fmt: skip
    record(
        session, actor, "payment.taken_back", payment, account_id=payment.account_id, now=now,
        reason=row.reason,
        facts={
            **facts, "reversal": row.id, "unapplied_minor": row.unapplied_minor,
            "beyond_minor": row.beyond_minor,
            "off": {str(piece.allocation_id): piece.minor for piece in split.pieces},
            **({"recovered": {str(i): minor for i, minor in split.recovered}} if split.recovered else {}),
        },
    )  # fmt: skip
    outbox.note(
        session, payment.account_id, "payment.taken_back", staff_id=row.made_by_id, now=now, facts=facts
    )
    if row.beyond_minor:
        outbox.raise_alert(
            session, "taken_beyond", f"reversal:{row.id}", account_id=payment.account_id, now=now,
            facts={**facts, "beyond_minor": row.beyond_minor},
        )  # fmt: skip
