"""What people type about themselves and each other; nothing is read that is not named here (A-09)."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import AnyOf, DataRequired, Length

from admin.forms import ReasonForm, _text, _tidy
from models.staff import Role
from receivables.desk.people import LANGUAGES

_ROLES = tuple(role.value for role in Role)


def _password() -> PasswordField:
    return PasswordField(validators=[DataRequired("empty"), Length(max=1024, message="password_long")])


class ForgottenForm(FlaskForm):  # type: ignore[misc]
    """The address of who forgot the password."""

    email = StringField(
        filters=[_tidy], validators=[DataRequired("empty"), Length(max=254, message="too_long")]
    )


class ChoosePasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password, twice."""

    password = _password()
    again = _password()

    def validate(self, extra_validators: object = None) -> bool:
        """Whether both are there and alike."""
        good = bool(super().validate(extra_validators))
        if good and self.password.data != self.again.data:
            self.again.errors = ["passwords_differ"]
            return False
        return good


class OwnPasswordForm(ChoosePasswordForm):
    """The password until now, and the new one."""

    present = _password()


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """Password and code given again."""

    password = _password()
    code = StringField(filters=[_tidy], validators=[Length(max=32, message="too_long")])


class CodeForm(FlaskForm):  # type: ignore[misc]
    """Six digits of the app that is being enrolled."""

    code = StringField(
        filters=[_tidy], validators=[DataRequired("empty"), Length(max=16, message="too_long")]
    )


class LanguageForm(FlaskForm):  # type: ignore[misc]
    """In which language the desk speaks."""

    language = StringField(filters=[_tidy], validators=[AnyOf(LANGUAGES, message="empty")])


class InviteForm(ReasonForm):
    """Whom to invite, into which role, and why."""

    name = _text(120)
    email = _text(110)
    role = StringField(filters=[_tidy], validators=[AnyOf(_ROLES, message="empty")])
    language = StringField(filters=[_tidy], validators=[AnyOf(LANGUAGES, message="empty")])


class RoleForm(ReasonForm):
    """Another role, and why."""

    role = StringField(filters=[_tidy], validators=[AnyOf(_ROLES, message="empty")])


class LeaveForm(ReasonForm):
    """Who takes over, and why somebody leaves."""

    successor = StringField(filters=[_tidy], validators=[Length(max=24, message="too_long")])
