"""Which rung a document meets next, and on which day: pure, from facts.

Rules, in this order:

1. The age is the days since the due date less the union of its paused days; before the due date
   pauses take nothing away, since nothing runs yet.
2. A document without a position joins at the rung its age deserves; without any contact about it
   before, never beyond the first reminder (the catch-up rule).
3. After a rung only the next one follows, so nothing is skipped after missed days or a pause. One
   that was met late by more than a long weekend keeps its distance: the days between the two on the
   ladder pass first. Rungs up to the due date are not made up for after it. A `latest_day` is kept
   whatever came late before it, but never on the day of another rung.
4. What falls on a day when nobody works at the account's place waits for the next business day; a
   due date on such a day counts as the next business day.

Source: domain.md, "The ladder"; issue "Ladder as data" (catch-up rule); C-05.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from receivables.calendar_days import add_business_days
from receivables.ladder.rungs import Ladder, Rung
from receivables.pauses import Standing, paused_days

#: Nobody hears more than this, in words or effects, before he has heard from us at all.
FIRST_CONTACT = "first_reminder"
#: Days a rung may be late, by days off, without pushing the next one.
LONG_WEEKEND = 4


class Position(NamedTuple):
    """Where a document stands: the last rung it met in this cycle, and when. `seq` 0: none yet."""

    cycle: int = 1
    seq: int = 0
    met_on: date | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """The rung to come and its day; `joins` tells that lower rungs are passed over as too late."""

    rung: Rung
    on: date
    joins: bool = False


class Stand(NamedTuple):
    """How a document stands on a day: the day that counts as due, its age, and what comes next."""

    due_on: date
    age: int
    coming: Next | None


class Reckoning:
    """The arithmetic of one look at many accounts; what no pause bends is worked out once.

    Thousands of documents share some hundred days and places. It lives no longer than the look, since
    the calendar of a country may be corrected meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Stand] = {}

    def stand(
        self,
        ladder: Ladder,
        position: Position,
        *,
        due_on: date,
        pauses: Sequence[Standing],
        contacted: bool,
        country: str,
        today: date,
        shift_days: int = 0,
    ) -> Stand:
        """Return how a document stands.

        Args:
            due_on: as the document says it, or the day that counts.
            pauses, contacted: see `next_rung`.
            shift_days: longer terms that were agreed.
        """
        case = (ladder.name, position, due_on, contacted, country, today, shift_days)
        if not pauses and case in self._known:
            return self._known[case]
        counted = counted_due(due_on, country, shift_days=shift_days)
        coming = next_rung(
            ladder, position, due_on=counted, pauses=pauses, contacted=contacted, country=country, today=today
        )
        stand = Stand(counted, age_on(counted, pauses, today), coming)
        if not pauses:
            self._known[case] = stand
        return stand


def age_on(due_on: date, pauses: Sequence[Standing], today: date) -> int:
    """Return the days since the due date that count: those of pauses taken off, each once.

    >>> from models.pauses import PauseReason
    >>> held = [Standing(PauseReason.PROMISE, None, None, date(2026, 11, 5), date(2026, 11, 8))]
    >>> age_on(date(2026, 11, 1), held, date(2026, 11, 10))
    6
    >>> age_on(date(2026, 11, 12), held, date(2026, 11, 10))
    -2
    """
    days = (today - due_on).days
    return days - paused_days(pauses, due_on, today) if days > 0 else days


def counted_due(due_on: date, country: str, *, shift_days: int = 0) -> date:
    """Return the day that counts as due: agreed longer terms added, then the next business day."""
    return add_business_days(due_on + timedelta(days=shift_days), 0, country)


def next_rung(
    ladder: Ladder,
    position: Position,
    *,
    due_on: date,
    pauses: Sequence[Standing],
    contacted: bool,
    country: str,
    today: date,
) -> Next | None:
    """Return the rung that comes next and the earliest day for it; None at the top.

    Args:
        due_on: the day that counts as due (see `counted_due`).
        pauses: every pause of the document, past ones too; one that holds today and has no end leaves
            the day as it would be were it to end today.
        contacted: whether anything was ever sent or said about this document.
    """
    age = age_on(due_on, pauses, today)
    if position.seq == 0 or position.met_on is None:
        rung = _joined(ladder, age, contacted=contacted)
        return Next(rung, _worked(today, rung.day - age, country), joins=rung.seq > 1)
    above = [rung for rung in ladder.rungs[position.seq :] if _still_right(rung, age)]
    if not above:
        return None
    rung, last = above[0], ladder.rungs[position.seq - 1]
    wait = rung.day - age
    if last.day > 0:
        late_by = age_on(due_on, pauses, position.met_on) - last.day
        since = (today - position.met_on).days - paused_days(pauses, position.met_on, today)
        wait = max(wait, (rung.day - last.day if late_by > LONG_WEEKEND else 1) - since)
    if rung.latest_day is not None:
        wait = min(wait, (due_on + timedelta(days=rung.latest_day) - today).days)
    # Two rungs on one day would be one too many: what a second look of the day finds comes tomorrow.
    wait = max(wait, 1 - (today - position.met_on).days)
    return Next(rung, _worked(today, wait, country), joins=rung.seq > position.seq + 1)


def _still_right(rung: Rung, age: int) -> bool:
    """Whether a rung may still come: one before the due date only while that is ahead, so that what falls
    on a day off comes on the next working day; that of the due date on its day."""
    return rung.day > 0 or rung.day >= age or age < 0


def _worked(today: date, wait: int, country: str) -> date:
    """The business day that comes `wait` calendar days from today, or after."""
    return add_business_days(today + timedelta(days=max(0, wait)), 0, country)


def first_contact(ladder: Ladder) -> int:
    """Return the place of the first reminder on a ladder; of its lowest rung where it has none."""
    return next((rung.seq for rung in ladder.rungs if rung.code == FIRST_CONTACT), 1)


def _joined(ladder: Ladder, age: int, *, contacted: bool) -> Rung:
    """The highest rung whose day has come; without a contact before, the first reminder at most.

    A rung of the time before the due date is not made up for afterwards.
    """
    open_to_it = [rung for rung in ladder.rungs if _still_right(rung, age)]
    if not contacted:
        first = first_contact(ladder)
        open_to_it = [rung for rung in open_to_it if rung.seq <= first] or open_to_it[:1]
    reached = [rung for rung in open_to_it if rung.day <= age]
    return reached[-1] if reached else open_to_it[0]
