"""Hashes and time-based codes: what opens, what does not, and how long a code lives (A-04)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyotp import TOTP

from receivables.desk import passwords
from receivables.errors import Refused
from tests.admin.conftest import SECRET

NOW = datetime(2026, 11, 19, 10, 0, 10, tzinfo=UTC)
STEP = int(NOW.timestamp()) // 30


def test_a_password_opens_its_own_hash_only() -> None:
    """A-04: Argon2id; nobody's hash opens with nothing, however lucky the guess."""
    stored = passwords.hash_password("correct horse battery", with_code=False)
    assert stored.startswith("$argon2id$")
    assert passwords.verify_password(stored, "correct horse battery")
    assert not passwords.verify_password(stored, "correct horse batterie")
    assert not passwords.verify_password("!", "!")


def test_the_stand_in_for_nobody_never_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """L-10: the hash that is checked for an unknown person is a real one, and still opens nothing."""
    known = passwords.hash_password("correct horse battery", with_code=False)
    monkeypatch.setattr(passwords, "_nobodys_hash", lambda: known)
    assert not passwords.verify_password(None, "correct horse battery")


@pytest.mark.parametrize(("with_code", "least"), [(False, 15), (True, 12)])
def test_short_passwords_are_refused(with_code: bool, least: int) -> None:
    """A-04: 15 characters alone, 12 with a code."""
    said = "teal heron quay"
    passwords.hash_password(said[:least], with_code=with_code)
    with pytest.raises(Refused) as refused:
        passwords.hash_password(said[: least - 1], with_code=with_code)
    assert (refused.value.code, refused.value.facts) == ("password_short", {"at_least": least})


def test_a_code_lives_one_step_either_way() -> None:
    secret = passwords.new_code_secret()
    steps = {drift: passwords.code_step(secret, TOTP(secret).at(NOW + timedelta(seconds=30 * drift)), NOW)
             for drift in (-2, -1, 0, 1, 2)}  # fmt: skip
    assert steps == {-2: None, -1: STEP - 1, 0: STEP, 1: STEP + 1, 2: None}


@pytest.mark.parametrize("typed", ["", " ", "12345", "1234567", "abcdef", "٤٤٤٤٤٤", "12 34 5x", "\x00"])
def test_what_is_no_code_is_no_step(typed: str) -> None:
    assert passwords.code_step(SECRET, typed, NOW) is None


def test_blanks_in_a_code_are_people() -> None:
    code = TOTP(SECRET).at(NOW)
    assert passwords.code_step(SECRET, f" {code[:3]} {code[3:]} ", NOW) == STEP
