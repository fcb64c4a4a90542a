"""Credit on hold, explained: since when, why, what to pay to be released, what still works."""

from __future__ import annotations

from flask import Blueprint, Response

import web
from portal.forms import address_of
from portal.preferences import carry_language
from receivables import credit_holds
from receivables.payments.quotes import Choice

blueprint = Blueprint("portal_holds", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/credit-hold")
@web.link_session
def hold() -> Response:
    """Show the hold that stands on this account; without one there is no such page."""
    holder = web.holder()
    found = credit_holds.view(
        web.reading(), holder.actor, account_id=holder.account_id, zone=holder.zone, now=web.now()
    )
    by_card = web.house().gateway(holder.gateway_account) is not None
    refs = tuple(ref for ref, _number in found.documents)
    choice = Choice("chosen" if refs else "amount", found.left.currency, refs, None if refs else found.left)
    return web.render("portal/hold.html", hold=found, by_card=by_card, choice=address_of(choice))
