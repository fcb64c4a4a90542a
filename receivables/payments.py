"""Pay through the gateway: quote, start, settle; one idempotent way for every hint.

Rows first, then the network, then a second unit of work (P-01). The return page, the webhook,
the sweeper and the backfill all call `settle`; whoever comes second finds the work done (P-09).
Money that came is always recorded; what fits no open document becomes unapplied credit and a
task for a person (requirements 0.5). Source: decisions 10-14; P-01…P-16, P-22; M-06…M-10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import new_ref
from models.creditors import Creditor
from models.invoices import OWED_KINDS, Invoice
from models.money import Money, currency_row, total
from models.payments import AttemptInvoice, Payment, PaymentAttempt, ProviderEffect
from models.staff import Staff
from models.states import (
    BLOCKING_ATTEMPTS,
    UNSETTLED_ATTEMPTS,
    AttemptStatus,
    InvoiceStatus,
    advance,
)
from models.store import Store
from receivables import invoices, links, outbox
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import GatewayDown, NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import (
    CheckoutOrder,
    GatewayRefused,
    GatewayUnreachable,
    InvoiceRow,
    OpenedCheckout,
    OutcomeUnknown,
    PaymentGateway,
    PreparedRequest,
    RemotePayment,
    RemoteState,
    Sender,
)
from receivables.receipts import FEE_EFFECT, book_charge, book_fee

#: How long the gateway surely keeps the answer to an idempotency key (P-03: 24 h, less a margin).
KEY_LIFE = timedelta(hours=23)
#: How often a start looks again when another one was faster.
ROUNDS = 5
#: After this the gateway is searched when the stored call gives no answer: a 500 saved under its key
#: would come back until the key is forgotten, and nobody may wait that long for the truth (P-22).
SEARCH_AFTER = timedelta(minutes=10)


# --------------------------------------------------------------------------- what to pay


@dataclass(frozen=True, slots=True)
class Choice:
    """What the debtor chose on the pay page.

    `kind` is "overdue", "all", "chosen" (the named invoices in full) or "amount" (so much, for
    the named invoices or, if none is named, for everything, oldest first).
    """

    kind: str
    currency: str
    invoice_refs: tuple[str, ...] = ()
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a choice comes to, before anything is started.

    `shares` sum to `amount`; `leaves` is what stays open in the currency afterwards. `held` is
    the ref of an attempt whose outcome is unknown for one of the invoices: no second payment
    may start before it is known (P-22).
    """

    currency: str
    amount: Money
    shares: Sequence[tuple[InvoiceRow, Money]]
    leaves: Money
    held: str | None


def quote(
    session: Session, actor: Actor, choice: Choice, *, account_id: int, zone: str, now: datetime
) -> Quote:
    """Work out what a choice comes to against the balances of this moment.

    Raises:
        Refused: nothing_to_pay, invoice_not_open, amount_zero, amount_negative,
            amount_above_balance, amount_below_minimum, amount_off_step, leaves_too_little.
        NotAllowed, NotFound: not this actor's account.
    """
    require(actor, Permission.PAYMENT_START, account_id=account_id)
    rows = invoices.open_rows(session, account_id, business_date(now, zone), currency=choice.currency)
    chosen = _chosen(rows, choice)
    asked = total([invoices.asked(row) for row in chosen], choice.currency)
    if not asked:
        raise Refused("nothing_to_pay")
    everything = total([invoices.asked(row) for row in rows], choice.currency)
    amount = _amount(choice, asked)
    left = amount.minor
    shares: list[tuple[InvoiceRow, Money]] = []
    for row in chosen:
        part = min(left, invoices.asked(row).minor)
        if part > 0:
            shares.append((row, Money(part, choice.currency)))
            left -= part
    held = session.scalar(
        select(PaymentAttempt.ref)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .join(Invoice, Invoice.id == AttemptInvoice.invoice_id)
        .where(
            Invoice.ref.in_([row.ref for row, _ in shares]),
            AttemptInvoice.blocking,
            PaymentAttempt.status == AttemptStatus.UNKNOWN,
        )
        .limit(1)
    )
    return Quote(choice.currency, amount, shares, everything - amount, held)


def _chosen(rows: Sequence[InvoiceRow], choice: Choice) -> list[InvoiceRow]:
    if choice.kind == "overdue":
        return [row for row in rows if row.days_late > 0]
    if choice.kind == "all" or (choice.kind == "amount" and not choice.invoice_refs):
        return list(rows)
    by_ref = {row.ref: row for row in rows}
    missing = [ref for ref in choice.invoice_refs if ref not in by_ref]
    if missing:
        raise Refused("invoice_not_open", ref=missing[0])
    return [row for row in rows if row.ref in choice.invoice_refs]


def _amount(choice: Choice, asked: Money) -> Money:
    """Return the amount to pay, or refuse it by name."""
    row = currency_row(choice.currency)
    minimum = Money(max(row.minimum, row.step), choice.currency)
    if choice.kind != "amount":
        # A fraction of a payable step can't be paid by card (decision 32).
        amount = Money(asked.minor - asked.minor % row.step, choice.currency)
        if amount < minimum:
            raise Refused("amount_below_minimum", minimum=minimum)
        return amount
    if choice.amount is None or not choice.amount:
        raise Refused("amount_zero")
    amount = choice.amount
    if amount.minor < 0:
        raise Refused("amount_negative")
    if amount > asked:
        raise Refused("amount_above_balance", asked=asked)
    if amount < minimum:
        raise Refused("amount_below_minimum", minimum=minimum)
    if amount.minor % row.step:
        raise Refused("amount_off_step", step=Money(row.step, choice.currency))
    rest = asked - amount
    if row.step <= rest.minor < minimum.minor:
        raise Refused("leaves_too_little", minimum=minimum, balance=asked)
    return amount


# --------------------------------------------------------------------------- starting


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
) -> Started:
    """Start paying: reserve the invoices, commit, then open the hosted page at the gateway.

    Speaks to the gateway between units of work. An open attempt of the same invoices is first
    ended at the gateway (decision 14); one that turns out paid is settled and refuses this one.

    Args:
        nonce: made with the form; the same nonce is the same attempt (M-06).
        title, note: for the hosted page, in the reader's language.
        base_url: where the gateway sends the debtor back (a constant of ours, L-17).
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
        blockers = _blockers(store, actor, choice, account_id=account_id, zone=zone, nonce=nonce, now=now)
        if isinstance(blockers, Started):
            return blockers
        begun = [attempt for attempt in blockers if attempt.remote_id is None]
        if begun:
            # Another click is opening its page this moment: it may be the very page that is asked for.
            for attempt in begun:
                _learn_earlier(store, gateway, attempt, now=now)
            continue
        for attempt in blockers:
            _end_earlier(store, gateway, attempt, now=now)

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
            )

        reserved = store.run(reserve)
        if reserved is not None:
            return _open(store, gateway, reserved, now=now)
    raise Refused("being_checked", ref=None)


def _blockers(
    store: Store, actor: Actor, choice: Choice, *, account_id: int, zone: str, nonce: str, now: datetime
) -> Started | list[PaymentAttempt]:
    """Return the attempts in the way, or the answer that an earlier start already has."""
    with store.read() as session:
        repeated = session.scalar(select(PaymentAttempt).where(PaymentAttempt.form_nonce == nonce))
        if repeated is not None:
            if repeated.account_id != account_id:
                raise NotFound("not_found")
            return Started(repeated.ref, _payable_url(repeated, now))
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
            same = {r.ref: r.reserved_minor for r in held} == refs
            # A second click with the same sum gets the same page while it can be paid.
            if same and attempt.amount_minor == plan.amount.minor and _payable_url(attempt, now):
                return Started(attempt.ref, attempt.checkout_url)
        return found


def _payable_url(attempt: PaymentAttempt, now: datetime) -> str | None:
    margin = timedelta(minutes=2)
    payable = attempt.status is AttemptStatus.OPEN and attempt.expires_at > now + margin
    return attempt.checkout_url if payable and attempt.superseded_at is None else None


def _learn_earlier(store: Store, gateway: PaymentGateway, attempt: PaymentAttempt, *, now: datetime) -> None:
    """Learn what became of an attempt whose page we do not know yet.

    Raises:
        Refused: `being_checked`, its outcome is still not known.
    """
    status = settle(store, gateway, attempt.ref, now=now)
    if status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        raise Refused("being_checked", ref=attempt.ref)


def _end_earlier(store: Store, gateway: PaymentGateway, attempt: PaymentAttempt, *, now: datetime) -> None:
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
        status = _apply(store, attempt.id, remote, now=now)
    if status in (AttemptStatus.SUCCEEDED, AttemptStatus.PROCESSING):
        raise Refused("already_paid", ref=attempt.ref)


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
) -> PaymentAttempt | None:
    """Lock, count again, write the attempt and its reservations; None when somebody was first."""
    account = session.get_one(Account, account_id, with_for_update=True)
    locked = {
        invoice.ref: invoice
        for invoice in session.scalars(
            select(Invoice)
            .where(
                Invoice.account_id == account_id,
                Invoice.currency == choice.currency,
                Invoice.status == InvoiceStatus.OPEN,
                Invoice.kind.in_(OWED_KINDS),
            )
            .order_by(Invoice.id)
            .with_for_update()
        )
    }
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
    return attempt


def _open(store: Store, gateway: PaymentGateway, attempt: PaymentAttempt, *, now: datetime) -> Started:
    """Make the stored call and write down how it ended: four outcomes, never three (0.3)."""
    try:
        opened = gateway.send(_prepared(attempt))
    except OutcomeUnknown as error:
        why = str(error)
        store.run(lambda s: _not_opened(s, attempt.id, AttemptStatus.UNKNOWN, why, now=now))
        return Started(attempt.ref, None)
    except GatewayUnreachable:
        store.run(lambda s: _not_opened(s, attempt.id, AttemptStatus.CANCELLED, "unreachable", now=now))
        raise GatewayDown("gateway_down") from None
    except GatewayRefused as error:
        code = error.code
        store.run(lambda s: _not_opened(s, attempt.id, AttemptStatus.FAILED, code, now=now))
        raise Refused("gateway_refused", gateway_code=code) from None
    store.run(lambda s: _opened(s, _lock(s, attempt.id), opened, now=now))
    return Started(attempt.ref, opened.url)


def _not_opened(session: Session, attempt_id: int, to: AttemptStatus, code: str, *, now: datetime) -> None:
    """Write down that the page was not opened here, unless somebody else has found it meanwhile."""
    attempt = _lock(session, attempt_id)
    if attempt.status is AttemptStatus.CREATED:
        _move(session, attempt, to, now=now, code=code)


def _prepared(attempt: PaymentAttempt) -> PreparedRequest:
    return PreparedRequest(attempt.operation, attempt.request_body, attempt.idempotency_key)


def _lock(session: Session, attempt_id: int) -> PaymentAttempt:
    return session.get_one(PaymentAttempt, attempt_id, with_for_update=True, populate_existing=True)


def _opened(session: Session, attempt: PaymentAttempt, opened: OpenedCheckout, *, now: datetime) -> None:
    attempt.remote_id = opened.session_id
    attempt.checkout_url = opened.url
    attempt.expires_at = opened.expires_at
    if attempt.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
        _move(session, attempt, AttemptStatus.OPEN, now=now)


def _move(
    session: Session, attempt: PaymentAttempt, to: AttemptStatus, *, now: datetime, code: str | None = None
) -> None:
    """Move an attempt and, with it, whether it blocks its invoices (decision 12)."""
    if attempt.status is to:
        return
    before = attempt.status
    advance(attempt, to)
    attempt.failure_code = code if to in (AttemptStatus.FAILED, AttemptStatus.UNKNOWN) else None
    attempt.unknown_since = (attempt.unknown_since or now) if to is AttemptStatus.UNKNOWN else None
    if to not in UNSETTLED_ATTEMPTS:
        attempt.finished_at = now
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


def supersede(
    session: Session, actor: Actor, invoice_ids: Sequence[int], *, reason: str, now: datetime
) -> int:
    """Free invoices from open attempts and ask the gateway to end those pages (decision 14).

    For facts that change a balance (credit note now; settlement, dispute, hold later). The status
    waits for the gateway; what is paid meanwhile is settled against the new balance.

    Returns: how many attempts were superseded.
    """
    attempts = session.scalars(
        select(PaymentAttempt)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .where(AttemptInvoice.invoice_id.in_(invoice_ids), AttemptInvoice.blocking)
        .order_by(PaymentAttempt.id)
        .with_for_update(of=PaymentAttempt)
    ).unique()
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
    return _apply(store, attempt.id, gateway.expire(attempt.remote_id), now=now)


# --------------------------------------------------------------------------- settling


def settle(store: Store, gateway: PaymentGateway, ref: str, *, now: datetime) -> AttemptStatus:
    """Learn the truth about an attempt as `learn` does; keep its status when the gateway gives none.

    For people who ask now and again: the return page, the sweeper, a second start.
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
        store.run(lambda s: _not_opened(s, attempt.id, AttemptStatus.UNKNOWN, why, now=now))
        return AttemptStatus.UNKNOWN
    except GatewayRefused as error:
        if attempt.remote_id is not None:
            raise
        # The stored call was refused, so its key has no saved page: nothing was created
        # (decision 13). The gateway said so, hence `failed`.
        return _never_created(store, attempt, error.code, now=now)
    if remote is None:
        # The gateway was searched and knows no page of ours: its word that nothing was created.
        return _never_created(store, attempt, "never_created", now=now)
    return _apply(store, attempt.id, remote, now=now)


def _never_created(store: Store, attempt: PaymentAttempt, code: str, *, now: datetime) -> AttemptStatus:
    def unit(session: Session) -> AttemptStatus:
        locked = _lock(session, attempt.id)
        if locked.status in (AttemptStatus.CREATED, AttemptStatus.UNKNOWN):
            _move(session, locked, AttemptStatus.FAILED, now=now, code=code)
        return locked.status

    return store.run(unit)


def find_attempt(session: Session, ref: str) -> PaymentAttempt:
    """Return an attempt by its return id.

    Raises: NotFound.
    """
    attempt = session.scalar(select(PaymentAttempt).where(PaymentAttempt.ref == ref))
    if attempt is None:
        raise NotFound("not_found")
    return attempt


def _fee_missing(session: Session, attempt: PaymentAttempt) -> bool:
    effect = select(ProviderEffect.id).where(
        ProviderEffect.attempt_id == attempt.id, ProviderEffect.kind == FEE_EFFECT
    )
    return session.scalar(effect.limit(1)) is None


def _truth(
    store: Store, gateway: PaymentGateway, attempt: PaymentAttempt, *, now: datetime
) -> RemotePayment | None:
    if attempt.remote_id is not None:
        return gateway.retrieve(attempt.remote_id)
    age = now - attempt.started_at
    if age < KEY_LIFE:
        try:
            opened = gateway.send(_prepared(attempt))
        except OutcomeUnknown:
            if age < SEARCH_AFTER:
                raise
        else:
            store.run(lambda s: _opened(s, _lock(s, attempt.id), opened, now=now))
            return gateway.retrieve(opened.session_id)
    return gateway.find(attempt.ref, attempt.started_at - timedelta(minutes=5))


_STATUS = {
    RemoteState.OPEN: AttemptStatus.OPEN,
    RemoteState.PROCESSING: AttemptStatus.PROCESSING,
    RemoteState.SUCCEEDED: AttemptStatus.SUCCEEDED,
    RemoteState.FAILED: AttemptStatus.FAILED,
    RemoteState.EXPIRED: AttemptStatus.EXPIRED,
    RemoteState.CANCELLED: AttemptStatus.CANCELLED,
}


def _apply(store: Store, attempt_id: int, remote: RemotePayment, *, now: datetime) -> AttemptStatus:
    """Write the gateway's truth into our books in one unit of work; idempotent and monotonic."""
    return store.run(lambda session: _apply_in(session, attempt_id, remote, now=now))


def _apply_in(session: Session, attempt_id: int, remote: RemotePayment, *, now: datetime) -> AttemptStatus:
    # The account is locked first, as everywhere (M-07).
    account_id = session.execute(
        select(PaymentAttempt.account_id).where(PaymentAttempt.id == attempt_id)
    ).scalar_one()
    session.get_one(Account, account_id, with_for_update=True)
    attempt = _lock(session, attempt_id)
    if remote.attempt_ref != attempt.ref:
        outbox.raise_alert(
            session,
            "foreign_object",
            f"attempt:{attempt.id}",
            now=now,
            account_id=account_id,
            facts={"object": remote.session_id},
        )
        return attempt.status
    attempt.remote_id = attempt.remote_id or remote.session_id
    attempt.checkout_url = attempt.checkout_url or remote.url
    attempt.intent_id = remote.intent_id or attempt.intent_id
    if attempt.status is AttemptStatus.CREATED:
        _move(session, attempt, AttemptStatus.OPEN, now=now)  # its page is there, so it was opened
    to = _STATUS[remote.state]
    before = attempt.status
    if before is AttemptStatus.PROCESSING and to in (AttemptStatus.CANCELLED, AttemptStatus.EXPIRED):
        to = AttemptStatus.FAILED  # accepted once, and the money will not come
    if remote.charge is not None and to is AttemptStatus.SUCCEEDED:
        late = before in (AttemptStatus.FAILED, AttemptStatus.CANCELLED, AttemptStatus.EXPIRED)
        book_charge(session, attempt, remote.charge, late=late, now=now)
        book_fee(session, attempt, remote.charge, now=now)
    if before is to or before is AttemptStatus.SUCCEEDED:
        return before
    if before not in UNSETTLED_ATTEMPTS and to is not AttemptStatus.SUCCEEDED:
        return before  # a stale answer; final stays final (P-04)
    if before is AttemptStatus.PROCESSING and to is AttemptStatus.OPEN:
        return before
    _move(session, attempt, to, now=now, code=remote.failure_code)
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


def sweep(
    store: Store, gateway: PaymentGateway, *, gateway_account: str, now: datetime, limit: int = 200
) -> int:
    """Re-read every attempt that should have ended, and raise an alert where it has not (P-16).

    Returns: how many attempts were looked at.
    """
    with store.read() as session:
        policy = current_policy(session, now)
        due = session.execute(
            select(PaymentAttempt.ref, PaymentAttempt.status, PaymentAttempt.started_at)
            .where(
                PaymentAttempt.status.in_(UNSETTLED_ATTEMPTS),
                PaymentAttempt.gateway_account == gateway_account,
            )
            # A bank debit takes days: many of them must not hide a card payment that got stuck.
            .order_by(
                case((PaymentAttempt.status == AttemptStatus.PROCESSING, 1), else_=0), PaymentAttempt.id
            )
            .limit(limit)
        ).all()
    looked = 0
    for ref, status, started_at in due:
        waits = (
            timedelta(seconds=20)
            if status in (AttemptStatus.UNKNOWN, AttemptStatus.CREATED)
            else policy.sweep_after
        )
        if now - started_at < waits:
            continue
        trouble = None
        try:
            settle(store, gateway, ref, now=now)
        except Exception as error:  # one bad attempt must not hold up the others
            trouble = type(error).__name__
        store.run(lambda s, ref=ref, t=trouble: _alert_if_stuck(s, ref, policy, t, now=now))  # type: ignore[misc]
        looked += 1
    return looked


def _alert_if_stuck(
    session: Session, ref: str, policy: Policy, trouble: str | None, *, now: datetime
) -> None:
    attempt = find_attempt(session, ref)
    stuck = attempt.status in UNSETTLED_ATTEMPTS and attempt.status is not AttemptStatus.PROCESSING
    if trouble or (stuck and now > attempt.expires_at + policy.alert_after):
        facts = {"status": attempt.status.value, "since": attempt.started_at.isoformat()}
        facts |= {"error": trouble} if trouble else {}
        _alert(session, "attempt_unresolved", attempt, facts, now=now)


def _alert(
    session: Session, code: str, attempt: PaymentAttempt, facts: dict[str, str], *, now: datetime
) -> None:
    key = f"attempt:{attempt.id}"
    outbox.raise_alert(session, code, key, account_id=attempt.account_id, facts=facts, now=now)


# --------------------------------------------------------------------------- the return page


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
        checkout_url=_payable_url(attempt, now),
        language=attempt.language,
        languages=tuple(r.languages),
        zone=r.zone,
        gateway_account=attempt.gateway_account,
        sender=links.sender_of(r, attempt.language),
    )
