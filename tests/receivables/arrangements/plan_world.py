"""An account with two late invoices, its plans, and shortcuts to bring money and days."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import daily
from models.accounts import Account, Contact
from models.arrangements import CardStatus, Every, Instalment, PaysBy, Plan, PlanInvoice, SavedCard
from models.messages import Message
from models.money import Money
from models.pauses import PauseReason
from models.staff import Role
from models.store import Store
from receivables import invoices, pauses
from receivables.arrangements import plan_changes, plan_days, plan_reads, plans
from receivables.arrangements.plan_terms import Wish
from receivables.calendar_days import at_local
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import Actor
from receivables.ports import RemoteCharge, RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_truth

TODAY = NOON.date()
_nonces = itertools.count(1)
WORDS = ("No fee and no interest are added.",)


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


@dataclass
class PlanWorld:
    """£576.00 and £842.40 late: a balance whose band gives up to six parts, the first within 30 days."""

    store: Store
    account: Account
    contact: Contact
    refs: tuple[str, ...]
    collector: Actor
    supervisor: Actor
    second: Actor

    @property
    def holder(self) -> Actor:
        return make.holder_actor(self.account, self.contact)

    def propose(
        self,
        parts: int = 3,
        *,
        first_on: date | None = None,
        every: Every = Every.MONTH,
        at_once: bool = False,
        pays_by: PaysBy = PaysBy.LINK,
        refs: Sequence[str] | None = None,
        now: datetime = NOON,
    ) -> Plan:
        wish = Wish(parts, first_on or TODAY + timedelta(days=15), every, at_once, pays_by)
        return self.store.run(
            lambda s: plans.propose(
                s, self.holder, account_id=self.account.id, currency="GBP",
                invoice_refs=self.refs if refs is None else refs, wish=wish, now=now,
            )
        )  # fmt: skip

    def accept(self, plan: Plan, *, reason: str = "", now: datetime = NOON, **signed: object) -> Plan:
        said = {
            "name": "Helen Marsh", "role": "Owner", "may_bind": True, "language": "en",
            "ip_prefix": "198.51.100.0/24",
        } | signed  # fmt: skip
        return self.store.run(
            lambda s: plans.accept(
                s, self.holder, plan.ref, digest=plan.terms_digest, signature=plans.Signature(**said),  # type: ignore[arg-type]
                reason=reason, words=WORDS, now=now,
            )
        )  # fmt: skip

    def agreed(self, parts: int = 3, **more: object) -> Plan:
        """An active plan; its first part is due on 4 December 2026 unless told otherwise."""
        return self.accept(self.propose(parts, **more))  # type: ignore[arg-type]

    def asked(self, parts: int = 9) -> Plan:
        """A signed request beyond the band."""
        return self.accept(self.propose(parts), reason="our main customer pays late")

    def plan(self, plan: Plan) -> Plan:
        with self.store.read() as session:
            return session.get_one(Plan, plan.id)

    def parts(self, plan: Plan) -> list[Instalment]:
        with self.store.read() as session:
            return plan_reads.parts_of(session, plan.id)

    def statuses(self, plan: Plan) -> list[str]:
        return [part.status.value for part in self.parts(plan)]

    def view(self, plan: Plan, *, on: date = TODAY) -> plan_reads.PlanView:
        with self.store.read() as session:
            return plan_reads.view(session, self.holder, plan.ref, now=noon_of(on))

    def blocking(self, plan: Plan) -> set[bool]:
        with self.store.read() as session:
            return set(session.scalars(select(PlanInvoice.blocking).where(PlanInvoice.plan_id == plan.id)))

    def asked_for(self, on: date = TODAY) -> int:
        """What is asked for on all invoices."""
        with self.store.read() as session:
            return sum(row.asked.minor for row in invoices.open_rows(session, self.account.id, on))

    def paused(self, reason: PauseReason, on: date = TODAY) -> int:
        with self.store.read() as session:
            return sum(p.reason is reason for p in pauses.standing(session, self.account.id, on))

    def choice(self, plan: Plan, what: str, *, on: date = TODAY) -> Choice:
        with self.store.read() as session:
            return plan_reads.choice(session, self.holder, plan.ref, what, now=noon_of(on))

    def start(self, choice: Choice, *, nonce: str, now: datetime = NOON) -> str:
        return starting.start(
            self.store, ToldGateway(), self.holder, choice, account_id=self.account.id,
            zone=self.account.zone, nonce=nonce, language="en", title="Northgate", note=None,
            base_url="http://127.0.0.1:9", now=now,
        ).ref  # fmt: skip

    def told(
        self, ref: str, state: RemoteState, minor: int = 0, *, currency: str = "GBP", now: datetime = NOON
    ) -> None:
        """Let the gateway say how an attempt stands."""
        charge = RemoteCharge(
            charge_id=f"ch-{ref}", amount=Money(minor, currency), taken_at=now, method="card",
            method_detail="visa 4242", fee=None, balance_transaction_id=None,
        ) if state is RemoteState.SUCCEEDED else None  # fmt: skip
        settling.settle(self.store, ToldGateway([a_truth(ref, state, charge)]), ref, now=now)

    def pay(self, plan: Plan, what: str = "next", *, on: date = TODAY) -> int:
        """Pay of a plan as its page does; returns the amount."""
        choice = self.choice(plan, what, on=on)
        assert choice.amount is not None
        now = noon_of(on)
        ref = self.start(choice, nonce=f"{plan.ref}-{next(_nonces)}", now=now)
        self.told(ref, RemoteState.SUCCEEDED, choice.amount.minor, now=now)
        return choice.amount.minor

    def daily(self, on: date) -> bool:
        """Do the day's work of plans for the account; False when it was done."""
        work = next(work for work in daily.DAILY if work.name == "plans")
        return self.store.run(lambda s: daily.once(s, work, self.account.id, now=noon_of(on)))

    def days(self, first: date, last: date) -> None:
        """Do every day's work from one day to another."""
        while first <= last:
            self.daily(first)
            first += timedelta(days=1)

    def charges(self, on: date) -> list[int]:
        with self.store.read() as session:
            return plan_days.due_charges(session, self.account.id, on)

    def mails(self) -> list[str]:
        with self.store.read() as session:
            query = select(Message.kind).where(Message.account_id == self.account.id)
            return list(session.scalars(query.order_by(Message.id)))

    def card(self, session: Session, *, last4: str = "4242") -> SavedCard:
        card = SavedCard(
            account_id=self.account.id, contact_id=self.contact.id, status=CardStatus.ACTIVE,
            gateway_account="default", customer_id="cus_1", payment_method_id=f"pm_{last4}", brand="visa",
            last4=last4, expires_month=11,
            expires_year=2029, consent_text="You may charge it on each date.", consent_version="1",
            consent_language="en", consented_at=NOON,
        )  # fmt: skip
        session.add(card)
        session.flush()
        return card

    def on_card(self, plan: Plan, *, last4: str = "4242", now: datetime = NOON) -> SavedCard:
        """Save a card and let it pay the plan."""

        def unit(session: Session) -> SavedCard:
            card = self.card(session, last4=last4)
            plan_changes.pay_by_card(session, self.holder, plan.ref, card, now=now)
            return card

        return self.store.run(unit)


def noon_of(day: date) -> datetime:
    """Ten o'clock in London on a day."""
    return at_local(day, time(10), "Europe/London")


def an_owing_account(store: Store, *totals: int) -> PlanWorld:
    """Make the account, its invoices and three people of the desk."""
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session), phone="+441134960100")
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        refs = tuple(make.an_invoice(session, account, total=minor).ref for minor in totals or (57600, 84240))
        return PlanWorld(
            store=store, account=account, contact=contact, refs=refs,
            collector=make.staff_actor(make.a_person(session, Role.COLLECTOR)),
            supervisor=make.staff_actor(make.a_person(session, Role.SUPERVISOR)),
            second=make.staff_actor(make.a_person(session, Role.SUPERVISOR)),
        )  # fmt: skip
