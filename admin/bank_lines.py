"""How far the bank's lines are in, by creditor: said by who enters them, seen by who chases."""

from __future__ import annotations

from datetime import date

from flask import Response
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

import web
from admin.shell import blueprint, done, page
from receivables import bank_lines
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.policy import current_policy
from receivables.texts import plain

P = Permission


def _tidy(text: str | None) -> str:
    return plain(text or "").strip()


class UpToForm(FlaskForm):  # type: ignore[misc]
    """Every line of a creditor's bank is in the books up to a day."""

    creditor = HiddenField(filters=[_tidy], validators=[DataRequired("empty"), Length(max=40)])
    up_to = StringField(
        filters=[_tidy], validators=[DataRequired("empty"), Length(max=10, message="too_long")]
    )


@blueprint.get("/bank-lines")
@web.needs(P.BANK_LINES_READ)
def bank_lines_list() -> Response:
    """How far each creditor's lines are in, and what waits where they are behind."""
    return _show(UpToForm(formdata=None))


@blueprint.post("/bank-lines")
@web.needs(P.BANK_LINES_RECORD)
def record_bank_lines() -> Response:
    """Say up to which day the lines are in."""
    form, actor = UpToForm(), web.staff_actor()
    if not form.validate():
        return _show(form, 422)
    try:
        up_to_on = date.fromisoformat(form.up_to.data)
    except ValueError:
        form.up_to.errors = ["day_unreadable"]
        return _show(form, 422)
    try:
        web.house().store.run(
            lambda s: bank_lines.record_lines(s, actor, form.creditor.data, up_to_on, now=web.now())
        )
    except Refused as refused:
        form.up_to.errors = [refused.code]
        return _show(form, 409)
    return done("bank_lines_recorded", "backoffice.bank_lines_list")


def _show(form: UpToForm, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = bank_lines.stands(database, actor, now=web.now())
        days = current_policy(database, web.now()).ladders.bank_lines_days
    return page("backoffice/bank_lines.html", status, here="backoffice.bank_lines_list",
                form=form, rows=rows, days=days)  # fmt: skip
