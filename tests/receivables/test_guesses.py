"""How often one caller may try (L-11): limit, window, many at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.links import GuessCounter
from models.store import Store
from receivables import guesses
from receivables.errors import TooManyTries
from tests.conftest import NOON
from tests.races import together

WINDOW = timedelta(minutes=15)
CALLER = "link:198.51.100.0/24"


def count(store: Store, now: datetime = NOON, bucket: str = CALLER, tries: int = 3) -> int:
    return store.run(lambda s: guesses.count(s, bucket, window=WINDOW, tries=tries, now=now))


def test_the_window_fills_and_opens_again(store: Store) -> None:
    """L-11: three tries, then refused with the minutes that are left, then a new window."""
    assert [count(store) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(TooManyTries) as refused:
        count(store, NOON + timedelta(minutes=4, seconds=30))
    assert refused.value.code == "too_many_tries"
    assert refused.value.facts == {"minutes": 11}
    with pytest.raises(TooManyTries):
        count(store, NOON + WINDOW - timedelta(seconds=1))
    assert count(store, NOON + WINDOW) == 1


def test_callers_and_things_are_counted_apart(store: Store) -> None:
    """L-11: another network, or another thing tried, has a window of its own."""
    for _ in range(3):
        count(store)
    assert count(store, bucket="link:203.0.113.0/24") == 1
    assert count(store, bucket="login:198.51.100.0/24") == 1


def test_many_at_once_are_all_counted(store: Store) -> None:
    """L-11, FT-19: twenty at once get through exactly as often as is allowed."""
    answers = together(20, lambda _: count(store, tries=7))
    assert sorted(a for a in answers if isinstance(a, int)) == [1, 2, 3, 4, 5, 6, 7]
    assert sum(isinstance(a, TooManyTries) for a in answers) == 13


def test_a_restart_forgets_nothing(store: Store) -> None:
    """L-08, L-11: the counters are in the database."""
    for _ in range(3):
        count(store)
    again = Store(store.url.render_as_string(hide_password=False))
    with pytest.raises(TooManyTries):
        count(again)
    again.dispose()


def test_old_counters_are_forgotten(store: Store) -> None:
    """Only those whose window is long over."""
    count(store, NOON - timedelta(days=3))
    count(store)
    with store.write() as s:
        guesses.forget_old(s, older_than=NOON - timedelta(days=2))
    with store.read() as s:
        assert s.scalars(select(GuessCounter.window_started_at)).all() == [NOON]
