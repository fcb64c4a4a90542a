"""Money that a handler collected and sent on: posted once, less its commission; taken back if it was wrong.

The whole of what was collected is a payment of the debtor; what the handler kept is our expense. What was
typed wrongly is taken back whole, with its commission, and typed anew: nothing that was posted is changed.
Source: domain.md, "Money and ledger" (agency commission); M-04, M-06, M-13.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.handovers import Handler, Handover, HandoverInvoice, Remittance
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money, round_to_minor, total
from models.payments import Allocation, Payment, PaymentMethod
from models.reversals import PaymentReversal, ReversalCause
from models.states import HandoverStatus
from models.work import TaskKind
from receivables import consequences, ledger, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.handovers import placing
from receivables.payments.allocation import Share, allocate
from receivables.payments.attempts import supersede
from receivables.payments.receipts import open_targets, recovered_parts, tell_of_recovered
from receivables.permissions import Actor, Permission, require
from receivables.reversals import taking
from receivables.texts import clean_words, one_line

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

    Where the first was taken back, the same reference stands for what is posted in its place.
    Oldest documents of the case are paid first, without what is disputed of them and at most what an accepted
    offer still asks for. What then came for what was written off is a recovery; what is left over becomes
    unapplied credit and a task.

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
    number, known = _place_of(session, case, number)
    if known is not None:
        same = (known.collected_minor, known.commission_minor, known.valued_on)
        if same != (collected.minor, kept.minor, valued_on):
            raise Refused("reference_reused", reference=number)
        return known
    if valued_on > business_date(now, account.zone):
        raise Refused("valued_in_future")
    shares, recovered, rest = _share_out(session, case, account, collected, valued_on)
    entry = _post(
        session, actor, case, account, number, collected, kept, shares, recovered, rest, valued_on, now=now
    )
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
    if recovered:
        tell_of_recovered(session, payment, total([part for _, part in recovered], rest.currency), now=now)
    if shares:
        ids = [share.invoice_id for share in shares]
        supersede(session, actor, ids, reason="remittance", now=now)
    consequences.follow_payment(session, payment, now=now)
    return sent


def take_back_remittance(
    session: Session, actor: Actor, payment_number: str, *, reason: str, now: datetime
) -> PaymentReversal:
    """Take back what was posted of a handler's report, whole and with its commission.

    What it had paid is owed again, on the day of `now`; a case that it had closed stays closed. The debtor is
    not written to. A second call changes nothing.

    Args:
        payment_number: of the payment that the report became.
        reason: what was wrong with it, at most placing.REASON_MOST characters; for our own people.
    Raises:
        NotAllowed, NotFound. Refused: reason_missing, words_too_long, credit_sent_back (facts: amount_minor,
            currency; what is typed anew would be the debtor's credit a second time).
    """
    require(actor, Permission.PAYMENT_TAKE_BACK)
    words = clean_words(reason, most=placing.REASON_MOST)
    if not words:
        raise Refused("reason_missing")
    sent = session.scalar(
        select(Remittance)
        .join(Payment, Payment.id == Remittance.payment_id)
        .where(Payment.number == payment_number)
    )
    if sent is None or sent.payment_id is None:
        raise NotFound("not_found")
    payment = taking.lock_payment(session, sent.payment_id)
    known = session.scalar(select(PaymentReversal).where(PaymentReversal.source == source_of(sent.id)))
    if known is not None:
        return known
    collected = Money(sent.collected_minor, sent.currency)
    gone = taking.gone_of(session, payment, collected)
    if gone:
        raise Refused("credit_sent_back", amount_minor=gone.minor, currency=gone.currency)
    reversal = taking.take_back(
        session, actor, payment, collected, cause=ReversalCause.MISTAKE,
        source=source_of(sent.id), at=now, reason=words, now=now,
    )  # fmt: skip
    if taking.cash_code(session, payment) is LedgerCode.BANK:
        _give_back_commission(session, actor, payment, sent, reversal, now=now)
    facts = {
        "reference": sent.reference, "payment": payment.number, "amount_minor": sent.collected_minor,
        "commission_minor": sent.commission_minor, "currency": sent.currency,
    }  # fmt: skip
    record(
        session, actor, "handover.remittance_taken_back", sent, account_id=payment.account_id, reason=words,
        facts=facts, now=now,
    )  # fmt: skip
    return reversal


def source_of(remittance_id: int) -> str:
    """Return what names the taking back of a report among the reversals of payments."""
    return f"remittance:{remittance_id}"


def commission_of(case: Handover, collected: Money) -> Money:
    """Return what the terms under which a case was placed leave to the handler, rounded half up."""
    percent = Decimal(case.commission_percent or "0")
    return Money(round_to_minor(collected.decimal * percent / 100, collected.currency), collected.currency)


def _place_of(session: Session, case: Handover, number: str) -> tuple[str, Remittance | None]:
    """Return under which number a report stands, and what stands there already.

    What was taken back keeps its own number; what comes in its place is "HR-7 (2)", "HR-7 (3)", …
    """
    place, tries = number, 1
    while True:
        known = session.scalar(
            select(Remittance).where(Remittance.handover_id == case.id, Remittance.reference == place)
        )
        if known is None or not session.scalar(
            select(PaymentReversal.id).where(PaymentReversal.source == source_of(known.id))
        ):
            break
        tries += 1
        place = f"{number} ({tries})"
    if len(place) > REFERENCE_MOST:
        raise Refused("reference_too_long")
    return place, known


def _give_back_commission(
    session: Session,
    actor: Actor,
    payment: Payment,
    sent: Remittance,
    reversal: PaymentReversal,
    *,
    now: datetime,
) -> None:
    """Undo what the handler kept: it never came to the bank, from which the whole was taken back."""
    if not sent.commission_minor:
        return
    kept = Money(sent.commission_minor, sent.currency)
    ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=session.get_one(Account, payment.account_id).creditor_id,
            reference=f"commission_returned:{reversal.source}",
            kind="commission_returned",
            currency=sent.currency,
            sides=[ledger.debit(LedgerCode.BANK, kept), ledger.credit(LedgerCode.AGENCY_COMMISSION, kept)],
            effective_on=reversal.effective_on,
        ),
        now=now,
    )


def _locked(session: Session, ref: str) -> tuple[Handover, Account]:
    case = session.scalar(select(Handover).where(Handover.ref == ref))
    if case is None:
        raise NotFound("not_found")
    account = session.get_one(Account, case.account_id, with_for_update=True)
    session.refresh(case)
    return case, account


def _share_out(
    session: Session, case: Handover, account: Account, amount: Money, valued_on: date
) -> tuple[list[Share], list[tuple[int, Money]], Money]:
    """Lock the documents of a case and share the amount out, oldest due date first.

    Returns: what pays documents, what came for those written off, and what is left over.
    """
    locked = session.scalars(
        select(Invoice)
        .join(HandoverInvoice, HandoverInvoice.invoice_id == Invoice.id)
        .where(HandoverInvoice.handover_id == case.id)
        .order_by(Invoice.id)
        .execution_options(populate_existing=True)
        .with_for_update(of=Invoice)
    ).all()
    targets = open_targets(
        session, locked, amount.currency, valued_on=valued_on, started_at=None, zone=account.zone
    )
    shares, left = allocate(amount.minor, targets, {})
    rest = Money(left, amount.currency)
    recovered = recovered_parts(session, [i.id for i in locked], shares, rest)
    return shares, recovered, rest - total([part for _, part in recovered], rest.currency)


def _post(
    session: Session,
    actor: Actor,
    case: Handover,
    account: Account,
    number: str,
    collected: Money,
    kept: Money,
    shares: list[Share],
    recovered: list[tuple[int, Money]],
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
