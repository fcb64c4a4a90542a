"""Reconciling a month of the gateway's balance: 100,000 movements against as many booked charges and fees.

Bar (issue E): below 60 s, and memory that does not grow with the number. The gateway's port is kept by a
generator, so what is measured is ours: copying the list, tying it to the books, payouts on their way.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import places
from bench.ladder import watched
from models.bulk import pour
from models.ledger import LedgerEntry, Posting
from models.money import Money
from models.payments import ProviderEffect
from models.store import Store
from receivables.ports import (
    MovementKind,
    PayoutState,
    RemoteDispute,
    RemoteMovement,
    RemotePayout,
    RemoteRefund,
)
from receivables.reconciling import runs
from tests import factories as make
from tests.fakes import ToldGateway

#: Movements of the month; the smaller one shows whether memory grows.
SIZES = (20_000, int(os.environ.get("BENCH_MOVEMENTS", "100000")))
#: Charges of one payout.
EACH = 2000
#: Rows that are poured at once.
CHUNK = 20_000
#: Seconds a run may take with the largest size.
BAR = 60
_NOW = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
_START = _NOW - timedelta(days=31)


class Generated(ToldGateway):
    """A gateway with so many movements, each made when it is asked for."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.charges = size - size // EACH

    def _charge(self, n: int, payout: str | None = None) -> RemoteMovement:
        at = _START + (_NOW - timedelta(days=5) - _START) * n / self.charges
        return _moved(
            f"txn_{n:08d}", MovementKind.CHARGE, _amount(n), _fee(n), f"ch_{n:08d}", at, payout=payout
        )

    def _payout(self, number: int) -> RemotePayout:
        mine = range(number * EACH, min((number + 1) * EACH, self.charges))
        at = self._charge(mine[-1]).created_at + timedelta(days=2)
        name = f"po_{number:04d}"
        return RemotePayout(
            payout_id=name, amount=Money(sum(_amount(n) - _fee(n) for n in mine), "GBP"),
            status=PayoutState.PAID, automatic=True, arrives_on=(at + timedelta(days=1)).date(),
            created_at=at, movement_id=f"txn_{name}", failure_movement_id=None, failure_code=None,
            reconciled=True,
        )  # fmt: skip

    @property
    def _numbers(self) -> range:
        return range((self.charges + EACH - 1) // EACH)

    def _own(self, payout: RemotePayout) -> RemoteMovement:
        return _moved(
            payout.movement_id or "", MovementKind.PAYOUT, -payout.amount.minor, 0, payout.payout_id,
            payout.created_at, payout=payout.payout_id,
        )  # fmt: skip

    def movements_between(self, start: datetime, end: datetime) -> Iterator[RemoteMovement]:
        for number in reversed(self._numbers):
            yield self._own(self._payout(number))
        for n in reversed(range(self.charges)):
            yield self._charge(n)

    def payouts_between(self, start: datetime, end: datetime) -> Iterator[RemotePayout]:
        return (self._payout(number) for number in reversed(self._numbers))

    def movements_of_payout(self, payout_id: str) -> Iterator[RemoteMovement]:
        number = int(payout_id.removeprefix("po_"))
        yield self._own(self._payout(number))
        for n in range(number * EACH, min((number + 1) * EACH, self.charges)):
            yield self._charge(n, payout_id)

    def refunds_between(self, start: datetime, end: datetime) -> Iterator[RemoteRefund]:
        return iter(())

    def disputes_between(self, start: datetime, end: datetime) -> Iterator[RemoteDispute]:
        return iter(())


def _amount(n: int) -> int:
    return 500 + n * 37 % 90_000


def _fee(n: int) -> int:
    return 20 + _amount(n) * 15 // 1000


def _moved(
    movement_id: str, kind: MovementKind, minor: int, fee: int, source: str, at: datetime, *,
    payout: str | None,
) -> RemoteMovement:  # fmt: skip
    amount, cost = Money(minor, "GBP"), Money(fee, "GBP")
    return RemoteMovement(
        movement_id=movement_id, kind=kind, amount=amount, fee=cost, net=amount - cost, source_id=source,
        created_at=at, available_on=(at + timedelta(days=2)).date(), payout_id=payout, exchange_rate=None,
        original=None,
    )  # fmt: skip


def fill(store: Store, gateway: Generated) -> None:
    """Pour the books in: each charge with its payment's entry, its fee's entry, and their effects."""
    with store.write() as session:
        creditor = make.a_creditor(session)
        account = make.an_account(session, creditor)
    for first in range(0, gateway.charges, CHUNK):
        entries: list[tuple[Any, ...]] = []
        sides: list[tuple[Any, ...]] = []
        effects: list[tuple[Any, ...]] = []
        for n in range(first, min(first + CHUNK, gateway.charges)):
            at = gateway._charge(n).created_at
            parts = (
                ("payment", f"ch_{n:08d}", _amount(n), "gateway_clearing", "unapplied_credit"),
                ("fee", f"txn_{n:08d}", _fee(n), "gateway_fees", "gateway_clearing"),
            )
            for half, (kind, thing, minor, owed, paid) in enumerate(parts):
                row = 10_000 + n * 2 + half
                entries.append(
                    (row, creditor.id, f"{kind}:{thing}", "0" * 64, kind, "GBP", at, at.date(), at.date())
                )
                for place, (code, debit, credit) in enumerate(((owed, minor, 0), (paid, 0, minor)), 1):
                    of = account.id if code == "unapplied_credit" else None
                    sides.append((row * 2 + place, row, place, code, of, debit, credit, "GBP"))
                effects.append((row, thing, kind, row, at))
        with store.write() as session:
            pour(session, LedgerEntry, ("id", "creditor_id", "reference", "fingerprint", "kind", "currency",
                                        "posted_at", "posted_on", "effective_on"), entries)  # fmt: skip
            pour(session, Posting, ("id", "entry_id", "position", "ledger_code", "account_id", "debit_minor",
                                    "credit_minor", "currency"), sides)  # fmt: skip
            pour(session, ProviderEffect, ("id", "provider_object_id", "kind", "entry_id", "recorded_at"),
                 effects)  # fmt: skip
    with store.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not store.is_sqlite:
            for table in ("ledger_entry", "posting", "provider_effect"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608 - our own names
                )
        connection.exec_driver_sql("ANALYZE")


def main() -> None:
    """Measure both databases and print the table."""
    print("Reconciling a month that agrees: charges with fees, payouts of 2,000 charges each\n")
    print("| database | movements | first run s | again s | memory MB | bar s |")
    print("|---|---|---|---|---|---|")
    for kind in ("postgres", "sqlite"):
        for size in SIZES:
            with places.database(kind) as url:
                store = Store(url)
                gateway = Generated(size)
                fill(store, gateway)
                with watched() as most:
                    first, found = _timed(store, gateway)
                if not found.agrees or found.movements != gateway.charges + len(gateway._numbers):
                    print(f"  differs: {found.open}", file=sys.stderr)
                again, _ = _timed(store, gateway)
                store.dispose()
            bar = str(BAR) if size == SIZES[-1] else ""
            print(f"| {kind} | {size:,} | {first:.1f} | {again:.1f} | {most[0]:.0f} | {bar} |", flush=True)


def _timed(store: Store, gateway: Generated) -> tuple[float, runs.Result]:
    began = time.perf_counter()
    found = runs.reconcile(store, gateway, _START, _NOW, now=_NOW)
    return time.perf_counter() - began, found


if __name__ == "__main__":
    main()
