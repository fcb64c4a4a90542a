"""Send credit back: asked for by one person, approved by another, then sent.

An approved refund moves the credit to refunds payable. By bank transfer the accountant sends it, and what he
notes as paid out leaves the bank; to the card that paid, the worker asks the gateway
(reversals/card_refunds.py). The debtor is told of either.
Source: A-02; INV-7; P-20; policy approvals.refund.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import ApprovalKind, ApprovalRequest, Refund, RefundWay
from models.base import new_ref
from models.ledger import LedgerCode
from models.messages import Purpose
from models.money import Money, currency_row, total
from models.payments import Payment, PaymentAttempt
from models.staff import Staff
from models.states import RefundStatus, advance
from models.work import Task, TaskKind
from receivables import approval_requests, credits, ledger, outbox
from receivables.approval_requests import amount_of
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.contact.readers import reader_of, way_to
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.reversals import card_refunds
from receivables.texts import clean_words, one_line

#: Longest name of a payee, bank account and bank reference, characters.
LINE_MOST = 140


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund as the accountant's list shows it; `paid_on` None: still to send.

    `remote_status` is the gateway's word for one that goes to a card, `payment` the payment that it goes
    back to, `is_unknown` that nobody knows yet whether the gateway took the order.
    """

    ref: str
    account_ref: str
    account_name: str
    amount: Money
    payee: str
    bank_account: str
    status: RefundStatus
    approved_at: datetime
    approved_by: str
    paid_on: date | None
    bank_reference: str | None
    way: RefundWay
    payment: str | None
    remote_id: str | None
    remote_status: str | None
    is_unknown: bool
    failure_code: str | None


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A payment whose card may receive credit back, at most `most` of it."""

    number: str
    detail: str
    on: date
    most: Money


def free_credit(session: Session, account_id: int, currency: str) -> Money:
    """Return what could be sent back in a currency, whoever asked for it."""
    found = credits.sources(session, account_id)
    return total([source.left for source in found if source.left.currency == currency], currency)


def propose_refund(
    session: Session,
    actor: Actor,
    account_ref: str,
    *,
    amount: Money,
    payee: str,
    bank_account: str,
    reason: str,
    now: datetime,
) -> ApprovalRequest:
    """Ask for credit to be sent back by bank transfer.

    Args:
        amount: > 0, at most the credit in its currency.
        payee, bank_account: whom and where to, one line each.
    Raises:
        NotAllowed. NotFound.
        Refused: amount_zero, credit_too_small (facts: free), payee_missing, bank_account_missing,
            request_waits, reason_missing, words_too_long.
    """
    require(actor, Permission.REFUND_PROPOSE)
    account = session.scalar(select(Account).where(Account.ref == account_ref).with_for_update())
    if account is None:
        raise NotFound("not_found")
    if amount.minor <= 0:
        raise Refused("amount_zero")
    _refuse_beyond_credit(session, account, amount)
    name, where = (clean_words(one_line(words), most=LINE_MOST) for words in (payee, bank_account))
    if not name:
        raise Refused("payee_missing")
    if not any(sign.isalnum() for sign in where):
        raise Refused("bank_account_missing")
    return approval_requests.ask(
        session, actor, ApprovalKind.REFUND, account=account,
        subject_ref=f"{account.ref}:{amount.currency}", facts={"payee": name, "bank_account": where},
        amount=amount, reason=reason, now=now,
    )  # fmt: skip


def propose_card_refund(
    session: Session,
    actor: Actor,
    account_ref: str,
    *,
    payment_number: str,
    amount: Money,
    reason: str,
    now: datetime,
) -> ApprovalRequest:
    """Ask for credit to be sent back to the card, or the account, that a payment came from.

    Args:
        amount: > 0, at most the credit in its currency and what may still go back to the card.
    Raises:
        NotAllowed. NotFound: no such account, or payment of it.
        Refused: amount_zero, credit_too_small (facts: free), other_currency (facts: currency),
            not_by_card, amount_off_step (facts: step), payment_contested, refunded_before (facts: most),
            request_waits, reason_missing, words_too_long.
    """
    require(actor, Permission.REFUND_PROPOSE)
    account = session.scalar(select(Account).where(Account.ref == account_ref).with_for_update())
    if account is None:
        raise NotFound("not_found")
    if amount.minor <= 0:
        raise Refused("amount_zero")
    _refuse_beyond_credit(session, account, amount)
    payment = _card_payment(session, account, payment_number)
    _refuse_beyond_card(session, payment, amount)
    return approval_requests.ask(
        session, actor, ApprovalKind.REFUND, account=account,
        subject_ref=f"{account.ref}:{amount.currency}",
        facts={
            "way": RefundWay.CARD.value, "payment": payment.number, "payee": account.name,
            "bank_account": payment.method_detail,
        },
        amount=amount, reason=reason, now=now,
    )  # fmt: skip


def card_payments(session: Session, actor: Actor, account_id: int, currency: str) -> list[CardPayment]:
    """Return the payments of an account whose card may receive credit back, the newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.REFUND_PROPOSE)
    found = session.scalars(
        select(Payment)
        .where(
            Payment.account_id == account_id, Payment.currency == currency,
            Payment.provider_charge_id.is_not(None),
        )
        .order_by(Payment.id.desc())
        .limit(50)
    ).all()  # fmt: skip
    rooms = [(payment, card_refunds.refundable(session, payment)) for payment in found]
    return [
        CardPayment(payment.number, payment.method_detail, payment.valued_on, most)
        for payment, most in rooms
        if most and not card_refunds.is_contested(session, payment)
    ]


def _card_payment(session: Session, account: Account, number: str) -> Payment:
    payment = session.scalar(
        select(Payment).where(Payment.number == number, Payment.account_id == account.id)
    )
    if payment is None:
        raise NotFound("not_found")
    return payment


def _refuse_beyond_card(session: Session, payment: Payment, amount: Money) -> None:
    if payment.provider_charge_id is None or payment.attempt_id is None:
        raise Refused("not_by_card")
    if amount.currency != payment.currency:
        raise Refused("other_currency", currency=payment.currency)
    if not amount.is_payable:
        raise Refused("amount_off_step", step=Money(currency_row(amount.currency).step, amount.currency))
    if card_refunds.is_contested(session, payment):
        raise Refused("payment_contested")
    most = card_refunds.refundable(session, payment)
    if amount > most:
        raise Refused("refunded_before", most=most)


def approve_refund(session: Session, actor: Actor, request: ApprovalRequest, *, now: datetime) -> None:
    """Owe the debtor what was approved, and let it be sent: by the accountant, or by the gateway.

    Raises:
        Refused: credit_too_small, when the credit was used meanwhile; payment_contested, refunded_before,
            when the card can't receive it any more; amount_off_step, when it never could.
    """
    amount = amount_of(request)
    if amount is None or request.account_id is None:
        raise Refused("case_changed")
    account = session.get_one(Account, request.account_id, with_for_update=True)
    _refuse_beyond_credit(session, account, amount)
    way = RefundWay(request.facts.get("way", RefundWay.BANK_TRANSFER.value))
    payment = None
    if way is RefundWay.CARD:
        payment = _card_payment(session, account, request.facts["payment"])
        _refuse_beyond_card(session, payment, amount)
    found = [s for s in credits.sources(session, account.id) if s.left.currency == amount.currency]
    parts = [
        (source.row_id if source.kind == "credit_note" else None, part)
        for source, part in credits.taken(found, amount)
    ]
    entry = ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"refund:{request.id}",
            kind="refund",
            currency=amount.currency,
            sides=[
                side(code, part, account_id=account.id, invoice_id=note)
                for side, code in (
                    (ledger.debit, LedgerCode.UNAPPLIED_CREDIT), (ledger.credit, LedgerCode.REFUNDS_PAYABLE),
                )
                for note, part in parts
            ],
            effective_on=business_date(now, account.zone),
        ),
        now=now,
    )  # fmt: skip
    refund = Refund(
        ref=new_ref(), account_id=account.id, request_id=request.id,
        status=RefundStatus.PAYABLE if payment is None else RefundStatus.UNDER_WAY,
        amount_minor=amount.minor, currency=amount.currency, payee=request.facts["payee"],
        bank_account=request.facts["bank_account"], entry_id=entry.id, approved_at=now, way=way,
    )  # fmt: skip
    if payment is not None:
        attempt = session.get_one(PaymentAttempt, payment.attempt_id)
        refund.payment_id, refund.gateway_account = payment.id, attempt.gateway_account
        refund.idempotency_key = f"refund:{refund.ref}"
    session.add(refund)
    session.flush()
    facts = {"amount_minor": amount.minor, "currency": amount.currency}
    record(
        session, actor, "refund.approved", refund, account_id=account.id, now=now,
        facts={**facts, "request": request.id},
    )  # fmt: skip
    outbox.note(session, account.id, "refund.approved", staff_id=actor.id, now=now, facts=facts)
    if payment is not None:
        outbox.queue_job(
            session, kind="send_refund", key=f"send_refund:{refund.ref}", payload={"refund_ref": refund.ref},
            now=now,
        )  # fmt: skip
    else:
        outbox.ask_person(
            session, TaskKind.PAY_REFUND, _task_key(refund), account_id=account.id, now=now,
            facts={**facts, "refund": refund.ref},
        )  # fmt: skip
    _answer_asked_back(session, actor, account, amount, now=now)


def pay_out(
    session: Session, actor: Actor, ref: str, *, paid_on: date, bank_reference: str, now: datetime
) -> Refund:
    """Note that a refund left the bank: refunds payable against bank; who pays is told where it went.

    A second call finds it done.

    Args:
        paid_on: day of the bank's statement, not after today in the account's zone.
        bank_reference: what the statement says of it.
    Raises:
        NotAllowed. NotFound.
        Refused: day_ahead, reference_missing, words_too_long; goes_to_card, the gateway sends it.
    """
    require(actor, Permission.REFUND_PAY)
    account_id = session.scalar(select(Refund.account_id).where(Refund.ref == ref))
    if account_id is None:
        raise NotFound("not_found")
    account = session.get_one(Account, account_id, with_for_update=True)
    refund = session.scalars(
        select(Refund).where(Refund.ref == ref).execution_options(populate_existing=True).with_for_update()
    ).one()
    if refund.way is RefundWay.CARD:
        raise Refused("goes_to_card")
    if refund.status is RefundStatus.PAID_OUT:
        return refund
    if paid_on > business_date(now, account.zone):
        raise Refused("day_ahead")
    said = clean_words(one_line(bank_reference), most=LINE_MOST)
    if not said:
        raise Refused("reference_missing")
    amount = Money(refund.amount_minor, refund.currency)
    entry = ledger.post(
        session,
        actor,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"refund_paid:{refund.id}",
            kind="refund_paid",
            currency=amount.currency,
            sides=[
                ledger.debit(LedgerCode.REFUNDS_PAYABLE, amount, account_id=account.id),
                ledger.credit(LedgerCode.BANK, amount),
            ],
            effective_on=paid_on,
        ),
        now=now,
    )
    advance(refund, RefundStatus.PAID_OUT)
    refund.paid_on, refund.paid_by_id, refund.bank_reference = paid_on, actor.id, said
    refund.paid_entry_id = entry.id
    task = session.scalar(select(Task).where(Task.key == _task_key(refund)))
    if task is not None and task.done_at is None:
        task.done_at, task.done_by_id = now, actor.id
    facts = {"amount_minor": amount.minor, "currency": amount.currency}
    record(
        session, actor, "refund.paid_out", refund, account_id=account.id, now=now,
        facts={**facts, "paid_on": paid_on.isoformat()},
    )  # fmt: skip
    outbox.note(session, account.id, "refund.paid_out", staff_id=actor.id, now=now, facts=facts)
    _tell_sent(session, actor, account, refund, now=now)
    session.flush()
    return refund


def _tell_sent(session: Session, actor: Actor, account: Account, refund: Refund, *, now: datetime) -> None:
    """Write to who pays that the money is on its way back: our answer to what was asked for."""
    contact = reader_of(session, account.id)
    way = way_to(contact, Purpose.ANSWER) if contact is not None else None
    if contact is None or way is None:
        return
    outbox.enqueue(
        session, actor, account=account, contact=contact, channel=way[0], purpose=way[1], kind="refund_sent",
        facts={"refund_id": refund.id}, dedupe_key=f"refund_sent:{refund.id}", currency=refund.currency,
        now=now,
    )  # fmt: skip


def rows(session: Session, actor: Actor, *, limit: int = 100) -> list[RefundRow]:
    """Return refunds, those to send first, the oldest of them first; then the others, the newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.REFUND_READ)
    ended = Refund.status.in_([RefundStatus.PAID_OUT, RefundStatus.FAILED])
    found = session.execute(
        select(
            Refund, Account.ref.label("account_ref"), Account.name, Staff.name.label("approved_by"),
            Payment.number.label("payment"),
        )
        .join(Account, Account.id == Refund.account_id)
        .join(ApprovalRequest, ApprovalRequest.id == Refund.request_id)
        .join(Staff, Staff.id == ApprovalRequest.approver_id)
        .outerjoin(Payment, Payment.id == Refund.payment_id)
        .order_by(ended, case((ended, -Refund.id), else_=Refund.id))
        .limit(limit)
    )  # fmt: skip
    return [
        RefundRow(
            ref=r.Refund.ref, account_ref=r.account_ref, account_name=r.name,
            amount=Money(r.Refund.amount_minor, r.Refund.currency), payee=r.Refund.payee,
            bank_account=r.Refund.bank_account, status=r.Refund.status, approved_at=r.Refund.approved_at,
            approved_by=r.approved_by, paid_on=r.Refund.paid_on, bank_reference=r.Refund.bank_reference,
            way=r.Refund.way, payment=r.payment, remote_id=r.Refund.remote_id,
            remote_status=r.Refund.remote_status, is_unknown=r.Refund.unknown_since is not None,
            failure_code=r.Refund.failure_code,
        )
        for r in found
    ]  # fmt: skip


def to_send(found: Sequence[RefundRow]) -> list[RefundRow]:
    """Return those that a person has to send; the gateway sends the others."""
    return [row for row in found if row.status is RefundStatus.PAYABLE]


def _task_key(refund: Refund) -> str:
    return f"refund:{refund.ref}:pay"


def _refuse_beyond_credit(session: Session, account: Account, amount: Money) -> None:
    free = free_credit(session, account.id, amount.currency)
    if amount > free:
        raise Refused("credit_too_small", free=free)


def _answer_asked_back(
    session: Session, actor: Actor, account: Account, amount: Money, *, now: datetime
) -> None:
    """Close what the debtor asked back, once all that he asked for is on its way."""
    query = select(Task).where(
        Task.account_id == account.id, Task.kind == TaskKind.REFUND_ASKED, Task.done_at.is_(None)
    )
    for task in session.scalars(query):
        if task.facts["currency"] == amount.currency and int(task.facts["amount_minor"]) <= amount.minor:
            task.done_at, task.done_by_id = now, actor.id
