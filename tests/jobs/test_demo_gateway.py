"""The demo shows money that goes back and on: a card refund, a chargeback, a payout, two differences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs import demo_gateway
from jobs.demo_gateway_customers import CHARGEBACK, REFUND
from models.approvals import Refund, RefundWay
from models.reversals import Chargeback
from models.staff import Role
from models.states import ChargebackStatus, PayoutStatus, RefundStatus
from receivables.reconciling import reports
from tests import factories as make
from tests.jobs.demo_played import Played
from tests.standins import start_stripe


def test_what_was_paid_too_much_went_back_to_the_card(played: Played) -> None:
    """P-20: asked for by one, approved by another, taken by the gateway; the invoice stays paid."""
    refund = played.one(Refund, REFUND)
    assert (refund.way, refund.status) == (RefundWay.CARD, RefundStatus.PAID_OUT)
    assert refund.amount_minor == 3840
    assert played.asked(REFUND) == 0


def test_a_chargeback_waits_for_evidence(played: Played) -> None:
    """P-21: the bank took all of it, so all of it is open again."""
    contested = played.one(Chargeback, CHARGEBACK)
    assert contested.status is ChargebackStatus.OPEN
    assert played.asked(CHARGEBACK) == contested.amount_minor > 0


def test_a_payout_ties_and_a_reserve_is_a_difference(played: Played) -> None:
    """P-17, M-18: the payout is the sum of its charges; what no rule knows is listed, one of it explained."""
    with played.house.store.write() as s:
        reader = make.staff_actor(make.a_person(s, Role.AUDITOR))
    today = played.now.date()
    with played.house.store.read() as s:
        [found] = reports.report(
            s, reader, today - timedelta(days=demo_gateway.SINCE), today, now=played.now
        )  # fmt: skip
    assert (found.trouble, found.done_at is None) == (None, False)
    assert {row.kind for row in found.sums} == {"charge", "refund", "dispute", "adjustment", "payout"}
    [payout] = found.payouts
    assert (payout.ties, payout.status, payout.banked_at is None) == (True, PayoutStatus.PAID, False)
    assert {(row.listed.value, row.about) for row in found.differences} == {("missing_here", "adjustment")}
    assert [(row.explained, row.difference.minor) for row in found.differences] == [
        (False, 2500), (True, -2500),
    ]  # fmt: skip
    assert [place for place in found.places if place.rest_minor] == []


def test_a_clock_that_was_left_back_is_led_to_the_present(tmp_path: Path) -> None:
    """Decision 27: a demo that ended while it was filled begins again in the present, and only forwards."""
    now = datetime.now(UTC)
    stand_in = start_stripe(tmp_path, clock=demo_gateway.begins(now))
    try:
        demo_gateway.to_the_present(stand_in.url, now=now)
        told = stand_in.control("advance", seconds=0)["now"]
        assert 0 <= told - int(now.timestamp()) < 3600
        ahead = stand_in.control("advance", days=3)["now"]
        demo_gateway.to_the_present(stand_in.url, now=now)
        assert stand_in.control("advance", seconds=0)["now"] >= ahead
    finally:
        stand_in.stop()
