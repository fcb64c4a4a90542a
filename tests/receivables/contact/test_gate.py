"""The gate under rules of a place: hours, caps, consent, dead addresses, the stop of all sending."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact, DebtorType
from models.inbound import ReachEventKind
from models.links import Channel
from models.messages import ContactLedger, Message, Purpose
from models.store import Store
from receivables import switches
from receivables.calendar_days import local_time
from receivables.contact import calls, reach
from receivables.contact import rules as contact_rules
from receivables.permissions import SYSTEM
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.contact.gating import (
    POLICY,
    an_account,
    asked,
    contacts_of,
    left,
    publish,
    queued,
    said,
)

# --------------------------------------------------------------------------- hours


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


#: Zone, moment, when it may leave (None: at once); the window of the row is 09:00 to 18:00.
HOURS = [
    # Arizona keeps winter time all year: nine is 16:00 UTC in July and in January, Denver's moves.
    ("America/Phoenix", at(2027, 1, 12, 15, 59), at(2027, 1, 12, 16)),
    ("America/Phoenix", at(2026, 7, 14, 15, 59), at(2026, 7, 14, 16)),
    ("America/Denver", at(2027, 1, 12, 15, 59), at(2027, 1, 12, 16)),
    ("America/Denver", at(2026, 7, 14, 15, 0), None),
    # New York's night without two o'clock (14 March 2027), and the one with two (1 November 2026).
    ("America/New_York", at(2027, 3, 13, 23), at(2027, 3, 14, 13)),
    ("America/New_York", at(2027, 3, 14, 13), None),
    ("America/New_York", at(2026, 10, 31, 22), at(2026, 11, 1, 14)),
    ("America/New_York", at(2026, 11, 1, 13, 59), at(2026, 11, 1, 14)),
    # Israel: summer from Friday 26 March 2027, winter from Sunday 25 October 2026.
    ("Asia/Jerusalem", at(2027, 3, 25, 16), at(2027, 3, 26, 6)),
    ("Asia/Jerusalem", at(2026, 10, 24, 15), at(2026, 10, 25, 7)),
    ("Asia/Jerusalem", at(2026, 10, 25, 15, 59), None),
]


@pytest.mark.parametrize(("zone", "now", "next_at"), HOURS)
def test_the_narrowest_hours_bind_by_the_wall_clock(
    sqlite_store: Store, zone: str, now: datetime, next_at: datetime | None
) -> None:
    """C-03: the rule is 09:00 local, never an hour of UTC; house and row intersect (C-04)."""
    with sqlite_store.write() as s:
        publish(s, 'window = "06:00-18:00"', 'window = "09:00-21:00"', now=at(2026, 1, 1))
        decision = asked(s, an_account(s, zone=zone), now=now)
    assert decision.next_at == next_at
    assert decision.reasons == (("outside_hours",) if next_at else ())


def test_an_unknown_zone_leaves_the_hours_that_suit_the_whole_country(sqlite_store: Store) -> None:
    """C-03: unknown is strictest, and said: from Honolulu's morning to New York's evening."""
    with sqlite_store.write() as s:
        account = an_account(s, zone="Mars/Olympus", country="US", debtor=DebtorType.BUSINESS)
        early, fine = asked(s, account, now=at(2026, 11, 19, 15)), asked(s, account, now=at(2026, 11, 19, 19))
        assert early.reasons == ("outside_hours",)
        assert fine.allowed
        assert fine.cautions == early.cautions == ("unknown_zone",)
        assert early.next_at is not None
        for zone in ("Pacific/Honolulu", "America/New_York", "America/Chicago"):
            assert 8 <= local_time(early.next_at, zone).hour < 20
        nowhere = asked(s, an_account(s, zone="", country="ZZ", debtor=DebtorType.BUSINESS))
        assert nowhere.cautions == ("unknown_zone",)


# --------------------------------------------------------------------------- caps


def test_caps_roll_over_the_days_of_the_account(store: Store) -> None:
    """Policy row 3: three in seven days; the first day is free again on the eighth."""
    with store.write() as s:
        publish(s, 'email = "3/7d"')
        account = an_account(s)
        [contact] = contacts_of(s, account)
        days = [asked(s, account, now=NOON + timedelta(days=0)).reasons]
        for day in range(3):
            left(s, account, contact, now=NOON + timedelta(days=2 * day))
        for day in (5, 6, 7, 8, 9):
            days.append(asked(s, account, now=NOON + timedelta(days=day)).reasons)
        by_sms = asked(s, account, channel=Channel.SMS, now=NOON + timedelta(days=5))
    assert days == [(), ("cap:email",), ("cap:email",), (), (), ()]
    assert by_sms.allowed


def test_a_cap_of_all_channels_counts_calls_and_people(store: Store) -> None:
    """Policy row 13: contact attempts of an account on all channels, the unanswered call too."""
    with store.write() as s:
        publish(s, 'all = "3/7d"')
        account = an_account(s, contacts=2)
        first, second = contacts_of(s, account)
        left(s, account, first)
        left(s, account, second, channel=Channel.SMS)
        assert asked(s, account, contact=second).allowed
        calls.log_call(s, SYSTEM, first, talked=False, outcome="no_answer", now=NOON)
        assert asked(s, account, contact=second).reasons == ("cap:all",)
        assert calls.may_call(s, account, second, policy=POLICY, now=NOON).reasons == ("cap:all",)
        for purpose in (Purpose.RECEIPT, Purpose.CODE, Purpose.ANSWER, Purpose.ARRANGEMENT):
            assert asked(s, account, contact=second, purpose=purpose).allowed


def test_ten_workers_never_pass_a_cap_of_three(store: Store) -> None:
    """C-02: ten at once, each with another person of the account; the account's turn lets three through."""
    for number in range(REPEATS):
        with store.write() as s:
            if number == 0:
                publish(s, 'all = "3/7d"')
            account = an_account(s, contacts=10)
            messages = [queued(s, account, contact).id for contact in contacts_of(s, account)]

        def work(worker: int, messages: list[int] = messages, account_id: int = account.id) -> bool:
            def unit(s: Session) -> bool:
                contact_rules.take_turn(s, account_id)
                message = s.get_one(Message, messages[worker], with_for_update=True)
                contact = s.get_one(Contact, message.contact_id)
                account = s.get_one(Account, account_id)
                decision = asked(s, account, contact=contact)
                if decision.allowed:
                    contact_rules.claim(s, message, decision, now=NOON)
                return decision.allowed

            return store.run(unit)

        assert sum(answer is True for answer in together(10, work)) == 3
        with store.read() as s:
            claims = select(func.count()).where(ContactLedger.account_id == account.id)
            assert s.scalar(claims) == 3


# --------------------------------------------------------------------------- consent and addresses


def test_where_consent_is_needed_silence_is_none(store: Store) -> None:
    """Policy row 13: electronic contact by consent; a later no takes it back (C-06)."""
    with store.write() as s:
        publish(s, 'opt_in = ["email"]')
        account = an_account(s)
        [contact] = contacts_of(s, account)
        silent = asked(s, account).reasons
        said(s, contact, Channel.EMAIL, yes=True)
        agreed = asked(s, account).reasons
        said(s, contact, Channel.EMAIL, yes=False)
        assert asked(s, account).reasons == ("opted_out", "needs_opt_in")
        assert asked(s, account, channel=Channel.SMS).allowed
        assert asked(s, account, purpose=Purpose.ANSWER).allowed
    assert (silent, agreed) == (("needs_opt_in",), ())


@pytest.mark.parametrize(("reach_of_no", "allowed"), [("channel", True), ("all", False)])
def test_how_far_a_no_reaches(sqlite_store: Store, reach_of_no: str, allowed: bool) -> None:
    """Policy row 15: a no on one channel, and from its day on all."""
    with sqlite_store.write() as s:
        publish(s, f'opt_out = "{reach_of_no}"')
        account = an_account(s)
        [contact] = contacts_of(s, account)
        said(s, contact, Channel.SMS, yes=False)
        assert asked(s, account).allowed is allowed
        assert asked(s, account, channel=Channel.SMS).reasons == ("opted_out",)


def test_a_dead_address_is_not_chased_and_no_choice(store: Store) -> None:
    """Issue C, part 6: a bounced address is left alone, and the person is reached on the other channel."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        contact.preferred_channel = "email"
        reach.learn(s, contact, Channel.EMAIL, ReachEventKind.DEAD, why="dsn:5.1.1", now=NOON)
        assert asked(s, account).reasons == ("dead_address",)
        assert asked(s, account, channel=Channel.SMS).allowed
        assert asked(s, account, purpose=Purpose.RECEIPT).allowed
        reach.learn(s, contact, Channel.EMAIL, ReachEventKind.REACHED, why="reply", now=NOON)
        assert asked(s, account).allowed
        assert asked(s, account, channel=Channel.SMS).reasons == ("other_channel",)


# --------------------------------------------------------------------------- the stop of all sending


def test_the_stop_holds_what_chases_and_answers_go_on(store: Store) -> None:
    """Decision 22: reminders, notices and calls wait; what the reader's own act asked for goes on."""
    with store.write() as s:
        account = an_account(s)
        [contact] = contacts_of(s, account)
        switches.stop_sending(s, SYSTEM, reason="wrong amounts", now=NOON)
        stopped = {p for p in Purpose if asked(s, account, purpose=p).reasons == ("sending_stopped",)}
        free = {p for p in Purpose if asked(s, account, purpose=p).allowed}
        assert stopped == {Purpose.REMINDER, Purpose.ARRANGEMENT}
        assert free == set(Purpose) - stopped
        assert calls.may_call(s, account, contact, policy=POLICY, now=NOON).reasons == ("sending_stopped",)
        switches.allow_sending(s, SYSTEM, reason="amounts mended", now=NOON)
        assert asked(s, account).allowed
