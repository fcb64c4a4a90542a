"""Calendars at the desk: looked at by all, corrected by some; one's own tasks in one's own calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from icalendar import Calendar

import web
from models.accounts import Account
from models.staff import Role
from models.work import TaskKind
from receivables import calendar_days, outbox
from receivables.calendar_days import is_business_day
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import Visitor, words

MONDAY = {"country": "GB", "on": "2026-11-23", "works": "no", "name": "State funeral"}


@pytest.fixture(autouse=True)
def as_shipped() -> Iterator[None]:
    calendar_days.correct([])
    yield
    calendar_days.correct([])


def test_a_day_is_corrected_and_taken_back(desk: Desk) -> None:
    """Part 13: it holds in this process at once; the page says who and when."""
    visitor = desk.at(Role.SUPERVISOR, name="Maya Thornton")
    page = words(visitor.get("/desk/calendars?country=GB&year=2026"))
    assert "Good Friday" in page
    assert "State funeral" not in page
    answer = visitor.post("/desk/calendars", MONDAY)
    assert answer.status_code == 303, words(answer)
    assert not is_business_day(date(2026, 11, 23), "GB")
    page = words(visitor.get(answer.location))
    assert "The day is corrected." in page
    assert "State funeral" in page
    assert "Maya Thornton" in page
    answer = visitor.post("/desk/calendars/clear", {"country": "GB", "on": "2026-11-23"})
    assert answer.status_code == 303
    assert is_business_day(date(2026, 11, 23), "GB")
    assert "State funeral" not in words(visitor.get(answer.location))
    assert {"calendar.corrected", "calendar.cleared"} <= set(desk.codes())


@pytest.mark.parametrize(
    ("change", "says", "status"),
    [
        ({"on": "23/11/2026"}, "Write the day as year, month and day", 422),
        ({"on": ""}, "Fill this in.", 422),
        ({"name": "  "}, "Fill this in.", 422),
        ({"name": "x" * 81}, "This is too long.", 422),
        ({"works": "yes"}, "The calendar has this day so already.", 409),
        ({"on": "1999-11-23"}, "Calendars are kept from 2000 to 2100.", 409),
        ({"country": "XX"}, "There is no calendar for this country.", 409),
    ],
)
def test_bad_input_stays_at_its_field(desk: Desk, change: dict[str, str], says: str, status: int) -> None:
    visitor = desk.at(Role.SUPERVISOR)
    visitor.get("/desk/calendars")
    answer = visitor.post("/desk/calendars", MONDAY | change)
    assert (answer.status_code, says in words(answer)) == (status, True), words(answer)


def test_a_collector_looks_and_corrects_nothing(desk: Desk) -> None:
    visitor = desk.at(Role.COLLECTOR)
    page = words(visitor.get("/desk/calendars?country=IL&year=nonsense"))
    assert "Yom Kippur" in page
    assert "A supervisor or an administrator corrects days." in page
    assert visitor.post("/desk/calendars", MONDAY).status_code == 403


def test_every_process_reads_corrections_anew(desk: Desk) -> None:
    """Part 13: what one process corrected holds in the others; here one that has read nothing yet."""
    desk.at(Role.SUPERVISOR).post("/desk/calendars", MONDAY)
    calendar_days.correct([(country, day, False) for country, day in [("GB", date(2026, 11, 24))]])
    with desk.app.test_request_context("/"):
        web.read_days()
    assert not is_business_day(date(2026, 11, 23), "GB")
    assert is_business_day(date(2026, 11, 24), "GB")


def test_the_feed_of_ones_own_tasks(desk: Desk, tidewater: Account) -> None:
    """Part 13: what, when and the number of the account; no name, no amount, and nothing is written."""
    person = desk.person(Role.COLLECTOR, name="Dana Levy")
    visitor = Visitor(desk.app)
    assert desk.sign_in(person, visitor).status_code == 303
    with desk.store.write() as session:
        facts = {"amount_minor": 57600, "currency": "GBP", "who": "Helen Marsh"}
        for hours in (3, -48):
            task = outbox.ask_person(
                session, TaskKind.CALL_BACK, f"c:{hours}", account_id=tidewater.id, facts=facts, now=NOON
            )
            task.assigned_to_id, task.due_at = person.id, NOON + timedelta(hours=hours)
    visitor.get("/desk/calendar-feed")
    page = visitor.post("/desk/calendar-feed", {})
    address = page.text.split('dir="ltr" rows="3" readonly autofocus>')[1].split("<")[0]
    assert address.endswith(".ics")
    path = address.removeprefix("http://localhost")
    before = desk.codes()
    answer = Visitor(desk.app).get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    assert answer.headers["Cache-Control"] == "no-store"
    late, today = Calendar.from_ical(answer.data).walk("VEVENT")
    assert str(today["SUMMARY"]) == f"Call back · {tidewater.number}"
    assert today.decoded("DTSTART") == NOON + timedelta(hours=3)
    assert late.decoded("DTSTART") == NOON.date()
    for secret in ("Tidewater", "Helen", "576", "57600", "GBP"):
        assert secret not in answer.text
    assert desk.codes() == before
    visitor.get("/desk/calendar-feed")
    assert visitor.post("/desk/calendar-feed/revoke", {}).status_code == 303
    assert Visitor(desk.app).get(path).status_code == 404
    assert address not in visitor.get("/desk/calendar-feed").text
