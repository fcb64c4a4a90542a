"""Saved cards: consent evidence, active only on the gateway's word, doubt, one customer for a contact."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateways.stripe.payments import StripePayments
from models.arrangements import PaysBy
from models.states import AttemptStatus, CardStatus, InboxStatus
from models.store import Store
from receivables.arrangements import card_setups, cards
from receivables.errors import GatewayDown, NotFound
from receivables.payments import inbox
from receivables.policy import default_policy
from sandbox.stripe.webhooks import signature
from tests import factories as make
from tests.receivables.arrangements.card_world import (
    ALWAYS,
    CONSENT,
    LATER_DECLINES,
    OK,
    ONCE,
    World,
    a_world,
    now,
)
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, call_api, pay_on_page, start_stripe

PAGE = "checkout.sessions.create"


@pytest.fixture
def world(store: Store, stripe: StandIn) -> Iterator[World]:
    yield a_world(store, stripe)
    stripe.control("clear_faults")


def objects(stripe: StandIn, kind: str, **tags: str) -> list[dict[str, Any]]:
    """Objects of the stand-in with these metadata."""
    db = sqlite3.connect(stripe.db_path)
    rows = [json.loads(r[0]) for r in db.execute("SELECT data FROM object WHERE kind = ?", (kind,))]
    db.close()
    return [r for r in rows if tags.items() <= r["metadata"].items()]


def hear(world: World, *kinds: str) -> list[InboxStatus]:
    """Bring what the stand-in tells of these kinds through the inbox, newest first."""
    ends = []
    for kind in kinds:
        for told in call_api(world.stripe, "GET", "/v1/events", type=kind, limit="3")[1]["data"]:
            body = json.dumps(told)
            at = now()
            signed = signature(body, WEBHOOK_SECRET, int(at.timestamp()))
            event = world.gateway.read_event(body.encode(), signed, at)

            def keep(session: Any, event: Any = event, at: Any = at) -> object:
                return inbox.accept(session, event, gateway_account="default", now=at)

            world.store.run(keep)
    taken = world.store.run(
        lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=now() + timedelta(seconds=1))
    )
    for row in taken:
        ends.append(inbox.process(world.store, world.gateway, row, now=now()))
    return ends


class TestConsent:
    def test_the_evidence_stands_before_the_gateway_hears(self, world: World, stripe: StandIn) -> None:
        """P-01, P-24: the answer is lost, and the consent with the exact request is in the books."""
        stripe.fault(PAGE, "timeout_before", count=3)
        begun = world.begin()
        assert begun.url is None
        card, setup = world.card(), world.setup()
        assert card.status is CardStatus.PENDING
        assert (card.consent_text, card.consent_version) == (CONSENT, cards.CONSENT_VERSION)
        assert (card.consent_language, card.consent_ip_prefix) == ("en", "192.0.2.0/24")
        assert card.contact_id == world.contact.id
        assert setup.status is AttemptStatus.UNKNOWN
        assert '"mode": "setup"' in (setup.request_body or "")
        assert setup.idempotency_key == f"setup:{setup.ref}:1"

    def test_a_customer_is_tied_to_the_contact_and_made_once(self, world: World, stripe: StandIn) -> None:
        """Decision 11: two savings of one contact, one customer, with nothing personal on it."""
        first = world.save()
        second = world.save()
        assert first.customer_id == second.customer_id
        (customer,) = objects(stripe, "customer", contact=world.contact.ref)
        assert (customer["email"], customer["name"]) == (None, None)

    def test_an_actor_without_a_contact_keeps_no_card(self, world: World) -> None:
        """Decision 11: a customer is tied to a person; a link without one keeps none."""
        with pytest.raises(NotFound):
            card_setups.begin_saving(
                world.store, world.gateway, make.holder_actor(world.account), world.consent(),
                account_id=world.account.id, currency="GBP", language="en", note=None,
                base_url="http://127.0.0.1:9", now=now(),
            )  # fmt: skip
        assert world.card() is None

    def test_a_payment_without_consent_makes_no_customer(self, world: World, stripe: StandIn) -> None:
        """Decision 11: pay-only pages carry neither customer nor saving."""
        before = len(objects(stripe, "customer"))
        started = world.start()
        assert started.url is not None
        pay_on_page(started.url)
        assert world.settle(started.ref) is AttemptStatus.SUCCEEDED
        (page,) = objects(stripe, "checkout.session", attempt=started.ref)
        (intent,) = objects(stripe, "payment_intent", attempt=started.ref)
        assert (page["customer"], intent["setup_future_usage"]) == (None, None)
        assert len(objects(stripe, "customer")) == before


class TestTheGatewaysWord:
    @pytest.mark.parametrize("number", [OK, ONCE, ALWAYS, LATER_DECLINES])
    def test_a_card_is_active_when_the_gateway_says_so(self, world: World, number: str) -> None:
        begun = world.begin()
        assert begun.url is not None
        assert world.settle_setup(begun.ref) is AttemptStatus.OPEN
        assert world.card().status is CardStatus.PENDING
        pay_on_page(begun.url, number)
        assert world.card().status is CardStatus.PENDING
        for _ in range(2):
            assert world.settle_setup(begun.ref) is AttemptStatus.SUCCEEDED
        card = world.card()
        assert (card.status, card.last4) == (CardStatus.ACTIVE, number[-4:])
        assert (card.expires_month, card.expires_year) == (12, 2034)
        plan = world.now_plan()
        assert (plan.saved_card_id, plan.pays_by) == (card.id, PaysBy.CARD)

    @pytest.mark.parametrize("number", ["4000000000000002", "4000000000009995", "4000000000000069"])
    def test_a_declined_card_is_not_final_while_the_page_is_open(self, world: World, number: str) -> None:
        """stripe.md 4: setup_failed inside an open page; another card may follow."""
        begun = world.begin()
        assert begun.url is not None
        pay_on_page(begun.url, number)
        assert world.settle_setup(begun.ref) is AttemptStatus.OPEN
        pay_on_page(begun.url)
        assert world.settle_setup(begun.ref) is AttemptStatus.SUCCEEDED

    def test_a_refused_challenge_keeps_nothing(self, world: World) -> None:
        begun = world.begin()
        assert begun.url is not None
        pay_on_page(begun.url, ONCE, confirm=False)
        assert world.settle_setup(begun.ref) is AttemptStatus.OPEN
        assert world.card().status is CardStatus.PENDING

    def test_a_page_that_expired_keeps_nothing(self, store: Store, tmp_path: Any) -> None:
        """`expired` on the gateway's word only; the consent stays as what it was: not used."""
        own = start_stripe(tmp_path)
        world = a_world(store, own)
        begun = world.begin()
        assert world.settle_setup(begun.ref, later=timedelta(hours=1)) is AttemptStatus.OPEN
        own.control("advance", seconds=3600)
        assert world.settle_setup(begun.ref) is AttemptStatus.EXPIRED
        assert world.card().status is CardStatus.REMOVED
        own.stop()

    def test_a_notification_brings_the_card(self, world: World) -> None:
        """P-10, P-11: the session's and the setup's events lead to one truth, in any order."""
        begun = world.begin()
        assert begun.url is not None
        pay_on_page(begun.url, ONCE)
        ends = hear(world, "setup_intent.succeeded", "checkout.session.completed")
        assert InboxStatus.DONE in ends
        assert world.card().status is CardStatus.ACTIVE
        assert world.setup().status is AttemptStatus.SUCCEEDED

    def test_a_card_let_go_at_the_gateway_is_removed_here(self, world: World, stripe: StandIn) -> None:
        card = world.save()
        stripe.control("card", payment_method=card.payment_method_id, detach=True)
        hear(world, "payment_method.detached")
        assert world.card().status is CardStatus.REMOVED
        assert world.now_plan().pays_by is PaysBy.LINK
        assert "plan_trouble" in world.tasks()


class TestWithAPayment:
    def test_the_payment_keeps_the_card(self, world: World) -> None:
        """setup_future_usage: one page takes the part and keeps the card for the others."""
        started = world.start(consent=True)
        assert started.url is not None
        pay_on_page(started.url, ONCE)
        assert world.settle(started.ref) is AttemptStatus.SUCCEEDED
        card, setup = world.card(), world.setup()
        assert (card.status, card.last4) == (CardStatus.ACTIVE, "3155")
        assert (setup.status, setup.attempt_id) == (AttemptStatus.SUCCEEDED, world.attempts()[0].id)
        world.recount()
        assert world.now_plan().saved_card_id == card.id

    def test_a_page_that_keeps_no_card_is_not_offered_again_for_one_that_does(self, world: World) -> None:
        """Consent belongs to the page it was given for: the other page is ended first (P-05)."""
        plain = world.start(nonce="n1")
        kept = world.start(nonce="n2", consent=True)
        assert plain.ref != kept.ref
        assert world.attempts()[0].status is AttemptStatus.EXPIRED
        assert world.start(nonce="n3", consent=True).ref == kept.ref

    def test_a_payment_that_was_left_keeps_nothing(self, world: World) -> None:
        started = world.start(nonce="n1", consent=True)
        world.start(nonce="n2")
        assert world.settle(started.ref) is AttemptStatus.EXPIRED
        assert world.card().status is CardStatus.REMOVED
        assert world.setup().status is AttemptStatus.EXPIRED


class TestDoubt:
    def test_a_lost_answer_is_asked_for_with_the_same_key(self, world: World, stripe: StandIn) -> None:
        """Decision 13: the page was made, the answer lost; the sweeper finds that page and no other."""
        stripe.fault(PAGE, "timeout_after", count=3)
        begun = world.begin()
        assert begun.url is None
        looked = card_setups.sweep_setups(
            world.store, world.gateway, gateway_account="default", now=now() + timedelta(minutes=1)
        )
        assert looked >= 1
        assert world.setup().status is AttemptStatus.OPEN
        assert len(objects(stripe, "checkout.session", setup=begun.ref)) == 1

    def test_after_a_day_the_gateway_is_searched(self, world: World, stripe: StandIn) -> None:
        """P-03: the key may be forgotten; nothing is made a second time."""
        stripe.fault(PAGE, "timeout_after", count=3)
        begun = world.begin()
        assert world.settle_setup(begun.ref, later=timedelta(hours=25)) is AttemptStatus.OPEN
        assert len(objects(stripe, "checkout.session", setup=begun.ref)) == 1

    def test_one_that_was_never_made_ends(self, world: World, stripe: StandIn) -> None:
        stripe.fault(PAGE, "timeout_before", count=3)
        begun = world.begin()
        assert world.settle_setup(begun.ref, later=timedelta(hours=25)) is AttemptStatus.FAILED
        assert world.card().status is CardStatus.REMOVED

    def test_a_gateway_that_is_away_keeps_nothing(self, world: World) -> None:
        away = StripePayments("default", API_KEY, [], "http://127.0.0.1:9")
        with pytest.raises(GatewayDown):
            world.begin(gateway=away)
        assert world.setup().status is AttemptStatus.CANCELLED
        assert world.card().status is CardStatus.REMOVED


def test_a_removed_card_is_let_go_at_the_gateway_once(world: World, stripe: StandIn) -> None:
    """Decision 11: the job may run twice; a card that is gone already is done."""
    card = world.save()
    world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=now()))
    for _ in range(2):
        cards.detach(world.store, world.gateway, card.ref)
    method = call_api(stripe, "GET", f"/v1/payment_methods/{card.payment_method_id}")[1]
    assert method["customer"] is None


def test_another_accounts_card_is_not_found(world: World, store: Store, stripe: StandIn) -> None:
    """L-15, INV-17."""
    card = world.save()
    other = a_world(store, stripe)
    for act in (
        lambda s: cards.remove(s, other.holder, card.ref, now=now()),
        lambda s: cards.use_for_plan(s, other.holder, other.plan.ref, card.ref, now=now()),
        lambda s: cards.carried_plan(s, other.holder, world.plan.ref),
        lambda s: cards.cards_of(s, other.holder, account_id=world.account.id, now=now()),
    ):
        with pytest.raises(NotFound):
            store.run(act)
