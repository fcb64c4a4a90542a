"""Money that a handler collected: posted once, less its commission; what it ends (part 11)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.accounts import Account
from models.handovers import Handover, Remittance
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import Payment
from models.staff import Role
from models.states import HandoverStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import ledger
from receivables.errors import NotAllowed, Refused
from receivables.handovers import placing
from receivables.handovers.remittances import record_remittance
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.handovers import cases
from tests.receivables.handovers.cases import TODAY, late_account, placed, prepared, proposed


def pounds(minor: int) -> Money:
    return Money(minor, "GBP")


def remit(
    store: Store,
    case: Handover,
    minor: int = 100000,
    *,
    reference: str = "HR-1",
    role: Role = Role.ACCOUNTANT,
    **more: object,
) -> Remittance:
    with store.write() as s:
        actor = make.staff_actor(make.a_person(s, role))
        facts = {"collected": pounds(minor), "valued_on": TODAY, "now": NOON} | more
        return record_remittance(s, actor, case.ref, reference=reference, **facts)  # type: ignore[arg-type]


def balances(store: Store, account: Account) -> list[int]:
    with store.read() as s:
        return list(
            s.scalars(
                select(Invoice.balance_minor).where(Invoice.account_id == account.id).order_by(Invoice.id)
            )
        )


def books(store: Store) -> dict[str, int]:
    with store.read() as s:
        rows = s.execute(
            select(Posting.ledger_code, func.sum(Posting.debit_minor - Posting.credit_minor)).group_by(
                Posting.ledger_code
            )
        )
        return {code.value: int(minor) for code, minor in rows}


def test_posted_with_its_commission(store: Store) -> None:
    """Oldest first; the debtor paid the whole, the handler kept an eighth."""
    account = late_account(store)
    sent = remit(store, placed(store, account))
    assert (sent.collected_minor, sent.commission_minor) == (100000, 12500)
    assert balances(store, account) == [0, 41840, 28800]
    found = books(store)
    assert (found["bank"], found["agency_commission"], found["receivables"]) == (87500, 12500, 70640)
    with store.read() as s:
        payment = s.scalars(select(Payment)).one()
    assert (payment.amount_minor, payment.method_detail) == (100000, "Harbour Recoveries Ltd")
    assert (payment.id, payment.valued_on) == (sent.payment_id, TODAY)


def test_the_same_report_twice_is_one(store: Store) -> None:
    """M-06: two reports with the same reference are one; with other sums it is refused."""
    account = late_account(store)
    case = placed(store, account)
    first = remit(store, case)
    assert remit(store, case, reference=" HR-1 ", now=NOON + timedelta(days=3)).id == first.id
    assert balances(store, account) == [0, 41840, 28800]
    with pytest.raises(Refused, match="reference_reused"):
        remit(store, case, 100001)
    with pytest.raises(Refused, match="reference_reused"):
        remit(store, case, valued_on=TODAY - timedelta(days=1))
    assert remit(store, case, 1840, reference="HR-2").id != first.id


def test_all_paid_closes_the_case(store: Store) -> None:
    """What is left over is unapplied credit and a task; the handler need not be told of its own money."""
    account = late_account(store)
    case = placed(store, account)
    remit(store, case, 150000, commission=pounds(0))
    assert balances(store, account) == [0, 0, 28800]
    assert books(store)["unapplied_credit"] == -8160
    with store.read() as s:
        ended = s.get_one(Handover, case.id)
        tasks = list(s.scalars(select(Task.kind).where(Task.done_at.is_(None))))
    assert (ended.status, ended.end_reason, ended.ended_on) == (HandoverStatus.CLOSED, "paid", TODAY)
    assert tasks == [TaskKind.UNAPPLIED_MONEY]
    remit(store, case, 500, reference="late")  # what was under way is posted all the same
    assert books(store)["unapplied_credit"] == -8660


def pay(store: Store, account: Account, minor: int) -> None:
    """Money for the oldest invoice that comes to us by another way."""
    with store.write() as s:
        invoice = s.scalars(
            select(Invoice).where(Invoice.account_id == account.id).order_by(Invoice.id)
        ).first()
        assert invoice is not None
        ledger.post(
            s, SYSTEM,
            ledger.Draft(
                creditor_id=account.creditor_id, reference=f"test:{minor}", kind="payment", currency="GBP",
                effective_on=TODAY,
                sides=[
                    ledger.debit(LedgerCode.BANK, pounds(minor)),
                    ledger.credit(
                        LedgerCode.RECEIVABLES, pounds(minor), account_id=account.id, invoice_id=invoice.id
                    ),
                ],
            ),
            now=NOON,
        )  # fmt: skip
        placing.end_paid(s, account.id, now=NOON)


def test_paid_before_it_was_placed_ends_it(store: Store) -> None:
    """Domain.md: a case that nobody outside knows ends with payment in full, and its task with it."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=57600, due_on=TODAY - timedelta(days=100))
        cases.warn(s, account)
    case = proposed(store, account)
    pay(store, account, 50000)
    with store.read() as s:
        assert s.get_one(Handover, case.id).status is HandoverStatus.PROPOSED
    pay(store, account, 7600)
    with store.read() as s:
        ended = s.get_one(Handover, case.id)
        assert (ended.status, ended.end_reason) == (HandoverStatus.REFUSED, "paid")
        assert all(task.done_at for task in s.scalars(select(Task)))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reference": " "}, "reference_missing"),
        ({"reference": "x" * 81}, "reference_too_long"),
        ({"minor": 0}, "amount_zero"),
        ({"collected": Money(100, "EUR")}, "other_currency"),
        ({"commission": pounds(100001)}, "commission_too_high"),
        ({"commission": pounds(-1)}, "commission_too_high"),
        ({"valued_on": TODAY + timedelta(days=1)}, "valued_in_future"),
    ],
)
def test_bad_reports_are_refused(store: Store, change: dict[str, object], code: str) -> None:
    account = late_account(store)
    case = placed(store, account)
    with pytest.raises(Refused, match=code):
        remit(store, case, **change)  # type: ignore[arg-type]
    assert balances(store, account) == [57600, 84240, 28800]


def test_only_of_a_case_that_was_placed_and_by_who_may(store: Store) -> None:
    case = prepared(store, late_account(store))
    with pytest.raises(Refused, match="not_placed"):
        remit(store, case)
    with pytest.raises(NotAllowed):
        remit(store, case, role=Role.COLLECTOR)
