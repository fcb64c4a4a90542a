"""Bank debits: accepted is not paid, and what does not come is asked for again (P-19, FT-14)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Account
from models.invoices import Invoice
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import Pause, PauseReason
from models.payments import AttemptInvoice, PaymentAttempt
from models.states import AttemptStatus, InvoiceStatus
from models.store import Store
from models.work import Alert, Job
from receivables import letters, pauses
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.evaluating import look
from receivables.payments import attempts, starting, sweeping
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import RemoteState
from tests import factories as make
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.payments.test_settling import Books, now, open_books

POUNDS = Money(141840, "GBP")
POLICY = default_policy()


@pytest.fixture
def told(store: Store) -> Books:
    """Books on each database, behind a gateway that says what the test tells it to."""
    return open_books(store, ToldGateway())


def start(books: Books, minor: int | None = None, nonce: str = "n1") -> str:
    """Start paying everything, or so much of it; returns the attempt's ref."""
    choice = Choice("all", "GBP") if minor is None else Choice("amount", "GBP", amount=Money(minor, "GBP"))
    return starting.start(
        books.store, books.gateway, make.holder_actor(books.account), choice, account_id=books.account.id,
        zone=books.account.zone, nonce=nonce, language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=now(),
    ).ref  # fmt: skip


def tell(
    books: Books, ref: str, state: RemoteState, amount: Money = POUNDS, *, later: int = 0
) -> AttemptStatus:
    """Let the gateway say how a payment stands, and settle it so many days later."""
    charge = a_charge(ref, amount) if state is RemoteState.SUCCEEDED else None
    books.gateway.truths = [a_truth(ref, state, charge)]
    return books.settle(ref, later=timedelta(days=later))


def standing(books: Books, at: datetime) -> list[tuple[PauseReason, str | None]]:
    with books.store.read() as session:
        day = business_date(at, books.account.zone)
        return [(p.reason, p.invoice_ref) for p in pauses.standing(session, books.account.id, day)]


def waits_for(books: Books, at: datetime) -> list[str | None]:
    """Why the ladder does nothing about each document."""
    with books.store.read() as session:
        ladders = ladders_in_force(session, at)
        [found] = look(session, [books.account.id], ladders=ladders, policy=POLICY, now=at)
    return [finding.waits_for for finding in found.findings]


def mails(books: Books) -> list[tuple[str, Purpose]]:
    with books.store.read() as session:
        return [tuple(r) for r in session.execute(select(Message.kind, Message.purpose).order_by(Message.id))]


def test_what_is_on_its_way_stands_still_and_is_confirmed_by_nobody(told: Books) -> None:
    """The ladder says why; no receipt, no paid invoice, nothing to pay a second time."""
    ref = start(told)
    assert tell(told, ref, RemoteState.PROCESSING) is AttemptStatus.PROCESSING
    refs = [(PauseReason.DEBIT_PROCESSING, invoice.ref) for invoice in told.invoices]
    assert standing(told, now()) == refs
    assert waits_for(told, now()) == ["paused:debit_processing"] * 2
    assert mails(told) == []
    assert told.balances() == [57600, 84240]
    with pytest.raises(Refused, match="nothing_to_pay"):
        start(told, nonce="n2")


def test_only_the_amount_on_its_way_is_reserved(told: Books) -> None:
    """A debit of £600 holds £600: the rest is asked for, by the ladder too, and can be paid by card."""
    debit = start(told, 60000)
    tell(told, debit, RemoteState.PROCESSING)
    assert standing(told, now()) == [(PauseReason.DEBIT_PROCESSING, told.invoices[0].ref)]
    assert waits_for(told, now())[1] is None
    with pytest.raises(Refused, match="amount_above_balance"):
        start(told, 81841, "n2")
    card = start(told, 81840, "n3")
    with told.store.read() as session:
        held = session.execute(
            select(AttemptInvoice.invoice_id, AttemptInvoice.reserved_minor)
            .join(PaymentAttempt, PaymentAttempt.id == AttemptInvoice.attempt_id)
            .where(PaymentAttempt.ref == card)
        ).all()
    assert [tuple(row) for row in held] == [(told.invoices[1].id, 81840)]
    assert tell(told, card, RemoteState.SUCCEEDED, Money(81840, "GBP")) is AttemptStatus.SUCCEEDED
    assert tell(told, debit, RemoteState.SUCCEEDED, Money(60000, "GBP"), later=5) is AttemptStatus.SUCCEEDED
    assert told.balances() == [0, 0]
    assert told.unapplied() == []
    assert told.hold()


def test_money_that_was_waited_for_ends_no_page_for_the_rest(told: Books) -> None:
    """Decision 12: the page for the rest asks for what is asked for still; the debit that comes leaves it."""
    debit = start(told, 60000)
    tell(told, debit, RemoteState.PROCESSING)
    card = start(told, 81840, "n2")
    assert tell(told, debit, RemoteState.SUCCEEDED, Money(60000, "GBP"), later=5) is AttemptStatus.SUCCEEDED
    assert told.attempt(card).superseded_at is None
    assert told.count(AttemptInvoice, AttemptInvoice.blocking) == 1


def test_success_days_later_is_confirmed_then(told: Books) -> None:
    """FT-14: the receipt comes with the money, the pause ends, the invoices are paid."""
    ref = start(told)
    tell(told, ref, RemoteState.PROCESSING)
    assert tell(told, ref, RemoteState.SUCCEEDED, later=6) is AttemptStatus.SUCCEEDED
    assert mails(told) == [("payment_confirmation", Purpose.RECEIPT)]
    assert standing(told, now() + timedelta(days=6)) == []
    with told.store.read() as session:
        states = session.scalars(select(Invoice.status).where(Invoice.account_id == told.account.id))
        assert set(states) == {InvoiceStatus.PAID}
        pause = session.scalars(select(Pause)).first()
        assert pause is not None
        assert pause.ended_at is not None


def test_failure_days_later_lets_everything_go_on(told: Books) -> None:
    """FT-14: reminders go on where they stood, the payer hears of it once, with the way out."""
    ref = start(told)
    tell(told, ref, RemoteState.PROCESSING)
    for _ in range(2):
        assert tell(told, ref, RemoteState.FAILED, later=5) is AttemptStatus.FAILED
    then = now() + timedelta(days=5)
    assert standing(told, then) == []
    assert waits_for(told, then) == [None, None]
    assert mails(told) == [("debit_failed", Purpose.ANSWER)]
    with told.store.read() as session:
        message = session.scalars(select(Message)).one()
        account = session.get_one(Account, told.account.id)
        assert letters.is_still_true(session, message, account, now=then)
        said = letters.compose(session, message, link="http://l/x", link_expires_at=then, stop="x", now=then)
        assert said.values["amount"] == POUNDS
        assert said.values["asked_date"] == business_date(now(), account.zone)
        assert [row.ref for row in said.values["invoice_list"]] == [i.ref for i in told.invoices]
        paused = pauses.paused_days(
            pauses.of_account(session, account.id), business_date(now(), account.zone) - timedelta(days=9),
            business_date(then, account.zone),
        )  # fmt: skip
    assert paused == 5  # the ladder's age leaves these days out
    again = start(told, nonce="n2")
    assert tell(told, again, RemoteState.SUCCEEDED) is AttemptStatus.SUCCEEDED
    with told.store.read() as session:
        message = session.scalars(select(Message).where(Message.kind == "debit_failed")).one()
        account = session.get_one(Account, told.account.id)
        assert not letters.is_still_true(session, message, account, now=then)  # it waited, and was paid


def test_a_failure_that_was_never_seen_on_its_way_is_told_too(told: Books) -> None:
    """P-04: webhooks lost for a week: the same letter, whatever was seen before."""
    ref = start(told)
    assert tell(told, ref, RemoteState.FAILED, later=7) is AttemptStatus.FAILED
    assert mails(told) == [("debit_failed", Purpose.ANSWER)]
    assert told.attempt(ref).accepted_at is not None


def test_another_page_that_is_open_for_the_same_is_ended(told: Books) -> None:
    """P-05: a debit of a page that was overtaken is on its way; the newer page asks for nothing any more."""
    first = start(told)
    with told.store.write() as session:
        attempts.supersede(session, SYSTEM, [i.id for i in told.invoices], reason="test", now=now())
    second = start(told, nonce="n2")
    assert tell(told, first, RemoteState.PROCESSING) is AttemptStatus.PROCESSING
    assert told.attempt(second).superseded_at is not None
    with told.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 2


def test_a_debit_that_no_bank_answers_calls_a_person(told: Books) -> None:
    """P-16: asked about once an hour, and after the slowest scheme's days an alert; closed when it ends."""
    ref = start(told)
    tell(told, ref, RemoteState.PROCESSING)

    def sweep(at: datetime) -> int:
        return sweeping.sweep(told.store, told.gateway, gateway_account="default", now=at)

    at = now() + timedelta(hours=1)
    looks = [sweep(at + timedelta(minutes=10 * n)) for n in range(24)]
    assert 8 <= sum(looks) <= 12
    assert told.alerts() == []
    sweep(now() + POLICY.debit_life - timedelta(minutes=5))
    assert told.alerts() == []
    sweep(now() + POLICY.debit_life)
    assert told.alerts() == ["attempt_unresolved"]
    tell(told, ref, RemoteState.FAILED, later=15)
    assert told.count(Alert, Alert.closed_at.is_(None)) == 0
