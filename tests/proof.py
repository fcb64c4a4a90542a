"""The independent checker over the books that a test wrote, as the program it is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tests.mailboxes import MailboxProcess
from tests.standins import StandIn

ROOT = Path(__file__).resolve().parents[1]


def check(
    database_url: str,
    *,
    stripe_log: Path | None = None,
    mailbox: Path | None = None,
    logs: Sequence[Path] = (),
    client_log: Path | None = None,
    anchor: str | None = None,
    now: datetime | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m checker` over a database and what the stand-ins wrote down.

    Args:
        stripe_log, mailbox, logs, client_log: None or none where a test had no such part; all else is proved.
        anchor: head of the audit that was kept elsewhere, or None.
        now: moment of the proof; None for the clock's.
    """
    asked = ["--database", database_url]
    asked += ["--stripe-log", str(stripe_log)] if stripe_log else []
    asked += ["--mailbox", str(mailbox)] if mailbox else []
    asked += ["--logs", *map(str, logs)] if logs else []
    asked += ["--client-log", str(client_log)] if client_log else []
    asked += ["--anchor", anchor] if anchor else []
    asked += ["--now", now.isoformat()] if now else []
    # Away from the root, where a demo may have left logs of its own.
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "checker", *asked],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
            check=False, timeout=1800,  # far: it ends by itself
        )  # fmt: skip


def prove(
    database_url: str,
    *,
    stripe: StandIn | None = None,
    mailbox: MailboxProcess | None = None,
    now: datetime | None = None,
) -> None:
    """Assert that the checker finds nothing broken (INV-1…INV-16).

    Args:
        stripe, mailbox: stand-ins of this test alone: each of their charges and letters must be in
            these books.
    """
    proof = check(
        database_url,
        stripe_log=stripe.db_path if stripe else None,
        mailbox=mailbox.db_path if mailbox else None,
        now=now,
    )
    assert proof.returncode == 0, proof.stdout + proof.stderr
