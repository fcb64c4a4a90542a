"""The nightly proof: it finds what was damaged, repairs what may be repaired, and tells a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from assembly import House, assemble
from config import Settings
from jobs import nightly_integrity
from models.invoices import Invoice
from models.links import GuessCounter
from models.work import Alert
from receivables import guesses
from receivables.contact import reminders
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON

CLEAN = {"unbalanced": [], "balances": [], "audit": []}


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    settings = Settings.load(
        AMICABLE_ENV="test", DATABASE_URL=database_url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=tmp_path
    )  # fmt: skip
    house = assemble(settings)
    with house.store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=57600)
        reminders.remind(s, SYSTEM, account, now=NOON)
    yield house
    house.store.dispose()


def damage(house: House, *statements: str) -> None:
    """Change rows as nobody may, with the triggers out of the way."""
    with house.store.writer.connect() as connection:
        if house.store.is_sqlite:
            found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            statements = (*[f"DROP TRIGGER {name}" for (name,) in found.all()], *statements)
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(text(statement))
        if not house.store.is_sqlite:
            connection.exec_driver_sql("SET session_replication_role = DEFAULT")
        connection.commit()


def alerts(house: House) -> list[str]:
    with house.store.read() as s:
        return list(s.scalars(select(Alert.code).order_by(Alert.id)))


def test_while_the_books_hold(house: House) -> None:
    """M-20: nothing is found, nothing is changed, nobody is told."""
    assert nightly_integrity.prove(house, now=NOON) == CLEAN
    assert alerts(house) == []


def test_a_wrong_cache_is_repaired_and_told(house: House) -> None:
    """M-22, decision 15: the postings are the truth; one alert, and the second night is quiet."""
    damage(house, "UPDATE invoice SET balance_minor = 57599")
    with house.store.read() as s:
        invoice_id = s.scalars(select(Invoice.id)).one()
    found = nightly_integrity.prove(house, now=NOON)
    assert found == CLEAN | {"balances": [[invoice_id, 57599, 57600]]}
    with house.store.read() as s:
        assert s.scalars(select(Invoice.balance_minor)).one() == 57600
    assert alerts(house) == ["balance_repaired"]
    assert nightly_integrity.prove(house, now=NOON + timedelta(days=1)) == CLEAN


def test_an_unbalanced_posting_is_found(house: House) -> None:
    """INV-1: found entry by entry; it is never repaired, and one open alert is enough."""
    damage(house, "UPDATE posting SET credit_minor = credit_minor + 7 WHERE credit_minor > 0")
    for night in range(2):
        found = nightly_integrity.prove(house, now=NOON + timedelta(days=night))
        assert found["unbalanced"] == [1]
    assert alerts(house) == ["books_unbalanced"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET payload = replace(payload, 'account', 'acount')",
        "UPDATE audit_entry SET code = 'payment.settled'",
        "DELETE FROM audit_entry",
    ],
)
def test_a_tampered_audit_row_is_named(house: House, statement: str) -> None:
    """FT-29: edited or taken out, the first broken row is told."""
    damage(house, statement + " WHERE id = (SELECT min(id) FROM audit_entry)")  # noqa: S608 fixed texts
    found = nightly_integrity.prove(house, now=NOON)
    assert len(found["audit"]) == 1
    assert alerts(house) == ["audit_broken"]


def test_old_counters_are_forgotten(house: House) -> None:
    """L-11: guess counters name network prefixes, and two days are enough."""
    for at in (NOON - timedelta(days=3), NOON):
        house.store.run(
            lambda s, at=at: guesses.count(s, f"link:{at}", window=timedelta(minutes=15), tries=60, now=at)  # type: ignore[misc]
        )
    nightly_integrity.prove(house, now=NOON)
    with house.store.read() as s:
        assert s.scalar(select(func.count()).select_from(GuessCounter)) == 1
