"""How far the bank's lines are in, and what waits while they are behind (domain.md, "The ladder")."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.creditors import Creditor
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import bank_lines, credit_holds
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.handovers import placing
from tests import factories as make
from tests.conftest import NOON

TODAY = date(2026, 11, 19)  # a Thursday


@pytest.fixture
def code(store: Store) -> str:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=50000, due_on=TODAY - timedelta(days=40))
        return s.scalars(select(Creditor.code)).one()


def said(store: Store, code: str, day: date, role: Role = Role.ACCOUNTANT) -> None:
    with store.write() as s:
        bank_lines.record_lines(s, make.staff_actor(make.a_person(s, role)), code, day, now=NOON)


def behind(store: Store) -> frozenset[int]:
    with store.read() as s:
        return bank_lines.creditors_behind(s, now=NOON)


def test_nothing_waits_where_nobody_ever_said_it(store: Store, code: str) -> None:
    """A house without a feed is not stopped by the rule."""
    assert behind(store) == frozenset()


@pytest.mark.parametrize(
    ("day", "is_behind"), [(TODAY, False), (date(2026, 11, 16), False), (date(2026, 11, 13), True)]
)
def test_lines_grow_old_by_business_days(store: Store, code: str, day: date, is_behind: bool) -> None:
    """Policy ladders.bank_lines_days = 3: Monday's lines do on Thursday, Friday's of last week do not."""
    said(store, code, day)
    assert bool(behind(store)) is is_behind


def test_who_says_it_and_what(store: Store, code: str) -> None:
    """An accountant or a supervisor; a day that has come, and never back."""
    with pytest.raises(NotAllowed):
        said(store, code, TODAY, Role.COLLECTOR)
    with pytest.raises(NotFound):
        said(store, "nobody", TODAY)
    with pytest.raises(Refused, match="day_in_future"):
        said(store, code, TODAY + timedelta(days=1))
    said(store, code, TODAY)
    with pytest.raises(Refused, match="day_before_last"):
        said(store, code, TODAY - timedelta(days=1))


def test_nothing_is_frozen_or_handed_over_meanwhile(store: Store, code: str) -> None:
    """Refused by name; once the lines are in, it goes on."""
    said(store, code, TODAY - timedelta(days=20))
    with store.write() as s:
        boss = make.staff_actor(make.a_person(s, Role.SUPERVISOR))
        account = s.scalars(select(Account)).one()
        with pytest.raises(Refused, match="bank_lines_behind"):
            credit_holds.place(s, boss, account, "Late", Money(50000, "GBP"), now=NOON)
        with pytest.raises(Refused, match="bank_lines_behind"):
            placing.propose(s, boss, account, "GBP", reason="Late", now=NOON)
    said(store, code, TODAY)
    with store.write() as s:
        account = s.scalars(select(Account)).one()
        assert credit_holds.place(s, boss, account, "Late", Money(50000, "GBP"), now=NOON).id
