"""The house through 120 days: its jobs, its people's routine, and what lies behind each link that leaves.

Nothing here acts for the engine: the daily work, the outbox and the arrivals are those of the worker, and
whoever decides or answers does it by the action that a page would call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from assembly import House
from jobs import daily, worker
from jobs import outbox as postbox
from models.accounts import Account, Contact
from models.arrangements import Plan, Promise
from models.audit import AuditEntry
from models.ladder import LadderPosition, LadderStep
from models.links import LinkScope
from models.messages import Message
from models.money import Money
from models.post import PostLetter
from models.staff import Staff
from models.states import JobStatus, MessageStatus, PlanStatus, PostStatus, StepStatus
from models.work import Job, Task, TaskKind
from receivables import credit_holds, invoices
from receivables.arrangements import plan_reads
from receivables.calendar_days import at_local, business_date, is_business_day
from receivables.contact import calls
from receivables.desk import alerts
from receivables.errors import Refused
from receivables.ladder import reads, steps
from receivables.ladder.rungs import Gate
from receivables.permissions import Actor, ActorKind
from receivables.policy import current_policy
from receivables.post import printing
from receivables.segments import sales
from tests import factories as make
from tests.mailboxes import MailboxProcess
from tests.walkthrough.cast import BEGIN, DAYS, DEBTORS, FIRST, PEOPLE, Debtor, book, set_up

#: When the worker is looked at (UTC): after every zone's day has begun, and in the hours of each place.
DAWN, MORNING, AFTERNOON, EVENING = time(5, 10), time(9, 20), time(13, 10), time(18, 20)
#: When the desk decides, rings up and takes letters to the post (UTC).
DECIDES, RINGS, RINGS_LATE, POSTS = time(10, 30), time(11, 10), time(15, 40), time(15)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a debtor or a person of the house does on a day, at a local time of the account."""

    on: date
    clock: time
    who: str
    do: Callable[[World, str], object]


@dataclass(frozen=True, slots=True)
class Behind:
    """What a debtor saw behind his link in the moment in which a message left.

    `part` is the next of a plan, `promised` what the last promise named, `rows` each document's own sum.
    """

    overdue: Money
    due_today: Money
    asked: Money
    part: Money | None = None
    promised: Money | None = None
    rows: tuple[tuple[str, Money], ...] = ()


@dataclass
class World:
    """One house, six accounts, and a moment that only moves forward.

    Attributes:
        answers: (who, day) -> what came of ringing him up; nobody answers otherwise.
        talks: (who, kind of task) -> what sales or management report.
        refusals: (who, rung) -> why it is refused the first time; everything else is approved.
        behind: message id -> what its link led to.
        places: (who, day) -> where each document stood at the end of the day.
    """

    house: House
    mailbox: MailboxProcess
    at: datetime = BEGIN
    ids: dict[str, int] = field(default_factory=dict)
    contacts: dict[str, int] = field(default_factory=dict)
    people: dict[str, Actor] = field(default_factory=dict)
    answers: dict[tuple[str, date], str] = field(default_factory=dict)
    talks: dict[tuple[str, TaskKind], tuple[str, str]] = field(default_factory=dict)
    refusals: dict[tuple[str, str], str] = field(default_factory=dict)
    behind: dict[int, Behind] = field(default_factory=dict)
    places: dict[tuple[str, date], list[reads.Place]] = field(default_factory=dict)
    #: What the house refused to do, and to whom: (who, moment, what, the refusal).
    refused: list[tuple[str, datetime, str, Refused]] = field(default_factory=list)
    _marks: dict[str, object] = field(default_factory=dict)
    _seen: int = 0

    # ----------------------------------------------------------------- who and when

    def begin(self) -> None:
        """Write the cast; documents come on their days."""
        with self.house.store.write() as s:
            set_up(s)
        with self.house.store.read() as s:
            for debtor in DEBTORS:
                account = s.scalars(select(Account).where(Account.name == debtor.name)).one()
                contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
                self.ids[debtor.key], self.contacts[debtor.key] = account.id, contact.id
            from_key = {getattr(PEOPLE, key): key for key in PEOPLE.__slots__}
            for person in s.scalars(select(Staff)):
                self.people[from_key[person.name]] = make.staff_actor(person)

    def debtor(self, who: str) -> Actor:
        """What redeeming his link returns."""
        return Actor(
            ActorKind.LINK_HOLDER, id=1, account_id=self.ids[who], contact_id=self.contacts[who],
            scope=LinkScope.FULL,
        )  # fmt: skip

    def whose(self, account_id: int) -> str:
        """The key of an account."""
        return next(key for key, one in self.ids.items() if one == account_id)

    def today(self, who: str) -> date:
        """His date."""
        return business_date(self.at, _cast(who).zone)

    def do(self, verb: Callable[..., Any], *args: Any, **facts: Any) -> Any:
        """Do an action in a unit of work of its own, at this moment."""
        return self.house.store.run(lambda s: verb(s, *args, **facts, now=self.at))

    def account(self, who: str) -> Account:
        with self.house.store.read() as s:
            return s.get_one(Account, self.ids[who])

    def rows(self, who: str) -> list[Any]:
        """His open documents, oldest first."""
        with self.house.store.read() as s:
            return invoices.open_rows(s, self.ids[who], self.today(who))

    def all(self, query: Any) -> list[Any]:
        with self.house.store.read() as s:
            return list(s.scalars(query))

    # ----------------------------------------------------------------- the days

    def live(self, acts: Iterable[Act]) -> None:
        """Let the days pass, with what people do on them."""
        timed = sorted(((at_local(a.on, a.clock, _cast(a.who).zone), a) for a in acts), key=lambda t: t[0])
        for number in range(DAYS):
            today = FIRST + timedelta(days=number)
            works = is_business_day(today, "GB")
            moments: list[tuple[datetime, Callable[[], object]]] = [
                (_utc(today, DAWN), lambda: self._books_and_work()),
                (_utc(today, MORNING), self._send),
                (_utc(today, AFTERNOON), self._work_again),
                (_utc(today, EVENING), self._send),
            ]
            if works:
                moments += [
                    (_utc(today, DECIDES), self._decide), (_utc(today, RINGS), self._tasks),
                    (_utc(today, POSTS), self._post), (_utc(today, RINGS_LATE), self._tasks),
                ]  # fmt: skip
            for moment, act in timed:
                if moment.date() == today:
                    moments.append((moment, lambda act=act: act.do(self, act.who)))  # type: ignore[misc]
            for moment, do in sorted(moments, key=lambda one: one[0]):
                self.at = moment
                do()
            self._keep_places(today)

    def _books_and_work(self) -> None:
        """Documents of the day come into the books; then the worker's day begins."""
        for debtor in DEBTORS:
            for paper in debtor.papers:
                if max(paper.issued_on, FIRST) == self.at.date():
                    self._book(debtor, paper)
        self._work()

    def _book(self, debtor: Debtor, paper: Any) -> None:
        def unit(s: Session) -> None:
            book(s, s.get_one(Account, self.ids[debtor.key]), paper, now=self.at)

        self.house.store.run(unit)

    def _work(self) -> None:
        done = daily.run(self.house, now=self.at)
        assert done["trouble"] == 0, (self.at, done)
        self._send()
        self._seen = self._last_act()

    def _work_again(self) -> None:
        """The worker's later rounds of a day find something only where something happened since dawn."""
        if self._last_act() == self._seen:
            self._send()
        else:
            self._work()

    def _last_act(self) -> int:
        with self.house.store.read() as s:
            return s.scalar(select(func.max(AuditEntry.id))) or 0

    def _send(self) -> None:
        with self.house.store.read() as s:
            jobs = s.scalar(select(Job.id).where(Job.status == JobStatus.QUEUED).limit(1))
            mail = s.scalar(
                select(Message.id)
                .where(Message.status == MessageStatus.QUEUED, Message.not_before <= self.at)
                .limit(1)
            )
        while jobs is not None and worker.take_jobs(self.house, worker="w", now=self.at):
            pass
        if mail is None:
            return
        # One at a time, so that each leaves at this moment however slow the machine is.
        while postbox.send_due(self.house, worker="w", now=self.at, limit=1):
            pass
        with self.house.store.read() as s:
            sent = s.scalars(
                select(Message)
                .where(Message.sent_at.is_not(None), Message.id.not_in(list(self.behind)))
                .order_by(Message.id)
            ).all()
            for message in sent:
                self.behind[message.id] = self._behind(s, message)

    def _behind(self, s: Session, message: Message) -> Behind:
        """What the account page says now: the link that just left leads to it."""
        who = self.whose(message.account_id)
        currency = message.currency or _cast(who).currency
        seen = invoices.overview(
            s, self.debtor(who), account_id=message.account_id, zone=_cast(who).zone, now=self.at
        )
        found = next((group for group in seen.groups if group.currency == currency), None)
        if found is None:
            return Behind(*[Money(0, currency)] * 3)
        plan = s.scalar(
            select(Plan.ref).where(Plan.account_id == message.account_id, Plan.status == PlanStatus.ACTIVE)
        )
        part = plan_reads.choice(s, self.debtor(who), plan, "next", now=self.at).amount if plan else None
        last = s.scalar(
            select(Promise)
            .where(Promise.account_id == message.account_id, Promise.currency == currency)
            .order_by(Promise.id.desc())
            .limit(1)
        )
        promised = Money(last.amount_minor, currency) if last is not None else None
        rows = tuple((row.number, row.asked) for row in found.rows)
        return Behind(found.overdue, found.due_today, found.asked, part, promised, rows)

    def _keep_places(self, today: date) -> None:
        """Read again where documents stand, of accounts at which something was written today."""
        with self.house.store.read() as s:
            acted = _latest(s, AuditEntry.account_id, AuditEntry.id)
            looked = _latest(s, LadderPosition.account_id, LadderPosition.looked_at)
            for who, account_id in self.ids.items():
                mark = (acted.get(account_id), looked.get(account_id))
                if self._marks.get(who) == mark:
                    self.places[who, today] = self.places[who, today - timedelta(days=1)]
                    continue
                self._marks[who] = mark
                account = s.get_one(Account, account_id)
                self.places[who, today] = reads.places(s, self.people["supervisor"], account, now=self.at)

    # ----------------------------------------------------------------- the desk's routine

    def _decide(self) -> None:
        """Whoever may approves what the ladder proposes: batches by the collector, gates by a supervisor."""
        for step in self.all(
            select(LadderStep).where(LadderStep.status == StepStatus.PROPOSED).order_by(LadderStep.id)
        ):
            who = "supervisor" if step.gate == Gate.SUPERVISOR else "collector"
            reason = self.refusals.pop((self.whose(step.account_id), step.rung), "")
            try:
                self.do(steps.decide, self.people[who], step.ref, approve=not reason, reason=reason)
            except Refused as refused:  # sales has its business day of notice first
                if refused.code != "sales_notice":
                    raise

    def _tasks(self) -> None:
        """Open tasks whose time has come, each by who does such things."""
        query = select(Task).where(Task.done_at.is_(None), Task.due_at <= self.at).order_by(Task.id)
        for task in self.all(query):
            who = self.whose(task.account_id)
            act = _ROUTINE.get(task.kind)
            if act is not None:
                act(self, who, task)

    def ring(self, who: str, task: Task) -> None:
        """Ring up within the hours; what came of it is written down, and the task is done."""
        with self.house.store.read() as s:
            account, contact = s.get_one(Account, self.ids[who]), s.get_one(Contact, self.contacts[who])
            policy = current_policy(s, self.at)
            decision = calls.may_call(s, account, contact, policy=policy, now=self.at)
        if decision.reasons == ("outside_hours",):
            return  # later today, or tomorrow
        looked_at = {"paused:promise", "paused:plan", "paused:sales_talk"} & set(decision.cautions)
        if decision.reasons or looked_at:
            self.finish(task, "collector", "Not rung up: " + ", ".join([*decision.reasons, *looked_at]))
            return
        outcome = self.answers.get((who, self.today(who)), "no_answer")
        talked = outcome in calls.TALKED or outcome == "wrong_number"
        self.do(calls.log_call, self.people["collector"], contact, talked=talked, outcome=outcome, task=task)
        self.finish(task, "collector", f"Rang up: {outcome}")

    def sell(self, who: str, task: Task) -> None:
        """Sales or management report what came of their talk; a notice is taken note of."""
        person = "sponsor" if task.kind is TaskKind.MANAGEMENT else "salesperson"
        outcome, words = self.talks.get((who, task.kind), ("not_reached", "Rang twice, nobody answered."))
        if task.facts.get("on"):
            outcome, words = "not_reached", "Noted. Nothing to add from sales."
        self.do(sales.report_back, self.people[person], task.ref, outcome, words)

    def hold(self, who: str, task: Task) -> None:
        """A supervisor puts the account on hold until what is overdue is paid."""
        currency = task.facts["currency"]
        with self.house.store.read() as s:
            overdue = credit_holds.overdue_asked(s, self.ids[who], self.today(who), currency)
        if overdue:
            self.do(
                credit_holds.place, self.people["supervisor"], self.account(who),
                "New orders wait until the overdue invoices are paid.", overdue,
            )  # fmt: skip
        self.finish(task, "supervisor", "Hold placed" if overdue else "Nothing is overdue any more")

    def finish(self, task: Task, person: str, words: str) -> None:
        self.do(alerts.finish_task, self.people[person], task.ref, reason=words)

    def _post(self) -> None:
        """Print what waits and take it to the post the same afternoon, enclosures and all."""
        waiting = self.all(
            select(PostLetter.ref).where(PostLetter.status == PostStatus.WAITING).order_by(PostLetter.id)
        )
        if not waiting:
            return
        actor, house = self.people["collector"], self.house
        ready = self.do(printing.prepare, actor, waiting)
        if not ready.papers:
            return
        single = {p.ref: house.press.press(house.documents.letter(p), timeout=60) for p in ready.papers}
        whole = house.press.press(house.documents.letters(ready.papers), timeout=60)
        kept = printing.keep(house.files, whole, single)

        def unit(s: Session, *, now: datetime) -> None:
            batch = printing.print_batch(s, actor, kept, now=now)
            printing.mark_posted(s, actor, batch, posted_on=now.date(), enclosed=True, now=now)

        self.do(unit)


def _cast(who: str) -> Debtor:
    return next(debtor for debtor in DEBTORS if debtor.key == who)


def _latest(s: Session, account: Any, what: Any) -> dict[int, Any]:
    """The latest of something of each account."""
    return {row[0]: row[1] for row in s.execute(select(account, func.max(what)).group_by(account))}


def _utc(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, UTC)


_ROUTINE: dict[TaskKind, Callable[[World, str, Task], None]] = {
    TaskKind.LADDER_CALL: World.ring,
    TaskKind.SALES: World.sell,
    TaskKind.MANAGEMENT: World.sell,
    TaskKind.HOLD_CREDIT: World.hold,
}
