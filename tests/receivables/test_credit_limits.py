"""Credit limits with their history, and how far they are used (issue D, part 2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from models.accounts import Account
from models.audit import AuditEntry
from models.credit_limits import CreditLimit, OrdersOpen
from models.invoices import InvoiceKind
from models.money import Money
from models.staff import Role
from models.store import Store
from receivables import credit_limits
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON


@pytest.fixture
def account(store: Store) -> Account:
    """£184.20 open in two documents, €21.50 in one; a prepayment, which is a sale not yet made."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        for total in (10000, 8420):
            make.an_invoice(s, account, total=total)
        make.an_invoice(s, account, total=2150, currency="EUR")
        make.an_invoice(s, account, total=99900).kind = InvoiceKind.PREPAYMENT
        return account


def limit(store: Store, account: Account, amount: Money | None, reason: str = "Agreed with the bank",
          role: Role = Role.SUPERVISOR, hours: int = 0) -> CreditLimit:  # fmt: skip
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, role))
        return credit_limits.set_limit(
            s, actor, s.get_one(Account, account.id), currency="GBP", limit=amount, reason=reason,
            now=NOON + timedelta(hours=hours),
        )  # fmt: skip


def test_exposure_is_open_and_ordered(store: Store, account: Account) -> None:
    """£184.20 open and £30.00 ordered is £214.20, £14.20 over £200.00; euros stand by themselves."""
    limit(store, account, Money(20000, "GBP"))
    with store.write() as s:
        credit_limits.tell_orders(
            s, SYSTEM, account, Money(3000, "GBP"), as_of_at=NOON, source="order_system", now=NOON
        )
    with store.read() as s:
        credit = credit_limits.credit_of(s, SYSTEM, account.id)
    pounds, euros = sorted(credit.exposures, key=lambda row: row.currency != "GBP")
    assert (pounds.open, pounds.orders, pounds.used) == (
        Money(18420, "GBP"), Money(3000, "GBP"), Money(21420, "GBP"),
    )  # fmt: skip
    assert (pounds.over, pounds.left, credit.is_over) == (Money(1420, "GBP"), None, True)
    assert (euros.limit, euros.used, euros.over, euros.orders) == (None, Money(2150, "EUR"), None, None)


def test_the_last_word_of_the_order_system_holds(store: Store, account: Account) -> None:
    limit(store, account, Money(20000, "GBP"))
    for minor in (3000, 500):
        with store.write() as s:
            credit_limits.tell_orders(
                s, SYSTEM, account, Money(minor, "GBP"), as_of_at=NOON, source="order_system", now=NOON
            )
    with store.read() as s:
        rows = credit_limits.credit_of(s, SYSTEM, account.id).exposures
        [pounds] = [row for row in rows if row.currency == "GBP"]
    assert (pounds.used, pounds.left, pounds.over) == (Money(18920, "GBP"), Money(1080, "GBP"), None)


def test_history_says_who_and_why(store: Store, account: Account) -> None:
    """Newest first; taking a limit away is a decision like the others, and nothing is rewritten."""
    limit(store, account, Money(20000, "GBP"))
    limit(store, account, Money(15000, "GBP"), "Two promises broken", hours=1)
    limit(store, account, None, "Pays in advance from now on", hours=2)
    with store.read() as s:
        credit = credit_limits.credit_of(s, SYSTEM, account.id)
        assert [(c.limit, c.reason) for c in credit.history] == [
            (None, "Pays in advance from now on"),
            (Money(15000, "GBP"), "Two promises broken"),
            (Money(20000, "GBP"), "Agreed with the bank"),
        ]
        assert all(c.by for c in credit.history)
        codes = s.scalars(select(AuditEntry.code)).all()
    assert codes.count("credit_limit.set") == 3


@pytest.mark.parametrize(
    ("amount", "reason", "code"),
    [
        (Money(-1, "GBP"), "x", "limit_negative"),
        (Money(1, "EUR"), "x", "currency_other"),
        (Money(1, "GBP"), "  ", "reason_missing"),
        (None, "None was set", "limit_same"),
    ],
)
def test_what_is_no_limit_is_refused(
    store: Store, account: Account, amount: Money | None, reason: str, code: str
) -> None:
    with pytest.raises(Refused, match=code):
        limit(store, account, amount, reason)


@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.SALESPERSON, Role.AUDITOR, Role.ADMIN])
def test_who_may_not_set_it(store: Store, account: Account, role: Role) -> None:
    with pytest.raises(NotAllowed):
        limit(store, account, Money(1, "GBP"), role=role)


def test_orders_of_tomorrow_and_less_than_none(store: Store, account: Account) -> None:
    for amount, at, code in (
        (Money(-1, "GBP"), NOON, "orders_negative"),
        (Money(1, "GBP"), NOON + timedelta(seconds=1), "orders_from_future"),
    ):
        with store.write() as s, pytest.raises(Refused, match=code):
            credit_limits.tell_orders(s, SYSTEM, account, amount, as_of_at=at, source="desk", now=NOON)


def test_the_database_keeps_history_and_signs(store: Store, account: Account) -> None:
    """Append-only, and no negative sum, on both databases."""
    row = limit(store, account, Money(20000, "GBP"))
    with pytest.raises(DatabaseError), store.write() as s:
        s.execute(update(CreditLimit).where(CreditLimit.id == row.id).values(limit_minor=1))
    with pytest.raises(IntegrityError), store.write() as s:
        s.add(
            OrdersOpen(account_id=account.id, currency="GBP", amount_minor=-1, as_of_at=NOON, source="desk",
                       told_at=NOON)
        )  # fmt: skip
