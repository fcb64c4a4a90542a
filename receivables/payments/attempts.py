"""Attempts to pay: their moves, what they hold of their invoices, what the return page shows.

A move and whether the attempt blocks its invoices are written together (decision 12). Source:
decisions 10, 12, 14; P-04, P-05.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.creditors import Creditor
from models.invoices import Invoice
from models.money import Money
from models.payments import AttemptInvoice, Payment, PaymentAttempt
from models.staff import Staff
from models.states import (
    BLOCKING_ATTEMPTS,
    UNSETTLED_ATTEMPTS,
    AttemptStatus,
    advance,
)
from receivables import links, outbox
from receivables.audit import record
from receivables.errors import NotFound
from receivables.permissions import SYSTEM, Actor
from receivables.ports import (
    OpenedCheckout,
    PreparedRequest,
    RemoteState,
    Sender,
)

#: The gateway's word -> ours.
STATUS_OF = {
    RemoteState.OPEN: AttemptStatus.OPEN,
    RemoteState.PROCESSING: AttemptStatus.PROCESSING,
    RemoteState.SUCCEEDED: AttemptStatus.SUCCEEDED,
    RemoteState.FAILED: AttemptStatus.FAILED,
    RemoteState.EXPIRED: AttemptStatus.EXPIRED,
    RemoteState.CANCELLED: AttemptStatus.CANCELLED,
}


def payable_url(attempt: PaymentAttempt, now: datetime) -> str | None:
    margin = timedelta(minutes=2)
    payable = attempt.status is AttemptStatus.OPEN and attempt.expires_at > now + margin
    return attempt.checkout_url if payable and attempt.superseded_at is None else None


def stored_call(attempt: PaymentAttempt) -> PreparedRequest:
    return PreparedRequest(attempt.operation, attempt.request_body, attempt.idempotency_key)


def lock(session: Session, attempt_id: int) -> PaymentAttempt:
    return session.get_one(PaymentAttempt, attempt_id, with_for_update=True, populate_existing=True)


def write_page(session: Session, attempt: PaymentAttempt, opened: OpenedCheckout, *, now: datetime) -> None:
    attempt.remote_id = opened.session_id
    attempt.checkout_url = opened.url
    attempt.expires_at = opened.expires_at
    if attempt.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        move(session, attempt, AttemptStatus.OPEN, now=now)


def move(
    session: Session, attempt: PaymentAttempt, to: AttemptStatus, *, now: datetime, code: str | None = None
) -> None:
    """Move an attempt and, with it, whether it blocks its invoices (decision 12)."""
    if attempt.status is to:
        return
    before = attempt.status
    advance(attempt, to)
    attempt.failure_code = code if to in (AttemptStatus.FAILED, AttemptStatus.UNKNOWN) else None
    attempt.unknown_since = (attempt.unknown_since or now) if to is AttemptStatus.UNKNOWN else None
    attempt.looks, attempt.next_look_at = 0, None
    if to not in UNSETTLED_ATTEMPTS:
        attempt.finished_at = now
    # What nobody knew is known, or was asked for again: the new status has a limit of its own.
    outbox.end_alert(session, "attempt_unresolved", f"attempt:{attempt.id}", now=now)
    _set_blocking(session, attempt)
    record(
        session,
        SYSTEM,
        "attempt.moved",
        attempt,
        account_id=attempt.account_id,
        now=now,
        facts={"from": before.value, "to": to.value, "code": code},
    )


def _set_blocking(session: Session, attempt: PaymentAttempt) -> None:
    blocking = attempt.status in BLOCKING_ATTEMPTS and attempt.superseded_at is None
    session.flush()
    for reservation in session.scalars(
        select(AttemptInvoice)
        .where(AttemptInvoice.attempt_id == attempt.id)
        .order_by(AttemptInvoice.invoice_id)
    ):
        reservation.blocking = blocking
    session.flush()


def not_opened(session: Session, attempt_id: int, to: AttemptStatus, code: str, *, now: datetime) -> None:
    """Write down that the page was not opened here, unless somebody else has found it meanwhile."""
    attempt = lock(session, attempt_id)
    if attempt.status is AttemptStatus.CREATED:
        move(session, attempt, to, now=now, code=code)


def supersede(
    session: Session, actor: Actor, invoice_ids: Sequence[int], *, reason: str, now: datetime
) -> int:
    """Free invoices from open attempts and ask the gateway to end those pages (decision 14).

    For facts that change what is asked for: a credit note, a settlement, a dispute, another payment, a
    hand-over. The status waits for the gateway; what is paid meanwhile is settled against the new balance.

    Returns: how many attempts were superseded.
    """
    attempts = session.scalars(
        select(PaymentAttempt)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .where(AttemptInvoice.invoice_id.in_(invoice_ids), AttemptInvoice.blocking)
        .order_by(PaymentAttempt.id)
        .with_for_update(of=PaymentAttempt)
    ).unique()
    return _supersede(session, actor, attempts, reason=reason, now=now)


def supersede_account(session: Session, actor: Actor, account_id: int, *, reason: str, now: datetime) -> int:
    """End the open attempts of an account, and those that a head office has for its documents.

    For facts that leave the balance as it is and yet forbid to go on. The account is locked by the caller.
    Returns: how many were superseded.
    """
    theirs = (
        select(AttemptInvoice.attempt_id)
        .join(Invoice, Invoice.id == AttemptInvoice.invoice_id)
        .join(PaymentAttempt, PaymentAttempt.id == AttemptInvoice.attempt_id)
        .where(AttemptInvoice.blocking)
        .where(or_(Invoice.account_id == account_id, PaymentAttempt.account_id == account_id))
    )
    return supersede_charges(session, actor, theirs, reason=reason, now=now)


def supersede_charges(session: Session, actor: Actor, ids: Select[Any], *, reason: str, now: datetime) -> int:
    """End charges of a saved card whose answer nobody has yet: from now on they are only searched for.

    For what a debtor changes: another card, none, another day. The account is locked by the caller.

    Args:
        ids: of the attempts, as a question; of them those that still hold their invoices are ended.
    Returns: how many were superseded.
    """
    attempts = session.scalars(
        select(PaymentAttempt)
        .where(
            PaymentAttempt.id.in_(ids),
            PaymentAttempt.status.in_(BLOCKING_ATTEMPTS),
            PaymentAttempt.superseded_at.is_(None),
        )
        .order_by(PaymentAttempt.id)
        .with_for_update(of=PaymentAttempt)
        .execution_options(populate_existing=True)
    ).unique()
    return _supersede(session, actor, attempts, reason=reason, now=now)


def _supersede(
    session: Session, actor: Actor, attempts: Iterable[PaymentAttempt], *, reason: str, now: datetime
) -> int:
    count = 0
    for attempt in attempts:
        attempt.superseded_at = now
        _set_blocking(session, attempt)
        outbox.queue_job(
            session,
            kind="expire_session",
            key=f"expire_session:{attempt.id}",
            payload={"attempt_ref": attempt.ref},
            now=now,
        )
        record(
            session,
            actor,
            "attempt.superseded",
            attempt,
            account_id=attempt.account_id,
            now=now,
            facts={"why": reason},
        )
        count += 1
    return count


def find_attempt(session: Session, ref: str) -> PaymentAttempt:
    """Return an attempt by its return id.

    Raises: NotFound.
    """
    attempt = session.scalar(select(PaymentAttempt).where(PaymentAttempt.ref == ref))
    if attempt is None:
        raise NotFound("not_found")
    return attempt


@dataclass(frozen=True, slots=True)
class ReturnView:
    """What the return page may show without a session: status, amount, creditor (decision 10)."""

    ref: str
    status: AttemptStatus
    amount: Money
    started_at: datetime
    finished_at: datetime | None
    payment_number: str | None
    failure_code: str | None
    #: The payer's bank had it in hand, whatever became of it (P-19).
    was_accepted: bool
    checkout_url: str | None
    language: str
    languages: tuple[str, ...]
    zone: str
    gateway_account: str
    sender: Sender


def return_view(session: Session, ref: str, *, now: datetime) -> ReturnView:
    """Return the state of an attempt by its return id; reads our rows only.

    Raises:
        NotFound: no such return id.
    """
    r = session.execute(
        select(
            *links.SENDER_COLUMNS,
            PaymentAttempt,
            Account.zone,
            Payment.number.label("payment_number"),
        )
        .select_from(PaymentAttempt)
        .join(Account, Account.id == PaymentAttempt.account_id)
        .join(Creditor, Creditor.id == Account.creditor_id)
        .outerjoin(Staff, Staff.id == Account.collector_id)
        .outerjoin(Payment, Payment.attempt_id == PaymentAttempt.id)
        .where(PaymentAttempt.ref == ref)
    ).first()
    if r is None:
        raise NotFound("not_found")
    attempt: PaymentAttempt = r.PaymentAttempt
    return ReturnView(
        ref=attempt.ref,
        status=attempt.status,
        amount=Money(attempt.amount_minor, attempt.currency),
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        payment_number=r.payment_number,
        failure_code=attempt.failure_code,
        was_accepted=attempt.accepted_at is not None,
        checkout_url=payable_url(attempt, now),
        language=attempt.language,
        languages=tuple(r.languages),
        zone=r.zone,
        gateway_account=attempt.gateway_account,
        sender=links.sender_of(r, attempt.language, now=now),
    )
