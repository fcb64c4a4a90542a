"""Hours are told by the reader's clock (issue B, part 7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from models.store import Store
from receivables import links
from receivables.office_hours import hours_for
from tests import factories as make
from tests.conftest import NOON

WINTER, SUMMER = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "theirs", "now", "told"),
    [
        ("Monday to Friday, 9:00 to 17:00", "Europe/London", WINTER, "Monday to Friday, 9:00 to 17:00"),
        ("Monday to Friday, 09:00 to 17:30", "Europe/Budapest", WINTER, "Monday to Friday, 10:00 to 18:30"),
        ("ימים ב'-ה', 9:00-17:00", "Asia/Jerusalem", SUMMER, "ימים ב'-ה', 11:00-19:00"),
        ("9:00 to 17:00", "Asia/Kolkata", WINTER, "14:30 to 22:30"),
        ("9:00 to 17:00", "America/New_York", WINTER, "4:00 to 12:00"),
        ("9:00 to 17:00", "Pacific/Auckland", WINTER, "9:00 to 17:00"),  # another day: as it was written
        ("in the mornings", "Asia/Tokyo", WINTER, "in the mornings"),
    ],
)
def test_times_move_with_the_reader(text: str, theirs: str, now: datetime, told: str) -> None:
    assert hours_for(text, "Europe/London", theirs, now) == told


def test_the_face_an_account_sees_has_its_own_hours(store: Store) -> None:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), zone="Europe/Moscow")
    with store.read() as s:
        sender = links.sender_for(s, account.id, "en", now=NOON)
    assert sender.hours == "Monday to Friday, 12:00 to 20:00"
    assert sender.hours_in["en"] == sender.hours
