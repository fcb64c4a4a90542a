"""Reconciliation: each kind of drift is found, what is ours comes in, and looking twice changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.ledger import LedgerCode, LedgerEntry
from models.money import Money
from models.payments import Payment, PaymentAttempt, ProviderEffect
from models.reconciliation import Payout, ReconciliationFinding
from models.staff import Role
from models.states import AttemptStatus, FindingStatus, PayoutStatus
from models.store import Store
from models.work import Alert
from receivables import bank_lines, ledger
from receivables.errors import NotAllowed, Refused
from receivables.permissions import SYSTEM
from receivables.ports import (
    DisputeState,
    MovementKind,
    PayoutState,
    RefundState,
    RemoteDispute,
    RemoteRefund,
    RemoteState,
)
from receivables.reconciling import ageing, findings
from receivables.reconciling.ageing import Waiting
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import a_charge, a_truth
from tests.receivables.reconciling.world import World, a_movement, a_world, an_unread, open_invoices

K = MovementKind
C = LedgerCode
LATER = NOON + timedelta(days=10)


def pounds(minor: int) -> Money:
    return Money(minor, "GBP")


@pytest.fixture
def world(store: Store) -> World:
    return a_world(store)


def lone_entry(
    world: World,
    amount: Money,
    *,
    at: datetime = NOON,
    on: LedgerCode = C.GATEWAY_CLEARING,
    back: bool = False,
) -> str:
    """Money on a clearing account that no object of the gateway stands for; returns its reference."""
    reference = f"by-hand:{amount.minor}{':back' if back else ''}"
    other = C.SMALL_DIFFERENCES
    owed, paid = (other, on) if back else (on, other)
    with world.store.write() as s:
        ledger.post(
            s, SYSTEM,
            ledger.Draft(
                creditor_id=world.account.creditor_id, reference=reference, kind="correction",
                currency=amount.currency, effective_on=at.date(),
                sides=[ledger.debit(owed, amount), ledger.credit(paid, amount)],
            ),
            now=at,
        )  # fmt: skip
    return reference


# --------------------------------------------------------------------------- agreement


def test_books_that_agree_stay_as_they_are(world: World) -> None:
    """P-17: charges with their fees and a payout of them tie to the penny; a second run changes nothing."""
    first, second = world.pay(pounds(10000), fee=175), world.pay(pounds(2500), fee=63)
    world.payout(first, second, at=NOON + timedelta(days=3))
    found = world.reconcile()
    assert found.agrees
    assert (found.brought_in, found.posted, found.changed) == (0, 0, 0)
    assert world.findings() == []
    assert world.balance(C.GATEWAY_CLEARING) == 0
    assert world.balance(C.BANK_IN_TRANSIT) == 0
    assert world.balance(C.BANK) == 12500 - 238
    assert world.balance(C.GATEWAY_FEES) == 238
    before = world.everything()
    again = world.reconcile()
    assert world.everything() == before
    assert (again.payouts, again.changed, again.ended, again.posted) == (0, 0, 0, 0)


# --------------------------------------------------------------------------- seeded drift


def test_a_missed_charge_of_ours_comes_in_late_with_an_alert(world: World) -> None:
    """P-15, P-17, M-19: settled by the one door, posted today, effective on its day; the invoice is paid."""
    world.charge(pounds(4200), fee=88)
    found = world.reconcile()
    assert found.brought_in == 1
    assert found.agrees
    assert world.alerts() == ["money_found", "clearing_aged"]
    assert open_invoices(world) == [0]
    with world.store.read() as s:
        payment = s.scalars(select(Payment)).one()
        entry = s.get_one(LedgerEntry, payment.entry_id)
    assert (entry.posted_on, entry.effective_on) == (LATER.date(), NOON.date())
    before = world.everything()
    assert world.reconcile().brought_in == 0
    assert world.everything() == before


def on_its_way(world: World, *, now: datetime = LATER) -> list[tuple[int, bool]]:
    """What the payers' banks have in hand, and whether it is late; and that no balance is unexplained."""
    with world.store.read() as s:
        places = ageing.places(s, "default", now=now)
    assert [place.rest_minor for place in places if place.code == "gateway_clearing"] in ([], [0])
    return [(i.minor, i.late) for place in places for i in place.items if i.what is Waiting.AT_BANKS]


@pytest.mark.parametrize("code", [C.GATEWAY_CLEARING, C.BANK_IN_TRANSIT])
def test_a_balance_that_nothing_explains_is_named(world: World, code: LedgerCode) -> None:
    """M-18: money on a clearing account that stands on no list and waits for nothing is an alert, once, and
    over when the balance is; what the lists name is not told twice."""
    lone_entry(world, pounds(1234), at=NOON - timedelta(days=90), on=code)
    lone_entry(world, pounds(500), at=NOON)
    assert world.reconcile().open == {"missing_here": 0, "missing_there": 1, "different": 0}
    with world.store.read() as s:
        alert = s.scalars(select(Alert).where(Alert.code == "clearing_unexplained")).one()
    assert alert.key == f"gateway:default:{code.value}:GBP"
    assert (alert.facts["place"], alert.facts["amount_minor"], alert.facts["currency"]) == (
        code.value, 1234, "GBP",
    )  # fmt: skip
    world.reconcile()
    lone_entry(world, pounds(1234), at=NOON - timedelta(days=80), on=code, back=True)
    world.reconcile(now=NOON + timedelta(days=11))
    with world.store.read() as s:
        rows = s.scalars(select(Alert).where(Alert.code == "clearing_unexplained")).all()
    assert [one.closed_at is None for one in rows] == [False]


def test_a_debit_on_its_way_is_no_difference(world: World) -> None:
    """P-17, P-19: the gateway lists a debit when it is sent; nothing differs, nothing alarms, and it is
    booked once, when the money is there."""
    moved = world.debit(pounds(10000), fee=175)
    for now in (NOON + timedelta(days=1), NOON + timedelta(days=2)):
        found = world.reconcile(now=now)
        assert (found.agrees, found.changed, found.brought_in) == (True, 0, 0), world.findings()
        assert (world.findings(), world.alerts(), list(found.sums)) == ([], [], [])
        assert on_its_way(world, now=now) == [(9825, False)]
    assert world.balance(C.GATEWAY_CLEARING) == 0
    # The notification of its end was lost: the comparison finds the money.
    charge = world.gateway.charges[moved.source_id or ""]
    come = replace(a_charge(charge.attempt_ref or "", pounds(10000)), charge_id=moved.source_id or "")
    world.gateway.charges[moved.source_id or ""] = a_truth(
        charge.attempt_ref or "", RemoteState.SUCCEEDED, come
    )
    found = world.reconcile(now=NOON + timedelta(days=3))
    assert (found.agrees, found.brought_in) == (True, 1)
    assert [(one.kind, one.there_minor, one.here_minor) for one in found.sums] == [("charge", 9825, 9825)]
    assert on_its_way(world) == []
    assert world.balance(C.GATEWAY_CLEARING) == 9825
    assert open_invoices(world) == [0]


def test_a_debit_on_its_way_for_too_long_alarms(world: World) -> None:
    """M-18: what a payer's bank has had for longer than policy allows is late, as all that waits."""
    world.debit(pounds(10000), fee=175)
    assert world.reconcile().agrees
    assert on_its_way(world) == [(9825, True)]
    assert world.alerts() == ["clearing_aged"]


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("seen", [True, False], ids=["compared before", "not compared before"])
def test_a_debit_that_failed_ties_to_nil_with_its_fees(world: World, told: bool, seen: bool) -> None:
    """P-17, P-19, M-18: both movements of a failed debit are one nil; what it cost is posted, once, and
    clearing is nil when the gateway has taken it out of a payout."""
    moved = world.debit(pounds(10000), fee=175)
    if seen:
        world.reconcile(now=NOON + timedelta(days=1))
    back = world.refused(moved, fee=225, at=NOON + timedelta(days=5))
    if told:
        world.learn(moved, at=NOON + timedelta(days=5))
    paid = world.pay(pounds(2500), fee=63, at=NOON + timedelta(days=5))
    world.payout(moved, back, paid, at=NOON + timedelta(days=7))
    found = world.reconcile()
    assert (found.agrees, found.brought_in, found.posted) == (True, 0, 1), world.findings()
    assert (world.findings(), world.alerts()) == ([], [])
    assert on_its_way(world) == []
    assert world.balance(C.GATEWAY_CLEARING) == 0
    assert world.balance(C.GATEWAY_FEES) == 175 + 225 + 63
    assert {(one.kind, one.there_minor - one.here_minor) for one in found.sums} == {
        ("charge", 0), ("charge_failure", 0), ("payout", 0),
    }  # fmt: skip
    with world.store.read() as s:
        status = s.scalars(select(PaymentAttempt.status).order_by(PaymentAttempt.id)).first()
    assert status is AttemptStatus.FAILED
    before = world.everything()
    assert world.reconcile().posted == 0
    assert world.everything() == before


def test_a_debit_whose_failure_is_not_listed_yet_waits(world: World) -> None:
    """P-17: the payer's bank said no a moment ago and the second movement comes with the next list."""
    moved = world.debit(pounds(10000), fee=175)
    world.answered(moved, RemoteState.FAILED)
    world.learn(moved, at=NOON + timedelta(hours=1))
    assert world.reconcile(now=NOON + timedelta(days=1)).agrees
    assert on_its_way(world, now=NOON + timedelta(days=1)) == [(9825, False)]


def test_a_failure_of_money_that_came_is_listed(world: World) -> None:
    """P-17: a movement that takes back what our books hold as paid is a person's, and no nil."""
    moved = world.pay(pounds(10000), fee=175)
    back = a_movement(K.CHARGE_FAILURE, pounds(-10000), source=moved.source_id, at=NOON)
    world.gateway.moved.append(back)
    assert not world.reconcile().agrees
    assert world.findings() == [("missing_here", "charge_failure", back.movement_id, None, -10000)]


def test_a_failed_debit_of_somebody_else_is_listed_with_what_it_cost(world: World) -> None:
    """P-13, P-17: of a stranger's failed debit only the fee is left, and nobody here posts it."""
    moved = a_movement(K.CHARGE, pounds(900), fee=20, source="py_stranger")
    back = a_movement(K.CHARGE_FAILURE, pounds(-900), source="py_stranger")
    world.gateway.moved += [moved, back]
    assert not world.reconcile().agrees
    assert world.findings() == [("different", "charge", moved.movement_id, 900, 880)]
    assert world.balance(C.GATEWAY_FEES) == 0


def test_a_charge_that_is_not_ours_is_listed(world: World) -> None:
    """P-17, P-13: "missing here" with its object; nothing is booked by a side door."""
    moved = a_movement(K.CHARGE, pounds(900), fee=20, source="ch_stranger")
    world.gateway.moved.append(moved)
    found = world.reconcile()
    assert not found.agrees
    assert world.findings() == [("missing_here", "charge", moved.movement_id, None, 880)]
    assert "reconciliation_differs" in world.alerts()
    assert world.balance(C.GATEWAY_CLEARING) == 0
    before = world.everything()
    world.reconcile()
    assert world.everything() == before


def test_money_that_the_gateway_does_not_know_is_listed(world: World) -> None:
    """P-17: "missing there" for a booked charge that is listed nowhere, and for an entry without object."""
    moved = world.pay(pounds(3000), fee=70)
    world.gateway.moved.remove(moved)
    reference = lone_entry(world, pounds(55))
    world.reconcile()
    lists = [(listed, about, here) for listed, about, _, here, _ in world.findings()]
    assert lists == [
        ("missing_there", "entry", 3000), ("missing_there", "entry", -70), ("missing_there", "entry", 55),
    ]  # fmt: skip
    assert world.findings()[2][2] == reference


def test_what_was_booked_an_hour_ago_may_not_show_there_yet(world: World) -> None:
    """P-17: the gateway has a day before its silence is a difference."""
    at = LATER - timedelta(hours=1)
    moved = world.pay(pounds(3000), at=at)
    world.gateway.moved.remove(moved)
    assert world.reconcile().agrees
    assert not world.reconcile(now=LATER + timedelta(days=2)).agrees


def test_another_amount_there_is_listed(world: World) -> None:
    """P-17: "different", with both amounts."""
    moved = world.pay(pounds(3000), fee=70)
    world.gateway.moved[0] = replace(moved, amount=pounds(3100), net=pounds(3030))
    world.reconcile()
    assert world.findings() == [("different", "charge", moved.movement_id, 2930, 3030)]


def test_a_fee_that_nobody_booked_is_posted(world: World) -> None:
    """P-17: fees of charges and of the account come from the gateway's own list, once."""
    moved = world.charge(pounds(3000), fee=0)
    world.learn(moved)
    world.gateway.moved[0] = replace(moved, fee=pounds(70), net=pounds(2930))
    world.gateway.moved.append(a_movement(K.FEE, pounds(-199)))
    found = world.reconcile()
    assert (found.posted, found.agrees) == (2, True)
    assert world.balance(C.GATEWAY_FEES) == 269
    assert world.balance(C.GATEWAY_CLEARING) == 2930 - 199
    assert world.reconcile().posted == 0


def test_an_adjustment_waits_for_a_person(world: World) -> None:
    """P-17: what no rule understands is listed, never guessed."""
    moved = a_movement(K.ADJUSTMENT, pounds(-1200))
    world.gateway.moved.append(moved)
    world.reconcile()
    assert world.findings() == [("missing_here", "adjustment", moved.movement_id, None, -1200)]


def test_what_our_money_cannot_say_is_a_difference_and_hides_nothing(world: World) -> None:
    """P-17, M-02: one sale in rupees: everything else comes in and ties; it stands until it is explained."""
    world.charge(pounds(4200), fee=88)
    foreign = an_unread("500000 inr", source="ch_stranger")
    world.gateway.unread.append(foreign)
    found = world.reconcile()
    assert (found.unread, found.brought_in, found.movements) == (1, 1, 2)
    assert (found.agrees, found.open["missing_here"]) == (False, 1)
    assert world.findings() == [("missing_here", "unread", foreign.movement_id, None, None)]
    with world.store.read() as s:
        row = s.scalars(select(ReconciliationFinding)).one()
        assert row.facts == {"said": "500000 inr", "moved": "charge", "source": "ch_stranger"}
        told = s.scalars(select(AuditEntry).where(AuditEntry.code == "reconciliation.found")).one()
        assert json.loads(told.payload)["facts"]["said"] == "500000 inr"
    before = world.everything()
    assert world.reconcile().changed == 0
    assert world.everything() == before
    with world.store.write() as s:
        accountant = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        findings.explain(s, accountant, row.ref, reason="A sale of the shop in Pune.", now=LATER)
    assert world.reconcile().agrees


def test_what_can_be_read_by_now_is_compared_like_any_other(world: World) -> None:
    """P-17: once our table has its currency, the difference is over and the movement stands on the lists."""
    foreign = an_unread("9999 isk")
    world.gateway.unread.append(foreign)
    world.reconcile()
    world.gateway.unread.clear()
    read = replace(a_movement(K.CHARGE, Money(100, "ISK")), movement_id=foreign.movement_id)
    world.gateway.moved.append(read)
    found = world.reconcile()
    assert (found.unread, found.ended) == (0, 1)
    assert world.findings() == [("missing_here", "charge", foreign.movement_id, None, 100)]


def test_a_difference_that_is_over_is_gone(world: World) -> None:
    """P-17: a finding ends when both sides agree, and comes again when they do not."""
    moved = world.pay(pounds(3000), fee=70)
    world.gateway.moved.remove(moved)
    world.reconcile()
    world.gateway.moved.append(moved)
    found = world.reconcile()
    assert found.ended == 2
    assert (world.findings(), found.agrees) == ([], True)


# --------------------------------------------------------------------------- a person explains


def test_an_explained_difference_does_not_alarm(world: World) -> None:
    """P-17: it stays on the list with its reason, and is open again when its amount changes."""
    reference = lone_entry(world, pounds(55))
    world.reconcile()
    with world.store.write() as s:
        person = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        ref = s.scalars(select(ReconciliationFinding.ref)).one()
        findings.explain(s, person, ref, reason="Corrected by hand on the day of the move.", now=LATER)
    found = world.reconcile()
    assert (found.agrees, found.explained) == (True, 1)
    assert [one[2] for one in world.findings()] == [reference]
    with world.store.read() as s:
        assert "reconciliation.explained" in set(s.scalars(select(AuditEntry.code)))


def test_who_may_explain_and_with_what(world: World) -> None:
    """A-01, P-17: an auditor may not; a reason is needed; what is over needs none."""
    lone_entry(world, pounds(55))
    world.reconcile()
    with world.store.write() as s:
        ref = s.scalars(select(ReconciliationFinding.ref)).one()
        books = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        with pytest.raises(NotAllowed):
            findings.explain(s, make.staff_actor(make.a_person(s, Role.AUDITOR)), ref, reason="x", now=LATER)
        with pytest.raises(Refused, match="reason_missing"):
            findings.explain(s, books, ref, reason="  ", now=LATER)
        row = s.scalars(select(ReconciliationFinding)).one()
    assert row.status is FindingStatus.OPEN


# --------------------------------------------------------------------------- payouts


def test_a_payout_waits_in_transit_until_it_arrives(world: World) -> None:
    """M-18: clearing, then bank in transit, then the bank on the day it should be there."""
    moved = world.pay(pounds(8000))
    at = NOON + timedelta(days=3)
    world.payout(moved, at=at, status=PayoutState.IN_TRANSIT)
    world.reconcile(now=at + timedelta(hours=1))
    assert (world.balance(C.GATEWAY_CLEARING), world.balance(C.BANK_IN_TRANSIT)) == (0, 8000)
    (name,) = world.gateway.payouts
    world.gateway.payouts[name] = replace(world.gateway.payouts[name], status=PayoutState.PAID)
    world.reconcile(now=at + timedelta(days=1))
    assert world.balance(C.BANK) == 0
    world.reconcile(now=at + timedelta(days=2))
    assert (world.balance(C.BANK_IN_TRANSIT), world.balance(C.BANK)) == (0, 8000)


def test_where_bank_lines_are_kept_a_payout_waits_for_them(world: World) -> None:
    """M-18: the arrival day alone does not confirm it where somebody reads the bank's lines."""
    moved = world.pay(pounds(8000))
    at = NOON + timedelta(days=1)
    payout = world.payout(moved, at=at)
    with world.store.write() as s:
        person = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        code = s.scalars(select(make.Creditor.code)).one()
        bank_lines.record_lines(s, person, code, NOON.date(), now=NOON)
    world.reconcile(now=at + timedelta(days=4))
    assert (world.balance(C.BANK_IN_TRANSIT), world.balance(C.BANK)) == (8000, 0)
    with world.store.write() as s:
        bank_lines.record_lines(s, person, code, payout.arrives_on, now=at + timedelta(days=4))
    world.reconcile(now=at + timedelta(days=4))
    assert (world.balance(C.BANK_IN_TRANSIT), world.balance(C.BANK)) == (0, 8000)


def test_a_payout_that_comes_back_is_reversed(world: World) -> None:
    """M-18, M-04: from the bank back to clearing by reversals; the next payout lists it and ties."""
    moved = world.pay(pounds(8000))
    payout = world.payout(moved, at=NOON + timedelta(days=1))
    world.reconcile(now=NOON + timedelta(days=4))
    assert world.balance(C.BANK) == 8000
    back = world.fails(payout, at=NOON + timedelta(days=5))
    found = world.reconcile(now=NOON + timedelta(days=6))
    assert found.agrees
    assert [world.balance(c) for c in (C.BANK, C.BANK_IN_TRANSIT, C.GATEWAY_CLEARING)] == [0, 0, 8000]
    world.payout(back, at=NOON + timedelta(days=7))
    found = world.reconcile()
    assert found.agrees
    assert [world.balance(c) for c in (C.BANK, C.BANK_IN_TRANSIT, C.GATEWAY_CLEARING)] == [8000, 0, 0]
    with world.store.read() as s:
        states = list(s.scalars(select(Payout.status).order_by(Payout.id)))
    assert states == [PayoutStatus.FAILED, PayoutStatus.PAID]
    before = world.everything()
    world.reconcile()
    assert world.everything() == before


def test_a_payout_that_is_not_the_sum_of_its_movements_is_listed(world: World) -> None:
    """P-17: every payout is the sum of its transactions."""
    moved = world.pay(pounds(8000))
    payout = world.payout(moved, at=NOON + timedelta(days=1), amount=pounds(7990))
    world.reconcile()
    assert ("different", "payout_sum", payout.payout_id, 8000, 7990) in world.findings()


# --------------------------------------------------------------------------- another currency


def test_a_charge_in_another_currency_ties_and_names_the_exchange(world: World) -> None:
    """P-17: €100.00 become £85.00; euro clearing is nil, pounds go out, both halves meet in exchange."""
    moved = world.charge(Money(10000, "EUR"), fee=150, settled=pounds(8500), rate="0.85")
    world.learn(moved)
    found = world.reconcile()
    assert found.agrees
    assert world.balance(C.GATEWAY_CLEARING, "EUR") == 0
    assert world.balance(C.GATEWAY_CLEARING) == 8500 - 150
    assert (world.balance(C.EXCHANGE, "EUR"), world.balance(C.EXCHANGE)) == (10000, -8500)
    assert world.balance(C.GATEWAY_FEES) == 150
    world.payout(moved, at=NOON + timedelta(days=3))
    assert world.reconcile().agrees
    assert [world.balance(c) for c in (C.GATEWAY_CLEARING, C.BANK)] == [0, 8350]
    before = world.everything()
    world.reconcile()
    assert world.everything() == before


def test_what_a_change_of_rates_cost_is_named(world: World) -> None:
    """P-17: €100.00 come at 0.85 and go back at 0.90: euros are nil everywhere, £5.00 are exchange loss."""
    moved = world.charge(Money(10000, "EUR"), fee=150, settled=pounds(8500), rate="0.85")
    world.learn(moved)
    back = a_movement(
        K.REFUND, pounds(-9000), source="re_1", at=NOON + timedelta(days=1),
        original=Money(-10000, "EUR"), rate="0.90",
    )  # fmt: skip
    world.gateway.moved.append(back)
    world.gateway.refund_of = lambda refund_id: RemoteRefund(  # type: ignore[method-assign]
        refund_id=refund_id, charge_id=moved.source_id, intent_id=None, amount=Money(10000, "EUR"),
        status=RefundState.SUCCEEDED, refund_ref=None, reason=None, failure_reason=None,
        created_at=back.created_at, movement_id=back.movement_id, failure_movement_id=None,
    )  # fmt: skip
    found = world.reconcile()
    assert found.agrees, world.findings()
    assert (world.balance(C.GATEWAY_CLEARING, "EUR"), world.balance(C.EXCHANGE, "EUR")) == (0, 0)
    assert world.balance(C.EXCHANGE) == 500
    assert world.balance(C.GATEWAY_CLEARING) == 8500 - 150 - 9000
    before = world.everything()
    world.reconcile()
    assert world.everything() == before


# --------------------------------------------------------------------------- ageing


def test_a_month_clears_to_nil_but_for_listed_items(world: World) -> None:
    """M-18: what remains in clearing is listed item by item, to the penny, and the old part is an alarm."""
    paid_out = [world.pay(pounds(1000 + n), fee=20, at=NOON - timedelta(days=20 - n)) for n in range(5)]
    world.payout(*paid_out, at=NOON - timedelta(days=10))
    stuck = world.pay(pounds(700), fee=10, at=NOON - timedelta(days=14))
    fresh = world.pay(pounds(900), fee=15, at=NOON - timedelta(days=1))
    found = world.reconcile(now=NOON)
    assert found.agrees
    with world.store.read() as s:
        (clearing,) = [p for p in ageing.places(s, "default", now=NOON) if p.code == "gateway_clearing"]
        late = ageing.late(s, "default", now=NOON)
    assert clearing.balance_minor == stuck.net.minor + fresh.net.minor
    assert clearing.rest_minor == 0
    assert [(item.minor, item.late) for item in clearing.items] == [(690, True), (885, False)]
    assert [(item.code, item.minor) for item in late] == [("gateway_clearing", 690)]
    assert "clearing_aged" in world.alerts()


def test_what_was_booked_since_the_last_run_is_no_difference(world: World) -> None:
    """M-18, P-17: it waits as an item of its own until the list is read, or its day is over."""

    def clearing(now: datetime) -> tuple[list[tuple[int, bool]], int]:
        with world.store.read() as s:
            (place,) = [p for p in ageing.places(s, "default", now=now) if p.code == "gateway_clearing"]
        return [(item.minor, item.what is Waiting.UNSEEN) for item in place.items], place.rest_minor

    moved = world.pay(pounds(900), fee=15)
    assert clearing(NOON + timedelta(hours=1)) == ([(885, True)], 0)
    world.reconcile(now=NOON + timedelta(hours=2))
    assert clearing(NOON + timedelta(hours=2)) == ([(885, False)], 0)
    lone_entry(world, pounds(55), at=NOON + timedelta(hours=3))
    assert clearing(NOON + timedelta(hours=4)) == ([(moved.net.minor, False), (55, True)], 0)
    assert clearing(NOON + timedelta(days=2)) == ([(885, False)], 55)


def test_a_payout_made_by_hand_takes_the_oldest(world: World) -> None:
    """M-18: the gateway does not list what such a payout consists of."""
    first = world.pay(pounds(1000), at=NOON - timedelta(days=3))
    world.pay(pounds(500), at=NOON - timedelta(days=1))
    world.payout(first, at=NOON, amount=pounds(1200), automatic=False)
    world.reconcile(now=NOON + timedelta(hours=1))
    with world.store.read() as s:
        places = {p.code: p for p in ageing.places(s, "default", now=NOON)}
    assert places["gateway_clearing"].balance_minor == 300
    assert [item.minor for item in places["gateway_clearing"].items] == [300]
    assert [item.minor for item in places["bank_in_transit"].items] == [1200]


def test_each_object_has_one_effect_of_a_kind(world: World) -> None:
    """INV-5: after runs that brought in, posted and paid out, no (object, kind) stands twice."""
    world.charge(pounds(4200), fee=88)
    moved = world.charge(Money(10000, "EUR"), fee=150, settled=pounds(8500), rate="0.85")
    world.reconcile()
    world.payout(moved, at=NOON + timedelta(days=3))
    world.reconcile()
    with world.store.read() as s:
        pairs = s.execute(select(ProviderEffect.provider_object_id, ProviderEffect.kind)).all()
    assert len(pairs) == len(set(pairs))
    assert {"payment", "fee", "exchange_in", "exchange_out", "payout", "payout_banked"} == {
        k for _, k in pairs
    }


# --------------------------------------------------------------------------- refunds and chargebacks


def test_a_refund_that_was_never_told_comes_in(world: World) -> None:
    """P-17, P-20: made at the gateway's own desk, its notification lost; booked by its id, with an alert."""
    moved = world.pay(pounds(4200))
    taken = a_movement(K.REFUND, pounds(-1200), source="re_1", at=NOON + timedelta(days=1))
    world.gateway.moved.append(taken)
    world.gateway.refund_of = lambda refund_id: RemoteRefund(  # type: ignore[method-assign]
        refund_id=refund_id, charge_id=moved.source_id, intent_id=None, amount=pounds(1200),
        status=RefundState.SUCCEEDED, refund_ref=None, reason=None, failure_reason=None,
        created_at=taken.created_at, movement_id=taken.movement_id, failure_movement_id=None,
    )  # fmt: skip
    found = world.reconcile()
    assert (found.brought_in, found.agrees) == (1, True)
    assert open_invoices(world) == [1200]
    assert "refund_found" in world.alerts()
    assert world.balance(C.GATEWAY_CLEARING) == 3000
    before = world.everything()
    world.reconcile()
    assert world.everything() == before


def test_a_refund_that_waits_and_moved_nothing_is_heard_of(world: World) -> None:
    """P-17, P-20: no movement tells of it; the list does; what is not ours stops nothing."""
    moved = world.pay(pounds(4200))
    waits = RemoteRefund(
        refund_id="re_1", charge_id=moved.source_id, intent_id=None, amount=pounds(1200),
        status=RefundState.REQUIRES_ACTION, refund_ref=None, reason=None, failure_reason=None,
        created_at=NOON + timedelta(days=1), movement_id=None, failure_movement_id=None,
    )  # fmt: skip
    inquiry = RemoteDispute(
        dispute_id="dp_2", charge_id="ch_other", intent_id=None, amount=pounds(900),
        status=DisputeState.NEEDS_RESPONSE, is_inquiry=True, reason="fraudulent", evidence_due_at=None,
        movements=[], created_at=waits.created_at,
    )  # fmt: skip
    other = replace(waits, refund_id="re_2", charge_id="ch_other", status=RefundState.SUCCEEDED)
    world.gateway.refunds, world.gateway.disputes = [other, waits], [inquiry]
    now = NOON + timedelta(days=3)
    found = world.reconcile(now=now)
    assert (found.sent_back, found.brought_in, found.agrees) == (3, 0, True)
    assert world.alerts() == ["refund_needs_action"]
    assert open_invoices(world) == [0]
    # Sent at last: it is booked, and found late.
    taken = a_movement(K.REFUND, pounds(-1200), source="re_1", at=NOON + timedelta(days=2))
    world.gateway.refunds = [replace(waits, status=RefundState.SUCCEEDED, movement_id=taken.movement_id)]
    assert world.reconcile(now=now).brought_in == 1
    assert (open_invoices(world), world.alerts()) == ([1200], ["refund_needs_action", "refund_found"])


def test_a_chargeback_that_was_never_told_comes_in(world: World) -> None:
    """P-17, P-21: the money that was taken and the fee, by the movement's id; the invoice is owed again."""
    moved = world.pay(pounds(4200))
    taken = a_movement(K.DISPUTE, pounds(-4200), fee=2000, source="dp_1", at=NOON + timedelta(days=1))
    world.gateway.moved.append(taken)
    world.gateway.dispute_of = lambda dispute_id: RemoteDispute(  # type: ignore[method-assign]
        dispute_id=dispute_id, charge_id=moved.source_id or "", intent_id=None, amount=pounds(4200),
        status=DisputeState.NEEDS_RESPONSE, is_inquiry=False, reason="fraudulent",
        evidence_due_at=NOON + timedelta(days=20), movements=[taken], created_at=taken.created_at,
    )  # fmt: skip
    found = world.reconcile()
    assert (found.brought_in, found.agrees) == (1, True)
    assert open_invoices(world) == [4200]
    assert "chargeback_found" in world.alerts()
    assert world.balance(C.GATEWAY_CLEARING) == -2000
