"""The whole product as the processes of production, which a test may strike, and what must hold afterwards.

One gunicorn with two processes of four threads, two workers, both stand-ins, on SQLite or PostgreSQL.
Whoever dies is started again, as a service manager would; nobody repairs anything by hand.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from assembly import House, assemble
from config import Settings
from jobs import worker
from models import fault_points
from models.accounts import Account, Contact
from models.invoices import Invoice, InvoiceKind
from models.links import Channel
from models.messages import Message, Purpose
from models.money import Money
from models.payments import InboxEvent, PaymentAttempt
from models.reconciliation import GatewayWatch
from models.states import AttemptStatus, InboxStatus, JobStatus, MessageStatus
from models.work import Alert, Job
from receivables import links, policy
from receivables.permissions import SYSTEM
from receivables.ports import PaymentGateway
from receivables.reconciling import backfill
from tests import factories as make
from tests.faults.debtors import Debtor, answers
from tests.faults.operations import ClientLog
from tests.faults.waiting import await_
from tests.mailboxes import MailboxProcess, start_mailbox
from tests.proof import check
from tests.stack import WEBHOOK_SECRET, free_port
from tests.standins import StandIn, start_stripe

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
#: So far ahead is the clock of the worker that drives all to quiet: pauses and leases are over by then.
LATER = timedelta(minutes=10)
#: Any hour will do for a receipt, a dead worker's lease comes back soon, and many debtors stand behind one
#: address: all three are policy, and have tests of their own.
BODY = (
    policy.DEFAULT_BODY.replace('"08:00"', '"00:00"')
    .replace('"20:00"', '"23:59:59.999999"')
    .replace("lease_seconds = 120", "lease_seconds = 5")
    .replace("link_tries = 60", "link_tries = 1000000")
)
_strikes = itertools.count(1)


@dataclass
class Works:
    """A running product.

    Attributes:
        house: the same parts in this process, for looking at the books and for acts of staff.
        faults: the folder whose files strike processes (models/fault_points.py).
        log: what clients saw.
        struck: strikes that were asked for so far.
    """

    database_url: str
    folder: Path
    port: int
    stripe: StandIn
    mailbox: MailboxProcess
    environment: dict[str, str]
    house: House
    log: ClientLog
    faults: Path
    workers: int = 2
    web: subprocess.Popen[bytes] | None = None
    hands: list[subprocess.Popen[bytes]] = field(default_factory=list)
    asked: int = 0
    killed: int = 0
    creditor_id: int = 0
    #: Whether the last test left it proved; one that is not is not used again.
    proved: bool = True
    #: How far ahead of the machine's clock everything is left to end.
    ahead: timedelta = LATER
    #: Whether its gateway lives at another time by now, so that nobody else can use it.
    spent: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway(self) -> PaymentGateway:
        return self.house.gateways["default"]

    # ------------------------------------------------------------------ processes

    def start(self) -> None:
        """Start what does not run, and wait until the pages answer."""

        def is_up() -> bool:
            self._start_the_dead()
            return answers(self.port)

        await_("the pages answer", is_up)

    def _start_the_dead(self) -> None:
        if self.web is None or self.web.poll() is not None:
            self.killed += self.web is not None
            self.web = self._run(
                "web", "-m", "gunicorn", "wsgi:app", "--bind", f"127.0.0.1:{self.port}", "--workers", "2",
                "--threads", "4", "--worker-class", "gthread", "--preload", "--no-control-socket",
                "--log-level", "warning",
            )  # fmt: skip
        for number in range(self.workers):
            if number >= len(self.hands):
                self.hands.append(self._run("worker", "-m", "jobs.commands", "worker"))
            elif self.hands[number].poll() is not None:
                self.killed += 1
                self.hands[number] = self._run("worker", "-m", "jobs.commands", "worker")

    def _run(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as sink:
            return subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=sink, stderr=sink
            )

    def kill_web(self) -> None:
        """SIGKILL the server and both its processes, as a power cut would; then start it again."""
        if self.web is not None and self.web.poll() is None:
            children = subprocess.run(  # noqa: S603
                ["/usr/bin/pgrep", "-P", str(self.web.pid)], capture_output=True, text=True, check=False
            ).stdout.split()
            for pid in [self.web.pid, *map(int, children)]:
                _end(pid)
            self.web.wait()
            self.killed += 1
            self.web = None
        self.start()

    def kill_worker(self, number: int) -> None:
        """SIGKILL one worker and start it again."""
        if self.hands[number].poll() is None:
            self.hands[number].kill()
            self.hands[number].wait()
        self.start()

    def lock_file(self, seconds: float) -> None:
        """Another program sits on the SQLite file for so long."""
        path = make_url(self.database_url).database
        with closing(sqlite3.connect(str(path), timeout=600, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            threading.Event().wait(seconds)
            other.execute("ROLLBACK")

    def halt_workers(self) -> None:
        """Stop the workers in good order; `start` brings them back."""
        _stop(self.hands)
        self.hands = []

    def halt(self) -> None:
        """Stop our own processes in good order; the stand-ins go on."""
        _stop([*self.hands, *([self.web] if self.web else [])])
        self.hands, self.web = [], None

    def close(self) -> None:
        self.halt()
        self.house.press.close()
        self.house.store.dispose()
        self.stripe.stop()
        self.mailbox.stop()

    # ------------------------------------------------------------------ strikes

    def strike(self, point: str, action: str, times: int = 1) -> None:
        """Ask that the next processes that pass a point are struck, so many times together."""
        for _ in range(times):
            (self.faults / f"{point}:{action}:{next(_strikes):06d}").touch()
        self.asked += times

    def waiting_strikes(self) -> list[str]:
        """Strikes that nobody has met yet."""
        return sorted(p.name for p in self.faults.iterdir() if not p.name.startswith(fault_points.HELD))

    def await_held(self) -> None:
        """Wait until somebody whom a strike `hold` met stands still."""
        await_("somebody is held", lambda: list(self.faults.glob(f"{fault_points.HELD}*")))

    def let_go(self) -> None:
        """Let those who are held go on."""
        for path in self.faults.glob(f"{fault_points.HELD}*"):
            path.unlink()

    @contextmanager
    def struck_here(self) -> Iterator[None]:
        """Let what a test does in this process be struck as the product's own processes are."""
        fault_points.arm(f"@{self.faults}", is_sqlite=self.house.store.is_sqlite)
        try:
            yield
        finally:
            fault_points.arm(None)

    def await_struck(self) -> None:
        """Wait until every strike was met, starting again whoever died of it."""

        def met() -> bool:
            self.start()
            return not self.waiting_strikes()

        await_(f"somebody meets {self.waiting_strikes()}", met)

    def forget_strikes(self) -> None:
        """Take back the strikes that nobody met; who is still held goes on."""
        self.let_go()
        for path in self.faults.iterdir():
            path.unlink(missing_ok=True)
            self.asked -= 1

    # ------------------------------------------------------------------ people

    def account(self, *totals: Money | int, **more: object) -> Account:
        """An account with a contact who pays and an open invoice for each amount (GBP where none is said)."""
        now = datetime.now(UTC)

        def unit(session: Session) -> Account:
            creditor = make.Creditor
            found = session.get_one(creditor, self.creditor_id)
            account = make.an_account(session, found, now=now, **more)  # type: ignore[arg-type]
            for total in totals:
                make.an_invoice(session, account, total=total, now=now)
            return account

        return self.house.store.run(unit)

    def debtor(self, account: Account) -> Debtor:
        """Somebody with a browser who has opened the account's link."""
        now = datetime.now(UTC)

        def unit(session: Session) -> str:
            contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
            return links.issue(
                session, SYSTEM, session.get_one(Account, account.id), contact=contact,
                channel=Channel.EMAIL, policy=policy.current_policy(session, now), now=now,
            )[1]  # fmt: skip

        return Debtor(self.port, self.house.store.run(unit), self.log)

    def colleague(self, account: Account) -> Debtor:
        """Somebody of the desk who pays for the account's caller, by the link that staff hold."""
        now = datetime.now(UTC)

        def unit(session: Session) -> str:
            return links.issue(
                session, make.staff_actor(make.a_person(session)), session.get_one(Account, account.id),
                contact=None, channel=Channel.STAFF, policy=policy.current_policy(session, now), now=now,
            )[1]  # fmt: skip

        return Debtor(self.port, self.house.store.run(unit), self.log)

    # ------------------------------------------------------------------ books

    def look(self, question: Callable[[Session], T]) -> T:
        """Ask the books something."""
        with self.house.store.read() as session:
            return question(session)

    def attempts(self, account: Account) -> list[PaymentAttempt]:
        return self.look(
            lambda s: list(
                s.scalars(
                    select(PaymentAttempt)
                    .where(PaymentAttempt.account_id == account.id)
                    .order_by(PaymentAttempt.id)
                )
            )
        )

    def invoice(self, account: Account) -> Invoice:
        """The one invoice of an account."""
        mine = (Invoice.account_id == account.id) & (Invoice.kind == InvoiceKind.INVOICE)
        return self.look(lambda s: s.scalars(select(Invoice).where(mine)).one())

    def open_minor(self, account: Account) -> int:
        """What the account still owes, over all its documents."""
        return int(
            self.look(
                lambda s: s.scalar(
                    select(func.coalesce(func.sum(Invoice.balance_minor), 0)).where(
                        Invoice.account_id == account.id
                    )
                )
            )
            or 0
        )

    def alerts(self, code: str) -> int:
        """How many open alerts of one code there are."""
        return int(
            self.look(
                lambda s: s.scalar(select(func.count()).where(Alert.code == code, Alert.closed_at.is_(None)))
            )
            or 0
        )

    def stripe_objects(self, kind: str) -> list[dict[str, Any]]:
        """What the gateway itself remembers of a kind, such as `charge`."""
        with closing(sqlite3.connect(self.stripe.db_path)) as db:
            rows = db.execute("SELECT data FROM object WHERE kind = ? ORDER BY rowid", (kind,))
            return [json.loads(row[0]) for row in rows]

    def charges_of(self, refs: Iterable[str]) -> list[dict[str, Any]]:
        """The gateway's paid charges of attempts."""
        wanted = list(refs)
        sql = (
            "SELECT data FROM object WHERE kind = 'charge' AND json_extract(data, '$.paid')"  # noqa: S608
            f" AND json_extract(data, '$.metadata.attempt') IN ({', '.join('?' * len(wanted))})"
        )
        with closing(sqlite3.connect(self.stripe.db_path)) as db:
            return [json.loads(row[0]) for row in db.execute(sql, wanted)]

    def days_pass(self, days: int) -> None:
        """Move the gateway's clock, which only moves forward; no other test uses this product afterwards."""
        self.spent = True
        self.stripe.control("advance", days=days)

    def park(self, event_id: str) -> None:
        """Let the days pass after which an event that nobody understands is left to a person (P-12)."""
        self.halt()

        def is_parked() -> bool:
            worker.take_events(self.house, worker="later", now=datetime.now(UTC) + timedelta(hours=80))
            return self.look(
                lambda s: (
                    s.scalar(select(InboxEvent.status).where(InboxEvent.event_id == event_id))
                    is InboxStatus.PARKED
                )
            )

        await_(f"{event_id} is parked", is_parked)
        self.start()

    def forget_events(self) -> None:
        """Let the gateway have made no events at all of what happened since its courier last stood still."""
        with closing(sqlite3.connect(self.stripe.db_path, timeout=30)) as db, db:
            db.execute("DELETE FROM event WHERE id NOT IN (SELECT event FROM delivery)")

    # ------------------------------------------------------------------ the end

    def quiet(self) -> None:
        """Let everything end by itself: strikes and faults are taken back, the dead are started again.

        A worker of this process, whose clock is ten minutes ahead, works beside the two: what they would
        do after their pauses it does at once.
        """
        self.forget_strikes()
        self.stripe.control("clear_faults")
        self.house.store.dispose()  # its lines may lead to a server that is gone
        self.start()

        left: dict[str, int] = {}
        trouble: list[Exception] = []
        heard = False

        def is_quiet() -> bool:
            nonlocal heard
            try:
                if not (heard := heard or self._hear_all()):
                    return False
                # What is on its way must be past before somebody asks with a later clock.
                self.stripe.control("flush")
                now = datetime.now(UTC) + self.ahead
                worker.run_once(self.house, worker="quiet", now=now)
                worker.sweep(self.house, now=now)
                found = self.look(lambda s: _unfinished(s, now))
            except (OperationalError, OSError) as error:
                trouble[:] = [error]  # a line that a fault had cut, or a machine that stood still
                return False
            left.clear()
            left.update(found)
            return not left

        try:
            before = None
            while left or before is None:  # as long as it goes on, it may last
                before = dict(left)
                await_("everything has ended", lambda b=before: is_quiet() or left != b)  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"{error}: {left} {trouble}") from None

    def _hear_all(self) -> bool:
        """Read the gateway's list of events to its end; whoever died at it holds it no longer.

        A process may be in the middle of it while nothing that it brings in is unfinished yet.
        """
        self.house.store.run(lambda s: s.execute(update(GatewayWatch).values(next_at=datetime.now(UTC))))
        for gateway in self.house.gateways.values():
            backfill.look(self.house.store, gateway, now=datetime.now(UTC) + self.ahead)
        troubles = select(GatewayWatch.trouble).where(GatewayWatch.work == backfill.NEW)
        return self.look(lambda s: s.scalars(troubles).all()) == [None] * len(self.house.gateways)

    def prove(self) -> None:
        """Everything has ended, and the independent checker finds nothing broken."""
        self.quiet()
        proof = check(
            self.database_url, stripe_log=self.stripe.db_path, mailbox=self.mailbox.db_path,
            logs=sorted(self.folder.glob("*.log")), client_log=self.log.path,
            now=datetime.now(UTC) + self.ahead,
        )  # fmt: skip
        assert proof.returncode == 0, proof.stdout + proof.stderr
        self.proved = True


def now() -> datetime:
    """This moment: the product lives by the machine's clock."""
    return datetime.now(UTC)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        await_(f"{process.args} stops", lambda p=process: p.poll() is not None)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):  # it went with its server
        os.kill(pid, signal.SIGKILL)


def _unfinished(session: Session, by: datetime) -> dict[str, int]:
    """What is still on its way: kind -> how many.

    Left out are pages that wait for a debtor, and messages that wait for their own hour.
    """
    waits = {
        "events": select(func.count()).where(
            InboxEvent.status.in_([InboxStatus.RECEIVED, InboxStatus.PROCESSING, InboxStatus.FAILED])
        ),
        "jobs": select(func.count()).where(Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])),
        "attempts": select(func.count()).where(
            PaymentAttempt.status.in_([AttemptStatus.CREATED, AttemptStatus.UNKNOWN])
        ),
        "messages": select(func.count()).where(
            ((Message.status == MessageStatus.QUEUED) & (Message.not_before <= by))
            | (Message.status == MessageStatus.SENDING)
            | ((Message.status == MessageStatus.UNKNOWN) & (Message.purpose == Purpose.RECEIPT))
        ),
    }
    found = {name: int(session.scalar(question) or 0) for name, question in waits.items()}
    return {name: count for name, count in found.items() if count}


def start_works(folder: Path, database_url: str, *, workers: int = 2, **environment: str) -> Works:
    """Start everything on a migrated database.

    Args:
        environment: settings besides the usual ones.
    """
    port = free_port()
    for name in ("stripe", "mailbox", "faults", "data"):
        (folder / name).mkdir()
    url = f"http://127.0.0.1:{port}"
    stripe = start_stripe(folder / "stripe", f"{url}/webhooks/stripe/default", WEBHOOK_SECRET)
    mailbox = start_mailbox(folder / "mailbox")
    told = {
        "AMICABLE_ENV": "test",
        "AMICABLE_DATA_DIR": str(folder / "data"),
        "AMICABLE_FAULT": f"@{folder / 'faults'}",
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a secret of the tests, long enough to sign with",
        "BASE_URL": url,
        "STRIPE_SECRET_KEY": "sk_test_sandbox_x",
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "AMICABLE_STRIPE_API_BASE": stripe.url,
        "SMTP_URL": mailbox.smtp_url,
        "SMS_URL": mailbox.sms_url,
        **environment,
    }
    house = assemble(Settings.load(**told | {"AMICABLE_FAULT": None}))
    now = datetime.now(UTC)
    with house.store.write() as session:
        creditor_id = make.a_creditor(session).id
        policy.publish(session, BODY, reason="fault tests", author_id=None, now=now)
    works = Works(
        database_url, folder, port, stripe, mailbox, {**os.environ, **told}, house,
        ClientLog(folder / "operations.jsonl"), folder / "faults", workers, creditor_id=creditor_id,
    )  # fmt: skip
    try:
        works.start()
    except BaseException:
        works.close()
        raise
    return works
