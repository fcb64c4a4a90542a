"""What follows from money: one part that fails takes nothing of the payment with it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.worker import HANDLERS
from models.accounts import Account
from models.audit import AuditEntry
from models.invoices import Invoice
from models.payments import Payment
from models.store import Store
from models.work import Alert, Interaction, Job
from receivables import consequences, outbox
from receivables.audit import record
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.paying import balances, pay


def _stumbles(session: Session, payment: Payment, *, now: datetime) -> None:
    """A follower that has written and recorded before it fails."""
    outbox.note(session, payment.account_id, "credit_hold.released", now=now)
    record(session, SYSTEM, "credit_hold.released", payment, account_id=payment.account_id, now=now)
    session.flush()
    raise ValueError("no such day")


def test_a_follower_that_fails_leaves_the_payment_booked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requirements 0.5: money that came is always recorded; the rest is tried again and told."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=10_000)
    real = consequences.AFTER_PAYMENT
    monkeypatch.setattr(consequences, "AFTER_PAYMENT", (_stumbles, *real))
    payment = pay(store, account, Choice("all", "GBP"))
    assert balances(store, account) == [0]
    with store.read() as s:
        kinds = s.scalars(select(Interaction.kind)).all()
        codes = s.scalars(select(AuditEntry.code)).all()
        alert = s.scalars(select(Alert)).one()
        job = s.scalars(select(Job).where(Job.kind == "follow_payment")).one()
    assert "credit_hold.released" not in [*codes, *kinds]
    assert (alert.code, alert.account_id) == ("follower_failed", account.id)
    assert alert.facts == {"follower": "_stumbles", "error": "ValueError"}
    assert job.payload == {"payment_id": payment.id, "follower": "_stumbles"}
    assert job.kind in HANDLERS


def test_the_worker_lets_it_follow_later(store: Store) -> None:
    """Each follower takes a repeated call as done."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=10_000)
    payment = pay(store, account, Choice("all", "GBP"))
    for follower in consequences.AFTER_PAYMENT:
        store.run(
            lambda s, name=follower.__name__: consequences.follow_again(  # type: ignore[misc]
                s, payment.id, name, now=NOON + timedelta(minutes=5)
            )
        )
    with store.read() as s:
        assert s.scalars(select(Payment.id).where(Payment.account_id == account.id)).all() == [payment.id]
        assert s.scalars(select(Invoice.balance_minor).where(Invoice.account_id == account.id)).all() == [0]
        assert s.get_one(Account, account.id) is not None
    with pytest.raises(KeyError):
        store.run(lambda s: consequences.follow_again(s, payment.id, "gone", now=NOON))
