"""After the case: what a month taught, one closed case, and the lesson that somebody adds."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Response
from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

import web
from admin import tables
from admin.problems import reason_word
from admin.shell import blueprint, done, frame, note_read, page
from admin.words import word
from receivables.calendar_days import business_date
from receivables.errors import Refused
from receivables.lessons import cases, reads
from receivables.permissions import Permission
from receivables.ports import Sheet
from receivables.texts import plain

P = Permission
HERE = "backoffice.lessons"
#: Cases on the page of a month; its figures and its file count them all.
SHOWN = 100


class LessonForm(FlaskForm):  # type: ignore[misc]
    """What the house learned."""

    lesson = TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=cases.LESSON_MOST, message="too_long")],
    )


@blueprint.get("/lessons")
@web.needs(P.REPORT_READ)
def lessons() -> Response:
    """What the cases that closed in a month teach; a file with `?format=`."""
    today = business_date(web.now(), frame().zone)
    try:
        day, refused = tables.asked_day("month", today), None
        format_ = tables.asked_format()
    except Refused as error:
        day, refused, format_ = today, error, None
    with web.house().store.read() as database:
        found = reads.month(database, web.staff_actor(), day)
    note_read(None)
    if format_:
        return tables.give(_sheet(found), format_=format_, name=f"lessons {found.first:%Y-%m}")
    return page("backoffice/lessons.html", 422 if refused else 200, month=found, refused=refused, shown=SHOWN,
                before=found.first - timedelta(days=1), after=_next(found.last, today), act_word=act_word,
                reason_word=reason_word, rung_word=lambda code: word("rung", code))  # fmt: skip


def _next(last: date, today: date) -> date | None:
    after = last + timedelta(days=1)
    return after if after <= today else None


def act_word(code: str) -> str:
    """What worked, in the reader's words: a message, a letter, a talk, an arrangement."""
    kind, _, what = code.partition(":")
    table = {
        "message": "message_kind",
        "letter": "letter_kind",
        "call": "call_outcome",
        "visit": "call_outcome",
        "messenger": "call_outcome",
    }.get(kind)
    return word(table, what) if table else word("worked", code)


@blueprint.get("/lessons/<ref>")
@web.needs(P.REPORT_READ)
def lesson(ref: str) -> Response:
    """One closed case with what worked, and the form for the lesson."""
    return _page(ref, LessonForm(formdata=None))


@blueprint.post("/lessons/<ref>")
@web.needs(P.LESSON_ADD)
def add_lesson(ref: str) -> Response:
    """Write down what was learned."""
    form, actor = LessonForm(), web.staff_actor()
    if not form.validate():
        return _page(ref, form, 422)
    web.house().store.run(lambda s: cases.add_lesson(s, actor, ref, words=form.lesson.data, now=web.now()))
    return done("lesson_added", "backoffice.lesson", values={"ref": ref})


def _page(ref: str, form: LessonForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        found = reads.review(database, web.staff_actor(), ref)
    note_read(found.account_id)
    if form.lesson.data is None:
        form.lesson.data = found.lesson
    return page("backoffice/lesson.html", status, here=HERE, zone=found.zone, review=found, form=form,
                act_word=act_word, reason_word=reason_word)  # fmt: skip


def _sheet(month: reads.Month) -> Sheet:
    return Sheet(
        title=gettext("Lessons of a month"),
        header=[
            gettext("Account"),
            gettext("Late since"),
            gettext("Closed"),
            gettext("How it ended"),
            gettext("Days"),
            gettext("Acts"),
            gettext("Recovered"),
            gettext("What worked"),
            gettext("Rung"),
            gettext("Reason"),
            gettext("Satisfaction"),
            gettext("Order after"),
            gettext("Lesson"),
        ],
        rows=[
            [
                r.account_name,
                r.since_on,
                r.closed_on,
                word("arrears_end", r.ended.value),
                r.days,
                r.acts,
                r.recovered,
                act_word(r.worked) if r.worked else None,
                word("rung", r.rung) if r.rung else None,
                reason_word(r.reason) if r.reason else None,
                r.score,
                r.ordered_on,
                r.lesson or None,
            ]
            for r in month.reviews
        ],
        right_to_left=web.runs_right_to_left(),
    )
