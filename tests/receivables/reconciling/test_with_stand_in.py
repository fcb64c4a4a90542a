"""The real gateway on the stand-in: lost notifications, euros that settle in pounds, payouts to the bank."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gateways.stripe.payments import StripePayments
from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.money import Money
from models.payments import Payment, PaymentAttempt
from models.reversals import Chargeback
from models.states import ChargebackStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.reconciling import ageing, backfill, health, runs
from tests import factories as make
from tests.oracles import currency_oracle as oracle
from tests.receivables.reconciling.world import World
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, call_api, debit_on_page, pay_on_page


def pay_each(store: Store, gateway: StripePayments, account: Account, *, debit: bool = False) -> list[str]:
    """Pay every invoice on the gateway's page and tell our books nothing; returns the attempts' names.

    Args:
        debit: by bank debit, of which the first comes and no other.
    """
    refs = []
    with store.read() as s:
        invoices = s.scalars(select(Invoice).order_by(Invoice.id)).all()
    for number, invoice in enumerate(invoices):
        started = starting.start(
            store, gateway, make.holder_actor(account), Choice("some", invoice.currency, (invoice.ref,)),
            account_id=account.id, zone=account.zone, nonce=f"n{number}", language="en", title="Northgate",
            note=None, base_url="http://127.0.0.1:9", now=datetime.now(UTC),
        )  # fmt: skip
        with store.read() as s:
            page = select(PaymentAttempt.checkout_url).where(PaymentAttempt.ref == started.ref)
            url = s.scalars(page).one()
        if debit:
            debit_on_page(url or "", settles=number == 0)
        else:
            pay_on_page(url or "")
        refs.append(started.ref)
    return refs


def days_pass(stripe: StandIn, days: int) -> datetime:
    """Let days pass at the gateway; returns the second after: a run does not look at its last one."""
    return datetime.fromtimestamp(stripe.control("advance", days=days)["now"] + 1, UTC)


def test_what_the_gateway_lists_ties_to_the_penny(store: Store, own_stripe: StandIn) -> None:
    """P-15, P-17, M-18, INV-4: one charge heard of, two not; a second run changes nothing."""
    began = datetime.now(UTC)
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    own_stripe.control("settlement", currency="EUR", into="GBP", rate="0.85")
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), now=began)
        for amount in (Money(57600, "GBP"), Money(84240, "GBP"), Money(21500, "EUR")):
            make.an_invoice(s, account, total=amount, now=began)
    world = World(store, gateway, account)  # type: ignore[arg-type]
    refs = pay_each(store, gateway, account)
    settling.settle(store, gateway, refs[0], now=datetime.now(UTC))

    # What was not told stands in the gateway's own list, and the gateway notifies nobody.
    listed = backfill.look(store, gateway, now=datetime.now(UTC))
    assert listed.new > 0
    health.look(store, gateway, now=datetime.now(UTC))
    assert "endpoint_missing" in world.alerts()

    now = days_pass(own_stripe, 12)
    found = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert (found.brought_in, found.agrees) == (2, True), (found, world.findings())
    assert world.balance(LedgerCode.GATEWAY_CLEARING, "EUR") == 0
    assert world.balance(LedgerCode.GATEWAY_CLEARING) == 0
    assert world.balance(LedgerCode.BANK_IN_TRANSIT) == 0
    assert world.balance(LedgerCode.EXCHANGE, "EUR") == 21500
    assert world.balance(LedgerCode.EXCHANGE) == -18275
    fees = world.balance(LedgerCode.GATEWAY_FEES)
    assert fees > 0
    assert world.balance(LedgerCode.BANK) == 57600 + 84240 + 18275 - fees
    with store.read() as s:
        assert [p for p in ageing.places(s, "default", now=now) if p.rest_minor and p.items] == []
    before = world.everything()
    again = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert (again.agrees, again.posted, again.payouts, again.changed) == (True, 0, 0, 0)
    assert world.everything() == before


def test_a_chargeback_won_in_part_in_another_currency_ties(store: Store, own_stripe: StandIn) -> None:
    """P-17, P-21: each movement of it is exchanged for what it moved, not for all that was contested."""
    began = datetime.now(UTC)
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    own_stripe.control("settlement", currency="EUR", into="GBP", rate="0.85")
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), now=began)
        make.an_invoice(s, account, total=Money(21500, "EUR"), now=began)
    world = World(store, gateway, account)  # type: ignore[arg-type]
    (ref,) = pay_each(store, gateway, account)
    settling.settle(store, gateway, ref, now=datetime.now(UTC))
    with store.read() as s:
        charge = s.scalars(select(Payment.provider_charge_id)).one()
    opened = own_stripe.control("dispute", charge=charge)
    own_stripe.control("settlement", currency="EUR", into="GBP", rate="0.87")
    own_stripe.control("dispute", dispute=opened["id"], outcome="won", amount=7100)
    now = days_pass(own_stripe, 1)
    found = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert (found.agrees, world.findings()) == (True, [])
    assert world.balance(LedgerCode.GATEWAY_CLEARING, "EUR") == 0
    assert world.balance(LedgerCode.RECEIVABLES, "EUR") == 21500 - 7100
    assert world.balance(LedgerCode.EXCHANGE, "EUR") == 7100
    assert world.balance(LedgerCode.EXCHANGE) == -round(7100 * 0.87)


def test_debits_on_their_way_and_failed_ones_leave_nothing(store: Store, own_stripe: StandIn) -> None:
    """P-17, P-19, M-18, INV-4: one debit comes and one does not; on no morning is there a difference, and
    after the payout clearing is nil and the fees of both are in the books."""
    began = datetime.now(UTC)
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), now=began)
        for _ in range(2):
            make.an_invoice(s, account, total=Money(57600, "EUR"), now=began)
    world = World(store, gateway, account)  # type: ignore[arg-type]
    refs = pay_each(store, gateway, account, debit=True)
    for ref in refs:
        settling.settle(store, gateway, ref, now=datetime.now(UTC))
    for day in range(1, 13):
        now = days_pass(own_stripe, 1)
        found = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
        assert (found.agrees, found.unread, world.findings()) == (True, 0, []), day
        with store.read() as s:
            places = ageing.places(s, "default", now=now)
        assert [p.rest_minor for p in places if p.code == "gateway_clearing" and p.rest_minor] == [], day
        waiting = [(i.number, i.minor) for p in places for i in p.items if i.what == "at_banks"]
        assert waiting == ([(2, 2 * (57600 - 889))] if day < 5 else []), day
    assert found.movements == 4
    assert world.balance(LedgerCode.GATEWAY_CLEARING, "EUR") == 0
    assert world.balance(LedgerCode.GATEWAY_FEES, "EUR") == 889 + 400
    assert world.balance(LedgerCode.BANK, "EUR") == 57600 - 889 - 400
    with store.read() as s:
        statuses = s.scalars(select(PaymentAttempt.status).order_by(PaymentAttempt.id)).all()
    assert [one.value for one in statuses] == ["succeeded", "failed"]


def test_an_inquiry_and_a_refund_that_no_event_tells_of_come_in(store: Store, own_stripe: StandIn) -> None:
    """P-17, P-20, P-21: the gateway's own lists are compared daily; a person is asked, once."""
    began = datetime.now(UTC)
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), now=began)
        for amount in (Money(57600, "GBP"), Money(84240, "GBP")):
            make.an_invoice(s, account, total=amount, now=began)
    world = World(store, gateway, account)  # type: ignore[arg-type]
    for ref in pay_each(store, gateway, account):
        settling.settle(store, gateway, ref, now=datetime.now(UTC))
    with store.read() as s:
        asked, back = s.scalars(select(Payment.provider_charge_id).order_by(Payment.id))
    own_stripe.control("faults", op="webhook:*", kind="never", count=9)
    own_stripe.control("dispute", charge=asked, inquiry=True)
    own_stripe.control("refund", charge=back, amount=4240)
    assert not {one["type"] for one in call_api(own_stripe, "GET", "/v1/events", limit="100")[1]["data"]} & {
        "charge.dispute.created", "refund.created", "charge.refunded",
    }  # fmt: skip
    now = days_pass(own_stripe, 1)
    found = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert (found.sent_back, found.brought_in, found.agrees) == (2, 2, True)
    with store.read() as s:
        chargeback = s.scalars(select(Chargeback)).one()
        tasks = sorted(s.scalars(select(Task.kind)))
    assert (chargeback.status, chargeback.taken_minor) == (ChargebackStatus.INQUIRY, 0)
    assert tasks == [TaskKind.CHARGEBACK, TaskKind.PAYMENT_RETURNED]
    assert world.alerts() == ["refund_found"]
    before = world.everything()
    again = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert (again.sent_back, again.brought_in) == (2, 0)
    assert world.everything() == before


def _paid_out(stripe: StandIn) -> dict[str, int]:
    """What went to the bank by currency, in units of the wire, as the gateway says it by itself."""
    asked = urllib.request.Request(  # noqa: S310 - loopback
        f"{stripe.url}/v1/payouts?limit=100", headers={"Authorization": f"Bearer {API_KEY}"}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        payouts = json.load(answer)["data"]
    assert len({one["currency"] for one in payouts}) == len(payouts)
    return {one["currency"].upper(): one["amount"] for one in payouts}


def test_each_currency_ties_and_goes_to_the_bank(store: Store, own_stripe: StandIn) -> None:
    """M-02, P-07, P-17: yen, dinars, forints and krónur: the books hold what was typed, the wire says it in
    its own units, and what reaches the bank is one less its fee; held against an oracle without our code."""
    typed = {"JPY": "57600", "KWD": "12.340", "HUF": "57600", "ISK": "1500"}
    began = datetime.now(UTC)
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), now=began)
        for currency, text in typed.items():
            make.an_invoice(s, account, total=Money(oracle.minor(text, currency), currency), now=began)
    world = World(store, gateway, account)  # type: ignore[arg-type]
    pay_each(store, gateway, account)
    now = days_pass(own_stripe, 12)
    found = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert (found.brought_in, found.agrees) == (len(typed), True), (found, world.findings())
    sent = _paid_out(own_stripe)
    for currency, text in typed.items():
        bank, fee = (world.balance(code, currency) for code in (LedgerCode.BANK, LedgerCode.GATEWAY_FEES))
        assert fee > 0
        assert bank + fee == oracle.minor(text, currency)
        assert sent[currency] == oracle.wire(oracle.typed(bank, currency), currency)
        assert world.balance(LedgerCode.GATEWAY_CLEARING, currency) == 0
        assert world.balance(LedgerCode.BANK_IN_TRANSIT, currency) == 0
    before = world.everything()
    runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert world.everything() == before


def a_foreign_sale(stripe: StandIn, currency: str, units: int) -> str:
    """A sale of somebody else's on the same gateway account, made without us; returns its charge."""
    wish = {
        "amount": str(units), "currency": currency, "confirm": "true", "payment_method": "pm_card_visa",
        "automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never",
    }  # fmt: skip
    status, made = call_api(stripe, "POST", "/v1/payment_intents", **wish)
    assert (status, made.get("status")) == (200, "succeeded"), made
    return str(made["latest_charge"])


@pytest.mark.parametrize("settles", [None, "GBP"])
def test_a_sale_in_a_currency_that_we_lack_stops_nothing(
    store: Store, own_stripe: StandIn, settles: str | None
) -> None:
    """P-17, M-02: rupees of a shop on the same account are differences; our pounds tie and are paid out."""
    began = datetime.now(UTC)
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    if settles:
        own_stripe.control("settlement", currency="INR", into=settles, rate="0.009")
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), now=began)
        make.an_invoice(s, account, total=Money(57600, "GBP"), now=began)
    world = World(store, gateway, account)  # type: ignore[arg-type]
    pay_each(store, gateway, account)
    sold = a_foreign_sale(own_stripe, "inr", 500_000)
    own_stripe.control("refund", charge=sold, amount=100_000)
    own_stripe.control("dispute", charge=sold, inquiry=True)
    now = days_pass(own_stripe, 12)
    found = runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert found.brought_in == 1
    assert world.balance(LedgerCode.BANK) + world.balance(LedgerCode.GATEWAY_FEES) >= 57600
    assert not found.agrees
    lists = [(listed, about, here) for listed, about, _, here, _ in world.findings()]
    if settles:
        # It settles in pounds, and was paid out with ours.
        assert found.unread == 0
        assert sorted(lists) == [("missing_here", "charge", None), ("missing_here", "refund", None)]
    else:
        # The charge, its refund and the payout of them.
        assert (found.unread, lists) == (3, [("missing_here", "unread", None)] * 3)
        assert world.balance(LedgerCode.GATEWAY_CLEARING) == 0
    before = world.everything()
    runs.reconcile(store, gateway, began - timedelta(days=1), now, now=now)
    assert world.everything() == before
