"""What the desk keeps about an account for itself: notes with mentions, and files."""

from __future__ import annotations

from flask import Response, request

import web
from admin.account_forms import FileForm, NoteForm
from admin.accounts import HERE, account_page
from admin.shell import blueprint, done, note_read, page
from receivables import files
from receivables.desk import accounts as desk_accounts
from receivables.desk import attachments, notes
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission
#: MiB of a form with one file.
LARGEST = 10


@blueprint.post("/accounts/<ref>/notes")
@web.needs(P.ACCOUNT_NOTE)
def write_note(ref: str) -> Response:
    """Write an internal note; each colleague whom it names with @ gets a task."""
    form, actor = NoteForm(), web.staff_actor()
    if not form.validate():
        return account_page(ref, 422, noting=form)
    try:
        web.house().store.run(
            lambda s: notes.write(
                s, actor, desk_accounts.account_row(s, ref), words=form.note.data, now=web.now()
            )
        )
    except Refused as error:
        form.note.errors = [error.code]
        return account_page(ref, 422, noting=form, named=error.facts.get("name", ""))
    return done("note_written", "backoffice.account", values={"ref": ref, "_anchor": "tl"})


@blueprint.get("/notes/<ref>")
@web.needs(P.ACCOUNT_NOTE)
def ask_correct_note(ref: str) -> Response:
    """A note of one's own, to say it otherwise."""
    return _correct(ref)


def _correct(ref: str, form: NoteForm | None = None, status: int = 200, named: str = "") -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        who = desk_accounts.head(database, actor, notes.account_ref(database, actor, ref))
        line = notes.one(database, actor, ref)
    note_read(who.id)
    filled = form or NoteForm(formdata=None, note=line.words)
    return page("backoffice/account_note.html", status, here=HERE, zone=who.zone, who=who, line=line,
                form=filled, named=named)  # fmt: skip


@blueprint.post("/notes/<ref>")
@web.needs(P.ACCOUNT_NOTE)
def correct_note(ref: str) -> Response:
    """Say a note otherwise; what it said before stays readable."""
    form, actor = NoteForm(), web.staff_actor()
    with web.house().store.read() as database:
        account_ref = notes.account_ref(database, actor, ref)
    if not form.validate():
        return _correct(ref, form, 422)
    try:
        web.house().store.run(lambda s: notes.correct(s, actor, ref, words=form.note.data, now=web.now()))
    except Refused as error:
        form.note.errors = [error.code]
        return _correct(ref, form, 422, error.facts.get("name", ""))
    return done("note_corrected", "backoffice.account", values={"ref": account_ref, "_anchor": "tl"})


@blueprint.post("/accounts/<ref>/files")
@web.takes_files(LARGEST)
@web.needs(P.FILE_ADD)
def put_file(ref: str) -> Response:
    """Put a file to the account, for the desk only."""
    form, actor = FileForm(), web.staff_actor()
    if not form.validate():
        return account_page(ref, 422, putting=form)
    sent = request.files.get("file")
    try:
        if sent is None or not sent.filename:
            raise Refused("file_missing")
        with web.house().store.read() as database:
            desk_accounts.head(database, actor, ref)  # nothing is decoded for who may not
        data = sent.stream.read(LARGEST * 1024 * 1024 + 1)
        received = files.receive(web.house().files, sent.filename, data, web.policy())
        web.house().store.run(
            lambda s: attachments.put(
                s, actor, desk_accounts.account_row(s, ref), received, words=form.what.data, now=web.now()
            )
        )
    except Refused as error:
        form.what.errors = [error.code]
        return account_page(ref, 422, putting=form)
    return done("file_put", "backoffice.account", values={"ref": ref, "_anchor": "fl"})


@blueprint.get("/account-files/<ref>")
@web.needs(P.ACCOUNT_READ)
def account_file(ref: str) -> Response:
    """One of the desk's files, to be saved; never shown or run as a page of ours (X-03)."""
    with web.house().store.read() as database:
        found = attachments.one(database, web.staff_actor(), ref)
        note_read(attachments.account_id_of(database, ref))
    return web.attachment(found.name, found.media_type, files.content(web.house().files, found))
