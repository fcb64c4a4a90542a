"""FT-22: no room on the disk for the database, its journal, files and logs.

INV-1 to INV-3, INV-10, INV-14: nothing is half posted, the answer says that it is not now, and with room
again all goes on without repair. The room is taken by the kernel's limit on the size of files, so that the
test needs no disk of its own.
"""

from __future__ import annotations

import psutil
from sqlalchemy import text

from tests.databases import limit_files
from tests.faults.debtors import LineBroke, pays_until_paid
from tests.faults.waiting import await_
from tests.faults.works import Works

#: Bytes that a file may still have; every database is larger.
ROOM = 4096


def test_no_room(works: Works, database: str) -> None:
    """FT-22: payers are told that it does not work now, never that it worked; then it works."""
    accounts = [works.account(57600 + n) for n in range(3)]
    debtors = [works.debtor(account) for account in accounts]
    for debtor in debtors:
        debtor.enter()
    before = works.look(_rows)
    full = _processes(works, database)
    limit_files(full, ROOM, of_server=database == "postgres")
    told = []
    for debtor in debtors:
        try:
            told.append(debtor.pay())
        except (LineBroke, RuntimeError) as error:
            told.append(str(error))
    assert "ok" not in told
    assert all(said.endswith("503") for said in told) or database == "postgres", told
    limit_files(full, None, of_server=database == "postgres")
    if database == "postgres":
        works.house.store.dispose()  # its server has started afresh
        await_("the database is back", lambda: _is_back(works))
    assert works.look(_rows) == before
    for debtor in debtors:
        pays_until_paid(debtor)
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [0, 0, 0]


def _rows(session: object) -> tuple[int, ...]:
    tables = ("ledger_entry", "posting", "payment", "allocation")
    return tuple(
        session.scalar(text(f"SELECT count(*) FROM {table}"))  # type: ignore[attr-defined]  # noqa: S608
        for table in tables
    )


def _is_back(works: Works) -> bool:
    try:
        return bool(works.look(lambda s: s.scalar(text("SELECT 1"))))
    except Exception:
        works.house.store.dispose()
        return False


def _processes(works: Works, database: str) -> list[int]:
    """Whoever writes: on SQLite our own processes, on PostgreSQL the server's behind their lines."""
    assert works.web is not None
    ours = [works.web.pid, *(c.pid for c in psutil.Process(works.web.pid).children()), *_pids(works)]
    if database == "sqlite":
        return ours
    behind = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    return works.look(lambda s: [row[0] for row in s.execute(text(behind))])


def _pids(works: Works) -> list[int]:
    return [hand.pid for hand in works.hands]
