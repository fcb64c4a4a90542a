"""Credit hold at the desk: placed with a reason and what releases it, or ended."""

from __future__ import annotations

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

import web
from admin.forms import DECIMAL_MARKS, ReasonForm
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.money import AmountUnreadable, Money, UnknownCurrency, currency_row, parse_typed
from receivables import credit_holds, invoices
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "books_accounts.index_view"
#: The field that each refusal is about; all others are about the reason.
FIELDS = {"release_zero": "release", "release_above_overdue": "release"}


class HoldForm(FlaskForm):  # type: ignore[misc]
    """What is to be paid for the release, and why the account is on hold: the debtor reads both."""

    release = StringField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=64, message="too_long")],
    )
    reason = TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=credit_holds.REASON_MOST, message="too_long")],
    )
    currency = HiddenField(validators=[DataRequired("empty")])

    def money(self, language: str) -> Money | None:
        """The typed amount, or None with an error at its field."""
        try:
            return parse_typed(self.release.data, self.currency.data, decimal_mark=DECIMAL_MARKS[language])
        except AmountUnreadable as error:
            self.release.errors = [error.reason]
            return None


@blueprint.get("/accounts/<ref>/hold")
@web.needs(P.CREDIT_HOLD_PLACE)
def ask_hold(ref: str) -> Response:
    """The hold that stands, or the form for one with what will follow."""
    return _ask_hold(ref, HoldForm(formdata=None), request.args.get("currency", ""))


def _ask_hold(
    ref: str, form: HoldForm, currency: str, status: int = 200, ending: ReasonForm | None = None
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        note_read(who.id)
        account = invoices.overview(database, actor, account_id=who.id, zone=who.zone, now=web.now())
        try:
            hold = credit_holds.view(database, actor, account_id=who.id, zone=who.zone, now=web.now())
        except NotFound:
            hold = None
    late = [group for group in account.groups if group.overdue]
    group = next((group for group in late if group.currency == currency), late[0] if late else None)
    if group is not None:
        form.currency.data = group.currency
    return page("backoffice/hold.html", status, here=HERE, zone=who.zone, who=who, hold=hold, form=form,
                late=late, group=group, ending=ending or ReasonForm(formdata=None))  # fmt: skip


@blueprint.post("/accounts/<ref>/hold")
@web.needs(P.CREDIT_HOLD_PLACE)
def place_hold(ref: str) -> Response:
    """Place the account on hold and write to its paying contacts."""
    form, actor = HoldForm(), web.staff_actor()
    sound = form.validate() and _is_currency(form.currency.data)
    release = form.money(actor_language()) if sound else None
    if release is None:
        return _ask_hold(ref, form, form.currency.data or "", 422)
    try:
        web.house().store.run(
            lambda s: credit_holds.place(
                s, actor, desk_accounts.account_row(s, ref), form.reason.data, release, now=web.now()
            )
        )
    except Refused as error:
        getattr(form, FIELDS.get(error.code, "reason")).errors = [error.code]
        return _ask_hold(ref, form, release.currency, 409)
    return done("hold_placed", "backoffice.account", values={"ref": ref}, minor=release.minor,
                currency=release.currency)  # fmt: skip


def _is_currency(code: str) -> bool:
    try:
        currency_row(code)
    except UnknownCurrency:
        return False
    return True


@blueprint.post("/accounts/<ref>/hold/release")
@web.needs(P.CREDIT_HOLD_PLACE)
def release_hold(ref: str) -> Response:
    """End the hold with a reason and write to the paying contacts."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _ask_hold(ref, HoldForm(formdata=None), "", 422, form)
    web.house().store.run(
        lambda s: credit_holds.release(
            s, actor, desk_accounts.account_row(s, ref), reason=form.reason.data, now=web.now()
        )
    )
    return done("hold_released", "backoffice.account", values={"ref": ref})
