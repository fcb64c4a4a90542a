"""Where the card page sends people back: four truths, read from our rows, without a session."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

import web
from models.states import AttemptStatus
from portal.preferences import carry_language
from receivables import surveys
from receivables.payments import attempts, settling
from receivables.permissions import Permission, may

blueprint = Blueprint("portal_returns", __name__)
blueprint.url_defaults(carry_language)

#: Ends that may come any minute: the page looks again by itself.
PENDING = frozenset({AttemptStatus.CREATED, AttemptStatus.OPEN, AttemptStatus.UNKNOWN})
LOOKS_AGAIN_SECONDS = "10"
#: Where the payment confirmation is, typeset.
CONFIRMATION = "portal_documents.payment_pdf"


@blueprint.get("/r/<ref>")
@web.public_page
def truth(ref: str) -> Response:
    """Show what is known of a payment: status, amount and creditor only (decision 10).

    Once it is paid, the payer himself, in his session, finds his confirmation and one question too.
    """
    view = attempts.return_view(web.reading(), ref, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    pending = view.status in PENDING
    answer = web.render(
        "portal/return.html", payment=view, sender=view.sender, languages=view.languages, zone=view.zone,
        left=request.args.get("left") == "1", looks_again=pending,
        **_beside_the_thanks(ref if view.status is AttemptStatus.SUCCEEDED else None),
    )  # fmt: skip
    if pending:
        answer.headers["Refresh"] = LOOKS_AGAIN_SECONDS
    return answer


def _beside_the_thanks(ref: str | None) -> dict[str, Any]:
    """What a paid page offers: the shop, and to the payer himself his confirmation and one question."""
    thanks = surveys.thanks(web.reading(), ref) if ref else None
    visitor = web.visitor() if thanks else None
    if thanks is None or visitor is None or visitor.account_id != thanks.account_id:
        return {"thanks": thanks, "confirmation_url": None, "asks": False}
    asks = surveys.may_be_asked(web.reading(), visitor.actor, thanks, now=web.now())
    may_read = may(visitor.actor, Permission.DOCUMENT_READ)
    known = may_read and CONFIRMATION in current_app.view_functions
    url = url_for(CONFIRMATION, ref=thanks.payment_ref) if known else None
    return {"thanks": thanks, "confirmation_url": url, "asks": asks}


@blueprint.post("/r/<ref>/check")
@web.public_page
def check(ref: str) -> Answer:
    """Ask the gateway now, then show the truth again."""
    web.limit_guesses("check")
    with web.house().store.read() as session:
        view = attempts.return_view(session, ref, now=web.now())
    gateway = web.house().gateway(view.gateway_account)
    if gateway is not None:
        settling.settle(web.house().store, gateway, ref, now=web.now())
    return redirect(url_for("portal_returns.truth", ref=ref), 303)
