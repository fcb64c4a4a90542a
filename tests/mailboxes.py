"""Starts the mailbox stand-in as the process it is, for tests that send mail or SMS."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
#: How long an answer of the stand-in may take on a machine that has much else to do.
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class MailboxProcess:
    """A running mailbox and the addresses to reach it at."""

    http_url: str
    smtp_url: str
    sms_url: str
    db_path: Path
    process: subprocess.Popen[bytes]

    @property
    def smtp_address(self) -> tuple[str, int]:
        """Returns: host and port, as smtplib takes them."""
        host, port = self.smtp_url.removeprefix("smtp://").split(":")
        return host, int(port)

    def messages(self, **narrow: str | int) -> list[dict[str, Any]]:
        """Returns: every kept message, oldest first; `to`, `channel`, `q` and `after` narrow it."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.ask("GET", "/api/messages?" + urlencode(narrow))
            if not page:
                return found
            found += page
            narrow = {**narrow, "after": page[-1]["id"]}

    def arm(self, fault: str, count: int = 1, ms: int = 0) -> None:
        """Arm one fault of the sink for the next `count` deliveries."""
        self.ask("POST", "/api/faults", {"fault": fault, "count": count, "ms": ms})

    def clear(self) -> None:
        """Forget every message and disarm every fault."""
        self.ask("POST", "/api/clear", {})
        self.ask("DELETE", "/api/faults")

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request to the web side and read the JSON answer.

        Raises: HTTPError: any answer of 400 and above.
        """
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.http_url + path, data=data, method=method, headers=dict(headers or {}))  # noqa: S310
        with urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 loopback
            return json.load(answer)

    def stop(self) -> None:
        """End the process and wait for it; safe to call twice."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_mailbox(tmp_path: Path) -> MailboxProcess:
    """Start a mailbox on free ports.

    Args:
        tmp_path: an existing folder; `mailbox.sqlite` and `mailbox.log` are kept in it.
    Returns: the process, answering on both ports. The caller stops it.
    """
    http_port, smtp_port = _free_ports(2)
    db_path = tmp_path / "mailbox.sqlite"
    log_path = tmp_path / "mailbox.log"
    command = [sys.executable, "-m", "sandbox.mailbox"]
    command += ["--http-port", str(http_port), "--smtp-port", str(smtp_port), "--db", str(db_path)]
    with log_path.open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={})  # noqa: S603 our own command
    mailbox = MailboxProcess(
        f"http://127.0.0.1:{http_port}",
        f"smtp://127.0.0.1:{smtp_port}",
        f"sink://127.0.0.1:{http_port}",
        db_path,
        process,
    )
    _wait_until_healthy(mailbox, log_path)
    return mailbox


def _wait_until_healthy(mailbox: MailboxProcess, log_path: Path) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        if mailbox.process.poll() is not None:
            break
        try:
            mailbox.ask("GET", "/api/health")
            return
        except (URLError, ConnectionError):
            pause.wait(0.05)
    mailbox.stop()
    raise RuntimeError(f"the mailbox did not start: {log_path.read_text()}")


def _free_ports(count: int) -> list[int]:
    """Find ports nobody listens on, held together so that they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
