"""Ways to damage a world that the product's own constraints and triggers would refuse."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256

import psycopg

from tests.checker.world import World

Damage = Callable[[World], None]


def path_of(world: World) -> str:
    """The file of a world's SQLite database."""
    return world.database.removeprefix("sqlite:///")


def books(*statements: str, rebuilt: str | None = None) -> Damage:
    """Run SQL on the database with triggers dropped and checks off.

    Args:
        rebuilt: table that loses its keys and unique constraints first.
    """

    def damage(world: World) -> None:
        if world.database.startswith("postgresql"):
            _on_postgres(world.database, statements, rebuilt)
            return
        with closing(sqlite3.connect(path_of(world), isolation_level=None)) as db:
            for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {trigger}")
            db.execute("PRAGMA ignore_check_constraints = ON")
            if rebuilt:
                db.execute(f"CREATE TABLE bare AS SELECT * FROM {rebuilt}")  # noqa: S608
                db.execute(f"DROP TABLE {rebuilt}")
                db.execute(f"ALTER TABLE bare RENAME TO {rebuilt}")
            _run(db, statements)

    return damage


def _on_postgres(url: str, statements: tuple[str, ...], rebuilt: str | None) -> None:
    with psycopg.connect(url) as db:
        db.execute("SET session_replication_role = replica")  # no trigger, no foreign key
        db.execute("SET timezone = 'UTC'")
        for table, name in db.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE contype = 'c' AND conrelid <> 0"
        ).fetchall():
            db.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
        if rebuilt:
            db.execute(f"CREATE TABLE bare AS SELECT * FROM {rebuilt}".encode())  # noqa: S608
            db.execute(f"DROP TABLE {rebuilt} CASCADE".encode())
            db.execute(f"ALTER TABLE bare RENAME TO {rebuilt}".encode())
        for statement in statements:
            assert db.execute(statement.encode()).rowcount != 0, f"nothing was damaged: {statement}"


def mailbox(*statements: str) -> Damage:
    """Run SQL on the mailbox."""

    def damage(world: World) -> None:
        with closing(sqlite3.connect(world.mailbox, isolation_level=None)) as db:
            _run(db, statements)

    return damage


def stripe(*statements: str) -> Damage:
    """Run SQL on the gateway's log."""

    def damage(world: World) -> None:
        with closing(sqlite3.connect(world.stripe, isolation_level=None)) as db:
            _run(db, statements)

    return damage


def both(*damages: Damage) -> Damage:
    """One damage after the other."""

    def damage(world: World) -> None:
        for one in damages:
            one(world)

    return damage


def _run(db: sqlite3.Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        changed = db.execute(statement).rowcount
        assert changed != 0, f"nothing was damaged: {statement}"


def object_set(object_id: str, path: str, value: object) -> str:
    """SQL that writes one field of an object in the gateway's log."""
    return (
        f"UPDATE object SET data = json_set(data, '$.{path}', json('{json.dumps(value)}'))"  # noqa: S608
        f" WHERE id = '{object_id}'"
    )


def copied(table: str, where: str, *columns: str, **changed: str) -> str:
    """SQL that inserts a copy of some columns of a row, with others set to SQL of their own."""
    names, values = ", ".join([*columns, *changed]), ", ".join([*columns, *changed.values()])
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {where}"  # noqa: S608


def rehashed_from(first: int) -> Damage:
    """Forge the audit: another payload in one row, and every later hash made to fit."""

    def damage(world: World) -> None:
        books()(world)
        with closing(sqlite3.connect(path_of(world), isolation_level=None)) as db:
            rows = db.execute(
                "SELECT id, prev_hash, payload FROM audit_entry WHERE id >= ? ORDER BY id", (first,)
            ).fetchall()
            before = rows[0][1]
            for audit_id, _, payload in rows:
                if audit_id == first:
                    payload = payload.replace('"request":"r-', '"request":"forged-')
                digest = sha256(f"{before}\n1\n{payload}".encode()).hexdigest()
                db.execute(
                    "UPDATE audit_entry SET prev_hash = ?, payload = ?, hash = ? WHERE id = ?",
                    (before, payload, digest, audit_id),
                )
                before = digest

    return damage


@dataclass(frozen=True, slots=True)
class Corruption:
    """One known damage and what must be said of it.

    Attributes:
        name: what was done.
        invariants: all that it breaks, no more and no fewer.
        says: part of the broken fact of the first of them.
    """

    name: str
    damage: Damage
    invariants: tuple[str, ...]
    says: str
