"""The rules of the house as fields: in force, drafted, what that does, who publishes (X-05)."""

from __future__ import annotations

from typing import Any

from flask import Response, request

import web
from admin.editor_parts import SendForm, sent
from admin.shell import blueprint, done, frame, note_read, page
from models.editing import EditorKind
from receivables.editing import drafts, fields, house, what_changes
from receivables.editing.checks import Fault, faults
from receivables.editing.fields import READ_ONLY, BadField, Field
from receivables.errors import NotFound, Refused
from receivables.permissions import Permission

P = Permission
HERE = "backoffice.policy"


@blueprint.get("/policy")
@web.needs(P.RULES_READ)
def policy() -> Response:
    """The rules by section, the draft with what it changes and does, and what was published."""
    return _policy()


def _policy(status: int = 200, *, form: SendForm | None = None, refused: str = "") -> Response:
    actor, now = web.staff_actor(), web.now()
    with web.house().store.read() as database:
        state = house.draft(database, actor)
        in_force, base = house.in_force(database, now=now), house.newest(database, now=now)
        after = house.drafted(database, state, now=now)
        wrong = faults(database, after, now=now) if state else []
        effects = (
            what_changes.effects(database, house.policy_of(base), house.policy_of(after), now=now)
            if state and not wrong
            else None
        )
        versions = house.versions(database, actor, now=now)
    note_read(None)
    return page(
        "backoffice/policy.html", status, here=HERE, state=state, sections=fields.sections(), data=in_force,
        changed={one.key for one in house.differences(base, after)}, wrong=wrong, effects=effects,
        differences=house.differences(base, after), versions=versions, form=form or SendForm(formdata=None),
        refused=refused, mine=state is not None and state.author_id == actor.id, fields_of=fields.fields_of,
        field_of=fields.field_of, written=fields.written,
    )  # fmt: skip


@blueprint.get("/policy/<name>")
@web.needs(P.RULES_READ)
def policy_section(name: str) -> Response:
    """The keys of one section, each with its unit and range; typed by who may propose."""
    return _section(name)


def _section(
    name: str, status: int = 200, *, typed: dict[str, str] | None = None,
    bad: dict[str, BadField] | None = None, wrong: list[Fault] | None = None, refused: Refused | None = None,
) -> Response:  # fmt: skip
    keys = fields.fields_of(name)
    if not keys:
        raise NotFound("not_found")
    actor, now = web.staff_actor(), web.now()
    with web.house().store.read() as database:
        state = house.draft(database, actor)
        base = house.newest(database, now=now)
        after = house.drafted(database, state, now=now)
    note_read(None)
    return page(
        "backoffice/policy_section.html", status, here=HERE, name=name, own_keys=keys, base=base[name],
        data=after[name], state=state, typed=typed or {}, bad=bad or {}, wrong=wrong or [], refused=refused,
        mine=state is None or state.author_id == actor.id, written=fields.written, read_only=READ_ONLY,
        count_to=range, scale=base["amounts"]["scale"],
    )  # fmt: skip


@blueprint.post("/policy/<name>")
@web.takes_words
@web.needs(P.RULES_PROPOSE)
def edit_policy(name: str) -> Response:
    """Keep the values of a section in the draft; what is wrong is said at its field."""
    keys = [key for key in fields.fields_of(name) if key.key not in READ_ONLY]
    if not keys:
        raise NotFound("not_found")
    values, bad = _values(keys)
    # Only what is named is read, whatever else was sent.
    typed = {part: text for part, text in request.form.items() if part.startswith(f"{name}.")}
    if bad:
        return _section(name, 422, typed=typed, bad=bad)
    actor = web.staff_actor()
    try:
        wrong = web.house().store.run(lambda s: house.edit(s, actor, name, values, now=web.now()))
    except Refused as error:
        return _section(name, 409, typed=typed, refused=error)
    if wrong:
        return _section(name, 422, typed=typed, wrong=wrong)
    return done("draft_kept", HERE)


def _values(keys: list[Field]) -> tuple[dict[str, Any], dict[str, BadField]]:
    """What was typed of some fields; of those that cannot be taken, why, by the name of the input."""
    values: dict[str, Any] = {}
    bad: dict[str, BadField] = {}
    for field in keys:
        try:
            values[field.key] = fields.read(
                field,
                lambda part, key=field.key: request.form.get(_name(key, part), ""),  # type: ignore[misc]
            )
        except BadField as error:
            bad[_name(field.key, str(error.facts.get("at", "")))] = error
    return values, bad


def _name(key: str, part: str) -> str:
    """Name of an input: "plans.bands--0-above", or the key alone."""
    return f"{key}--{part}" if part else key


# --------------------------------------------------------------------------- the draft


@blueprint.post("/policy/draft/send")
@web.needs(P.RULES_PROPOSE)
def send_policy() -> Response:
    """Ask a second person to put the draft in force."""
    form, actor = SendForm(), web.staff_actor()
    if not sent(form, lambda day: web.house().store.run(
        lambda s: house.propose(
            s, actor, effective_on=day, reason=form.reason.data, zone=frame().zone, now=web.now()
        ).ref
    )):  # fmt: skip
        return _policy(422, form=form)
    return done("draft_sent", HERE)


@blueprint.post("/policy/draft/drop")
@web.needs(P.RULES_PROPOSE)
def drop_policy() -> Response:
    """Give the draft up."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: drafts.drop(s, actor, EditorKind.POLICY, house.NAME, now=web.now()))
    return done("draft_dropped", HERE)


@blueprint.post("/policy/draft/take-back")
@web.needs(P.RULES_PROPOSE)
def take_policy_back() -> Response:
    """Take back what waits, to write on."""
    actor = web.staff_actor()
    web.house().store.run(lambda s: drafts.take_back(s, actor, EditorKind.POLICY, house.NAME, now=web.now()))
    return done("draft_taken_back", HERE)


@blueprint.get("/policy/draft/preview")
@web.needs(P.RULES_READ)
def preview_policy() -> Response:
    """What a real debtor would be given under the draft, beside what he is given now."""
    actor, now, number = web.staff_actor(), web.now(), request.args.get("account", "").strip()[:40]
    seen, missing, account = None, False, None
    with web.house().store.read() as database:
        state = house.draft(database, actor)
        base, after = house.in_force(database, now=now), house.drafted(database, state, now=now)
        wrong = faults(database, after, now=now)
        if number and not wrong:
            try:
                account = what_changes.find_account(database, number).id
                seen = what_changes.preview(
                    database, actor, number, house.policy_of(base), house.policy_of(after), now=now
                )
            except NotFound:
                missing = True
    note_read(account)
    return page("backoffice/policy_preview.html", here=HERE, state=state, seen=seen, number=number,
                missing=missing, wrong=wrong)  # fmt: skip


@blueprint.get("/policy/versions/<ref>")
@web.needs(P.RULES_READ)
def policy_version(ref: str) -> Response:
    """One version against what is in force; 0 is what was shipped."""
    actor, now = web.staff_actor(), web.now()
    number = _number(ref)
    with web.house().store.read() as database:
        data = house.version(database, actor, number)
        lines = house.differences(house.in_force(database, now=now), data)
        row = next((v for v in house.versions(database, actor, now=now) if v.id == number), None)
    note_read(None)
    return page("backoffice/policy_version.html", here=HERE, number=number, row=row, lines=lines,
                field_of=fields.field_of, written=fields.written)  # fmt: skip


def _number(ref: str) -> int:
    if not (ref.isascii() and ref.isdecimal() and len(ref) < 19):
        raise NotFound("not_found")
    return int(ref)


@blueprint.post("/policy/versions/<ref>/again")
@web.needs(P.RULES_PROPOSE)
def policy_again(ref: str) -> Response:
    """Begin a draft that brings an older version back."""
    actor, number = web.staff_actor(), _number(ref)
    web.house().store.run(lambda s: house.begin_from(s, actor, number, now=web.now()))
    return done("draft_kept", HERE)
