"""A mail relay in this process that stands still when told: in the middle of a conversation, not of time."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Seconds that a held conversation stands still at most: one commit for thousands of accounts takes minutes.
PATIENCE = 3600

_NAME = re.compile(rb"^Message-ID: (<[^>]+>)", re.I | re.M)


@dataclass
class Relay:
    """What it took: the Message-IDs in order. While it holds, a mail is taken and the answer waits.

    Attributes:
        held: one permit for each mail whose sender waits for the answer.
        go_on: answers wait for it.
    """

    url: str = ""
    taken: list[str] = field(default_factory=list)
    held: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Event = field(default_factory=threading.Event)

    def await_held(self, count: int) -> None:
        """Wait until so many senders are in the middle of a conversation."""
        for _ in range(count):
            assert self.held.acquire(timeout=600), "nobody came to send"


@contextmanager
def held_relay() -> Iterator[Relay]:
    """A relay that takes each mail, and says so only once `go_on` is set."""
    relay = Relay()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 relay\r\n")
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"DATA":
                    self.take()
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 go on\r\n")

        def take(self) -> None:
            self.wfile.write(b"354 text\r\n")
            text = b""
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                text += line
            found = _NAME.search(text)
            relay.taken.append(found[1].decode() if found else "")
            relay.held.release()
            assert relay.go_on.wait(PATIENCE), "nobody let the relay go on"
            self.wfile.write(b"250 kept\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as server:
        server.daemon_threads = True
        relay.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield relay
        finally:
            relay.go_on.set()
            server.shutdown()
            thread.join()
