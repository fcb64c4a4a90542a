"""What an account owes, as its reader sees it: sums, days, order, one document, nobody else's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import AdjustmentKind, Invoice, InvoiceAdjustment, InvoiceLine
from models.ledger import LedgerCode
from models.money import Money, total
from models.payments import AttemptInvoice, PaymentAttempt
from models.states import AttemptStatus, InvoiceStatus
from models.store import Store
from receivables import credit_notes, invoices, ledger
from receivables.calendar_days import business_date
from receivables.errors import NotAllowed, NotFound
from receivables.invoices import Overview
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests import factories as make
from tests.conftest import NOON
from tests.effort import EXAMPLES

TODAY = date(2026, 11, 19)


def on_its_way(s: Session, account: Account, invoice: Invoice, minor: int, name: str = "a") -> None:
    """A bank debit that was accepted and is not here yet."""
    attempt = PaymentAttempt(
        account_id=account.id, amount_minor=minor, currency=invoice.currency,
        status=AttemptStatus.PROCESSING, language="en", form_nonce=f"{invoice.id}-{name}",
        gateway_account="default", idempotency_key=f"{invoice.id}-{name}", operation="checkout",
        request_body="{}", expires_at=NOON, started_at=NOON,
    )  # fmt: skip
    s.add(attempt)
    s.flush()
    s.add(AttemptInvoice(attempt_id=attempt.id, invoice_id=invoice.id, reserved_minor=minor, blocking=False))
    s.flush()


def favour(s: Session, account: Account, amount: Money) -> None:
    """Money that nobody could place."""
    ledger.post(
        s, SYSTEM,
        ledger.Draft(
            account.creditor_id, f"transfer:{account.id}:{amount.currency}", "transfer", amount.currency,
            [ledger.debit(LedgerCode.BANK, amount),
             ledger.credit(LedgerCode.UNAPPLIED_CREDIT, amount, account_id=account.id)], TODAY,
        ),
        now=NOON,
    )  # fmt: skip


def look(s: Session, account: Account, now: datetime = NOON) -> Overview:
    return invoices.overview(s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=now)


# --------------------------------------------------------------------------- the overview


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["GBP", "EUR", "HUF", "JPY"]), st.integers(1, 10**9), st.integers(-40, 40),
        st.integers(0, 3),
    ),
    max_size=7,
)  # fmt: skip


@given(rows=ROWS)
@settings(max_examples=EXAMPLES // 2, deadline=None)
def test_the_parts_add_up(shared_store: Store, rows: list[tuple[str, int, int, int]]) -> None:
    """domain.md: overdue + due today + not due = asked, per currency, and asked = balance − on its way."""
    with shared_store.write() as s:
        account = make.an_account(s, make.a_creditor(s), with_contact=False)
        for code, minor, days, third in rows:
            invoice = make.an_invoice(s, account, total=Money(minor, code), due_on=TODAY + timedelta(days))
            if minor * third // 3:
                on_its_way(s, account, invoice, minor * third // 3)
        seen = look(s, account)
        assert {g.currency for g in seen.groups} == {code for code, *_ in rows}
        for group in seen.groups:
            mine = [row for row in rows if row[0] == group.currency]
            asked = sum(minor - minor * third // 3 for _, minor, _, third in mine)
            assert group.asked == Money(asked, group.currency)
            assert group.overdue + group.due_today + group.not_due == group.asked
            assert group.processing.minor == sum(minor * third // 3 for _, minor, _, third in mine)
            late = sum(m - m * third // 3 for _, m, days, third in mine if days < 0)
            assert group.overdue.minor == late
            assert [row.due_on for row in group.rows] == sorted(TODAY + timedelta(d) for _, _, d, _ in mine)
            assert len(group.overdue_rows) == sum(d < 0 and m > m * third // 3 for _, m, d, third in mine)


def test_currencies_with_something_overdue_come_first(sqlite_store: Store) -> None:
    """domain.md: what presses comes first, then what is open, then what is in his favour."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, currency="EUR", due_on=TODAY + timedelta(days=5))
        make.an_invoice(s, account, currency="USD", due_on=TODAY - timedelta(days=1))
        make.an_invoice(s, account, currency="HUF", due_on=TODAY - timedelta(days=1))
        favour(s, account, Money(100, "CHF"))
        favour(s, account, Money(200, "EUR"))
        groups = look(s, account).groups
    assert [g.currency for g in groups] == ["HUF", "USD", "EUR", "CHF"]
    assert [g.credit for g in groups] == [
        Money(0, "HUF"), Money(0, "USD"), Money(200, "EUR"), Money(100, "CHF"),
    ]  # fmt: skip
    assert (groups[3].rows, groups[3].asked) == ([], Money(0, "CHF"))


def test_what_is_paid_void_or_a_draft_is_not_asked_for(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=100)
        credit_notes.record_credit_note(
            s, SYSTEM, invoice.ref, number="CN", amount=Money(100, "GBP"), reason="r", now=NOON
        )
        draft = Invoice(
            account_id=account.id, kind="invoice", number="draft", status=InvoiceStatus.DRAFT,
            issued_on=TODAY, currency="GBP", lines_net_minor=5, total_minor=5, balance_minor=5,
            created_at=NOON,
        )  # fmt: skip
        s.add(draft)
        s.flush()
        assert look(s, account).groups == []
        with pytest.raises(NotFound):
            invoices.document(s, make.holder_actor(account), draft.ref, now=NOON)


def test_more_on_its_way_than_is_open_is_not_asked_back(sqlite_store: Store) -> None:
    """P-05, decision 12: two debits for one invoice, or a credit note meanwhile, never lower other sums."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        twice = make.an_invoice(s, account, total=100)
        make.an_invoice(s, account, total=500)
        on_its_way(s, account, twice, 100, "a")
        on_its_way(s, account, twice, 100, "b")
        (group,) = look(s, account).groups
    assert group.asked == Money(500, "GBP")
    assert group.overdue == Money(500, "GBP")
    assert all(row.asked.minor >= 0 for row in group.rows)


def test_notices_of_what_is_not_known_yet(sqlite_store: Store) -> None:
    """FT-13, FT-14: a payment on its way or being checked is said, with its amount."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        on_its_way(s, account, make.an_invoice(s, account, total=900), 700)
        (notice,) = look(s, account).notices
    assert (notice.status, notice.amount) == (AttemptStatus.PROCESSING, Money(700, "GBP"))


# --------------------------------------------------------------------------- days

#: Zone, a moment, and how late an invoice due on 18 November is there.
MIDNIGHTS = [
    ("Europe/London", datetime(2026, 11, 18, 23, 59, 59, tzinfo=UTC), 0),
    ("Europe/London", datetime(2026, 11, 19, 0, 0, tzinfo=UTC), 1),
    ("Asia/Jerusalem", datetime(2026, 11, 18, 21, 59, tzinfo=UTC), 0),
    ("Asia/Jerusalem", datetime(2026, 11, 18, 22, 0, tzinfo=UTC), 1),
    ("America/Los_Angeles", datetime(2026, 11, 19, 7, 59, tzinfo=UTC), 0),
    ("America/Los_Angeles", datetime(2026, 11, 19, 8, 0, tzinfo=UTC), 1),
    ("Pacific/Kiritimati", datetime(2026, 11, 18, 9, 59, tzinfo=UTC), 0),
    ("Pacific/Kiritimati", datetime(2026, 11, 18, 10, 0, tzinfo=UTC), 1),
    ("Asia/Kathmandu", datetime(2026, 11, 18, 18, 14, tzinfo=UTC), 0),
    ("Asia/Kathmandu", datetime(2026, 11, 18, 18, 15, tzinfo=UTC), 1),
]


@pytest.mark.parametrize(("zone", "now", "late"), MIDNIGHTS)
def test_overdue_begins_at_the_accounts_midnight(store: Store, zone: str, now: datetime, late: int) -> None:
    """house.md, Time: the account's day decides, not the server's and not the creditor's."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s), zone=zone)
        make.an_invoice(s, account, total=100, due_on=date(2026, 11, 18))
        seen = look(s, account, now)
        (group,) = seen.groups
        assert group.rows[0].days_late == late
        assert (group.overdue.minor, group.due_today.minor) == ((100, 0) if late else (0, 100))
        assert seen.today == business_date(now, zone)
        assert invoices.accounts_with_overdue(s, now=now) == ([account.id] if late else [])


def test_accounts_with_something_overdue(store: Store) -> None:
    """Decision 22: each by its own date; paid ones and future ones left out, ids ascending."""
    with store.write() as s:
        creditor = make.a_creditor(s)
        due = [make.an_account(s, creditor) for _ in range(4)]
        make.an_invoice(s, due[0], due_on=TODAY - timedelta(days=1))
        make.an_invoice(s, due[1], due_on=TODAY)
        make.an_invoice(s, due[2], due_on=TODAY - timedelta(days=30))
        make.an_invoice(s, due[2], due_on=TODAY + timedelta(days=30))
        paid = make.an_invoice(s, due[3], total=100)
        credit_notes.record_credit_note(
            s, SYSTEM, paid.ref, number="CN", amount=Money(100, "GBP"), reason="r", now=NOON
        )
    with store.read() as s:
        assert invoices.accounts_with_overdue(s, now=NOON) == [due[0].id, due[2].id]


def test_without_a_due_date_it_is_last_and_never_late(store: Store) -> None:
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=100).due_on = None
        make.an_invoice(s, account, total=200, due_on=TODAY + timedelta(days=9))
        s.flush()
        (group,) = look(s, account).groups
    assert [row.balance.minor for row in group.rows] == [200, 100]
    assert (group.not_due.minor, group.overdue.minor) == (300, 0)


# --------------------------------------------------------------------------- one document


def test_a_document_adds_up(store: Store) -> None:
    """Decision 3: lines − allowances + charges + tax − prepaid + rounding = total; − movements = balance."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = Invoice(
            account_id=account.id, kind="invoice", number="2026-0815", status=InvoiceStatus.OPEN,
            issued_on=date(2026, 10, 1), due_on=date(2026, 10, 31), currency="GBP", lines_net_minor=9500,
            allowances_minor=500, charges_minor=300, tax_minor=1860, prepaid_minor=1000, rounding_minor=-1,
            total_minor=10159, balance_minor=0, description="Menus", purchase_order="PO-7",
            created_at=NOON,
        )  # fmt: skip
        s.add(invoice)
        s.flush()
        for position, net in enumerate((10000, -500), 1):
            s.add(InvoiceLine(invoice_id=invoice.id, position=position, description=f"line {position}",
                              quantity="2.5", unit_price="40.00", net_minor=net, tax_rate="20"))  # fmt: skip
        for kind, minor in ((AdjustmentKind.ALLOWANCE, 500), (AdjustmentKind.CHARGE, 300)):
            s.add(InvoiceAdjustment(invoice_id=invoice.id, kind=kind, reason="agreed", amount_minor=minor))
        amount = Money(10159, "GBP")
        ledger.post(
            s, SYSTEM,
            ledger.Draft(account.creditor_id, f"invoice:{invoice.id}", "invoice", "GBP",
                         [ledger.debit(LedgerCode.RECEIVABLES, amount, account_id=account.id,
                                       invoice_id=invoice.id),
                          ledger.credit(LedgerCode.OPENING_COUNTERPART, amount)], TODAY), now=NOON,
        )  # fmt: skip
        credit_notes.record_credit_note(
            s, SYSTEM, invoice.ref, number="CN-1", amount=Money(159, "GBP"), reason="damp", now=NOON
        )
        seen = invoices.document(s, make.holder_actor(account), invoice.ref, now=NOON)
    assert total([line.net for line in seen.lines], "GBP") == seen.lines_net
    assert (
        seen.lines_net - seen.allowances + seen.charges + seen.tax - seen.prepaid + seen.rounding
        == seen.row.total
    )
    assert seen.row.total - total([m.amount for m in seen.movements], "GBP") == seen.row.balance
    assert seen.row.balance == Money(10000, "GBP")
    assert [(m.source, m.number, m.on) for m in seen.movements] == [("credit_note", "CN-1", TODAY)]
    assert [(a.kind, a.amount.minor) for a in seen.adjustments] == [("allowance", 500), ("charge", 300)]
    assert (seen.purchase_order, seen.row.days_late) == ("PO-7", 19)


# --------------------------------------------------------------------------- nobody else's


def test_another_accounts_document_is_not_found(sqlite_store: Store) -> None:
    """L-15: unknown and foreign look the same to the letter."""
    with sqlite_store.write() as s:
        creditor = make.a_creditor(s)
        mine, theirs = make.an_account(s, creditor), make.an_account(s, creditor)
        foreign = make.an_invoice(s, theirs)
        errors = []
        for ref in (foreign.ref, "no-such-ref", "", "1", str(foreign.id), "'; --", "\u202e"):
            with pytest.raises(NotFound) as refused:
                invoices.document(s, make.holder_actor(mine), ref, now=NOON)
            errors.append((refused.value.code, refused.value.facts))
        assert errors == [("not_found", {})] * len(errors)
        for act in (
            lambda: invoices.overview(
                s, make.holder_actor(mine), account_id=theirs.id, zone="Europe/London", now=NOON
            ),
            lambda: invoices.bank_details(s, make.holder_actor(mine), account_id=theirs.id, currency="GBP"),
        ):
            with pytest.raises(NotFound):
                act()
        assert invoices.document(s, SYSTEM, foreign.ref, now=NOON).row.ref == foreign.ref


def test_a_person_without_the_permission_is_refused(sqlite_store: Store) -> None:
    """A-01: deny by default; an administrator reads no account."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        nobody = Actor(ActorKind.STAFF, id=1)
        with pytest.raises(NotAllowed):
            invoices.overview(s, nobody, account_id=account.id, zone=account.zone, now=NOON)
        with pytest.raises(NotAllowed):
            invoices.document(s, nobody, make.an_invoice(s, account).ref, now=NOON)


def test_bank_details_by_currency(sqlite_store: Store) -> None:
    """Decision 24: where a transfer goes, with the customer number as reference; none set up, none shown."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        actor = make.holder_actor(account)
        found = invoices.bank_details(s, actor, account_id=account.id, currency="EUR")
        assert found is not None
        assert (found.currency, found.reference) == ("EUR", account.number)
        assert found.iban == "GB33BUKB20201555555555"
        assert invoices.bank_details(s, actor, account_id=account.id, currency="JPY") is None
