"""Ask the gateway for the truth about an attempt and write it into the books, once.

The return page, the webhook, the sweeper and the backfill all call `settle` or `learn`; whoever comes
second finds the work done (P-09). Source: decisions 13, 14; P-03, P-06, P-11, P-16, P-22.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import fault_points
from models.accounts import Account
from models.payments import AttemptInvoice, PaymentAttempt, ProviderEffect
from models.states import (
    UNSETTLED_ATTEMPTS,
    AttemptStatus,
)
from models.store import Store
from receivables import branches, consequences, outbox
from receivables.arrangements import cards, charge_results
from receivables.arrangements.charge_stops import standing_stop
from receivables.payments import delayed
from receivables.payments.attempts import (
    STATUS_OF,
    find_attempt,
    lock,
    move,
    not_opened,
    stored_call,
    supersede,
    write_page,
)
from receivables.payments.hosted import KEY_LIFE, SEARCH_FROM, search_after, truth_of_page
from receivables.payments.receipts import FEE_EFFECT, book_charge, book_fee
from receivables.permissions import SYSTEM
from receivables.ports import (
    CHARGE_CARD,
    GatewayRefused,
    GatewayUnreachable,
    OpenedCheckout,
    OutcomeUnknown,
    PaymentGateway,
    RemotePayment,
)

#: So long a call of a worker may take, all its tries together; until then a search proves nothing.
UNDER_WAY = timedelta(minutes=2)


def end_superseded(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> AttemptStatus:
    """End the hosted page of a superseded attempt at the gateway and settle what is true then.

    Speaks to the gateway between units of work.
    Raises: GatewayUnreachable: try again later.
    """
    with store.read() as session:
        attempt = find_attempt(session, ref)
    if attempt.remote_id is None and attempt.status in UNSETTLED_ATTEMPTS:
        learn(store, gateway, ref, now=now)
        with store.read() as session:
            attempt = find_attempt(session, ref)
        if attempt.status is AttemptStatus.UNKNOWN:
            raise GatewayUnreachable("outcome_unknown")
    if attempt.remote_id is None or attempt.status not in UNSETTLED_ATTEMPTS:
        return attempt.status
    return apply(store, attempt.id, gateway.expire(attempt.remote_id), now=now)


def settle(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> AttemptStatus:
    """Learn the truth about an attempt as `learn` does; keep its status when the gateway gives none.

    For people who ask now and again: the return page, a second start.
    Speaks to the gateway between units of work.

    Returns:
        The attempt's status afterwards; unchanged when the gateway can't be reached. An answer that
        refuses us leaves an alert.
    Raises:
        NotFound: no such attempt.
    """
    try:
        return learn(store, gateway, ref, now=now)
    except GatewayUnreachable:
        pass
    except GatewayRefused as error:
        why = str(error)
        store.run(lambda s: _alert(s, "attempt_unresolved", find_attempt(s, ref), {"why": why}, now=now))
    with store.read() as session:
        return find_attempt(session, ref).status


def learn(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> AttemptStatus:
    """Ask the gateway for the present truth about an attempt and apply it; safe to call at any time.

    Speaks to the gateway between units of work. For an attempt without a known page the stored
    call is made again with its stored key, which creates nothing twice; once the key may be
    forgotten (P-03), or gives no answer for long, the gateway is searched instead.

    Returns:
        The attempt's status afterwards.
    Raises:
        NotFound: no such attempt.
        GatewayUnreachable: nothing was learned; ask again later.
        GatewayRefused: the gateway does not show us the page that we know of.
    """
    with store.read() as session:
        attempt = find_attempt(session, ref)
        if attempt.status is AttemptStatus.SUCCEEDED and not _fee_missing(session, attempt):
            return attempt.status
    try:
        remote = _truth(store, gateway, attempt, now=now)
    except OutcomeUnknown as error:
        why = str(error)
        return store.run(lambda s: left_open(s, attempt.id, AttemptStatus.UNKNOWN, why, now=now))
    except GatewayRefused as error:
        if attempt.remote_id is not None:
            raise
        # The stored call was refused, so its key has no saved page: nothing was created
        # (decision 13). The gateway said so, hence `failed`.
        return _never_created(store, attempt, error.code, now=now)
    if remote is None:
        # The gateway was searched and knows no page of ours: its word that nothing was created.
        return _never_created(store, attempt, charge_results.NEVER_CREATED, now=now)
    return apply(store, attempt.id, remote, now=now)


def _never_created(store: Store, attempt: PaymentAttempt, code: str, *, now: datetime) -> AttemptStatus:
    def unit(session: Session) -> AttemptStatus:
        session.get_one(Account, attempt.account_id, with_for_update=True)
        locked = lock(session, attempt.id)
        if locked.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
            move(session, locked, AttemptStatus.FAILED, now=now, code=code)
            charge_results.failed(session, locked, now=now, refused=True)
            cards.saved_with_payment(session, locked, locked.status, None, now=now)
        return locked.status

    return store.run(unit)


def page_opened(session: Session, attempt_id: int, opened: OpenedCheckout, *, now: datetime) -> None:
    """Write down the page that the gateway made, and for whom a card is kept on it."""
    attempt = lock(session, attempt_id)
    write_page(session, attempt, opened, now=now)
    cards.saving_opened(session, attempt, opened, now=now)


def left_open(
    session: Session, attempt_id: int, to: AttemptStatus, code: str, *, now: datetime
) -> AttemptStatus:
    """Write down that the page was not opened here, unless somebody else has found it meanwhile.

    Returns: how the attempt stands now.
    """
    not_opened(session, attempt_id, to, code, now=now)
    attempt = lock(session, attempt_id)
    cards.saved_with_payment(session, attempt, attempt.status, None, now=now)
    return attempt.status


def _fee_missing(session: Session, attempt: PaymentAttempt) -> bool:
    effect = select(ProviderEffect.id).where(
        ProviderEffect.attempt_id == attempt.id, ProviderEffect.kind == FEE_EFFECT
    )
    return session.scalar(effect.limit(1)) is None


def _truth(
    store: Store, gateway: PaymentGateway, attempt: PaymentAttempt, *, now: datetime
) -> RemotePayment | None:
    if attempt.remote_id is None and attempt.status not in UNSETTLED_ATTEMPTS:
        # It has its end, and something newer may stand in its place: it is looked for, never made.
        return gateway.find(attempt.ref, attempt.started_at - SEARCH_FROM)
    if attempt.remote_id is None and attempt.operation == CHARGE_CARD:
        with store.read() as session:
            account = session.get_one(Account, attempt.account_id)
            stopped = standing_stop(session, account, now=now) is not None
        return _charge_truth(gateway, attempt, stopped=stopped, now=now)
    return truth_of_page(
        store,
        gateway,
        stored_call(attempt),
        ref=attempt.ref,
        remote_id=attempt.remote_id,
        started_at=attempt.started_at,
        opened=lambda s, page: page_opened(s, attempt.id, page, now=now),
        now=now,
    )


def _charge_truth(
    gateway: PaymentGateway, attempt: PaymentAttempt, *, stopped: bool, now: datetime
) -> RemotePayment | None:
    """Learn of a charge without an answer: by its stored key, or by a search that takes nothing.

    One whose invoices or plan have changed meanwhile, or whose payer the law protects by now, is only
    searched for: if it was never made, it is not made any more.

    Raises: OutcomeUnknown: also while a call that cannot be found may still be under way.
    """
    age, since = now - attempt.started_at, attempt.started_at - SEARCH_FROM
    if age < KEY_LIFE and attempt.superseded_at is None and not stopped:
        try:
            return gateway.charge(stored_call(attempt))
        except OutcomeUnknown as fresh:
            return search_after(fresh, age, lambda: gateway.find(attempt.ref, since))
    found = gateway.find(attempt.ref, since)
    last_call = attempt.started_at if stopped else attempt.started_at + KEY_LIFE
    last_call = min(last_call, attempt.superseded_at or last_call)
    if found is None and now < last_call + UNDER_WAY:
        raise OutcomeUnknown("under_way")
    return found


def apply(store: Store, attempt_id: int, remote: RemotePayment, *, now: datetime) -> AttemptStatus:
    """Write the gateway's truth into our books in one unit of work; idempotent and monotonic."""

    def unit(session: Session) -> AttemptStatus:
        status = _apply_in(session, attempt_id, remote, now=now)
        fault_points.reach("settle.before_commit")
        return status

    status = store.run(unit)
    fault_points.reach("settle.after_commit")
    return status


def _apply_in(session: Session, attempt_id: int, remote: RemotePayment, *, now: datetime) -> AttemptStatus:
    # The accounts are locked first, as everywhere (M-07).
    branches.lock_paid(session, attempt_id)
    attempt = lock(session, attempt_id)
    account_id = attempt.account_id
    is_ours = remote.attempt_ref == attempt.ref
    if not is_ours:
        _alert(session, "foreign_object", attempt, {"object": remote.session_id}, now=now)
        if remote.session_id != attempt.remote_id or remote.charge is None:
            return attempt.status
    attempt.remote_id = attempt.remote_id or remote.session_id
    attempt.checkout_url = attempt.checkout_url or remote.url
    attempt.intent_id = remote.intent_id or attempt.intent_id
    if attempt.status is AttemptStatus.CREATED and attempt.operation != CHARGE_CARD:
        move(session, attempt, AttemptStatus.OPEN, now=now)  # its page is there, so it was opened
    to = STATUS_OF[remote.state]
    before = attempt.status
    if before is AttemptStatus.PROCESSING and to in (AttemptStatus.CANCELLED, AttemptStatus.EXPIRED):
        to = AttemptStatus.FAILED  # accepted once, and the money will not come
    payment, late = None, False
    if remote.charge is not None and to is AttemptStatus.SUCCEEDED:
        late = before in (AttemptStatus.FAILED, AttemptStatus.CANCELLED, AttemptStatus.EXPIRED)
        # Money of our own page under another name is parked: booked, and a person says what it is for (P-06).
        late = late or not is_ours
        if before is not AttemptStatus.SUCCEEDED and not late:
            # Told again, it is neither: its credit may have been taken off meanwhile.
            if charge_results.is_second(session, attempt):
                late = True
                charge_results.stop(session, attempt)
            else:
                charge_results.credit(session, attempt)
        payment = book_charge(session, attempt, remote.charge, late=late, now=now)
        book_fee(session, attempt, remote.charge, now=now)
    if before is to or before is AttemptStatus.SUCCEEDED:
        return before
    if before not in UNSETTLED_ATTEMPTS and to is not AttemptStatus.SUCCEEDED:
        return before  # a stale answer; final stays final (P-04)
    if before is AttemptStatus.PROCESSING and to is AttemptStatus.OPEN:
        return before
    move(session, attempt, to, now=now, code=remote.failure_code)
    if to is AttemptStatus.FAILED:
        charge_results.failed(session, attempt, now=now)
        delayed.failed(session, attempt, now=now)
        if before is AttemptStatus.PROCESSING:
            consequences.follow_failure(session, attempt, now=now)
    if to is AttemptStatus.PROCESSING:
        delayed.accepted(session, attempt, now=now)
    elif before is AttemptStatus.PROCESSING:
        delayed.ended(session, attempt, now=now)
    if to is not AttemptStatus.OPEN:
        cards.saved_with_payment(session, attempt, to, remote.card, now=now)
    is_news = payment is not None and not late
    if is_news and before is AttemptStatus.PROCESSING:
        # What was on its way no page asks for any more: its coming ends none (decision 12).
        is_news = remote.charge is not None and remote.charge.amount.minor != attempt.amount_minor
    if to is AttemptStatus.PROCESSING or is_news:
        _end_others(session, attempt, now=now)
    if payment is not None:
        consequences.follow_payment(session, payment, now=now)
    if to in (AttemptStatus.PROCESSING, AttemptStatus.FAILED):
        outbox.note(
            session,
            account_id,
            f"payment.{to.value}",
            contact_id=attempt.contact_id,
            now=now,
            facts={"amount_minor": attempt.amount_minor, "currency": attempt.currency},
        )
    return to


def _end_others(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    """End what else is open for the documents that this payment names: their sum is no longer asked for.

    Race pay ∥ pay: the page that is still open is ended; what it has taken nevertheless is settled
    against the balance of then.
    """
    named = session.scalars(
        select(AttemptInvoice.invoice_id).where(AttemptInvoice.attempt_id == attempt.id)
    ).all()
    supersede(session, SYSTEM, named, reason="payment", now=now)


def _alert(
    session: Session, code: str, attempt: PaymentAttempt, facts: dict[str, str], *, now: datetime
) -> None:
    key = f"attempt:{attempt.id}"
    outbox.raise_alert(session, code, key, account_id=attempt.account_id, facts=facts, now=now)
