"""The stand-in's memory: one SQLite file, plain enough to be read by others afterwards.

Tables (`data`, `private`, `body`, `response` and `options` hold JSON; times are Unix seconds):

- `object`: every Stripe object in its present state. `kind` is Stripe's `object` word (`checkout.session`,
  `payment_intent`, `setup_intent`, `charge`, `balance_transaction`, `customer`, `payment_method`, `item`,
  `webhook_endpoint`, `refund`, `dispute`, `payout`, `mandate`, `radar.early_fraud_warning`, `review`);
  `parent` names the object it belongs to (a line item's or an intent's session, a refund's, dispute's,
  warning's or review's charge, a balance transaction's source, a mandate's payment method); `private` is
  what the API never shows, such as the payout that a balance transaction went out with.
- `event`: snapshot events as sent; `object` is the id of the thing they speak of.
- `delivery`: one row for each event and endpoint (more when a fault duplicates it). `state` is `pending`,
  `held` (until a later one has overtaken it), `delivered`, `failed` (given up) or `dropped` (by a fault).
  `due_at` and `done_at` are wall-clock times.
- `request`: every API call that passed the key check, in order. `status` is the HTTP status of the answer,
  or 0 when a fault cut the line before it; `effect` says whether this very call executed (a replay or a
  refusal did not); `fault` names the fault that struck it.
- `idempotency`: first answer by key, with the parameters it was given; pruned after 24 hours of the sandbox
  clock.
- `timer`: what the clock will bring to which object, and when; the words are those of `clock.RINGS`.
- `fault`: faults asked for and how often they still strike.
- `setting`: `clock_offset`, in seconds; `sign_by_clock` when signatures bear the sandbox clock's time;
  `payouts` (`manual` when none go by themselves); `settles:<currency>` (currency and rate it settles at).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

API_VERSION = "2026-10-28.endive"

TABLES = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    parent TEXT,
    data TEXT NOT NULL,
    private TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_parent ON object (parent);
CREATE INDEX IF NOT EXISTS object_source ON object (json_extract(data, '$.source'));
CREATE INDEX IF NOT EXISTS object_payout ON object (json_extract(private, '$.payout'));
CREATE INDEX IF NOT EXISTS object_unpaid ON object (seq)
    WHERE kind = 'balance_transaction' AND json_extract(private, '$.payout') IS NULL;
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    object TEXT NOT NULL,
    data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    due_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER,
    last_error TEXT,
    done_at REAL,
    options TEXT NOT NULL DEFAULT '{}');
CREATE INDEX IF NOT EXISTS delivery_state ON delivery (state, due_at);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT,
    body TEXT NOT NULL,
    status INTEGER NOT NULL,
    response TEXT NOT NULL,
    effect INTEGER NOT NULL DEFAULT 0,
    replayed INTEGER NOT NULL DEFAULT 0,
    fault TEXT);
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    status INTEGER NOT NULL,
    response TEXT NOT NULL,
    request TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS idempotency_at ON idempotency (at);
CREATE TABLE IF NOT EXISTS timer (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    what TEXT NOT NULL,
    object TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS timer_at ON timer (at);
CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY,
    op TEXT NOT NULL,
    kind TEXT NOT NULL,
    remaining INTEGER NOT NULL,
    options TEXT NOT NULL DEFAULT '{}');
CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL);
"""


class Unit:
    """One unit of work: everything in it is committed together or not at all.

    Args:
        db: connection inside a transaction.
        request_id: the API call that caused it, or None for the page and the clock.
        idempotency_key: that call's key, or None.
    """

    def __init__(
        self, db: sqlite3.Connection, request_id: str | None = None, idempotency_key: str | None = None
    ) -> None:
        self.db = db
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        row = db.execute("SELECT value FROM setting WHERE name = 'clock_offset'").fetchone()
        self.now = int(time.time()) + (int(row["value"]) if row else 0)

    def get(self, object_id: str, kind: str | None = None) -> dict[str, Any] | None:
        """Reads an object by id, or None when there is none of that kind."""
        row = self.db.execute("SELECT kind, data FROM object WHERE id = ?", (object_id,)).fetchone()
        if row is None or (kind and row["kind"] != kind):
            return None
        found: dict[str, Any] = json.loads(row["data"])
        return found

    def need(self, object_id: str) -> dict[str, Any]:
        """Reads an object that another object names, so it must be there."""
        found = self.get(object_id)
        if found is None:
            raise LookupError(object_id)
        return found

    def private(self, object_id: str) -> dict[str, Any]:
        """Reads what the API never shows of an object."""
        row = self.db.execute("SELECT private FROM object WHERE id = ?", (object_id,)).fetchone()
        return json.loads(row["private"]) if row else {}

    def parent(self, object_id: str) -> str | None:
        """Names the object to which an object belongs, or None."""
        row = self.db.execute("SELECT parent FROM object WHERE id = ?", (object_id,)).fetchone()
        return row["parent"] if row else None

    def put(
        self, data: dict[str, Any], *, parent: str | None = None, private: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Writes an object; `parent` and `private` keep their value when not given."""
        self.db.execute(
            "INSERT INTO object (id, kind, created, parent, data, private)"
            " VALUES (:id, :kind, :created, :parent, :data, coalesce(:private, '{}'))"
            " ON CONFLICT (id) DO UPDATE SET data = :data, parent = coalesce(:parent, parent),"
            " private = coalesce(:private, private)",
            {
                "id": data["id"],
                "kind": data["object"],
                "created": data.get("created", self.now),
                "parent": parent,
                "data": json.dumps(data, ensure_ascii=False),
                "private": None if private is None else json.dumps(private, ensure_ascii=False),
            },
        )
        return data

    def drop(self, object_id: str) -> None:
        """Forgets an object for good."""
        self.db.execute("DELETE FROM object WHERE id = ?", (object_id,))

    def each(
        self, kind: str, *, newest_first: bool = True, parent: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Walks the objects of a kind."""
        order = "DESC" if newest_first else "ASC"
        where = "kind = ?" if parent is None else "kind = ? AND parent = ?"
        values = (kind,) if parent is None else (kind, parent)
        sql = f"SELECT data FROM object WHERE {where} ORDER BY seq {order}"  # noqa: S608 - no outside text in it
        for row in self.db.execute(sql, values):
            yield json.loads(row["data"])

    def at(self, moment: int, what: str, object_id: str) -> None:
        """Sets a timer on the sandbox clock."""
        self.db.execute("INSERT INTO timer (at, what, object) VALUES (?, ?, ?)", (moment, what, object_id))

    def take_fault(self, op: str, kinds: tuple[str, ...]) -> tuple[str, dict[str, Any]] | None:
        """Takes one strike of the oldest fault that fits, or None.

        Args:
            op: operation name, `webhook:<event type>`, or `fees`.
            kinds: the kinds of fault the caller can act out.
        """
        group = op.partition(":")[0] + ":*" if ":" in op else "*"
        marks = ",".join("?" * len(kinds))
        row = self.db.execute(
            f"SELECT * FROM fault WHERE remaining > 0 AND op IN (?, ?) AND kind IN ({marks})"  # noqa: S608 - marks only
            " ORDER BY id LIMIT 1",
            (op, group, *kinds),
        ).fetchone()
        if row is None:
            return None
        self.db.execute("UPDATE fault SET remaining = remaining - 1 WHERE id = ?", (row["id"],))
        return row["kind"], json.loads(row["options"])


class Store:
    """The SQLite file. One writer at a time, so that two callers never see half of each other's work.

    Args:
        path: the file; made when absent. It survives `kill -9` at any moment (write-ahead log).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(TABLES)

    @contextmanager
    def unit(self, request_id: str | None = None, idempotency_key: str | None = None) -> Iterator[Unit]:
        """Opens a unit of work; commits at its end, rolls back when it raises."""
        with self._turn:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield Unit(self._db, request_id, idempotency_key)
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Closes the file."""
        with self._turn:
            self._db.close()
