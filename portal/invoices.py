"""One document."""

from __future__ import annotations

from flask import Blueprint, Response

import web
from portal.preferences import carry_language
from receivables import early_payment, invoices
from receivables.payments import quotes

blueprint = Blueprint("portal_invoices", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/invoices/<ref>")
@web.link_session
def document(ref: str) -> Response:
    """Show one document of the account with everything that adds up to what is asked."""
    return page(ref)


def page(ref: str) -> Response:
    """One document of this holder as a page; also what staff see who look as the debtor."""
    holder = web.holder()
    found = invoices.document(web.reading(), holder.actor, ref, now=web.now())
    off = early_payment.discount_today(found.row, found.today)
    checked = None
    if found.is_checked:
        checked = quotes.being_checked(web.reading(), holder.actor, [ref], account_id=holder.account_id)
    return web.render("portal/invoice.html", invoice=found, discount=off, checked=checked)
