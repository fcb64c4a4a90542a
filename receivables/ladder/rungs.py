"""A ladder is data: rungs with their day, their conditions, their effects and their gate.

Two presets and one for prepayments ship in `presets/`; a published ladder is a `LadderVersion` row.
A ladder is whole or refused by name: rungs out of order, an effect nobody knows, a prepayment that
would be charged a fee, a rung that could never speak.
Source: domain.md, "The ladder (default; policy data, versioned)"; C-04.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.accounts import DebtorType, Segment
from models.invoices import InvoiceKind

_PRESETS = Path(__file__).parent / "presets"


class Gate(StrEnum):
    """Who has to agree before a rung acts."""

    NONE = "none"
    COLLECTOR = "collector"
    SUPERVISOR = "supervisor"


class Act(StrEnum):
    """What a rung does."""

    MESSAGE = "message"
    CALL = "call"
    LETTER = "letter"
    FEE = "fee"
    INTEREST = "interest"
    HOLD = "hold"
    SALES = "sales"
    MANAGEMENT = "management"
    OFFER = "offer"
    EXPIRE = "expire"
    HAND_OVER = "hand_over"


#: Acts that a sale not yet closed never meets (domain.md: prepayments).
NEVER_BEFORE_DELIVERY = frozenset({Act.FEE, Act.INTEREST, Act.HOLD, Act.HAND_OVER})
#: What each act may and must say beside `do` and `when`.
_DETAILS: Mapping[Act, tuple[frozenset[str], frozenset[str]]] = {
    Act.MESSAGE: (frozenset({"text", "channels"}), frozenset({"text", "channels"})),
    Act.CALL: (frozenset({"script"}), frozenset({"script"})),
    Act.LETTER: (frozenset({"text"}), frozenset({"text"})),
    Act.HAND_OVER: (frozenset({"to"}), frozenset()),
}
_CHANNELS = ("email", "sms")
#: To whom a case can be handed over.
RECEIVERS = ("agency", "counsel")
#: Names of ladders, rungs, texts and scripts.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COUNTRY = re.compile(r"[A-Z]{2}")
#: Conditions that are lists -> whether a value is one they may name.
_ONE_OF: Mapping[str, Callable[[str], object]] = {
    "segments": {segment.value for segment in Segment}.__contains__,
    "countries": _COUNTRY.fullmatch,
    "debtor_types": {kind.value for kind in DebtorType}.__contains__,
}


class BadLadder(ValueError):
    """A ladder that cannot be used; `code` says why, `facts` where.

    Codes: not_toml, unknown_key, missing_key, no_rungs, twice, out_of_order, unknown_act,
    unknown_gate, unknown_kind, unknown_channel, not_before_delivery, late_before_day, bad_value,
    never_met (a condition that nobody can meet), and, of one that is to be published, unknown_text,
    missing_text and kind_needed (somebody climbs it with a kind of document that it is not for).
    """

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(f"{code}: {facts}")
        self.code, self.facts = code, facts


@dataclass(frozen=True, slots=True)
class When:
    """Conditions; what is not named is no condition. Amounts are policy units of the currency.

    above: asked amount is more than so many units. up_to: not more.
    segments, countries, debtor_types, credit: one of these (`credit`: "held" or "free").
    broken_promises: at least so many in this cycle.
    """

    above: int | None = None
    up_to: int | None = None
    segments: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    debtor_types: frozenset[str] = frozenset()
    credit: str | None = None
    broken_promises: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One act of a rung; `detail` is its text, script or receiver."""

    act: Act
    detail: str = ""
    channels: tuple[str, ...] = ()
    when: When = field(default_factory=When)


@dataclass(frozen=True, slots=True)
class Rung:
    """One level: on day `day` after the due date, paused days not counted; negative is before.

    at: wall-clock time of a call at the account's place. latest_day: from this day after the due
    date it is not put off any more, whatever came late before it.
    """

    seq: int
    code: str
    day: int
    gate: Gate
    effects: tuple[Effect, ...]
    when: When
    at: time | None = None
    latest_day: int | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """One version of a ladder; rungs in the order of their days, `seq` counting from 1."""

    name: str
    kinds: frozenset[InvoiceKind]
    together_days: int
    rungs: tuple[Rung, ...]
    version_id: int | None = None

    def rung(self, code: str) -> Rung:
        """Return the rung of a code. Raises: KeyError: it has none."""
        for rung in self.rungs:
            if rung.code == code:
                return rung
        raise KeyError(code)

    def texts(self) -> set[tuple[str, str]]:
        """Return (channel, kind) of every text it sends: each must exist in every language."""
        found: set[tuple[str, str]] = set()
        for effect in (e for rung in self.rungs for e in rung.effects):
            if effect.act is Act.MESSAGE:
                found |= {(channel, effect.detail) for channel in effect.channels}
            elif effect.act is Act.LETTER:
                found.add(("letter", effect.detail))
        return found


def read_ladder(body: str, version_id: int | None = None) -> Ladder:
    """Read a ladder from TOML.

    Raises:
        BadLadder: it is not whole; the code says why and the facts name the rung.
    """
    try:
        data = tomllib.loads(body)
    except tomllib.TOMLDecodeError as error:
        raise BadLadder("not_toml", why=str(error)) from error
    _only(data, {"name", "kinds", "together_days", "rungs"}, {"name", "kinds", "rungs"}, at="ladder")
    if not isinstance(data["name"], str) or not _NAME.fullmatch(data["name"]):
        raise BadLadder("bad_value", key="name", value=data["name"])
    together = _whole(data.get("together_days", 0), 0, 60, key="together_days")
    kinds = frozenset(
        _one(InvoiceKind, kind, "unknown_kind") for kind in _list(data["kinds"], str, key="kinds")
    )
    rows = _list(data["rungs"], dict, key="rungs") if data["rungs"] else []
    rungs = tuple(_rung(seq, row) for seq, row in enumerate(rows, start=1))
    if not rungs:
        raise BadLadder("no_rungs")
    for before, after in pairwise(rungs):
        if after.day <= before.day:
            raise BadLadder("out_of_order", rung=after.code, after=before.code)
    codes = [rung.code for rung in rungs]
    for code in codes:
        if codes.count(code) > 1:
            raise BadLadder("twice", rung=code)
    for rung in rungs:
        early = InvoiceKind.PREPAYMENT in kinds or rung.day <= 0
        for effect in rung.effects:
            if early and effect.act in NEVER_BEFORE_DELIVERY:
                raise BadLadder("not_before_delivery", rung=rung.code, act=effect.act.value)
    return Ladder(data["name"], kinds, together, rungs, version_id)


def preset_names() -> list[str]:
    """Return the names of the ladders that ship."""
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


@cache
def preset(name: str) -> Ladder:
    """Return a ladder that ships. Raises: KeyError: none has the name."""
    return read_ladder(preset_body(name))


def preset_body(name: str) -> str:
    """Return a ladder that ships as it is written. Raises: KeyError: none has the name."""
    if name not in preset_names():
        raise KeyError(name)
    return (_PRESETS / f"{name}.toml").read_text(encoding="utf-8")


def _rung(seq: int, row: Mapping[str, Any]) -> Rung:
    where = str(row.get("code", seq))
    _only(
        row,
        {"code", "day", "at", "latest_day", "gate", "when", "effects"},
        {"code", "day", "effects"},
        at=where,
    )
    if not isinstance(row["code"], str) or not _NAME.fullmatch(row["code"]):
        raise BadLadder("bad_value", rung=str(seq), key="code", value=row["code"])
    day = _whole(row["day"], -60, 3650, rung=where, key="day")
    latest = row.get("latest_day")
    if latest is not None and _whole(latest, -60, 3650, rung=where, key="latest_day") < day:
        raise BadLadder("late_before_day", rung=where)
    if not row["effects"]:
        raise BadLadder("missing_key", at=where, key="effects")
    effects = tuple(_effect(where, one) for one in _list(row["effects"], dict, rung=where, key="effects"))
    try:
        at = time.fromisoformat(row["at"]) if "at" in row else None
    except (ValueError, TypeError) as error:
        raise BadLadder("bad_value", rung=where, key="at") from error
    gate = _one(Gate, row.get("gate", "none"), "unknown_gate", rung=where)
    return Rung(seq, where, day, gate, effects, _when(where, row.get("when", {})), at, latest)


def _effect(where: str, row: Mapping[str, Any]) -> Effect:
    act = _one(Act, row.get("do"), "unknown_act", rung=where)
    may, must = _DETAILS.get(act, (frozenset(), frozenset()))
    _only(row, {"do", "when"} | may, {"do"} | must, at=f"{where}.{act.value}")
    channels = _list(row["channels"], str, rung=where, key="channels") if "channels" in row else ()
    for channel in channels:
        if channel not in _CHANNELS:
            raise BadLadder("unknown_channel", rung=where, channel=channel)
    for key in ("text", "script"):
        if key in row and not (isinstance(row[key], str) and _NAME.fullmatch(row[key])):
            raise BadLadder("bad_value", rung=where, key=key, value=row[key])
    if row.get("to") not in (None, *RECEIVERS):
        raise BadLadder("bad_value", rung=where, key="to", value=row["to"])
    detail = row.get("text") or row.get("script") or row.get("to") or ""
    return Effect(act, detail, tuple(channels), _when(where, row.get("when", {})))


def _when(where: str, row: object) -> When:
    if not isinstance(row, dict):
        raise BadLadder("bad_value", rung=where, key="when", value=row)
    known = set(When.__dataclass_fields__)
    _only(row, known, set(), at=f"{where}.when")
    values: dict[str, Any] = dict(row)
    for key in ("above", "up_to", "broken_promises"):
        if key in row:
            _whole(row[key], 0, 1_000_000_000, rung=where, key=key)
    for key, may_be in _ONE_OF.items():
        if key in row:
            for value in _list(row[key], str, rung=where, key=key):
                if not may_be(value):
                    raise BadLadder("bad_value", rung=where, key=key, value=value)
            values[key] = frozenset(row[key])
    if values.get("credit") not in (None, "held", "free"):
        raise BadLadder("bad_value", rung=where, key="credit", value=row["credit"])
    if "above" in row and "up_to" in row and row["up_to"] <= row["above"]:
        raise BadLadder("never_met", rung=where, key="up_to")
    return When(**values)


def _whole(value: object, least: int, most: int, **where: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise BadLadder("bad_value", value=value, **where)
    return value


def _list(value: object, kind: type, **where: str) -> Sequence[Any]:
    """A list that is not empty, all of one type."""
    if not isinstance(value, list) or not value or not all(isinstance(one, kind) for one in value):
        raise BadLadder("bad_value", value=value, **where)
    return value


def _only(row: Mapping[str, Any], may: Iterable[str], must: Iterable[str], *, at: str) -> None:
    if strangers := sorted(set(row) - set(may)):
        raise BadLadder("unknown_key", at=at, key=strangers[0])
    if missing := sorted(set(must) - set(row)):
        raise BadLadder("missing_key", at=at, key=missing[0])


def _one(kind: type[Any], value: object, code: str, **facts: Any) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        raise BadLadder(code, value=value, **facts) from error
