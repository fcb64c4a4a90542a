"""One document with everything that adds up to its balance, and the credit note form."""

from __future__ import annotations

from flask import Response
from flask_login import current_user

import web
from admin.forms import CreditNoteForm
from admin.shell import blueprint, done, note_read, page
from models.money import Money
from receivables import credit_notes, invoices
from receivables.desk import accounts as desk_accounts
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission
HERE = "books_invoices.index_view"
#: The field that each refusal of a credit note is about.
FIELDS = {"amount_above_balance": "amount", "amount_zero": "amount", "number_taken": "number"}


@blueprint.get("/invoices/<ref>")
@web.needs(P.INVOICE_READ)
def invoice(ref: str) -> Response:
    """One document, its lines and what reduced it."""
    actor = web.staff_actor()
    with web.house().store.read() as database:
        owner = desk_accounts.invoice_owner(database, actor, ref)
        view = invoices.document(database, actor, ref, now=web.now())
    note_read(owner.account_id)
    return page("backoffice/invoice.html", here=HERE, zone=owner.zone, owner=owner, view=view)


@blueprint.get("/invoices/<ref>/credit")
@web.needs(P.CREDIT_NOTE_RECORD)
def ask_credit(ref: str) -> Response:
    """The form for a credit note, with what will follow beside it."""
    return _ask(ref, CreditNoteForm(formdata=None), None)


def _ask(ref: str, form: CreditNoteForm, amount: Money | None, status: int = 200) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        owner = desk_accounts.invoice_owner(database, actor, ref)
        view = invoices.document(database, actor, ref, now=web.now())
    note_read(owner.account_id)
    form.shown.data = form.as_typed() if amount else ""
    return page("backoffice/credit.html", status, here=HERE, zone=owner.zone, owner=owner, view=view,
                form=form, amount=amount)  # fmt: skip


@blueprint.post("/invoices/<ref>/credit")
@web.needs(P.CREDIT_NOTE_RECORD)
def credit(ref: str) -> Response:
    """Show what follows from the typed values; record when they are the ones that were shown."""
    form, actor = CreditNoteForm(), web.staff_actor()
    with web.house().store.read() as database:
        row = invoices.document(database, actor, ref, now=web.now()).row
    amount = form.money(row.currency, actor_language()) if form.validate() else None
    if amount is None:
        return _ask(ref, form, None, 422)
    if form.shown.data != form.as_typed():
        return _ask(ref, form, amount)
    try:
        note = web.house().store.run(
            lambda s: credit_notes.record_credit_note(
                s, actor, ref, number=form.number.data, amount=amount, reason=form.reason.data, now=web.now()
            )
        )
    except Refused as error:
        field = getattr(form, FIELDS.get(error.code, "reason"))
        field.errors = [error.code]
        return _ask(ref, form, None, 409)
    return done("credit_note_recorded", "backoffice.invoice", values={"ref": ref}, number=note.number,
                minor=amount.minor, currency=amount.currency)  # fmt: skip


def actor_language() -> str:
    """The language whose decimal mark the person at the desk writes."""
    return str(current_user.holder.language)
