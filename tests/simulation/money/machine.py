"""The property machine: anything that people, gateway and crashes may do, in any order (M-23).

After every step the books are read anew: what is new in them is told to the reference model, which says what
must be open, unapplied and paid now, and every invariant is asked. In the end everything that was lost is
found again, as in life: backfill, sweeper, the queue. Nothing the bank ever took may then be missing.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import daily
from models import fault_points
from models.accounts import Account, Contact
from models.arrangements import Every, Offer, Plan, SavedCard
from models.money import Money
from models.staff import Role
from models.states import CardStatus, InboxStatus, JobStatus, OfferStatus, PlanStatus
from models.store import Store
from models.work import Job
from receivables import credit_notes
from receivables.arrangements import (
    charging,
    offer_deciding,
    offer_making,
    offer_money,
    offers,
    plan_changes,
    plan_days,
    plan_ends,
    plan_reads,
    plans,
    promises,
)
from receivables.arrangements.plan_terms import Wish
from receivables.errors import GatewayDown, NotFound, Refused
from receivables.payments import inbox, settling, starting, sweeping
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor
from receivables.policy import default_policy
from receivables.ports import GatewayError, GatewayEvent, RefundState, RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.databases import fresh_database
from tests.simulation.money.bank import Bank, Charge, Mood, Page
from tests.simulation.money.books import Books, faults
from tests.simulation.money.reference import Agreed, Bill, Parts, Reference

#: Where a unit of work may be struck, and how.
WHILE_STARTING = (
    None, None, None, "attempt.before_commit:raise", "attempt.before_commit:conflict",
    "attempt.after_commit:raise", "attempt.after_call:raise",
)  # fmt: skip
WHILE_SETTLING = (
    None, None, None,
    "settle.before_commit:raise", "settle.before_commit:conflict", "settle.after_commit:raise",
)  # fmt: skip
WHILE_CHARGING = (
    None,
    None,
    None,
    "attempt.after_commit:raise",
    "charge.after_call:raise",
    *WHILE_SETTLING[3:],
)
#: What a day does to arrangements.
_ARRANGED = ("offer_ends", "plans", "cards_that_end", "promise_tomorrow", "promise_broken")
DAYS_WORK = tuple(work for work in daily.DAILY if work.name in _ARRANGED)
SMALL = st.integers(0, 40)
#: How often each thing happened in a whole run, so that a run over nothing is seen as one.
TALLY: Counter[str] = Counter()


@dataclass
class Person:
    """An account with its people, its documents and its model."""

    account: Account
    contact: Contact
    supervisor: Actor
    currency: str
    refs: dict[int, str]
    model: Reference
    card_id: int | None = None

    @property
    def holder(self) -> Actor:
        return make.holder_actor(self.account, self.contact)


class MoneyMachine(RuleBasedStateMachine):
    """Two accounts, three late documents each, one gateway."""

    #: What a spoiled copy of the product does otherwise; the invariants must then fail (test_machine.py).
    spoiled: ClassVar[Callable[[], AbstractContextManager[object]] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._database = fresh_database("sqlite", Path(self._folder.name))
        self.store = Store(self._database.__enter__())
        self.books = Books(self.store)
        self.now = NOON
        self.bank = Bank(self.now)
        self.people: list[Person] = []
        self.credited: set[int] = set()
        self.charged: dict[str, tuple[int, int, Parts]] = {}
        self.seen_reversals: set[int] = set()
        self._nonces = itertools.count(1)
        spoiled = type(self).spoiled
        self._spoil = spoiled() if spoiled else None
        if self._spoil is not None:
            self._spoil.__enter__()

    @initialize()
    def people_owe(self) -> None:
        with self.store.write() as session:
            creditor = make.a_creditor(session)
            for currency, totals in (("GBP", (57600, 84240, 20001)), ("HUF", (4800000, 2500000, 990000))):
                self.people.append(self._person(session, creditor, currency, totals))

    def _person(self, session: Session, creditor: Any, currency: str, totals: tuple[int, ...]) -> Person:
        account = make.an_account(session, creditor, name=f"Tidewater {currency}")
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        late = (100, 90, 70)
        bills = [
            make.an_invoice(
                session, account, total=minor, currency=currency,
                due_on=self.now.date() - timedelta(days=days),
            )
            for minor, days in zip(totals, late, strict=True)
        ]  # fmt: skip
        model = Reference([Bill(b.id, b.total_minor, order) for order, b in enumerate(bills)])
        return Person(
            account, contact, make.staff_actor(make.a_person(session, Role.SUPERVISOR)), currency,
            {b.id: b.ref for b in bills}, model,
        )  # fmt: skip

    # ------------------------------------------------------------- doing things

    @contextmanager
    def _trying(self, what: str, strike: str | None = None) -> Iterator[None]:
        """Do something that may fairly be refused, find nobody there, or be struck."""
        moody = self.bank.mood is not Mood.WELL
        fault_points.arm(strike)
        try:
            yield
            TALLY[what] += 1
        except (Refused, NotFound) as refused:
            TALLY[f"{what} refused {refused.code}"] += 1
        except (GatewayDown, GatewayError):
            if not moody:
                raise  # nobody was away
            TALLY[f"{what} unheard"] += 1
        except fault_points.Struck as struck:
            assert strike is not None
            TALLY[f"struck {struck}"] += 1
        finally:
            fault_points.arm(None)
            self.bank.mood = Mood.WELL
        self._sync()

    def _person_of(self, index: int) -> Person:
        return self.people[index % len(self.people)]

    def _start(self, person: Person, choice: Choice, what: str, strike: str | None) -> None:
        with self._trying(what, strike):
            self._open_page(person, choice)

    def _open_page(self, person: Person, choice: Choice) -> None:
        starting.start(
            self.store, self.bank, person.holder, choice, account_id=person.account.id,
            zone=person.account.zone, nonce=f"n{next(self._nonces)}", language="en", title="Northgate",
            note=None, base_url="http://127.0.0.1:9", now=self.now,
        )  # fmt: skip

    def _pages(self, *states: RemoteState) -> list[Page]:
        return [page for page in self.bank.pages.values() if page.state in states]

    def _advance(self, step: timedelta) -> None:
        self.now += step
        self.bank.pass_time(self.now)

    # ------------------------------------------------------------- the rules, so mixed that much happens

    @rule(who=SMALL, told=st.integers(0, 3))
    def pay_everything(self, who: int, told: int) -> None:
        self.pay_at_once(who, "all", 1, told)

    @rule(who=SMALL, which=SMALL, told=st.integers(0, 3))
    def pay_one(self, who: int, which: int, told: int) -> None:
        self.pay_at_once(who, "chosen", which, told)

    @rule(who=SMALL, part=st.integers(1, 9), told=st.integers(0, 3))
    def pay_some(self, who: int, part: int, told: int) -> None:
        self.pay_at_once(who, "amount", part, told)

    @rule(
        who=SMALL,
        part=st.integers(1, 9),
        then=st.sampled_from(["note", "offer", "other", "plan"]),
        told=SMALL,
    )
    def pay_what_changed(self, who: int, part: int, then: str, told: int) -> None:
        """He has the page open, something changes what it asks for, and he pays it all the same (FT-06)."""
        before = len(self.bank.pages)
        self.start(who, "all", part, Mood.WELL, None)
        if len(self.bank.pages) == before:
            return
        page = list(self.bank.pages.values())[-1]
        if then == "note":
            self.credit_note(who, self._owed_of(who), 30)
        elif then == "offer":
            self.settle_for_less(who, 95, 3, 5, pays=False)
        elif then == "plan":
            self.plan(who, 2, 5, by_card=False)
        else:
            self.start(who, "all", part, Mood.AWAY, None)
        if page.state is RemoteState.OPEN:
            self.bank.pay(page)
            TALLY["paid"] += 1
            if told % 2:
                self._hear(self.bank.told[-1])

    @precondition(lambda self: self._pages(RemoteState.OPEN, RemoteState.PROCESSING))
    @rule(which=SMALL, what=st.sampled_from(["pay", "pay", "debit", "arrives", "bounces"]))
    def on_a_page(self, which: int, what: str) -> None:
        """Something happens on a page that was left open, or to a debit on its way."""
        if what in ("pay", "debit") and self._pages(RemoteState.OPEN):
            (self.pay if what == "pay" else self.pay_by_debit)(which)
        elif self._pages(RemoteState.PROCESSING):
            self.end_debit(which, comes=what != "bounces")

    @rule(who=SMALL, what=st.sampled_from(["next", "late", "rest", "offer", "offer", "short"]), told=SMALL)
    def pay_as_agreed(self, who: int, what: str, told: int) -> None:
        """A debtor pays of his plan or his offer, in full or one step short."""
        before = len(self.bank.pages)
        if what in ("offer", "short"):
            self.pay_offer(who, -1 if what == "short" else 0)
        else:
            self.pay_plan(who, what)
        for page in list(self.bank.pages.values())[before:]:
            if page.state is RemoteState.OPEN:
                self.bank.pay(page)
                TALLY["paid"] += 1
                if told % 3:
                    self._hear(self.bank.told[-1])

    @rule(
        who=SMALL, percent=st.integers(91, 99), bills=st.integers(1, 3), days=st.integers(0, 12),
        what=st.sampled_from(["only offer", "accept", "accept", "pay", "pay", "withdraw"]),
    )  # fmt: skip
    def a_settlement(self, who: int, percent: int, bills: int, days: int, what: str) -> None:
        if what in ("only offer", "withdraw"):
            self.offer(who, percent, bills, days)
            if what == "withdraw":
                self.answer_offer(who, withdraw=True)
        else:
            self.settle_for_less(who, percent, bills, max(days, 1), pays=what == "pay")

    @rule(
        who=SMALL, which=SMALL, percent=st.sampled_from([1, 7, 15, 30, 100]),
        what=st.sampled_from(["note", "note", "invoice", "invoice", "answer", "cancel"]),
    )  # fmt: skip
    def desk(self, who: int, which: int, percent: int, what: str) -> None:
        """The desk works: a credit note, another document, a plan that ends."""
        if what == "note":
            self.credit_note(who, which, percent)
        elif what == "invoice":
            self.invoice(who, 3 + 7 * percent)
        elif what == "answer":
            self.answer_offer(who, withdraw=False)
        else:
            self.cancel_plan(who)

    @precondition(lambda self: self.bank.charges)
    @rule(
        which=SMALL, percent=st.sampled_from([10, 33, 50, 100, 100]),
        what=st.sampled_from(["refund", "refund", "fails", "chargeback", "chargeback", "won", "lost"]),
        told=SMALL,
    )  # fmt: skip
    def gateways_desk(self, which: int, percent: int, what: str, told: int) -> None:
        """Money goes back, or comes back, at the gateway; mostly we hear of it."""
        before = len(self.bank.told)
        if what == "refund":
            self.refund_at_the_gateway(which, percent)
        elif what == "fails":
            self.refund_fails(which)
        elif what == "chargeback":
            self.chargeback(which, percent)
        else:
            self.chargeback_decided(which, won=what == "won")
        for event in self.bank.told[before:] if told % 4 else ():
            self._hear(event)

    def _owed_of(self, who: int) -> int:
        """The place of a document of which something is owed."""
        person = self._person_of(who)
        owed = [n for n, key in enumerate(sorted(person.refs)) if person.model.bills[key].open]
        return owed[0] if owed else 0

    # ------------------------------------------------------------- debtors

    @rule(
        who=SMALL, kind=st.sampled_from(["all", "overdue", "chosen", "amount"]), part=st.integers(1, 9),
        mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.WELL, Mood.LOST, Mood.AWAY]),
        strike=st.sampled_from(WHILE_STARTING),
    )  # fmt: skip
    def start(self, who: int, kind: str, part: int, mood: Mood, strike: str | None) -> None:
        """A debtor opens the payment page."""
        person = self._person_of(who)
        refs: tuple[str, ...] = ()
        amount = None
        if kind in ("chosen", "amount"):
            owed = [k for k in sorted(person.refs) if person.model.bills[k].open] or sorted(person.refs)
            key = owed[part % len(owed)]
            refs = (person.refs[key],)
            if kind == "amount":
                minor = person.model.bills[key].open * part // 10
                amount = Money(minor - minor % 100, person.currency)
        self.bank.mood = mood
        self._start(person, Choice(kind, person.currency, refs, amount), f"start {kind}", strike)

    def pay_at_once(self, who: int, kind: str, part: int, told: int) -> None:
        """A good day: he opens the page, pays, and mostly we hear of it at once."""
        self.start(who, kind, part, Mood.WELL, None)
        pages = self._pages(RemoteState.OPEN)
        if pages:
            self.bank.pay(pages[-1])
            TALLY["paid"] += 1
            for event in self.bank.told[-told:] if told else ():
                self._hear(event)

    def settle_for_less(self, who: int, percent: int, bills: int, days: int, pays: bool) -> None:
        """The desk offers, the debtor accepts, and perhaps he pays at once."""
        self.offer(who, percent, bills, days)
        self.answer_offer(who, withdraw=False)
        if pays:
            self.pay_offer(who, 0)
            pages = self._pages(RemoteState.OPEN)
            if pages:
                self.bank.pay(pages[-1])
                self._hear(self.bank.told[-1])

    def pay_plan(self, who: int, what: str) -> None:
        """A debtor pays of his plan by hand."""
        person = self._person_of(who)
        for plan in person.model.plans.values():
            with self._trying("start of plan"):
                with self.store.read() as session:
                    ref = session.get_one(Plan, plan.plan_id).ref
                    choice = plan_reads.choice(session, person.holder, ref, what, now=self.now)
                self._open_page(person, choice)

    def pay_offer(self, who: int, units: int) -> None:
        """A debtor pays what he agreed to: to the unit, or one payable step short."""
        person = self._person_of(who)
        for agreed in person.model.offers.values():
            if agreed.status != "accepted":
                continue
            with self.store.read() as session:
                due = offer_money.sums(session, session.get_one(Offer, agreed.offer_id)).due
            step = 100 if person.currency == "HUF" else 1
            minor = due.minor + min(units, 0) * step
            if minor > 0:
                refs = tuple(person.refs[key] for key in agreed.bills)
                choice = Choice("arranged", person.currency, refs, Money(minor, person.currency))
                self._start(person, choice, "start of offer", None)

    def pay(self, which: int) -> None:
        """He pays on the page; whether we ever hear of it is another matter."""
        pages = self._pages(RemoteState.OPEN)
        self.bank.pay(pages[which % len(pages)])
        TALLY["paid"] += 1

    def pay_by_debit(self, which: int) -> None:
        pages = self._pages(RemoteState.OPEN)
        self.bank.debit(pages[which % len(pages)])
        TALLY["debit begun"] += 1

    def end_debit(self, which: int, comes: bool) -> None:
        pages = self._pages(RemoteState.PROCESSING)
        page = pages[which % len(pages)]
        if comes:
            self.bank.pay(page)
        else:
            self.bank.bounce(page)
        TALLY["debit ended"] += 1

    @rule(who=SMALL, percent=st.integers(60, 100), days=st.integers(1, 12))
    def promise(self, who: int, percent: int, days: int) -> None:
        person = self._person_of(who)
        open_minor = sum(bill.open for bill in person.model.bills.values())
        minor = open_minor * percent // 100
        amount = Money(minor - minor % 100, person.currency)
        on = self.now.date() + timedelta(days=days)

        def unit(session: Session) -> object:
            account = session.get_one(Account, person.account.id)
            return promises.promise(session, person.holder, account, amount, on, now=self.now)

        with self._trying("promise"):
            self.store.run(unit)

    @rule(who=SMALL, parts=st.integers(2, 3), days=st.integers(2, 14), by_card=st.booleans())
    def plan(self, who: int, parts: int, days: int, by_card: bool) -> None:
        """A debtor agrees to parts; half of them from a kept card."""
        person = self._person_of(who)
        wish = Wish(parts, self.now.date() + timedelta(days=days), Every.WEEK)

        def unit(session: Session) -> int:
            made = plans.propose(
                session, person.holder, account_id=person.account.id, currency=person.currency,
                invoice_refs=[r for k, r in person.refs.items() if person.model.bills[k].open],
                wish=wish, now=self.now,
            )  # fmt: skip
            name = plans.Signature("Helen Marsh", "Owner", True, "en", None)
            plan = plans.accept(
                session, person.holder, made.ref, digest=made.terms_digest, signature=name,
                reason="the season", now=self.now,
            )  # fmt: skip
            if plan.status is not PlanStatus.ACTIVE:
                raise Refused("beyond_the_band")
            if by_card:
                card = self._card(session, person)
                plan_changes.pay_by_card(session, person.holder, plan.ref, card, now=self.now)
            return plan.id

        with self._trying("plan"):
            plan_id = self.store.run(unit)
            covers = self.books.rows(
                "SELECT invoice_id, covered_minor FROM plan_invoice WHERE plan_id = :p", p=plan_id
            )
            person.model.plans[plan_id] = Parts(
                plan_id, [part.amount_minor for part in self.books.parts(plan_id)],
                {r.invoice_id: r.covered_minor for r in covers},
            )  # fmt: skip
            # A plan is made over all that is open and free, to the unit.
            made = person.model.plans[plan_id]
            assert all(0 < minor <= person.model.bills[key].open for key, minor in made.covers.items())
            assert sum(made.covers.values()) == made.total

    def _card(self, session: Session, person: Person) -> SavedCard:
        if person.card_id is not None and (kept := session.get(SavedCard, person.card_id)) is not None:
            return kept
        card = SavedCard(
            account_id=person.account.id, contact_id=person.contact.id, status=CardStatus.ACTIVE,
            gateway_account="default", customer_id="cus_1", payment_method_id=f"pm_{person.account.id}",
            brand="visa", last4="4242", expires_month=11, expires_year=2039, consent_text="You may.",
            consent_version="1", consent_language="en", consented_at=self.now,
        )  # fmt: skip
        session.add(card)
        session.flush()
        person.card_id = card.id
        return card

    def cancel_plan(self, who: int) -> None:
        person = self._person_of(who)
        for plan in person.model.plans.values():
            with self._trying("cancel plan"):
                with self.store.read() as session:
                    ref = session.get_one(Plan, plan.plan_id).ref
                self.store.run(
                    lambda s, ref=ref: plan_ends.cancel(  # type: ignore[misc]
                        s, person.supervisor, ref, reason="asked for", now=self.now
                    )
                )

    def offer(self, who: int, percent: int, bills: int, days: int) -> None:
        """The desk offers a settlement for some of the documents."""
        person = self._person_of(who)
        keys = [key for key in sorted(person.refs) if person.model.bills[key].open][:bills]
        minor = sum(person.model.bills[key].open for key in keys) * percent // 100
        amount = Money(minor - minor % 100, person.currency)
        with self._trying("offer"):
            self.store.run(
                lambda s: offer_making.propose(
                    s, person.supervisor, person.account.ref, invoice_refs=[person.refs[k] for k in keys],
                    amount=amount, pay_by_on=self.now.date() + timedelta(days=days), reason="the shop closes",
                    now=self.now,
                )
            )  # fmt: skip

    def answer_offer(self, who: int, withdraw: bool) -> None:
        """The debtor accepts what stands open, or the desk takes it back."""
        person = self._person_of(who)
        with self.store.read() as session:
            standing = session.scalars(
                select(Offer)
                .where(Offer.account_id == person.account.id, Offer.status == OfferStatus.OPEN)
                .order_by(Offer.id)
            ).first()
        if standing is None:
            return
        if withdraw:
            with self._trying("withdraw offer"):
                self.store.run(
                    lambda s: offer_deciding.withdraw(s, person.supervisor, standing.ref, now=self.now)
                )
            return
        with self._trying("accept offer"):
            self.store.run(
                lambda s: offers.accept(
                    s, person.holder, standing.ref, digest=standing.content_digest, name="Helen Marsh",
                    role="Owner", binds=True, language="en", ip_prefix=None, now=self.now,
                )
            )  # fmt: skip
            found = self.books.rows(
                "SELECT invoice_id, balance_minor FROM offer_invoice WHERE offer_id = :o ORDER BY invoice_id",
                o=standing.id,
            )
            # It was accepted over the balances that the reader saw (M-11).
            assert {r.invoice_id: r.balance_minor for r in found} == {
                r.invoice_id: person.model.bills[r.invoice_id].open for r in found
            }
            person.model.accept(
                Agreed(
                    standing.id, [r.invoice_id for r in found], standing.amount_minor, standing.pay_by_on,
                    person.model.turn,
                )
            )  # fmt: skip

    # ------------------------------------------------------------- the desk and the gateway's own desk

    def invoice(self, who: int, minor: int) -> None:
        """The creditor's books bring another document, as late as an offer needs."""
        person = self._person_of(who)
        if sum(bill.open > 0 for bill in person.model.bills.values()) > 3:
            return
        total = minor * (10_000 if person.currency == "HUF" else 101)
        with self.store.write() as session:
            account = session.get_one(Account, person.account.id)
            bill = make.an_invoice(
                session, account, total=total, currency=person.currency,
                due_on=self.now.date() - timedelta(days=65), now=self.now,
            )  # fmt: skip
        person.refs[bill.id] = bill.ref
        person.model.bills[bill.id] = Bill(bill.id, total, len(person.model.bills))
        TALLY["invoice"] += 1

    def credit_note(self, who: int, which: int, percent: int) -> None:
        person = self._person_of(who)
        key = sorted(person.refs)[which % len(person.refs)]
        minor = person.model.bills[key].open * percent // 100
        amount = Money(minor - minor % 100 if percent < 100 else minor, person.currency)
        with self._trying("credit note"):
            self.store.run(
                lambda s: credit_notes.record_credit_note(
                    s, SYSTEM, person.refs[key], number=f"CN-{next(self._nonces)}", amount=amount,
                    reason="torn", now=self.now,
                )
            )  # fmt: skip
            person.model.credit(key, amount.minor)

    def refund_at_the_gateway(self, which: int, percent: int) -> None:
        """Somebody refunds at the Dashboard; we learn of it by an event, or later."""
        charges = [c for c in self.bank.charges.values() if self.bank.left(c) > 0]
        if not charges:
            return
        charge = charges[which % len(charges)]
        minor = self._some(charge, percent)
        if minor:
            self.bank.give_back(charge, minor)
            TALLY["refund at the gateway"] += 1

    def _some(self, charge: Charge, percent: int) -> int:
        minor = self.bank.left(charge) * percent // 100
        return minor - minor % 100 if charge.currency == "HUF" else minor

    def refund_fails(self, which: int) -> None:
        done = [r for r in self.bank.refunds.values() if r.state is RefundState.SUCCEEDED]
        if not done:
            return
        self.bank.fail_refund(done[which % len(done)])
        TALLY["refund failed"] += 1

    def chargeback(self, which: int, percent: int) -> None:
        charges = [c for c in self.bank.charges.values() if self.bank.left(c) > 0]
        if not charges:
            return
        charge = charges[which % len(charges)]
        minor = self._some(charge, percent)
        if minor and not any(c.charge is charge for c in self.bank.contests.values()):
            self.bank.contest(charge, minor)
            TALLY["chargeback"] += 1

    def chargeback_decided(self, which: int, won: bool) -> None:
        running = [c for c in self.bank.contests.values() if c.state == "needs_response"]
        if not running:
            return
        self.bank.decide(running[which % len(running)], won=won)
        TALLY["chargeback won" if won else "chargeback lost"] += 1

    # ------------------------------------------------------------- hearing of it

    @precondition(lambda self: self.bank.told)
    @rule(
        which=st.integers(0, 200), times=st.integers(1, 3),
        mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.AWAY]),
        strike=st.sampled_from(WHILE_SETTLING),
    )  # fmt: skip
    def webhook(self, which: int, times: int, mood: Mood, strike: str | None) -> None:
        """Any event that was ever told arrives, once or doubled, in any order."""
        event = self.bank.told[-1 - which % len(self.bank.told)]
        for turn in range(times):
            self.bank.mood = mood if not turn else Mood.WELL
            self._hear(event, strike if not turn else None)

    def _hear(self, event: GatewayEvent, strike: str | None = None) -> None:
        with self._trying("webhook", strike):
            self.store.run(lambda s: inbox.accept(s, event, gateway_account="default", now=self.now))
            self._work_inbox()

    def _work_inbox(self) -> None:
        """Do what waits, as the worker does: what raises is put back."""
        while True:
            taken = self.store.run(
                lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=self.now, limit=20)
            )
            if not taken:
                return
            for row in taken:
                try:
                    inbox.process(self.store, self.bank, row, now=self.now)
                except fault_points.Struck as struck:
                    fault_points.arm(None)
                    inbox.fail(self.store, row, str(struck), now=self.now)

    @precondition(lambda self: self.books.attempts())
    @rule(which=SMALL, mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.LOST, Mood.AWAY]))
    def look_at_return_page(self, which: int, mood: Mood) -> None:
        refs = list(self.books.attempts())
        self.bank.mood = mood
        with self._trying("return page"):
            settling.settle(self.store, self.bank, refs[which % len(refs)], now=self.now)

    @rule(minutes=st.sampled_from([1, 15, 90, 60 * 25]), strike=st.sampled_from(WHILE_SETTLING))
    def sweep(self, minutes: int, strike: str | None) -> None:
        self._advance(timedelta(minutes=minutes))
        with self._trying("sweep", strike):
            self._sweep()
        self.queue()

    def _sweep(self) -> None:
        sweeping.sweep(self.store, self.bank, gateway_account="default", now=self.now)
        self._sync()

    @rule()
    def backfill(self) -> None:
        """Everything the gateway ever told is read from its list, oldest first."""
        for event in list(self.bank.told):
            self._hear(event)
        TALLY["backfill"] += 1

    def queue(self) -> None:
        """The worker ends pages that nobody shall pay any more (decision 14)."""
        with self._trying("queue"):
            self._work_queue()

    def _work_queue(self) -> None:
        with self.store.read() as session:
            waiting = session.scalars(
                select(Job).where(Job.kind == "expire_session", Job.status != JobStatus.DONE)
            ).all()
        for job in waiting:
            try:
                settling.end_superseded(self.store, self.bank, job.payload["attempt_ref"], now=self.now)
            except GatewayError:
                continue
            self._sync()

    # ------------------------------------------------------------- days

    @rule(
        days=st.sampled_from([1, 1, 3, 8]),
        card=st.sampled_from([None, None, "insufficient_funds", "authentication_required", "expired_card"]),
        mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.LOST, Mood.AWAY]),
        strike=st.sampled_from(WHILE_CHARGING),
    )  # fmt: skip
    def night(self, days: int, card: str | None, mood: Mood, strike: str | None) -> None:
        """Days pass: what the daily work does, and what is due is charged to the card."""
        self._advance(timedelta(days=days))
        self.bank.card = card
        for person in self.people:
            for work in DAYS_WORK:
                self._days_work(work, person)
            self._sync()
            self._charge(person, mood, strike)
            self.charge_again(person)

    def _days_work(self, work: daily.Work, person: Person) -> None:
        self.store.run(lambda s: daily.once(s, work, person.account.id, now=self.now))

    def charge_again(self, person: Person) -> None:
        """A second worker, or the same one again: what is done is found done (FT-25)."""
        self._charge(person, Mood.WELL, None)

    def _charge(self, person: Person, mood: Mood, strike: str | None) -> None:
        with self.store.read() as session:
            due = plan_days.due_charges(session, person.account.id, self.now.date())
        for instalment_id in due:
            self.bank.mood = mood
            with self._trying("charge", strike):
                charging.charge_instalment(self.store, self.bank, SYSTEM, instalment_id, now=self.now)

    # ------------------------------------------------------------- the model follows

    def _sync(self) -> None:
        """Tell the model what is new in the books, in the order in which it was posted."""
        by_account = {person.account.id: person for person in self.people}
        news = [
            (row.entry_id, "came", row)
            for row in self.books.booked()
            if row.charge_id not in by_account[row.account_id].model.paid
        ]
        news += [
            (row.entry_id, "back", row)
            for row in self.books.taken_back()
            if row.id not in self.seen_reversals
        ]
        for _, what, row in sorted(news, key=lambda found: found[0]):
            model = by_account[row.account_id].model
            if what == "came":
                self._came(model, row)
            else:
                self.seen_reversals.add(row.id)
                self._went(model, row)
        for plan in self.books.plans():
            model = by_account[plan.account_id].model
            if plan.id in model.plans:
                model.plans[plan.id].follow(plan.status, model)
        for offer_id, status in self.books.offers().items():
            for person in self.people:
                agreed = person.model.offers.get(offer_id)
                if agreed is not None and agreed.status == "accepted" and status == "lapsed":
                    assert self.now.date() > agreed.pay_by, "an offer lapsed before its day"
                    assert person.model.received(agreed) < agreed.minor
                    agreed.status = "lapsed"

    def _came(self, model: Reference, row: Any) -> None:
        charge = self.bank.charges.get(row.charge_id)
        assert charge is not None, f"booked and never taken: {row.charge_id}"
        assert (charge.minor, charge.currency, charge.ref) == (row.amount_minor, row.currency, row.ref)
        begun = self.books.rows("SELECT started_at FROM payment_attempt WHERE id = :a", a=row.attempt_id)[0]
        started = datetime.fromisoformat(str(begun.started_at)).date()
        charged = self.books.charge_of(row.attempt_id)
        for_nothing = False
        if charged is not None and charged.plan_id in model.plans:
            plan = model.plans[charged.plan_id]
            for_nothing = charged.seq <= model.parts_paid(plan) or charged.instalment_id in self.credited
            if not for_nothing and plan.runs:
                self.credited.add(charged.instalment_id)
                self.charged[row.charge_id] = (charged.instalment_id, charged.seq, plan)
        model.book(
            row.charge_id, row.amount_minor, self.books.reserved(row.attempt_id),
            on=min(started, charge.at.date()), for_nothing=for_nothing,
        )  # fmt: skip
        TALLY["booked"] += 1
        TALLY["booked beyond what was open"] += bool(model.paid[row.charge_id].free)

    def _went(self, model: Reference, row: Any) -> None:
        if row.undoes_id is None:
            model.take_back(row.id, row.charge_id, row.amount_minor)
            TALLY["taken back"] += 1
            if row.charge_id in self.charged:
                # A part whose money went back may be charged anew.
                instalment_id, seq, plan = self.charged[row.charge_id]
                if seq > model.parts_paid(plan):
                    self.credited.discard(instalment_id)
        else:
            model.give_back(row.undoes_id, row.amount_minor)
            TALLY["given back"] += 1

    # ------------------------------------------------------------- what must always hold

    @invariant()
    def the_books_are_good(self) -> None:
        TALLY["steps"] += 1
        assert faults(self.books) == []

    @invariant()
    def the_books_say_what_happened(self) -> None:
        """INV-2, INV-3, INV-7: open, unapplied, cash and held are what the model says, to the unit."""
        opened, unapplied = self.books.open(), self.books.unapplied()
        cash: dict[str, int] = defaultdict(int)
        beyond: dict[str, int] = defaultdict(int)
        for person in self.people:
            model = person.model
            for key, bill in model.bills.items():
                assert opened[key] == bill.open, f"open on {key}: books {opened[key]}, model {bill.open}"
            assert unapplied.get(person.account.id, 0) == model.unapplied
            cash[person.currency] += sum(paid.minor - paid.gone for paid in model.paid.values())
            beyond[person.currency] += sum(paid.beyond for paid in model.paid.values())
        clearing, fees = self.books.of("gateway_clearing"), self.books.of("gateway_fees")
        held, payable = self.books.of("chargebacks_held"), self.books.of("refunds_payable")
        for currency, minor in cash.items():
            assert clearing[currency] + fees[currency] == minor
            assert held[currency] + payable[currency] == beyond[currency]

    @invariant()
    def arrangements_follow_the_money(self) -> None:
        """INV-11, INV-12: parts are paid as far as money came; an offer stands as its money does."""
        statuses = self.books.offers()
        for person in self.people:
            for plan in person.model.plans.values():
                if not plan.is_counted:
                    continue
                paid = [part.status == "paid" for part in self.books.parts(plan.plan_id)]
                must = person.model.parts_paid(plan)
                assert paid == [n < must for n in range(len(paid))], (
                    f"plan {plan.plan_id}: {paid}, must {must}"
                )
                if plan.status == "active":
                    assert must < len(paid), "a plan that is paid runs on"
                elif plan.status == "completed" and must < len(paid):
                    assert person.model.is_in_the_way_of(plan), "a plan that is not paid is completed"
            for agreed in person.model.offers.values():
                assert statuses[agreed.offer_id] == agreed.status, f"offer {agreed.offer_id}"

    # ------------------------------------------------------------- the end

    def teardown(self) -> None:
        try:
            if self.people:
                self._heal()
        finally:
            if self._spoil is not None:
                self._spoil.__exit__(None, None, None)
            self.store.dispose()
            self._database.__exit__(None, None, None)
            self._folder.cleanup()

    def _heal(self) -> None:
        """Everything that was lost is found again without a person: INV-4, INV-6, INV-13."""
        self.bank.mood = Mood.WELL
        for step in (timedelta(minutes=3), timedelta(hours=2), timedelta(hours=26)):
            self._advance(step)
            self.backfill()
            with self._trying("healing"):
                self._work_inbox()
                self._sync()
                self._work_queue()
                self._sweep()
        self.the_books_are_good()
        self.the_books_say_what_happened()
        self.arrangements_follow_the_money()
        booked = {charge_id for person in self.people for charge_id in person.model.paid}
        assert booked == set(self.bank.charges), "money was taken and is not in the books"
        clearing, fees = self.books.of("gateway_clearing"), self.books.of("gateway_fees")
        both = sum(clearing.values()) + sum(fees.values())
        assert both == self.bank.balance(), "the gateway holds another sum than the books say"
        open_ended = set(self.books.attempts().values()) & {"created", "open", "unknown"}
        assert not open_ended, "an attempt without an end"
        left = self.books.rows(
            "SELECT event_id, status FROM inbox_event WHERE status <> :done", done=InboxStatus.DONE.value
        )
        assert not left, f"events without an end: {left}"
