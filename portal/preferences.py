"""The debtor's own choices about this page: its language, and closing it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

import web
from portal import forms
from receivables import links

blueprint = Blueprint("portal_preferences", __name__)


def carry_language(endpoint: str, values: dict[str, Any]) -> None:
    """Let `?lang=` ride along to every page of ours (decision 2); the page reads only what is offered."""
    asked = request.args.get("lang", "") if request else ""
    if len(asked) == 2 and asked.isalpha():
        values.setdefault("lang", asked)


blueprint.url_defaults(carry_language)


@blueprint.post("/account/language")
@web.link_session
@web.before_proof
def language() -> Answer:
    """Keep the language of the page for pages and messages to come."""
    chosen = forms.single(request.form, "language")
    actor = web.holder().actor
    web.house().store.run(lambda s: links.choose_language(s, actor, chosen, now=web.now()))
    return redirect(url_for("portal_overview.account", lang=None), 303)


@blueprint.post("/account/leave")
@web.link_session
@web.before_proof
def leave() -> Answer:
    """Close the account page on this device."""
    token, actor = web.portal_token(), web.holder().actor
    web.house().store.run(lambda s: links.log_out(s, actor, token or "", now=web.now()))
    onward = make_response(redirect(url_for("portal_preferences.left", lang=g.language), 303))
    return web.close_portal_session(onward)


@blueprint.get("/left")
@web.public_page
def left() -> Response:
    """Say that it is closed, and how to come back."""
    return web.render("portal/left.html")
