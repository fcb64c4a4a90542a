"""FT-29: somebody edits, deletes, swaps or cuts off rows of the audit, or changes one posting.

INV-10: the independent checker names the row. The database refuses such statements; whoever owns it can
still make them, so triggers and constraints are dropped first (tests/checker has all known damage).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, make_url

from models.store import Store
from tests.databases import copied_database
from tests.proof import check
from tests.receivables.payments.test_settling import gateway_of, open_books
from tests.standins import StandIn, pay_on_page

LAST = "(SELECT max(id) FROM audit_entry)"


def edit(db: Connection) -> str:
    db.execute(text("UPDATE audit_entry SET code = 'payment.forged' WHERE id = 2"))
    return "audit row 2 shows code 'payment.forged'"


def delete(db: Connection) -> str:
    db.execute(text("DELETE FROM audit_detail WHERE audit_entry_id = 2"))
    db.execute(text("DELETE FROM audit_entry WHERE id = 2"))
    return "audit row 2 is missing"


def reorder(db: Connection) -> str:
    db.execute(text("UPDATE audit_detail SET audit_entry_id = -audit_entry_id"))
    for old, new in ((2, -2), (3, 2), (-2, 3)):
        db.execute(text("UPDATE audit_entry SET id = :new WHERE id = :old"), {"old": old, "new": new})
    db.execute(text("UPDATE audit_detail SET audit_entry_id = -audit_entry_id"))
    return "audit row 2"


def posting(db: Connection) -> str:
    db.execute(text("UPDATE posting SET debit_minor = debit_minor + 1 WHERE debit_minor > 0 AND id = 1"))
    db.execute(
        text(
            "UPDATE posting SET credit_minor = credit_minor + 1 WHERE credit_minor > 0 AND entry_id ="
            " (SELECT entry_id FROM posting WHERE id = 1)"
        )
    )
    return "were changed after posting"


def truncate(db: Connection) -> str:
    db.execute(text(f"DELETE FROM audit_detail WHERE audit_entry_id = {LAST}"))  # noqa: S608
    db.execute(text(f"DELETE FROM audit_entry WHERE id = {LAST}"))  # noqa: S608
    return "is not in the chain, which ends with row"


@pytest.fixture
def books(store: Store, database_url: str, stripe: StandIn, tmp_path: Path) -> str:
    """Address of books with a payment in them; nobody is connected to them any more."""
    gateway = gateway_of(stripe)
    found = open_books(store, gateway)
    started = found.start(f"ft29-{found.account.id}")
    assert started.url is not None
    pay_on_page(started.url)
    assert found.settle(started.ref).value == "succeeded"
    store.dispose()
    return database_url


@pytest.mark.parametrize("damage", [edit, delete, reorder, posting, truncate], ids=lambda d: d.__name__)
def test_the_row_is_named(books: str, damage: Callable[[Connection], str], tmp_path: Path) -> None:
    """FT-29, INV-10: whole before, and after the damage the checker names what was touched."""
    whole = check(books, now=datetime.now(UTC))
    assert whole.returncode == 0, whole.stdout
    anchor = whole.stdout.rpartition("audit head: row ")[2].split(", ")[1].strip()
    with copied_database(books, tmp_path) as url:
        says = _damaged(url, damage)
        found = check(url, anchor=anchor, now=datetime.now(UTC))
    assert found.returncode == 1, found.stdout
    assert says in found.stdout


def _damaged(url: str, damage: Callable[[Connection], str]) -> str:
    engine = create_engine(make_url(url))
    with engine.begin() as db:
        if engine.dialect.name == "sqlite":
            for (name,) in db.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                db.execute(text(f"DROP TRIGGER {name}"))
        else:
            db.execute(text("SET session_replication_role = replica"))
        says = damage(db)
    engine.dispose()
    return says
