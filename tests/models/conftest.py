"""A database without tables, for migrations, and one of PostgreSQL alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store import Store
from tests.databases import empty_database, fresh_database


@pytest.fixture
def empty_store(database: str, tmp_path: Path) -> Iterator[Store]:
    """A database of each kind in which nothing was made yet."""
    with empty_database(database, tmp_path) as url:
        store = Store(url)
        yield store
        store.dispose()


@pytest.fixture
def postgres_store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A fresh PostgreSQL database, for what SQLite has no word for."""
    if "postgres" not in request.config.getoption("--databases"):
        pytest.skip("this run is on SQLite only")
    with fresh_database("postgres", tmp_path) as url:
        store = Store(url)
        yield store
        store.dispose()


@pytest.fixture(scope="module")
def chain_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One SQLite database for all examples of a property."""
    with fresh_database("sqlite", tmp_path_factory.mktemp("chain")) as url:
        store = Store(url)
        yield store
        store.dispose()
