"""The real gateway on the stand-in: lost notifications, euros that settle in pounds, payouts to the bank."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from gateways.stripe.payments import StripePayments
from models.ledger import LedgerCode
from models.money import Money
from models.payments import PaymentAttempt
from models.store import Store
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.reconciling import ageing, backfill, health, runs
from tests import factories as make
from tests.receivables.reconciling.world import World
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, pay_on_page


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
    refs = []
    with store.read() as s:
        invoices = s.scalars(select(make.Invoice).order_by(make.Invoice.id)).all()
    for number, invoice in enumerate(invoices):
        started = starting.start(
            store, gateway, make.holder_actor(account), Choice("some", invoice.currency, (invoice.ref,)),
            account_id=account.id, zone=account.zone, nonce=f"n{number}", language="en", title="Northgate",
            note=None, base_url="http://127.0.0.1:9", now=datetime.now(UTC),
        )  # fmt: skip
        with store.read() as s:
            page = select(PaymentAttempt.checkout_url).where(PaymentAttempt.ref == started.ref)
            url = s.scalars(page).one()
        pay_on_page(url or "")
        refs.append(started.ref)
    settling.settle(store, gateway, refs[0], now=datetime.now(UTC))

    # What was not told stands in the gateway's own list, and the gateway notifies nobody.
    listed = backfill.look(store, gateway, now=datetime.now(UTC))
    assert listed.new > 0
    health.look(store, gateway, now=datetime.now(UTC))
    assert "endpoint_missing" in world.alerts()

    now = datetime.fromtimestamp(own_stripe.control("advance", days=12)["now"], UTC)
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
