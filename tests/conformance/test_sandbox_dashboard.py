"""What people do at the Dashboard and banks do behind it: refunds, chargebacks, payouts, cards, mandates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.standins import LeverRefused, StandIn


def _charge(client: stripe.StripeClient, amount: int = 5000, currency: str = "eur", **more: Any) -> Any:
    made: Any = client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": currency,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "expand": ["latest_charge"],
            **more,
        }
    )
    return made.latest_charge


def _types(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in client.v1.events.list({"limit": 100}).auto_paging_iter()]


def _net(client: stripe.StripeClient) -> int:
    return sum(found.net for found in client.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())


def test_a_refund_from_the_dashboard_is_like_any_other(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-20: nothing of ours is on it; it is found by its charge and told by events."""
    charge = _charge(client)
    made = standin.control("refund", charge=charge.id, amount=1200)
    found = client.v1.refunds.list({"charge": charge.id}).data[0]
    assert (found.id, found.amount, found.metadata.to_dict()) == (made["id"], 1200, {})  # type: ignore[union-attr]
    assert {"refund.created", "charge.refunded"} <= set(_types(client))


def test_a_refund_fails_at_any_time(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-20: the amount can be refunded again, and the balance is as before."""
    charge = _charge(client)
    before = _net(client)
    made = client.v1.refunds.create({"charge": charge.id})
    assert standin.control("refund", refund=made.id, becomes="failed")["failure_reason"]
    assert _net(client) == before
    assert client.v1.refunds.create({"charge": charge.id}).amount == 5000
    assert "refund.failed" in _types(client)


def test_a_refund_that_waits_for_its_payer_can_be_cancelled(
    standin: StandIn, client: stripe.StripeClient
) -> None:
    charge: Any = _charge(client, payment_method="pm_card_pendingRefund")
    made = client.v1.refunds.create({"charge": charge.id})
    standin.control("refund", refund=made.id, becomes="requires_action")
    assert client.v1.refunds.cancel(made.id).status == "canceled"
    standin.control("advance", days=5)
    assert client.v1.refunds.retrieve(made.id).status == "canceled"
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 0


@pytest.mark.parametrize(("amount", "back"), [(None, 5000 + 1500), (2000, 2000)])
def test_a_chargeback_is_won_in_whole_or_in_part(
    standin: StandIn, client: stripe.StripeClient, amount: int | None, back: int
) -> None:
    """P-21: in whole the fee comes back too, in part only the part."""
    charge = _charge(client)
    dispute = standin.control("dispute", charge=charge.id, reason="product_not_received")
    held = _net(client)
    standin.control("dispute", dispute=dispute["id"], outcome="won", amount=amount)
    found = client.v1.disputes.retrieve(dispute["id"])
    assert (found.status, _net(client) - held) == ("won", back)
    order = [kind for kind in _types(client)[::-1] if kind.startswith("charge.dispute")]
    assert order == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]
    with pytest.raises(LeverRefused):
        standin.control("dispute", dispute=dispute["id"], outcome="lost")


def test_an_inquiry_becomes_a_chargeback_or_is_closed(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-21: money moves with the chargeback only."""
    before = _net(client)
    first, second = (standin.control("dispute", charge=_charge(client).id, inquiry=True) for _ in "12")
    charged = _net(client)
    assert charged > before
    standin.control("dispute", dispute=first["id"], outcome="lost")
    assert client.v1.disputes.retrieve(first["id"]).status == "warning_closed"
    assert _net(client) == charged
    standin.control("dispute", dispute=second["id"], outcome="escalated")
    found = client.v1.disputes.retrieve(second["id"])
    assert (found.status, len(found.balance_transactions)) == ("needs_response", 1)
    assert _net(client) == charged - 5000 - 1500


def test_what_nobody_answers_is_lost(standin: StandIn, client: stripe.StripeClient) -> None:
    dispute = standin.control("dispute", charge=_charge(client).id)
    inquiry = standin.control("dispute", charge=_charge(client).id, inquiry=True)
    standin.control("advance", days=8)
    assert client.v1.disputes.retrieve(dispute["id"]).status == "lost"
    assert client.v1.disputes.retrieve(inquiry["id"]).status == "warning_closed"


def test_only_a_part_is_contested(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-21: the amount of a chargeback may differ from its charge."""
    dispute = standin.control("dispute", charge=_charge(client).id, amount=1300)
    found = client.v1.disputes.retrieve(dispute["id"])
    assert (found.amount, found.balance_transactions[0].amount) == (1300, -1300)


def test_what_was_given_back_may_still_be_contested(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-21: refunded and charged back, the money is gone twice until the chargeback is won."""
    charge = _charge(client)
    client.v1.refunds.create({"charge": charge.id})
    dispute = standin.control("dispute", charge=charge.id)
    assert (dispute["amount"], _net(client)) == (5000, -100 - 5000 - 1500)


def test_payouts_come_daily_and_sum_up(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-17: each day what became available; refunds and fees are in it."""
    charge = _charge(client)
    standin.control("advance", days=1)
    client.v1.refunds.create({"charge": _charge(client, 3000).id})
    standin.control("advance", days=5)
    payouts = client.v1.payouts.list().data
    assert {payout.status for payout in payouts} == {"paid"}
    room = client.v1.balance_transactions
    inside = [found for payout in payouts for found in room.list({"payout": payout.id, "limit": 100}).data]
    assert len({found.id for found in inside}) == len(inside) == 3 + len(payouts)
    assert sum(payout.amount for payout in payouts) == (5000 - 100) + (3000 - 70) - 3000
    assert charge.id in {found.source for found in inside}
    assert {"payout.created", "payout.paid", "payout.reconciliation_completed"} <= set(_types(client))


def test_a_payout_fails_at_once_or_after_it_was_paid(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-17: the money is on the balance again and goes out with the next one."""
    for kind in ("fails", "fails_later"):
        standin.fault("payouts", kind)
        _charge(client)
        standin.control("advance", days=3)
    standin.control("advance", days=4)
    payouts = client.v1.payouts.list().data[::-1]
    assert [payout.status for payout in payouts[:2]] == ["failed", "failed"]
    told = _types(client)
    assert (told.count("payout.failed"), told.count("payout.paid")) == (2, len(payouts) - 1)
    assert sum(payout.amount for payout in payouts if payout.status == "paid") == 2 * 4900
    failed: Any = payouts[0]
    back = client.v1.balance_transactions.retrieve(failed.failure_balance_transaction)
    assert (back.reporting_category, back.amount) == ("payout_reversal", failed.amount)


def test_a_payout_by_hand_has_no_list(standin: StandIn, client: stripe.StripeClient) -> None:
    standin.control("payout", interval="manual")
    _charge(client)
    standin.control("advance", days=4)
    assert client.v1.payouts.list().data == []
    made = standin.control("payout", currency="eur")
    assert made["amount"] == 4900
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.balance_transactions.list({"payout": made["id"]})
    with pytest.raises(LeverRefused):
        standin.control("payout", currency="eur", amount=1)


def test_another_currency_is_exchanged(standin: StandIn, client: stripe.StripeClient) -> None:
    """P-17: a charge in HUF settles and is paid out in EUR; a later refund at the rate of its day."""
    standin.control("settlement", currency="huf", into="eur", rate="0.0025")
    charge = _charge(client, 10_000_000, "huf")
    moved: Any = client.v1.balance_transactions.list({"source": charge.id}).data[0]
    assert (moved.amount, moved.currency, moved.exchange_rate) == (25_000, "eur", 0.0025)
    assert moved.net == 25_000 - moved.fee
    standin.control("settlement", currency="huf", into="eur", rate="0.0026")
    refund = client.v1.refunds.create({"charge": charge.id, "amount": 1_000_000})
    taken: Any = client.v1.balance_transactions.list({"source": refund.id}).data[0]
    assert (taken.amount, taken.currency) == (-2_600, "eur")
    standin.control("advance", days=4)
    assert {payout.currency for payout in client.v1.payouts.list().data} == {"eur"}
    standin.control("settlement", currency="huf")
    assert (
        client.v1.balance_transactions.list({"source": _charge(client, 10_000_000, "huf").id})
        .data[0]
        .currency
        == "huf"
    )


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 5000), ("isk", 50_000), ("kwd", 5000)])
def test_currencies_without_cents_settle_in_whole_units(
    client: stripe.StripeClient, currency: str, amount: int
) -> None:
    """M-02: the fee is one that the currency can say."""
    moved = client.v1.balance_transactions.list({"source": _charge(client, amount, currency).id}).data[0]
    step = 100 if currency == "isk" else 1
    assert (moved.fee % step, moved.net + moved.fee) == (0, amount)


def test_a_mandate_is_taken_back(standin: StandIn, client: stripe.StripeClient) -> None:
    """What was kept can't be charged off-session any more, and events say so."""
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    mandate = standin.control("mandate", payment_method=method.id, status="inactive")
    assert client.v1.mandates.retrieve(mandate["id"]).status == "inactive"
    wanted = {"payment_method": method.id, "customer": customer.id, "off_session": True}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _charge(client, **wanted)
    assert refused.value.code == "payment_intent_mandate_invalid"
    standin.control("mandate", mandate=mandate["id"], status="active")
    assert _charge(client, **wanted).status == "succeeded"
    assert _types(client).count("mandate.updated") == 2


def test_a_card_is_renewed_by_its_network(standin: StandIn, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    standin.control("card", payment_method=method.id, exp_month=3, exp_year=2041)
    card: Any = client.v1.payment_methods.retrieve(method.id).card
    assert (card.exp_month, card.exp_year) == (3, 2041)
    assert "payment_method.automatically_updated" in _types(client)


@pytest.mark.parametrize(
    ("lever", "wish"),
    [
        ("refund", {"charge": "ch_nobody"}),
        ("refund", {"refund": "re_nobody", "becomes": "failed"}),
        ("dispute", {"charge": "ch_nobody"}),
        ("dispute", {"dispute": "du_nobody", "outcome": "won"}),
        ("warning", {}),
        ("payout", {"payout": "po_nobody", "outcome": "failed"}),
        ("payout", {"interval": "hourly"}),
        ("payout", {"currency": "eur", "amount": 5}),
        ("adjustment", {"currency": "eur"}),
        ("mandate", {"mandate": "mandate_nobody", "status": "inactive"}),
        ("mandate", {"mandate": "mandate_nobody", "status": "lost"}),
        ("endpoint", {"status": "asleep"}),
        ("settlement", {"currency": "eur", "into": "xyz", "rate": "1"}),
        ("settlement", {"currency": "eur", "into": "usd", "rate": "-1"}),
        ("settlement", {"currency": "eur", "into": "usd", "rate": "dear"}),
        ("seed_movements", {"count": 0}),
        ("webhooks", {"connections": 0}),
    ],
)
def test_acts_without_sense_are_refused(stripe_standin: StandIn, lever: str, wish: dict[str, Any]) -> None:
    with pytest.raises(LeverRefused, match="error"):
        stripe_standin.control(lever, **wish)


@pytest.fixture
def stripe_standin(stripe: StandIn) -> StandIn:
    """The stand-in of this file, for what changes nothing there."""
    return stripe


def test_an_adjustment_moves_the_balance_and_has_no_source(
    standin: StandIn, client: stripe.StripeClient
) -> None:
    """A reserve that Stripe keeps back: nothing of ours stands for it."""
    made = standin.control("adjustment", currency="eur", amount=-2500, description="Reserve")
    found = client.v1.balance_transactions.retrieve(made["id"])
    assert (found.net, found.fee, found.source) == (-2500, 0, None)
    assert (found.type, found.reporting_category) == ("adjustment", "other_adjustment")
    assert [(one.amount, one.currency) for one in client.v1.balance.retrieve().available] == [(-2500, "eur")]


def test_seeded_movements_are_what_they_say(standin: StandIn, client: stripe.StripeClient) -> None:
    """Benches begin with a month of business; each payout is the sum of its transactions."""
    made = standin.control("seed_movements", count=400, days=4, currency="gbp")
    room = client.v1.balance_transactions
    found = list(room.list({"limit": 100, "created": {"gte": made["first"]}}).auto_paging_iter())
    assert len(found) == made["movements"] == 400 + made["payouts"]
    assert made["payouts"] == len(client.v1.payouts.list({"limit": 100}).data) >= 4
    for payout in client.v1.payouts.list({"limit": 100}).data:
        nets = [one.net for one in room.list({"payout": payout.id, "limit": 100}).auto_paging_iter()]
        assert sum(nets) == 0
        assert len(nets) > 10
    charge: Any = room.retrieve("txn_seed_0000007", {"expand": ["source"]}).source
    assert (charge.amount, charge.status) == (1000 + 37 * 7, "succeeded")
    assert Decimal(charge.amount) == room.retrieve("txn_seed_0000007").amount
    with pytest.raises(LeverRefused):
        standin.control("seed_movements", count=1)
