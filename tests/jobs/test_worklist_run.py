"""The ranking kept up by the daily job and by the worker; one account in trouble holds up nobody."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from jobs import worklist_run
from models.accounts import Account, FlagKind
from models.store import Store
from models.worklist import WorklistRow
from receivables import flags
from tests.conftest import NOON
from tests.receivables.worklist.world import TODAY, World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def house(world: World) -> Any:
    return SimpleNamespace(store=world.store)


def test_every_account_is_ranked_once_a_day(world: World) -> None:
    for _ in range(3):
        world.account((10000, 40))
    assert worklist_run.run(house(world), now=NOON) == (3, 0)
    assert worklist_run.run(house(world), now=NOON) == (0, 0)
    assert worklist_run.run(house(world), now=NOON + timedelta(days=1)) == (3, 0)


def test_one_in_trouble_holds_up_nobody(world: World) -> None:
    """An account in a currency that nobody knows fails; the others of its chunk are ranked."""
    good, bad = world.account((10000, 40)), world.account((10000, 40))
    with world.store.write() as session:
        session.connection().exec_driver_sql(
            f"UPDATE invoice SET currency = 'XXX' WHERE account_id = {bad.id}"  # noqa: S608
        )
    assert worklist_run.run(house(world), now=NOON) == (2, 1)
    with world.store.read() as session:
        assert session.scalars(select(WorklistRow.account_id)).all() == [good.id]


def test_the_worker_follows_what_is_done(world: World) -> None:
    account = world.account((10000, 40))
    worklist_run.run(house(world), now=NOON)
    worklist_run.follow(house(world), now=NOON)
    world.store.run(
        lambda s: flags.raise_flag(s, world.ruth, s.get_one(Account, account.id), FlagKind.ATTORNEY,
                                   from_on=TODAY, to_on=None, source="letter", now=NOON)
    )  # fmt: skip
    assert worklist_run.follow(house(world), now=NOON) == 1
    assert world.line(account).why[0]["code"] == "bound"
    assert worklist_run.follow(house(world), now=NOON) == 0
