"""`amicable demo`: the whole product on this machine, with stand-ins for Stripe, mail and SMS.

Starts web, worker and stand-ins as processes of their own, fills an empty database, prints where
everything is and writes the same to `var/demo.json`. A restart keeps the database and issues new
links; Ctrl-C ends everything. Source: decision 27; issue A, "Two commands".
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import demo_cases, demo_desk_figures, demo_gateway, demo_seed
from jobs.demo_players import pull
from jobs.house import House
from models.accounts import Account, Contact
from models.creditors import Creditor
from models.links import Channel
from models.messages import Message
from models.staff import Staff
from receivables import invoices, links
from receivables.calendar_days import business_date
from receivables.people import forwarding
from receivables.permissions import SYSTEM
from receivables.policy import current_policy

START_WITHIN = 30.0
WEBHOOK_SECRET = "whsec_sandbox_demo"  # noqa: S105 - of the stand-in
#: Lies in the demo's folder while it is filled.
UNFINISHED = "demo.unfinished"
#: What a case is called where its link is that of a colleague.
COLLEAGUE = ": the colleague's link"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Places:
    """Ports and addresses of one demo, all on loopback."""

    port: int
    folder: Path

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stripe(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def mailbox(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"

    @property
    def smtp_port(self) -> int:
        return self.port + 3

    def environment(self) -> dict[str, str]:
        """Settings of the demo's web and worker."""
        return {
            "AMICABLE_ENV": "demo",
            "AMICABLE_DATA_DIR": str(self.folder),
            "DATABASE_URL": f"sqlite:///{self.folder / 'amicable.db'}",
            "SECRET_KEY": _kept_secret(self.folder / "demo.key"),
            "BASE_URL": self.portal,
            "STRIPE_SECRET_KEY": "sk_test_sandbox_demo",
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "AMICABLE_STRIPE_API_BASE": self.stripe,
            "SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "SMS_URL": f"sink://127.0.0.1:{self.port + 2}",
        }


def _kept_secret(path: Path) -> str:
    """The demo's signing key, made once, so that a restart keeps sessions."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_urlsafe(48))
        path.chmod(0o600)
    return path.read_text()


def forget(folder: Path) -> None:
    """Remove what an earlier demo left: databases, stand-ins' files, logs (`make demo-reset`)."""
    for name in ("amicable.db", "stripe.db", "mailbox.db"):
        for leftover in folder.glob(f"{name}*"):
            leftover.unlink()
    for leftover in (folder / "demo.json", *(folder / "logs").glob("*.log")):
        leftover.unlink(missing_ok=True)
    for part in ("files", "press"):
        shutil.rmtree(folder / part, ignore_errors=True)
    (folder / UNFINISHED).unlink(missing_ok=True)


def forget_unfinished(folder: Path, say: Callable[[str], None]) -> None:
    """Forget a demo that was ended while it was filled: half a story would stay half for ever."""
    if (folder / UNFINISHED).exists():
        say("amicable: the last start was ended before the demo was filled; it is filled afresh")
        forget(folder)


def busy_ports(places: Places) -> list[int]:
    """Return which of the demo's ports somebody else listens on."""
    busy = []
    for port in range(places.port, places.port + 4):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                busy.append(port)
    return busy


@dataclass
class Crew:
    """The demo's processes; all end together."""

    members: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as sink:
            self.members[name] = subprocess.Popen(  # noqa: S603 - our own modules
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def fallen(self) -> str | None:
        """Name of a process that ended by itself, or None."""
        return next((name for name, p in self.members.items() if p.poll() is not None), None)

    def stop(self) -> None:
        for process in reversed(list(self.members.values())):
            if process.poll() is None:
                process.terminate()
        for process in self.members.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def await_answer(url: str, crew: Crew) -> None:
    """Wait until an address answers, or a process falls.

    Raises: RuntimeError.
    """
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        fallen = crew.fallen()
        if fallen:
            raise RuntimeError(f"{fallen} did not start; see its log")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - loopback
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")


def run(
    places: Places,
    assemble: Callable[[dict[str, str]], House],
    migrate: Callable[[House], None],
    *,
    say: Callable[[str], None] = print,
) -> int:
    """Run the demo until Ctrl-C; returns the exit code."""
    busy = busy_ports(places)
    if busy:
        say(f"amicable: port {busy[0]} is in use; choose another: make demo DEMO_PORT={places.port + 100}")
        return 1
    forget_unfinished(places.folder, say)
    logs = places.folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    environment = places.environment()
    crew = Crew()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _start_stand_ins(places, crew, logs)
        house = assemble(environment)
        migrate(house)
        # The web gets ready meanwhile; the worker comes last, or it would play along.
        _start_web(places, crew, environment, logs)
        _fill(house, places)
        _start_worker(crew, environment, logs)
        await_answer(f"{places.portal}/left", crew)
        description = describe(house, places, now=datetime.now(UTC))
        (places.folder / "demo.json").write_text(json.dumps(description, ensure_ascii=False, indent=2))
        say(table(description))
        while crew.fallen() is None:
            time.sleep(0.5)
        say(f"amicable: {crew.fallen()} has ended; see {logs}")
        return 1
    except KeyboardInterrupt:
        say("\namicable: stopping")
        return 0
    except RuntimeError as error:
        say(f"amicable: {error} ({logs})")
        return 1
    finally:
        # A second Ctrl-C must not leave anybody behind.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        crew.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _start_stand_ins(places: Places, crew: Crew, logs: Path) -> None:
    python, db = sys.executable, places.folder / "stripe.db"
    # A new one begins some days back; it is led to the present before it notifies anybody (demo_gateway.py).
    clock = [] if db.exists() else ["--clock", str(demo_gateway.begins(datetime.now(UTC)))]
    crew.start(
        "stripe",
        [
            python,
            "-m",
            "sandbox.stripe",
            "--port",
            str(places.port + 1),
            "--db",
            str(db),
            "--business",
            "Northgate Paper & Print Ltd",
            *clock,
        ],
        {},
        logs / "stripe.log",
    )
    crew.start(
        "mailbox",
        [
            python,
            "-m",
            "sandbox.mailbox",
            "--http-port",
            str(places.port + 2),
            "--smtp-port",
            str(places.smtp_port),
            "--db",
            str(places.folder / "mailbox.db"),
        ],
        {},
        logs / "mailbox.log",
    )
    await_answer(f"{places.stripe}/_sandbox/health", crew)
    await_answer(f"{places.mailbox}/api/health", crew)


def _start_web(places: Places, crew: Crew, environment: Mapping[str, str], logs: Path) -> None:
    crew.start(
        "web",
        [
            sys.executable,
            "-m",
            "gunicorn",
            "wsgi:app",
            "--bind",
            f"127.0.0.1:{places.port}",
            "--workers",
            "2",
            "--threads",
            "4",
            "--worker-class",
            "gthread",
            "--preload",
            "--no-control-socket",
        ],
        environment,
        logs / "web.log",
    )


def _start_worker(crew: Crew, environment: Mapping[str, str], logs: Path) -> None:
    command = [sys.executable, "-m", "jobs.commands", "worker"]
    crew.start("worker", command, environment, logs / "worker.log")


def _fill(house: House, places: Places) -> None:
    """Seed an empty database; its reminders and payments run through the real actions."""
    now = datetime.now(UTC)
    with house.store.read() as session:
        fresh = session.scalar(select(Creditor.id).limit(1)) is None
    if not fresh:
        demo_gateway.to_the_present(places.stripe, now=now)
    else:
        (places.folder / UNFINISHED).touch()
        with house.store.write() as session:
            demo_seed.seed(session, now=now)
        demo_gateway.play(house, places.stripe, base_url=places.portal, now=now)
        _notify(places)
        demo_cases.play(house, places.stripe, base_url=places.portal, now=now)
        demo_desk_figures.show_figures(house, now=now)
        demo_gateway.compare(house, now=datetime.now(UTC) + timedelta(seconds=1))
        (places.folder / UNFINISHED).unlink()


def _notify(places: Places) -> None:
    """Have the stand-in notify the portal from now on; it remembers where over restarts."""
    pull(places.stripe, "webhooks", url=f"{places.portal}/webhooks/stripe/default", secret=WEBHOOK_SECRET)


def describe(house: House, places: Places, *, now: datetime) -> dict[str, Any]:
    """Issue a link for each account and return what `var/demo.json` holds (decision 27)."""

    def unit(session: Session) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = []
        policy = current_policy(session, now)
        cases = {customer.name: customer.case for customer in demo_seed.CUSTOMERS}
        for account, contact in session.execute(
            select(Account, Contact).join(Contact, Contact.account_id == Account.id).order_by(Account.id)
        ):
            today = business_date(now, account.zone)
            currencies = {row.currency for row in invoices.open_rows(session, account.id, today)}
            # A colleague's link shows the one invoice that was forwarded to him.
            alone = _forwarded(session, contact) if contact.forwarded_by_id is not None else None
            _, token = links.issue(
                session,
                SYSTEM,
                account,
                contact=contact,
                channel=Channel.EMAIL,
                policy=policy,
                now=now,
                invoice_id=alone,
            )
            rows.append(
                {
                    "case": cases.get(account.name, "") + (COLLEAGUE if alone is not None else ""),
                    "account": account.name,
                    "number": account.number,
                    "language": account.language,
                    "currency": ", ".join(sorted(currencies)) or "–",
                    "email": contact.email or "",
                    "url": f"{places.portal}/l/{token}",
                }
            )
        return rows

    rows = house.store.run(unit)
    with house.store.read() as session:
        staff = [
            {
                "email": person.email,
                "password": demo_seed.PASSWORD,
                "role": person.role.value,
                "totp_secret": person.totp_secret,
            }
            for person in session.scalars(select(Staff).order_by(Staff.id))
        ]
    return {
        "portal_url": places.portal,
        "admin_url": f"{places.portal}/desk/",
        "mailbox_url": places.mailbox,
        "sandbox_url": f"{places.stripe}/_sandbox/",
        "staff": staff,
        "links": rows,
    }


def _forwarded(session: Session, contact: Contact) -> int:
    """The invoice that a colleague got a link to."""
    query = select(Message.facts).where(Message.contact_id == contact.id, Message.kind == forwarding.KIND)
    facts = session.scalars(query.order_by(Message.id.desc()).limit(1)).one()
    return int(facts["invoice_id"])


def table(description: dict[str, Any]) -> str:
    """What the demo prints: addresses, log-ins, debtor links."""
    lines = [
        "",
        "Amicable runs here, with stand-ins for Stripe, mail and SMS. Ctrl-C stops everything.",
        "",
        f"  Mailbox (start here)  {description['mailbox_url']}",
        f"  Desk                  {description['admin_url']}",
        f"  Stripe stand-in       {description['sandbox_url']}",
        "  Test card             4242 4242 4242 4242, any date to come, any code",
        "",
        f"  Log-ins (password {demo_seed.PASSWORD}):",
    ]
    for person in description["staff"]:
        code = "  code secret " + person["totp_secret"] if person["totp_secret"] else ""
        lines.append(f"    {person['role']:<12} {person['email']}{code}")
    lines += ["", "  Debtors' links (names and addresses are in demo.json):"]
    told = description["links"]
    for title, cases in demo_seed.ROOMS.items():
        lines += ["", f"  {title}"]
        lines += [
            f"    {link['language']}  {link['case']:<58} {link['url']}"
            for link in told
            if link["case"].removesuffix(COLLEAGUE) in cases
        ]
    return "\n".join(lines) + "\n"
