"""Single keys at the desk: which act has which key, and what a person laid elsewhere or switched off.

A key only presses or points at what stands on the page, so it may do nothing that a click may not; a
grave act never happens on one key.
Source: look of the desk, "Keyboard"; WCAG 2.1.4 (character keys can be turned off and remapped).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.worklist import KeyPreference
from receivables.errors import Refused
from receivables.permissions import Actor, ActorKind

#: What a key does -> its key as it ships; the pages word the acts.
KEYS: Mapping[str, str] = {
    "find": "/",
    "next": "j",
    "previous": "k",
    "open": "enter",
    "skip": "s",
    "call": "c",
    "message": "m",
    "promise": "p",
    "plan": "l",
    "offer": "o",
    "pause": "u",
    "hold": "h",
    "note": "n",
    "approve": "y",
    "go": "g",
    "help": "?",
}
#: These stay where they are: browsers and people expect them there.
FIXED = frozenset({"open", "find", "help"})
_KEY = re.compile(r"[a-z]")


@dataclass(frozen=True, slots=True)
class Keyboard:
    """The keys of one person; no key does anything where they are off."""

    is_off: bool
    keys: Mapping[str, str]

    def key(self, act: str) -> str | None:
        """Return the key of an act as it is shown; None where keys are off."""
        if self.is_off or act not in self.keys:
            return None
        return "↵" if self.keys[act] == "enter" else self.keys[act].upper()


def keyboard(session: Session, staff_id: int) -> Keyboard:
    """Return the keys of a person; those that ship where nothing was chosen."""
    chosen = session.get(KeyPreference, staff_id)
    if chosen is None:
        return Keyboard(False, KEYS)
    return Keyboard(chosen.is_off, {**KEYS, **{act: key for act, key in chosen.keys.items() if act in KEYS}})


def lay(
    session: Session, actor: Actor, *, is_off: bool, keys: Mapping[str, str], now: datetime
) -> KeyPreference:
    """Switch keys on or off and lay some elsewhere, for the person who asks.

    Args:
        keys: act -> one letter; what is not named or is empty keeps its own key.
    Raises:
        Refused: key_unusable (facts: act), a key is no single letter; key_taken (facts: act), two acts
            would have one key.
    """
    if actor.kind is not ActorKind.STAFF or actor.id is None:
        raise Refused("key_unusable")
    laid: dict[str, str] = {}
    for act, own in KEYS.items():
        key = keys.get(act, "").strip().lower() or own
        if act in FIXED:
            key = own
        elif not _KEY.fullmatch(key):
            raise Refused("key_unusable", act=act)
        if key in laid.values():
            raise Refused("key_taken", act=act)
        laid[act] = key
    row = session.get(KeyPreference, actor.id)
    chosen = {act: key for act, key in laid.items() if key != KEYS[act]}
    if row is None:
        row = KeyPreference(staff_id=actor.id, is_off=is_off, keys=chosen, changed_at=now)
        session.add(row)
    else:
        row.is_off, row.keys, row.changed_at = is_off, chosen, now
    return row
