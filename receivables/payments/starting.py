"""Start paying through the gateway: reserve, commit, then speak to it (P-01).

Money that came is always recorded; what fits no open document becomes unapplied credit and a task
for a person (requirements 0.5): settling.py and receipts.py. Source: decisions 11-14; P-02, P-05, M-06.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import fault_points
from models.accounts import Account
from models.arrangements import CardSetup
from models.base import new_ref
from models.creditors import Creditor
from models.invoices import OWED_KINDS, Invoice
from models.payments import AttemptInvoice, PaymentAttempt
from models.states import (
    BLOCKING_ATTEMPTS,
    AttemptStatus,
    InvoiceStatus,
)
from models.store import Store
from receivables import branches
from receivables.arrangements import cards
from receivables.audit import record
from receivables.errors import GatewayDown, NotFound, Refused
from receivables.payments.attempts import payable_url, stored_call
from receivables.payments.hosted import open_page
from receivables.payments.quotes import Choice, covers_only, quote
from receivables.payments.settling import apply, left_open, page_opened, settle
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.ports import (
    CheckoutOrder,
    GatewayRefused,
    GatewayUnreachable,
    PaymentGateway,
)

#: How often a start looks again when another one was faster.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Started:
    """A started attempt; `url` is the hosted page, or None while its outcome is unknown."""

    ref: str
    url: str | None


def start(
    store: Store,
    gateway: PaymentGateway,
    actor: Actor,
    choice: Choice,
    *,
    account_id: int,
    zone: str,
    nonce: str,
    language: str,
    title: str,
    note: str | None,
    base_url: str,
    now: datetime,
    consent: cards.Consent | None = None,
) -> Started:
    """Start paying: reserve the invoices, commit, then open the hosted page at the gateway.

    Speaks to the gateway between units of work. An open attempt of the same invoices is first
    ended at the gateway (decision 14); one that turns out paid is settled and refuses this one.

    Args:
        nonce: made with the form; the same nonce is the same attempt (M-06).
        title, note: for the hosted page, in the reader's language.
        base_url: where the gateway sends the debtor back (a constant of ours, L-17).
        consent: given when the card that pays is to be kept for later charges (decision 11).
    Returns:
        The attempt's return id and the page to go to.
    Raises:
        Refused: as `quote`, and `being_checked` while an earlier outcome is unknown,
            `already_paid` when the earlier page was paid in the meantime,
            `gateway_refused` when the gateway says no.
        GatewayDown: the gateway can't be reached; nothing was created or charged.
    """
    require(actor, Permission.PAYMENT_START, account_id=account_id)
    for _ in range(ROUNDS):
        blockers = _blockers(
            store, actor, choice, account_id=account_id, zone=zone, nonce=nonce, saves=consent is not None,
            now=now,
        )  # fmt: skip
        if isinstance(blockers, Started):
            return blockers
        begun = [attempt for attempt in blockers if attempt.remote_id is None]
        if begun:
            # Another click is opening its page this moment: it may be the very page that is asked for.
            for attempt in begun:
                _learn_earlier(store, gateway, actor, attempt, account_id=account_id, now=now)
            continue
        for attempt in blockers:
            _end_earlier(store, gateway, actor, attempt, account_id=account_id, now=now)

        def reserve(session: Session) -> PaymentAttempt | None:
            return _reserve(
                session,
                gateway,
                actor,
                choice,
                account_id=account_id,
                zone=zone,
                nonce=nonce,
                language=language,
                title=title,
                note=note,
                base_url=base_url,
                now=now,
                consent=consent,
            )

        reserved = store.run(reserve)
        if reserved is not None:
            fault_points.reach("attempt.after_commit")
            return _open(store, gateway, reserved, now=now)
    raise Refused("being_checked", ref=None)


def _blockers(
    store: Store,
    actor: Actor,
    choice: Choice,
    *,
    account_id: int,
    zone: str,
    nonce: str,
    saves: bool,
    now: datetime,
) -> Started | list[PaymentAttempt]:
    """Return the attempts in the way, or the answer that an earlier start already has."""
    with store.read() as session:
        repeated = session.scalar(select(PaymentAttempt).where(PaymentAttempt.form_nonce == nonce))
        if repeated is not None:
            if repeated.account_id != account_id:
                raise NotFound("not_found")
            return Started(repeated.ref, payable_url(repeated, now))
        plan = quote(session, actor, choice, account_id=account_id, zone=zone, now=now)
        if plan.held is not None:
            raise Refused("being_checked", ref=plan.held)
        refs = {row.ref: amount.minor for row, amount in plan.shares}
        rows = session.execute(
            select(PaymentAttempt)
            .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
            .join(Invoice, Invoice.id == AttemptInvoice.invoice_id)
            .where(Invoice.ref.in_(refs), AttemptInvoice.blocking)
            .distinct()
        ).scalars()
        found = list(rows)
        for attempt in found:
            held = session.execute(
                select(Invoice.ref, AttemptInvoice.reserved_minor)
                .join(AttemptInvoice, AttemptInvoice.invoice_id == Invoice.id)
                .where(AttemptInvoice.attempt_id == attempt.id)
            )
            keeps = session.scalar(select(CardSetup.id).where(CardSetup.attempt_id == attempt.id)) is not None
            same = {r.ref: r.reserved_minor for r in held} == refs and keeps is saves
            same = same and attempt.account_id == account_id
            # A second click with the same sum gets the same page while it can be paid.
            if same and attempt.amount_minor == plan.amount.minor and payable_url(attempt, now):
                return Started(attempt.ref, attempt.checkout_url)
        return found


def _own_ref(store: Store, actor: Actor, attempt: PaymentAttempt, account_id: int) -> str | None:
    """The return id of an attempt in the way; None for one that shows more than the actor's link (L-15).

    That is the head office's or a branch's, and for a colleague's link one of other invoices too.
    """
    if attempt.account_id != account_id:
        return None
    with store.read() as session:
        return attempt.ref if covers_only(session, actor, attempt.id) else None


def _learn_earlier(
    store: Store,
    gateway: PaymentGateway,
    actor: Actor,
    attempt: PaymentAttempt,
    *,
    account_id: int,
    now: datetime,
) -> None:
    """Learn what became of an attempt whose page we do not know yet.

    Raises:
        Refused: `being_checked`, its outcome is still not known; `already_paid`.
    """
    status = settle(store, gateway, attempt.ref, now=now)
    if status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        raise Refused("being_checked", ref=_own_ref(store, actor, attempt, account_id))
    if status in (AttemptStatus.SUCCEEDED, AttemptStatus.PROCESSING):
        raise Refused("already_paid", ref=_own_ref(store, actor, attempt, account_id))


def _end_earlier(
    store: Store,
    gateway: PaymentGateway,
    actor: Actor,
    attempt: PaymentAttempt,
    *,
    account_id: int,
    now: datetime,
) -> None:
    """End an earlier hosted page at the gateway and apply what is true afterwards (P-05).

    Raises:
        Refused: `already_paid`, it was paid; `gateway_refused`.
        GatewayDown: the gateway can't be reached.
    """
    status = attempt.status
    if status in BLOCKING_ATTEMPTS and attempt.remote_id is not None:
        try:
            remote = gateway.expire(attempt.remote_id)
        except GatewayUnreachable:
            raise GatewayDown("gateway_down") from None
        except GatewayRefused as error:
            raise Refused("gateway_refused", gateway_code=error.code) from None
        status = apply(store, attempt.id, remote, now=now)
    if status in (AttemptStatus.SUCCEEDED, AttemptStatus.PROCESSING):
        raise Refused("already_paid", ref=_own_ref(store, actor, attempt, account_id))


def _reserve(
    session: Session,
    gateway: PaymentGateway,
    actor: Actor,
    choice: Choice,
    *,
    account_id: int,
    zone: str,
    nonce: str,
    language: str,
    title: str,
    note: str | None,
    base_url: str,
    now: datetime,
    consent: cards.Consent | None,
) -> PaymentAttempt | None:
    """Lock, count again, write the attempt and its reservations; None when somebody was first."""
    account_ids = [account_id]
    if choice.kind == "branches":
        account_ids = branches.lock_group(session, account_id)
    account = session.get_one(Account, account_id, with_for_update=True)
    locked = {
        invoice.ref: invoice
        for invoice in session.scalars(
            select(Invoice)
            .where(
                Invoice.account_id.in_(account_ids),
                Invoice.currency == choice.currency,
                Invoice.status == InvoiceStatus.OPEN,
                Invoice.kind.in_(OWED_KINDS),
            )
            .order_by(Invoice.id)
            .with_for_update()
        )
    }
    if session.scalar(select(PaymentAttempt.id).where(PaymentAttempt.form_nonce == nonce)) is not None:
        return None  # the other click of this form was first; its answer is the answer (M-06)
    plan = quote(session, actor, choice, account_id=account_id, zone=zone, now=now)
    taken = session.scalar(
        select(AttemptInvoice.attempt_id)
        .where(AttemptInvoice.invoice_id.in_([locked[row.ref].id for row, _ in plan.shares]))
        .where(AttemptInvoice.blocking)
        .limit(1)
    )
    if taken is not None:
        return None
    policy = current_policy(session, now)
    ref = new_ref()
    prepared = gateway.prepare_checkout(
        CheckoutOrder(
            attempt_ref=ref,
            amount=plan.amount,
            title=title,
            language=language,
            note=note,
            expires_at=now + policy.session_life,
            success_url=f"{base_url}/r/{ref}",
            cancel_url=f"{base_url}/r/{ref}?left=1",
            invoice_refs=[row.ref for row, _ in plan.shares],
            idempotency_key=f"attempt:{ref}:1",
            saves_card=cards.card_saving(session, actor, account) if consent else None,
        )
    )
    attempt = PaymentAttempt(
        ref=ref,
        account_id=account_id,
        contact_id=actor.contact_id,
        amount_minor=plan.amount.minor,
        currency=plan.amount.currency,
        status=AttemptStatus.CREATED,
        language=language,
        form_nonce=nonce,
        gateway_account=session.get_one(Creditor, account.creditor_id).gateway_account,
        idempotency_key=prepared.idempotency_key,
        operation=prepared.operation,
        request_body=prepared.body,
        expires_at=now + policy.session_life,
        started_at=now,
    )
    session.add(attempt)
    session.flush()
    session.add_all(
        AttemptInvoice(
            attempt_id=attempt.id,
            invoice_id=locked[row.ref].id,
            reserved_minor=amount.minor,
            blocking=True,
        )
        for row, amount in plan.shares
    )
    if consent is not None:
        cards.write_consent(
            session, actor, account, consent, language=language, expires_at=attempt.expires_at,
            attempt=attempt, now=now,
        )  # fmt: skip
    record(
        session,
        actor,
        "attempt.started",
        attempt,
        account_id=account_id,
        now=now,
        facts={
            "amount_minor": plan.amount.minor,
            "currency": plan.amount.currency,
            "invoices": {str(locked[row.ref].id): m.minor for row, m in plan.shares},
            "policy": policy.version_id,
        },
    )
    session.flush()
    fault_points.reach("attempt.before_commit")
    return attempt


def _open(store: Store, gateway: PaymentGateway, attempt: PaymentAttempt, *, now: datetime) -> Started:
    """Open the page of a reserved attempt."""
    url = open_page(
        store,
        gateway,
        stored_call(attempt),
        opened=lambda s, page: page_opened(s, attempt.id, page, now=now),
        ended=lambda s, to, code: left_open(s, attempt.id, to, code, now=now),
    )
    return Started(attempt.ref, url)
