"""A head office reads its branches' papers: a statement over several of them, and their invoices."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Answer

import web
from portal import papers
from portal.preferences import carry_language
from receivables import branches
from receivables.calendar_days import business_date
from receivables.documents import statements
from receivables.documents.branch_statements import group_statement
from receivables.documents.data import GroupStatement
from receivables.documents.invoices import branch_invoice_paper
from receivables.documents.parties import parties, parties_of
from receivables.errors import Refused

blueprint = Blueprint("portal_branch_papers", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/branches/statement")
@web.link_session
def statement() -> Response:
    """Show one statement over the chosen branches; a period that can't be comes back with 422."""
    refused = None
    try:
        found = _found()
    except Refused as error:
        refused, found = error, _found(any_period=True)
    return web.render(
        "portal/branches_statement.html", 422 if refused else 200, found=found, refused=refused,
        today=business_date(web.now(), web.holder().zone), periods=statements.PERIODS,
        chosen=papers.chosen_period(), field=papers.field_of(refused),
        typed=papers.typed_period(found.from_on, found.to_on),
    )  # fmt: skip


@blueprint.get("/account/branches/statement.pdf")
@web.link_session
def statement_pdf() -> Answer:
    """Give it as PDF: the totals first, then each branch on pages of its own."""
    found = _found_or_page()
    if not isinstance(found, GroupStatement):
        return found
    holder = web.holder()
    sender = parties(web.reading(), holder.account_id)
    today = business_date(web.now(), holder.zone)
    document = web.house().documents.group_statement(found, sender, g.language, today)
    return papers.pressed(document, _name(found))


@blueprint.get("/account/branches/statement.csv")
@web.link_session
def statement_csv() -> Answer:
    """Give the movements of the chosen branches as CSV."""
    found = _found_or_page()
    if not isinstance(found, GroupStatement):
        return found
    return papers.csv(web.house().documents.group_sheet(found, g.language), _name(found))


@blueprint.get("/account/branches/statement.xlsx")
@web.link_session
def statement_xlsx() -> Answer:
    """Give the movements of the chosen branches as a workbook."""
    found = _found_or_page()
    if not isinstance(found, GroupStatement):
        return found
    return papers.xlsx(web.house().documents.group_sheet(found, g.language), _name(found))


@blueprint.get("/account/branches/invoices/<ref>")
@web.link_session
def document(ref: str) -> Response:
    """Show an invoice of a branch with its lines; it is paid with the others, and questioned by the
    branch that ordered."""
    holder = web.holder()
    found = branches.document(web.reading(), holder.actor, ref, account_id=holder.account_id, now=web.now())
    return web.render("portal/invoice.html", invoice=found, discount=None, of_branch=True)


@blueprint.get("/account/branches/invoices/<ref>/pdf")
@web.link_session
def document_pdf(ref: str) -> Answer:
    """Give it as PDF: the creditor's own file, else a copy of its data (decision 4)."""
    holder = web.holder()
    paper = branch_invoice_paper(
        web.reading(), holder.actor, ref, account_id=holder.account_id, now=web.now()
    )
    if paper.original is not None:
        return papers.original(paper.original)
    made = web.house().documents.invoice(paper, parties_of(web.reading(), ref), g.language)
    return papers.pressed(made, _("invoice %(number)s", number=paper.invoice.row.number))


def _found(*, any_period: bool = False) -> GroupStatement:
    """The statement that the address asks for.

    Args:
        any_period: leave the period to the rules, where the one asked for can't be.
    Raises: Refused: the period can't be; NotFound: nobody's head office, or a branch that is not its own.
    """
    holder = web.holder()
    from_on, to_on = (None, None) if any_period else papers.asked_period()
    return group_statement(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone,
        refs=request.args.getlist("branch"), from_on=from_on, to_on=to_on, now=web.now(),
    )  # fmt: skip


def _found_or_page() -> GroupStatement | Answer:
    """The statement for a file; where there is none, the page says why."""
    try:
        return _found()
    except Refused:
        return redirect(url_for("portal_branch_papers.statement", **papers.asked()), 303)


def _name(found: GroupStatement) -> str:
    first, last = found.from_on.isoformat(), found.to_on.isoformat()
    if len(found.chosen) == 1:
        (only,) = (member for member in found.members if member.ref in found.chosen)
        return str(_("statement of account %(number)s, %(first)s to %(last)s",
                     number=only.number, first=first, last=last))  # fmt: skip
    return str(_("statement of branches %(first)s to %(last)s", first=first, last=last))
