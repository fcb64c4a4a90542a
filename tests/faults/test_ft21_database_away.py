"""FT-21: the database goes away under load: PostgreSQL is restarted at once, SQLite's file stays locked.

INV-1 to INV-7, INV-14: what a debtor was told stands; everybody is served again by itself.
"""

from __future__ import annotations

import threading
import time

from tests.databases import restart_postgres
from tests.effort import LONG
from tests.faults.debtors import pays_until_paid
from tests.faults.waiting import PATIENCE, await_
from tests.faults.works import Works
from tests.races import together

PAYERS = 40 if LONG else 12
#: How many of them pay at once.
AT_ONCE = 6
#: How long another program sits on the file, seconds: longer than a writer waits for it.
LOCKED = 30.0 if LONG else 12.0


def test_under_load(works: Works, database: str) -> None:
    """FT-21: somebody is told that he has paid, and it goes: that stands, and all are served again.

    How many seconds after its return a newcomer has paid is printed (`-s` shows it) and not judged.
    """
    accounts = [works.account(57600 + n) for n in range(PAYERS)]
    debtors = [works.debtor(account) for account in accounts]
    accounts.append(works.account(100))
    newcomer = works.debtor(accounts[-1])
    struck, acked = threading.Event(), works.log.counts["pay:ok"]

    def act(number: int) -> object:
        if number == 0:
            await_("somebody was told that he has paid", lambda: works.log.counts["pay:ok"] > acked)
            begun = time.monotonic()
            struck.set()
            _away(works, database)
            back = time.monotonic()
            pays_until_paid(newcomer)
            served = time.monotonic() - back
            print(f"FT-21 {database}: away {back - begun:.1f} s, a newcomer had paid {served:.1f} s later")
            return None
        for place, debtor in enumerate(debtors[number - 1 :: AT_ONCE]):
            if place:  # the first of each six come before it, the others while it is away
                struck.wait(PATIENCE)
            pays_until_paid(debtor)
        return None

    ended = together(AT_ONCE + 1, act)
    assert not [one for one in ended if isinstance(one, Exception)], ended
    works.prove()
    assert [works.open_minor(account) for account in accounts] == [0] * len(accounts)


def _away(works: Works, database: str) -> None:
    if database == "postgres":
        restart_postgres()
        return
    works.lock_file(LOCKED)
