"""Send approved credit back to the card that paid: row first, then the gateway, then the books (P-01, P-20).

The exact call and its key are stored and committed before it is made, as those of an attempt (decision 13).
An outcome that nobody knows is asked for with the same call, and once its key may be forgotten the gateway is
searched by our reference; a second refund is never made. What moves at the gateway is booked by the refund's
id. One that fails, at once or days later, is the account's credit again, and a person finds another way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import fault_points
from models.accounts import Account
from models.approvals import Refund, RefundWay
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money, MoneyError
from models.payments import Payment
from models.reversals import Chargeback, PaymentReversal
from models.states import RefundStatus, advance
from models.store import Store
from models.work import TaskKind
from receivables import ledger, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.payments.hosted import KEY_LIFE, SEARCH_FROM, search_after
from receivables.permissions import SYSTEM
from receivables.policy import current_policy
from receivables.ports import (
    GatewayRefused,
    OutcomeUnknown,
    PaymentGateway,
    PreparedRequest,
    RefundOrder,
    RefundState,
    RemoteRefund,
)
from receivables.reversals import debtor_letters
from receivables.reversals.beyond import MOVED_NOTHING, take_credit_that_is_due
from receivables.reversals.taking import cash_code, effect_of, remember

#: A call that may still be under way is not searched for before.
UNDER_WAY_FOR = timedelta(minutes=2)


def refundable(session: Session, payment: Payment) -> Money:
    """Return what may still go back to the card of a payment: its amount less what went back any way.

    The gateway refuses more than that; what a chargeback holds can't be refunded.
    """
    taken = session.execute(
        select(
            func.coalesce(
                func.sum(PaymentReversal.amount_minor).filter(
                    PaymentReversal.undoes_id.is_(None), ~MOVED_NOTHING
                ),
                0,
            )
            - func.coalesce(
                func.sum(PaymentReversal.amount_minor).filter(PaymentReversal.undoes_id.is_not(None)), 0
            )
        ).where(PaymentReversal.payment_id == payment.id)
    ).scalar_one()
    own = session.execute(
        select(func.coalesce(func.sum(Refund.amount_minor), 0)).where(
            Refund.payment_id == payment.id, Refund.status != RefundStatus.FAILED
        )
    ).scalar_one()
    return Money(max(payment.amount_minor - int(taken) - int(own), 0), payment.currency)


def is_contested(session: Session, payment: Payment) -> bool:
    """Whether a chargeback of the payment took money or waits for its end: nothing is refunded then."""
    query = select(Chargeback.id).where(
        Chargeback.payment_id == payment.id,
        (Chargeback.taken_minor > Chargeback.returned_minor) | Chargeback.closed_at.is_(None),
    )
    return session.scalar(query.limit(1)) is not None


# --------------------------------------------------------------------------- sending


def send(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> RefundStatus:
    """Make the stored refund, or learn what became of it; called by the worker until it is known.

    Speaks to the gateway between units of work.

    Raises:
        NotFound. GatewayUnreachable: nothing was learned; call again later.
    """
    stored = store.run(lambda s: _prepared(s, gateway, ref, now=now))
    fault_points.reach("refund.after_commit")
    if stored is None:
        return _status(store, ref)
    refund_id, call, age, remote_id = stored
    try:
        remote = _truth(gateway, ref, call, age, remote_id, now=now)
    except OutcomeUnknown:
        return store.run(lambda s: _unknown(s, refund_id, now=now))
    except GatewayRefused as error:
        code = error.code
        if remote_id is None and age < KEY_LIFE:
            # The stored call itself was refused: nothing was created (decision 13).
            return store.run(lambda s: _never_sent(s, refund_id, code, now=now))
        return store.run(lambda s: _unseen(s, refund_id, code, now=now))
    if remote is None:
        return store.run(lambda s: _never_sent(s, refund_id, "never_created", now=now))
    fault_points.reach("refund.after_call")
    return store.run(lambda s: apply(s, refund_id, remote, now=now))


def _truth(
    gateway: PaymentGateway,
    ref: str,
    call: PreparedRequest,
    age: timedelta,
    remote_id: str | None,
    *,
    now: datetime,
) -> RemoteRefund | None:
    if remote_id is not None:
        return gateway.refund_of(remote_id)
    if age < KEY_LIFE:
        try:
            return gateway.refund(call)
        except OutcomeUnknown as fresh:
            return search_after(fresh, age, lambda: gateway.find_refund(ref, now - age - SEARCH_FROM))
    return gateway.find_refund(ref, now - age - SEARCH_FROM)


def _prepared(
    session: Session, gateway: PaymentGateway, ref: str, *, now: datetime
) -> tuple[int, PreparedRequest, timedelta, str | None] | None:
    """Store the exact call before it is made; None where there is nothing to ask any more."""
    found = session.scalar(select(Refund.id).where(Refund.ref == ref))
    if found is None:
        raise NotFound("not_found")
    refund = _locked(session, found)
    if refund.way is not RefundWay.CARD or refund.status is not RefundStatus.UNDER_WAY:
        return None
    payment = session.get_one(Payment, refund.payment_id)
    if refund.request_body is None:
        if is_contested(session, payment):
            _fail(session, refund, "charge_disputed", now=now)
            return None
        order = RefundOrder(
            refund_ref=refund.ref, charge_id=str(payment.provider_charge_id),
            amount=Money(refund.amount_minor, refund.currency),
            idempotency_key=str(refund.idempotency_key),
        )  # fmt: skip
        try:
            call = gateway.prepare_refund(order)
        except MoneyError:  # no gateway can pay a fraction of a step: it never left
            _fail(session, refund, "amount_off_step", now=now)
            return None
        refund.operation, refund.request_body, refund.asked_at = call.operation, call.body, now
        fault_points.reach("refund.before_commit")
    call = PreparedRequest(str(refund.operation), refund.request_body, str(refund.idempotency_key))
    return refund.id, call, now - (refund.asked_at or now), refund.remote_id


def _locked(session: Session, refund_id: int) -> Refund:
    """Lock the account, then the refund (M-07)."""
    account_id = session.execute(select(Refund.account_id).where(Refund.id == refund_id)).scalar_one()
    session.get_one(Account, account_id, with_for_update=True)
    return session.get_one(Refund, refund_id, with_for_update=True, populate_existing=True)


def _status(store: Store, ref: str) -> RefundStatus:
    with store.read() as session:
        return session.execute(select(Refund.status).where(Refund.ref == ref)).scalar_one()


def _unknown(session: Session, refund_id: int, *, now: datetime) -> RefundStatus:
    refund = _locked(session, refund_id)
    if refund.status is RefundStatus.UNDER_WAY and refund.remote_id is None:
        refund.unknown_since = refund.unknown_since or now
    return refund.status


def _never_sent(session: Session, refund_id: int, code: str, *, now: datetime) -> RefundStatus:
    """Fail a refund that the gateway did not make, unless a notification has named it meanwhile."""
    refund = _locked(session, refund_id)
    return refund.status if refund.remote_id is not None else _fail(session, refund, code, now=now)


def _unseen(session: Session, refund_id: int, code: str, *, now: datetime) -> RefundStatus:
    """Call a person where the gateway does not show us what it may have made; nothing is given up (P-22).

    The key may be one of another account, or of its test mode: the refund goes its way all the same.
    """
    refund = _locked(session, refund_id)
    if refund.status is RefundStatus.UNDER_WAY:
        _alert(session, refund, code, now=now)
    return refund.status


def _alert(session: Session, refund: Refund, trouble: str | None, *, now: datetime) -> None:
    outbox.raise_alert(
        session, "refund_unresolved", f"refund:{refund.ref}", account_id=refund.account_id, now=now,
        facts={**_facts(refund), **({"error": trouble} if trouble else {})},
    )  # fmt: skip


# --------------------------------------------------------------------------- what the gateway says


def apply(session: Session, refund_id: int, remote: RemoteRefund, *, now: datetime) -> RefundStatus:
    """Write what the gateway says of our refund into the books in one unit of work; idempotent.

    Its own answer, each notification and the sweeper come here: one refund is one entry (P-20).
    """
    refund = _locked(session, refund_id)
    payment = session.get_one(Payment, refund.payment_id)
    refund.remote_id, refund.remote_status = remote.refund_id, remote.status.value
    refund.unknown_since = None
    if remote.status in (RefundState.FAILED, RefundState.CANCELLED):
        if remote.movement_id is not None:
            _book(session, refund, payment, remote, now=now)
        return _fail(session, refund, remote.failure_reason or remote.status.value, now=now)
    if refund.status is RefundStatus.FAILED:
        return refund.status  # an older answer that comes late
    if remote.movement_id is not None or remote.status is RefundState.SUCCEEDED:
        _book(session, refund, payment, remote, now=now)
    if remote.status is RefundState.SUCCEEDED and refund.status is RefundStatus.UNDER_WAY:
        advance(refund, RefundStatus.PAID_OUT)
        record(
            session, SYSTEM, "refund.paid_out", refund, account_id=refund.account_id, now=now,
            facts={**_facts(refund), "refund": refund.remote_id},
        )  # fmt: skip
        outbox.note(session, refund.account_id, "refund.paid_out", now=now, facts=_facts(refund))
        debtor_letters.tell_refund(session, refund, now=now)
    if remote.status is RefundState.REQUIRES_ACTION:
        outbox.raise_alert(
            session, "refund_needs_action", f"refund:{refund.ref}", account_id=refund.account_id, now=now,
            facts=_facts(refund),
        )  # fmt: skip
    session.flush()
    return refund.status


def _book(session: Session, refund: Refund, payment: Payment, remote: RemoteRefund, *, now: datetime) -> None:
    """Book that the gateway took the money: refunds payable against clearing; once."""
    if effect_of(session, remote.refund_id, "refund") is not None:
        return
    account = session.get_one(Account, refund.account_id)
    amount = Money(refund.amount_minor, refund.currency)
    on = business_date(remote.created_at, account.zone)
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"refund_sent:{remote.refund_id}",
            kind="refund_at_gateway",
            currency=amount.currency,
            sides=[
                ledger.debit(LedgerCode.REFUNDS_PAYABLE, amount, account_id=account.id),
                ledger.credit(cash_code(session, payment), amount),
            ],
            effective_on=on,
        ),
        now=now,
    )
    remember(session, remote.refund_id, "refund", payment, entry.id, now=now)
    if refund.status is RefundStatus.UNDER_WAY:
        refund.paid_entry_id, refund.paid_on = entry.id, on


def _fail(session: Session, refund: Refund, code: str, *, now: datetime) -> RefundStatus:
    """Take a refund back that did not reach the card: its entries are reversed, the credit is free again."""
    if refund.status is RefundStatus.FAILED:
        return refund.status
    account = session.get_one(Account, refund.account_id)
    today = business_date(now, account.zone)
    sent = effect_of(session, refund.remote_id, "refund") if refund.remote_id is not None else None
    if sent is not None and refund.remote_id is not None:
        entry = session.get_one(LedgerEntry, sent.entry_id)
        back = ledger.reverse(session, SYSTEM, entry, effective_on=today, now=now)
        payment = session.get_one(Payment, refund.payment_id)
        if effect_of(session, refund.remote_id, "refund_failed") is None:
            remember(session, refund.remote_id, "refund_failed", payment, back.id, now=now)
    owed = session.get_one(LedgerEntry, refund.entry_id)
    refund.paid_entry_id = refund.paid_on = None
    refund.failure_code, refund.unknown_since = code, None
    advance(refund, RefundStatus.FAILED)
    session.flush()
    ledger.reverse(session, SYSTEM, owed, effective_on=today, now=now)
    take_credit_that_is_due(session, refund.account_id, refund.currency, now=now)
    facts = {**_facts(refund), "why": code}
    record(
        session, SYSTEM, "refund.failed", refund, account_id=refund.account_id, now=now,
        facts={**facts, "refund": refund.remote_id},
    )  # fmt: skip
    outbox.note(session, refund.account_id, "refund.failed", now=now, facts=facts)
    outbox.ask_person(
        session, TaskKind.REFUND_FAILED, f"refund:{refund.ref}:failed", account_id=refund.account_id,
        facts=facts, now=now,
    )  # fmt: skip
    return refund.status


def _facts(refund: Refund) -> dict[str, object]:
    return {"amount_minor": refund.amount_minor, "currency": refund.currency}


# --------------------------------------------------------------------------- looking again

#: Refunds to a card without an end, and since when one waits for it: its call, or its approval before that.
_OPEN = (Refund.way == RefundWay.CARD) & (Refund.status == RefundStatus.UNDER_WAY)
_since = func.coalesce(Refund.asked_at, Refund.approved_at)


def sweep(
    store: Store, gateway: PaymentGateway, *, gateway_account: str, now: datetime, limit: int = 50
) -> int:
    """Ask for every refund that has no end yet, and raise an alert where nobody knows for long (P-16).

    Returns: how many were looked at.
    """
    with store.read() as session:
        policy = current_policy(session, now)
        due = session.execute(
            select(Refund.ref, _since.label("since"))
            .where(_OPEN, Refund.gateway_account == gateway_account, _since <= now - UNDER_WAY_FOR)
            # What was never asked for comes first: the others are on their way.
            .order_by(Refund.asked_at.is_not(None), Refund.unknown_since.is_(None), Refund.id)
            .limit(limit)
        ).all()
    for ref, since in due:
        trouble = None
        try:
            send(store, gateway, ref, now=now)
        except Exception as error:  # one bad refund must not hold up the others
            trouble = type(error).__name__
        store.run(
            lambda s, ref=ref, since=since, t=trouble: _alert_if_stuck(  # type: ignore[misc]
                s, ref, since + policy.alert_after, t, now=now
            )
        )
    return len(due)


def _alert_if_stuck(
    session: Session, ref: str, late_at: datetime, trouble: str | None, *, now: datetime
) -> None:
    refund = session.scalars(select(Refund).where(Refund.ref == ref)).one()
    open_end = refund.status is RefundStatus.UNDER_WAY and (refund.unknown_since or trouble)
    if open_end and now > late_at:
        _alert(session, refund, trouble, now=now)


def call_people(session: Session, *, now: datetime) -> int:
    """Raise an alert for each refund that the gateway has not named in time, whoever should ask it (INV-13).

    Its job tries for hours, and no worker may have its gateway account: then nobody asks at all.
    Returns: how many there are.
    """
    late = session.scalars(
        select(Refund).where(
            _OPEN, Refund.remote_id.is_(None), _since < now - current_policy(session, now).alert_after
        )
    ).all()
    for refund in late:
        _alert(session, refund, None, now=now)
    return len(late)
