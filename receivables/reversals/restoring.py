"""Give back what was taken back of a payment: a chargeback that was won, a refund that failed later.

The money goes where it had been: to the documents that it had paid, as far as they are open, to recoveries,
else to unapplied credit with a task for a person. What ended for good meanwhile stays ended: a promise that
broke, an offer that was reopened. Source: P-20, P-21; domain.md, "Statuses and their moves".
"""

from __future__ import annotations

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
from receivables.errors import Refused
from receivables.payments import attempts
from receivables.permissions import Actor, Permission, require
from receivables.reversals.taking import HOLDING, cash_code


def left_to_give_back(session: Session, taking: PaymentReversal) -> int:
    """Return what of a taking was not given back yet, minor units."""
    query = select(func.coalesce(func.sum(PaymentReversal.amount_minor), 0))
    back = session.execute(query.where(PaymentReversal.undoes_id == taking.id)).scalar_one()
    return taking.amount_minor - int(back)


def restore(
    session: Session,
    actor: Actor,
    payment: Payment,
    taking: PaymentReversal,
    amount: Money,
    *,
    source: str,
    at: datetime,
    now: datetime,
) -> PaymentReversal:
    """Give back what a reversal took, or a part of it; a second call with the same source returns the first.

    The accounts and the payment are locked by the caller (taking.lock_payment).

    Args:
        amount: > 0, at most what is left to give back.
        source: names the fact, "movement:txn_2".
        at: when it happened.
    Returns:
        The reversal of the reversal, posted.
    Raises:
        NotAllowed. Refused: amount_zero, beyond_taken (facts: most).
    """
    require(actor, Permission.PAYMENT_TAKE_BACK, account_id=payment.account_id)
    known = session.scalar(select(PaymentReversal).where(PaymentReversal.source == source))
    if known is not None:
        return known
    most = left_to_give_back(session, taking)
    if amount.minor <= 0:
        raise Refused("amount_zero")
    if amount.minor > most:
        raise Refused("beyond_taken", most=Money(most, taking.currency))
    account = session.get_one(Account, payment.account_id)
    room = (taking.amount_minor - taking.beyond_minor) - _given_back(session, taking)
    put = min(amount.minor, room)
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
        actor,
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
    # What is open for them asks for too much now (P-05, decision 14).
    attempts.supersede(session, actor, list(shares), reason="payment", now=now)
    _tell(session, actor, payment, taking, row, now=now)
    consequences.follow_restoring(session, payment, list(shares), cause=f"reversal:{row.id}", now=now)
    return row


def _given_back(session: Session, taking: PaymentReversal) -> int:
    """What was given back already of what had been taken from the payment, the beyond left out."""
    query = select(func.coalesce(func.sum(PaymentReversal.amount_minor - PaymentReversal.beyond_minor), 0))
    return int(session.execute(query.where(PaymentReversal.undoes_id == taking.id)).scalar_one())


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
    """Put an amount back on recoveries of documents that are still written off."""
    entries = select(PaymentReversal.entry_id).where(
        (PaymentReversal.id == taking.id) | (PaymentReversal.undoes_id == taking.id)
    )
    rows = session.execute(
        select(Posting.invoice_id, func.sum(Posting.debit_minor - Posting.credit_minor).label("minor"))
        .join(Invoice, Invoice.id == Posting.invoice_id)
        .where(
            Posting.entry_id.in_(entries), Posting.ledger_code == LedgerCode.RECOVERIES,
            Invoice.status == InvoiceStatus.WRITTEN_OFF,
        )
        .group_by(Posting.invoice_id)
        .order_by(Posting.invoice_id)
    )  # fmt: skip
    found: dict[int, int] = {}
    for r in rows:
        part = min(minor, int(r.minor))
        if part > 0:
            found[r.invoice_id] = part
            minor -= part
    return found


def _tell(
    session: Session,
    actor: Actor,
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
        session, actor, "payment.given_back", payment, account_id=payment.account_id, now=now,
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
