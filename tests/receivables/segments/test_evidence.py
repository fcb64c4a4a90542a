"""What the books show of an account: one or many in the same statements (part 12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.answers import AnswerKind
from models.inbound import ReachEventKind
from models.invoices import Invoice
from models.states import InvoiceStatus
from models.store import Store
from receivables.payments.quotes import Choice
from receivables.policy import default_policy
from receivables.segments.evidence import Facts, Lag, facts_of, facts_of_many, lag_of
from tests import factories as make
from tests.conftest import NOON
from tests.portal.test_routes import statements
from tests.receivables.paying import pay
from tests.receivables.segments import books

RULES = default_policy().segments


@pytest.mark.parametrize(
    ("days", "lag"),
    [
        ([], None),
        ([-3], Lag(1, -3, 0, 0)),
        ([30, 31, 28, 30, 90], Lag(5, 30, 1, 100)),
        ([0, 0, 10, 20], Lag(4, 5, 12, 50)),
    ],
)
def test_lag_is_the_middle_and_one_odd_invoice_counts_little(days: list[int], lag: Lag | None) -> None:
    assert lag_of(days) == lag


def test_observed_from_money_that_came(store: Store) -> None:
    """The lag runs from the due date to the day the money was valued; what is open has none."""
    with store.write() as s:
        account = books.an_account(s, late=10)
        paid = make.an_invoice(s, account, total=5000, due_on=books.TODAY - timedelta(days=25)).ref
    pay(store, account, Choice("chosen", "GBP", (paid,)))
    with store.read() as s:
        facts = facts_of(s, account, today=books.TODAY, rules=RULES)
        assert s.query(Invoice).filter_by(ref=paid).one().status is InvoiceStatus.PAID
    assert facts.lag == Lag(paid=1, middle=25, spread=0, late_percent=100)
    assert (facts.overdue, facts.oldest_late) == (1, 10)
    assert facts.silent_days == 0  # money is a sign of life


def test_every_number_comes_from_its_rows(store: Store) -> None:
    with store.write() as s:
        account = books.an_account(s, late=40)
        books.promises(s, account, broken=2, kept=1)
        books.plan_defaulted(s, account, 1)
        books.dead(s, account)
        books.answered(s, account, AnswerKind.HARDSHIP, at=NOON - timedelta(days=50))
        # Before the last sign of life (the promises, 40 days ago) nothing counts as ignored.
        books.reminded(s, account, 45, 30, 20, 10)
    with store.read() as s:
        facts = facts_of(s, account, today=books.TODAY, rules=RULES)
    assert facts == Facts(
        lag=None, overdue=1, oldest_late=40, disputes=0, hardship_told=True, broken=2, kept=1,
        plan_defaults=1, addresses=1, dead=1, ignored=3, silent_days=40,
    )  # fmt: skip


def test_the_latest_word_about_an_address_counts(store: Store) -> None:
    """A new word, or a new address, makes a dead contact reachable again."""
    with store.write() as s:
        account = books.an_account(s)
        books.dead(s, account)
        books.dead(s, account, ReachEventKind.REACHED)
    with store.read() as s:
        assert facts_of(s, account, today=books.TODAY, rules=RULES).dead == 0
    with store.write() as s:
        books.dead(s, account)
        books.person(s, account).email = "new@tidewater.example"
    with store.read() as s:
        assert facts_of(s, account, today=books.TODAY, rules=RULES).dead == 0


def test_many_cost_as_many_statements_as_one(store: Store) -> None:
    """Bulk SQL: the number of statements does not grow with the accounts, nor do facts mix."""

    def fill(s: Session) -> list[int]:
        ids = []
        for number in range(6):
            account = books.an_account(s, late=number * 10)
            books.promises(s, account, broken=number)
            ids.append(account.id)
        return ids

    ids = store.run(fill)
    with statements(store) as seen, store.read() as s:
        facts_of_many(s, ids[:1], today=books.TODAY, rules=RULES)
    one = len(seen)
    with statements(store) as seen, store.read() as s:
        many = facts_of_many(s, ids, today=books.TODAY, rules=RULES)
    assert len(seen) == one
    assert [many[i].broken for i in ids] == [0, 1, 2, 3, 4, 5]
    assert [many[i].oldest_late for i in ids] == [0, 10, 20, 30, 40, 50]
