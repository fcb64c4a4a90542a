"""Pay through the gateway: the real gateway code against the stand-in process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from gateways.stripe.payments import StripePayments
from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.messages import Message
from models.money import Money
from models.payments import Allocation, AttemptInvoice, Payment, PaymentAttempt, ProviderEffect
from models.states import AttemptStatus, InvoiceStatus
from models.store import Store
from models.work import Alert, Job
from receivables import credit_notes, ledger
from receivables.errors import GatewayDown, Refused
from receivables.payments import settling, starting, sweeping
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.effort import REPEATS
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, debit_on_page, pay_on_page


@pytest.fixture
def gateway(stripe: StandIn) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], stripe.url)


@dataclass
class Case:
    store: Store
    gateway: StripePayments
    account: Account
    invoices: list[Invoice]

    def start(self, choice: Choice, nonce: str = "n1", **more: object) -> starting.Started:
        return starting.start(
            self.store, self.gateway, make.holder_actor(self.account), choice, account_id=self.account.id,
            zone=self.account.zone, nonce=nonce, language="en", title="Northgate, 2 invoices", note=None,
            base_url="http://127.0.0.1:9", now=now(), **more,
        )  # fmt: skip

    def attempt(self, ref: str) -> PaymentAttempt:
        with self.store.read() as s:
            return s.scalars(select(PaymentAttempt).where(PaymentAttempt.ref == ref)).one()

    def balances(self) -> list[int]:
        with self.store.read() as s:
            return list(
                s.scalars(
                    select(Invoice.balance_minor)
                    .where(Invoice.id.in_([i.id for i in self.invoices]))
                    .order_by(Invoice.id)
                )
            )


def now() -> datetime:
    # The stand-in lives by the real clock and refuses expiry dates in its past.
    return datetime.now(UTC)


ALL = Choice("all", "GBP")


@pytest.fixture
def case(store: Store, gateway: StripePayments) -> Case:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        found = [make.an_invoice(s, account, total=57600), make.an_invoice(s, account, total=84240)]
    return Case(store, gateway, account, found)


def test_the_main_job_from_start_to_posted(case: Case) -> None:
    """P-01, P-09, M-13: reserved, opened, paid, posted, allocated, confirmed, once."""
    started = case.start(ALL)
    assert started.url is not None
    assert case.attempt(started.ref).status is AttemptStatus.OPEN

    pay_on_page(started.url)
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.SUCCEEDED
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.SUCCEEDED

    assert case.balances() == [0, 0]
    with case.store.read() as s:
        assert s.scalars(select(Invoice.status)).all() == [InvoiceStatus.PAID] * 2
        payment = s.scalars(select(Payment)).one()
        assert (payment.amount_minor, payment.currency) == (141840, "GBP")
        assert payment.method_detail == "visa 4242"
        assert s.scalars(select(Allocation.amount_minor).order_by(Allocation.id)).all() == [57600, 84240]
        assert s.scalar(select(func.count()).select_from(Message)) == 1
        assert set(s.scalars(select(ProviderEffect.kind))) == {"payment", "fee"}
        assert ledger.trial_balance(s) == {"GBP": 0}
        assert ledger.wrong_balances(s) == []
        assert not s.scalars(select(AttemptInvoice).where(AttemptInvoice.blocking)).all()
        fee = s.scalars(
            select(Posting.debit_minor).where(Posting.ledger_code == LedgerCode.GATEWAY_FEES)
        ).one()
        assert fee == 2153  # 1.5 % and 25, by the stand-in's formula


def test_the_same_form_twice_is_one_attempt(case: Case) -> None:
    """M-06: double click and back button."""
    first = case.start(ALL)
    again = case.start(ALL)
    assert (again.ref, again.url) == (first.ref, first.url)


def test_a_second_click_with_the_same_sum_gets_the_same_page(case: Case) -> None:
    """P-05: a new form, but nothing changed."""
    first = case.start(ALL)
    again = case.start(ALL, nonce="n2")
    assert (again.ref, again.url) == (first.ref, first.url)


def test_another_amount_ends_the_earlier_page_first(case: Case) -> None:
    """P-05, decision 14: the old page can't be paid any more."""
    first = case.start(ALL)
    second = case.start(Choice("amount", "GBP", amount=Money(5000, "GBP")), nonce="n2")
    assert second.ref != first.ref
    assert case.attempt(first.ref).status is AttemptStatus.EXPIRED
    assert second.url is not None
    pay_on_page(second.url)
    settling.settle(case.store, case.gateway, second.ref, now=now())
    assert case.balances() == [52600, 84240]


def test_an_earlier_page_that_was_paid_refuses_the_second(case: Case) -> None:
    """P-05: the other tab was faster."""
    first = case.start(ALL)
    assert first.url is not None
    pay_on_page(first.url)
    with pytest.raises(Refused) as refused:
        case.start(Choice("amount", "GBP", amount=Money(5000, "GBP")), nonce="n2")
    assert refused.value.code == "already_paid"
    assert case.balances() == [0, 0]


def test_a_decline_leaves_the_page_open_and_another_card_works(case: Case) -> None:
    """P-02, stripe.md 4: a declined card is not the end of the attempt."""
    started = case.start(ALL)
    assert started.url is not None
    pay_on_page(started.url, card="4000000000000002")
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.OPEN
    pay_on_page(started.url)
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.SUCCEEDED


def test_a_lost_answer_is_unknown_then_found(case: Case, stripe: StandIn) -> None:
    """P-03, P-22: nothing is called failed, no second payment starts, settle finds the page."""
    stripe.fault("checkout.sessions.create", "timeout_after", count=3)
    started = case.start(ALL)
    assert started.url is None
    assert case.attempt(started.ref).status is AttemptStatus.UNKNOWN
    with pytest.raises(Refused) as refused:
        case.start(Choice("amount", "GBP", amount=Money(5000, "GBP")), nonce="n2")
    assert refused.value.code == "being_checked"
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.OPEN
    url = case.attempt(started.ref).checkout_url
    assert url is not None
    pay_on_page(url)
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.SUCCEEDED


def test_a_gateway_that_is_away_charges_nothing(case: Case) -> None:
    """P-22: a refused connection surely had no effect."""
    case.gateway = StripePayments("default", API_KEY, [WEBHOOK_SECRET], "http://127.0.0.1:9")
    with pytest.raises(GatewayDown):
        case.start(ALL)
    with case.store.read() as s:
        assert s.scalars(select(PaymentAttempt.status)).one() is AttemptStatus.CANCELLED
        assert not s.scalars(select(AttemptInvoice).where(AttemptInvoice.blocking)).all()


@pytest.mark.parametrize(
    ("minor", "code"),
    [(0, "amount_zero"), (-500, "amount_negative"), (141841, "amount_above_balance"),
     (29, "amount_below_minimum"), (141835, "leaves_too_little")],
)  # fmt: skip
def test_amounts_that_are_refused_by_name(case: Case, minor: int, code: str) -> None:
    """M-09, domain.md: a part payment leaves nothing or at least the gateway's minimum."""
    with pytest.raises(Refused) as refused:
        case.start(Choice("amount", "GBP", amount=Money(minor, "GBP")))
    assert refused.value.code == code


@pytest.mark.parametrize("kind", ["all", "amount", "arranged"])
def test_more_than_a_card_takes_is_refused_before_anything_is_made(case: Case, kind: str) -> None:
    """M-09: by its name and with the most, not by the gateway after a review; a part of it goes through."""
    with case.store.write() as s:
        big = make.an_invoice(s, s.get_one(Account, case.account.id), total=100_000_000)
    chosen = () if kind == "all" else (big.ref,)
    amount = None if kind == "all" else Money(100_000_000, "GBP")
    with pytest.raises(Refused) as refused:
        case.start(Choice(kind, "GBP", chosen, amount))
    assert (refused.value.code, refused.value.facts["maximum"]) == (
        "amount_above_maximum", Money(99_999_999, "GBP")
    )  # fmt: skip
    with case.store.read() as s:
        assert s.scalars(select(PaymentAttempt)).all() == []
    assert case.start(Choice("amount", "GBP", amount=Money(99_999_999, "GBP"))).url


def test_a_bank_debit_is_processing_until_it_settles(case: Case, stripe: StandIn) -> None:
    """P-19: on its way reserves its amount, and is not asked for again."""
    started = case.start(ALL)
    assert started.url is not None
    debit_on_page(started.url)
    assert settling.settle(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.PROCESSING
    with pytest.raises(Refused) as refused:
        case.start(ALL, nonce="n2")
    assert refused.value.code == "nothing_to_pay"


class TestRaces:
    """Requirements section 1, "Races": many at one start; the results of two are in test_race_results.py."""

    @pytest.mark.parametrize("repeat", range(REPEATS))
    def test_pay_against_pay(self, case: Case, repeat: int) -> None:
        """M-10: two sessions of one invoice cannot both be open; eight starts make one attempt."""
        results: list[object] = []

        def go(number: int) -> None:
            try:
                results.append(case.start(ALL, nonce=f"n{repeat}-{number}"))
            except (Refused, GatewayDown) as error:
                results.append(error.code)

        threads = [threading.Thread(target=go, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        with case.store.read() as s:
            blocking = s.scalars(select(AttemptInvoice.attempt_id).where(AttemptInvoice.blocking)).all()
        assert len(set(blocking)) == 1
        assert len(results) == 8

    @pytest.mark.parametrize("repeat", range(REPEATS))
    def test_settle_against_settle(self, case: Case, repeat: int) -> None:
        """P-09, INV-5: return page, webhook and sweeper at once make one posting, one receipt."""
        started = case.start(ALL)
        assert started.url is not None
        pay_on_page(started.url)
        seen: list[AttemptStatus] = []
        threads = [
            threading.Thread(
                target=lambda: seen.append(settling.settle(case.store, case.gateway, started.ref, now=now()))
            )
            for _ in range(6)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert seen == [AttemptStatus.SUCCEEDED] * 6
        with case.store.read() as s:
            assert s.scalar(select(func.count()).select_from(Payment)) == 1
            assert s.scalar(select(func.count()).select_from(Message)) == 1
            assert (
                s.scalar(select(func.count()).select_from(LedgerEntry).where(LedgerEntry.kind == "payment"))
                == 1
            )


def test_a_credit_note_ends_the_open_page(case: Case) -> None:
    """P-05, decision 14: superseded, the invoices are free at once, the page is ended by a job."""
    started = case.start(ALL)
    with case.store.write() as s:
        credit_notes.record_credit_note(
            s,
            SYSTEM,
            case.invoices[0].ref,
            number="CN-9",
            amount=Money(600, "GBP"),
            reason="short",
            now=now(),
        )
    assert case.attempt(started.ref).superseded_at is not None
    with case.store.read() as s:
        assert [j.kind for j in s.scalars(select(Job))] == ["expire_session"]
    assert settling.end_superseded(case.store, case.gateway, started.ref, now=now()) is AttemptStatus.EXPIRED
    assert case.start(ALL, nonce="n2").ref != started.ref


def test_the_sweeper_resolves_and_alerts(case: Case, stripe: StandIn) -> None:
    """P-16, INV-13: an attempt the gateway never heard of again raises an alert, once."""
    started = case.start(ALL)
    away = StripePayments("default", API_KEY, [WEBHOOK_SECRET], "http://127.0.0.1:9")
    later = now() + timedelta(hours=2)
    for _ in range(2):
        sweeping.sweep(case.store, away, gateway_account="default", now=later)
    with case.store.read() as s:
        assert [a.code for a in s.scalars(select(Alert))] == ["attempt_unresolved"]
    assert case.attempt(started.ref).status is AttemptStatus.OPEN
