"""What waits for a second person; offers and plans as cases, and the form for an offer of ours.

The proposer finds no buttons here, and the actions refuse him and whoever is beyond his limit
(A-02, A-03); every answer carries the digest of the case that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import Response, request
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

import web
from admin.forms import DECIMAL_MARKS
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.money import AmountUnreadable, Money, UnknownCurrency, currency_row, parse_typed
from receivables.approvals import deputies, queue
from receivables.arrangements import approvals, offer_deciding, offer_making, offer_reads, plan_deciding
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.texts import plain

P = Permission
#: The field that each refusal is about; all others are about the reason.
FIELDS = {
    **dict.fromkeys(
        (
            "amount_zero", "amount_negative", "amount_is_all", "amount_above_balance",
            "amount_below_minimum", "amount_off_step", "beyond_every_limit", "other_currency",
        ),
        "amount",
    ),
    **dict.fromkeys(("day_past", "day_too_late", "first_too_early", "first_too_late"), "day"),
    **dict.fromkeys(("above_limit", "parts_few", "parts_many", "part_too_small"), "parts"),
}  # fmt: skip


def tidy(text: str | None) -> str:
    """A typed text without the signs that play tricks."""
    return plain(text or "").strip()


def _words(most: int, *, needed: bool = True) -> TextAreaField:
    asked = [DataRequired("empty")] if needed else []
    return TextAreaField(filters=[tidy], validators=[*asked, Length(max=most, message="too_long")])


def _line(*more: Any) -> StringField:
    return StringField(
        filters=[tidy], validators=[DataRequired("empty"), Length(max=64, message="too_long"), *more]
    )


def day_or_error(field: StringField) -> date | None:
    """The typed day, or None with an error at its field."""
    try:
        return date.fromisoformat(field.data or "")
    except ValueError:
        field.errors = ["day_unreadable"]
        return None


class _WithDay(FlaskForm):  # type: ignore[misc]
    def day_of(self) -> date | None:
        """The typed day, or None with an error at its field."""
        return day_or_error(self.day)


class DecideForm(FlaskForm):  # type: ignore[misc]
    """Yes to the case that was read."""

    digest = HiddenField(validators=[DataRequired("empty")])


class RefuseForm(DecideForm):
    """No, with the reason that the debtor reads where he waits for it."""

    reason = _words(500)


class AmountForm(FlaskForm):  # type: ignore[misc]
    """A sum, and why."""

    amount = _line()
    reason = _words(2000)

    def money(self, currency: str) -> Money | None:
        """The typed amount, or None with an error at its field."""
        try:
            return parse_typed(self.amount.data, currency, decimal_mark=DECIMAL_MARKS[actor_language()])
        except AmountUnreadable as error:
            self.amount.errors = [error.reason]
            return None


class OfferForm(AmountForm, _WithDay):
    """An offer of ours: a sum, the last day, and why."""

    day = _line()


class CounterForm(OfferForm):
    """Another offer in answer to the one that waits."""

    digest = HiddenField(validators=[DataRequired("empty")])


class ProposeForm(OfferForm):
    """An offer for invoices of an account, all of one currency."""

    currency = HiddenField(validators=[DataRequired("empty")])


class PlanForm(_WithDay):
    """Other terms for a plan that waits."""

    parts = IntegerField(validators=[InputRequired("empty"), NumberRange(1, 120, "not_a_number")])
    day = _line()
    reason = _words(2000)
    digest = HiddenField(validators=[DataRequired("empty")])


def proved_at() -> datetime | None:
    """When the person last gave password and code in this session."""
    return current_user.holder.fresh_at if current_user.is_authenticated else None


def ask_again(error: Refused) -> None:
    """Lead who decides alone to the page that asks for password and code; else nothing."""
    if error.code == "alone_unproved":
        web.require_fresh("alone")


# --------------------------------------------------------------------------- the list


@blueprint.get("/approvals")
@web.needs(P.APPROVAL_READ)
def approvals_list() -> Response:
    """What waits, longest first, who stands in for whom, and what was decided last."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = queue.rows(database, actor, now=web.now())
        decided = queue.decided(database, actor)
        standing = deputies.standing(database, actor, now=web.now())
    note_read(None)
    return page("backoffice/approvals.html", rows=rows, decided=decided, deputies=standing)


# --------------------------------------------------------------------------- offers


@blueprint.get("/approvals/offers/<ref>")
@web.needs(P.APPROVAL_READ)
def offer_case(ref: str) -> Response:
    """One offer with everything that its decider needs."""
    return _offer_case(ref)


def _offer_case(
    ref: str,
    status: int = 200,
    *,
    refusing: RefuseForm | None = None,
    countering: CounterForm | None = None,
    refused: str | None = None,
) -> Response:
    with web.house().store.read() as database:
        case = approvals.offer_case(database, web.staff_actor(), ref, now=web.now())
        rows = queue.rows(database, web.staff_actor(), now=web.now())
    note_read(case.account_id)
    return page(
        "backoffice/approval_offer.html", status, here="backoffice.approvals_list", zone=case.zone, case=case,
        rows=rows,
        refusing=refusing or RefuseForm(formdata=None, prefix="r"),
        countering=countering or CounterForm(formdata=None, prefix="c"), refused=refused,
    )  # fmt: skip


@blueprint.post("/approvals/offers/<ref>/approve")
@web.needs(P.APPROVAL_DECIDE)
def approve_offer(ref: str) -> Response:
    """Approve the offer that was read; the debtor is written to."""
    form, actor = DecideForm(), web.staff_actor()
    if not form.validate():
        return _offer_case(ref, 422)
    return _decide_offer(
        ref, "offer_approved",
        lambda s: offer_deciding.approve(
            s, actor, ref, digest=form.digest.data, proved_at=proved_at(), now=web.now()
        ),
    )  # fmt: skip


@blueprint.post("/approvals/offers/<ref>/refuse")
@web.needs(P.APPROVAL_DECIDE)
def refuse_offer(ref: str) -> Response:
    """Refuse with a reason."""
    form, actor = RefuseForm(prefix="r"), web.staff_actor()
    if not form.validate():
        return _offer_case(ref, 422, refusing=form)
    return _decide_offer(
        ref, "offer_refused",
        lambda s: offer_deciding.refuse(
            s, actor, ref, digest=form.digest.data, reason=form.reason.data, now=web.now()
        ),
    )  # fmt: skip


@blueprint.post("/approvals/offers/<ref>/counter")
@web.needs(P.APPROVAL_DECIDE)
def counter_offer(ref: str) -> Response:
    """Answer with another offer, which takes the place of this one."""
    form, actor = CounterForm(prefix="c"), web.staff_actor()
    with web.house().store.read() as database:
        currency = approvals.offer_case(database, actor, ref, now=web.now()).currency
    amount, day = (form.money(currency), form.day_of()) if form.validate() else (None, None)
    if amount is None or day is None:
        return _offer_case(ref, 422, countering=form)
    try:
        made = web.house().store.run(
            lambda s: offer_deciding.answer_with(
                s, actor, ref, digest=form.digest.data, amount=amount, pay_by_on=day, reason=form.reason.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        _at_field(form, error)
        return _offer_case(ref, 409, countering=form, refused=error.code)
    return _offered(made.status.value, "backoffice.approvals_list", {})


@blueprint.post("/approvals/offers/<ref>/withdraw")
@web.needs(P.OFFER_MAKE)
def withdraw_offer(ref: str) -> Response:
    """Take an offer of ours back before it is accepted."""
    actor = web.staff_actor()
    return _decide_offer(
        ref, "offer_withdrawn", lambda s: offer_deciding.withdraw(s, actor, ref, now=web.now())
    )


def _decide_offer(ref: str, code: str, act: Callable[[Session], object]) -> Response:
    try:
        web.house().store.run(act)
    except Refused as error:
        ask_again(error)
        return _offer_case(ref, 409, refused=error.code)
    return done(code, "backoffice.approvals_list")


def _offered(status: str, endpoint: str, values: dict[str, str]) -> Response:
    return done("offer_made" if status == "open" else "offer_waits", endpoint, values=values)


def _at_field(form: FlaskForm, error: Refused) -> None:
    field = getattr(form, FIELDS.get(error.code, "reason"), form.reason)
    field.errors = [error.code]


# --------------------------------------------------------------------------- plans


@blueprint.get("/approvals/plans/<ref>")
@web.needs(P.APPROVAL_READ)
def plan_case(ref: str) -> Response:
    """One plan that the debtor asked for."""
    return _plan_case(ref)


def _plan_case(
    ref: str,
    status: int = 200,
    *,
    refusing: RefuseForm | None = None,
    countering: PlanForm | None = None,
    refused: str | None = None,
) -> Response:
    with web.house().store.read() as database:
        case = approvals.plan_case(database, web.staff_actor(), ref, now=web.now())
        rows = queue.rows(database, web.staff_actor(), now=web.now())
    note_read(case.account_id)
    return page(
        "backoffice/approval_plan.html", status, here="backoffice.approvals_list", zone=case.zone, case=case,
        rows=rows,
        refusing=refusing or RefuseForm(formdata=None, prefix="r"),
        countering=countering or PlanForm(formdata=None, prefix="c"), refused=refused,
    )  # fmt: skip


@blueprint.post("/approvals/plans/<ref>/approve")
@web.needs(P.APPROVAL_DECIDE)
def approve_plan(ref: str) -> Response:
    """Approve the plan that was read; it is signed and becomes active."""
    form, actor = DecideForm(), web.staff_actor()
    if not form.validate():
        return _plan_case(ref, 422)
    return _decide_plan(
        ref,
        "plan_approved",
        lambda s: plan_deciding.approve(
            s, actor, ref, digest=form.digest.data, proved_at=proved_at(), now=web.now()
        ),
    )


@blueprint.post("/approvals/plans/<ref>/refuse")
@web.needs(P.APPROVAL_DECIDE)
def refuse_plan(ref: str) -> Response:
    """Refuse with a reason that the debtor reads."""
    form, actor = RefuseForm(prefix="r"), web.staff_actor()
    if not form.validate():
        return _plan_case(ref, 422, refusing=form)
    return _decide_plan(
        ref, "plan_refused",
        lambda s: plan_deciding.refuse(
            s, actor, ref, digest=form.digest.data, reason=form.reason.data, now=web.now()
        ),
    )  # fmt: skip


@blueprint.post("/approvals/plans/<ref>/counter")
@web.needs(P.APPROVAL_DECIDE)
def counter_plan(ref: str) -> Response:
    """Name other terms, for the debtor to sign."""
    form, actor = PlanForm(prefix="c"), web.staff_actor()
    day = form.day_of() if form.validate() else None
    if day is None:
        return _plan_case(ref, 422, countering=form)
    try:
        web.house().store.run(
            lambda s: plan_deciding.counter(
                s, actor, ref, digest=form.digest.data, parts=form.parts.data, first_on=day,
                reason=form.reason.data, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        _at_field(form, error)
        return _plan_case(ref, 409, countering=form, refused=error.code)
    return done("plan_countered", "backoffice.approvals_list")


def _decide_plan(ref: str, code: str, act: Callable[[Session], object]) -> Response:
    try:
        web.house().store.run(act)
    except Refused as error:
        ask_again(error)
        return _plan_case(ref, 409, refused=error.code)
    return done(code, "backoffice.approvals_list")


# --------------------------------------------------------------------------- an offer of ours


@blueprint.get("/accounts/<ref>/offer")
@web.needs(P.OFFER_MAKE)
def ask_offer(ref: str) -> Response:
    """The form for an offer, with what the rules give and who would decide beside it."""
    return _ask_offer(ref, ProposeForm(formdata=None), request.args.get("currency", ""))


def _ask_offer(
    ref: str, form: ProposeForm, currency: str, status: int = 200, *, chosen: list[str] | None = None
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        about = offer_reads.for_proposal(database, actor, ref, now=web.now())
        past = approvals.history(database, who.id)
    note_read(who.id)
    found = next((group for group in about if currency in ("", group.currency)), None)
    return page(
        "backoffice/offer.html", status, here="books_accounts.index_view", zone=who.zone, who=who, form=form,
        about=about, found=found, history=past,
        chosen=chosen if chosen is not None else [row.ref for row in found.rows] if found else [],
    )  # fmt: skip


@blueprint.post("/accounts/<ref>/offer")
@web.needs(P.OFFER_MAKE)
def make_offer(ref: str) -> Response:
    """Make the offer: open at once within the limits, else for a second person."""
    form, actor = ProposeForm(), web.staff_actor()
    chosen, currency = request.form.getlist("invoice"), form.currency.data or ""
    amount, day = (None, None)
    if form.validate() and _is_currency(currency):
        amount, day = form.money(currency), form.day_of()
    if amount is None or day is None:
        return _ask_offer(ref, form, currency, 422, chosen=chosen)
    try:
        made = web.house().store.run(
            lambda s: offer_making.propose(
                s, actor, ref, invoice_refs=chosen, amount=amount, pay_by_on=day, reason=form.reason.data,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        _at_field(form, error)
        return _ask_offer(ref, form, currency, 409, chosen=chosen)
    return _offered(made.status.value, "backoffice.account", {"ref": ref})


def _is_currency(code: str) -> bool:
    try:
        currency_row(code)
    except UnknownCurrency:
        return False
    return True
