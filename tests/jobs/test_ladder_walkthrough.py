"""Six debtors, one of each kind, live through 120 days, and the paper that tells of it reads as the books do.

Everything of the issue's "Done when" that a collector would look for: each rung once, nothing inside a pause,
one message a day, no rung skipped, the sum of a message behind its link, a no that holds, days off. The text
is docs/ladder-walkthrough.md; `python -m tests.walkthrough` writes it anew.
"""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.handovers import Handover
from models.invoices import Invoice
from models.ladder import LadderMeeting, LadderStep, Met
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.pauses import Pause
from models.states import HandoverStatus, MessageStatus, StepStatus
from models.store import Store
from receivables.calendar_days import is_business_day
from receivables.ladder.rungs import preset
from tests.databases import fresh_database
from tests.mailboxes import start_mailbox
from tests.walkthrough.cast import DEBTORS, day
from tests.walkthrough.play import PAPER, played
from tests.walkthrough.telling import named_behind, transcript, written
from tests.walkthrough.world import World

#: What a pause does not hold back: the notices of the arrangement that it is about, and our own answers.
ASKS = (Purpose.REMINDER,)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], World]]:
    """The days on a database of a kind, lived through once for this file."""
    worlds: dict[str, World] = {}
    with ExitStack() as stack:

        def on(database: str) -> World:
            if database not in worlds:
                folder = tmp_path_factory.mktemp("walkthrough")
                url = stack.enter_context(fresh_database(database, folder))
                mailbox = start_mailbox(folder)
                stack.callback(mailbox.stop)
                worlds[database] = stack.enter_context(played(url, mailbox, folder))
            return worlds[database]

        yield on


@pytest.fixture
def world(database: str, lived: Callable[[str], World]) -> World:
    return lived(database)


def store(world: World) -> Store:
    return world.house.store


def test_the_paper_tells_what_happened(world: World) -> None:
    """Issue C, "Done when": the committed text is what the books and the sink say, to the byte."""
    told = transcript(world)
    kept = PAPER.read_text(encoding="utf-8")
    changes = difflib.unified_diff(
        kept.splitlines(), told.splitlines(), "committed", "lived", lineterm="", n=1
    )
    assert told == kept, "write it anew with `python -m tests.walkthrough`:\n" + "\n".join(changes)


def test_each_rung_once_and_in_its_order(world: World) -> None:
    """FT-18, C-05: no document meets a rung twice, and after its first rung it skips none."""
    met: defaultdict[tuple[int, int], list[tuple[date, str]]] = defaultdict(list)
    with store(world).read() as s:
        for row in s.scalars(select(LadderMeeting).order_by(LadderMeeting.id)):
            met[row.invoice_id, row.cycle].append((row.met_on, row.rung))
        kinds = {invoice.id: invoice.kind.value for invoice in s.scalars(select(Invoice))}
    assert met
    for (invoice_id, _), meetings in met.items():
        ladder = preset("prepayment" if kinds[invoice_id] == "prepayment" else "gentle")
        seqs = [ladder.rung(rung).seq for _, rung in meetings]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), meetings
        days = [on for on, _ in meetings]
        assert len(set(days)) == len(days), meetings


def test_every_rung_that_was_met_was_done_or_decided(world: World) -> None:
    """Nothing is forgotten: a document that met a rung has its step, and the step an end that says why."""
    with store(world).read() as s:
        assert not [m for m in s.scalars(select(LadderMeeting)) if m.how is not Met.PASSED and not m.step_id]
        steps = s.scalars(select(LadderStep)).all()
    assert {step.status for step in steps} == {StepStatus.DONE, StepStatus.REFUSED}
    assert all(step.outcome or step.reason for step in steps)


def test_one_word_a_day(world: World) -> None:
    """domain.md: one consolidated message per contact, channel, currency and day."""
    with store(world).read() as s:
        sent = s.scalars(
            select(Message).where(Message.purpose == Purpose.REMINDER, Message.sent_at.is_not(None))
        )
        days = Counter(
            (m.contact_id, m.channel, m.currency, m.sent_at.date())
            for m in sent
            if m.sent_at is not None and m.kind != "callback_invitation"
        )
    assert days
    assert max(days.values()) == 1


def test_nothing_is_asked_inside_a_pause(world: World) -> None:
    """C-05: while a promise, a plan's signing or sales hold an account still, no reminder leaves."""
    with store(world).read() as s:
        pauses = s.scalars(select(Pause).where(Pause.invoice_id.is_(None), Pause.contact_id.is_(None))).all()
        sent = s.scalars(select(Message).where(Message.purpose.in_(ASKS), Message.sent_at.is_not(None))).all()
        steps = s.scalars(select(LadderStep)).all()
    assert {pause.reason.value for pause in pauses} >= {"promise", "sales_talk", "hardship"}
    for pause in pauses:
        zone = ZoneInfo(next(d.zone for d in DEBTORS if world.ids[d.key] == pause.account_id))
        inside = [
            m.kind
            for m in sent
            if m.account_id == pause.account_id
            and m.sent_at is not None
            and pause.from_on < m.sent_at.astimezone(zone).date()
            and (pause.to_on is None or m.sent_at.astimezone(zone).date() < pause.to_on)
        ]
        assert inside == [], (pause.reason, pause.from_on, pause.to_on)
        assert not [
            step.rung
            for step in steps
            if step.account_id == pause.account_id
            and pause.from_on < step.business_on
            and (pause.to_on is None or step.business_on < pause.to_on)
        ]


def test_a_disputed_line_is_not_asked_for(world: World) -> None:
    """Decision 010: beside the contested part the rest is asked for, and never more."""
    with store(world).read() as s:
        steps = s.scalars(
            select(LadderStep).where(
                LadderStep.account_id == world.ids["problem"],
                LadderStep.business_on > day("9 Nov"), LadderStep.business_on <= day("22 Nov"),
            )
        ).all()  # fmt: skip
    assert [(step.rung, step.amount_minor) for step in steps] == [
        ("call", 560000), ("official_letter", 560000), ("sales", 560000),
    ]  # fmt: skip


def test_the_sum_of_a_message_is_the_one_behind_its_link(world: World) -> None:
    """Issue C, part 8: read from the sink, against the page in the moment in which the message left."""
    sink = {kept["message_id"]: kept for kept in world.mailbox.messages()}
    silent = []
    with store(world).read() as s:
        query = select(Message).where(Message.purpose == Purpose.REMINDER, Message.sent_at.is_not(None))
        sent = s.scalars(query).all()
        private = {world.ids[d.key] for d in DEBTORS if d.debtor_type.value != "business"}
    assert len(sent) > 30
    for message in sent:
        sums = [amount for _, amount in named_behind(world.behind[message.id])]
        text = sink[message.wire_id]["text"]
        if not any(written(amount, message.language, text) for amount in sums):
            silent.append((message.account_id in private, message.channel))
    assert set(silent) <= {(True, Channel.SMS)}, "only a private person's SMS names no sum (tone.md, 5)"


def test_a_no_holds(world: World) -> None:
    """C-07: after STOP nothing but its confirmation goes to that number; the mail address is another."""
    stop = day("27 Jan")
    with store(world).read() as s:
        after = s.scalars(
            select(Message)
            .where(Message.account_id == world.ids["forgetful"], Message.sent_at.is_not(None))
            .order_by(Message.id)
        ).all()
    later = [m for m in after if m.sent_at is not None and m.sent_at.date() >= stop]
    assert [m.kind for m in later if m.channel is Channel.SMS] == ["opt_out_confirmed"]
    assert [m for m in later if m.channel is Channel.EMAIL]


def test_steps_keep_the_days_off_of_the_place(world: World) -> None:
    """Calendars: no rung on a day on which nobody works there; Christmas, Thanksgiving, a Friday in Haifa."""
    with store(world).read() as s:
        steps = s.scalars(select(LadderStep)).all()
    countries = {world.ids[d.key]: d.country for d in DEBTORS}
    assert not [
        (step.rung, step.business_on)
        for step in steps
        if not is_business_day(step.business_on, countries[step.account_id])
    ]


def test_agreed_terms_move_the_ladder(world: World) -> None:
    """`own_terms`: thirty days were agreed, and every later rung counts from then."""
    with store(world).read() as s:
        steps = s.scalars(
            select(LadderStep)
            .where(LadderStep.account_id == world.ids["own-terms"], LadderStep.business_on > day("3 Nov"))
            .order_by(LadderStep.id)
        ).all()
    assert [(step.rung, step.business_on) for step in steps[:3]] == [
        ("courtesy", day("18 Dec")), ("due_today", day("21 Dec")), ("courtesy", day("18 Jan")),
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["refuser", "hardship", "own-terms"])
def test_an_old_debt_begins_with_the_first_reminder(world: World, who: str) -> None:
    """The catch-up rule: the first word about an old debt is the friendly one, then a rung at a time."""
    with store(world).read() as s:
        steps = s.scalars(
            select(LadderStep).where(LadderStep.account_id == world.ids[who]).order_by(LadderStep.id)
        ).all()
    assert steps[0].rung == "first_reminder"
    if who == "refuser":
        ladder = preset("gentle")
        seqs = list(dict.fromkeys(ladder.rung(step.rung).seq for step in steps))
        assert seqs == list(range(seqs[0], seqs[-1] + 1))
        assert steps[1].business_on - steps[0].business_on == timedelta(days=2)


def test_a_case_goes_only_after_its_legal_step_and_to_nobody_unheard(world: World) -> None:
    """Part 7 and 11: refused by name before the letter of claim has run, then announced, filed and placed."""
    [(who, at, _, refused)] = world.refused
    assert (who, at.date(), refused.code) == ("refuser", day("5 Jan"), "legal_step_missing")
    assert refused.facts["reasons"] == ["claim_letter:waits:2027-01-17"]
    with store(world).read() as s:
        cases = {case.account_id: case for case in s.scalars(select(Handover))}
        told = s.scalars(select(Message).where(Message.kind == "handover_notice")).all()
    assert {world.whose(account_id) for account_id in cases} == {"refuser", "untraceable"}
    for case in cases.values():
        assert case.status is HandoverStatus.PLACED
        assert case.case_file_id is not None
        assert case.approved_by_id != case.proposed_by_id
    assert Money(cases[world.ids["refuser"]].amount_minor, "GBP") == Money(630000, "GBP")
    assert [(world.whose(m.account_id), m.status) for m in told] == [("refuser", MessageStatus.SENT)]
