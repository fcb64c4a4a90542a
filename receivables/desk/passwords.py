"""Passwords and time-based codes of people at the desk: hash, verify, the step of a code (A-04).

Knows no Flask, so that the command line, which adds people, hashes in the same way.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pyotp import TOTP, random_base32

from receivables.errors import Refused

#: Fewest characters of a password that stands alone, and of one with a time-based code (A-04).
ALONE, WITH_CODE = 15, 8
#: Seconds of one time step, and how many steps a clock may be off.
STEP, DRIFT = 30, 1

_hasher = PasswordHasher()


def hash_password(password: str, *, with_code: bool) -> str:
    """Return the Argon2id hash of a password.

    Args:
        with_code: whether the person also logs in with a time-based code.
    Raises:
        Refused: password_short (facts: at_least, in characters).
    Source: A-04 (ASVS V6.2).
    """
    least = WITH_CODE if with_code else ALONE
    if len(password) < least:
        raise Refused("password_short", at_least=least)
    return _hasher.hash(password)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(random_base32())


def verify_password(stored: str | None, password: str) -> bool:
    """Whether a password belongs to a stored hash; the same work when there is none (L-10)."""
    try:
        right = _hasher.verify(stored or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def new_code_secret() -> str:
    """A secret for an authenticator app, base 32."""
    return random_base32()


def code_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step a six-digit code belongs to, or None; one step of drift is accepted.

    The caller remembers the step, so that a code works once.
    """
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit()):
        return None
    present, generator = int(now.timestamp()) // STEP, TOTP(secret)
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(generator.generate_otp(step), typed):
            return step
    return None
