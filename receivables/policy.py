"""The rules of the house as data: read from the version in force, never from code.

`policy_default.toml` beside this file is version 1; later versions are rows (C-04).
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.base import UTCDateTime
from models.store import fetch
from models.work import PolicyVersion

DEFAULT_BODY = (Path(__file__).parent / "policy_default.toml").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules; each attribute is one key of the TOML, in the unit it names."""

    version_id: int | None
    link_valid: timedelta
    mail_bits: int
    sms_bits: int
    fresh_per_day: int
    debtor_idle: timedelta
    debtor_absolute: timedelta
    staff_idle: timedelta
    staff_absolute: timedelta
    link_window: timedelta
    link_tries: int
    login_window: timedelta
    login_tries: int
    session_life: timedelta
    sweep_after: timedelta
    alert_after: timedelta
    small_difference_minor: int
    contact_from: time
    contact_to: time
    lease: timedelta
    event_give_up: timedelta

    @classmethod
    def read(cls, body: str, version_id: int | None = None) -> Policy:
        """Read a policy from TOML.

        Raises:
            KeyError: a key is missing; a policy is whole or nothing.
        """
        data: dict[str, Any] = tomllib.loads(body)
        links, sessions, guesses = data["links"], data["sessions"], data["guesses"]
        payments, contact, worker = data["payments"], data["contact"], data["worker"]
        return cls(
            version_id=version_id,
            link_valid=timedelta(days=links["valid_days"]),
            mail_bits=links["mail_bits"],
            sms_bits=links["sms_bits"],
            fresh_per_day=links["fresh_per_day"],
            debtor_idle=timedelta(minutes=sessions["debtor_idle"]),
            debtor_absolute=timedelta(minutes=sessions["debtor_absolute"]),
            staff_idle=timedelta(minutes=sessions["staff_idle"]),
            staff_absolute=timedelta(minutes=sessions["staff_absolute"]),
            link_window=timedelta(minutes=guesses["link_window_minutes"]),
            link_tries=guesses["link_tries"],
            login_window=timedelta(minutes=guesses["login_window_minutes"]),
            login_tries=guesses["login_tries"],
            session_life=timedelta(minutes=payments["session_minutes"]),
            sweep_after=timedelta(minutes=payments["sweep_after_minutes"]),
            alert_after=timedelta(minutes=payments["alert_after_minutes"]),
            small_difference_minor=payments["small_difference_minor"],
            contact_from=time.fromisoformat(contact["window_from"]),
            contact_to=time.fromisoformat(contact["window_to"]),
            lease=timedelta(seconds=worker["lease_seconds"]),
            event_give_up=timedelta(hours=worker["event_give_up_hours"]),
        )


@cache
def _read(body: str, version_id: int | None) -> Policy:
    return Policy.read(body, version_id)


def default_policy() -> Policy:
    """The rules that ship with the product."""
    return _read(DEFAULT_BODY, None)


_IN_FORCE = (
    select(PolicyVersion.body, PolicyVersion.id)
    .where(PolicyVersion.effective_at <= bindparam("now", type_=UTCDateTime()))
    .order_by(PolicyVersion.effective_at.desc(), PolicyVersion.id.desc())
    .limit(1)
)


def current_policy(session: Session, now: datetime) -> Policy:
    """Return the version in force at a moment; the shipped rules while none was published."""
    row = fetch(session, _IN_FORCE, {"now": now}).first()
    return _read(row.body, row.id) if row else default_policy()


def publish(
    session: Session, body: str, *, reason: str, author_id: int | None, now: datetime
) -> PolicyVersion:
    """Put a version in force from `now`; read once first, so that a broken one is refused.

    Raises:
        KeyError, tomllib.TOMLDecodeError: the body is not a whole policy.
    """
    Policy.read(body)
    version = PolicyVersion(
        effective_at=now,
        author_id=author_id,
        reason=reason,
        body=body,
        body_digest=hashlib.sha256(body.encode()).hexdigest(),
    )
    session.add(version)
    session.flush()
    return version
