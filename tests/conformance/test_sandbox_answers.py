"""Everything the stand-in answers and tells is what this version of the API would answer and tell."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from sandbox.stripe.operations import OPERATIONS
from tests.conformance.conftest import sdk
from tests.conformance.judge import object_faults, operation, response_faults
from tests.standins import StandIn, debit_on_page, pay_on_page, post_form


def _live_a_little(
    standin: StandIn, client: stripe.StripeClient, order: Callable[..., dict[str, Any]]
) -> None:
    """Every operation once, every way to pay, every ending."""
    sessions = client.v1.checkout.sessions
    customer = client.v1.customers.create({"email": "a@mill.example"})
    client.v1.customers.update(customer.id, {"name": "Mill", "address": {"city": "York"}})
    client.v1.customers.retrieve(customer.id)
    client.v1.customers.list()
    client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})
    client.v1.webhook_endpoints.list()

    def opened(**more: Any) -> Any:
        return sessions.create(order(**more))  # type: ignore[arg-type]

    full = opened(
        customer=customer.id,
        locale="hu",
        custom_text={"submit": {"message": "Thank you"}},
        payment_intent_data={"setup_future_usage": "off_session"},
    )
    pay_on_page(full.url)
    pay_on_page(opened().url, "4000000000009995")
    post_form(opened().url, pick="challenge")
    debit_on_page(opened().url)
    debit_on_page(opened(currency="usd").url, settles=False)
    debit_on_page(opened(currency="gbp").url)
    sessions.expire(opened(currency="ils").id)
    everything = ["payment_intent.latest_charge.balance_transaction", "customer", "line_items"]
    sessions.retrieve(full.id, {"expand": everything})
    sessions.list({"expand": ["data.payment_intent.payment_method"]})
    sessions.line_items.list(full.id)

    keeping = sessions.create(
        {
            "mode": "setup",
            "currency": "eur",
            "customer": customer.id,
            "success_url": "http://portal.example/s",
        }
    )
    pay_on_page(keeping.url or "", "4000002500003155")
    kept: Any = client.v1.setup_intents.retrieve(
        client.v1.setup_intents.list({"customer": customer.id}).data[0].id, {"expand": ["payment_method"]}
    )
    client.v1.payment_methods.list({"customer": customer.id})
    client.v1.payment_methods.detach(kept.payment_method.id)

    intents = client.v1.payment_intents
    made = intents.create({"amount": 500, "currency": "eur", "payment_method": "pm_card_visa"})
    intents.confirm(made.id)
    intents.cancel(intents.create({"amount": 500, "currency": "eur"}).id)
    intents.create(
        {
            "amount": 500,
            "currency": "eur",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
        }
    )
    intents.update(made.id, {"metadata": {"seen": "1"}})
    paid: Any = intents.retrieve(made.id)
    client.v1.payment_methods.retrieve(paid.payment_method)
    _give_back(standin, client)
    standin.control("advance", days=9)
    _go_to_the_bank(standin, client)
    intents.list({"expand": ["data.latest_charge"]})
    charge = client.v1.charges.list().data[0]
    client.v1.charges.retrieve(charge.id, {"expand": ["balance_transaction", "payment_intent"]})
    transaction = client.v1.balance_transactions.list({"expand": ["data.source"]}).data[0]
    client.v1.balance_transactions.retrieve(transaction.id)
    client.v1.balance.retrieve()
    client.v1.events.retrieve(client.v1.events.list({"limit": 100}).data[0].id)


def _give_back(standin: StandIn, client: stripe.StripeClient) -> None:
    """Every refund, chargeback, warning and mandate, and every act at the Dashboard."""

    def taken(card: str) -> str:
        made: Any = client.v1.payment_intents.create(
            {"amount": 7000, "currency": "eur", "payment_method": card, "confirm": True}
        )
        return str(made.latest_charge)

    refunds, disputes = client.v1.refunds, client.v1.disputes
    for card in ("pm_card_visa", "pm_card_refundFail", "pm_card_pendingRefund"):
        refunds.retrieve(refunds.create({"charge": taken(card), "reason": "duplicate"}).id)
    waiting = refunds.create({"charge": taken("pm_card_pendingRefund"), "metadata": {"refund": "r"}}).id
    standin.control("refund", refund=waiting, becomes="requires_action")
    refunds.cancel(waiting)
    refunds.list()
    for card, outcome in (("pm_card_createDispute", "won"), ("pm_card_createDisputeInquiry", "escalated")):
        contested = disputes.list({"charge": taken(card)}).data[0].id
        standin.control("dispute", dispute=contested, outcome=outcome)
        disputes.retrieve(contested, {"expand": ["charge", "payment_intent"]})
    standin.control("dispute", charge=taken("pm_card_visa"), inquiry=True, amount=500, reason="duplicate")
    disputes.update(disputes.list().data[0].id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    disputes.close(standin.control("dispute", charge=taken("pm_card_visa"))["id"])
    client.v1.radar.early_fraud_warnings.list({"charge": taken("pm_card_createIssuerFraudRecord")})
    warned = standin.control("warning", charge=taken("pm_card_visa"))
    client.v1.radar.early_fraud_warnings.retrieve(warned["id"])
    looked_at = standin.control("review", charge=taken("pm_card_visa"))["id"]
    client.v1.reviews.retrieve(looked_at)
    standin.control("review", review=looked_at, closes="approved")

    methods, customer = client.v1.payment_methods, client.v1.customers.create({})
    account = methods.create(
        {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "DE35370400440532013002"},
            "billing_details": {"name": "A", "email": "a@mill.example"},
        }
    )
    methods.attach(account.id, {"customer": customer.id})
    card_id = methods.attach("pm_card_visa", {"customer": customer.id}).id
    standin.control("card", payment_method=card_id, exp_month=1, exp_year=2040)
    for method in (account.id, card_id):
        client.v1.payment_intents.create(
            {
                "amount": 500,
                "currency": "eur",
                "customer": customer.id,
                "payment_method": method,
                "confirm": True,
                "off_session": True,
                "setup_future_usage": "off_session",
            }
        )
        client.v1.mandates.retrieve(
            standin.control("mandate", payment_method=method, status="inactive")["id"],
            {"expand": ["payment_method"]},
        )


def _go_to_the_bank(standin: StandIn, client: stripe.StripeClient) -> None:
    """Payouts that arrive, fail, fail later, are cancelled or made by hand, one of them exchanged."""
    standin.control("settlement", currency="usd", into="eur", rate="0.92")
    for kind in ("fails", "fails_later"):
        standin.fault("payouts", kind)
        client.v1.payment_intents.create(
            {"amount": 9000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        )
        standin.control("advance", days=5)
    standin.control("payout", interval="manual")
    client.v1.payment_intents.create(
        {"amount": 9000, "currency": "gbp", "payment_method": "pm_card_visa", "confirm": True}
    )
    standin.control("advance", days=3)
    made = standin.control("payout", currency="gbp", amount=100)
    client.v1.payouts.retrieve(made["id"], {"expand": ["balance_transaction"]})
    standin.control("payout", payout=made["id"], outcome="canceled")
    automatic = next(payout for payout in client.v1.payouts.list().data if payout.automatic)
    client.v1.balance_transactions.list({"payout": automatic.id, "expand": ["data.source"]})
    client.v1.webhook_endpoints.delete(client.v1.webhook_endpoints.list().data[0].id)


def test_every_answer_object_and_event_fits_the_description(
    standin: StandIn, client: stripe.StripeClient, order: Callable[..., dict[str, Any]]
) -> None:
    """P-27: each 200 by its operation, each kept object and each event's object by its kind."""
    _live_a_little(standin, client, order)
    db = sqlite3.connect(standin.db_path)
    answers = db.execute("SELECT method, path, response FROM request WHERE status = 200").fetchall()
    objects = [json.loads(row[0]) for row in db.execute("SELECT data FROM object")]
    events = [json.loads(row[0]) for row in db.execute("SELECT data FROM event")]
    db.close()
    assert {thing["object"] for thing in objects} >= {"dispute", "mandate", "payout", "refund"}
    assert {(method, operation(method, path).path) for method, path, _ in answers} == set(OPERATIONS)
    assert len({event["type"] for event in events}) >= 40
    faults = [
        f"{method} {path}: {fault}"
        for method, path, text in answers
        for fault in response_faults(method, path, json.loads(text))
    ]
    faults += [f"{thing['id']}: {fault}" for thing in objects for fault in object_faults(thing)]
    for event in events:
        faults += [f"{event['type']}: {fault}" for fault in object_faults(event)]
        faults += [f"{event['type']}: {fault}" for fault in object_faults(event["data"]["object"])]
    assert faults == []


@pytest.mark.parametrize("key", ["sk_live_1", "sk_test_51abc", "rk_live_1"])
def test_keys_of_the_real_service_are_refused(standin: StandIn, key: str) -> None:
    """A real key typed here by mistake is refused and kept nowhere."""
    with sdk(standin.url, key) as made, pytest.raises(stripe.AuthenticationError):
        made.v1.balance.retrieve()
    assert key.encode() not in standin.db_path.read_bytes()


def test_another_version_is_refused(standin: StandIn, client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="2024-06-20"):
        client.v1.balance.retrieve({}, {"stripe_version": "2024-06-20"})


def test_what_is_not_offered_is_not_found(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.list()
    assert refused.value.http_status == 404
