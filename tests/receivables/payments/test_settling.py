"""Settling: whatever order, doubt or delay the truth comes in, the books end in one state."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from gateways.stripe.payments import StripePayments
from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.messages import Message
from models.money import Money
from models.payments import AttemptInvoice, InboxEvent, Payment, PaymentAttempt, ProviderEffect
from models.states import AttemptStatus
from models.store import Store
from models.work import Alert, Interaction, Task
from receivables import credit_notes, ledger
from receivables.errors import GatewayDown, Refused
from receivables.payments import attempts, inbox, settling, starting, sweeping
from receivables.payments.hosted import KEY_LIFE
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import (
    CHARGE_CARD,
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    OpenedCheckout,
    OutcomeUnknown,
    PaymentGateway,
    PreparedRequest,
    RemotePayment,
    RemoteState,
)
from tests import factories as make
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.standins import (
    API_KEY,
    WEBHOOK_SECRET,
    StandIn,
    call_api,
    debit_on_page,
    pay_on_page,
)

CREATE = "checkout.sessions.create"
LONG = bool(os.environ.get("AMICABLE_TEST_LONG"))


def now() -> datetime:
    # The stand-in lives by the real clock and refuses expiry dates in its past.
    return datetime.now(UTC)


@dataclass
class Books:
    """One account with open invoices, and what its books say."""

    store: Store
    gateway: Any
    account: Account
    invoices: list[Invoice] = field(default_factory=list)

    def start(self, nonce: str = "n1", *, currency: str = "GBP") -> starting.Started:
        return starting.start(
            self.store, self.gateway, make.holder_actor(self.account), Choice("all", currency),
            account_id=self.account.id, zone=self.account.zone, nonce=nonce, language="en", title="Northgate",
            note=None, base_url="http://127.0.0.1:9", now=now(),
        )  # fmt: skip

    def settle(self, ref: str, *, later: timedelta = timedelta(0)) -> AttemptStatus:
        return settling.settle(self.store, self.gateway, ref, now=now() + later)

    def attempt(self, ref: str) -> PaymentAttempt:
        with self.store.read() as s:
            return attempts.find_attempt(s, ref)

    def balances(self) -> list[int]:
        with self.store.read() as s:
            return list(
                s.scalars(
                    select(Invoice.balance_minor)
                    .where(Invoice.id.in_([i.id for i in self.invoices]))
                    .order_by(Invoice.id)
                )
            )

    def count(self, what: Any, *where: Any) -> int:
        with self.store.read() as s:
            return s.scalar(select(func.count()).select_from(what).where(*where)) or 0

    def alerts(self) -> list[str]:
        with self.store.read() as s:
            return list(s.scalars(select(Alert.code).order_by(Alert.id)))

    def unapplied(self) -> list[Money]:
        with self.store.read() as s:
            return ledger.unapplied_credit(s, self.account.id)

    def hold(self) -> bool:
        """Whether the books are in balance and every cached balance is right."""
        with self.store.read() as s:
            return not any(ledger.trial_balance(s).values()) and ledger.wrong_balances(s) == []


def open_books(store: Store, gateway: Any, *totals: Money) -> Books:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        found = [
            make.an_invoice(s, account, total=t) for t in totals or (Money(57600, "GBP"), Money(84240, "GBP"))
        ]
    return Books(store, gateway, account, found)


def gateway_of(stand_in: StandIn) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], stand_in.url)


@pytest.fixture
def books(store: Store, stripe: StandIn) -> Iterator[Books]:
    yield open_books(store, gateway_of(stripe))
    stripe.control("clear_faults")


@dataclass
class Unanswering(ToldGateway):
    """A gateway whose calls end in doubt until there is a truth to tell."""

    doubt: OutcomeUnknown = field(default_factory=lambda: OutcomeUnknown("no_answer"))

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        if not self.truths:
            self.calls.append("charge")
            raise self.doubt
        return super().charge(prepared)

    def send(self, prepared: PreparedRequest) -> OpenedCheckout:
        if not self.truths:
            self.calls.append("send")
            raise self.doubt
        return super().send(prepared)


def unanswered(books: Books, operation: str, doubt: OutcomeUnknown) -> str:
    """An attempt whose first call gave no answer, nor does any; the search finds nothing."""
    books.gateway = Unanswering(doubt=doubt)
    ref = books.start().ref
    with books.store.write() as s:
        attempts.find_attempt(s, ref).operation = operation
    books.gateway.calls.clear()
    return ref


@pytest.fixture
def told(sqlite_store: Store) -> Books:
    """Books on SQLite behind a gateway that says what the test tells it to."""
    return open_books(sqlite_store, ToldGateway())


def pages_of(stand_in: StandIn, ref: str) -> list[dict[str, Any]]:
    listed = call_api(stand_in, "GET", "/v1/checkout/sessions", limit="100")[1]
    return [s for s in listed["data"] if s["client_reference_id"] == ref]


def rewrite_charge(stand_in: StandIn, ref: str, **changes: Any) -> None:
    """Change a charge behind the gateway's back, as if another sum had been taken."""
    with sqlite3.connect(stand_in.db_path, timeout=30) as db:
        rows = db.execute("SELECT id, data FROM object WHERE kind = 'charge'").fetchall()
        for object_id, text in rows:
            data = json.loads(text)
            if data["metadata"].get("attempt") == ref:
                db.execute("UPDATE object SET data = ? WHERE id = ?", (json.dumps(data | changes), object_id))
    db.close()


class TestOrder:
    """P-04, P-11: truths are read again, so their order can't matter."""

    @pytest.mark.parametrize("final", [RemoteState.SUCCEEDED, RemoteState.FAILED, RemoteState.EXPIRED])
    def test_every_order_ends_in_one_state(self, sqlite_store: Store, final: RemoteState) -> None:
        """All orders of five answers, stale ones included: one payment, one fee, one letter."""
        ends = set()
        for order in set(itertools.permutations(["open", "open", "processing", "final", "final with fee"])):
            gateway = ToldGateway()
            books = open_books(sqlite_store, gateway, Money(5000, "GBP"))
            ref = books.start(nonce=secrets.token_hex(8)).ref
            amount = Money(5000, "GBP")
            truths = {
                "open": a_truth(ref, RemoteState.OPEN),
                "processing": a_truth(ref, RemoteState.PROCESSING),
                "final": a_truth(ref, final, a_charge(ref, amount)),
                "final with fee": a_truth(ref, final, a_charge(ref, amount, fee=Money(100, "GBP"))),
            }
            if final is RemoteState.EXPIRED:
                order = tuple(step for step in order if step != "processing")  # a page is one or the other
            gateway.truths = [truths[step] for step in order]
            for _ in order:
                books.settle(ref)
            with sqlite_store.read() as s:
                attempt = attempts.find_attempt(s, ref)
                ends.add(
                    (
                        attempt.status,
                        tuple(books.balances()),
                        s.scalar(select(func.count()).where(Payment.attempt_id == attempt.id)),
                        s.scalar(select(func.count()).where(ProviderEffect.attempt_id == attempt.id)),
                        s.scalar(select(func.count()).where(Message.account_id == books.account.id)),
                        s.scalar(
                            select(func.count()).where(
                                AttemptInvoice.attempt_id == attempt.id, AttemptInvoice.blocking
                            )
                        ),
                    )
                )
            assert books.hold()
        paid, told = final is RemoteState.SUCCEEDED, final is not RemoteState.EXPIRED
        assert ends == {
            (AttemptStatus(final.value), (0,) if paid else (5000,), int(paid), 2 * paid, int(told), 0)
        }

    @pytest.mark.parametrize("repeat", range(100 if LONG else 5))
    def test_return_page_webhook_and_sweeper_at_once(self, books: Books, repeat: int) -> None:
        """P-09, FT-04: three ways to the same truth make one posting and one confirmation."""
        started = books.start()
        assert started.url
        pay_on_page(started.url)
        event_id = f"evt_{repeat}"
        books.store.run(
            lambda s: inbox.accept(s, hint(started.ref, event_id), gateway_account="default", now=now())
        )
        [row] = books.store.run(lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=now()))
        later = now() + timedelta(minutes=31)
        ways: list[Callable[[], object]] = [
            lambda: books.settle(started.ref),
            lambda: inbox.process(books.store, books.gateway, row, now=now()),
            lambda: sweeping.sweep(books.store, books.gateway, gateway_account="default", now=later),
        ]
        at_once(ways * 2)
        assert books.attempt(started.ref).status is AttemptStatus.SUCCEEDED
        assert books.balances() == [0, 0]
        assert books.count(Payment) == books.count(Message) == 1
        assert books.count(LedgerEntry, LedgerEntry.kind == "payment") == 1
        assert books.count(LedgerEntry, LedgerEntry.kind == "gateway_fee") == 1
        assert books.count(InboxEvent, InboxEvent.status == "done") == 1
        assert books.hold()


class TestAmounts:
    @pytest.mark.parametrize(
        ("came", "balances", "unapplied"),
        [(150000, [0, 0], [Money(8160, "GBP")]), (100000, [0, 41840], []), (57600, [0, 84240], [])],
    )
    def test_another_sum_than_asked_is_booked_as_it_came(
        self, books: Books, stripe: StandIn, came: int, balances: list[int], unapplied: list[Money]
    ) -> None:
        """P-06: the real amount is recorded, what is over waits unapplied, a person is told."""
        started = books.start()
        assert started.url
        pay_on_page(started.url)
        rewrite_charge(stripe, started.ref, amount=came)
        assert books.settle(started.ref) is AttemptStatus.SUCCEEDED
        with books.store.read() as s:
            assert s.scalars(select(Payment.amount_minor)).one() == came
            facts = s.scalars(select(Alert.facts).where(Alert.code == "amount_differs")).one()
        assert (facts["asked_minor"], facts["came_minor"]) == (141840, came)
        assert sorted(books.balances()) == balances
        assert books.unapplied() == unapplied
        assert books.count(Task) == len(unapplied)
        assert books.hold()

    def test_another_currency_than_asked_touches_no_invoice(self, books: Books, stripe: StandIn) -> None:
        """P-06, M-01: euros never pay pounds."""
        started = books.start()
        assert started.url
        pay_on_page(started.url)
        rewrite_charge(stripe, started.ref, currency="eur", balance_transaction=None)
        assert books.settle(started.ref) is AttemptStatus.SUCCEEDED
        assert books.balances() == [57600, 84240]
        assert books.unapplied() == [Money(141840, "EUR")]
        assert books.alerts() == ["amount_differs"]
        assert books.hold()

    @pytest.mark.parametrize(
        ("invoice", "on_the_wire"),
        [
            (Money(12345, "JPY"), 12345),  # ¥12,345: no decimals anywhere
            (Money(12340, "KWD"), 12340),  # 12.340 dinar: three decimals
            (Money(1250000, "HUF"), 1250000),  # 12,500 forint, counted in fillér
            (Money(5000, "ISK"), 500000),  # kr. 5,000: no decimals here, two at Stripe
            (Money(200, "ILS"), 200),  # the least that Stripe takes
        ],
    )
    def test_a_currency_from_invoice_to_books(
        self, store: Store, stripe: StandIn, invoice: Money, on_the_wire: int
    ) -> None:
        """P-07, FT-15: numbers by hand on both sides, so that two equal errors can't cancel out."""
        books = open_books(store, gateway_of(stripe), invoice)
        started = books.start(currency=invoice.currency)
        [page] = pages_of(stripe, started.ref)
        assert (page["amount_total"], page["currency"]) == (on_the_wire, invoice.currency.lower())
        pay_on_page(page["url"])
        assert books.settle(started.ref) is AttemptStatus.SUCCEEDED
        assert books.balances() == [0]
        with store.read() as s:
            taken = s.scalars(
                select(Posting.debit_minor).where(
                    Posting.ledger_code == LedgerCode.GATEWAY_CLEARING, Posting.debit_minor > 0
                )
            ).one()
            assert taken == invoice.minor
            assert s.scalars(select(Payment.currency)).one() == invoice.currency
        assert books.hold()

    def test_a_fee_that_comes_late_is_booked_once(self, store: Store, own_stripe: StandIn) -> None:
        """Asynchronous capture: the payment first, its fee when the gateway has worked it out."""
        books = open_books(store, gateway_of(own_stripe), Money(10000, "GBP"))
        own_stripe.fault("fees", "late_fee")
        started = books.start()
        assert started.url
        pay_on_page(started.url)
        assert books.settle(started.ref) is AttemptStatus.SUCCEEDED
        assert books.count(ProviderEffect) == 1
        own_stripe.control("advance", seconds=61)
        at_once([lambda: books.settle(started.ref)] * 4)
        assert books.count(ProviderEffect) == 2
        with store.read() as s:
            fees = s.scalars(
                select(Posting.debit_minor).where(Posting.ledger_code == LedgerCode.GATEWAY_FEES)
            )
            assert fees.all() == [175]
        assert books.count(Payment) == books.count(Message) == 1
        assert books.hold()


class TestBankDebits:
    """P-19: accepted is not paid."""

    def test_processing_then_paid(self, store: Store, own_stripe: StandIn) -> None:
        books = open_books(store, gateway_of(own_stripe), Money(10000, "EUR"))
        started = books.start(currency="EUR")
        assert started.url
        debit_on_page(started.url)
        assert books.settle(started.ref) is AttemptStatus.PROCESSING
        assert books.balances() == [10000]
        assert books.count(Message) == 0
        own_stripe.control("advance", days=6)
        assert books.settle(started.ref, later=timedelta(days=6)) is AttemptStatus.SUCCEEDED
        assert books.balances() == [0]
        assert books.count(Message) == 1
        assert books.hold()

    def test_processing_then_failed_reopens(self, store: Store, own_stripe: StandIn) -> None:
        """The invoice is asked for again, and it can be paid again."""
        books = open_books(store, gateway_of(own_stripe), Money(10000, "EUR"))
        started = books.start(currency="EUR")
        assert started.url
        debit_on_page(started.url, settles=False)
        assert books.settle(started.ref) is AttemptStatus.PROCESSING
        with pytest.raises(Refused, match="nothing_to_pay"):
            books.start("n2", currency="EUR")
        own_stripe.control("advance", days=6)
        assert books.settle(started.ref, later=timedelta(days=6)) is AttemptStatus.FAILED
        assert books.balances() == [10000]
        assert books.count(Interaction, Interaction.kind == "payment.failed") == 1
        books.gateway = ToldGateway()
        assert books.start("n3", currency="EUR").url

    def test_processing_then_cancelled_has_failed(self, told: Books) -> None:
        """A debit that is called back at the gateway: no move that the table lacks, no stuck attempt."""
        started = told.start()
        told.gateway.truths = [
            a_truth(started.ref, RemoteState.PROCESSING), a_truth(started.ref, RemoteState.CANCELLED)
        ]  # fmt: skip
        assert told.settle(started.ref) is AttemptStatus.PROCESSING
        assert told.settle(started.ref) is AttemptStatus.FAILED


class TestLateMoney:
    """Money that came is never refused (requirements 0.5)."""

    @pytest.mark.parametrize("end", [RemoteState.EXPIRED, RemoteState.CANCELLED, RemoteState.FAILED])
    def test_after_the_end_it_waits_for_a_person(self, told: Books, end: RemoteState) -> None:
        started = told.start()
        charge = a_charge(started.ref, Money(141840, "GBP"))
        told.gateway.truths = [a_truth(started.ref, end)]
        assert told.settle(started.ref) is AttemptStatus(end.value)
        told.gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
        for _ in range(2):
            assert told.settle(started.ref) is AttemptStatus.SUCCEEDED
        assert told.balances() == [57600, 84240]
        assert told.unapplied() == [Money(141840, "GBP")]
        assert told.count(Task) == told.count(Payment) == 1
        assert told.hold()

    def test_a_page_paid_after_its_invoices_changed(self, books: Books) -> None:
        """Decision 14: settled against the balance of then; what is over waits unapplied."""
        started = books.start()
        assert started.url
        with books.store.write() as s:
            credit_notes.record_credit_note(
                s, SYSTEM, books.invoices[0].ref, number="CN-1", amount=Money(57600, "GBP"), reason="back",
                now=now(),
            )  # fmt: skip
        pay_on_page(started.url)
        status = settling.end_superseded(books.store, books.gateway, started.ref, now=now())
        assert status is AttemptStatus.SUCCEEDED
        assert books.balances() == [0, 0]
        assert books.unapplied() == [Money(57600, "GBP")]
        assert books.count(Task) == 1
        assert books.hold()


class TestDoubt:
    """P-02, P-03, P-22, FT-03: nothing is called failed before the gateway said so."""

    def test_a_key_that_may_be_forgotten_is_not_used(self, store: Store, own_stripe: StandIn) -> None:
        """P-03: at 25 hours the gateway is searched; no second page is made."""
        books = open_books(store, gateway_of(own_stripe))
        own_stripe.fault(CREATE, "timeout_after", count=3)
        started = books.start()
        assert books.attempt(started.ref).status is AttemptStatus.UNKNOWN
        pay_on_page(pages_of(own_stripe, started.ref)[0]["url"])
        own_stripe.control("advance", seconds=25 * 3600)
        assert books.settle(started.ref, later=timedelta(hours=25)) is AttemptStatus.SUCCEEDED
        assert len(pages_of(own_stripe, started.ref)) == 1
        assert books.balances() == [0, 0]
        assert books.count(Payment) == 1

    def test_what_was_never_made_fails_by_the_gateways_word(self, store: Store, own_stripe: StandIn) -> None:
        books = open_books(store, gateway_of(own_stripe))
        own_stripe.fault(CREATE, "timeout_before", count=3)
        started = books.start()
        own_stripe.control("advance", seconds=25 * 3600)
        assert books.settle(started.ref, later=timedelta(hours=25)) is AttemptStatus.FAILED
        assert pages_of(own_stripe, started.ref) == []
        assert books.count(AttemptInvoice, AttemptInvoice.blocking) == 0

    def test_a_refused_expiry_proves_that_nothing_was_made(self, store: Store, own_stripe: StandIn) -> None:
        """Decision 13: after ten minutes the stored request is below the floor of 30."""
        books = open_books(store, gateway_of(own_stripe))
        own_stripe.fault(CREATE, "timeout_before", count=3)
        started = books.start()
        own_stripe.control("advance", seconds=11 * 60)
        assert books.settle(started.ref, later=timedelta(minutes=11)) is AttemptStatus.FAILED
        assert pages_of(own_stripe, started.ref) == []

    def test_a_server_error_kept_under_the_key(self, books: Books, stripe: StandIn) -> None:
        """FT-03, P-22: the key answers 500 for a day; the truth is known within a quarter of an hour."""
        stripe.fault(CREATE, "error_500", stored=True)
        started = books.start()
        assert started.url is None
        assert books.settle(started.ref, later=timedelta(minutes=5)) is AttemptStatus.UNKNOWN
        assert books.settle(started.ref, later=timedelta(minutes=11)) is AttemptStatus.FAILED
        assert books.start("n2").url

    @pytest.mark.parametrize("operation", ["open", CHARGE_CARD])
    @pytest.mark.parametrize("is_over", [False, True])
    def test_a_search_proves_nothing_of_a_call_of_this_second(
        self, told: Books, operation: str, is_over: bool
    ) -> None:
        """P-03, P-22: asked after 11 minutes, no answer again, nothing found: unknown; only a result that
        was saved under the key says that nobody is at it any more."""
        ref = unanswered(told, operation, OutcomeUnknown("http_409", is_over=is_over))
        then = AttemptStatus.FAILED if is_over else AttemptStatus.UNKNOWN
        assert told.settle(ref, later=timedelta(minutes=11)) is then
        assert "find" in told.gateway.calls
        if not is_over:
            truth = a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, Money(141840, "GBP")))
            told.gateway.truths = [truth]
            assert told.settle(ref, later=timedelta(minutes=12)) is AttemptStatus.SUCCEEDED

    @pytest.mark.parametrize("overtaken", [True, False])
    def test_the_last_call_may_have_been_made_this_minute(self, told: Books, overtaken: bool) -> None:
        """P-03: overtaken, or its key too old by now: another worker may have called a moment before."""
        ref = unanswered(told, CHARGE_CARD, OutcomeUnknown("no_answer"))
        ended = timedelta(minutes=20) if overtaken else KEY_LIFE
        if overtaken:
            with told.store.write() as s:
                attempts.find_attempt(s, ref).superseded_at = now() + ended
        assert told.settle(ref, later=ended + timedelta(minutes=1)) is AttemptStatus.UNKNOWN
        assert told.settle(ref, later=ended + timedelta(minutes=3)) is AttemptStatus.FAILED
        assert told.gateway.calls == ["find", "find"]

    def test_a_refused_key_is_no_proof(self, books: Books, stripe: StandIn) -> None:
        """P-22: the page was made, then our key was changed: unknown, not failed."""
        stripe.fault(CREATE, "timeout_after", count=3)
        started = books.start()
        right, books.gateway = books.gateway, StripePayments("default", "sk_test_old", [], stripe.url)
        assert books.settle(started.ref) is AttemptStatus.UNKNOWN
        books.gateway = right
        assert books.settle(started.ref) is AttemptStatus.OPEN

    @pytest.mark.parametrize("called", [False, True])
    def test_killed_before_the_answer_was_written(self, books: Books, stripe: StandIn, called: bool) -> None:
        """P-01, FT-01: the row is there, its stored call is made (again), one page exists."""

        class Killed(BaseException):
            """kill -9, as far as Python can play it."""

        class Dying(StripePayments):
            def send(self, prepared: Any) -> Any:
                if called:
                    super().send(prepared)
                raise Killed

        right, books.gateway = books.gateway, Dying("default", API_KEY, [WEBHOOK_SECRET], stripe.url)
        with pytest.raises(Killed):
            books.start()
        books.gateway = right
        with books.store.read() as s:
            ref = s.scalars(select(PaymentAttempt.ref)).one()
        assert books.attempt(ref).status is AttemptStatus.CREATED
        assert books.settle(ref) is AttemptStatus.OPEN
        assert len(pages_of(stripe, ref)) == 1

    def test_killed_and_found_a_day_later(self, told: Books) -> None:
        """P-01, P-03: created, never answered, its page long over: an end, and no trace in the sweeper."""
        told.gateway.on_send = raises(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            told.start()
        with told.store.read() as s:
            ref = s.scalars(select(PaymentAttempt.ref)).one()
        told.gateway.truths = [a_truth(ref, RemoteState.EXPIRED)]
        assert told.settle(ref, later=timedelta(hours=25)) is AttemptStatus.EXPIRED
        assert told.gateway.calls == ["send", "find"]
        assert told.count(AttemptInvoice, AttemptInvoice.blocking) == 0

    @pytest.mark.parametrize("operation", ["open", CHARGE_CARD])
    def test_what_surely_never_was_is_searched_for_and_not_made(self, told: Books, operation: str) -> None:
        """P-02, P-05: cancelled, its invoices are free; a late look opens no page and charges no card."""
        told.gateway.on_send = raises(GatewayUnreachable("no_connection"))
        with pytest.raises(GatewayDown):
            told.start()
        with told.store.read() as s:
            ref = s.scalars(select(PaymentAttempt.ref)).one()
        with told.store.write() as s:
            attempts.find_attempt(s, ref).operation = operation
        told.gateway.on_send = None
        told.gateway.calls.clear()
        assert told.settle(ref) is AttemptStatus.CANCELLED
        assert told.gateway.calls == ["find"]
        assert told.attempt(ref).checkout_url is None

    @pytest.mark.parametrize(
        "answer", [GatewayUnreachable("rate_limit"), GatewayRefused("x"), OutcomeUnknown("no_answer")]
    )
    def test_a_slow_no_does_not_undo_what_others_found(self, told: Books, answer: Exception) -> None:
        """P-04: the sweeper found the page while the first call was still waiting for its answer."""

        def meanwhile(_: object) -> None:
            told.gateway.on_send = None
            with told.store.read() as s:
                ref = s.scalars(select(PaymentAttempt.ref)).one()
            told.gateway.truths = [a_truth(ref, RemoteState.OPEN)]
            assert told.settle(ref) is AttemptStatus.OPEN
            raise answer

        told.gateway.on_send = meanwhile
        with suppress(GatewayDown, Refused):
            told.start()
        with told.store.read() as s:
            assert s.scalars(select(PaymentAttempt.status)).one() is AttemptStatus.OPEN

    def test_another_object_than_ours_is_not_believed(self, told: Books) -> None:
        """P-06, P-13: the page answers for another attempt: nothing is posted, a person is told."""
        started = told.start()
        charge = a_charge(started.ref, Money(141840, "GBP"))
        told.gateway.truths = [a_truth("somebody-else", RemoteState.SUCCEEDED, charge)]
        assert told.settle(started.ref) is AttemptStatus.OPEN
        assert (told.count(Payment), told.alerts()) == (0, ["foreign_object"])

    @pytest.mark.parametrize("named", [None, "somebody-else"])
    def test_our_own_page_under_another_name_is_parked(self, told: Books, named: str | None) -> None:
        """P-06: its money came by our page: recorded, kept from the invoices, a person told."""
        started = told.start()
        paid = a_truth(started.ref, RemoteState.SUCCEEDED, a_charge(started.ref, Money(141840, "GBP")))
        told.gateway.truths = [replace(paid, attempt_ref=named)]
        for _ in range(2):
            assert told.settle(started.ref) is AttemptStatus.SUCCEEDED
        assert told.balances() == [57600, 84240]
        assert told.unapplied() == [Money(141840, "GBP")]
        assert (told.count(Payment), told.count(Task), told.alerts()) == (1, 1, ["foreign_object"])
        assert told.hold()

    def test_a_page_that_is_not_shown(self, told: Books) -> None:
        """The gateway says no such page: the status stays, a person is told; `learn` says so to jobs."""
        started = told.start()
        told.gateway.truths = [GatewayRefused("resource_missing")]
        assert told.settle(started.ref) is AttemptStatus.OPEN
        assert told.alerts() == ["attempt_unresolved"]
        with pytest.raises(GatewayRefused):
            settling.learn(told.store, told.gateway, started.ref, now=now())
        with pytest.raises(Refused, match="gateway_refused"):
            starting.start(
                told.store, told.gateway, make.holder_actor(told.account),
                Choice("amount", "GBP", amount=Money(5000, "GBP")), account_id=told.account.id,
                zone="Europe/London", nonce="n2", language="en", title="x", note=None, base_url="http://x",
                now=now(),
            )  # fmt: skip


class TestEndingSuperseded:
    """Decision 14: the page of an attempt that was overtaken is ended at the gateway, sooner or later."""

    def superseded(self, told: Books) -> str:
        started = told.start()
        with told.store.write() as s:
            attempts.supersede(s, SYSTEM, [i.id for i in told.invoices], reason="test", now=now())
        return started.ref

    def test_an_unknown_page_is_found_and_ended(self, told: Books) -> None:
        told.gateway.on_send = raises(OutcomeUnknown("no_answer"))
        ref = self.superseded(told)
        with pytest.raises(GatewayUnreachable):
            settling.end_superseded(told.store, told.gateway, ref, now=now())
        told.gateway.on_send = None
        told.gateway.truths = [a_truth(ref, RemoteState.OPEN), a_truth(ref, RemoteState.EXPIRED)]
        assert settling.end_superseded(told.store, told.gateway, ref, now=now()) is AttemptStatus.EXPIRED
        assert told.gateway.calls[-1] == "expire"

    def test_a_gateway_that_is_away_is_asked_again(self, told: Books) -> None:
        """The job must not be done before the page is."""
        told.gateway.on_send = raises(OutcomeUnknown("no_answer"))
        ref = self.superseded(told)
        told.gateway.on_send = raises(GatewayUnreachable("no_connection"))
        with pytest.raises(GatewayUnreachable):
            settling.end_superseded(told.store, told.gateway, ref, now=now())

    def test_an_end_is_an_end(self, told: Books) -> None:
        ref = self.superseded(told)
        told.gateway.truths = [a_truth(ref, RemoteState.EXPIRED)]
        for _ in range(2):
            assert settling.end_superseded(told.store, told.gateway, ref, now=now()) is AttemptStatus.EXPIRED
        assert told.gateway.calls.count("expire") == 1


class TestSweeper:
    """P-16: attempts that should have ended are read again."""

    def test_one_bad_attempt_holds_up_no_other(self, told: Books) -> None:
        """A trace in one is an alert for a person; the next is settled all the same."""
        bad = told.start()
        other = open_books(told.store, told.gateway, Money(5000, "GBP"))
        good = other.start("n2")
        paid = a_truth(good.ref, RemoteState.SUCCEEDED, a_charge(good.ref, Money(5000, "GBP")))
        told.gateway.truths = [RuntimeError("a shape nobody knew"), paid]
        looked = sweeping.sweep(
            told.store, told.gateway, gateway_account="default", now=now() + timedelta(minutes=31)
        )
        assert looked == 2
        assert told.attempt(good.ref).status is AttemptStatus.SUCCEEDED
        assert told.attempt(bad.ref).status is AttemptStatus.OPEN
        with told.store.read() as s:
            assert s.scalars(select(Alert.facts)).one()["error"] == "RuntimeError"

    def test_debits_on_their_way_hide_no_stuck_card(self, told: Books) -> None:
        """Debits take days, and there may be more of them than one sweep looks at."""
        debit = told.start()
        told.gateway.truths = [a_truth(debit.ref, RemoteState.PROCESSING)]
        told.settle(debit.ref)
        other = open_books(told.store, told.gateway, Money(5000, "GBP"))
        card = other.start("n2")
        told.gateway.truths = [a_truth(card.ref, RemoteState.EXPIRED)]
        sweeping.sweep(
            told.store, told.gateway, gateway_account="default", now=now() + timedelta(minutes=41), limit=1
        )
        assert told.attempt(card.ref).status is AttemptStatus.EXPIRED

    def test_it_waits_before_it_asks(self, told: Books) -> None:
        """A page that was just opened, and a call that is still on its way, are left alone."""
        told.start()
        count = len(told.gateway.calls)
        for moment in (now(), now() + timedelta(minutes=29)):
            assert sweeping.sweep(told.store, told.gateway, gateway_account="default", now=moment) == 0
        assert len(told.gateway.calls) == count

    def test_other_gateway_accounts_are_not_asked_about(self, told: Books) -> None:
        """Decision 29: each account's attempts go to its own gateway."""
        told.start()
        later = now() + timedelta(minutes=50)
        assert sweeping.sweep(told.store, told.gateway, gateway_account="eu", now=later) == 0


def hint(ref: str | None, event_id: str, *, type: str = "checkout.session.completed") -> GatewayEvent:
    """A notification about an attempt, as the gateway hands it over."""
    return GatewayEvent(
        event_id=event_id, type=type, created_at=now(), live=False, object_id="cs_1", session_id=None,
        intent_id=None, attempt_ref=ref, tagged=ref is not None, raw="{}",
    )  # fmt: skip


def raises(error: BaseException) -> Callable[[object], None]:
    def go(_: object) -> None:
        raise error

    return go


def at_once(ways: list[Callable[[], object]]) -> None:
    """Run all in threads that start together; a trace in one fails the test."""
    start = threading.Barrier(len(ways))
    troubles: list[BaseException] = []

    def go(way: Callable[[], object]) -> None:
        start.wait()
        try:
            way()
        except BaseException as error:
            troubles.append(error)

    threads = [threading.Thread(target=go, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []


def test_the_fake_keeps_the_promise() -> None:
    """The hand-written gateway has every call of the port."""
    gateway: PaymentGateway = ToldGateway()
    assert all(callable(getattr(gateway, name)) for name in ("send", "retrieve", "find", "expire"))
