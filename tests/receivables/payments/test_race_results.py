"""Races of payments: each ends in one of the results that requirements section 1 allows, then the proof.

Every race is run with either act first and with both at once. Beside it stand: pay ∥ dispute
(tests/receivables/disputes/test_races.py), pay ∥ accept settlement (arrangements/test_offer_races.py),
autopay ∥ manual pay ∥ plan cancel (arrangements/test_charge_races_proved.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import FlagKind
from models.handovers import Handover
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.messages import Message
from models.money import Money
from models.payments import Allocation, InboxEvent, Payment, ProviderEffect
from models.staff import Role
from models.states import AttemptStatus, HandoverStatus, InboxStatus, InvoiceStatus
from models.store import Store
from models.work import Job, Task, TaskKind
from receivables import credit_notes, flags, write_offs
from receivables.approvals import deciding
from receivables.errors import Refused
from receivables.handovers import placing
from receivables.payments import attempts, inbox, settling, starting, sweeping
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from receivables.ports import RemotePayment, RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.proof import prove
from tests.races import together
from tests.receivables.handovers import cases
from tests.receivables.payments.test_settling import Books, hint, now, open_books

TOTAL = 141840
Act = Callable[[], object]


@dataclass
class Gateway(ToldGateway):
    """A gateway that keeps the truth of each page, and ends a page only while nobody has paid it."""

    pages: dict[str, RemotePayment] = field(default_factory=dict)

    def retrieve(self, session_id: str) -> RemotePayment:
        return self.pages[session_id.removeprefix("page-")]

    def expire(self, session_id: str) -> RemotePayment:
        ref = session_id.removeprefix("page-")
        if self.pages[ref].state is RemoteState.OPEN:
            self.pages[ref] = a_truth(ref, RemoteState.EXPIRED)
        return self.pages[ref]

    def opened(self, ref: str) -> str:
        self.pages[ref] = a_truth(ref, RemoteState.OPEN)
        return ref

    def paid(self, ref: str, minor: int = TOTAL) -> str:
        if self.pages[ref].state is RemoteState.OPEN:
            charge = a_charge(ref, Money(minor, "GBP"), fee=Money(100, "GBP"))
            self.pages[ref] = a_truth(ref, RemoteState.SUCCEEDED, charge)
        return ref


def orders() -> Iterator[tuple[str, int]]:
    """Which of two acts comes first, and how often that was tried."""
    for number in range(REPEATS):
        for first in ("first", "second", "together"):
            yield first, number


def race(first: str, one: Act, other: Act) -> list[object]:
    """Let two acts meet; a refusal is an answer, anything else that is raised fails the test.

    Returns: what each returned or was refused with, in the order of the arguments.
    """
    acts = [one, other]
    if first == "together":
        outcomes: list[object] = list(together(2, lambda n: acts[n]()))
    else:
        outcomes = [None, None]
        for at in (0, 1) if first == "first" else (1, 0):
            try:
                outcomes[at] = acts[at]()
            except Refused as refused:
                outcomes[at] = refused
    for outcome in outcomes:
        assert not isinstance(outcome, Exception) or isinstance(outcome, Refused), outcome
    return outcomes


def world(store: Store) -> Books:
    return open_books(store, Gateway())


def start(books: Books, nonce: str, minor: int | None = None) -> str:
    """Open a page for everything, or for so much of it; returns the attempt's ref."""
    choice = Choice("all", "GBP") if minor is None else Choice("amount", "GBP", amount=Money(minor, "GBP"))
    ref = starting.start(
        books.store, books.gateway, make.holder_actor(books.account), choice, account_id=books.account.id,
        zone=books.account.zone, nonce=f"{books.account.id}-{nonce}", language="en", title="Northgate",
        note=None, base_url="http://127.0.0.1:9", now=now(),
    ).ref  # fmt: skip
    return str(books.gateway.opened(ref))


def overtaken(books: Books, ref: str) -> None:
    """Something took the invoices from under a page, which is still open at the gateway."""
    with books.store.write() as session:
        attempts.supersede(session, SYSTEM, [i.id for i in books.invoices], reason="test", now=now())


def pay(books: Books, ref: str) -> Act:
    return lambda: settling.settle(books.store, books.gateway, books.gateway.paid(ref), now=now())


def work_off(books: Books) -> None:
    """Do the jobs of this account that end pages, as the worker does."""
    with books.store.read() as session:
        ending = select(Job).where(Job.kind == "expire_session").order_by(Job.id)
        refs = [job.payload["attempt_ref"] for job in session.scalars(ending)]
    for ref in refs:
        if ref in books.gateway.pages:
            settling.end_superseded(books.store, books.gateway, ref, now=now())


def allocated(books: Books) -> int:
    with books.store.read() as session:
        query = select(func.sum(Allocation.amount_minor)).where(
            Allocation.invoice_id.in_([i.id for i in books.invoices]), Allocation.payment_id.is_not(None)
        )
        return int(session.scalar(query) or 0)


def payments(books: Books) -> int:
    return books.count(Payment, Payment.account_id == books.account.id)


def tasks(books: Books) -> list[TaskKind]:
    with books.store.read() as session:
        return list(session.scalars(select(Task.kind).where(Task.account_id == books.account.id)))


def credit(books: Books) -> int:
    return sum(money.minor for money in books.unapplied())


def person(books: Books, role: Role) -> Actor:
    with books.store.write() as session:
        return make.staff_actor(make.a_person(session, role))


def test_pay_beside_pay_both_taken(store: Store, database_url: str) -> None:
    """M-10: both booked; the first fills the invoices, the second waits as credit with a task."""
    for first, _ in orders():
        books = world(store)
        one = start(books, "one")
        overtaken(books, one)
        other = start(books, "other")
        for ref in (one, other):
            books.gateway.paid(ref)  # both pages were paid before anybody here heard of it
        assert race(first, pay(books, one), pay(books, other)) == [AttemptStatus.SUCCEEDED] * 2
        assert books.balances() == [0, 0]
        assert (payments(books), allocated(books), credit(books)) == (2, TOTAL, TOTAL)
        assert tasks(books) == [TaskKind.UNAPPLIED_MONEY]
        assert books.hold()
    prove(database_url)


def test_pay_beside_a_page_that_is_still_open(store: Store, database_url: str) -> None:
    """P-05, M-10: what is paid ends the other page at the gateway; only what it took before is taken."""
    seen = set()
    for first, _ in orders():
        books = world(store)
        one = start(books, "one")
        overtaken(books, one)
        other = start(books, "other")
        assert books.attempt(other).superseded_at is None

        def pays_other(books: Books = books, other: str = other) -> str:
            return str(books.gateway.paid(other))

        def settles_one(books: Books = books, one: str = one) -> AttemptStatus:
            status = pay(books, one)()
            work_off(books)
            assert isinstance(status, AttemptStatus)
            return status

        race(first, settles_one, pays_other)
        work_off(books)
        settling.settle(books.store, books.gateway, other, now=now())
        assert books.attempt(other).superseded_at is not None
        status = books.attempt(other).status
        seen.add(status)
        assert books.balances() == [0, 0]
        assert credit(books) == (TOTAL if status is AttemptStatus.SUCCEEDED else 0)
        assert payments(books) == 1 + (status is AttemptStatus.SUCCEEDED)
        assert (first, status) != ("first", AttemptStatus.SUCCEEDED)
        assert (first, status) != ("second", AttemptStatus.EXPIRED)
    assert seen == {AttemptStatus.SUCCEEDED, AttemptStatus.EXPIRED}
    prove(database_url)


def test_pay_beside_a_credit_note(store: Store, database_url: str) -> None:
    """FT-06: the payment is posted in full, what is over waits; an invoice that was paid takes no note."""
    for first, number in orders():
        books = world(store)
        ref = start(books, "one")

        def note(books: Books = books, name: str = f"CN-{first}-{number}") -> object:
            return books.store.run(
                lambda s: credit_notes.record_credit_note(
                    s, SYSTEM, books.invoices[0].ref, number=name, amount=Money(57600, "GBP"),
                    reason="came torn", now=now(),
                )
            )  # fmt: skip

        paid, noted = race(first, pay(books, ref), note)
        assert paid is AttemptStatus.SUCCEEDED
        assert books.balances() == [0, 0]
        assert payments(books) == 1
        if isinstance(noted, Refused):
            assert (noted.code, first != "second") == ("invoice_not_open", True)
            assert (allocated(books), credit(books), tasks(books)) == (TOTAL, 0, [])
        else:
            assert first != "first"
            assert (allocated(books), credit(books)) == (84240, 57600)
            assert tasks(books) == [TaskKind.UNAPPLIED_MONEY]
    prove(database_url)


def test_pay_beside_a_write_off(store: Store, database_url: str) -> None:
    """Paid first: nothing to write off; or written off, and the money is a recovery with a task."""
    for first, _ in orders():
        books = world(store)
        collector, boss = person(books, Role.COLLECTOR), person(books, Role.SUPERVISOR)
        with store.write() as session:
            asked = write_offs.propose_write_off(
                session, collector, books.invoices[0].ref, reason="The firm is dissolved", now=now()
            )
        ref = start(books, "one")

        def lose(books: Books = books, boss: Actor = boss, asked: object = asked) -> object:
            return books.store.run(
                lambda s: deciding.approve(s, boss, asked.ref, digest=asked.content_digest, now=now())  # type: ignore[attr-defined]
            )

        paid, lost = race(first, pay(books, ref), lose)
        assert paid is AttemptStatus.SUCCEEDED
        assert books.balances() == [0, 0]
        assert (payments(books), credit(books)) == (1, 0)
        with store.read() as session:
            recovered = session.scalar(
                select(func.coalesce(func.sum(Posting.credit_minor), 0)).where(
                    Posting.ledger_code == LedgerCode.RECOVERIES, Posting.account_id == books.account.id
                )
            )
            status = session.get_one(Invoice, books.invoices[0].id).status
        if isinstance(lost, Refused):
            assert (lost.code, first != "second") == ("case_changed", True)
            assert (status, recovered, allocated(books)) == (InvoiceStatus.PAID, 0, TOTAL)
            assert TaskKind.RECOVERED_MONEY not in tasks(books)
        else:
            assert first != "first"
            assert (status, recovered, allocated(books)) == (InvoiceStatus.WRITTEN_OFF, 57600, 84240)
            assert TaskKind.RECOVERED_MONEY in tasks(books)
    prove(database_url)


def test_pay_beside_a_hand_over(store: Store, database_url: str) -> None:
    """Paid first and the case is over; or placed first, our page is ended, and what it took is told on."""
    handler = cases.agency(store)
    for first, _ in orders():
        account = cases.late_account(store)
        case = cases.prepared(store, account, handler=handler)
        with store.read() as session:
            found = session.scalars(select(Invoice).where(Invoice.account_id == account.id)).all()
        books = Books(store, Gateway(), account, list(found))
        boss = cases.person(store)
        ref = start(books, "one")  # all three, one of them not due yet

        def place(books: Books = books, case: Handover = case, boss: Actor = boss) -> object:
            return books.store.run(lambda s: placing.place(s, boss, case.ref, NOON.date(), now=NOON))

        def pays(books: Books = books, ref: str = ref) -> object:
            books.gateway.paid(ref, 170640)
            return settling.settle(books.store, books.gateway, ref, now=now())

        paid, placed = race(first, pays, place)
        assert paid is AttemptStatus.SUCCEEDED
        assert books.balances() == [0, 0, 0]
        assert (payments(books), credit(books), allocated(books)) == (1, 0, 170640)
        with store.read() as session:
            status = session.get_one(Handover, case.id).status
        if isinstance(placed, Refused):
            assert (placed.code, status) == ("not_waiting", HandoverStatus.REFUSED)
            assert first != "second"
        else:
            assert first != "first"
            assert status is HandoverStatus.CLOSED
            assert TaskKind.HAND_OVER in tasks(books)
    prove(database_url)


def test_a_placed_case_ends_the_page_that_is_open_for_it(sqlite_store: Store) -> None:
    """P-05, decision 14: nobody pays us by an old page what the handler asks for by now."""
    account = cases.late_account(sqlite_store)
    case = cases.prepared(sqlite_store, account)
    books = Books(sqlite_store, Gateway(), account)
    ref, boss = start(books, "one"), cases.person(sqlite_store)
    with sqlite_store.write() as session:
        placing.place(session, boss, case.ref, NOON.date(), now=NOON)
    assert books.attempt(ref).superseded_at is not None
    work_off(books)
    assert books.attempt(ref).status is AttemptStatus.EXPIRED


@pytest.mark.parametrize(
    ("kind", "ends"),
    [("bankruptcy", True), ("deceased", True), ("minor", True), ("wrong_party", True), ("attorney", False)],
)
def test_a_freeze_ends_the_page_that_is_open(store: Store, kind: str, ends: bool) -> None:
    """P-05, FT-06: no old page is paid for the dead, the bankrupt or a stranger; a lawyer stops none."""
    books = world(store)
    ref, boss = start(books, "one"), person(books, Role.SUPERVISOR)
    with store.write() as session:
        flags.raise_flag(
            session, boss, books.account, FlagKind(kind), from_on=NOON.date(), to_on=None, source="A letter",
            now=NOON,
        )  # fmt: skip
    assert (books.attempt(ref).superseded_at is not None) == ends
    work_off(books)
    assert books.attempt(ref).status is (AttemptStatus.EXPIRED if ends else AttemptStatus.OPEN)


def ways_to_the_truth(books: Books, ref: str) -> list[Act]:
    """Return page, webhook, sweeper, and the list of events, which tells what the webhook told."""

    def heard(kind: str) -> None:
        """Keep a notification, pushed or found in the list, and follow what waits."""
        event = hint(ref, f"evt_{books.account.id}_{kind}", type=f"{kind}.succeeded")
        books.store.run(lambda s: inbox.accept(s, event, gateway_account="default", now=now()))
        at = now() + timedelta(seconds=1)
        taken = books.store.run(lambda s: inbox.claim(s, worker=kind, policy=default_policy(), now=at))
        for row_id in taken:
            inbox.process(books.store, books.gateway, row_id, now=now())

    later = now() + timedelta(minutes=31)
    return [
        lambda: settling.settle(books.store, books.gateway, ref, now=now()),
        lambda: heard("payment_intent"),
        lambda: sweeping.sweep(books.store, books.gateway, gateway_account="default", now=later),
        lambda: heard("charge"),
        lambda: heard("payment_intent"),
    ]


def next_round(books: Books) -> None:
    """Follow what still waits: of the events of one payment a worker takes one at a time."""
    at = now() + timedelta(seconds=2)
    while taken := books.store.run(lambda s: inbox.claim(s, worker="next", policy=default_policy(), now=at)):
        for row_id in taken:
            inbox.process(books.store, books.gateway, row_id, now=at)


@pytest.mark.parametrize("backwards", [False, True])
def test_four_ways_to_one_truth(store: Store, database_url: str, backwards: bool) -> None:
    """FT-04: return page ∥ webhook ∥ sweeper ∥ backfill: one payment, one fee, one receipt."""
    for number in range(REPEATS):
        books = world(store)
        ref = books.gateway.paid(start(books, "one"))
        ways = ways_to_the_truth(books, ref)
        turned = ways[number % len(ways) :] + ways[: number % len(ways)]
        turned = turned[::-1] if backwards else turned
        outcomes = together(len(turned), lambda n, turned=turned: turned[n]())  # type: ignore[misc]
        assert [o for o in outcomes if isinstance(o, Exception)] == []
        attempt = books.attempt(ref)
        assert attempt.status is AttemptStatus.SUCCEEDED
        assert books.balances() == [0, 0]
        assert payments(books) == 1
        assert books.count(ProviderEffect, ProviderEffect.attempt_id == attempt.id) == 2
        assert books.count(Message, Message.account_id == books.account.id) == 1
        next_round(books)
    assert books.count(InboxEvent, InboxEvent.status != InboxStatus.DONE) == 0
    prove(database_url)
