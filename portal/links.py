"""Doors by token: the payment link, a fresh one, and the way out of reminders.

A GET looks and changes nothing, however often scanners follow it (L-04); a POST acts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

import web
from portal.preferences import carry_language
from receivables import links
from receivables.contact import consents
from receivables.errors import LinkGone

blueprint = Blueprint("portal_links", __name__)
blueprint.url_defaults(carry_language)

#: Which wording of the opt-out page a person saw; a new one gets a new number (C-07).
OPT_OUT_TEXT = "opt_out_page/1"
OPT_IN_TEXT = "opt_in_page/1"


@blueprint.get("/l/<token>")
@web.public_page
def landing(token: str) -> Response:
    """Show who asks and one button; nothing of the account."""
    with web.house().store.read() as session:
        found = links.look(session, token, now=web.now())
    return web.render(
        "portal/landing.html", landing=found, sender=found.sender, languages=found.languages, token=token,
        language=web.chosen_language(found.language, found.languages), host=request.host,
    )  # fmt: skip


@blueprint.post("/l/<token>")
@web.public_page
def redeem(token: str) -> Answer:
    """Open a link session and go on to an address without the token (L-05)."""
    rules = web.policy()
    with _counting_guesses("link"):
        opened, _actor = web.house().store.run(
            lambda s: links.redeem(
                s, token, policy=rules, now=web.now(), request_id=web.request_id(),
                device=device_of(request.user_agent.string),
            )
        )  # fmt: skip
    onward = make_response(redirect(url_for("portal_overview.account"), 303))
    return web.open_portal_session(onward, opened)


@contextmanager
def _counting_guesses(what: str) -> Iterator[None]:
    """Count a try that found nothing as a guess of this caller (L-11).

    A live token is no guess: many people and mail programs stand behind one address, and nobody who
    holds what we sent him is turned away because of others.

    Raises: TooManyTries, LinkGone.
    """
    try:
        yield
    except LinkGone:
        web.limit_guesses(what)
        raise


#: Mark in a user agent -> what its owner calls it; the first that fits, since each claims to be others.
BROWSERS = {
    "SamsungBrowser/": "Samsung Internet", "EdgA/": "Edge", "EdgiOS/": "Edge", "Edg/": "Edge",
    "OPR/": "Opera", "OPX/": "Opera", "YaBrowser/": "Yandex", "DuckDuckGo/": "DuckDuckGo",
    "FxiOS/": "Firefox", "Firefox/": "Firefox", "CriOS/": "Chrome", "Chrome/": "Chrome",
    "Safari/": "Safari",
}  # fmt: skip
SYSTEMS = {
    "iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "ChromeOS",
    "Mac OS X": "Mac", "Linux": "Linux",
}  # fmt: skip


def device_of(user_agent: str) -> str | None:
    """Name a browser and its system in two words; the user agent itself is kept nowhere (L-16).

    >>> device_of("Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0")
    'Firefox/Android'
    """
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return f"{browser}/{system}" if browser or system else None


@blueprint.get("/l/<token>/fresh")
@web.public_page
def fresh_again(token: str) -> Answer:
    """A reloaded or translated answer goes back to the link itself."""
    return redirect(url_for("portal_links.landing", token=token), 303)


@blueprint.post("/l/<token>/fresh")
@web.public_page
def fresh(token: str) -> Response:
    """Ask for a fresh link; the answer is the same for every token (decision 7)."""
    web.limit_guesses("fresh")
    rules = web.policy()
    web.house().store.run(lambda s: links.ask_fresh(s, token, policy=rules, now=web.now()))
    return web.render("portal/fresh.html")


# --------------------------------------------------------------------------- the way out


@blueprint.get("/x/<token>")
@web.public_page
def opt_out(token: str) -> Response:
    """Show what an opt-out link stops, or that it is stopped."""
    with web.house().store.read() as session:
        view = consents.opt_out_view(session, token, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    return web.render(
        "portal/opt_out.html", view=view, sender=view.sender, languages=view.languages, token=token,
        text_shown=opt_out_words(), text_again=opt_in_words(),
    )  # fmt: skip


@blueprint.post("/x/<token>")
@web.public_page
def stop(token: str) -> Answer:
    """Stop reminders to one address on one channel, and show that it is done."""
    with _counting_guesses("opt_out"), web.house().store.read() as session:
        view = consents.opt_out_view(session, token, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    _choose(token, consents.Shown(opt_out_words(), OPT_OUT_TEXT, "page", web.caller()), wanted=False)
    return redirect(url_for("portal_links.opt_out", token=token), 303)


@blueprint.get("/x/<token>/again")
@web.public_page
def again_by_hand(token: str) -> Answer:
    """A reloaded or translated answer of *again* goes back to the page itself."""
    return redirect(url_for("portal_links.opt_out", token=token), 303)


@blueprint.post("/x/<token>/again")
@web.public_page
def again(token: str) -> Answer:
    """Take reminders up again where they were stopped (C-06)."""
    with _counting_guesses("opt_out"), web.house().store.read() as session:
        view = consents.opt_out_view(session, token, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    _choose(token, consents.Shown(opt_in_words(), OPT_IN_TEXT, "page", web.caller()), wanted=True)
    return redirect(url_for("portal_links.opt_out", token=token), 303)


@blueprint.get("/x/<token>/one-click")
@web.public_page
def opt_out_by_hand(token: str) -> Answer:
    """Mail programs that open the one-click address in a browser get the page with the button."""
    return redirect(url_for("portal_links.opt_out", token=token), 303)


@blueprint.post("/x/<token>/one-click")
@web.public_page
def opt_out_one_click(token: str) -> Response:
    """Stop at the mail program's own button (RFC 8058): no cookie, no CSRF token, no page."""
    if request.form.get("List-Unsubscribe") != "One-Click":
        raise BadRequest("not_one_click")
    shown = consents.Shown("List-Unsubscribe=One-Click", OPT_OUT_TEXT, "one_click", web.caller())
    with _counting_guesses("opt_out"):
        _choose(token, shown, wanted=False)
    return Response("", 200, content_type="text/plain; charset=utf-8")


def opt_out_words() -> str:
    """What the page says a click does; stored with the consent as shown."""
    sentence: str = _(
        "No more reminders will come to this address. Your invoices stay as they are, "
        "and the link in your last message still opens them."
    )
    return sentence


def opt_in_words() -> str:
    """What the page says that taking up again does; stored with the consent as shown."""
    sentence: str = _("Reminders about open invoices will come to this address again.")
    return sentence


def _choose(token: str, shown: consents.Shown, *, wanted: bool) -> None:
    web.house().store.run(
        lambda s: consents.choose_by_link(s, token, wanted=wanted, shown=shown, now=web.now())
    )
