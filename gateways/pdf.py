"""Documents as PDF, made by the press of this host and kept by content (decision 23).

The compiler never runs in a process that answers pages: it is another process (gateways/press.py),
started when a document is first asked for and started again when it has died. At most WAITERS
threads of a process wait for it, each WAIT_SECONDS at most; everybody else is told to look again,
so that however many documents are asked for at once, threads stay free for pages.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from receivables.ports import Document, DocumentFailed, StillPreparing

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "templates" / "documents"
#: How long a page waits for its document before it says "preparing".
WAIT_SECONDS = 2.0
#: Threads of one process that may wait at a time: half of those that answer pages.
WAITERS = 2
#: Name of the press's socket in its folder; gateways/press.py listens there.
ADDRESS = "press"
#: What a socket's path may hold, bytes (sockaddr_un).
_LONGEST_PATH = 100


class PressGone(Exception):
    """Nobody answers at the press's address, or it went away with a question."""


class PressClient:
    """The DocumentPress of this process.

    Args:
        folder: of the data folder; holds the press's address, its lock and the kept documents.
        wait_seconds: how long one question may take.
        waiters: how many threads may wait at a time.
        templates: what documents are set from; a change of them makes every document anew.
    """

    def __init__(
        self,
        folder: Path,
        *,
        wait_seconds: float = WAIT_SECONDS,
        waiters: int = WAITERS,
        templates: Path = TEMPLATES,
    ) -> None:
        self._folder = folder.absolute()
        self._wait_seconds = wait_seconds
        self._waiting = threading.BoundedSemaphore(waiters)
        self._templates = templates
        self._edition: str | None = None
        self._lock = threading.Lock()
        self._line: tuple[int, socket.socket] | None = None

    def press(self, document: Document, *, timeout: float | None = None) -> bytes:
        """Return the PDF of a document: from the cache, or from the press.

        Args:
            timeout: seconds to wait for it, where nobody looks at a page meanwhile.
        Raises:
            StillPreparing: it takes longer than a page may wait; it is being made meanwhile.
            DocumentFailed: it cannot be set; the message is the compiler's.
        """
        question = self._question(document)
        file = Path(question["file"])
        with contextlib.suppress(FileNotFoundError):
            data = file.read_bytes()
            os.utime(file)
            return data
        line = json.dumps(question, ensure_ascii=False).encode() + b"\n"
        if not self._waiting.acquire(blocking=False):
            with contextlib.suppress(PressGone, OSError), self._connect() as connection:
                connection.sendall(line)
            raise StillPreparing(document.kind)
        try:
            self._ask(line, self._wait_seconds if timeout is None else timeout)
        finally:
            self._waiting.release()
        return file.read_bytes()

    def close(self) -> None:
        """Let go of the press; the last process to do so ends it."""
        with self._lock:
            if self._line is not None:
                self._line[1].close()
                self._line = None

    def _question(self, document: Document) -> dict[str, Any]:
        """What the press is asked, with the file its answer will lie in."""
        asked = {
            "kind": document.kind,
            "language": document.language,
            "title": document.title,
            "made_on": document.made_on.isoformat(),
            "data": document.data,
        }
        content = json.dumps([self._edition_of_templates(), asked], ensure_ascii=False, sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        return asked | {"file": str(self._folder / digest[:2] / f"{digest}.pdf")}

    def _edition_of_templates(self) -> str:
        if self._edition is None:
            sources = sorted(self._templates.glob("*.typ"))
            self._edition = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
        return self._edition

    def _ask(self, line: bytes, seconds: float) -> None:
        """Wait for an answer; a press that dies with the question is started again, once."""
        until = time.monotonic() + seconds
        for _ in range(2):
            with contextlib.suppress(PressGone):
                self._hold_line(until)
                problem = self._answer(line, until)
                if problem is not None:
                    raise DocumentFailed(problem)
                return
        raise StillPreparing("the press does not answer")

    def _answer(self, line: bytes, until: float) -> str | None:
        with self._connect() as connection:
            connection.settimeout(_left(until))
            try:
                connection.sendall(line)
                with connection.makefile("rb") as stream:
                    answer = stream.readline()
            except TimeoutError:
                raise StillPreparing("not within the time") from None
            except OSError as error:
                raise PressGone from error
        if not answer:
            raise PressGone
        problem: str | None = json.loads(answer)["problem"]
        return problem

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self._wait_seconds)
            connection.connect(self._address())
        except OSError as error:
            connection.close()
            raise PressGone from error
        return connection

    def _address(self) -> str:
        """The shorter of two names of the same place: sockets have short names only."""
        absolute = str(self._folder / ADDRESS)
        return min(absolute, os.path.relpath(absolute), key=len)

    def _hold_line(self, until: float) -> None:
        """Keep one line open as long as this process lives; start the press when nobody listens."""
        with self._lock:
            if self._line is not None and self._line[0] == os.getpid() and _is_open(self._line[1]):
                return
            if self._line is not None:
                self._line[1].close()
                self._line = None
            try:
                line = self._connect()
            except PressGone:
                with self._alone(until):
                    try:
                        line = self._connect()  # another process was faster
                    except PressGone:
                        self._start(until)
                        line = self._connect()
            self._line = (os.getpid(), line)

    @contextlib.contextmanager
    def _alone(self, until: float) -> Iterator[None]:
        """The one process of this host that starts the press."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise StillPreparing("somebody else starts the press") from None
                    time.sleep(0.02)
            yield

    def _start(self, until: float) -> None:
        """Start the press; it has left to the background once it listens.

        It is given no environment of ours: it needs no secret, and one core.
        """
        if len(os.fsencode(self._address())) > _LONGEST_PATH:
            raise DocumentFailed(f"{self._folder} is too long a path for the address of the press")
        starting = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateways.press"], cwd=self._folder,
            env={"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "RAYON_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            code = starting.wait(timeout=max(_left(until), 1.0))
        except subprocess.TimeoutExpired:
            starting.kill()
            starting.wait()
            raise StillPreparing("the press is slow to start") from None
        if code:
            raise DocumentFailed(f"the press does not start: exit code {code}")


def _left(until: float) -> float:
    """Seconds left, never none: nought would mean not to wait at all."""
    return max(until - time.monotonic(), 0.001)


def _is_open(line: socket.socket) -> bool:
    """Whether the other end still holds the line; it never says anything unasked."""
    line.setblocking(False)
    try:
        return bool(line.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False
