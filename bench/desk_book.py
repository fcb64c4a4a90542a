"""A book of many invoices for measurements of the desk: poured in, with their entries, payments and terms."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, text

from models import search
from models.base import Base
from models.store import Store
from tests import factories as make

#: Invoices of one account, in the mean.
EACH = 20
#: Ids begin here, far from those of the pattern rows.
FAR = 10**7
#: Rows in one statement.
CHUNK = 5000
#: Of so many invoices all but one were paid.
PAID_OF = 10


def build(store: Store, invoices: int, now: datetime) -> None:
    """Fill a database: invoices of two years, nine of ten paid around their day, one in ten open."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        creditor_id = creditor.id
        people = [make.a_person(session).id for _ in range(8)]
    chance = random.Random(7)  # noqa: S311 - a measurement, the same each time
    accounts = invoices // EACH
    today = now.date()
    words = ("Harbour", "Castle", "Fenwick", "Quay", "Lantern", "Bright", "Oak", "Stone", "Wren", "Salt")
    trades = ("Motors", "Bakery", "Print Works", "Florists", "Joinery", "Hotels", "Traders", "Tools")
    days = [(today - timedelta(days=chance.randrange(1, 730))) for _ in range(invoices)]
    lags = [chance.randrange(-5, 45) for _ in range(invoices)]
    sums = [chance.randrange(500, 2_000_000) for _ in range(invoices)]

    def account_of(n: int) -> int:
        return FAR + (n * 7919) % accounts

    def account(n: int) -> dict[str, Any]:
        name = f"{words[n % 10]} & {words[n // 10 % 10]} {trades[n % 8]} {n} Ltd"
        return {
            "id": FAR + n, "ref": f"a{n}", "creditor_id": creditor_id, "number": f"{100000 + n}",
            "name": name,
            "debtor_type": "business", "country": "GB", "zone": "Europe/London", "language": "en",
            "shown_to_payer": False, "segment": "reminder", "agreed_days": 0, "in_pilot": False,
            "collector_id": people[n % 4], "salesperson_id": people[4 + n % 4], "created_at": now,
        }  # fmt: skip

    def contact(n: int) -> dict[str, Any]:
        return {
            "id": FAR + n, "ref": f"c{n}", "account_id": FAR + n, "name": f"Helen Marsh {n}",
            "email": f"helen{n}@customer{n}.example", "phone": f"+44113{4000000 + n}", "may_commit": True,
            "is_active": True, "created_at": now,
        }  # fmt: skip

    def paid_on(n: int) -> date | None:
        day = days[n] + timedelta(days=30 + lags[n])
        return day if n % PAID_OF and day <= today else None

    def invoice(n: int) -> dict[str, Any]:
        paid = paid_on(n) is not None
        return {
            "id": FAR + n, "ref": f"i{n}", "account_id": account_of(n), "kind": "invoice",
            "number": f"INV-{days[n].year}-{n:07d}", "status": "paid" if paid else "open",
            "issued_on": days[n],
            "due_on": days[n] + timedelta(days=30), "currency": "GBP", "lines_net_minor": sums[n],
            "allowances_minor": 0, "charges_minor": 0, "tax_minor": 0, "prepaid_minor": 0,
            "rounding_minor": 0,
            "total_minor": sums[n], "balance_minor": 0 if paid else sums[n], "description": "", "version": 1,
            "created_at": now,
        }  # fmt: skip

    def entry(n: int, kind: str, on: date) -> dict[str, Any]:
        return {
            "id": FAR + n * 2 + (kind == "payment"), "creditor_id": creditor_id, "reference": f"{kind}:{n}",
            "fingerprint": "0" * 64, "kind": kind, "currency": "GBP", "posted_at": now, "posted_on": on,
            "effective_on": on,
        }  # fmt: skip

    def side(n: int, kind: str, position: int, code: str, debit: int, credit: int) -> dict[str, Any]:
        mine = code == "receivables"
        return {
            "entry_id": FAR + n * 2 + (kind == "payment"), "position": position, "ledger_code": code,
            "account_id": account_of(n) if mine else None, "invoice_id": FAR + n if mine else None,
            "debit_minor": debit, "credit_minor": credit, "currency": "GBP",
        }  # fmt: skip

    def payment(n: int, on: date) -> dict[str, Any]:
        return {
            "id": FAR + n, "ref": f"p{n}", "number": f"PC-{on.year}-{n:07d}", "account_id": account_of(n),
            "method": ("card", "bank_transfer")[n % 2], "method_detail": "", "amount_minor": sums[n],
            "currency": "GBP", "received_at": now, "valued_on": on, "entry_id": FAR + n * 2 + 1,
        }  # fmt: skip

    def allocation(n: int, on: date) -> dict[str, Any]:
        return {
            "payment_id": FAR + n, "invoice_id": FAR + n, "amount_minor": sums[n], "currency": "GBP",
            "rule": "oldest_first", "valued_on": on, "entry_id": FAR + n * 2 + 1,
        }  # fmt: skip

    def of_paid(make_row: Callable[..., Any]) -> Iterator[dict[str, Any]]:
        for n in range(invoices):
            on = paid_on(n)
            if on is not None:
                yield make_row(n, on)

    def postings() -> Iterator[dict[str, Any]]:
        for n in range(invoices):
            yield side(n, "invoice", 1, "receivables", sums[n], 0)
            yield side(n, "invoice", 2, "opening_counterpart", 0, sums[n])
            if paid_on(n) is not None:
                yield side(n, "payment", 1, "bank", sums[n], 0)
                yield side(n, "payment", 2, "receivables", 0, sums[n])

    with store.writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # rows are right
        _pour(connection, "account", (account(n) for n in range(accounts)))
        _pour(connection, "contact", (contact(n) for n in range(accounts)))
        _pour(connection, "invoice", (invoice(n) for n in range(invoices)))
        _pour(connection, "ledger_entry", (entry(n, "invoice", days[n]) for n in range(invoices)))
        _pour(connection, "ledger_entry", of_paid(lambda n, on: entry(n, "payment", on)))
        _pour(connection, "posting", postings())
        _pour(connection, "payment", of_paid(payment))
        _pour(connection, "allocation", of_paid(allocation))
        search.fill(connection)
    with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _pour(connection: Connection, name: str, rows: Iterator[dict[str, Any]]) -> None:
    table = Base.metadata.tables[name]
    chunk: list[dict[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            connection.execute(insert(table), chunk)
            chunk = []
    if chunk:
        connection.execute(insert(table), chunk)
