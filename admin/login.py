"""Signing in with e-mail, password and time-based code; signing out (A-04, L-10, L-11)."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from flask import Response, redirect, request, session, url_for
from flask_login import current_user, login_user

import web
from admin.forms import LoginForm
from admin.shell import blueprint, signed_in
from receivables import guesses
from receivables.desk import passwords, staff
from receivables.desk import reads as desk_reads
from receivables.desk.devices import device_of
from receivables.errors import TooManyTries


@blueprint.get("/login")
@web.public_page
def login() -> Response:
    """The sign-in page; whoever is signed in goes on."""
    if current_user.is_authenticated:
        return _onward(request.args.get("next", ""))
    return _ask(LoginForm(formdata=None, next=request.args.get("next", "")))


@blueprint.post("/login")
@web.public_page
def log_in() -> Response:
    """Check and open a session; every wrong combination is answered the same."""
    form = LoginForm()
    web.limit_guesses("login")
    _limit_name(form.email.data)
    token = _open(form) if form.validate() else None
    if token is None:
        return _ask(LoginForm(formdata=None, email=form.email.data, next=form.next.data), refused=True)
    with web.house().store.read() as database:
        holder = staff.staff_holder(database, token, now=web.now(), request_id=web.request_id())
    session.clear()  # nothing from before signing in is kept (fixation)
    login_user(web.StaffLogin(token, holder))
    session["seen"] = int(web.now().timestamp())
    if holder.must_enrol:
        return redirect(url_for("backoffice.profile_code"), 303)  # type: ignore[return-value]
    return _onward(form.next.data)


@blueprint.post("/logout")
@web.before_enrolment
@signed_in
def log_out() -> Response:
    """End this session; others of the same person stay."""
    actor, token = web.staff_actor(), current_user.token
    web.house().store.run(lambda s: staff.log_out(s, actor, token, now=web.now()))
    session.clear()
    return redirect(url_for("backoffice.login", left=1), 303)  # type: ignore[return-value]


def _ask(form: LoginForm, *, refused: bool = False) -> Response:
    return web.render(
        "backoffice/login.html",
        401 if refused else 200,
        form=form,
        refused=refused,
        left="left" in request.args,
        chosen="chosen" in request.args,
        policy=web.policy(),
    )


def _limit_name(email: str) -> None:
    """Count tries for one name too, from wherever they come."""
    rules, name, store = (
        web.policy(),
        hashlib.sha256(email.casefold().encode()).hexdigest()[:32],
        web.house().store,
    )
    try:
        store.run(
            lambda s: guesses.count(
                s, f"login-name:{name}", window=rules.login_window, tries=rules.login_tries, now=web.now()
            )
        )
    except TooManyTries:
        store.run(lambda s: staff.tell_locked_out(s, email, window=rules.login_window, now=web.now()))
        raise


def _open(form: LoginForm) -> str | None:
    """Open a session and return its clear token, or None.

    The password is checked before the unit of work: the hash is slow on purpose, and one writer
    at a time must not wait for it.
    """
    email, password, store = form.email.data, form.password.data, web.house().store
    with store.read() as database:
        stored = desk_reads.stored_password(database, email)
    right = passwords.verify_password(stored, password)
    opened = store.run(
        lambda s: staff.log_in(
            s,
            email=email,
            password=password,
            code=form.code.data,
            verify_password=lambda known, _typed: right and known == stored,
            code_step=passwords.code_step,
            policy=web.policy(),
            now=web.now(),
            request_id=web.request_id(),
            device=device_of(request.headers.get("User-Agent", "")),
            place=web.caller(),
        )
    )
    return opened[0] if opened else None


def _onward(path: str) -> Response:
    """Go to a page of the desk, and to no other place whatever the address says."""
    parts = urlsplit(path)
    ours = (
        not parts.scheme and not parts.netloc and parts.path.startswith(web.DESK + "/") and "\\" not in path
    )
    return redirect(path if ours else url_for("backoffice.today"), 303)  # type: ignore[return-value]
