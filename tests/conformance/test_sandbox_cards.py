"""Cards kept for later: setup pages, challenges, charges without the holder, letting go. Each claim of the
stand-in about saved cards (P-27): the real SDK speaks to it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.conformance.judge import object_faults
from tests.standins import StandIn, get_page, pay_on_page

Order = Callable[..., dict[str, Any]]
OK, ONCE, ALWAYS, LATER = "4242424242424242", "4000002500003155", "4000002760003184", "4000000000000341"
WHOLE: Any = {"expand": ["setup_intent.payment_method"]}


def a_customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"metadata": {"contact": "c1"}}).id


def setup_page(client: stripe.StripeClient, **more: Any) -> Any:
    """A page that keeps a card, as the portal asks for it; None leaves a parameter out."""
    params = {
        "mode": "setup",
        "ui_mode": "hosted_page",
        "currency": "gbp",
        "locale": "en",
        "client_reference_id": "s1",
        "metadata": {"setup": "s1"},
        "setup_intent_data": {"metadata": {"setup": "s1"}},
        "expires_at": int(time.time()) + 40 * 60,
        "success_url": "http://portal.example/s/s1",
        "cancel_url": "http://portal.example/s/s1?left=1",
    } | more
    return client.v1.checkout.sessions.create({k: v for k, v in params.items() if v is not None})  # type: ignore[arg-type]


def keep(client: stripe.StripeClient, number: str = OK) -> tuple[str, str]:
    """Keep a card on the page; returns customer and payment method."""
    customer = a_customer(client)
    page = setup_page(client, customer=customer)
    pay_on_page(page.url, number)
    kept: Any = client.v1.checkout.sessions.retrieve(page.id, WHOLE)
    return customer, kept.setup_intent.payment_method.id


def take(client: stripe.StripeClient, customer: str, method: str, **more: Any) -> Any:
    """Charge a kept card without its holder."""
    params: Any = {
        "amount": 1200, "currency": "gbp", "customer": customer, "payment_method": method,
        "confirm": True, "off_session": True,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}, **more,
    }  # fmt: skip
    return client.v1.payment_intents.create(params)


class TestSetupPage:
    def test_a_card_is_kept_and_nothing_is_paid(self, standin: StandIn, client: stripe.StripeClient) -> None:
        customer = a_customer(client)
        page = setup_page(client, customer=customer)
        assert (page.mode, page.amount_total, page.payment_intent) == ("setup", None, None)
        assert (page.payment_status, page.currency) == ("no_payment_required", "gbp")
        assert page.setup_intent.startswith("seti_")
        assert pay_on_page(page.url) == "http://portal.example/s/s1"

        kept: Any = client.v1.checkout.sessions.retrieve(page.id, WHOLE)
        intent, method = kept.setup_intent, kept.setup_intent.payment_method
        assert (kept.status, intent.status, intent.usage) == ("complete", "succeeded", "off_session")
        assert (method.customer, method.card.last4, method.card.exp_year) == (customer, "4242", 2034)
        assert intent.metadata.setup == "s1"
        assert client.v1.charges.list().data == []
        assert "is saved" in get_page(page.url or f"{standin.url}/c/pay/{page.id}")[1]

    def test_its_events(self, client: stripe.StripeClient) -> None:
        page = setup_page(client, customer=a_customer(client))
        pay_on_page(page.url, "4000000000000002")
        pay_on_page(page.url, ONCE)
        told = [event.type for event in client.v1.events.list({"limit": 20}).data][::-1]
        assert told == [
            "customer.created", "setup_intent.created", "setup_intent.setup_failed",
            "setup_intent.requires_action", "payment_method.attached", "setup_intent.succeeded",
            "checkout.session.completed",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("number", "code", "decline_code"),
        [
            ("4000000000000002", "card_declined", "generic_decline"),
            ("4000000000009995", "card_declined", "insufficient_funds"),
            ("4000000000009987", "card_declined", "lost_card"),
            ("4000000000000069", "expired_card", None),
            ("4000000000000127", "incorrect_cvc", None),
            ("4000000000000119", "processing_error", None),
        ],
    )
    def test_cards_that_cannot_be_kept(
        self, client: stripe.StripeClient, number: str, code: str, decline_code: str | None
    ) -> None:
        """docs.stripe.com/testing: these fail when they are attached; the page stays open."""
        page = setup_page(client, customer=a_customer(client))
        assert "problem=" in pay_on_page(page.url, number)
        left: Any = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["setup_intent"]})
        error = left.setup_intent.last_setup_error
        assert (left.status, left.setup_intent.status) == ("open", "requires_payment_method")
        assert (error.code, getattr(error, "decline_code", None)) == (code, decline_code)

    def test_a_refused_challenge(self, client: stripe.StripeClient) -> None:
        page = setup_page(client, customer=a_customer(client))
        assert pay_on_page(page.url, ONCE, confirm=False).endswith("setup_intent_authentication_failure")
        left: Any = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["setup_intent"]})
        assert (left.status, left.setup_intent.payment_method) == ("open", None)

    def test_it_expires(self, standin: StandIn, client: stripe.StripeClient) -> None:
        page = setup_page(client, customer=a_customer(client))
        standin.control("advance", seconds=41 * 60)
        over: Any = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["setup_intent"]})
        assert (over.status, over.setup_intent.status) == ("expired", "canceled")

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"currency": None}, "currency"),
            ({"submit_type": "pay"}, "submit_type"),
            ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
            ({"expires_at": int(time.time()) + 60}, "expires_at"),
            ({"customer": "cus_nobody"}, "customer"),
            ({"line_items": [{"price_data": {"currency": "gbp", "unit_amount": 500}}]}, "line_items"),
        ],
    )
    def test_refused_parameters_are_named(
        self, client: stripe.StripeClient, change: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            setup_page(client, **change)
        assert refused.value.param == param

    def test_a_payment_has_no_setup_data(self, client: stripe.StripeClient, order: Order) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.checkout.sessions.create(order(setup_intent_data={"description": "x"}))  # type: ignore[arg-type]
        assert refused.value.param == "setup_intent_data"


class TestKeptByAPayment:
    def test_the_card_belongs_to_the_customer(self, client: stripe.StripeClient, order: Order) -> None:
        customer = a_customer(client)
        saving = {"setup_future_usage": "off_session", "metadata": {"attempt": "a"}}
        page: Any = client.v1.checkout.sessions.create(order(customer=customer, payment_intent_data=saving))  # type: ignore[arg-type]
        pay_on_page(page.url, ONCE)
        paid: Any = client.v1.checkout.sessions.retrieve(
            page.id, {"expand": ["payment_intent.latest_charge"]}
        )
        intent = paid.payment_intent
        assert (intent.customer, intent.setup_future_usage) == (customer, "off_session")
        (held,) = client.v1.payment_methods.list({"customer": customer, "type": "card"}).data
        assert held.id == intent.latest_charge.payment_method
        assert take(client, customer, held.id).status == "succeeded"

    def test_a_payment_without_it_keeps_nothing(self, client: stripe.StripeClient, order: Order) -> None:
        """Decision 11: no customer comes of a plain payment."""
        page: Any = client.v1.checkout.sessions.create(order())  # type: ignore[arg-type]
        pay_on_page(page.url)
        paid: Any = client.v1.checkout.sessions.retrieve(page.id, {"expand": ["payment_intent"]})
        assert (paid.customer, paid.payment_intent.customer) == (None, None)
        assert client.v1.customers.list().data == []


class TestWithoutTheHolder:
    @pytest.mark.parametrize("number", [OK, ONCE])
    def test_a_kept_card_pays(self, client: stripe.StripeClient, number: str) -> None:
        """3155 asks when it is kept and not afterwards."""
        customer, method = keep(client, number)
        taken = take(client, customer, method, expand=["latest_charge.balance_transaction"])
        assert (taken.status, taken.customer, taken.payment_method) == ("succeeded", customer, method)
        assert taken.latest_charge.paid
        assert taken.latest_charge.balance_transaction.fee > 0

    @pytest.mark.parametrize(
        ("number", "code", "decline_code"),
        [
            (ALWAYS, "authentication_required", "authentication_required"),
            (LATER, "card_declined", "generic_decline"),
        ],
    )
    def test_a_kept_card_is_declined(
        self, client: stripe.StripeClient, number: str, code: str, decline_code: str
    ) -> None:
        """402 with the intent in the error; it stays behind, awaiting another card."""
        customer, method = keep(client, number)
        with pytest.raises(stripe.CardError) as declined:
            take(client, customer, method)
        error: Any = declined.value.error
        assert (declined.value.http_status, declined.value.code) == (402, code)
        assert error.decline_code == decline_code
        kept = client.v1.payment_intents.retrieve(error.payment_intent.id)
        assert (kept.status, kept.latest_charge) == ("requires_payment_method", error.charge)

    def test_the_bank_may_change_its_mind(self, standin: StandIn, client: stripe.StripeClient) -> None:
        """A lever of the stand-in: from now on the kept card behaves as another test card."""
        customer, method = keep(client)
        standin.control("card", payment_method=method, becomes="insufficient_funds")
        with pytest.raises(stripe.CardError) as declined:
            take(client, customer, method)
        assert declined.value.error.decline_code == "insufficient_funds"  # type: ignore[union-attr]
        standin.control("card", payment_method=method, becomes="ok")
        assert take(client, customer, method).status == "succeeded"

    def test_the_issuer_advises(self, standin: StandIn, client: stripe.StripeClient) -> None:
        """docs.stripe.com/declines/card: on the error, the intent's last one and the charge's outcome."""
        customer, method = keep(client)
        for becomes, advice in (("stolen", "do_not_try_again"), ("declined", None)):
            standin.control("card", payment_method=method, becomes=becomes)
            with pytest.raises(stripe.CardError) as declined:
                take(client, customer, method)
            error: Any = declined.value.error
            last: Any = client.v1.payment_intents.retrieve(
                error.payment_intent.id, {"expand": ["latest_charge"]}
            )
            said = [getattr(one, "advice_code", None) for one in (
                error, last.last_payment_error, last.latest_charge.outcome)]  # fmt: skip
            assert said == [advice] * 3

    def test_somebody_elses_card_is_refused(self, client: stripe.StripeClient) -> None:
        _, method = keep(client)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            take(client, a_customer(client), method)
        assert (refused.value.code, refused.value.param) == ("resource_missing", "payment_method")

    def test_one_key_takes_once(self, client: stripe.StripeClient) -> None:
        """P-02: the answer is replayed; a decline too."""
        customer, method = keep(client)
        params = {"amount": 500, "currency": "gbp", "customer": customer, "payment_method": method}
        ids = {
            client.v1.payment_intents.create(
                params | {"confirm": True, "off_session": True}, {"idempotency_key": "plan:p:inst:1:try:1"}  # type: ignore[arg-type]
            ).id
            for _ in range(3)
        }  # fmt: skip
        assert len(ids) == 1
        assert len(client.v1.charges.list({"customer": customer}).data) == 1
        assert len(client.v1.payment_intents.list({"customer": customer}).data) == 1


class TestLettingGo:
    def test_a_card_is_let_go_for_good(self, client: stripe.StripeClient) -> None:
        customer, method = keep(client)
        assert client.v1.payment_methods.detach(method).customer is None
        assert client.v1.payment_methods.list({"customer": customer}).data == []
        with pytest.raises(stripe.InvalidRequestError, match="not attached"):
            client.v1.payment_methods.detach(method)
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            take(client, customer, method)

    def test_its_event_names_the_customer(self, client: stripe.StripeClient) -> None:
        customer, method = keep(client)
        client.v1.payment_methods.detach(method)
        event: Any = client.v1.events.list({"type": "payment_method.detached"}).data[0]
        assert event.data.object["id"] == method
        assert event.data.previous_attributes["customer"] == customer

    def test_methods_are_listed_for_a_customer_only(self, client: stripe.StripeClient) -> None:
        for wrong in ({}, {"customer": "cus_nobody"}):
            with pytest.raises(stripe.InvalidRequestError):
                client.v1.payment_methods.list(wrong)  # type: ignore[arg-type]


def test_everything_told_of_a_kept_card_fits_the_description(client: stripe.StripeClient) -> None:
    """P-27: objects and events of a card's whole life."""
    customer, method = keep(client, ONCE)
    take(client, customer, method)
    page = setup_page(client, customer=customer)
    pay_on_page(page.url, "4000000000000002")
    client.v1.checkout.sessions.expire(page.id)
    client.v1.payment_methods.detach(method)
    things: list[Any] = [
        *client.v1.setup_intents.list({"customer": customer}).data,
        *client.v1.checkout.sessions.list().data,
        client.v1.payment_methods.retrieve(method),
        client.v1.setup_intents.retrieve(client.v1.setup_intents.list().data[0].id),
    ]
    faults = [fault for thing in things for fault in object_faults(thing.to_dict(for_json=True))]
    for event in client.v1.events.list({"limit": 100}).data:
        told = event.to_dict(for_json=True)
        faults += [f"{event.type}: {fault}" for fault in object_faults(told)]
        faults += [f"{event.type}: {fault}" for fault in object_faults(told["data"]["object"])]
    assert faults == []
