"""Where the card page sends people back: four truths, read from our rows, without a session."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

import web
from models.states import AttemptStatus
from portal.preferences import carry_language
from receivables.payments import attempts, settling

blueprint = Blueprint("portal_returns", __name__)
blueprint.url_defaults(carry_language)

#: Ends that may come any minute: the page looks again by itself.
PENDING = frozenset({AttemptStatus.CREATED, AttemptStatus.OPEN, AttemptStatus.UNKNOWN})
LOOKS_AGAIN_SECONDS = "10"


@blueprint.get("/r/<ref>")
@web.public_page
def truth(ref: str) -> Response:
    """Show what is known of a payment: status, amount and creditor only (decision 10)."""
    with web.house().store.read() as session:
        view = attempts.return_view(session, ref, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    pending = view.status in PENDING
    answer = web.render(
        "portal/return.html", payment=view, sender=view.sender, languages=view.languages, zone=view.zone,
        left=request.args.get("left") == "1", looks_again=pending,
    )  # fmt: skip
    if pending:
        answer.headers["Refresh"] = LOOKS_AGAIN_SECONDS
    return answer


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
