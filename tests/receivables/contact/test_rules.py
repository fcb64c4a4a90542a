"""The one gate before anything is sent: hours, cap, flags, opt-out (C-01, C-02, decision 18)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.accounts import Account, AccountFlag, Contact, FlagKind
from models.links import Channel
from models.messages import ContactLedger, Message, Purpose
from models.store import Store
from receivables import outbox
from receivables.calendar_days import local_time
from receivables.contact import rules as contact_rules
from receivables.contact.rules import Decision
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from tests import factories as make
from tests.conftest import NOON
from tests.effort import EXAMPLES
from tests.races import together

POLICY = default_policy()
NIGHT = datetime(2026, 11, 19, 3, 0, tzinfo=UTC)
AT_ONCE = [Purpose.RECEIPT, Purpose.CODE, Purpose.FRESH_LINK, Purpose.OPT_OUT_CONFIRMED]


def asked(
    s: Session, account: Account, *, now: datetime = NOON, purpose: Purpose = Purpose.REMINDER,
    channel: Channel = Channel.EMAIL, currency: str = "GBP", message_id: int | None = None,
) -> Decision:  # fmt: skip
    contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
    return contact_rules.may_contact(
        s, account, contact, channel=channel, purpose=purpose, currency=currency, policy=POLICY, now=now,
        message_id=message_id,
    )  # fmt: skip


def in_zone(s: Session, zone: str) -> Account:
    return make.an_account(s, make.a_creditor(s), zone=zone, phone="+972500000000")


def queued(
    s: Session, account: Account, key: str, *, currency: str = "GBP", channel: Channel = Channel.EMAIL
) -> Message:
    return outbox.enqueue(
        s, SYSTEM, account=account,
        contact=s.scalars(select(Contact).where(Contact.account_id == account.id)).one(),
        channel=channel, purpose=Purpose.REMINDER, kind=f"kind-{key}", facts={}, dedupe_key=key, now=NOON,
        currency=currency,
    )  # fmt: skip


# --------------------------------------------------------------------------- hours

#: Zone, moment, allowed, and when it may leave else. Windows are 08:00 to 20:00 local.
HOURS: list[tuple[str, datetime, datetime | None]] = [
    ("Europe/London", datetime(2026, 11, 19, 7, 59, 59, tzinfo=UTC), datetime(2026, 11, 19, 8, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 11, 19, 8, 0, tzinfo=UTC), None),
    ("Europe/London", datetime(2026, 11, 19, 19, 59, 59, tzinfo=UTC), None),
    ("Europe/London", datetime(2026, 11, 19, 20, 0, tzinfo=UTC), datetime(2026, 11, 20, 8, tzinfo=UTC)),
    # The night that summer begins (28 March 2027, 01:00 UTC): eight is an hour earlier in UTC.
    ("Europe/London", datetime(2027, 3, 27, 20, 0, tzinfo=UTC), datetime(2027, 3, 28, 7, tzinfo=UTC)),
    ("Europe/London", datetime(2027, 3, 28, 7, 0, tzinfo=UTC), None),
    ("Europe/London", datetime(2027, 3, 28, 19, 0, tzinfo=UTC), datetime(2027, 3, 29, 7, tzinfo=UTC)),
    # The night that summer ends (25 October 2026).
    ("Europe/London", datetime(2026, 10, 24, 19, 30, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 10, 25, 7, 30, tzinfo=UTC), datetime(2026, 10, 25, 8, tzinfo=UTC)),
    ("Asia/Jerusalem", datetime(2026, 11, 19, 5, 59, tzinfo=UTC), datetime(2026, 11, 19, 6, tzinfo=UTC)),
    ("Asia/Jerusalem", datetime(2026, 11, 19, 17, 59, tzinfo=UTC), None),
    ("Asia/Jerusalem", datetime(2026, 11, 19, 18, 0, tzinfo=UTC), datetime(2026, 11, 20, 6, tzinfo=UTC)),
    # Israel's summer begins on a Friday (26 March 2027) and ends on 25 October 2026.
    ("Asia/Jerusalem", datetime(2027, 3, 25, 18, 0, tzinfo=UTC), datetime(2027, 3, 26, 5, tzinfo=UTC)),
    ("Asia/Jerusalem", datetime(2027, 3, 26, 5, 0, tzinfo=UTC), None),
    ("Asia/Jerusalem", datetime(2026, 10, 25, 5, 30, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 20, 1, 0, tzinfo=UTC), datetime(2026, 11, 20, 13, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "now", "next_at"), HOURS)
def test_reminders_keep_to_the_accounts_day(
    sqlite_store: Store, zone: str, now: datetime, next_at: datetime | None
) -> None:
    """C-01, FT-18, FT-24: between eight and eight by the account's own clock, on every day of the year."""
    with sqlite_store.write() as s:
        decision = asked(s, in_zone(s, zone), now=now)
    assert decision.next_at == next_at
    assert decision.reasons == (("outside_hours",) if next_at else ())
    assert decision.allowed is (next_at is None)


@given(
    now=st.integers(1_780_000_000, 1_830_000_000).map(lambda n: datetime.fromtimestamp(n, UTC)),
    zone=st.sampled_from(["Europe/London", "Asia/Jerusalem", "America/St_Johns", "Pacific/Apia"]),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_reminder_that_waits_leaves_in_the_window(shared_store: Store, now: datetime, zone: str) -> None:
    """C-01: whenever it is asked, now or at the named moment, the local clock is inside the window."""
    with shared_store.write() as s:
        account = in_zone(s, zone)
        decision = asked(s, account, now=now)
        leaves = decision.next_at or now
        assert POLICY.contact_from <= local_time(leaves, zone) < POLICY.contact_to
        assert asked(s, account, now=leaves).allowed
        assert timedelta() <= leaves - now <= timedelta(hours=13)


@pytest.mark.parametrize("purpose", AT_ONCE)
def test_what_answers_the_readers_own_act_goes_at_once(sqlite_store: Store, purpose: Purpose) -> None:
    """Decision 18: a receipt at three in the morning, and neither cap nor opt-out of reminders holds it."""
    with sqlite_store.write() as s:
        account = in_zone(s, "Europe/London")
        claimed = queued(s, account, "one")
        contact_rules.claim(s, claimed, asked(s, account), now=NOON)
        decision = asked(s, account, now=NIGHT, purpose=purpose)
    assert decision.allowed
    assert decision.next_at is None


# --------------------------------------------------------------------------- cap


def test_one_reminder_a_day_channel_and_currency(store: Store) -> None:
    """Decision 18, C-02: the claim stands from the moment it is made, whatever becomes of the message."""
    with store.write() as s:
        account = in_zone(s, "Europe/London")
        first = queued(s, account, "one")
        contact_rules.claim(s, first, asked(s, account), now=NOON)
    with store.read() as s:
        assert asked(s, account).reasons == ("already_today",)
        assert asked(s, account, currency="EUR").allowed
        assert asked(s, account, channel=Channel.SMS).allowed
        assert asked(s, account, now=NOON + timedelta(days=1)).allowed
        assert asked(s, account, message_id=first.id).allowed
        late = asked(s, account, now=NOON.replace(hour=22))
    assert late.reasons == ("already_today", "outside_hours")
    assert late.next_at is None


@pytest.mark.parametrize(("left_zone", "claimed_at", "new_zone", "later"), [
    # 17:00 of one day in Los Angeles is 10:00 of the next in Tokyo, where it is then 17:00.
    ("America/Los_Angeles", NOON.replace(hour=1), "Asia/Tokyo", timedelta(hours=7)),
    # 9:00 in Tokyo is 16:00 of the day before in Los Angeles, where it is then 18:00.
    ("Asia/Tokyo", NOON.replace(hour=0), "America/Los_Angeles", timedelta(hours=2)),
])  # fmt: skip
def test_who_moved_has_no_second_reminder_that_day(
    sqlite_store: Store, left_zone: str, claimed_at: datetime, new_zone: str, later: timedelta
) -> None:
    """INV-9: another clock gives other days, not a second reminder on one of them."""
    with sqlite_store.write() as s:
        account = in_zone(s, left_zone)
        first = queued(s, account, "one")
        contact_rules.claim(s, first, asked(s, account, now=claimed_at), now=claimed_at)
        account.zone = new_zone
        s.flush()
        assert "already_today" in asked(s, account, now=claimed_at + later).reasons
        assert "already_today" not in asked(s, account, now=claimed_at + timedelta(days=2)).reasons


def test_the_day_of_a_claim_is_the_accounts(sqlite_store: Store) -> None:
    """Decision 22: 22:30 UTC is tomorrow in Jerusalem."""
    with sqlite_store.write() as s:
        account = in_zone(s, "Asia/Jerusalem")
        decision = asked(s, account, now=datetime(2026, 11, 19, 22, 30, tzinfo=UTC))
        row = contact_rules.claim(s, queued(s, account, "one"), decision, now=NOON)
    assert row.business_on == date(2026, 11, 20)


def test_a_message_keeps_its_own_claim(store: Store) -> None:
    """C-02, P-26: tried again, it does not stand in its own way."""
    with store.write() as s:
        account = in_zone(s, "Europe/London")
        message = queued(s, account, "one")
        first = contact_rules.claim(s, message, asked(s, account), now=NOON)
        again = contact_rules.claim(s, message, asked(s, account), now=NOON + timedelta(hours=1))
        assert again.id == first.id


def test_ten_workers_make_one_claim(store: Store) -> None:
    """C-02, FT-18: ten at once, ten messages, one claim; the others learn it from the database."""
    with store.write() as s:
        account = in_zone(s, "Europe/London")
        messages = [queued(s, account, f"m{n}").id for n in range(10)]

    def work(number: int) -> int:
        def unit(s: Session) -> int:
            message = s.get_one(Message, messages[number])
            decision = Decision((), None, NOON.date())  # everybody asked before anybody claimed
            return contact_rules.claim(s, message, decision, now=NOON).id

        return store.run(unit)

    answers = together(10, work)
    assert sum(isinstance(a, int) for a in answers) == 1
    assert sum(isinstance(a, IntegrityError) for a in answers) == 9
    with store.read() as s:
        assert s.scalar(select(func.count()).select_from(ContactLedger)) == 1


# --------------------------------------------------------------------------- flags and addresses


@pytest.mark.parametrize("kind", list(FlagKind))
@pytest.mark.parametrize("purpose", list(Purpose))
def test_flags_bind_all_but_receipts(sqlite_store: Store, kind: FlagKind, purpose: Purpose) -> None:
    """Decision 18, C-05; a legal hold forbids deletion and nothing else."""
    with sqlite_store.write() as s:
        account = in_zone(s, "Europe/London")
        s.add(
            AccountFlag(
                account_id=account.id, kind=kind, from_on=NOON.date(), source="letter", created_at=NOON
            )
        )
        s.flush()
        decision = asked(s, account, purpose=purpose)
    own_act = purpose not in (Purpose.REMINDER, Purpose.ARRANGEMENT)
    free = purpose is Purpose.RECEIPT or kind is FlagKind.LEGAL_HOLD
    # Who is vulnerable is not chased without a person, and is answered when he asks.
    free = free or (kind is FlagKind.VULNERABILITY and own_act)
    expected = () if free else (f"flag:{kind.value}",)
    assert decision.reasons == expected


@pytest.mark.parametrize(
    ("from_days", "to_days", "binds"),
    [(0, None, True), (1, None, False), (-5, 1, True), (-5, 0, False), (-5, -1, False)],
)
def test_a_flag_holds_from_its_first_day_until_its_end(
    sqlite_store: Store, from_days: int, to_days: int | None, binds: bool
) -> None:
    """C-05: `to_on` is the first day on which it no longer holds, in the account's zone."""
    with sqlite_store.write() as s:
        account = in_zone(s, "Europe/London")
        s.add(
            AccountFlag(
                account_id=account.id, kind=FlagKind.BREATHING_SPACE, source="letter", created_at=NOON,
                from_on=NOON.date() + timedelta(days=from_days),
                to_on=None if to_days is None else NOON.date() + timedelta(days=to_days),
            )
        )  # fmt: skip
        s.flush()
        assert asked(s, account).allowed is not binds


CHANGES: dict[str, tuple[Callable[[Session], object], tuple[str, ...]]] = {
    "no address": (lambda s: s.execute(text("UPDATE contact SET email = NULL")), ("no_address",)),
    "left the firm": (
        lambda s: s.execute(text("UPDATE contact SET is_active = false")),
        ("contact_inactive",),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("purpose", list(Purpose))
def test_nobody_is_written_to_without_an_address(sqlite_store: Store, what: str, purpose: Purpose) -> None:
    with sqlite_store.write() as s:
        account = in_zone(s, "Europe/London")
        change, reasons = CHANGES[what]
        change(s)
        s.expire_all()
        assert asked(s, account, purpose=purpose).reasons == reasons


def test_every_reason_is_named(sqlite_store: Store) -> None:
    """C-01: deny(reasons): all that stands against it, not the first alone; and no next time then."""
    with sqlite_store.write() as s:
        account = in_zone(s, "Europe/London")
        contact_rules.claim(s, queued(s, account, "one"), asked(s, account, now=NIGHT), now=NIGHT)
        s.add(
            AccountFlag(
                account_id=account.id,
                kind=FlagKind.DECEASED,
                from_on=NOON.date(),
                source="x",
                created_at=NOON,
            )
        )
        s.execute(text("UPDATE contact SET is_active = false"))
        s.expire_all()
        decision = asked(s, account, now=NIGHT)
    assert decision.reasons == ("contact_inactive", "flag:deceased", "already_today", "outside_hours")
    assert decision.next_at is None
