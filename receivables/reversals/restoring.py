"""Give back what was taken back of a payment: a chargeback that was won, a refund that failed later.

The money goes where it had been: to the documents that it had paid, as far as they are open, to recoveries,
else to unapplied credit with a task for a person. What ended for good meanwhile stays ended: a promise that
broke, an offer that was reopened. Source: P-20, P-21; domain.md, "Statuses and their moves".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import Allocation, AllocationRule, Payment
from models.reversals import AllocationReversal, PaymentReversal
from models.states import InvoiceStatus
from models.work import TaskKind
from receivables import consequences, ledger, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.payments import attempts
from receivables.permissions import SYSTEM
from receivables.reversals.beyond import (
    close_if_even,
    left_beyond,
    left_to_give_back,
    take_what_is_due,
)
from receivables.reversals.taking import HOLDING, cash_code
from receivables.write_offs import written_off_minor


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What one fact gave back: its first row, what of it counts again, and what was taken late of it."""

    first: PaymentReversal
    counted_minor: int
    late: Sequence[PaymentReversal]


def give_back(
    session: Session,
    payment: Payment,
    takings: Sequence[PaymentReversal],
    amount: Money,
    *,
    source: str,
    at: datetime,
    now: datetime,
) -> GivenBack | None:
    """Give back what one fact had taken, the last taking first; what left twice is taken of it again.

    The accounts and the payment are locked by the caller (taking.lock_payment).

    Args:
        takings: those of the fact, late ones too, the last one first.
        source: names what gives it back.
    Returns: None where less than that was taken; then nothing is booked.
    """
    open_minor = {taking.id: left_to_give_back(session, taking) for taking in takings}
    if sum(open_minor.values()) < amount.minor:
        return None
    made: list[PaymentReversal] = []
    shares: dict[int, int] = {}
    left = amount.minor
    for taking in takings:
        part = min(left, open_minor[taking.id])
        if part > 0:
            name = source if not made else f"{source}:{taking.id}"
            back = Money(part, amount.currency)
            row, put = _put_back(session, payment, taking, back, source=name, at=at, now=now)
            made.append(row)
            shares = {i: shares.get(i, 0) + put.get(i, 0) for i in shares | put}
            left -= part
    # Before anything follows: what left twice is on no document for a moment that anybody sees.
    late = take_what_is_due(session, payment, now=now)
    again = _taken_off(session, late)
    paid = [i for i, minor in sorted(shares.items()) if minor > again.get(i, 0)]
    _follow(session, payment, paid, made[0], now=now)
    counted = sum(row.amount_minor - row.beyond_minor for row in made) - sum(r.amount_minor for r in late)
    return GivenBack(made[0], max(counted, 0), late)


def _follow(
    session: Session,
    payment: Payment,
    invoice_ids: Sequence[int],
    row: PaymentReversal,
    *,
    now: datetime,
) -> None:
    # What is open for them asks for too much now (P-05, decision 14).
    attempts.supersede(session, SYSTEM, invoice_ids, reason="payment", now=now)
    consequences.follow_restoring(session, payment, invoice_ids, cause=f"reversal:{row.id}", now=now)


def _put_back(
    session: Session,
    payment: Payment,
    taking: PaymentReversal,
    amount: Money,
    *,
    source: str,
    at: datetime,
    now: datetime,
) -> tuple[PaymentReversal, dict[int, int]]:
    """Post what comes back and put it where it was; nothing follows yet. Returns the row, and by document."""
    known = session.scalar(select(PaymentReversal).where(PaymentReversal.source == source))
    if known is not None:
        return known, {}
    account = session.get_one(Account, payment.account_id)
    # What had left twice first: of that nobody's debt had grown.
    put = amount.minor - min(amount.minor, left_beyond(session, taking))
    shares = _shares(session, taking, put)
    recovered = _recovered(session, taking, put - sum(shares.values()))
    free = put - sum(shares.values()) - sum(recovered.values())
    owners = {
        r.id: r.account_id
        for r in session.execute(select(Invoice.id, Invoice.account_id).where(Invoice.id.in_(shares)))
    }
    holding = HOLDING[taking.cause]

    def money(minor: int) -> Money:
        return Money(minor, amount.currency)

    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"given_back:{source}",
            kind="payment_restored",
            currency=amount.currency,
            sides=[
                ledger.debit(cash_code(session, payment), amount),
                ledger.credit(holding, amount, account_id=account.id),
                *([ledger.debit(holding, money(put), account_id=account.id)] if put else []),
                *(
                    ledger.credit(LedgerCode.RECEIVABLES, money(n), account_id=owners[i], invoice_id=i)
                    for i, n in shares.items()
                ),
                *(
                    ledger.credit(LedgerCode.RECOVERIES, money(n), account_id=account.id, invoice_id=i)
                    for i, n in recovered.items()
                ),
                *(
                    [ledger.credit(LedgerCode.UNAPPLIED_CREDIT, money(free), account_id=account.id)]
                    if free
                    else []
                ),
            ],
            effective_on=business_date(at, account.zone),
        ),
        now=now,
    )
    row = PaymentReversal(
        payment_id=payment.id, account_id=account.id, cause=taking.cause, source=source, undoes_id=taking.id,
        chargeback_id=taking.chargeback_id, amount_minor=amount.minor, currency=amount.currency,
        allocated_minor=sum(shares.values()), unapplied_minor=free, recovered_minor=sum(recovered.values()),
        beyond_minor=amount.minor - put, entry_id=entry.id, effective_on=business_date(at, account.zone),
        made_at=now,
    )  # fmt: skip
    session.add(row)
    session.add_all(
        Allocation(
            payment_id=payment.id, invoice_id=invoice_id, amount_minor=minor, currency=amount.currency,
            rule=AllocationRule.DIRECTED, valued_on=payment.valued_on, entry_id=entry.id,
        )
        for invoice_id, minor in shares.items()
    )  # fmt: skip
    session.flush()
    close_if_even(session, taking, now=now)
    _tell(session, payment, taking, row, now=now)
    return row, shares


def _taken_off(session: Session, late: Sequence[PaymentReversal]) -> dict[int, int]:
    """Return what late takings took off documents, by document, minor units."""
    rows = session.execute(
        select(Allocation.invoice_id, func.sum(AllocationReversal.amount_minor).label("minor"))
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .where(AllocationReversal.reversal_id.in_([row.id for row in late]))
        .group_by(Allocation.invoice_id)
    )
    return {r.invoice_id: int(r.minor) for r in rows}


def _shares(session: Session, taking: PaymentReversal, minor: int) -> dict[int, int]:
    """Put an amount on the documents that it was taken from, at most what is open on each."""
    taken = session.execute(
        select(Allocation.invoice_id, func.sum(AllocationReversal.amount_minor).label("minor"))
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .where(AllocationReversal.reversal_id == taking.id)
        .group_by(Allocation.invoice_id)
    )
    given = select(PaymentReversal.entry_id).where(PaymentReversal.undoes_id == taking.id)
    back = {
        r.invoice_id: int(r.minor)
        for r in session.execute(
            select(Allocation.invoice_id, func.sum(Allocation.amount_minor).label("minor"))
            .where(Allocation.entry_id.in_(given))
            .group_by(Allocation.invoice_id)
        )
    }
    room = {r.invoice_id: int(r.minor) - back.get(r.invoice_id, 0) for r in taken}
    locked = session.scalars(
        select(Invoice)
        .where(Invoice.id.in_(room), Invoice.status == InvoiceStatus.OPEN, Invoice.kind.in_(OWED_KINDS))
        .order_by(Invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).all()
    shares: dict[int, int] = {}
    for invoice in locked:
        part = min(minor, room[invoice.id], invoice.balance_minor)
        if part > 0:
            shares[invoice.id] = part
            minor -= part
    return shares


def _recovered(session: Session, taking: PaymentReversal, minor: int) -> dict[int, int]:
    """Put an amount back on recoveries of documents, at most what of each is still written off and not in."""
    entries = select(PaymentReversal.entry_id).where(
        (PaymentReversal.id == taking.id) | (PaymentReversal.undoes_id == taking.id)
    )
    rows = session.execute(
        select(Posting.invoice_id, func.sum(Posting.debit_minor - Posting.credit_minor).label("minor"))
        .where(Posting.entry_id.in_(entries), Posting.ledger_code == LedgerCode.RECOVERIES)
        .group_by(Posting.invoice_id)
        .order_by(Posting.invoice_id)
    )
    found: dict[int, int] = {}
    for r in rows.all():
        # Of an invoice that is open, or paid, a part may be written off.
        lost = written_off_minor(session, r.invoice_id) - ledger.recovered(session, r.invoice_id)
        part = min(minor, int(r.minor), lost)
        if part > 0:
            found[r.invoice_id] = part
            minor -= part
    return found


def _tell(
    session: Session,
    payment: Payment,
    taking: PaymentReversal,
    row: PaymentReversal,
    *,
    now: datetime,
) -> None:
    facts = {
        "payment": payment.number, "amount_minor": row.amount_minor, "currency": row.currency,
        "cause": row.cause.value,
    }  # fmt: skip
    record(
        session, SYSTEM, "payment.given_back", payment, account_id=payment.account_id, now=now,
        facts={**facts, "reversal": row.id, "undoes": taking.id, "unapplied_minor": row.unapplied_minor},
    )  # fmt: skip
    outbox.note(session, payment.account_id, "payment.given_back", now=now, facts=facts)
    if row.unapplied_minor:
        outbox.ask_person(
            session, TaskKind.UNAPPLIED_MONEY, f"unapplied:reversal:{row.id}", account_id=payment.account_id,
            now=now, facts={
                "payment": payment.number, "amount_minor": row.unapplied_minor, "currency": row.currency,
            },
        )  # fmt: skip
