"""Charges of saved cards on the real gateway code: each card's answer, doubt, races with other payments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateways.stripe.payments import StripePayments
from models import money
from models.accounts import AccountFlag, FlagKind
from models.money import Money
from models.states import AttemptStatus, CardStatus, InstalmentStatus
from models.store import Store
from receivables.arrangements import cards, charging, plan_changes
from receivables.arrangements.decline_classes import CLASSES, DeclineReason, decline_kind, decline_reason
from receivables.errors import Refused
from receivables.payments import attempts, settling, sweeping
from receivables.permissions import SYSTEM
from receivables.ports import GatewayUnreachable
from tests.receivables.arrangements.card_world import (
    ALWAYS,
    CHARGE,
    LATER_DECLINES,
    OK,
    ONCE,
    World,
    a_world,
    now,
)
from tests.standins import API_KEY, StandIn, pay_on_page

SUCCEEDED, FAILED, UNKNOWN = AttemptStatus.SUCCEEDED, AttemptStatus.FAILED, AttemptStatus.UNKNOWN


@pytest.fixture
def world(store: Store, stripe: StandIn) -> Iterator[World]:
    yield a_world(store, stripe)
    stripe.control("clear_faults")


class TestEachCard:
    """One charge for each kind of card (P-24); the amount is always that of the instalment's row (M-15)."""

    @pytest.mark.parametrize("number", [OK, ONCE])
    def test_a_good_card_pays_its_part(self, world: World, number: str) -> None:
        """3155 asks for confirmation when it is saved and not again while its holder is away."""
        world.save(number)
        assert world.charge() is SUCCEEDED
        (attempt,) = world.attempts()
        assert attempt.amount_minor == world.part().amount_minor == world.taken() == 60000
        assert world.reserved(attempt) == 60000
        assert attempt.idempotency_key == f"plan:{world.plan.ref}:inst:1:try:1"
        assert (attempt.operation, attempt.remote_id) == ("charge_card", attempt.intent_id)
        assert [c.credited for c in world.charges()] == [True]
        assert world.part().status is InstalmentStatus.PAID
        assert world.part(2).status is InstalmentStatus.SCHEDULED
        assert world.hold()

    def test_a_paid_part_is_not_charged_again(self, world: World) -> None:
        world.save()
        world.charge()
        assert world.charge() is None
        assert len(world.attempts()) == 1

    @pytest.mark.parametrize(
        ("name", "kind", "reason"),
        [
            ("declined", "soft", "declined"),
            ("insufficient_funds", "soft", "no_funds"),
            ("processing_error", "soft", "declined"),
            ("saves_then_declines", "soft", "declined"),
            ("lost", "hard", "declined"),
            ("stolen", "hard", "declined"),
            ("expired", "hard", "card_expired"),
            ("incorrect_cvc", "hard", "declined"),
            ("challenge_always", "needs_authentication", "confirm"),
        ],
    )
    def test_a_decline_follows_the_plan(self, world: World, name: str, kind: str, reason: str) -> None:
        """Soft: again on the days of the terms. Hard or unconfirmed: no further try by itself. The
        reason kept for the debtor never tells of theft or fraud."""
        world.save()
        world.becomes(name)
        assert world.charge() is FAILED
        part = world.part()
        assert (part.tries, part.last_failure) == (1, reason)
        assert (part.next_try_on is not None) == (kind == "soft")
        assert part.status is InstalmentStatus.SCHEDULED
        assert world.now_plan().status.value == "active"
        assert [c.credited for c in world.charges()] == [False]
        assert world.taken() == 0

    def test_a_card_that_is_saved_and_then_declines(self, world: World) -> None:
        """0341: the page keeps it, every charge is refused."""
        world.save(LATER_DECLINES)
        assert world.charge() is FAILED
        assert world.attempts()[0].failure_code == "generic_decline"

    def test_a_card_that_always_asks_is_confirmed_by_hand(self, world: World) -> None:
        """3184: the plan stays; the debtor pays the same part on the hosted page (P-24)."""
        world.save(ALWAYS)
        assert world.charge() is FAILED
        assert world.attempts()[0].failure_code == "authentication_required"
        started = world.start()
        assert started.url is not None
        pay_on_page(started.url, ALWAYS)
        assert world.settle(started.ref) is SUCCEEDED
        world.recount()
        assert world.part().status is InstalmentStatus.PAID

    def test_a_new_try_has_a_new_key(self, world: World) -> None:
        """P-02: after a decline only a new key makes a new charge; a try too many is not made."""
        world.save()
        world.becomes("insufficient_funds")
        world.charge()
        day = world.part().next_try_on
        assert day is not None
        assert world.charge() is None
        world.becomes("ok")
        wait = timedelta(days=(day - now().date()).days)
        assert world.charge(later=wait) is SUCCEEDED
        keys = [attempt.idempotency_key for attempt in world.attempts()]
        assert keys == [f"plan:{world.plan.ref}:inst:1:try:{k}" for k in (1, 2)]
        assert world.taken() == 60000

    def test_a_soft_decline_is_tried_no_oftener_than_the_policy_says(self, world: World) -> None:
        """P-24: from the day on which the card was named, on what is left of retry_days = [3, 5]; then the
        debtor is asked."""
        world.save()
        world.becomes("declined")
        due, today = world.part().due_on, now().date()
        tried = [day for day in range(20) if world.charge(later=timedelta(days=day)) is not None]
        named = [(due + timedelta(days=day) - today).days for day in (3, 5)]
        assert tried == [0, *(day for day in named if day > 0)]
        assert world.part().tries == len(tried) <= 3
        assert world.part().next_try_on is None


class TestDoubt:
    """FT-25, P-03, P-16: an unknown outcome is asked for with the same key or searched, never repeated."""

    def test_a_lost_answer_is_found_by_the_sweeper(self, world: World, stripe: StandIn) -> None:
        world.save()
        stripe.fault(CHARGE, "timeout_after", count=3)
        assert world.charge() is UNKNOWN
        assert world.charge() is None  # nothing else is tried for it meanwhile (P-22)
        (attempt,) = world.attempts()
        later = now() + timedelta(minutes=1)
        sweeping.sweep(world.store, world.gateway, gateway_account="default", now=later)
        assert world.attempts()[0].status is SUCCEEDED
        assert world.taken() == attempt.amount_minor
        assert [c.credited for c in world.charges()] == [True]

    def test_a_crash_before_the_call_is_made_good_once(self, world: World) -> None:
        """The row was committed, the worker died: the stored call is made, however many look after it."""
        world.save()
        attempt = world.store.run(
            lambda s: charging._reserve(s, world.gateway, SYSTEM, world.part().id, now=now())
        )
        assert attempt is not None
        assert [a.status for a in world.attempts()] == [AttemptStatus.CREATED]
        for _ in range(3):
            assert world.settle(attempt.ref, later=timedelta(minutes=1)) is SUCCEEDED
        assert world.taken() == 60000
        assert len(world.charges()) == 1

    def test_a_crash_between_charge_and_record_settles_once(self, world: World) -> None:
        """The money was taken and nobody wrote it down."""
        world.save()
        attempt = world.store.run(
            lambda s: charging._reserve(s, world.gateway, SYSTEM, world.part().id, now=now())
        )
        assert attempt is not None
        world.gateway.charge(attempts.stored_call(attempt))
        assert world.charge() is None
        assert world.settle(attempt.ref, later=timedelta(minutes=1)) is SUCCEEDED
        assert world.taken() == 60000
        assert world.part().status is InstalmentStatus.PAID
        assert world.hold()

    def test_after_a_day_it_is_searched_for(self, world: World, stripe: StandIn) -> None:
        """P-03: the key may be forgotten; what was taken is found by its tag, nothing is taken again."""
        world.save()
        stripe.fault(CHARGE, "timeout_after", count=3)
        world.charge()
        (attempt,) = world.attempts()
        assert world.settle(attempt.ref, later=timedelta(hours=25)) is SUCCEEDED
        assert world.taken() == 60000

    @pytest.mark.parametrize("kind", ["409", "timeout_before", "error_500"])
    def test_after_a_long_outage_it_is_taken_once(self, world: World, stripe: StandIn, kind: str) -> None:
        """P-03, INV-4: two settlers 11 minutes later; one is at the stored call, to the other the gateway
        gives no answer and finds nothing: unknown, no second try, one charge in the end."""
        world.save()
        stripe.fault(CHARGE, "timeout_before", count=3)
        assert world.charge() is UNKNOWN
        (attempt,) = world.attempts()
        stripe.fault(CHARGE, kind, count=3)
        assert world.settle(attempt.ref, later=timedelta(minutes=11)) is UNKNOWN
        assert world.charge(later=timedelta(hours=1)) is None
        world.gateway.charge(attempts.stored_call(attempt))  # what the first of them sent lands
        assert world.settle(attempt.ref, later=timedelta(minutes=12)) is SUCCEEDED
        assert (world.taken(), len(world.attempts())) == (60000, 1)
        assert world.hold()

    @pytest.mark.parametrize("kind", ["error_500", "error_500_after"])
    def test_a_server_error_kept_under_its_key(self, world: World, stripe: StandIn, kind: str) -> None:
        """FT-03, P-22: the saved 500 is over, so the search tells after ten minutes whether it was taken."""
        world.save()
        stripe.fault(CHARGE, kind, stored=True)
        assert world.charge() is UNKNOWN
        (attempt,) = world.attempts()
        taken = kind == "error_500_after"
        assert world.settle(attempt.ref, later=timedelta(minutes=5)) is UNKNOWN
        expected = SUCCEEDED if taken else FAILED
        assert world.settle(attempt.ref, later=timedelta(minutes=11)) is expected
        assert world.charge() is (None if taken else SUCCEEDED)
        assert world.taken() == 60000

    def test_a_charge_that_was_never_made_is_no_decline(self, world: World, stripe: StandIn) -> None:
        """Searched for and not found: the attempt ends, the instalment counts no try, the next run tries."""
        world.save()
        stripe.fault(CHARGE, "timeout_before", count=3)
        assert world.charge() is UNKNOWN
        (attempt,) = world.attempts()
        assert world.settle(attempt.ref, later=timedelta(hours=25)) is FAILED
        assert world.part().tries == 0
        assert world.charge() is SUCCEEDED

    def test_a_gateway_that_is_away_takes_nothing(self, world: World) -> None:
        world.save()
        here, away = world.gateway, StripePayments("default", API_KEY, [], "http://127.0.0.1:9")
        world.gateway = away
        assert world.charge() is AttemptStatus.CANCELLED
        world.gateway = here
        assert world.part().tries == 0
        assert world.charge() is SUCCEEDED

    def test_a_card_that_is_gone_at_the_gateway_needs_another(self, world: World, stripe: StandIn) -> None:
        """A person let it go at the gateway and no notification came: a refusal, told as a hard decline."""
        card = world.save()
        stripe.control("card", payment_method=card.payment_method_id, detach=True)
        assert world.charge() is FAILED
        assert (world.part().tries, world.part().next_try_on) == (1, None)
        assert world.charge(later=timedelta(days=7)) is None


class TestBesideOtherPayments:
    """FT-05, FT-25: autopay ∥ payment by hand ∥ end of the plan: one success for an instalment."""

    def test_the_charge_waits_for_an_open_page(self, world: World) -> None:
        """Nobody's page is closed under his hands; when it was paid there is nothing to charge."""
        world.save()
        started = world.start()
        assert world.charge() is None
        assert started.url is not None
        pay_on_page(started.url)
        assert world.settle(started.ref) is SUCCEEDED
        world.recount()
        assert world.charge() is None
        assert world.taken() == 60000

    def test_a_payment_by_hand_learns_of_the_charge_first(self, world: World) -> None:
        """The charge is on its way when the debtor presses Pay: he hears that it is paid."""
        world.save()
        attempt = world.store.run(
            lambda s: charging._reserve(s, world.gateway, SYSTEM, world.part().id, now=now())
        )
        assert attempt is not None
        with pytest.raises(Refused) as refused:
            world.start()
        assert refused.value.code == "already_paid"
        assert refused.value.facts["ref"] == attempt.ref
        assert world.taken() == 60000

    def test_a_second_success_is_left_for_a_person(self, world: World) -> None:
        """Paid by hand on a superseded page while the charge went through: booked, unapplied, a task."""
        world.save()
        started = world.start()
        ids = [invoice.id for invoice in world.invoices]
        world.store.run(lambda s: attempts.supersede(s, SYSTEM, ids, reason="test", now=now()))
        assert world.charge() is SUCCEEDED
        world.recount()
        assert started.url is not None
        pay_on_page(started.url)
        world.settle(started.ref)
        world.recount()
        assert world.taken() == 120000
        # The page was no charge of ours: what it paid counts for the plan in its order, once.
        assert [c.credited for c in world.charges()] == [True]
        assert world.hold()

    def test_a_charge_for_a_paid_part_is_unapplied(self, world: World, stripe: StandIn) -> None:
        """The answer was lost, the part was paid otherwise, then the charge is found: money for a person."""
        world.save()
        stripe.fault(CHARGE, "timeout_after", count=3)
        assert world.charge() is UNKNOWN
        ids = [invoice.id for invoice in world.invoices]
        world.store.run(lambda s: attempts.supersede(s, SYSTEM, ids, reason="test", now=now()))
        started = world.start()
        assert started.url is not None
        pay_on_page(started.url)
        assert world.settle(started.ref) is SUCCEEDED
        world.recount()
        assert world.part().status is InstalmentStatus.PAID
        first = world.attempts()[0]
        assert world.settle(first.ref, later=timedelta(minutes=20)) is SUCCEEDED
        assert world.unapplied() == [Money(60000, "GBP")]
        assert "unapplied_money" in world.tasks()
        assert [c.credited for c in world.charges()] == [False]
        assert world.hold()

    def test_a_superseded_charge_that_was_never_made_is_not_made(self, world: World) -> None:
        """The plan changed between the row and the call: the sweeper searches, it does not charge."""
        world.save()
        attempt = world.store.run(
            lambda s: charging._reserve(s, world.gateway, SYSTEM, world.part().id, now=now())
        )
        assert attempt is not None
        ids = [invoice.id for invoice in world.invoices]
        world.store.run(lambda s: attempts.supersede(s, SYSTEM, ids, reason="plan", now=now()))
        with pytest.raises(GatewayUnreachable):  # the call may be under way this moment: asked again later
            settling.end_superseded(world.store, world.gateway, attempt.ref, now=now())
        later = now() + settling.UNDER_WAY
        assert settling.end_superseded(world.store, world.gateway, attempt.ref, now=later) is FAILED
        assert world.taken() == 0

    def test_a_superseded_charge_that_is_under_way_counts(self, world: World) -> None:
        """He chose to pay by link while the call was made: its money is of the plan, not left unapplied."""
        world.save()
        attempt = world.store.run(
            lambda s: charging._reserve(s, world.gateway, SYSTEM, world.part().id, now=now())
        )
        assert attempt is not None
        world.store.run(lambda s: plan_changes.pay_by_link(s, world.holder, world.plan.ref, now=now()))
        with pytest.raises(GatewayUnreachable):
            settling.end_superseded(world.store, world.gateway, attempt.ref, now=now())
        remote = world.gateway.charge(attempts.stored_call(attempt))
        assert settling.apply(world.store, attempt.id, remote, now=now()) is SUCCEEDED
        assert (world.unapplied(), world.part().status) == ([], InstalmentStatus.PAID)


def test_a_removed_card_is_not_charged(world: World) -> None:
    """The row comes first: from its commit on nothing is charged (decision 11)."""
    card = world.save()
    world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=now()))
    assert world.charge() is None
    assert world.card().status is CardStatus.REMOVED
    assert world.now_plan().pays_by.value == "link"


def test_a_part_larger_than_a_card_takes_is_for_a_person(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-15: no try is made and none is counted as a decline, however often it is due; one task."""
    world.save()
    monkeypatch.setattr(money, "_MOST_AT_GATEWAY", 59999)
    assert [world.charge() for _ in range(2)] == [None, None]
    assert (world.attempts(), world.part().tries, world.tasks()) == ([], 0, ["plan_trouble"])


@pytest.mark.parametrize("kind", ["bankruptcy", "breathing_space", "deceased", "wrong_party"])
def test_nobody_is_charged_whom_the_law_protects(world: World, kind: str) -> None:
    """domain.md, "Pauses": autopay stands still, and one person hears of it however often it is due."""
    world.save()
    with world.store.write() as session:
        session.add(
            AccountFlag(
                account_id=world.account.id, kind=FlagKind(kind), from_on=now().date(), to_on=None,
                source="letter", created_at=now(),
            )
        )  # fmt: skip
    assert [world.charge() for _ in range(3)] == [None, None, None]
    assert world.tasks() == ["plan_trouble"]
    assert world.taken() == 0


def test_the_daily_work_charges_each_due_part_once(world: World) -> None:
    world.save()
    today = now().date()
    assert charging.charge_due(world.store, world.gateway, world.account.id, today=today, now=now())
    assert not charging.charge_due(world.store, world.gateway, world.account.id, today=today, now=now())
    assert world.taken() == 60000


def test_no_reason_shown_tells_of_theft_or_fraud() -> None:
    """stripe.md 3: lost, stolen and fraud look like any other decline."""
    plain = (decline_kind("card_not_supported"), decline_reason("generic_decline"))
    for code in ("lost_card", "stolen_card", "pickup_card", "fraudulent", "merchant_blacklist",
                 "do_not_try_again"):  # fmt: skip
        assert (decline_kind(code), decline_reason(code)) == plain
    assert {reason for _, reason in CLASSES.values()} == set(DeclineReason)
