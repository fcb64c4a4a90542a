"""Interest and late fees at the desk: what waits with its arithmetic, and the table of rates."""

from __future__ import annotations

from datetime import date

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.money import AmountUnreadable, Money, UnknownCurrency, parse_plain
from receivables.calendar_days import business_date
from receivables.costs import charges as acts
from receivables.costs import rates, reads
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
HERE = "backoffice.charges"
#: The field that each refusal of a rate is about; all others are about the rate itself.
FIELDS = {"rule_empty": "rule", "rule_unknown": "rule", "rate_day": "from_on", "source_missing": "source"}


def _text(most: int) -> StringField:
    return StringField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[DataRequired("empty"), Length(max=most, message="too_long")],
    )


class SeenForm(FlaskForm):  # type: ignore[misc]
    """The amount that the page showed, as "GBP 5.41"."""

    seen = HiddenField(validators=[DataRequired("empty"), Length(max=40, message="too_long")])

    def money(self) -> Money | None:
        """What was seen, or None where the field is not ours."""
        currency, _, amount = (self.seen.data or "").partition(" ")
        try:
            return parse_plain(amount, currency)
        except (AmountUnreadable, UnknownCurrency):
            return None


class RateForm(FlaskForm):  # type: ignore[misc]
    """One rate with its source. `rule` is that of a law, or the number of an account with an agreement."""

    rule = _text(60)
    from_on = _text(10)
    percent = _text(12)
    source = _text(rates.SOURCE_MOST)

    def day(self) -> date | None:
        """The typed day, or None with an error at its field."""
        try:
            return date.fromisoformat(self.from_on.data)
        except ValueError:
            self.from_on.errors = ["day_unreadable"]
            return None


@blueprint.get("/charges")
@web.needs(P.CHARGE_READ)
def charges() -> Response:
    """Proposed charges with their arithmetic, or what became of them."""
    return _list(decided=request.args.get("show") == "decided")


def _list(
    status: int = 200, *, decided: bool = False, refused: str | None = None, why: str = "", at: str = ""
) -> Response:
    """The list; `refused` names the charge that an act refused, `why` says the code, `at` the act."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = reads.charge_rows(database, actor, decided=decided)
        table = reads.rate_table(database, actor, now=web.now())
    note_read(None)
    return page("backoffice/charges.html", status, here=HERE, rows=rows, decided=decided, table=table,
                refused=refused, why=why, at=at)  # fmt: skip


@blueprint.post("/charges/<ref>/issue")
@web.needs(P.CHARGE_ISSUE)
def issue_charge(ref: str) -> Response:
    """Make a proposed charge a document that is owed."""
    form, actor = SeenForm(), web.staff_actor()
    seen = form.money() if form.validate() else None
    if seen is None:
        return _list(422, refused=ref, why="charge_changed", at="issue")
    try:
        charge = web.house().store.run(lambda s: acts.issue(s, actor, ref, seen=seen, now=web.now()))
    except Refused as error:
        return _list(409, refused=ref, why=error.code, at="issue")
    return done("charge_issued", HERE, minor=charge.amount_minor, currency=charge.currency)


@blueprint.post("/charges/<ref>/waive")
@web.needs(P.CHARGE_WAIVE)
def waive_charge(ref: str) -> Response:
    """Give up a proposed charge, with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _list(422, refused=ref, why=form.reason.errors[0], at="waive")
    try:
        charge = web.house().store.run(
            lambda s: acts.waive(s, actor, ref, reason=form.reason.data, now=web.now())
        )
    except Refused as error:
        return _list(409, refused=ref, why=error.code, at="waive")
    return done("charge_waived", HERE, minor=charge.amount_minor, currency=charge.currency)


@blueprint.post("/charges/<ref>/again")
@web.needs(P.CHARGE_PROPOSE)
def work_out_again(ref: str) -> Response:
    """Work out what stands proposed for the account of a charge, up to yesterday."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        account, currency = reads.of_charge(database, actor, ref)
    today = business_date(web.now(), account.zone)
    try:
        found = web.house().store.run(
            lambda s: acts.propose_charges(s, actor, account, currency, today=today, now=web.now())
        )
    except Refused as error:
        return _list(409, refused=ref, why=error.code, at="again")
    return done("charges_again", HERE, count=len(found))


@blueprint.get("/charges/rates")
@web.needs(P.CHARGE_READ)
def charge_rates() -> Response:
    """Every law and rate with its source, and what is switched off."""
    return _rates(RateForm(formdata=None, rule=request.args.get("rule", "")[:60]))


@blueprint.post("/charges/rates")
@web.needs(P.RATE_ADD)
def add_rate() -> Response:
    """Enter a rate with its source."""
    form, actor = RateForm(), web.staff_actor()
    day = form.day() if form.validate() else None
    if day is None:
        return _rates(form, 422)
    facts = {"percent": form.percent.data.rstrip("% "), "source": form.source.data}
    try:
        web.house().store.run(
            lambda s: rates.add_rate(
                s, actor, reads.rule_named(s, actor, form.rule.data), from_on=day, **facts, now=web.now()
            )
        )
    except Refused as error:
        getattr(form, FIELDS.get(error.code, "percent")).errors = [error.code]
        return _rates(form, 409)
    return done("rate_added", "backoffice.charge_rates")


def _rates(form: RateForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        table = reads.rate_table(database, web.staff_actor(), now=web.now())
    note_read(None)
    return page("backoffice/charge_rates.html", status, here=HERE, table=table, form=form)
