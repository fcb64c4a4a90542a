"""Money for a bad debt goes back and comes again: recoveries follow it, nobody's credit does (P-21)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.ledger import LedgerCode
from models.payments import Payment
from models.reversals import PaymentReversal, ReversalCause
from models.store import Store
from receivables import credits, write_offs
from receivables.approvals import deciding
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.ports import RemoteState
from receivables.reversals import restoring, taking
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account
from tests.receivables.reversals.world import LATER, Paid, after, gbp


class World:
    """£60.00 paid with £100.00, so that £40.00 are credit; then £100.00 for an invoice of which £40.00 had
    been written off while its page was open, so that £40.00 are a recovery."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.debtor: PlanWorld = an_owing_account(store, 6000, 10000)
        self._paid(self._page(0), 10000)
        late = self._page(1)
        asked = store.run(
            lambda s: write_offs.propose_write_off(
                s, self.debtor.collector, self.debtor.refs[1], amount=gbp(4000), reason="lost", now=NOON
            )
        )
        store.run(
            lambda s: deciding.approve(
                s, self.debtor.supervisor, asked.ref, digest=asked.content_digest, now=NOON
            )
        )
        self._paid(late, 10000)
        with store.read() as session:
            self.first, self.second = session.scalars(select(Payment).order_by(Payment.id)).all()
        self.paid: Paid = after(store, self.debtor.account, self.second)

    def _page(self, number: int) -> str:
        return self.debtor.start(Choice("chosen", "GBP", (self.debtor.refs[number],)), nonce=f"p{number}")

    def _paid(self, page: str, minor: int) -> None:
        self.debtor.told(page, RemoteState.SUCCEEDED, minor, now=NOON + timedelta(minutes=5))

    def take(self, payment: Payment, minor: int) -> PaymentReversal:
        return self.store.run(
            lambda s: taking.take_back(
                s, SYSTEM, taking.lock_payment(s, payment.id), gbp(minor), cause=ReversalCause.CHARGEBACK,
                source=f"movement:{payment.id}:{minor}", at=LATER, now=LATER,
            )
        )  # fmt: skip

    def give(self, payment: Payment, taken: PaymentReversal, minor: int) -> PaymentReversal:
        def unit(session: Session) -> PaymentReversal:
            row = taking.lock_payment(session, payment.id)
            again = session.get_one(PaymentReversal, taken.id)
            given = restoring.give_back(
                session, row, [again], gbp(minor), source=f"movement:{payment.id}:{minor}:back", at=LATER,
                now=LATER,
            )  # fmt: skip
            assert given is not None
            return given.first

        return self.store.run(unit)

    def credit(self) -> list[tuple[str, int]]:
        """What of each payment is still in the debtor's favour."""
        with self.store.read() as session:
            found = credits.sources(session, self.debtor.account.id)
            return [(source.number, source.left.minor) for source in found]


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_a_recovery_goes_back_and_the_credit_of_another_payment_stays(world: World) -> None:
    """P-21, INV-7: a chargeback takes what its own payment had brought; the rest of another is untouched."""
    assert world.credit() == [(world.first.number, 4000)]
    row = world.take(world.second, 10000)
    assert (row.allocated_minor, row.unapplied_minor, row.recovered_minor, row.beyond_minor) == (
        6000, 0, 4000, 0,
    )  # fmt: skip
    assert world.paid.booked(LedgerCode.RECOVERIES) == 0
    assert world.credit() == [(world.first.number, 4000)]
    # What is in favour is taken back of the payment that brought it.
    own = world.take(world.first, 10000)
    assert (own.allocated_minor, own.unapplied_minor, own.beyond_minor) == (6000, 4000, 0)
    assert (world.credit(), world.paid.balances()) == ([], [6000, 6000])
    prove(world.paid.url, now=LATER)


def test_what_was_recovered_is_recovered_again(world: World) -> None:
    """P-21: it is won, in two parts; what had come for the bad debt is no credit of the debtor."""
    taken = world.take(world.second, 10000)
    parts = [world.give(world.second, taken, minor) for minor in (7000, 3000)]
    assert [(row.allocated_minor, row.recovered_minor, row.unapplied_minor) for row in parts] == [
        (6000, 1000, 0), (0, 3000, 0),
    ]  # fmt: skip
    assert (world.paid.booked(LedgerCode.RECOVERIES), world.paid.balances()) == (-4000, [0, 0])
    assert world.credit() == [(world.first.number, 4000)]
    prove(world.paid.url, now=LATER)


def test_what_is_owed_again_is_not_recovered(world: World) -> None:
    """The write-off was reversed meanwhile: what comes again pays the invoice, as far as it is open."""
    taken = world.take(world.second, 10000)
    asked = world.store.run(
        lambda s: write_offs.propose_reopening(
            s, world.debtor.collector, world.debtor.refs[1], reason="not lost", now=LATER
        )
    )
    world.store.run(
        lambda s: deciding.approve(
            s, world.debtor.supervisor, asked.ref, digest=asked.content_digest, now=LATER
        )
    )
    row = world.give(world.second, taken, 10000)
    assert (row.recovered_minor, world.paid.booked(LedgerCode.RECOVERIES)) == (0, 0)
    assert row.allocated_minor + row.unapplied_minor == 10000
    prove(world.paid.url, now=LATER)
