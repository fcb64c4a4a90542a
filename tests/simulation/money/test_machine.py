"""M-23: a Hypothesis state machine over everything that moves money, and a model in plain integers.

500 steps in every run, 10,000 and more with AMICABLE_TEST_LONG=1; the seeds are printed, and AMICABLE_SEED
names another first one. What chance may miss is led by hand, here and in test_mistakes.py, which proves
that the machine sees mistakes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, product

import pytest

from models.fault_points import POINTS
from receivables.ports import DisputeState, RemoteState
from tests.effort import LONG
from tests.simulation.money.bank import Mood
from tests.simulation.money.machine import MoneyMachine
from tests.simulation.money.running import SEED, run
from tests.simulation.money.world import TALLY

#: Examples and steps of each; on PostgreSQL a part of it, for statements and locks that differ.
SIZE = {"sqlite": (16, 60), "postgres": (16, 60)} if LONG else {"sqlite": (24, 40), "postgres": (3, 40)}
#: So many rounds, each by the next seed: examples of one seed resemble each other.
ROUNDS = {"sqlite": 12, "postgres": 4} if LONG else {"sqlite": 1, "postgres": 1}
#: A long run goes on while something rare has not happened yet, so many rounds at most.
MOST = 30 if LONG else 1
#: So many steps it must be; and a run without these would be a run over nothing.
LEAST = {"sqlite": 10_000, "postgres": 3_000} if LONG else {"sqlite": 500, "postgres": 50}
MUST_HAPPEN = (
    "accept offer", "backfill", "booked", "booked beyond what was open", "chargeback of a card",
    "credit note", "offer", "paid", "plan", "queue", "refund at the gateway", "sweep", "taken back",
    "webhook",
)  # fmt: skip
#: What is rarer; a long run has all of it, and in every run the stories of test_mistakes.py have most.
RARE = (
    "chargeback lost", "chargeback of a bank_debit", "chargeback won", "chargeback won after lost",
    "debit begun", "debit ended", "given back", "inquiry", "inquiry became a chargeback", "mistake",
    "own refund failed", "own refund paid out", "promise", "refund failed",
)  # fmt: skip
#: Where hearing is struck, and how it is found then: each point in one way, in a long run in every way.
HEARD_AT = sorted(point for point in POINTS if point.startswith(("event.", "settle.")))
FOUND_BY = ("webhook", "backfill", "sweep")
HEARINGS = list(product(HEARD_AT, FOUND_BY) if LONG else zip(HEARD_AT, cycle(FOUND_BY), strict=False))
#: Points that no money is written at: the letter is out, the page was to be answered (FT-01, FT-23).
ELSEWHERE = {"message.after_send", "pay.before_answer"}


class OnPostgres(MoneyMachine):
    """The same on the other database."""

    database = "postgres"


MACHINES = {"sqlite": MoneyMachine, "postgres": OnPostgres}


def test_money_is_never_lost_and_never_doubled(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """M-09, M-23, INV-1, 2, 3, 5, 6, 7, 11, 12: pay, webhook, refund, chargeback, credit note, promise, plan,
    offer, reversal, crash, sweep and backfill in any order."""
    struck = [f"struck {point}" for point in sorted(POINTS - ELSEWHERE)]
    all_there_is = (*MUST_HAPPEN, *RARE, *struck) if LONG else MUST_HAPPEN
    wanted = all_there_is if database == "sqlite" else ("booked",)
    TALLY.clear()
    begun, rounds = time.monotonic(), 0
    while rounds < MOST and (rounds < ROUNDS[database] or not all(TALLY[what] for what in wanted)):
        run(MACHINES[database], *SIZE[database], start=SEED + rounds)
        rounds += 1
    with capsys.disabled():
        took, last = time.monotonic() - begun, SEED + rounds - 1
        print(f"\nmoney machine on {database}: seeds {SEED} to {last}, {TALLY['steps']} steps, {took:.0f} s")
        print(dict(sorted(TALLY.items())))
    assert TALLY["steps"] >= LEAST[database]
    for what in wanted:
        assert TALLY[what], f"{what} never happened: the run proves little"


# --------------------------------------------------------------------------- what must not be left to chance


@pytest.fixture
def machine(database: str) -> Iterator[MoneyMachine]:
    """A machine that is led by hand; in the end all is found again, as after a run."""
    led = MACHINES[database]()
    TALLY.clear()
    led.people_owe()
    yield led
    led.teardown()


@pytest.mark.parametrize("point", sorted(p for p in POINTS if p.startswith("attempt.")))
def test_struck_while_it_starts(machine: MoneyMachine, point: str) -> None:
    """P-01: the page is there or not; whoever asks again pays once."""
    machine.start(0, "all", 1, Mood.WELL, f"{point}:raise")
    assert TALLY[f"struck {point}"] == 1
    machine.holds()
    machine.pay_at_once(0, "all", 1, 2)
    machine.holds()
    assert [len(person.model.paid) for person in machine.people] == [1, 0]


@pytest.mark.parametrize(("point", "again"), HEARINGS)
def test_struck_while_it_hears(machine: MoneyMachine, point: str, again: str) -> None:
    """P-10, P-15, P-16: the money is found by the next notification, by the list or by the sweeper; once."""
    machine.pay_at_once(0, "all", 1, 0)
    machine.webhook(0, 1, Mood.WELL, f"{point}:raise")
    assert TALLY[f"struck {point}"] == 1
    machine.holds()
    if again == "sweep":
        machine.sweep(90, None)
    elif again == "backfill":
        machine.backfill()
    else:
        machine.sweep(1, None)
        machine.sweep(1, None)
        machine.webhook(1, 2, Mood.WELL, None)
    machine.holds()
    assert len(machine.people[0].model.paid) == 1


@pytest.mark.parametrize("point", ["attempt.after_commit", "charge.after_call", "settle.after_commit"])
def test_struck_while_it_charges(machine: MoneyMachine, point: str) -> None:
    """FT-25: the part is taken once, whoever finds it."""
    machine.plan(0, 2, 4, by_card=True)
    machine.night(4, None, Mood.WELL, f"{point}:raise")
    machine.sweep(15, None)
    machine.night(1, None, Mood.WELL, None)
    assert (TALLY["plan"], TALLY[f"struck {point}"]) == (1, 1)
    machine.holds()
    assert len(machine.people[0].model.paid) == 1


def overpaid(machine: MoneyMachine) -> None:
    """The first account has credit: its page was paid after a credit note."""
    machine.pay_what_changed(0, 1, "note", 1)
    assert machine.people[0].model.unapplied > 0


@pytest.mark.parametrize("point", sorted(p for p in POINTS if p.startswith(("job.", "refund."))))
def test_struck_while_it_refunds(machine: MoneyMachine, point: str) -> None:
    """P-20, FT-16: the credit goes back once, whoever asks again."""
    overpaid(machine)
    machine.own_refund(0, 100, works=False)
    machine.work(Mood.WELL, f"{point}:raise")
    assert TALLY[f"struck {point}"] == 1
    machine.holds()
    machine.sweep(90, None)
    machine.holds()
    assert TALLY["own refund paid out"] == 1
    assert len(machine.bank.refunds) == 1


@pytest.mark.parametrize("mood", [Mood.LOST, Mood.AWAY])
def test_a_refund_without_an_answer(machine: MoneyMachine, mood: Mood) -> None:
    """P-03, P-20: asked for again with the same key."""
    overpaid(machine)
    machine.own_refund(0, 100, works=False)
    machine.work(mood, None)
    machine.sweep(15, None)
    assert TALLY["own refund paid out"] == 1
    machine.refund_fails(0)
    machine.backfill()
    machine.holds()
    assert TALLY["own refund failed"] == 1


@pytest.mark.parametrize("in_order", [True, False])
def test_won_after_it_was_lost(machine: MoneyMachine, in_order: bool) -> None:
    """P-21: an appeal brings back what was lost, told in any order."""
    machine.pay_at_once(0, "all", 1, 2)
    before = len(machine.bank.told)
    machine.chargeback(0, 100, inquiry=False)
    machine.chargeback_decided(0, won=False, percent=100)
    if in_order:
        machine.backfill()
        machine.holds()
    machine.chargeback_decided(0, won=True, percent=100)
    events = machine.bank.told[before:]
    for event in events if in_order else events[::-1]:
        machine._hear(event)
    machine.holds()
    assert TALLY["chargeback won after lost"] == 1
    assert [contest.state for contest in machine.bank.contests.values()] == [DisputeState.WON]
    assert not any(bill.open for bill in machine.people[0].model.bills.values())


@pytest.mark.parametrize("comes", [True, False])
def test_a_debit_on_its_way(machine: MoneyMachine, comes: bool) -> None:
    """P-19: nothing is paid while it is on its way; then it comes, or it does not, or it is taken back."""
    machine.start(0, "all", 1, Mood.WELL, None)
    machine.pay_by_debit(0)
    machine._hear(machine.bank.told[-1])
    machine.holds()
    assert (TALLY["booked"], len(machine._pages(RemoteState.PROCESSING))) == (0, 1)
    machine.night(3, None, Mood.WELL, None)
    machine.end_debit(0, comes)
    machine.sweep(90, None)
    machine.backfill()
    machine.holds()
    assert TALLY["booked"] == comes
    if comes:
        machine.chargeback(0, 100, inquiry=False)
        machine.backfill()
        machine.holds()
        assert TALLY["chargeback of a bank_debit"] == 1
        assert all(bill.open for bill in machine.people[0].model.bills.values())
