"""One worker of the nightly ladder or of the outbox as the process it is, so that it can be killed.

`python -m tests.faults.climber URL MOMENT [--send SMTP SMS FOLDER] [--stop-at N] [--everyone]`

It says "ready", waits for a line, works, and says in JSON what it did. With `--stop-at N` it stands still
just before its Nth commit, says "stopped" and waits for what comes: mostly SIGKILL.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import event

from assembly import assemble
from config import Settings
from jobs import ladder_run
from models.store import Store
from tests.faults.crowd import drain

ROOT = Path(__file__).resolve().parents[2]
#: Those that a test started, so that none outlives it, whatever became of the test.
STARTED: list[Climber] = []


def main() -> None:
    """Work as told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("moment", type=datetime.fromisoformat)
    parser.add_argument("--send", nargs=3, metavar=("SMTP", "SMS", "FOLDER"))
    parser.add_argument("--stop-at", type=int, default=0)
    parser.add_argument("--everyone", action="store_true")
    args = parser.parse_args()
    house: Any = _sender(args.url, *args.send) if args.send else SimpleNamespace(store=Store(args.url))
    if args.stop_at:
        _stand_still(house.store, args.stop_at)
    print("ready", flush=True)
    sys.stdin.readline()
    if args.send:
        drain(house, args.moment)
        told = {"sent": True}
    else:
        ran = ladder_run.run(house, now=args.moment, everyone=args.everyone)
        told = {"met": ran.climbed.met, "done": ran.climbed.done, "trouble": ran.trouble}
    print(json.dumps(told), flush=True)
    house.store.dispose()


def _sender(url: str, smtp: str, sms: str, folder: str) -> Any:
    return assemble(
        Settings.load(
            AMICABLE_ENV="test", DATABASE_URL=url, SECRET_KEY="k" * 40, AMICABLE_DATA_DIR=folder,
            BASE_URL="https://pay.northgate.example", AMICABLE_SHORT_URL="https://n.example", SMTP_URL=smtp,
            SMS_URL=sms,
        )
    )  # fmt: skip


def _stand_still(store: Store, at: int) -> None:
    """Stop before a commit that changed something."""
    left = at

    @event.listens_for(store.writer, "commit")
    def halt(_connection: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            print("stopped", flush=True)
            sys.stdin.readline()


@dataclass
class Climber:
    """Such a process, seen from the test."""

    process: subprocess.Popen[str]

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL: no clean-up of any kind."""
        self.process.kill()
        self.close()

    def told(self) -> dict[str, int]:
        """Wait for its end; what it did."""
        line = self.heard()
        self.close()
        assert self.process.returncode == 0, line
        found: dict[str, int] = json.loads(line)
        return found

    def close(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def start(url: str, now: datetime, *more: str) -> Climber:
    """Start one and wait until it is ready to begin."""
    climber = _begun(url, now, *more)
    assert climber.heard() == "ready"
    return climber


def _begun(url: str, now: datetime, *more: str) -> Climber:
    command = [sys.executable, "-m", "tests.faults.climber", url, now.isoformat(), *more]
    climber = Climber(
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    )
    STARTED.append(climber)
    return climber


def end_all() -> None:
    """End what still runs."""
    while STARTED:
        STARTED.pop().kill()


def all_at_once(url: str, now: datetime, count: int, *more: str) -> list[dict[str, int]]:
    """Start so many workers together; what each did."""
    climbers = [_begun(url, now, *more) for _ in range(count)]
    for climber in climbers:
        assert climber.heard() == "ready"
    for climber in climbers:
        climber.go()
    return [climber.told() for climber in climbers]


if __name__ == "__main__":
    main()
