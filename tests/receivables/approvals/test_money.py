"""What approved requests do to the books: write-offs, recoveries, reopening, refunds, waivers, ageing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models.approvals import ApprovalRequest, Refund
from models.invoices import Invoice
from models.ledger import LedgerCode, Posting
from models.money import Money
from models.payments import PaymentAttempt
from models.staff import Role, Staff
from models.states import ApprovalStatus, OfferStatus, RefundStatus
from models.store import Store
from models.work import Alert, Job, Task, TaskKind
from receivables import refunds, write_offs
from receivables.approvals import ageing, deciding
from receivables.arrangements import offer_making
from receivables.errors import NotAllowed, Refused
from receivables.ledger import unapplied_credit
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.proof import prove
from tests.receivables.approvals.world import GBP, Office, an_office
from tests.receivables.paying import pay


@pytest.fixture
def office(store: Store) -> Office:
    return an_office(store)


def booked(office: Office, code: LedgerCode) -> int:
    """Debits less credits of a line of the chart."""
    with office.store.read() as s:
        moved = func.sum(Posting.debit_minor - Posting.credit_minor)
        query = select(moved).where(Posting.ledger_code == code)
        return int(s.scalar(query) or 0)


def credit(office: Office) -> list[Money]:
    with office.store.read() as s:
        return unapplied_credit(s, office.account.id)


def ask_refund(office: Office, minor: int) -> ApprovalRequest:
    with office.store.write() as s:
        return refunds.propose_refund(
            s, office.collector, office.account.ref, amount=Money(minor, GBP), payee="Tidewater Ltd",
            bank_account="GB29 NWBK 6016 1331 9268 19", reason="They asked for it", now=NOON,
        )  # fmt: skip


def test_a_write_off_goes_to_bad_debts_and_offers_fall_away(office: Office) -> None:
    """M-17: paid + written off = original; what was offered for the invoice is void."""
    pay_part = Money(5000, GBP)
    pay(office.store, office.account, Choice("all", GBP), came=pay_part)
    with office.store.write() as s:
        offer = offer_making.propose(
            s, office.supervisor, office.account.ref, invoice_refs=[office.invoice.ref],
            amount=Money(14000, GBP), pay_by_on=NOON.date() + timedelta(days=5), reason="Last try", now=NOON,
        )  # fmt: skip
    office.approve(office.ask(), office.supervisor)
    assert office.balance() == ("written_off", 0)
    assert booked(office, LedgerCode.BAD_DEBT) == 15000
    with office.store.read() as s:
        assert s.get_one(type(offer), offer.id).status is OfferStatus.VOIDED
    prove(office.url)


def test_money_that_comes_later_is_a_recovery(office: Office) -> None:
    """domain.md: a write-off stays; late money goes to recoveries, beyond it to unapplied credit."""
    gateway = ToldGateway()
    started = starting.start(
        office.store, gateway, make.holder_actor(office.account), Choice("all", GBP),
        account_id=office.account.id, zone=office.account.zone, nonce="late-1", language="en",
        title="Northgate", note=None, base_url="http://127.0.0.1:9", now=NOON,
    )  # fmt: skip
    office.approve(office.ask(), office.supervisor)
    charge = replace(a_charge(started.ref, Money(21000, GBP)), taken_at=NOON)
    gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
    settling.settle(office.store, gateway, started.ref, now=NOON)
    assert office.balance() == ("written_off", 0)
    assert booked(office, LedgerCode.RECOVERIES) == -20000
    assert credit(office) == [Money(1000, GBP)]
    with office.store.read() as s:
        assert s.scalars(select(PaymentAttempt)).one().status.value == "succeeded"
    with office.store.write() as s, pytest.raises(Refused, match="recovered_since"):
        write_offs.propose_reopening(s, office.collector, office.invoice.ref, reason="Again", now=NOON)
    prove(office.url)


def test_reopening_is_a_reversal_by_two(office: Office) -> None:
    """domain.md: the write-off is reversed with four eyes, and may be written off again."""
    with office.store.write() as s, pytest.raises(Refused, match="not_written_off"):
        write_offs.propose_reopening(s, office.collector, office.invoice.ref, reason="Again", now=NOON)
    office.approve(office.ask(), office.supervisor)
    with office.store.write() as s:
        request = write_offs.propose_reopening(
            s, office.supervisor, office.invoice.ref, reason="They trade again", now=NOON
        )
    with pytest.raises(NotAllowed, match="own_proposal"):
        office.approve(request, office.supervisor)
    office.approve(request, office.other)
    assert office.balance() == ("open", 20000)
    assert booked(office, LedgerCode.BAD_DEBT) == 0
    office.approve(office.ask(), office.supervisor)
    assert office.balance() == ("written_off", 0)
    prove(office.url)


def test_what_is_not_free_is_not_written_off(office: Office) -> None:
    """Nothing that is paid already."""
    pay(office.store, office.account, Choice("all", GBP))
    with pytest.raises(Refused, match="invoice_not_open"):
        office.ask()


def test_a_refund_leaves_credit_then_the_bank(office: Office) -> None:
    """INV-7: credit, refunds payable, bank; the accountant is asked, and notes it once."""
    pay(office.store, office.account, Choice("all", GBP), came=Money(27500, GBP))
    assert credit(office) == [Money(7500, GBP)]
    request = ask_refund(office, 6000)
    office.approve(request, office.supervisor)
    assert credit(office) == [Money(1500, GBP)]
    assert booked(office, LedgerCode.REFUNDS_PAYABLE) == -6000
    with office.store.read() as s:
        refund = s.scalars(select(Refund)).one()
        task = s.scalars(select(Task).where(Task.kind == TaskKind.PAY_REFUND)).one()
    assert (refund.payee, refund.status, task.done_at) == ("Tidewater Ltd", RefundStatus.PAYABLE, None)
    prove(office.url)
    facts = {"paid_on": NOON.date(), "bank_reference": "FT-118", "now": NOON}
    with office.store.write() as s, pytest.raises(NotAllowed):
        refunds.pay_out(s, office.collector, refund.ref, **facts)  # type: ignore[arg-type]
    with office.store.write() as s, pytest.raises(Refused, match="reference_missing"):
        refunds.pay_out(s, office.accountant, refund.ref, **facts | {"bank_reference": " "})  # type: ignore[arg-type]
    for _ in range(2):
        with office.store.write() as s:
            refunds.pay_out(s, office.accountant, refund.ref, **facts)  # type: ignore[arg-type]
    assert (booked(office, LedgerCode.REFUNDS_PAYABLE), booked(office, LedgerCode.BANK)) == (0, -6000)
    with office.store.read() as s:
        assert s.get_one(Task, task.id).done_at == NOON
    prove(office.url)


def test_the_list_of_refunds_never_loses_the_last_ones(office: Office) -> None:
    """To send: the oldest first. Sent: the newest first, so that a cut list keeps what was just done."""
    pay(office.store, office.account, Choice("all", GBP), came=Money(27500, GBP))
    for minor in (1000, 2000, 3000, 1500):
        office.approve(ask_refund(office, minor), office.supervisor)
    with office.store.write() as s:
        refs = s.scalars(select(Refund.ref).order_by(Refund.id)).all()
        for ref in refs[:2]:
            refunds.pay_out(
                s, office.accountant, ref, paid_on=NOON.date(), bank_reference="FT-1", now=NOON
            )  # fmt: skip
    with office.store.read() as s:
        shown = [row.amount.minor for row in refunds.rows(s, office.accountant)]
        cut = [row.amount.minor for row in refunds.rows(s, office.accountant, limit=3)]
    assert (shown, cut) == ([3000, 1500, 2000, 1000], [3000, 1500, 2000])


def test_credit_that_was_used_meanwhile_is_not_sent(office: Office) -> None:
    """Approve after edit: the credit is counted again when it is approved."""
    pay(office.store, office.account, Choice("all", GBP), came=Money(27500, GBP))
    first = ask_refund(office, 7500)
    with office.store.write() as s:
        s.execute(update(ApprovalRequest).where(ApprovalRequest.id == first.id).values(subject_ref="other"))
    with pytest.raises(Refused, match="content_changed"):
        office.approve(first, office.supervisor)
    second = ask_refund(office, 7000)
    office.approve(second, office.supervisor)
    with office.store.write() as s, pytest.raises(Refused, match="credit_too_small"):
        refunds.propose_refund(
            s, office.collector, office.account.ref, amount=Money(501, GBP), payee="A", bank_account="B",
            reason="More", now=NOON,
        )  # fmt: skip


def test_a_smaller_sum_takes_the_place_of_the_first(office: Office) -> None:
    pay(office.store, office.account, Choice("all", GBP), came=Money(27500, GBP))
    first = ask_refund(office, 7500)
    with office.store.write() as s:
        second = deciding.answer_with(
            s, office.supervisor, first.ref, digest=first.content_digest, amount=Money(5000, GBP),
            reason="Only what is free", now=NOON,
        )  # fmt: skip
    with office.store.read() as s:
        assert s.get_one(ApprovalRequest, first.id).status is ApprovalStatus.VOIDED
    with pytest.raises(NotAllowed, match="own_proposal"):
        office.approve(second, office.supervisor)
    office.approve(second, office.other)
    assert credit(office) == [Money(2500, GBP)]


# --------------------------------------------------------------------------- ageing


def waits(office: Office) -> tuple[list[str], list[str]]:
    """Whom mails told that something waits, and the open alerts about it."""
    with office.store.read() as s:
        names = dict(s.execute(select(Staff.ref, Staff.name)).all())  # type: ignore[arg-type]
        jobs = s.scalars(select(Job).where(Job.kind == "staff_mail").order_by(Job.id))
        told = [names[job.payload["staff"]] for job in jobs if job.payload["kind"] == "approval_waits"]
        open_ = select(Alert.key).where(Alert.code == ageing.ALERT, Alert.closed_at.is_(None))
        return told, list(s.scalars(open_))


def escalated(office: Office, days: int) -> int:
    with office.store.write() as s:
        return ageing.escalate(s, now=NOON + timedelta(days=days))


def test_what_waits_goes_to_the_next_role_and_then_to_an_alert(sqlite_store: Store) -> None:
    """Two business days a role: a collector's case goes to the supervisors, then an alert stands once."""
    office = an_office(sqlite_store, minor=5000)
    request = office.ask(by=office.supervisor)
    assert escalated(office, 1) == 0
    assert waits(office) == ([], [])
    escalated(office, 5)
    assert waits(office) == (["Ilan Green"], [])  # the other supervisor; the proposer does not decide
    escalated(office, 5)
    assert len(waits(office)[0]) == 1
    escalated(office, 12)
    escalated(office, 12)
    assert waits(office)[1] == [f"request:{request.ref}"]
    office.approve(request, office.other)
    escalated(office, 13)
    assert waits(office)[1] == []


def test_limits_of_one_role_only_lead_to_the_alert(sqlite_store: Store) -> None:
    """A sum that only supervisors decide has no next role."""
    office = an_office(sqlite_store)
    office.ask()
    escalated(office, 6)
    told, open_ = waits(office)
    assert (told, len(open_)) == ([], 1)


def test_the_role_that_decides_comes_from_the_policy(sqlite_store: Store) -> None:
    """A-03: limits are data: another policy, other hands."""
    office = an_office(sqlite_store)
    request = office.ask(by=office.other)
    office.rules(write_off="{ collector = 200, supervisor = 300, accountant = 0, admin = 0 }")
    assert office.approve(request, office.collector).status is ApprovalStatus.APPROVED
    assert Role.COLLECTOR is office.collector.role
    with sqlite_store.read() as s:
        assert s.get_one(Invoice, office.invoice.id).balance_minor == 0
