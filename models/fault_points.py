"""Named points at which a test may let this process die, fail or wait; outside tests they are nothing.

`AMICABLE_FAULT` arms them, in the environment `test` only; every other environment refuses to start with
it (decision 29). Each is a place between two lines of which one may have happened and the other not.
Source: requirements section 7, FT-01…FT-04.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from pathlib import Path

from sqlalchemy.exc import OperationalError

#: Where a process may be struck; the part before the dot names the work.
POINTS = frozenset(
    {
        "attempt.before_commit", "attempt.after_commit", "attempt.after_call",
        "charge.after_call",
        "event.before_commit", "event.after_commit", "event.after_lease", "event.before_done",
        "job.after_lease", "job.before_done",
        "message.after_send",
        "pay.before_answer",
        "refund.before_commit", "refund.after_commit", "refund.after_call",
        "settle.before_commit", "settle.after_commit",
    }
)  # fmt: skip
#: `kill`: SIGKILL, no clean-up of any kind. `raise`: an error nobody expects. `conflict`: what this database
#: says when somebody else was first. `sleep`: stand still for a while. `hold`: stand still until the test
#: lets go, which takes a folder.
ACTIONS = ("kill", "raise", "conflict", "sleep", "hold")
#: How long `sleep` stands still, seconds.
STILL_SECONDS = 2.0
#: Seconds between two looks of who is held.
HELD_SECONDS = 0.02
#: Beginning of the file of somebody who is held; he goes on when it is gone.
HELD = "held."


class Struck(Exception):
    """An error that a test asked for."""


class _NotSerialised(Exception):
    """What the driver of PostgreSQL raises, as the retry knows it; the driver itself is not loaded for it."""

    sqlstate = "40001"


class _Armed:
    """What was asked for: `point:action[:nth]`, joined by commas; or `@folder`, whose files are strikes.

    In a folder a file is named `point:action:anything`; whoever removes it has been struck, so that of many
    processes one is, once. Who is held gives it another name instead.
    """

    def __init__(self, asked: str, *, is_sqlite: bool) -> None:
        self.is_sqlite = is_sqlite
        self.folder = Path(asked[1:]) if asked.startswith("@") else None
        self.strikes: dict[tuple[str, int], str] = {}
        self.reached: dict[str, int] = {}
        for one in [] if self.folder else asked.split(","):
            point, _, rest = one.strip().partition(":")
            action, _, nth = rest.partition(":")
            _check(point, action)
            if action == "hold":
                raise ValueError(f"{point}: no such action outside a folder: hold")
            self.strikes[point, int(nth or 1)] = action

    def asks(self, point: str) -> str | None:
        """The action for this pass of a point, or None."""
        if self.folder is None:
            self.reached[point] = self.reached.get(point, 0) + 1
            return self.strikes.get((point, self.reached[point]))
        for path in sorted(self.folder.glob(f"{point}:*")):
            action = path.name.split(":")[1]
            try:
                if action == "hold":
                    path.rename(self._held(path))
                else:
                    path.unlink()
            except FileNotFoundError:
                continue  # another process was struck by it
            if action == "hold":
                self._stand_still(self._held(path))
            return action
        return None

    @staticmethod
    def _held(path: Path) -> Path:
        return path.with_name(HELD + path.name)

    @staticmethod
    def _stand_still(held: Path) -> None:
        while held.exists():
            time.sleep(HELD_SECONDS)

    def conflict(self, point: str) -> OperationalError:
        """What the database of this process says when somebody else was first."""
        if self.is_sqlite:
            return OperationalError(point, {}, sqlite3.OperationalError("database is locked"))
        return OperationalError(point, {}, _NotSerialised("could not serialize access"))


_armed: _Armed | None = None


def arm(asked: str | None, *, is_sqlite: bool = True) -> None:
    """Arm this process and its children; None disarms.

    Args:
        is_sqlite: whether conflicts are those of SQLite; else of PostgreSQL.
    Raises: ValueError: an unknown point or action.
    """
    global _armed
    _armed = _Armed(asked, is_sqlite=is_sqlite) if asked else None


def reach(point: str) -> None:
    """Pass a point; nothing happens here unless a test armed it.

    Raises:
        Struck: the test asked for an error.
        OperationalError: the test asked for a conflict.
    """
    if _armed is None:
        return
    action = _armed.asks(point)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "raise":
        raise Struck(point)
    elif action == "conflict":
        raise _armed.conflict(point)
    elif action == "sleep":
        time.sleep(STILL_SECONDS)


def _check(point: str, action: str) -> None:
    if point not in POINTS:
        raise ValueError(f"no such point: {point}")
    if action not in ACTIONS:
        raise ValueError(f"{point}: no such action: {action}; known are {', '.join(ACTIONS)}")
