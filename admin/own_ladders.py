"""Which ladder one account climbs, or one of its documents, by a person's own choice."""

from __future__ import annotations

from flask import Response
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import StringField

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from models.accounts import Account
from models.invoices import Invoice
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.ladder import own_ladders, publishing
from receivables.ladder.choosing import chosen, ladders_in_force
from receivables.permissions import Permission
from receivables.policy import current_policy

P = Permission
ACCOUNTS = "books_accounts.index_view"


class OwnLadderForm(ReasonForm):
    """For what, which ladder, and why; an empty document is the account, an empty ladder the rules'."""

    document = StringField()
    ladder = StringField()


@blueprint.get("/accounts/<ref>/ladder")
@web.needs(P.LADDER_CHOOSE)
def ask_own_ladder(ref: str) -> Response:
    """Which ladder the account and each open document climbs and why, and the form to choose another."""
    return _ask(ref, OwnLadderForm(formdata=None))


def _ask(ref: str, form: OwnLadderForm, status: int = 200, refused: str | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        account = desk_accounts.account_row(database, ref)
        ladders, rules = ladders_in_force(database, web.now()), current_policy(database, web.now()).ladders
        documents = own_ladders.open_documents(database, actor, account)
        climbed = {
            document.ref: chosen(
                rules, kind=document.kind, own=document.ladder, of_account=account.ladder,
                segment=account.segment,
            )
            for document in documents
        }  # fmt: skip
        by_rules = rules.by_segment.get(account.segment.value, rules.default)
    note_read(who.id)
    owed = [name for name, ladder in sorted(ladders.items()) if ladder.kinds >= publishing.OWED]
    return page(
        "backoffice/rules_account.html", status, here=ACCOUNTS, zone=who.zone, who=who, account=account,
        documents=documents, climbed=climbed, by_rules=by_rules, names=sorted(ladders), owed=owed, form=form,
        refused=refused,
    )  # fmt: skip


@blueprint.post("/accounts/<ref>/ladder")
@web.needs(P.LADDER_CHOOSE)
def choose_own_ladder(ref: str) -> Response:
    """Let the account or one document climb a ladder of its own, or the one of the rules again."""
    form, actor = OwnLadderForm(), web.staff_actor()
    if not form.validate():
        return _ask(ref, form, 422)

    def unit(s: Session) -> None:
        account = desk_accounts.account_row(s, ref)
        own_ladders.choose_ladder(
            s, actor, _subject(s, account, form.document.data), form.ladder.data or None,
            reason=form.reason.data, now=web.now(),
        )  # fmt: skip

    try:
        web.house().store.run(unit)
    except Refused as error:
        return _ask(ref, form, 409, error.code)
    return done("ladder_chosen", "backoffice.ask_own_ladder", values={"ref": ref})


def _subject(session: Session, account: Account, document: str | None) -> Account | Invoice:
    if not document:
        return account
    found = session.scalar(select(Invoice).where(Invoice.ref == document, Invoice.account_id == account.id))
    if found is None:
        raise NotFound("not_found")
    return found
