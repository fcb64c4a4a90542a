"""Sales and management: own accounts, what is asked of them, what came of it, and time to talk."""

from __future__ import annotations

from flask import Response, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length

import web
from admin.shell import blueprint, done, note_read, page
from admin.words import word
from receivables import credit_status
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.ladder import prepayments
from receivables.permissions import Actor, Permission
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
    """Accounts with something overdue, an order that hangs, or asked of sales; a salesperson sees his own."""
    actor, who = web.staff_actor(), request.args.get("who", "")[:24].replace("\x00", "")
    with web.house().store.read() as database:
        rows = reads.sales_accounts(database, actor, salesperson=who or None, now=web.now())
        people = reads.salespeople(database, actor)
        orders = prepayments.hung(database, actor, [row.id for row in rows], now=web.now())
        grades = _grades(database, actor, [row.id for row in rows])
    note_read(None)
    return page("backoffice/sales.html", here=HERE, rows=rows, people=people, who=who, orders=orders,
                grades=grades)  # fmt: skip


def _grades(database: Session, actor: Actor, ids: list[int]) -> dict[int, credit_status.CreditStatus]:
    """What may be delivered to each account; nothing for who may not read holds."""
    may_read = web.staff_may(P.CREDIT_HOLD_READ)
    return credit_status.statuses_of(database, actor, ids, now=web.now()) if may_read else {}


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
        actor = web.staff_actor()
        row = reads.sales_account(database, actor, ref, now=web.now())
        orders = prepayments.hung(database, actor, [row.id], now=web.now()).get(row.id, [])
        grade = _grades(database, actor, [row.id]).get(row.id)
    note_read(row.id)
    return page("backoffice/sales_account.html", status, here=HERE, zone=row.zone, row=row, task=task,
                orders=orders, grade=grade,
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


# --------------------------------------------------------------------------- one tap from the mail of a task


class TapForm(FlaskForm):  # type: ignore[misc]
    """What came of it, and what was said where that has to be known."""

    outcome = StringField(validators=[AnyOf(sales.OUTCOMES, "outcome_unknown")])
    words = TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[Length(max=sales.WORDS_MOST, message="too_long")],
    )


@blueprint.get("/answer/<token>")
@web.public_page
def tap(token: str) -> Response:
    """The one question of a mail, without sign-in; opening it answers nothing (L-04)."""
    return _tap(token, TapForm(formdata=None))


def _tap(token: str, form: TapForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        asked = reads.asked_by_link(database, token, now=web.now())
    return web.render("backoffice/tap.html", status, token=token, asked=asked, form=form,
                      outcomes=sales.OUTCOMES, word=word, language=asked.language)  # fmt: skip


@blueprint.post("/answer/<token>")
@web.public_page
def answer_tap(token: str) -> Response:
    """Answer the task as the person whom the mail was sent to, once."""
    form = TapForm()
    web.limit_guesses("link")
    if not form.validate():
        return _tap(token, form, 422)
    with web.house().store.read() as database:
        asked = reads.asked_by_link(database, token, now=web.now())
    try:
        web.house().store.run(
            lambda s: sales.answer_by_link(
                s, token, form.outcome.data, form.words.data, now=web.now(), request_id=web.request_id()
            )
        )
    except Refused as error:
        form.words.errors = [error.code]
        return _tap(token, form, 409)
    return web.render("backoffice/tap.html", token=token, asked=asked, form=form, outcomes=(), word=word,
                      said=form.outcome.data, language=asked.language)  # fmt: skip
