"""One success for an instalment: a card is not charged again because money went back (M-15, P-24).

Money counts towards instalments in their order, so what goes back of the first opens the last one paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from models.approvals import ApprovalRequest
from models.arrangements import Instalment, InstalmentCharge, PaysBy, Plan
from models.money import Money
from models.payments import Payment, PaymentAttempt
from models.reversals import ReversalCause
from models.store import Store
from models.work import Task, TaskKind
from receivables import ledger, write_offs
from receivables.approvals import deciding
from receivables.arrangements import charging
from receivables.payments import settling
from receivables.permissions import SYSTEM
from receivables.ports import PreparedRequest, RemoteCharge, RemotePayment, RemoteState
from receivables.reversals import taking
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_truth
from tests.proof import prove
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, gbp, noon_of

PART = 20000


class Charges(ToldGateway):
    """A gateway whose every charge succeeds at once; `made` are the attempts that it was asked for."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self.made: list[str] = []
        self.now = NOON

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        ref = prepared.body
        self.made.append(ref)
        with self.store.read() as session:
            attempt = session.scalars(select(PaymentAttempt).where(PaymentAttempt.ref == ref)).one()
        return self.truth(ref, attempt.amount_minor)

    def truth(self, ref: str, minor: int) -> RemotePayment:
        charge = RemoteCharge(
            charge_id=f"ch-{ref}", amount=Money(minor, "GBP"), taken_at=self.now, method="card",
            method_detail="visa 4242", fee=None, balance_transaction_id=None,
        )  # fmt: skip
        return a_truth(ref, RemoteState.SUCCEEDED, charge)


class World:
    """A plan of parts of £200.00 by card, lived day by day."""

    plan: Plan
    due: Sequence[date]

    def __init__(self, store: Store, minor: int) -> None:
        self.store = store
        self.debtor: PlanWorld = an_owing_account(store, minor)
        self.gateway = Charges(store)

    def agree(self, parts: int) -> None:
        self.plan = self.debtor.agreed(parts, pays_by=PaysBy.CARD)
        self.debtor.on_card(self.plan)
        self.due = [part.due_on for part in self.debtor.parts(self.plan)]

    def day(self, on: date) -> datetime:
        """A day's work, as the worker does it: plans, then charges."""
        self.gateway.now = now = noon_of(on)
        self.debtor.daily(on)
        charging.charge_due(self.store, self.gateway, self.debtor.account.id, today=on, now=now)
        return now

    def days(self, first: date, last: date) -> None:
        while first <= last:
            self.day(first)
            first += timedelta(days=1)

    def payments(self) -> list[Payment]:
        with self.store.read() as session:
            return list(session.scalars(select(Payment).order_by(Payment.id)))

    def take(self, payment: Payment, cause: ReversalCause, on: date) -> None:
        self.store.run(
            lambda s: taking.take_back(
                s, SYSTEM, taking.lock_payment(s, payment.id), gbp(payment.amount_minor), cause=cause,
                source=f"test:{payment.number}", at=noon_of(on), now=noon_of(on),
            )
        )  # fmt: skip

    def credited(self) -> list[int]:
        """The instalments with a charge that counts."""
        with self.store.read() as session:
            query = select(Instalment.seq).join(InstalmentCharge).where(InstalmentCharge.credited)
            return sorted(session.scalars(query))

    def unapplied(self) -> list[Money]:
        with self.store.read() as session:
            return ledger.unapplied_credit(session, self.debtor.account.id)

    def asked(self) -> list[str]:
        """Why a person was asked to look at the plan."""
        with self.store.read() as session:
            tasks = session.scalars(select(Task).where(Task.kind == TaskKind.PLAN_TROUBLE).order_by(Task.id))
            return [task.facts["why"] for task in tasks]


@pytest.fixture
def world(store: Store, database_url: str) -> Iterator[World]:
    """The plan's world, which the checker looks at afterwards (INV-12)."""
    made = World(store, 3 * PART)
    made.agree(3)
    yield made
    prove(database_url, now=made.gateway.now)


def test_money_of_an_earlier_part_goes_back(world: World) -> None:
    """M-15, P-24, INV-12, FT-25: the first charge goes back, the second part is open again; each later
    day charges nothing, the third part is charged on its day, once, and a person is asked."""
    for due in world.due[:2]:
        world.day(due)
    first, _ = world.payments()
    world.take(first, ReversalCause.CHARGEBACK, world.due[1])
    assert world.debtor.statuses(world.plan) == ["paid", "scheduled", "scheduled"]
    assert (world.credited(), world.asked()) == ([1], ["open_again"])
    world.days(world.due[1] + timedelta(days=1), world.due[1] + timedelta(days=6))
    assert (len(world.gateway.made), world.unapplied()) == (2, [])
    world.days(world.due[2], world.due[2] + timedelta(days=3))
    # Its money fills the second part; the third is open, and its card is not charged for it again.
    assert world.debtor.statuses(world.plan) == ["paid", "paid", "missed"]
    assert (len(world.gateway.made), world.unapplied(), world.credited()) == (3, [], [1])


def test_a_payment_by_hand_goes_back(world: World) -> None:
    """The same when the payment that goes back was no charge: a bank debit that was returned."""
    world.debtor.pay(world.plan, on=world.due[0] - timedelta(days=1))
    world.days(world.due[0], world.due[0] + timedelta(days=1))
    world.day(world.due[1])
    (by_hand, _) = world.payments()
    world.take(by_hand, ReversalCause.BANK_RETURN, world.due[1])
    world.days(world.due[1], world.due[1] + timedelta(days=4))
    assert world.debtor.statuses(world.plan) == ["paid", "missed", "scheduled"]
    assert (len(world.gateway.made), world.unapplied(), world.asked()) == (1, [], ["open_again"])


def test_a_write_off_is_opened_again(store: Store, database_url: str) -> None:
    """The balance grows without any payment: what the card had paid is open, and it is not charged again."""
    world = World(store, 4 * PART)
    asks, decides, invoice = world.debtor.collector, world.debtor.supervisor, world.debtor.refs[0]

    def approve(asked: ApprovalRequest, on: datetime) -> None:
        store.run(lambda s: deciding.approve(s, decides, asked.ref, digest=asked.content_digest, now=on))

    off = store.run(
        lambda s: write_offs.propose_write_off(s, asks, invoice, amount=gbp(PART), reason="lost", now=NOON)
    )
    approve(off, NOON)
    world.agree(3)
    now = world.day(world.due[0])
    assert world.debtor.statuses(world.plan) == ["paid", "scheduled", "scheduled"]
    back = store.run(lambda s: write_offs.propose_reopening(s, asks, invoice, reason="not lost", now=now))
    approve(back, now)
    world.days(world.due[0], world.due[0] + timedelta(days=4))
    assert world.debtor.statuses(world.plan) == ["missed", "scheduled", "scheduled"]
    assert (len(world.gateway.made), world.unapplied(), world.asked()) == (1, [], ["open_again"])
    prove(database_url, now=world.gateway.now)


def test_who_names_another_card_is_charged_once_more(world: World) -> None:
    """It is charged when its holder asks: another card is tried at once, and then no more."""
    for due in world.due[:2]:
        world.day(due)
    first, second = world.payments()
    on = world.due[1] + timedelta(days=1)
    world.take(second, ReversalCause.REFUND, on)
    world.day(on)
    assert len(world.gateway.made) == 2
    world.debtor.on_card(world.plan, last4="5556", now=noon_of(on))
    world.days(on, on + timedelta(days=4))
    assert world.debtor.statuses(world.plan) == ["paid", "paid", "scheduled"]
    assert (len(world.gateway.made), world.credited(), world.unapplied()) == (3, [1, 2], [])
    # A later word about the first charge of it gives it no credit again.
    world.take(first, ReversalCause.REFUND, on)
    told = world.gateway.truth(world.gateway.made[1], PART)
    with world.store.read() as session:
        attempt = session.get_one(PaymentAttempt, second.attempt_id)
    settling.apply(world.store, attempt.id, told, now=noon_of(on))
    assert world.credited() == [1]
