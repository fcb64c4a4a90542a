"""Refunds made at the gateway's desk, and ours to the card: partials, repeats, failures, unknowns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.approvals import ApprovalRequest, Refund
from models.invoices import Invoice
from models.ledger import LedgerCode
from models.messages import Message
from models.pauses import PauseReason
from models.payments import ProviderEffect
from models.staff import Role
from models.states import InboxStatus, RefundStatus
from models.store import Store
from models.work import Alert, Job
from receivables import pauses, refunds
from receivables.approvals import deciding
from receivables.errors import Refused
from receivables.payments.quotes import Choice
from receivables.permissions import Actor
from receivables.ports import (
    DisputeState,
    GatewayRefused,
    OutcomeUnknown,
    RefundState,
    RemoteReview,
    RemoteWarning,
)
from receivables.reconciling import ageing
from receivables.reversals import card_refunds
from tests import factories as make
from tests.conftest import NOON
from tests.proof import prove
from tests.receivables.paying import pay
from tests.receivables.reversals.world import LATER, Paid, a_paid_account, gbp


@pytest.fixture
def paid(store: Store) -> Paid:
    return a_paid_account(store)


@pytest.fixture
def over(store: Store) -> Paid:
    """£100.00 owed, £130.00 paid: £30.00 of credit."""
    return a_paid_account(store, came=13000)


def people(paid: Paid) -> tuple[Actor, Actor]:
    with paid.store.write() as s:
        return (
            make.staff_actor(make.a_person(s, Role.COLLECTOR, name="Priya Shah")),
            make.staff_actor(make.a_person(s, Role.SUPERVISOR, name="Ruth Adler")),
        )


def ask(paid: Paid, minor: int, who: Actor) -> ApprovalRequest:
    return paid.store.run(
        lambda s: refunds.propose_card_refund(
            s, who, paid.account.ref, payment_number=paid.payment.number, amount=gbp(minor),
            reason="Paid too much", now=NOON,
        )
    )  # fmt: skip


def approved(paid: Paid, minor: int) -> Refund:
    asks, decides = people(paid)
    request = ask(paid, minor, asks)
    with paid.store.write() as s:
        deciding.approve(s, decides, request.ref, digest=request.content_digest, now=NOON)
    return refund(paid)


def refund(paid: Paid) -> Refund:
    with paid.store.read() as s:
        return s.scalars(select(Refund).order_by(Refund.id.desc())).first()  # type: ignore[return-value]


def send(paid: Paid, *, after: timedelta = timedelta(0)) -> RefundStatus:
    return card_refunds.send(paid.store, paid.gateway, refund(paid).ref, now=LATER + after)


def alerts(paid: Paid) -> list[str]:
    with paid.store.read() as s:
        return list(s.scalars(select(Alert.code).order_by(Alert.id)))


def kinds(paid: Paid) -> list[str]:
    with paid.store.read() as s:
        return list(s.scalars(select(Message.kind).order_by(Message.id)))


# --------------------------------------------------------------------------- made at the gateway's desk


def test_two_and_three_are_five(store: Store) -> None:
    """P-20, B16, FT-16: each refund by its own id and amount; repeats and other events add nothing."""
    paid = a_paid_account(store, 600, 400)
    paid.gateway.refunded(paid.charge, 200, number="re_1")
    paid.hear("refund.created", "re_1")
    paid.gateway.refunded(paid.charge, 300, number="re_2")
    for kind, thing in (
        ("charge.refunded", paid.charge), ("refund.created", "re_2"), ("refund.updated", "re_2"),
        ("charge.refund.updated", "re_1"), ("refund.updated", "re_1"),
    ):  # fmt: skip
        assert paid.hear(kind, thing) is InboxStatus.DONE
    assert paid.balances() == [100, 400]
    assert [r.amount_minor for r in paid.reversals()] == [200, 300]
    assert paid.booked(LedgerCode.GATEWAY_CLEARING) == 500
    assert paid.booked(LedgerCode.REFUNDS_PAYABLE) == 0
    with paid.store.read() as s:
        effects = s.execute(select(ProviderEffect.provider_object_id, ProviderEffect.kind)).all()
    assert sorted(tuple(e) for e in effects if e[1] == "refund") == [("re_1", "refund"), ("re_2", "refund")]
    prove(paid.url)


def test_a_refund_of_the_desk_reopens_and_asks(paid: Paid) -> None:
    """P-20: a person says what becomes of it; meanwhile it is not chased; the debtor is told."""
    paid.gateway.refunded(paid.charge, 10000)
    paid.hear("refund.created", "re_1")
    assert (paid.balances(), paid.tasks()) == ([10000], ["payment_returned"])
    with paid.store.read() as s:
        held = pauses.standing(s, paid.account.id, LATER.date())
    assert [p.reason for p in held] == [PauseReason.AWAITING_OUR_ANSWER]
    assert "card_refund_sent" in kinds(paid)
    prove(paid.url)


def test_refunded_credit_reopens_nothing(over: Paid) -> None:
    over.gateway.refunded(over.charge, 3000)
    over.hear("refund.created", "re_1")
    assert (over.balances(), over.credit()) == ([0], [])
    assert "payment_returned" not in over.tasks()
    prove(over.url)


def test_one_that_fails_later_counts_again(paid: Paid) -> None:
    """P-20: succeeded, then failed: where it was, and a person finds another way."""
    paid.gateway.refunded(paid.charge, 4000)
    paid.hear("refund.created", "re_1")
    paid.gateway.fails("re_1")
    for number in ("a", "b"):
        paid.hear("refund.failed", "re_1", number=number, now=LATER + timedelta(days=5))
    assert (paid.balances(), paid.booked(LedgerCode.GATEWAY_CLEARING)) == ([0], 10000)
    assert "refund_failed" in paid.tasks()
    prove(paid.url)


def test_one_that_had_failed_before_we_heard(paid: Paid) -> None:
    """P-11: both movements are booked, and nothing of the payment was touched."""
    paid.gateway.refunded(paid.charge, 4000)
    paid.gateway.fails("re_1")
    paid.hear("refund.failed", "re_1")
    paid.hear("refund.created", "re_1")
    assert (paid.balances(), paid.reversals(), paid.booked(LedgerCode.GATEWAY_CLEARING)) == ([0], [], 10000)
    prove(paid.url)


def test_a_pending_one_without_a_movement_waits(paid: Paid) -> None:
    paid.gateway.refunded(paid.charge, 4000, status=RefundState.REQUIRES_ACTION)
    paid.hear("refund.created", "re_1")
    assert (paid.balances(), paid.reversals()) == ([0], [])
    with paid.store.read() as s:
        assert s.scalars(select(Alert.code)).all() == ["refund_needs_action"]


def test_money_that_left_before_stays_on_the_holding_account(over: Paid) -> None:
    """A refund of the whole charge after our own of its credit: beyond is nobody's debt, an alert says it."""
    approved(over, 3000)
    assert send(over) is RefundStatus.PAID_OUT
    over.gateway.refunded(over.charge, 13000, number="re_desk")
    over.hear("refund.created", "re_desk")
    (taken,) = over.reversals()
    assert (taken.allocated_minor, taken.beyond_minor) == (10000, 3000)
    assert over.booked(LedgerCode.REFUNDS_PAYABLE) == 3000
    with over.store.read() as s:
        assert "taken_beyond" in s.scalars(select(Alert.code)).all()


# --------------------------------------------------------------------------- ours, to the card


def test_ours_is_asked_approved_sent_and_told(over: Paid) -> None:
    """P-20: own refund and its notifications are one entry; the debtor gets his confirmation."""
    made = approved(over, 3000)
    assert (made.status, over.credit()) == (RefundStatus.UNDER_WAY, [])
    with over.store.read() as s:
        assert "send_refund" in s.scalars(select(Job.kind)).all()
    assert send(over) is RefundStatus.PAID_OUT
    number = str(refund(over).remote_id)
    for kind, thing in (
        ("refund.created", number),
        ("charge.refunded", over.charge),
        ("refund.updated", number),
    ):
        over.hear(kind, thing)
    assert over.booked(LedgerCode.GATEWAY_CLEARING) == 10000
    assert (over.booked(LedgerCode.REFUNDS_PAYABLE), over.reversals(), over.balances()) == (0, [], [0])
    assert kinds(over).count("card_refund_sent") == 1
    assert over.gateway.calls.count("refund") == 1
    prove(over.url)


@pytest.mark.parametrize("by_card", [True, False])
def test_what_is_to_be_sent_waits_since_its_day(over: Paid, by_card: bool) -> None:
    """M-18: refunds payable is the refunds that are not sent; after five business days it is an alarm."""

    def waiting(days: int) -> list[tuple[str, int, bool, int]]:
        now = NOON + timedelta(days=days)
        with over.store.read() as s:
            found = [p for p in ageing.places(s, "default", now=now) if p.code == "refunds_payable"]
        return [(i.what, i.minor, i.late, p.rest_minor) for p in found for i in p.items]

    if by_card:
        approved(over, 3000)
    else:
        asks, decides = people(over)
        request = over.store.run(
            lambda s: refunds.propose_refund(
                s, asks, over.account.ref, amount=gbp(3000), payee="Ash Ltd",
                bank_account="GB33 BUKB 2020 1555 5555 55", reason="Paid too much", now=NOON,
            )
        )  # fmt: skip
        over.store.run(
            lambda s: deciding.approve(s, decides, request.ref, digest=request.content_digest, now=NOON)
        )
    assert waiting(1) == [("refunds", -3000, False, 0)]
    assert waiting(7) == [("refunds", -3000, False, 0)]
    assert waiting(12) == [("refunds", -3000, True, 0)]
    if by_card:
        send(over)
    else:
        with over.store.write() as s:
            books = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
            refunds.pay_out(s, books, refund(over).ref, paid_on=NOON.date(), bank_reference="OUT 7", now=NOON)
    assert waiting(12) == []


def test_the_notification_may_come_first(over: Paid) -> None:
    """P-11: the webhook is faster than our own answer."""
    made = approved(over, 3000)
    over.gateway.refunded(over.charge, 3000, number="re_fast", ref=made.ref)
    over.hear("refund.created", "re_fast")
    assert refund(over).status is RefundStatus.PAID_OUT
    assert send(over) is RefundStatus.PAID_OUT
    assert over.booked(LedgerCode.GATEWAY_CLEARING) == 10000


def test_an_unknown_outcome_is_asked_with_the_same_call(over: Paid) -> None:
    """P-02, P-22: nothing is sent twice; the stored call with its stored key."""
    approved(over, 3000)
    over.gateway.on_refund = [OutcomeUnknown("timeout"), RefundState.SUCCEEDED]
    assert send(over) is RefundStatus.UNDER_WAY
    assert refund(over).unknown_since is not None
    key = refund(over).idempotency_key
    assert card_refunds.sweep(
        over.store, over.gateway, gateway_account="default", now=LATER + timedelta(minutes=3)
    ) == 1  # fmt: skip
    assert (refund(over).status, refund(over).idempotency_key) == (RefundStatus.PAID_OUT, key)
    prove(over.url)


def test_with_the_key_forgotten_the_gateway_is_searched(over: Paid) -> None:
    """P-03: after a day by our reference; found, it is booked; not found, it was never made."""
    made = approved(over, 3000)
    over.gateway.on_refund = [OutcomeUnknown("timeout")]
    send(over)
    over.gateway.refunded(over.charge, 3000, number="re_lost", ref=made.ref)
    assert send(over, after=timedelta(hours=25)) is RefundStatus.PAID_OUT
    assert over.gateway.calls.count("refund") == 1


def test_never_made_it_is_credit_again(over: Paid) -> None:
    approved(over, 3000)
    over.gateway.on_refund = [OutcomeUnknown("timeout")]
    send(over)
    assert send(over, after=timedelta(hours=25)) is RefundStatus.FAILED
    assert (over.credit(), over.tasks()) == ([gbp(3000)], ["refund_failed", "unapplied_money"])
    prove(over.url)


@pytest.mark.parametrize("made", [True, False])
def test_an_error_saved_under_the_key_is_searched_for(over: Paid, made: bool) -> None:
    """P-03, P-22: the key repeats its 500 for a day; after ten minutes the search tells what was made."""
    order = approved(over, 3000)
    over.gateway.on_refund = [OutcomeUnknown("http_500"), OutcomeUnknown("http_500", is_over=True)]
    send(over)
    if made:
        over.gateway.refunded(over.charge, 3000, number="re_500", ref=order.ref)
    assert send(over, after=timedelta(minutes=5)) is RefundStatus.UNDER_WAY
    ended = RefundStatus.PAID_OUT if made else RefundStatus.FAILED
    assert send(over, after=timedelta(minutes=11)) is ended
    assert over.credit() == ([] if made else [gbp(3000)])
    prove(over.url)


def test_what_may_still_be_executed_is_not_given_up(over: Paid) -> None:
    """P-03, INV-4: no answer again and nothing found: it stays unknown, and lands once."""
    approved(over, 3000)
    over.gateway.on_refund = [OutcomeUnknown("no_answer"), OutcomeUnknown("http_409"), RefundState.SUCCEEDED]
    send(over)
    assert send(over, after=timedelta(minutes=11)) is RefundStatus.UNDER_WAY
    assert over.gateway.calls.count("find_refund") == 1
    assert send(over, after=timedelta(minutes=12)) is RefundStatus.PAID_OUT
    assert over.booked(LedgerCode.REFUNDS_PAYABLE) == 0
    prove(over.url)


def test_long_unknown_raises_an_alert(over: Paid) -> None:
    """P-16."""
    approved(over, 3000)
    over.gateway.on_refund = [OutcomeUnknown("timeout")]
    send(over)
    card_refunds.sweep(over.store, over.gateway, gateway_account="default", now=LATER + timedelta(hours=1))
    with over.store.read() as s:
        assert "refund_unresolved" in s.scalars(select(Alert.code)).all()


def sweep(paid: Paid, *, after: timedelta) -> int:
    return card_refunds.sweep(paid.store, paid.gateway, gateway_account="default", now=NOON + after)


def test_one_that_was_never_asked_for_is_swept(over: Paid) -> None:
    """P-16, P-20: its job never came to the call; the sweeper makes it, once."""
    approved(over, 3000)
    assert sweep(over, after=timedelta(minutes=1)) == 0
    for minutes in (3, 6):
        sweep(over, after=timedelta(minutes=minutes))
    assert (refund(over).status, over.gateway.calls.count("refund")) == (RefundStatus.PAID_OUT, 1)
    assert "refund_unresolved" not in alerts(over)
    prove(over.url)


def test_one_that_cannot_be_asked_for_calls_a_person(over: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    """P-16, INV-13: what raises before the call is tried again, and an alert says it in time."""
    approved(over, 3000)

    def breaks(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(over.gateway, "prepare_refund", breaks)
        assert sweep(over, after=timedelta(minutes=3)) == 1
        assert "refund_unresolved" not in alerts(over)
        sweep(over, after=timedelta(hours=1))
    assert alerts(over).count("refund_unresolved") == 1
    sweep(over, after=timedelta(hours=2))
    assert refund(over).status is RefundStatus.PAID_OUT


def test_refused_by_the_gateway_it_is_credit_again(over: Paid) -> None:
    approved(over, 3000)
    over.gateway.on_refund = [GatewayRefused("charge_already_refunded")]
    assert send(over) is RefundStatus.FAILED
    assert (refund(over).failure_code, over.credit()) == ("charge_already_refunded", [gbp(3000)])
    assert over.booked(LedgerCode.REFUNDS_PAYABLE) == 0
    prove(over.url)


@pytest.mark.parametrize("is_named", [True, False])
def test_one_that_the_gateway_does_not_show_is_not_failed(store: Store, is_named: bool) -> None:
    """P-20, P-22: with the key of another account one under way stays so; its credit is not free twice."""
    over = a_paid_account(store, came=13000)
    made = approved(over, 3000)
    over.gateway.on_refund = [RefundState.REQUIRES_ACTION if is_named else OutcomeUnknown("timeout")]
    send(over)
    over.gateway.is_blind = True
    for _ in "ab":
        assert send(over, after=timedelta(hours=25)) is RefundStatus.UNDER_WAY
    assert (over.credit(), over.booked(LedgerCode.REFUNDS_PAYABLE)) == ([], -3000)
    assert alerts(over).count("refund_unresolved") == 1
    over.gateway.is_blind = False
    over.gateway.refunded(over.charge, 3000, number="re_1", ref=made.ref)
    assert send(over, after=timedelta(hours=26)) is RefundStatus.PAID_OUT
    assert (over.credit(), over.booked(LedgerCode.REFUNDS_PAYABLE)) == ([], 0)
    prove(over.url)


@pytest.mark.parametrize("first", [RefundState.PENDING, RefundState.SUCCEEDED])
def test_sent_and_failed_days_later(store: Store, first: RefundState) -> None:
    """P-20: the gateway gives it back; the credit is free for a bank transfer, a person is asked."""
    over = a_paid_account(store, came=13000)
    approved(over, 3000)
    over.gateway.on_refund = [first]
    send(over)
    assert over.booked(LedgerCode.GATEWAY_CLEARING) == 10000
    number = str(refund(over).remote_id)
    over.gateway.fails(number)
    for again in ("a", "b"):
        over.hear("refund.failed", number, number=again, now=LATER + timedelta(days=5))
    assert (refund(over).status, over.credit()) == (RefundStatus.FAILED, [gbp(3000)])
    assert over.booked(LedgerCode.GATEWAY_CLEARING) == 13000
    assert "refund_failed" in over.tasks()
    asks, _ = people(over)
    ask(over, 3000, asks)  # another way, or the card again
    prove(over.url)


# --------------------------------------------------------------------------- refused before the call


def test_not_more_than_the_card_may_receive(over: Paid) -> None:
    """P-20: what went back already counts, ours and the desk's."""
    asks, _ = people(over)
    with pytest.raises(Refused, match="credit_too_small"):
        ask(over, 3001, asks)
    over.gateway.refunded(over.charge, 12000)
    over.hear("refund.created", "re_1")
    with over.store.write() as s:
        make.an_invoice(s, over.account, total=100)
    with over.store.read() as s:
        (new,) = s.scalars(select(Invoice).where(Invoice.total_minor == 100)).all()
    pay(over.store, over.account, Choice("chosen", "GBP", (new.ref,)), came=gbp(3100), at=LATER)
    with pytest.raises(Refused, match="refunded_before"):
        ask(over, 3000, asks)
    ask(over, 1000, asks)


def test_a_contested_payment_is_not_refunded(over: Paid) -> None:
    """P-20: check disputed first; at the last moment too, before the call is made."""
    approved(over, 1000)
    over.gateway.contested(over.charge, 500)
    over.hear("charge.dispute.created", "dp_1")
    asks, _ = people(over)
    with pytest.raises(Refused, match="payment_contested"):
        ask(over, 1000, asks)
    assert send(over) is RefundStatus.FAILED
    assert (refund(over).failure_code, over.gateway.calls) == ("charge_disputed", [])
    over.gateway.decides("dp_1", DisputeState.WON, back=500)
    over.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    ask(over, 1000, asks)


def test_the_accountant_does_not_note_what_the_gateway_sends(over: Paid) -> None:
    made = approved(over, 3000)
    with over.store.write() as s:
        accountant = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))

    def note() -> object:
        with over.store.write() as s:
            return refunds.pay_out(s, accountant, made.ref, paid_on=NOON.date(), bank_reference="X", now=NOON)

    with pytest.raises(Refused, match="goes_to_card"):
        note()


# --------------------------------------------------------------------------- warnings


@pytest.mark.parametrize("actionable", [True, False])
def test_a_warning_of_fraud_suggests_a_refund(store: Store, actionable: bool) -> None:
    """P-21: no money moves; one task while something can be done."""
    paid = a_paid_account(store)
    paid.gateway.warnings["w_1"] = RemoteWarning(
        "w_1", paid.charge, None, "made_with_stolen_card", actionable, LATER
    )
    for number in ("a", "b"):
        paid.hear("radar.early_fraud_warning.created", "w_1", number=number)
    assert paid.tasks() == (["fraud_warning"] if actionable else [])
    assert paid.balances() == [0]


def test_a_review_asks_a_person_until_it_is_closed(store: Store) -> None:
    """P-11, P-21: events in any order and number; one task while it is open at the gateway, none after."""
    paid = a_paid_account(store)
    review = RemoteReview("prv_1", paid.charge, "rule", True, LATER)
    paid.gateway.reviews["prv_1"] = review
    for number in ("a", "b"):
        paid.hear("review.opened", "prv_1", number=number)
    assert (paid.tasks(), paid.balances()) == (["fraud_warning"], [0])
    paid.gateway.reviews["prv_1"] = replace(review, is_open=False)
    for kind, number in (("review.closed", "c"), ("review.opened", "d")):
        paid.hear(kind, "prv_1", number=number)
    assert (paid.tasks(), paid.tasks(done=True)) == ([], ["fraud_warning"])
    paid.gateway.reviews["prv_2"] = replace(review, review_id="prv_2", charge_id="ch_other")
    assert paid.hear("review.opened", "prv_2") is InboxStatus.DONE
    assert paid.tasks() == []
