"""What binds contact at a moment: the house's hours and stops, and rules by place, debtor and role.

The rules that ship are written down once more by hand, from the requirements (section 5, policy table),
not read from the product's file; a published version is read from its text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from checker.sources import Source, moment

_CAP = re.compile(r"(\d+)/(\d+)d")
_COUNTED = ("email", "sms", "all")
_EVERYBODY = ("business", "sole_trader", "private_person")
_FOR_OTHERS = ("third_party", "debt_buyer")
_ANY_ROLE = ("first_party", *_FOR_OTHERS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row; what it does not name it does not ask for. `caps` are (what, most, days)."""

    countries: tuple[str, ...]
    debtors: tuple[str, ...]
    roles: tuple[str, ...] = _ANY_ROLE
    zones: tuple[str, ...] = ()
    since: date = date.min
    window: tuple[str, str] | None = None
    caps: tuple[tuple[str, int, int], ...] = ()
    opt_in: tuple[str, ...] = ()
    no_is_of_all: bool = False


#: Rows 1, 3, 13 and 15 of the policy table; row 2 and 14 are about calls, the others ask nothing here.
SHIPPED = (
    Rule(("US",), ("private_person",), _FOR_OTHERS, window=("08:00", "21:00")),
    Rule(("US",), ("private_person",), _FOR_OTHERS,
         caps=(("email", 1, 1), ("email", 3, 7), ("sms", 1, 1), ("sms", 2, 7))),
    Rule(("US",), ("private_person",), zones=("America/New_York",), since=date(2026, 9, 1),
         caps=(("all", 3, 7),), opt_in=("email", "sms")),
    Rule(("US",), _EVERYBODY, since=date(2027, 1, 31), no_is_of_all=True),
)  # fmt: skip
SHIPPED_ROLE = "first_party"
SHIPPED_HOURS = ("08:00", "20:00")


@dataclass(frozen=True, slots=True)
class Binding:
    """All rules that match, as they are: whoever keeps each of them keeps the strictest."""

    windows: tuple[tuple[str, str], ...] = ()
    caps: tuple[tuple[str, int, int], ...] = ()
    opt_in: frozenset[str] = frozenset()
    no_is_of_all: bool = False


@dataclass(slots=True)
class House:
    """What the house published and when it stopped, read once."""

    books: Source
    _hours: list[tuple[datetime, tuple[str, str]]] = field(default_factory=list)
    _rules: list[tuple[datetime, str, tuple[Rule, ...]]] = field(default_factory=list)
    _stops: list[tuple[datetime, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        versions = "SELECT effective_at, id, kind, body FROM policy_version ORDER BY 1, 2"
        for since, _, kind, body in self.books.rows(versions):
            data = tomllib.loads(body)
            if kind == "contact":
                rows = tuple(_rule(row) for row in data["row"] if row["on"])
                self._rules.append((moment(since), data["role"], rows))
            else:
                hours = (data["contact"]["window_from"], data["contact"]["window_to"])
                self._hours.append((moment(since), hours))
        switches = "SELECT set_at, id, sending_stopped FROM ladder_switch ORDER BY 2"
        self._stops = [(moment(at), bool(stopped)) for at, _, stopped in self.books.rows(switches)]

    def hours(self, at: datetime) -> tuple[str, str]:
        """The house's own hours at a moment."""
        return next((hours for since, hours in reversed(self._hours) if since <= at), SHIPPED_HOURS)

    def is_stopped(self, at: datetime) -> bool:
        """Whether all sending was stopped at a moment."""
        return next((stopped for since, stopped in reversed(self._stops) if since <= at), False)

    def binding(self, at: datetime, day: date, *, country: str, zone: str | None, debtor: str) -> Binding:
        """What binds an account on a day; a zone that is not known is taken as meant."""
        role, rules = next(
            ((role, rules) for since, role, rules in reversed(self._rules) if since <= at),
            (SHIPPED_ROLE, SHIPPED),
        )
        met = [
            rule
            for rule in rules
            if debtor in rule.debtors
            and role in rule.roles
            and rule.since <= day
            and any(place in ("*", country) for place in rule.countries)
            and (not rule.zones or zone is None or zone in rule.zones)
        ]
        return Binding(
            tuple(rule.window for rule in met if rule.window),
            tuple(cap for rule in met for cap in rule.caps),
            frozenset(channel for rule in met for channel in rule.opt_in),
            any(rule.no_is_of_all for rule in met),
        )


def _rule(row: dict[str, Any]) -> Rule:
    """A published row; a region binds the whole of its country within its zones."""
    window = row.get("window")
    return Rule(
        countries=tuple(place.partition("-")[0] for place in row["where"]),
        debtors=tuple(row["debtors"]),
        roles=tuple(row["roles"]),
        zones=tuple(row.get("zones", ())),
        since=row.get("from_on", date.min),
        window=_pair(window.split("-")) if window else None,
        caps=tuple(
            (what, int(most), int(days))
            for what in _COUNTED
            for most, days in _CAP.findall(row.get(what, ""))
        ),
        opt_in=tuple(row.get("opt_in", ())),
        no_is_of_all=row.get("opt_out") == "all",
    )


def _pair(parts: Sequence[str]) -> tuple[str, str]:
    start, end = (part.strip() for part in parts)
    return start, end
