"""The code page: a one-time code before a risky act, then back to the page that asked (decision 8).

Under the policy's mode `always` it stands before the first page with data, so it shows none (L-07).
"""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

import web
from models.links import Channel
from portal import forms
from portal.preferences import carry_language
from receivables.errors import Refused, TooManyTries
from receivables.people import codes

blueprint = Blueprint("portal_codes", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/code")
@web.link_session
@web.before_proof
def ask() -> Answer:
    """Ask where the code shall go, or for the code that is on its way."""
    return _page(other="other" in request.args)


@blueprint.post("/account/code")
@web.link_session
@web.before_proof
def prove() -> Answer:
    """Try the typed code; the right one leads back to where it was asked for."""
    holder, typed = web.holder(), forms.single(request.form, "code")
    try:
        tried = web.house().store.run(
            lambda s: codes.prove(s, holder.actor, holder.session_id, typed, now=web.now())
        )
    except Refused as error:
        return _page(error=forms.Problem("code", error.code, error.facts), typed=typed)
    if not tried.right:
        code = "code_wrong" if tried.left else "code_over"
        return _page(error=forms.Problem("code", code, {"left": tried.left}), typed=typed)
    return redirect(web.after_proof(), 303)


@blueprint.get("/account/code/send")
@web.link_session
@web.before_proof
def send_again() -> Answer:
    """A reloaded or translated answer of *send* goes back to the code page."""
    return redirect(url_for("portal_codes.ask"), 303)


@blueprint.post("/account/code/send")
@web.link_session
@web.before_proof
def send() -> Answer:
    """Send a code to a contact on file."""
    holder = web.holder()
    contact_ref, channel = read_where(forms.single(request.form, "to"))
    try:
        web.house().store.run(
            lambda s: codes.ask_code(
                s, holder.actor, holder.session_id, contact_ref, channel,
                caller=web.caller(), now=web.now(), act=web.asked_act(),
            )
        )  # fmt: skip
    except TooManyTries as error:
        return _page(error=forms.Problem("to", error.code, error.facts), status=429)
    return redirect(url_for("portal_codes.ask"), 303)


def read_where(text: str) -> tuple[str, Channel]:
    """Read the address that was chosen, "<contact ref>:email".

    Raises:
        BadRequest: not one that we wrote.
    """
    ref, _, channel = text.partition(":")
    try:
        return ref, Channel(channel)
    except ValueError:
        raise BadRequest("unknown_choice") from None


def _page(
    *, error: forms.Problem | None = None, typed: str = "", other: bool = False, status: int = 422
) -> Answer:
    holder = web.holder()
    with web.house().store.read() as session:
        addresses = codes.addresses(session, holder.actor)
        waiting = codes.pending(session, holder.session_id, codes.STEP_UP, now=web.now())
        rules = web.current_rules().step_up
    if error is not None and error.field == "code" and waiting is None:
        # The field is gone with the code: what remains is to have another sent.
        error = forms.Problem("to", "code_over" if error.code == "code_wrong" else error.code, error.facts)
    return web.render(
        "portal/code.html", status if error else 200,
        addresses=addresses, waiting=None if other else waiting, error=error, typed=typed,
        act=web.asked_act(), rules=rules,
    )  # fmt: skip
