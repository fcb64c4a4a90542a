"""Every key of the rules as a field that can be typed: its kind, its unit, its range (X-05).

Kind and unit follow from the shipped rules and the name of the key, so that a new key is editable at
once; what does not follow stands in the tables below. Read and written as TOML data.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from models.accounts import Segment
from models.pauses import PauseReason
from models.staff import Role
from receivables.policy import DEFAULT_BODY, NEXT_STEPS, TAX_RULES


class BadField(ValueError):
    """A field that cannot be taken; `code` says why, `facts` hold the range."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the rules, or one column or entry of such a key.

    Attributes:
        key: "section.key"; of a column its own name.
        kind: number, decimal, yes, choice, text, time, numbers, codes, named (one value for each of
            fixed names), pairs (free names) or rows.
        unit: days, percent, …, "" for none; worded by the desk.
        choices: of a choice or of codes; empty for free ones.
        parts: of `named` its entries, of `pairs` the one value, of `rows` the columns.
    """

    key: str
    kind: str
    unit: str = ""
    least: int = 0
    most: int = 1_000_000_000
    choices: tuple[str, ...] = ()
    parts: tuple[Field, ...] = ()


#: Ends of names -> unit and largest value.
_UNITS: tuple[tuple[str, str, int], ...] = (
    ("business_days", "business_days", 260), ("within_days", "days", 366), ("days", "days", 3660),
    ("minutes", "minutes", 10_080), ("hours", "hours", 2160), ("seconds", "seconds", 3600),
    ("percent_a_day", "percent_a_day", 100), ("percent", "percent", 100), ("mebibytes", "mebibytes", 1024),
    ("bits", "bits", 512), ("rate_percent", "percent", 100), ("_minor", "minor", 100_000),
    ("_units", "units", 1_000_000_000), ("_units_a_day", "units", 1_000_000),
)  # fmt: skip
#: Sections whose plain names count something of their own.
_SECTION_UNITS: Mapping[str, tuple[str, int]] = {
    "sessions": ("minutes", 10_080),
    "approvals": ("units", 1_000_000_000),
}
#: Names whose unit their end does not say.
_UNIT_OF: Mapping[str, tuple[str, int]] = {
    "above": ("units", 1_000_000_000), "least_part": ("units", 1_000_000_000), "digits": ("", 10),
    "least_charge": ("units", 1_000_000), "transfer_first_above": ("units", 1_000_000_000),
    "watch_overdue": ("units", 1_000_000_000), "days_late": ("days", 3660), "late": ("days", 3660),
    "days_in_year": ("days", 366), "own_terms_lag": ("days", 366), "own_terms_spread": ("days", 366),
    "own_terms_most": ("days", 366), "plan_parts": ("parts", 120), "discount_percent": ("percent", 100),
    "segment_percent": ("percent", 1000), "factor_percent": ("percent", 1000), "retry_days": ("days", 60),
}  # fmt: skip
#: Keys whose range is narrower than their unit's, by key: least and most.
_RANGES: Mapping[str, tuple[int, int]] = {
    "links.valid_days": (1, 90), "links.mail_bits": (128, 512), "links.sms_bits": (128, 512),
    "sessions.debtor_idle": (5, 240), "sessions.debtor_absolute": (10, 1440),
    "sessions.staff_idle": (5, 240), "sessions.staff_absolute": (30, 1440), "staff.fresh_minutes": (1, 15),
    "staff.invitation_hours": (1, 336), "staff.reset_minutes": (5, 1440),
    "guesses.link_window_minutes": (1, 1440), "guesses.login_window_minutes": (1, 1440),
    "guesses.link_tries": (5, 1000), "guesses.login_tries": (3, 100), "payments.session_minutes": (31, 1440),
    "payments.sweep_after_minutes": (1, 1440), "payments.alert_after_minutes": (1, 1440),
    "payments.debit_days": (1, 60),
    "step_up.digits": (6, 10), "step_up.tries": (1, 10), "step_up.per_hour": (1, 60),
    "promises.horizon_days": (1, 366), "promises.kept_percent": (1, 100), "plans.moves": (0, 12),
    "plans.missed_to_default": (1, 12), "plans.fee_percent": (0, 20), "costs.days_in_year": (360, 365),
    "worker.lease_seconds": (10, 3600), "disputes.files": (1, 100), "talks.photos": (0, 50),
}  # fmt: skip
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "step_up.mode": ("never", "risky", "always"),
    "letters.next_step": tuple(NEXT_STEPS),
    "discount_tax.default": TAX_RULES,
    "discount_tax.by_country": TAX_RULES,
    "costs.runs_while": tuple(reason.value for reason in PauseReason),
    "approvals.decided_by": tuple(role.value for role in Role),
}
#: Tables whose names are free, with what a name looks like.
_FREE: Mapping[str, str] = {
    "amounts.scale": r"[A-Z]{3}",
    "discount_tax.by_country": r"[A-Z]{2}",
}
#: Tables whose names are fixed though the shipped rules name none or not all.
_NAMES: Mapping[str, tuple[str, ...]] = {"ladders.by_segment": tuple(segment.value for segment in Segment)}
#: Keys that the page of ladders changes, with its own checks; here they are read only.
READ_ONLY = frozenset({"ladders.default", "ladders.prepayments", "ladders.by_segment"})
#: Lists of codes that the code itself knows: only these may be named.
_FIXED_LISTS = frozenset({"segments.notice_rungs", "talks.visit_checks"})


@cache
def shipped() -> dict[str, dict[str, Any]]:
    """The shipped rules as data."""
    return tomllib.loads(DEFAULT_BODY)


@cache
def fields_of(section: str) -> tuple[Field, ...]:
    """Return the fields of a section in the order of the shipped rules; none for an unknown one."""
    return tuple(_field(f"{section}.{name}", value) for name, value in shipped().get(section, {}).items())


@cache
def field_of(key: str) -> Field | None:
    """Return the field of "section.key"; None for an unknown one."""
    return next((field for field in fields_of(key.partition(".")[0]) if field.key == key), None)


def sections() -> list[str]:
    """Names of the sections, in the order of the shipped rules."""
    return list(shipped())


def _unit(key: str) -> tuple[str, int]:
    section, _, name = key.rpartition(".")
    if name in _UNIT_OF:
        return _UNIT_OF[name]
    for end, unit, most in _UNITS:
        if name.endswith(end):
            return unit, most
    return _SECTION_UNITS.get(section, ("", 1_000_000))


def _number(key: str, kind: str = "number") -> Field:
    unit, most = _unit(key)
    least, most = _RANGES.get(key, (0, most))
    return Field(key, kind, unit, least, most)


def _field(key: str, value: Any) -> Field:
    if isinstance(value, bool):
        return Field(key, "yes")
    if isinstance(value, int):
        return _number(key)
    if isinstance(value, str):
        return _text(key, value)
    if isinstance(value, list):
        return _listed(key, value)
    return _table(key, value)


def _text(key: str, value: str) -> Field:
    if key in _CHOICES:
        return Field(key, "choice", choices=_CHOICES[key])
    if re.fullmatch(r"\d\d:\d\d", value):
        return Field(key, "time")
    if re.fullmatch(r"\d+\.\d+", value):
        return _number(key, "decimal")
    return Field(key, "text", most=200)


def _listed(key: str, value: list[Any]) -> Field:
    if value and isinstance(value[0], dict):
        columns = tuple(_field(name, cell) for name, cell in value[0].items())
        return Field(key, "rows", parts=columns)
    if value and isinstance(value[0], int):
        unit, most = _unit(key)
        return Field(key, "numbers", unit, 1, most)
    choices = _CHOICES.get(key, tuple(value) if key in _FIXED_LISTS else ())
    return Field(key, "codes", choices=choices)


def _table(key: str, value: dict[str, Any]) -> Field:
    if key in _FREE:
        one = (
            Field(key, "choice", choices=_CHOICES[key])
            if key in _CHOICES
            else Field(key, "decimal", most=100_000)
        )
        return Field(key, "pairs", parts=(one,))
    names = _NAMES.get(key, tuple(value))
    parts = []
    for name in names:
        if key in _CHOICES:
            parts.append(Field(name, "codes", choices=_CHOICES[key]))
        elif key == "ladders.by_segment":
            parts.append(Field(name, "text", most=40))
        else:
            unit, most = _unit(key)
            parts.append(Field(name, "number", unit, *(_RANGES.get(key, (0, most)))))
    return Field(key, "named", parts=tuple(parts))


# --------------------------------------------------------------------------- as people type them


Typed = Callable[[str], str]


def read(field: Field, typed: Typed) -> Any:
    """Return the value of a field as typed.

    Args:
        typed: name below the field -> what was typed there; "" is the field itself.
    Raises:
        BadField: empty, not_whole, not_a_decimal, not_a_time, out_of_range (least, most),
            not_a_choice (value), name_wrong (value), too_long; `at` names the part.
    """
    if field.kind == "rows":
        return _read_rows(field, typed)
    if field.kind == "named":
        found = {}
        for part in field.parts:
            value = _at(part, typed(part.key), part.key)
            if not (field.key == "ladders.by_segment" and value == ""):
                found[part.key] = value
        return found
    if field.kind == "pairs":
        return _read_pairs(field, typed(""))
    return _at(field, typed(""), "")


def _at(field: Field, text: str, at: str) -> Any:
    try:
        return _one(field, text.strip())
    except BadField as error:
        raise BadField(error.code, **error.facts, at=at) from error


def _one(field: Field, text: str) -> Any:
    match field.kind:
        case "yes":
            return text == "yes"
        case "number":
            return _whole(field, text)
        case "decimal":
            return _decimal(field, text)
        case "choice":
            if text not in field.choices:
                raise BadField("not_a_choice", value=text[:40])
            return text
        case "time":
            return _clock(text)
        case "numbers":
            return [_whole(field, part) for part in _split(text)]
        case "codes":
            return _codes(field, text)
    if len(text) > field.most:
        raise BadField("too_long")
    return text


def _split(text: str) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", text) if part]


def _whole(field: Field, text: str) -> int:
    if not text:
        raise BadField("empty")
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise BadField("not_whole")
    number = int(text)
    if not field.least <= number <= field.most:
        raise BadField("out_of_range", least=field.least, most=field.most)
    return number


def _decimal(field: Field, text: str) -> str:
    if not text:
        raise BadField("empty")
    if not re.fullmatch(r"[0-9]{1,9}([.,][0-9]{1,6})?", text):
        raise BadField("not_a_decimal")
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise BadField("not_a_decimal") from error
    if not field.least <= number <= field.most:
        raise BadField("out_of_range", least=field.least, most=field.most)
    return str(number)


def _clock(text: str) -> str:
    try:
        return f"{time.fromisoformat(text):%H:%M}"
    except ValueError as error:
        raise BadField("not_a_time") from error


def _codes(field: Field, text: str) -> list[str]:
    found = list(dict.fromkeys(_split(text)))
    for code in found:
        if field.choices and code not in field.choices:
            raise BadField("not_a_choice", value=code[:40])
        if not field.choices and not re.fullmatch(r"[A-Za-z0-9_\-]{1,40}", code):
            raise BadField("not_a_choice", value=code[:40])
    return found


def _read_pairs(field: Field, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        if not re.fullmatch(_FREE[field.key], name) or name in found:
            raise BadField("name_wrong", value=name[:40], at="")
        found[name] = _at(field.parts[0], value, "")
        if field.key == "amounts.scale" and found[name].isdecimal():
            found[name] = int(found[name])  # whole numbers stand without quotes
        if field.key == "amounts.scale" and Decimal(str(found[name])) <= 0:
            raise BadField("out_of_range", least=0, most=field.parts[0].most, at="")
    return found


def _read_rows(field: Field, typed: Typed) -> list[dict[str, Any]]:
    rows = []
    for number in range(MOST_ROWS):
        texts = {column.key: typed(f"{number}-{column.key}").strip() for column in field.parts}
        if not any(texts.values()):
            continue  # an emptied row is taken out
        rows.append({c.key: _at(c, texts[c.key], f"{number}-{c.key}") for c in field.parts})
    if not rows:
        raise BadField("empty", at="0-" + field.parts[0].key)
    return rows


#: Rows of bands and grids that one form takes.
MOST_ROWS = 20


def written(value: Any) -> str:
    """Return a value as the form shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "\n".join(f"{name} = {written(one)}" for name, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(written(one) for one in value)
    return str(value)


# --------------------------------------------------------------------------- as they are kept


def toml_of(data: Mapping[str, Mapping[str, Any]]) -> str:
    """Write rules out as TOML, one key a line, in the order given; read back they are the same.

    >>> print(toml_of({"a": {"n": 3, "on": True, "t": ["x"], "rows": [{"k": 1}]}}), end="")
    [a]
    n = 3
    on = true
    t = ["x"]
    rows = [
      { k = 1 },
    ]
    """
    parts = []
    for section, keys in data.items():
        lines = [f"[{section}]", *(f"{name} = {_toml(value)}" for name, value in keys.items())]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }" if value else "{}"
    if value and isinstance(value[0], Mapping):
        return "[\n" + "".join(f"  {_toml(row)},\n" for row in value) + "]"
    return "[" + ", ".join(_toml(one) for one in value) + "]"


def flat(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return rules as "section.key" -> value."""
    return {f"{section}.{name}": value for section, keys in data.items() for name, value in keys.items()}


def with_changes(
    data: Mapping[str, Mapping[str, Any]], changes: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return rules with some keys changed; the order stays."""
    result = {section: dict(keys) for section, keys in data.items()}
    for key, value in changes.items():
        section, _, name = key.partition(".")
        result[section][name] = value
    return result
