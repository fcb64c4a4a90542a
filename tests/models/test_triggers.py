"""What the database itself refuses: changing the books, and books that do not balance."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import models
from models import audit
from models.store import Store
from models.triggers import APPEND_ONLY
from receivables.audit import record
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.models.rows import grow

#: requirements section 1: "no UPDATE/DELETE on journal, posting, audit, consent, contact_ledger".
REQUIRED = {"ledger_entry", "posting", "audit_entry", "consent_event", "contact_ledger"}
VERBS = ("UPDATE", "DELETE", "TRUNCATE")


def test_the_list_holds_what_is_required() -> None:
    """M-04, requirements section 1; every name is a table."""
    assert set(APPEND_ONLY) >= REQUIRED
    assert set(APPEND_ONLY) <= set(models.Base.metadata.tables)


def test_nothing_is_changed_or_removed(store: Store) -> None:
    """M-04: UPDATE, DELETE and (where it exists) TRUNCATE of each table are refused; its rows stay."""
    with store.write() as s:
        grow(s)
    for verb, table in itertools.product(VERBS[:2] if store.is_sqlite else VERBS, APPEND_ONLY):
        refuses(store, verb, table)


def refuses(store: Store, verb: str, table: str) -> None:
    rows = models.Base.metadata.tables[table]
    column = rows.primary_key.columns.values()[0]
    statement = {
        "UPDATE": rows.update().values({column: column}),
        "DELETE": rows.delete(),
        "TRUNCATE": text(f"TRUNCATE {table} CASCADE"),
    }[verb]
    count = select(func.count()).select_from(rows)
    with store.read() as s:
        before = s.scalar(count)
    assert before, f"the story left no row in {table}"
    with pytest.raises(DBAPIError, match="is append-only"), store.write() as s:
        s.execute(statement)
    with store.read() as s:
        assert s.scalar(count) == before


def insert_entry(
    s: Session, creditor_id: int, sides: list[tuple[int, int]], currencies: list[str] | None = None
) -> None:
    """Write an entry past our own code, as somebody with a SQL prompt would."""
    s.execute(
        text(
            "INSERT INTO ledger_entry (id, creditor_id, reference, fingerprint, kind, currency, posted_at,"
            " posted_on, effective_on) VALUES (9000, :c, 'by hand', :f, 'hand', 'GBP', :at, :day, :day)"
        ),
        {"c": creditor_id, "f": "0" * 64, "at": NOON, "day": date(2026, 11, 19)},
    )
    for position, (debit, credit) in enumerate(sides, 1):
        s.execute(
            text(
                "INSERT INTO posting (id, entry_id, position, ledger_code, debit_minor, credit_minor,"
                " currency) VALUES (:id, 9000, :p, 'bank', :d, :c, :k)"
            ),
            {
                "id": 9000 + position, "p": position, "d": debit, "c": credit,
                "k": (currencies or ["GBP", "GBP", "GBP"])[position - 1],
            },
        )  # fmt: skip


UNBALANCED = {
    "sides differ": ([(100, 0), (0, 99)], None),
    "one posting": ([(100, 0)], None),
    "no posting": ([], None),
    "two currencies": ([(100, 0), (0, 100)], ["GBP", "EUR"]),
}


@pytest.mark.postgres
@pytest.mark.parametrize("what", UNBALANCED)
def test_an_unbalanced_entry_is_refused_by_postgresql(postgres_store: Store, what: str) -> None:
    """M-03: in the database as well as in the code; on SQLite the checker finds it."""
    with postgres_store.write() as s:
        creditor = make.a_creditor(s)
    sides, currencies = UNBALANCED[what]
    with pytest.raises(DBAPIError, match="does not balance"), postgres_store.write() as s:
        insert_entry(s, creditor.id, sides, currencies)


@pytest.mark.postgres
def test_the_refusal_comes_before_the_commit(postgres_store: Store) -> None:
    """Decision 16: `chain` makes the constraints immediate, so a unit that is rolled back shows it too."""
    with postgres_store.write() as s:
        creditor = make.a_creditor(s)
    with Session(postgres_store.writer) as s:
        insert_entry(s, creditor.id, [(100, 0), (0, 99)])
        record(s, SYSTEM, "ledger.posted", None, account_id=None, now=NOON)
        with pytest.raises(DBAPIError, match="does not balance"):
            audit.chain(s)
        s.rollback()


@pytest.mark.postgres
def test_a_posting_added_later_unbalances(postgres_store: Store) -> None:
    """M-03: an entry that is in the books cannot grow."""
    with postgres_store.write() as s:
        make.an_invoice(s, make.an_account(s, make.a_creditor(s)))
    with pytest.raises(DBAPIError, match="does not balance"), postgres_store.write() as s:
        s.execute(
            text(
                "INSERT INTO posting (entry_id, position, ledger_code, debit_minor, credit_minor, currency)"
                " SELECT id, 9, 'bank', 5, 0, 'GBP' FROM ledger_entry"
            )
        )


def test_a_balanced_entry_by_hand_passes(store: Store) -> None:
    """The trigger refuses what is wrong and nothing else."""
    with store.write() as s:
        creditor = make.a_creditor(s)
        insert_entry(s, creditor.id, [(100, 0), (0, 60), (0, 40)])
    with store.read() as s:
        assert s.scalar(text("SELECT count(*) FROM posting")) == 3
