"""The web pages: the list of messages, one message, its parts. Nothing here changes anything."""

import re
import unicodedata
from urllib.parse import quote

from flask import Blueprint, Response, abort, render_template, request

from sandbox.mailbox import letters, links, segments
from sandbox.mailbox.faults import Faults
from sandbox.mailbox.store import Message, Store

ROWS_A_PAGE = 50
WATCH_SECONDS = 5
# A mail is a stranger's page: no script, no form, no image, nothing fetched; a link opens a tab of its own.
HTML_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_NEW_TAB = '<base target="_blank">'


def make(store: Store, faults: Faults, smtp_port: int) -> Blueprint:
    """Build the pages.

    Args:
        store: the messages.
        faults: shown on the list while armed.
        smtp_port: named on the empty list.
    """
    pages = Blueprint("pages", __name__)
    pages.add_app_template_filter(links.clickable, "clickable")
    pages.add_app_template_filter(_moment, "moment")
    pages.add_app_template_filter(_short_moment, "short_moment")
    pages.add_app_template_filter(_snippet, "snippet")

    def wanted(message_id: int) -> Message:
        return store.one(message_id) or abort(404, "There is no such message. It may have been cleared.")

    @pages.get("/")
    def listing() -> Response:
        asked = {name: request.args.get(name, "").strip() for name in ("to", "channel", "q")}
        found = store.find(
            part_of_recipient=asked["to"],
            channel=asked["channel"],
            words=asked["q"],
            before=request.args.get("before", 0, type=int),
            newest_first=True,
            limit=ROWS_A_PAGE + 1,
        )
        watching = request.args.get("watch") == "1"
        answer = Response(
            render_template(
                "list.html",
                messages=found[:ROWS_A_PAGE],
                older=found[ROWS_A_PAGE - 1].id if len(found) > ROWS_A_PAGE else None,
                total=store.count(),
                asked={name: value for name, value in asked.items() if value},
                recipients=store.recipients(),
                watching=watching,
                watch_seconds=WATCH_SECONDS,
                faults=faults.waiting(),
                smtp_port=smtp_port,
            )
        )
        if watching:
            answer.headers["Refresh"] = str(WATCH_SECONDS)
        return answer

    @pages.get("/m/<int:message_id>")
    def message(message_id: int) -> str:
        shown = wanted(message_id)
        letter = letters.read(store.raw(shown.id)) if shown.channel == "mail" else letters.Letter()
        older, newer = store.neighbours(shown.id)
        cost = segments.measure(shown.text) if shown.channel == "sms" else None
        return render_template(
            f"{shown.channel}.html",
            message=shown,
            letter=letter,
            links=links.of(shown.text, shown.html),
            older=older,
            newer=newer,
            repeats=store.repeats(shown),
            cost=cost,
            forced_by=[(_glyph(c), f"U+{ord(c):04X}") for c in (cost.forced_by if cost else "")[:3]],
        )

    @pages.get("/m/<int:message_id>/html")
    def html(message_id: int) -> Response:
        shown = wanted(message_id)
        if not shown.html:
            abort(404, "This message has no HTML part.")
        answer = Response(_with_new_tabs(shown.html), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = HTML_POLICY
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    @pages.get("/m/<int:message_id>/raw")
    def raw(message_id: int) -> Response:
        shown = wanted(message_id)
        kind, ending = ("message/rfc822", "eml") if shown.channel == "mail" else ("application/json", "json")
        return _download(store.raw(shown.id), kind, f"message-{shown.id}.{ending}")

    @pages.get("/m/<int:message_id>/attachment/<int:number>")
    def attachment(message_id: int, number: int) -> Response:
        files = letters.read(store.raw(wanted(message_id).id)).attachments
        if number >= len(files):
            abort(404, "This message has no such attachment.")
        return _download(files[number].content, "application/octet-stream", files[number].name)

    return pages


def _download(content: bytes, mimetype: str, name: str) -> Response:
    answer = Response(content, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return answer


def _with_new_tabs(html: str) -> str:
    """Make links open a new tab; the base goes where it leaves the document's mode as it was."""
    place = _HEAD.search(html) or _DOCTYPE.match(html)
    at = place.end() if place else 0
    return html[:at] + _NEW_TAB + html[at:]


def _moment(message: Message) -> str:
    at = message.received_at
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def _short_moment(message: Message) -> str:
    return f"{message.received_at.day} {message.received_at:%b, %H:%M}"


def _snippet(message: Message) -> str:
    return " ".join(message.text.split())[:240]


def _glyph(character: str) -> str:
    """Show a character that has no shape of its own by its name."""
    if unicodedata.category(character) in ("Cf", "Cc", "Zs", "Zl", "Zp"):
        return unicodedata.name(character, "control character").lower()
    return character
