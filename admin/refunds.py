"""Asking for a write-off, its reopening or a refund, and the accountant's list of refunds."""

from __future__ import annotations

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

import web
from admin.approvals import AmountForm, day_or_error, tidy
from admin.forms import DECIMAL_MARKS, ReasonForm
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.money import Money, MoneyError, UnknownCurrency, currency_row, parse_typed
from receivables import credits, invoices, refunds, write_offs
from receivables.approvals import queue
from receivables.costs import charges
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission

P = Permission
INVOICES, ACCOUNTS, REFUNDS = (
    "books_invoices.index_view",
    "books_accounts.index_view",
    "backoffice.refunds_list",
)
CASE = "backoffice.approval_case"
#: The field that each refusal of a refund is about; all others are about the reason.
FIELDS = {
    **dict.fromkeys(("amount_zero", "credit_too_small"), "amount"),
    "payee_missing": "payee",
    "bank_account_missing": "bank_account",
}
#: Likewise of a refund to a card.
CARD_FIELDS = {
    **dict.fromkeys(("amount_zero", "amount_off_step", "credit_too_small", "refunded_before"), "amount"),
    **dict.fromkeys(("not_by_card", "other_currency", "payment_contested"), "payment"),
}


class RefundForm(AmountForm):
    """Credit that is to go back: how much, to whom and where, and why."""

    currency = HiddenField(validators=[DataRequired("empty")])
    payee = StringField(
        filters=[tidy], validators=[DataRequired("empty"), Length(max=140, message="too_long")]
    )
    bank_account = StringField(
        filters=[tidy], validators=[DataRequired("empty"), Length(max=140, message="too_long")]
    )


class WriteOffForm(ReasonForm):
    """What is given up of an invoice, all that is open where nothing is typed; and why."""

    amount = StringField(filters=[tidy], validators=[Length(max=64, message="too_long")])

    def part(self, currency: str) -> Money | None:
        """The typed part; None for all of it, or with an error at its field."""
        if not self.amount.data:
            return None
        try:
            return parse_typed(self.amount.data, currency, decimal_mark=DECIMAL_MARKS[actor_language()])
        except MoneyError as error:
            self.amount.errors = [getattr(error, "reason", "amount_unreadable")]
            return None


class CardRefundForm(AmountForm):
    """Credit that is to go back to the card that paid: how much, which payment, and why."""

    currency = HiddenField(validators=[DataRequired("empty")])
    payment = StringField(validators=[DataRequired("payment_missing"), Length(max=24, message="too_long")])


class PaidForm(FlaskForm):  # type: ignore[misc]
    """When a refund left the bank, and what its statement says."""

    day = StringField(validators=[DataRequired("empty")])
    reference = StringField(
        filters=[tidy], validators=[DataRequired("empty"), Length(max=140, message="too_long")]
    )


# --------------------------------------------------------------------------- write-offs


@blueprint.get("/invoices/<ref>/write-off")
@web.needs(P.WRITE_OFF_PROPOSE)
def ask_write_off(ref: str) -> Response:
    """The form to ask for a write-off, or to reopen what was written off, with what follows beside it."""
    return _ask_write_off(ref, WriteOffForm(formdata=None))


def _ask_write_off(
    ref: str,
    form: WriteOffForm,
    status: int = 200,
    refused: str | None = None,
    again: ReasonForm | None = None,
) -> Response:
    """The page; `again` is the form to reverse what was written off."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        owner = desk_accounts.invoice_owner(database, actor, ref)
        view = invoices.document(database, actor, ref, now=web.now())
        waits = queue.waiting_ref(database, actor, ref)
        part = write_offs.last_part(database, actor, ref)
    note_read(owner.account_id)
    return page(
        "backoffice/write_off.html", status, here=INVOICES, zone=owner.zone, owner=owner, view=view,
        form=form, refused=refused, waits=waits, part=part, again=again or ReasonForm(formdata=None),
    )  # fmt: skip


@blueprint.post("/invoices/<ref>/write-off")
@web.needs(P.WRITE_OFF_PROPOSE)
def propose_write_off(ref: str) -> Response:
    """Ask a second person to write the invoice off, or a part of it."""
    form, actor = WriteOffForm(), web.staff_actor()
    with web.house().store.read() as database:
        currency = invoices.document(database, actor, ref, now=web.now()).row.currency
    part = form.part(currency) if form.validate() else None
    if form.errors or form.amount.errors:
        return _ask_write_off(ref, form, 422)
    try:
        made = web.house().store.run(
            lambda s: (
                write_offs.propose_write_off(
                    s, actor, ref, amount=part, reason=form.reason.data, now=web.now()
                ).ref
            )
        )
    except Refused as error:
        if error.code in ("amount_zero", "amount_above_balance"):
            form.amount.errors = [error.code]
            return _ask_write_off(ref, form, 409)
        return _ask_write_off(ref, form, 409, error.code)
    return done("request_asked", CASE, values={"ref": made})


@blueprint.post("/invoices/<ref>/reopen")
@web.needs(P.WRITE_OFF_PROPOSE)
def propose_reopening(ref: str) -> Response:
    """Ask a second person to reverse the write-off."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _ask_write_off(ref, WriteOffForm(formdata=None), 422, again=form)
    try:
        made = web.house().store.run(
            lambda s: write_offs.propose_reopening(s, actor, ref, reason=form.reason.data, now=web.now()).ref
        )
    except Refused as error:
        return _ask_write_off(ref, WriteOffForm(formdata=None), 409, error.code, again=form)
    return done("request_asked", CASE, values={"ref": made})


# --------------------------------------------------------------------------- refunds


@blueprint.get("/accounts/<ref>/refund")
@web.needs(P.REFUND_PROPOSE)
def ask_refund(ref: str) -> Response:
    """The form to send credit back, with where the credit comes from beside it."""
    return _ask_refund(ref, RefundForm(formdata=None), request.args.get("currency", ""))


def _ask_refund(
    ref: str,
    form: RefundForm,
    currency: str,
    status: int = 200,
    refused: str | None = None,
    by_card: CardRefundForm | None = None,
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        views = credits.views(database, actor, account_id=who.id, zone=who.zone, now=web.now())
        found = next((view for view in views if currency in ("", view.currency)), None)
        code = found.currency if found is not None else ""
        payments = refunds.card_payments(database, actor, who.id, code)
    note_read(who.id)
    return page(
        "backoffice/refund.html", status, here=ACCOUNTS, zone=who.zone, who=who, views=views, found=found,
        form=form, refused=refused, cards=payments,
        by_card=by_card or CardRefundForm(formdata=None, prefix="k"),
    )  # fmt: skip


@blueprint.post("/accounts/<ref>/refund")
@web.needs(P.REFUND_PROPOSE)
def propose_refund(ref: str) -> Response:
    """Ask a second person to let the credit go back."""
    form, actor = RefundForm(), web.staff_actor()
    amount = _amount(form)
    if amount is None:
        return _ask_refund(ref, form, form.currency.data or "", 422)
    try:
        made = web.house().store.run(
            lambda s: refunds.propose_refund(
                s, actor, ref, amount=amount, payee=form.payee.data, bank_account=form.bank_account.data,
                reason=form.reason.data, now=web.now(),
            ).ref
        )  # fmt: skip
    except Refused as error:
        field = getattr(form, FIELDS.get(error.code, "reason"))
        field.errors = [error.code]
        return _ask_refund(ref, form, amount.currency, 409, error.code)
    return done("request_asked", CASE, values={"ref": made})


@blueprint.post("/accounts/<ref>/refund-card")
@web.needs(P.REFUND_PROPOSE)
def propose_card_refund(ref: str) -> Response:
    """Ask a second person to let the credit go back to the card that paid."""
    form, actor = CardRefundForm(prefix="k"), web.staff_actor()
    amount, plain = _amount(form), RefundForm(formdata=None)
    if amount is None:
        return _ask_refund(ref, plain, form.currency.data or "", 422, by_card=form)
    try:
        made = web.house().store.run(
            lambda s: refunds.propose_card_refund(
                s, actor, ref, payment_number=form.payment.data, amount=amount, reason=form.reason.data,
                now=web.now(),
            ).ref
        )  # fmt: skip
    except Refused as error:
        field = getattr(form, CARD_FIELDS.get(error.code, "reason"))
        field.errors = [error.code]
        return _ask_refund(ref, plain, amount.currency, 409, error.code, by_card=form)
    return done("request_asked", CASE, values={"ref": made})


def _amount(form: RefundForm | CardRefundForm) -> Money | None:
    if not form.validate():
        return None
    try:
        currency_row(form.currency.data)
    except UnknownCurrency:
        return None
    return form.money(form.currency.data)


@blueprint.get("/refunds")
@web.needs(P.REFUND_READ)
def refunds_list() -> Response:
    """Refunds that the accountant sends, and those that were sent."""
    return _refunds(PaidForm(formdata=None))


def _refunds(form: PaidForm, status: int = 200, at: str = "", refused: str | None = None) -> Response:
    with web.house().store.read() as database:
        rows = refunds.rows(database, web.staff_actor())
    note_read(None)
    return page(
        "backoffice/refunds.html", status, here=REFUNDS, rows=rows, to_send=refunds.to_send(rows), form=form,
        at=at, refused=refused,
    )  # fmt: skip


@blueprint.post("/refunds/<ref>/paid")
@web.needs(P.REFUND_PAY)
def pay_refund(ref: str) -> Response:
    """Note that a refund left the bank; password and code are asked for again (A-05)."""
    web.require_fresh("refund")
    form, actor = PaidForm(), web.staff_actor()
    day = day_or_error(form.day) if form.validate() else None
    if day is None:
        return _refunds(form, 422, ref)
    try:
        paid = web.house().store.run(
            lambda s: refunds.pay_out(
                s, actor, ref, paid_on=day, bank_reference=form.reference.data, now=web.now()
            )
        )
    except Refused as error:
        return _refunds(form, 409, ref, error.code)
    return done("refund_paid", REFUNDS, minor=paid.amount_minor, currency=paid.currency)


# --------------------------------------------------------------------------- waivers


@blueprint.post("/charges/<ref>/ask-waiver")
@web.needs(P.CHARGE_WAIVE)
def ask_waiver(ref: str) -> Response:
    """Ask somebody with a higher limit to give a charge up."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        raise NotFound("not_found")
    try:
        made = web.house().store.run(
            lambda s: charges.ask_waiver(s, actor, ref, reason=form.reason.data, now=web.now()).ref
        )
    except Refused as error:
        waits = error.facts.get("ref")
        if error.code != "request_waits" or waits is None:
            raise
        return done("request_waits", CASE, values={"ref": str(waits)})
    return done("request_asked", CASE, values={"ref": made})
