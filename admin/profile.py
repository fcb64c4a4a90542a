"""One's own page at the desk: language, password, authenticator app, recovery codes, sessions.

And the page that asks for password and code again before an act that weighs (A-04, A-05, A-06).
"""

from __future__ import annotations

from typing import Any

from flask import Response, redirect, url_for
from flask_login import current_user

import web
from admin.shell import blueprint, done, page
from admin.staff_forms import CodeForm, ConfirmForm, LanguageForm, OwnPasswordForm
from models.staff import Staff
from receivables import guesses
from receivables.desk import invitations, passwords, people, recovery, second_factor, staff_sessions
from receivables.desk.staff import CODE_ROLES, StaffHolder, staff_holder
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.ways import link_code

P = Permission
HERE = "backoffice.profile"


def _me() -> StaffHolder:
    holder: StaffHolder = current_user.holder
    return holder


@blueprint.get("/profile")
@web.needs(P.PROFILE_KEEP)
def profile() -> Response:
    """What the desk knows of its reader, and what he may change of it."""
    return _profile()


def _profile(status: int = 200, **forms: Any) -> Response:
    actor, me = web.staff_actor(), _me()
    with web.house().store.read() as database:
        sessions = staff_sessions.own_sessions(database, actor, now=web.now())
        left = recovery.left_of(database, me.staff_id)
    return page(
        "backoffice/profile.html", status, here=HERE, me=me, sessions=sessions, left=left,
        required=me.role in CODE_ROLES, least=_least(me),
        **{"own": OwnPasswordForm(formdata=None), "language_form": LanguageForm(formdata=None)} | forms,
    )  # fmt: skip


def _least(me: StaffHolder) -> int:
    return passwords.WITH_CODE if me.has_code or me.role in CODE_ROLES else passwords.ALONE


@blueprint.post("/profile/language")
@web.needs(P.PROFILE_KEEP)
def choose_language() -> Response:
    """Speak another language from now on."""
    form, actor = LanguageForm(), web.staff_actor()
    if not form.validate():
        return _profile(422, language_form=form)
    web.house().store.run(lambda s: people.choose_language(s, actor, form.language.data, now=web.now()))
    return done("language_chosen", HERE)


@blueprint.post("/profile/password")
@web.needs(P.PROFILE_KEEP)
def change_password() -> Response:
    """Another password, for who knows the one until now; other sessions end."""
    form, actor, me = OwnPasswordForm(), web.staff_actor(), _me()
    if not form.validate():
        return _profile(422, own=form)
    _count("password")
    if not _is_password(form.present.data):
        form.present.errors = ["password_wrong"]
        return _profile(422, own=form)
    hashed = hash_or_say(form, with_code=_least(me) == passwords.WITH_CODE, about=(me.name, me.email))
    if hashed is None:
        return _profile(422, own=form)
    web.house().store.run(
        lambda s: invitations.set_password(
            s, actor, s.get_one(Staff, me.staff_id), hashed, keep=me.session_id, now=web.now()
        )
    )
    return done("password_changed", HERE)


def hash_or_say(form: Any, *, with_code: bool, about: tuple[str, ...]) -> str | None:
    """Hash what was chosen, outside any unit of work; or say at the field what is wrong with it."""
    try:
        return passwords.hash_password(form.password.data, with_code=with_code, about=about)
    except Refused as error:
        form.password.errors = [error.code]
        return None


def _is_password(typed: str) -> bool:
    with web.house().store.read() as database:
        stored = database.get_one(Staff, _me().staff_id).password_hash
    return passwords.verify_password(stored, typed)


def _count(what: str) -> None:
    """Count one try of this person, whatever browser it comes from (L-11). Raises: TooManyTries."""
    rules, bucket = web.policy(), f"staff-{what}:{_me().staff_id}"
    web.house().store.run(
        lambda s: guesses.count(s, bucket, window=rules.login_window, tries=rules.login_tries, now=web.now())
    )


# --------------------------------------------------------------------------- sessions


@blueprint.post("/profile/sessions/<ref>/end")
@web.needs(P.PROFILE_KEEP)
def end_session(ref: str) -> Response:
    """End one of one's own sessions."""
    actor, number = web.staff_actor(), int(ref) if ref.isdecimal() and len(ref) < 19 else 0
    web.house().store.run(lambda s: staff_sessions.revoke_own(s, actor, number, now=web.now()))
    return done("session_ended", HERE)


@blueprint.post("/profile/sessions/others/end-all")
@web.needs(P.PROFILE_KEEP)
def end_other_sessions() -> Response:
    """End every session but this one."""
    actor, keep = web.staff_actor(), _me().session_id
    ended = web.house().store.run(lambda s: staff_sessions.revoke_others(s, actor, keep=keep, now=web.now()))
    return done("sessions_ended", HERE, count=ended)


# --------------------------------------------------------------------------- the second factor


@blueprint.get("/profile/code")
@web.before_enrolment
@web.needs(P.PROFILE_KEEP)
def profile_code() -> Response:
    """The authenticator app: what it is for, and the picture to read once it was asked for."""
    return _code_page()


def _code_page(status: int = 200, *, form: CodeForm | None = None) -> Response:
    me = _me()
    with web.house().store.read() as database:
        offered = database.get_one(Staff, me.staff_id).totp_offered
    address = passwords.enrolment_address(offered, email=me.email, house="Amicable") if offered else ""
    return page(
        "backoffice/profile_code.html", status, here=HERE, me=me, form=form or CodeForm(formdata=None),
        picture=link_code(address) if offered else "",
        secret=" ".join(offered[at : at + 4] for at in range(0, len(offered), 4)) if offered else "",
        required=me.role in CODE_ROLES, mine=True,
    )  # fmt: skip


@blueprint.post("/profile/code/offer")
@web.before_enrolment
@web.needs(P.PROFILE_KEEP)
def offer_code() -> Response:
    """Show a picture for an app; in place of one that is enrolled only after password and code."""
    if _me().has_code:
        web.require_fresh("factor")
    actor = web.staff_actor()
    web.house().store.run(lambda s: second_factor.offer_secret(s, actor, now=web.now()))
    return redirect(url_for("backoffice.profile_code"), 303)  # type: ignore[return-value]


@blueprint.post("/profile/code")
@web.before_enrolment
@web.needs(P.PROFILE_KEEP)
def enrol_code() -> Response:
    """Take the app into use, proved by a code; shows the recovery codes, once."""
    form, actor, me = CodeForm(), web.staff_actor(), _me()
    if me.has_code:
        web.require_fresh("factor")
    if not form.validate():
        return _code_page(422, form=form)
    _count("code")
    try:
        codes = web.house().store.run(
            lambda s: second_factor.enrol(
                s, actor, form.code.data, code_step=passwords.code_step, keep_session=me.session_id,
                now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        form.code.errors = [error.code]
        return _code_page(422, form=form)
    return _codes(codes)


def _codes(codes: list[str]) -> Response:
    """Show a set of recovery codes: in this answer and never again."""
    with web.house().store.read() as database:
        holder = staff_holder(database, current_user.token, now=web.now(), request_id=web.request_id())
    current_user.holder = holder  # enrolled by now: the rail may show what the role reaches
    return page("backoffice/profile_codes.html", here=HERE, codes=codes)


@blueprint.post("/profile/codes")
@web.needs(P.PROFILE_KEEP)
@web.needs_fresh("factor")
def make_codes() -> Response:
    """A new set of recovery codes in place of the old one."""
    actor = web.staff_actor()
    try:
        codes = web.house().store.run(lambda s: second_factor.new_codes(s, actor, now=web.now()))
    except Refused:
        return _code_page()  # codes are for the loss of an app, and there is none
    return _codes(codes)


# --------------------------------------------------------------------------- password and code again


@blueprint.get("/confirm")
@web.before_enrolment
@web.needs(P.PROFILE_KEEP)
def confirm() -> Response:
    """Ask for password and code again, and say for which act."""
    return _confirm(ConfirmForm(formdata=None))


def _confirm(form: ConfirmForm, status: int = 200, *, refused: bool = False) -> Response:
    return page(
        "backoffice/confirm.html", status, here=HERE, form=form, refused=refused, me=_me(),
        act=web.asked_again_for(), minutes=web.current_rules().staff.fresh_minutes,
    )  # fmt: skip


@blueprint.post("/confirm")
@web.before_enrolment
@web.needs(P.PROFILE_KEEP)
def give_again() -> Response:
    """Check password and code, note it in the session, and go back to the page that wanted them."""
    form, actor, me = ConfirmForm(), web.staff_actor(), _me()
    if not form.validate():
        return _confirm(form, 422)
    _count("again")
    right = _is_password(form.password.data)
    good = web.house().store.run(
        lambda s: staff_sessions.give_again(
            s, actor, me.session_id, right_password=right, code=form.code.data or "",
            code_step=passwords.code_step, now=web.now(),
        )
    )  # fmt: skip
    if not good:
        return _confirm(form, 422, refused=True)
    return redirect(web.after_confirming(), 303)  # type: ignore[return-value]
