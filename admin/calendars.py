"""Calendars at the desk: the named days of a country's year with what was corrected, and one's own feed."""

from __future__ import annotations

from datetime import date

from babel import Locale
from flask import Response, g, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, DataRequired, Length

import web
from admin.shell import blueprint, done, note_read, page, signed_in
from admin.words import word
from receivables.calendar_days import EURO_BANKS
from receivables.calendars import days, feeds
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.ports import CalendarEntry
from receivables.texts import plain

P = Permission
#: The field that each refusal is about; all others are about the day.
FIELDS = {"name_missing": "name", "words_too_long": "name"}
#: What the page says of a refusal that the form's own words cover.
SAID_AS = {"name_missing": "empty", "words_too_long": "too_long"}


def _tidy(text: str | None) -> str:
    return plain(text or "").strip()


class DayForm(FlaskForm):  # type: ignore[misc]
    """A day, whether people work on it, and what it is."""

    country = HiddenField(filters=[_tidy], validators=[Length(min=2, max=2, message="empty")])
    on = StringField(filters=[_tidy], validators=[DataRequired("empty"), Length(max=10, message="too_long")])
    works = StringField(filters=[_tidy], validators=[AnyOf(("no", "yes"), message="empty")])
    name = StringField(
        filters=[_tidy],
        validators=[DataRequired("empty"), Length(max=days.NAME_MOST, message="too_long")],
    )

    def day(self) -> date | None:
        """The day as typed, or None with an error at its field."""
        try:
            return date.fromisoformat(self.on.data)
        except ValueError:
            self.on.errors = ["day_unreadable"]
            return None


class ClearForm(FlaskForm):  # type: ignore[misc]
    """Which correction is taken back."""

    country = HiddenField(filters=[_tidy], validators=[Length(min=2, max=2, message="empty")])
    on = HiddenField(filters=[_tidy], validators=[DataRequired("empty"), Length(max=10, message="too_long")])


@blueprint.get("/calendars")
@signed_in
def calendars() -> Response:
    """The named days of one country's year, and the form for a correction."""
    web.staff_actor()
    return _show(request.args.get("country", ""), _year(request.args.get("year", "")), DayForm(formdata=None))


@blueprint.post("/calendars")
@web.needs(P.CALENDAR_CHANGE)
def correct_day() -> Response:
    """Correct one day; every rule that counts business days goes by it from now on."""
    form, actor = DayForm(), web.staff_actor()
    day = form.day() if form.validate() else None
    if day is None:
        return _show(form.country.data or "", web.now().year, form, 422)
    try:
        web.house().store.run(
            lambda s: days.set_day(
                s, actor, form.country.data, day, form.works.data == "yes", form.name.data, now=web.now()
            )
        )
    except Refused as error:
        field = getattr(form, FIELDS.get(error.code, "on"))
        field.errors = [SAID_AS.get(error.code, error.code)]
        return _show(form.country.data, day.year, form, 409)
    web.read_days()
    return _back("day_corrected", form.country.data, day)


@blueprint.post("/calendars/clear")
@web.needs(P.CALENDAR_CHANGE)
def clear_day() -> Response:
    """Take one correction back."""
    form, actor = ClearForm(), web.staff_actor()
    try:
        day = date.fromisoformat(form.on.data) if form.validate() else None
    except ValueError:
        day = None
    if day is None:
        return _show(form.country.data or "", web.now().year, DayForm(formdata=None), 422)
    web.house().store.run(lambda s: days.clear_day(s, actor, form.country.data, day, now=web.now()))
    web.read_days()
    return _back("day_cleared", form.country.data, day)


def _back(code: str, country: str, day: date) -> Response:
    return done(code, "backoffice.calendars", values={"country": country, "year": day.year})


def _show(country: str, year: int, form: DayForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        offered = days.offered(database)
        chosen = country if country in offered else offered[0]
        rows = days.of_year(database, chosen, year, language=g.language)
    form.country.data = chosen
    return page(
        "backoffice/calendars.html", status, here="backoffice.calendars", form=form, rows=rows, chosen=chosen,
        year=year, years=[y for y in (year - 1, year, year + 1) if days.FIRST_YEAR <= y <= days.LAST_YEAR],
        countries=[(code, _country(code)) for code in offered],
    )  # fmt: skip


def _country(code: str) -> str:
    """What a country is called in the reader's language."""
    if code == EURO_BANKS:
        return str(_("Banks of the euro"))
    return str(Locale.parse(g.language).territories.get(code, code))


def _year(text: str) -> int:
    asked = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else 0
    return asked if days.FIRST_YEAR <= asked <= days.LAST_YEAR else web.now().year


# --------------------------------------------------------------------------- one's own tasks


@blueprint.get("/calendar-feed")
@web.needs(P.FEED_KEEP)
def feed() -> Response:
    """Whether there is an address for one's own tasks, and what it shows."""
    return _show_feed(None)


@blueprint.post("/calendar-feed")
@web.needs(P.FEED_KEEP)
def make_feed() -> Response:
    """Make the address; it is shown on this answer and never again (L-02)."""
    actor = web.staff_actor()
    token = web.house().store.run(lambda s: feeds.make_feed(s, actor, now=web.now()))
    path = url_for("backoffice.read_feed", token=token)
    return _show_feed(f"{web.house().settings.base_url}{path}")


@blueprint.post("/calendar-feed/revoke")
@web.needs(P.FEED_KEEP)
def revoke_feed() -> Response:
    """End the address."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: feeds.revoke_feed(s, actor, now=web.now()))
    return done("feed_ended", "backoffice.feed")


def _show_feed(address: str | None) -> Response:
    with web.house().store.read() as database:
        since = feeds.made_at(database, web.staff_actor())
    return page("backoffice/calendar_feed.html", here="backoffice.calendars", since=since, address=address)


@blueprint.get("/feeds/<token>.ics")
@web.public_page
def read_feed(token: str) -> Response:
    """Give the open tasks behind a secret address to a calendar program; its token is the owner check."""
    with web.house().store.read() as database:
        found = feeds.read_feed(database, token, now=web.now())
    g.language = found.language
    note_read(None)
    link = f"{web.house().settings.base_url}{url_for('backoffice.tasks')}"
    entries = [
        CalendarEntry(
            key=task.key, on=task.on, at=task.at, words=link, changed_at=web.now(),
            summary=f"{word('task', task.kind.value)} · {task.account_number}",
        )
        for task in found.tasks
    ]  # fmt: skip
    data = web.house().exports.calendar(str(_("Tasks")), found.language, entries)
    return web.attachment("tasks.ics", "text/calendar", data)
