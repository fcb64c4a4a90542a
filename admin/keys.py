"""The keyboard of one person: the list of keys, switched off or laid elsewhere."""

from __future__ import annotations

from flask import Response, request
from flask_wtf import FlaskForm
from wtforms import BooleanField

import web
from admin.shell import blueprint, done, note_read, own_keys, page, signed_in
from receivables.desk import keyboard
from receivables.errors import Refused


class KeysForm(FlaskForm):  # type: ignore[misc]
    """Whether keys are off; the letters are fields of the acts' names."""

    off = BooleanField()


@blueprint.get("/profile/keys")
@signed_in
def keys() -> Response:
    """Every key and what it does."""
    return _keys()


def _keys(status: int = 200, refused: Refused | None = None) -> Response:
    note_read(None)
    typed = {act: request.form.get(f"key-{act}", "") for act in keyboard.KEYS} if refused else {}
    return page("backoffice/keys.html", status, here="backoffice.today", shipped=keyboard.KEYS, typed=typed,
                fixed=keyboard.FIXED, own=own_keys(), refused=refused)  # fmt: skip


@blueprint.post("/profile/keys")
@signed_in
def lay_keys() -> Response:
    """Keep what the person chose."""
    form, actor = KeysForm(), web.staff_actor()
    form.validate_on_submit()
    typed = {act: request.form.get(f"key-{act}", "")[:5] for act in keyboard.KEYS}
    try:
        web.house().store.run(
            lambda s: keyboard.lay(s, actor, is_off=form.off.data, keys=typed, now=web.now())
        )
    except Refused as error:
        return _keys(422, error)
    return done("keys_laid", "backoffice.keys")
