"""Walking sorted streams together, in constant memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from checker.sources import Row, side_by_side

_STREAM = st.lists(st.tuples(st.text(max_size=3), st.integers()), max_size=12).map(sorted)


@given(_STREAM, _STREAM, _STREAM)
def test_every_row_once_under_its_key(one: list[Row], two: list[Row], three: list[Row]) -> None:
    """No row is lost or told twice, keys rise, and each step has at least one row."""
    keys = []
    back: tuple[list[Row], ...] = ([], [], [])
    for key, groups in side_by_side(one, two, three):
        keys.append(key)
        assert any(groups)
        for rows, into in zip(groups, back, strict=True):
            assert all(row[0] == key for row in rows)
            into.extend(rows)
    assert back == (one, two, three)
    assert keys == sorted(set(keys))
