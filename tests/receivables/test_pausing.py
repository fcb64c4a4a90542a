"""Pauses that a person places by hand: what the rules give, what stands still, and their early end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.audit import AuditDetail, AuditEntry
from models.money import Money
from models.pauses import Pause, PauseReason
from models.staff import Role
from models.store import Store
from models.work import Interaction
from receivables import pauses, pausing
from receivables.contact import reminders
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ladder import what_ifs
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.conftest import NOON
from tests.races import together

TODAY = NOON.date()  # a Thursday
DAY = timedelta(days=1)
R = PauseReason


@dataclass
class Room:
    """One account with two late invoices, and who chases it."""

    store: Store
    account: Account
    refs: list[str]
    numbers: list[str]
    priya: Actor
    accountant: Actor

    def place(
        self,
        reason: PauseReason = R.SAYS_PAID,
        *,
        days: int = 3,
        refs: list[str] | None = None,
        words: str = "Their bank shows it",
        now: datetime = NOON,
        actor: Actor | None = None,
    ) -> str:
        return self.store.run(
            lambda s: pausing.place(
                s, actor or self.priya, self.mine(s), reason, until=now.date() + days * DAY,
                refs=refs or [], words=words, now=now,
            )
        )  # fmt: skip

    def end(self, act: str, *, reason: str = "It was another invoice", now: datetime = NOON) -> None:
        self.store.run(lambda s: pausing.end(s, self.priya, self.mine(s), act, reason=reason, now=now))

    def held(self, *, now: datetime = NOON) -> list[pausing.Held]:
        with self.store.read() as s:
            return pausing.held(s, self.priya, self.mine(s), now=now)

    def chased(self, *, now: datetime = NOON) -> list[str]:
        """Numbers of the invoices that a reminder would be about."""
        with self.store.read() as s:
            standing = pauses.standing(s, self.account.id, now.date())
            return [
                number
                for ref, number in zip(self.refs, self.numbers, strict=True)
                if not pauses.paused_by(standing, invoice_ref=ref, currency="GBP")
            ]

    def mine(self, s) -> Account:  # type: ignore[no-untyped-def]
        return s.get_one(Account, self.account.id)


@pytest.fixture
def room(store: Store) -> Room:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        documents = [make.an_invoice(s, account, total=10000, due_on=TODAY - n * DAY) for n in (20, 5)]
        people = [make.staff_actor(make.a_person(s, role)) for role in (Role.COLLECTOR, Role.ACCOUNTANT)]
    return Room(store, account, [d.ref for d in documents], [d.number for d in documents], *people)


def test_the_whole_account_stands_still_up_to_a_day(room: Room) -> None:
    """Pauses have reason, from, to and scope; the audit and the timeline keep who and why."""
    act = room.place()
    with room.store.read() as s:
        row = s.scalars(select(Pause)).one()
        assert (row.reason, row.invoice_id) == (R.SAYS_PAID, None)
        assert (row.from_on, row.to_on) == (TODAY, TODAY + 4 * DAY)
        told = s.scalars(select(Interaction).where(Interaction.kind == "pause.placed")).one()
        assert (told.staff_id, told.facts["words"]) == (room.priya.id, "Their bank shows it")
        entry = s.scalars(select(AuditEntry).where(AuditEntry.code == "pause.started")).one()
        assert entry.actor_id == room.priya.id
        detail = s.scalars(select(AuditDetail).where(AuditDetail.audit_entry_id == entry.id)).one()
        assert detail.reason == "Their bank shows it"
    assert room.chased() == []
    with room.store.write() as s, pytest.raises(Refused, match="paused"):
        reminders.remind(s, SYSTEM, room.mine(s), now=NOON)
    assert room.chased(now=NOON + 4 * DAY) == room.numbers
    [line] = room.held()
    assert (line.act, line.numbers, line.until, line.words) == (
        act,
        [],
        TODAY + 3 * DAY,
        "Their bank shows it",
    )


def test_some_invoices_stand_still_and_the_rest_is_asked_for(room: Room) -> None:
    room.place(R.WITHHOLDING, refs=room.refs[:1])
    assert room.chased() == room.numbers[1:]
    room.place(R.WITHHOLDING, refs=room.refs[1:])
    assert [line.numbers for line in room.held()] == [room.numbers[:1], room.numbers[1:]]


@pytest.mark.parametrize(
    ("reason", "last"),
    # NOON is a Thursday: business days skip the weekends; the day after the last one it goes on.
    [(R.SAYS_PAID, date(2026, 11, 25)), (R.THEIR_APPROVAL, date(2026, 12, 2)),
     (R.DOCUMENT_REQUESTED, date(2026, 12, 2)), (R.AWAITING_OUR_ANSWER, date(2026, 12, 2))],
)  # fmt: skip
def test_no_longer_than_the_rules_give(room: Room, reason: PauseReason, last: date) -> None:
    """Policy pauses: says paid five business days, an approval ten, everything else by hand ten."""
    with room.store.read() as s:
        found = pausing.about(s, room.priya, room.mine(s), now=NOON)
    assert found.latest[reason] == last
    with pytest.raises(Refused, match="pause_day_late") as refused:
        room.place(reason, days=(last - TODAY).days + 1)
    assert refused.value.facts["latest"] == last
    room.place(reason, days=(last - TODAY).days)


def test_a_pause_is_not_stretched_by_naming_it_again(room: Room) -> None:
    """domain.md: says paid once a claim; the days are counted from the first of late (policy pauses)."""
    act = room.place(days=1, refs=room.refs[:1])
    with pytest.raises(Refused, match="pause_stands"):
        room.place(days=2, refs=room.refs[:1])
    room.end(act)
    with pytest.raises(Refused, match="pause_day_late"):
        room.place(days=5, refs=room.refs[:1], now=NOON + 4 * DAY)
    with pytest.raises(Refused, match="pause_used"):
        room.place(days=0, refs=room.refs[:1], now=NOON + 7 * DAY)
    room.place(days=5, refs=room.refs[1:], now=NOON + 7 * DAY)
    room.place(days=2, refs=room.refs[:1], now=NOON + 31 * DAY)


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("pause_reason_unknown", {"reason": R.DISPUTE}),
        ("pause_reason_unknown", {"reason": R.HARDSHIP}),
        ("day_past", {"days": -1}),
        ("reason_missing", {"words": "  "}),
        ("words_too_long", {"words": "x" * 501}),
    ],
)
def test_what_is_refused(room: Room, code: str, facts: dict[str, object]) -> None:
    with pytest.raises(Refused, match=code):
        room.place(**facts)  # type: ignore[arg-type]
    assert room.held() == []


def test_only_who_chases_and_only_his_own_documents(room: Room) -> None:
    """A-01; L-15: a document of another account is not found."""
    with room.store.write() as s:
        other = make.an_invoice(s, make.an_account(s, make.a_creditor(s)), due_on=TODAY - DAY).ref
    with pytest.raises(NotFound):
        room.place(refs=[room.refs[0], other])
    with pytest.raises(NotAllowed):
        room.place(actor=room.accountant)
    with room.store.read() as s, pytest.raises(NotAllowed):
        pausing.held(s, room.accountant, room.mine(s), now=NOON)


def test_ended_early_with_a_reason(room: Room) -> None:
    """Undo: from that day on it is asked for again; a second end finds it over."""
    act = room.place(refs=room.refs)
    tomorrow = NOON + DAY
    with pytest.raises(Refused, match="reason_missing"):
        room.end(act, reason=" ", now=tomorrow)
    room.end(act, now=tomorrow)
    assert room.chased(now=tomorrow) == room.numbers
    assert room.held(now=tomorrow) == []
    with room.store.read() as s:
        assert {row.to_on for row in s.scalars(select(Pause))} == {TODAY + DAY}
        assert s.scalars(select(Interaction.kind).order_by(Interaction.id)).all()[-1] == "pause.ended_early"
    with pytest.raises(Refused, match="pause_over"):
        room.end(act, now=tomorrow)


def test_a_pause_of_something_else_is_not_ended_here(room: Room) -> None:
    """What a dispute or a promise paused ends with it."""
    with room.store.write() as s:
        pauses.pause(s, SYSTEM, room.mine(s), R.PROMISE, key="promise:1", currency="GBP", now=NOON)
        pauses.pause(s, SYSTEM, room.mine(s), R.HARDSHIP, key="hardship:1", now=NOON)
    [line] = room.held()
    assert (line.reason, line.act, line.currency) == (R.PROMISE, None, "GBP")
    for name in ("promise:1", "1", "", "%"):
        with pytest.raises(NotFound):
            room.end(name)
    assert room.held() == [line]


def test_what_the_ladder_would_do_is_said_before(room: Room) -> None:
    """look.md: consequences before the button; the look of every night with one pause more."""
    with room.store.read() as s:
        seen = what_ifs.with_pause(
            s, room.priya, room.account.id, R.SAYS_PAID, until=TODAY + 3 * DAY, now=NOON
        )
        wanted = pausing.preview(s, room.priya, room.mine(s), R.SAYS_PAID, until=TODAY + 3 * DAY, now=NOON)
        assert s.scalars(select(Pause)).all() == []
    assert seen is not None
    assert seen.changes
    assert seen.after is not None
    assert seen.after.rung is None
    assert (wanted.whole, wanted.sums) == (True, [Money(20000, "GBP")])
    assert (wanted.goes_on, wanted.costs_run) == (TODAY + 4 * DAY, False)


def test_of_two_who_press_at_once_one_places_it(room: Room) -> None:
    """The account is locked: the second finds it standing still."""
    ended = together(2, lambda _: room.place())
    assert sum(isinstance(one, Refused) for one in ended) == 1
    assert len(room.held()) == 1
