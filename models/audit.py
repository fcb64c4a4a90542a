"""What was done, by whom and why: a chain of hashes that shows every later change (M-20, M-21).

`record` buffers rows in the session; `chain` writes them as the last statements before commit
(any other order deadlocked, decision 16). The hashed payload holds ids, codes and salted
digests; personal before/after values live in `audit_detail`, which can be erased.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, insert, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, digest, pk

#: Version of the canonical form, hashed with the payload (M-21).
FORM = 1
#: prev_hash of the first row.
GENESIS = "0" * 64
#: Number of the advisory lock that makes one writer at a time of the chain on PostgreSQL.
_CHAIN_LOCK = 0x414D4943
_BUFFER = "audit_buffer"


class AuditEntry(Base):
    """One act; `hash` = SHA-256 of prev_hash and the canonical payload."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    occurred_at: Mapped[datetime]
    #: "resource.action", worded by the desk.
    code: Mapped[str] = mapped_column(String(60))
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[str]
    form: Mapped[int] = mapped_column(Integer)
    prev_hash: Mapped[digest] = mapped_column(unique=True)
    hash: Mapped[digest] = mapped_column(unique=True)

    __table_args__ = (
        Index("ix_audit_entry_account", "account_id", "occurred_at"),
        Index("ix_audit_entry_subject", "subject_kind", "subject_id"),
    )


class AuditDetail(Base):
    """Personal values of one act, outside the hash and erasable; the salt ties them to its digests."""

    __tablename__ = "audit_detail"

    id: Mapped[pk]
    audit_entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entry.id"), unique=True)
    salt: Mapped[str] = mapped_column(String(32))
    values: Mapped[str]
    reason: Mapped[str | None]


class AccessLog(Base):
    """Reads by staff, buffered and written after the response; outside the chain (decision 16)."""

    __tablename__ = "access_log"

    id: Mapped[pk]
    occurred_at: Mapped[datetime]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    endpoint: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    request_id: Mapped[str] = mapped_column(String(40))

    __table_args__ = (Index("ix_access_log_account", "account_id", "occurred_at"),)


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, UTF-8, no spaces, no floats, UTC moments.

    Raises:
        TypeError: a float or another type without a canonical form.
    """

    def plain(v: Any) -> Any:
        if v is None or isinstance(v, bool | int):
            return v
        if isinstance(v, str):
            return str(v)
        if isinstance(v, datetime):
            if v.tzinfo is None:
                raise TypeError("a naive moment has no canonical form")
            return v.astimezone(UTC).isoformat(timespec="microseconds")
        if isinstance(v, Mapping):
            return {str(k): plain(x) for k, x in v.items()}
        if isinstance(v, list | tuple):
            return [plain(x) for x in v]
        if hasattr(v, "isoformat"):
            return v.isoformat()
        raise TypeError(f"{type(v).__name__} has no canonical form")

    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def chained_hash(prev_hash: str, payload: str, form: int = FORM) -> str:
    """Return SHA-256 of the previous hash, the form's version and the payload."""
    return hashlib.sha256(f"{prev_hash}\n{form}\n{payload}".encode()).hexdigest()


def salted_digests(salt: str, personal: Mapping[str, Any], reason: str | None) -> dict[str, str]:
    """Return what the chain knows of personal values: a digest of each under the row's own salt."""
    texts = {name: canonical(value) for name, value in personal.items()}
    if reason is not None:
        texts["reason"] = reason
    return {name: hashlib.sha256(f"{salt}{t}".encode()).hexdigest() for name, t in texts.items()}


def buffer(
    session: Session,
    *,
    code: str,
    actor_kind: str,
    actor_id: int | None,
    account_id: int | None,
    subject_kind: str,
    subject: Any,
    facts: Mapping[str, Any],
    personal: Mapping[str, Any],
    reason: str | None,
    request_id: str | None,
    now: datetime,
) -> None:
    """Keep one act in the session until `chain` writes it. `subject` is a row or an id or None."""
    session.info.setdefault(_BUFFER, []).append(
        {
            "code": code,
            "actor_kind": actor_kind,
            "actor_id": actor_id,
            "account_id": account_id,
            "subject_kind": subject_kind,
            "subject": subject,
            "facts": dict(facts),
            "personal": dict(personal),
            "reason": reason,
            "request_id": request_id,
            "now": now,
        }
    )


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """Let a part of a unit of work fail alone: what it wrote and the acts it buffered go together."""
    acts = session.info.setdefault(_BUFFER, [])
    before = len(acts)
    try:
        with session.begin_nested():
            yield
    except BaseException:
        del acts[before:]
        raise


def forget(session: Session) -> None:
    """Drop what is buffered: the unit of work was rolled back."""
    session.info.pop(_BUFFER, None)


def chain(session: Session) -> int:
    """Write the buffered acts to the end of the chain; call as the last thing before commit.

    Returns: how many rows were written.
    """
    session.flush()
    acts = session.info.pop(_BUFFER, [])
    if not acts:
        return 0  # nothing that moves money or status comes without an act
    if session.get_bind().dialect.name == "postgresql":
        # Deferred checks speak now, so that they also fire where a test rolls back (decision 16).
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        session.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _CHAIN_LOCK})
    last = session.execute(
        select(AuditEntry.id, AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)
    ).first()
    number, prev = (last.id, last.hash) if last else (0, GENESIS)
    entries, details = [], []
    for act in acts:
        number += 1
        entry, detail = _rows(act, number, prev)
        entries.append(entry)
        if detail is not None:
            details.append(detail)
        prev = entry["hash"]
    # One statement for all of them, whose lock others wait for.
    session.execute(insert(Base.metadata.tables[AuditEntry.__tablename__]), entries)
    if details:
        session.execute(insert(Base.metadata.tables[AuditDetail.__tablename__]), details)
    return len(acts)


def _rows(act: dict[str, Any], number: int, prev: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    subject = act["subject"]
    subject_id = subject if subject is None or isinstance(subject, int) else subject.id
    salt = secrets.token_hex(16)
    payload = canonical(
        {
            "id": number,
            "at": act["now"],
            "code": act["code"],
            "actor": [act["actor_kind"], act["actor_id"]],
            "account": act["account_id"],
            "subject": [act["subject_kind"], subject_id],
            "facts": act["facts"],
            "digests": salted_digests(salt, act["personal"], act["reason"]),
            "request": act["request_id"],
        }
    )
    entry = {
        "id": number,
        "occurred_at": act["now"],
        "code": act["code"],
        "actor_kind": act["actor_kind"],
        "actor_id": act["actor_id"],
        "account_id": act["account_id"],
        "subject_kind": act["subject_kind"],
        "subject_id": subject_id,
        "payload": payload,
        "form": FORM,
        "prev_hash": prev,
        "hash": chained_hash(prev, payload),
    }
    if not act["personal"] and act["reason"] is None:
        return entry, None
    return entry, {
        "audit_entry_id": number, "salt": salt, "values": canonical(act["personal"]), "reason": act["reason"]
    }  # fmt: skip
