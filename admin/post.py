"""The post at the desk: what waits is looked at and printed, posted on a day, and may come back."""

from __future__ import annotations

from datetime import date

from flask import Response, request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import DateField, TextAreaField
from wtforms.validators import InputRequired, Length

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from receivables import files
from receivables.desk import accounts as desk_accounts
from receivables.documents.letters import letter_paper
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.ports import DocumentFailed, StillPreparing
from receivables.post import printing, queueing, reads
from receivables.texts import plain

P = Permission
HERE = "backoffice.post_list"
ACCOUNTS = "books_accounts.index_view"
#: How long the desk waits for one setting, seconds; what is made meanwhile is found by the next press.
PATIENCE = 10.0
PDF = "application/pdf"


class PostedForm(FlaskForm):  # type: ignore[misc]
    """The day on which a batch went to the post."""

    posted_on = DateField(validators=[InputRequired("day_unreadable")])

    @property
    def day(self) -> date | None:
        """The typed day, or None with an error at its field."""
        found: date | None = self.posted_on.data
        if found is None:
            self.posted_on.errors = ["day_unreadable"]
        return found


class AddressForm(FlaskForm):  # type: ignore[misc]
    """Where letters go, a line each."""

    address = TextAreaField(
        filters=[lambda text: plain(text or "").strip()],
        validators=[Length(max=queueing.MOST_ADDRESS, message="too_long")],
    )


@blueprint.get("/post")
@web.needs(P.LETTER_PRINT)
def post_list() -> Response:
    """Letters that wait, batches that are printed, and what went out lately."""
    return _post_list()


def _post_list(
    status: int = 200, *, refused: str | None = None, about: str = "", posted: PostedForm | None = None
) -> Response:
    """The page; `about` names the batch or letter that was refused, "" the list of what waits."""
    with web.house().store.read() as database:
        desk = reads.post_desk(database, web.staff_actor())
    note_read(None)
    return page("backoffice/post.html", status, here=HERE, desk=desk, refused=refused, about=about,
                posted=posted or PostedForm(formdata=None))  # fmt: skip


@blueprint.post("/post/print")
@web.needs(P.LETTER_PRINT)
def print_letters() -> Response:
    """Look at the chosen letters again and print them as one file."""
    actor, house = web.staff_actor(), web.house()
    refs = request.form.getlist("letter")
    try:
        ready = house.store.run(lambda s: printing.prepare(s, actor, refs, now=web.now()))
        if not ready.papers:
            return done("letters_withdrawn", HERE, count=len(ready.withdrawn))
        single = {
            paper.ref: house.press.press(house.documents.letter(paper), timeout=PATIENCE)
            for paper in ready.papers
        }
        whole = house.press.press(house.documents.letters(ready.papers), timeout=PATIENCE)
        kept = printing.keep(house.files, whole, single)
        house.store.run(lambda s: printing.print_batch(s, actor, kept, now=web.now()))
    except Refused as refused:
        return _post_list(422 if refused.code == "none_chosen" else 409, refused=refused.code)
    except StillPreparing:
        return _post_list(503, refused="still_preparing")
    except DocumentFailed:
        return _post_list(503, refused="letters_failed")
    return done("letters_printed", HERE, count=len(ready.papers), out=len(ready.withdrawn))


@blueprint.get("/files/letters/<ref>")
@web.needs(P.LETTER_PRINT)
def letter_pdf(ref: str) -> Response:
    """One letter as PDF: as it was printed, before that as it would be."""
    house, actor = web.house(), web.staff_actor()
    with house.store.read() as database:
        paper = letter_paper(database, actor, ref)
        printed = reads.letter_file(database, actor, ref)
    note_read(None)
    name = f"{paper.kind}-{paper.parties.account_number}.pdf"
    if printed is not None:
        return web.attachment(name, PDF, files.content(house.files, printed))
    try:
        return web.attachment(name, PDF, house.press.press(house.documents.letter(paper), timeout=PATIENCE))
    except (StillPreparing, DocumentFailed) as error:
        code = "still_preparing" if isinstance(error, StillPreparing) else "letters_failed"
        return _post_list(503, refused=code)


@blueprint.get("/files/letter-batches/<ref>")
@web.needs(P.LETTER_PRINT)
def batch_pdf(ref: str) -> Response:
    """All letters of a batch as they were printed, to be printed again."""
    house = web.house()
    with house.store.read() as database:
        found = reads.batch_file(database, web.staff_actor(), ref)
    note_read(None)
    return web.attachment(found.name, PDF, files.content(house.files, found))


@blueprint.post("/post/batches/<ref>/posted")
@web.needs(P.LETTER_PRINT)
def post_batch(ref: str) -> Response:
    """Say on which day a batch was posted."""
    form, actor = PostedForm(), web.staff_actor()
    with web.house().store.read() as database:
        printing.batch_of(database, ref)
    day = form.day if form.validate() else None
    if day is None:
        return _post_list(422, refused="day_unreadable", about=ref, posted=form)
    enclosed = request.form.get("enclosed") == "yes"
    try:
        web.house().store.run(
            lambda s: printing.mark_posted(
                s, actor, printing.batch_of(s, ref), posted_on=day, enclosed=enclosed, now=web.now()
            )
        )
    except Refused as refused:
        return _post_list(409, refused=refused.code, about=ref, posted=form)
    return done("letters_posted", HERE)


@blueprint.post("/post/letters/<ref>/withdraw")
@web.needs(P.LETTER_PRINT)
def withdraw_letter(ref: str) -> Response:
    """Take a letter out before it is posted, with a reason."""
    form, actor = ReasonForm(), web.staff_actor()
    with web.house().store.read() as database:
        queueing.letter_of(database, ref)
    if not form.validate():
        return _post_list(422, refused=str(form.reason.errors[0]), about=ref)

    def unit(session: Session) -> None:
        letter = queueing.letter_of(session, ref, lock=True)
        queueing.withdraw(session, actor, letter, reason=form.reason.data, now=web.now())

    try:
        web.house().store.run(unit)
    except Refused as refused:
        return _post_list(409, refused=refused.code, about=ref)
    return done("letter_withdrawn", HERE)


@blueprint.post("/post/letters/<ref>/returned")
@web.needs(P.LETTER_PRINT)
def letter_returned(ref: str) -> Response:
    """Say that a posted letter came back."""
    actor = web.staff_actor()
    try:
        web.house().store.run(
            lambda s: printing.mark_returned(s, actor, queueing.letter_of(s, ref), now=web.now())
        )
    except Refused as refused:
        return _post_list(409, refused=refused.code, about=ref)
    return done("letter_returned", HERE)


# --------------------------------------------------------------------------- where letters go


@blueprint.get("/accounts/<ref>/address")
@web.needs(P.CONTACT_ADD)
def ask_address(ref: str) -> Response:
    """The address for letters, to be read and changed."""
    return _ask_address(ref, AddressForm(formdata=None))


def _ask_address(ref: str, form: AddressForm, status: int = 200) -> Response:
    with web.house().store.read() as database:
        account = desk_accounts.account_row(database, ref)
    note_read(account.id)
    if status == 200:
        form.address.data = account.postal_address or ""
    return page("backoffice/post_address.html", status, here=ACCOUNTS, zone=account.zone, account=account,
                form=form)  # fmt: skip


@blueprint.post("/accounts/<ref>/address")
@web.needs(P.CONTACT_ADD)
def change_address(ref: str) -> Response:
    """Keep the address for letters; an empty one takes it away."""
    form, actor = AddressForm(), web.staff_actor()
    with web.house().store.read() as database:
        desk_accounts.account_row(database, ref)
    if not form.validate():
        return _ask_address(ref, form, 422)
    try:
        web.house().store.run(
            lambda s: queueing.set_address(
                s, actor, desk_accounts.account_row(s, ref, lock=True), form.address.data, now=web.now()
            )
        )
    except Refused as refused:
        form.address.errors = [refused.code]
        return _ask_address(ref, form, 409)
    return done("address_kept", "backoffice.account", values={"ref": ref})
