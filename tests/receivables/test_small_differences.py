"""Small differences: a fraction nobody can pay closes, more only as the policy says (decision 32)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import Adjustment, Payment
from models.reversals import PaymentReversal, ReversalCause
from models.states import InvoiceStatus
from models.store import Store
from receivables import credits, invoices
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.policy import DEFAULT_BODY, publish
from receivables.ports import RemoteState
from receivables.reversals import restoring, taking
from tests import factories as make
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.arrangements.offer_world import a_late_account
from tests.receivables.arrangements.plan_world import an_owing_account
from tests.receivables.paying import balances, pay


def huf(minor: int) -> Money:
    return Money(minor, "HUF")


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


@pytest.fixture
def books(store: Store) -> Iterator[Store]:
    """The store, proved by the checker afterwards (INV-1, INV-2, INV-3, INV-7, INV-10)."""
    yield store
    prove(store.writer.url.render_as_string(hide_password=False), now=NOON + timedelta(days=1))


def owing(store: Store, *totals: Money) -> Account:
    with store.write() as session:
        account = make.an_account(session, make.a_creditor(session))
        for total in totals:
            make.an_invoice(session, account, total=total)
    return account


def let_go(store: Store) -> int:
    """Debits less credits of small differences."""
    with store.read() as session:
        moved = func.sum(Posting.debit_minor - Posting.credit_minor)
        query = select(moved).where(Posting.ledger_code == LedgerCode.SMALL_DIFFERENCES)
        return int(session.scalar(query) or 0)


def allow(store: Store, minor: int) -> None:
    """Publish that so much is let go."""
    body = DEFAULT_BODY.replace("small_difference_minor = 0", f"small_difference_minor = {minor}")
    assert body != DEFAULT_BODY
    with store.write() as session:
        publish(session, body, reason="Test", author_id=None, now=NOON - timedelta(days=1))


def take(store: Store, payment: Payment, minor: int) -> PaymentReversal:
    return store.run(
        lambda s: taking.take_back(
            s, SYSTEM, taking.lock_payment(s, payment.id), Money(minor, payment.currency),
            cause=ReversalCause.CHARGEBACK, source=f"movement:{payment.id}", at=NOON, now=NOON,
        )
    )  # fmt: skip


def give(store: Store, payment: Payment, taken: PaymentReversal) -> None:
    def unit(session: Session) -> None:
        row = taking.lock_payment(session, payment.id)
        again = session.get_one(PaymentReversal, taken.id)
        back = Money(taken.amount_minor, payment.currency)
        restoring.give_back(session, row, [again], back, source="movement:back", at=NOON, now=NOON)

    store.run(unit)


def test_a_fraction_of_a_payable_step_closes(books: Store) -> None:
    """Decision 32: 50,000.50 Ft are paid with 50,000; nothing is late for ever, and the paper says why."""
    account = owing(books, huf(5000050))
    payment = pay(books, account, Choice("all", "HUF"))
    assert (payment.amount_minor, balances(books, account), let_go(books)) == (5000000, [0], 50)
    with books.read() as session:
        (invoice,) = session.scalars(select(Invoice))
        assert invoice.status is InvoiceStatus.PAID
        assert invoices.accounts_with_overdue(session, now=NOON) == []
        view = invoices.document(session, SYSTEM, invoice.ref, now=NOON)
    assert [(m.source, m.amount) for m in view.movements] == [
        ("payment", huf(5000000)), ("small_difference", huf(50)),
    ]  # fmt: skip


def test_what_goes_back_is_owed_whole_again(books: Store) -> None:
    """P-21: a chargeback opens the fraction too, a won one closes it again; each once."""
    account = owing(books, huf(5000050))
    payment = pay(books, account, Choice("all", "HUF"))
    taken = take(books, payment, 5000000)
    assert (balances(books, account), let_go(books)) == ([5000050], 0)
    give(books, payment, taken)
    assert (balances(books, account), let_go(books)) == ([0], 50)


def test_credit_leaves_no_fraction_either(books: Store) -> None:
    """What credit paid but for a fraction is let go likewise."""
    account = owing(books, huf(5000000), huf(300050))
    with books.read() as session:
        first, second = session.scalars(select(Invoice.ref).order_by(Invoice.id)).all()
    pay(books, account, Choice("chosen", "HUF", (first,)), came=huf(5300000))
    holder = make.holder_actor(account)
    books.run(lambda s: credits.apply_credit(s, holder, second, huf(300000), nonce="n", now=NOON))
    assert (balances(books, account), let_go(books)) == ([0, 0], 50)


@pytest.mark.parametrize(("most", "left", "closes"), [(0, 3, False), (3, 3, True), (2, 3, False)])
def test_more_is_let_go_as_the_policy_says(books: Store, most: int, left: int, closes: bool) -> None:
    """payments.small_difference_minor: to the unit; nothing of it where the policy lets nothing go."""
    if most:
        allow(books, most)
    account = owing(books, gbp(10000))
    pay(books, account, Choice("all", "GBP"), came=gbp(10000 - left))
    assert (balances(books, account), let_go(books)) == (([0], left) if closes else ([left], 0))


def test_what_was_agreed_is_not_let_go(books: Store) -> None:
    """A plan's part and an accepted offer say what is paid: what is short of them stays asked for."""
    allow(books, 5)
    plans = an_owing_account(books, 60000)
    plan = plans.agreed(3)
    rest = plans.choice(plan, "rest")
    assert rest.amount is not None
    plans.told(plans.start(rest, nonce="p"), RemoteState.SUCCEEDED, 59997)
    assert (balances(books, plans.account), let_go(books)) == ([3], 0)
    offers = a_late_account(books)
    offer = offers.accept(offers.propose(121896))
    offers.pay_offer(offer, 121893)
    assert let_go(books) == 0


def test_a_document_that_is_so_small_as_a_whole_is_asked_for(books: Store) -> None:
    """Nothing is let go of what nobody paid anything of."""
    account = owing(books, huf(5000000), huf(50))
    pay(books, account, Choice("all", "HUF"))
    assert (balances(books, account), let_go(books)) == ([0, 50], 0)
    with books.read() as session:
        assert session.scalar(select(func.count(Adjustment.id))) == 0
