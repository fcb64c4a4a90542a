"""Money that a handler collected and sent on: posted once, less its commission.

The whole of what was collected is a payment of the debtor; what the handler kept is our expense.
Source: domain.md, "Money and ledger" (agency commission); M-06, M-13.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.handovers import Handler, Handover, HandoverInvoice, Remittance
from models.invoices import OWED_KINDS, Invoice
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money, round_to_minor
from models.payments import Allocation, Payment, PaymentMethod
from models.states import HandoverStatus, InvoiceStatus
from models.work import TaskKind
from receivables import consequences, ledger, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.payments.allocation import Share, Target, allocate
from receivables.payments.attempts import supersede
from receivables.permissions import Actor, Permission, require
from receivables.texts import one_line

#: Cases of which money may come: also of those that ended, whose money was under way.
_MAY_COME = (HandoverStatus.PLACED, HandoverStatus.RECALLED, HandoverStatus.CLOSED)
#: Longest number of a handler, characters.
REFERENCE_MOST = 80


def record_remittance(
    session: Session,
    actor: Actor,
    handover_ref: str,
    *,
    reference: str,
    collected: Money,
    commission: Money | None = None,
    valued_on: date,
    now: datetime,
) -> Remittance:
    """Post what a handler collected; a second report with the same reference changes nothing.

    Oldest documents of the case are paid first; what is left over becomes unapplied credit and a task.

    Args:
        reference: the handler's own number of it, at most REFERENCE_MOST characters.
        collected: > 0, what the debtor paid the handler.
        commission: what the handler kept of it; None is what its terms say.
        valued_on: account-local day on which the debtor paid, not after today.
    Returns:
        The remittance; the one already there for the same reference.
    Raises:
        NotAllowed, NotFound.
        Refused: not_placed, reference_missing, reference_too_long, amount_zero, other_currency,
            commission_too_high, valued_in_future, reference_reused (it stands for other sums).
    """
    require(actor, Permission.REMITTANCE_RECORD)
    case, account = _locked(session, handover_ref)
    if case.status not in _MAY_COME:
        raise Refused("not_placed")
    number = one_line(reference)
    if not number:
        raise Refused("reference_missing")
    if len(number) > REFERENCE_MOST:
        raise Refused("reference_too_long")
    if collected.minor <= 0:
        raise Refused("amount_zero")
    if {collected.currency, (commission or collected).currency} != {case.currency}:
        raise Refused("other_currency")
    kept = commission if commission is not None else commission_of(case, collected)
    if not 0 <= kept.minor <= collected.minor:
        raise Refused("commission_too_high")
    known = session.scalar(
        select(Remittance).where(Remittance.handover_id == case.id, Remittance.reference == number)
    )
    if known is not None:
        same = (known.collected_minor, known.commission_minor, known.valued_on)
        if same != (collected.minor, kept.minor, valued_on):
            raise Refused("reference_reused", reference=number)
        return known
    if valued_on > business_date(now, account.zone):
        raise Refused("valued_in_future")
    shares, rest = _share_out(session, case, collected)
    entry = _post(session, actor, case, account, number, collected, kept, shares, rest, valued_on, now=now)
    payment = _payment(session, case, account, collected, shares, entry, valued_on, now=now)
    sent = Remittance(
        handover_id=case.id,
        reference=number,
        collected_minor=collected.minor,
        commission_minor=kept.minor,
        currency=case.currency,
        valued_on=valued_on,
        payment_id=payment.id,
        recorded_by_id=actor.id,
        recorded_at=now,
    )
    session.add(sent)
    session.flush()
    facts = {
        "reference": number,
        "payment": payment.number,
        "amount_minor": collected.minor,
        "commission_minor": kept.minor,
        "currency": case.currency,
    }
    record(session, actor, "handover.remitted", sent, account_id=account.id, now=now, facts=facts)
    outbox.note(session, account.id, "handover.remitted", staff_id=actor.id, now=now, facts=facts)
    if rest:
        outbox.ask_person(
            session, TaskKind.UNAPPLIED_MONEY, f"unapplied:payment:{payment.id}", account_id=account.id,
            now=now, facts={"payment": payment.number, "amount_minor": rest.minor, "currency": rest.currency},
        )  # fmt: skip
    if shares:
        ids = [share.invoice_id for share in shares]
        supersede(session, actor, ids, reason="remittance", now=now)
    consequences.follow_payment(session, payment, now=now)
    return sent


def commission_of(case: Handover, collected: Money) -> Money:
    """Return what the terms under which a case was placed leave to the handler, rounded half up."""
    percent = Decimal(case.commission_percent or "0")
    return Money(round_to_minor(collected.decimal * percent / 100, collected.currency), collected.currency)


def _locked(session: Session, ref: str) -> tuple[Handover, Account]:
    case = session.scalar(select(Handover).where(Handover.ref == ref))
    if case is None:
        raise NotFound("not_found")
    account = session.get_one(Account, case.account_id, with_for_update=True)
    session.refresh(case)
    return case, account


def _share_out(session: Session, case: Handover, amount: Money) -> tuple[list[Share], Money]:
    """Lock the documents of a case and share the amount out, oldest due date first."""
    locked = session.scalars(
        select(Invoice)
        .join(HandoverInvoice, HandoverInvoice.invoice_id == Invoice.id)
        .where(HandoverInvoice.handover_id == case.id)
        .order_by(Invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update(of=Invoice)
    ).all()
    targets = [
        Target(i.id, i.balance_minor, i.due_on)
        for i in locked
        if i.status is InvoiceStatus.OPEN and i.kind in OWED_KINDS
    ]
    shares, rest = allocate(amount.minor, targets, {})
    return shares, Money(rest, amount.currency)


def _post(
    session: Session,
    actor: Actor,
    case: Handover,
    account: Account,
    number: str,
    collected: Money,
    kept: Money,
    shares: list[Share],
    rest: Money,
    valued_on: date,
    *,
    now: datetime,
) -> LedgerEntry:
    came = collected - kept
    return ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"remittance:{case.ref}:{number}",
            kind="remittance",
            currency=case.currency,
            sides=[
                *([ledger.debit(LedgerCode.BANK, came)] if came else []),
                *([ledger.debit(LedgerCode.AGENCY_COMMISSION, kept)] if kept else []),
                *(
                    ledger.credit(
                        LedgerCode.RECEIVABLES,
                        Money(share.amount_minor, case.currency),
                        account_id=account.id,
                        invoice_id=share.invoice_id,
                    )
                    for share in shares
                ),
                *([ledger.credit(LedgerCode.UNAPPLIED_CREDIT, rest, account_id=account.id)] if rest else []),
            ],
            effective_on=valued_on,
        ),
        now=now,
    )


def _payment(
    session: Session,
    case: Handover,
    account: Account,
    collected: Money,
    shares: list[Share],
    entry: LedgerEntry,
    valued_on: date,
    *,
    now: datetime,
) -> Payment:
    handler = session.get_one(Handler, case.handler_id)
    payment = Payment(
        number=f"PC-{valued_on.year}-{entry.id:06d}",
        account_id=account.id,
        method=PaymentMethod.OTHER,
        method_detail=handler.name,
        amount_minor=collected.minor,
        currency=case.currency,
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
            currency=case.currency,
            rule=share.rule,
            valued_on=valued_on,
            entry_id=entry.id,
        )
        for share in shares
    )
    session.flush()
    return payment
