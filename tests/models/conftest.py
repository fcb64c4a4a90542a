"""A database without tables, for migrations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store import Store
from tests.databases import empty_database


@pytest.fixture
def empty_store(database: str, tmp_path: Path) -> Iterator[Store]:
    """A database of each kind in which nothing was made yet."""
    with empty_database(database, tmp_path) as url:
        store = Store(url)
        yield store
        store.dispose()
