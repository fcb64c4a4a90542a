"""What reached us, threaded to accounts, and what did not leave with its reason."""

from __future__ import annotations

from datetime import date

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import Length

import web
from admin.contact_words import REASONS
from admin.shell import blueprint, done, frame, note_read, page
from admin.words import is_guarded
from receivables.contact import assigning
from receivables.desk import inbox
from receivables.errors import Refused
from receivables.permissions import Permission

P = Permission
#: Deepest page of a list; beyond it people filter, and databases are spared.
LAST_PAGE = 200
#: Groups of reasons beside the single ones, for the filter: all caps, flags, pauses.
GROUPS = ("cap:", "flag:", "paused:")


class AssignForm(FlaskForm):  # type: ignore[misc]
    """Who wrote it."""

    contact = HiddenField(validators=[Length(min=1, max=24, message="none_chosen")])


@blueprint.get("/inbound")
@web.needs(P.MESSAGE_READ)
def inbound() -> Response:
    """Replies, words of opting out, bounces, and what nobody could match."""
    return _inbound()


def _inbound(status: int = 200, refused: str | None = None, about: str = "") -> Response:
    """The list; `about` names the message that a person is to be found for, or that was refused."""
    asked = {key: _typed(key) for key in ("account", "who")}
    show = request.args.get("show", "all")
    show = show if show in inbox.SHOWS else "all"
    about = about or request.args.get("message", "")
    actor, number = web.staff_actor(), _page_number()
    with web.house().store.read() as database:
        rows = inbox.inbound_messages(database, actor, show=show, account=asked["account"], page=number)
        writers = (
            inbox.possible_writers(database, actor, asked["who"])
            if about and web.staff_may(P.INBOUND_ASSIGN)
            else []
        )
    note_read(None)
    return page("backoffice/inbound.html", status, here="backoffice.inbound", rows=rows, show=show,
                shows=inbox.SHOWS, asked=asked, about=about, writers=writers, refused=refused,
                number=number, more=len(rows) == inbox.PAGE)  # fmt: skip


@blueprint.post("/inbound/<ref>/assign")
@web.needs(P.INBOUND_ASSIGN)
def assign_inbound(ref: str) -> Response:
    """Say who wrote a message that could not be matched; what it asks for is obeyed."""
    form, actor = AssignForm(), web.staff_actor()
    if not form.validate():
        return _inbound(422, "none_chosen", ref)
    try:
        web.house().store.run(lambda s: assigning.assign(s, actor, ref, form.contact.data, now=web.now()))
    except Refused as error:
        return _inbound(409, error.code, ref)
    return done("inbound_assigned", "backoffice.inbound")


@blueprint.get("/suppressed")
@web.needs(P.MESSAGE_READ)
def suppressed() -> Response:
    """Every message that did not leave, with its reason in words."""
    asked = {key: _typed(key) for key in ("account", "reason", "from", "to")}
    if is_guarded(asked["reason"]):  # what is not said here cannot be asked for either
        asked["reason"] = ""
    codes, number = [code for code in REASONS if not is_guarded(code)], _page_number()
    with web.house().store.read() as database:
        rows = inbox.not_sent(
            database, web.staff_actor(), zone=frame().zone, account=asked["account"], reason=asked["reason"],
            from_on=_day(asked["from"]), to_on=_day(asked["to"]), page=number,
        )  # fmt: skip
    note_read(None)
    return page("backoffice/suppressed.html", here="backoffice.suppressed", rows=rows, asked=asked,
                groups=GROUPS, codes=codes, number=number, more=len(rows) == inbox.PAGE)  # fmt: skip


def _typed(key: str) -> str:
    return request.args.get(key, "").replace("\x00", "").strip()[:100]


def _page_number() -> int:
    return max(0, min(request.args.get("page", 0, type=int), LAST_PAGE))


def _day(typed: str) -> date | None:
    """A day as typed; one that cannot be read, or is out of all reason, is left out."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 1970 <= day.year < 2200 else None
