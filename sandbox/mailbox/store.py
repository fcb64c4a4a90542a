"""The one SQLite file of the mailbox: every mail and SMS that was taken, kept before it is answered."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sandbox.mailbox import letters

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    channel     TEXT NOT NULL CHECK (channel IN ('mail', 'sms')),
    sender      TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    subject     TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    text        TEXT NOT NULL,
    html        TEXT NOT NULL,
    raw         BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient);
CREATE INDEX IF NOT EXISTS message_message_id ON message (message_id);
CREATE TABLE IF NOT EXISTS sms_key (
    key     TEXT PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES message (id)
) WITHOUT ROWID;
"""
SEARCHED = "folded(subject || ' ' || text || ' ' || sender || ' ' || recipient)"
COLUMNS = "id, received_at, channel, sender, recipient, subject, message_id, text, html"


@dataclass(frozen=True, slots=True)
class Message:
    """One stored message for one recipient, as in table `message`, without its raw bytes."""

    id: int
    received_at: datetime
    channel: str
    sender: str
    recipient: str
    subject: str
    message_id: str
    text: str
    html: str


class Store:
    """Table `message`, which other programs may read while this one runs (the file is in WAL mode).

    ============  =======  ==================================================================
    column        type     meaning
    ============  =======  ==================================================================
    id            INTEGER  order of arrival; never used twice, also not after a clear
    received_at   TEXT     UTC, ISO 8601 with microseconds, `2026-11-18T09:41:05.120000+00:00`
    channel       TEXT     `mail` or `sms`
    sender        TEXT     MAIL FROM of the envelope, or the SMS `from`
    recipient     TEXT     RCPT TO of the envelope, or the SMS `to`: one row a recipient
    subject       TEXT     decoded Subject header; empty for SMS
    message_id    TEXT     Message-ID header as written, or the SMS `id`; empty when missing
    text          TEXT     decoded text/plain body, or the SMS text; empty when missing
    html          TEXT     decoded text/html body; empty when missing
    raw           BLOB     the bytes as they came: the mail after DATA, or the SMS request body
    ============  =======  ==================================================================

    A mail delivered twice is two rows with one `message_id`; an SMS key that comes twice is one row.
    Table `sms_key` holds the keys already answered. Every write is committed with synchronous=FULL.

    Args:
        path: the database file; made when missing, kept when there.
    """

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.create_function("folded", 1, str.casefold, deterministic=True)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA busy_timeout = 5000")
        self._database.executescript(SCHEMA)

    def keep_mail(self, sender: str, recipients: Sequence[str], raw: bytes) -> list[int]:
        """Keep a mail, one row a recipient, all or none.

        Returns: the ids of the new rows, on disk when this returns.
        """
        letter = letters.read(raw)
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            return [
                self._insert(
                    "mail",
                    letters.clean(sender),
                    letters.clean(recipient),
                    letter.subject,
                    letter.message_id,
                    letter.text,
                    letter.html,
                    raw,
                )
                for recipient in recipients
            ]

    def keep_sms(self, sender: str, recipient: str, text: str, keys: Sequence[str], raw: bytes) -> int:
        """Keep an SMS once for all requests that carry one of its keys.

        Args:
            keys: the caller's id and Idempotency-Key, the id first; may be empty.
        Returns: the id of the row, new or from the first request.
        """
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            marks = ",".join("?" * len(keys))
            seen = self._database.execute(
                f"SELECT message FROM sms_key WHERE key IN ({marks}) LIMIT 1",  # noqa: S608 question marks only
                keys,
            ).fetchone()
            row = (
                seen[0]
                if seen
                else self._insert("sms", sender, recipient, "", keys[0] if keys else "", text, "", raw)
            )
            self._database.executemany(
                "INSERT OR IGNORE INTO sms_key (key, message) VALUES (?, ?)", [(key, row) for key in keys]
            )
            return row

    def find(
        self,
        *,
        recipient: str = "",
        part_of_recipient: str = "",
        channel: str = "",
        words: str = "",
        after: int = 0,
        before: int = 0,
        newest_first: bool = False,
        limit: int = 100,
    ) -> list[Message]:
        """List messages; an empty or zero argument does not narrow, letter case never matters.

        Args:
            recipient: the whole address or number.
            part_of_recipient: any part of it.
            channel: mail or sms.
            words: each must occur in subject, text, sender or recipient.
            after, before: ids, both exclusive.
            limit: most rows to return.
        """
        narrow: list[tuple[str, object]] = []
        if recipient:
            narrow.append(("folded(recipient) = ?", recipient.casefold()))
        if part_of_recipient:
            narrow.append(("instr(folded(recipient), ?)", part_of_recipient.casefold()))
        if channel:
            narrow.append(("channel = ?", channel))
        for word in words.casefold().split():
            narrow.append((f"instr({SEARCHED}, ?)", word))
        if after:
            narrow.append(("id > ?", after))
        if before:
            narrow.append(("id < ?", before))
        where = " AND ".join(clause for clause, _ in narrow) or "1"
        order = "DESC" if newest_first else "ASC"
        with self._lock:
            rows = self._database.execute(
                f"SELECT {COLUMNS} FROM message WHERE {where} ORDER BY id {order} LIMIT ?",  # noqa: S608 fixed clauses
                [*(value for _, value in narrow), limit],
            ).fetchall()
        return [_message(row) for row in rows]

    def one(self, message: int) -> Message | None:
        """Returns: the message with this id, or None."""
        with self._lock:
            row = self._database.execute(
                f"SELECT {COLUMNS} FROM message WHERE id = ?",  # noqa: S608 fixed columns
                (message,),
            ).fetchone()
        return _message(row) if row else None

    def raw(self, message: int) -> bytes:
        """Returns: the bytes as they came; empty for an unknown id."""
        with self._lock:
            row = self._database.execute("SELECT raw FROM message WHERE id = ?", (message,)).fetchone()
        return row[0] if row else b""

    def neighbours(self, message: int) -> tuple[int | None, int | None]:
        """Returns: the ids of the next older and the next newer message."""
        with self._lock:
            older, newer = self._database.execute(
                "SELECT (SELECT max(id) FROM message WHERE id < :id),"
                " (SELECT min(id) FROM message WHERE id > :id)",
                {"id": message},
            ).fetchone()
        return older, newer

    def repeats(self, message: Message) -> list[int]:
        """Returns: the ids of other rows with its Message-ID and recipient: one mail, delivered again."""
        if not message.message_id or message.channel == "sms":
            return []
        with self._lock:
            rows = self._database.execute(
                "SELECT id FROM message WHERE message_id = ? AND recipient = ? AND channel = 'mail'"
                " AND id <> ? ORDER BY id",
                (message.message_id, message.recipient, message.id),
            ).fetchall()
        return [row[0] for row in rows]

    def count(self) -> int:
        """Returns: how many messages are kept."""
        with self._lock:
            (count,) = self._database.execute("SELECT count(*) FROM message").fetchone()
        return int(count)

    def recipients(self, limit: int = 200) -> list[str]:
        """Returns: the recipients who were written to last, for a form to suggest."""
        with self._lock:
            rows = self._database.execute(
                "SELECT recipient FROM message GROUP BY recipient ORDER BY max(id) DESC LIMIT ?", (limit,)
            ).fetchall()
        return [row[0] for row in rows]

    def clear(self) -> int:
        """Forget every message and every SMS key.

        Returns: how many messages there were.
        """
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM sms_key")
            return self._database.execute("DELETE FROM message").rowcount

    def close(self) -> None:
        """Close the file; what the write-ahead log holds is moved into it."""
        with self._lock:
            self._database.close()

    def _insert(self, *values: str | bytes) -> int:
        received_at = datetime.now(UTC).isoformat(timespec="microseconds")
        row = self._database.execute(
            "INSERT INTO message"
            " (received_at, channel, sender, recipient, subject, message_id, text, html, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (received_at, *values),
        ).lastrowid
        assert row is not None
        return row


def _message(row: tuple[Any, ...]) -> Message:
    return Message(row[0], datetime.fromisoformat(row[1]), *row[2:])
