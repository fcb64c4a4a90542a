"""What people at the desk type, field by field; nothing is read that is not named here (A-09).

Validators say codes; `words.REFUSALS` has the sentences.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, PasswordField, StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length

from models.money import AmountUnreadable, Money, parse_typed

#: Which mark people of each language write before the decimals.
DECIMAL_MARKS = {"en": ".", "he": ".", "ru": ",", "hu": ","}


def _tidy(text: str | None) -> str:
    """Drop what no database takes and the blanks around."""
    return (text or "").replace("\x00", "").replace("\r\n", "\n").strip()


def _text(most: int, *, area: bool = False) -> Field:
    kind: Any = TextAreaField if area else StringField
    return kind(filters=[_tidy], validators=[DataRequired("empty"), Length(max=most, message="too_long")])


def money_of(field: Field, currency: str, language: str) -> Money | None:
    """An amount above zero as typed, or None with an error at its field."""
    try:
        amount = parse_typed(field.data or "", currency, decimal_mark=DECIMAL_MARKS[language])
    except AmountUnreadable as error:
        field.errors = [error.reason]
        return None
    if amount.minor <= 0:
        field.errors = ["amount_zero"]
        return None
    return amount


class LoginForm(FlaskForm):  # type: ignore[misc]
    """E-mail, password and, where the role has one, the time-based code."""

    email = StringField(
        filters=[_tidy], validators=[DataRequired("empty"), Length(max=254, message="too_long")]
    )
    password = PasswordField(validators=[DataRequired("empty"), Length(max=1024, message="too_long")])
    code = StringField(filters=[_tidy], validators=[Length(max=32, message="too_long")])
    next = HiddenField(filters=[_tidy])


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """Why something is done, in words."""

    reason = _text(500)


class RevokeForm(ReasonForm):
    """Which link is ended (all of the account's when empty), and why."""

    link = HiddenField(filters=[_tidy], validators=[Length(max=24, message="too_long")])


class AnswerForm(FlaskForm):  # type: ignore[misc]
    """What the debtor reads, whether we agree, and the tax that is booked where tax was withheld.

    "add" agrees, and puts the person whom the request names on file.
    """

    reply = _text(2000, area=True)
    decision = StringField(filters=[_tidy], validators=[AnyOf(("answer", "add", "refuse"), message="empty")])
    amount = StringField(filters=[_tidy], validators=[Length(max=64, message="too_long")])

    def money(self, currency: str, language: str) -> Money | None:
        """The typed amount, or None with an error at its field."""
        return money_of(self.amount, currency, language)


class CreditNoteForm(FlaskForm):  # type: ignore[misc]
    """A credit note as typed. `shown` is what the list of consequences was last made for."""

    number = _text(40)
    amount = _text(64)
    reason = _text(500, area=True)
    shown = HiddenField(filters=[_tidy])

    def money(self, currency: str, language: str) -> Money | None:
        """The typed amount, or None with an error at its field."""
        return money_of(self.amount, currency, language)

    def as_typed(self) -> str:
        """One name for all that is typed: equal to `shown` when nothing changed since."""
        typed = "\0".join([self.number.data, self.amount.data, self.reason.data])
        return sha256(typed.encode()).hexdigest()
