"""One read of everything that is agreed or waits, for the page that opens with it."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.orm import Session

from models.accounts import Account
from models.answers import HardshipCase, Request, RequestKind
from models.arrangements import (
    CreditHold,
    DiscountTax,
    Every,
    Instalment,
    Offer,
    OfferMaker,
    PaysBy,
    Plan,
    Promise,
)
from models.disputes import Dispute, DisputeReason
from models.money import Money
from models.pauses import PauseReason
from models.states import (
    DisputeStatus,
    HoldStatus,
    InstalmentStatus,
    OfferStatus,
    PlanStatus,
    PromiseStatus,
    RequestStatus,
)
from models.store import Store
from receivables import pauses
from receivables.permissions import SYSTEM
from receivables.standing import standing_of
from tests import factories as make
from tests.conftest import NOON
from tests.portal.test_routes import statements

TODAY = date(2026, 11, 19)
IN_A_WEEK = TODAY + timedelta(days=7)


def a_plan(s: Session, account: Account, status: PlanStatus, **more: object) -> Plan:
    plan = Plan(
        **{
            "account_id": account.id, "status": status, "currency": "GBP", "total_minor": 30000, "parts": 3,
            "every": Every.MONTH, "pays_by": PaysBy.LINK, "proposed_at": NOON, "terms": {},
            "terms_digest": "a" * 64, **more,
        }
    )  # fmt: skip
    s.add(plan)
    s.flush()
    return plan


def an_offer(s: Session, account: Account, status: OfferStatus, **more: object) -> Offer:
    offer = Offer(
        **{
            "account_id": account.id, "status": status, "maker": OfferMaker.DEBTOR, "currency": "GBP",
            "balance_minor": 10000, "amount_minor": 8000, "expires_on": IN_A_WEEK, "pay_by_on": IN_A_WEEK,
            "discount_tax": DiscountTax.NONE, "proposed_at": NOON, "content_digest": "a" * 64, "terms": {},
            **more,
        }
    )  # fmt: skip
    s.add(offer)
    s.flush()
    return offer


def fill(s: Session, account: Account) -> None:
    """One of each kind that counts, and beside each the nearest one that does not."""
    invoice = make.an_invoice(s, account, number="2026-1207")
    for status, currency in ((PromiseStatus.OPEN, "GBP"), (PromiseStatus.BROKEN, "GBP")):
        s.add(
            Promise(account_id=account.id, amount_minor=5000, currency=currency, promised_on=IN_A_WEEK,
                    status=status, made_at=NOON)
        )  # fmt: skip
    plan = a_plan(s, account, PlanStatus.ACTIVE)
    paid, missed, scheduled = InstalmentStatus.PAID, InstalmentStatus.MISSED, InstalmentStatus.SCHEDULED
    for seq, state in enumerate((paid, missed, scheduled)):
        s.add(
            Instalment(plan_id=plan.id, seq=seq + 1, due_on=TODAY + timedelta(days=seq), amount_minor=10000,
                       status=state)
        )  # fmt: skip
    a_plan(s, account, PlanStatus.PROPOSED)
    a_plan(s, account, PlanStatus.COMPLETED)
    an_offer(s, account, OfferStatus.OPEN)
    an_offer(s, account, OfferStatus.OPEN, expires_on=TODAY - timedelta(days=1))
    an_offer(s, account, OfferStatus.AWAITING_APPROVAL, maker=OfferMaker.STAFF)
    an_offer(s, account, OfferStatus.REFUSED)
    for status, holds in ((DisputeStatus.UNDER_REVIEW, True), (DisputeStatus.WITHDRAWN, False)):
        s.add(
            Dispute(account_id=account.id, invoice_id=invoice.id, status=status, holds=holds,
                    reason=DisputeReason.DAMAGED, contested_minor=1200, currency="GBP", opened_at=NOON,
                    answer_by_on=IN_A_WEEK)
        )  # fmt: skip
    for request_status in (RequestStatus.OPEN, RequestStatus.ANSWERED):
        s.add(
            Request(account_id=account.id, kind=RequestKind.DOCUMENT, status=request_status, facts={},
                    asked_at=NOON, answer_by_on=IN_A_WEEK, invoice_id=invoice.id)
        )  # fmt: skip
    for hold_status in (HoldStatus.ACTIVE, HoldStatus.RELEASED):
        s.add(
            CreditHold(account_id=account.id, status=hold_status, reason="60 days late", since_on=TODAY,
                       release_minor=9000, currency="GBP", placed_at=NOON)
        )  # fmt: skip
    s.add(
        HardshipCase(account_id=account.id, status=RequestStatus.OPEN, words="ill", told_at=NOON,
                     answer_by_on=IN_A_WEEK)
    )  # fmt: skip
    for reason in (PauseReason.PROMISE, PauseReason.HARDSHIP):
        pauses.pause(s, SYSTEM, account, reason, key=f"{reason.value}:{account.id}", now=NOON)


def test_what_counts_and_what_does_not(store: Store) -> None:
    """Issue B: everything that is agreed or waits, of this account and of no other (L-15)."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        other = make.an_account(s, make.a_creditor(s))
        fill(s, account)
        fill(s, other)
    with store.read() as s:
        found = standing_of(s, account.id, TODAY)
    (promise,), (plan,), (offer,), (dispute,), (request,) = (
        found.promises, found.plans, found.offers, found.disputes, found.requests
    )  # fmt: skip
    assert (promise.amount, promise.promised_on, promise.changed) == (Money(5000, "GBP"), IN_A_WEEK, False)
    assert (plan.status, plan.next_seq, plan.next_amount) == (PlanStatus.ACTIVE, 2, Money(10000, "GBP"))
    assert (plan.next_on, plan.parts, plan.pays_by) == (TODAY + timedelta(days=1), 3, PaysBy.LINK)
    assert (offer.status, offer.amount, offer.balance) == (
        OfferStatus.OPEN, Money(8000, "GBP"), Money(10000, "GBP")
    )  # fmt: skip
    assert (dispute.invoice_number, dispute.reason) == ("2026-1207", DisputeReason.DAMAGED)
    assert found.disputed == [Money(1200, "GBP")]
    assert (request.kind, request.answer_by_on) == (RequestKind.DOCUMENT, IN_A_WEEK)
    assert found.hold is not None
    assert (found.hold.release, found.hold.reason) == (Money(9000, "GBP"), "60 days late")
    assert [held.reason for held in found.pauses] == [PauseReason.PROMISE]
    assert (found.is_arranged, found.waits_for_us) == (True, True)


def test_an_account_without_any_of_it(store: Store) -> None:
    """Nothing is said where there is nothing to say."""
    with store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
    with store.read() as s:
        found = standing_of(s, account.id, TODAY)
    assert (found.is_arranged, found.waits_for_us, found.hold) == (False, False, None)
    assert [*found.promises, *found.plans, *found.offers, *found.pauses, *found.disputed] == []


def test_our_own_proposal_waits_for_the_debtor(sqlite_store: Store) -> None:
    """What a person of ours proposes is his to see once it is approved; his own request waits for us."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        a_plan(s, account, PlanStatus.PROPOSED, proposed_by_staff_id=make.a_person(s).id)
        first = standing_of(s, account.id, TODAY)
        a_plan(s, account, PlanStatus.AWAITING_APPROVAL, proposed_by_staff_id=make.a_person(s).id)
        unseen = standing_of(s, account.id, TODAY)
        a_plan(s, account, PlanStatus.AWAITING_APPROVAL, answer_by_on=IN_A_WEEK, accepted_at=NOON)
        an_offer(s, account, OfferStatus.AWAITING_APPROVAL, answer_by_on=IN_A_WEEK)
        then = standing_of(s, account.id, TODAY)
    assert (first.is_arranged, first.waits_for_us) == (True, False)
    assert [row.answer_by_on for row in unseen.plans] == [None]
    assert [row.answer_by_on for row in (*then.plans, *then.offers)] == [None, IN_A_WEEK, IN_A_WEEK]
    assert then.waits_for_us


def test_who_pays_for_branches(store: Store) -> None:
    """Part 7: the head office is told that it has branches; a branch that is not shown to it makes none."""
    with store.write() as s:
        head, shown, hidden = (make.an_account(s, make.a_creditor(s)) for _ in range(3))
        hidden.payer_id = shown.payer_id = head.id
        before = standing_of(s, head.id, TODAY)
        shown.shown_to_payer = True
        s.flush()
        found = [standing_of(s, account.id, TODAY).pays_for_branches for account in (head, shown, hidden)]
    assert (before.pays_for_branches, found) == (False, [True, False, False])


def test_two_statements(sqlite_store: Store) -> None:
    """Issue B: the overview has eight for everything; this takes two of them."""
    with sqlite_store.write() as s:
        account = make.an_account(s, make.a_creditor(s))
        fill(s, account)
    with statements(sqlite_store) as seen, sqlite_store.read() as s:
        standing_of(s, account.id, TODAY)
    assert len(seen) == 2
