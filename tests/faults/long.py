"""The long fault run: debtors, staff, the Dashboard, and random faults, until the time is over.

`AMICABLE_TEST_LONG=1 python -m tests.faults.long --minutes 60 --database sqlite --seed 1` (or `make faults`).
Every few minutes and at the end everything is left to end by itself, then the independent checker is asked.
It prints how many operations clients made, how many faults were injected, and what was lost or doubled, and
a row for docs/reliability.md. SIGINT and SIGTERM end it early and in good order, with the same proof.

Exit code 0: nothing was lost or doubled and the checker found nothing; 1: something was, and the folder of
the run is kept and named; 3: nothing was, but somebody here met what nobody expected, which is named.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from models.payments import Payment
from tests.databases import fresh_database
from tests.faults.mishaps import Mishaps
from tests.faults.payers import Payers
from tests.faults.works import Works, start_works

#: Debtors who pay at the same time.
CLIENTS = 6
#: Seconds between two faults, and minutes between two proofs.
FAULT_EVERY, PROOF_EVERY = 6.0, 4.0


class Run:
    """One run; what happened is counted by kind.

    Args:
        seed: where every choice comes from; the order of events is the machine's own all the same.
    """

    def __init__(self, works: Works, database: str, seed: int) -> None:
        self.works, self.seed = works, seed
        self.payers, self.mishaps = Payers(works), Mishaps(works, database, seed)
        self.trouble: list[str] = []
        self.proofs = 0
        self.pause, self.go_on = threading.Event(), threading.Event()
        self.at_rest = threading.Semaphore(0)
        self.over = self.payers.over
        self.threads = [threading.Thread(target=self._payer, args=(n,)) for n in range(CLIENTS)]
        self.threads.append(threading.Thread(target=self._breaker))

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Nobody begins anything any more; wait for what was begun."""
        self.over.set()
        self.go_on.set()
        for thread in self.threads:
            if thread.ident is not None:
                thread.join()

    def _payer(self, number: int) -> None:
        luck = random.Random(self.seed * 1000 + number)  # noqa: S311
        self._repeat(f"payer {number}", lambda: self.payers.one(luck), 0)

    def _breaker(self) -> None:
        luck = random.Random(self.seed + 1)  # noqa: S311
        self._repeat("breaker", self.mishaps.one, lambda: luck.uniform(0.3, 1.0) * FAULT_EVERY)

    def _repeat(self, who: str, act: Callable[[], None], rest: Callable[[], float] | float) -> None:
        """Do something again and again until the run is over, resting while it is proved."""
        while not self.over.is_set():
            if self.pause.is_set():
                self.at_rest.release()
                self.go_on.wait()
                continue
            try:
                act()
            except Exception as error:  # whatever it was: the run goes on, and says so at its end
                self.trouble.append(f"{who}: {type(error).__name__}: {str(error)[:300]}")
            self.over.wait(rest() if callable(rest) else rest)

    def prove(self) -> None:
        """Let all rest, let everything end, and ask the checker.

        Raises: AssertionError: with what it says.
        """
        self.go_on.clear()
        self.pause.set()
        for _ in self.threads:
            self.at_rest.acquire()
        try:
            self.end_all()
        finally:
            self.pause.clear()
            self.go_on.set()

    def end_all(self) -> None:
        """Prove, when nobody acts; strikes that nobody met were no faults."""
        for name in self.works.waiting_strikes():
            point, action, _ = name.split(":")
            self.mishaps.counts[f"{action} at {point}"] -= 1
        self.works.prove()
        self.proofs += 1

    # ------------------------------------------------------------------ figures

    @property
    def operations(self) -> int:
        """What clients asked for, by their own log, and what staff and the Dashboard did."""
        told = self.works.log.counts
        asked = sum(
            count for name, count in told.items() if name.startswith("begin:") or name == "pay:invoke"
        )
        return asked + self.payers.acts.total()

    def figures(self) -> str:
        told = self.works.log.counts
        return (
            f"{self.operations} operations ({told['pay:ok']} told paid, {told['pay:fail']} told no,"
            f" {told['pay:info']} not told), {self.mishaps.counts.total()} faults injected,"
            f" {self.works.killed} processes started again, {self.proofs} proofs"
        )


def doubled(works: Works) -> int:
    """Charges of the gateway beyond the first of an attempt, and payments of the books beyond the first of
    an attempt or a charge."""
    taken = Counter(c["metadata"].get("attempt") for c in works.stripe_objects("charge") if c["paid"])
    booked = works.look(lambda s: s.execute(select(Payment.attempt_id, Payment.provider_charge_id)).all())
    of_attempt = Counter(row[0] for row in booked if row[0] is not None)
    of_charge = Counter(row[1] for row in booked if row[1] is not None)
    charged = {c["id"] for c in works.stripe_objects("charge")}
    of_nothing = sum(charge not in charged for charge in of_charge)
    twice = (sum(count - 1 for count in counts.values()) for counts in (taken, of_charge))
    return max(sum(twice) + of_nothing, sum(count - 1 for count in of_attempt.values()))


def lost(works: Works) -> int:
    """Charges of the gateway that no payment of ours names."""
    known = works.look(lambda s: set(s.scalars(select(Payment.provider_charge_id))))
    return sum(c["id"] not in known for c in works.stripe_objects("charge") if c["status"] == "succeeded")


def run(database: str, *, minutes: float, seed: int, enough: threading.Event) -> int:
    """Run for so many minutes on one database, or until it is enough; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"amicable-faults-{database}-"))
    folder.chmod(0o755)
    print(f"{database}: seed {seed}, {minutes:g} minutes, {CLIENTS} debtors at a time, {folder}", flush=True)
    _log_to(folder / "driver.txt")
    broken: str | None = None
    with fresh_database(database, folder) as url:
        works = start_works(folder, url)
        one = Run(works, database, seed)
        begun = time.monotonic()
        try:
            one.start()
            broken = _until(one, begun + minutes * 60, begun, enough)
            one.stop()
            lasted = (time.monotonic() - begun) / 60
            broken = broken or _proof(one.end_all)
            missing, twice = lost(works), doubled(works)
        finally:
            one.stop()
            works.close()
    for kind, count in sorted(one.mishaps.counts.items()):
        print(f"    {count:6} {kind}")
    for kind, count in sorted((one.payers.acts + one.payers.told).items()):
        print(f"    {count:6} visits or acts: {kind}")
    for trouble in one.trouble[:10]:
        print(f"    not expected: {trouble}")
    print(f"{database}, seed {seed}: {one.figures()}; lost {missing}, doubled {twice}")
    print(
        f"| {datetime.now(UTC):%Y-%m-%d} | {'SQLite' if database == 'sqlite' else 'PostgreSQL'} | {seed} |"
        f" {lasted:.0f} | {one.operations:,} | {one.mishaps.counts.total():,} | {missing} | {twice} |",
        flush=True,
    )
    if broken or missing or twice:
        print(f"BROKEN, kept in {folder}\n{broken or ''}", flush=True)
        return 1
    if one.trouble:
        print(f"{len(one.trouble)} not expected, kept in {folder}", flush=True)
        return 3
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _log_to(path: Path) -> None:
    """What the worker of this process says goes beside the logs of the others."""
    house = logging.getLogger("amicable")
    house.handlers, house.propagate = [logging.FileHandler(path)], False


def _until(one: Run, end: float, begun: float, enough: threading.Event) -> str | None:
    """Let it run and prove it now and then; what the checker said, if it was not well."""
    while (rest := end - time.monotonic()) > 0 and not enough.wait(min(PROOF_EVERY * 60, rest)):
        if said := _proof(one.prove):
            return said
        print(f"  {(time.monotonic() - begun) / 60:5.1f} min: {one.figures()}", flush=True)
    return None


def _proof(prove: Callable[[], None]) -> str | None:
    try:
        prove()
    except AssertionError as error:
        return str(error) or "not proved"
    return None


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="for each database; default 10")
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--seed", type=int, default=None, help="of every choice; default: of the clock")
    asked = parser.parse_args(arguments)
    seed = asked.seed if asked.seed is not None else int(time.time()) % 100_000
    kinds = ["sqlite", "postgres"] if asked.database == "both" else [asked.database]
    enough = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: enough.set())
    return max(run(kind, minutes=asked.minutes, seed=seed, enough=enough) for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
