"""What rules may not say together: each refused by name, with the keys that it is about (X-05)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy.orm import Session

from receivables.contact.rule_rows import BadContactRules, current_rules, refuse_never
from receivables.policy import Policy

Data = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """Rules that do not go together: `code` is worded by the desk, `keys` are "section.key"."""

    code: str
    keys: tuple[str, ...]

    @property
    def sections(self) -> frozenset[str]:
        """Sections that it is about."""
        return frozenset(key.partition(".")[0] for key in self.keys)


def faults(session: Session, data: Data, *, now: datetime) -> list[Fault]:
    """Return what is wrong with rules as a whole; none means that they may be published."""
    found = [fault for check in _CHECKS for fault in check(data)]
    if found:
        return found
    try:
        policy = Policy.of({section: dict(keys) for section, keys in data.items()})
    except KeyError as error:
        return [Fault("key_wrong", (str(error.args[0]),))]
    try:
        refuse_never(current_rules(session, now), (policy.contact_from, policy.contact_to))
    except BadContactRules:
        found.append(Fault("nobody_reached", ("contact.window_from", "contact.window_to")))
    return found


def _at_most(code: str, small: str, large: str) -> Callable[[Data], Iterator[Fault]]:
    """A check that one number is not above another."""

    def check(data: Data) -> Iterator[Fault]:
        if _value(data, small) > _value(data, large):
            yield Fault(code, (small, large))

    return check


def _value(data: Data, key: str) -> Any:
    section, _, name = key.partition(".")
    return data[section][name]


def _hours(data: Data) -> Iterator[Fault]:
    start, end = str(data["contact"]["window_from"]), str(data["contact"]["window_to"])
    if start >= end:
        yield Fault("hours_reversed", ("contact.window_from", "contact.window_to"))
        return
    minutes = _minutes(end) - _minutes(start)
    if data["contact"]["least_window_minutes"] > minutes:
        yield Fault("window_too_long", ("contact.least_window_minutes", "contact.window_from"))


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _falls(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return all(upper[name] > lower[name] for upper, lower in pairwise(rows))


def _bands(data: Data) -> Iterator[Fault]:
    bands = data["plans"]["bands"]
    if not _falls(bands, "above"):
        yield Fault("bands_order", ("plans.bands",))
    elif bands[-1]["above"] != 0:
        yield Fault("bands_gap", ("plans.bands",))
    if any(band["down_percent"] >= 100 or band["most_parts"] < 1 for band in bands):
        yield Fault("band_empty", ("plans.bands",))


def _grid(data: Data) -> Iterator[Fault]:
    grid = data["offers"]["grid"]
    if not _falls(grid, "days_late"):
        yield Fault("grid_order", ("offers.grid",))
    elif any(a["discount_percent"] < b["discount_percent"] for a, b in pairwise(grid)):
        yield Fault("grid_younger_gets_more", ("offers.grid",))


def _ages(data: Data) -> Iterator[Fault]:
    if "worklist" in data and not _falls(data["worklist"]["ages"], "late"):
        yield Fault("ages_order", ("worklist.ages",))


def _limits(data: Data) -> Iterator[Fault]:
    for name, limits in data["approvals"].items():
        if not (isinstance(limits, Mapping) and {"collector", "supervisor"} <= set(limits)):
            continue
        if isinstance(limits["collector"], int) and limits["collector"] > limits["supervisor"]:
            yield Fault("limits_reversed", (f"approvals.{name}",))


def _decided(data: Data) -> Iterator[Fault]:
    decided = data["approvals"].get("decided_by", {})
    if any(not roles for roles in decided.values()):
        yield Fault("nobody_decides", ("approvals.decided_by",))


def _deadlines(data: Data) -> Iterator[Fault]:
    letters = data["letters"]
    if any(days < letters["least_days"] for days in letters["deadline_days"].values()):
        yield Fault("deadline_too_near", ("letters.deadline_days", "letters.least_days"))


def _year(data: Data) -> Iterator[Fault]:
    if data["costs"]["days_in_year"] not in (360, 365):
        yield Fault("year_unknown", ("costs.days_in_year",))


def _scale(data: Data) -> Iterator[Fault]:
    if not data["amounts"]["scale"]:
        yield Fault("no_currency", ("amounts.scale",))


def _retries(data: Data) -> Iterator[Fault]:
    days = list(data["plans"]["retry_days"])
    if days != sorted(set(days)):
        yield Fault("retries_order", ("plans.retry_days",))


_CHECKS: tuple[Callable[[Data], Iterator[Fault]], ...] = (
    _hours,
    _bands,
    _grid,
    _ages,
    _limits,
    _decided,
    _deadlines,
    _year,
    _scale,
    _retries,
    _at_most("idle_beyond_end", "sessions.debtor_idle", "sessions.debtor_absolute"),
    _at_most("idle_beyond_end", "sessions.staff_idle", "sessions.staff_absolute"),
    _at_most("file_beyond_account", "disputes.file_mebibytes", "disputes.account_mebibytes"),
    _at_most("first_beyond_asked", "plans.usual_first_days", "plans.asked_within_days"),
)
