"""What portal, desk and webhooks share of Flask: the House, sessions, headers, errors, pages.

Two kinds of cookie never meet: `__Host-portal` for debtors and `__Host-desk` for staff, chosen by
the path. Last-seen rides in the signed cookie, so a GET writes nothing (decision 9).
"""

from __future__ import annotations

import errno
import hashlib
import io
import ipaddress
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, wraps
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

from flask import (
    Flask,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SessionInterface, SessionMixin
from flask_babel import force_locale
from flask_login import UserMixin, current_user
from flask_wtf.csrf import CSRFError, generate_csrf
from itsdangerous import BadSignature, URLSafeTimedSerializer
from jinja2 import TemplateNotFound
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

import presentation
import presentation.editing
from models.store import Store
from receivables import guesses, links
from receivables.calendars import days
from receivables.desk import debtor_views
from receivables.desk.accounts import account_row
from receivables.desk.staff import StaffHolder, staff_holder
from receivables.documents.data import DocumentWriter
from receivables.editing.wording import TextDesk
from receivables.errors import (
    FreshNeeded,
    GatewayDown,
    LinkGone,
    NotAllowed,
    NotFound,
    ProofNeeded,
    ReceivablesError,
    Refused,
    SessionEnded,
    TooManyTries,
)
from receivables.permissions import Actor, Permission, may, require
from receivables.policy import Policy, current_policy
from receivables.ports import DocumentPress, Exports, FileStore, PaymentGateway, Sender, SmsDesk

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger("amicable.web")

DESK = "/desk"
#: Where staff look at the debtor's pages; a cookie of its own says whose and until when (A-08).
VIEW = "/as-debtor"
#: Largest body of a form, bytes (issue A, bad input); webhooks have their own.
MAX_BODY = 64 * 1024
#: Of a form with words: 100,000 letters of any alphabet as browsers send them, six bytes each.
LONG_FORM = 640 * 1024
#: End of the endpoint that mail programs post to without a form of ours (RFC 8058).
ONE_CLICK = ".opt_out_one_click"
#: Rooms whose posts bring a signature of their own, and no session.
SIGNED = ("portal_webhooks.", "portal_sms_inbound.")
#: Form fields that may be given more than once (A-09).
REPEATABLE = frozenset(
    {"account", "branch", "invoice", "line", "drop", "sent", "letter", "evidence", "proposal"}
)


class House(Protocol):
    """What views may reach of the outside, as assembly.py puts it together."""

    store: Store
    settings: Any
    files: FileStore
    documents: DocumentWriter
    presenter: presentation.Presenter
    press: DocumentPress
    exports: Exports
    sms_desk: SmsDesk | None

    def gateway(self, name: str) -> PaymentGateway | None: ...


def house() -> House:
    """The House of this application."""
    return cast(House, current_app.extensions["amicable"])


def now() -> datetime:
    """The moment of this request: one for the whole request."""
    if "now" not in g:
        clock: Callable[[], datetime] = current_app.config.get("CLOCK") or _utc_now
        g.now = clock()
    return cast(datetime, g.now)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def request_id() -> str:
    """Names this request in audit, logs and on error pages."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return cast(str, g.request_id)


def caller() -> str:
    """Network prefix of the client (/24 or /48): enough to count guesses, too little to name a person."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "0.0.0.0")  # noqa: S104
    except ValueError:
        return "unknown"
    bits = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def reading() -> Session:
    """The one state of the books that a page is made from; closed after the answer.

    For GET only: what answers a form lets go of the database before it speaks to anybody.
    """
    if "reading" not in g:
        g.reading_block = house().store.read()
        g.reading = g.reading_block.__enter__()
    return cast(Session, g.reading)


#: How long a process may go by the rules it read last, seconds.
RULES_KEPT = 5.0
_rules: WeakKeyDictionary[Store, tuple[float, Policy]] = WeakKeyDictionary()
#: How long it may go by the corrected calendars that it read last, seconds.
DAYS_KEPT = 60.0
_days_read: WeakKeyDictionary[Store, float] = WeakKeyDictionary()


def _session_rules() -> Policy:
    """The rules for time-outs of sessions, asked for on every page and read every few seconds."""
    store = house().store
    kept = _rules.get(store)
    if kept is None or time.monotonic() - kept[0] > RULES_KEPT:
        kept = _rules[store] = (time.monotonic(), policy())
        if time.monotonic() - _days_read.get(store, -DAYS_KEPT) >= DAYS_KEPT:
            read_days()
    return kept[1]


def read_days() -> None:
    """Read the corrected calendars anew; after a correction at once, else at most once a minute."""
    store = house().store
    with store.read() as database:
        days.refresh(database)
    _days_read[store] = time.monotonic()


def current_rules() -> Policy:
    """The rules for a page that only shows them; a rule that binds is asked by its action."""
    return _session_rules()


def policy() -> Policy:
    """The rules in force now."""
    with house().store.read() as database:
        return current_policy(database, now())


def limit_guesses(what: str, *, tries: int | None = None) -> None:
    """Count one try of this caller in a unit of work of its own (L-11).

    Raises: TooManyTries.
    """
    rules = policy()
    window, allowed = (
        (rules.login_window, rules.login_tries) if what == "login" else (rules.link_window, rules.link_tries)
    )
    bucket = f"{what}:{caller()}"
    house().store.run(lambda s: guesses.count(s, bucket, window=window, tries=tries or allowed, now=now()))


# --------------------------------------------------------------------------- cookies


class TwoCookies(SessionInterface):
    """Signed session cookies, one for the portal and one for the desk; a third for looks as the debtor."""

    def __init__(self, secret_key: str, *, secure: bool) -> None:
        self._secure = secure
        self._signers = {
            name: URLSafeTimedSerializer(
                secret_key, salt=f"amicable-{name}", signer_kwargs={"digest_method": hashlib.sha256}
            )
            for name in ("portal", "desk", "view")
        }

    def _which(self, path: str) -> str:
        for start, which in ((DESK, "desk"), (VIEW, "view")):
            if path == start or path.startswith(start + "/"):
                return which
        return "portal"

    def cookie_name(self, which: str) -> str:
        return f"__Host-{which}" if self._secure else f"amicable-{which}"

    def open_session(self, app: Flask, request: Any) -> SessionMixin:
        which = self._which(request.path)
        value = request.cookies.get(self.cookie_name(which))
        if not value:
            return SecureCookieSession()
        try:
            return SecureCookieSession(self._signers[which].loads(value, max_age=24 * 3600))
        except BadSignature:
            return SecureCookieSession()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        which = self._which(request.path)
        name = self.cookie_name(which)
        if not session:
            if session.modified:
                response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")
            return
        if not session.modified and name in request.cookies:
            return
        self.put(response, which, dict(session))

    def put(self, response: Response, which: str, data: dict[str, Any]) -> None:
        """Set one of the cookies in an answer, whatever page gives it."""
        response.set_cookie(
            self.cookie_name(which),
            self._signers[which].dumps(data),
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )


def open_portal_session(response: Response, token: str) -> Response:
    """Replace the pre-session by a link session (fixation: everything before is dropped)."""
    session.clear()
    session["t"] = token
    session["seen"] = int(now().timestamp())
    return response


def portal_token() -> str | None:
    """The clear session token of this browser, or None."""
    return session.get("t")


def close_portal_session(response: Response) -> Response:
    """Forget the link session in this browser."""
    session.clear()
    return response


def _check_idle(idle_seconds: float) -> None:
    seen = session.get("seen")
    moment = int(now().timestamp())
    if not isinstance(seen, int) or moment - seen > idle_seconds:
        session.clear()
        raise SessionEnded("session_idle")
    # Written once a minute: often enough for the time-out, and most answers carry no cookie.
    if moment - seen >= 60:
        session["seen"] = moment


def link_session(view: F) -> F:
    """Let a view in only behind a live link session; sets g.holder, g.language, g.zone."""

    @wraps(view)
    def inside(*args: Any, **kwargs: Any) -> Any:
        token = portal_token()
        if token is None:
            raise SessionEnded("session_ended")
        rules = _session_rules()
        if request.method in ("GET", "HEAD"):
            g.holder = links.holder(reading(), token, now=now(), request_id=request_id())
        else:
            with house().store.read() as database:
                g.holder = links.holder(database, token, now=now(), request_id=request_id())
        _check_idle(rules.debtor_idle.total_seconds())
        g.zone = g.holder.zone
        g.language = chosen_language(g.holder.language, g.holder.languages)
        unproved = rules.step_up.mode == "always" and g.holder.proved_at is None
        if unproved and not getattr(view, "before_proof", False):
            raise ProofNeeded("proof_needed", act="page")
        return view(*args, **kwargs)

    inside.owner_check = "link"  # type: ignore[attr-defined]
    return cast(F, inside)


def before_proof(view: F) -> F:
    """Let a view in before the code where the policy asks for one at the door: it shows no data (L-07)."""
    view.before_proof = True  # type: ignore[attr-defined]
    return view


#: Acts that bind or reveal: a one-time code comes before them (decision 8).
RISKY_ACTS = frozenset({"settlement", "plan_by_card", "contact_change", "hardship"})


def require_proof(act: str) -> None:
    """Ask for a one-time code before a risky act, as the policy says.

    Called by the first page of the act and again by the one that binds, so that nobody types a
    form in vain. `never` asks for none; `risky` and `always` for each of RISKY_ACTS; under `always`
    the session was proved before its first page.

    Raises:
        ProofNeeded: the answer leads to the code page, which leads back here.
    """
    if act not in RISKY_ACTS:
        raise ValueError(act)
    rules = _session_rules().step_up
    proved = holder().proved_at
    fresh = proved is not None and now() - proved < timedelta(minutes=rules.proof_minutes)
    if rules.mode != "never" and not fresh:
        raise ProofNeeded("proof_needed", act=act)


def _to_code_page(act: str) -> Response:
    """Lead to the code page, which leads back to the page that asked.

    The way back is kept in the signed cookie and is always an address of our own, so that nothing
    from outside can name it (L-17).
    """
    session["then"], session["act"] = _page_of_act(), act
    lang = request.args.get("lang")
    known = lang if lang in presentation.LANGUAGES else None
    return cast(Response, redirect(url_for("portal_codes.ask", lang=known), 303))


def _page_of_act(home: str = "/account") -> str:
    """This page, or for a form the nearest page above it that can be looked at."""
    query = request.query_string.decode("ascii", "ignore")
    if request.method in ("GET", "HEAD"):
        return f"{request.path}?{query}" if query else request.path
    routes, path = current_app.url_map.bind(""), request.path
    while path not in ("", home.rstrip("/")) and not routes.test(path, "GET"):
        path = path.rpartition("/")[0]
    return path if path not in ("", home.rstrip("/")) else home


def after_proof() -> str:
    """Where a proved session goes on: the page that asked for the proof, else the account."""
    session.pop("act", None)
    then = session.pop("then", None)
    return then if isinstance(then, str) and re.match(r"/account(?![^/?])", then) else "/account"


def asked_act() -> str:
    """The act for which this browser was led to the code page; "" when none."""
    act = session.get("act")
    return act if act in RISKY_ACTS or act == "page" else ""


def holder() -> links.Holder:
    """Who is behind this link session."""
    return cast(links.Holder, g.holder)


def visitor() -> links.Holder | None:
    """Who looks at a public page, if there is a live link session in this browser; for GET only."""
    token, rules = portal_token(), _session_rules()
    if token is None:
        return None
    try:
        found = links.holder(reading(), token, now=now(), request_id=request_id())
        _check_idle(rules.debtor_idle.total_seconds())
    except SessionEnded:
        return None
    return None if rules.step_up.mode == "always" and found.proved_at is None else found


def chosen_language(default: str, offered: tuple[str, ...]) -> str:
    """`?lang=` shows a page in another offered language and rides along (decision 2)."""
    asked = request.args.get("lang")
    return asked if asked in offered else default


def takes_files(mebibytes: int) -> Callable[[F], F]:
    """Let a form with files be larger than others: so many MiB in all, read before the view is asked."""

    def mark(view: F) -> F:
        view.largest_body = mebibytes * 1024 * 1024 + MAX_BODY  # type: ignore[attr-defined]
        return view

    return mark


def takes_words(view: F) -> F:
    """Let a form without files be as long as somebody types, so that its action can say what is too long."""
    view.largest_body = LONG_FORM  # type: ignore[attr-defined]
    return view


def text_desk() -> TextDesk:
    """What the renderer knows of its sources, for who edits them."""
    return presentation.editing


def text_rules(kind: str) -> dict[str, tuple[list[str], set[str]]]:
    """Part of a kind -> what it may name, and what it must."""
    parts = presentation.KINDS[kind].parts
    desk = presentation.editing
    return {part: (desk.placeholders(kind, part), desk.required(kind, part)) for part in parts}


def sms_segments(text: str, language: str) -> int:
    """How many segments an SMS of a text takes, its placeholders counted with the usual length of a value."""
    return presentation.editing.segments(text, language)


def known_texts() -> dict[tuple[str, str], frozenset[str]]:
    """Which messages and letters are written, in which languages; for who publishes a ladder."""
    return presentation.known_texts()


def public_page(view: F) -> F:
    """Mark a view that needs no session: its token, signature or nothing is the owner check."""
    view.owner_check = "public"  # type: ignore[attr-defined]
    return view


# --------------------------------------------------------------------------- staff


class StaffLogin(UserMixin):  # type: ignore[misc]
    """What Flask-Login keeps of a person at the desk; its id is the clear session token."""

    def __init__(self, token: str, holder: StaffHolder) -> None:
        self.token = token
        self.holder = holder

    def get_id(self) -> str:
        return self.token


def load_staff(token: str) -> StaffLogin | None:
    """Flask-Login's loader: the person behind a live desk session, or None."""
    rules = _session_rules()
    with house().store.read() as database:
        try:
            found = staff_holder(database, token, now=now(), request_id=request_id())
            _check_idle(rules.staff_idle.total_seconds())
        except SessionEnded:
            return None
    return StaffLogin(token, found)


def staff_actor() -> Actor:
    """The person at the desk as an actor.

    Raises: SessionEnded: nobody is logged in.
    """
    if not current_user.is_authenticated:
        raise SessionEnded("desk_session_ended")
    g.staff = current_user.holder
    g.language = current_user.holder.language
    view = current_app.view_functions.get(request.endpoint or "")
    if current_user.holder.must_enrol and not getattr(view, "before_enrolment", False):
        raise NotAllowed("code_needed")
    return cast(Actor, current_user.holder.actor)


def staff_may(permission: Permission) -> bool:
    """Whether the person at the desk holds a permission; for hiding what would be refused anyway."""
    return (
        current_user.is_authenticated
        and not current_user.holder.must_enrol
        and may(current_user.holder.actor, permission)
    )


def before_enrolment(view: F) -> F:
    """Let a desk view in before the second factor is enrolled that the role needs (A-04)."""
    view.before_enrolment = True  # type: ignore[attr-defined]
    return view


#: Acts before which password and code are asked for again (A-05); `admin/staff_words.py` words them.
FRESH_ACTS = frozenset({"refund", "bulk_export", "role", "factor", "alone", "publish", "bulk"})


def is_fresh() -> bool:
    """Whether password and code were given in this session within the last minutes (policy [staff])."""
    given = current_user.holder.fresh_at if current_user.is_authenticated else None
    return given is not None and now() - given < timedelta(minutes=_session_rules().staff.fresh_minutes)


def require_fresh(act: str) -> None:
    """Ask for password and code again before an act that weighs; called before the act is done.

    Where only some forms of a page weigh; a whole view says it with `needs_fresh`.

    Args:
        act: one of FRESH_ACTS.
    Raises:
        FreshNeeded: the answer leads to the page that asks, which leads back to this page, or for a
            form to the nearest page above it that can be looked at.
    """
    if act not in FRESH_ACTS:
        raise ValueError(act)
    staff_actor()
    if not is_fresh():
        raise FreshNeeded("fresh_needed", act=act)


def needs_fresh(act: str) -> Callable[[F], F]:
    """Let a desk view in only shortly after password and code were given (A-05).

    Stands below `needs`, so that the permission is asked first; put it on the page with the form as
    well as on the form's own view, so that nobody types in vain::

        @blueprint.post("/refunds/<ref>")
        @web.needs(P.REFUND_APPROVE)
        @web.needs_fresh("refund")
        def refund(ref): ...
    """
    if act not in FRESH_ACTS:
        raise ValueError(act)

    def wrap(view: F) -> F:
        @wraps(view)
        def inside(*args: Any, **kwargs: Any) -> Any:
            require_fresh(act)
            return view(*args, **kwargs)

        inside.fresh_act = act  # type: ignore[attr-defined]
        return cast(F, inside)

    return wrap


def _to_confirm_page(act: str) -> Response:
    """Lead to the page that asks for password and code, which leads back to the page that wanted them.

    The way back is kept in the signed cookie and is always an address of the desk (L-17).
    """
    session["then"], session["act"] = _page_of_act(home=DESK + "/"), act
    return cast(Response, redirect(url_for("backoffice.confirm"), 303))


def asked_again_for() -> str:
    """The act for which this browser was led to the page that asks again; "" when none."""
    act = session.get("act")
    return act if act in FRESH_ACTS else ""


def after_confirming() -> str:
    """Where a person goes on who gave password and code again: the page that wanted them, else today."""
    session.pop("act", None)
    then = session.pop("then", None)
    return then if isinstance(then, str) and re.match(r"/desk/(?![/\\])", then) else DESK + "/"


def needs(permission: Permission) -> Callable[[F], F]:
    """Let a desk view in only with a permission; the action asks again."""

    def wrap(view: F) -> F:
        @wraps(view)
        def inside(*args: Any, **kwargs: Any) -> Any:
            require(staff_actor(), permission)
            return view(*args, **kwargs)

        inside.owner_check = permission.value  # type: ignore[attr-defined]
        return cast(F, inside)

    return wrap


def open_staff_view(response: Response, ref: str, *, minutes: int) -> Response:
    """Let the person at the desk look at an account as its debtor would, for some minutes (A-08)."""
    moment = int(now().timestamp())
    behind = {"_user_id": session["_user_id"], "seen": moment, "account": ref, "until": moment + minutes * 60}
    cast(TwoCookies, current_app.session_interface).put(response, "view", behind)
    return response


def staff_view(view: F) -> F:
    """Let a look by staff in: a live desk session, its permission, its account, its minutes; reads only.

    Sets g.holder as `link_session` does, without a link; who has no look is led to the desk.
    """

    @wraps(view)
    def inside(*args: Any, **kwargs: Any) -> Any:
        ref, until = session.get("account"), session.get("until")
        if not isinstance(ref, str) or not isinstance(until, int) or not current_user.is_authenticated:
            return redirect(f"{DESK}/", 303)
        if int(now().timestamp()) >= until:
            session.clear()
            return redirect(f"{DESK}/accounts/{ref}", 303)
        actor = staff_actor()
        account = account_row(reading(), ref)
        g.holder = debtor_views.looked_at(reading(), actor, account, now=now())
        g.setdefault("reads", []).append((request.endpoint or "", account.id))
        g.zone = g.holder.zone
        g.language = chosen_language(g.holder.language, g.holder.languages)
        return view(*args, **kwargs)

    inside.owner_check = "staff"  # type: ignore[attr-defined]
    return cast(F, inside)


def banner_of_look() -> str:
    """What stands over each page of a look, in the language of who looks."""
    language: str = g.staff.language
    with force_locale(presentation.LOCALES[language]):
        return render_template(
            "portal/staff_view_banner.html",
            account=holder(),
            reader=language,
            way=presentation.direction(language),
            back=f"{DESK}/accounts/{session['account']}",
            minutes=-(-(int(session["until"]) - int(now().timestamp())) // 60),
        )


# --------------------------------------------------------------------------- pages


def render(template: str, status: int = 200, **context: Any) -> Response:
    """Render a page in the reader's language with everything base.html needs.

    Context may bring `language`, `languages`, `zone`, `sender` where there is no session.
    """
    behind: links.Holder | None = g.get("holder")
    language = context.pop("language", None) or g.get("language") or preferred_language()
    offered = context.pop("languages", None) or (behind.languages if behind else presentation.LANGUAGES)
    sender: Sender | None = context.pop("sender", None) or (behind.sender if behind else None)
    if sender is not None and language in sender.hours_in:
        sender = replace(sender, hours=sender.hours_in[language])
    g.language = language
    colour = presentation.readable_brand(sender.brand_colour if sender else "").lstrip("#").lower()
    return make_response(
        render_template(
            template,
            language=language,
            direction=presentation.direction(language),
            zone=context.pop("zone", None) or g.get("zone") or "UTC",
            languages=offered,
            lang_url=_lang_url,
            holder=behind,
            sender=sender,
            brand_url=f"/brand/{colour}.css",
            static_url=static_url,
            csrf_token=generate_csrf,
            request_id=request_id(),
            **context,
        ),
        status,
    )


def attachment(name: str, media_type: str, data: bytes) -> Response:
    """Answer with somebody's file: to be saved, never shown or run as a page of ours (X-03)."""
    answer = send_file(io.BytesIO(data), mimetype=media_type, as_attachment=True, download_name=name)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def preferred_language() -> str:
    """The browser's language where we speak it; English else."""
    asked = request.args.get("lang")
    if asked in presentation.LANGUAGES:
        return asked
    return request.accept_languages.best_match(presentation.LANGUAGES) or "en"


def runs_right_to_left() -> bool:
    """Whether the page of this request, and what it gives to take along, runs from the right."""
    return presentation.direction(g.get("language") or preferred_language()) == "rtl"


def _lang_url(code: str) -> str:
    """The same address in another language; tokens stay in the path, never in the query.

    What answers a form has no address of its own: its links lead back to the account.
    """
    if request.method not in ("GET", "HEAD"):
        return f"/account?{urlencode([('lang', code)])}"
    args = [(k, v) for k, v in request.args.items(multi=True) if k != "lang"]
    return f"{request.path}?{urlencode([*args, ('lang', code)])}"


@cache
def _file_digest(path: Path, _stamp: float) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def static_url(name: str) -> str:
    """Address of a static file with its content in it, so that it may be kept for a year."""
    room = Path(__file__).parent / ("admin/static" if request.path.startswith(DESK) else "portal/static")
    prefix = "/desk-static" if request.path.startswith(DESK) else "/static"
    path = room / name
    return f"{prefix}/{name}?v={_file_digest(path, path.stat().st_mtime)}"


# --------------------------------------------------------------------------- headers and errors

#: What the system says where a file may not grow: the disk is full, or a quota or a limit is reached.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: HTTP answer and template of each refusal; the sentence is in the template.
ANSWERS: dict[type[ReceivablesError], tuple[int, str]] = {
    NotAllowed: (403, "403"),
    NotFound: (404, "404"),
    Refused: (409, "409"),
    LinkGone: (410, "410"),
    SessionEnded: (401, "ended"),
    TooManyTries: (429, "429"),
    GatewayDown: (503, "503"),
}


def protect(app: Flask, *, checkout_origins: list[str], https: bool) -> None:
    """Install checks before, headers after, and the error map of every request."""
    csp = "; ".join(
        [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            f"form-action 'self' {' '.join(checkout_origins)}".strip(),
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "report-uri /csp-report",
        ]
    )

    @app.before_request
    def check() -> None:
        g.started = time.perf_counter()
        if request.method not in ("POST", "PUT", "PATCH", "DELETE"):
            return
        if (request.endpoint or "").startswith(SIGNED):
            return  # its own size and its own signature
        view = app.view_functions.get(request.endpoint or "")
        # Large bodies are read for somebody who is known only.
        known = bool(portal_token() or session.get("_user_id"))
        request.max_content_length = getattr(view, "largest_body", MAX_BODY) if known else MAX_BODY
        request.max_form_memory_size = LONG_FORM
        # Browsers say where a form came from; older ones are held by the CSRF token alone.
        site = request.headers.get("Sec-Fetch-Site")
        if site == "cross-site" and not (request.endpoint or "").endswith(ONE_CLICK):
            raise BadRequest("cross-site")
        for name in request.form:
            if name not in REPEATABLE and len(request.form.getlist(name)) > 1:
                raise BadRequest("repeated")
        # No sign of writing; a database refuses it in the middle of an act. The desk's forms, which
        # take free text, answer at the field instead.
        on_desk = request.path.startswith(DESK)
        if not on_desk and any("\x00" in value for value in request.form.values()):
            raise BadRequest("nul")

    @app.teardown_request
    def let_go(_error: BaseException | None) -> None:
        block = g.pop("reading_block", None)
        if block is not None:
            g.pop("reading")
            block.__exit__(None, None, None)

    @app.after_request
    def headers(response: Response) -> Response:
        h = response.headers
        h.setdefault("Content-Security-Policy", csp)
        h["Referrer-Policy"] = "no-referrer"
        h["X-Content-Type-Options"] = "nosniff"
        h["Cross-Origin-Opener-Policy"] = "same-origin"
        h["Cross-Origin-Resource-Policy"] = "same-origin"
        h["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        h["X-Frame-Options"] = "DENY"
        h["X-Request-Id"] = request_id()
        h.setdefault("Cache-Control", "no-store")
        if https:
            h["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        log.info(
            "request",
            extra={
                "facts": {
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
                    "request": request_id(),
                }
            },
        )
        return response

    @app.errorhandler(ReceivablesError)
    def refused(error: ReceivablesError) -> Response:
        if isinstance(error, ProofNeeded):
            return _to_code_page(str(error.facts.get("act", "")))
        if isinstance(error, FreshNeeded):
            return _to_confirm_page(str(error.facts.get("act", "")))
        status, name = next(answer for kind, answer in ANSWERS.items() if isinstance(error, kind))
        return error_page(status, name, code=error.code, facts=error.facts)

    @app.errorhandler(CSRFError)
    def no_csrf(error: CSRFError) -> Response:
        return error_page(400, "400", code="form_expired", facts={})

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        if isinstance(error, RequestEntityTooLarge):
            return error_page(413, "413", code="too_large", facts={})
        status = error.code or 500
        known = {400, 403, 404, 409, 410, 413, 429, 500, 503}
        code = str(error.description) if isinstance(error, BadRequest) else "http"
        answer = error_page(status, str(status if status in known else 400 if status < 500 else 500),
                            code=code, facts={})  # fmt: skip
        if status == 405:
            answer.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or [])
        return answer

    @app.errorhandler(OperationalError)
    def database_away(error: DBAPIError) -> Response:
        # Whether its last commit arrived is not known, so the page promises nothing (FT-21, FT-22).
        log.exception("database away", extra={"facts": {"request": request_id()}})
        return error_page(503, "500", code="database_away", facts={})

    @app.errorhandler(InternalError)
    def database_troubled(error: InternalError) -> Response:
        # Class XX is PostgreSQL's own trouble, for example with a file of its that may not grow.
        its_own = str(getattr(error.orig, "sqlstate", None) or "").startswith("XX")
        return database_away(error) if its_own else unexpected(error)

    @app.errorhandler(OSError)
    def no_room(error: OSError) -> Response:
        if error.errno not in NO_ROOM:
            return unexpected(error)
        # An uploaded file has no room: nothing of it stays, and with room again it is taken (FT-22).
        log.exception("no room", extra={"facts": {"request": request_id()}})
        return error_page(503, "500", code="no_room", facts={})

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected", extra={"facts": {"request": request_id()}})
        return error_page(500, "500", code="unexpected", facts={})


def error_page(status: int, name: str, *, code: str, facts: dict[str, Any]) -> Response:
    """Answer with the page of an error in the reader's language; never with a trace."""
    room = "backoffice/errors" if request.path.startswith(DESK) else "errors"
    for template in (f"{room}/{name}.html", f"errors/{name}.html"):
        try:
            current_app.jinja_env.get_template(template)
        except TemplateNotFound:
            continue
        return render(template, status, code=code, facts=facts)
    return make_response(f"{status}\n", status)


def checkout_origins(settings: Any) -> list[str]:
    """Origins to which the pay form may lead (stripe.md 3).

    Stripe's page, with the domain that an account has of its own for it, or the stand-in in the demo.
    """
    accounts = settings.stripe_accounts.values()
    bases = [urlsplit(keys.api_base or "https://checkout.stripe.com") for keys in accounts]
    own = {keys.checkout_origin for keys in accounts if keys.checkout_origin}
    return sorted({f"{base.scheme}://{base.netloc}" for base in bases} | own)
