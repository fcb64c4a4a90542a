"""A gateway that lists what it is given, and books in which its charges stand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select

from models.accounts import Account
from models.creditors import Creditor
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money
from models.payments import Payment, PaymentAttempt
from models.reconciliation import ReconciliationFinding
from models.states import FindingStatus
from models.store import Store
from models.work import Alert
from receivables.payments import starting
from receivables.payments.quotes import Choice
from receivables.ports import (
    EndpointHealth,
    GatewayEvent,
    GatewayRefused,
    MovementKind,
    PayoutState,
    RemoteDispute,
    RemoteMovement,
    RemotePayment,
    RemotePayout,
    RemoteRefund,
    RemoteState,
    UnreadMovement,
)
from receivables.reconciling import runs
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth

_numbers = itertools.count(1)


@dataclass
class ListedGateway(ToldGateway):
    """A PaymentGateway whose lists are what they are set to."""

    moved: list[RemoteMovement] = field(default_factory=list)
    unread: list[UnreadMovement] = field(default_factory=list)
    payouts: dict[str, RemotePayout] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    charges: dict[str, RemotePayment] = field(default_factory=dict)
    events: list[GatewayEvent] = field(default_factory=list)
    undelivered: list[GatewayEvent] = field(default_factory=list)
    addresses: list[EndpointHealth] = field(default_factory=list)
    refunds: list[RemoteRefund] = field(default_factory=list)
    disputes: list[RemoteDispute] = field(default_factory=list)
    down: Exception | None = None

    def _up(self) -> None:
        if self.down is not None:
            raise self.down

    def movements_between(self, start: datetime, end: datetime) -> Iterator[RemoteMovement | UnreadMovement]:
        self._up()
        return iter(
            sorted(
                (one for one in [*self.moved, *self.unread] if start <= one.created_at < end),
                key=lambda one: one.created_at,
                reverse=True,
            )
        )

    def movements_of_payout(self, payout_id: str) -> Iterator[RemoteMovement]:
        own = {self.payouts[payout_id].movement_id, *self.listed.get(payout_id, [])}
        return (replace(one, payout_id=payout_id) for one in self.moved if one.movement_id in own)

    def payouts_between(self, start: datetime, end: datetime) -> Iterator[RemotePayout]:
        return (one for one in list(self.payouts.values()) if start <= one.created_at < end)

    def payout_of(self, payout_id: str) -> RemotePayout:
        return self.payouts[payout_id]

    def refunds_between(self, start: datetime, end: datetime) -> Iterator[RemoteRefund]:
        return (one for one in self.refunds if start <= one.created_at < end)

    def disputes_between(self, start: datetime, end: datetime) -> Iterator[RemoteDispute]:
        return (one for one in self.disputes if start <= one.created_at < end)

    def dispute_of(self, dispute_id: str) -> RemoteDispute:
        return next(one for one in self.disputes if one.dispute_id == dispute_id)

    def payment_of_charge(self, charge_id: str) -> RemotePayment:
        if charge_id not in self.charges:
            raise GatewayRefused("no_payment")
        return self.charges[charge_id]

    def retrieve(self, session_id: str) -> RemotePayment:
        return next(one for one in self.charges.values() if one.session_id == session_id)

    def events_since(self, since: datetime, *, types: Sequence[str]) -> Iterator[GatewayEvent]:
        self._up()
        kinds = tuple(kind.rstrip("*") for kind in types)
        return (one for one in self.events if one.created_at >= since and one.type.startswith(kinds))

    def undelivered_events(self, since: datetime) -> Iterator[GatewayEvent]:
        return (one for one in self.undelivered if one.created_at >= since)

    def endpoints(self) -> Sequence[EndpointHealth]:
        self._up()
        return self.addresses


def a_movement(
    kind: MovementKind,
    amount: Money,
    *,
    fee: int = 0,
    source: str | None = None,
    at: datetime = NOON,
    original: Money | None = None,
    rate: str | None = None,
) -> RemoteMovement:
    """One line of the gateway's balance; what it is available two days later."""
    cost = Money(fee, amount.currency)
    return RemoteMovement(
        movement_id=f"txn_{next(_numbers)}", kind=kind, amount=amount, fee=cost, net=amount - cost,
        source_id=source, created_at=at, available_on=(at + timedelta(days=2)).date(),
        payout_id=source if kind in (MovementKind.PAYOUT, MovementKind.PAYOUT_FAILURE) else None,
        exchange_rate=Decimal(rate) if rate else None, original=original,
    )  # fmt: skip


def an_unread(said: str, *, source: str | None = None, at: datetime = NOON) -> UnreadMovement:
    """One line of the gateway's balance that our money cannot say."""
    return UnreadMovement(f"txn_{next(_numbers)}", MovementKind.CHARGE, said, source, at)


@dataclass
class World:
    """Books of one creditor, and the gateway that holds his money."""

    store: Store
    gateway: ListedGateway
    account: Account

    def start(self, amount: Money, *, at: datetime = NOON) -> PaymentAttempt:
        """An invoice, and somebody who begins to pay it."""
        with self.store.write() as s:
            invoice = make.an_invoice(s, self.account, total=amount, now=at)
        started = starting.start(
            self.store, self.gateway, make.holder_actor(self.account),
            Choice("some", amount.currency, (invoice.ref,)), account_id=self.account.id,
            zone=self.account.zone, nonce=f"rec-{next(_numbers)}", language="en", title="Northgate",
            note=None,
            base_url="http://127.0.0.1:9", now=at,
        )  # fmt: skip
        with self.store.read() as s:
            return s.scalars(select(PaymentAttempt).where(PaymentAttempt.ref == started.ref)).one()

    def charge(
        self,
        amount: Money,
        *,
        fee: int = 0,
        at: datetime = NOON,
        settled: Money | None = None,
        rate: str | None = None,
    ) -> RemoteMovement:
        """The gateway takes money for a payment of ours; our books do not know it yet.

        Args:
            fee: minor units of the currency that it settles in.
            settled: what it became there, when that is another currency.
        """
        attempt = self.start(amount, at=at)
        charge = replace(a_charge(attempt.ref, amount), taken_at=at)
        self.gateway.charges[charge.charge_id] = a_truth(attempt.ref, RemoteState.SUCCEEDED, charge)
        moved = a_movement(
            MovementKind.CHARGE, settled or amount, fee=fee, source=charge.charge_id, at=at,
            original=amount if settled else None, rate=rate,
        )  # fmt: skip
        if not settled:
            told = replace(charge, fee=Money(fee, amount.currency), balance_transaction_id=moved.movement_id)
            self.gateway.charges[charge.charge_id] = a_truth(attempt.ref, RemoteState.SUCCEEDED, told)
        self.gateway.moved.append(moved)
        return moved

    def debit(self, amount: Money, *, fee: int = 0, at: datetime = NOON) -> RemoteMovement:
        """A bank debit of ours is sent to the payer's bank; our books know that it is on its way."""
        moved = self.charge(amount, fee=fee, at=at)
        self.answered(moved, RemoteState.PROCESSING)
        self.learn(moved, at=at)
        return moved

    def answered(self, moved: RemoteMovement, state: RemoteState) -> None:
        """What the gateway says of a debit from now on; our books are not told."""
        known = self.gateway.charges[moved.source_id or ""]
        self.gateway.charges[moved.source_id or ""] = replace(known, state=state, charge=None)

    def refused(self, moved: RemoteMovement, *, fee: int = 0, at: datetime) -> RemoteMovement:
        """The payer's bank says no to a debit: a second movement takes what the first one brought."""
        self.answered(moved, RemoteState.FAILED)
        back = a_movement(MovementKind.CHARGE_FAILURE, -moved.amount, fee=fee, source=moved.source_id, at=at)
        self.gateway.moved.append(back)
        return back

    def pay(self, amount: Money, *, fee: int = 0, at: datetime = NOON) -> RemoteMovement:
        """The gateway takes money, and our books know it."""
        moved = self.charge(amount, fee=fee, at=at)
        self.learn(moved, at=at)
        return moved

    def learn(self, moved: RemoteMovement, *, at: datetime = NOON) -> None:
        """Hear of a charge as a notification would have told."""
        remote = self.gateway.charges[moved.source_id or ""]
        runs.bringing_in.settling.learn(self.store, self.gateway, remote.attempt_ref or "", now=at)

    def payout(
        self,
        *of: RemoteMovement,
        at: datetime = NOON,
        status: PayoutState = PayoutState.PAID,
        amount: Money | None = None,
        automatic: bool = True,
    ) -> RemotePayout:
        """The gateway pays out movements; arrives in two days."""
        currency = of[0].net.currency
        size = amount or Money(sum(one.net.minor for one in of), currency)
        name = f"po_{next(_numbers)}"
        own = a_movement(MovementKind.PAYOUT, -size, source=name, at=at)
        self.gateway.moved.append(own)
        self.gateway.listed[name] = [one.movement_id for one in of]
        self.gateway.payouts[name] = RemotePayout(
            payout_id=name, amount=size, status=status, automatic=automatic,
            arrives_on=(at + timedelta(days=2)).date(), created_at=at, movement_id=own.movement_id,
            failure_movement_id=None, failure_code=None, reconciled=automatic,
        )  # fmt: skip
        return self.gateway.payouts[name]

    def fails(self, payout: RemotePayout, *, at: datetime) -> RemoteMovement:
        """A payout comes back."""
        back = a_movement(MovementKind.PAYOUT_FAILURE, payout.amount, source=payout.payout_id, at=at)
        self.gateway.moved.append(back)
        self.gateway.payouts[payout.payout_id] = replace(
            payout, status=PayoutState.FAILED, failure_movement_id=back.movement_id,
            failure_code="account_closed",
        )  # fmt: skip
        return back

    def reconcile(self, *, days: int = 31, now: datetime = NOON + timedelta(days=10)) -> runs.Result:
        return runs.reconcile(self.store, self.gateway, now - timedelta(days=days), now, now=now)

    def balance(self, code: LedgerCode, currency: str = "GBP") -> int:
        with self.store.read() as s:
            query = select(func.coalesce(func.sum(Posting.debit_minor - Posting.credit_minor), 0)).where(
                Posting.ledger_code == code, Posting.currency == currency
            )
            return int(s.execute(query).scalar_one())

    def findings(self) -> list[tuple[str, str, str, int | None, int | None]]:
        """List, what it is about, object, here and there, of all that stands."""
        with self.store.read() as s:
            rows = s.scalars(
                select(ReconciliationFinding)
                .where(ReconciliationFinding.status != FindingStatus.GONE)
                .order_by(ReconciliationFinding.id)
            )
            return [(r.listed.value, r.about, r.object_id, r.here_minor, r.there_minor) for r in rows]

    def alerts(self) -> list[str]:
        with self.store.read() as s:
            return list(s.scalars(select(Alert.code).order_by(Alert.id)))

    def everything(self) -> dict[str, int]:
        """How many rows each table has that a run may write."""
        with self.store.read() as s:
            return {
                table.__tablename__: s.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (LedgerEntry, Posting, Payment, ReconciliationFinding, Alert)
            }


def a_world(store: Store, *, zone: str = "Europe/London") -> World:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        for one in s.scalars(select(Creditor).where(Creditor.id == account.creditor_id)):
            one.zone = zone
    return World(store, ListedGateway(), account)


def open_invoices(world: World) -> list[int]:
    """What is open on each invoice."""
    with world.store.read() as s:
        return list(s.scalars(select(Invoice.balance_minor).order_by(Invoice.id)))
