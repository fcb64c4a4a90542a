"""Cases for agencies and lawyers at the desk: put forward, decided by a second person, placed, ended.

Who put a case forward finds no button to approve it, and the actions refuse him (A-02).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Response, request, send_file
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, Length, Optional

import web
from admin.forms import DECIMAL_MARKS, ReasonForm
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.handovers import HandlerKind
from models.money import AmountUnreadable, Money, UnknownCurrency, currency_row, parse_typed
from receivables import files, invoices
from receivables.calendar_days import business_date
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.handovers import handlers, placing, reads, remittances
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "backoffice.handovers"
HANDLERS = "backoffice.handlers_list"
#: The field that each refusal is about; all others stand above the forms.
FIELDS = {
    "reason_missing": "reason", "words_too_long": "reason", "amount_zero": "collected",
    "commission_too_high": "commission", "reference_missing": "reference", "reference_reused": "reference",
    "reference_too_long": "reference", "valued_in_future": "day", "placed_in_future": "day",
    "placed_too_early": "day", "percent_unreadable": "commission_percent", "handler_known": "name",
    "handler_incomplete": "name",
}  # fmt: skip


def _tidy(text: str | None) -> str:
    return plain(text or "").strip()


def _line(most: int, *, needed: bool = True) -> StringField:
    asked = [DataRequired("empty")] if needed else [Optional()]
    return StringField(filters=[_tidy], validators=[*asked, Length(max=most, message="too_long")])


def _area(most: int, *, needed: bool = True) -> TextAreaField:
    asked = [DataRequired("empty")] if needed else [Optional()]
    return TextAreaField(filters=[_tidy], validators=[*asked, Length(max=most, message="too_long")])


class _WithDay(FlaskForm):  # type: ignore[misc]
    def day_of(self) -> date | None:
        """The typed day, or None with an error at its field."""
        try:
            return date.fromisoformat(self.day.data)
        except ValueError:
            self.day.errors = ["day_unreadable"]
            return None


class ProposeForm(FlaskForm):  # type: ignore[misc]
    """Why a case is put forward."""

    currency = HiddenField(validators=[DataRequired("empty")])
    reason = _area(placing.REASON_MOST)


class PrepareForm(FlaskForm):  # type: ignore[misc]
    """Who gets the case."""

    handler = HiddenField(filters=[_tidy], validators=[DataRequired("empty"), Length(max=24)])


class PlaceForm(_WithDay):
    """On which day the case went."""

    day = _line(10)


class RemittanceForm(_WithDay):
    """What the handler reports: its number, what it collected, what it kept, on which day."""

    reference = _line(remittances.REFERENCE_MOST)
    collected = _line(64)
    commission = _line(64, needed=False)
    day = _line(10)

    def money(self, name: str, currency: str) -> Money | None:
        """A typed amount, or None with an error at its field."""
        field = self[name]
        try:
            return parse_typed(field.data, currency, decimal_mark=DECIMAL_MARKS[actor_language()])
        except AmountUnreadable as error:
            field.errors = [error.reason]
            return None


class HandlerForm(FlaskForm):  # type: ignore[misc]
    """An agency or a law firm with its terms."""

    kind = StringField(filters=[_tidy], validators=[AnyOf([k.value for k in HandlerKind], message="empty")])
    name = _line(120)
    address = _area(500)
    phone = _line(40)
    email = _line(254, needed=False)
    countries = _line(120, needed=False)
    commission_percent = _line(12)
    terms = _area(handlers.TERMS_MOST, needed=False)
    active = StringField(filters=[_tidy])

    def facts(self) -> handlers.HandlerFacts:
        """What was typed."""
        return handlers.HandlerFacts(
            kind=HandlerKind(self.kind.data), name=self.name.data, address=self.address.data,
            phone=self.phone.data, email=self.email.data or "", countries=self.countries.data or "",
            commission_percent=self.commission_percent.data, terms=self.terms.data or "",
            is_active=self.active.data == "1",
        )  # fmt: skip


# --------------------------------------------------------------------------- cases


@blueprint.get("/handovers")
@web.needs(P.HANDOVER_READ)
def handovers() -> Response:
    """Cases that stand, or those that ended."""
    ended = request.args.get("show") == "ended"
    with web.house().store.read() as database:
        rows = reads.cases(database, web.staff_actor(), ended=ended)
    note_read(None)
    return page("backoffice/handovers.html", rows=rows, ended=ended)


@blueprint.get("/handovers/<ref>")
@web.needs(P.HANDOVER_READ)
def handover(ref: str) -> Response:
    """One case with everything that its decider needs."""
    return _case_page(ref)


def _case_page(ref: str, status: int = 200, *, refused: Refused | None = None, **typed: Any) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        case = reads.case_view(database, actor, ref, now=web.now())
        takers = reads.handlers(database, actor, for_country=case.country)
    note_read(case.account_id)
    forms = {
        "placing": PlaceForm(formdata=None, prefix="p"),
        "ending": ReasonForm(formdata=None, prefix="e"),
        "remitting": RemittanceForm(formdata=None, prefix="m"),
    } | typed
    today = business_date(web.now(), case.zone)
    return page("backoffice/handovers_case.html", status, here=HERE, zone=case.zone, case=case, takers=takers,
                refused=refused, today=today, **forms)  # fmt: skip


@blueprint.get("/accounts/<ref>/hand-over")
@web.needs(P.HANDOVER_PROPOSE)
def ask_handover(ref: str) -> Response:
    """What would be handed over, what stands in the way, and the form that puts it forward."""
    return _ask(ref, ProposeForm(formdata=None), request.args.get("currency", ""))


def _ask(ref: str, form: ProposeForm, currency: str, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        note_read(who.id)
        account = invoices.overview(database, actor, account_id=who.id, zone=who.zone, now=web.now())
        late = [group for group in account.groups if group.overdue]
        group = next((group for group in late if group.currency == currency), late[0] if late else None)
        found, known = None, None
        if group is not None:
            form.currency.data = group.currency
            row = desk_accounts.account_row(database, ref)
            found = placing.standing_of(database, row, group.currency, now=web.now())
            known = placing.standing_case(database, who.id, group.currency)
    return page("backoffice/handovers_ask.html", status, here=HERE, zone=who.zone, who=who, form=form,
                late=late, group=group, found=found, known=known)  # fmt: skip


@blueprint.post("/accounts/<ref>/hand-over")
@web.needs(P.HANDOVER_PROPOSE)
def propose_handover(ref: str) -> Response:
    """Put the case forward; a second person decides."""
    form, actor = ProposeForm(), web.staff_actor()
    if not form.validate() or not _is_currency(form.currency.data):
        return _ask(ref, form, form.currency.data or "", 422)
    try:
        made = web.house().store.run(
            lambda s: placing.propose(
                s, actor, desk_accounts.account_row(s, ref), form.currency.data, reason=form.reason.data,
                now=web.now(),
            ).ref
        )  # fmt: skip
    except Refused as error:
        form.reason.errors = [error.code] if error.code in FIELDS else []
        return _ask(ref, form, form.currency.data, 409)
    return done("handover_proposed", "backoffice.handover", values={"ref": made})


def _is_currency(code: str) -> bool:
    try:
        currency_row(code)
    except UnknownCurrency:
        return False
    return True


@blueprint.post("/handovers/<ref>/prepare")
@web.needs(P.HANDOVER_DECIDE)
def prepare_handover(ref: str) -> Response:
    """Approve the case, choose who gets it, and have its file made."""
    form, actor = PrepareForm(), web.staff_actor()
    if not form.validate():
        return _case_page(ref, 422, refused=Refused("handler_missing"))
    return _decide(
        ref, "handover_prepared",
        lambda s: placing.prepare(s, actor, ref, form.handler.data, now=web.now()),
    )  # fmt: skip


@blueprint.post("/handovers/<ref>/place")
@web.needs(P.HANDOVER_DECIDE)
def place_handover(ref: str) -> Response:
    """Say that the case has gone; the debtor's links name the handler from now on."""
    form, actor = PlaceForm(prefix="p"), web.staff_actor()
    day = form.day_of() if form.validate() else None
    if day is None:
        return _case_page(ref, 422, placing=form)
    return _decide(
        ref, "handover_placed", lambda s: placing.place(s, actor, ref, day, now=web.now()), placing=form
    )


@blueprint.post("/handovers/<ref>/refuse")
@web.needs(P.HANDOVER_PROPOSE)
def refuse_handover(ref: str) -> Response:
    """Refuse the case, or take one's own back."""
    return _end(ref, "handover_refused", placing.refuse)


@blueprint.post("/handovers/<ref>/recall")
@web.needs(P.HANDOVER_DECIDE)
def recall_handover(ref: str) -> Response:
    """Take a placed case back."""
    return _end(ref, "handover_recalled", placing.recall)


@blueprint.post("/handovers/<ref>/close")
@web.needs(P.HANDOVER_DECIDE)
def close_handover(ref: str) -> Response:
    """End a placed case for good."""
    return _end(ref, "handover_closed", placing.close)


def _end(ref: str, code: str, verb: Callable[..., object]) -> Response:
    form, actor = ReasonForm(prefix="e"), web.staff_actor()
    if not form.validate():
        return _case_page(ref, 422, ending=form)
    return _decide(
        ref, code, lambda s: verb(s, actor, ref, reason=form.reason.data, now=web.now()), ending=form
    )


@blueprint.post("/handovers/<ref>/remittance")
@web.needs(P.REMITTANCE_RECORD)
def record_remittance(ref: str) -> Response:
    """Post what the handler collected; the same report twice is posted once."""
    form, actor = RemittanceForm(prefix="m"), web.staff_actor()
    with web.house().store.read() as database:
        currency = reads.case_view(database, actor, ref, now=web.now()).row.amount.currency
    day, collected = (form.day_of(), form.money("collected", currency)) if form.validate() else (None, None)
    kept = form.money("commission", currency) if collected and form.commission.data else None
    if day is None or collected is None or (form.commission.data and kept is None):
        return _case_page(ref, 422, remitting=form)
    return _decide(
        ref, "remittance_recorded",
        lambda s: remittances.record_remittance(
            s, actor, ref, reference=form.reference.data, collected=collected, commission=kept,
            valued_on=day, now=web.now(),
        ),
        remitting=form, minor=collected.minor, currency=currency,
    )  # fmt: skip


@blueprint.get("/remittances/<number>/take-back")
@web.needs(P.PAYMENT_TAKE_BACK)
def ask_take_back_remittance(number: str) -> Response:
    """What follows if a report that was typed wrongly is taken back."""
    return _take_back_page(number, ReasonForm(formdata=None))


def _take_back_page(number: str, form: ReasonForm, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        ref = reads.case_of_remittance(database, actor, number)
        case = reads.case_view(database, actor, ref, now=web.now())
    note_read(case.account_id)
    row = next(row for row in case.remittances if row.payment == number)
    return page("backoffice/remittance_take_back.html", status, here=HERE, zone=case.zone, case=case, row=row,
                form=form)  # fmt: skip


@blueprint.post("/remittances/<number>/take-back")
@web.needs(P.PAYMENT_TAKE_BACK)
def take_back_remittance(number: str) -> Response:
    """Take back what was posted of a report, with its commission; it may be typed anew then."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _take_back_page(number, form, 422)

    def unit(session: Session) -> str:
        remittances.take_back_remittance(session, actor, number, reason=form.reason.data, now=web.now())
        return reads.case_of_remittance(session, actor, number)

    try:
        ref = web.house().store.run(unit)
    except Refused as error:
        form.reason.errors = [error.code]
        return _take_back_page(number, form, 409)
    return done("remittance_taken_back", "backoffice.handover", values={"ref": ref})


def _decide(
    ref: str, code: str, act: Callable[[Session], object], *, minor: int = 0, currency: str = "", **typed: Any
) -> Response:
    try:
        web.house().store.run(act)
    except Refused as error:
        for form in typed.values():
            if (name := FIELDS.get(error.code)) in form:
                form[name].errors = [error.code]
                return _case_page(ref, 409, **typed)
        return _case_page(ref, 409, refused=error, **typed)
    return done(code, "backoffice.handover", values={"ref": ref}, minor=minor, currency=currency)


@blueprint.get("/files/case/<ref>")
@web.needs(P.HANDOVER_READ)
def case_file(ref: str) -> Response:
    """Give out the case file as it was made, checked against its hash."""
    with web.house().store.read() as database:
        account_id, row = reads.case_file(database, web.staff_actor(), ref)
    note_read(account_id)
    data = files.content(web.house().files, row)
    return send_file(io.BytesIO(data), row.media_type, as_attachment=True, download_name=row.name, max_age=0)


# --------------------------------------------------------------------------- who takes cases


@blueprint.get("/handlers")
@web.needs(P.HANDLER_EDIT)
def handlers_list() -> Response:
    """Agencies and lawyers, and the form for another."""
    return _handlers_page(HandlerForm(formdata=None, active="1", kind="agency"))


def _handlers_page(form: HandlerForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        rows = reads.handlers(database, web.staff_actor())
    return page("backoffice/handovers_handlers.html", status, here=HANDLERS, rows=rows, form=form)


@blueprint.post("/handlers")
@web.needs(P.HANDLER_EDIT)
def add_handler() -> Response:
    """Put an agency or a lawyer on file."""
    form, actor = HandlerForm(), web.staff_actor()
    if not form.validate():
        return _handlers_page(form, 422)
    try:
        web.house().store.run(lambda s: handlers.add_handler(s, actor, form.facts(), now=web.now()))
    except Refused as error:
        form[FIELDS.get(error.code, "name")].errors = [error.code]
        return _handlers_page(form, 409)
    return done("handler_kept", "backoffice.handlers_list")


@blueprint.get("/handlers/<ref>")
@web.needs(P.HANDLER_EDIT)
def handler(ref: str) -> Response:
    """One agency or lawyer, to correct."""
    return _handler_page(ref, None)


def _handler_page(ref: str, form: HandlerForm | None, status: int = 200) -> Response:
    with web.house().store.read() as database:
        row = next((h for h in reads.handlers(database, web.staff_actor()) if h.ref == ref), None)
    if row is None:
        raise NotFound("not_found")
    form = form or HandlerForm(formdata=None, obj=row, active="1" if row.is_active else "")
    return page("backoffice/handovers_handler.html", status, here=HANDLERS, row=row, form=form)


@blueprint.post("/handlers/<ref>")
@web.needs(P.HANDLER_EDIT)
def change_handler(ref: str) -> Response:
    """Correct an agency or lawyer."""
    form, actor = HandlerForm(), web.staff_actor()
    if not form.validate():
        return _handler_page(ref, form, 422)
    try:
        web.house().store.run(lambda s: handlers.change_handler(s, actor, ref, form.facts(), now=web.now()))
    except Refused as error:
        form[FIELDS.get(error.code, "name")].errors = [error.code]
        return _handler_page(ref, form, 409)
    return done("handler_kept", "backoffice.handlers_list")
