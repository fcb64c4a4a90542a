"""What a contact chose for himself binds reminders: quiet hours, channel, stop and again (C-06, C-07)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Contact
from models.links import Channel
from models.messages import ConsentEvent, ConsentEventKind, Message, Purpose
from models.store import Store
from receivables.contact import consents
from receivables.contact import rules as contact_rules
from receivables.errors import LinkGone
from tests.conftest import NOON
from tests.receivables.people.world import POLICY, World


def decide(
    world: World,
    hour: int,
    minute: int = 0,
    *,
    purpose: Purpose = Purpose.REMINDER,
    channel: Channel = Channel.EMAIL,
) -> contact_rules.Decision:
    """The gate's word at a time of 19 November in London, where it is UTC."""
    with world.store.read() as s:
        return contact_rules.may_contact(
            s, world.account, s.get_one(Contact, world.helen.id), channel=channel, purpose=purpose,
            currency="GBP", policy=POLICY, now=datetime(2026, 11, 19, hour, minute, tzinfo=UTC),
        )  # fmt: skip


def quiet(world: World, start: str, end: str) -> World:
    with world.store.write() as s:
        helen = s.get_one(Contact, world.helen.id)
        helen.quiet_from, helen.quiet_to = start, end
    return world


@pytest.mark.parametrize(
    ("span", "hour", "minute", "next_at"),
    [
        (("12:00", "14:00"), 11, 59, None),
        (("12:00", "14:00"), 12, 0, (19, 14, 0)),
        (("12:00", "14:00"), 13, 59, (19, 14, 0)),
        (("12:00", "14:00"), 14, 0, None),
        (("12:00", "14:00"), 20, 0, (20, 8, 0)),
        (("18:00", "09:30"), 8, 0, (19, 9, 30)),
        (("18:00", "09:30"), 18, 0, (20, 9, 30)),
        (("18:00", "09:30"), 10, 0, None),
        (("07:00", "10:00"), 7, 0, (19, 10, 0)),
    ],
)
def test_reminders_wait_for_the_hours(
    sqlite_store: Store, span: tuple[str, str], hour: int, minute: int, next_at: tuple[int, int, int] | None
) -> None:
    """Issue B 8: quiet hours narrow the house's window, over midnight too; the next moment is inside both."""
    decision = decide(quiet(World(sqlite_store), *span), hour, minute)
    if next_at is None:
        assert decision.allowed
        return
    day, at, past = next_at
    assert decision.reasons == ("outside_hours",)
    assert decision.next_at == datetime(2026, 11, day, at, past, tzinfo=UTC)


def test_answers_to_his_own_acts_come_at_once(sqlite_store: Store) -> None:
    """Decision 18: a code, a receipt and a fresh link know no hours."""
    world = quiet(World(sqlite_store), "12:00", "14:00")
    for purpose in (Purpose.CODE, Purpose.RECEIPT, Purpose.FRESH_LINK, Purpose.ANSWER):
        assert decide(world, 13, purpose=purpose).allowed
    assert not decide(world, 13, purpose=Purpose.ARRANGEMENT).allowed


def test_the_other_channel_is_held_back(sqlite_store: Store) -> None:
    """A reminder queued before the choice does not leave by the channel that was not chosen."""
    world = World(sqlite_store)
    with sqlite_store.write() as s:
        s.get_one(Contact, world.helen.id).preferred_channel = "sms"
    assert decide(world, 10).reasons == ("other_channel",)
    assert decide(world, 10, channel=Channel.SMS).allowed
    with sqlite_store.write() as s:
        say(s, world, Channel.SMS, wanted=False)
    assert decide(world, 10).allowed, "a chosen channel that was stopped since does not silence the other"


def say(s: object, world: World, channel: Channel, *, wanted: bool, minutes: int = 0) -> ConsentEvent | None:
    return consents.choose(
        s, world.actor, channel, wanted=wanted,  # type: ignore[arg-type]
        shown=consents.Shown(f"wanted: {wanted}", "people_page/1", "portal", "198.51.100.0/24"),
        now=NOON + timedelta(minutes=minutes),
    )  # fmt: skip


def test_stop_and_again(store: Store) -> None:
    """C-06, C-07: each word is kept with the text shown; the last one counts; one confirmation of a stop."""
    world = World(store)
    with store.write() as s:
        assert say(s, world, Channel.EMAIL, wanted=True), "a first yes is kept: some places ask for one"
        assert say(s, world, Channel.EMAIL, wanted=True) is None
        assert say(s, world, Channel.EMAIL, wanted=False)
        assert say(s, world, Channel.EMAIL, wanted=False) is None
    assert "opted_out" in decide(world, 10).reasons
    with store.write() as s:
        assert say(s, world, Channel.EMAIL, wanted=True, minutes=5)
    assert decide(world, 10).allowed
    with store.read() as s:
        events = s.scalars(select(ConsentEvent).order_by(ConsentEvent.id)).all()
        confirmations = s.scalars(select(Message).where(Message.purpose == Purpose.OPT_OUT_CONFIRMED)).all()
    again = ConsentEventKind.OPTED_IN
    assert [e.event for e in events] == [again, ConsentEventKind.OPTED_OUT, again]
    assert [e.text_shown for e in events] == ["wanted: True", "wanted: False", "wanted: True"]
    assert len(confirmations) == 1


def test_again_at_the_way_out(sqlite_store: Store) -> None:
    """C-06: who stopped by the link of a message takes it up again there."""
    world = World(sqlite_store)
    with sqlite_store.write() as s:
        token = consents.issue_opt_out(s, world.helen, Channel.EMAIL, policy=POLICY, now=NOON)
    with sqlite_store.write() as s:

        def choose(link: str, *, wanted: bool) -> ConsentEvent | None:
            shown = consents.Shown("…", "1", "page")
            return consents.choose_by_link(s, link, wanted=wanted, shown=shown, now=NOON)

        assert choose(token, wanted=False)
        assert choose(token, wanted=False) is None
        assert choose(token, wanted=True)
        with pytest.raises(LinkGone):
            choose("nothing", wanted=True)
    assert decide(world, 10).allowed
