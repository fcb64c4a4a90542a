"""Own terms: the habit, terms that follow it, what they cost (the guides: plan by real behaviour)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.audit import AuditEntry
from models.money import Money
from models.staff import Role
from models.store import Store
from models.work import Interaction
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.segments import terms
from receivables.segments.evidence import Lag
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.segments import books

RULES = default_policy().segments


@pytest.mark.parametrize(
    ("lag", "days"),
    [
        (None, None),
        (Lag(5, 28, 4, 100), 30),
        (Lag(5, 30, 4, 100), 30),
        (Lag(5, 31, 4, 100), 35),
        (Lag(5, 200, 4, 100), 90),
        (Lag(4, 28, 4, 100), None),
        (Lag(5, 28, 11, 100), None),
        (Lag(5, 9, 4, 100), None),
    ],
)
def test_terms_follow_a_habit_and_not_chance(lag: Lag | None, days: int | None) -> None:
    assert terms.suggest_agreed_days(lag, RULES) == days


@pytest.mark.parametrize(
    ("minor", "currency", "days", "rate", "cost"),
    [
        (1000000, "GBP", 30, "8.0", 6575),  # 10,000 × 8 % × 30 / 365 = 65.7534…
        (1000000, "GBP", 365, "8.0", 80000),
        (100, "GBP", 1, "8.0", 0),
        (1000000, "JPY", 30, "7.5", 6164),  # 6,164.38…
        (1000000, "GBP", 0, "8.0", 0),
    ],
)
def test_what_waiting_costs(minor: int, currency: str, days: int, rate: str, cost: int) -> None:
    """Amount × days × yearly rate, to the minor unit; worked out by hand beside each row."""
    assert terms.cost_of(Money(minor, currency), days, Decimal(rate)) == Money(cost, currency)


def test_agreed_by_a_person_and_told(store: Store) -> None:
    with store.write() as s:
        account = books.an_account(s)
        supervisor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
    store.run(lambda s: terms.agree_terms(s, supervisor, account, 30, reason="They run on 60.", now=NOON))
    with store.read() as s:
        row = s.get_one(Account, account.id)
        assert row.agreed_days == 30
        view = terms.terms_of(s, row, today=books.TODAY, policy=default_policy())
        assert "terms.agreed" in s.scalars(select(AuditEntry.code)).all()
        assert "terms.agreed" in s.scalars(select(Interaction.kind)).all()
    # £100.00 × 30 days × 8 % = £0.6575…
    assert (view.agreed_days, view.lag, view.suggested, view.costs) == (30, None, None, [Money(66, "GBP")])


@pytest.mark.parametrize(
    ("days", "reason", "code"),
    [
        (0, "x", "same_terms"),
        (91, "x", "terms_too_long"),
        (-1, "x", "terms_too_long"),
        (30, " ", "reason_missing"),
    ],
)
def test_bad_terms(store: Store, days: int, reason: str, code: str) -> None:
    with store.write() as s:
        account = books.an_account(s)
        supervisor = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
    with pytest.raises(Refused, match=code):
        store.run(lambda s: terms.agree_terms(s, supervisor, account, days, reason=reason, now=NOON))


def test_neither_a_job_nor_a_collector_agrees(store: Store) -> None:
    with store.write() as s:
        account = books.an_account(s)
        collector = make.staff_actor(make.a_person(s))
    for who in (SYSTEM, collector):
        with pytest.raises(NotAllowed):
            store.run(lambda s, who=who: terms.agree_terms(s, who, account, 30, reason="x", now=NOON))
