"""The one way to the database: units of work, reading, races, retries, locks."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models import store as store_module
from models.accounts import Account
from models.invoices import Invoice
from models.store import PRAGMAS, TRIES, Store, in_unit_of_work
from models.work import Heartbeat, Interaction
from tests import factories as make
from tests.conftest import NOON
from tests.databases import fresh_database
from tests.effort import REPEATS
from tests.races import together


def beat(session: Session, host: str) -> None:
    session.add(Heartbeat(host=host, started_at=NOON, seen_at=NOON))
    session.flush()


def hosts(store: Store) -> list[str]:
    with store.read() as s:
        return list(s.scalars(select(Heartbeat.host).order_by(Heartbeat.host)))


# --------------------------------------------------------------------------- units of work


def test_a_unit_commits_at_its_end(store: Store) -> None:
    with store.write() as s:
        beat(s, "a")
    assert hosts(store) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_any_exception_rolls_the_whole_unit_back(store: Store, error: type[BaseException]) -> None:
    def unit(s: Session) -> None:
        beat(s, "a")
        raise error

    with pytest.raises(error):
        store.run(unit)
    assert hosts(store) == []
    assert not in_unit_of_work()
    with store.write() as s:
        beat(s, "b")
    assert hosts(store) == ["b"]


def test_a_commit_that_fails_leaves_nothing(store: Store) -> None:
    """A constraint that speaks at the end takes the whole unit with it."""

    def unit(s: Session) -> None:
        beat(s, "a")
        s.add(Interaction(account_id=4711, kind="portal.opened", facts={}, occurred_at=NOON))

    with pytest.raises(IntegrityError):
        store.run(unit)
    assert hosts(store) == []


def test_units_do_not_nest(store: Store) -> None:
    """house.md: an action never opens a unit of its own inside another's."""
    with store.write() as s:
        beat(s, "outer")
        with pytest.raises(RuntimeError, match="nest"), store.write():
            pass
        with pytest.raises(RuntimeError, match="nest"):
            store.run(lambda inner: beat(inner, "inner"))
    assert hosts(store) == ["outer"]


def test_a_thread_knows_whether_it_is_in_a_unit(store: Store) -> None:
    """M-08: the mark belongs to the thread that writes, not to its neighbours."""
    seen = []
    with store.write():
        assert in_unit_of_work()
        neighbour = threading.Thread(target=lambda: seen.append(in_unit_of_work()))
        neighbour.start()
        neighbour.join()
    assert seen == [False]
    assert not in_unit_of_work()


def test_nobody_calls_outside_from_a_unit(sqlite_store: Store) -> None:
    """M-08: the test guard catches a call while a transaction is open, and lets it pass otherwise."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.socket() as client:
            with pytest.raises(AssertionError, match="inside a unit of work"), sqlite_store.write():
                client.connect(server.getsockname())
            client.connect(server.getsockname())


def test_objects_stay_readable_after_the_unit(store: Store) -> None:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
    assert account.name


# --------------------------------------------------------------------------- reading


def test_a_reader_cannot_write(store: Store) -> None:
    """Decision 17: GETs write nothing, and could not."""
    with pytest.raises(DBAPIError), store.read() as s:
        beat(s, "a")
    with pytest.raises(DBAPIError), store.read() as s:
        s.execute(text("DELETE FROM heartbeat"))
    with store.write() as s:
        beat(s, "b")
    assert hosts(store) == ["b"]


def test_a_reader_sees_one_state_of_the_books(store: Store) -> None:
    """Two questions of one page get answers of one moment, whatever is committed between them."""
    with store.read() as s:
        assert s.scalar(select(func.count()).select_from(Heartbeat)) == 0
        with store.write() as writer:
            beat(writer, "a")
        assert s.scalar(select(func.count()).select_from(Heartbeat)) == 0
    assert hosts(store) == ["a"]


def test_a_reader_waits_for_no_writer(store: Store) -> None:
    """Decision 17: read() takes neither the mutex nor BEGIN IMMEDIATE."""
    with store.write() as s:
        beat(s, "a")
        assert hosts(store) == []


# --------------------------------------------------------------------------- SQLite's settings


@pytest.mark.parametrize("side", ["reader", "writer"])
def test_what_sqlite_is_told(sqlite_store: Store, side: str) -> None:
    """M-24: WAL, FULL, foreign keys, at least five seconds of patience."""
    with getattr(sqlite_store, side).connect() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
        connection.exec_driver_sql("ROLLBACK")
    assert found["journal_mode"] == "wal"
    assert found["synchronous"] == 2
    assert found["foreign_keys"] == 1
    assert found["busy_timeout"] >= 5000


def test_a_setting_that_sqlite_does_not_take_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-24: asserted at boot; a database that answers otherwise is not used."""
    store = Store(f"sqlite:///{tmp_path / 'new.db'}")
    store.assert_pragmas()
    monkeypatch.setitem(PRAGMAS, "journal_mode", "nonsense")
    with pytest.raises(RuntimeError, match="journal_mode"):
        store.assert_pragmas()
    store.dispose()


def test_foreign_keys_hold(store: Store) -> None:
    """M-24: an orphan is refused on both databases."""
    with pytest.raises(IntegrityError), store.write() as s:
        s.add(Interaction(account_id=4711, kind="portal.opened", facts={}, occurred_at=NOON))


def test_addresses_of_postgresql() -> None:
    """`postgresql://` and `postgres://` mean the driver that we install."""
    for url in ("postgresql://u:p@h/n", "postgresql+psycopg://u:p@h/n"):
        assert Store(url).url.drivername == "postgresql+psycopg"


def test_an_error_of_the_database_carries_no_words_of_people(store: Store) -> None:
    """L-12: what a statement was given stays out of the exception, and so out of the log."""
    with pytest.raises(DBAPIError) as refused, store.write() as session:
        session.execute(
            text("INSERT INTO interaction (account_id, kind, facts, occurred_at) VALUES (:a, :k, :f, :w)"),
            {"a": None, "k": "x", "f": "my husband is ill", "w": None},
        )
    assert "husband" not in str(refused.value)


def test_naive_moments_are_refused(store: Store) -> None:
    """house.md, Time: every stored moment knows its zone and comes back in UTC."""
    with pytest.raises(Exception, match="naive"), store.write() as s:
        s.add(Heartbeat(host="a", started_at=NOON.replace(tzinfo=None), seen_at=NOON))
    with store.write() as s:
        s.add(Heartbeat(host="b", started_at=NOON.astimezone(make.zone("Asia/Jerusalem")), seen_at=NOON))
    with store.read() as s:
        stored = s.scalars(select(Heartbeat)).one()
    assert stored.started_at == NOON
    assert stored.started_at.utcoffset() == NOON.utcoffset()


# --------------------------------------------------------------------------- races


@pytest.fixture
def owed(store: Store) -> tuple[Account, list[Invoice]]:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        return account, [make.an_invoice(s, account, total=100) for _ in range(2)]


def test_eight_threads_post_a_hundred_once(store: Store, owed: tuple[Account, list[Invoice]]) -> None:
    """M-07, requirements 0.1: read, check, insert by eight at once posts 100, never 800."""
    account, (invoice, _) = owed

    def posted(s: Session, kind: str) -> int:
        rows = s.scalars(select(Interaction.facts).where(Interaction.kind == kind))
        return sum(facts["minor"] for facts in rows)

    for number in range(REPEATS):
        kind = f"race.{number}"

        def pay(_: int, kind: str = kind) -> int:
            def unit(s: Session) -> int:
                total = s.scalars(select(Invoice).where(Invoice.id == invoice.id).with_for_update()).one()
                if posted(s, kind) + 100 > total.total_minor:
                    return 0
                s.add(Interaction(account_id=account.id, kind=kind, facts={"minor": 100}, occurred_at=NOON))
                return 100

            return store.run(unit)

        assert sorted(together(8, pay), key=str) == [0] * 7 + [100]
        with store.read() as s:
            assert posted(s, kind) == 100


def test_two_processes_wait_for_each_other(tmp_path: Path) -> None:
    """M-07: the mutex is one process's; between processes BEGIN IMMEDIATE makes the second wait its turn.

    Two stores of one file stand for two processes. With a deferred BEGIN a unit that read first
    would be thrown back when it writes; here none is tried twice.
    """
    with fresh_database("sqlite", tmp_path) as url:
        stores = [Store(url), Store(url)]
        tries = []

        def act(number: int) -> int:
            def unit(s: Session) -> int:
                tries.append(number)
                done = s.scalar(select(func.count()).select_from(Heartbeat)) or 0
                beat(s, f"host {done}")
                return done

            return stores[number % 2].run(unit)

        assert sorted(together(8, act), key=int) == list(range(8))  # type: ignore[arg-type]
        assert len(tries) == 8
        for store in stores:
            store.dispose()


def test_opposite_order_of_locks_loses_nothing(store: Store, owed: tuple[Account, list[Invoice]]) -> None:
    """M-07, M-08: two units that lock two invoices crosswise both get through."""
    _, (one, other) = owed
    crossing = threading.Barrier(2)
    met: dict[int, bool] = {}

    def describe(number: int) -> None:
        order = (one, other) if number == 0 else (other, one)

        def unit(s: Session) -> None:
            for step, invoice in enumerate(order):
                s.execute(
                    update(Invoice)
                    .where(Invoice.id == invoice.id)
                    .values(description=Invoice.description + f"|{number}")
                )
                if step == 0 and not store.is_sqlite and number not in met:
                    met[number] = True
                    crossing.wait(10)

        store.run(unit)

    assert together(2, describe) == [None, None]
    with store.read() as s:
        for text_ in s.scalars(select(Invoice.description)):
            assert sorted(text_.split("|")[1:]) == ["0", "1"]


# --------------------------------------------------------------------------- trying again


def test_a_locked_database_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-08, SQLITE_BUSY: another process holds the file, then lets go."""
    monkeypatch.setitem(PRAGMAS, "busy_timeout", 10)
    with fresh_database("sqlite", tmp_path) as url:
        store = Store(url)
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        tries = []

        def unit(s: Session) -> None:
            tries.append(1)
            if len(tries) == 3:
                other.execute("COMMIT")
            beat(s, "a")

        store.run(unit)
        other.close()
        assert len(tries) == 3
        assert hosts(store) == ["a"]
        store.dispose()


def test_a_database_that_stays_locked_is_given_up_after_five_tries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-08: bounded; the error is the database's own."""
    monkeypatch.setitem(PRAGMAS, "busy_timeout", 10)
    with fresh_database("sqlite", tmp_path) as url:
        store = Store(url)
        other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        tries = []

        def unit(s: Session) -> None:
            tries.append(1)
            beat(s, "a")

        with pytest.raises(DBAPIError, match="locked"):
            store.run(unit)
        assert len(tries) == TRIES == 5
        other.close()
        store.run(unit)
        assert hosts(store) == ["a"]
        store.dispose()


@pytest.mark.postgres
def test_a_serialization_failure_is_tried_again(postgres_store: Store) -> None:
    """M-08, 40001: what was read has changed before it was written."""
    store = postgres_store
    with store.write() as s:
        beat(s, "a")
    tries = []

    def unit(s: Session) -> None:
        tries.append(1)
        s.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        s.scalars(select(Heartbeat)).one()
        if len(tries) == 1:
            with store.writer.begin() as other:
                other.execute(text("UPDATE heartbeat SET seen_at = now()"))
        s.execute(text("UPDATE heartbeat SET host = host || 'b'"))

    store.run(unit)
    assert len(tries) == 2
    assert hosts(store) == ["ab"]


@pytest.mark.postgres
def test_the_victim_of_a_deadlock_is_tried_again(postgres_store: Store) -> None:
    """M-08, 40P01: the database chooses a victim, and it comes back."""
    store = postgres_store
    with store.write() as s:
        beat(s, "a")
        beat(s, "b")
    gate = threading.Barrier(2)
    tries = [0, 0]

    def act(number: int) -> None:
        first, second = ("a", "b") if number == 0 else ("b", "a")

        def unit(s: Session) -> None:
            tries[number] += 1
            s.execute(text("UPDATE heartbeat SET seen_at = seen_at WHERE host = :h"), {"h": first})
            if tries[number] == 1:
                gate.wait(10)
            s.execute(text("UPDATE heartbeat SET seen_at = seen_at WHERE host = :h"), {"h": second})

        store.run(unit)

    assert together(2, act) == [None, None]
    assert sum(tries) >= 3


@pytest.mark.parametrize("error", [ValueError("no"), IntegrityError("x", {}, Exception("unique"))])
def test_other_errors_are_not_tried_again(sqlite_store: Store, error: Exception) -> None:
    """M-08: only what the database asks for; a rule that says no is final."""
    tries = []

    def unit(s: Session) -> None:
        tries.append(1)
        raise error

    with pytest.raises(type(error)):
        sqlite_store.run(unit)
    assert len(tries) == 1


def test_what_asks_for_another_try() -> None:
    """M-08: the two codes of PostgreSQL and SQLite's words, and nothing else."""
    asks: Callable[[DBAPIError], bool] = store_module._asks_for_another_try
    assert asks(DBAPIError("x", {}, psycopg.errors.SerializationFailure()))
    assert asks(DBAPIError("x", {}, psycopg.errors.DeadlockDetected()))
    assert not asks(DBAPIError("x", {}, psycopg.errors.UniqueViolation()))
    assert not asks(DBAPIError("x", {}, sqlite3.OperationalError("no such table: x")))
