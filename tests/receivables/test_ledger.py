"""The books: whole entries or none, once, undone by reversal, balances that follow.

Source: M-03…M-05, M-09, M-19, M-22.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import CurrencyMismatch, Money
from models.states import InvoiceStatus
from models.store import Store
from receivables import audit, ledger
from receivables.errors import Refused
from receivables.ledger import Draft, Side, credit, debit
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.effort import EXAMPLES, LONG
from tests.races import together

RECEIVABLES, CLEARING = LedgerCode.RECEIVABLES, LedgerCode.GATEWAY_CLEARING
TODAY = date(2026, 11, 19)


def gbp(minor: int) -> Money:
    return Money(minor, "GBP")


def paid(invoice: Invoice, minor: int, *, reference: str = "payment:1", creditor_id: int) -> Draft:
    """Money at the gateway against one invoice."""
    amount = Money(minor, invoice.currency)
    return Draft(
        creditor_id=creditor_id, reference=reference, kind="payment", currency=invoice.currency,
        effective_on=TODAY,
        sides=[
            debit(CLEARING, amount),
            credit(RECEIVABLES, amount, account_id=invoice.account_id, invoice_id=invoice.id),
        ],
    )  # fmt: skip


class Books:
    """One account with one invoice of 100.00, and what the books say of it."""

    def __init__(self, store: Store, total: int = 10000) -> None:
        self.store = store
        with store.write() as s:
            self.creditor = make.a_creditor(s)
            self.account = make.an_account(s, self.creditor)
            self.invoice = make.an_invoice(s, self.account, total=total)

    def draft(self, minor: int, reference: str = "payment:1") -> Draft:
        return paid(self.invoice, minor, reference=reference, creditor_id=self.creditor.id)

    def post(self, draft: Draft, now: datetime = NOON) -> LedgerEntry:
        return self.store.run(lambda s: ledger.post(s, SYSTEM, draft, now=now))

    def state(self) -> tuple[int, InvoiceStatus]:
        with self.store.read() as s:
            invoice = s.get_one(Invoice, self.invoice.id)
            return invoice.balance_minor, invoice.status

    def count(self, kind: str) -> int:
        with self.store.read() as s:
            return s.scalar(select(func.count()).where(LedgerEntry.kind == kind)) or 0


@pytest.fixture
def books(store: Store) -> Books:
    return Books(store)


@pytest.fixture
def quick(sqlite_store: Store) -> Books:
    return Books(sqlite_store)


# --------------------------------------------------------------------------- whole entries or none


def test_a_payment_moves_the_balance(books: Books) -> None:
    """M-22: the balance is the sum of the postings, and the last penny closes the invoice."""
    assert books.state() == (10000, InvoiceStatus.OPEN)
    books.post(books.draft(4000))
    assert books.state() == (6000, InvoiceStatus.OPEN)
    books.post(books.draft(6000, "payment:2"))
    assert books.state() == (0, InvoiceStatus.PAID)
    with books.store.read() as s:
        assert ledger.trial_balance(s) == {"GBP": 0}
        assert ledger.wrong_balances(s) == []
        assert audit.verify(s) is None


BAD_SIDES: dict[str, Callable[[Books], list[Side]]] = {
    "debits and credits differ": lambda b: [
        debit(CLEARING, Money(100, "GBP")),
        credit(LedgerCode.BANK, Money(99, "GBP")),
    ],
    "one posting": lambda b: [debit(CLEARING, Money(100, "GBP"))],
    "no posting": lambda b: [],
    "a posting of zero": lambda b: [
        debit(CLEARING, Money(100, "GBP")),
        credit(LedgerCode.BANK, Money(100, "GBP")),
        debit(LedgerCode.BANK, Money(0, "GBP")),
    ],
    "a negative posting": lambda b: [
        debit(CLEARING, Money(-100, "GBP")),
        credit(LedgerCode.BANK, Money(-100, "GBP")),
    ],
    "both sides at once": lambda b: [
        Side(CLEARING, debit_minor=100, credit_minor=100),
        Side(LedgerCode.BANK, debit_minor=100, credit_minor=100),
    ],
}


@pytest.mark.parametrize("what", BAD_SIDES)
def test_only_balanced_entries_are_posted(quick: Books, what: str) -> None:
    """M-03: refused in the code, before the database is asked."""
    draft = replace(quick.draft(1), sides=BAD_SIDES[what](quick), reference="bad")
    with pytest.raises(ValueError, match="bad"):
        quick.post(draft)
    with quick.store.write() as s, pytest.raises(ValueError, match="bad"):
        ledger.post_new_invoices(s, [draft], now=NOON, posted_on=TODAY)
    assert quick.count("payment") == 0


def test_one_currency_in_one_entry(quick: Books) -> None:
    """house.md, Money: euros never stand in an entry of pounds, though the numbers are equal."""
    draft = replace(
        quick.draft(100),
        sides=[debit(CLEARING, Money(100, "EUR")), credit(LedgerCode.BANK, Money(100, "GBP"))],
    )
    with pytest.raises(CurrencyMismatch):
        quick.post(draft)
    assert quick.count("payment") == 0


def test_an_invoice_is_paid_in_its_own_currency(quick: Books) -> None:
    """M-03, M-09: an entry in euros does not touch the balance of an invoice in pounds."""
    euros = Money(100, "EUR")
    draft = replace(
        quick.draft(100),
        currency="EUR",
        sides=[
            debit(CLEARING, euros),
            credit(RECEIVABLES, euros, account_id=quick.account.id, invoice_id=quick.invoice.id),
        ],
    )
    with pytest.raises(CurrencyMismatch):
        quick.post(draft)
    assert quick.state() == (10000, InvoiceStatus.OPEN)


@pytest.mark.parametrize(("minor", "left"), [(10001, -1), (-1, 10001)])
def test_no_balance_leaves_its_range(books: Books, minor: int, left: int) -> None:
    """M-09: never below zero, never above the total; nothing of such an entry is kept."""
    draft = books.draft(abs(minor))
    if minor < 0:
        draft = replace(
            draft, sides=[Side(s.code, s.credit_minor, s.debit_minor, s.account_id, s.invoice_id)
                          for s in draft.sides],
        )  # fmt: skip
    with pytest.raises(Refused) as refused:
        books.post(draft)
    assert (refused.value.code, refused.value.facts["balance"]) == ("balance_out_of_range", left)
    assert books.state() == (10000, InvoiceStatus.OPEN)
    assert books.count("payment") == 0


# --------------------------------------------------------------------------- once


def test_the_same_fact_twice_is_one_entry(books: Books) -> None:
    """M-05: same reference, same postings: the first entry is the answer."""
    first = books.post(books.draft(4000))
    again = books.post(books.draft(4000), now=NOON + timedelta(days=3))
    assert again.id == first.id
    assert books.state() == (6000, InvoiceStatus.OPEN)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: replace(d, kind="refund"),
        lambda d: replace(d, effective_on=TODAY - timedelta(days=1)),
        lambda d: replace(d, sides=[replace(s, debit_minor=s.debit_minor and 3999,
                                            credit_minor=s.credit_minor and 3999) for s in d.sides]),
        lambda d: replace(d, sides=[replace(s, code=LedgerCode.BANK) if s.debit_minor else s
                                    for s in d.sides]),
    ],
)  # fmt: skip
def test_the_same_reference_for_another_fact_is_refused(
    quick: Books, change: Callable[[Draft], Draft]
) -> None:
    """M-05: same key, other payload is an error, and the books stay."""
    quick.post(quick.draft(4000))
    with pytest.raises(Refused) as refused:
        quick.post(change(quick.draft(4000)))
    assert refused.value.code == "reference_reused"
    assert quick.state() == (6000, InvoiceStatus.OPEN)


def test_a_hundred_replays_at_once_are_one_entry(books: Books) -> None:
    """M-05: replay ×100 concurrently = 1 row, and everybody gets it as the answer."""
    answers = together(20, lambda _: [books.post(books.draft(4000)).id for _ in range(5)])
    assert {n for answer in answers for n in answer} == {books.post(books.draft(4000)).id}  # type: ignore[union-attr]
    assert books.count("payment") == 1
    assert books.state() == (6000, InvoiceStatus.OPEN)


def test_replays_of_a_fact_without_an_invoice_are_one_entry(books: Books) -> None:
    """M-05: no invoice lock stands before such an entry; the reference alone keeps it single."""
    fee = Draft(
        creditor_id=books.creditor.id, reference="fee:txn_1", kind="gateway_fee", currency="GBP",
        effective_on=TODAY,
        sides=[debit(LedgerCode.GATEWAY_FEES, Money(55, "GBP")), credit(CLEARING, Money(55, "GBP"))],
    )  # fmt: skip
    answers = together(16, lambda _: books.post(fee).id)
    assert len(set(answers)) == 1, answers
    assert books.count("gateway_fee") == 1


# --------------------------------------------------------------------------- reversal


def test_a_reversal_is_the_mirror_image(books: Books) -> None:
    """M-04: the wrong entry stays, its mirror stands beside it, the invoice is open again."""
    entry = books.post(books.draft(10000))
    assert books.state() == (0, InvoiceStatus.PAID)
    reversal = books.store.run(lambda s: ledger.reverse(s, SYSTEM, entry, effective_on=TODAY, now=NOON))
    assert books.state() == (10000, InvoiceStatus.OPEN)
    with books.store.read() as s:
        rows = s.execute(
            select(Posting.entry_id, Posting.ledger_code, Posting.debit_minor, Posting.credit_minor)
            .where(Posting.entry_id.in_([entry.id, reversal.id]))
            .order_by(Posting.entry_id, Posting.position)
        ).all()
        assert [tuple(r) for r in rows] == [
            (entry.id, CLEARING, 10000, 0), (entry.id, RECEIVABLES, 0, 10000),
            (reversal.id, CLEARING, 0, 10000), (reversal.id, RECEIVABLES, 10000, 0),
        ]  # fmt: skip
        assert reversal.reverses_id == entry.id
        assert ledger.wrong_balances(s) == []


def test_an_entry_is_reversed_at_most_once(books: Books) -> None:
    """M-04: a second call, on another day too, returns the first reversal."""
    entry = books.post(books.draft(4000))

    def undo(day: date) -> int:
        return books.store.run(lambda s: ledger.reverse(s, SYSTEM, entry, effective_on=day, now=NOON).id)

    assert undo(TODAY) == undo(TODAY) == undo(TODAY + timedelta(days=1))
    assert books.state() == (10000, InvoiceStatus.OPEN)
    assert books.count("payment_reversed") == 1


def test_reversing_at_once_from_many_sides_is_one_reversal(books: Books) -> None:
    """M-04."""
    entry = books.post(books.draft(4000))
    answers = together(
        8,
        lambda _: books.store.run(
            lambda s: ledger.reverse(s, SYSTEM, entry, effective_on=TODAY, now=NOON).id
        ),
    )
    assert len(set(answers)) == 1, answers
    assert books.count("payment_reversed") == 1
    assert books.state() == (10000, InvoiceStatus.OPEN)


def test_a_reversal_is_not_reversed(quick: Books) -> None:
    """M-04: pending resolves at most once; what was wrong to undo is posted anew."""
    entry = quick.post(quick.draft(4000))
    with quick.store.write() as s:
        reversal = ledger.reverse(s, SYSTEM, entry, effective_on=TODAY, now=NOON)
        with pytest.raises(Refused) as refused:
            ledger.reverse(s, SYSTEM, reversal, effective_on=TODAY, now=NOON)
    assert refused.value.code == "reversal_of_reversal"


# --------------------------------------------------------------------------- days


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/London", date(2026, 11, 19)),
        ("Asia/Jerusalem", date(2026, 11, 20)),
        ("America/New_York", date(2026, 11, 19)),
    ],
)
def test_the_day_of_the_books_is_the_creditors(sqlite_store: Store, zone: str, day: date) -> None:
    """M-19: posted on the creditor's today; a late fact keeps its own day beside it."""
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    with sqlite_store.write() as s:
        creditor = make.a_creditor(s, zone=zone)
        invoice = make.an_invoice(s, make.an_account(s, creditor), total=100)
        draft = replace(paid(invoice, 100, creditor_id=creditor.id), effective_on=date(2026, 10, 1))
        entry = ledger.post(s, SYSTEM, draft, now=late)
    assert (entry.posted_on, entry.effective_on, entry.posted_at) == (day, date(2026, 10, 1), late)


# --------------------------------------------------------------------------- worked examples


def balances(s: Session) -> dict[str, int]:
    """Debit balances of the chart, in minor units, zeros left out."""
    rows = s.execute(
        select(Posting.ledger_code, func.sum(Posting.debit_minor - Posting.credit_minor)).group_by(
            Posting.ledger_code
        )
    )
    return {code.value: int(n) for code, n in rows if n}


def test_a_month_in_an_accountants_words(quick: Books) -> None:
    """An invoice for 100.00; 60.00 by card with 1.15 fee; 15.00 credited; 30.00 by transfer.

    The transfer is 5.00 more than is open: 25.00 close the invoice, 5.00 stand in the customer's
    favour. Receivables are nil, the gateway owes us 58.85, the bank has 30.00.
    """
    owner = {"account_id": quick.account.id, "invoice_id": quick.invoice.id}
    story = [
        ("payment:ch_1", [debit(CLEARING, gbp(6000)), credit(RECEIVABLES, gbp(6000), **owner)]),
        ("fee:txn_1", [debit(LedgerCode.GATEWAY_FEES, gbp(115)), credit(CLEARING, gbp(115))]),
        ("note:1", [debit(LedgerCode.CREDIT_NOTES, gbp(1500)), credit(RECEIVABLES, gbp(1500), **owner)]),
        ("transfer:1", [
            debit(LedgerCode.BANK, gbp(3000)), credit(RECEIVABLES, gbp(2500), **owner),
            credit(LedgerCode.UNAPPLIED_CREDIT, gbp(500), account_id=quick.account.id),
        ]),
    ]  # fmt: skip
    for reference, sides in story:
        quick.post(Draft(quick.creditor.id, reference, "fact", "GBP", sides, TODAY))
    assert quick.state() == (0, InvoiceStatus.PAID)
    with quick.store.read() as s:
        assert balances(s) == {
            "gateway_clearing": 5885, "gateway_fees": 115, "credit_notes": 1500, "bank": 3000,
            "unapplied_credit": -500, "opening_counterpart": -10000,
        }  # fmt: skip
        assert ledger.unapplied_credit(s, quick.account.id) == [Money(500, "GBP")]
        assert ledger.trial_balance(s) == {"GBP": 0}


def test_an_imported_credit_note_waits_in_the_customers_favour(quick: Books) -> None:
    """Decision 3: opening counterpart / unapplied credit, 40.00; 25.00 of it is then applied."""
    with quick.store.write() as s:
        note = Invoice(
            account_id=quick.account.id, kind=InvoiceKind.CREDIT_NOTE, number="CN-9",
            status=InvoiceStatus.OPEN, issued_on=TODAY, currency="GBP", lines_net_minor=4000,
            total_minor=4000, balance_minor=0, created_at=NOON,
        )  # fmt: skip
        s.add(note)
        s.flush()
        held = {"account_id": quick.account.id, "invoice_id": note.id}
        opening = Draft(
            quick.creditor.id, f"invoice:{note.id}", "credit_note_opening", "GBP",
            [debit(LedgerCode.OPENING_COUNTERPART, gbp(4000)),
             credit(LedgerCode.UNAPPLIED_CREDIT, gbp(4000), **held)], TODAY,
        )  # fmt: skip
        assert ledger.post_new_invoices(s, [opening], now=NOON, posted_on=TODAY) == 1
        assert ledger.post_new_invoices(s, [opening], now=NOON, posted_on=TODAY) == 0
        ledger.post(
            s, SYSTEM,
            Draft(quick.creditor.id, "apply:1", "apply", "GBP",
                  [debit(LedgerCode.UNAPPLIED_CREDIT, gbp(2500), **held),
                   credit(RECEIVABLES, gbp(2500), account_id=quick.account.id,
                          invoice_id=quick.invoice.id)], TODAY),
            now=NOON,
        )  # fmt: skip
    with quick.store.read() as s:
        assert s.get_one(Invoice, note.id).balance_minor == 1500
        assert ledger.unapplied_credit(s, quick.account.id) == [Money(1500, "GBP")]
        assert ledger.wrong_balances(s) == []
    assert quick.state() == (7500, InvoiceStatus.OPEN)


def test_an_opening_reference_used_for_other_postings_is_refused(quick: Books) -> None:
    """M-05: also for the openings of an import."""
    draft = quick.draft(4000, "opening:1")
    quick.post(draft)
    with quick.store.write() as s:
        assert ledger.post_new_invoices(s, [draft], now=NOON, posted_on=TODAY) == 0
        with pytest.raises(Refused) as refused:
            ledger.post_new_invoices(s, [quick.draft(4001, "opening:1")], now=NOON, posted_on=TODAY)
    assert refused.value.code == "reference_reused"


def test_credit_is_shown_by_currency(quick: Books) -> None:
    """Two currencies of one account stay two amounts; one that is used up is left out."""
    account = {"account_id": quick.account.id}
    for code, minor in (("EUR", 700), ("GBP", 300), ("HUF", 100)):
        amount = Money(minor, code)
        quick.post(Draft(quick.creditor.id, f"in:{code}", "in", code,
                         [debit(LedgerCode.BANK, amount),
                          credit(LedgerCode.UNAPPLIED_CREDIT, amount, **account)], TODAY))  # fmt: skip
    forints = Money(100, "HUF")
    quick.post(Draft(quick.creditor.id, "out:HUF", "out", "HUF",
                     [debit(LedgerCode.UNAPPLIED_CREDIT, forints, **account),
                      credit(LedgerCode.BANK, forints)], TODAY))  # fmt: skip
    with quick.store.read() as s:
        assert ledger.unapplied_credit(s, quick.account.id) == [Money(700, "EUR"), Money(300, "GBP")]
        assert ledger.trial_balance(s) == {"EUR": 0, "GBP": 0, "HUF": 0}


# --------------------------------------------------------------------------- the cache


def test_a_wrong_cache_is_found_and_repaired(books: Books) -> None:
    """M-22: compared with the postings, rebuilt, and named."""
    books.post(books.draft(4000))
    number = books.invoice.id
    with books.store.write() as s:
        s.execute(text("UPDATE invoice SET balance_minor = 5999"))
    with books.store.read() as s:
        assert ledger.wrong_balances(s) == [(number, 5999, 6000)]
    assert books.store.run(ledger.repair_balances) == [(number, 5999, 6000)]
    assert books.state() == (6000, InvoiceStatus.OPEN)
    assert books.store.run(ledger.repair_balances) == []


@pytest.mark.parametrize(("cached", "status"), [(0, "paid"), (1, "open")])
def test_a_repaired_balance_brings_its_status_along(books: Books, cached: int, status: str) -> None:
    """M-22: an invoice that is owed again is open again, and one that is paid is paid."""
    if cached:
        books.post(books.draft(10000))
    with books.store.write() as s:
        s.execute(text("UPDATE invoice SET balance_minor = :b, status = :s"), {"b": cached, "s": status})
    books.store.run(ledger.repair_balances)
    expected = (0, InvoiceStatus.PAID) if cached else (10000, InvoiceStatus.OPEN)
    assert books.state() == expected


# --------------------------------------------------------------------------- reference model

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "credit", "reverse", "replay"]),
        st.integers(0, 1),
        st.integers(1, 140),
    ),
    max_size=30 if LONG else 14,
)


@given(steps=STEPS)
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_story_keeps_balances_in_range(shared_store: Store, steps: list[tuple[str, int, int]]) -> None:
    """M-09: against a model of plain numbers, after every step: 0 ≤ balance ≤ total, sums to zero."""
    with shared_store.write() as s:
        creditor = make.a_creditor(s)
        account = make.an_account(s, creditor, with_contact=False)
        owed = [make.an_invoice(s, account, total=100), make.an_invoice(s, account, total=60)]
        model = [100, 60]
        entries: list[tuple[LedgerEntry, Draft, int, int]] = []
        undone: set[int] = set()
        for number, (verb, which, minor) in enumerate(steps):
            if verb in ("pay", "credit"):
                draft = paid(owed[which], minor, reference=f"{account.id}:{number}", creditor_id=creditor.id)
                with s.begin_nested() as step:
                    try:
                        entry = ledger.post(s, SYSTEM, draft, now=NOON)
                    except Refused:
                        assert minor > model[which]
                        step.rollback()
                        continue
                assert minor <= model[which]
                model[which] -= minor
                entries.append((entry, draft, which, minor))
            elif entries and verb == "replay":
                entry, draft, _, _ = entries[minor % len(entries)]
                assert ledger.post(s, SYSTEM, draft, now=NOON) is entry
            elif entries:
                entry, _, which, size = entries[minor % len(entries)]
                ledger.reverse(s, SYSTEM, entry, effective_on=TODAY, now=NOON)
                if entry.id not in undone:
                    undone.add(entry.id)
                    model[which] += size
            check(s, account, owed, model)


def check(s: Session, account: Account, owed: list[Invoice], model: list[int]) -> None:
    rows = s.execute(
        select(Invoice.balance_minor, Invoice.total_minor, Invoice.status)
        .where(Invoice.account_id == account.id)
        .order_by(Invoice.id)
    ).all()
    assert [r.balance_minor for r in rows] == model
    for r in rows:
        assert 0 <= r.balance_minor <= r.total_minor
        assert (r.status is InvoiceStatus.PAID) == (r.balance_minor == 0)
    derived = s.execute(
        select(func.sum(Posting.debit_minor - Posting.credit_minor))
        .where(Posting.invoice_id.in_([i.id for i in owed]), Posting.ledger_code == RECEIVABLES)
        .group_by(Posting.invoice_id)
        .order_by(Posting.invoice_id)
    )
    assert [int(n) for (n,) in derived] == model
    assert set(ledger.trial_balance(s).values()) == {0}
