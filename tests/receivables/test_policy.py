"""The rules of the house as data: whole or nothing, and the version in force (C-04)."""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from datetime import time, timedelta

import pytest
from sqlalchemy import func, select

from models.store import Store
from models.work import PolicyVersion
from receivables.policy import DEFAULT_BODY, Policy, current_policy, default_policy, publish
from tests.conftest import NOON

LINES = [line for line in DEFAULT_BODY.splitlines() if "=" in line]


def test_the_shipped_rules() -> None:
    """Decisions 6, 7, 9, 13, 18: the defaults, in the units they are used in."""
    policy = default_policy()
    assert policy.version_id is None
    assert (policy.link_valid, policy.mail_bits, policy.sms_bits) == (timedelta(days=14), 256, 128)
    assert policy.fresh_per_day == 3
    assert (policy.debtor_idle, policy.debtor_absolute) == (timedelta(minutes=45), timedelta(hours=2))
    assert (policy.staff_idle, policy.staff_absolute) == (timedelta(minutes=30), timedelta(hours=12))
    assert policy.session_life == timedelta(minutes=40)
    assert (policy.contact_from, policy.contact_to) == (time(8), time(20))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split()[0])
def test_a_policy_is_whole_or_nothing(line: str) -> None:
    """C-04: each key that is missing is named; no default hides in the code."""
    name = line.split()[0]
    with pytest.raises(KeyError, match=name):
        Policy.read(DEFAULT_BODY.replace(line, ""))


def test_every_key_is_used() -> None:
    """A key that nobody reads would look like a rule."""
    keys = sum(len(section) for section in tomllib.loads(DEFAULT_BODY).values())
    assert keys == len(dataclasses.fields(Policy)) - 1  # all but version_id


def test_the_version_in_force(store: Store) -> None:
    """C-04: the latest that is effective at the moment asked for; the shipped one before the first."""
    later = DEFAULT_BODY.replace("valid_days = 14 ", "valid_days = 7 ")
    latest = DEFAULT_BODY.replace("valid_days = 14 ", "valid_days = 3 ")
    with store.write() as s:
        first = publish(s, later, reason="shorter links", author_id=None, now=NOON)
        second = publish(s, latest, reason="shorter still", author_id=None, now=NOON + timedelta(days=1))
    with store.read() as s:

        def at(**step: int) -> tuple[int | None, int]:
            policy = current_policy(s, NOON + timedelta(**step))
            return policy.version_id, policy.link_valid.days

        assert at(seconds=-1) == (None, 14)
        assert at(seconds=0) == (first.id, 7)
        assert at(hours=23) == (first.id, 7)
        assert at(days=1) == (second.id, 3)
    assert first.body_digest == hashlib.sha256(later.encode()).hexdigest()


def test_of_two_at_the_same_moment_the_last_published_is_in_force(store: Store) -> None:
    with store.write() as s:
        for days in (7, 3):
            body = DEFAULT_BODY.replace("valid_days = 14 ", f"valid_days = {days} ")
            publish(s, body, reason="r", author_id=None, now=NOON)
        assert current_policy(s, NOON).link_valid.days == 3


@pytest.mark.parametrize("body", ["", "valid_days = 14", "[links", DEFAULT_BODY.replace("20:00", "soon")])
def test_a_broken_policy_is_not_published(sqlite_store: Store, body: str) -> None:
    """C-04: read once before it is stored."""
    with sqlite_store.write() as s:
        with pytest.raises((KeyError, ValueError)):
            publish(s, body, reason="r", author_id=None, now=NOON)
        assert s.scalar(select(func.count()).select_from(PolicyVersion)) == 0
