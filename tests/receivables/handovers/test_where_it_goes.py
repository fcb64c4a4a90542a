"""Where a handler's money goes: what is disputed, agreed, written off or placed anew meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account, Contact
from models.approvals import ApprovalRequest, Refund
from models.arrangements import Offer
from models.disputes import DisputeReason
from models.handovers import HandlerKind, Handover
from models.invoices import Invoice
from models.payments import Payment
from models.staff import Role
from models.states import HandoverStatus, OfferStatus
from models.store import Store
from models.work import Task, TaskKind
from receivables import ledger, refunds, write_offs
from receivables.approvals import deciding
from receivables.arrangements import offer_making, offers
from receivables.disputes import opening
from receivables.disputes.claims import Claim
from receivables.errors import Refused
from receivables.handovers import handlers, placing
from receivables.handovers.remittances import take_back_remittance
from receivables.permissions import Actor
from tests import factories as make
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.handovers.cases import TODAY, agency, late_account, person, placed, prepared
from tests.receivables.handovers.test_remittances import balances, books, pounds, remit


def invoices_of(store: Store, account: Account) -> list[Invoice]:
    with store.read() as s:
        return list(s.scalars(select(Invoice).where(Invoice.account_id == account.id).order_by(Invoice.id)))


def debtor(store: Store, account: Account) -> Actor:
    with store.read() as s:
        contact = s.scalars(select(Contact).where(Contact.account_id == account.id)).one()
        return make.holder_actor(account, contact)


def tasks(store: Store, account: Account) -> list[TaskKind]:
    with store.read() as s:
        return list(s.scalars(select(Task.kind).where(Task.account_id == account.id).order_by(Task.id)))


def recall(store: Store, case: Handover) -> None:
    supervisor = person(store)
    store.run(lambda s: placing.recall(s, supervisor, case.ref, reason="We try once more.", now=NOON))


def approve(store: Store, request: ApprovalRequest, by: Actor) -> None:
    store.run(lambda s: deciding.approve(s, by, request.ref, digest=request.content_digest, now=NOON))


def write_off_all(store: Store, account: Account) -> None:
    """The two late invoices, asked for by an accountant and approved by a supervisor."""
    accountant, supervisor = person(store, Role.ACCOUNTANT), person(store)
    for invoice in invoices_of(store, account)[:2]:
        with store.write() as s:
            asked = write_offs.propose_write_off(s, accountant, invoice.ref, reason="Lost.", now=NOON)
        approve(store, asked, supervisor)


def proved(store: Store) -> None:
    with store.read() as s:
        assert ledger.wrong_balances(s) == []
        assert not any(ledger.trial_balance(s).values())
    prove(store.url.render_as_string(hide_password=False), now=NOON)


def test_what_was_written_off_is_recovered(store: Store) -> None:
    """Race pay ∥ write-off: the write-off stays, the money is a recovery, an accountant is asked."""
    account = late_account(store)
    case, supervisor = placed(store, account), person(store)
    store.run(lambda s: placing.close(s, supervisor, case.ref, reason="Given up.", now=NOON))
    write_off_all(store, account)
    sent = remit(store, case, 57600)
    assert balances(store, account) == [0, 0, 28800]
    found = books(store)
    assert (found["recoveries"], found["bank"], found.get("unapplied_credit", 0)) == (-57600, 50400, 0)
    assert TaskKind.RECOVERED_MONEY in tasks(store, account)
    assert TaskKind.UNAPPLIED_MONEY not in tasks(store, account)
    proved(store)
    accountant = person(store, Role.ACCOUNTANT)
    with store.read() as s:
        number = s.get_one(Payment, sent.payment_id).number
    store.run(lambda s: take_back_remittance(s, accountant, number, reason="Not ours.", now=NOON))
    assert (books(store)["recoveries"], books(store)["bank"]) == (0, 0)
    proved(store)


def test_more_than_was_written_off_is_credit(store: Store) -> None:
    account = late_account(store)
    case, supervisor = placed(store, account), person(store)
    store.run(lambda s: placing.close(s, supervisor, case.ref, reason="Given up.", now=NOON))
    write_off_all(store, account)
    remit(store, case, 150000)
    assert (books(store)["recoveries"], books(store)["unapplied_credit"]) == (-141840, -8160)
    remit(store, case, 100, reference="HR-2")
    assert (books(store)["recoveries"], books(store)["unapplied_credit"]) == (-141840, -8260)
    proved(store)


def test_nothing_onto_what_is_disputed(store: Store) -> None:
    """M-12: the rest of the disputed invoice is paid, then the next one."""
    account = late_account(store)
    case = placed(store, account)
    recall(store, case)
    claim = Claim(DisputeReason.DAMAGED, (), pounds(50000))
    ref, holder = invoices_of(store, account)[0].ref, debtor(store, account)
    store.run(
        lambda s: opening.open_dispute(
            s, holder, ref, claim, words="wet", shown_at=NOON - timedelta(minutes=5), now=NOON
        )
    )
    remit(store, case, 20000)
    assert balances(store, account) == [50000, 84240 - 12400, 28800]
    remit(store, case, 100000, reference="HR-2")
    assert balances(store, account) == [50000, 0, 28800]
    assert books(store)["unapplied_credit"] == -(20000 + 100000 - 7600 - 84240)
    proved(store)


def test_no_more_than_an_offer_asks(store: Store) -> None:
    """Race pay ∥ accept: what is beyond the agreed sum is the debtor's, not taken for what is forgiven."""
    account = late_account(store)
    case = placed(store, account)
    recall(store, case)
    supervisor, holder = person(store), debtor(store, account)
    refs = [i.ref for i in invoices_of(store, account)[:2]]
    offer = store.run(
        lambda s: offer_making.propose(
            s, supervisor, account.ref, invoice_refs=refs, amount=pounds(120000),
            pay_by_on=TODAY + timedelta(days=10), reason="Closing.", now=NOON,
        )
    )  # fmt: skip
    store.run(
        lambda s: offers.accept(
            s, holder, offer.ref, digest=offer.content_digest, name="Helen Marsh", role="Owner", binds=True,
            language="en", ip_prefix=None, now=NOON,
        )
    )  # fmt: skip
    remit(store, case, 135000)
    with store.read() as s:
        assert s.get_one(Offer, offer.id).status is OfferStatus.SETTLED
    assert balances(store, account) == [0, 0, 28800]
    found = books(store)
    assert (found["unapplied_credit"], found["settlement_discounts"]) == (-15000, 21840)
    proved(store)


def test_another_handler_is_told(store: Store) -> None:
    """Money of an earlier case pays what is placed elsewhere now: somebody has that handler told."""
    account = late_account(store)
    first = placed(store, account)
    recall(store, first)
    other = handlers.HandlerFacts(
        HandlerKind.AGENCY, "Quay Collections Ltd", "5 Quay St", "+44 117 496 0012", "in@quay.example", "",
        "10", "Reports weekly.",
    )  # fmt: skip
    second, supervisor = prepared(store, account, handler=agency(store, other)), person(store)
    store.run(lambda s: placing.place(s, supervisor, second.ref, TODAY, now=NOON))
    before = len(tasks(store, account))
    remit(store, first, 100000)
    assert tasks(store, account)[before:] == [TaskKind.HAND_OVER]
    remit(store, first, 41840, reference="HR-2")
    assert tasks(store, account)[before:] == [TaskKind.HAND_OVER] * 2
    with store.read() as s:
        assert s.get_one(Handover, second.id).status is HandoverStatus.CLOSED
    proved(store)


def test_not_taken_back_after_its_credit_was_sent_back(store: Store) -> None:
    """INV-7: typed anew, what the debtor was sent would be his credit a second time."""
    account = late_account(store)
    case, accountant, supervisor = placed(store, account), person(store, Role.ACCOUNTANT), person(store)
    sent = remit(store, case, 150000, commission=pounds(0))
    asked = store.run(
        lambda s: refunds.propose_refund(
            s, accountant, account.ref, amount=pounds(8160), payee="Tessa Vane", bank_account="GB00 1234",
            reason="Too much.", now=NOON,
        )
    )  # fmt: skip
    approve(store, asked, supervisor)
    with store.read() as s:
        refund, number = s.scalars(select(Refund.ref)).one(), s.get_one(Payment, sent.payment_id).number
    found = books(store)
    for _ in range(2):  # already while the transfer is being made, and after it
        with pytest.raises(Refused, match="credit_sent_back") as refused:
            store.run(lambda s: take_back_remittance(s, accountant, number, reason="Wrong day.", now=NOON))
        assert refused.value.facts == {"amount_minor": 8160, "currency": "GBP"}
        assert books(store)["receivables"] == found["receivables"]
        store.run(
            lambda s: refunds.pay_out(s, accountant, refund, paid_on=TODAY, bank_reference="x", now=NOON)
        )
    proved(store)
