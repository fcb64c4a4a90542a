"""Days in somebody's zone: business dates, due, late; days on which people work.

The shipped calendars are corrected by hand (receivables/calendars/days.py). The corrections are read
by every rule and by all its callers, so they stand in one table of the process, which whoever has a
database at hand replaces as a whole (`correct`): web and worker each minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import holidays


def business_date(now: datetime, zone: str) -> date:
    """Return the local date of a moment: what "today" means to an account or creditor.

    >>> business_date(datetime(2026, 11, 21, 23, 30, tzinfo=UTC), "Asia/Jerusalem")
    datetime.date(2026, 11, 22)
    """
    return now.astimezone(ZoneInfo(zone)).date()


def days_late(due_on: date | None, today: date) -> int:
    """Return how many days a document is past due; 0 when it has no due date or is not late."""
    return max(0, (today - due_on).days) if due_on else 0


def local_time(now: datetime, zone: str) -> time:
    """Return the wall-clock time at a place."""
    return now.astimezone(ZoneInfo(zone)).time()


def at_local(day: date, clock: time, zone: str) -> datetime:
    """Return the UTC moment of a wall-clock time on a day.

    A time that the clock skips is read by the offset before the change, so it is never too early;
    of a time that it shows twice, the first.
    """
    local = datetime.combine(day, clock, ZoneInfo(zone))
    return local.astimezone(UTC)


def next_local(now: datetime, clock: time, zone: str) -> datetime:
    """Return the next UTC moment at which the wall clock of a zone shows `clock`."""
    today = business_date(now, zone)
    moment = at_local(today, clock, zone)
    return moment if moment > now else at_local(today + timedelta(days=1), clock, zone)


#: "EU" is no country: the days on which the banks of the euro are open (TARGET).
EURO_BANKS = "EU"

_corrected: Mapping[tuple[str, date], bool] = {}


def correct(days: Iterable[tuple[str, date, bool]]) -> None:
    """Let these corrections hold from now on in this process, in place of all before.

    Args:
        days: (country, day, whether people work on it).
    """
    # Replaced whole: no reader ever sees half of it.
    global _corrected
    _corrected = {(country, day): works for country, day, works in days}


@cache
def _calendar(country: str) -> holidays.HolidayBase:
    try:
        if country == EURO_BANKS:
            return holidays.financial_holidays("ECB")
        return holidays.country_holidays(country)
    except NotImplementedError:
        return holidays.HolidayBase()  # a country nobody wrote down: weekends only


@lru_cache(maxsize=65_536)
def shipped_business_day(day: date, country: str) -> bool:
    """Whether people work on a day by the calendar that ships, without corrections."""
    return bool(_calendar(country).is_working_day(day))


def is_business_day(day: date, country: str) -> bool:
    """Whether offices and banks of a country work on a day, as far as anybody has corrected it.

    >>> is_business_day(date(2026, 12, 25), "GB"), is_business_day(date(2026, 11, 22), "IL")
    (False, True)
    """
    works = _corrected.get((country, day))
    return shipped_business_day(day, country) if works is None else works


def add_business_days(day: date, count: int, country: str) -> date:
    """Return the business day that comes `count` business days after a day; 0 gives it or the next.

    >>> add_business_days(date(2026, 11, 20), 1, "GB")
    datetime.date(2026, 11, 23)
    """
    left = count
    while left or not is_business_day(day, country):
        day += timedelta(days=1)
        left -= is_business_day(day, country) and left > 0
    return day
