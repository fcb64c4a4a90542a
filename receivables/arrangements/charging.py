"""Charge an instalment to the saved card while its holder is away (P-24).

Row first, then the gateway, then the books: as every payment (P-01). One charge of an instalment is on its
way at a time, and none while another payment of its invoices is: a page that somebody has open is not
closed under his hands, the charge waits for its end. Source: decisions 12-14; FT-25; M-15.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import fault_points
from models.accounts import Account
from models.arrangements import Instalment, InstalmentCharge, Plan, SavedCard
from models.base import new_ref
from models.invoices import Invoice
from models.money import Money
from models.payments import AttemptInvoice, PaymentAttempt
from models.states import AttemptStatus
from models.store import Store
from models.work import TaskKind
from receivables import outbox
from receivables.arrangements import card_changes, charge_results, plan_days, plan_reads
from receivables.arrangements.charge_stops import standing_stop
from receivables.arrangements.decline_classes import DeclineReason, decline_reason
from receivables.arrangements.plan_terms import least_payable
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.flags import spoken
from receivables.payments import settling
from receivables.payments.attempts import lock, move, not_opened, stored_call
from receivables.payments.quotes import Choice, Quote, quote
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import current_policy
from receivables.ports import (
    ChargeOrder,
    GatewayRefused,
    GatewayUnreachable,
    OutcomeUnknown,
    PaymentGateway,
    PreparedRequest,
)


def charge_due(store: Store, gateway: PaymentGateway, account_id: int, *, today: date, now: datetime) -> bool:
    """Charge every instalment of an account that is due to its saved card; daily work, safe to repeat.

    Speaks to the gateway between units of work.
    Returns: whether anything was tried.
    """
    with store.read() as session:
        due = plan_days.due_charges(session, account_id, today)
    outcomes = [charge_instalment(store, gateway, SYSTEM, instalment_id, now=now) for instalment_id in due]
    return any(outcome is not None for outcome in outcomes)


def charge_instalment(
    store: Store, gateway: PaymentGateway, actor: Actor, instalment_id: int, *, now: datetime
) -> AttemptStatus | None:
    """Charge one instalment to the plan's saved card: reserve, commit, call, book.

    Speaks to the gateway between units of work. An unknown outcome is left to the sweeper, which asks
    with the same key or searches, never with a new key.

    Returns:
        How the charge stands, or None when nothing was tried: it is not due, or another payment of its
        invoices is on its way.
    """
    attempt = store.run(lambda s: _reserve(s, gateway, actor, instalment_id, now=now))
    if attempt is None:
        return None
    fault_points.reach("attempt.after_commit")
    try:
        remote = gateway.charge(stored_call(attempt))
    except OutcomeUnknown as error:
        why = str(error)
        return store.run(lambda s: _left(s, attempt.id, AttemptStatus.UNKNOWN, why, now=now))
    except GatewayUnreachable:
        return store.run(lambda s: _left(s, attempt.id, AttemptStatus.CANCELLED, "unreachable", now=now))
    except GatewayRefused as error:
        code = error.code
        status = store.run(lambda s: _refused(s, attempt.id, code, now=now))
        if decline_reason(code) is DeclineReason.CARD_GONE:
            _look_at_card(store, gateway, instalment_id, now=now)
        return status
    fault_points.reach("charge.after_call")
    return settling.apply(store, attempt.id, remote, now=now)


def _look_at_card(store: Store, gateway: PaymentGateway, instalment_id: int, *, now: datetime) -> None:
    """See whether the card is gone at the gateway, of which no notification may have come."""
    with store.read() as session:
        method = session.scalar(
            select(SavedCard.payment_method_id)
            .join(Plan, Plan.saved_card_id == SavedCard.id)
            .join(Instalment, Instalment.plan_id == Plan.id)
            .where(Instalment.id == instalment_id)
        )
    if method is not None:
        with suppress(GatewayUnreachable, GatewayRefused):  # the next charge looks again
            card_changes.look_at(store, gateway, method, now=now)


def _reserve(
    session: Session, gateway: PaymentGateway, actor: Actor, instalment_id: int, *, now: datetime
) -> PaymentAttempt | None:
    """Lock, look again, write the attempt with its reservations; None when it is not to be charged."""
    instalment = session.get_one(Instalment, instalment_id)
    plan = session.get_one(Plan, instalment.plan_id)
    require(actor, Permission.PAYMENT_START, account_id=plan.account_id)
    # The account first, as everywhere (M-07): a second worker waits here and then finds the attempt.
    account = session.get_one(Account, plan.account_id, with_for_update=True, populate_existing=True)
    session.refresh(instalment)
    session.refresh(plan)
    if instalment.id not in plan_days.due_charges(session, account.id, business_date(now, account.zone)):
        return None
    stop = standing_stop(session, account, now=now)
    if stop is not None:
        _call_person(session, account, plan, instalment, spoken(f"flag:{stop.value}"), now=now)
        return None
    card = session.get_one(SavedCard, plan.saved_card_id, populate_existing=True)
    if card.customer_id is None or card.payment_method_id is None:
        return None
    came = plan_reads.received(session, [plan])[plan.id]
    ids = {
        invoice.ref: invoice.id
        for invoice in session.scalars(
            select(Invoice).where(Invoice.ref.in_(came.open_refs)).order_by(Invoice.id).with_for_update()
        )
    }
    taken = select(AttemptInvoice.attempt_id).where(
        AttemptInvoice.invoice_id.in_(ids.values()), AttemptInvoice.blocking
    )
    if session.scalar(taken.limit(1)) is not None:
        return None
    amount = _amount(session, instalment, plan, came)
    try:
        found = quote(
            session, actor, Choice("arranged", plan.currency, came.open_refs, amount),
            account_id=account.id, zone=account.zone, now=now,
        )  # fmt: skip
    except Refused as refused:
        # A credit note or a dispute has changed what the plan was made over.
        _call_person(session, account, plan, instalment, refused.code, now=now)
        return None
    return _write(session, gateway, actor, account, plan, instalment, card, found, ids, now=now)


def _call_person(
    session: Session, account: Account, plan: Plan, instalment: Instalment, why: str, *, now: datetime
) -> None:
    facts = {"why": why, "plan": plan.id, "instalment": instalment.seq}
    key = f"charge:{instalment.id}:{why}"
    outbox.ask_person(session, TaskKind.PLAN_TROUBLE, key, account_id=account.id, facts=facts, now=now)


def _amount(session: Session, instalment: Instalment, plan: Plan, came: plan_reads.Received) -> Money:
    """What is left of the instalment's row, at least what a card can pay, never more than the row (M-15)."""
    left = plan_days.charge_amount(session, instalment, plan)
    whole = plan.total_minor - came.received - came.processing - came.contested
    most = Money(min(instalment.amount_minor, whole), plan.currency)
    return min(max(left, least_payable(plan.currency)), most)


def _write(
    session: Session,
    gateway: PaymentGateway,
    actor: Actor,
    account: Account,
    plan: Plan,
    instalment: Instalment,
    card: SavedCard,
    found: Quote,
    ids: dict[str, int],
    *,
    now: datetime,
) -> PaymentAttempt:
    last = select(func.max(InstalmentCharge.try_number)).where(
        InstalmentCharge.instalment_id == instalment.id
    )
    try_number = (session.scalar(last) or 0) + 1
    prepared = _prepared(gateway, plan, instalment, card, found, try_number)
    attempt = PaymentAttempt(
        ref=prepared[0],
        account_id=account.id,
        contact_id=plan.contact_id,
        amount_minor=found.amount.minor,
        currency=found.amount.currency,
        status=AttemptStatus.CREATED,
        language=plan.accepted_language or account.language,
        form_nonce=prepared[1].idempotency_key,
        gateway_account=card.gateway_account,
        idempotency_key=prepared[1].idempotency_key,
        operation=prepared[1].operation,
        request_body=prepared[1].body,
        expires_at=now + current_policy(session, now).session_life,
        started_at=now,
    )
    session.add(attempt)
    session.flush()
    session.add_all(
        AttemptInvoice(
            attempt_id=attempt.id, invoice_id=ids[row.ref], reserved_minor=part.minor, blocking=True
        )
        for row, part in found.shares
    )
    session.add(InstalmentCharge(attempt_id=attempt.id, instalment_id=instalment.id, try_number=try_number))
    record(
        session,
        actor,
        "attempt.started",
        attempt,
        account_id=account.id,
        now=now,
        facts={
            "amount_minor": found.amount.minor,
            "currency": found.amount.currency,
            "invoices": {str(ids[row.ref]): part.minor for row, part in found.shares},
            "plan": plan.id,
            "instalment": instalment.seq,
            "card": card.id,
            "try": try_number,
        },
    )
    session.flush()
    return attempt


def _prepared(
    gateway: PaymentGateway,
    plan: Plan,
    instalment: Instalment,
    card: SavedCard,
    found: Quote,
    try_number: int,
) -> tuple[str, PreparedRequest]:
    ref = new_ref()
    return ref, gateway.prepare_charge(
        ChargeOrder(
            attempt_ref=ref,
            amount=found.amount,
            title=f"{plan_reads.number_of(plan)} {instalment.seq}/{plan.parts}",
            customer_id=str(card.customer_id),
            payment_method_id=str(card.payment_method_id),
            invoice_refs=[row.ref for row, _ in found.shares],
            # By its name, not its number: another installation on the same gateway account counts plans too.
            idempotency_key=f"plan:{plan.ref}:inst:{instalment.seq}:try:{try_number}",
        )
    )


def _left(session: Session, attempt_id: int, to: AttemptStatus, code: str, *, now: datetime) -> AttemptStatus:
    """Write down a call without an answer, unless somebody else has found it meanwhile."""
    not_opened(session, attempt_id, to, code, now=now)
    return lock(session, attempt_id).status


def _refused(session: Session, attempt_id: int, code: str, *, now: datetime) -> AttemptStatus:
    """Write down that the gateway would not even try: nothing was created by this key."""
    account_id = session.execute(
        select(PaymentAttempt.account_id).where(PaymentAttempt.id == attempt_id)
    ).scalar_one()
    session.get_one(Account, account_id, with_for_update=True)
    attempt = lock(session, attempt_id)
    if attempt.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        move(session, attempt, AttemptStatus.FAILED, now=now, code=code)
        charge_results.failed(session, attempt, now=now, refused=True)
    return attempt.status
