"""Crediting an open invoice: what is refused, what is freed, once (decisions 3, 4, 14; P-05)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.audit import AuditEntry
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerEntry
from models.money import Money
from models.payments import Allocation, AttemptInvoice, PaymentAttempt
from models.staff import Role
from models.states import AttemptStatus, InvoiceStatus
from models.store import Store
from models.work import Job
from receivables import credit_notes, ledger
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.permissions import SYSTEM, Actor
from tests import factories as make
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.test_invoices import on_its_way


def pounds(minor: int) -> Money:
    return Money(minor, "GBP")


def record(
    s: Session, ref: str, amount: Money, *, number: str = "CN-1", reason: str = "Two cartons damp",
    actor: Actor = SYSTEM,
) -> Invoice:  # fmt: skip
    return credit_notes.record_credit_note(
        s, actor, ref, number=number, amount=amount, reason=reason, now=NOON
    )


def owing(s: Session, total: int = 10000) -> tuple[Account, Invoice]:
    account = make.an_account(s, make.a_creditor(s))
    return account, make.an_invoice(s, account, total=total)


@pytest.mark.parametrize(("minor", "status"), [(4000, InvoiceStatus.OPEN), (10000, InvoiceStatus.PAID)])
def test_a_credit_note_lowers_what_is_owed(store: Store, minor: int, status: InvoiceStatus) -> None:
    """Decision 3: credit notes / receivables; the note is fully applied, the allocation says where."""
    with store.write() as s:
        _, invoice = owing(s)
        note = record(s, invoice.ref, pounds(minor))
    with store.read() as s:
        credited = s.get_one(Invoice, invoice.id)
        assert (credited.balance_minor, credited.status) == (10000 - minor, status)
        assert (note.kind, note.status, note.balance_minor) == (InvoiceKind.CREDIT_NOTE, "paid", 0)
        assert (note.total_minor, note.refers_to_id) == (minor, invoice.id)
        share = s.scalars(select(Allocation)).one()
        assert (share.credit_note_id, share.invoice_id, share.amount_minor) == (note.id, invoice.id, minor)
        assert ledger.wrong_balances(s) == []
        assert ledger.trial_balance(s) == {"GBP": 0}
        assert "credit_note.recorded" in s.scalars(select(AuditEntry.code)).all()


REFUSED = [
    ("amount_zero", pounds(0), "CN-1", "r"),
    ("amount_zero", pounds(-1), "CN-1", "r"),
    ("amount_above_balance", pounds(10001), "CN-1", "r"),
    ("other_currency", Money(100, "EUR"), "CN-1", "r"),
    ("reason_missing", pounds(100), "CN-1", "  "),
    ("reason_missing", pounds(100), "  ", "r"),
]


@pytest.mark.parametrize(("code", "amount", "number", "reason"), REFUSED)
def test_what_does_not_fit_is_refused_by_name(
    sqlite_store: Store, code: str, amount: Money, number: str, reason: str
) -> None:
    with sqlite_store.write() as s:
        _, invoice = owing(s)
        with pytest.raises(Refused) as refused:
            record(s, invoice.ref, amount, number=number, reason=reason)
        assert refused.value.code == code
        if code == "amount_above_balance":
            assert refused.value.facts["asked"] == pounds(10000)
        assert s.get_one(Invoice, invoice.id).balance_minor == 10000
        assert s.scalar(select(func.count()).where(Invoice.kind == InvoiceKind.CREDIT_NOTE)) == 0


def test_what_is_on_its_way_is_not_credited(sqlite_store: Store) -> None:
    """The amount is at most what is open and not being brought by a bank debit."""
    with sqlite_store.write() as s:
        account, invoice = owing(s)
        on_its_way(s, account, invoice, 8000)
        with pytest.raises(Refused) as refused:
            record(s, invoice.ref, pounds(2001))
        assert (refused.value.code, refused.value.facts["asked"]) == ("amount_above_balance", pounds(2000))
        record(s, invoice.ref, pounds(2000))


def test_a_closed_invoice_takes_no_credit(sqlite_store: Store) -> None:
    with sqlite_store.write() as s:
        _, invoice = owing(s)
        record(s, invoice.ref, pounds(10000))
        with pytest.raises(Refused, match="invoice_not_open"):
            record(s, invoice.ref, pounds(1), number="CN-2")


def test_the_same_note_twice_is_one_note(store: Store) -> None:
    """M-05: number, amount and invoice the same; anything else under that number is another note's."""
    with store.write() as s:
        account, invoice = owing(s)
        first = record(s, invoice.ref, pounds(4000))
        assert record(s, invoice.ref, pounds(4000)).id == first.id
        other = make.an_invoice(s, account)
        for ref, amount in (
            (invoice.ref, pounds(4001)),
            (other.ref, pounds(4000)),
            (invoice.ref, Money(4000, "EUR")),
        ):
            with pytest.raises(Refused, match="number_taken"):
                record(s, ref, amount)
        assert s.get_one(Invoice, invoice.id).balance_minor == 6000
        make.an_invoice(s, make.an_account(s, make.a_creditor(s)))
    with store.read() as s:
        assert s.scalar(select(func.count()).where(LedgerEntry.kind == "credit_note")) == 1


@pytest.mark.parametrize("what", ["unknown", "another note"])
def test_only_what_is_owed_is_credited(sqlite_store: Store, what: str) -> None:
    with sqlite_store.write() as s:
        _, invoice = owing(s)
        ref = "nobody" if what == "unknown" else record(s, invoice.ref, pounds(100)).ref
        with pytest.raises(NotFound):
            record(s, ref, pounds(1), number="CN-2")


@pytest.mark.parametrize("role", list(Role))
def test_who_may_credit(sqlite_store: Store, role: Role) -> None:
    """A-01."""
    with sqlite_store.write() as s:
        account, invoice = owing(s)
        actor = make.staff_actor(make.a_person(s, role))
        if role in (Role.SUPERVISOR, Role.ACCOUNTANT):
            assert record(s, invoice.ref, pounds(1), actor=actor)
        else:
            with pytest.raises(NotAllowed):
                record(s, invoice.ref, pounds(1), actor=actor)
        with pytest.raises(NotAllowed):
            record(s, invoice.ref, pounds(1), actor=make.holder_actor(account))


def test_an_open_payment_page_is_freed_and_asked_to_end(store: Store) -> None:
    """Decision 14, FT-06: the note does not wait; the page is ended at the gateway afterwards."""
    with store.write() as s:
        account, invoice = owing(s)
        attempt = PaymentAttempt(
            account_id=account.id, amount_minor=10000, currency="GBP", status=AttemptStatus.OPEN,
            language="en", form_nonce="n", gateway_account="default", idempotency_key="k",
            operation="checkout", request_body="{}", remote_id="cs_1", expires_at=NOON, started_at=NOON,
        )  # fmt: skip
        s.add(attempt)
        s.flush()
        s.add(
            AttemptInvoice(attempt_id=attempt.id, invoice_id=invoice.id, reserved_minor=10000, blocking=True)
        )
        record(s, invoice.ref, pounds(4000))
    with store.read() as s:
        ended = s.scalars(select(PaymentAttempt)).one()
        assert (ended.status, ended.superseded_at) == (AttemptStatus.OPEN, NOON)
        assert s.scalars(select(AttemptInvoice.blocking)).all() == [False]
        job = s.scalars(select(Job)).one()
        assert (job.kind, job.payload) == ("expire_session", {"attempt_ref": attempt.ref})
        assert s.get_one(Invoice, invoice.id).balance_minor == 6000


def test_eight_notes_at_once_credit_the_invoice_once(store: Store) -> None:
    """M-07, M-09: eight people credit the whole of one invoice; one note, never below zero."""
    for number in range(REPEATS):
        with store.write() as s:
            _, invoice = owing(s)

        def act(who: int, ref: str = invoice.ref, number: int = number) -> int:
            return store.run(lambda s: record(s, ref, pounds(10000), number=f"CN-{number}-{who}").id)

        answers = together(8, act)
        assert sum(isinstance(a, int) for a in answers) == 1, answers
        assert {a.code for a in answers if isinstance(a, Refused)} == {"invoice_not_open"}
        with store.read() as s:
            assert s.get_one(Invoice, invoice.id).balance_minor == 0
            assert ledger.wrong_balances(s) == []
