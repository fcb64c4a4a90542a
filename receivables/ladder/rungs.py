"""A ladder is data: rungs with their day, their conditions, their effects and their gate.

Two presets and one for prepayments ship in `presets/`; a published ladder is a `LadderVersion` row.
A ladder is whole or refused by name: rungs out of order, an effect nobody knows, a prepayment that
would be charged a fee, a rung that could never speak.
Source: domain.md, "The ladder (default; policy data, versioned)"; C-04.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

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


#: Acts that speak to the debtor and may be the whole of a rung.
SPEAKING = frozenset({Act.MESSAGE, Act.CALL, Act.LETTER})
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


class BadLadder(ValueError):
    """A ladder that cannot be used; `code` says why, `facts` where.

    Codes: not_toml, unknown_key, missing_key, no_rungs, twice, out_of_order, unknown_act,
    unknown_gate, unknown_kind, unknown_channel, not_before_delivery, late_before_day, bad_value.
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
    kinds = frozenset(_one(InvoiceKind, kind, "unknown_kind") for kind in data["kinds"])
    rungs = tuple(_rung(seq, row) for seq, row in enumerate(data["rungs"], start=1))
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
    return Ladder(str(data["name"]), kinds, int(data.get("together_days", 0)), rungs, version_id)


def preset_names() -> list[str]:
    """Return the names of the ladders that ship."""
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


@cache
def preset(name: str) -> Ladder:
    """Return a ladder that ships. Raises: KeyError: none has the name."""
    path = _PRESETS / f"{name}.toml"
    if name not in preset_names():
        raise KeyError(name)
    return read_ladder(path.read_text(encoding="utf-8"))


def _rung(seq: int, row: Mapping[str, Any]) -> Rung:
    where = str(row.get("code", seq))
    _only(
        row,
        {"code", "day", "at", "latest_day", "gate", "when", "effects"},
        {"code", "day", "effects"},
        at=where,
    )
    day, latest = row["day"], row.get("latest_day")
    if not isinstance(day, int) or not -60 <= day <= 3650:
        raise BadLadder("bad_value", rung=where, key="day")
    if latest is not None and latest < day:
        raise BadLadder("late_before_day", rung=where)
    effects = tuple(_effect(where, effect) for effect in row["effects"])
    if not effects:
        raise BadLadder("missing_key", at=where, key="effects")
    try:
        at = time.fromisoformat(row["at"]) if "at" in row else None
    except ValueError as error:
        raise BadLadder("bad_value", rung=where, key="at") from error
    gate = _one(Gate, row.get("gate", "none"), "unknown_gate", rung=where)
    return Rung(seq, where, day, gate, effects, _when(where, row.get("when", {})), at, latest)


def _effect(where: str, row: Mapping[str, Any]) -> Effect:
    act = _one(Act, row.get("do"), "unknown_act", rung=where)
    may, must = _DETAILS.get(act, (frozenset(), frozenset()))
    _only(row, {"do", "when"} | may, {"do"} | must, at=f"{where}.{act.value}")
    channels = tuple(row.get("channels", ()))
    for channel in channels:
        if channel not in _CHANNELS:
            raise BadLadder("unknown_channel", rung=where, channel=channel)
    detail = row.get("text") or row.get("script") or row.get("to") or ""
    return Effect(act, detail, channels, _when(where, row.get("when", {})))


def _when(where: str, row: Mapping[str, Any]) -> When:
    known = set(When.__dataclass_fields__)
    _only(row, known, set(), at=f"{where}.when")
    values: dict[str, Any] = {k: frozenset(v) if isinstance(v, list) else v for k, v in row.items()}
    if values.get("credit") not in (None, "held", "free"):
        raise BadLadder("bad_value", rung=where, key="credit")
    return When(**values)


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
