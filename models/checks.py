"""Change a check of a table in place, or let a column name a row; on both databases, for migrations.

SQLite has no statement for it. Its manual names the way for a change that touches no stored row: write
the table's text anew ("Making Other Kinds Of Table Schema Changes", sqlite.org/lang_altertable.html). A
rebuilt table would lose its triggers and checks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, inspect, text

_MEMBER = re.compile(r"'([^']*)'")


def replace_check(connection: Connection, table: str, name: str, check: str) -> None:
    """Let the check `ck_<table>_<name>` say something else.

    Raises:
        ValueError: the table has no such check.
    """
    full = f"ck_{table}_{name}"
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {full}"))
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {full} CHECK ({check})"))
        return
    written = _written(connection, table)
    start, end = _inside(written, full)
    _rewrite(connection, table, written[:start] + check + written[end:])


def _rewrite(connection: Connection, table: str, sql: str) -> None:
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :table"),
        {"sql": sql, "table": table},
    )
    # Reads the tables anew, so that this connection knows what changed too.
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _written(connection: Connection, table: str) -> str:
    query = text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    return str(connection.execute(query, {"table": table}).scalar_one())


def _inside(written: str, name: str) -> tuple[int, int]:
    """Where the text between the parentheses of a check begins and ends."""
    at = written.find(name)
    if at < 0:
        raise ValueError(f"there is no check {name}")
    start = written.index("(", at) + 1
    depth, quoted = 1, False
    for place in range(start, len(written)):
        letter = written[place]
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return start, place
    raise ValueError(f"the check {name} does not end")


def allow(connection: Connection, table: str, column: str, *members: str) -> None:
    """Let an enum column take more members; what it takes already stays, whoever added it.

    Raises:
        ValueError: the column has no such check.
    """
    known = _members(connection, table, column)
    _write(connection, table, column, [*known, *(one for one in members if one not in known)])


def forbid(connection: Connection, table: str, column: str, *members: str) -> None:
    """Take members away again: the way back of `allow`. No row may hold one of them.

    Raises:
        ValueError: the column has no such check.
    """
    _write(
        connection, table, column,
        [one for one in _members(connection, table, column) if one not in members],
    )  # fmt: skip


def _members(connection: Connection, table: str, column: str) -> list[str]:
    for check in inspect(connection).get_check_constraints(table):
        if check["name"] == f"ck_{table}_{column}":
            return _MEMBER.findall(check["sqltext"])
    raise ValueError(f"there is no check ck_{table}_{column}")


def _write(connection: Connection, table: str, column: str, members: Sequence[str]) -> None:
    quoted = ", ".join(f"'{member}'" for member in members)
    replace_check(connection, table, column, f"{column} IN ({quoted})")


def add_reference(connection: Connection, table: str, column: str, to: str) -> None:
    """Add a column that may name a row of another table, with the foreign key of that name.

    SQLite takes a reference in the column only, and forgets its name.
    """
    name = f"fk_{table}_{column}"
    rule = f"CONSTRAINT {name} FOREIGN KEY({column}) REFERENCES {to} (id)"
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} BIGINT"))
        connection.execute(text(f"ALTER TABLE {table} ADD {rule}"))
        return
    connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER"))
    written = _written(connection, table)
    _rewrite(connection, table, f"{written[: written.rindex(')')]}, {rule})")


def drop_reference(connection: Connection, table: str, column: str, to: str) -> None:
    """Take such a column away again."""
    if connection.dialect.name == "sqlite":
        rule = f", CONSTRAINT fk_{table}_{column} FOREIGN KEY({column}) REFERENCES {to} (id)"
        _rewrite(connection, table, _written(connection, table).replace(rule, "", 1))
    connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
