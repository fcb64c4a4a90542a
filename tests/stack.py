"""The whole product in processes of its own, for browser journeys: web, worker, both stand-ins."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from assembly import House, assemble
from config import Settings
from jobs import demo_seed
from models.accounts import Account
from receivables import policy
from receivables.contact import reminders
from receivables.permissions import SYSTEM
from tests.mailboxes import MailboxProcess, start_mailbox
from tests.proof import check
from tests.standins import StandIn, start_stripe

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 30.0
WEBHOOK_SECRET = "whsec_sandbox_for_tests"  # noqa: S105 - a stand-in's

ANY_HOUR = policy.DEFAULT_BODY.replace('"08:00"', '"00:00"').replace('"20:00"', '"23:59:59.999999"')


@dataclass
class Stack:
    """A running product.

    Attributes:
        url: of the portal.
        house: the same parts in this process, for looking at the books.
    """

    url: str
    folder: Path
    house: House
    stripe: StandIn
    mailbox: MailboxProcess
    processes: list[subprocess.Popen[bytes]]

    def remind(self, account_name: str) -> None:
        """Queue the reminders of one account; the worker sends them."""
        now = datetime.now(UTC)
        self.house.store.run(lambda s: reminders.remind(s, SYSTEM, _account(s, account_name), now=now))

    def await_mail(self, to: str, kind_word: str = "", *, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many mails for an address are in the mailbox; newest last.

        Args:
            kind_word: part of the subject, or empty for any.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [m for m in self.mailbox.messages(to=to, channel="mail") if kind_word in m["subject"]]
            if len(found) >= count:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"no mail {kind_word!r} for {to}: {[m['subject'] for m in found]}")
            time.sleep(0.1)

    def check(self) -> subprocess.CompletedProcess[str]:
        """Run the independent checker over everything this stack wrote."""
        return check(
            self.house.settings.DATABASE_URL, stripe_log=self.stripe.db_path, mailbox=self.mailbox.db_path,
            logs=sorted(self.folder.glob("*.log")),
        )  # fmt: skip

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(20)
        self.house.store.dispose()
        self.stripe.stop()
        self.mailbox.stop()


def _account(session: Session, name: str) -> Account:
    return session.scalars(select(Account).where(Account.name == name)).one()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_stack(folder: Path, database_url: str, port: int, *, worker: bool = True) -> Stack:
    """Start everything on a migrated database and seed the demo's people and papers.

    Args:
        worker: whether the worker runs too; without it what is unknown stays so.
    """
    url = f"http://127.0.0.1:{port}"
    (folder / "stripe").mkdir()
    (folder / "mailbox").mkdir()
    stripe = start_stripe(folder / "stripe", f"{url}/webhooks/stripe/default", WEBHOOK_SECRET)
    mailbox = start_mailbox(folder / "mailbox")
    environment = {
        "AMICABLE_ENV": "test",
        "AMICABLE_DATA_DIR": str(folder),
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret of the tests, long enough to sign with",
        "BASE_URL": url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox_x",
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "AMICABLE_STRIPE_API_BASE": stripe.url,
        "SMTP_URL": mailbox.smtp_url,
        "SMS_URL": mailbox.sms_url,
    }
    house = assemble(Settings.load(**environment))
    now = datetime.now(UTC)
    with house.store.write() as session:
        demo_seed.seed(session, now=now)
        # Journeys run at any hour of the day; the contact window has tests of its own.
        policy.publish(session, ANY_HOUR, reason="journeys", author_id=None, now=now)
    processes = [
        _start(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "wsgi:app",
                "--bind",
                f"127.0.0.1:{port}",
                "--workers",
                "1",
                "--threads",
                "4",
                "--worker-class",
                "gthread",
                "--no-control-socket",
            ],
            environment,
            folder / "web.log",
        ),
    ]
    if worker:
        command = [sys.executable, "-m", "jobs.commands", "worker"]
        processes.append(_start(command, environment, folder / "worker.log"))  # fmt: skip
    stack = Stack(url, folder, house, stripe, mailbox, processes)
    _await(f"{url}/left", stack)
    return stack


def _start(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603 - our own modules
            command, cwd=ROOT, env={**os.environ, **environment}, stdout=sink, stderr=sink
        )


def _await(url: str, stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline or any(p.poll() is not None for p in stack.processes):
                logs = "\n".join(p.read_text()[-2000:] for p in stack.folder.glob("*.log"))
                stack.stop()
                raise AssertionError(f"{url} did not come up\n{logs}") from None
            time.sleep(0.1)
