"""Races about a settlement, each with the legal results only, then the checker over all of it.

Requirements 0.1: pay(full) ∥ accept, accept ∥ withdraw, accept ∥ expire, approve ∥ edit, two devices
accept (FT-26), approve ∥ approve.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Account
from models.arrangements import Offer, OfferInvoice
from models.invoices import Invoice
from models.money import Money
from models.states import OfferStatus
from models.store import Store
from receivables import credit_notes
from receivables.arrangements import offer_deciding, offer_ends, offers
from receivables.errors import Refused
from receivables.ledger import unapplied_credit
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.proof import prove
from tests.races import together
from tests.receivables.arrangements.offer_world import TODAY, OfferWorld, a_late_account

BALANCE, AGREED = 141840, 121896


def race(*acts: Callable[[], object]) -> list[object]:
    """Run the acts at once; whoever comes second may be refused, and nothing else may go wrong."""
    outcomes = together(len(acts), lambda n: acts[n]())
    for outcome in outcomes:
        assert not isinstance(outcome, Exception) or isinstance(outcome, Refused), outcome
    return list(outcomes)


def refusals(outcomes: list[object]) -> list[str]:
    return [o.code for o in outcomes if isinstance(o, Refused)]


def blocking(world: OfferWorld) -> int:
    with world.store.read() as session:
        query = select(func.count()).select_from(OfferInvoice).join(Invoice).where(
            OfferInvoice.blocking, Invoice.account_id == world.account.id
        )  # fmt: skip
        return int(session.scalars(query).one())


def test_pay_in_full_beside_accept(store: Store, database_url: str) -> None:
    """M-11: payment first and the offer is void; or acceptance first and the rest is unapplied."""
    seen = set()
    for number in range(2 * REPEATS):  # each order as often
        world = a_late_account(store)
        offer = world.propose(AGREED)
        ref = world.start(Choice("all", "GBP"), nonce=f"full-{number}-{world.account.id}")

        def pay(world: OfferWorld = world, ref: str = ref) -> None:
            world.pay(ref, BALANCE)

        def accept(world: OfferWorld = world, offer: Offer = offer) -> Offer:
            return world.accept(offer)

        acts = [pay, accept] if number % 2 else [accept, pay]
        codes = refusals(race(*acts))
        status = world.status(offer.ref)
        seen.add(status)
        assert world.balances() == [0, 0]
        with store.read() as session:
            credit = sum(money.minor for money in unapplied_credit(session, world.account.id))
        assert blocking(world) == 0
        if status is OfferStatus.VOIDED:
            assert (codes, credit) == (["offer_not_open"], 0)
        else:
            assert (status, codes, credit) == (OfferStatus.SETTLED, [], BALANCE - AGREED)
    assert seen <= {OfferStatus.VOIDED, OfferStatus.SETTLED}
    prove(database_url, now=NOON)


def test_accept_beside_withdraw_and_a_second_device(store: Store, database_url: str) -> None:
    """FT-26: one acceptance or the withdrawal, never both; the second device finds it done."""
    for _ in range(REPEATS):
        world = a_late_account(store)
        offer = world.propose(AGREED)

        def accept(name: str, world: OfferWorld = world, offer: Offer = offer) -> Offer:
            return world.accept(offer, name=name)

        def withdraw(world: OfferWorld = world, offer: Offer = offer) -> object:
            return world.store.run(
                lambda s: offer_deciding.withdraw(s, world.supervisor, offer.ref, now=NOON)
            )

        outcomes = race(lambda: accept("Helen"), withdraw, lambda: accept("Joan"))
        assert refusals(outcomes) == ["offer_not_open"] * 2
        status = world.status(offer.ref)
        assert status in (OfferStatus.ACCEPTED, OfferStatus.WITHDRAWN)
        assert blocking(world) == (2 if status is OfferStatus.ACCEPTED else 0)
    prove(database_url, now=NOON)


def test_accept_beside_expire_at_midnight(store: Store, database_url: str) -> None:
    """FT-26, the deadline second: one of the two, whoever comes first."""
    for _ in range(REPEATS):
        world = a_late_account(store)
        offer = world.propose(AGREED, pay_by_on=TODAY)
        last: datetime = NOON.replace(hour=23, minute=59, second=59)
        after = last + timedelta(seconds=1)

        def expire(world: OfferWorld = world, after: datetime = after) -> int:
            def unit(session) -> int:  # type: ignore[no-untyped-def]
                account = session.get_one(Account, world.account.id, with_for_update=True)
                return offer_ends.end_outlived(session, account, today=after.date(), now=after)

            return world.store.run(unit)

        outcomes = race(lambda: world.accept(offer, now=last), expire)  # noqa: B023
        status = world.status(offer.ref)
        if status is OfferStatus.EXPIRED:
            assert refusals(outcomes) == ["offer_not_open"]
        else:
            # Accepted in its last second; whether the day's work saw it unpaid decides the rest.
            assert status in (OfferStatus.ACCEPTED, OfferStatus.LAPSED)
            assert refusals(outcomes) == []
        assert blocking(world) == (2 if status is OfferStatus.ACCEPTED else 0)
    prove(database_url, now=NOON)


def test_approve_beside_edit_and_a_second_approver(store: Store, database_url: str) -> None:
    """A-02: what is approved is what was read; an edit makes it another proposal."""
    for _ in range(REPEATS):
        world = a_late_account(store)
        read = world.propose(AGREED - 1)

        def approve(by: object, world: OfferWorld = world, read: Offer = read) -> object:
            return world.store.run(
                lambda s: offer_deciding.approve(s, by, read.ref, digest=read.content_digest, now=NOON)  # type: ignore[arg-type]
            )

        def edit(world: OfferWorld = world) -> Offer:
            return world.propose(AGREED - 2)

        outcomes = race(lambda: approve(world.second), edit, lambda: approve(world.second))  # noqa: B023
        edited = outcomes[1]
        assert isinstance(edited, Offer)
        assert world.status(edited.ref) is OfferStatus.AWAITING_APPROVAL
        assert world.status(read.ref) in (OfferStatus.SUPERSEDED, OfferStatus.WITHDRAWN)
        assert set(refusals(outcomes)) == {"not_waiting"}
    prove(database_url, now=NOON)


def test_accept_beside_a_credit_note(store: Store, database_url: str) -> None:
    """M-11: the note first and the offer is void; acceptance first and the agreed sum settles the rest."""
    for number in range(REPEATS):
        world = a_late_account(store)
        offer = world.propose(AGREED)

        def note(world: OfferWorld = world, number: int = number) -> object:
            return world.store.run(
                lambda s: credit_notes.record_credit_note(
                    s, SYSTEM, world.refs[1], number=f"CN-{number}", amount=Money(1000, "GBP"),
                    reason="torn", now=NOON,
                )
            )  # fmt: skip

        outcomes = race(lambda: world.accept(offer), note)  # noqa: B023
        status = world.status(offer.ref)
        if status is OfferStatus.VOIDED:
            assert refusals(outcomes) == ["offer_not_open"]
            continue
        assert (status, refusals(outcomes)) == (OfferStatus.ACCEPTED, [])
        world.pay_offer(offer)
        assert world.status(offer.ref) is OfferStatus.SETTLED
        assert world.balances() == [0, 0]
    prove(database_url, now=NOON)


@pytest.mark.parametrize("count", [4])
def test_settle_told_four_times_forgives_once(store: Store, database_url: str, count: int) -> None:
    """P-11: webhook, return page and sweeper at once; the discount is posted once."""
    for number in range(REPEATS):
        world = a_late_account(store)
        offer = world.accept(world.propose(AGREED))
        choice = Choice("arranged", "GBP", world.refs, Money(AGREED, "GBP"))
        ref = world.start(choice, nonce=f"s-{number}-{world.account.id}")
        together(count, lambda _: world.pay(ref, AGREED))  # noqa: B023
        assert world.status(offer.ref) is OfferStatus.SETTLED
        assert offers.amount_of(world.offer(offer.ref)) == Money(AGREED, "GBP")
        assert world.balances() == [0, 0]
    prove(database_url, now=NOON)
