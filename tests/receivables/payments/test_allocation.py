"""Where money goes: exact sums, never above what is open, the debtor's word first (M-09, M-13)."""

from __future__ import annotations

import doctest
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.payments import AllocationRule
from receivables.payments import allocation
from receivables.payments.allocation import Share, Target, allocate, oldest_first, spread
from tests.effort import EXAMPLES

DAY = date(2026, 11, 1)
DAYS = st.none() | st.integers(0, 90).map(lambda n: DAY + timedelta(days=n))
TARGETS = st.lists(st.tuples(st.integers(0, 500), DAYS), max_size=6).map(
    lambda rows: [Target(number, open_minor, due) for number, (open_minor, due) in enumerate(rows, 1)]
)


def test_doctests() -> None:
    assert doctest.testmod(allocation).failed == 0


@given(
    amount=st.integers(1, 2000),
    targets=TARGETS,
    wanted=st.dictionaries(st.integers(1, 8), st.integers(0, 600), max_size=6),
)
@settings(max_examples=EXAMPLES * 3, deadline=None)
def test_every_unit_is_somewhere(amount: int, targets: list[Target], wanted: dict[int, int]) -> None:
    """M-13: shares and rest sum to what came; no share is empty, above what is open, or given twice."""
    shares, rest = allocate(amount, targets, wanted)
    assert sum(s.amount_minor for s in shares) + rest == amount
    assert rest >= 0
    still_open = {t.invoice_id: t.open_minor for t in targets}
    assert len({s.invoice_id for s in shares}) == len(shares)
    for share in shares:
        assert 0 < share.amount_minor <= still_open[share.invoice_id]
        if wanted:
            assert share.rule is AllocationRule.DIRECTED
            assert share.amount_minor <= wanted[share.invoice_id]
        else:
            assert share.rule is AllocationRule.OLDEST_FIRST


@given(amount=st.integers(1, 2000), targets=TARGETS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_without_direction_the_oldest_is_filled_first(amount: int, targets: list[Target]) -> None:
    """M-13: a younger document gets nothing while an older one is open; no rest unless all is paid."""
    shares, rest = allocate(amount, targets, {})
    given_to = {s.invoice_id: s.amount_minor for s in shares}
    order = oldest_first([t for t in targets if t.open_minor])
    full = [given_to.get(t.invoice_id, 0) == t.open_minor for t in order]
    assert full == sorted(full, reverse=True)
    assert sum(0 < given_to.get(t.invoice_id, 0) < t.open_minor for t in order) <= 1
    if rest:
        assert all(full)


@given(amount=st.integers(1, 2000), targets=TARGETS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_direction_that_fits_is_followed_to_the_unit(amount: int, targets: list[Target]) -> None:
    """M-13, 15 USC 1692h: the debtor's direction comes before any policy."""
    wanted = {t.invoice_id: t.open_minor for t in targets[::2] if t.open_minor}
    amount = max(amount, sum(wanted.values()))
    shares, rest = allocate(amount, targets, wanted)
    if wanted:
        assert {s.invoice_id: s.amount_minor for s in shares} == wanted
        assert rest == amount - sum(wanted.values())


TABLE = [
    # what comes, open (id, amount, days), directed, shares, rest
    ("oldest first", 120, [(1, 100, 9), (2, 50, 5)], {}, [(2, 50), (1, 70)], 0),
    ("no due date is last", 120, [(1, 100, None), (2, 50, 5)], {}, [(2, 50), (1, 70)], 0),
    ("same day: lower id", 60, [(2, 50, 5), (1, 50, 5)], {}, [(1, 50), (2, 10)], 0),
    ("more than all", 200, [(1, 100, 9), (2, 50, 5)], {}, [(2, 50), (1, 100)], 50),
    ("directed to the younger", 100, [(1, 100, 9), (2, 50, 5)], {1: 100}, [(1, 100)], 0),
    ("directed part", 30, [(1, 100, 9), (2, 50, 5)], {1: 30}, [(1, 30)], 0),
    ("directed, meanwhile paid", 100, [(1, 0, 9), (2, 50, 5)], {1: 100}, [], 100),
    ("directed, meanwhile part paid", 100, [(1, 40, 9), (2, 50, 5)], {1: 100}, [(1, 40)], 60),
    ("directed, document gone", 100, [(2, 50, 5)], {1: 100}, [], 100),
    ("directed to both", 150, [(1, 100, 9), (2, 50, 5)], {1: 100, 2: 50}, [(2, 50), (1, 100)], 0),
    ("more came than was directed", 130, [(1, 100, 9), (2, 50, 5)], {1: 100}, [(1, 100)], 30),
    ("nothing open", 70, [], {}, [], 70),
]


@pytest.mark.parametrize(
    ("amount", "targets", "directed", "shares", "rest"), [t[1:] for t in TABLE], ids=[t[0] for t in TABLE]
)
def test_by_table(
    amount: int,
    targets: list[tuple[int, int, int | None]],
    directed: dict[int, int],
    shares: list[tuple[int, int]],
    rest: int,
) -> None:
    """M-13: one line for each policy; what is over becomes unapplied credit, never someone else's."""
    rows = [Target(n, m, DAY + timedelta(days=d) if d is not None else None) for n, m, d in targets]
    rule = AllocationRule.DIRECTED if directed else AllocationRule.OLDEST_FIRST
    assert allocate(amount, rows, directed) == ([Share(n, m, rule) for n, m in shares], rest)


def test_spread_skips_what_is_closed() -> None:
    assert spread(10, [Target(1, 0, None), Target(2, 5, None)]) == [(Target(2, 5, None), 5)]
