"""A card gets back whole payable steps only; what was approved before is freed (M-02, P-16)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
from sqlalchemy import select

from gateways.stripe.payments import StripePayments
from models.accounts import Account
from models.approvals import ApprovalRequest, Refund
from models.money import Money
from models.payments import Payment
from models.staff import Role
from models.states import RefundStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import ledger, refunds
from receivables.approvals import deciding
from receivables.errors import Refused
from receivables.payments.quotes import Choice
from receivables.permissions import Actor
from receivables.reversals import card_refunds
from tests import factories as make
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.paying import pay

CREDIT = 1000050


def huf(minor: int) -> Money:
    return Money(minor, "HUF")


class World:
    """50,000 Ft owed and 10,000.50 Ft more paid, which are credit; the real gateway code, unreachable."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as session:
            self.account: Account = make.an_account(session, make.a_creditor(session))
            make.an_invoice(session, self.account, total=huf(5000000))
            self.asks: Actor = make.staff_actor(make.a_person(session, Role.ACCOUNTANT))
            self.decides: Actor = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
        self.payment: Payment = pay(store, self.account, Choice("all", "HUF"), came=huf(5000000 + CREDIT))
        self.gateway = StripePayments("default", "sk_test_x", ["whsec_x"], "http://127.0.0.1:9")

    def ask(self, minor: int) -> ApprovalRequest:
        return self.store.run(
            lambda s: refunds.propose_card_refund(
                s, self.asks, self.account.ref, payment_number=self.payment.number, amount=huf(minor),
                reason="Paid too much", now=NOON,
            )
        )  # fmt: skip

    def approve(self, asked: ApprovalRequest) -> None:
        self.store.run(
            lambda s: deciding.approve(s, self.decides, asked.ref, digest=asked.content_digest, now=NOON)
        )

    def refund(self) -> Refund:
        with self.store.read() as session:
            return session.scalars(select(Refund)).one()

    def credit(self) -> list[Money]:
        with self.store.read() as session:
            return ledger.unapplied_credit(session, self.account.id)


@pytest.fixture
def world(store: Store) -> Iterator[World]:
    yield World(store)
    prove(store.writer.url.render_as_string(hide_password=False), now=NOON + timedelta(days=1))


def test_a_fraction_of_a_step_is_not_sent_to_a_card(world: World) -> None:
    """M-02, decision 32: refused by name when it is asked for; whole steps are asked for as ever."""
    with pytest.raises(Refused) as refused:
        world.ask(CREDIT)
    assert (refused.value.code, refused.value.facts["step"]) == ("amount_off_step", huf(100))
    world.approve(world.ask(CREDIT - 50))
    assert (world.refund().status, world.credit()) == (RefundStatus.UNDER_WAY, [huf(50)])


def test_what_was_approved_before_is_freed(world: World) -> None:
    """P-16: a refund that no gateway can send ends by the sweeper, its credit is free, a person is told."""
    with mock.patch.object(Money, "is_payable", True):  # as it was let through once
        world.approve(world.ask(CREDIT))
    assert (world.refund().status, world.credit()) == (RefundStatus.UNDER_WAY, [])
    later = NOON + timedelta(hours=1)
    assert card_refunds.sweep(world.store, world.gateway, gateway_account="default", now=later) == 1
    assert (world.refund().status, world.refund().failure_code) == (RefundStatus.FAILED, "amount_off_step")
    assert world.credit() == [huf(CREDIT)]
    with world.store.read() as session:
        kinds = session.scalars(select(Task.kind).where(Task.done_at.is_(None))).all()
    assert TaskKind.REFUND_FAILED in kinds
