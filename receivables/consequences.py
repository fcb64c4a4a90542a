"""What follows a fact, in the same unit of work (house.md).

Money that came keeps a promise, pays an instalment, settles an offer, releases a credit hold; money that
went back takes all of it back but what is final.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from models.accounts import Account
from models.audit import savepoint
from models.invoices import Invoice
from models.payments import AttemptInvoice, Payment, PaymentAttempt
from receivables import branch_notices, credit_holds, early_payment, outbox, small_differences, waking
from receivables.arrangements import offer_ends, offers, plan_counts, promise_ends
from receivables.arrangements.paid_for import accounts_of
from receivables.disputes import cases
from receivables.handovers import placing
from receivables.ladder import needless
from receivables.permissions import SYSTEM


def look_again(session: Session, payment: Payment, *, now: datetime) -> None:
    """Let the ladder look again, also at the branches that were paid for: what is asked for has changed."""
    for account in accounts_of(session, payment):
        waking.wake_account(session, account.id, now=now)


#: Each is called once for every payment that was booked, after its allocations are written.
AFTER_PAYMENT: tuple[Callable[..., object], ...] = (
    early_payment.close_early,  # first: it changes what is open, and so does the next one
    small_differences.close_small,
    offer_ends.settle,
    offer_ends.void_paid,
    plan_counts.recount,
    promise_ends.keep,
    branch_notices.tell_branches,
    placing.follow_money,
    look_again,
    needless.end_calls,
    credit_holds.release_when_paid,  # last: it looks at what became of everything
)
#: Each is called once for every reversal of a payment, after its rows are written.
AFTER_REVERSAL: tuple[Callable[..., object], ...] = (
    early_payment.reopen_early,  # first: it changes what is open, and so does the next one
    small_differences.reopen_small,
    offer_ends.reopen_reversed,
    plan_counts.recount,
    promise_ends.unkeep,
    look_again,
)


def follow_payment(session: Session, payment: Payment, *, now: datetime) -> None:
    """Let everything follow that waits for money; called once for a payment, before the commit.

    The account is locked by the caller. Each follower is `verb(session, payment, *, now)` and takes
    a repeated call as done. One that fails takes back what it did and nothing else: money that came
    stays booked; it is tried again by the worker and a person is told.
    """
    _follow(session, payment, AFTER_PAYMENT, now=now)


def follow_reversal(session: Session, payment: Payment, invoice_ids: Sequence[int], *, now: datetime) -> None:
    """Let everything follow that money went back: what it had closed, settled, paid and kept is open again.

    The accounts are locked by the caller. As with a payment, what fails is tried again and nothing of the
    reversal is lost.

    Args:
        invoice_ids: of which something is owed again; what was offered for them is void.
    """
    _follow(session, payment, AFTER_REVERSAL, now=now)
    offers.void_changed(session, SYSTEM, invoice_ids, why="reversal", now=now)


def follow_restoring(
    session: Session, payment: Payment, invoice_ids: Sequence[int], *, cause: str, now: datetime
) -> None:
    """Let everything follow that money which had been taken back is here again; the accounts are locked.

    Args:
        invoice_ids: of which it paid something once more.
        cause: names the giving back.
    """
    for invoice_id in invoice_ids:
        early_payment.close_if_earned(session, invoice_id, cause=f"{cause}:{invoice_id}", now=now)
        small_differences.close_if_small(session, invoice_id, cause=f"{cause}:{invoice_id}", now=now)
    offers.void_changed(session, SYSTEM, invoice_ids, why="payment", now=now)
    for account in accounts_of(session, payment):
        promise_ends.keep_for(session, account, payment.currency, now=now)
        follow_reduction(session, account.id, invoice_ids, now=now)


def _follow(
    session: Session, payment: Payment, followers: Sequence[Callable[..., object]], *, now: datetime
) -> None:
    for follower in followers:
        try:
            with savepoint(session):
                follower(session, payment, now=now)
        except (OperationalError, StaleDataError):
            raise  # the database asks for the whole unit again (M-08)
        except Exception as error:
            _ask_again(session, payment, follower.__name__, error, now=now)


def follow_reduction(session: Session, account_id: int, invoice_ids: Sequence[int], *, now: datetime) -> None:
    """Let everything follow that waits for a balance to fall, when no payment made it fall.

    Called after a credit note, withheld tax or credit was booked; the account is locked by the caller.
    """
    offer_ends.settle_for(session, invoice_ids, now=now)
    plan_counts.recount_account(session, session.get_one(Account, account_id), now=now)
    placing.end_paid(session, account_id, now=now)
    waking.wake_account(session, account_id, now=now)
    needless.end_calls_of(session, account_id, now=now)
    credit_holds.release_when_met(session, account_id, now=now)


def follow_failure(session: Session, attempt: PaymentAttempt, *, now: datetime) -> None:
    """Let follow that money on its way did not come: what was disputed meanwhile is set aside after all.

    Called in the unit of work that moves the attempt; its accounts are locked by the caller.
    """
    named = session.execute(
        select(Invoice.account_id, Invoice.id)
        .join(AttemptInvoice, AttemptInvoice.invoice_id == Invoice.id)
        .where(AttemptInvoice.attempt_id == attempt.id)
        .order_by(Invoice.account_id, Invoice.id)
    )
    for account_id, invoice_id in named.all():
        cases.set_aside_unpaid(session, SYSTEM, account_id, [invoice_id], since=attempt.started_at, now=now)


def follow_again(session: Session, payment_id: int, follower: str, *, now: datetime) -> None:
    """Call one follower once more for a booked payment; the worker does, until it goes through.

    Raises:
        KeyError: no follower has the name any more.
    """
    payment = session.get_one(Payment, payment_id)
    session.get_one(Account, payment.account_id, with_for_update=True)
    by_name = {each.__name__: each for each in (*AFTER_REVERSAL, *AFTER_PAYMENT)}
    by_name[follower](session, payment, now=now)


def _ask_again(session: Session, payment: Payment, follower: str, error: Exception, *, now: datetime) -> None:
    key = f"payment:{payment.id}:{follower}"
    outbox.queue_job(
        session,
        kind="follow_payment",
        key=key,
        payload={"payment_id": payment.id, "follower": follower},
        now=now,
        run_at=now + timedelta(minutes=1),
    )
    outbox.raise_alert(
        session,
        "follower_failed",
        key,
        account_id=payment.account_id,
        facts={"follower": follower, "error": type(error).__name__},
        now=now,
    )
