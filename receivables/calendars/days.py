"""Days on which people work: the shipped calendars of countries, and what a person corrected in them.

Every rule that counts business days reads the corrections from receivables/calendar_days.py; `refresh`
brings them there. Source: issue "Calendars".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import holidays
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.calendars import CalendarDay
from models.staff import Staff
from receivables import calendar_days
from receivables.audit import record
from receivables.calendar_days import EURO_BANKS, shipped_business_day
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.texts import clean_words

#: Countries whose calendars are looked at from the start; those of accounts join them.
COUNTRIES = ("IL", "RU", "HU", "US", "GB", "DE", EURO_BANKS)
#: Years that may be looked at and corrected.
FIRST_YEAR, LAST_YEAR = 2000, 2100
#: Longest name of a day, characters.
NAME_MOST = 80
#: Language of the desk -> that of the shipped names, where a calendar has it.
_NAMES = {"en": "en_US", "he": "he", "ru": "ru", "hu": "hu"}


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a year that is named, by the shipped calendar or by a person.

    Attributes:
        works: whether people work on it.
        shipped: whether they would without the correction.
        changed_by, changed_at: who corrected it, and when; None for a day as it ships.
    """

    on: date
    name: str
    works: bool
    shipped: bool
    changed_by: str | None = None
    changed_at: datetime | None = None

    @property
    def is_corrected(self) -> bool:
        """Whether a person has the word about it."""
        return self.changed_at is not None


def set_day(
    session: Session,
    actor: Actor,
    country: str,
    day: date,
    is_business_day: bool,
    name: str,
    *,
    now: datetime,
) -> CalendarDay:
    """Correct one day of a country's calendar: a new holiday, or a day on which people work after all.

    Args:
        country: ISO 3166 code with a calendar, or "EU" for the days of the euro's banks.
        name: what the day is, at most NAME_MOST characters.
    Returns:
        The correction; one that stood before is changed.
    Raises:
        NotAllowed: the actor may not change calendars.
        Refused: country_unknown, day_out_of_range, name_missing, words_too_long, day_as_shipped.
    """
    require(actor, Permission.CALENDAR_CHANGE)
    if country not in known_countries():
        raise Refused("country_unknown")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Refused("day_out_of_range")
    words = clean_words(name, most=NAME_MOST)
    if not words:
        raise Refused("name_missing")
    row = _corrected(session, country, day)
    if row is None:
        if shipped_business_day(day, country) is is_business_day:
            raise Refused("day_as_shipped")
        row = CalendarDay(country=country, day_on=day)
        session.add(row)
    row.is_business_day, row.name = is_business_day, words
    row.changed_by_id, row.changed_at = actor.id, now
    session.flush()
    facts = {"country": country, "day": day.isoformat(), "is_business_day": is_business_day, "name": words}
    record(session, actor, "calendar.corrected", row, account_id=None, now=now, facts=facts)
    return row


def clear_day(session: Session, actor: Actor, country: str, day: date, *, now: datetime) -> None:
    """Take a correction back: the day is again as the shipped calendar has it.

    Raises:
        NotAllowed: the actor may not change calendars.
        NotFound: nobody has corrected this day.
    """
    require(actor, Permission.CALENDAR_CHANGE)
    row = _corrected(session, country, day)
    if row is None:
        raise NotFound("not_found")
    facts = {"country": country, "day": day.isoformat()}
    record(session, actor, "calendar.cleared", row, account_id=None, now=now, facts=facts)
    session.flush()
    session.delete(row)


def of_year(session: Session, country: str, year: int, *, language: str = "en") -> list[Day]:
    """Return the named days of a country's year, in their order.

    Args:
        language: in which the shipped names are given, as far as the calendar has it; English else.
    """
    shipped = _shipped(country, year, language)
    rows = session.execute(
        select(CalendarDay, Staff.name)
        .outerjoin(Staff, Staff.id == CalendarDay.changed_by_id)
        .where(
            CalendarDay.country == country,
            CalendarDay.day_on.between(date(year, 1, 1), date(year, 12, 31)),
        )
    )
    found = {
        day: Day(day, name, works, works)
        for day, name in shipped.items()
        for works in (shipped_business_day(day, country),)
    }
    for row, who in rows:
        works = shipped_business_day(row.day_on, country)
        found[row.day_on] = Day(row.day_on, row.name, row.is_business_day, works, who or "", row.changed_at)
    return [found[day] for day in sorted(found)]


def offered(session: Session) -> list[str]:
    """Return the countries whose calendars the desk shows: the usual ones, then those of accounts."""
    of_accounts = session.scalars(select(Account.country).distinct().order_by(Account.country)).all()
    known = known_countries()
    return [*COUNTRIES, *(code for code in of_accounts if code in known and code not in COUNTRIES)]


def known_countries() -> frozenset[str]:
    """Return every code that has a calendar."""
    return frozenset(holidays.list_supported_countries()) | {EURO_BANKS}


def refresh(session: Session) -> None:
    """Read all corrections into this process; for who has a database at hand, at most each minute."""
    rows = session.execute(select(CalendarDay.country, CalendarDay.day_on, CalendarDay.is_business_day))
    calendar_days.correct((r.country, r.day_on, r.is_business_day) for r in rows)


def _corrected(session: Session, country: str, day: date) -> CalendarDay | None:
    return session.scalar(
        select(CalendarDay).where(CalendarDay.country == country, CalendarDay.day_on == day).with_for_update()
    )


def _shipped(country: str, year: int, language: str) -> dict[date, str]:
    if country == EURO_BANKS:
        return dict(holidays.financial_holidays("ECB", years=year))
    names = holidays.country_holidays(country, years=year)
    offered_names = names.supported_languages
    wanted = next((one for one in (_NAMES[language], "en_US") if one in offered_names), None)
    return dict(holidays.country_holidays(country, years=year, language=wanted) if wanted else names)
