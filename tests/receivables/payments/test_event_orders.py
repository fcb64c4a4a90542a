"""Notifications in every order, twice and stale: the books end in one state (P-04, P-11)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from models.messages import Message
from models.money import Money
from models.pauses import Pause
from models.payments import AttemptInvoice, InboxEvent, Payment, ProviderEffect
from models.states import AttemptStatus, InboxStatus
from models.store import Store
from models.work import Interaction
from receivables.payments import inbox
from receivables.policy import default_policy
from receivables.ports import RemotePayment, RemoteState
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.payments.test_settling import Books, hint, now, open_books

#: The events of one payment by a delayed method, from the page to the money and its fee.
PAID = (
    "checkout.session.completed", "payment_intent.processing", "checkout.session.async_payment_succeeded",
    "payment_intent.succeeded", "charge.updated",
)  # fmt: skip
FAILED = (
    "checkout.session.completed", "payment_intent.processing", "checkout.session.async_payment_failed",
    "payment_intent.payment_failed",
)  # fmt: skip
AMOUNT = Money(5000, "GBP")
#: What the timeline tells of an end.
ENDS = ("payment.succeeded", "payment.failed")
SUCCESS = (AttemptStatus.SUCCEEDED, (0,), ("payment_confirmation",), 1, 2, 0, 1, 0)
FAILURE = (AttemptStatus.FAILED, (5000,), ("debit_failed",), 0, 0, 0, 1, 0)


def truth_at(ref: str, end: RemoteState, heard: int, events: int) -> RemotePayment:
    """How the payment stands when so many events were heard: the truth goes on, whatever they say."""
    if heard * 2 < events:
        return a_truth(ref, RemoteState.PROCESSING)
    charge = a_charge(ref, AMOUNT, fee=Money(100, "GBP") if heard == events else None)
    return a_truth(ref, end, charge if end is RemoteState.SUCCEEDED else None)


def hear(books: Books, ref: str, order: Sequence[str], end: RemoteState) -> None:
    """Keep the events in this order, each of them twice, and follow them as a worker does."""
    for number, kind in enumerate(order, start=1):
        books.gateway.truths = [truth_at(ref, end, number, len(order))]
        for _ in range(2):
            event = hint(ref, f"evt_{ref}_{kind}", type=kind)
            books.store.run(lambda s, e=event: inbox.accept(s, e, gateway_account="default", now=now()))  # type: ignore[misc]
        taken = books.store.run(
            lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=now(), limit=1)
        )
        for row_id in taken:
            assert inbox.process(books.store, books.gateway, row_id, now=now()) is InboxStatus.DONE


def state_of(books: Books, ref: str) -> tuple[object, ...]:
    """All that a payment may leave behind: status, balances, money, letters, pauses, what it holds."""
    attempt = books.attempt(ref)
    with books.store.read() as session:

        def count(*where: object) -> int:
            return int(session.scalar(select(func.count()).where(*where)) or 0)  # type: ignore[arg-type]

        letters = session.scalars(select(Message.kind).where(Message.account_id == books.account.id)).all()
        return (
            attempt.status, tuple(books.balances()), tuple(letters),
            count(Payment.attempt_id == attempt.id), count(ProviderEffect.attempt_id == attempt.id),
            count(Pause.account_id == books.account.id, Pause.ended_at.is_(None)),
            count(Interaction.account_id == books.account.id, Interaction.kind.in_(ENDS)),
            count(AttemptInvoice.attempt_id == attempt.id, AttemptInvoice.blocking),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("events", "end", "expected"),
    [(PAID, RemoteState.SUCCEEDED, SUCCESS), (FAILED, RemoteState.FAILED, FAILURE)],
)
def test_every_order_of_the_events_ends_the_same(
    shared_store: Store, events: tuple[str, ...], end: RemoteState, expected: tuple[object, ...]
) -> None:
    """All permutations of up to five events, each told twice while the truth goes on beneath them."""
    for number, order in enumerate(itertools.permutations(events)):
        books = open_books(shared_store, ToldGateway(), AMOUNT)
        ref = books.start(nonce=f"{end.value}-{number}").ref
        hear(books, ref, order, end)
        assert state_of(books, ref) == expected, order
        assert books.hold()
    with shared_store.read() as session:
        assert session.scalar(select(func.count()).where(InboxEvent.status != InboxStatus.DONE)) == 0
