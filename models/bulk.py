"""Many rows at once: a list of ids as one value, rows that are poured in or renewed together.

A statement with thousands of values costs more to read than to run, and a row at a time more than
both. So ids travel as one array, new rows by COPY and changed ones as one array a column on PostgreSQL;
SQLite, which runs inside the process, takes JSON and one prepared statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    String,
    Text,
    TypeDecorator,
    bindparam,
    func,
    insert,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import Update
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from models.base import Base


class _List(TypeDecorator[Sequence[Any]]):
    """A list of numbers or texts as one value: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, of_texts: bool) -> None:
        super().__init__()
        self.of_texts = of_texts

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        array: ARRAY[Any] = ARRAY(Text()) if self.of_texts else ARRAY(BigInteger())
        return dialect.type_descriptor(array if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        assert value is not None
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


class _Among(FunctionElement[int]):
    """A condition; of a number's type, or SQLite would be asked whether it equals 1 and use no index."""

    name = "among"
    type = Integer()
    inherit_cache = True


@compiles(_Among, "postgresql")
def _any_of_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({ids})"


@compiles(_Among, "sqlite")
def _one_of_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({ids}))"  # noqa: S608 - both parts are compiled


def among(column: InstrumentedAttribute[Any], name: str = "ids") -> ColumnElement[Any]:
    """Return the condition that a column is one of the values that a statement is given under a name.

    Args:
        column: of numbers or of texts.
    """
    return _Among(column, bindparam(name, type_=_List(isinstance(column.type, String))))


def pour(session: Session, table: type[Base], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, all or none.

    Args:
        names: the columns of each row's values; defaults that Python knows are not filled in.
    Raises:
        DBAPIError: as of an INSERT.
    """
    if not rows:
        return
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _copy(connection, table, names, rows)
    else:
        connection.execute(insert(table.__table__), [dict(zip(names, row, strict=True)) for row in rows])  # type: ignore[arg-type]


def _copy(
    connection: Connection, table: type[Base], names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    dialect: Any = connection.dialect
    columns = table.__table__.c
    processes: list[tuple[int, Callable[[Any], Any]]] = []
    for place, name in enumerate(names):
        process: Any = columns[name].type.dialect_impl(dialect).bind_processor(dialect)
        if process is not None:
            processes.append((place, process))
    command = f"COPY {table.__tablename__} ({', '.join(names)}) FROM STDIN"
    try:
        with connection.connection.cursor().copy(command) as copy:
            for row in rows:
                values = list(row)
                for place, process in processes:
                    values[place] = process(values[place])
                copy.write_row(values)
    except dialect.dbapi.Error as error:
        raise DBAPIError.instance(
            command, None, error, dialect.dbapi.Error, hide_parameters=True, dialect=dialect
        ) from error


def renew(
    session: Session, table: type[Base], key: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Give rows that are there new values.

    Args:
        key: the column that finds a row; the first value of each of `rows`.
        names: the columns of the values after it.
    """
    if not rows:
        return
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        columns = zip((f"new_{name}" for name in (key, *names)), zip(*rows, strict=True), strict=True)
        connection.execute(
            _renewing_all(table, key, tuple(names)), {n: list(column) for n, column in columns}
        )
    else:
        bound = [f"new_{name}" for name in (key, *names)]
        connection.execute(
            _renewing_one(table, key, tuple(names)), [dict(zip(bound, row, strict=True)) for row in rows]
        )


@cache
def _renewing_all(table: type[Base], key: str, names: tuple[str, ...]) -> Update:
    """One UPDATE from an array a column."""
    columns = table.__table__.c
    arrays = [bindparam(f"new_{name}", type_=ARRAY(columns[name].type)) for name in (key, *names)]
    new = func.unnest(*arrays).table_valued(key, *names, name="new").render_derived()
    return (
        update(table.__table__)  # type: ignore[arg-type]
        .where(columns[key] == new.c[key])
        .values({name: new.c[name] for name in names})
    )


@cache
def _renewing_one(table: type[Base], key: str, names: tuple[str, ...]) -> Update:
    columns = table.__table__.c
    return (
        update(table.__table__)  # type: ignore[arg-type]
        .where(columns[key] == bindparam(f"new_{key}"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
