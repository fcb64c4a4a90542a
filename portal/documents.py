"""Everything on paper: the list of documents, the statement on screen, and files to keep."""

from __future__ import annotations

import io
import logging
import re
from datetime import date
from typing import Any

from flask import Blueprint, Response, g, redirect, request, send_file, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

import web
from portal import forms
from portal.preferences import carry_language
from receivables.calendar_days import business_date
from receivables.documents import agreements, invoices, library, receipts, statements
from receivables.documents.data import Statement
from receivables.documents.parties import parties
from receivables.errors import NotFound, Refused
from receivables.ports import Document, DocumentFailed, StillPreparing

blueprint = Blueprint("portal_documents", __name__)
blueprint.url_defaults(carry_language)
log = logging.getLogger("amicable.documents")

#: A page that waits for its document looks again after so many seconds, so many times.
LOOK_AGAIN_SECONDS = 2
LOOKS = 10
#: What addresses of statements carry.
ASKED = ("period", "from", "to", "currency")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("/account/documents")
@web.link_session
def documents() -> Response:
    """List every document of the account."""
    holder, year = web.holder(), forms.single(request.args, "year")
    found = library.library(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone,
        year=int(year) if re.fullmatch(r"[0-9]{4}", year) else None, now=web.now(),
    )  # fmt: skip
    return web.render("portal/documents.html", library=found)


@blueprint.get("/account/statement")
@web.link_session
def statement() -> Response:
    """Show the statement of a period and currency; a period that can't be comes back with 422."""
    try:
        found, refused, field = _statement(), None, ""
    except Refused as error:
        found, refused = None, error
        field = error.facts.get("field") or ("to" if error.code == "period_in_future" else "from")
    today = business_date(web.now(), web.holder().zone)
    chosen = forms.single(request.args, "period", "" if "from" in request.args else statements.PERIODS[0])
    typed = {name: forms.single(request.args, name) for name in ("from", "to")}
    if found is not None and not typed["from"]:
        typed = {"from": found.from_on.isoformat(), "to": found.to_on.isoformat()}
    return web.render(
        "portal/statement.html", 422 if refused else 200, statement=found, refused=refused, today=today,
        periods=statements.PERIODS, chosen=chosen, typed=typed, field=field,
        currency=forms.single(request.args, "currency"),
    )  # fmt: skip


@blueprint.get("/account/statement.pdf")
@web.link_session
def statement_pdf() -> Answer:
    """Give the statement as PDF."""
    found = _statement_or_page()
    if not isinstance(found, Statement):
        return found
    holder = web.holder()
    sender = parties(web.reading(), holder.account_id)
    today = business_date(web.now(), holder.zone)
    return _pressed(web.house().documents.statement(found, sender, g.language, today), _statement_name(found))


@blueprint.get("/account/statement.csv")
@web.link_session
def statement_csv() -> Answer:
    """Give the statement's movements as CSV."""
    found = _statement_or_page()
    if not isinstance(found, Statement):
        return found
    sheet = web.house().documents.statement_sheet(found, g.language)
    return _file(web.house().exports.csv(sheet), "text/csv", _statement_name(found), ".csv")


@blueprint.get("/account/statement.xlsx")
@web.link_session
def statement_xlsx() -> Answer:
    """Give the statement's movements as a workbook."""
    found = _statement_or_page()
    if not isinstance(found, Statement):
        return found
    sheet = web.house().documents.statement_sheet(found, g.language)
    return _file(web.house().exports.xlsx(sheet), _XLSX, _statement_name(found), ".xlsx")


@blueprint.get("/account/invoices/<ref>/pdf")
@web.link_session
def invoice_pdf(ref: str) -> Answer:
    """Give an invoice: the creditor's own file, else a copy of its data (decision 4)."""
    paper = invoices.invoice_paper(web.reading(), web.holder().actor, ref, now=web.now())
    if paper.original is not None:
        return _original(paper.original.digest, paper.original.media_type, paper.original.name)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.invoice(paper, sender, g.language)
    return _pressed(document, _("invoice %(number)s", number=paper.invoice.row.number))


@blueprint.get("/account/payments/<ref>/pdf")
@web.link_session
def payment_pdf(ref: str) -> Answer:
    """Give the confirmation of a payment."""
    paper = receipts.receipt_paper(web.reading(), web.holder().actor, ref)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.receipt(paper, sender, g.language)
    return _pressed(document, _("payment confirmation %(number)s", number=paper.number))


@blueprint.get("/account/plans/<ref>/pdf")
@web.link_session
def plan_pdf(ref: str) -> Answer:
    """Give the agreement on a plan."""
    paper = agreements.plan_paper(web.reading(), web.holder().actor, ref)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.plan(paper, sender, g.language)
    return _pressed(document, _("agreement %(number)s", number=paper.number))


@blueprint.get("/account/plans/<ref>/calendar")
@web.link_session
def plan_calendar(ref: str) -> Answer:
    """Give the days of a plan's parts that are still to be paid as a calendar file."""
    paper = agreements.plan_paper(web.reading(), web.holder().actor, ref)
    if not paper.open_parts:
        raise NotFound("not_found")
    sender = parties(web.reading(), web.holder().account_id)
    url = web.house().settings.base_url + url_for("portal_overview.account", lang=None)
    name, entries = web.house().documents.plan_calendar(paper, sender, g.language, url)
    return _file(web.house().exports.calendar(name, g.language, entries), "text/calendar", name, ".ics")


@blueprint.get("/account/offers/<ref>/pdf")
@web.link_session
def offer_pdf(ref: str) -> Answer:
    """Give a settlement agreement."""
    paper = agreements.offer_paper(web.reading(), web.holder().actor, ref)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.offer(paper, sender, g.language)
    return _pressed(document, _("settlement agreement of %(day)s", day=paper.made_on.isoformat()))


# --------------------------------------------------------------------------- asking


def _statement() -> Statement | None:
    """The statement that the address asks for.

    Raises: Refused: the period can't be; NotFound: no such currency or ready period.
    """
    holder, args = web.holder(), request.args
    from_on = to_on = None
    if "from" in args or "to" in args:
        from_on, to_on = _day("from"), _day("to")
    elif name := forms.single(args, "period"):
        from_on, to_on = statements.period(name, business_date(web.now(), holder.zone))
    return statements.statement(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone,
        currency=forms.read_currency(args) if forms.single(args, "currency") else None,
        from_on=from_on, to_on=to_on, now=web.now(),
    )  # fmt: skip


def _statement_or_page() -> Statement | Answer:
    """The statement for a file; where there is none, the page says why."""
    try:
        found = _statement()
    except Refused:
        found = None
    return found or redirect(url_for("portal_documents.statement", **_asked()), 303)


def _day(name: str) -> date:
    """Read a day as date fields send it.

    Raises: Refused: period_missing, period_unreadable (facts: field).
    """
    text = forms.single(request.args, name)
    if not text:
        raise Refused("period_missing", field=name)
    try:
        return date.fromisoformat(text if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else "")
    except ValueError:
        raise Refused("period_unreadable", field=name) from None


# --------------------------------------------------------------------------- answering


def _pressed(document: Document, name: str) -> Answer:
    """Give a document as PDF; while it is being made, a page that looks again."""
    try:
        return _file(web.house().press.press(document), "application/pdf", name, ".pdf")
    except StillPreparing:
        looks = forms.single(request.args, "look", "0")
        look = min(int(looks), LOOKS) + 1 if re.fullmatch(r"\d{1,3}", looks) else 1
        own = {**_asked(), **(request.view_args or {}), "look": look}
        again = url_for(request.endpoint or "", **own)
        answer = web.render("portal/preparing.html", 202, again=again, slow=look > LOOKS, failed=False)
        if look <= LOOKS:
            answer.headers["Refresh"] = f"{LOOK_AGAIN_SECONDS}; url={again}"
        return answer
    except DocumentFailed:
        log.exception("document", extra={"facts": {"kind": document.kind, "request": web.request_id()}})
        return web.render("portal/preparing.html", 503, again=None, slow=False, failed=True)


def _asked() -> dict[str, Any]:
    """What an address of ours carries, and nothing else that somebody may have put into it."""
    return {name: request.args[name] for name in ASKED if name in request.args}


def _original(digest: str, media_type: str, name: str) -> Answer:
    """Give the creditor's own file; a name without an ending is a PDF's."""
    stem, dot, ending = name.rpartition(".")
    data = web.house().files.read(digest)
    return _file(data, media_type, stem if dot else name, f".{ending}" if dot else ".pdf")


def _statement_name(found: Statement) -> str:
    first, last = found.from_on.isoformat(), found.to_on.isoformat()
    return str(
        _("statement of account %(first)s to %(last)s, %(currency)s",
          first=first, last=last, currency=found.currency)
    )  # fmt: skip


def _file(data: bytes, media_type: str, name: str, ending: str) -> Response:
    """Give a file to keep: never shown in our origin, never kept by anybody on the way (X-03)."""
    plain = re.sub(r"[^\w .,()-]+", "-", f"{web.holder().sender.name} {name}").strip(" .-")[:100]
    answer = send_file(
        io.BytesIO(data), mimetype=media_type, as_attachment=True, download_name=plain + ending
    )
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
