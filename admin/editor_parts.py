"""What the editors of rules and of texts share: the form that sends a draft, and where refusals stand."""

from __future__ import annotations

from datetime import date
from typing import Any

from wtforms import StringField
from wtforms.validators import Optional, Regexp

from admin.forms import ReasonForm
from receivables.errors import Refused


class SendForm(ReasonForm):
    """The first day in force, and why."""

    effective_on = StringField(
        filters=[lambda text: (text or "").strip()],
        validators=[Optional(), Regexp(r"\d{4}-\d{2}-\d{2}\Z", message="day_unreadable")],
    )

    def day(self) -> date | None:
        """The first day; None for the moment of approval. Raises: ValueError: there is no such day."""
        return date.fromisoformat(self.effective_on.data) if self.effective_on.data else None


def sent(form: SendForm, unit: Any) -> bool:
    """Send a draft by `unit(day)`, or say at the form what stands against it."""
    if not form.validate():
        return False
    try:
        day = form.day()
    except ValueError:
        form.effective_on.errors = ["day_unreadable"]
        return False
    try:
        unit(day)
    except Refused as error:
        field = form.effective_on if error.code == "effective_past" else form.reason
        field.errors = [str(error.facts.get("fault", error.code))]
        return False
    return True
