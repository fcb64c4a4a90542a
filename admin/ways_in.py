"""Ways in by mail: who forgot the password asks for another, who was invited chooses a first one.

Public pages of the desk: the token is the check. A GET spends nothing, so that a scanner of mails which
follows links leaves them good (L-10, A-04).
"""

from __future__ import annotations

import hashlib

from flask import Response, redirect, request, url_for

import web
from admin.profile import hash_or_say
from admin.shell import blueprint
from admin.staff_forms import ChoosePasswordForm, ForgottenForm
from admin.words import word
from receivables import guesses
from receivables.desk import invitations, passwords
from receivables.desk.invitations import WayIn


@blueprint.get("/forgotten")
@web.public_page
def forgotten() -> Response:
    """Ask for another password by mail."""
    return web.render("backoffice/forgotten.html", form=ForgottenForm(formdata=None), sent=False, word=word)


@blueprint.post("/forgotten")
@web.public_page
def ask_reset() -> Response:
    """Answer the same for every address; whoever works here is written to."""
    form, rules = ForgottenForm(), web.policy()
    web.limit_guesses("login")
    if not form.validate():
        return web.render("backoffice/forgotten.html", 422, form=form, sent=False, word=word)
    store, email = web.house().store, form.email.data
    bucket = f"reset:{hashlib.sha256(email.casefold().encode()).hexdigest()[:32]}"
    store.run(
        lambda s: guesses.count(s, bucket, window=rules.login_window, tries=rules.login_tries, now=web.now())
    )
    store.run(
        lambda s: invitations.ask_reset(s, email, policy=rules, now=web.now(), request_id=web.request_id())
    )
    return web.render(
        "backoffice/forgotten.html", form=form, sent=True, word=word, minutes=rules.staff.reset_minutes
    )


def _way(token: str) -> WayIn:
    with web.house().store.read() as database:
        return invitations.look_up(database, token, now=web.now())


def _page(way: WayIn, form: ChoosePasswordForm, status: int = 200) -> Response:
    asked = request.args.get("lang")
    return web.render(
        "backoffice/way_in.html", status, way=way, form=form, token=request.view_args["token"],  # type: ignore[index]
        least=passwords.WITH_CODE if way.with_code else passwords.ALONE,
        language=None if asked else way.language, word=word,
    )  # fmt: skip


@blueprint.get("/in/<token>")
@web.public_page
def way_in(token: str) -> Response:
    """The form for a new password, behind a token of a mail."""
    return _page(_way(token), ChoosePasswordForm(formdata=None))


@blueprint.post("/in/<token>")
@web.public_page
def choose_password(token: str) -> Response:
    """Set the password and spend the token; then one signs in as always."""
    form = ChoosePasswordForm()
    web.limit_guesses("login")
    way = _way(token)
    if not form.validate():
        return _page(way, form, 422)
    hashed = hash_or_say(form, with_code=way.with_code, about=(way.name, way.email))
    if hashed is None:
        return _page(way, form, 422)
    web.house().store.run(
        lambda s: invitations.choose_password(
            s, token, password_hash=hashed, now=web.now(), request_id=web.request_id()
        )
    )
    return redirect(url_for("backoffice.login", chosen=1), 303)  # type: ignore[return-value]
