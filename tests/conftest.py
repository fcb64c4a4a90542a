"""Fixtures: a database of each kind, a clock, the House on stand-ins, a client."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from jobs import outbox as postbox
from models.store import Store, in_unit_of_work
from tests.databases import fresh_database
from tests.mailboxes import MailboxProcess, start_mailbox
from tests.standins import StandIn, start_stripe


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--databases", default="sqlite,postgres", help="which databases to run on")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--databases").split(",")
        marks = [
            pytest.param(kind, marks=pytest.mark.postgres if kind == "postgres" else ()) for kind in chosen
        ]
        metafunc.parametrize("database", marks, indirect=False)


def _guard(event: str, args: tuple[Any, ...]) -> None:
    """Sockets lead to this machine only, and never out of a unit of work (M-08)."""
    if event != "socket.connect":
        return
    address = args[1]
    if isinstance(address, str | bytes):
        return  # unix sockets: PostgreSQL
    host = str(address[0])
    if host not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"a test reached for {host}")
    if in_unit_of_work():
        raise AssertionError("an outside call inside a unit of work (M-08)")


sys.addaudithook(_guard)


class Clock:
    """The moment that the tested code believes in; moves only when told."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **step: float) -> datetime:
        self.at += timedelta(**step)
        return self.at


#: A Thursday, 10:00 in London: inside every contact window of the seeded zones.
NOON = datetime(2026, 11, 19, 10, 0, tzinfo=UTC)


class CompiledOnce(BytecodeCache):
    """Templates that were compiled in this process, whichever of its many apps asked for them first."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._kept.get(bucket.key):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


class BuiltOnce(Rule):
    """A route whose address-building code is made once: it follows from the words of the route alone."""

    _kept: ClassVar[dict[Any, Any]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        key = self.rule, tuple(self._trace), str(self.defaults), append_unknown
        if key not in self._kept:
            self._kept[key] = super()._compile_builder(append_unknown)
        return self._kept[key]


@pytest.fixture(scope="session", autouse=True)
def quick_apps() -> None:
    """Almost every test has an app of its own: what does not differ between them is made once."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledOnce()}
    Flask.url_rule_class = BuiltOnce


def pytest_collection_finish() -> None:
    """What is loaded now stays: going through it again and again is a quarter of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 50)


@pytest.fixture(scope="session", autouse=True)
def patient_outbox() -> None:
    """A slow machine is no slow relay: what a lease made sets out, however long it took here."""
    postbox.SETS_OUT = 600.0


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def database_url(database: str, tmp_path: Path) -> Iterator[str]:
    with fresh_database(database, tmp_path) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A fresh, migrated database; runs once on SQLite and once on PostgreSQL."""
    store = Store(database_url)
    yield store
    store.dispose()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A fresh SQLite database, for tests that say nothing of the database."""
    with fresh_database("sqlite", tmp_path) as url:
        store = Store(url)
        yield store
        store.dispose()


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The payment stand-in, one process for a file of tests."""
    stand_in = start_stripe(tmp_path_factory.mktemp("stripe"))
    yield stand_in
    stand_in.stop()


@pytest.fixture
def own_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """A payment stand-in of this test alone, whose clock it may move and whose log it may prove."""
    stand_in = start_stripe(tmp_path_factory.mktemp("stripe"))
    yield stand_in
    stand_in.stop()


@pytest.fixture(scope="module")
def _mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxProcess]:
    process = start_mailbox(tmp_path_factory.mktemp("mailbox"))
    yield process
    process.stop()


@pytest.fixture
def mailbox(_mailbox: MailboxProcess) -> MailboxProcess:
    """The stand-in for mail and SMS, one process for a file of tests, empty for each test."""
    _mailbox.clear()
    return _mailbox


@pytest.fixture
def own_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxProcess]:
    """A mailbox of this test alone, which its proof may ask for each letter."""
    process = start_mailbox(tmp_path_factory.mktemp("mailbox"))
    yield process
    process.stop()


@pytest.fixture
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return int(s.getsockname()[1])

    return find
