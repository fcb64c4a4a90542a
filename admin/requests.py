"""What debtors asked or told us: answer it, refuse it with a reason, or book the tax; difficulty, apart."""

from __future__ import annotations

from flask import Response, request
from sqlalchemy.orm import Session

import web
from admin.forms import AnswerForm
from admin.invoices import actor_language
from admin.shell import blueprint, done, note_read, page
from models.answers import RequestKind
from receivables import files
from receivables.answers import hardship, reads, requests
from receivables.errors import Refused
from receivables.people import named
from receivables.permissions import Permission
from receivables.policy import default_policy

P = Permission
HERE = "backoffice.requests_list"
HARD = "backoffice.hardship_list"
#: Largest form with a document, MiB.
LARGEST = default_policy().disputes.file_mebibytes


@blueprint.get("/requests")
@web.needs(P.REQUEST_ANSWER)
def requests_list() -> Response:
    """Requests that wait, or those that ended."""
    ended = request.args.get("show") == "ended"
    with web.house().store.read() as database:
        rows = reads.desk_requests(database, web.staff_actor(), closed=ended)
    note_read(None)
    return page("backoffice/requests.html", rows=rows, ended=ended)


@blueprint.get("/requests/<ref>")
@web.needs(P.REQUEST_ANSWER)
def request_page(ref: str) -> Response:
    """One request, with the form that answers it."""
    return _request_page(ref, AnswerForm(formdata=None))


@blueprint.post("/requests/<ref>")
@web.takes_files(LARGEST)
@web.needs(P.REQUEST_ANSWER)
def answer_request(ref: str) -> Response:
    """Answer, refuse or book; the debtor is written to."""
    form, actor = AnswerForm(), web.staff_actor()
    with web.house().store.read() as database:
        asked = reads.request_view(database, actor, ref)
    if not form.validate():
        return _request_page(ref, form, 422)
    book = form.decision.data == "answer" and asked.kind is RequestKind.WITHHOLDING
    open_now = asked.invoice_open
    amount = form.money(open_now.currency, actor_language()) if book and open_now else None
    if book and amount is None:
        return _request_page(ref, form, 422)

    try:
        document = _document()

        def unit(session: Session) -> None:
            reply = form.reply.data
            if form.decision.data == "refuse":
                requests.refuse(session, actor, ref, reply=reply, now=web.now())
            elif amount is not None:
                requests.accept_withholding(session, actor, ref, amount=amount, reply=reply, now=web.now())
            else:
                if form.decision.data == "add":
                    named.add_named(session, actor, ref, now=web.now())
                requests.answer(session, actor, ref, reply=reply, document=document, now=web.now())

        web.house().store.run(unit)
    except Refused as error:
        return _request_page(ref, form, 409, refused=error)
    return done("request_ended", HERE)


def _document() -> files.ReceivedFile | None:
    """The document that goes with an answer, looked at before anything is written."""
    sent = request.files.get("document")
    if sent is None or not sent.filename:
        return None
    data = sent.stream.read(LARGEST * 1024 * 1024 + 1)
    return files.receive(web.house().files, sent.filename, data, web.policy())


def _request_page(
    ref: str, form: AnswerForm, status: int = 200, *, refused: Refused | None = None
) -> Response:
    with web.house().store.read() as database:
        asked = reads.request_view(database, web.staff_actor(), ref)
    note_read(asked.account_id)
    if not form.amount.data and asked.amount is not None:
        form.amount.data = str(asked.amount.decimal)
    return page("backoffice/request.html", status, here=HERE, zone=asked.zone, asked=asked, form=form,
                refused=refused)  # fmt: skip


# --------------------------------------------------------------------------- difficulty


@blueprint.get("/hardship")
@web.needs(P.HARDSHIP_READ)
def hardship_list() -> Response:
    """Cases that wait for a person, or those that were spoken about."""
    ended = request.args.get("show") == "ended"
    with web.house().store.read() as database:
        rows = hardship.cases(database, web.staff_actor(), closed=ended)
    note_read(None)
    return page("backoffice/hardship_list.html", rows=rows, ended=ended)


@blueprint.get("/hardship/<ref>")
@web.needs(P.HARDSHIP_READ)
def hardship_page(ref: str) -> Response:
    """One case with its words; who read it is noted."""
    with web.house().store.read() as database:
        case = hardship.case_view(database, web.staff_actor(), ref)
    note_read(case.account_id)
    return page("backoffice/hardship.html", here=HARD, zone=case.zone, case=case)


@blueprint.post("/hardship/<ref>")
@web.needs(P.HARDSHIP_READ)
def answer_hardship(ref: str) -> Response:
    """Close a case after a person has spoken with the debtor."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: hardship.answer(s, actor, ref, now=web.now()))
    return done("hardship_ended", HARD)
