"""FT-26: a settlement under fire: two devices accept, the approver revokes at the same moment, the deadline
second, one unit short or over (INV-7, INV-11; M-11, M-17).

Devices, desk and day's work are processes of their own on one database; each race in every order of starting.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.arrangements import Offer, OfferInvoice
from models.money import Money
from models.payments import Adjustment
from models.states import OfferStatus
from models.store import Store
from receivables.arrangements import offer_deciding
from receivables.ledger import unapplied_credit
from receivables.payments import settling
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.fakes import ToldGateway, a_truth
from tests.faults.signer import Signer
from tests.proof import prove
from tests.receivables.arrangements.offer_world import TODAY, OfferWorld, a_late_account

#: What is open, and what settles it.
BALANCE, AGREED = 141840, 121896
#: The last second of an offer's last day in its account's zone, and the next one.
LAST = NOON.replace(hour=23, minute=59, second=59)
AFTER = LAST + timedelta(seconds=1)


@pytest.fixture
def people(database_url: str) -> Iterator[list[Signer]]:
    """Three processes that act when told."""
    started = [Signer.start(database_url) for _ in range(3)]
    yield started
    for signer in started:
        signer.close()


def race(people: Sequence[Signer], order: Sequence[int]) -> list[str]:
    """Let all who were asked act at once, started in this order; what each ended in."""
    for number in order:
        people[number].go()
    return [people[number].told() for number in range(len(order))]


def orders(count: int) -> Iterator[tuple[int, ...]]:
    """Every order of starting, as often as races are repeated."""
    every = list(itertools.permutations(range(count)))
    return itertools.islice(itertools.cycle(every), max(REPEATS, len(every)))


def holding(world: OfferWorld) -> int:
    """How many invoices are held by an accepted offer."""
    with world.store.read() as session:
        return int(
            session.scalars(
                select(func.count()).select_from(OfferInvoice).join(Offer).where(
                    OfferInvoice.blocking, Offer.account_id == world.account.id
                )
            ).one()
        )  # fmt: skip


def forgiven(world: OfferWorld) -> list[int]:
    """What was forgiven on the account's invoices, entry by entry."""
    with world.store.read() as session:
        rows = session.scalars(
            select(Adjustment.amount_minor).where(
                Adjustment.kind == "settlement_discount", Adjustment.account_id == world.account.id
            )
        )
        return sorted(rows)


def credit(world: OfferWorld) -> int:
    with world.store.read() as session:
        return sum(money.minor for money in unapplied_credit(session, world.account.id))


def test_two_devices_and_the_approver(store: Store, database_url: str, people: list[Signer]) -> None:
    """One acceptance or the revocation, never both and never two; the others hear that it is over."""
    seen = set()
    for order in orders(3):
        world = a_late_account(store)
        offer = world.propose(AGREED)
        people[0].ask("accept", ref=offer.ref, name="Helen Marsh", now=NOON)
        people[1].ask("accept", ref=offer.ref, name="Joan Pike", now=NOON)
        people[2].ask("withdraw", ref=offer.ref, staff_id=world.supervisor.id, now=NOON)
        told = race(people, order)
        assert told.count("refused offer_not_open") == 2, told
        status = world.status(offer.ref)
        assert told.count(status.value) == 1
        assert holding(world) == (2 if status is OfferStatus.ACCEPTED else 0)
        seen.add(status)
    assert seen <= {OfferStatus.ACCEPTED, OfferStatus.WITHDRAWN}
    prove(database_url, now=NOON)


def test_accepted_in_the_last_second(store: Store, database_url: str, people: list[Signer]) -> None:
    """A day ends with its last second: accepted in it, or expired; a second later nobody accepts."""
    for order in orders(3):
        world = a_late_account(store)
        offer = world.propose(AGREED, pay_by_on=TODAY)
        people[0].ask("accept", ref=offer.ref, name="Helen Marsh", now=LAST)
        people[1].ask("end_day", ref=offer.ref, now=AFTER)
        people[2].ask("accept", ref=offer.ref, name="Joan Pike", now=AFTER)
        in_time, day, late = race(people, order)
        assert late in ("refused offer_expired", "refused offer_not_open")
        status = world.status(offer.ref)
        if in_time == "accepted":
            # Whether the day's work saw it accepted and unpaid decides the rest.
            assert status is (OfferStatus.LAPSED if day == "1 ended" else OfferStatus.ACCEPTED)
        else:
            assert (in_time, status) == ("refused offer_not_open", OfferStatus.EXPIRED)
        assert holding(world) == (2 if status is OfferStatus.ACCEPTED else 0)
        assert forgiven(world) == []
    prove(database_url, now=NOON)


def test_revoked_in_the_last_second(store: Store, database_url: str, people: list[Signer]) -> None:
    """Who approved it takes it back in its last second, in which the debtor accepts: one of the two, and the
    other hears that it is over; the next day finds nothing that is both."""
    for order in orders(2):
        world = a_late_account(store)
        offer = world.propose(AGREED, by=world.collector, pay_by_on=TODAY)
        store.run(
            lambda s, w=world, o=offer: offer_deciding.approve(  # type: ignore[misc]
                s, w.supervisor, o.ref, digest=o.content_digest, now=NOON
            )
        )
        people[0].ask("accept", ref=offer.ref, name="Helen Marsh", now=LAST)
        people[1].ask("withdraw", ref=offer.ref, staff_id=world.supervisor.id, now=LAST)
        told = race(people[:2], order)
        status = world.status(offer.ref)
        assert told in (["accepted", "refused offer_not_open"], ["refused offer_not_open", "withdrawn"])
        assert status.value in told
        assert holding(world) == (2 if status is OfferStatus.ACCEPTED else 0)
        people[2].ask("end_day", ref=offer.ref, now=AFTER)
        (day,) = race(people[2:], (0,))
        if status is OfferStatus.ACCEPTED:
            assert (day, world.status(offer.ref)) == ("1 ended", OfferStatus.LAPSED)  # nothing came
        else:
            assert (day, world.status(offer.ref)) == ("0 ended", OfferStatus.WITHDRAWN)
        assert (holding(world), forgiven(world)) == (0, [])
    prove(database_url, now=AFTER)


def test_paid_in_the_last_second(store: Store, database_url: str, people: list[Signer]) -> None:
    """Begun and taken in time, heard of when the day is over: it settles, whoever comes first (domain.md)."""
    for order in orders(2):
        world, offer, ref = an_accepted_offer(store, AGREED, begun=LAST, pay_by_on=TODAY)
        people[0].ask("pay", attempt=ref, minor=AGREED, taken_at=LAST, now=AFTER + timedelta(seconds=20))
        people[1].ask("end_day", ref=offer.ref, now=AFTER)
        told = race(people[:2], order)
        assert told == ["succeeded", "0 ended"]
        assert world.status(offer.ref) is OfferStatus.SETTLED
        assert world.balances() == [0, 0]
        assert sum(forgiven(world)) == BALANCE - AGREED
    prove(database_url, now=AFTER)


def test_begun_a_second_late_it_is_not_in_time(store: Store, database_url: str, people: list[Signer]) -> None:
    """The money is booked on the whole debt, nothing is forgiven, and the offer lapses."""
    for order in orders(2):
        world, offer, ref = an_accepted_offer(store, AGREED, begun=AFTER, pay_by_on=TODAY)
        people[0].ask("pay", attempt=ref, minor=AGREED, taken_at=AFTER, now=AFTER + timedelta(seconds=20))
        people[1].ask("end_day", ref=offer.ref, now=AFTER)
        told = race(people[:2], order)
        assert told == ["succeeded", "1 ended"]
        assert world.status(offer.ref) is OfferStatus.LAPSED
        assert sum(world.balances()) == BALANCE - AGREED
        assert (forgiven(world), credit(world)) == ([], 0)
    prove(database_url, now=AFTER)


@pytest.mark.parametrize(
    ("came", "status"), [(AGREED - 1, "accepted"), (AGREED, "settled"), (AGREED + 1, "settled")]
)
def test_one_unit_short_or_over(
    store: Store, database_url: str, people: list[Signer], came: int, status: str
) -> None:
    """Told three times at once: short nothing is forgiven, over one unit waits for a person, never two."""
    for order in orders(3):
        world, offer, ref = an_accepted_offer(store, AGREED)
        for person in people:
            person.ask("pay", attempt=ref, minor=came, taken_at=NOON, now=NOON)
        assert race(people, order) == ["succeeded"] * 3
        assert world.status(offer.ref).value == status
        assert credit(world) == max(came - AGREED, 0)
        if came < AGREED:
            assert sum(world.balances()) == BALANCE - came
            assert (forgiven(world), holding(world)) == ([], 2)
        else:
            assert world.balances() == [0, 0]
            assert sum(forgiven(world)) == BALANCE - AGREED
    prove(database_url, now=NOON)


def test_the_missing_unit_comes_beside_the_rest(
    store: Store, database_url: str, people: list[Signer]
) -> None:
    """Two payments that only together are enough, at once: settled by the second, forgiven once."""
    for order in orders(2):
        world = a_late_account(store, tax=False)
        offer = world.accept(world.propose(AGREED))
        most, one = (Choice("arranged", "GBP", world.refs, Money(n, "GBP")) for n in (AGREED - 1, 1))
        # The larger sum comes by bank debit: its page is closed and the other one may be opened.
        ref = world.start(most, nonce=f"most-{world.account.id}")
        settling.settle(store, ToldGateway([a_truth(ref, RemoteState.PROCESSING)]), ref, now=NOON)
        other = world.start(one, nonce=f"one-{world.account.id}")
        people[0].ask("pay", attempt=ref, minor=AGREED - 1, taken_at=NOON, now=NOON)
        people[1].ask("pay", attempt=other, minor=1, taken_at=NOON, now=NOON)
        assert race(people[:2], order) == ["succeeded"] * 2
        assert world.status(offer.ref) is OfferStatus.SETTLED
        assert (world.balances(), credit(world)) == ([0, 0], 0)
        assert sum(forgiven(world)) == BALANCE - AGREED
    prove(database_url, now=NOON)


def an_accepted_offer(
    store: Store, minor: int, *, begun: datetime = NOON, **terms: object
) -> tuple[OfferWorld, Offer, str]:
    """An account whose offer is accepted, and a page on which its sum is to be paid."""
    world = a_late_account(store, tax=False)
    offer = world.accept(world.propose(minor, **terms))  # type: ignore[arg-type]
    choice = Choice("arranged", "GBP", world.refs, Money(minor, "GBP"))
    return world, offer, world.start(choice, nonce=f"sum-{world.account.id}", now=begun)
