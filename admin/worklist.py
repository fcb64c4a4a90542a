"""Today, for who chases: whom to work first and why; claim, skip, next."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import DateField, StringField
from wtforms.validators import AnyOf, InputRequired, Length

import web
from admin.forms import ReasonForm
from admin.shell import blueprint, done, note_read, page
from admin.words import word
from models.accounts import Segment
from models.worklist import BulkKind, SkipReason
from receivables.errors import Refused
from receivables.permissions import Permission
from receivables.texts import plain
from receivables.worklist import assigning, claiming, reads, skipping
from receivables.worklist.reads import Age, Filters, Sort

P = Permission
HERE = "backoffice.today"
E = TypeVar("E", bound=StrEnum)
#: Where a claim leads, beside the account's own page.
THEN = {"call": "backoffice.call_screen"}


class ClaimForm(FlaskForm):  # type: ignore[misc]
    """What is done next with the account."""

    then = StringField(default="", validators=[AnyOf(("", *THEN), "empty")])


class SkipForm(FlaskForm):  # type: ignore[misc]
    """Why an account is left, until when, and words beside it."""

    why = StringField(validators=[AnyOf([reason.value for reason in SkipReason], "empty")])
    until = DateField(validators=[InputRequired("day_unreadable")])
    words = StringField(
        default="",
        filters=[lambda text: plain(text or "").strip()],
        validators=[Length(max=skipping.WORDS_MOST, message="too_long")],
    )


@blueprint.get("/worklist")
@web.needs(P.WORKLIST_WORK)
def worklist() -> Response:
    """The ranking, as it is filtered and sorted; the first account in full."""
    return shown()


def shown(
    status: int = 200, *, refused: Refused | None = None, form: SkipForm | None = None, of: str = ""
) -> Response:
    """The worklist's page; `/desk/` shows it to who chases.

    Args:
        refused: what could not be done, said above the list.
        form, of: a skip that could not be read, and the account it is about.
    """
    actor, filters, first = web.staff_actor(), asked(), _number("first")
    alone = request.args.get("view") == "one"
    limit = 1 if alone else web.policy().worklist.page_rows
    with web.house().store.read() as database:
        found = reads.listed(database, actor, filters, first=first, limit=limit, now=web.now())
        figures = reads.figures(database, actor, now=web.now())
        people = assigning.colleagues(database)
        currencies = reads.currencies(database)
        today = assigning.house_today(database, web.now())
    for line in found.lines[:1]:
        note_read(line.account_id)
    note_read(None)
    return page(
        "backoffice/worklist.html", status, here=HERE, found=found, figures=figures, filters=filters,
        choices=_choices(people, currencies), sorts=list(Sort), bulk_kinds=list(BulkKind),
        reasons=list(SkipReason), alone=alone, today=today, turn=turn, refused=refused, of=of,
        form=form or SkipForm(formdata=None), as_moment=datetime.fromisoformat,
        tomorrow=today + timedelta(days=1),
    )  # fmt: skip


def _choices(people: list[tuple[str, str, int]], currencies: list[str]) -> dict[str, list[tuple[str, str]]]:
    """What the filters offer: values with their words."""
    return {
        "people": [(ref, name) for ref, name, _ in people],
        "segments": [(kind.value, word("segment", kind)) for kind in Segment],
        "ages": [(age.value, word("worklist_age", age)) for age in Age],
        "currencies": [(code, code) for code in currencies],
    }


def asked() -> Filters:
    """What the address asks for; what cannot be read is left out."""
    args = request.args
    return Filters(
        whose=args.get("whose", reads.MINE)[:24],
        segment=_one_of(Segment, args.get("segment")),
        age=_one_of(Age, args.get("age")),
        currency=code if (code := args.get("currency", "")).isalpha() and len(code) == 3 else None,
        language=code if (code := args.get("language", "")) in ("en", "he", "ru", "hu") else None,
        sort=_one_of(Sort, args.get("sort")) or Sort.RISK,
    )


def turn(**changes: Any) -> dict[str, Any]:
    """Return the address's own filters with some changed; what is empty is left out."""
    known = ("whose", "segment", "age", "currency", "language", "sort", "view", "first")
    kept = {name: request.args[name] for name in known if request.args.get(name)} | changes
    return {name: value for name, value in kept.items() if value not in ("", None, 0)}


def _one_of(kind: type[E], typed: str | None) -> E | None:
    return kind(typed) if typed in set(kind) else None


def _number(name: str) -> int:
    typed = request.args.get(name, "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 0


@blueprint.post("/worklist/<ref>/claim")
@web.needs(P.WORKLIST_WORK)
def claim_account(ref: str) -> Response:
    """Take an account to work on, and go to its page or straight to the call."""
    form, actor = ClaimForm(), web.staff_actor()
    if not form.validate():
        return shown(422, refused=Refused("empty"))
    try:
        web.house().store.run(lambda s: claiming.claim(s, actor, ref, now=web.now()))
    except Refused as error:
        return shown(409, refused=error)
    return done("account_claimed", THEN.get(form.then.data, "backoffice.account"), values={"ref": ref})


@blueprint.post("/worklist/<ref>/release")
@web.needs(P.WORKLIST_WORK)
def release_account(ref: str) -> Response:
    """Let go of an account."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: claiming.release(s, actor, ref, now=web.now()))
    return done("account_released", "backoffice.worklist", values=turn())


@blueprint.post("/worklist/<ref>/skip")
@web.needs(P.WORKLIST_WORK)
def skip_account(ref: str) -> Response:
    """Leave an account for another day and show the next."""
    form, actor = SkipForm(), web.staff_actor()
    if not form.validate():
        return shown(422, form=form, of=ref)
    try:
        row = web.house().store.run(
            lambda s: skipping.skip(
                s, actor, ref, reason=SkipReason(form.why.data), until_on=form.until.data,
                words=form.words.data or "", now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        field = form.until if error.code.startswith("day_") else form.words
        field.errors = [error.code]
        about = error if error.code == "claimed_already" else None
        return shown(409, form=form, of=ref, refused=about)
    return done("account_skipped", "backoffice.worklist", values=turn(), on=row.until_on.isoformat())


@blueprint.post("/worklist/skips/<ref>/undo")
@web.needs(P.WORKLIST_WORK)
def undo_skip(ref: str) -> Response:
    """Show a skipped account again."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: skipping.undo(s, actor, ref, now=web.now()))
    return done("skip_undone", "backoffice.worklist", values=turn())


# --------------------------------------------------------------------------- absences


class AwayForm(FlaskForm):  # type: ignore[misc]
    """Whose accounts a colleague collects, from when to when, and what he should know."""

    who = StringField(validators=[Length(min=1, max=24, message="not_chasing")])
    to = StringField(validators=[Length(min=1, max=24, message="not_chasing")])
    from_on = DateField(validators=[InputRequired("day_unreadable")])
    to_on = DateField(validators=[InputRequired("day_unreadable")])
    note = ReasonForm.reason


@blueprint.get("/worklist/away")
@web.needs(P.WORKLIST_WORK)
def away() -> Response:
    """Who stands in for whom, and the form to arrange it."""
    return _away(AwayForm(formdata=None))


def _away(form: AwayForm, status: int = 200, refused: str | None = None) -> Response:
    actor = web.staff_actor()
    with web.house().store.read() as database:
        rows = assigning.lent(database, actor)
        people = assigning.colleagues(database)
        today = assigning.house_today(database, web.now())
    note_read(None)
    return page("backoffice/worklist_away.html", status, here=HERE, rows=rows, people=people, today=today,
                form=form, refused=refused)  # fmt: skip


@blueprint.post("/worklist/away")
@web.needs(P.WORKLIST_WORK)
def arrange_away() -> Response:
    """Lend all accounts of a collector to a colleague for some days."""
    form, actor = AwayForm(), web.staff_actor()
    if not form.validate():
        return _away(form, 422)
    try:
        rows = web.house().store.run(
            lambda s: assigning.lend_all(
                s, actor, form.who.data, form.to.data, from_on=form.from_on.data, to_on=form.to_on.data,
                note=form.note.data, now=web.now(),
            )
        )  # fmt: skip
    except Refused as error:
        return _away(form, 409, error.code)
    return done("accounts_lent", "backoffice.away", count=len(rows))


@blueprint.post("/worklist/away/<ref>/back")
@web.needs(P.WORKLIST_WORK)
def give_back(ref: str) -> Response:
    """End an absence early, or call it off."""
    actor = web.staff_actor()
    count = web.house().store.run(lambda s: assigning.give_back(s, actor, ref, now=web.now()))
    return done("accounts_given_back", "backoffice.away", count=count)
