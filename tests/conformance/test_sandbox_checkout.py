"""The SDK opens a session, a debtor pays it, the SDK sees the money: against the stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.standins import StandIn, debit_on_page, get_page, pay_on_page, post_form

Order = Callable[..., dict[str, Any]]


def _open(client: stripe.StripeClient, params: dict[str, Any], key: str | None = None) -> Any:
    return client.v1.checkout.sessions.create(params, {"idempotency_key": key} if key else {})  # type: ignore[arg-type]


def _session(client: stripe.StripeClient, session_id: str) -> Any:
    return client.v1.checkout.sessions.retrieve(
        session_id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )


def test_a_session_is_opened_paid_and_seen(
    standin: StandIn, client: stripe.StripeClient, order: Order
) -> None:
    """P-09: one retrieve tells state, charge and fee."""
    opened = _open(client, order())
    assert (opened.status, opened.payment_status, opened.payment_intent) == ("open", "unpaid", None)
    assert opened.url.startswith(f"{standin.url}/c/pay/cs_test_")

    assert pay_on_page(opened.url) == f"http://portal.example/return/r1?session={opened.id}"

    paid = _session(client, opened.id)
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    intent, charge = paid.payment_intent, paid.payment_intent.latest_charge
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 4999, "eur")
    assert intent.metadata.attempt == charge.metadata.attempt == paid.metadata.attempt == "attempt-1"
    assert intent.description == "A-1042"
    assert (charge.payment_method_details.card.brand, charge.payment_method_details.card.last4) == (
        "visa",
        "4242",
    )
    transaction = charge.balance_transaction
    # 1.5 % of 49.99 is 0.749 85, rounded 0.75, and 0.25 besides.
    assert (transaction.fee, transaction.net, transaction.source) == (100, 4899, charge.id)
    assert sum(part.amount for part in transaction.fee_details) == transaction.fee


def test_yen_stay_whole(client: stripe.StripeClient, order: Order) -> None:
    """P-07: amounts are the integers that were sent."""
    opened = _open(client, order(amount=5000, currency="jpy"))
    assert "JPY 5,000" in get_page(opened.url)[1]
    pay_on_page(opened.url)
    assert _session(client, opened.id).payment_intent.latest_charge.amount == 5000


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"allowed_payment_method_types": ["ideal"]}, "allowed_payment_method_types"),
    ],
)
def test_what_the_stand_in_does_not_offer_is_named(
    client: stripe.StripeClient, order: Order, change: dict[str, Any], param: str
) -> None:
    """Real Stripe knows these, which Amicable does not use: refused here, so that nobody relies on them."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _open(client, order(**change))
    assert refused.value.param == param
    assert client.v1.checkout.sessions.list().data == []


def test_a_decline_leaves_the_session_open_for_another_card(
    client: stripe.StripeClient, order: Order
) -> None:
    """P-02: a decline on the page is not the end of the attempt."""
    opened = _open(client, order())
    for card, code in (
        ("4000000000000002", "card_declined"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000009979", "card_declined"),  # stolen: the payer is not told
    ):
        assert pay_on_page(opened.url, card) == f"{opened.url}?problem={code}"
    tried = _session(client, opened.id)
    assert (tried.status, tried.payment_intent.status) == ("open", "requires_payment_method")
    assert tried.payment_intent.last_payment_error.decline_code == "stolen_card"

    pay_on_page(opened.url)
    paid = _session(client, opened.id)
    assert paid.payment_intent.id == tried.payment_intent.id
    charges = client.v1.charges.list({"payment_intent": paid.payment_intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed", "failed", "failed"]
    assert len(client.v1.balance_transactions.list().data) == 1


def test_a_challenge_can_be_passed_and_failed(client: stripe.StripeClient, order: Order) -> None:
    opened = _open(client, order())
    failed = pay_on_page(opened.url, "4000002500003155", confirm=False)
    assert failed == f"{opened.url}?problem=payment_intent_authentication_failure"
    assert pay_on_page(opened.url, "4000002500003155").startswith("http://portal.example/return/r1")
    assert _session(client, opened.id).payment_status == "paid"


@pytest.mark.parametrize("settles", [True, False])
def test_a_bank_debit_takes_days(
    standin: StandIn, client: stripe.StripeClient, order: Order, settles: bool
) -> None:
    """Complete but unpaid until the bank answers; on the balance it is pending meanwhile, and is taken off
    again if the bank says no."""
    opened = _open(client, order())
    debit_on_page(opened.url, settles=settles)
    waiting = _session(client, opened.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert waiting.payment_intent.status == "processing"
    assert waiting.payment_intent.latest_charge.status == "pending"
    [sent] = client.v1.balance_transactions.list().data
    assert (sent.type, sent.status, sent.amount) == ("payment", "pending", waiting.amount_total)

    standin.control("advance", days=4)
    assert _session(client, opened.id).payment_intent.status == "processing"
    standin.control("advance", days=1)
    done = _session(client, opened.id)
    assert done.payment_status == ("paid" if settles else "unpaid")
    assert done.payment_intent.status == ("succeeded" if settles else "requires_payment_method")
    moved = client.v1.balance_transactions.list().data
    assert sum(one.amount for one in moved) == (waiting.amount_total if settles else 0)
    assert len(moved) == (1 if settles else 2)
    last = client.v1.events.list({"types": ["checkout.session.*"], "limit": 1}).data[0]
    assert last.type == f"checkout.session.async_payment_{'succeeded' if settles else 'failed'}"


def test_a_session_for_cards_takes_no_debit(client: stripe.StripeClient, order: Order) -> None:
    opened = _open(client, order(allowed_payment_method_types=["card"]))
    assert debit_on_page(opened.url) == f"{opened.url}?problem=bad_method"
    assert _session(client, opened.id).payment_intent is None


def test_only_an_open_session_can_be_expired(client: stripe.StripeClient, order: Order) -> None:
    """P-05: a paid page refuses to be ended, an ended page refuses to be paid."""
    paid, ended = _open(client, order()), _open(client, order())
    pay_on_page(paid.url)
    with pytest.raises(stripe.InvalidRequestError, match="status of complete"):
        client.v1.checkout.sessions.expire(paid.id)

    pay_on_page(ended.url, "4000000000000002")
    assert client.v1.checkout.sessions.expire(ended.id).status == "expired"
    assert _session(client, ended.id).payment_intent.status == "canceled"
    assert pay_on_page(ended.url) == ended.url  # back to the page, which says that it expired
    assert _session(client, ended.id).payment_status == "unpaid"


def test_the_clock_ends_a_session(standin: StandIn, client: stripe.StripeClient, order: Order) -> None:
    opened = _open(client, order())
    standin.control("advance", seconds=39 * 60)
    assert _session(client, opened.id).status == "open"
    standin.control("advance", seconds=2 * 60)
    assert _session(client, opened.id).status == "expired"
    event = client.v1.events.list({"type": "checkout.session.expired"}).data[0]
    assert event.created == opened.expires_at


def test_a_challenge_begun_before_the_end_cannot_pay_after_it(
    standin: StandIn, client: stripe.StripeClient, order: Order
) -> None:
    opened = _open(client, order())
    challenge = post_form(opened.url, pick="challenge")[1]
    client.v1.checkout.sessions.expire(opened.id)
    post_form(challenge, answer="pass")
    assert _session(client, opened.id).payment_intent.status == "canceled"


def test_a_session_that_saves_the_card_makes_a_customer(client: stripe.StripeClient, order: Order) -> None:
    """Decision 11: a Customer only with saved-card consent; the saved card then works off-session."""
    plain = _open(client, order())
    pay_on_page(plain.url)
    assert _session(client, plain.id).customer is None

    saving = _open(client, order(payment_intent_data={"setup_future_usage": "off_session"}))
    pay_on_page(saving.url, "4000002500003155")
    done = _session(client, saving.id)
    again = client.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "eur",
            "customer": done.customer,
            "payment_method": done.payment_intent.payment_method,
            "off_session": True,
            "confirm": True,
        }
    )
    assert again.status == "succeeded"


def test_line_items_are_listed(client: stripe.StripeClient, order: Order) -> None:
    opened = _open(client, order())
    lines = client.v1.checkout.sessions.line_items.list(opened.id).data
    assert [(line.description, line.amount_total, line.quantity) for line in lines] == [
        ("Invoice A-1042", 4999, 1)
    ]
