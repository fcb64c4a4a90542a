"""One unit of work of a test, on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from models.store import Store


@pytest.fixture
def session(store: Store) -> Iterator[Session]:
    with store.write() as session:
        yield session
