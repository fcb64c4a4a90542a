"""Sales and management: own accounts, what is asked of them, what came of it, and time to talk."""

from __future__ import annotations

from flask import Response
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length

import web
from admin.shell import blueprint, done, note_read, page
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.segments import reads, sales
from receivables.texts import plain

P = Permission
HERE = "backoffice.sales_list"


class WordsForm(FlaskForm):  # type: ignore[misc]
    """What was seen, heard or said."""

    words = TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=sales.WORDS_MOST, message="too_long")],
    )


class ReportForm(WordsForm):
    """What came of a talk, and what was said."""

    outcome = StringField(validators=[AnyOf(sales.OUTCOMES, "outcome_unknown")])


@blueprint.get("/sales")
@web.needs(P.SALES_READ)
def sales_list() -> Response:
    """Accounts with something overdue or asked of sales; a salesperson sees his own."""
    with web.house().store.read() as database:
        rows = reads.sales_accounts(database, web.staff_actor(), now=web.now())
    note_read(None)
    return page("backoffice/sales.html", here=HERE, rows=rows)


@blueprint.get("/sales/<ref>")
@web.needs(P.SALES_READ)
def sales_account(ref: str) -> Response:
    """One account with the forms of sales."""
    return _account(ref)


def _account(
    ref: str,
    status: int = 200,
    *,
    warning: WordsForm | None = None,
    report: ReportForm | None = None,
    task: str | None = None,
    refused: str | None = None,
) -> Response:
    with web.house().store.read() as database:
        row = reads.sales_account(database, web.staff_actor(), ref, now=web.now())
    note_read(row.id)
    return page("backoffice/sales_account.html", status, here=HERE, zone=row.zone, row=row, task=task,
                outcomes=sales.OUTCOMES, warning=warning or WordsForm(formdata=None),
                report=report or ReportForm(formdata=None), refused=refused)  # fmt: skip


@blueprint.post("/sales/<ref>/warn")
@web.needs(P.SALES_ACT)
def warn_early(ref: str) -> Response:
    """Note a warning before anything is late."""
    form, actor = WordsForm(), web.staff_actor()
    if not form.validate():
        return _account(ref, 422, warning=form)
    web.house().store.run(
        lambda s: sales.early_warning(
            s, actor, desk_accounts.account_row(s, ref), form.words.data, now=web.now()
        )
    )
    return done("warned_early", "backoffice.sales_account", values={"ref": ref})


@blueprint.post("/sales/<ref>/time")
@web.needs(P.SALES_ACT)
def ask_for_time(ref: str) -> Response:
    """Let the account rest for two business days, once a case."""
    actor = web.staff_actor()
    try:
        web.house().store.run(
            lambda s: sales.ask_for_time(s, actor, desk_accounts.account_row(s, ref), now=web.now())
        )
    except Refused as error:
        return _account(ref, 409, refused=error.code)
    return done("time_asked", "backoffice.sales_account", values={"ref": ref})


@blueprint.post("/sales/tasks/<ref>/report")
@web.needs(P.SALES_ACT)
def report_back(ref: str) -> Response:
    """Close a task with what came of it."""
    form, actor = ReportForm(), web.staff_actor()
    with web.house().store.read() as database:
        account_ref = reads.task_account(database, actor, ref)
    if not form.validate():
        return _account(account_ref, 422, report=form, task=ref)
    web.house().store.run(
        lambda s: sales.report_back(s, actor, ref, form.outcome.data, form.words.data, now=web.now())
    )
    return done("sales_reported", "backoffice.sales_account", values={"ref": account_ref})
