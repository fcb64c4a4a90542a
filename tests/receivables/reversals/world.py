"""A paid account and a gateway whose desk refunds, contests and decides as it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import InboxEvent, Payment, PaymentAttempt
from models.reversals import Chargeback, PaymentReversal
from models.states import InboxStatus
from models.store import Store
from models.work import Task
from receivables import ledger
from receivables.payments import inbox
from receivables.payments.quotes import Choice
from receivables.policy import current_policy
from receivables.ports import (
    DisputeState,
    GatewayEvent,
    GatewayRefused,
    MovementKind,
    PreparedRequest,
    RefundOrder,
    RefundState,
    RemoteDispute,
    RemoteMovement,
    RemotePayment,
    RemoteRefund,
    RemoteReview,
    RemoteState,
    RemoteWarning,
)
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_truth
from tests.receivables.paying import pay

GBP = "GBP"
LATER = NOON + timedelta(days=1)


def gbp(minor: int) -> Money:
    return Money(minor, GBP)


def a_movement(
    number: str, kind: MovementKind, minor: int, *, fee: int = 0, source: str = "dp_1", at: datetime = LATER
) -> RemoteMovement:
    return RemoteMovement(
        movement_id=number, kind=kind, amount=gbp(minor), fee=gbp(fee), net=gbp(minor - fee),
        source_id=source, created_at=at, available_on=at.date(), payout_id=None, exchange_rate=None,
        original=None,
    )  # fmt: skip


@dataclass
class Desk(ToldGateway):
    """A gateway that says of refunds, disputes and warnings what stands in its books.

    Attributes:
        on_refund: what a refund order becomes: this state, or this error is raised.
        is_blind: our key is one of another account: nothing of it is shown or listed to us.
    """

    refunds: dict[str, RemoteRefund] = field(default_factory=dict)
    disputes: dict[str, RemoteDispute] = field(default_factory=dict)
    warnings: dict[str, RemoteWarning] = field(default_factory=dict)
    reviews: dict[str, RemoteReview] = field(default_factory=dict)
    on_refund: list[RefundState | Exception] = field(default_factory=lambda: [RefundState.SUCCEEDED])
    charges: dict[str, RemotePayment] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    orders: dict[str, tuple[str, Money]] = field(default_factory=dict)
    is_blind: bool = False

    def refund(self, prepared: PreparedRequest) -> RemoteRefund:
        self.calls.append("refund")
        if prepared.idempotency_key in self.by_key:
            return self.refunds[self.by_key[prepared.idempotency_key]]
        answer = self.on_refund.pop(0) if len(self.on_refund) > 1 else self.on_refund[0]
        if isinstance(answer, Exception):
            raise answer
        charge_id, amount = self.orders[prepared.body]
        made = self.refunded(
            charge_id, amount.minor, number=f"re_{len(self.refunds) + 1}", ref=prepared.body, status=answer
        )
        self.by_key[prepared.idempotency_key] = made.refund_id
        return made

    def prepare_refund(self, order: RefundOrder) -> PreparedRequest:
        self.orders[order.refund_ref] = (order.charge_id, order.amount)
        return PreparedRequest("refund_charge", order.refund_ref, order.idempotency_key)

    def find_refund(self, refund_ref: str, since: datetime) -> RemoteRefund | None:
        self.calls.append("find_refund")
        if self.is_blind:
            raise GatewayRefused("amount_unreadable", "re_other")
        return next((r for r in self.refunds.values() if r.refund_ref == refund_ref), None)

    def refund_of(self, refund_id: str) -> RemoteRefund:
        self.calls.append("refund_of")
        if self.is_blind:
            raise GatewayRefused("resource_missing", "id")
        return self.refunds[refund_id]

    def refunds_of_charge(self, charge_id: str) -> Sequence[RemoteRefund]:
        return [r for r in self.refunds.values() if r.charge_id == charge_id]

    def dispute_of(self, dispute_id: str) -> RemoteDispute:
        if dispute_id not in self.disputes:
            raise GatewayRefused("resource_missing")
        return self.disputes[dispute_id]

    def warning_of(self, warning_id: str) -> RemoteWarning:
        return self.warnings[warning_id]

    def payment_of_charge(self, charge_id: str) -> RemotePayment:
        if charge_id not in self.charges:
            raise GatewayRefused("no_payment")
        return self.charges[charge_id]

    def review_of(self, review_id: str) -> RemoteReview:
        return self.reviews[review_id]

    # ------------------------------------------------------------------ acts of its own desk

    def refunded(
        self, charge_id: str, minor: int, *, number: str = "re_1", ref: str | None = None,
        status: RefundState = RefundState.SUCCEEDED, at: datetime = LATER,
    ) -> RemoteRefund:  # fmt: skip
        moved = status in (RefundState.SUCCEEDED, RefundState.PENDING)
        self.refunds[number] = RemoteRefund(
            refund_id=number, charge_id=charge_id, intent_id=None, amount=gbp(minor), status=status,
            refund_ref=ref, reason=None, failure_reason="lost_or_stolen_card" if not moved else None,
            created_at=at, movement_id=f"txn_{number}" if moved else None, failure_movement_id=None,
        )  # fmt: skip
        return self.refunds[number]

    def fails(self, number: str) -> None:
        self.refunds[number] = replace(
            self.refunds[number], status=RefundState.FAILED, failure_movement_id=f"txn_{number}_back",
            failure_reason="expired_or_canceled_card",
        )  # fmt: skip

    def contested(
        self, charge_id: str, minor: int, *, number: str = "dp_1", inquiry: bool = False,
        state: DisputeState = DisputeState.NEEDS_RESPONSE, movements: Sequence[RemoteMovement] | None = None,
    ) -> RemoteDispute:  # fmt: skip
        taken = [a_movement(f"txn_{number}", MovementKind.DISPUTE, -minor, fee=2000, source=number)]
        self.disputes[number] = RemoteDispute(
            dispute_id=number, charge_id=charge_id, intent_id=None, amount=gbp(minor), status=state,
            is_inquiry=inquiry, reason="product_not_received", evidence_due_at=LATER + timedelta(days=7),
            movements=([] if inquiry else taken) if movements is None else movements, created_at=LATER,
        )  # fmt: skip
        return self.disputes[number]

    def decides(self, number: str, state: DisputeState, *, back: int = 0, fee_back: int = 0) -> None:
        dispute = self.disputes[number]
        more = [
            a_movement(
                f"txn_{number}_back", MovementKind.DISPUTE_REVERSAL, back, fee=-fee_back, source=number,
                at=LATER + timedelta(days=20),
            )
        ] if back else []  # fmt: skip
        self.disputes[number] = replace(dispute, status=state, movements=[*dispute.movements, *more])


@dataclass
class Paid:
    """An account, what it paid, and the gateway that took it."""

    store: Store
    account: Account
    gateway: Desk
    payment: Payment

    @property
    def url(self) -> str:
        """Of the database, for the checker."""
        return self.store.writer.url.render_as_string(hide_password=False)

    @property
    def charge(self) -> str:
        return str(self.payment.provider_charge_id)

    def hear(self, kind: str, object_id: str, *, number: str = "", now: datetime = LATER) -> InboxStatus:
        """One notification, kept and followed as the worker does."""
        event = GatewayEvent(
            event_id=f"evt_{kind}_{object_id}_{number}", type=kind, created_at=now, live=False,
            object_id=object_id, session_id=None, intent_id=None, attempt_ref=None, tagged=False, raw="{}",
        )  # fmt: skip
        self.store.run(lambda s: inbox.accept(s, event, gateway_account=self.gateway.name, now=now))
        with self.store.read() as s:
            policy = current_policy(s, now)
            row = s.scalars(select(InboxEvent).where(InboxEvent.event_id == event.event_id)).one()
        if row.status is InboxStatus.DONE:
            return row.status
        self.store.run(lambda s: inbox.claim(s, worker="w", policy=policy, now=now))
        return inbox.process(self.store, self.gateway, row.id, now=now)

    def balances(self) -> list[int]:
        with self.store.read() as s:
            query = select(Invoice.balance_minor).where(Invoice.account_id == self.account.id)
            return list(s.scalars(query.order_by(Invoice.id)))

    def booked(self, code: LedgerCode) -> int:
        """Debits less credits of a line of the chart."""
        with self.store.read() as s:
            moved = func.sum(Posting.debit_minor - Posting.credit_minor)
            return int(s.scalar(select(moved).where(Posting.ledger_code == code)) or 0)

    def credit(self) -> list[Money]:
        with self.store.read() as s:
            return ledger.unapplied_credit(s, self.account.id)

    def reversals(self) -> list[PaymentReversal]:
        with self.store.read() as s:
            return list(s.scalars(select(PaymentReversal).order_by(PaymentReversal.id)))

    def chargeback(self) -> Chargeback:
        with self.store.read() as s:
            return s.scalars(select(Chargeback)).one()

    def tasks(self, *, done: bool = False) -> list[str]:
        with self.store.read() as s:
            where = Task.done_at.is_not(None) if done else Task.done_at.is_(None)
            return sorted(t.kind.value for t in s.scalars(select(Task).where(where)))


def after(store: Store, account: Account, payment: Payment) -> Paid:
    """The gateway's desk beside a payment that was made."""
    gateway = Desk()
    with store.read() as s:
        attempt = s.get(PaymentAttempt, payment.attempt_id) if payment.attempt_id is not None else None
    if attempt is not None:
        gateway.charges[str(payment.provider_charge_id)] = a_truth(attempt.ref, RemoteState.SUCCEEDED)
    return Paid(store, account, gateway, payment)


def a_paid_account(store: Store, *totals: int, came: int | None = None) -> Paid:
    """Invoices of an account, paid together in one payment; `came` when it was another sum."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        for minor in totals or (10000,):
            make.an_invoice(s, account, total=gbp(minor))
    payment = pay(store, account, Choice("all", GBP), came=gbp(came) if came is not None else None)
    return after(store, account, payment)
