"""Chargebacks: money by movements only, in any order; held, won, lost, partial, inquiry, bank return."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import select, update

from models.ledger import LedgerCode
from models.messages import Message
from models.pauses import Pause, PauseReason
from models.payments import Payment, PaymentAttempt, PaymentMethod
from models.reversals import Chargeback, ReversalCause
from models.staff import Role
from models.states import ChargebackStatus, InboxStatus
from models.store import Store
from models.work import Alert, Job
from receivables import ledger, pauses
from receivables.payments import starting
from receivables.payments.quotes import Choice
from receivables.ports import DisputeState, MovementKind
from receivables.reversals import chargebacks, reads
from tests import factories as make
from tests.fakes import ToldGateway
from tests.proof import prove
from tests.receivables.paying import pay
from tests.receivables.reversals.world import LATER, Paid, a_movement, a_paid_account, gbp

EVENTS = ("created", "funds_withdrawn", "funds_reinstated", "closed")


@pytest.fixture
def paid(store: Store) -> Paid:
    return a_paid_account(store)


def standing(paid: Paid, *, after: int = 0) -> list[PauseReason]:
    day = LATER.date() + timedelta(days=after)
    with paid.store.read() as s:
        return [p.reason for p in pauses.standing(s, paid.account.id, day)]


def test_withdrawn_it_is_held_owed_again_and_nobody_chases(paid: Paid) -> None:
    """P-21: out of clearing with its fee, the receivable open, dunning paused, a task for a person."""
    paid.gateway.contested(paid.charge, 10000)
    assert paid.hear("charge.dispute.created", "dp_1") is InboxStatus.DONE
    row = paid.chargeback()
    assert (row.status, row.taken_minor, row.returned_minor, row.fee_minor) == (
        ChargebackStatus.OPEN, 10000, 0, 2000,
    )  # fmt: skip
    assert paid.balances() == [10000]
    assert paid.booked(LedgerCode.GATEWAY_CLEARING) == -2000
    assert paid.booked(LedgerCode.GATEWAY_FEES) == 2000
    assert paid.booked(LedgerCode.CHARGEBACKS_HELD) == 0
    assert standing(paid) == [PauseReason.CHARGEBACK]
    assert paid.tasks() == ["chargeback"]
    with paid.store.read() as s:
        assert "payment_returned" in s.scalars(select(Message.kind)).all()
        assert ledger.wrong_balances(s) == []
    prove(paid.url)


@pytest.mark.parametrize("order", list(permutations(EVENTS)), ids=lambda o: "-".join(e[:9] for e in o))
def test_won_ends_the_same_in_any_order(sqlite_store: Store, order: tuple[str, ...]) -> None:
    """P-21, P-11: each event tells the whole; 24 orders end in one state."""
    paid = a_paid_account(sqlite_store)
    paid.gateway.contested(paid.charge, 10000)
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000, fee_back=2000)
    for event in order:
        paid.hear(f"charge.dispute.{event}", "dp_1")
    assert the_end(paid) == (ChargebackStatus.WON, [0], 10000, 0, [], [])


@pytest.mark.parametrize("order", list(permutations(EVENTS))[::4], ids=lambda o: "-".join(e[:9] for e in o))
def test_won_step_by_step_in_any_order_of_arrival(sqlite_store: Store, order: tuple[str, ...]) -> None:
    """P-21: the gateway's state moves on between the events; what arrives when changes nothing at the end."""
    paid = a_paid_account(sqlite_store)
    steps = iter(
        [
            lambda: paid.gateway.contested(paid.charge, 10000, movements=[]),
            lambda: paid.gateway.contested(paid.charge, 10000),
            lambda: paid.gateway.decides("dp_1", DisputeState.UNDER_REVIEW),
            lambda: paid.gateway.decides("dp_1", DisputeState.WON, back=10000, fee_back=2000),
        ]
    )
    for n, event in enumerate(order):
        next(steps)()
        paid.hear(f"charge.dispute.{event}", "dp_1", now=LATER + timedelta(minutes=n))
        paid.hear(f"charge.dispute.{event}", "dp_1", number="again", now=LATER + timedelta(minutes=n))
    assert the_end(paid) == (ChargebackStatus.WON, [0], 10000, 0, [], [])


def the_end(paid: Paid) -> tuple[object, ...]:
    """How it stands: status, balances, clearing, fees, pauses, open tasks."""
    return (
        paid.chargeback().status, paid.balances(), paid.booked(LedgerCode.GATEWAY_CLEARING),
        paid.booked(LedgerCode.GATEWAY_FEES), standing(paid, after=1), paid.tasks(),
    )  # fmt: skip


def test_lost_it_stays_owed_and_a_person_decides(paid: Paid) -> None:
    """P-21: lost stays; the fee is an expense; the ladder may go on."""
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    paid.gateway.decides("dp_1", DisputeState.LOST)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert the_end(paid) == (
        ChargebackStatus.LOST, [10000], -2000, 2000, [], ["payment_returned"],
    )  # fmt: skip
    prove(paid.url)


def test_what_is_appealed_is_held_and_asked_for_again(paid: Paid) -> None:
    """P-21: lost, then opened again at the gateway: nobody chases, the task is open, the old note is old."""
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    noted(paid, LATER + timedelta(hours=1))
    paid.gateway.decides("dp_1", DisputeState.LOST)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert (standing(paid, after=2), paid.tasks()) == ([], ["payment_returned"])
    paid.gateway.decides("dp_1", DisputeState.NEEDS_RESPONSE)
    paid.hear("charge.dispute.updated", "dp_1", now=LATER + timedelta(days=3))
    assert paid.chargeback().status is ChargebackStatus.OPEN
    assert standing(paid, after=4) == [PauseReason.CHARGEBACK]
    assert paid.tasks() == ["chargeback", "payment_returned"]
    assert is_ours(paid)
    assert paid.store.run(lambda s: chargebacks.warn_of_due(s, now=LATER + timedelta(days=6))) == 1


def noted(paid: Paid, at: datetime) -> None:
    with paid.store.write() as s:
        who = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        reads.note_submitted(s, who, paid.chargeback().ref, note="The invoice", now=at)


def is_ours(paid: Paid) -> bool:
    with paid.store.write() as s:
        (row,) = reads.rows(s, make.staff_actor(make.a_person(s, Role.AUDITOR)))
        return row.is_ours


def test_won_it_stands_still_until_the_money_is_back(paid: Paid) -> None:
    """P-21: closed comes before funds_reinstated: nobody is chased meanwhile; late, an alert."""
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    paid.gateway.decides("dp_1", DisputeState.WON)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert (paid.chargeback().status, paid.balances()) == (ChargebackStatus.WON, [10000])
    assert (standing(paid, after=2), paid.tasks()) == ([PauseReason.CHARGEBACK], [])
    week = LATER + timedelta(days=9)
    assert chargebacks.sweep(paid.store, paid.gateway, gateway_account="default", now=week) == 1
    with paid.store.read() as s:
        assert s.scalars(select(Alert.code)).all() == ["chargeback_unpaid"]
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    week += timedelta(hours=2)
    assert chargebacks.sweep(paid.store, paid.gateway, gateway_account="default", now=week) == 1
    assert (paid.balances(), standing(paid, after=10)) == ([0], [])
    prove(paid.url)


def test_ended_without_a_decision_what_was_taken_is_for_a_person(paid: Paid) -> None:
    """P-21: prevented at the card network, and the money is gone: owed again, and a task says so."""
    paid.gateway.contested(paid.charge, 10000, state=DisputeState.PREVENTED)
    paid.hear("charge.dispute.closed", "dp_1")
    assert (paid.chargeback().status, paid.balances()) == (ChargebackStatus.CLOSED, [10000])
    assert paid.tasks() == ["payment_returned"]
    prove(paid.url)


def test_won_it_ends_the_page_that_asks_for_it_again(paid: Paid) -> None:
    """P-05, decision 14: a page open for what has come back is expired at the gateway."""
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    page = starting.start(
        paid.store, ToldGateway(), make.holder_actor(paid.account), Choice("all", "GBP"),
        account_id=paid.account.id, zone=paid.account.zone, nonce="again", language="en", title="Northgate",
        note=None, base_url="http://127.0.0.1:9", now=LATER,
    ).ref  # fmt: skip
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(minutes=5))
    with paid.store.read() as s:
        attempt = s.scalars(select(PaymentAttempt).where(PaymentAttempt.ref == page)).one()
        jobs = s.scalars(select(Job.kind)).all()
    assert attempt.superseded_at == LATER + timedelta(minutes=5)
    assert "expire_session" in jobs


def test_a_part_of_it(store: Store) -> None:
    """P-21: partial; the newest allocation is taken first, the older documents stay paid."""
    paid = a_paid_account(store, 6000, 4000)
    paid.gateway.contested(paid.charge, 5000)
    paid.hear("charge.dispute.created", "dp_1")
    assert paid.balances() == [1000, 4000]
    (taken,) = paid.reversals()
    assert (taken.cause, taken.allocated_minor, taken.beyond_minor) == (ReversalCause.CHARGEBACK, 5000, 0)
    prove(paid.url)


def test_unapplied_money_goes_first(store: Store) -> None:
    paid = a_paid_account(store, came=13000)
    paid.gateway.contested(paid.charge, 4000)
    paid.hear("charge.dispute.created", "dp_1")
    assert (paid.balances(), paid.credit()) == ([1000], [])
    paid.gateway.decides("dp_1", DisputeState.WON, back=4000)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert (paid.balances(), paid.credit()) == ([0], [gbp(3000)])
    prove(paid.url)


def test_won_after_it_was_paid_anew_is_credit(store: Store) -> None:
    """M-09: what comes back to a paid document becomes unapplied credit and a task."""
    paid = a_paid_account(store)
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    pay(store, paid.account, Choice("all", "GBP"), at=LATER + timedelta(hours=1))
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert (paid.balances(), paid.credit()) == ([0], [gbp(10000)])
    assert paid.tasks() == ["unapplied_money"]
    prove(paid.url)


def test_an_inquiry_moves_no_money(paid: Paid) -> None:
    """P-21: inquiry is no chargeback: a task; it may become one, or end."""
    paid.gateway.contested(paid.charge, 10000, inquiry=True)
    paid.hear("charge.dispute.created", "dp_1")
    assert (paid.chargeback().status, paid.balances(), paid.tasks()) == (
        ChargebackStatus.INQUIRY, [0], ["chargeback"],
    )  # fmt: skip
    assert (standing(paid), paid.reversals()) == ([], [])
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.updated", "dp_1", now=LATER + timedelta(days=1))
    assert (paid.chargeback().status, paid.balances()) == (ChargebackStatus.OPEN, [10000])
    assert (paid.tasks(), paid.tasks(done=True)) == (["chargeback"], ["chargeback"])


def test_the_answer_to_an_inquiry_is_none_to_the_chargeback(paid: Paid) -> None:
    """P-21: inquiry ≠ chargeback: what was sent to the bank's question is asked for anew, with its day."""
    paid.gateway.contested(paid.charge, 10000, inquiry=True)
    paid.hear("charge.dispute.created", "dp_1")
    assert is_ours(paid)
    noted(paid, LATER + timedelta(hours=1))
    assert not is_ours(paid)
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.updated", "dp_1", now=LATER + timedelta(days=1))
    assert is_ours(paid)
    assert paid.store.run(lambda s: chargebacks.warn_of_due(s, now=LATER + timedelta(days=6))) == 1


def test_an_inquiry_that_ends_needs_nobody(paid: Paid) -> None:
    paid.gateway.contested(paid.charge, 10000, inquiry=True)
    paid.hear("charge.dispute.created", "dp_1")
    paid.gateway.contested(paid.charge, 10000, inquiry=True, state=DisputeState.CLOSED)
    paid.hear("charge.dispute.closed", "dp_1", now=LATER + timedelta(days=1))
    assert (paid.chargeback().status, paid.tasks()) == (ChargebackStatus.CLOSED, [])


def test_a_debit_that_the_bank_took_back_is_final(paid: Paid) -> None:
    """P-19, stripe.md: a SEPA return weeks after success is a final dispute: owed, told, a person's."""
    weeks = LATER + timedelta(days=40)
    with paid.store.write() as s:
        s.execute(update(Payment).values(method=PaymentMethod.BANK_DEBIT))
    paid.gateway.contested(paid.charge, 10000, state=DisputeState.LOST)
    paid.hear("charge.dispute.created", "dp_1", now=weeks)
    (taken,) = paid.reversals()
    assert taken.cause is ReversalCause.BANK_RETURN
    assert (paid.balances(), standing(paid), paid.tasks()) == ([10000], [], ["payment_returned"])
    prove(paid.url)


def test_an_older_answer_does_not_undo_the_end(paid: Paid) -> None:
    """P-11: two workers asked; the later answer is written first."""
    opened = paid.gateway.contested(paid.charge, 10000)
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    won = paid.gateway.disputes["dp_1"]
    for remote, at in ((won, LATER + timedelta(minutes=1)), (opened, LATER)):
        paid.store.run(
            lambda s, r=remote, t=at: chargebacks.apply(
                s, paid.payment.id, r, gateway_account="default", now=t
            ).id
        )  # fmt: skip
    assert (paid.chargeback().status, paid.balances()) == (ChargebackStatus.WON, [0])


def test_a_foreign_dispute_is_done_at_once(paid: Paid) -> None:
    """P-13: another system's charge on the same gateway account."""
    paid.gateway.contested("ch_foreign", 500)
    assert paid.hear("charge.dispute.created", "dp_1") is InboxStatus.DONE
    assert paid.reversals() == []


def test_more_given_back_than_was_taken_is_for_a_person(paid: Paid) -> None:
    paid.gateway.contested(paid.charge, 4000)
    paid.gateway.decides("dp_1", DisputeState.WON, back=5000)
    paid.hear("charge.dispute.closed", "dp_1")
    assert paid.balances() == [4000]
    with paid.store.read() as s:
        assert s.scalars(select(Alert.code)).all() == ["movement_unmatched"]


def test_two_takings_of_one_dispute_and_one_giving_back(store: Store) -> None:
    """Movements in any number: each is one entry (INV-5)."""
    paid = a_paid_account(store, 6000, 4000)
    moves = [
        a_movement("txn_a", MovementKind.DISPUTE, -3000),
        a_movement("txn_b", MovementKind.DISPUTE, -7000, at=LATER + timedelta(days=1)),
        a_movement("txn_c", MovementKind.DISPUTE_REVERSAL, 10000, at=LATER + timedelta(days=9)),
    ]
    paid.gateway.contested(paid.charge, 10000, movements=moves[::-1], state=DisputeState.WON)
    paid.hear("charge.dispute.closed", "dp_1")
    assert paid.balances() == [0, 0]
    assert [r.amount_minor for r in paid.reversals()] == [3000, 7000, 7000, 3000]
    prove(paid.url)


def test_the_sweeper_reads_again_and_warns_in_time(paid: Paid) -> None:
    """P-15, P-21: the end is learned without a notification; an alert before the evidence is due."""
    paid.gateway.contested(paid.charge, 10000)
    paid.hear("charge.dispute.created", "dp_1")
    soon = LATER + timedelta(days=6)
    assert chargebacks.sweep(paid.store, paid.gateway, gateway_account="default", now=soon) == 1
    with paid.store.read() as s:
        assert s.scalars(select(Alert.code)).all() == ["chargeback_due"]
    paid.gateway.decides("dp_1", DisputeState.WON, back=10000)
    later = soon + timedelta(hours=2)
    assert chargebacks.sweep(paid.store, paid.gateway, gateway_account="default", now=later) == 1
    assert paid.chargeback().status is ChargebackStatus.WON
    assert chargebacks.sweep(paid.store, paid.gateway, gateway_account="default", now=later) == 0


def test_one_that_can_not_be_shown_lets_the_others_go_first(store: Store) -> None:
    """P-15: a look that fails counts for the order, and says nothing of what was learned."""
    paid = a_paid_account(store)
    for number in ("dp_1", "dp_2"):
        paid.gateway.contested(paid.charge, 100, number=number)
        paid.hear("charge.dispute.created", number)
    hidden = paid.gateway.disputes.pop("dp_1")
    soon = LATER + timedelta(hours=2)
    paid.gateway.decides("dp_2", DisputeState.LOST)
    for ended in ([], ["dp_2"]):  # one place at a time: first the one that nobody can show
        chargebacks.sweep(store, paid.gateway, gateway_account="default", now=soon, limit=1)
        with store.read() as s:
            lost = s.scalars(select(Chargeback).where(Chargeback.status == ChargebackStatus.LOST)).all()
        assert [row.dispute_id for row in lost] == ended
    with store.read() as s:
        kept = s.scalars(select(Chargeback).where(Chargeback.dispute_id == "dp_1")).one()
    assert (kept.seen_at, kept.looked_at, kept.status) == (LATER, soon, ChargebackStatus.OPEN)
    paid.gateway.disputes["dp_1"] = hidden
    chargebacks.sweep(store, paid.gateway, gateway_account="default", now=soon)
    with store.read() as s:
        kept = s.scalars(select(Chargeback).where(Chargeback.dispute_id == "dp_1")).one()
    assert kept.seen_at == soon


def test_the_pause_is_of_the_documents_alone(store: Store) -> None:
    paid = a_paid_account(store, 6000, 4000)
    paid.gateway.contested(paid.charge, 4000)
    paid.hear("charge.dispute.created", "dp_1")
    with paid.store.read() as s:
        (pause,) = s.scalars(select(Pause)).all()
    assert pause.invoice_id is not None
