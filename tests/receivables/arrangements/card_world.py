"""A debtor with a plan by card on the real gateway code and a stand-in process, for card tests."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from gateways.stripe.payments import StripePayments
from models.accounts import Account, Contact
from models.arrangements import CardSetup, Every, Instalment, InstalmentCharge, PaysBy, Plan, SavedCard
from models.invoices import Invoice
from models.money import Money
from models.payments import AttemptInvoice, Payment, PaymentAttempt
from models.states import AttemptStatus
from models.store import Store
from models.work import Task
from receivables import ledger
from receivables.arrangements import card_setups, cards, charging, plan_counts, plan_reads, plans
from receivables.arrangements.plan_terms import Wish
from receivables.arrangements.plans import Signature
from receivables.payments import settling, starting
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.standins import API_KEY, WEBHOOK_SECRET, StandIn, pay_on_page

OK, ALWAYS, ONCE = "4242424242424242", "4000002760003184", "4000002500003155"
LATER_DECLINES = "4000000000000341"
CONSENT = "Northgate may keep this card and charge it for the parts of my plan on their days."
CHARGE = "payment_intents.create"
AWAY = "http://127.0.0.1:9"


def now() -> datetime:
    # The stand-in lives by the real clock and refuses expiry dates in its past.
    return datetime.now(UTC)


def gateway_of(stripe: StandIn) -> StripePayments:
    return StripePayments("default", API_KEY, [WEBHOOK_SECRET], stripe.url)


def recent_weekday(days: int) -> date:
    """A weekday at least so many days ago."""
    day = now().date() - timedelta(days=days)
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day


@dataclass
class World:
    """One account with two invoices in a plan of three parts by card; the first is due."""

    store: Store
    gateway: StripePayments
    stripe: StandIn
    account: Account
    contact: Contact
    invoices: list[Invoice] = field(default_factory=list)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        signed_at = now() - timedelta(days=20)
        holder = self.holder

        def agree(session: Any) -> Plan:
            plan = plans.propose(
                session, holder, account_id=self.account.id, currency="GBP",
                invoice_refs=[i.ref for i in self.invoices], now=signed_at,
                wish=Wish(3, recent_weekday(4), Every.MONTH, pays_by=PaysBy.CARD),
            )  # fmt: skip
            name = Signature("Helen Marsh", "Director", True, "en", "192.0.2.0/24")
            return plans.accept(
                session, holder, plan.ref, digest=plan.terms_digest, signature=name, now=signed_at
            )

        self.plan = self.store.run(agree)

    @property
    def holder(self) -> Actor:
        return make.holder_actor(self.account, self.contact)

    def consent(self, *, plan: bool = True) -> cards.Consent:
        return cards.Consent(CONSENT, "en", "192.0.2.0/24", plan_ref=self.plan.ref if plan else None)

    def begin(self, *, plan: bool = True, gateway: Any = None) -> card_setups.Begun:
        return card_setups.begin_saving(
            self.store, gateway or self.gateway, self.holder, self.consent(plan=plan),
            account_id=self.account.id, currency="GBP", language="en", note=None, base_url=AWAY, now=now(),
        )  # fmt: skip

    def settle_setup(self, ref: str, *, later: timedelta = timedelta(0)) -> AttemptStatus:
        return card_setups.settle_setup(self.store, self.gateway, ref, now=now() + later)

    def save(self, number: str = OK) -> SavedCard:
        """A card saved on the hosted page, paying the plan."""
        begun = self.begin()
        assert begun.url is not None
        pay_on_page(begun.url, number)
        assert self.settle_setup(begun.ref) is AttemptStatus.SUCCEEDED
        return self.card()

    def becomes(self, name: str) -> None:
        """The bank thinks otherwise of the saved card from now on."""
        self.stripe.control("card", payment_method=self.card().payment_method_id, becomes=name)

    def charge(self, *, later: timedelta = timedelta(0), seq: int = 1) -> AttemptStatus | None:
        return charging.charge_instalment(
            self.store, self.gateway, SYSTEM, self.part(seq).id, now=now() + later
        )

    def settle(self, ref: str, *, later: timedelta = timedelta(0)) -> AttemptStatus:
        return settling.settle(self.store, self.gateway, ref, now=now() + later)

    def start(self, what: str = "next", *, nonce: str = "n1", consent: bool = False) -> starting.Started:
        """Pay of the plan by hand."""
        with self.store.read() as session:
            choice = plan_reads.choice(session, self.holder, self.plan.ref, what, now=now())
        return starting.start(
            self.store, self.gateway, self.holder, choice, account_id=self.account.id, zone=self.account.zone,
            nonce=nonce, language="en", title="Northgate", note=None, base_url=AWAY, now=now(),
            consent=self.consent() if consent else None,
        )  # fmt: skip

    def recount(self) -> None:
        """Let what came count, as the consequences of a payment do."""
        self.store.run(
            lambda s: plan_counts.recount_account(s, s.get_one(Account, self.account.id), now=now())
        )

    # ----------------------------------------------------------------- what the books say

    def card(self) -> SavedCard:
        with self.store.read() as s:
            return s.scalars(
                select(SavedCard).where(SavedCard.account_id == self.account.id).order_by(SavedCard.id.desc())
            ).first()  # type: ignore[return-value]

    def setup(self) -> CardSetup:
        with self.store.read() as s:
            return s.scalars(
                select(CardSetup).join(SavedCard, SavedCard.id == CardSetup.saved_card_id)
                .where(SavedCard.account_id == self.account.id).order_by(CardSetup.id.desc())
            ).first()  # type: ignore[return-value]  # fmt: skip

    def part(self, seq: int = 1) -> Instalment:
        with self.store.read() as s:
            return s.scalars(
                select(Instalment).where(Instalment.plan_id == self.plan.id, Instalment.seq == seq)
            ).one()

    def now_plan(self) -> Plan:
        with self.store.read() as s:
            return s.get_one(Plan, self.plan.id)

    def attempts(self) -> list[PaymentAttempt]:
        with self.store.read() as s:
            return list(
                s.scalars(
                    select(PaymentAttempt).where(PaymentAttempt.account_id == self.account.id)
                    .order_by(PaymentAttempt.id)
                )
            )  # fmt: skip

    def charges(self) -> list[InstalmentCharge]:
        with self.store.read() as s:
            return list(
                s.scalars(
                    select(InstalmentCharge)
                    .join(Instalment, Instalment.id == InstalmentCharge.instalment_id)
                    .where(Instalment.plan_id == self.plan.id).order_by(InstalmentCharge.attempt_id)
                )
            )  # fmt: skip

    def payments(self) -> list[Payment]:
        with self.store.read() as s:
            return list(s.scalars(select(Payment).where(Payment.account_id == self.account.id)))

    def reserved(self, attempt: PaymentAttempt) -> int:
        with self.store.read() as s:
            return s.scalar(
                select(func.sum(AttemptInvoice.reserved_minor)).where(AttemptInvoice.attempt_id == attempt.id)
            ) or 0  # fmt: skip

    def tasks(self) -> list[str]:
        with self.store.read() as s:
            rows = s.scalars(select(Task).where(Task.account_id == self.account.id).order_by(Task.id))
            return [task.kind.value for task in rows]

    def unapplied(self) -> list[Money]:
        with self.store.read() as s:
            return ledger.unapplied_credit(s, self.account.id)

    def taken(self) -> int:
        """Sum of the stand-in's successful charges of our attempts, minor units."""
        refs = {attempt.ref for attempt in self.attempts()}
        db = sqlite3.connect(self.stripe.db_path)
        rows = [json.loads(r[0]) for r in db.execute("SELECT data FROM object WHERE kind = 'charge'")]
        db.close()
        return sum(c["amount"] for c in rows if c["metadata"].get("attempt") in refs and c["paid"])

    def hold(self) -> bool:
        """Whether the books are in balance and every cached balance is right."""
        with self.store.read() as s:
            return not any(ledger.trial_balance(s).values()) and ledger.wrong_balances(s) == []


def a_world(store: Store, stripe: StandIn, *totals: int) -> World:
    """A new account with a plan over its invoices, £1,200.00 and £600.00 unless told otherwise."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), with_contact=False)
        contact = make.a_contact(s, account)
        found = [make.an_invoice(s, account, total=t, now=now()) for t in totals or (120000, 60000)]
    return World(store, gateway_of(stripe), stripe, account, contact, found)
