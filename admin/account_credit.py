"""Credit limit, orders on the way, pay days and the follow-up after them: what the account page leads to."""

from __future__ import annotations

from flask import Response

import web
from admin.account_forms import LimitForm, OrdersForm, PayRunForm
from admin.accounts import HERE
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.money import CURRENCIES
from receivables import credit_limits, pay_runs
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission


@blueprint.get("/accounts/<ref>/credit-limit")
@web.needs(P.CREDIT_LIMIT_SET)
def ask_limit(ref: str) -> Response:
    """The limit as it stands, its history, and the form that changes it."""
    return _limit(ref)


def _limit(
    ref: str, status: int = 200, *, form: LimitForm | None = None, orders: OrdersForm | None = None
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        credit = credit_limits.credit_of(database, actor, who.id)
    note_read(who.id)
    codes = [row.currency for row in credit.exposures] or list(CURRENCIES)
    return page("backoffice/account_limit.html", status, here=HERE, zone=who.zone, who=who, credit=credit,
                currencies=codes, form=form or LimitForm(formdata=None),
                orders=orders or OrdersForm(formdata=None))  # fmt: skip


@blueprint.post("/accounts/<ref>/credit-limit")
@web.needs(P.CREDIT_LIMIT_SET)
def set_limit(ref: str) -> Response:
    """Set, change or take away the limit of one currency."""
    form, actor = LimitForm(), web.staff_actor()
    if not form.validate():
        return _limit(ref, 422, form=form)
    code = form.currency.data
    if code not in CURRENCIES:
        form.currency.errors = ["currency_unknown"]
        return _limit(ref, 422, form=form)
    limit = form.money(code, actor_language()) if form.limit.data else None
    if form.limit.errors:
        return _limit(ref, 422, form=form)
    try:
        web.house().store.run(
            lambda s: credit_limits.set_limit(
                s, actor, desk_accounts.account_row(s, ref), currency=code, limit=limit,
                reason=form.reason.data, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        form.limit.errors = [error.code]
        return _limit(ref, 409, form=form)
    return done("limit_set", "backoffice.account", values={"ref": ref, "_anchor": "cr"})


@blueprint.post("/accounts/<ref>/orders")
@web.needs(P.CREDIT_LIMIT_SET)
def tell_orders(ref: str) -> Response:
    """Note what the order system shows of orders that are not invoiced yet."""
    form, actor = OrdersForm(), web.staff_actor()
    code = form.orders_currency.data
    if not form.validate() or code not in CURRENCIES:
        form.orders.errors = list(form.orders.errors) or ["currency_unknown"]
        return _limit(ref, 422, orders=form)
    amount = form.money(code, actor_language())
    if amount is None:
        return _limit(ref, 422, orders=form)
    web.house().store.run(
        lambda s: credit_limits.tell_orders(
            s,
            actor,
            desk_accounts.account_row(s, ref),
            amount,
            as_of_at=web.now(),
            source="desk",
            now=web.now(),
        )
    )
    return done("orders_told", "backoffice.account", values={"ref": ref, "_anchor": "cr"})


@blueprint.get("/accounts/<ref>/pay-run")
@web.needs(P.PAY_RUN_KEEP)
def ask_pay_run(ref: str) -> Response:
    """When the account pays, and what its books require."""
    return _pay_run(ref)


def _pay_run(ref: str, form: PayRunForm | None = None, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        run = pay_runs.run_of(database, who.id)
    note_read(who.id)
    if form is None:
        form = PayRunForm(formdata=None)
        form.fill(run, who.pay_days, who.required_references)
    return page("backoffice/account_pay_run.html", status, here=HERE, zone=who.zone, who=who, form=form)


@blueprint.post("/accounts/<ref>/pay-run")
@web.needs(P.PAY_RUN_KEEP)
def keep_pay_run(ref: str) -> Response:
    """Keep when the account pays."""
    form, actor = PayRunForm(), web.staff_actor()
    if not form.validate():
        return _pay_run(ref, form, 422)
    try:
        web.house().store.run(
            lambda s: pay_runs.keep(
                s, actor, desk_accounts.account_row(s, ref), cycle=form.kind, known_on=form.known_day(),
                month_days=form.days, words=form.words.data, references=form.references.data, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        (form.month_days if error.code == "month_days_wrong" else form.known_on).errors = [error.code]
        return _pay_run(ref, form, 422)
    return done("pay_run_kept", "backoffice.account", values={"ref": ref, "_anchor": "hb"})


@blueprint.post("/accounts/<ref>/follow-up")
@web.needs(P.PAY_RUN_KEEP)
def follow_up(ref: str) -> Response:
    """Ask for a look on the business day after the next pay run."""
    actor = web.staff_actor()
    web.house().store.run(
        lambda s: pay_runs.follow_up(s, actor, desk_accounts.account_row(s, ref), words="", now=web.now())
    )
    return done("follow_up_asked", "backoffice.account", values={"ref": ref, "_anchor": "hb"})
