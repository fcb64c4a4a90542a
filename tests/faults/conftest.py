"""The House of the fault tests: a database of each kind, a mailbox, and no process that outlives its test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest

from assembly import House
from jobs import ladder_run
from models.store import Store
from tests.databases import copied_database, fresh_database
from tests.effort import LONG
from tests.faults import climber, crowd
from tests.faults.works import LATER, Works, start_works
from tests.jobs.test_outbox import build
from tests.mailboxes import MailboxProcess

#: Which of the two databases a fault test with real processes runs on in `make test`.
SEED = os.environ.get("AMICABLE_FAULTS_SEED", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one database for each fault test with real processes; `make faults` runs them all on both.

    The seed decides which, so that about half of them run on each: `AMICABLE_FAULTS_SEED=2 make test`
    turns others up. What is left out is counted as deselected.
    """
    if LONG:
        return
    kept, left_out, kinds = [], [], config.getoption("--databases").split(",")
    for item in items:
        asked = getattr(getattr(item, "callspec", None), "params", {}).get("database")
        if asked is None or "works" not in getattr(item, "fixturenames", ()):
            kept.append(item)
            continue
        name = item.nodeid.replace(asked, "")
        chosen = kinds[crc32(f"{SEED}:{name}".encode()) % len(kinds)]
        (kept if asked == chosen else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture
def house(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    house = build(database_url, mailbox, tmp_path)
    yield house
    house.press.close()
    house.store.dispose()


def _once_for_each(folder: Path, fill: Callable[[Store], object]) -> Iterator[Callable[[str], str]]:
    """A maker of databases to copy from: each kind is filled once, when it is first asked for."""
    kept = []

    @cache
    def filled(kind: str) -> str:
        made = fresh_database(kind, folder)
        kept.append(made)
        store = Store(url := made.__enter__())
        fill(store)
        store.dispose()
        return url

    yield filled
    for made in kept:
        made.__exit__(None, None, None)


@pytest.fixture(scope="package")
def _settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes the crowd."""
    yield from _once_for_each(tmp_path_factory.mktemp("crowd"), crowd.settle)


@pytest.fixture(scope="package")
def _queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes the queue of the night: a crowd, and the ladder has run."""

    def fill(store: Store) -> None:
        crowd.settle(store, crowd.WRITTEN_TO)
        house: Any = SimpleNamespace(store=store)
        ladder_run.run(house, now=crowd.NIGHT)

    yield from _once_for_each(tmp_path_factory.mktemp("queue"), fill)


@pytest.fixture
def crowded_url(database: str, _settled: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    with copied_database(_settled(database), tmp_path) as url:
        yield url


@pytest.fixture
def crowded(crowded_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    """The House with hundreds of debtors; thousands in the long run."""
    house = build(crowded_url, mailbox, tmp_path)
    yield house
    house.press.close()
    house.store.dispose()


@pytest.fixture
def queued(
    database: str, _queued: Callable[[str], str], mailbox: MailboxProcess, tmp_path: Path
) -> Iterator[House]:
    """The House after the nightly ladder: a full queue."""
    with copied_database(_queued(database), tmp_path) as url:
        house = build(url, mailbox, tmp_path)
        yield house
        house.press.close()
        house.store.dispose()


@pytest.fixture(autouse=True)
def nobody_outlives_the_test() -> Iterator[None]:
    yield
    climber.end_all()


#: Running products, kept from test to test: kind of database -> the product and what closes it.
_WORKS: dict[str, tuple[Works, ExitStack]] = {}


@pytest.fixture
def works(database: str, tmp_path_factory: pytest.TempPathFactory) -> Works:
    """A running product of this kind of database; the next test gets it too if this one left it proved."""
    kept = _WORKS.pop(database, None)
    if kept is None or not kept[0].proved or kept[0].spent:
        if kept is not None:
            kept[1].close()
        folder = tmp_path_factory.mktemp("works")
        stack = ExitStack()
        url = stack.enter_context(fresh_database(database, folder))
        running = start_works(folder, url)
        stack.callback(running.close)
        kept = (running, stack)
    _WORKS[database] = kept
    kept[0].proved, kept[0].ahead = False, LATER
    kept[0].start()
    return kept[0]


@pytest.fixture(scope="package", autouse=True)
def _no_works_outlive_the_tests() -> Iterator[None]:
    yield
    while _WORKS:
        _WORKS.popitem()[1][1].close()
