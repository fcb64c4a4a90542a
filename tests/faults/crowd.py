"""Many debtors on the ladder, and what must hold of them whatever happened to the workers (FT-18, INV-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House
from jobs import ladder_run
from jobs import outbox as postbox
from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.ladder import LadderMeeting, LadderMode, LadderPosition, LadderStep
from models.messages import Message, Purpose
from models.staff import Role
from models.states import MessageStatus, StepStatus
from models.store import Store
from receivables import switches
from receivables.calendar_days import business_date
from tests import factories as make
from tests.effort import LONG
from tests.mailboxes import MailboxProcess

#: FT-18 speaks of ten thousand debtors; the short run has a chunk and a bit.
DEBTORS = 10_000 if LONG else 240
#: How many of them make the queue of FT-27: three reminders for two debtors.
WRITTEN_TO = 3_600 if LONG else 120
#: A Thursday: the nightly ladder, when it has begun in New York too; and the hour in which it is day
#: everywhere, so that messages may leave.
NIGHT = datetime(2026, 11, 19, 5, 30, tzinfo=UTC)
MORNING = NIGHT.replace(hour=14)
#: Days past due, in turn: before, at and after every rung that speaks, and long-forgotten ones.
AGES = (1, -3, 2, 0, 1, 7, 45, -9)
ZONES = ("Europe/London", "Asia/Jerusalem", "Europe/Budapest", "Europe/Moscow", "America/New_York")


def settle(store: Store, count: int = DEBTORS, *, now: datetime = NIGHT) -> None:
    """Fill a database: debtors in five zones with one to three documents, and a ladder that is live.

    Every third owes in two currencies, every fourth can be reached by SMS too, every fifth has two
    people who pay, every seventh owes a prepayment besides, which climbs a ladder of its own.
    """
    with store.write() as session:
        creditor = make.a_creditor(session)
        go_live(session, now=now)
    for first in range(0, count, 500):
        with store.write() as session:
            for number in range(first, min(first + 500, count)):
                _debtor(session, creditor, number, now=now)


def go_live(session: Session, *, now: datetime, ceiling: int | None = None) -> None:
    """Let the ladder act by itself."""
    boss = make.staff_actor(make.a_person(session, Role.SUPERVISOR))
    switches.set_mode(session, boss, LadderMode.LIVE, daily_ceiling=ceiling, reason="Go", now=now)


def _debtor(session: Session, creditor: Any, number: int, *, now: datetime) -> None:
    phone = f"+4479460{number:05d}" if number % 4 == 0 else None
    account = make.an_account(
        session, creditor, name=f"Customer {number} Ltd", zone=ZONES[number % len(ZONES)], phone=phone,
        email=f"pay{number}@debtors.example", now=now,
    )  # fmt: skip
    if number % 5 == 0:
        make.a_contact(session, account, name="Second Payer", email=f"too{number}@debtors.example", now=now)
    due_on = business_date(now, account.zone) - timedelta(days=AGES[number % len(AGES)])
    make.an_invoice(session, account, due_on=due_on, now=now)
    if number % 3 == 0:
        make.an_invoice(session, account, due_on=due_on, currency="EUR", now=now)
    if number % 7 == 0:
        ordered = make.an_invoice(session, account, due_on=due_on, now=now)
        ordered.kind = InvoiceKind.PREPAYMENT


@dataclass(frozen=True, slots=True)
class Expected:
    """What one undisturbed look at everybody would do."""

    meetings: Counter[tuple[int, str]]
    steps: Counter[tuple[int, str, str, str]]


def expected(house: House, now: datetime) -> Expected:
    """Ask the dry run, before anybody climbs."""
    looks = list(ladder_run.dry_run(house, now=now))
    return Expected(
        Counter((m.finding.invoice_id, m.rung.code) for found in looks for m in found.meetings),
        Counter((f.debtor.id, d.currency, d.ladder.name, d.rung.code) for f in looks for d in f.due),
    )


def met(store: Store, since: date | None = None) -> Expected:
    """What stands in the books, of all days or of those from one on."""
    with store.read() as session:
        meetings = session.execute(select(LadderMeeting.invoice_id, LadderMeeting.rung, LadderMeeting.met_on))
        steps = session.execute(
            select(
                LadderStep.account_id, LadderStep.currency, LadderStep.ladder, LadderStep.rung,
                LadderStep.business_on,
            )
        )  # fmt: skip
        return Expected(
            Counter((m.invoice_id, m.rung) for m in meetings if since is None or m.met_on >= since),
            Counter(tuple(s[:4]) for s in steps if since is None or s.business_on >= since),  # type: ignore[misc]
        )


def assert_nothing_twice(store: Store) -> None:
    """Each rung once per document and cycle, one step per account, currency, ladder and day, one
    message per step, contact and channel: counted here, whatever the schema promises (FT-18, INV-8)."""
    with store.read() as session:
        rungs = Counter(
            tuple(row)
            for row in session.execute(
                select(LadderMeeting.invoice_id, LadderMeeting.cycle, LadderMeeting.rung)
            )
        )
        steps = Counter(
            tuple(row)
            for row in session.execute(
                select(LadderStep.account_id, LadderStep.currency, LadderStep.ladder, LadderStep.business_on)
            )
        )
        messages = Counter(
            (m.facts["step_id"], m.contact_id, m.channel)
            for m in session.scalars(select(Message).where(Message.purpose == Purpose.REMINDER))
        )
    for what in (rungs, steps, messages):
        assert [key for key, times in what.items() if times > 1] == []


def assert_nobody_lost(store: Store, now: datetime) -> None:
    """Every open document stands somewhere, none of them is still due, and what a step says it queued
    is queued."""
    with store.read() as session:
        rows = session.execute(
            select(Invoice.id, Account.zone, LadderPosition.next_on, LadderPosition.looked_at)
            .join(Account, Account.id == Invoice.account_id)
            .outerjoin(LadderPosition, LadderPosition.invoice_id == Invoice.id)
        ).all()
        queued = Counter(
            (m.facts["step_id"], m.channel.value)
            for m in session.scalars(select(Message).where(Message.purpose == Purpose.REMINDER))
        )
        said: Counter[tuple[int, str]] = Counter()
        for step in session.scalars(select(LadderStep).where(LadderStep.status == StepStatus.DONE)):
            for code in step.outcome:
                act, _, channel = code.partition(":")
                if act == "message":
                    said[step.id, channel] += 1
    assert rows
    assert [row.id for row in rows if row.looked_at is None] == []
    assert [row.id for row in rows if row.next_on and row.next_on <= business_date(now, row.zone)] == []
    assert queued == said


def drain(house: House, now: datetime, *, worker: str = "w") -> None:
    """Send until nothing is due."""
    while postbox.send_due(house, worker=worker, now=now):
        pass


def assert_sink_agrees(house: House, mailbox: MailboxProcess) -> None:
    """INV-8: what counts as sent is in the sink once; the sink has nothing that the books do not own to."""
    kept = Counter(mail["message_id"] for mail in mailbox.messages())
    with house.store.read() as session:
        rows = session.execute(select(Message.wire_id, Message.status)).all()
    assert [wire for wire, times in kept.items() if times > 1] == []
    sent = {row.wire_id for row in rows if row.status is MessageStatus.SENT}
    unknown = {row.wire_id for row in rows if row.status is MessageStatus.UNKNOWN}
    assert sent <= kept.keys()
    assert kept.keys() <= sent | unknown


def reminders_by(house: House) -> Counter[tuple[MessageStatus, str]]:
    """Reminders by status and first reason."""
    with house.store.read() as session:
        rows = session.execute(
            select(Message.status, Message.reasons).where(Message.purpose == Purpose.REMINDER)
        )
        return Counter((row.status, (row.reasons or [""])[0]) for row in rows)


#: Whom a reminder is for: contact, channel, currency.
Reader = tuple[int, str, str | None]


def not_sent(house: House) -> list[tuple[str, str, Reader]]:
    """Reminders that were kept back: what they would have said, why, and for whom."""
    return [
        (message.kind, message.reasons[0], _reader(message))
        for message in _reminders(house, MessageStatus.SUPPRESSED)
    ]


def left(house: House) -> set[Reader]:
    """For whom a reminder left."""
    return {_reader(message) for message in _reminders(house, MessageStatus.SENT)}


def _reader(message: Message) -> Reader:
    return message.contact_id, message.channel.value, message.currency


def _reminders(house: House, status: MessageStatus) -> Sequence[Message]:
    with house.store.read() as session:
        return session.scalars(
            select(Message).where(Message.purpose == Purpose.REMINDER, Message.status == status)
        ).all()
