"""Triggers that keep the books and the audit append-only, and entries balanced, in the database.

Alembic's batch changes on SQLite drop triggers silently; every migration that rebuilds a table
calls `install` afterwards, and a test compares an upgraded with a fresh schema.
Source: M-03, M-04; requirements.md section 1, "Constraints that must exist".
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

#: Tables whose rows are never changed or removed.
APPEND_ONLY = (
    "ledger_entry",
    "posting",
    "allocation",
    "provider_effect",
    "audit_entry",
    "contact_ledger",
    "consent_event",
    "interaction",
    "answer",
    "dispute_note",
    "adjustment",
    "ladder_switch",
    "ladder_meeting",
    "contact_decision",
    "call_attempt",
    "call_file",
    "reach_event",
    "early_warning",
    "remittance",
    "bank_lines",
    "collection_target",
    "account_note",
    "note_mention",
    "account_file",
    "credit_limit",
    "orders_open",
    "text_version",
    "payment_reversal",
    "allocation_reversal",
)

_REFUSE = """
CREATE OR REPLACE FUNCTION amicable_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

_BALANCED = """
CREATE OR REPLACE FUNCTION amicable_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry bigint;
    sides record;
BEGIN
    entry := CASE WHEN TG_TABLE_NAME = 'posting' THEN (to_jsonb(NEW)->>'entry_id')::bigint
                  ELSE (to_jsonb(NEW)->>'id')::bigint END;
    SELECT count(*) AS n, sum(debit_minor) AS d, sum(credit_minor) AS c, count(DISTINCT currency) AS k
      INTO sides FROM posting WHERE entry_id = entry;
    IF sides.n < 2 OR sides.d <> sides.c OR sides.k <> 1 THEN
        RAISE EXCEPTION 'ledger entry % does not balance', entry USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def _present(connection: Connection) -> list[str]:
    """The append-only tables that this migration knows already."""
    tables = set(inspect(connection).get_table_names())
    return [table for table in APPEND_ONLY if table in tables]


def install(connection: Connection) -> None:
    """Create every trigger that is missing; safe to call again."""
    if connection.dialect.name == "sqlite":
        for table in _present(connection):
            for verb in ("UPDATE", "DELETE"):
                connection.execute(
                    text(
                        f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                    )
                )
        return
    connection.execute(text(_REFUSE))
    connection.execute(text(_BALANCED))
    for table in _present(connection):
        connection.execute(
            text(
                f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION amicable_append_only()"
            )
        )
        connection.execute(
            text(
                f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION amicable_append_only()"
            )
        )
    for table in ("ledger_entry", "posting"):
        connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_balanced ON {table}"))
        connection.execute(
            text(
                f"CREATE CONSTRAINT TRIGGER {table}_balanced AFTER INSERT ON {table} "
                "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION amicable_balanced()"
            )
        )


def drop(connection: Connection) -> None:
    """Remove every trigger and function, for a downgrade to nothing."""
    if connection.dialect.name == "sqlite":
        for table in _present(connection):
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))
        return
    for table in _present(connection):
        connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}"))
        connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_truncate ON {table}"))
    for table in ("ledger_entry", "posting"):
        connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_balanced ON {table}"))
    connection.execute(text("DROP FUNCTION IF EXISTS amicable_append_only()"))
    connection.execute(text("DROP FUNCTION IF EXISTS amicable_balanced()"))
