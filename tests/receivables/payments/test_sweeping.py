"""Outcomes that nobody knows: asked about in time, never hammered, and a person hears within 15 minutes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from models.money import Money
from models.payments import AttemptInvoice, Payment, PaymentAttempt
from models.states import AttemptStatus
from models.store import Store
from models.work import Alert
from receivables.errors import Refused
from receivables.payments import settling, sweeping
from receivables.policy import default_policy
from receivables.ports import GatewayUnreachable, OutcomeUnknown, RemoteState
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.payments.test_settling import (
    CREATE,
    Books,
    gateway_of,
    now,
    open_books,
    pages_of,
    raises,
)
from tests.standins import StandIn, pay_on_page

POLICY = default_policy()
QUARTER = timedelta(minutes=15)
TICK = timedelta(seconds=30)


@pytest.fixture
def told(store: Store) -> Books:
    """Books on each database, behind a gateway that says what the test tells it to."""
    return open_books(store, ToldGateway())


def lost(books: Books, nonce: str = "n1") -> str:
    """Start paying, and lose the answer."""
    books.gateway.on_send = raises(OutcomeUnknown("no_answer"))
    ref = books.start(nonce).ref
    books.gateway.calls.clear()
    return ref


def sweep(books: Books, at: datetime) -> int:
    return sweeping.sweep(books.store, books.gateway, gateway_account="default", now=at)


def open_alerts(books: Books) -> list[str]:
    with books.store.read() as session:
        return list(session.scalars(select(Alert.code).where(Alert.closed_at.is_(None))))


def held(books: Books) -> int:
    return books.count(AttemptInvoice, AttemptInvoice.blocking)


class TestWithinAQuarterOfAnHour:
    """P-22: the outcome is known within 15 minutes, or an alert is open that the desk shows."""

    @pytest.mark.parametrize("took_money", [True, False])
    def test_it_is_resolved_both_ways(self, store: Store, own_stripe: StandIn, took_money: bool) -> None:
        """P-16: the page was made and paid, or never made; either way the sweeper finds out by itself."""
        books = open_books(store, gateway_of(own_stripe))
        own_stripe.fault(CREATE, "timeout_after" if took_money else "timeout_before", count=3)
        ref = books.start().ref
        with pytest.raises(Refused, match="being_checked"):
            books.start("n2")
        begun = now()
        if took_money:
            pay_on_page(pages_of(own_stripe, ref)[0]["url"])
        while books.attempt(ref).status in (AttemptStatus.UNKNOWN, AttemptStatus.OPEN):
            own_stripe.control("advance", seconds=30)
            begun += TICK
            assert begun < now() + QUARTER, "nobody found out"
            sweep(books, begun)
            if not took_money and books.attempt(ref).status is AttemptStatus.OPEN:
                break  # the stored call was made again in time: its page is there, and can be paid
        expected = AttemptStatus.SUCCEEDED if took_money else AttemptStatus.OPEN
        assert books.attempt(ref).status is expected
        assert len(pages_of(own_stripe, ref)) == 1
        assert books.count(Payment) == int(took_money)
        assert open_alerts(books) == []

    def test_or_a_person_is_called(self, told: Books) -> None:
        """INV-13: nobody tells; an alert before the quarter is over, once; it ends with the truth."""
        ref, begun = lost(told), now()
        told.gateway.truths = [GatewayUnreachable("no_answer")]
        seen = []
        for turn in range(1, 33):
            sweep(told, begun + turn * TICK)
            seen.append(open_alerts(told))
        assert seen[:27] == [[]] * 27
        assert seen[29:] == [["attempt_unresolved"]] * 3
        assert told.attempt(ref).status is AttemptStatus.UNKNOWN
        assert held(told) == 2  # still nothing may be paid a second time
        told.gateway.truths = [a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(141840, "GBP")))]
        settling.settle(told.store, told.gateway, ref, now=begun + QUARTER)
        assert told.attempt(ref).status is AttemptStatus.SUCCEEDED
        assert (open_alerts(told), told.count(Alert)) == ([], 1)

    def test_what_is_known_again_needs_nobody(self, told: Books) -> None:
        """The alert was of an unknown outcome; found on its way, the debit has a limit of its own."""
        ref, begun = lost(told), now()
        told.gateway.truths = [GatewayUnreachable("no_answer")]
        sweep(told, begun + QUARTER)
        assert open_alerts(told) == ["attempt_unresolved"]
        told.gateway.truths = [a_truth(ref, RemoteState.PROCESSING)]
        sweep(told, begun + QUARTER + timedelta(minutes=2))
        assert told.attempt(ref).status is AttemptStatus.PROCESSING
        assert open_alerts(told) == []
        sweep(told, begun + POLICY.debit_life + TICK)
        with told.store.read() as session:
            [alert] = session.scalars(select(Alert).where(Alert.closed_at.is_(None)))
        assert alert.facts["status"] == "processing"

    def test_a_gateway_that_is_away_calls_people_too(self, told: Books) -> None:
        """INV-13: none of them could be asked about, and each has its alert all the same."""
        refs = [lost(told)]
        for _ in range(5):
            other = open_books(told.store, told.gateway, Money(5000, "GBP"))
            refs.append(lost(other, f"other-{len(refs)}"))
        told.gateway.on_send = raises(GatewayUnreachable("no_connection"))
        sweep(told, now() + QUARTER)
        assert len(told.gateway.calls) == 3  # the line is dead: three calls are enough to see it
        assert open_alerts(told) == ["attempt_unresolved"] * len(refs)

    def test_an_attempt_whose_worker_died_before_the_call(self, told: Books) -> None:
        """P-01, FT-01: written down and never sent: the sweeper makes the stored call."""
        told.gateway.on_send = raises(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            told.start()
        told.gateway.on_send = None
        with told.store.read() as session:
            ref = session.scalars(select(PaymentAttempt.ref)).one()
        assert sweep(told, now() + timedelta(seconds=10)) == 0  # its call may be under way
        told.gateway.truths = [a_truth(ref, RemoteState.OPEN)]
        assert sweep(told, now() + timedelta(seconds=30)) == 1
        assert told.attempt(ref).status is AttemptStatus.OPEN


class TestBackingOff:
    """stripe.md 1: the SDK does not repeat a 429, so the pauses are ours."""

    def test_asked_too_often_the_round_ends(self, told: Books) -> None:
        """One 429 and the others wait for the next round, each with a longer pause of its own."""
        refs = [lost(told)]
        for number in range(3):
            refs.append(lost(open_books(told.store, told.gateway, Money(5000, "GBP")), f"m{number}"))
        told.gateway.on_send = raises(GatewayUnreachable("rate_limit"))
        at = now() + timedelta(seconds=30)
        assert sweep(told, at) == 1
        assert told.gateway.calls == ["send"]
        first = told.attempt(refs[0])
        assert (first.looks, first.next_look_at) == (1, at + timedelta(seconds=20))
        assert sweep(told, at + timedelta(seconds=5)) == 1  # the next one has its turn
        assert told.attempt(refs[1]).looks == 1

    def test_the_pauses_grow_and_have_an_end(self, told: Books) -> None:
        """In a quarter of an hour about ten looks, never one a turn; a move begins them anew."""
        ref, at, looks = lost(told), now(), 0
        told.gateway.truths = [GatewayUnreachable("no_answer")]
        for _ in range(30):
            at += TICK
            looks += sweep(told, at)
        assert 8 <= looks <= 12
        told.gateway.on_send = None
        told.gateway.truths = [a_truth(ref, RemoteState.OPEN)]
        sweep(told, at + timedelta(minutes=2))
        attempt = told.attempt(ref)
        assert (attempt.status, attempt.looks) == (AttemptStatus.OPEN, 1)

    def test_an_old_key_is_searched_for_and_never_used(self, told: Books) -> None:
        """P-03: 23 hours old: the gateway may have forgotten the key, so nothing is sent."""
        ref = lost(told)
        told.gateway.truths = [a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(141840, "GBP")))]
        sweep(told, now() + timedelta(hours=23, minutes=1))
        assert told.gateway.calls == ["find"]
        assert told.attempt(ref).status is AttemptStatus.SUCCEEDED
        assert told.count(Payment) == 1


class TestStaleRows:
    """P-23: a status never hangs on what somebody read a while ago."""

    def test_a_row_that_was_read_before_loses_to_the_truth(self, told: Books) -> None:
        """FT-09, woocommerce#5268: the stale save is refused, the paid attempt stays paid."""
        ref = told.start().ref
        stale = told.attempt(ref)
        told.gateway.truths = [a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(141840, "GBP")))]
        told.settle(ref)
        stale.status = AttemptStatus.EXPIRED
        with pytest.raises(StaleDataError), told.store.write() as session:
            session.add(session.merge(stale))
        assert told.attempt(ref).status is AttemptStatus.SUCCEEDED
        assert told.balances() == [0, 0]
