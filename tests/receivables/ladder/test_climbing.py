"""Which rung comes next, and when: the stated rules, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.pauses import PauseReason
from receivables.calendar_days import is_business_day
from receivables.ladder.climbing import Position, counted_due, next_rung
from receivables.ladder.rungs import Ladder, preset
from receivables.pauses import Standing

GENTLE = preset("gentle")
#: A Monday.
DUE = date(2026, 6, 1)


def _held(start: int, end: int | None) -> Standing:
    to_on = None if end is None else DUE + timedelta(days=end)
    return Standing(PauseReason.SAYS_PAID, None, None, DUE + timedelta(days=start), to_on)


def _climb(
    days: int,
    *,
    ladder: Ladder = GENTLE,
    pauses: Sequence[Standing] = (),
    position: Position | None = None,
    contacted: bool = True,
    first_day: int = -10,
    asleep: Sequence[int] = (),
) -> list[tuple[str, int]]:
    """Live through days from `first_day` on; return (rung, day counted from the due date)."""
    position, met = position or Position(), []
    for number in range(first_day, days + 1):
        today = DUE + timedelta(days=number)
        if number in asleep or any(p.holds_on(today) for p in pauses):
            continue
        known = [p for p in pauses if p.from_on <= today]
        found = next_rung(
            ladder, position, due_on=DUE, pauses=known, contacted=contacted, country="GB", today=today
        )
        if found is not None and found.on <= today:
            position, contacted = Position(position.cycle, found.rung.seq, today), True
            met.append((found.rung.code, number))
    return met


def test_an_account_on_time_meets_every_rung_on_its_day_or_the_next_working_day() -> None:
    """domain.md, "The ladder"; nothing on a weekend."""
    assert _climb(100) == [
        ("courtesy", -3), ("due_today", 0), ("first_reminder", 1), ("call", 3), ("official_letter", 7),
        ("sales", 14), ("freeze_review", 21), ("formal_warning", 30), ("last_offer", 60), ("hand_over", 91),
    ]  # fmt: skip


def test_an_old_debt_nobody_ever_spoke_of_begins_with_the_first_reminder() -> None:
    """The catch-up rule: never beyond the first reminder without a contact before it; then step by step.

    Day 200 is Friday 18 December: the call waits for Monday, the letter for the end of Christmas.
    """
    met = _climb(330, contacted=False, first_day=200)
    assert met[:4] == [("first_reminder", 200), ("call", 203), ("official_letter", 211), ("sales", 218)]
    assert [code for code, _ in met][-1] == "hand_over"


def test_an_old_debt_that_was_spoken_of_joins_where_its_age_belongs() -> None:
    assert _climb(40, first_day=36)[0] == ("formal_warning", 36)


def test_missed_days_skip_no_rung() -> None:
    """FT-18: the job did not run for ten days; what follows keeps its distance."""
    met = _climb(40, asleep=range(2, 12))
    assert [code for code, _ in met][:5] == [
        "courtesy", "due_today", "first_reminder", "call", "official_letter",
    ]  # fmt: skip
    days = dict(met)
    assert days["call"] == 14
    assert days["official_letter"] == 18


def test_rungs_before_the_due_date_are_not_made_up_for() -> None:
    assert _climb(5, first_day=1)[0] == ("first_reminder", 1)


def test_a_pause_moves_every_later_rung_by_its_days_and_skips_none() -> None:
    """C-05: end dates restart the ladder at the same step."""
    free, held = dict(_climb(130)), dict(_climb(130, pauses=[_held(4, 11), _held(8, 18)]))
    assert list(free) == list(held)
    assert held["official_letter"] == 21  # +7 and the 14 days of the union
    assert held["call"] == free["call"] == 3


def test_hand_over_is_not_put_off_beyond_its_latest_day() -> None:
    """domain.md: at the latest +110, even when earlier rungs came late."""
    met = dict(_climb(140, asleep=range(31, 100)))
    assert met["last_offer"] >= 100
    assert met["hand_over"] <= 113  # 110, or the working day after it


def test_a_due_date_on_a_day_off_counts_as_the_next_working_day() -> None:
    assert counted_due(date(2026, 12, 25), "GB") == date(2026, 12, 29)
    assert counted_due(date(2026, 6, 1), "GB", shift_days=30) == date(2026, 7, 1)


@given(
    pauses=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=4),
    asleep=st.sets(st.integers(-5, 150), max_size=40),
    contacted=st.booleans(),
    first=st.integers(-5, 60),
)
def test_whatever_happens_each_rung_comes_once_in_order_and_on_a_working_day(
    pauses: list[tuple[int, int]], asleep: set[int], contacted: bool, first: int
) -> None:
    """FT-18, C-05: over random pauses and missed days."""
    held = [_held(start, start + length) for start, length in pauses]
    met = _climb(200, pauses=held, asleep=sorted(asleep), contacted=contacted, first_day=first)
    order = [GENTLE.rung(code).seq for code, _ in met]
    assert order == sorted(set(order))
    beyond = [seq for seq in order if seq > GENTLE.rung("first_reminder").seq]
    assert beyond == list(range(beyond[0], beyond[-1] + 1)) if beyond else True
    assert all(is_business_day(DUE + timedelta(days=day), "GB") for _, day in met)
    for code, day in met:
        rung = GENTLE.rung(code)
        paused = len({d for start, length in pauses for d in range(max(start, 0), start + length) if d < day})
        assert day - (paused if day > 0 else 0) >= rung.day or day >= (rung.latest_day or 10**6)
