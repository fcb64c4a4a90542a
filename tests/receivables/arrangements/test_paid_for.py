"""A head office pays invoices of its branch: the branch's plans, promises and offers follow that money."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.invoices import Invoice
from models.money import Money
from models.pauses import PauseReason
from models.payments import Allocation
from models.reversals import ReversalCause
from models.states import OfferStatus, PlanStatus, PromiseStatus
from models.store import Store
from receivables.arrangements import paid_for, promises
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from receivables.ports import RemoteState
from receivables.reversals import taking
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.arrangements.offer_world import a_late_account
from tests.receivables.arrangements.plan_world import (
    TODAY,
    PlanWorld,
    an_owing_account,
    gbp,
    noon_of,
)
from tests.receivables.paying import balances, pay

LATER = NOON + timedelta(minutes=5)
IN_A_WEEK = TODAY + timedelta(days=7)
ALL = gbp(141840)


def head_of(store: Store, branch: Account, *totals: int) -> Account:
    """A head office that the branch is shown to, with invoices of its own."""
    with store.write() as session:
        head = make.an_account(session, make.a_creditor(session), name="Tidewater Group Ltd")
        shown = session.get_one(Account, branch.id)
        shown.payer_id, shown.shown_to_payer = head.id, True
        head.creditor_id = shown.creditor_id
        for minor in totals:
            make.an_invoice(session, head, total=minor)
        return head


def opened(store: Store, head: Account, refs: tuple[str, ...]) -> str:
    """A payment page of the head office for invoices of its branch; returns the attempt's name."""
    return starting.start(
        store, ToldGateway(), make.holder_actor(head), Choice("branches", "GBP", refs), account_id=head.id,
        zone=head.zone, nonce=f"{head.ref}-{len(refs)}", language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=NOON,
    ).ref  # fmt: skip


def paid(store: Store, ref: str, minor: int) -> None:
    charge = replace(a_charge(ref, gbp(minor)), taken_at=LATER)
    gateway = ToldGateway([a_truth(ref, RemoteState.SUCCEEDED, charge)])
    settling.settle(store, gateway, ref, now=LATER)


def promised(store: Store, account: Account, amount: Money) -> Promise:
    def unit(session: Session) -> Promise:
        contact = session.scalars(select(Contact).where(Contact.account_id == account.id)).first()
        actor = make.holder_actor(account, contact)
        whose = session.get_one(Account, account.id)
        return promises.promise(session, actor, whose, amount, IN_A_WEEK, now=NOON)

    return store.run(unit)


def status_of(store: Store, row: Promise) -> tuple[PromiseStatus, int]:
    with store.read() as session:
        found = session.get_one(Promise, row.id)
        return found.status, found.received_minor


@pytest.fixture
def branch(store: Store) -> PlanWorld:
    return an_owing_account(store)


# --------------------------------------------------------------------------- plans


def test_a_page_opened_before_the_plan_was_signed_pays_its_parts(branch: PlanWorld) -> None:
    """Decision 14 across accounts: the head office's page is superseded; paid all the same, it counts."""
    head = head_of(branch.store, branch.account)
    page = opened(branch.store, head, branch.refs)
    plan = branch.agreed(3)
    paid(branch.store, page, ALL.minor)
    assert branch.statuses(plan) == ["paid", "paid", "paid"]
    assert (branch.plan(plan).status, branch.blocking(plan)) == (PlanStatus.COMPLETED, {False})
    assert branch.paused(PauseReason.PLAN, TODAY + timedelta(days=1)) == 0


def test_one_of_its_invoices_pays_the_first_parts(branch: PlanWorld) -> None:
    """£576.00 of three parts of £472.80: the first is paid, the second begun."""
    head = head_of(branch.store, branch.account)
    page = opened(branch.store, head, branch.refs[:1])
    plan = branch.agreed(3)
    paid(branch.store, page, 57600)
    assert branch.statuses(plan) == ["paid", "scheduled", "scheduled"]
    assert branch.view(plan).parts[1].left == gbp(2 * 47280 - 57600)


def test_what_stopped_is_paid_by_the_head_office(branch: PlanWorld) -> None:
    """A plan in default asks for its invoices again; the head office pays them, and the plan is done."""
    head = head_of(branch.store, branch.account)
    plan = branch.agreed(3)
    first, second = (part.due_on for part in branch.parts(plan)[:2])
    branch.days(first, second + timedelta(days=1))
    assert branch.plan(plan).status is PlanStatus.DEFAULTED
    over = second + timedelta(days=2)
    pay(branch.store, head, Choice("branches", "GBP", branch.refs), at=noon_of(over))
    assert balances(branch.store, branch.account) == [0, 0]
    assert (branch.plan(plan).status, branch.blocking(plan)) == (PlanStatus.COMPLETED, {False})


# --------------------------------------------------------------------------- promises


def test_the_branchs_promise_is_kept(branch: PlanWorld) -> None:
    """Money on the branch's invoices keeps what the branch has promised, and its pause ends."""
    head = head_of(branch.store, branch.account)
    row = promised(branch.store, branch.account, ALL)
    pay(branch.store, head, Choice("branches", "GBP", branch.refs), at=LATER)
    assert status_of(branch.store, row) == (PromiseStatus.KEPT, ALL.minor)
    assert branch.paused(PauseReason.PROMISE, TODAY + timedelta(days=1)) == 0


def test_money_for_a_branch_keeps_no_promise_of_the_head_office(branch: PlanWorld) -> None:
    """What the head office promised of its own is kept by what reaches its own invoices."""
    head = head_of(branch.store, branch.account, 50000)
    own = promised(branch.store, head, gbp(50000))
    pay(branch.store, head, Choice("branches", "GBP", branch.refs), at=LATER)
    assert status_of(branch.store, own) == (PromiseStatus.OPEN, 0)
    pay(branch.store, head, Choice("all", "GBP"), at=LATER)
    assert status_of(branch.store, own) == (PromiseStatus.KEPT, 50000)


def test_one_payment_keeps_both(branch: PlanWorld) -> None:
    """One payment for the head office and its branch keeps the promise of each by its own share."""
    head = head_of(branch.store, branch.account, 50000)
    own, theirs = promised(branch.store, head, gbp(50000)), promised(branch.store, branch.account, ALL)
    with branch.store.read() as session:
        refs = tuple(i.ref for i in paid_documents(session, head, branch.account))
    payment = pay(branch.store, head, Choice("branches", "GBP", refs), at=LATER)
    assert status_of(branch.store, own) == (PromiseStatus.KEPT, 50000)
    assert status_of(branch.store, theirs) == (PromiseStatus.KEPT, ALL.minor)
    with branch.store.write() as session:
        assert [a.id for a in paid_for.accounts_of(session, payment)] == sorted([head.id, branch.account.id])

    def reverse(session: Session) -> None:
        taking.take_back(
            session, SYSTEM, taking.lock_payment(session, payment.id), gbp(payment.amount_minor),
            cause=ReversalCause.MISTAKE, source="test", at=LATER, now=LATER,
        )  # fmt: skip

    branch.store.run(reverse)
    assert {status_of(branch.store, row)[0] for row in (own, theirs)} == {PromiseStatus.BROKEN}


def paid_documents(session: Session, *accounts: Account) -> list[Invoice]:
    ids = [account.id for account in accounts]
    query = select(Invoice).where(Invoice.account_id.in_(ids)).order_by(Invoice.id)
    return list(session.scalars(query))


# --------------------------------------------------------------------------- offers


def test_an_accepted_offer_of_the_branch_is_settled(store: Store) -> None:
    """M-11, history (b) across accounts: the agreed sum settles; the rest is the head office's credit."""
    world = a_late_account(store)
    head = head_of(store, world.account)
    page = opened(store, head, world.refs)
    offer = world.accept(world.propose(121896))
    paid(store, page, ALL.minor)
    assert (world.status(offer.ref), world.balances()) == (OfferStatus.SETTLED, [0, 0])
    payment = world.payments()[0]
    with store.read() as session:
        shares = select(Allocation.amount_minor)
        assert sum(session.scalars(shares.where(Allocation.payment_id == payment.id))) == 121896


def test_an_open_offer_of_the_branch_is_void(store: Store) -> None:
    """M-11: the balance has changed, whoever paid."""
    world = a_late_account(store)
    head = head_of(store, world.account)
    offer = world.propose(121896)
    pay(store, head, Choice("branches", "GBP", world.refs[:1]), at=LATER)
    assert world.status(offer.ref) is OfferStatus.VOIDED
