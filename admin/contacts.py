"""A contact at the desk: confirmed by a second person, and whether he may sign for the business."""

from __future__ import annotations

from flask import Response
from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import AnyOf

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from receivables.errors import Refused
from receivables.people import vouching
from receivables.permissions import Permission

P = Permission
HERE = "books_accounts.index_view"


class SignatoryForm(FlaskForm):  # type: ignore[misc]
    """Whether a contact may sign for the business."""

    may_commit = HiddenField(validators=[AnyOf(("yes", "no"), message="empty")])


@blueprint.get("/contacts/<ref>")
@web.needs(P.CONTACT_CONFIRM)
def contact(ref: str) -> Response:
    """Who put a contact there and when, and what a second person may say of him."""
    return _page(ref)


@blueprint.post("/contacts/<ref>/confirm")
@web.needs(P.CONTACT_CONFIRM)
def confirm_contact(ref: str) -> Response:
    """Confirm as a second person that a contact is the debtor's: codes may go to him (decision 6)."""
    form, actor = ReasonForm(), web.staff_actor()
    if not form.validate():
        return _page(ref, 422, form)
    try:
        web.house().store.run(
            lambda s: vouching.confirm_by_second(s, actor, ref, reason=form.reason.data, now=web.now())
        )
    except Refused as error:
        return _page(ref, 409, form, error.code)
    return done("contact_confirmed", "backoffice.contact", values={"ref": ref})


@blueprint.post("/contacts/<ref>/signatory")
@web.needs(P.CONTACT_MARK_SIGNATORY)
def mark_contact(ref: str) -> Response:
    """Say whether a contact may sign for the business (docs/decisions/012)."""
    form, actor = SignatoryForm(), web.staff_actor()
    if not form.validate():
        return _page(ref, 422, refused="empty")
    may_commit = form.may_commit.data == "yes"
    try:
        web.house().store.run(
            lambda s: vouching.mark_signatory(s, actor, ref, may_commit=may_commit, now=web.now())
        )
    except Refused as error:
        return _page(ref, 409, refused=error.code)
    code = "signatory_marked" if may_commit else "signatory_unmarked"
    return done(code, "backoffice.contact", values={"ref": ref})


def _page(
    ref: str, status: int = 200, form: ReasonForm | None = None, refused: str | None = None
) -> Response:
    with web.house().store.read() as database:
        view = vouching.vouched(database, web.staff_actor(), ref, now=web.now())
    note_read(view.account_id)
    return page("backoffice/contact.html", status, here=HERE, zone=view.zone, view=view,
                form=form or ReasonForm(formdata=None), refused=refused)  # fmt: skip
