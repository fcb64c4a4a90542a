"""Messages that a person writes: begun from a snippet, read as the debtor will, sent through the gate."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

import web
from admin.account_forms import MessageForm, SnippetForm
from admin.accounts import HERE
from admin.shell import blueprint, done, note_read, page
from models.accounts import Account, Contact
from receivables import letters
from receivables.desk import accounts as desk_accounts
from receivables.errors import NotFound, Refused
from receivables.links import reader_language
from receivables.permissions import Permission
from receivables.writing import personal, snippets
from receivables.writing.letters import KIND

P = Permission
SNIPPETS = "backoffice.snippets_list"
#: Where a new snippet is written.
NEW = "new"


@blueprint.get("/accounts/<ref>/message")
@web.needs(P.MESSAGE_WRITE)
def ask_message(ref: str) -> Response:
    """A message to somebody of the account, begun empty, from a snippet, or as an answer."""
    form = MessageForm(formdata=None, name=secrets.token_hex(8), contact=request.args.get("contact", ""),
                       snippet=request.args.get("snippet", ""),
                       answers=request.args.get("answers", ""))  # fmt: skip
    return _message(ref, form, begin=True)


@blueprint.post("/accounts/<ref>/message")
@web.takes_words
@web.needs(P.MESSAGE_WRITE)
def write_message(ref: str) -> Response:
    """Show what the debtor will read, or send it."""
    form, actor = MessageForm(), web.staff_actor()
    if not form.validate():
        return _message(ref, form, 422)
    if form.act.data != "send":
        return _message(ref, form, shown=form.act.data == "look")

    def unit(s: Session) -> bool:
        account = desk_accounts.account_row(s, ref)
        contact = personal.contact_of(s, actor, account, form.contact.data)
        sent = personal.send(
            s, actor, account, contact, subject=form.subject.data, words=form.words.data,
            answers_ref=form.answers.data or None, snippet=_snippet_name(s, form.snippet.data),
            currency=personal.currency_of(s, account, now=web.now()), name=form.name.data, now=web.now(),
        )  # fmt: skip
        return sent.not_before > web.now()

    try:
        waits = web.house().store.run(unit)
    except Refused as error:
        return _message(ref, form, 409, shown=True, refused=error)
    return done("message_waits" if waits else "message_written", "backoffice.account",
                values={"ref": ref, "_anchor": "tl"})  # fmt: skip


def _snippet_name(database: Session, ref: str) -> str | None:
    if not ref:
        return None
    return next((view.name for view in snippets.listed(database, web.staff_actor()) if view.ref == ref), None)


def _message(
    ref: str, form: MessageForm, status: int = 200, *, begin: bool = False, shown: bool = False,
    refused: Refused | None = None,
) -> Response:  # fmt: skip
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, ref)
        account = desk_accounts.account_row(database, ref)
        people = personal.people(database, account)
        answers = personal.answered(database, account, form.answers.data)
        offered = snippets.listed(database, actor)
        if not form.contact.data:
            form.contact.data = personal.usual_contact(people, answers)
        contact = next((one for one in people if one.ref == form.contact.data), None)
        if form.contact.data and contact is None:
            raise NotFound("not_found")
        own = contact.language if contact else None
        language = reader_language(account.language, account.language_chosen_at, own)
        if begin:
            _begin(form, offered, contact, answers, language)
        gate = look = None
        if contact is not None:
            currency = personal.currency_of(database, account, now=web.now())
            gate = personal.ask_gate(database, account, contact, answers=answers, currency=currency,
                                     now=web.now())  # fmt: skip
        if shown and contact is not None:
            look = _look(database, account, contact, form)
    note_read(who.id)
    return page("backoffice/account_message.html", status, here=HERE, zone=who.zone, who=who, form=form,
                people=people, contact=contact, answers=answers, snippets=offered, gate=gate,
                against=personal.stands_against(gate) if gate else [], look=look, refused=refused,
                writes_in=language)  # fmt: skip


def _begin(form: MessageForm, offered: Any, contact: Any, answers: Any, language: str) -> None:
    """Fill an empty message: with the words of a snippet, with the subject of what is answered."""
    chosen = next((view for view in offered if view.ref == form.snippet.data), None)
    if chosen is not None:
        text = snippets.begun(chosen.text(language), contact.name if contact else "")
        form.subject.data, form.words.data = text.subject, text.words
    if answers is not None and answers.subject:
        form.subject.data = f"Re: {answers.subject}"[: personal.SUBJECT_MOST]


def _look(database: Session, account: Account, contact: Contact, form: MessageForm) -> Any:
    """The message as it will be read, without links that open anything."""
    written = personal.readable(form.subject.data, form.words.data)
    letter = letters.preview(
        database, account, KIND, {"about": written.subject, "reply": written.words}, name=contact.name,
        language=reader_language(account.language, account.language_chosen_at, contact.language),
        now=web.now(),
    )  # fmt: skip
    return web.house().presenter.render_message(letter)


@blueprint.post("/messages/<ref>/withdraw")
@web.needs(P.MESSAGE_WRITE)
def withdraw_message(ref: str) -> Response:
    """Take back a written message that has not left."""
    actor = web.staff_actor()
    account_ref = web.house().store.run(
        lambda s: s.get_one(Account, personal.withdraw(s, actor, ref, now=web.now()).account_id).ref
    )
    return done("message_taken_back", "backoffice.account", values={"ref": account_ref, "_anchor": "tl"})


# --------------------------------------------------------------------------- snippets


@blueprint.get("/snippets")
@web.needs(P.MESSAGE_WRITE)
def snippets_list() -> Response:
    """Texts to begin a message with: one's own, everybody's, the house's."""
    with web.house().store.read() as database:
        rows = snippets.listed(database, web.staff_actor())
    return page("backoffice/snippets.html", here=SNIPPETS, rows=rows)


@blueprint.get("/snippets/<ref>")
@web.needs(P.MESSAGE_WRITE)
def snippet_page(ref: str) -> Response:
    """One snippet in four languages, or a new one."""
    form = SnippetForm(formdata=None, whose="own")
    view = _snippet(ref)
    if view is not None:
        form.fill(view)
    return _snippet_page(ref, form, view)


def _snippet(ref: str) -> snippets.SnippetView | None:
    if ref == NEW:
        return None
    with web.house().store.read() as database:
        return snippets.one(database, web.staff_actor(), ref)


def _snippet_page(
    ref: str, form: SnippetForm, view: snippets.SnippetView | None, status: int = 200,
    refused: Refused | None = None,
) -> Response:  # fmt: skip
    return page("backoffice/snippet.html", status, here=SNIPPETS, form=form, view=view, ref=ref,
                refused=refused, languages_of=snippets.LANGUAGES)  # fmt: skip


@blueprint.post("/snippets/<ref>")
@web.takes_words
@web.needs(P.MESSAGE_WRITE)
def keep_snippet(ref: str) -> Response:
    """Keep a snippet, new or changed."""
    form, actor, view = SnippetForm(), web.staff_actor(), _snippet(ref)
    if not form.validate():
        return _snippet_page(ref, form, view, 422)
    try:
        web.house().store.run(
            lambda s: snippets.keep(
                s, actor, ref=None if view is None else ref, name=form.name.data, texts=form.texts(),
                shared=form.whose.data == "shared", now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _snippet_page(ref, form, view, 422, error)
    return done("snippet_kept", SNIPPETS)


@blueprint.post("/snippets/<ref>/away")
@web.needs(P.MESSAGE_WRITE)
def put_snippet_away(ref: str) -> Response:
    """Offer a snippet no more."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: snippets.put_away(s, actor, ref, now=web.now()))
    return done("snippet_put_away", SNIPPETS)
