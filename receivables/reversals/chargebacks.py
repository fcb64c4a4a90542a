"""Chargebacks and inquiries: money moves with the gateway's movements only, a person answers (P-21).

Each notification asks the gateway for the dispute as it stands now; every movement of it becomes one entry,
so that created, withdrawn, reinstated and closed may come in any order and any number. What was withdrawn
is taken back of the payment: the documents are owed again, their chasing, their plan and its card stand
still until the end, and a person answers at the gateway's desk. Won, the money comes back to where it was;
lost, it stays owed and a person says what becomes of it. An inquiry moves no money: a task only. A debit
that the payer's bank took back is final at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.money import Money
from models.pauses import Pause, PauseReason
from models.payments import Allocation, InboxEvent, Payment, PaymentMethod
from models.reversals import AllocationReversal, Chargeback, PaymentReversal, ReversalCause
from models.states import ChargebackStatus, advance, may_advance
from models.store import Store
from models.work import Task, TaskKind
from receivables import ledger, outbox, pauses
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.permissions import SYSTEM
from receivables.ports import (
    DisputeState,
    GatewayRefused,
    GatewayUnreachable,
    MovementKind,
    OutcomeUnknown,
    PaymentGateway,
    RemoteDispute,
    RemoteMovement,
)
from receivables.reversals import debtor_letters
from receivables.reversals.asking import ask_what_becomes
from receivables.reversals.finding import payment_of
from receivables.reversals.restoring import give_back
from receivables.reversals.taking import effect_of, lock_payment, remember, take_back

#: Chargebacks that wait for our answer, and all whose end is awaited.
ASKING = frozenset({ChargebackStatus.INQUIRY, ChargebackStatus.OPEN})
WAITING = ASKING | {ChargebackStatus.UNDER_REVIEW}
#: The gateway's word -> ours; of an inquiry the first two are one.
STATUS_OF = {
    DisputeState.NEEDS_RESPONSE: ChargebackStatus.OPEN,
    DisputeState.UNDER_REVIEW: ChargebackStatus.UNDER_REVIEW,
    DisputeState.WON: ChargebackStatus.WON,
    DisputeState.LOST: ChargebackStatus.LOST,
    DisputeState.CLOSED: ChargebackStatus.CLOSED,
    DisputeState.PREVENTED: ChargebackStatus.CLOSED,
}
#: How long before the evidence is due an alert is raised, and how often an open one is read again.
DUE_SOON, READ_EVERY = timedelta(days=2), timedelta(hours=1)
#: How long the money of one that was won may take to come back, before a person asks for it.
BACK_WITHIN = timedelta(days=7)


def follow_dispute(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """Follow a notification about a dispute to the truth; not ours, nothing follows.

    Raises: as payments.followers.Follower.
    """
    learn(store, gateway, row.object_id, now=now)


def learn(store: Store, gateway: PaymentGateway, dispute_id: str, *, now: datetime) -> int | None:
    """Ask the gateway for a dispute and bring the books in line with it; safe to call at any time.

    Speaks to the gateway between units of work.
    Returns: id of the chargeback; None when it is not about a payment of ours.
    Raises: NotFound, GatewayUnreachable, GatewayRefused, OutcomeUnknown.
    """
    remote = gateway.dispute_of(dispute_id)
    payment_id = payment_of(store, gateway, remote.charge_id, now=now)
    if payment_id is None:
        return None
    return store.run(lambda s: apply(s, payment_id, remote, gateway_account=gateway.name, now=now).id)


def apply(
    session: Session, payment_id: int, remote: RemoteDispute, *, gateway_account: str, now: datetime
) -> Chargeback:
    """Write what the gateway says of a dispute into the books in one unit of work; idempotent."""
    payment = lock_payment(session, payment_id)
    row = session.scalar(
        select(Chargeback)
        .where(Chargeback.dispute_id == remote.dispute_id)
        .execution_options(populate_existing=True)
        .with_for_update()
    )
    is_new = row is None
    row = row or _opened(session, payment, remote, gateway_account=gateway_account, now=now)
    for movement in sorted(remote.movements, key=lambda m: (m.created_at, m.movement_id)):
        _book(session, payment, row, movement, now=now)
    before = row.status
    if is_new or now >= row.seen_at:  # an older answer that comes late says nothing new
        row.seen_at, row.looked_at = now, None
        row.is_inquiry, row.evidence_due_at = remote.is_inquiry, remote.evidence_due_at
        row.reason, row.amount_minor = remote.reason, remote.amount.minor
        to = status_of(remote)
        if may_advance(row.status, to):
            advance(row, to)
            row.asked_at = now if to in ASKING else row.asked_at
    row.closed_at = None if row.status in WAITING else (row.closed_at or now)
    session.flush()
    if is_new or before is not row.status:
        _say_status(session, payment, row, now=now)
    _hold_or_let_go(session, row, now=now)
    _ask(session, payment, row, now=now)
    return row


def status_of(remote: RemoteDispute) -> ChargebackStatus:
    """Return our word for where a dispute stands."""
    to = STATUS_OF[remote.status]
    return ChargebackStatus.INQUIRY if remote.is_inquiry and to in WAITING else to


def cause_of(payment: Payment) -> ReversalCause:
    """A debit that the payer's bank took back is final; a card's payment is contested."""
    debit = payment.method is PaymentMethod.BANK_DEBIT
    return ReversalCause.BANK_RETURN if debit else ReversalCause.CHARGEBACK


def _opened(
    session: Session, payment: Payment, remote: RemoteDispute, *, gateway_account: str, now: datetime
) -> Chargeback:
    row = Chargeback(
        account_id=payment.account_id, payment_id=payment.id, gateway_account=gateway_account,
        dispute_id=remote.dispute_id, status=status_of(remote), is_inquiry=remote.is_inquiry,
        amount_minor=remote.amount.minor, currency=remote.amount.currency, taken_minor=0, returned_minor=0,
        fee_minor=0, reason=remote.reason, evidence_due_at=remote.evidence_due_at,
        opened_at=remote.created_at, seen_at=now, asked_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


# --------------------------------------------------------------------------- money


def _book(
    session: Session, payment: Payment, row: Chargeback, movement: RemoteMovement, *, now: datetime
) -> None:
    """Book one movement of a dispute: what it took or gave back of the payment, and its fee; once."""
    _book_fee(session, payment, row, movement, now=now)
    moved = movement.original or movement.amount
    if movement.kind not in (MovementKind.DISPUTE, MovementKind.DISPUTE_REVERSAL) or not moved.minor:
        return
    if moved.currency != payment.currency:
        _unmatched(session, payment, movement, moved, now=now)
        return
    amount, source = Money(abs(moved.minor), moved.currency), f"movement:{movement.movement_id}"
    kind = "chargeback" if moved.minor < 0 else "chargeback_returned"
    if effect_of(session, movement.movement_id, kind) is not None:
        return
    if moved.minor < 0:
        taken = take_back(
            session, SYSTEM, payment, amount, cause=cause_of(payment), source=source, at=movement.created_at,
            chargeback=row, now=now,
        )  # fmt: skip
        row.taken_minor += amount.minor
        remember(session, movement.movement_id, kind, payment, taken.entry_id, now=now)
        debtor_letters.tell(session, payment, taken, now=now)
        return
    back = give_back(
        session, payment, _takings(session, row), amount, source=source, at=movement.created_at, now=now
    )
    if back is None:
        _unmatched(session, payment, movement, moved, now=now)
        return
    row.returned_minor += amount.minor
    remember(session, movement.movement_id, kind, payment, back.first.entry_id, now=now)
    debtor_letters.tell_restored(session, payment, back.first, back.counted_minor, now=now)
    follow_late(session, payment, back.late, now=now)


def _unmatched(
    session: Session, payment: Payment, movement: RemoteMovement, moved: Money, *, now: datetime
) -> None:
    """A movement that fits neither the payment nor what was taken: a person looks, nothing is booked."""
    outbox.raise_alert(
        session, "movement_unmatched", f"movement:{movement.movement_id}", account_id=payment.account_id,
        now=now, facts={"payment": payment.number, "amount_minor": moved.minor, "currency": moved.currency},
    )  # fmt: skip


def _takings(session: Session, row: Chargeback) -> Sequence[PaymentReversal]:
    """Return what a chargeback took, late or at once, the last taking first."""
    return session.scalars(
        select(PaymentReversal)
        .where(PaymentReversal.chargeback_id == row.id, PaymentReversal.undoes_id.is_(None))
        .order_by(PaymentReversal.id.desc())
    ).all()


def follow_late(
    session: Session, payment: Payment, late: Sequence[PaymentReversal], *, now: datetime
) -> None:
    """Let follow what was taken late: a chargeback holds its documents, what was sent back asks a person."""
    for taking in late:
        if taking.chargeback_id is not None:
            _hold_or_let_go(session, session.get_one(Chargeback, taking.chargeback_id), now=now)
        elif taking.allocated_minor:
            ask_what_becomes(session, payment, taking, now=now)


def _book_fee(
    session: Session, payment: Payment, row: Chargeback, movement: RemoteMovement, *, now: datetime
) -> None:
    """Book what the gateway keeps for the dispute, or gives back of it, as gateway fees."""
    fee = movement.fee
    if not fee.minor or effect_of(session, movement.movement_id, "fee") is not None:
        return
    account = session.get_one(Account, payment.account_id)
    amount = Money(abs(fee.minor), fee.currency)
    codes = (LedgerCode.GATEWAY_FEES, LedgerCode.GATEWAY_CLEARING)
    kept, cleared = codes if fee.minor > 0 else codes[::-1]
    entry = ledger.post(
        session,
        SYSTEM,
        ledger.Draft(
            creditor_id=account.creditor_id,
            reference=f"fee:{movement.movement_id}",
            kind="gateway_fee",
            currency=fee.currency,
            sides=[ledger.debit(kept, amount), ledger.credit(cleared, amount)],
            effective_on=business_date(movement.created_at, account.zone),
        ),
        now=now,
    )
    remember(session, movement.movement_id, "fee", payment, entry.id, now=now)
    row.fee_minor, row.fee_currency = row.fee_minor + fee.minor, fee.currency


# --------------------------------------------------------------------------- what follows


def _say_status(session: Session, payment: Payment, row: Chargeback, *, now: datetime) -> None:
    facts = {
        "payment": payment.number, "amount_minor": row.amount_minor, "currency": row.currency,
        "status": row.status.value,
    }  # fmt: skip
    record(
        session, SYSTEM, "chargeback.moved", row, account_id=row.account_id, now=now,
        facts={**facts, "dispute": row.dispute_id, "reason": row.reason},
    )  # fmt: skip
    outbox.note(session, row.account_id, f"chargeback.{row.status.value}", now=now, facts=facts)


def _hold_or_let_go(session: Session, row: Chargeback, *, now: datetime) -> None:
    """Stand still for the documents that are owed again until it is decided and the money is back.

    One that was lost and is appealed stands still anew: its earlier pauses have ended.
    """
    had = session.scalars(
        select(Pause).where(Pause.key.startswith(f"chargeback:{row.id}:", autoescape=True))
    ).all()
    standing = {pause.invoice_id: pause for pause in had if pause.ended_at is None}
    if row.status not in WAITING | {ChargebackStatus.WON} or row.taken_minor <= row.returned_minor:
        for pause in standing.values():
            account = session.get_one(Account, pause.account_id)
            pauses.resume(session, SYSTEM, account, pause.key, now=now)
        return
    for invoice_id, account_id in _reopened(session, row):
        if invoice_id not in standing:
            turn = sum(pause.invoice_id == invoice_id for pause in had) + 1
            pauses.pause(
                session, SYSTEM, session.get_one(Account, account_id), PauseReason.CHARGEBACK,
                key=f"chargeback:{row.id}:{invoice_id}:{turn}", invoice_id=invoice_id, now=now,
            )  # fmt: skip


def _reopened(session: Session, row: Chargeback) -> Sequence[tuple[int, int]]:
    """Return the documents that a chargeback took something off, each with its account."""
    rows = session.execute(
        select(Invoice.id, Invoice.account_id)
        .join(Allocation, Allocation.invoice_id == Invoice.id)
        .join(AllocationReversal, AllocationReversal.allocation_id == Allocation.id)
        .join(PaymentReversal, PaymentReversal.id == AllocationReversal.reversal_id)
        .where(PaymentReversal.chargeback_id == row.id)
        .distinct()
        .order_by(Invoice.account_id, Invoice.id)
    )
    return [(r.id, r.account_id) for r in rows]


def _ask(session: Session, payment: Payment, row: Chargeback, *, now: datetime) -> None:
    """Ask a person for what is his to do now, and end what is not any more."""
    facts = {
        "payment": payment.number, "amount_minor": row.amount_minor, "currency": row.currency,
        "chargeback": row.ref, "reason": row.reason,
    }  # fmt: skip
    stage = "inquiry" if row.status is ChargebackStatus.INQUIRY else "open"
    if row.status in ASKING:
        task = outbox.ask_person(
            session, TaskKind.CHARGEBACK, f"chargeback:{row.id}:{stage}", account_id=row.account_id,
            facts=facts, now=now,
        )  # fmt: skip
        if task.done_at is not None and task.done_at < row.asked_at:
            task.done_at, task.done_by_id, task.due_at = None, None, now  # asked once more
        if row.evidence_due_at is not None and task.done_at is None:
            task.due_at = min(task.due_at, row.evidence_due_at)
    keep = f"chargeback:{row.id}:{stage}" if row.status in WAITING else ""
    _end_tasks(session, row, keep=keep, now=now)
    gone = row.status in (ChargebackStatus.LOST, ChargebackStatus.CLOSED)
    if gone and row.taken_minor > row.returned_minor:
        cause = "lost" if row.status is ChargebackStatus.LOST else cause_of(payment).value
        outbox.ask_person(
            session, TaskKind.PAYMENT_RETURNED, f"chargeback:{row.id}:lost", account_id=row.account_id,
            facts={**facts, "amount_minor": row.taken_minor - row.returned_minor, "cause": cause}, now=now,
        )  # fmt: skip


def _end_tasks(session: Session, row: Chargeback, *, keep: str, now: datetime) -> None:
    query = select(Task).where(
        Task.account_id == row.account_id, Task.kind == TaskKind.CHARGEBACK, Task.done_at.is_(None),
        Task.key.in_([f"chargeback:{row.id}:inquiry", f"chargeback:{row.id}:open"]), Task.key != keep,
    )  # fmt: skip
    for task in session.scalars(query):
        task.done_at = now


# --------------------------------------------------------------------------- looking again

#: Won, and the money has not come back whole.
_UNPAID = (Chargeback.status == ChargebackStatus.WON) & (Chargeback.taken_minor > Chargeback.returned_minor)


def sweep(
    store: Store, gateway: PaymentGateway, *, gateway_account: str, now: datetime, limit: int = 50
) -> int:
    """Read chargebacks again whose end, or whose money, is awaited; warn of what is due.

    Returns: how many were looked at.
    """
    with store.read() as session:
        due = session.execute(
            select(Chargeback.dispute_id)
            .where(
                Chargeback.gateway_account == gateway_account, Chargeback.status.in_(WAITING) | _UNPAID,
                Chargeback.seen_at <= now - READ_EVERY,
            )
            .order_by(func.coalesce(Chargeback.looked_at, Chargeback.seen_at), Chargeback.id)
            .limit(limit)
        ).scalars().all()  # fmt: skip
    for dispute_id in due:
        try:
            learn(store, gateway, dispute_id, now=now)
        except (NotFound, GatewayUnreachable, GatewayRefused, OutcomeUnknown):
            store.run(lambda s, d=dispute_id: _looked(s, d, now=now))  # type: ignore[misc]
    store.run(lambda s: warn_of_due(s, now=now))
    return len(due)


def _looked(session: Session, dispute_id: str, *, now: datetime) -> None:
    """Note a look that taught us nothing: the others come first now, and what was last seen stays so."""
    row = session.scalars(
        select(Chargeback).where(Chargeback.dispute_id == dispute_id).with_for_update()
    ).one()
    row.looked_at = now


def warn_of_due(session: Session, *, now: datetime) -> int:
    """Raise an alert where evidence is due within DUE_SOON and not submitted, or won money does not come."""
    due = session.scalars(
        select(Chargeback).where(
            Chargeback.status == ChargebackStatus.OPEN,
            Chargeback.submitted_at.is_(None) | (Chargeback.submitted_at < Chargeback.asked_at),
            Chargeback.evidence_due_at <= now + DUE_SOON,
        )
    ).all()
    for row in due:
        outbox.raise_alert(
            session, "chargeback_due", f"chargeback:{row.id}", account_id=row.account_id, now=now,
            facts={"amount_minor": row.amount_minor, "currency": row.currency},
        )  # fmt: skip
    unpaid = session.scalars(
        select(Chargeback).where(_UNPAID, Chargeback.closed_at <= now - BACK_WITHIN)
    ).all()
    for row in unpaid:
        outbox.raise_alert(
            session, "chargeback_unpaid", f"chargeback:{row.id}", account_id=row.account_id, now=now,
            facts={"amount_minor": row.taken_minor - row.returned_minor, "currency": row.currency},
        )  # fmt: skip
    return len(due) + len(unpaid)
