"""Days in somebody's zone, over the nights when the clock changes."""

from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receivables import calendar_days
from receivables.calendar_days import at_local, business_date, days_late, local_time, next_local
from tests.effort import EXAMPLES

ZONES = ["Europe/London", "Asia/Jerusalem", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "UTC"]
MOMENTS = st.integers(1_704_067_200, 1_893_456_000).map(lambda n: datetime.fromtimestamp(n, UTC))


def test_doctests() -> None:
    assert doctest.testmod(calendar_days).failed == 0


@pytest.mark.parametrize(
    ("due_on", "late"),
    [(date(2026, 11, 18), 1), (date(2026, 11, 19), 0), (date(2026, 11, 20), 0), (None, 0)],
)
def test_late_is_counted_from_the_day_after(due_on: date | None, late: int) -> None:
    assert days_late(due_on, date(2026, 11, 19)) == late


AT = [
    # London: summer begins 28 March 2027 at 01:00, ends 25 October 2026 at 02:00.
    ("Europe/London", date(2027, 3, 27), time(8), datetime(2027, 3, 27, 8, tzinfo=UTC)),
    ("Europe/London", date(2027, 3, 28), time(8), datetime(2027, 3, 28, 7, tzinfo=UTC)),
    ("Europe/London", date(2026, 10, 24), time(8), datetime(2026, 10, 24, 7, tzinfo=UTC)),
    ("Europe/London", date(2026, 10, 25), time(8), datetime(2026, 10, 25, 8, tzinfo=UTC)),
    # Jerusalem: summer begins Friday 26 March 2027 at 02:00, ends Sunday 25 October 2026 at 02:00.
    ("Asia/Jerusalem", date(2027, 3, 25), time(8), datetime(2027, 3, 25, 6, tzinfo=UTC)),
    ("Asia/Jerusalem", date(2027, 3, 26), time(8), datetime(2027, 3, 26, 5, tzinfo=UTC)),
    ("Asia/Jerusalem", date(2026, 10, 24), time(8), datetime(2026, 10, 24, 5, tzinfo=UTC)),
    ("Asia/Jerusalem", date(2026, 10, 25), time(8), datetime(2026, 10, 25, 6, tzinfo=UTC)),
    # A time that the clock skips, and one that it shows twice.
    ("Europe/London", date(2027, 3, 28), time(1, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
    ("Europe/London", date(2026, 10, 25), time(1, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
]


@pytest.mark.parametrize(("zone", "day", "clock", "moment"), AT)
def test_a_wall_clock_time_over_the_change_of_the_clock(
    zone: str, day: date, clock: time, moment: datetime
) -> None:
    """FT-18: eight in the morning is eight in the morning, whatever the clock did that night."""
    assert at_local(day, clock, zone) == moment


@given(now=MOMENTS, zone=st.sampled_from(ZONES), hour=st.integers(4, 23))
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_the_next_time_the_clock_shows_it(now: datetime, zone: str, hour: int) -> None:
    """C-01: later than now, within a day and the hour a clock may jump, and the wall shows that time."""
    found = next_local(now, time(hour), zone)
    assert 0 < (found - now).total_seconds() <= 25 * 3600
    assert local_time(found, zone).replace(second=0, microsecond=0) == time(hour)


@given(now=MOMENTS, zone=st.sampled_from(ZONES))
@settings(max_examples=EXAMPLES, deadline=None)
def test_date_and_time_belong_together(now: datetime, zone: str) -> None:
    moment = at_local(business_date(now, zone), local_time(now, zone), zone)
    assert abs((moment - now).total_seconds()) in (0, 3600)  # an hour that the clock shows twice
