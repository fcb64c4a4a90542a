"""Arrangements wait for money that was begun in time, and ask for it once (P-19, P-22)."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.arrangements import Offer, Promise
from models.money import Money
from models.pauses import PauseReason
from models.states import OfferStatus, PromiseStatus
from models.store import Store
from receivables import pauses
from receivables.arrangements import offer_deciding, offer_reads, promise_ends, promises
from receivables.arrangements.offer_reads import OfferView
from receivables.calendar_days import at_local
from receivables.errors import Refused
from receivables.payments import settling
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_truth
from tests.receivables.arrangements.offer_world import TODAY, OfferWorld, a_late_account, gbp


def _processing(world: OfferWorld, ref: str) -> None:
    gateway = ToldGateway([a_truth(ref, RemoteState.PROCESSING)])
    settling.settle(world.store, gateway, ref, now=NOON)


def _view(world: OfferWorld, offer: Offer, *, at: object = NOON) -> OfferView:
    with world.store.read() as s:
        return offer_reads.offer(s, world.holder, offer.ref, now=at)  # type: ignore[arg-type]


def _half(world: OfferWorld) -> Offer:
    """An accepted offer of half of what is open, so that it could be paid twice over."""
    offer = world.propose(70920)
    if offer.status is OfferStatus.AWAITING_APPROVAL:
        world.store.run(
            lambda s: offer_deciding.approve(
                s, world.second, offer.ref, digest=offer.content_digest, now=NOON
            )
        )
    return world.accept(world.offer(offer.ref))


def test_an_offer_is_not_asked_for_while_its_money_is_on_its_way(store: Store) -> None:
    """A bank debit of the whole sum runs: nothing is due, and its page says so."""
    world = a_late_account(store)
    offer = _half(world)
    assert _view(world, offer).is_payable
    ref = world.start(Choice("arranged", "GBP", world.refs, gbp(70920)), nonce="debit")
    _processing(world, ref)
    view = _view(world, offer)
    assert (view.due, view.on_its_way, view.is_payable) == (gbp(0), gbp(70920), False)


def test_an_offer_takes_no_money_after_its_last_day(store: Store) -> None:
    """domain.md: accepted but unpaid by the date, the whole stands again; nothing is taken as if not."""
    world = a_late_account(store, tax=False)
    offer = world.accept(world.propose(121896, pay_by_on=TODAY))
    assert _view(world, offer).is_payable
    after = at_local(TODAY + timedelta(days=1), time(0, 30), world.account.zone)
    view = _view(world, offer, at=after)
    assert (view.is_over, view.is_payable) == (True, False)


def _promised(world: OfferWorld, amount: Money, on: date) -> None:
    world.store.run(
        lambda s: promises.promise(
            s, world.holder, s.get_one(Account, world.account.id), amount, on, now=NOON
        )
    )


def _the_promise(world: OfferWorld) -> Promise:
    with world.store.read() as s:
        return s.scalars(select(Promise)).one()


def _judged(world: OfferWorld, day: date) -> PromiseStatus:
    moment = at_local(day, time(8), world.account.zone)

    def unit(s: object) -> None:
        account = s.get_one(Account, world.account.id, with_for_update=True)  # type: ignore[attr-defined]
        promise_ends.break_late(s, account, today=day, now=moment)  # type: ignore[arg-type]

    world.store.run(unit)
    return _the_promise(world).status


def test_a_promise_waits_for_money_begun_in_time(store: Store) -> None:
    """A bank debit on the promised day settles a week later: kept, never broken."""
    world, on = a_late_account(store, tax=False), TODAY + timedelta(days=7)
    _promised(world, gbp(57600), on)
    begun = at_local(on, time(10), world.account.zone)
    ref = world.start(Choice("chosen", "GBP", world.refs[:1]), nonce="debit", now=begun)
    _processing(world, ref)
    assert _judged(world, on + timedelta(days=6)) is PromiseStatus.OPEN
    world.pay(ref, 57600, now=begun)
    assert _the_promise(world).status is PromiseStatus.KEPT


def test_money_begun_before_a_promise_does_not_keep_it(store: Store) -> None:
    """He promised the rest: what was on its way already is not what he promised."""
    world = a_late_account(store, tax=False)
    yesterday = NOON - timedelta(days=1)
    ref = world.start(Choice("chosen", "GBP", world.refs[:1]), nonce="debit", now=yesterday)
    _processing(world, ref)
    _promised(world, gbp(57600), TODAY + timedelta(days=7))
    world.pay(ref, 57600, now=NOON + timedelta(hours=1))
    row = _the_promise(world)
    assert (row.status, row.received_minor) == (PromiseStatus.OPEN, 0)


def test_a_promise_of_next_to_nothing_is_refused(store: Store) -> None:
    """Policy promises.least_percent: it would stop all reminders for the price of a penny."""
    world = a_late_account(store)
    with pytest.raises(Refused) as refused:
        _promised(world, gbp(1), TODAY + timedelta(days=7))
    assert (refused.value.code, refused.value.facts) == ("amount_below_least", {"least": gbp(28368)})
    _promised(world, gbp(28368), TODAY + timedelta(days=7))


def test_a_promise_stands_still_for_its_own_currency(store: Store) -> None:
    """A promise in pounds says nothing about what is owed in euros."""
    world = a_late_account(store)
    with store.write() as s:
        make.an_invoice(s, s.get_one(Account, world.account.id), total=10_000, currency="EUR")
    _promised(world, gbp(57600), TODAY + timedelta(days=7))
    with store.read() as s:
        held = pauses.standing(s, world.account.id, TODAY)
    assert pauses.paused_by(held, currency="GBP") == [PauseReason.PROMISE]
    assert pauses.paused_by(held, currency="EUR") == pauses.paused_by(held) == []
