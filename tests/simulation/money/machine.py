"""The property machine: anything that people, gateway and crashes may do, in any order (M-23).

After every step the books are read anew and every invariant is asked. In the end everything that was lost is
found again, as in life: backfill, sweeper, the queue. Nothing the bank ever took may then be missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from hypothesis.stateful import invariant

from models.states import InboxStatus, JobStatus
from receivables.ports import RefundState
from tests.simulation.money.bank import Mood
from tests.simulation.money.books import faults
from tests.simulation.money.hearing import Hearing
from tests.simulation.money.world import TALLY


class MoneyMachine(Hearing):
    """What must always hold, and what must hold in the end."""

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
            free = unapplied.get(person.account.id, 0)
            assert free == model.unapplied, f"unapplied: books {free}, model {model.unapplied}"
            cash[person.currency] += sum(paid.minor - paid.gone for paid in model.paid.values()) - model.sent
            beyond[person.currency] += sum(paid.beyond for paid in model.paid.values())
            beyond[person.currency] += model.sent - model.refunded
        clearing, fees = self.books.of("gateway_clearing"), self.books.of("gateway_fees")
        held, payable = self.books.of("chargebacks_held"), self.books.of("refunds_payable")
        for currency, minor in cash.items():
            here = clearing[currency] + fees[currency]
            assert here == minor, f"cash in {currency}: books {here}, model {minor}"
            waits = held[currency] + payable[currency]
            assert waits == beyond[currency], f"held in {currency}: books {waits}, model {beyond[currency]}"

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
                self.heal()
        finally:
            self.close()

    def follow(self, *story: Callable[[MoneyMachine], object]) -> None:
        """Do what a story tells instead of chance, step by step, to the end that every run has."""
        self.people_owe()
        for step in story:
            step(self)
            self.holds()
        self.heal()

    def holds(self) -> None:
        """Ask every invariant, as after each step."""
        self.the_books_are_good()
        self.the_books_say_what_happened()
        self.arrangements_follow_the_money()

    def heal(self) -> None:
        """Everything that was lost is found again without a person: INV-4, INV-6, INV-13."""
        self.bank.mood = Mood.WELL
        for step in (timedelta(minutes=3), timedelta(hours=2), timedelta(hours=26)):
            self._advance(step)
            self.backfill()
            self.sweep(1, None)
        self.holds()
        booked = {charge_id for person in self.people for charge_id in person.model.paid}
        assert booked == set(self.bank.charges), "money was taken and is not in the books"
        clearing, fees = self.books.of("gateway_clearing"), self.books.of("gateway_fees")
        both = sum(clearing.values()) + sum(fees.values())
        held = self.bank.balance() - self.books.mistaken()
        assert both == held, "the gateway holds another sum than the books say"
        self._refunds_have_ended()
        open_ended = set(self.books.attempts().values()) & {"created", "open", "unknown"}
        assert not open_ended, "an attempt without an end"
        left = self.books.rows(
            "SELECT event_id, status FROM inbox_event WHERE status <> :done", done=InboxStatus.DONE.value
        )
        assert not left, f"events without an end: {left}"
        left = self.books.rows(
            "SELECT kind, status FROM job WHERE status <> :done"
            " AND kind IN ('expire_session', 'send_refund')",
            done=JobStatus.DONE.value,
        )
        assert not left, f"work without an end: {left}"

    def _refunds_have_ended(self) -> None:
        """Each refund of ours is one at the gateway, or none; none waits (P-20)."""
        for person in self.people:
            for ref, own in person.model.refunds.items():
                there = [r for r in self.bank.refunds.values() if r.ref == ref]
                assert len(there) <= 1, f"{ref} was made twice"
                arrived = [r for r in there if r.state is RefundState.SUCCEEDED]
                assert own.status == ("paid_out" if arrived else "failed"), f"refund {ref}: {own.status}"
                for refund in arrived:
                    assert (refund.minor, refund.charge.charge_id) == (own.minor, own.charge_id)
