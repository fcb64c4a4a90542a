"""Money that goes back while other money moves: each race ends in a legal history, 5 times each."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.ledger import LedgerCode
from models.money import Money
from models.reversals import ReversalCause
from models.store import Store
from receivables import ledger
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.reversals import chargebacks, outside_refunds, taking
from tests import factories as make
from tests.effort import REPEATS
from tests.proof import prove
from tests.races import together
from tests.receivables.paying import pay
from tests.receivables.reversals.world import LATER, Paid, a_paid_account, gbp


@pytest.mark.parametrize("run", range(REPEATS))
def test_refund_beside_dispute(store: Store, run: int) -> None:
    """FT-16, P-20, P-21: both are booked whole, in whichever order; what is taken twice is owed once."""
    paid = a_paid_account(store, 6000, 4000)
    refund = paid.gateway.refunded(paid.charge, 7000)
    dispute = paid.gateway.contested(paid.charge, 10000)
    acts = [
        lambda: store.run(lambda s: outside_refunds.apply(s, paid.payment.id, refund, now=LATER)),
        lambda: store.run(
            lambda s: chargebacks.apply(
                s, paid.payment.id, dispute, gateway_account="default", now=LATER
            ).id
        ),
    ]  # fmt: skip
    ended = together(4, lambda n: acts[n % 2]())
    assert not [e for e in ended if isinstance(e, Exception)]
    assert paid.balances() == [6000, 4000]
    assert sum(r.beyond_minor for r in paid.reversals()) == 7000
    assert paid.booked(LedgerCode.GATEWAY_CLEARING) == 10000 - 7000 - 10000 - 2000
    settled(paid)


@pytest.mark.parametrize("run", range(REPEATS))
def test_reversal_beside_a_new_payment(store: Store, run: int) -> None:
    """M-07, M-10: the payment of the second document and the end of the first do not lose each other."""
    paid = a_paid_account(store, 6000)
    with store.write() as s:
        make.an_invoice(s, paid.account, total=Money(4000, "GBP"))

    def back() -> None:
        store.run(
            lambda s: taking.take_back(
                s, SYSTEM, taking.lock_payment(s, paid.payment.id), gbp(6000),
                cause=ReversalCause.MISTAKE, source="staff:1", at=LATER, now=LATER,
            ).id
        )  # fmt: skip

    def anew() -> None:
        pay(store, paid.account, Choice("amount", "GBP", amount=gbp(4000)), at=LATER + timedelta(minutes=run))

    ended = together(2, lambda n: (back, anew)[n]())
    assert not [e for e in ended if isinstance(e, Exception)]
    assert sum(paid.balances()) == 6000
    settled(paid)


@pytest.mark.parametrize("run", range(REPEATS))
def test_one_taking_by_many(store: Store, run: int) -> None:
    """M-05, INV-5: webhook, sweeper and reconciliation at once: one entry, one effect."""
    paid = a_paid_account(store)
    refund = paid.gateway.refunded(paid.charge, 4000)
    ended = together(
        4, lambda n: store.run(lambda s: outside_refunds.apply(s, paid.payment.id, refund, now=LATER))
    )
    assert not [e for e in ended if isinstance(e, Exception)]
    assert (paid.balances(), len(paid.reversals())) == ([4000], 1)
    settled(paid)


def settled(paid: Paid) -> None:
    with paid.store.read() as s:
        assert ledger.wrong_balances(s) == []
        assert not any(ledger.trial_balance(s).values())
    prove(paid.url)
