"""A town of accounts over 120 days: invoices come, things happen, the ladder runs and messages leave."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House, assemble
from config import Settings
from jobs import daily, ladder_run
from jobs import outbox as postbox
from models.audit import savepoint
from models.ladder import LadderMeeting, LadderMode, LadderStep
from models.messages import Message, Purpose
from models.staff import Role
from models.states import MessageStatus, StepStatus
from receivables import policy as policies
from receivables import switches
from receivables.contact.rule_rows import DEFAULT_RULES, publish_rules
from receivables.errors import Refused
from receivables.ladder import steps
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.oracles import contact_oracle as oracle
from tests.simulation.lives import BUSY, WEIGHTS, Life, happen, settle
from tests.simulation.sink import BlankPress, MailSink, Sink, SmsSink

#: Holds the nights of the clocks in Europe, America and Israel, New Year, and the day on which a no on
#: one channel is a no on all in the United States (31 January 2027).
START = date(2026, 10, 5)
DAYS = 120
#: No two things happen at one moment, so that nobody argues which came first.
TICK = timedelta(seconds=1)
#: Hours of UTC at which the worker looks, each moved by up to three: all zones see all times of day.
LOOKS = (0, 4, 8, 12, 16, 20)
#: Looks of one day, so that a town of many is played in time; which ones differs from day to day.
LOOKS_A_DAY = 3
#: Day -> what the house decides on it.
HOURS = {40: ("09:00", "17:00"), 62: ("07:00", "22:00"), 95: ("08:00", "20:00")}
ROLES = {62: "third_party", 95: "first_party"}
STOPS = {25, 77}
#: What comes between the queue and the carrier, and how often for an account that has something there.
INTERRUPTIONS = (
    "account_pause", "currency_pause", "contact_pause", "promises", "disputes", "flag", "pays", "says_no",
    "moves",
)  # fmt: skip
INTERRUPTED = 0.2
#: Share of the proposals that wait for a person and are agreed to, every fourth day.
APPROVED = 0.3
#: Work of the day that speaks to debtors or lets them go on.
DAILY_WORK = ("promise_tomorrow", "promise_broken")


@dataclass
class Town:
    """What was played: the lives, what arrived, and how often what happened."""

    house: House
    sink: Sink
    rules: oracle.House
    boss: Actor
    lives: list[Life]
    luck: random.Random
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.by_account = {life.account_id: life for life in self.lives}

    # ------------------------------------------------------------------ a day

    def play(self, days: int = DAYS, *, eventful: int = 6) -> None:
        """Let so many days pass.

        Args:
            eventful: the most that happens to one account beside its documents.
        """
        agenda = self._agenda(days, eventful)
        for day in range(days):
            looks = sorted(self.luck.sample(LOOKS, LOOKS_A_DAY))
            for place, hour in enumerate(looks):
                minute = self.luck.choice((5, 10, 20, 35, 40, 50))
                moment = time((hour + self.luck.randrange(3)) % 24, minute, tzinfo=UTC)
                now = datetime.combine(START + timedelta(days=day), moment)
                with self.house.store.write() as s:
                    if place == 0:
                        self._decides(s, day, now)
                    for life, what in agenda.pop((day, place), ()):
                        now += TICK
                        self._happens(s, life, what, now)
                    now = self._interrupts(s, now)
                self._work(day, place, now + TICK)

    def _agenda(self, days: int, eventful: int) -> dict[tuple[int, int], list[tuple[Life, str]]]:
        """What happens to whom, on which day and at which look."""
        found: defaultdict[tuple[int, int], list[tuple[Life, str]]] = defaultdict(list)
        kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
        for life in self.lives:
            for number in range(life.luck.choice((1, 1, 1, 2))):
                day = 0 if number == 0 and life.luck.random() < 0.4 else life.luck.randrange(days)
                found[day, life.luck.randrange(LOOKS_A_DAY)].append((life, "is_invoiced"))
            for _ in range(life.luck.randint(0, eventful)):
                what = life.luck.choices(kinds, weights)[0]
                found[life.luck.randrange(days), life.luck.randrange(LOOKS_A_DAY)].append((life, what))
        return found

    def _interrupts(self, s: Session, now: datetime) -> datetime:
        """Something comes between the queue and the carrier (FT-27)."""
        queued = select(Message.account_id).where(Message.status == MessageStatus.QUEUED)
        for account_id in sorted(set(s.scalars(queued))):
            if self.luck.random() < INTERRUPTED:
                now += TICK
                self._happens(s, self.by_account[account_id], self.luck.choice(INTERRUPTIONS), now)
        return now

    def _happens(self, s: Session, life: Life, what: str, now: datetime) -> None:
        try:
            with savepoint(s):
                if not happen(s, life, what, now):
                    raise Refused("not_taken")
        except Refused:
            self.counts[f"refused {what}"] += 1
        else:
            self.counts[what] += 1

    def _decides(self, s: Session, day: int, now: datetime) -> None:
        """The house changes its hours, its role, or stops everything for a day."""
        if day in HOURS:
            start, end = HOURS[day]
            body = Path(policies.__file__).with_name("policy_default.toml").read_text(encoding="utf-8")
            body = body.replace('window_from = "08:00"', f'window_from = "{start}"')
            body = body.replace('window_to = "20:00"', f'window_to = "{end}"')
            policies.publish(s, body, reason="other hours", author_id=None, now=now)
            self.rules.hours.append((now, _minutes(start), _minutes(end)))
        if day in ROLES:
            body = DEFAULT_RULES.replace('role = "first_party"', f'role = "{ROLES[day]}"')
            policy = policies.current_policy(s, now)
            publish_rules(s, SYSTEM, body, reason="we collect for others", policy=policy, now=now)
            self.rules.roles.append((now, ROLES[day]))
        if day in STOPS:
            switches.stop_sending(s, self.boss, reason="a wrong text", now=now)
            self.rules.stopped.append((now, None))
        if day - 1 in STOPS:
            switches.allow_sending(s, self.boss, reason="the text is right", now=now)
            self.rules.stopped[-1] = (self.rules.stopped[-1][0], now)
        if day % 4 == 0:
            self._approves(s, now)

    def _approves(self, s: Session, now: datetime) -> None:
        waiting = s.scalars(select(LadderStep.ref).where(LadderStep.status == StepStatus.PROPOSED)).all()
        for ref in waiting:
            if self.luck.random() < APPROVED:
                with savepoint(s):
                    steps.decide(s, self.boss, ref, approve=True, now=now)

    def _work(self, day: int, place: int, now: datetime) -> None:
        """What the worker does at a look."""
        if place == 1:
            self._daily(now)
        ran = ladder_run.run(self.house, now=now)
        self.counts["trouble"] += ran.trouble
        while self._send(now):
            pass

    def _send(self, now: datetime) -> int:
        self.sink.at = now
        return postbox.send_due(self.house, worker="w1", now=now, limit=50)

    def _daily(self, now: datetime) -> None:
        latest = (now + timedelta(hours=14)).date()
        for work in daily.DAILY:
            if work.name not in DAILY_WORK:
                continue
            with self.house.store.read() as s:
                ids = list(work.concerns(s, latest))
            for account_id in ids:
                with self.house.store.write() as s:
                    daily.once(s, work, account_id, now=now)

    # ------------------------------------------------------------------ what came of it

    def violations(self) -> list[str]:
        """Everything that the oracle has against what left, in words (INV-8, INV-9)."""
        with self.house.store.read() as s:
            rows = s.execute(
                select(
                    Message.id,
                    Message.wire_id,
                    Message.account_id,
                    Message.contact_id,
                    Message.channel,
                    Message.purpose,
                    Message.currency,
                    Message.status,
                    Message.facts,
                    Message.kind,
                )
            ).all()
            told = _told(s)
        by_name = {r.wire_id: r for r in rows}
        left: defaultdict[int, list[oracle.Act]] = defaultdict(list)
        for life in self.lives:
            left[life.account_id] = list(life.calls)
        found = []
        for a in self.sink.arrivals:
            r = by_name.get(a.name)
            if r is None:
                continue
            if r.channel.value != a.channel:
                found.append(f"{a.name} was queued for {r.channel.value} and came by {a.channel}")
            left[r.account_id].append(
                oracle.Act(
                    a.at, r.contact_id, a.channel, r.purpose.value, r.currency, documents=a.documents,
                    address=a.address, name=f"{r.kind} {r.id}",
                )
            )  # fmt: skip
        for life in self.lives:
            for act, against in oracle.violations(life.debtor, left[life.account_id]):
                found.append(f"account {life.account_id}: {act.name} at {act.at}: {sorted(against)}")
        books = [
            oracle.Told(r.wire_id, r.status.value, r.contact_id, r.channel.value,
                        told.get(r.facts.get("step_id"), frozenset()))
            for r in rows
        ]  # fmt: skip
        return found + oracle.misdelivered(books, [a.name for a in self.sink.arrivals])

    def tally(self) -> Counter[str]:
        """How often what was sent, held back and reached: a proof over nothing proves nothing."""
        found = Counter(self.counts)
        with self.house.store.read() as s:
            for status, purpose, reasons in s.execute(
                select(Message.status, Message.purpose, Message.reasons)
            ):
                found[f"{purpose.value} {status.value}"] += 1
                if status in (MessageStatus.SUPPRESSED, MessageStatus.FAILED) and not reasons:
                    found["held back without a reason"] += 1
                if status is MessageStatus.FAILED:
                    for reason in reasons:
                        found[f"failed {reason}"] += 1
                if purpose is Purpose.REMINDER and status is MessageStatus.SUPPRESSED:
                    for reason in reasons:
                        found[f"because {reason}"] += 1
            for rung, outcome in s.execute(select(LadderStep.rung, LadderStep.outcome)):
                found[f"rung {rung}"] += 1
                for code in outcome:
                    found[f"step {code}"] += 1
        for life in self.lives:
            found["calls"] += len(life.calls)
        found["arrived"] = len(self.sink.arrivals)
        return found


def _told(s: Session) -> dict[int | None, frozenset[tuple[int, int, str]]]:
    """Step -> the (document, cycle, rung) that it was about."""
    found: defaultdict[int | None, set[tuple[int, int, str]]] = defaultdict(set)
    for r in s.execute(
        select(
            LadderMeeting.step_id, LadderMeeting.invoice_id, LadderMeeting.cycle, LadderMeeting.rung
        ).where(LadderMeeting.step_id.is_not(None))
    ):  # fmt: skip
        found[r.step_id].add((r.invoice_id, r.cycle, r.rung))
    return {step: frozenset(met) for step, met in found.items()}


def _minutes(clock: str) -> int:
    at = time.fromisoformat(clock)
    return at.hour * 60 + at.minute


def build(database_url: str, folder: Path, *, accounts: range, seed: int, busy: float = BUSY) -> Town:
    """Make a town with a house that sends into a sink.

    Args:
        accounts: numbers of its accounts; they decide what happens to each, wherever it is played.
        busy: share of them whom the caps of New York meet.
    """
    settings = Settings.load(
        AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=folder,
        BASE_URL="https://pay.northgate.example", AMICABLE_SHORT_URL="https://n.example",
        SMTP_URL="smtp://127.0.0.1:1", SMS_URL="sink://127.0.0.1:1",
    )  # fmt: skip
    now = datetime.combine(START - timedelta(days=1), time(9), UTC)
    sink = Sink(now, seed + accounts.start)
    house = replace(assemble(settings), mail=MailSink(sink), sms=SmsSink(sink), press=BlankPress())
    rules, lives = oracle.House(), []
    with house.store.write() as s:
        boss = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        creditor = make.a_creditor(s)
        switches.set_mode(s, boss, LadderMode.LIVE, daily_ceiling=None, reason="We go live", now=now)
    for chunk in _chunks(accounts):
        with house.store.write() as s:
            for number in chunk:
                luck = random.Random(f"{seed}:{number}")  # noqa: S311 - a simulation
                beside = lives[-1] if lives else None
                lives.append(settle(s, creditor, number, luck, rules, beside, now, busy))
    return Town(house, sink, rules, boss, lives, random.Random(seed))  # noqa: S311


def _chunks(numbers: range) -> Iterator[range]:
    for first in range(0, len(numbers), 200):
        yield numbers[first : first + 200]
