"""A refund and a chargeback of one payment: what leaves twice is owed once, in any order and to the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.ledger import LedgerCode
from models.pauses import PauseReason
from models.store import Store
from models.work import Alert
from receivables import ledger, pauses
from receivables.ports import DisputeState
from receivables.reconciling import ageing
from receivables.reversals import card_refunds
from tests.proof import prove
from tests.receivables.reversals.test_refunds import approved, refund, send
from tests.receivables.reversals.world import LATER, Paid, a_paid_account

#: Where money stands that goes back to who paid.
PAYING_BACK = (LedgerCode.CHARGEBACKS_HELD, LedgerCode.REFUNDS_PAYABLE)


class Bank:
    """Both hands that give the payer's money back, and what is gone by each of them."""

    def __init__(self, paid: Paid, *, refund: int, contest: int) -> None:
        self.paid, self.own = paid, False
        self.amounts = {"refund": refund, "contest": contest}
        self.gone: dict[str, int] = {}
        self.at = LATER

    def does(self, act: str) -> None:
        """One act at the gateway, heard of twice."""
        acts: dict[str, Callable[[], tuple[str, str]]] = {
            "refund": self._refund, "own": self._own, "contest": self._contest, "fails": self._fails,
            "won": self._won, "lost": self._lost,
        }  # fmt: skip
        self.at += timedelta(hours=1)
        kind, thing = acts[act]()
        for number in ("a", "b"):
            self.paid.hear(kind, thing, number=f"{act}{number}", now=self.at)

    def _refund(self) -> tuple[str, str]:
        self.gone["refund"] = self.amounts["refund"]
        self.paid.gateway.refunded(self.paid.charge, self.amounts["refund"], number="re_desk")
        return "refund.created", "re_desk"

    def _own(self) -> tuple[str, str]:
        self.gone["refund"], self.own = self.amounts["refund"], True
        approved(self.paid, self.amounts["refund"])
        send(self.paid)
        return "refund.created", str(refund(self.paid).remote_id)

    def _contest(self) -> tuple[str, str]:
        self.gone["contest"] = self.amounts["contest"]
        self.paid.gateway.contested(self.paid.charge, self.amounts["contest"])
        return "charge.dispute.created", "dp_1"

    def _fails(self) -> tuple[str, str]:
        del self.gone["refund"]
        number = str(refund(self.paid).remote_id) if self.own else "re_desk"
        self.paid.gateway.fails(number)
        return "refund.failed", number

    def _won(self) -> tuple[str, str]:
        del self.gone["contest"]
        self.paid.gateway.decides("dp_1", DisputeState.WON, back=self.amounts["contest"])
        return "charge.dispute.closed", "dp_1"

    def _lost(self) -> tuple[str, str]:
        self.paid.gateway.decides("dp_1", DisputeState.LOST)
        return "charge.dispute.closed", "dp_1"

    @property
    def left(self) -> int:
        """What of the payment the gateway still has for us; below zero, what left twice."""
        return self.paid.payment.amount_minor - sum(self.gone.values())


def assert_true(bank: Bank, owed: int) -> None:
    """Books, holding accounts, documents and credit say what is left (INV-3, INV-4, INV-7)."""
    paid = bank.paid
    credit = sum(money.minor for money in paid.credit())
    assert owed - sum(paid.balances()) + credit == max(bank.left, 0)
    held, payable = paid.booked(LedgerCode.CHARGEBACKS_HELD), paid.booked(LedgerCode.REFUNDS_PAYABLE)
    assert held >= 0
    assert payable >= 0
    assert held + payable == max(-bank.left, 0)
    assert paid.booked(LedgerCode.GATEWAY_CLEARING) == bank.left - paid.booked(LedgerCode.GATEWAY_FEES)
    with paid.store.read() as s:
        assert ledger.wrong_balances(s) == []
        # M-18: what stands on the holding accounts is listed item by item.
        places = [p for p in ageing.places(s, "default", now=bank.at) if p.code in PAYING_BACK]
    assert [p.rest_minor for p in places] == [0] * len(places)
    assert sum(p.waiting_minor for p in places) == held + payable


def alerts(paid: Paid, code: str = "taken_beyond") -> int:
    """How many alerts of a kind stand."""
    with paid.store.read() as s:
        return len(s.scalars(select(Alert).where(Alert.code == code, Alert.closed_at.is_(None))).all())


ORDERS = [
    (*first, *then)
    for first in (("refund", "contest"), ("contest", "refund"))
    for then in (("fails", "won"), ("won", "fails"), ("lost", "fails"))
]


@pytest.mark.parametrize(("back", "contested"), [(10000, 10000), (7000, 10000), (4000, 8000), (3000, 5000)])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_what_left_twice_is_owed_once(
    store: Store, order: tuple[str, ...], back: int, contested: int
) -> None:
    """P-20, P-21, FT-16: after each step the debtor owes what the gateway has not, and no more."""
    bank = Bank(a_paid_account(store, 6000, 4000), refund=back, contest=contested)
    for act in order:
        bank.does(act)
        assert_true(bank, 10000)
        assert (alerts(bank.paid) > 0) is (bank.left < 0)
    prove(bank.paid.url)


@pytest.mark.parametrize(
    "order",
    [("contest", "fails", "won"), ("contest", "won", "fails"), ("contest", "lost", "fails")],
    ids="-".join,
)
@pytest.mark.parametrize("contested", [13000, 11000, 5000])
def test_our_own_refund_and_a_chargeback(store: Store, order: tuple[str, ...], contested: int) -> None:
    """P-20: credit that we sent back ourselves, and then the payer's bank takes the whole."""
    bank = Bank(a_paid_account(store, 6000, 4000, came=13000), refund=3000, contest=contested)
    for act in ("own", *order):
        bank.does(act)
        assert_true(bank, 10000)
        assert (alerts(bank.paid) > 0) is (bank.left < 0)
    prove(bank.paid.url)


def test_the_chargeback_holds_what_the_refund_had_opened(store: Store) -> None:
    """P-21: the refund fails, so that the chargeback is why it is owed: nobody chases until its end."""
    bank = Bank(a_paid_account(store), refund=10000, contest=10000)
    for act in ("refund", "contest"):
        bank.does(act)
    assert held(bank) == {PauseReason.AWAITING_OUR_ANSWER}
    bank.does("fails")
    assert PauseReason.CHARGEBACK in held(bank)
    assert {"chargeback", "refund_failed"} <= set(bank.paid.tasks())
    bank.does("won")
    assert (PauseReason.CHARGEBACK in held(bank), bank.paid.balances()) == (False, [0])


def test_a_person_says_what_becomes_of_what_the_refund_leaves_open(store: Store) -> None:
    """P-20: the chargeback is won and the refund stands: it is owed for the refund now."""
    bank = Bank(a_paid_account(store), refund=10000, contest=10000)
    for act in ("contest", "refund"):
        bank.does(act)
    assert "payment_returned" not in bank.paid.tasks()
    bank.does("won")
    assert "payment_returned" in bank.paid.tasks()
    assert held(bank) == {PauseReason.AWAITING_OUR_ANSWER}


def test_what_is_back_may_go_to_the_card_again(store: Store) -> None:
    """P-20: what left twice and came back twice counts for nothing in what the card may receive."""
    bank = Bank(a_paid_account(store), refund=10000, contest=10000)
    for act in ("refund", "contest", "fails", "won"):
        bank.does(act)
    with store.read() as s:
        assert card_refunds.refundable(s, bank.paid.payment).minor == 10000


def held(bank: Bank) -> set[PauseReason]:
    """Why the account's documents are not chased."""
    with bank.paid.store.read() as s:
        tomorrow = (bank.at + timedelta(days=1)).date()
        return {p.reason for p in pauses.standing(s, bank.paid.account.id, tomorrow)}
