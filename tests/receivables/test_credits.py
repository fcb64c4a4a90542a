"""Credit in favour: used for an invoice, the oldest source first, or asked back (M-09, M-10, INV-7)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Account
from models.base import new_ref
from models.invoices import Invoice, InvoiceKind
from models.ledger import LedgerCode, Posting
from models.links import LinkScope
from models.money import Money
from models.payments import Allocation, Payment
from models.states import InvoiceStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import credits, ledger
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM, Actor, ActorKind
from tests import factories as make
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.paying import balances, pay

GBP = "GBP"


def a_credit_note(store: Store, account: Account, minor: int, *, days: int) -> int:
    """An imported credit note, posted as an import posts it (decision 3)."""
    amount = Money(minor, GBP)
    with store.write() as s:
        note = Invoice(
            ref=new_ref(), account_id=account.id, kind=InvoiceKind.CREDIT_NOTE, number=f"CN-{minor}",
            status=InvoiceStatus.OPEN, issued_on=NOON.date() + timedelta(days=days), currency=GBP,
            lines_net_minor=minor, total_minor=minor, balance_minor=0, description="", created_at=NOON,
        )  # fmt: skip
        s.add(note)
        s.flush()
        ledger.post(
            s, SYSTEM,
            ledger.Draft(
                creditor_id=account.creditor_id, reference=f"note:{note.id}", kind="credit_note",
                currency=GBP, effective_on=note.issued_on,
                sides=[
                    ledger.debit(LedgerCode.OPENING_COUNTERPART, amount),
                    ledger.credit(LedgerCode.UNAPPLIED_CREDIT, amount, account_id=account.id,
                                  invoice_id=note.id),
                ],
            ),
            now=NOON,
        )  # fmt: skip
        return note.id


@pytest.fixture
def account(store: Store) -> Account:
    """Paid £100.00 and £25.00 too much, oldest first; £60.00 and £90.00 are open."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=10000)
    pay(store, account, Choice("all", GBP), came=Money(20000, GBP), at=NOON - timedelta(days=3))
    with store.write() as s:
        make.an_invoice(s, account, total=1000)
    pay(store, account, Choice("all", GBP), came=Money(3500, GBP), at=NOON - timedelta(days=1))
    with store.write() as s:
        make.an_invoice(s, account, total=6000)
        make.an_invoice(s, account, total=9000)
    return account


def ref_of(store: Store, account: Account, place: int) -> str:
    with store.read() as s:
        query = select(Invoice.ref).where(Invoice.account_id == account.id).order_by(Invoice.id)
        return list(s.scalars(query))[place]


def use(store: Store, account: Account, place: int, minor: int, nonce: str = "n1") -> list[Allocation]:
    ref = ref_of(store, account, place)
    return store.run(
        lambda s: credits.apply_credit(
            s, make.holder_actor(account), ref, Money(minor, GBP), nonce=nonce, now=NOON
        )
    )


def view(store: Store, account: Account) -> credits.CreditView:
    with store.read() as s:
        (only,) = credits.views(
            s, make.holder_actor(account), account_id=account.id, zone=account.zone, now=NOON
        )
        return only


def the_books_hold(store: Store, account: Account) -> None:
    """INV-3 and INV-7 in small: charged = allocated + unapplied, and every cached balance is right."""
    with store.read() as s:
        assert not any(ledger.trial_balance(s).values())
        assert ledger.wrong_balances(s) == []
        charged = s.scalar(select(func.sum(Payment.amount_minor)).where(Payment.account_id == account.id))
        allocated = s.scalar(
            select(func.coalesce(func.sum(Allocation.amount_minor), 0))
            .join(Payment, Payment.id == Allocation.payment_id)
            .where(Payment.account_id == account.id)
        )
        unapplied = s.scalar(
            select(func.sum(Posting.credit_minor - Posting.debit_minor)).where(
                Posting.account_id == account.id, Posting.ledger_code == LedgerCode.UNAPPLIED_CREDIT,
                Posting.invoice_id.is_(None),
            )
        )  # fmt: skip
        assert charged == allocated + unapplied


def test_where_it_comes_from(store: Store, account: Account) -> None:
    """Part 7: each source with its day and what is left of it."""
    seen = view(store, account)
    assert seen.credit == seen.free == Money(12500, GBP)
    assert [(x.kind, x.left.minor) for x in seen.sources] == [("payment", 10000), ("payment", 2500)]
    assert [row.asked.minor for row in seen.payable] == [6000, 9000]
    the_books_hold(store, account)


def test_used_oldest_first_to_the_unit(store: Store, account: Account) -> None:
    """INV-7: what was used is allocated to the payments it came from; the invoice closes."""
    use(store, account, 3, 9000)
    (rest, new) = use(store, account, 2, 3500, "n2")
    assert (rest.amount_minor, new.amount_minor) == (1000, 2500)
    assert balances(store, account) == [0, 0, 2500, 0]
    the_books_hold(store, account)
    with store.read() as s:
        assert ledger.unapplied_credit(s, account.id) == []
        actor = make.holder_actor(account)
        assert credits.views(s, actor, account_id=account.id, zone=account.zone, now=NOON) == []


def test_a_credit_note_is_a_source_and_closes(store: Store, database_url: str, account: Account) -> None:
    """Decision 3: an unapplied credit note is lowered by what is used of it."""
    note_id = a_credit_note(store, account, 700, days=-30)
    assert [x.kind for x in view(store, account).sources] == ["credit_note", "payment", "payment"]
    (first, second) = use(store, account, 2, 6000)
    assert (first.credit_note_id, first.amount_minor) == (note_id, 700)
    assert (second.payment_id is not None, second.amount_minor) == (True, 5300)
    with store.read() as s:
        note = s.get_one(Invoice, note_id)
        assert (note.status, note.balance_minor) == (InvoiceStatus.PAID, 0)
    the_books_hold(store, account)
    prove(database_url)


def test_the_same_form_twice_is_one_use(store: Store, account: Account) -> None:
    """M-06: a double press finds what the first one did."""
    first = use(store, account, 3, 4000)
    again = use(store, account, 3, 4000)
    assert [a.id for a in first] == [a.id for a in again]
    assert balances(store, account)[3] == 5000


@pytest.mark.parametrize(
    ("place", "minor", "code"),
    [
        (2, 0, "amount_zero"),
        (2, -5, "amount_zero"),
        (2, 6001, "amount_above_balance"),
        (0, 1, "invoice_not_open"),
    ],
)
def test_what_does_not_fit_is_refused(
    store: Store, account: Account, place: int, minor: int, code: str
) -> None:
    """M-09: never beyond what is open, never below nothing."""
    with pytest.raises(Refused) as refused:
        use(store, account, place, minor)
    assert refused.value.code == code
    the_books_hold(store, account)


def test_never_more_than_the_credit(store: Store, account: Account) -> None:
    """M-10: the second use finds what the first one left."""
    use(store, account, 3, 9000)
    with pytest.raises(Refused) as refused:
        use(store, account, 2, 3501, "n2")
    assert refused.value.code == "credit_too_small"
    assert refused.value.facts == {"free": Money(3500, GBP)}


def test_asked_back_once_and_then_not_used(store: Store, account: Account) -> None:
    """Part 7: a person answers by a day that is shown; meanwhile nothing of it goes elsewhere."""
    actor = make.holder_actor(account)
    with store.write() as s:
        task = credits.ask_back(s, actor, GBP, account_id=account.id, now=NOON)
        again = credits.ask_back(s, actor, GBP, account_id=account.id, now=NOON)
        assert (task.id, task.kind) == (again.id, TaskKind.REFUND_ASKED)
    seen = view(store, account)
    assert seen.asked_back is not None
    assert seen.asked_back.amount == Money(12500, GBP)
    assert seen.asked_back.answer_by_on == NOON.date() + timedelta(days=4)  # a Thursday, two business days
    assert seen.free == Money(0, GBP)
    with pytest.raises(Refused) as refused:
        use(store, account, 2, 1)
    assert refused.value.code == "credit_asked_back"
    with store.write() as s:
        s.get_one(Task, task.id).done_at = NOON
    assert view(store, account).free == Money(12500, GBP)


def test_nothing_to_ask_back(store: Store, account: Account) -> None:
    with store.write() as s, pytest.raises(Refused) as refused:
        credits.ask_back(s, make.holder_actor(account), "EUR", account_id=account.id, now=NOON)
    assert refused.value.code == "no_credit"


def test_only_the_debtor_himself_uses_it(store: Store, account: Account) -> None:
    """Decision 6, L-15: a narrower link may not, another account's holder finds nothing."""
    ref = ref_of(store, account, 2)
    with store.write() as s:
        stranger = make.an_account(s, make.a_creditor(s))
    narrow = Actor(ActorKind.LINK_HOLDER, id=1, account_id=account.id, scope=LinkScope.VIEW_AND_PAY)
    with store.write() as s:
        with pytest.raises(NotAllowed):
            credits.apply_credit(s, narrow, ref, Money(1, GBP), nonce="x", now=NOON)
        with pytest.raises(NotFound):
            credits.apply_credit(s, make.holder_actor(stranger), ref, Money(1, GBP), nonce="x", now=NOON)
        with pytest.raises(NotFound):
            credits.apply_credit(s, make.holder_actor(stranger), "none", Money(1, GBP), nonce="x", now=NOON)
