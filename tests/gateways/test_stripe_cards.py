"""The Stripe gateway with saved cards: what it sends, how each answer is told, what it makes and when."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateways.stripe.payments import StripePayments
from models.money import Money
from receivables.ports import (
    CHARGE_CARD,
    CardSaving,
    ChargeOrder,
    CheckoutOrder,
    GatewayRefused,
    GatewayUnreachable,
    OutcomeUnknown,
    PreparedRequest,
    RemoteCard,
    RemoteState,
    SetupOrder,
)
from tests.conformance.judge import recorder
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, call_api, pay_on_page

CHARGE = "payment_intents.create"


@pytest.fixture
def gateway(stripe: StandIn) -> Iterator[StripePayments]:
    yield gateway_at(stripe.url)
    stripe.control("clear_faults")


def gateway_at(url: str) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], url)


def now() -> datetime:
    return datetime.now(UTC)


def a_saving(**more: Any) -> CardSaving:
    contact = secrets.token_hex(8)
    return CardSaving(**{"contact_ref": contact, "customer_key": f"customer:{contact}"} | more)


def a_setup(saving: CardSaving | None = None, **more: Any) -> SetupOrder:
    ref = secrets.token_hex(8)
    return SetupOrder(
        **{
            "setup_ref": ref, "currency": "GBP", "language": "he", "note": None,
            "expires_at": now() + timedelta(minutes=40), "idempotency_key": f"setup:{ref}:1",
            "success_url": f"https://pay.northgate.example/s/{ref}",
            "cancel_url": f"https://pay.northgate.example/s/{ref}?left=1",
            "saves_card": saving or a_saving(), **more,
        }
    )  # fmt: skip


def a_payment(saving: CardSaving | None) -> CheckoutOrder:
    ref = secrets.token_hex(8)
    return CheckoutOrder(
        attempt_ref=ref, amount=Money(47280, "GBP"), title="Northgate", language="en", note=None,
        expires_at=now() + timedelta(minutes=40), success_url="https://pay.northgate.example/r/1",
        cancel_url="https://pay.northgate.example/r/1?left=1", invoice_refs=["a1"],
        idempotency_key=f"attempt:{ref}:1", saves_card=saving,
    )  # fmt: skip


def a_charge(card: RemoteCard, **more: Any) -> ChargeOrder:
    ref = secrets.token_hex(8)
    return ChargeOrder(
        **{
            "attempt_ref": ref, "amount": Money(47280, "GBP"), "title": "PL-2026-000001 1/3",
            "customer_id": card.customer_id, "payment_method_id": card.payment_method_id,
            "invoice_refs": ["a1"], "idempotency_key": f"plan:{ref}:inst:1:try:1", **more,
        }
    )  # fmt: skip


def saved(gateway: StripePayments, number: str = "4242424242424242") -> RemoteCard:
    opened = gateway.send(gateway.prepare_setup(a_setup()))
    pay_on_page(opened.url, number)
    card = gateway.retrieve(opened.session_id).card
    assert card is not None
    return card


class TestRequests:
    def test_every_request_is_allowed(self, gateway: StripePayments, stripe: StandIn) -> None:
        """Each new call, as the real SDK sends it, judged by the API description (stripe.md 6)."""
        card = saved(gateway)
        page_id = gateway.send(gateway.prepare_setup(a_setup())).session_id
        intent_id = gateway.charge(gateway.prepare_charge(a_charge(card))).session_id
        sent = []
        calls: list[tuple[str, Callable[[StripePayments], object]]] = [
            (f"/v1/checkout/sessions/{page_id}", lambda g: g.send(g.prepare_setup(a_setup()))),
            (
                f"/v1/checkout/sessions/{page_id}",
                lambda g: g.send(g.prepare_checkout(a_payment(a_saving(customer_id="cus_1")))),
            ),
            (f"/v1/payment_intents/{intent_id}", lambda g: g.charge(g.prepare_charge(a_charge(card)))),
            (f"/v1/payment_intents/{intent_id}", lambda g: g.retrieve(intent_id)),
            (f"/v1/payment_intents/{intent_id}", lambda g: g.expire(intent_id)),
            (f"/v1/payment_methods/{card.payment_method_id}", lambda g: g.detach_card("pm_1")),
        ]
        for thing, act in calls:
            with recorder(call_api(stripe, "GET", thing)[1]) as wire:
                act(gateway_at(wire.url))
            sent += wire.requests
        assert [(r.method, r.path) for r in sent] == [
            ("POST", "/v1/customers"),
            ("POST", "/v1/checkout/sessions"),
            ("POST", "/v1/checkout/sessions"),
            ("POST", "/v1/payment_intents"),
            ("GET", f"/v1/payment_intents/{intent_id}"),
            ("POST", f"/v1/payment_intents/{intent_id}/cancel"),
            ("GET", f"/v1/payment_intents/{intent_id}"),
            ("POST", "/v1/payment_methods/pm_1/detach"),
        ]
        assert {r.path: r.faults() for r in sent if r.faults()} == {}

    def test_preparing_is_pure_and_exact(self, gateway: StripePayments) -> None:
        """Decision 13: nobody is spoken to; what is stored is what is sent."""
        order = a_charge(RemoteCard("pm_1", "cus_1", "visa", "4242", 12, 2034))
        silent = gateway_at("http://127.0.0.1:9")
        prepared = silent.prepare_charge(order)
        assert prepared == gateway.prepare_charge(order)
        assert (prepared.operation, prepared.idempotency_key) == (CHARGE_CARD, order.idempotency_key)
        body = json.loads(prepared.body)
        assert (body["amount"], body["currency"]) == (47280, "gbp")
        assert (body["off_session"], body["confirm"]) == (True, True)
        assert body["metadata"] == {"amicable": "1", "attempt": order.attempt_ref, "invoices": "a1"}
        assert silent.prepare_setup(a_setup()).operation != prepared.operation

    @pytest.mark.parametrize("currency", ["JPY", "HUF", "KWD"])
    def test_amounts_are_the_gateways_own(self, gateway: StripePayments, currency: str) -> None:
        """P-07: exponents by the currency table, on the way in and back."""
        card = saved(gateway)
        amount = Money(2500000, currency)
        taken = gateway.charge(gateway.prepare_charge(a_charge(card, amount=amount)))
        assert taken.charge is not None
        assert taken.charge.amount == amount


class TestCustomers:
    """Decision 11: a customer only with consent, one for a contact, made with a stored key."""

    def test_a_plain_page_has_none(self, gateway: StripePayments) -> None:
        prepared = gateway.prepare_checkout(a_payment(None))
        assert "customer" not in prepared.body
        assert "setup_future_usage" not in prepared.body
        assert gateway.send(prepared).customer_id is None

    def test_the_same_key_makes_one_customer(self, gateway: StripePayments) -> None:
        saving = a_saving()
        pages = [gateway.send(gateway.prepare_setup(a_setup(saving))) for _ in range(2)]
        assert pages[0].customer_id == pages[1].customer_id is not None

    def test_sent_again_it_is_the_same_page(self, gateway: StripePayments) -> None:
        prepared = gateway.prepare_checkout(a_payment(a_saving()))
        assert gateway.send(prepared) == gateway.send(prepared)

    def test_a_known_customer_is_named(self, gateway: StripePayments) -> None:
        first = gateway.send(gateway.prepare_setup(a_setup()))
        again = gateway.send(gateway.prepare_setup(a_setup(a_saving(customer_id=first.customer_id))))
        assert again.customer_id == first.customer_id

    def test_without_a_customer_there_is_no_page(self, gateway: StripePayments, stripe: StandIn) -> None:
        """The line drops while the customer is made: no page can have been opened."""
        stripe.fault("customers.create", "timeout_after", count=3)
        with pytest.raises(GatewayUnreachable):
            gateway.send(gateway.prepare_setup(a_setup()))


class TestPages:
    def test_a_saved_card_is_told(self, gateway: StripePayments) -> None:
        order = a_setup()
        opened = gateway.send(gateway.prepare_setup(order))
        before = gateway.retrieve(opened.session_id)
        assert (before.state, before.card, before.attempt_ref) == (RemoteState.OPEN, None, order.setup_ref)
        pay_on_page(opened.url, "4000002500003155")
        after = gateway.retrieve(opened.session_id)
        assert (after.state, after.charge) == (RemoteState.SUCCEEDED, None)
        assert after.card is not None
        assert (after.card.brand, after.card.last4) == ("visa", "3155")
        assert (after.card.customer_id, after.card.year) == (opened.customer_id, 2034)

    def test_a_payment_tells_the_card_it_kept(self, gateway: StripePayments) -> None:
        opened = gateway.send(gateway.prepare_checkout(a_payment(a_saving())))
        pay_on_page(opened.url)
        told = gateway.retrieve(opened.session_id)
        assert told.state is RemoteState.SUCCEEDED
        assert told.card is not None
        assert told.card.customer_id == opened.customer_id
        plain = gateway.send(gateway.prepare_checkout(a_payment(None)))
        pay_on_page(plain.url)
        assert gateway.retrieve(plain.session_id).card is None

    def test_an_ended_page_keeps_nothing(self, gateway: StripePayments) -> None:
        opened = gateway.send(gateway.prepare_setup(a_setup()))
        assert gateway.expire(opened.session_id).state is RemoteState.EXPIRED

    def test_it_is_found_by_its_reference(self, gateway: StripePayments) -> None:
        """P-03: pages and charges alike."""
        order = a_setup()
        opened = gateway.send(gateway.prepare_setup(order))
        found = gateway.find(order.setup_ref, now() - timedelta(minutes=5))
        assert found is not None
        assert found.session_id == opened.session_id
        charge = a_charge(saved(gateway))
        taken = gateway.charge(gateway.prepare_charge(charge))
        found = gateway.find(charge.attempt_ref, now() - timedelta(minutes=5))
        assert found is not None
        assert (found.session_id, found.state) == (taken.session_id, RemoteState.SUCCEEDED)


class TestCharges:
    def test_a_charge_is_told_with_its_fee(self, gateway: StripePayments) -> None:
        order = a_charge(saved(gateway))
        told = gateway.charge(gateway.prepare_charge(order))
        assert (told.state, told.attempt_ref, told.url) == (RemoteState.SUCCEEDED, order.attempt_ref, None)
        assert told.charge is not None
        assert (told.charge.amount, told.charge.method_detail) == (order.amount, "visa 4242")
        assert told.charge.fee is not None
        again = gateway.retrieve(told.session_id)
        assert (again.state, again.charge) == (told.state, told.charge)

    @pytest.mark.parametrize(
        ("becomes", "code"),
        [
            ("declined", "generic_decline"),
            ("insufficient_funds", "insufficient_funds"),
            ("lost", "do_not_try_again"),  # the issuer's advice wins
            ("expired", "expired_card"),
            ("incorrect_cvc", "incorrect_cvc"),
            ("processing_error", "processing_error"),
            ("challenge_always", "authentication_required"),
        ],
    )
    def test_a_decline_is_an_answer(
        self, gateway: StripePayments, stripe: StandIn, becomes: str, code: str
    ) -> None:
        """402 is not an error of ours: FAILED with the issuer's reason, and replayed by its key."""
        card = saved(gateway)
        stripe.control("card", payment_method=card.payment_method_id, becomes=becomes)
        prepared = gateway.prepare_charge(a_charge(card))
        told = gateway.charge(prepared)
        assert (told.state, told.failure_code, told.charge) == (RemoteState.FAILED, code, None)
        assert gateway.charge(prepared).session_id == told.session_id
        assert gateway.retrieve(told.session_id).state is RemoteState.FAILED
        assert gateway.expire(told.session_id).state is RemoteState.CANCELLED

    def test_a_lost_answer_is_unknown(self, gateway: StripePayments, stripe: StandIn) -> None:
        prepared = gateway.prepare_charge(a_charge(saved(gateway)))
        stripe.fault(CHARGE, "timeout_after", count=3)
        with pytest.raises(OutcomeUnknown):
            gateway.charge(prepared)
        assert gateway.charge(prepared).state is RemoteState.SUCCEEDED

    def test_a_card_that_is_gone_is_a_refusal(self, gateway: StripePayments) -> None:
        card = saved(gateway)
        for _ in range(2):  # letting go twice is letting go
            gateway.detach_card(card.payment_method_id)
        with pytest.raises(GatewayRefused):
            gateway.charge(gateway.prepare_charge(a_charge(card)))

    def test_a_closed_line_took_nothing(self) -> None:
        closed = gateway_at("http://127.0.0.1:9")
        with pytest.raises(GatewayUnreachable):
            closed.charge(PreparedRequest(CHARGE_CARD, "{}", "k"))
        with pytest.raises(GatewayUnreachable):
            closed.detach_card("pm_1")
