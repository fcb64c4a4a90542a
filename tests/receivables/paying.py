"""Money that comes, through the real actions and a gateway that says what it is told."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment, PaymentAttempt
from models.store import Store
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth

_nonces = itertools.count(1)


def pay(
    store: Store, account: Account, choice: Choice, *, came: Money | None = None, at: datetime = NOON,
    taken_at: datetime | None = None,
) -> Payment:  # fmt: skip
    """Start a payment and let it succeed; `came`, `taken_at`: what the gateway took, when it differs."""
    gateway = ToldGateway()
    started = starting.start(
        store, gateway, make.holder_actor(account), choice, account_id=account.id, zone=account.zone,
        nonce=f"nonce-{next(_nonces)}", language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=at,
    )  # fmt: skip
    with store.read() as s:
        attempt = s.scalars(select(PaymentAttempt).where(PaymentAttempt.ref == started.ref)).one()
    amount = came or Money(attempt.amount_minor, attempt.currency)
    charge = replace(a_charge(started.ref, amount), taken_at=taken_at or at)
    gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
    settling.settle(store, gateway, started.ref, now=taken_at or at)
    with store.read() as s:
        return s.scalars(select(Payment).where(Payment.attempt_id == attempt.id)).one()


def balances(store: Store, account: Account) -> list[int]:
    """What is open on each document of an account, in the order in which they were made."""
    with store.read() as s:
        query = select(Invoice.balance_minor).where(Invoice.account_id == account.id).order_by(Invoice.id)
        return list(s.scalars(query))
