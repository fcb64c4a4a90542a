"""What is typed on the account page and the pages behind it: notes, files, limits, pay days, messages."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length, Optional

from admin.forms import DECIMAL_MARKS
from models.money import AmountUnreadable, Money, parse_typed
from models.notes import PayCycle
from receivables import credit_limits, pay_runs
from receivables.desk import attachments, notes
from receivables.texts import plain
from receivables.writing import personal, snippets

_TIDY = [lambda text: plain(text or "").strip()]


def _line(most: int, *, needed: bool = True) -> Any:
    need = [DataRequired("empty")] if needed else []
    return StringField(filters=_TIDY, validators=[*need, Length(max=most, message="too_long")])


def _area(most: int, *, needed: bool = True) -> Any:
    need = [DataRequired("empty")] if needed else []
    return TextAreaField(filters=_TIDY, validators=[*need, Length(max=most, message="too_long")])


def _zero_or_more(field: Any, currency: str, language: str) -> Money | None:
    """An amount of zero or more as typed, or None with an error at its field."""
    try:
        amount = parse_typed(field.data or "", currency, decimal_mark=DECIMAL_MARKS[language])
    except AmountUnreadable as error:
        field.errors = [error.reason]
        return None
    if amount.minor < 0:
        field.errors = ["limit_negative"]
        return None
    return amount


class NoteForm(FlaskForm):  # type: ignore[misc]
    """An internal note."""

    note = _area(notes.WORDS_MOST)


class FileForm(FlaskForm):  # type: ignore[misc]
    """What a file is; the file itself is read from the request."""

    what = _line(attachments.WORDS_MOST)


class LimitForm(FlaskForm):  # type: ignore[misc]
    """A credit limit; an empty amount takes it away."""

    currency = StringField(validators=[DataRequired("empty"), Length(min=3, max=3, message="empty")])
    limit = _line(64, needed=False)
    reason = _area(credit_limits.REASON_MOST)

    def money(self, currency: str, language: str) -> Money | None:
        """The typed limit, or None with an error at its field."""
        return _zero_or_more(self.limit, currency, language)


class OrdersForm(FlaskForm):  # type: ignore[misc]
    """What the order system shows of orders that are not invoiced yet."""

    orders_currency = StringField(validators=[DataRequired("empty"), Length(min=3, max=3, message="empty")])
    orders = _line(64)

    def money(self, currency: str, language: str) -> Money | None:
        """The typed sum, or None with an error at its field."""
        return _zero_or_more(self.orders, currency, language)


class PayRunForm(FlaskForm):  # type: ignore[misc]
    """When an account pays, and what its books require."""

    cycle = StringField(validators=[AnyOf(("", *(c.value for c in PayCycle)), message="empty")])
    known_on = DateField(validators=[Optional()])
    month_days = _line(40, needed=False)
    words = _line(pay_runs.WORDS_MOST, needed=False)
    references = _line(pay_runs.WORDS_MOST, needed=False)

    def validate(self, extra_validators: Any = None) -> bool:
        """As the fields say; a day that nobody can read is not left out in silence."""
        right = super().validate(extra_validators)
        if self.known_on.errors:
            self.known_on.errors = ["day_unreadable"]
        return bool(right)

    @property
    def days(self) -> list[int]:
        """Days of the month as typed; a word that is no number is day 0, which is refused."""
        return [
            int(part) if part.isascii() and part.isdigit() and len(part) < 3 else 0
            for part in self.month_days.data.replace(",", " ").replace(";", " ").split()
        ]

    @property
    def kind(self) -> PayCycle | None:
        """The chosen rule."""
        return PayCycle(self.cycle.data) if self.cycle.data else None

    def fill(self, run: Any, words: str | None, references: str | None) -> None:
        """Show what is kept."""
        self.words.data, self.references.data = words or "", references or ""
        if run is not None:
            self.cycle.data = run.cycle.value
            self.known_on.data = run.known_on
            self.month_days.data = (run.month_days or "").replace(",", ", ")

    def known_day(self) -> date | None:
        """The typed day."""
        day: date | None = self.known_on.data
        return day


class MessageForm(FlaskForm):  # type: ignore[misc]
    """A message that a person writes; `name` names the writing, so that it is sent once."""

    contact = StringField(validators=[DataRequired("empty"), Length(max=24, message="too_long")])
    subject = _line(personal.SUBJECT_MOST)
    words = _area(personal.WORDS_MOST)
    snippet = HiddenField(validators=[Length(max=24, message="too_long")])
    answers = HiddenField(validators=[Length(max=24, message="too_long")])
    name = HiddenField(validators=[DataRequired("empty"), Length(max=24, message="too_long")])
    act = StringField(validators=[AnyOf(("look", "mend", "send"), message="empty")])


class SnippetForm(FlaskForm):  # type: ignore[misc]
    """A snippet: its name, whose it is, and its words in each language."""

    name = _line(snippets.NAME_MOST)
    whose = StringField(validators=[AnyOf(("own", "shared"), message="empty")])
    subject_en = _line(snippets.SUBJECT_MOST, needed=False)
    words_en = _area(snippets.WORDS_MOST, needed=False)
    subject_he = _line(snippets.SUBJECT_MOST, needed=False)
    words_he = _area(snippets.WORDS_MOST, needed=False)
    subject_ru = _line(snippets.SUBJECT_MOST, needed=False)
    words_ru = _area(snippets.WORDS_MOST, needed=False)
    subject_hu = _line(snippets.SUBJECT_MOST, needed=False)
    words_hu = _area(snippets.WORDS_MOST, needed=False)

    def texts(self) -> dict[str, snippets.Text]:
        """The words by language, empty ones included."""
        return {
            language: snippets.Text(
                self[f"subject_{language}"].data or "", self[f"words_{language}"].data or ""
            )
            for language in snippets.LANGUAGES
        }

    def fill(self, view: snippets.SnippetView) -> None:
        """Show what is kept."""
        self.name.data, self.whose.data = view.name, "shared" if view.kind == "shared" else "own"
        for language, text in view.texts.items():
            self[f"subject_{language}"].data, self[f"words_{language}"].data = text.subject, text.words
