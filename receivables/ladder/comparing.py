"""Two ladders side by side, rung by rung, and what the second would change today.

Reads only. A rung is met again on the other side by its code; one that stands elsewhere in the order is
shown on each side where it stands. Source: issue of the ladder, part 1: compared before publishing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher

from sqlalchemy.orm import Session

from receivables.ladder.evaluating import Look, look
from receivables.ladder.facts import everybody
from receivables.ladder.rungs import Effect, Ladder, Rung
from receivables.policy import Policy

#: What of a rung can differ.
PARTS = ("day", "at", "latest_day", "gate", "when", "effects")
#: Accounts looked at for a forecast: it is made while somebody waits for a page.
FORECAST_MOST = 1000
_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One rung on both sides; `differs` names its parts that are not the same, of one side alone all."""

    left: Rung | None
    right: Rung | None
    differs: frozenset[str]

    @property
    def mark(self) -> str:
        """How it stands: same, changed, only_left, only_right."""
        if self.left is None:
            return "only_right"
        if self.right is None:
            return "only_left"
        return "changed" if self.differs else "same"

    def is_own(self, effect: Effect, *, right: bool) -> bool:
        """Whether an effect stands on one side only."""
        other = self.left if right else self.right
        return other is None or effect not in other.effects


def side_by_side(left: Ladder, right: Ladder) -> list[Line]:
    """Return two ladders rung by rung, in the order of both.

    >>> from receivables.ladder.rungs import preset
    >>> [line.mark for line in side_by_side(preset("gentle"), preset("strict"))][:3]
    ['only_left', 'changed', 'changed']
    """
    ours, theirs = ([rung.code for rung in side.rungs] for side in (left, right))
    lines: list[Line] = []
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [_line(one, two) for one, two in zip(left.rungs[a:b], right.rungs[c:d], strict=True)]
            continue
        alone = [_line(one, None) for one in left.rungs[a:b]] + [_line(None, two) for two in right.rungs[c:d]]
        lines += sorted(alone, key=lambda line: (line.left or line.right).day)  # type: ignore[union-attr]
    return lines


def _line(left: Rung | None, right: Rung | None) -> Line:
    if left is None or right is None:
        return Line(left, right, frozenset(PARTS))
    return Line(left, right, frozenset(part for part in PARTS if getattr(left, part) != getattr(right, part)))


# --------------------------------------------------------------------------- what it would change


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """How many times a rung would act in the next run, by the rules of now and by those proposed."""

    ladder: str
    rung: str
    now: int
    then: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run of today would find.

    Attributes:
        looked: accounts that were looked at; evenly spread over `accounts` where those are too many.
        changed: accounts for which something else would be done.
    """

    rows: list[ForecastRow]
    looked: int
    accounts: int
    changed: int


def forecast(
    session: Session,
    *,
    ladders: tuple[Mapping[str, Ladder], Mapping[str, Ladder]],
    policies: tuple[Policy, Policy],
    now: datetime,
    most: int = FORECAST_MOST,
) -> Forecast:
    """Return what a run would do today by the rules of now, and by those that are proposed.

    Args:
        ladders, policies: of now, and then.
        most: accounts that are looked at, at most.
    """
    everyone = everybody(session)
    step = max(1, -(-len(everyone) // most))
    ids = everyone[::step]
    counts: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]] = (Counter(), Counter())
    order: dict[tuple[str, str], int] = {}
    changed = 0
    for first in range(0, len(ids), _CHUNK):
        chunk = ids[first : first + _CHUNK]
        found = [
            look(session, chunk, ladders=known, policy=policy, now=now)
            for known, policy in zip(ladders, policies, strict=True)
        ]
        for before, after in zip(*found, strict=True):
            done = [_due(side, order) for side in (before, after)]
            for counter, names in zip(counts, done, strict=True):
                counter.update(names)
            changed += Counter(done[0]) != Counter(done[1])
    rows = [
        ForecastRow(ladder, rung, counts[0][ladder, rung], counts[1][ladder, rung])
        for ladder, rung in sorted(order, key=lambda name: (name[0], order[name], name[1]))
    ]
    return Forecast(rows, len(ids), len(everyone), changed)


def _due(found: Look, order: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    names = []
    for due in found.due:
        name = (due.ladder.name, due.rung.code)
        order.setdefault(name, due.rung.day)
        names.append(name)
    return names
