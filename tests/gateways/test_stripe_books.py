"""The Stripe gateway's books: movements, payouts, and amounts that must not be guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from gateways.stripe.books import listed, movement
from gateways.stripe.payments import StripePayments
from models.money import Money
from receivables.ports import (
    GatewayRefused,
    MovementKind,
    PayoutState,
    RemoteMovement,
    RemotePayout,
    UnreadMovement,
)
from tests.gateways.test_stripe_reversals import a_charge, an_order
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn

K = MovementKind


@pytest.fixture
def gateway(own_stripe: StandIn) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)


def _all(gateway: StripePayments) -> list[RemoteMovement]:
    start = datetime.now(UTC) - timedelta(days=1)
    walked = gateway.movements_between(start, start + timedelta(days=60))
    return [one for one in walked if isinstance(one, RemoteMovement)]


def test_every_movement_is_told_with_its_kind(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-17: charge, refund and its failure, chargeback and its reversal, payout and its failure."""
    charge_id = a_charge(gateway)
    made = gateway.refund(gateway.prepare_refund(an_order(charge_id)))
    own_stripe.control("refund", refund=made.refund_id, becomes="failed")
    dispute = own_stripe.control("dispute", charge=a_charge(gateway))
    own_stripe.control("dispute", dispute=dispute["id"], outcome="won")
    own_stripe.control("advance", days=4)
    paid = own_stripe.control("payout", payout=_payouts(gateway)[0].payout_id, outcome="failed")
    found = _all(gateway)
    by_kind = {kind: [one for one in found if one.kind is kind] for kind in MovementKind}
    assert {kind: len(ones) for kind, ones in by_kind.items() if ones} == {
        MovementKind.CHARGE: 2, MovementKind.REFUND: 1, MovementKind.REFUND_FAILURE: 1,
        MovementKind.DISPUTE: 1, MovementKind.DISPUTE_REVERSAL: 1,
        MovementKind.PAYOUT: len(_payouts(gateway)), MovementKind.PAYOUT_FAILURE: 1,
    }  # fmt: skip
    assert all(one.net == one.amount - one.fee for one in found)
    charge = next(one for one in by_kind[MovementKind.CHARGE] if one.source_id == charge_id)
    assert (charge.amount, charge.fee, charge.payout_id) == (Money(5000, "EUR"), Money(100, "EUR"), None)
    assert charge.available_on == (charge.created_at + timedelta(days=2)).date()
    assert by_kind[MovementKind.PAYOUT_FAILURE][0].payout_id == paid["id"]
    assert {one.source_id for one in by_kind[MovementKind.REFUND]} == {made.refund_id}


def _payouts(gateway: StripePayments) -> list[RemotePayout]:
    start = datetime.now(UTC) - timedelta(days=1)
    return list(gateway.payouts_between(start, start + timedelta(days=60)))


def test_a_payout_is_the_sum_of_its_movements(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-17, M-18: its own movement is among them, so that all of them sum to nil."""
    a_charge(gateway)
    gateway.refund(gateway.prepare_refund(an_order(a_charge(gateway))))
    own_stripe.control("advance", days=3)
    for payout in _payouts(gateway):
        assert gateway.payout_of(payout.payout_id) == payout
        inside = [
            one for one in gateway.movements_of_payout(payout.payout_id) if isinstance(one, RemoteMovement)
        ]
        assert sum(one.net.minor for one in inside) == 0
        assert {one.payout_id for one in inside} == {payout.payout_id}
        (own,) = [one for one in inside if one.movement_id == payout.movement_id]
        assert own.amount == -payout.amount


def test_a_payout_fails_after_it_was_paid(gateway: StripePayments, own_stripe: StandIn) -> None:
    own_stripe.fault("payouts", "fails_later")
    a_charge(gateway)
    own_stripe.control("advance", days=3)
    own_stripe.control("advance", seconds=43_200)
    (first,) = _payouts(gateway)
    assert first.amount == Money(4900, "EUR")
    assert first.automatic
    own_stripe.control("advance", days=6)
    failed = gateway.payout_of(first.payout_id)
    assert (failed.status, failed.failure_code) == (PayoutState.FAILED, "account_closed")
    assert failed.failure_movement_id
    again = [one for one in _payouts(gateway) if one.status is PayoutState.PAID]
    assert [one.amount for one in again] == [Money(4900, "EUR")]


def test_an_exchange_is_told_on_both_sides(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-17: the amount on the balance, the rate, and what it was in the payer's currency."""
    own_stripe.control("settlement", currency="huf", into="eur", rate="0.0025")
    charge_id = a_charge(gateway, Money(10_000_000, "HUF"))
    gateway.refund(gateway.prepare_refund(an_order(charge_id, Money(1_000_000, "HUF"))))
    refund, charge = _all(gateway)
    assert (charge.amount, charge.original) == (Money(25_000, "EUR"), Money(10_000_000, "HUF"))
    assert (refund.amount, refund.original) == (Money(-2_500, "EUR"), Money(-1_000_000, "HUF"))
    assert charge.exchange_rate == refund.exchange_rate == Decimal("0.0025")
    assert charge.source_id == charge_id


def test_many_movements_are_walked_a_page_at_a_time(gateway: StripePayments, own_stripe: StandIn) -> None:
    """How fast: a page at a time, each movement once, none left out."""
    made = own_stripe.control("seed_movements", count=1_050, days=5)
    start, end = (datetime.fromtimestamp(made[name], UTC) for name in ("first", "last"))
    ids = [one.movement_id for one in gateway.movements_between(start, end + timedelta(seconds=1))]
    assert len(ids) == len(set(ids)) == made["movements"]
    first = gateway.movements_between(start, end)
    next(first)
    first.close()


@pytest.mark.parametrize(("currency", "units"), [("isk", 7525), ("xyz", 100)])
def test_what_our_money_cannot_say_is_refused_aloud(currency: str, units: int) -> None:
    """M-01: a sum that is left out or rounded would be a sum that is lost."""
    told = SimpleNamespace(
        id="txn_1", amount=units, fee=0, net=units, currency=currency, source="ch_1", created=1,
        available_on=1, exchange_rate=None, reporting_category="charge", type="charge",
    )  # fmt: skip
    with pytest.raises(GatewayRefused) as refused:
        movement(told)
    assert (refused.value.code, refused.value.param) == ("amount_unreadable", "txn_1")
    # In a list it hides nothing else: it is told as the gateway wrote it.
    unread = listed(told)
    assert isinstance(unread, UnreadMovement)
    assert (unread.movement_id, unread.kind, unread.said, unread.source_id) == (
        "txn_1", MovementKind.CHARGE, f"{units} {currency}", "ch_1",
    )  # fmt: skip


def test_a_balance_in_another_currency_does_not_end_the_lists(
    gateway: StripePayments, own_stripe: StandIn
) -> None:
    """P-17, M-02: rupees beside euros: both are told, and the payout of rupees is its movement alone."""
    a_charge(gateway)
    own_stripe.control("adjustment", amount=500_000, currency="inr")
    own_stripe.control("advance", days=4)
    start = datetime.now(UTC) - timedelta(days=1)
    walked = list(gateway.movements_between(start, start + timedelta(days=60)))
    unread = {(one.kind, one.said) for one in walked if isinstance(one, UnreadMovement)}
    assert unread == {(MovementKind.ADJUSTMENT, "500000 inr"), (MovementKind.PAYOUT, "-500000 inr")}
    read = {(one.kind, one.amount) for one in walked if isinstance(one, RemoteMovement)}
    assert read == {(MovementKind.CHARGE, Money(5000, "EUR")), (MovementKind.PAYOUT, Money(-4900, "EUR"))}
    assert [one.amount for one in _payouts(gateway)] == [Money(4900, "EUR")]


def test_a_sale_that_was_changed_from_an_unknown_currency_is_told_as_it_settled() -> None:
    """P-17: its amount on the balance is ours to add up; what it was before is nobody's here."""
    source = SimpleNamespace(id="ch_1", currency="inr", amount=500_000)
    told = SimpleNamespace(
        id="txn_1", amount=4500, fee=100, net=4400, currency="gbp", source=source, created=1, available_on=1,
        exchange_rate=0.009, reporting_category="charge", type="charge",
    )  # fmt: skip
    read = movement(told)
    assert (read.net, read.original, read.source_id) == (Money(4400, "GBP"), None, "ch_1")


def test_a_category_nobody_knows_is_told_as_such() -> None:
    told = SimpleNamespace(
        id="txn_1", amount=5, fee=0, net=5, currency="eur", source=None, created=1, available_on=1,
        exchange_rate=None, reporting_category="climate_order_purchase",
        type="climate_order_purchase",
    )  # fmt: skip
    assert movement(told).kind is MovementKind.OTHER


def test_an_exchanged_chargeback_is_told_in_the_charges_currency(
    gateway: StripePayments, own_stripe: StandIn
) -> None:
    """P-21: all of it when it is taken, a part by the day's rate when a part comes back."""
    own_stripe.control("settlement", currency="huf", into="eur", rate="0.0025")
    charge_id = a_charge(gateway, Money(10_000_100, "HUF"))
    dispute = own_stripe.control("dispute", charge=charge_id)
    own_stripe.control("settlement", currency="huf", into="eur", rate="0.002")
    own_stripe.control("dispute", dispute=dispute["id"], outcome="won", amount=4_000_000)
    taken, back = gateway.dispute_of(dispute["id"]).movements
    assert (taken.amount, taken.original) == (Money(-25_000, "EUR"), Money(-10_000_100, "HUF"))
    assert (back.amount, back.original) == (Money(8_000, "EUR"), Money(4_000_000, "HUF"))


def test_a_fee_in_parts_of_a_unit_is_the_nearest_whole_one() -> None:
    """M-02, P-17: 75.25 krónur of fee are 75 in the books; amount, fee and net still add up."""
    told = SimpleNamespace(
        id="txn_1", amount=1_000_000, fee=7525, net=992_475, currency="isk", source="ch_1", created=1,
        available_on=1, exchange_rate=None, reporting_category="charge", type="charge",
    )  # fmt: skip
    read = movement(told)
    assert (read.amount.minor, read.fee.minor, read.net.minor) == (10_000, 75, 9_925)


@pytest.mark.parametrize(
    "source",
    ["py_1", SimpleNamespace(id="py_1", object="charge", currency="eur", amount=5000),
     SimpleNamespace(id="pyr_1", object="refund", currency="eur", amount=5000, charge="py_1")],
    ids=["bare", "the charge", "a refund of it"],
)  # fmt: skip
@pytest.mark.parametrize("category", ["charge_failure", "refund"])
def test_a_failed_debit_is_told_by_its_charge(source: object, category: str) -> None:
    """P-17, P-19: what takes a failed debit back names the charge, whatever category and source it bears."""
    told = SimpleNamespace(
        id="txn_2", amount=-5000, fee=300, net=-5300, currency="eur", source=source, created=1,
        available_on=1, exchange_rate=None, reporting_category=category, type="payment_failure_refund",
    )  # fmt: skip
    read = movement(told)
    assert (read.kind, read.source_id, read.net) == (K.CHARGE_FAILURE, "py_1", Money(-5300, "EUR"))


def test_the_list_names_the_charge_of_a_failed_debit(gateway: StripePayments, own_stripe: StandIn) -> None:
    """P-17, P-19: one charge, two movements; the second takes the amount that the first one brought."""
    room = gateway._client.v1
    method = room.payment_methods.create(
        {"type": "sepa_debit", "sepa_debit": {"iban": "DE62370400440532013001"},
         "billing_details": {"name": "Test Payer", "email": "payer@mill.example"}}
    )  # fmt: skip
    intent = room.payment_intents.create(
        {"amount": 5000, "currency": "eur", "payment_method": method.id, "confirm": True,
         "mandate_data": {"customer_acceptance": {"type": "offline"}},
         "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    )  # fmt: skip
    own_stripe.control("advance", days=6)
    start = datetime.now(UTC) - timedelta(days=1)
    walked = [
        one
        for one in gateway.movements_between(start, start + timedelta(days=60))
        if isinstance(one, RemoteMovement)
    ]
    assert [(one.kind, one.source_id, one.amount.minor) for one in walked] == [
        (K.CHARGE_FAILURE, intent.latest_charge, -5000), (K.CHARGE, intent.latest_charge, 5000),
    ]  # fmt: skip
