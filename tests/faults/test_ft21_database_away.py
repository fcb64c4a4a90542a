"""FT-21: the database goes away under load: PostgreSQL is restarted at once, SQLite's file stays locked.

INV-1 to INV-7, INV-14: what a debtor was told stands; everybody is served again by itself.
"""

from __future__ import annotations

import threading

from tests.databases import restart_postgres
from tests.effort import LONG
from tests.faults.debtors import pays_until_paid
from tests.faults.waiting import PATIENCE, await_
from tests.faults.works import Works
from tests.races import together

PAYERS = 40 if LONG else 6
#: How long another program sits on the file, seconds: longer than a writer waits for it.
LOCKED = 30.0 if LONG else 12.0


def test_under_load(works: Works, database: str) -> None:
    """FT-21: payers go on trying; each is charged once, and afterwards a newcomer pays at once."""
    accounts = [works.account(57600 + n) for n in range(PAYERS)]
    debtors = [works.debtor(account) for account in accounts]
    newcomer = works.debtor(works.account(100))
    at_work = threading.Barrier(min(PAYERS, 6) + 1)

    def act(number: int) -> object:
        at_work.wait(PATIENCE)
        if number == 0:
            return _away(works, database)
        return [pays_until_paid(debtor) for debtor in debtors[number - 1 :: 6]]

    ended = together(min(PAYERS, 6) + 1, act)
    assert not [one for one in ended if isinstance(one, Exception)], ended
    works.house.store.dispose()  # this process was cut off too
    await_("a newcomer pays", lambda: "ok" in pays_until_paid(newcomer))
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [0] * PAYERS


def _away(works: Works, database: str) -> None:
    if database == "postgres":
        restart_postgres()
        return
    works.lock_file(LOCKED)
