"""Migrations: up and down on both databases, and the same schema as a fresh one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, select, text

import models
from models import migrate, triggers
from models.ledger import NATURES, LedgerAccount
from models.store import Store
from tests.databases import empty_database

#: What Alembic keeps for itself.
OURS = "alembic_version"


def words(sql: object) -> str:
    return re.sub(r"\s+", " ", str(sql)).strip()


def trigger_rows(connection: Connection) -> set[tuple[str, ...]]:
    if connection.dialect.name == "sqlite":
        query = "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger t"
            " JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal"
            " UNION ALL SELECT '', p.proname, p.prosrc FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public'"
        )
    return {tuple(words(part) for part in row) for row in connection.execute(text(query))}


def schema(engine: Engine) -> dict[str, Any]:
    """Everything that a database says of itself: tables, columns, keys, checks, indexes, triggers."""
    found: dict[str, Any] = {}
    with engine.connect() as connection:
        look = inspect(connection)
        for table in sorted(set(look.get_table_names()) - {OURS}):
            found[table] = {
                "columns": {
                    c["name"]: (str(c["type"]), c["nullable"], c.get("default"), c.get("autoincrement"))
                    for c in look.get_columns(table)
                },
                "primary": look.get_pk_constraint(table),
                "foreign": sorted(
                    (str(f["name"]), f["constrained_columns"], f["referred_table"], f["referred_columns"])
                    for f in look.get_foreign_keys(table)
                ),
                "unique": sorted(
                    (str(u["name"]), u["column_names"]) for u in look.get_unique_constraints(table)
                ),
                "checks": sorted(
                    (str(c["name"]), words(c["sqltext"])) for c in look.get_check_constraints(table)
                ),
                "indexes": sorted(
                    (
                        str(i["name"]), i["column_names"], i["unique"],
                        words(i.get("dialect_options", {}).get(f"{connection.dialect.name}_where", "")),
                    )
                    for i in look.get_indexes(table)
                ),
            }  # fmt: skip
        found["triggers"] = trigger_rows(connection)
        connection.exec_driver_sql("ROLLBACK")
    return found


def test_upgraded_is_the_same_as_fresh(empty_store: Store, database: str, tmp_path: Path) -> None:
    """house.md, traps: batch changes drop triggers and checks silently; nothing may be lost on the way."""
    migrate.upgrade(empty_store.writer)
    with empty_database(database, tmp_path) as url:
        fresh = Store(url)
        with fresh.writer.begin() as connection:
            models.Base.metadata.create_all(connection)
            triggers.install(connection)
        by_migration, by_tables = schema(empty_store.writer), schema(fresh.writer)
        fresh.dispose()
    assert set(by_migration) == set(by_tables) == {*models.Base.metadata.tables, "triggers"}
    for name, part in by_tables.items():
        assert by_migration[name] == part, name
    assert len(by_migration["triggers"]) >= 2 * len(triggers.APPEND_ONLY)


def test_alembic_finds_nothing_to_do(store: Store) -> None:
    """A column added to a table without a migration shows here."""
    with store.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, models.Base.metadata) == []
        connection.exec_driver_sql("ROLLBACK")


def test_down_to_nothing_and_up_again(empty_store: Store) -> None:
    """`downgrade base` leaves no table, type, trigger or function; upgrading again is the same."""
    engine = empty_store.writer
    migrate.upgrade(engine)
    first = schema(engine)
    assert migrate.is_current(engine)
    migrate.downgrade(engine, "base")
    with engine.connect() as connection:
        look = inspect(connection)
        assert set(look.get_table_names()) <= {OURS}
        assert trigger_rows(connection) == set()
        if connection.dialect.name == "postgresql":
            left = connection.execute(
                text(
                    "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = 'public' AND relname NOT LIKE 'alembic_version%'"
                )
            )
            assert left.all() == []
            assert look.get_enums() == []
        connection.exec_driver_sql("ROLLBACK")
    assert not migrate.is_current(engine)
    migrate.upgrade(engine)
    assert schema(engine) == first


def test_upgrading_twice_changes_nothing(empty_store: Store) -> None:
    """`amicable db upgrade` may run at every deploy."""
    migrate.upgrade(empty_store.writer)
    first = schema(empty_store.writer)
    migrate.upgrade(empty_store.writer)
    assert schema(empty_store.writer) == first


def test_an_empty_database_is_not_current(empty_store: Store) -> None:
    assert not migrate.is_current(empty_store.writer)


def test_triggers_may_be_installed_again(store: Store) -> None:
    """A migration that rebuilds a table calls install afterwards, whatever is there."""
    before = schema(store.writer)["triggers"]
    with store.writer.begin() as connection:
        triggers.install(connection)
        triggers.install(connection)
    assert schema(store.writer)["triggers"] == before


def test_the_chart_of_accounts_is_seeded(store: Store) -> None:
    """domain.md, Money and ledger: every line of the chart, with its nature."""
    with store.read() as s:
        assert {
            r.code: r.nature for r in s.execute(select(LedgerAccount.code, LedgerAccount.nature))
        } == NATURES
