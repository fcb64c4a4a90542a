"""Read what others wrote, as it stood at one moment, and never more of it than a few rows at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

Row = tuple[Any, ...]

#: What a driver says when rows cannot be read.
READ_ERRORS = (sqlite3.Error, psycopg.Error)

_BATCH = 2000


class Absent(Exception):
    """There is nothing at the address."""


class Unsuitable(Exception):
    """There is something at the address, but not what it should be."""


class Source(Protocol):
    """One database in one state, for reading."""

    def rows(self, sql: str, by: str | None = None) -> Iterator[Row]:
        """Walk the rows of a query without holding them all.

        Args:
            sql: the query, without parameters.
            by: text to sort by, byte by byte, which is how Python sorts; then by the second column.
        """

    def one(self, sql: str, *values: Any) -> Row | None:
        """Return the first row of a query with `?` for each value, or None."""

    def close(self) -> None:
        """End the reading; nothing was changed."""


class SqliteSource:
    """An SQLite file, opened read-only in one transaction.

    Args:
        path: the file.
        tables: names that must be there.
    Raises:
        Absent: there is no such file.
        Unsuitable: it is no SQLite database, or a table is missing.
    """

    def __init__(self, path: Path, tables: Iterable[str]) -> None:
        if not path.is_file():
            raise Absent(f"{path} is absent")
        self._db = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None, timeout=30
        )
        try:
            self._db.execute("BEGIN")
            found = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master")}
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise Unsuitable(f"{path} cannot be read: {error}") from None
        _require(str(path), tables, found, self)

    def rows(self, sql: str, by: str | None = None) -> Iterator[Row]:
        with closing(self._db.cursor()) as cursor:
            yield from cursor.execute(f"{sql} ORDER BY {by}, 2" if by else sql)

    def one(self, sql: str, *values: Any) -> Row | None:
        row: Row | None = self._db.execute(sql, values).fetchone()
        return row

    def close(self) -> None:
        self._db.close()


class PostgresSource:
    """A PostgreSQL database in one REPEATABLE READ READ ONLY transaction, read by server-side cursors.

    Args:
        url: libpq address.
        tables: names that must be there.
    Raises:
        Absent: no server answers, or it has no such database.
        Unsuitable: a table is missing.
    """

    def __init__(self, url: str, tables: Iterable[str]) -> None:
        try:
            self._db = psycopg.connect(url)
        except psycopg.OperationalError as error:
            raise Absent(f"the database does not answer: {error}") from None
        self._db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._db.read_only = True
        self._cursors = 0
        found = self._db.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = ANY (current_schemas(false))"
        )
        _require("the database", tables, {name for (name,) in found}, self)

    def rows(self, sql: str, by: str | None = None) -> Iterator[Row]:
        self._cursors += 1
        with self._db.cursor(name=f"checker_{self._cursors}") as cursor:
            cursor.itersize = _BATCH
            yield from cursor.execute((f'{sql} ORDER BY {by} COLLATE "C", 2' if by else sql).encode())

    def one(self, sql: str, *values: Any) -> Row | None:
        return self._db.execute(sql.replace("?", "%s").encode(), values).fetchone()

    def close(self) -> None:
        self._db.rollback()
        self._db.close()


class Scratch:
    """Words put aside to be looked up later: a temporary file of SQLite's, gone at the end."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE word (word TEXT, note TEXT)")
        self._db.execute("CREATE INDEX word_word ON word (word)")
        self._db.execute("BEGIN")

    def keep(self, word: str, note: str = "") -> None:
        """Put a word aside with a note."""
        self._db.execute("INSERT INTO word VALUES (?, ?)", (word, note))

    def has(self, word: str, note: str = "") -> bool:
        """Whether the word was put aside with this note."""
        found = self._db.execute("SELECT 1 FROM word WHERE word = ? AND note = ?", (word, note))
        return found.fetchone() is not None

    def each(self) -> Iterator[Row]:
        """Walk (word, note), sorted by word, then in the order they came."""
        yield from self._db.execute("SELECT word, note FROM word ORDER BY word, rowid")

    def close(self) -> None:
        """Forget everything."""
        self._db.close()


def _require(name: str, tables: Iterable[str], found: set[str], source: Source) -> None:
    missing = sorted(set(tables) - found)
    if missing:
        source.close()
        raise Unsuitable(f"{name} has no table {', '.join(missing)}")


def open_books(url: str, tables: Iterable[str]) -> Source:
    """Open the database of the product.

    Args:
        url: `sqlite:///path` or `postgresql[+driver]://…`, as the product takes it.
    Raises:
        Absent, Unsuitable: see the sources.
    """
    scheme, separator, rest = url.partition("://")
    kind = scheme.partition("+")[0]
    if not separator or kind not in ("sqlite", "postgresql", "postgres"):
        raise Unsuitable(f"{scheme!r} is neither sqlite:/// nor postgresql://")
    if kind == "sqlite":
        return SqliteSource(Path(rest.removeprefix("/").partition("?")[0]), tables)
    return PostgresSource(f"postgresql://{rest}", tables)


def side_by_side(*streams: Iterable[Row]) -> Iterator[tuple[Any, list[list[Row]]]]:
    """Walk streams that are sorted by their first column, together: one step a key.

    Yields:
        The key, and for each stream its rows with that key (none where it has none).
    """
    walks = [groupby(stream, key=itemgetter(0)) for stream in streams]
    heads = [_next_group(walk) for walk in walks]
    while any(heads):
        key = min(head[0] for head in heads if head)
        here = [head[1] if head and head[0] == key else [] for head in heads]
        yield key, here
        heads = [
            _next_group(walk) if head and head[0] == key else head
            for head, walk in zip(heads, walks, strict=True)
        ]


def _next_group(walk: Iterator[tuple[Any, Iterator[Row]]]) -> tuple[Any, list[Row]] | None:
    key, members = next(walk, (None, None))
    return None if members is None else (key, list(members))


def moment(value: Any) -> datetime:
    """Read a stored moment: text without a zone (SQLite) and aware values (PostgreSQL) are UTC moments."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(at, datetime):
        raise TypeError(f"{value!r} is no moment")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
