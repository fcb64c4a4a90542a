"""Plans at the desk: parts due, at risk, broken; one put forward for the debtor to sign, one cancelled."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from wtforms import HiddenField, IntegerField, StringField
from wtforms.validators import AnyOf, DataRequired, InputRequired, Length, NumberRange

import web
from admin.forms import ReasonForm
from admin.promises import narrowed
from admin.shell import blueprint, done, note_read, page
from models.arrangements import Every
from models.money import Money
from models.states import PlanStatus
from receivables.arrangements import plan_desk, plan_ends, plan_proposing
from receivables.arrangements.plan_terms import Draft, Managed, Wish
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.ladder import what_ifs
from receivables.permissions import Permission

P = Permission
HERE = "backoffice.plans_desk"
#: The field that each refusal is about; the reason has its own, all others are about the documents.
FIELDS = {
    **dict.fromkeys(
        ("plan_parts_few", "plan_parts_many", "plan_part_too_small", "plan_part_too_large"), "parts"
    ),
    **dict.fromkeys(("plan_date_past", "plan_date_far"), "day"),
    **dict.fromkeys(("reason_missing", "words_too_long"), "reason"),
}


@blueprint.get("/plans")
@web.needs(P.ARRANGEMENT_READ)
def plans_desk() -> Response:
    """Plans of one kind with their sums."""
    show, mine, currency, first = narrowed(plan_desk.Show)
    with web.house().store.read() as database:
        found = plan_desk.plans(
            database, web.staff_actor(), show=show, collector_id=mine, currency=currency, first=first,
            now=web.now(),
        )  # fmt: skip
    note_read(None)
    return page(
        "backoffice/plans.html", found=found, show=show, shows=list(plan_desk.Show), mine=mine,
        currency=currency, first=first, size=plan_desk.PAGE, rules=web.policy().at_risk,
    )  # fmt: skip


# --------------------------------------------------------------------------- one is put forward


class PlanForm(ReasonForm):
    """Parts, first day, rhythm and why. `shown` is what the list of dates was last made for."""

    parts = IntegerField(validators=[InputRequired("empty"), NumberRange(1, 120, "not_a_number")])
    day = StringField(validators=[DataRequired("empty"), Length(max=10, message="day_unreadable")])
    every = StringField(validators=[AnyOf([every.value for every in Every], "every_unknown")])
    currency = HiddenField(validators=[DataRequired("empty"), Length(max=3)])
    replaces = HiddenField(validators=[Length(max=24)])
    #: What they can manage a month, in minor units, as the call page passed it on.
    month = HiddenField(filters=[lambda text: text if text and text.isascii() and text.isdigit() else ""],
                        validators=[Length(max=12)])  # fmt: skip
    shown = HiddenField()

    def wish(self) -> Wish | None:
        """What is typed, or None with an error at the day."""
        try:
            return Wish(self.parts.data, date.fromisoformat(self.day.data), Every(self.every.data))
        except ValueError:
            self.day.errors = ["day_unreadable"]
            return None

    def as_typed(self, chosen: list[str]) -> str:
        """One name for all that is typed: equal to `shown` when nothing changed since."""
        typed = [self.parts.data, self.day.data, self.every.data, self.currency.data, self.replaces.data]
        return sha256("\0".join(str(part) for part in [*typed, *sorted(chosen)]).encode()).hexdigest()


@blueprint.get("/accounts/<ref>/plan")
@web.needs(P.PLAN_MAKE)
def ask_plan(ref: str) -> Response:
    """The form for a plan of ours, with what the rules give and who would decide beyond them."""
    form = PlanForm(formdata=None)
    form.replaces.data = request.args.get("replaces", "")[:24]
    month = request.args.get("month", "")
    form.month.data = month if month.isascii() and month.isdigit() and len(month) <= 12 else ""
    return _ask(ref, form, request.args.get("currency", "")[:3])


def _ask(
    ref: str,
    form: PlanForm,
    currency: str,
    status: int = 200,
    *,
    chosen: list[str] | None = None,
    seen: Draft | None = None,
    refused: str | None = None,
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        account = desk_accounts.account_row(database, ref)
        try:
            about = plan_proposing.about(
                database, actor, account, currency=currency or None, refs=chosen or (),
                replaces=form.replaces.data or None, now=web.now(),
            )  # fmt: skip
        except Refused as error:
            about, refused = None, refused or error.code
    note_read(who.id)
    managed = None
    if about is not None:
        managed = _managed(form, about)
        _usual(form, about)
    return page(
        "backoffice/plan.html", status, here="books_accounts.index_view", zone=who.zone, who=who, form=form,
        about=about, managed=managed, seen=seen, refused=refused, kinds=list(Every),
        open_days=web.policy().plans.draft_days,
    )  # fmt: skip


def _managed(form: PlanForm, about: plan_proposing.About) -> Managed | None:
    """What the amount a month comes to, filled into an empty form; None where nobody said one."""
    if not int(form.month.data or 0):
        return None
    managed = plan_proposing.managed(about, Money(int(form.month.data), about.currency))
    if form.parts.data is None and not form.is_submitted():
        first_on = about.usual[0].wish.first_on if about.usual else about.band.first_to_on
        form.parts.data, form.day.data = managed.parts, first_on.isoformat()
        form.every.data = Every.MONTH.value
    return managed


def _usual(form: PlanForm, about: plan_proposing.About) -> None:
    """Fill an empty form with the ready choice in the middle."""
    form.currency.data = about.currency
    if form.parts.data is None and about.usual and not form.is_submitted():
        usual = about.usual[len(about.usual) // 2]
        form.parts.data, form.day.data = len(usual.parts), usual.wish.first_on.isoformat()
        form.every.data = usual.wish.every.value


@blueprint.post("/accounts/<ref>/plan")
@web.needs(P.PLAN_MAKE)
def make_plan(ref: str) -> Response:
    """Show every day and amount; put the plan forward once those were read."""
    form, actor = PlanForm(), web.staff_actor()
    chosen, currency = request.form.getlist("invoice"), form.currency.data or ""
    wish = form.wish() if form.validate() else None
    if wish is None:
        return _ask(ref, form, currency, 422, chosen=chosen)
    terms: dict[str, Any] = {
        "currency": currency, "refs": chosen, "wish": wish, "replaces": form.replaces.data or None,
    }  # fmt: skip

    def unit(session: Session) -> PlanStatus:
        account = desk_accounts.account_row(session, ref)
        return plan_proposing.propose(
            session, actor, account, reason=form.reason.data, now=web.now(), **terms
        ).status

    try:
        if form.shown.data != form.as_typed(chosen):
            with web.house().store.read() as database:
                account = desk_accounts.account_row(database, ref)
                seen = plan_proposing.preview(database, actor, account, now=web.now(), **terms)
            form.shown.data = form.as_typed(chosen)
            return _ask(ref, form, currency, chosen=chosen, seen=seen)
        status = web.house().store.run(unit)
    except Refused as error:
        field = FIELDS.get(error.code)
        if field is not None:
            getattr(form, field).errors = [error.code]
        return _ask(ref, form, currency, 409, chosen=chosen, refused=None if field else error.code)
    code = "plan_sent" if status is PlanStatus.PROPOSED else "plan_waits"
    return done(code, "backoffice.account", values={"ref": ref})


# --------------------------------------------------------------------------- one is cancelled


@blueprint.get("/plans/<ref>/cancel")
@web.needs(P.PLAN_CANCEL)
def ask_cancel_plan(ref: str) -> Response:
    """What follows if the plan is cancelled: what is asked for again, what the ladder does, who is told."""
    return _cancel(ref, ReasonForm(formdata=None))


def _cancel(ref: str, form: ReasonForm, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        ending = plan_desk.ending(database, actor, ref, now=web.now())
        who = desk_accounts.head(database, actor, ending.account_ref)
        ahead = what_ifs.without_plan(
            database, actor, who.id, {row.ref: row.asked.minor for row in ending.freed}, now=web.now()
        )  # fmt: skip
    note_read(who.id)
    return page("backoffice/plan_cancel.html", status, here=HERE, zone=who.zone, who=who, ending=ending,
                form=form, ahead=ahead)  # fmt: skip


@blueprint.post("/plans/<ref>/cancel")
@web.needs(P.PLAN_CANCEL)
def cancel_plan(ref: str) -> Response:
    """Cancel a plan with the reason that the debtor reads."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _cancel(ref, form, 422)
    web.house().store.run(lambda s: plan_ends.cancel(s, actor, ref, reason=form.reason.data, now=web.now()))
    return done("plan_cancelled", HERE)
