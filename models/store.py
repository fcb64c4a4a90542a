"""The one way to the database: `read()` for looking, `write()` for one unit of work.

On SQLite SQLAlchemy drops row locks silently, so two writers may both see the old balance
(requirements 0.1). `write()` therefore takes a process-wide mutex and BEGIN IMMEDIATE there,
and ordered row locks on PostgreSQL (M-07). Source: decisions 15-17; M-08, M-24.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, TypeVar

from sqlalchemy import (
    CursorResult,
    Engine,
    Executable,
    bindparam,
    create_engine,
    event,
    inspect,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from models import audit

T = TypeVar("T")

#: Tries of one unit of work when the database says "somebody else was first" (M-08).
TRIES = 5
#: What SQLite is told at every connect; asserted at boot (M-24).
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 10000,
    # Without it INSERT OR REPLACE would slip past the append-only triggers.
    "recursive_triggers": 1,
}

_in_unit: ContextVar[bool] = ContextVar("in_unit_of_work", default=False)


def in_unit_of_work() -> bool:
    """Whether this thread is inside `write()`: no outside call may be made there (M-08)."""
    return _in_unit.get()


def fetch(session: Session, statement: Executable, values: Mapping[str, Any]) -> CursorResult[Any]:
    """Run a statement that names columns only, past the mapper: a page makes a handful of them.

    Pending changes of a unit of work are written first, as `Session.execute` does.
    """
    if session.autoflush:
        session.flush()
    return session.connection().execute(statement, values)


def seen_as(session: Session) -> str | None:
    """Return a name for what a session sees at this moment: under equal names the same rows are seen.

    PostgreSQL lists by it the transactions whose work is visible; whatever is committed gives another
    name. None on SQLite, which has none: look at the rows themselves.
    Source: postgresql.org/docs/current/functions-info.html, pg_current_snapshot.
    """
    if session.get_bind().dialect.name != "postgresql":
        return None
    return str(session.connection().exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one())


def write_together(session: Session, rows: Sequence[Any]) -> None:
    """Write changed rows of one table in one round trip; the session itself would take one for each.

    Args:
        rows: mapped objects with a `version`, each locked by this unit of work.
    Raises:
        StaleDataError: a row is no longer what it was read as.
    """
    alike: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        state = inspect(row)
        changed = tuple(sorted(set(state.mapper.column_attrs.keys()) - state.unmodified))
        if changed:
            alike.setdefault(changed, []).append(row)
    for keys, some in alike.items():
        table = inspect(some[0]).mapper.local_table
        put = {key: bindparam(f"new_{key}", type_=table.c[key].type) for key in keys}
        statement = (
            update(table)
            .where(table.c.id == bindparam("b_id"), table.c.version == bindparam("b_version"))
            .values(put | {"version": table.c.version + 1})
        )
        values = [
            {f"new_{key}": getattr(row, key) for key in keys} | {"b_id": row.id, "b_version": row.version}
            for row in some
        ]
        if session.connection().execute(statement, values).rowcount != len(values):
            raise StaleDataError(f"{table.name}: a locked row has changed")
        for row in some:
            for key in keys:
                set_committed_value(row, key, getattr(row, key))
            set_committed_value(row, "version", row.version + 1)


class Store:
    """Database of one address; shared by all threads of a process.

    Args:
        url: SQLAlchemy address, `sqlite:///path` or `postgresql+psycopg://…`.
        pool_size: connections kept for each of reading and writing on PostgreSQL.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = make_url(url)
        if self.url.drivername in ("postgresql", "postgres"):
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._mutex: threading.Lock | None = threading.Lock() if self.is_sqlite else None
        if self.is_sqlite:
            self.reader = _sqlite_engine(self.url, begin="BEGIN", query_only=True)
            self.writer = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", query_only=False)
            self._glancer = self.reader
        else:
            engine = create_engine(
                self.url,
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_pre_ping=False,
                hide_parameters=True,  # an error of the database must not carry people's words into a log
            )
            self.writer = engine
            # One snapshot for all questions of one reader, as SQLite gives it by itself.
            self.reader = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._glancer = engine.execution_options(isolation_level="AUTOCOMMIT", postgresql_readonly=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that sees one state of the books and cannot change it."""
        with Session(self.reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def glance(self) -> Iterator[Session]:
        """Open a session whose every question sees what is committed by then, without a transaction around.

        For one or two questions that are asked often: opening a snapshot costs more than they do. On
        SQLite it is `read()`.
        """
        with Session(self._glancer, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def glances(self) -> Iterator[Callable[[], AbstractContextManager[Session]]]:
        """Give what opens a glance, for many of them one after the other: one connection serves them all."""
        if self.is_sqlite:
            yield self.glance
            return
        with self.glance() as session:
            yield lambda: nullcontext(session)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one unit of work: commits at the end, rolls back on any exception.

        Audit rows buffered in the session are chained as the last statements before commit.
        Outside calls are not allowed inside, and units do not nest.

        Raises:
            RuntimeError: called inside another unit of work.
        """
        if _in_unit.get():
            raise RuntimeError("units of work do not nest")
        if self._mutex is not None:
            self._mutex.acquire()
        mark = _in_unit.set(True)
        try:
            with Session(self.writer, expire_on_commit=False) as session:
                try:
                    yield session
                    audit.chain(session)
                    session.commit()
                except BaseException:
                    audit.forget(session)
                    session.rollback()
                    raise
        finally:
            _in_unit.reset(mark)
            if self._mutex is not None:
                self._mutex.release()

    def run(self, unit: Callable[[Session], T]) -> T:
        """Run one unit of work, again (at most five times) when the database asks for it (M-08).

        Args:
            unit: does database work only, so that running it again is harmless.
        Returns:
            What `unit` returned in the try that was committed.
        """
        for number in range(1, TRIES + 1):
            try:
                with self.write() as session:
                    return unit(session)
            except DBAPIError as error:
                if number == TRIES or not _asks_for_another_try(error):
                    raise
                time.sleep(random.uniform(0.005, 0.05) * number)  # noqa: S311
        raise AssertionError("unreachable")

    def assert_pragmas(self) -> None:
        """Ask SQLite what it really runs with; called at boot, closes its connections again (M-24).

        Raises:
            RuntimeError: a value is not ours, for example on a file system without shared memory.
        """
        if not self.is_sqlite:
            return
        for engine in (self.reader, self.writer):
            with engine.connect() as connection:
                for name, wanted in PRAGMAS.items():
                    found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    if found != wanted:
                        raise RuntimeError(f"DATABASE_URL: SQLite says {name}={found}, not {wanted}")
        self.dispose()  # a server forks after this, and connections do not survive a fork

    def dispose(self) -> None:
        """Close every pooled connection, for example before a fork."""
        self.reader.dispose()
        self.writer.dispose()


def _asks_for_another_try(error: DBAPIError) -> bool:
    if isinstance(error, OperationalError) and "database is locked" in str(error.orig):
        return True
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01")


def _sqlite_engine(url: Any, *, begin: str, query_only: bool) -> Engine:
    engine = create_engine(
        url, connect_args={"check_same_thread": False}, pool_size=8, max_overflow=32, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for name, value in PRAGMAS.items():
            cursor.execute(f"PRAGMA {name}={value}")
        if query_only:
            cursor.execute("PRAGMA query_only=1")
        cursor.close()

    @event.listens_for(engine, "begin")
    def say_begin(connection: Any) -> None:
        # Through SQLAlchemy, so that "database is locked" arrives as its error and is tried again.
        connection.exec_driver_sql(begin)

    return engine
