"""The House of the fault tests: a database of each kind, a mailbox, and no process that outlives its test."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from assembly import House
from models.store import Store
from tests.databases import copied_database, fresh_database
from tests.faults import climber, crowd
from tests.jobs.test_outbox import build
from tests.mailboxes import MailboxProcess


@pytest.fixture
def house(database_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    house = build(database_url, mailbox, tmp_path)
    yield house
    house.press.close()
    house.store.dispose()


@pytest.fixture(scope="package")
def _settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """Makes the crowd once for each kind of database."""
    folder, kept = tmp_path_factory.mktemp("crowd"), []

    @cache
    def settled(kind: str) -> str:
        made = fresh_database(kind, folder)
        kept.append(made)
        store = Store(url := made.__enter__())
        crowd.settle(store)
        store.dispose()
        return url

    yield settled  # type: ignore[misc]
    for made in kept:
        made.__exit__(None, None, None)


@pytest.fixture
def crowded_url(database: str, _settled, tmp_path: Path) -> Iterator[str]:  # type: ignore[no-untyped-def]
    with copied_database(_settled(database), tmp_path) as url:
        yield url


@pytest.fixture
def crowded(crowded_url: str, mailbox: MailboxProcess, tmp_path: Path) -> Iterator[House]:
    """The House with hundreds of debtors; thousands in the long run."""
    house = build(crowded_url, mailbox, tmp_path)
    yield house
    house.press.close()
    house.store.dispose()


@pytest.fixture(autouse=True)
def nobody_outlives_the_test() -> Iterator[None]:
    yield
    climber.end_all()
