"""Everything on paper: the list of documents, the statement on screen, and files to keep."""

from __future__ import annotations

import re

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

import web
from portal import forms, papers
from portal.preferences import carry_language
from receivables.calendar_days import business_date
from receivables.documents import agreements, invoices, library, receipts, statements
from receivables.documents.data import Statement
from receivables.documents.parties import parties
from receivables.errors import NotFound, Refused

blueprint = Blueprint("portal_documents", __name__)
blueprint.url_defaults(carry_language)


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
        found, refused = _statement(), None
    except Refused as error:
        found, refused = None, error
    return web.render(
        "portal/statement.html", 422 if refused else 200, statement=found, refused=refused,
        today=business_date(web.now(), web.holder().zone), periods=statements.PERIODS,
        chosen=papers.chosen_period(), field=papers.field_of(refused),
        typed=papers.typed_period(found.from_on, found.to_on) if found else papers.typed_period(None, None),
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
    document = web.house().documents.statement(found, sender, g.language, today)
    return papers.pressed(document, _statement_name(found))


@blueprint.get("/account/statement.csv")
@web.link_session
def statement_csv() -> Answer:
    """Give the statement's movements as CSV."""
    found = _statement_or_page()
    if not isinstance(found, Statement):
        return found
    return papers.csv(web.house().documents.statement_sheet(found, g.language), _statement_name(found))


@blueprint.get("/account/statement.xlsx")
@web.link_session
def statement_xlsx() -> Answer:
    """Give the statement's movements as a workbook."""
    found = _statement_or_page()
    if not isinstance(found, Statement):
        return found
    return papers.xlsx(web.house().documents.statement_sheet(found, g.language), _statement_name(found))


@blueprint.get("/account/invoices/<ref>/pdf")
@web.link_session
def invoice_pdf(ref: str) -> Answer:
    """Give an invoice: the creditor's own file, else a copy of its data (decision 4)."""
    paper = invoices.invoice_paper(web.reading(), web.holder().actor, ref, now=web.now())
    if paper.original is not None:
        return papers.original(paper.original)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.invoice(paper, sender, g.language)
    return papers.pressed(document, _("invoice %(number)s", number=paper.invoice.row.number))


@blueprint.get("/account/payments/<ref>/pdf")
@web.link_session
def payment_pdf(ref: str) -> Answer:
    """Give the confirmation of a payment."""
    paper = receipts.receipt_paper(web.reading(), web.holder().actor, ref)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.receipt(paper, sender, g.language)
    return papers.pressed(document, _("payment confirmation %(number)s", number=paper.number))


@blueprint.get("/account/plans/<ref>/pdf")
@web.link_session
def plan_pdf(ref: str) -> Answer:
    """Give the agreement on a plan."""
    paper = agreements.plan_paper(web.reading(), web.holder().actor, ref)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.plan(paper, sender, g.language)
    return papers.pressed(document, _("agreement %(number)s", number=paper.number))


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
    return papers.file(web.house().exports.calendar(name, g.language, entries), "text/calendar", name, ".ics")


@blueprint.get("/account/offers/<ref>/pdf")
@web.link_session
def offer_pdf(ref: str) -> Answer:
    """Give a settlement agreement."""
    paper = agreements.offer_paper(web.reading(), web.holder().actor, ref)
    sender = parties(web.reading(), web.holder().account_id)
    document = web.house().documents.offer(paper, sender, g.language)
    return papers.pressed(document, _("settlement agreement of %(day)s", day=paper.made_on.isoformat()))


# --------------------------------------------------------------------------- asking


def _statement() -> Statement | None:
    """The statement that the address asks for.

    Raises: Refused: the period can't be; NotFound: no such currency or ready period.
    """
    holder, args = web.holder(), request.args
    from_on, to_on = papers.asked_period()
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
    return found or redirect(url_for("portal_documents.statement", **papers.asked()), 303)


def _statement_name(found: Statement) -> str:
    first, last = found.from_on.isoformat(), found.to_on.isoformat()
    return str(
        _("statement of account %(first)s to %(last)s, %(currency)s",
          first=first, last=last, currency=found.currency)
    )  # fmt: skip
