"""The account on one page."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response as Answer

import web
from portal.preferences import carry_language
from receivables import branches, early_payment, invoices, standing

blueprint = Blueprint("portal_overview", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account")
@web.link_session
def account() -> Answer:
    """Show everything that is open, what is on its way, and who to ring."""
    holder = web.holder()
    if holder.invoice_ref:
        return redirect(url_for("portal_invoices.document", ref=holder.invoice_ref), 303)
    found = invoices.overview(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
    )
    beside = standing.standing_of(web.reading(), holder.account_id, found.today)
    return web.render(
        "portal/overview.html", overview=found, standing=beside,
        whole={g.currency: early_payment.whole(g.rows, found.today) for g in found.groups if g.rows},
        pays_for_branches=branches.has_branches(web.reading(), holder.account_id),
    )  # fmt: skip
