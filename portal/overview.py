"""The account on one page."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, url_for
from werkzeug.wrappers import Response as Answer

import web
from portal.preferences import carry_language
from receivables import early_payment, invoices, standing
from receivables.arrangements import plan_coming
from receivables.ladder import coming as ladder_coming

blueprint = Blueprint("portal_overview", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account")
@web.link_session
def account() -> Answer:
    """Show everything that is open, what is on its way, and who to ring."""
    holder = web.holder()
    if holder.invoice_ref:
        return redirect(url_for("portal_invoices.document", ref=holder.invoice_ref), 303)
    return page()


def page() -> Response:
    """The account of this holder as a page; also what staff see who look as the debtor."""
    holder = web.holder()
    found = invoices.overview(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
    )
    beside = standing.standing_of(web.reading(), holder.account_id, found.today)
    coming = (
        plan_coming.coming(web.reading(), holder.actor, account_id=holder.account_id, today=found.today)
        if any(row.next_on for row in beside.plans)
        else []
    )
    return web.render(
        "portal/overview.html", overview=found, standing=beside,
        coming={row.ref: row for row in coming},
        plan_days={ref: row.on for row in coming for ref in row.invoice_refs},
        by_card=web.house().gateway(holder.gateway_account) is not None,
        whole={g.currency: early_payment.whole(g.rows, found.today) for g in found.groups if g.rows},
    )  # fmt: skip


@blueprint.get("/account/what-next")
@web.link_session
def what_next() -> Answer:
    """Say what comes from us next, at the earliest when, and what waits."""
    holder = web.holder()
    outlook = ladder_coming.outlook(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
    )
    return web.render("portal/what_next.html", outlook=outlook)
