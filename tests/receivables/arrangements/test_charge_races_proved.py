"""Races for one instalment, then the independent checker over everything they wrote (FT-05, FT-25)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from models.staff import Role
from models.states import UNSETTLED_ATTEMPTS, AttemptStatus, InstalmentStatus, PlanStatus
from models.store import Store
from receivables.arrangements import cards, plan_ends
from receivables.errors import Refused
from receivables.payments import attempts, settling
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.effort import REPEATS
from tests.mailboxes import MailboxProcess
from tests.proof import prove
from tests.races import together
from tests.receivables.arrangements.card_world import World, a_world, now
from tests.standins import StandIn, pay_on_page

#: Refusals that a racer may hear.
FAIR = {"already_paid", "being_checked", "nothing_to_pay", "arrangement_changed", "plan_gone"}


def fair(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        assert not isinstance(outcome, Exception) or (
            isinstance(outcome, Refused) and outcome.code in FAIR
        ), outcome


def settled(world: World) -> None:
    """Follow every attempt to its end, as worker and sweeper do, one after another."""
    for attempt in world.attempts():
        if attempt.superseded_at is not None and attempt.status in UNSETTLED_ATTEMPTS:
            later = now() + settling.UNDER_WAY
            settling.end_superseded(world.store, world.gateway, attempt.ref, now=later)
        world.settle(attempt.ref, later=timedelta(minutes=1))


def test_the_books_hold_after_races_for_an_instalment(
    store: Store, database_url: str, own_stripe: StandIn, own_mailbox: MailboxProcess
) -> None:
    """Worker ∥ worker, ∥ hand, ∥ sweeper after a lost answer, ∥ removal of the card, ∥ end of the plan."""
    for number in range(REPEATS):
        for race in RACES:
            world = a_world(store, own_stripe)
            world.save()
            race(world, number)
            assert sum(charge.credited for charge in world.charges()) <= 1
            assert world.hold()
    prove(database_url, stripe=own_stripe, mailbox=own_mailbox)


def _two_workers(world: World, number: int) -> None:
    """FT-25: four workers, one charge."""
    outcomes = together(4, lambda n: world.charge())
    fair(outcomes)
    settled(world)
    assert outcomes.count(AttemptStatus.SUCCEEDED) == 1
    assert outcomes.count(None) == 3
    assert world.taken() == 60000
    assert world.part().status is InstalmentStatus.PAID


def _worker_and_hand(world: World, number: int) -> None:
    """FT-05: whoever was first, the part is paid once; the other hears of it."""

    def by_hand() -> object:
        started = world.start(nonce=f"{world.account.id}-{number}")
        if started.url:
            pay_on_page(started.url)
        return world.settle(started.ref)

    acts: list[Callable[[], object]] = [world.charge, by_hand, world.charge]
    fair(together(3, lambda n: acts[(n + number) % 3]()))
    settled(world)
    # A hand that was slower than the charge pays the next part of the plan, never the same one twice.
    assert world.taken() in (60000, 120000)
    paid = [world.part(seq).status is InstalmentStatus.PAID for seq in (1, 2, 3)]
    assert paid == [True, world.taken() == 120000, False]


def _worker_and_sweeper(world: World, number: int) -> None:
    """A lost answer, and three sweepers while another worker tries: the same key, one charge."""
    world.stripe.fault("payment_intents.create", "timeout_after", count=3)
    assert world.charge() is AttemptStatus.UNKNOWN
    world.stripe.control("clear_faults")
    ref = world.attempts()[0].ref

    def sweep() -> object:
        return world.settle(ref, later=timedelta(minutes=1))

    fair(together(4, lambda n: sweep() if n else world.charge()))
    settled(world)
    assert world.taken() == 60000
    assert len(world.attempts()) == 1


def _worker_and_removal(world: World, number: int) -> None:
    """The card is removed while it is charged: charged once or not at all, and never afterwards."""
    card = world.card()

    def remove() -> object:
        return world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=now()))

    acts: list[Callable[[], object]] = [world.charge, remove, world.charge]
    fair(together(3, lambda n: acts[(n + number) % 3]()))
    settled(world)
    assert world.taken() in (0, 60000)
    assert world.charge() is None


def _worker_and_end(world: World, number: int) -> None:
    """The invoices are taken from under the charge (as the end of a plan does): what came is booked once."""
    ids = [invoice.id for invoice in world.invoices]

    def end() -> object:
        return world.store.run(lambda s: attempts.supersede(s, SYSTEM, ids, reason="plan", now=now()))

    acts: list[Callable[[], object]] = [world.charge, end]
    fair(together(2, lambda n: acts[(n + number) % 2]()))
    settled(world)
    assert world.taken() in (0, 60000)
    assert world.now_plan().status is PlanStatus.ACTIVE


def _worker_hand_and_cancel(world: World, number: int) -> None:
    """Autopay ∥ manual pay ∥ plan cancel: one success for the part, and no charge after the end."""
    with world.store.write() as session:
        boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))

    def by_hand() -> object:
        started = world.start(nonce=f"{world.account.id}-{number}-hand")
        if started.url:
            pay_on_page(started.url)
        return world.settle(started.ref)

    def cancel() -> object:
        return world.store.run(
            lambda s: plan_ends.cancel(s, boss, world.plan.ref, reason="Another way was agreed", now=now())
        )

    acts: list[Callable[[], object]] = [world.charge, by_hand, cancel]
    turned = acts[::-1] if number % 2 else acts
    fair(together(3, lambda n: turned[(n + number) % 3]()))
    settled(world)
    assert world.now_plan().status is PlanStatus.CANCELLED
    taken = world.taken()
    assert taken in (0, 60000, 120000)  # a hand that came second paid the next part
    assert sum(p.amount_minor for p in world.payments()) == taken
    assert world.charge() is None
    assert world.taken() == taken


RACES = (
    _two_workers, _worker_and_hand, _worker_and_sweeper, _worker_and_removal, _worker_and_end,
    _worker_hand_and_cancel,
)  # fmt: skip
