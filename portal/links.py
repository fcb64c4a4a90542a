"""Doors by token: the payment link, a fresh one, and the way out of reminders.

A GET looks and changes nothing, however often scanners follow it (L-04); a POST acts.
"""

from __future__ import annotations

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as Answer

import web
from portal.preferences import carry_language
from receivables import links
from receivables.contact import consents

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
    web.limit_guesses("link")
    rules = web.policy()
    opened, _actor = web.house().store.run(
        lambda s: links.redeem(
            s, token, policy=rules, now=web.now(), request_id=web.request_id(),
            device=device_of(request.user_agent.string),
        )
    )  # fmt: skip
    onward = make_response(redirect(url_for("portal_overview.account"), 303))
    return web.open_portal_session(onward, opened)


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
    web.limit_guesses("opt_out")
    with web.house().store.read() as session:
        view = consents.opt_out_view(session, token, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    _record(token, opt_out_words(), source="page")
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
    web.limit_guesses("opt_out")
    with web.house().store.read() as session:
        view = consents.opt_out_view(session, token, now=web.now())
    g.language = web.chosen_language(view.language, view.languages)
    words = opt_in_words()
    web.house().store.run(
        lambda s: consents.opt_in(
            s, token, text_shown=words, text_version=OPT_IN_TEXT, source="page",
            ip_prefix=web.caller(), now=web.now(),
        )
    )  # fmt: skip
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
    web.limit_guesses("opt_out")
    if request.form.get("List-Unsubscribe") != "One-Click":
        raise BadRequest("not_one_click")
    _record(token, "List-Unsubscribe=One-Click", source="one_click")
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


def _record(token: str, text_shown: str, *, source: str) -> None:
    web.house().store.run(
        lambda s: consents.opt_out(
            s, token, text_shown=text_shown, text_version=OPT_OUT_TEXT, source=source,
            ip_prefix=web.caller(), now=web.now(),
        )
    )  # fmt: skip
