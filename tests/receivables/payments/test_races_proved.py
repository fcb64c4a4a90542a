"""Races of payments, then the independent checker over everything they wrote (issue A, "Done when")."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from gateways.stripe.payments import StripePayments
from models.accounts import Account
from models.invoices import Invoice
from models.money import Money
from models.store import Store
from receivables import credit_notes
from receivables.errors import Refused
from receivables.payments import attempts, settling, starting
from receivables.payments.quotes import Choice
from receivables.payments.starting import Started
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.effort import REPEATS
from tests.mailboxes import MailboxProcess
from tests.proof import prove
from tests.races import together
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, pay_on_page


def _now() -> datetime:
    return datetime.now(UTC)


def test_the_books_hold_after_the_races(
    store: Store, database_url: str, own_stripe: StandIn, own_mailbox: MailboxProcess
) -> None:
    """M-10, P-09, FT-06 in small: start ∥ start, settle ∥ settle, settle ∥ credit note; then the proof."""
    gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], own_stripe.url)
    with store.write() as session:
        creditor = make.a_creditor(session)
    for number in range(REPEATS):
        with store.write() as session:
            account = make.an_account(session, creditor)
            invoices = [make.an_invoice(session, account, total=minor) for minor in (57600, 84240)]
        _race_once(store, gateway, account, invoices, number)
    prove(database_url, stripe=own_stripe, mailbox=own_mailbox)


def _race_once(
    store: Store, gateway: StripePayments, account: Account, invoices: list[Invoice], number: int
) -> None:
    def start(n: int) -> Callable[[], Started]:
        return lambda: starting.start(
            store, gateway, make.holder_actor(account), Choice("all", "GBP"), account_id=account.id,
            zone=account.zone, nonce=f"{number}-{n}", language="en", title="Northgate", note=None,
            base_url="http://127.0.0.1:9", now=_now(),
        )  # fmt: skip

    outcomes = together(4, lambda n: start(n)())
    opened = {o.ref: o.url for o in outcomes if isinstance(o, Started)}
    assert len(opened) == 1
    ((ref, url),) = opened.items()
    if url is None:
        with store.read() as session:
            url = attempts.find_attempt(session, ref).checkout_url
    assert url is not None
    pay_on_page(url)

    def settle() -> object:
        return settling.settle(store, gateway, ref, now=_now())

    def credit() -> object:
        return store.run(
            lambda s: credit_notes.record_credit_note(
                s, SYSTEM, invoices[0].ref, number=f"CN-{number}", amount=Money(57600, "GBP"),
                reason="came torn", now=_now(),
            )
        )  # fmt: skip

    acts = [settle, credit, settle, settle] if number % 2 else [credit, settle, settle, settle]
    for outcome in together(len(acts), lambda n: acts[n]()):
        assert not isinstance(outcome, Exception) or (
            isinstance(outcome, Refused) and outcome.code == "invoice_not_open"
        ), outcome
