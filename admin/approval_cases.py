"""Requests that wait for a second person: the case on one page, the answers, and who stands in for whom.

The proposer finds no buttons here, and the actions refuse him and whoever is beyond his limit (A-02, A-03);
every answer carries the digest of the case that was read.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

import web
from admin.approvals import AmountForm, DecideForm, RefuseForm, ask_again, day_or_error, proved_at
from admin.shell import blueprint, done, note_read, page
from models.approvals import ApprovalKind
from receivables.approvals import deciding, deputies, queue
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission
HERE = "backoffice.approvals_list"
#: The field of the form for another sum that each refusal is about.
FIELDS = dict.fromkeys(("amount_zero", "amount_above_asked", "other_currency"), "amount")
#: Kinds that ask for password and code again before they are approved (A-05).
FRESH = {ApprovalKind.REFUND: "refund"}


class SumForm(AmountForm):
    """Another sum in answer to the one that was asked for."""

    digest = HiddenField(validators=[DataRequired("empty")])


class DeputyForm(FlaskForm):  # type: ignore[misc]
    """Who stands in for whom, from and to."""

    person = StringField(validators=[DataRequired("empty"), Length(max=24, message="too_long")])
    deputy = StringField(validators=[DataRequired("empty"), Length(max=24, message="too_long")])
    from_on = StringField(validators=[DataRequired("empty")])
    to_on = StringField(validators=[DataRequired("empty")])


# --------------------------------------------------------------------------- one case


@blueprint.get("/approvals/requests/<ref>")
@web.needs(P.APPROVAL_READ)
def approval_case(ref: str) -> Response:
    """One request with everything that its decider needs."""
    return _case(ref)


def _case(
    ref: str,
    status: int = 200,
    *,
    refusing: RefuseForm | None = None,
    countering: SumForm | None = None,
    refused: str | None = None,
) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        case = queue.case(database, actor, ref, now=web.now())
        rows = queue.rows(database, actor, now=web.now())
    note_read(case.account_id)
    bar = queue.places(case.marks, case.amount) if case.amount is not None else None
    return page(
        "backoffice/approval_request.html", status, here=HERE, zone=case.zone, case=case, rows=rows, bar=bar,
        refusing=refusing or RefuseForm(formdata=None, prefix="r"),
        countering=countering or SumForm(formdata=None, prefix="c"), refused=refused,
    )  # fmt: skip


@blueprint.post("/approvals/requests/<ref>/approve")
@web.needs(P.APPROVAL_DECIDE)
def approve_request(ref: str) -> Response:
    """Approve the case that was read; what it asked for is done."""
    form, actor = DecideForm(), web.staff_actor()
    if not form.validate():
        return _case(ref, 422)
    with web.house().store.read() as database:
        case = queue.case(database, actor, ref, now=web.now())
    if case.may_decide and not case.own and case.kind in FRESH:
        web.require_fresh(FRESH[case.kind])
    return _decide(
        ref, "request_approved",
        lambda s: deciding.approve(
            s, actor, ref, digest=form.digest.data, proved_at=proved_at(), now=web.now()
        ),
    )  # fmt: skip


@blueprint.post("/approvals/requests/<ref>/refuse")
@web.needs(P.APPROVAL_DECIDE)
def refuse_asked(ref: str) -> Response:
    """Refuse with a reason that the proposer reads."""
    form, actor = RefuseForm(prefix="r"), web.staff_actor()
    if not form.validate():
        return _case(ref, 422, refusing=form)
    return _decide(
        ref, "request_refused",
        lambda s: deciding.refuse(
            s, actor, ref, digest=form.digest.data, reason=form.reason.data, now=web.now()
        ),
    )  # fmt: skip


@blueprint.post("/approvals/requests/<ref>/counter")
@web.needs(P.APPROVAL_DECIDE)
def counter_asked(ref: str) -> Response:
    """Answer with another sum, for who asked first to approve."""
    form, actor = SumForm(prefix="c"), web.staff_actor()
    with web.house().store.read() as database:
        asked = queue.case(database, actor, ref, now=web.now()).amount
    amount = form.money(asked.currency) if asked is not None and form.validate() else None
    if amount is None:
        return _case(ref, 422, countering=form)
    try:
        made = web.house().store.run(
            lambda s: (
                deciding.answer_with(
                    s,
                    actor,
                    ref,
                    digest=form.digest.data,
                    amount=amount,
                    reason=form.reason.data,
                    now=web.now(),
                ).ref
            )
        )
    except Refused as error:
        field = getattr(form, FIELDS.get(error.code, "reason"))
        field.errors = [error.code]
        return _case(ref, 409, countering=form, refused=error.code)
    return done("request_countered", "backoffice.approval_case", values={"ref": made})


@blueprint.post("/approvals/requests/<ref>/withdraw")
@web.needs(P.APPROVAL_ASK)
def withdraw_asked(ref: str) -> Response:
    """Take back what one asked for."""
    actor = web.staff_actor()
    return _decide(ref, "request_withdrawn", lambda s: deciding.withdraw(s, actor, ref, now=web.now()))


def _decide(ref: str, code: str, act: Callable[[Session], object]) -> Response:
    try:
        web.house().store.run(act)
    except Refused as error:
        ask_again(error)
        return _case(ref, 409, refused=error.code)
    return done(code, HERE)


# --------------------------------------------------------------------------- deputies


@blueprint.get("/approvals/deputies")
@web.needs(P.DEPUTY_NAME)
def deputies_list() -> Response:
    """Who stands in for whom, and the form to name one."""
    return _deputies(DeputyForm(formdata=None))


def _deputies(form: DeputyForm, status: int = 200, refused: str | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = deputies.standing(database, actor, now=web.now())
        people = deputies.people(database, actor)
    note_read(None)
    return page(
        "backoffice/approval_deputies.html", status, here=HERE, rows=rows, people=people, form=form,
        refused=refused, own_ref=current_user.holder.ref,
    )  # fmt: skip


@blueprint.post("/approvals/deputies")
@web.needs(P.DEPUTY_NAME)
def name_deputy() -> Response:
    """Let somebody decide in another's stead for some days."""
    form, actor = DeputyForm(), web.staff_actor()
    valid = form.validate()
    first, last = day_or_error(form.from_on), day_or_error(form.to_on)
    if not valid or first is None or last is None:
        return _deputies(form, 422)
    try:
        web.house().store.run(
            lambda s: deputies.name(
                s, actor, for_ref=form.person.data, deputy_ref=form.deputy.data, from_on=first, to_on=last,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _deputies(form, 409, error.code)
    return done("deputy_named", "backoffice.deputies_list")


@blueprint.post("/approvals/deputies/<ref>/end")
@web.needs(P.DEPUTY_NAME)
def end_deputy(ref: str) -> Response:
    """End a deputyship before its last day."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: deputies.end(s, actor, ref, now=web.now()))
    return done("deputy_ended", "backoffice.deputies_list")
