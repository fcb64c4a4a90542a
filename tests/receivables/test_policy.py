"""The rules of the house as data: whole or nothing, and the version in force (C-04)."""

from __future__ import annotations

import copy
import hashlib
import tomllib
from datetime import time, timedelta

import pytest
from sqlalchemy import func, select

from models.money import Money
from models.store import Store
from models.work import PolicyVersion
from receivables.policy import DEFAULT_BODY, Policy, current_policy, default_policy, publish
from tests.conftest import NOON

SHIPPED = tomllib.loads(DEFAULT_BODY)
KEYS = [(section, key) for section, keys in SHIPPED.items() for key in keys]


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


@pytest.mark.parametrize(("section", "key"), KEYS, ids=".".join)
def test_a_policy_is_whole_or_nothing(section: str, key: str) -> None:
    """C-04: each key that is missing is named; no default hides in the code."""
    data = copy.deepcopy(SHIPPED)
    del data[section][key]
    with pytest.raises(KeyError, match=key):
        Policy.of(data)


@pytest.mark.parametrize("section", SHIPPED)
def test_a_key_that_nobody_reads_is_refused(section: str) -> None:
    """It would look like a rule."""
    data = copy.deepcopy(SHIPPED)
    data[section]["stranger"] = 1
    with pytest.raises(KeyError, match="stranger"):
        Policy.of(data)


def test_rows_of_bands_are_whole() -> None:
    """A band or a row of the grid has all its columns and no other."""
    for section, rows in (("plans", "bands"), ("offers", "grid")):
        for change in ({"stranger": 1}, None):
            data = copy.deepcopy(SHIPPED)
            row = data[section][rows][0]
            row.update(change) if change else row.popitem()
            with pytest.raises(KeyError):
                Policy.of(data)


def test_amounts_of_the_policy_follow_the_currency() -> None:
    """Limits are written once; a currency without a scale has none."""
    policy = default_policy()
    assert policy.units(25, "GBP") == Money(2500, "GBP")
    assert policy.units(25, "HUF") == Money(1_000_000, "HUF")
    assert policy.units(25, "JPY") == Money(3750, "JPY")
    assert policy.units(25, "KWD") == Money(7500, "KWD")
    assert policy.units(25, "NOK") is None


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
