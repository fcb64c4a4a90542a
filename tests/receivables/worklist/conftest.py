"""The world of the worklist on a database of each kind."""

from __future__ import annotations

import pytest

from models.store import Store
from tests.receivables.worklist.world import World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)
