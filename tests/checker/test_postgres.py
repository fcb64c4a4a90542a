"""The same proofs on PostgreSQL: the healthy world, and one or two corruptions an invariant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.__main__ import main
from tests.checker.conftest import Check
from tests.checker.corruptions import ALL
from tests.checker.damage import Corruption
from tests.checker.world import World, build
from tests.databases import copied_database, empty_database

pytestmark = pytest.mark.postgres

CHOSEN = (
    "unbalanced entry",
    "postings in two currencies",
    "cached balance off by one",
    "allocation missing",
    "duplicate effect",
    "payment without charge",
    "amount times 100 in yen",
    "payment on another account",
    "payment without receipt",
    "receipt that failed, and nobody was told",
    "receipt of a card that is kept is missing",
    "receipt by SMS is missing",
    "sent and never delivered",
    "reminder twice on one day of the account, on two days of UTC",
    "one step told twice",
    "reminder at night",
    "reminder after a no",
    "one contact too many in New York",
    "reminder to a bankrupt",
    "reminder while all sending was stopped",
    "plan of another sum than its parts",
    "instalment paid twice",
    "column edited",
    "fork",
    "detail edited",
    "movement that the books do not know",
    "payout not booked",
    "payout booked with another sum",
    "payout booked twice",
    "reversal that is not the sum of its parts",
    "reversal without what it took off",
    "reversal undone beyond its amount",
    "reversal in another currency than its payment",
    "what left twice counts still",
    "event stuck",
    "attempt stuck without alert",
)


def _plain(url: str) -> str:
    """As people write it for the checker, without the name of a driver."""
    return url.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The healthy world in a database to copy from."""
    folder = tmp_path_factory.mktemp("parts")
    with empty_database("postgres", folder) as url:
        yield build(_plain(url), folder)


@pytest.fixture
def copy(template: World, world: World, tmp_path: Path) -> Iterator[World]:
    """A copy to be damaged; gateway log and mailbox are those of the SQLite world."""
    with copied_database(template.database, tmp_path) as url:
        yield World(_plain(url), world.stripe, world.mailbox)


def test_healthy_world_holds(template: World, check: Check) -> None:
    """Every check finds its rows there and nothing broken."""
    answer = check(template)
    assert (answer.code, answer.broken) == (0, {})
    assert all(found["rows"] for found in answer.checks.values() if found["verdict"] == "ok")


@pytest.mark.parametrize(
    "corruption",
    [corruption for corruption in ALL if corruption.name in CHOSEN],
    ids=lambda corruption: corruption.name,
)
def test_corruption_is_found_and_named(corruption: Corruption, copy: World, check: Check) -> None:
    """As on SQLite: exactly what it breaks, with the same words."""
    corruption.damage(copy)
    answer = check(copy)
    assert set(answer.broken) == set(corruption.invariants), answer.broken
    assert corruption.says in answer.broken[corruption.invariants[0]]


def test_database_without_tables_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that was never migrated is named as such."""
    with empty_database("postgres", tmp_path) as url:
        assert main(["--database", _plain(url)]) == 2
    assert "the database has no table account" in capsys.readouterr().err


def test_chosen_are_known() -> None:
    """The list above names corruptions that exist."""
    assert set(CHOSEN) <= {corruption.name for corruption in ALL}


def test_driver_in_the_address_is_taken(template: World, check: Check) -> None:
    """The product's own address, with SQLAlchemy's driver in it, can be given as it is."""
    url = template.database.replace("postgresql://", "postgresql+psycopg://")
    assert check(World(url, template.stripe, template.mailbox)).code == 0
