"""What a payment that goes back takes with it: documents, plans, offers, promises, discounts, branches."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.arrangements import Promise
from models.invoices import Invoice
from models.ladder import LadderPosition
from models.ledger import LedgerCode
from models.money import Money
from models.payments import Adjustment, Payment
from models.reversals import PaymentReversal, ReversalCause
from models.states import InvoiceStatus, OfferStatus, PlanStatus, PromiseStatus
from models.store import Store
from receivables import credit_notes, credits, invoices, ledger
from receivables.errors import Refused
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.ports import DisputeState, RemoteState
from receivables.reversals import restoring, taking
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.proof import prove
from tests.receivables.approvals.world import an_office
from tests.receivables.arrangements.offer_world import a_late_account
from tests.receivables.arrangements.plan_world import TODAY, an_owing_account, noon_of
from tests.receivables.arrangements.test_paid_for import head_of, opened, promised
from tests.receivables.arrangements.test_paid_for import paid as page_paid
from tests.receivables.paying import balances, pay
from tests.receivables.reversals.world import LATER, Paid, a_paid_account, after, gbp


def take(
    paid: Paid, minor: int, *, source: str = "staff:1", cause: ReversalCause = ReversalCause.MISTAKE
) -> PaymentReversal:
    def unit(session: Session) -> PaymentReversal:
        payment = taking.lock_payment(session, paid.payment.id)
        return taking.take_back(
            session, SYSTEM, payment, gbp(minor), cause=cause, source=source, at=LATER, now=LATER
        )

    return paid.store.run(unit)


def last_payment(store: Store) -> Payment:
    with store.read() as s:
        return s.scalars(select(Payment).order_by(Payment.id.desc())).first()  # type: ignore[return-value]


# --------------------------------------------------------------------------- documents


def test_the_newest_allocation_first(store: Store) -> None:
    """domain.md: invoice paid→open; allocations are taken off in parts, append-only, newest first."""
    paid = a_paid_account(store, 6000, 4000, 2000)
    take(paid, 2500)
    assert paid.balances() == [0, 500, 2000]
    take(paid, 9500, source="staff:2")
    assert paid.balances() == [6000, 4000, 2000]
    with store.read() as s:
        assert {i.status for i in s.scalars(select(Invoice))} == {InvoiceStatus.OPEN}
        assert ledger.wrong_balances(s) == []
    prove(paid.url)


def test_the_same_source_is_one_reversal(store: Store) -> None:
    """M-05: the same fact again is the same row; another amount under its name is refused."""
    paid = a_paid_account(store)
    assert take(paid, 4000).id == take(paid, 4000).id
    with pytest.raises(Refused, match="source_reused"):
        take(paid, 3000)
    assert paid.balances() == [4000]


def test_nothing_and_foreign_money_are_refused(store: Store) -> None:
    paid = a_paid_account(store)
    with pytest.raises(Refused, match="amount_zero"):
        take(paid, 0)

    def euros(session: Session) -> PaymentReversal:
        payment = taking.lock_payment(session, paid.payment.id)
        return taking.take_back(
            session, SYSTEM, payment, Money(100, "EUR"), cause=ReversalCause.MISTAKE, source="x", at=LATER,
            now=LATER,
        )  # fmt: skip

    with pytest.raises(Refused, match="other_currency"):
        paid.store.run(euros)


def test_credit_notes_are_untouched(store: Store) -> None:
    """domain.md: what a credit note took off stays off."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        ref = make.an_invoice(s, account, total=gbp(10000)).ref
    store.run(
        lambda s: (
            credit_notes.record_credit_note(
                s, SYSTEM, ref, number="CN-1", amount=gbp(3000), reason="torn", now=NOON
            ).id
        )
    )
    paid = after(store, account, pay(store, account, Choice("all", "GBP")))
    take(paid, 7000)
    assert balances(store, account)[0] == 7000
    prove(paid.url)


def test_credit_that_was_used_is_taken_back_too(store: Store) -> None:
    """INV-7: an allocation made later from the payment's credit is the newest one."""
    paid = a_paid_account(store, came=13000)
    with store.write() as s:
        new = make.an_invoice(s, paid.account, total=gbp(2000))
        holder = make.holder_actor(paid.account)
    store.run(
        lambda s: [a.id for a in credits.apply_credit(s, holder, new.ref, gbp(2000), nonce="n", now=NOON)]
    )
    take(paid, 4000)
    assert (paid.balances(), paid.credit()) == ([1000, 2000], [])
    prove(paid.url)


def test_recovered_money_goes_back_and_the_write_off_stays(store: Store) -> None:
    """domain.md: a write-off stays; what had been recovered is not recovered any more."""
    office, gateway = an_office(store), ToldGateway()
    started = starting.start(
        store, gateway, make.holder_actor(office.account), Choice("all", "GBP"), account_id=office.account.id,
        zone=office.account.zone, nonce="late-1", language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=NOON,
    )  # fmt: skip
    office.approve(office.ask(), office.supervisor)
    charge = replace(a_charge(started.ref, gbp(20000)), taken_at=NOON)
    gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
    settling.settle(store, gateway, started.ref, now=NOON)
    paid = after(store, office.account, last_payment(store))
    take(paid, 5000)
    assert (office.balance(), paid.booked(LedgerCode.RECOVERIES)) == (("written_off", 0), -15000)
    prove(paid.url)


def test_reversals_are_append_only(store: Store) -> None:
    """M-04: neither changed nor removed, on both databases."""
    paid = a_paid_account(store)
    take(paid, 4000)
    for table in ("payment_reversal", "allocation_reversal"):
        for act in (f"UPDATE {table} SET amount_minor = 1", f"DELETE FROM {table}"):  # noqa: S608
            with pytest.raises(DBAPIError), store.write() as s:
                s.execute(text(act))


def test_not_more_is_given_back_than_was_taken(store: Store) -> None:
    """P-21: once for each source, and nothing at all where less was taken."""
    paid = a_paid_account(store)
    row = take(paid, 4000)

    def give(minor: int, source: str) -> bool:
        def unit(session: Session) -> bool:
            payment = taking.lock_payment(session, paid.payment.id)
            taken = session.get_one(PaymentReversal, row.id)
            back = restoring.give_back(
                session, payment, [taken], gbp(minor), source=source, at=LATER, now=LATER
            )
            return back is not None

        return store.run(unit)

    assert [give(1500, "a"), give(1500, "a")] == [True, True]
    assert paid.balances() == [2500]
    assert not give(2501, "b")
    assert paid.balances() == [2500]
    assert give(2500, "c")
    assert paid.balances() == [0]
    prove(paid.url)


# --------------------------------------------------------------------------- arrangements


def test_a_completed_plan_runs_on(store: Store) -> None:
    """domain.md: completed→active, paid→scheduled or missed; while contested nothing of it moves (P-21)."""
    world = an_owing_account(store)
    plan = world.agreed(2)
    world.pay(plan)
    world.pay(plan, "rest")
    assert world.plan(plan).status is PlanStatus.COMPLETED
    paid = after(store, world.account, last_payment(store))
    paid.gateway.contested(paid.charge, paid.payment.amount_minor)
    paid.hear("charge.dispute.created", "dp_1")
    assert (world.plan(plan).status, world.statuses(plan)) == (PlanStatus.ACTIVE, ["paid", "scheduled"])
    late = world.parts(plan)[1].due_on + timedelta(days=5)
    world.daily(late)
    assert world.statuses(plan) == ["paid", "scheduled"]  # stands still
    paid.gateway.decides("dp_1", DisputeState.LOST)
    paid.hear("charge.dispute.closed", "dp_1", now=noon_of(late))
    world.daily(late + timedelta(days=1))
    assert world.statuses(plan) == ["paid", "missed"]
    prove(paid.url)


def test_a_won_chargeback_completes_the_plan_again(store: Store) -> None:
    world = an_owing_account(store)
    plan = world.agreed(2)
    world.pay(plan)
    world.pay(plan, "rest")
    paid = after(store, world.account, last_payment(store))
    paid.gateway.contested(paid.charge, paid.payment.amount_minor)
    paid.hear("charge.dispute.created", "dp_1")
    paid.gateway.decides("dp_1", DisputeState.WON, back=paid.payment.amount_minor)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert (world.plan(plan).status, world.statuses(plan)) == (PlanStatus.COMPLETED, ["paid", "paid"])
    prove(paid.url)


def test_a_settled_offer_is_reopened_with_its_discount(store: Store) -> None:
    """domain.md: settled→reopened, the discount entry reversed; also by one unit of the sum (FT-26)."""
    world = a_late_account(store)
    offer = world.accept(world.propose(121896))
    world.pay_offer(offer)
    assert world.status(offer.ref) is OfferStatus.SETTLED
    paid = after(store, world.account, world.payments()[0])
    paid.gateway.refunded(paid.charge, 1)
    paid.hear("refund.created", "re_1")
    assert world.status(offer.ref) is OfferStatus.REOPENED
    assert sum(world.balances()) == 141840 - 121896 + 1
    assert world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS) == 0
    prove(paid.url)


def test_an_open_offer_is_void(store: Store) -> None:
    """domain.md: a reversal before acceptance voids it; that of another document voids nothing."""
    world = a_late_account(store)
    whole = pay(store, world.account, Choice("chosen", "GBP", (world.refs[0],)))
    part = pay(store, world.account, Choice("amount", "GBP", amount=gbp(10000)))
    offer = world.propose(72000, refs=(world.refs[1],))
    take(after(store, world.account, whole), 100)
    assert world.status(offer.ref) is OfferStatus.OPEN
    take(after(store, world.account, part), 100, source="staff:2")
    assert world.status(offer.ref) is OfferStatus.VOIDED


def test_a_kept_promise_breaks(store: Store) -> None:
    """domain.md: kept→broken (payment reversed); a part that leaves enough breaks nothing."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        make.an_invoice(s, account, total=gbp(10000))
    promised(store, account, gbp(10000))
    paid = after(store, account, pay(store, account, Choice("all", "GBP"), at=NOON + timedelta(minutes=5)))

    def status() -> PromiseStatus:
        with store.read() as s:
            return s.scalars(select(Promise)).one().status

    assert status() is PromiseStatus.KEPT
    take(paid, 900)
    assert status() is PromiseStatus.KEPT  # 91 % is kept at 90 %
    take(paid, 200, source="staff:2")
    assert status() is PromiseStatus.BROKEN
    prove(paid.url)


def test_an_early_discount_is_taken_back_and_earned_again(store: Store) -> None:
    """domain.md: the discount is for who pays in time; charged back it is owed whole, won it is earned."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, account, total=gbp(10000), due_on=TODAY + timedelta(days=20))
        invoice.early_discount_minor, invoice.early_discount_to_on = 200, TODAY + timedelta(days=5)
    payment = pay(store, account, Choice("all", "GBP"))
    assert payment.amount_minor == 9800
    paid = after(store, account, payment)
    paid.gateway.contested(paid.charge, 9800)
    paid.hear("charge.dispute.created", "dp_1")
    assert (paid.balances(), paid.booked(LedgerCode.SETTLEMENT_DISCOUNTS)) == ([10000], 0)
    paid.gateway.decides("dp_1", DisputeState.WON, back=9800)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=30))
    assert (paid.balances(), paid.booked(LedgerCode.SETTLEMENT_DISCOUNTS)) == ([0], 200)
    with store.read() as s:
        assert len(s.scalars(select(Adjustment)).all()) == 2
    prove(paid.url)


# --------------------------------------------------------------------------- branches


def test_a_head_office_s_payment_goes_back_from_its_branches(store: Store) -> None:
    """Decision 2: the documents of the branch are owed again in the branch's account; its plan runs on."""
    world = an_owing_account(store)
    head = head_of(store, world.account, 50000)
    with store.read() as s:
        refs = tuple(i.ref for i in s.scalars(select(Invoice).order_by(Invoice.id)))
    page = opened(store, head, refs)
    plan = world.agreed(2)
    page_paid(store, page, 50000 + 141840)
    payment = last_payment(store)
    assert world.plan(plan).status is PlanStatus.COMPLETED
    paid = after(store, head, payment)
    paid.gateway.contested(paid.charge, payment.amount_minor)
    paid.hear("charge.dispute.created", "dp_1")
    assert (balances(store, head), balances(store, world.account)) == ([50000], [57600, 84240])
    assert world.plan(plan).status is PlanStatus.ACTIVE
    prove(paid.url)


def test_the_ladder_looks_again_at_a_branch(store: Store) -> None:
    """domain.md: paid→open; a branch's document that was closed climbs anew when its money went back."""
    with store.write() as s:
        branch = make.an_account(s, make.a_creditor(s))
        invoice = make.an_invoice(s, branch, total=gbp(10000))
        position = LadderPosition(
            invoice_id=invoice.id, account_id=branch.id, ladder="gentle", looked_at=NOON, waits_for="closed"
        )
        s.add(position)
    head = head_of(store, branch)
    page_paid(store, opened(store, head, (invoice.ref,)), 10000)
    with store.read() as s:
        assert s.get_one(LadderPosition, invoice.id).next_on == NOON.date()
    with store.write() as s:
        s.get_one(LadderPosition, invoice.id).next_on = None
    take(after(store, head, last_payment(store)), 10000)
    with store.read() as s:
        assert s.get_one(LadderPosition, invoice.id).next_on == LATER.date()


def test_the_debtor_s_page_shows_what_is_left(store: Store) -> None:
    paid = a_paid_account(store)
    take(paid, 4000)
    with store.read() as s:
        ref = s.scalars(select(Invoice.ref)).one()
        view = invoices.document(s, make.holder_actor(paid.account), ref, now=LATER)
    assert [m.amount for m in view.movements] == [gbp(6000)]
