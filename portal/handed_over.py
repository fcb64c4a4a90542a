"""Invoices that are now with an agency or a lawyer: who asks for them, and how to reach it."""

from __future__ import annotations

from flask import Blueprint, Response

import web
from portal.preferences import carry_language
from receivables.errors import NotFound
from receivables.handovers import reads

blueprint = Blueprint("portal_handed_over", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/now-with")
@web.link_session
def now_with() -> Response:
    """Show who has what now; without a case there is no such page."""
    holder = web.holder()
    found = reads.now_with(web.reading(), holder.actor, account_id=holder.account_id)
    if not found:
        raise NotFound("not_found")
    return web.render("portal/handed_over.html", cases=found)
