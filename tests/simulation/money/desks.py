"""What the desk does, and what happens at the gateway's own desk: money goes back, or comes back."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.approvals import Refund
from models.arrangements import Plan
from models.money import Money
from models.reversals import ReversalCause
from receivables import credit_notes, refunds
from receivables.approvals import deciding
from receivables.arrangements import offer_making, plan_ends
from receivables.permissions import SYSTEM
from receivables.ports import DisputeState, RefundState, RemoteState
from receivables.reversals import taking
from tests import factories as make
from tests.simulation.money.bank import Charge, Contest, Mood
from tests.simulation.money.debtors import Debtors
from tests.simulation.money.reference import Bill, Own
from tests.simulation.money.world import SMALL, TALLY, Person

#: Where a worker may be struck that does what is queued.
WHILE_WORKING = (
    None, None, "job.after_lease:raise", "job.before_done:raise", "refund.before_commit:raise",
    "refund.before_commit:conflict", "refund.after_commit:raise", "refund.after_call:raise",
)  # fmt: skip


class Desks(Debtors):
    """Staff, and whoever works at the gateway's Dashboard."""

    @rule(
        who=SMALL,
        part=st.integers(1, 9),
        then=st.sampled_from(["note", "offer", "other", "plan"]),
        told=SMALL,
    )
    def pay_what_changed(self, who: int, part: int, then: str, told: int) -> None:
        """He has the page open, something changes what it asks for, and he pays it all the same (FT-06)."""
        if not any(bill.open for bill in self._person_of(who).model.bills.values()):
            self.invoice(who, part)
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
        what=st.sampled_from(["note", "note", "invoice", "invoice", "answer", "cancel", "mistake"]),
    )  # fmt: skip
    def desk(self, who: int, which: int, percent: int, what: str) -> None:
        """The desk works: a credit note, another document, a plan that ends, a payment booked by mistake."""
        if what == "note":
            self.credit_note(who, which, percent)
        elif what == "invoice":
            self.invoice(who, 3 + 7 * percent)
        elif what == "answer":
            self.answer_offer(who, withdraw=False)
        elif what == "mistake":
            self.mistake(who, which, percent)
        else:
            self.cancel_plan(who)

    @precondition(lambda self: any(person.model.unapplied > 0 for person in self.people))
    @rule(
        which=SMALL, percent=st.sampled_from([40, 100, 100, 101]), works=st.booleans(),
        strike=st.sampled_from(WHILE_WORKING),
    )  # fmt: skip
    def own_refund(self, which: int, percent: int, works: bool, strike: str | None = None) -> None:
        """Credit goes back to a card that paid: asked for by one, approved by another, sent by a worker.

        Above a hundred it is one step too much: of the credit, or of what may still go back to the card.
        """
        person = next(person for person in self.people if person.model.unapplied > 0)
        model = person.model
        charge_id = list(model.paid)[which % len(model.paid)]
        if percent > 100 and which % 2:
            charge_id = self._given_back(person)
        step = 100 if person.currency == "HUF" else 1
        room = min(model.unapplied, model.left_of(charge_id))
        minor = room + step if percent > 100 else room * percent // 100
        amount = self._payable(minor, person.currency)
        (paid,) = self.books.rows("SELECT number FROM payment WHERE provider_charge_id = :c", c=charge_id)

        def unit(session: Session) -> str:
            asked = refunds.propose_card_refund(
                session, person.accountant, person.account.ref, payment_number=paid.number, amount=amount,
                reason="Paid too much", now=self.now,
            )  # fmt: skip
            deciding.approve(session, person.supervisor, asked.ref, digest=asked.content_digest, now=self.now)
            return session.scalars(select(Refund.ref).where(Refund.request_id == asked.id)).one()

        with self._trying("own refund"):
            ref = self.store.run(unit)
            model.refunds[ref] = Own(charge_id, amount.minor)
            assert amount.minor <= room, f"{amount.minor} is to go back, and {room} is there"
        if works:
            self.work(Mood.WELL, strike)

    def _given_back(self, person: Person) -> str:
        """A charge of which nothing is left, given back at the gateway's own desk; there is other credit."""
        charge_id = min(person.model.paid, key=person.model.left_of)
        charge = self.bank.charges[charge_id]
        if self.bank.left(charge) > 0:
            self.bank.give_back(charge, self.bank.left(charge))
            self._hear(self.bank.told[-1])
        self.pay_what_changed(self.people.index(person), 1, "note", 1)
        return charge_id

    def work(self, mood: Mood, strike: str | None) -> None:
        raise NotImplementedError

    @precondition(lambda self: self.bank.charges)
    @rule(
        which=SMALL, percent=st.sampled_from([10, 33, 50, 100, 100]),
        what=st.sampled_from(
            ["refund", "refund", "fails", "chargeback", "chargeback", "inquiry", "moves", "won", "lost"],
        ),
        told=SMALL,
    )  # fmt: skip
    def gateways_desk(self, which: int, percent: int, what: str, told: int) -> None:
        """Money goes back, or comes back, at the gateway; mostly we hear of it."""
        before = len(self.bank.told)
        if what == "refund":
            self.refund_at_the_gateway(which, percent)
        elif what == "fails":
            self.refund_fails(which)
        elif what in ("chargeback", "inquiry"):
            self.chargeback(which, percent, inquiry=what == "inquiry")
        elif what == "moves":
            self.inquiry_moves(which)
        else:
            self.chargeback_decided(which, won=what == "won", percent=percent)
        for event in self.bank.told[before:] if told % 4 else ():
            self.bank.mood = Mood.AWAY if told % 4 == 1 else Mood.WELL  # asked back, it does not answer
            self._hear(event)

    def _owed_of(self, who: int) -> int:
        """The place of a document of which something is owed."""
        person = self._person_of(who)
        owed = [n for n, key in enumerate(sorted(person.refs)) if person.model.bills[key].open]
        return owed[0] if owed else 0

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
                    amount=amount, pay_by_on=self.today + timedelta(days=days), reason="the shop closes",
                    now=self.now,
                )
            )  # fmt: skip

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
                due_on=self.today - timedelta(days=65), now=self.now,
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
        return self._payable(self.bank.left(charge) * percent // 100, charge.currency).minor

    def refund_fails(self, which: int) -> None:
        done = [r for r in self.bank.refunds.values() if r.state is RefundState.SUCCEEDED]
        own = [r for r in done if r.ref is not None]  # rarer than those of the gateway's own desk
        done = own if own and which % 2 else done
        if not done:
            return
        self.bank.fail_refund(done[which % len(done)])
        TALLY["refund failed"] += 1

    def chargeback(self, which: int, percent: int, *, inquiry: bool) -> None:
        contested = {c.charge.charge_id for c in self.bank.contests.values()}
        charges = [
            c for c in self.bank.charges.values() if self.bank.left(c) > 0 and c.charge_id not in contested
        ]
        debits = [c for c in charges if c.method == "bank_debit"]  # rarer than cards
        charges = debits if debits and which % 2 else charges
        if not charges:
            return
        charge = charges[which % len(charges)]
        minor = self._some(charge, percent)
        if minor:
            self.bank.contest(charge, minor, inquiry=inquiry)
            TALLY["inquiry" if inquiry else f"chargeback of a {charge.method}"] += 1

    def inquiry_moves(self, which: int) -> None:
        """A bank that only asked takes the money after all, as far as it is still there."""
        asked = [
            c for c in self.bank.contests.values()
            if c.is_inquiry and c.state is DisputeState.NEEDS_RESPONSE and self.bank.left(c.charge) >= c.minor
        ]  # fmt: skip
        if asked:
            self.bank.take(asked[which % len(asked)])
            TALLY["inquiry became a chargeback"] += 1

    def chargeback_decided(self, which: int, won: bool, percent: int) -> None:
        """Decided, or decided anew: what was lost may still be won (decisions are appealed)."""
        running = [c for c in self.bank.contests.values() if _may_be(c, won)]
        lost = [c for c in running if c.state is DisputeState.LOST]  # an appeal is rare
        running = lost if lost and which % 2 else running
        if not running:
            return
        contest = running[which % len(running)]
        before = contest.state
        back = self._payable(contest.minor * max(percent, 50) // 100, contest.charge.currency).minor
        self.bank.decide(contest, back if won and not contest.is_inquiry else None, won=won)
        TALLY[f"chargeback {contest.state}" + (" after lost" if before is DisputeState.LOST else "")] += 1

    def mistake(self, who: int, which: int, percent: int) -> None:
        """Staff take a payment back that was booked to the wrong account, or a part of it."""
        person = self._person_of(who)
        model = person.model
        if not model.paid:
            return
        charge_id = list(model.paid)[which % len(model.paid)]
        amount = self._payable(model.left_of(charge_id) * percent // 100, person.currency)
        (paid,) = self.books.rows("SELECT id FROM payment WHERE provider_charge_id = :c", c=charge_id)
        if not amount:
            return
        with self._trying("mistake"):
            self.store.run(
                lambda s: taking.take_back(
                    s, person.accountant, taking.lock_payment(s, paid.id), amount,
                    cause=ReversalCause.MISTAKE, source=f"staff:{next(self._nonces)}", at=self.now,
                    reason="booked to the wrong account", now=self.now,
                )
            )  # fmt: skip


def _may_be(contest: Contest, won: bool) -> bool:
    """What waits is decided either way; what was lost is won later, a debit that was taken back never."""
    if contest.state is DisputeState.LOST:
        return won and contest.charge.method == "card"
    return contest.state is DisputeState.NEEDS_RESPONSE
