"""What debtors do: open pages, pay them, promise, agree to a plan or an offer."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Every, Offer, Plan, SavedCard
from models.money import Money
from models.states import CardStatus, OfferStatus, PlanStatus
from receivables.arrangements import (
    offer_deciding,
    offer_money,
    offers,
    plan_changes,
    plan_reads,
    plans,
    promises,
)
from receivables.arrangements.plan_terms import Wish
from receivables.errors import Refused
from receivables.payments import starting
from receivables.payments.quotes import Choice
from receivables.ports import GatewayEvent, RemoteState
from tests.simulation.money.bank import Mood
from tests.simulation.money.reference import Agreed, Parts
from tests.simulation.money.world import SMALL, TALLY, Person, World

#: Where a start may be struck, and how.
WHILE_STARTING = (
    None, None, None, "attempt.before_commit:raise", "attempt.before_commit:conflict",
    "attempt.after_commit:raise", "attempt.after_call:raise",
)  # fmt: skip
#: Where a worker may be struck that hears of money.
WHILE_SETTLING = ("settle.before_commit:raise", "settle.before_commit:conflict", "settle.after_commit:raise")
WHILE_HEARING = (
    None, None, None, None, *WHILE_SETTLING, "event.before_commit:raise", "event.after_commit:raise",
    "event.after_lease:raise", "event.before_done:raise",
)  # fmt: skip


class Debtors(World):
    """People who owe."""

    def _start(self, person: Person, choice: Choice, what: str, strike: str | None) -> None:
        with self._trying(what, strike):
            self._open_page(person, choice)

    def _open_page(self, person: Person, choice: Choice) -> None:
        starting.start(
            self.store, self.bank, person.holder, choice, account_id=person.account.id,
            zone=person.account.zone, nonce=f"n{next(self._nonces)}", language="en", title="Northgate",
            note=None, base_url="http://127.0.0.1:9", now=self.now,
        )  # fmt: skip

    def _hear(self, event: GatewayEvent, strike: str | None = None) -> None:
        raise NotImplementedError

    @rule(who=SMALL, told=st.integers(0, 3))
    def pay_everything(self, who: int, told: int) -> None:
        self.pay_at_once(who, "all", 1, told)

    @rule(who=SMALL, which=SMALL, told=st.integers(0, 3))
    def pay_one(self, who: int, which: int, told: int) -> None:
        self.pay_at_once(who, "chosen", which, told)

    @rule(who=SMALL, part=st.integers(1, 9), told=st.integers(1, 3), strike=st.sampled_from(WHILE_HEARING))
    def pay_some(self, who: int, part: int, told: int, strike: str | None) -> None:
        """He pays a part; whoever hears of it first may be struck."""
        self.pay_at_once(who, "amount", part, told, strike)

    @precondition(lambda self: self._pages(RemoteState.OPEN))
    @rule(which=SMALL)
    def on_a_page(self, which: int) -> None:
        """He pays on a page that was left open."""
        self.pay(which)

    @rule(who=SMALL, part=st.integers(1, 9), told=st.booleans())
    def debit(self, who: int, part: int, told: bool) -> None:
        """He opens the page and lets his bank send the money; mostly we hear that it is on its way."""
        self.start(who, "chosen", part, Mood.WELL, None)
        pages = self._pages(RemoteState.OPEN)
        if pages:
            self.pay_by_debit(len(pages) - 1)
            if told:
                self._hear(self.bank.told[-1])

    @precondition(lambda self: self._pages(RemoteState.PROCESSING))
    @rule(which=SMALL, comes=st.sampled_from([True, True, False]), told=st.booleans())
    def debit_ends(self, which: int, comes: bool, told: bool) -> None:
        """A debit on its way arrives, or it does not."""
        self.end_debit(which, comes=comes)
        if told:
            self._hear(self.bank.told[-1])

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

    def pay_at_once(self, who: int, kind: str, part: int, told: int, strike: str | None = None) -> None:
        """A good day: he opens the page, pays, and mostly we hear of it at once.

        Args:
            told: how many of the last events reach us; the first of them with the strike.
        """
        self.start(who, kind, part, Mood.WELL, None)
        pages = self._pages(RemoteState.OPEN)
        if pages:
            self.bank.pay(pages[-1])
            TALLY["paid"] += 1
            for event in self.bank.told[-told:] if told else ():
                self._hear(event, strike)
                strike = None

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
        on = self.today + timedelta(days=days)

        def unit(session: Session) -> object:
            account = session.get_one(Account, person.account.id)
            return promises.promise(session, person.holder, account, amount, on, now=self.now)

        with self._trying("promise"):
            self.store.run(unit)

    @rule(who=SMALL, parts=st.integers(2, 3), days=st.integers(2, 14), by_card=st.booleans())
    def plan(self, who: int, parts: int, days: int, by_card: bool) -> None:
        """A debtor agrees to parts; half of them from a kept card."""
        person = self._person_of(who)
        wish = Wish(parts, self.today + timedelta(days=days), Every.WEEK)

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
