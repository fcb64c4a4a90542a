"""What goes wrong in the long fault run: processes, the gateway, its notifications, the database."""

from __future__ import annotations

import random
from collections import Counter

from tests.databases import restart_postgres
from tests.faults.debtors import LOST
from tests.faults.works import Works

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
#: How often each kind comes, of 22.
KINDS = {"point": 10, "call": 4, "notice": 4, "kill web": 1, "kill worker": 2, "database": 1}
#: How long another program sits on the SQLite file, seconds: longer than a writer waits for it.
LOCKED = 8.0


class Mishaps:
    """Injects them; what was injected is counted by kind."""

    def __init__(self, works: Works, database: str, seed: int) -> None:
        self.works, self.database = works, database
        self.luck = random.Random(seed)  # noqa: S311 - a repeatable choice
        self.counts: Counter[str] = Counter()

    def one(self) -> None:
        """Inject one, and start again whoever died of it."""
        try:
            kind = self._inject()
        except LOST:
            kind = None  # the stand-in did not answer in time: nothing was injected
        if kind is not None:
            self.counts[kind] += 1
        self.works.start()

    def _inject(self) -> str:
        luck, works = self.luck, self.works
        kind = luck.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "point":
            point, action = luck.choice(POINTS), luck.choice(ACTIONS)
            works.strike(point, action)
            return f"{action} at {point}"
        if kind == "call":
            fault, count = luck.choice(CALLS), luck.randint(1, 4)
            options = {"stored": luck.random() < 0.5} if fault == "error_500" else {}
            works.stripe.fault(luck.choice(OPERATIONS), fault, count, **options)
            return f"gateway {fault}"
        if kind == "notice":
            fault = luck.choice(NOTICES)
            works.stripe.fault("webhook:*", fault, luck.randint(1, 6))
            return f"notification {fault}"
        if kind == "kill web":
            works.kill_web()
        elif kind == "kill worker":
            works.kill_worker(luck.randrange(works.workers))
        elif self.database == "postgres":
            restart_postgres()
            works.house.store.dispose()
            return "immediate restart of PostgreSQL"
        else:
            works.lock_file(LOCKED)
            return f"file locked for {LOCKED:g} s"
        return kind
