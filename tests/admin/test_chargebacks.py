"""The desk's chargebacks: the queue with days and amounts, the note; refunds that go back to a card."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from admin import reversal_words
from models.approvals import ApprovalRequest, Refund, RefundWay
from models.reversals import Chargeback, ReversalCause
from models.staff import Role
from models.states import ChargebackStatus, RefundStatus
from receivables.ports import DisputeState, RefundState
from receivables.reversals import card_refunds
from tests.admin.conftest import Desk
from tests.portal.visitor import words
from tests.receivables.reversals.world import LATER, Paid, a_paid_account

URL = "/desk/chargebacks"


@pytest.fixture
def contested(desk: Desk) -> Paid:
    paid = a_paid_account(desk.store)
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    return paid


def chargeback(desk: Desk) -> Chargeback:
    with desk.store.read() as session:
        return session.scalars(select(Chargeback)).one()


def test_nothing_contested_says_what_it_means(desk: Desk) -> None:
    shown = words(desk.at(Role.ACCOUNTANT).get(URL))
    assert "No payment was contested." in shown


def test_the_queue_says_what_is_held_and_until_when(desk: Desk, contested: Paid) -> None:
    """P-21: amount, what is held, the fee, why, the day, what to do, the way to the gateway's desk."""
    visitor = desk.at(Role.ACCOUNTANT)
    answer = visitor.get(URL)
    shown = words(answer)
    for said in (
        contested.payment.number, "100.00 GBP", "20.00 GBP", "goods or service not received",
        "waits for our answer", "1 to answer", "Submit invoice, delivery note and correspondence",
    ):  # fmt: skip
        assert said in shown, said
    assert "https://dashboard.stripe.com/test/disputes/dp_1" in answer.text
    account = words(visitor.get(f"/desk/accounts/{contested.account.ref}"))
    assert "Nobody is reminded of these invoices until it is decided." in account
    assert "Answer a chargeback" in words(visitor.get("/desk/tasks"))


def test_in_a_demo_the_way_leads_to_the_stand_in(desk: Desk, contested: Paid) -> None:
    """P-21: nobody who tries the product is sent to a desk that does not know the dispute."""
    house = desk.app.extensions["amicable"]
    demo = house.settings.model_copy(
        update={"STRIPE_SECRET_KEY": "sk_test_x", "AMICABLE_STRIPE_API_BASE": "http://127.0.0.1:8001"}
    )
    desk.app.extensions["amicable"] = replace(house, settings=demo)
    shown = desk.at(Role.ACCOUNTANT).get(URL).text
    assert "dashboard.stripe.com" not in shown
    assert 'href="http://127.0.0.1:8001/_sandbox/"' in shown


def test_what_was_sent_is_noted_once_decided_no_more(desk: Desk, contested: Paid) -> None:
    """P-21: a note of what was submitted; forged, empty, too late it is refused; a look changes nothing."""
    visitor = desk.at(Role.ACCOUNTANT)
    path = f"{URL}/{chargeback(desk).ref}/note"
    before = len(desk.codes())
    visitor.get(URL)
    assert len(desk.codes()) == before
    assert visitor.post(path, {"note": "  "}).status_code == 422
    assert visitor.post(path, {"note": "Invoice, delivery note of 3 October"}).status_code == 303
    assert "delivery note of 3 October" in words(visitor.get(URL))
    assert desk.codes().count("chargeback.noted") == 1
    contested.gateway.decides("dp_1", DisputeState.WON, back=10000)
    contested.hear("charge.dispute.closed", "dp_1", now=LATER)
    late = visitor.post(path, {"note": "More"})
    assert (late.status_code, "is decided" in words(late)) == (409, True)
    assert "Nothing: the money is back and counts." in words(visitor.get(URL))
    visitor.csrf = ""
    assert visitor.post(path, {"note": "Forged"}).status_code == 400


@pytest.mark.parametrize(
    ("state", "todo"),
    [
        (DisputeState.WON, "Wait: the money is on its way back."),
        (DisputeState.PREVENTED, "It is owed again: ask for it anew, or propose a write-off."),
        (DisputeState.LOST, "It is owed again: ask for it anew, or propose a write-off."),
        (DisputeState.UNDER_REVIEW, "Wait: the bank decides within some weeks."),
    ],
)
def test_what_to_do_goes_by_where_the_money_is(
    desk: Desk, contested: Paid, state: DisputeState, todo: str
) -> None:
    """P-21: decided, and £100.00 withdrawn: never "nothing", and no day for an answer that is not asked."""
    contested.gateway.decides("dp_1", state)
    contested.hear("charge.dispute.updated", "dp_1")
    shown = words(desk.at(Role.AUDITOR).get(URL))
    assert todo in shown
    assert "Answer by" not in shown


def test_every_state_has_its_words() -> None:
    tables = reversal_words.REVERSAL_TABLES
    assert set(tables["chargeback_todo"]) == {*ChargebackStatus, "won_unpaid"}
    assert set(tables["refund_remote"]) == {*RefundState}
    assert set(tables["refund_way"]) == {*RefundWay}
    assert set(tables["reversal_cause"]) == {*ReversalCause, "lost"}


def test_credit_goes_back_to_the_card(desk: Desk) -> None:
    """P-20: asked for by one, approved by another, sent by the gateway; the list says how it stands."""
    paid = a_paid_account(desk.store, came=13000)
    collector, boss = desk.at(), desk.at(Role.SUPERVISOR)
    form = f"/desk/accounts/{paid.account.ref}/refund"
    path = f"{form}-card"
    assert "To the card that paid" in words(collector.get(form))
    said = {"k-currency": "GBP", "k-amount": "30.00", "k-payment": paid.payment.number,
            "k-reason": "Too much"}  # fmt: skip
    assert collector.post(path, said | {"k-payment": ""}).status_code == 422
    assert collector.post(path, said | {"k-amount": "31.00"}).status_code == 409
    assert collector.post(path, said).status_code == 303
    with desk.store.read() as session:
        request = session.scalars(select(ApprovalRequest)).one()
    place = f"/desk/approvals/requests/{request.ref}"
    assert "visa 4242" in words(boss.get(place))
    assert boss.post(f"{place}/approve", {"digest": request.content_digest}).status_code == 303
    with desk.store.read() as session:
        refund = session.scalars(select(Refund)).one()
    assert (refund.way, refund.status) == (RefundWay.CARD, RefundStatus.UNDER_WAY)
    accountant = desk.at(Role.ACCOUNTANT)
    shown = words(accountant.get("/desk/refunds"))
    assert "The gateway is about to be asked." in shown
    assert "to the card that paid" in shown
    assert "0 to send" in shown  # by a person
    refused = accountant.post(f"/desk/refunds/{refund.ref}/paid", {"day": "2026-11-19", "reference": "X"})
    assert refused.status_code == 409
    card_refunds.send(desk.store, paid.gateway, refund.ref, now=LATER)
    assert "re_1" in words(accountant.get("/desk/refunds"))
    paid.gateway.fails("re_1")
    paid.hear("refund.failed", "re_1")
    shown = words(accountant.get("/desk/refunds"))
    assert "the card has expired or was closed" in shown
    assert "The credit is free again: propose a bank transfer." in shown
