"""Recovery codes: what lets in whoever lost the authenticator, each once (A-04).

Only digests are kept; a new set ends the old one.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.staff import RecoveryCode, Staff
from receivables.audit import record
from receivables.links import digest
from receivables.permissions import Actor

#: How many a set has, and the letters of one: 80 bits.
SET, LETTERS = 10, 16


def _folded(typed: str) -> str:
    """Fold what was typed from paper: no hyphens, blanks or capitals; 0 and 1 are not in the alphabet."""
    return "".join(typed.split()).replace("-", "").casefold().replace("0", "o").replace("1", "i")


def _new_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, LETTERS, 4))


def make_set(session: Session, person: Staff, *, now: datetime) -> list[str]:
    """Make a new set of codes for a person and end the old one.

    Returns:
        The clear codes, which are known only now.
    """
    session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.staff_id == person.id, RecoveryCode.used_at.is_(None))
        .values(used_at=now)
    )
    codes = [_new_code() for _ in range(SET)]
    session.add_all(
        RecoveryCode(staff_id=person.id, code_digest=digest(_folded(code)), made_at=now) for code in codes
    )
    session.flush()
    return codes


def spend(session: Session, actor: Actor, person: Staff, typed: str, *, now: datetime) -> bool:
    """Use a recovery code; False when it is none of the person's or was used. One statement, so once."""
    code = _folded(typed)
    if len(code) != LETTERS:
        return False
    spent = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == person.id,
            RecoveryCode.code_digest == digest(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    ).scalar_one_or_none()
    if spent is None:
        return False
    record(
        session, actor, "staff.recovery_used", person, account_id=None, now=now,
        facts={"left": left_of(session, person.id)},
    )  # fmt: skip
    return True


def left_of(session: Session, staff_id: int) -> int:
    """Return how many codes of a person are still good."""
    return (
        session.scalar(
            select(func.count()).where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
        )
        or 0
    )


def end_all(session: Session, person: Staff, *, now: datetime) -> None:
    """End every code of a person: the second factor was taken away."""
    session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.staff_id == person.id, RecoveryCode.used_at.is_(None))
        .values(used_at=now)
    )
