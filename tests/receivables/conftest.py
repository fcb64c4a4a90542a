"""One database for all examples of a property."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.store import Store
from tests.databases import fresh_database


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """SQLite, shared by the tests of a module: examples bring accounts of their own."""
    with fresh_database("sqlite", tmp_path_factory.mktemp("shared")) as url:
        store = Store(url)
        yield store
        store.dispose()
