"""The long fault run: debtors, staff and notifications, and random faults, until the time is over.

`python -m tests.faults.long --minutes 60 --database sqlite --seed 1` (or `make faults`). Every few minutes
and at the end everything is left to end by itself, then the independent checker is asked. It prints how
many operations clients made, how many faults were injected, and what was lost or doubled. Exit code 0:
nothing was; 1: something was, and the folder of the run is kept and named.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select

from models.accounts import Account
from models.invoices import Invoice
from models.money import Money
from models.payments import Payment
from receivables import credit_notes
from receivables.errors import Refused
from receivables.permissions import SYSTEM
from tests.databases import fresh_database, restart_postgres
from tests.faults.debtors import CONFIRMED, DECLINED, GOOD, Debtor, LineBroke
from tests.faults.works import Works, start_works

#: Debtors who pay at the same time.
CLIENTS = 6
#: Seconds between two faults, and minutes between two proofs.
FAULT_EVERY, PROOF_EVERY = 6.0, 4.0
CARDS = (GOOD, GOOD, GOOD, DECLINED, CONFIRMED, "debit")
CURRENCIES = ("GBP", "GBP", "EUR", "JPY", "KWD", "HUF", "ISK")
AMOUNTS = {"GBP": 57600, "EUR": 84240, "JPY": 5000, "KWD": 12340, "HUF": 5760000, "ISK": 5000}
#: Strikes at named points; the kills outnumber the rest.
POINTS = (
    "attempt.before_commit", "attempt.after_commit", "attempt.after_call", "pay.before_answer",
    "settle.before_commit", "settle.after_commit", "event.before_commit", "event.after_commit",
    "event.after_lease", "event.before_done", "job.after_lease", "job.before_done", "message.after_send",
)  # fmt: skip
ACTIONS = ("kill", "kill", "kill", "raise", "conflict", "sleep")
#: What the gateway does to a call, and to a notification.
CALLS = ("drop", "timeout_after", "timeout_before", "error_500", "409", "429", "slow")
NOTICES = ("drop", "duplicate", "delay", "bad_signature")
OPERATIONS = ("checkout.sessions.create", "checkout.sessions.retrieve", "checkout.sessions.expire")


T = TypeVar("T")


class Run:
    """One run; what happened is counted by kind.

    Args:
        luck: where every choice comes from; the order of events is the machine's own all the same.
    """

    def __init__(self, works: Works, database: str, seed: int) -> None:
        self.works, self.database = works, database
        self.luck = random.Random(seed)  # noqa: S311 - a repeatable choice
        self.faults: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.trouble: list[str] = []
        self.pause = threading.Event()
        self.over = threading.Event()
        self._turn = threading.Lock()
        self.at_rest = threading.Semaphore(0)
        self.go_on = threading.Event()

    # ------------------------------------------------------------------ people

    def client(self, seed: int) -> None:
        """Pay for one debtor after the other until the run is over, resting while it is proved."""
        luck = random.Random(seed)  # noqa: S311
        while not self.over.is_set():
            if self.pause.is_set():
                self.at_rest.release()
                self.go_on.wait()
                continue
            try:
                said = self._one(luck)
            except (LineBroke, RuntimeError) as error:
                said = type(error).__name__
            except Exception as error:
                said = "trouble"
                self.trouble.append(f"{type(error).__name__}: {error}")
            with self._turn:
                self.told[said] += 1

    def _one(self, luck: random.Random) -> str:
        currency = luck.choice(CURRENCIES)
        account = self._try(lambda: self.works.account(Money(AMOUNTS[currency], currency)))
        debtor = self._try(lambda: self.works.debtor(account))
        card = luck.choice(CARDS) if currency == "EUR" else luck.choice(CARDS[:-1])
        if luck.random() < 0.1:
            return self._credited(debtor, account, currency)
        if luck.random() < 0.15:
            return self._two_windows(debtor, account, currency)
        said = debtor.pay(card=card, currency=currency)
        for _ in range(luck.randrange(4)):
            if said in ("ok", "nothing"):
                break
            said = debtor.pay(currency=currency)
        return said

    def _try(self, act: Callable[[], T]) -> T:
        """Make what a debtor needs; the database may be away for a while."""
        while True:
            try:
                return act()
            except Exception:
                if self.over.is_set():
                    raise
                self.over.wait(0.2)

    def _credited(self, debtor: Debtor, account: Account, currency: str) -> str:
        """Staff credit the invoice while its page is open, and the page is paid all the same."""
        page = debtor.begin(debtor.review(currency))
        with self.works.house.store.read() as session:
            invoice = session.scalars(select(Invoice).where(Invoice.account_id == account.id)).one()
        part = Money(invoice.total_minor // 200 * 100 or 1, currency)
        note = partial(
            credit_notes.record_credit_note, actor=SYSTEM, invoice_ref=invoice.ref, number=f"CN-{invoice.id}",
            amount=part, reason="Wet", now=datetime.now(UTC),
        )  # fmt: skip
        with suppress(Refused):
            self.works.house.store.run(note)
        return debtor.finish(page) if page else "refused"

    def _two_windows(self, debtor: Debtor, account: Account, currency: str) -> str:
        """One debtor opens two pages and pays the first, or both."""
        other = self.works.debtor(account)
        first, second = (d.begin(d.review(currency)) for d in (debtor, other))
        said = debtor.finish(first) if first else "refused"
        if second and second != first:
            try:
                other.finish(second)
            except RuntimeError:
                said += "+ended"
        return said

    # ------------------------------------------------------------------ faults

    def injector(self) -> None:
        """Inject one fault after the other, resting while the run is proved."""
        while not self.over.is_set():
            if self.pause.is_set():
                self.at_rest.release()
                self.go_on.wait()
                continue
            try:
                self._inject()
                self.works.start()
            except Exception as error:
                self.trouble.append(f"injector: {type(error).__name__}: {error}")
            self.over.wait(self.luck.uniform(0.3, 1.0) * FAULT_EVERY)

    def _inject(self) -> None:
        kind = self.luck.choices(
            ("point", "call", "notice", "kill web", "kill worker", "database"), (10, 4, 4, 1, 2, 1)
        )[0]
        if kind == "point":
            point, action = self.luck.choice(POINTS), self.luck.choice(ACTIONS)
            self.works.strike(point, action)
            kind = f"{action} at {point}"
        elif kind == "call":
            fault = self.luck.choice(CALLS)
            options = {"stored": self.luck.random() < 0.5} if fault == "error_500" else {}
            self.works.stripe.fault(self.luck.choice(OPERATIONS), fault, self.luck.randint(1, 4), **options)
            kind = f"gateway {fault}"
        elif kind == "notice":
            fault = self.luck.choice(NOTICES)
            self.works.stripe.fault("webhook:*", fault, self.luck.randint(1, 6))
            kind = f"notification {fault}"
        elif kind == "kill web":
            self.works.kill_web()
        elif kind == "kill worker":
            self.works.kill_worker(self.luck.randrange(2))
        elif self.database == "postgres":
            restart_postgres()
            self.works.house.store.dispose()
            kind = "immediate restart of PostgreSQL"
        else:
            self.works.lock_file(8.0)
            kind = "file locked for 8 s"
        self.faults[kind] += 1

    # ------------------------------------------------------------------ the proof

    def prove(self) -> None:
        """Let all rest, let everything end, and ask the checker.

        Raises: AssertionError: with what it says.
        """
        self.go_on.clear()
        self.pause.set()
        for _ in range(CLIENTS + 1):
            self.at_rest.acquire()
        try:
            self.works.prove()
        finally:
            self.pause.clear()
            self.go_on.set()


def doubled(works: Works) -> int:
    """Charges beyond the first of an attempt, as the gateway itself remembers them."""
    taken = Counter(c["metadata"].get("attempt") for c in works.stripe_objects("charge") if c["paid"])
    return sum(count - 1 for count in taken.values())


def lost(works: Works) -> int:
    """Charges of the gateway that no payment of ours names."""
    known = works.look(lambda s: set(s.scalars(select(Payment.provider_charge_id))))
    return sum(c["id"] not in known for c in works.stripe_objects("charge") if c["status"] == "succeeded")


def run(database: str, *, minutes: float, seed: int) -> int:
    """Run for so many minutes on one database; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"amicable-faults-{database}-"))
    folder.chmod(0o755)
    print(f"{database}: seed {seed}, {minutes:g} minutes, {CLIENTS} debtors at a time", flush=True)
    broken: str | None = None
    with fresh_database(database, folder) as url:
        works = start_works(folder, url)
        one = Run(works, database, seed)
        threads = [threading.Thread(target=one.client, args=(seed * 1000 + n,)) for n in range(CLIENTS)]
        threads.append(threading.Thread(target=one.injector))
        begun = time.monotonic()
        try:
            for thread in threads:
                thread.start()
            while broken is None and time.monotonic() < begun + minutes * 60:
                rest = begun + minutes * 60 - time.monotonic()
                one.over.wait(max(min(PROOF_EVERY * 60, rest), 1))
                try:
                    one.prove()
                    print(f"  {(time.monotonic() - begun) / 60:5.1f} min: {_counts(one)}", flush=True)
                except AssertionError as error:
                    broken = str(error)
            one.over.set()
            one.go_on.set()
            for thread in threads:
                thread.join()
            if broken is None:
                works.prove()
        except AssertionError as error:
            broken = str(error)
        finally:
            one.over.set()
            one.go_on.set()
            counts = _counts(one)
            missing, twice = lost(works), doubled(works)
            works.close()
    print(f"{database}, seed {seed}: {counts}; lost {missing}, doubled {twice}")
    for kind, count in sorted(one.faults.items()):
        print(f"    {count:5} {kind}")
    for trouble in one.trouble[:5]:
        print(f"    trouble: {trouble}")
    if broken or missing or twice or one.trouble:
        print(f"BROKEN, kept in {folder}\n{broken or ''}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _counts(one: Run) -> str:
    paid = one.told["ok"]
    return (
        f"{sum(one.told.values())} operations ({paid} told paid),"
        f" {sum(one.faults.values())} faults injected, {one.works.killed} processes started again"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="for each database; default 10")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--seed", type=int, default=None, help="of every choice; default: of the clock")
    asked = parser.parse_args(arguments)
    seed = asked.seed if asked.seed is not None else int(time.time()) % 100_000
    kinds = ["sqlite", "postgres"] if asked.database == "both" else [asked.database]
    return max(run(kind, minutes=asked.minutes, seed=seed) for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
