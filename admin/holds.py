"""Credit holds at the desk: the list, one hold, the form with what follows, the way back, the status file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from flask import Response, request, stream_with_context
from flask_babel import force_locale, gettext
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, DateField, HiddenField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length, Optional

import web
from admin.forms import DECIMAL_MARKS, ReasonForm
from admin.hold_words import HOLD_REASONS
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.arrangements import HoldCause
from models.money import AmountUnreadable, Money, UnknownCurrency, currency_row, parse_typed, total
from receivables import credit_hold_facts as facts
from receivables import credit_hold_letters, credit_holds, credit_status, invoices, letters
from receivables.calendar_days import business_date
from receivables.credit_hold_facts import Before
from receivables.credit_holds import HoldTerms
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.ladder import reads as ladder_reads
from receivables.permissions import Permission
from receivables.ports import Rendered
from receivables.texts import plain

P = Permission
HERE = "backoffice.holds"
#: The field that each refusal is about; all others are about the reason.
FIELDS = {
    "release_above_overdue": "release", "release_changed": "release", "release_zero": "release",
    "review_passed": "review_on", "review_too_late": "review_on",
}  # fmt: skip
#: What the list can show.
SHOWS = ("standing", "due", "ended")


def _line(text: str | None) -> str:
    return plain(text or "").strip()


class HoldForm(FlaskForm):  # type: ignore[misc]
    """What is decided; `shown` is what the list of consequences was last made for."""

    currency = HiddenField(validators=[DataRequired("empty")])
    shown = HiddenField(filters=[_line])
    cause = StringField(
        default=HoldCause.OTHER.value, validators=[AnyOf([c.value for c in HoldCause], "empty")]
    )
    #: Words of ours that the debtor reads, where the cause alone does not say it.
    reason = TextAreaField(
        filters=[_line], validators=[Length(max=credit_holds.REASON_MOST, message="too_long")]
    )
    evidence = SelectMultipleField(choices=[], validate_choice=False)
    by = StringField(default="amount", validators=[AnyOf(["amount", "invoices"], "empty")])
    release = StringField(filters=[_line], validators=[Length(max=64, message="too_long")])
    invoice = SelectMultipleField(choices=[], validate_choice=False)
    plan = BooleanField()
    prepaid = BooleanField()
    review_on = DateField(validators=[Optional()])
    note = TextAreaField(
        filters=[_line], validators=[Length(max=credit_holds.REASON_MOST, message="too_long")]
    )

    def money(self, language: str, before: Before) -> Money | None:
        """The amount as typed, or that of the documents chosen; None with an error at its field."""
        if self.by.data == "invoices":
            chosen = [row.asked for row in before.rows if row.ref in self.invoice.data]
            if not chosen:
                self.invoice.errors = ["empty"]
                return None
            return total(chosen, before.currency)
        if not self.release.data:
            self.release.errors = ["empty"]
            return None
        try:
            return parse_typed(self.release.data, before.currency, decimal_mark=DECIMAL_MARKS[language])
        except AmountUnreadable as error:
            self.release.errors = [error.reason]
            return None

    def as_typed(self) -> str:
        """One name for all that is decided: equal to `shown` when nothing changed since."""
        parts = [
            self.currency.data, self.cause.data, self.reason.data, self.by.data, self.release.data,
            self.plan.data, self.prepaid.data, self.review_on.data,
            *(sorted(self.invoice.data or []) if self.by.data == "invoices" else []),
        ]  # fmt: skip
        return sha256("\0".join(str(part) for part in parts).encode()).hexdigest()


class ReviewForm(FlaskForm):  # type: ignore[misc]
    """When somebody looks again, and why it stands."""

    review_on = DateField(validators=[InputRequired("day_unreadable")])
    found = TextAreaField(
        filters=[_line],
        validators=[DataRequired("empty"), Length(max=credit_holds.REASON_MOST, message="too_long")],
    )


@dataclass(frozen=True, slots=True)
class Follows:
    """What would follow from the form as it stands: what the debtor reads, and what ends the hold."""

    reason: str
    release: Money
    mail: Rendered | None


# --------------------------------------------------------------------------- lists


@blueprint.get("/holds")
@web.needs(P.CREDIT_HOLD_READ)
def holds() -> Response:
    """The holds that stand, the one to be looked at first on top; or those that ended."""
    show = request.args.get("show", "standing")
    show = show if show in SHOWS else "standing"
    cause = next((c for c in HoldCause if c.value == request.args.get("cause")), None)
    mine, actor = request.args.get("mine") == "1", web.staff_actor()
    with web.house().store.read() as database:
        rows = facts.holds(
            database, actor, show=show, cause=cause, collector_id=actor.id if mine else None, now=web.now()
        )
    note_read(None)
    return page("backoffice/holds.html", here=HERE, rows=rows, show=show, shows=SHOWS, cause=cause, mine=mine,
                causes=list(HoldCause), still=_sums([row.left for row in rows]))  # fmt: skip


def _sums(amounts: list[Money]) -> list[Money]:
    codes = sorted({amount.currency for amount in amounts})
    return [total([a for a in amounts if a.currency == code], code) for code in codes]


@blueprint.get("/holds/status.csv")
@web.needs(P.CREDIT_HOLD_READ)
@web.needs_fresh("bulk_export")
def credit_statuses() -> Response:
    """The status of every account for the order system, as text for a program; a piece at a time."""
    actor, now, store = web.staff_actor(), web.now(), web.house().store
    note_read(None)

    def pieces() -> Iterator[bytes]:
        with store.read() as database:
            yield from web.house().exports.csv_pieces(credit_status.sheet(database, actor, now=now))

    return Response(
        stream_with_context(pieces()), mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=credit-status-{now:%Y-%m-%d}.csv"},
    )  # fmt: skip


# --------------------------------------------------------------------------- one account


@blueprint.get("/accounts/<ref>/hold")
@web.needs(P.CREDIT_HOLD_READ)
def ask_hold(ref: str) -> Response:
    """The hold that stands, or the form for one with what will follow."""
    return _ask_hold(ref, None, request.args.get("currency", ""))


def _ask_hold(
    ref: str,
    form: HoldForm | None,
    currency: str,
    status: int = 200,
    ending: ReasonForm | None = None,
    review: ReviewForm | None = None,
    refused: str | None = None,
) -> Response:
    actor, now = web.staff_actor(), web.now()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        note_read(who.id)
        credit = credit_status.credit_status(database, actor, ref, now=now)
        try:
            hold = facts.hold_page(database, actor, ref, now=now)
        except NotFound:
            hold = None
        parts: dict[str, Any] = {
            "late": [],
            "before": None,
            "follows": None,
            "helped": None,
            "climbing": None,
        }
        if hold is None and web.staff_may(P.CREDIT_HOLD_PLACE):
            account = invoices.overview(database, actor, account_id=who.id, zone=who.zone, now=now)
            late = [group for group in account.groups if group.overdue]
            group = next((g for g in late if g.currency == currency), late[0] if late else None)
            if group is not None:
                form = _what_follows(database, ref, form, group.currency, parts)
            parts["late"] = late
    review = review or ReviewForm(formdata=None)
    review.review_on.data = review.review_on.data or business_date(now, who.zone) + timedelta(
        days=web.policy().credit_holds.review_days
    )
    return page("backoffice/hold.html", status, here=HERE, zone=who.zone, who=who, hold=hold, form=form,
                credit=credit, ending=ending or ReasonForm(formdata=None), review=review, refused=refused,
                as_day=date.fromisoformat, **parts)  # fmt: skip


def _what_follows(
    database: Session, ref: str, form: HoldForm | None, currency: str, parts: dict[str, Any]
) -> HoldForm:
    """Fill the form for a first look, and work out what follows from it as it stands."""
    actor, now = web.staff_actor(), web.now()
    row = desk_accounts.account_row(database, ref)
    before = facts.before(database, actor, row, currency, now=now)
    if form is None:
        form = _proposed(before)
    form.currency.data = currency
    release = form.money(actor_language(), before) if not form.errors else None
    parts["before"] = before
    parts["helped"] = facts.helped(database, HoldCause(form.cause.data), now=now)
    parts["climbing"] = ladder_reads.places(database, actor, row, now=now)
    if release is not None:
        parts["follows"] = _follows(database, before, form, release)
        form.shown.data = form.as_typed()
    return form


def _proposed(before: Before) -> HoldForm:
    """The form as the facts propose it: everything that is overdue, or a plan, and prepaid orders go on."""
    form = HoldForm(formdata=None)
    form.cause.data, form.by.data = before.cause.value, "amount"
    amount = before.overdue.decimal
    form.release.data = f"{amount:f}".replace(".", DECIMAL_MARKS[actor_language()])
    form.plan.data = form.prepaid.data = True
    form.review_on.data = before.review_on
    shown_by = facts.SHOWN_BY.get(before.cause)
    form.evidence.data = [one.key for one in before.evidence if one.kind == shown_by][:2]
    form.invoice.data = []
    return form


def _reason(form: HoldForm, language: str) -> str:
    """What the debtor reads, in his language."""
    text = HOLD_REASONS.get(form.cause.data)
    if text is None:
        return str(form.reason.data or "")
    with force_locale(language):
        return str(gettext(text))


def _follows(database: Session, before: Before, form: HoldForm, release: Money) -> Follows:
    account, now = before.account, web.now()
    reason = _reason(form, account.language)
    if not before.told or not reason:
        return Follows(reason, release, None)
    values = credit_hold_letters.said_of(
        reason, release, since_on=business_date(now, account.zone), plan_releases=form.plan.data,
        prepaid_allowed=form.prepaid.data,
    )  # fmt: skip
    letter = letters.preview(
        database, account, "credit_hold_placed", values, name=before.told[0].name, now=now
    )
    return Follows(reason, release, web.house().presenter.render_message(letter))


@blueprint.post("/accounts/<ref>/hold")
@web.needs(P.CREDIT_HOLD_PLACE)
def place_hold(ref: str) -> Response:
    """Show what follows from the form; place the hold when it is what was shown."""
    form, actor = HoldForm(), web.staff_actor()
    sound = form.validate() and _is_currency(form.currency.data)
    if sound and form.cause.data == HoldCause.OTHER.value and not form.reason.data:
        form.reason.errors, sound = ["empty"], False
    with web.house().store.read() as database:
        row = desk_accounts.account_row(database, ref)
        code = form.currency.data if _is_currency(form.currency.data or "") else ""
        before = facts.before(database, actor, row, code, now=web.now()) if code else None
        release = form.money(actor_language(), before) if sound and before else None
    if release is None or before is None:
        return _ask_hold(ref, form, form.currency.data or "", 422)
    if form.shown.data != form.as_typed():
        return _ask_hold(ref, form, release.currency)
    terms = _terms(form, before)
    try:
        web.house().store.run(
            lambda s: credit_holds.place(
                s, actor, desk_accounts.account_row(s, ref), _reason(form, before.account.language), release,
                terms=terms, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        getattr(form, FIELDS.get(error.code, "reason")).errors = [error.code]
        return _ask_hold(ref, form, release.currency, 409)
    return done("hold_placed", "backoffice.ask_hold", values={"ref": ref}, minor=release.minor,
                currency=release.currency)  # fmt: skip


def _terms(form: HoldForm, before: Before) -> HoldTerms:
    chosen = set(form.evidence.data or ())
    terms = HoldTerms(
        cause=HoldCause(form.cause.data),
        plan_releases=form.plan.data,
        prepaid_allowed=form.prepaid.data,
        evidence=[one.kept() for one in before.evidence if one.key in chosen],
        note=form.note.data or "",
        review_on=form.review_on.data,
    )
    return replace(terms, invoices=tuple(form.invoice.data)) if form.by.data == "invoices" else terms


def _is_currency(code: str | None) -> bool:
    try:
        currency_row(code or "")
    except UnknownCurrency:
        return False
    return True


@blueprint.post("/accounts/<ref>/hold/announce")
@web.needs(P.CREDIT_HOLD_PLACE)
def announce_hold(ref: str) -> Response:
    """Tell the salesperson that a hold is about to be placed."""
    actor = web.staff_actor()
    try:
        on = web.house().store.run(
            lambda s: credit_holds.announce(s, actor, desk_accounts.account_row(s, ref), now=web.now())
        )
    except Refused as error:
        return _ask_hold(ref, None, "", 409, refused=error.code)
    return done("hold_announced", "backoffice.ask_hold", values={"ref": ref}, on=on.isoformat())


@blueprint.post("/accounts/<ref>/hold/undo")
@web.needs(P.CREDIT_HOLD_PLACE)
def undo_hold(ref: str) -> Response:
    """Take back a hold before anybody outside was told."""
    actor = web.staff_actor()
    try:
        web.house().store.run(
            lambda s: credit_holds.undo(s, actor, desk_accounts.account_row(s, ref), now=web.now())
        )
    except Refused as error:
        return _ask_hold(ref, None, "", 409, refused=error.code)
    return done("hold_undone", "backoffice.account", values={"ref": ref})


@blueprint.post("/accounts/<ref>/hold/review")
@web.needs(P.CREDIT_HOLD_PLACE)
def review_hold(ref: str) -> Response:
    """Let it stand and name the next day on which somebody looks at it."""
    form, actor = ReviewForm(), web.staff_actor()
    if not form.validate():
        return _ask_hold(ref, None, "", 422, review=form)
    try:
        web.house().store.run(
            lambda s: credit_holds.put_off(
                s, actor, desk_accounts.account_row(s, ref), form.review_on.data, note=form.found.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        getattr(form, "found" if error.code == "reason_missing" else "review_on").errors = [error.code]
        return _ask_hold(ref, None, "", 409, review=form)
    return done("hold_reviewed", "backoffice.ask_hold", values={"ref": ref})


@blueprint.post("/accounts/<ref>/hold/release")
@web.needs(P.CREDIT_HOLD_PLACE)
def release_hold(ref: str) -> Response:
    """Ask a second person to end it before what was asked for has come."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _ask_hold(ref, None, "", 422, ending=form)
    try:
        web.house().store.run(
            lambda s: credit_holds.ask_release(
                s, actor, desk_accounts.account_row(s, ref), reason=form.reason.data, now=web.now()
            )
        )
    except Refused as error:
        form.reason.errors = [error.code]
        return _ask_hold(ref, None, "", 409, ending=form)
    return done("hold_release_asked", "backoffice.ask_hold", values={"ref": ref})
