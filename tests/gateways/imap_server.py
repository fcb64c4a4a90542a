"""A small IMAP server in this process: one mailbox, the commands that our gateway speaks, and faults."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Mailroom:
    """What is in the mailbox: raw mails in order, and the numbers (from 1) of those that were seen."""

    mails: list[bytes]
    seen: set[int] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    #: Hang up in the middle of this mail.
    drops_at: int | None = None
    password: str = "pass word"  # noqa: S105
    port: int = 0

    @property
    def url(self) -> str:
        return f"imap://post%40northgate.example:pass%20word@127.0.0.1:{self.port}/Replies"


class _Conversation(socketserver.StreamRequestHandler):
    room: Mailroom

    def handle(self) -> None:
        self._say("* OK ready")
        while line := self.rfile.readline().decode("utf-8").strip():
            tag, _, command = line.partition(" ")
            self.room.asked.append(command)
            if not self._answer(tag, command):
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _answer(self, tag: str, command: str) -> bool:
        word = command.upper().split(" ", 1)[0]
        if word == "CAPABILITY":
            self._say("* CAPABILITY IMAP4rev1")
        elif word == "LOGIN":
            if f'"{self.room.password}"' not in command:
                self._say(f"{tag} NO wrong password for post@northgate.example")
                return True
        elif command == "UID SEARCH UNSEEN":
            unseen = [str(n) for n in range(1, len(self.room.mails) + 1) if n not in self.room.seen]
            self._say(f"* SEARCH {' '.join(unseen)}".rstrip())
        elif word == "UID" and (found := re.match(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command)):
            number, most = int(found[1]), int(found[2])
            raw = self.room.mails[number - 1][:most]
            self.wfile.write(f"* {number} FETCH (UID {number} BODY[]<0> {{{len(raw)}}}\r\n".encode())
            if self.room.drops_at == number:
                return False
            self.wfile.write(raw + b")\r\n")
        elif found := re.match(r"UID STORE (\d+) \+FLAGS\.SILENT \(\\Seen\)", command):
            self.room.seen.add(int(found[1]))
        elif word == "LOGOUT":
            self._say("* BYE")
            self._say(f"{tag} OK")
            return False
        elif word not in ("SELECT", "NOOP"):
            self._say(f"{tag} BAD {command}")
            return True
        self._say(f"{tag} OK done")
        return True


@contextmanager
def imap_server(*mails: bytes) -> Iterator[Mailroom]:
    """Serve mails on a free port of this machine."""
    room = Mailroom(list(mails))
    handler = type("Conversation", (_Conversation,), {"room": room})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        room.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield room
        finally:
            server.shutdown()
            thread.join()
