"""Early-payment discount: earned by paying in time, to the unit and to the day (domain.md)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import delete, select

from models.accounts import Account
from models.invoices import Invoice, InvoiceLine
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import Adjustment
from models.states import InvoiceStatus
from models.store import Store
from models.work import Alert, Task
from receivables import credits, early_payment, ledger
from receivables.calendar_days import at_local
from receivables.payments.quotes import Choice
from receivables.policy import DEFAULT_BODY, Policy, publish
from receivables.ports import InvoiceRow
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.paying import balances, pay

LAST = NOON.date()
ROW = InvoiceRow(
    ref="r", number="2026-1", kind="invoice", issued_on=date(2026, 11, 1), due_on=date(2026, 12, 1),
    total=Money(10000, "GBP"), balance=Money(10000, "GBP"), days_late=0, description="",
    processing=Money(0, "GBP"), currency="GBP", discount=Money(200, "GBP"), discount_to=LAST,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "days", "minor"),
    [
        ({}, 0, 9800),  # the last day is in time
        ({}, 1, 10000),
        ({"discount": None, "discount_to": None}, 0, 10000),
        ({"processing": Money(1, "GBP")}, 0, 9999),
        ({"contested_minor": 1}, 0, 9999),
        ({"arranged": "plan"}, 0, 0),
        ({"balance": Money(5000, "GBP")}, 0, 4800),  # a part was paid before
        ({"balance": Money(200, "GBP")}, 0, 200),  # nothing would be left to pay
    ],
)
def test_what_is_asked_for(change: dict[str, object], days: int, minor: int) -> None:
    """Domain: time-limited, set on the invoice; what is set aside keeps the whole balance."""
    row = replace(ROW, **change)  # type: ignore[arg-type]
    assert early_payment.asked_with_discount(row, LAST + timedelta(days=days)) == Money(minor, "GBP")


def test_a_whole_choice_asks_for_the_discounted_sum() -> None:
    """Whole documents with their discount; an amount as it is, unless it is the sum that was read."""
    other = replace(ROW, ref="o", discount=None, discount_to=None)
    rows = [ROW, other]
    less = {"r": Money(9800, "GBP"), "o": Money(10000, "GBP")}
    for kind in ("overdue", "all", "chosen", "branches"):
        assert early_payment.parts_asked(rows, kind, None, LAST) == less
    assert early_payment.parts_asked(rows, "amount", Money(19800, "GBP"), LAST) == less
    full = {"r": Money(10000, "GBP"), "o": Money(10000, "GBP")}
    assert early_payment.parts_asked(rows, "amount", Money(19801, "GBP"), LAST) == full
    assert early_payment.parts_asked(rows, "all", None, LAST + timedelta(days=1)) == full
    assert early_payment.parts_asked([], "amount", Money(1, "GBP"), LAST) == {}


@pytest.fixture
def account(store: Store) -> Account:
    """£100.00 with £2.00 off until 19 November (account-local), £20.00 of it tax."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=10000, due_on=LAST + timedelta(days=20))
        invoice.lines_net_minor, invoice.tax_minor = 8000, 2000
        invoice.early_discount_minor, invoice.early_discount_to_on = 200, LAST
    return account


def amount(minor: int) -> Choice:
    return Choice("amount", "GBP", amount=Money(minor, "GBP"))


def test_paid_in_time_it_closes(store: Store, account: Account) -> None:
    """The remainder goes to settlement discounts, its tax apart (decision 5)."""
    pay(store, account, amount(9800))
    with store.read() as s:
        invoice = s.scalars(select(Invoice)).one()
        made = s.scalars(select(Adjustment)).one()
        postings = s.execute(
            select(Posting.ledger_code, Posting.debit_minor).where(
                Posting.entry_id == made.entry_id, Posting.debit_minor > 0
            )
        ).all()
        assert ledger.wrong_balances(s) == []
        assert not any(ledger.trial_balance(s).values())
    assert (invoice.status, invoice.balance_minor) == (InvoiceStatus.PAID, 0)
    assert (made.kind, made.amount_minor) == ("early_payment_discount", 200)
    assert sorted((code.value, minor) for code, minor in postings) == [
        ("settlement_discount_tax", 40), ("settlement_discounts", 160),
    ]  # fmt: skip


@pytest.mark.parametrize(("rule", "codes", "asked"), [
    ("none", ["settlement_discounts"], []),
    ("ask", ["settlement_discounts"], [("discount_tax", 40)]),
])  # fmt: skip
def test_what_becomes_of_the_tax_is_the_country_s(
    store: Store, account: Account, rule: str, codes: list[str], asked: list[tuple[str, int]]
) -> None:
    """Decision 5: posted whole where the policy says so; where it says ask, a person is told the tax."""
    body = DEFAULT_BODY.replace("by_country = {}", f'by_country = {{ GB = "{rule}" }}')
    with store.write() as s:
        publish(s, body, reason="test", author_id=None, now=NOON - timedelta(days=1))
    pay(store, account, amount(9800))
    with store.read() as s:
        made = s.scalars(select(Adjustment)).one()
        debited = s.scalars(
            select(Posting.ledger_code).where(Posting.entry_id == made.entry_id, Posting.debit_minor > 0)
        ).all()
        tasks = [(t.kind.value, t.facts["amount_minor"]) for t in s.scalars(select(Task))]
    assert [code.value for code in debited] == codes
    assert tasks == asked


def test_a_rule_that_is_none_is_refused() -> None:
    """C-04: a policy is whole and readable, or it is not published."""
    with pytest.raises(KeyError, match="never"):
        Policy.read(DEFAULT_BODY.replace('default = "credit_note"', 'default = "never"'))


@pytest.mark.parametrize(
    ("minor", "at", "left"),
    [
        (9799, NOON, 201),  # one unit less
        (9800, datetime(2026, 11, 19, 23, 59, tzinfo=UTC), 0),
        (9800, datetime(2026, 11, 20, 0, 0, tzinfo=UTC), 200),  # the next day in London
        (9900, NOON, 0),  # more than was needed: what is left is the discount
    ],
)
def test_to_the_unit_and_to_the_day(
    store: Store, account: Account, minor: int, at: datetime, left: int
) -> None:
    """M-17: by value date, not by when we learned of it."""
    pay(store, account, amount(minor), at=at)
    assert balances(store, account) == [left]


def test_two_payments_in_time_earn_it_together(store: Store, account: Account) -> None:
    pay(store, account, amount(5000), at=NOON - timedelta(days=2))
    pay(store, account, amount(4800))
    assert balances(store, account) == [0]


def test_a_first_part_too_late_earns_nothing(store: Store, account: Account) -> None:
    pay(store, account, amount(5000))
    pay(store, account, amount(4800), at=NOON + timedelta(days=1))
    assert balances(store, account) == [200]


def test_credit_used_in_time_earns_it_too(store: Store, account: Account) -> None:
    """Credit is money that came before; its value date is the day on which it is used."""
    with store.write() as s:
        make.an_invoice(s, account, total=100)
        refs = list(s.scalars(select(Invoice.ref).order_by(Invoice.id)))
    pay(store, account, Choice("chosen", "GBP", (refs[1],)), came=Money(9900, "GBP"))
    store.run(
        lambda s: credits.apply_credit(
            s, make.holder_actor(account), refs[0], Money(9800, "GBP"), nonce="n", now=NOON
        )
    )
    assert balances(store, account) == [0, 0]


def test_paying_all_takes_the_discounted_sum(store: Store, account: Account) -> None:
    """The page asks for what closes the invoice today, also beside one without a discount."""
    with store.write() as s:
        make.an_invoice(s, account, total=500)
    payment = pay(store, account, Choice("all", "GBP"))
    assert payment.amount_minor == 10300
    assert balances(store, account) == [0, 0]


def test_what_was_read_on_the_review_is_shared_out_with_discounts(store: Store, account: Account) -> None:
    """A reviewed sum closes every invoice of it, in whatever order they come."""
    with store.write() as s:
        later = make.an_invoice(s, account, total=500, due_on=LAST + timedelta(days=40))
        refs = (
            s.get_one(Invoice, later.id).ref,
            *s.scalars(select(Invoice.ref).order_by(Invoice.id).limit(1)),
        )
    pay(store, account, Choice("amount", "GBP", refs, Money(10300, "GBP")))
    assert balances(store, account) == [0, 0]


# --------------------------------------------------------------------------- what the reviewers found


def _with_deposit(store: Store, deposit: int, discount: int) -> Account:
    """£1,000.00 at 20 % less a deposit without a rate, with a discount until today."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=120_000 - deposit, due_on=LAST + timedelta(days=10))
        s.execute(delete(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id))
        for position, (net, tax, rate) in enumerate([(100_000, 20_000, "20"), (-deposit, 0, None)], 1):
            s.add(
                InvoiceLine(
                    invoice_id=invoice.id, position=position, description="x", quantity="1",
                    unit_price="1", net_minor=net, tax_minor=tax, tax_rate=rate,
                )
            )  # fmt: skip
        invoice.lines_net_minor, invoice.tax_minor = 100_000 - deposit, 20_000
        invoice.early_discount_minor, invoice.early_discount_to_on = discount, LAST
    return account


@pytest.mark.parametrize(("deposit", "discount", "tax"), [(60_000, 1_200, 200), (110_000, 200, 33)])
def test_a_deposit_without_a_rate_does_not_raise_the_tax(
    store: Store, deposit: int, discount: int, tax: int
) -> None:
    """M-17: pro rata by rate of what carries a rate; the payment is booked whatever the lines are."""
    account = _with_deposit(store, deposit, discount)
    pay(store, account, Choice("all", "GBP"))
    assert balances(store, account) == [0]
    with store.read() as s:
        code = LedgerCode.SETTLEMENT_DISCOUNT_TAX
        assert s.scalars(select(Posting.debit_minor).where(Posting.ledger_code == code)).all() == [tax]
        assert s.scalars(select(Alert)).all() == []


def test_a_page_opened_on_the_last_day_earns_it_after_midnight(store: Store, account: Account) -> None:
    """domain.md: deadlines look at when the payment was initiated."""
    begun = at_local(LAST, time(23, 50), account.zone)
    pay(store, account, Choice("all", "GBP"), at=begun, taken_at=begun + timedelta(minutes=15))
    assert balances(store, account) == [0]


def test_while_all_but_the_discount_is_on_its_way_nothing_more_is_asked() -> None:
    """P-19: the rest is the discount that this payment may earn."""
    row = replace(ROW, processing=Money(9800, "GBP"))
    assert (row.open_part, row.asked) == (Money(0, "GBP"), Money(0, "GBP"))
    assert replace(ROW, processing=Money(9799, "GBP")).asked == Money(201, "GBP")
