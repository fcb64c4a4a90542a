"""The web side put together: pages, API and SMS sink, and the headers and refusals they share."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, Response, abort, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from sandbox.mailbox import api, pages
from sandbox.mailbox.faults import Faults
from sandbox.mailbox.store import Store

MOST_BYTES = 1_000_000
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def create_site(store: Store, faults: Faults, *, host: str, smtp_port: int) -> Flask:
    """Build the web side.

    Args:
        store: where messages are read and SMS are kept.
        faults: shared with the SMTP sink.
        host: the address listened on; on loopback only loopback names are answered.
        smtp_port: shown on the page, so that somebody can point a program at it.
    """
    site = Flask(__name__)
    site.debug = False  # Flask would take it from the environment
    site.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    site.jinja_env.trim_blocks = site.jinja_env.lstrip_blocks = True
    site.register_blueprint(pages.make(store, faults, smtp_port))
    site.register_blueprint(api.make(store, faults, smtp_port))

    @site.before_request
    def refuse_strangers() -> None:
        if _is_loopback(host) and not _is_loopback(_name_of(request.host)):
            abort(400, "This mailbox answers to localhost only.")  # another site's name that resolves to us
        origin = request.headers.get("Origin")
        if request.method not in ("GET", "HEAD") and origin not in (None, request.host_url.rstrip("/")):
            abort(403, "Only the mailbox's own pages may do this.")

    @site.after_request
    def guard(answer: Response) -> Response:
        answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        answer.headers.setdefault("Referrer-Policy", "same-origin")
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if not request.path.startswith("/static/"):
            answer.headers["Cache-Control"] = "no-store"
        return answer

    @site.errorhandler(HTTPException)
    def say_why(error: HTTPException) -> Response | tuple[Response | str, int]:
        code = error.code or 500
        if request.path.startswith(("/api/", "/sms")):
            return jsonify(error=error.description), code
        return render_template("error.html", error=error), code

    return site


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
