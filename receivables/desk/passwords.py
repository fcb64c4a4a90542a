"""Passwords and time-based codes of people at the desk: hash, verify, the step of a code (A-04).

Knows no Flask, so that the command line, which adds people, hashes in the same way.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from datetime import datetime
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pyotp import TOTP, random_base32

from receivables.errors import Refused

#: Fewest characters of a password that stands alone, and of one with a time-based code (A-04).
ALONE, WITH_CODE = 15, 12
#: Longest password, characters; more costs the hash time and nobody types it.
MOST = 1024
#: Seconds of one time step, and how many steps a clock may be off.
STEP, DRIFT = 30, 1

_hasher = PasswordHasher()


@cache
def _common() -> frozenset[str]:
    """What is guessed first, folded to its letters and digits (passwords_common.txt beside this file)."""
    lines = (Path(__file__).parent / "passwords_common.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def check_password(password: str, *, with_code: bool, about: Collection[str] = ()) -> None:
    """Refuse a password that is guessed early; no rule about signs in it, and none about age (A-04).

    Args:
        with_code: whether the person also logs in with a time-based code.
        about: words that everybody knows of the person: name, address, house.
    Raises:
        Refused: password_short (facts: at_least, in characters), password_long (most),
            password_common, password_own_name.

    >>> check_password("password-password", with_code=True)
    Traceback (most recent call last):
    receivables.errors.Refused: password_common
    """
    least = WITH_CODE if with_code else ALONE
    if len(password) < least:
        raise Refused("password_short", at_least=least)
    if len(password) > MOST:
        raise Refused("password_long", most=MOST)
    folded = "".join(letter for letter in password.casefold() if letter.isalnum())
    if len(set(folded)) < 5 or folded in _common() or _is_repeated(folded):
        raise Refused("password_common")
    known = {part for words in about for part in re.split(r"[\W_]+", words.casefold()) if len(part) > 3}
    rest = folded
    for part in sorted(known, key=len, reverse=True):
        rest = rest.replace(part, "")
    if rest != folded and len(rest) < 6:
        raise Refused("password_own_name")


def _is_repeated(folded: str) -> bool:
    """Whether it is a common word with figures behind it, or one word said over and over.

    >>> _is_repeated("qwertyqwerty"), _is_repeated("letmein20262026"), _is_repeated("tealheronquay")
    (True, True, False)
    """
    word = folded.rstrip("0123456789")
    if not word or word in _common():
        return True
    # A text is made of one piece said over and over just when it is found within its own double.
    again = (folded + folded).find(folded, 1)
    return again < len(folded)


def hash_password(password: str, *, with_code: bool, about: Collection[str] = ()) -> str:
    """Return the Argon2id hash of a password that `check_password` takes.

    Raises:
        Refused: as `check_password`.
    Source: A-04 (ASVS V6.2).
    """
    check_password(password, with_code=with_code, about=about)
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


def enrolment_address(secret: str, *, email: str, house: str) -> str:
    """Return what an authenticator app reads from the picture (otpauth, six digits, 30 seconds)."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=house)


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
