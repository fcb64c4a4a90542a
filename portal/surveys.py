"""One question after paying: how easy it was, and a free comment; once for a payment."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

import web
from portal import forms
from portal.preferences import carry_language
from receivables import surveys
from receivables.errors import Refused

blueprint = Blueprint("portal_surveys", __name__)
blueprint.url_defaults(carry_language)


@blueprint.get("/account/survey/<ref>")
@web.link_session
def ask(ref: str) -> Answer:
    """Show the question, or thanks when it was answered."""
    return _page(ref, None)


def _page(ref: str, refused: Refused | None) -> Answer:
    with web.house().store.read() as session:
        question = surveys.question(session, web.holder().actor, ref)
    typed, error = request.form if refused else {}, None
    if refused is not None:
        field = "s1" if refused.code == "score_missing" else "comment"
        error = forms.Problem(field, refused.code, refused.facts)
    return web.render(
        "portal/survey.html", 422 if refused else 200, question=question, error=error,
        score=typed.get("score", ""), comment=typed.get("comment", ""),
    )  # fmt: skip


@blueprint.post("/account/survey/<ref>")
@web.takes_words
@web.link_session
def answer(ref: str) -> Answer:
    """Keep the answer; a second one changes nothing."""
    actor = web.holder().actor
    score, comment = forms.single(request.form, "score"), forms.single(request.form, "comment")
    try:
        web.house().store.run(
            lambda s: surveys.answer(
                s, actor, ref, score=int(score) if score in "12345" and score else None, comment=comment,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _page(ref, error)
    return redirect(url_for("portal_surveys.ask", ref=ref), 303)
