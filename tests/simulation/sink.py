"""Where the simulation's messages arrive: both carriers in one, with a clock of its own.

What arrives is kept as the mailbox stand-in keeps it, so that the checker reads the same file. Like a
true carrier it sometimes is away, refuses, or drops the line before or after it has taken a message.
"""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from receivables.documents.data import Document
from receivables.ports import Mail, SendDeferred, SendRefused, SendUnknown, Sms
from sandbox.mailbox.store import SCHEMA

#: How the simulation numbers its documents, so that a text shows which it names.
NUMBER = re.compile(r"S-\d+-\d+")
#: Of a thousand messages: carrier away, refused, line dropped after taking and before it.
AWAY, REFUSED, DROPPED_AFTER, DROPPED_BEFORE = 12, 3, 4, 4


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that arrived: its Message-ID, when, where, and which documents it names."""

    name: str
    at: datetime
    channel: str
    address: str
    documents: frozenset[str]
    subject: str
    text: str


class Sink:
    """MailCarrier and SmsCarrier in one; `at` is the moment of everything that comes."""

    def __init__(self, at: datetime, seed: int) -> None:
        self.at = at
        self.arrivals: list[Arrival] = []
        self._luck = random.Random(seed)  # noqa: S311 - a simulation

    def send_mail(self, mail: Mail) -> None:
        self._take("email", mail.message_id, mail.to, mail.subject, mail.text)

    def send_sms(self, sms: Sms) -> None:
        self._take("sms", sms.idempotency_key, sms.to, "", sms.text)

    def _take(self, channel: str, name: str, address: str, subject: str, text: str) -> None:
        luck = self._luck.randrange(1000)
        if luck < AWAY:
            raise SendDeferred("connection_refused")
        if luck < AWAY + REFUSED:
            raise SendRefused("5.1.1")
        dropped = luck < AWAY + REFUSED + DROPPED_AFTER + DROPPED_BEFORE
        if not dropped or luck < AWAY + REFUSED + DROPPED_AFTER:
            named = frozenset(NUMBER.findall(text))
            self.arrivals.append(Arrival(name, self.at, channel, address, named, subject, text))
        if dropped:
            raise SendUnknown("no_answer")

    def keep(self, path: Path) -> None:
        """Write everything into a file as the mailbox stand-in's."""
        with closing(sqlite3.connect(path)) as database, database:
            database.executescript(SCHEMA)
            database.executemany(
                "INSERT INTO message (received_at, channel, sender, recipient, subject, message_id, text,"
                " html, raw) VALUES (?, ?, '', ?, ?, ?, ?, '', x'')",
                (
                    (a.at.isoformat(timespec="microseconds"), "sms" if a.channel == "sms" else "mail",
                     a.address, a.subject, a.name, a.text)
                    for a in self.arrivals
                ),
            )  # fmt: skip


class BlankPress:
    """Presses a blank sheet at once: papers are proved elsewhere, and minutes of them would drown this."""

    def press(self, document: Document, *, timeout: float | None = None) -> bytes:
        return b"%PDF-1.7 blank"

    def close(self) -> None:
        """Nothing is held."""


class MailSink:
    """The sink's face for mail."""

    def __init__(self, sink: Sink) -> None:
        self.send = sink.send_mail


class SmsSink:
    """The sink's face for text messages."""

    def __init__(self, sink: Sink) -> None:
        self.send = sink.send_sms
