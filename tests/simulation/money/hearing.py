"""How we hear of it: notifications, the return page, sweeps, the gateway's list, the queue and the days."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from jobs import daily, worker
from receivables.arrangements import charging, plan_days
from receivables.payments import settling
from receivables.permissions import SYSTEM
from receivables.ports import GatewayEvent
from receivables.reconciling import backfill
from tests.simulation.money.bank import Mood
from tests.simulation.money.debtors import WHILE_HEARING, WHILE_SETTLING
from tests.simulation.money.desks import WHILE_WORKING, Desks
from tests.simulation.money.world import SMALL, Person

#: Where a worker may be struck that charges.
WHILE_CHARGING = (
    None, None, None, "attempt.after_commit:raise", "charge.after_call:raise", *WHILE_SETTLING,
)  # fmt: skip
#: How long a worker keeps what it took up when it dies (policy_default.toml, worker.lease_seconds).
LEASE = timedelta(minutes=2)
#: What a day does to arrangements.
_ARRANGED = ("offer_ends", "plans", "cards_that_end", "promise_tomorrow", "promise_broken")
DAYS_WORK = tuple(work for work in daily.DAILY if work.name in _ARRANGED)


class Hearing(Desks):
    """The worker of the product, one turn after the other."""

    @precondition(lambda self: self.bank.told)
    @rule(
        which=st.integers(0, 200), times=st.integers(1, 3),
        mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.AWAY]),
        strike=st.sampled_from(WHILE_HEARING),
    )  # fmt: skip
    def webhook(self, which: int, times: int, mood: Mood, strike: str | None) -> None:
        """Any event that was ever told arrives, once or doubled, in any order."""
        event = self.bank.told[-1 - which % len(self.bank.told)]
        for turn in range(times):
            self.bank.mood = mood if not turn else Mood.WELL
            self._hear(event, strike if not turn else None)

    def _hear(self, event: GatewayEvent, strike: str | None = None) -> None:
        """The gateway knocks at our page, and a worker takes up what waits."""
        with self._trying("webhook", strike):
            answer = self.site.post(
                "/webhooks/stripe/default", data=event.event_id, headers={"Stripe-Signature": "good"}
            )
            assert answer.status_code == 200
            self._work_inbox()

    def _work_inbox(self) -> None:
        while worker.take_events(self.workshop, worker="w", now=self.now):  # type: ignore[arg-type]
            pass

    @precondition(lambda self: self.books.attempts())
    @rule(which=SMALL, mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.LOST, Mood.AWAY]))
    def look_at_return_page(self, which: int, mood: Mood) -> None:
        refs = list(self.books.attempts())
        self.bank.mood = mood
        with self._trying("return page"):
            settling.settle(self.store, self.bank, refs[which % len(refs)], now=self.now)

    @rule(
        minutes=st.sampled_from([1, 15, 90, 60 * 25]), strike=st.sampled_from((None, None, *WHILE_SETTLING))
    )
    def sweep(self, minutes: int, strike: str | None) -> None:
        """The sweeper comes by: attempts, refunds, chargebacks."""
        self._advance(timedelta(minutes=minutes))
        with self._trying("sweep", strike):
            worker.sweep(self.workshop, now=self.now)  # type: ignore[arg-type]
        self.work(Mood.WELL, None)

    @rule()
    def backfill(self) -> None:
        """What is due of the gateway's own list of events is read (P-15)."""
        self._advance(timedelta(minutes=10))
        with self._trying("backfill"):
            backfill.look(self.store, self.bank, now=self.now)
            self._work_inbox()

    @rule(
        mood=st.sampled_from([Mood.WELL, Mood.WELL, Mood.LOST, Mood.AWAY]),
        strike=st.sampled_from(WHILE_WORKING),
    )  # fmt: skip
    def work(self, mood: Mood, strike: str | None) -> None:
        """A worker does what is queued: ends pages that nobody shall pay any more, sends refunds."""
        self.bank.mood = mood
        with self._trying("queue", strike):
            worker.take_jobs(self.workshop, worker="w", now=self.now)  # type: ignore[arg-type]

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
        self.backfill()  # no day goes by without it: the list goes thirty days back

    def _days_work(self, work: daily.Work, person: Person) -> None:
        self.store.run(lambda s: daily.once(s, work, person.account.id, now=self.now))

    def charge_again(self, person: Person) -> None:
        """A second worker, or the same one again: what is done is found done (FT-25)."""
        self._charge(person, Mood.WELL, None)

    def _charge(self, person: Person, mood: Mood, strike: str | None) -> None:
        with self.store.read() as session:
            due = plan_days.due_charges(session, person.account.id, self.today)
        for instalment_id in due:
            self.bank.mood = mood
            with self._trying("charge", strike):
                charging.charge_instalment(self.store, self.bank, SYSTEM, instalment_id, now=self.now)
