"""FT-18: workers that start the nightly ladder together, die in it, repeat it, or miss it (B18, INV-8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from assembly import House
from jobs import ladder_run
from models.accounts import Account
from models.ladder import LadderMeeting, LadderStep
from models.messages import Message, Purpose
from models.states import MessageStatus
from models.work import Task, TaskKind
from receivables.calendar_days import business_date, local_time
from receivables.policy import default_policy
from tests import factories as make
from tests.effort import LONG
from tests.faults import crowd
from tests.faults.climber import all_at_once, start
from tests.faults.crowd import MORNING, NIGHT, assert_nobody_lost, assert_nothing_twice, drain, expected, met
from tests.mailboxes import MailboxProcess
from tests.proof import prove
from tests.races import together

SOME = 2000 if LONG else 24


def sender(mailbox: MailboxProcess, folder: Path) -> list[str]:
    return ["--send", mailbox.smtp_url, mailbox.sms_url, str(folder)]


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_that_start_together(crowded: House, crowded_url: str, workers: int) -> None:
    """Two and five processes climb at once: together they do what one undisturbed look would do."""
    wanted = expected(crowded, NIGHT)
    told = all_at_once(crowded_url, NIGHT, workers)
    assert [t["trouble"] for t in told] == [0] * workers
    assert sum(t["met"] for t in told) == wanted.meetings.total()
    assert met(crowded.store) == wanted
    assert_nothing_twice(crowded.store)
    assert_nobody_lost(crowded.store, NIGHT)


@pytest.mark.parametrize("workers", [2, 5] if LONG else [2])
def test_senders_that_start_together(
    house: House, mailbox: MailboxProcess, database_url: str, tmp_path: Path, workers: int
) -> None:
    """INV-8: two and five processes climb and send; one message for each step, contact and channel."""
    crowd.settle(house.store, SOME)
    all_at_once(database_url, NIGHT, workers)
    all_at_once(database_url, MORNING, workers, *sender(mailbox, tmp_path))
    assert_nothing_twice(house.store)
    found = crowd.reminders_by(house)
    assert found[MessageStatus.SENT, ""] == len(mailbox.messages()) > 0
    # Of two ladders in one currency the second of a day gives way (C-02). Which one comes first is the
    # workers' chance: an order that is no longer kept then says so before the other reminder leaves.
    over = (MessageStatus.SUPPRESSED, "nothing_due")
    assert found.keys() <= {(MessageStatus.SENT, ""), (MessageStatus.SUPPRESSED, "already_today"), over}
    kept_back, left = crowd.not_sent(house), crowd.left(house)
    assert {kind for kind, reason, _ in kept_back if reason == "nothing_due"} <= {"prepayment_due"}
    assert [row for row in kept_back if row[2] not in left] == [], "kept back, and nothing else left"
    crowd.assert_sink_agrees(house, mailbox)


@pytest.mark.parametrize("at", [1, 2])
def test_a_worker_killed_in_the_middle(crowded: House, crowded_url: str, at: int) -> None:
    """SIGKILL just before a commit: its chunk is as if never begun, those before it stand, and four
    others, two of which had waited for it, finish."""
    wanted = expected(crowded, NIGHT)
    victim = start(crowded_url, NIGHT, "--stop-at", str(at))
    victim.go()
    assert victim.heard() == "stopped"
    with crowded.store.read() as session:
        half = session.scalar(select(func.count()).select_from(LadderMeeting)) or 0
    assert (0 if at == 1 else 1) <= half < wanted.meetings.total()
    waiting = [start(crowded_url, NIGHT) for _ in range(2)]
    for climber in waiting:
        climber.go()
    victim.kill()
    told = [climber.told() for climber in waiting] + all_at_once(crowded_url, NIGHT, 2)
    assert [t["trouble"] for t in told] == [0] * 4
    assert half + sum(t["met"] for t in told) == wanted.meetings.total()
    assert met(crowded.store) == wanted
    assert_nothing_twice(crowded.store)
    assert_nobody_lost(crowded.store, NIGHT)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_sender_killed_in_the_middle(
    house: House, mailbox: MailboxProcess, database_url: str, tmp_path: Path, at: int
) -> None:
    """P-25, P-26: the next worker sends the rest once the lease is over; what was in the dead one's hands
    is unknown, and never sent again."""
    crowd.settle(house.store, SOME)
    ladder_run.run(house, now=NIGHT)
    victim = start(database_url, MORNING, "--stop-at", str(at), *sender(mailbox, tmp_path))
    victim.go()
    assert victim.heard() == "stopped"
    victim.kill()
    for round_ in range(1, 4):
        drain(house, MORNING + round_ * default_policy().lease)
    found = crowd.reminders_by(house)
    unknown = sum(times for (status, _), times in found.items() if status is MessageStatus.UNKNOWN)
    assert unknown <= 20
    assert not [status for status, _ in found if status is MessageStatus.SENDING]
    assert found[MessageStatus.SENT, ""] > 0
    crowd.assert_sink_agrees(house, mailbox)


def test_the_same_day_again(house: House, mailbox: MailboxProcess) -> None:
    """B18: run after run, due ones or everybody, and the day's rungs are met once."""
    crowd.settle(house.store, SOME)
    wanted = expected(house, NIGHT)
    for hour in range(6, 21, 3):
        at = NIGHT.replace(hour=hour)
        ladder_run.run(house, now=at, everyone=bool(hour % 2))
        drain(house, at)
    assert met(house.store) == wanted
    assert_nothing_twice(house.store)
    crowd.assert_sink_agrees(house, mailbox)


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["ahead", "back"])
def test_the_clock_jumps_a_day_and_comes_back(house: House, mailbox: MailboxProcess, jump: timedelta) -> None:
    """Each rung once all the same, in the order of the ladder, and nobody hears twice on one day."""
    crowd.settle(house.store, SOME)
    # The morning run, the wrong clock, the right one again, then four more days.
    for at in (MORNING, MORNING + jump, *(MORNING + timedelta(days=day, hours=1) for day in range(5))):
        ran = ladder_run.run(house, now=at)
        assert ran.trouble == 0
        drain(house, at)
    last = MORNING + timedelta(days=4, hours=1)
    assert_nothing_twice(house.store)
    assert_nobody_lost(house.store, last)
    assert_rungs_in_order(house)
    crowd.assert_sink_agrees(house, mailbox)
    prove_reminders(house, last)


def test_the_job_was_missed_for_three_days(house: House, mailbox: MailboxProcess) -> None:
    """Nobody is forgotten, nothing is skipped, nothing is made up for in one go: the next run meets one
    rung a document, and the days that follow meet the rest in their order."""
    crowd.settle(house.store, SOME)
    ladder_run.run(house, now=NIGHT)
    before = met(house.store).meetings
    late = NIGHT + timedelta(days=4)  # Monday
    wanted = expected(house, late)
    assert ladder_run.run(house, now=late).trouble == 0
    assert met(house.store, since=late.date() - timedelta(days=1)) == wanted
    for invoice_id in {invoice_id for invoice_id, _ in wanted.meetings}:
        assert sum(times for (one, _), times in wanted.meetings.items() if one == invoice_id) == 1
    assert not before & wanted.meetings
    assert_nobody_lost(house.store, late)
    for day in range(5, 24):
        at = MORNING + timedelta(days=day)
        ladder_run.run(house, now=at)
        drain(house, at)
    assert_nothing_twice(house.store)
    assert_nobody_lost(house.store, MORNING + timedelta(days=23))
    assert_rungs_in_order(house)
    crowd.assert_sink_agrees(house, mailbox)


def assert_rungs_in_order(house: House) -> None:
    """A document climbs; it never goes down, and nothing above the due date is passed over by force."""
    with house.store.read() as session:
        ladders = dict(ladder_run.ladders_in_force(session, NIGHT))
        rows = session.execute(
            select(LadderMeeting.invoice_id, LadderMeeting.rung, LadderMeeting.met_on, LadderStep.ladder)
            .outerjoin(LadderStep, LadderStep.id == LadderMeeting.step_id)
            .order_by(LadderMeeting.id)
        ).all()
    climbed: dict[int, list[tuple[int, date]]] = {}
    for row in rows:
        if row.ladder is not None:
            seq = ladders[row.ladder].rung(row.rung).seq
            climbed.setdefault(row.invoice_id, []).append((seq, row.met_on))
    assert climbed
    for steps in climbed.values():
        seqs, days = [seq for seq, _ in steps], [day for _, day in steps]
        assert seqs == sorted(set(seqs))
        assert len(days) == len(set(days))


def prove_reminders(house: House, now: datetime) -> None:
    """One reminder a contact, channel, currency and local day among those that left (C-02, INV-9)."""
    with house.store.read() as session:
        rows = session.execute(
            select(Message.contact_id, Message.channel, Message.currency, Message.sent_at, Account.zone)
            .join(Account, Account.id == Message.account_id)
            .where(Message.purpose == Purpose.REMINDER, Message.status == MessageStatus.SENT)
        ).all()
    assert rows
    told = [(r.contact_id, r.channel, r.currency, business_date(r.sent_at, r.zone)) for r in rows]
    assert len(told) == len(set(told))
    for r in rows:
        assert 8 <= local_time(r.sent_at, r.zone).hour < 20
    assert max(r.sent_at for r in rows) < now + timedelta(hours=1)


#: A zone and the UTC evening before its clock changes: forward and back, and where midnight itself is
#: skipped (Beirut).
NIGHTS = {
    "London, an hour twice": ("Europe/London", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    "London, an hour less": ("Europe/London", datetime(2027, 3, 27, 12, tzinfo=UTC)),
    "Jerusalem, on a Friday": ("Asia/Jerusalem", datetime(2027, 3, 25, 12, tzinfo=UTC)),
    "Beirut, no midnight": ("Asia/Beirut", datetime(2027, 3, 27, 12, tzinfo=UTC)),
    "New York, an hour twice": ("America/New_York", datetime(2026, 10, 31, 12, tzinfo=UTC)),
}


@pytest.mark.parametrize("night", NIGHTS)
def test_the_night_in_which_the_clock_changes(house: House, mailbox: MailboxProcess, night: str) -> None:
    """Run each half hour through the night and the two days around it: one step a local day, calls at
    their hour by the wall clock, messages inside the window by the wall clock (C-03)."""
    zone, evening = NIGHTS[night]
    offsets = {(evening + timedelta(hours=h)).astimezone(ZoneInfo(zone)).utcoffset() for h in range(48)}
    assert len(offsets) == 2, "the clock doesn't change in this night"
    with house.store.write() as session:
        creditor = make.a_creditor(session, zone=zone)
        crowd.go_live(session, now=evening)
        for age in (-3, -1, 0, 1, 2, 3):
            account = make.an_account(session, creditor, zone=zone, now=evening)
            due_on = business_date(evening, zone) - timedelta(days=age)
            make.an_invoice(session, account, due_on=due_on, now=evening)
    for half_hours in range(0, 96 * 2):
        at = evening + timedelta(minutes=30 * half_hours)
        ran = ladder_run.run(house, now=at)
        assert ran.trouble == 0
        drain(house, at)
    assert_nothing_twice(house.store)
    assert_nobody_lost(house.store, at)
    prove_reminders(house, at)
    crowd.assert_sink_agrees(house, mailbox)
    with house.store.read() as session:
        days = session.scalars(select(LadderStep.business_on)).all()
        assert {business_date(evening, zone) <= day <= business_date(at, zone) for day in days} == {True}
        calls = session.scalars(select(Task).where(Task.kind == TaskKind.LADDER_CALL)).all()
        made = {s.id: s for s in session.scalars(select(LadderStep))}
    assert calls
    for call in calls:
        step = made[int(call.key.split(":")[1])]
        wanted = (call.due_at.astimezone(ZoneInfo(zone)).date(), local_time(call.due_at, zone).hour)
        assert (
            wanted == (step.business_on, {"due_today": 12}.get(step.rung, 10)) or call.due_at == step.made_at
        )


def test_the_ceiling_is_one_for_all_workers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go-live without regret: the daily ceiling counts the messages that all workers and all runs of a day
    queue, sent or not; the step that reaches it speaks whole, the rest is held back, and nobody is lost."""
    ceiling, widest = 6, 4  # messages of one step: two people, one of them by SMS too
    crowd.settle(house.store, 24)
    with house.store.write() as session:
        crowd.go_live(session, now=NIGHT, ceiling=ceiling)
    monkeypatch.setattr(ladder_run, "ACTING_CHUNK", 3)
    ran = together(3, lambda _: ladder_run.run(house, now=NIGHT).trouble)
    ran.append(ladder_run.run(house, now=NIGHT + timedelta(hours=1)).trouble)
    assert ran == [0] * 4
    with house.store.read() as session:
        queued = len(session.scalars(select(Message)).all())
        held = session.scalars(select(LadderStep.held_back).where(LadderStep.held_back.is_not(None))).all()
    assert ceiling <= queued < ceiling + widest
    assert set(held) == {"ceiling"}
    assert_nothing_twice(house.store)
    assert_nobody_lost(house.store, NIGHT)


def test_the_checker_finds_the_books_whole(
    house: House, mailbox: MailboxProcess, database_url: str, tmp_path: Path
) -> None:
    """INV-8 by the program that shares no code, after a night with a death on the ladder and one at the
    relay."""
    crowd.settle(house.store, SOME)
    for at, more in ((NIGHT, []), (MORNING, sender(mailbox, tmp_path))):
        victim = start(database_url, at, "--stop-at", "2" if more else "1", *more)
        victim.go()
        assert victim.heard() == "stopped"
        victim.kill()
        all_at_once(database_url, at, 2, *more)
    drain(house, MORNING + default_policy().lease)
    prove(database_url, mailbox=mailbox, now=MORNING + timedelta(hours=1))
