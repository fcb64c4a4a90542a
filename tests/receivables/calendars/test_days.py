"""Corrected days of calendars, and that every rule goes by them (issue C, part 13)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from models.accounts import Account
from models.audit import AuditEntry
from models.staff import Role
from models.store import Store
from receivables import calendar_days
from receivables.calendar_days import EURO_BANKS, add_business_days, is_business_day
from receivables.calendars import days
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.ladder.climbing import counted_due
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON

MONDAY = date(2026, 11, 23)
CHRISTMAS = date(2026, 12, 25)


@pytest.fixture(autouse=True)
def as_shipped() -> Iterator[None]:
    """The corrections are the process's: no test leaves its own to the next."""
    calendar_days.correct([])
    yield
    calendar_days.correct([])


def a_supervisor(store: Store) -> Actor:
    with store.write() as s:
        return make.staff_actor(make.a_person(s, Role.SUPERVISOR))


def test_a_day_off_moves_what_is_counted_and_goes_back(store: Store) -> None:
    """Part 13: a corrected day binds every rule, without a database of its own."""
    actor = a_supervisor(store)
    with store.write() as s:
        days.set_day(s, actor, "GB", MONDAY, False, " State funeral ", now=NOON)
        days.refresh(s)
    assert not is_business_day(MONDAY, "GB")
    assert is_business_day(MONDAY, "US")
    assert add_business_days(MONDAY - timedelta(days=3), 1, "GB") == MONDAY + timedelta(days=1)
    assert counted_due(MONDAY, "GB") == MONDAY + timedelta(days=1)
    with store.write() as s:
        days.clear_day(s, actor, "GB", MONDAY, now=NOON)
        days.refresh(s)
    assert counted_due(MONDAY, "GB") == MONDAY
    with store.read() as s:
        codes = [row.code for row in s.query(AuditEntry).order_by(AuditEntry.id)]
    assert codes[-2:] == ["calendar.corrected", "calendar.cleared"]


def test_a_holiday_on_which_people_work(store: Store) -> None:
    actor = a_supervisor(store)
    with store.write() as s:
        days.set_day(s, actor, "GB", CHRISTMAS, True, "Works after all", now=NOON)
        days.refresh(s)
        (day,) = [d for d in days.of_year(s, "GB", 2026) if d.on == CHRISTMAS]
    assert is_business_day(CHRISTMAS, "GB")
    assert (day.name, day.works, day.shipped, day.is_corrected) == ("Works after all", True, False, True)


def test_a_second_word_about_a_day_replaces_the_first(store: Store) -> None:
    actor = a_supervisor(store)
    with store.write() as s:
        first = days.set_day(s, actor, "IL", MONDAY, False, "Election", now=NOON)
        second = days.set_day(s, actor, "IL", MONDAY, True, "No election", now=NOON)
        assert first.id == second.id
        (day,) = [d for d in days.of_year(s, "IL", 2026) if d.on == MONDAY]
    assert (day.name, day.works, day.changed_at) == ("No election", True, NOON)


@pytest.mark.parametrize(
    ("country", "day", "works", "name", "code"),
    [
        ("XX", MONDAY, False, "x", "country_unknown"),
        ("GB", date(1999, 12, 31), False, "x", "day_out_of_range"),
        ("GB", MONDAY, False, " \u202e", "name_missing"),
        ("GB", MONDAY, False, "x" * 81, "words_too_long"),
        ("GB", MONDAY, True, "An ordinary day", "day_as_shipped"),
    ],
)
def test_bad_input_is_refused_by_name(
    sqlite_store: Store, country: str, day: date, works: bool, name: str, code: str
) -> None:
    actor = a_supervisor(sqlite_store)
    with sqlite_store.write() as s, pytest.raises(Refused) as refused:
        days.set_day(s, actor, country, day, works, name, now=NOON)
    assert refused.value.code == code


def test_who_may_and_what_is_not_there(sqlite_store: Store) -> None:
    """A-01: a collector reads calendars and corrects none."""
    actor = a_supervisor(sqlite_store)
    with sqlite_store.write() as s:
        collector = make.staff_actor(make.a_person(s, Role.COLLECTOR))
        with pytest.raises(NotAllowed):
            days.set_day(s, collector, "GB", MONDAY, False, "x", now=NOON)
        with pytest.raises(NotAllowed):
            days.clear_day(s, collector, "GB", MONDAY, now=NOON)
        with pytest.raises(NotFound):
            days.clear_day(s, actor, "GB", MONDAY, now=NOON)


@pytest.mark.parametrize(
    ("country", "day", "name"),
    [
        ("IL", date(2026, 9, 21), "Yom Kippur"),
        ("RU", date(2026, 5, 9), "Victory Day"),
        ("HU", date(2026, 10, 23), "National Day"),
        ("US", date(2026, 11, 26), "Thanksgiving Day"),
        ("GB", date(2026, 4, 3), "Good Friday"),
        ("DE", date(2026, 10, 3), "German Unity Day"),
        (EURO_BANKS, date(2026, 5, 1), "Labour Day"),
    ],
)
def test_the_usual_calendars_ship(sqlite_store: Store, country: str, day: date, name: str) -> None:
    """Part 13: IL, RU, HU, US, GB, DE and the days of the euro's banks, named in the reader's language."""
    with sqlite_store.read() as s:
        (found,) = [d for d in days.of_year(s, country, 2026) if d.on == day]
        assert country in days.offered(s)
    assert (found.name, found.works, found.is_corrected) == (name, False, False)
    assert not is_business_day(day, country)


def test_names_follow_the_reader_where_the_calendar_has_his_language(sqlite_store: Store) -> None:
    with sqlite_store.read() as s:
        assert "יום כיפור" in {d.name for d in days.of_year(s, "IL", 2026, language="he")}
        assert "Good Friday" in {d.name for d in days.of_year(s, "GB", 2026, language="he")}


def test_countries_of_accounts_join(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account: Account = make.an_account(s, make.a_creditor(s))
        account.country = "EE"
        s.flush()
        assert days.offered(s) == [*days.COUNTRIES, "EE"]
