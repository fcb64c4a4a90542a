"""Notifications that never came: read in the gateway's own list, or found by their money (P-15, P-18)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.audit import AuditEntry
from models.ledger import LedgerCode
from models.money import Money
from models.payments import InboxEvent
from models.reconciliation import GatewayWatch
from models.staff import Role
from models.states import InboxStatus
from models.store import Store
from models.work import Alert
from receivables.errors import NotAllowed, NotFound, Refused
from receivables.payments import inbox
from receivables.policy import default_policy
from receivables.ports import (
    EndpointHealth,
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    MovementKind,
    PayoutState,
    RemoteMovement,
)
from receivables.reconciling import backfill, health, parked, reports
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.reconciling.world import World, a_movement, a_world, open_invoices


@pytest.fixture
def world(store: Store) -> World:
    return a_world(store)


def an_event(
    world: World, moved: RemoteMovement, *, at: datetime, kind: str = "charge.updated"
) -> GatewayEvent:
    """The notification of a charge, as the gateway would have sent it."""
    remote = world.gateway.charges[moved.source_id or ""]
    return GatewayEvent(
        event_id=f"evt_{moved.movement_id}", type=kind, created_at=at, live=False,
        object_id=moved.source_id or "", session_id=None, intent_id=remote.intent_id,
        attempt_ref=remote.attempt_ref, tagged=True, raw="{}", charge_id=moved.source_id,
    )  # fmt: skip


def work(world: World, *, now: datetime) -> None:
    """What a worker does with the events that are due."""
    ids = world.store.run(lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=now))
    for row_id in ids:
        inbox.process(world.store, world.gateway, row_id, now=now)


def statuses(world: World) -> list[InboxStatus]:
    with world.store.read() as s:
        return list(s.scalars(select(InboxEvent.status).order_by(InboxEvent.id)))


# --------------------------------------------------------------------------- dropped notifications


@pytest.mark.parametrize("off", [timedelta(minutes=30), timedelta(days=4)], ids=["30 minutes", "4 days"])
def test_dropped_notifications_are_recovered_from_the_list(world: World, off: timedelta) -> None:
    """FT-17, P-15: whatever was dropped comes in through the same inbox, and is booked."""
    backfill.look(world.store, world.gateway, now=NOON)
    moved = world.charge(Money(4200, "GBP"), fee=88, at=NOON + timedelta(minutes=5))
    world.gateway.events.append(an_event(world, moved, at=NOON + timedelta(minutes=5)))
    found = backfill.look(world.store, world.gateway, now=NOON + off)
    assert found.new == 1
    work(world, now=NOON + off)
    assert (statuses(world), open_invoices(world)) == ([InboxStatus.DONE], [0])
    assert world.alerts() == []
    again = backfill.look(world.store, world.gateway, now=NOON + off + timedelta(minutes=10))
    assert again.new == 0


def test_after_31_days_off_reconciliation_finds_the_money(world: World) -> None:
    """FT-17, P-15: the list goes back 30 days, the gap is an alert; older money comes in by its movement."""
    backfill.look(world.store, world.gateway, now=NOON)
    world.charge(Money(4200, "GBP"), fee=88, at=NOON + timedelta(hours=1))
    back = NOON + timedelta(days=31)
    assert backfill.look(world.store, world.gateway, now=back).new == 0
    assert world.alerts() == ["events_gap"]
    found = world.reconcile(days=41, now=back)
    assert (found.brought_in, open_invoices(world)) == (1, [0])
    assert "money_found" in world.alerts()


def test_an_event_that_was_never_generated_is_found_by_its_money(world: World) -> None:
    """FT-17, requirements 0.7: no event exists anywhere; the balance of the gateway tells."""
    world.charge(Money(4200, "GBP"), fee=88)
    assert backfill.look(world.store, world.gateway, now=NOON + timedelta(hours=2)).new == 0
    assert open_invoices(world) == [4200]
    assert world.reconcile(now=NOON + timedelta(days=1)).brought_in == 1
    assert open_invoices(world) == [0]


def test_what_the_gateway_could_not_deliver_is_read_hourly(world: World) -> None:
    """P-15: `delivery_success=false` too, for what is older than the overlap."""
    backfill.look(world.store, world.gateway, now=NOON)
    moved = world.charge(Money(4200, "GBP"), at=NOON - timedelta(days=3))
    world.gateway.undelivered.append(an_event(world, moved, at=NOON - timedelta(days=3)))
    assert backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=6)).new == 0
    assert backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=61)).new == 1


def test_the_overlap_takes_in_what_was_listed_late(world: World) -> None:
    """P-15: an event older than the last reading that shows up after it."""
    backfill.look(world.store, world.gateway, now=NOON)
    moved = world.charge(Money(4200, "GBP"), at=NOON - timedelta(minutes=3))
    world.gateway.events.append(an_event(world, moved, at=NOON - timedelta(minutes=3)))
    assert backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=5)).new == 1


def test_a_parked_event_sleeps_through_readings(world: World) -> None:
    """P-12: only its own notification or a person wakes it; the list would wake it for 30 days."""
    moved = world.charge(Money(4200, "GBP"))
    event = an_event(world, moved, at=NOON)
    with world.store.write() as s:
        inbox.accept(s, event, gateway_account="default", now=NOON)
        make_parked(s)
    world.gateway.events.append(event)
    world.gateway.undelivered.append(event)
    backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=1))
    assert statuses(world) == [InboxStatus.PARKED]


def make_parked(session: object) -> None:
    """As if three days of tries were over."""
    row = session.scalars(select(InboxEvent)).one()  # type: ignore[attr-defined]
    inbox.advance(row, InboxStatus.PROCESSING)
    inbox.advance(row, InboxStatus.PARKED)
    row.error = "unknown_attempt"


def test_two_workers_read_the_list_once(world: World) -> None:
    """P-15: the reading is claimed, on both databases."""
    asked: list[str] = []
    world.gateway.events_since = lambda *a, **k: asked.append("asked") or iter(())  # type: ignore[method-assign,func-returns-value]
    backfill.look(world.store, world.gateway, now=NOON - timedelta(hours=2))
    asked.clear()
    gate = threading.Barrier(2)

    def worker() -> None:
        gate.wait()
        backfill.look(world.store, world.gateway, now=NOON)

    both = [threading.Thread(target=worker) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert asked == ["asked", "asked"]  # the short reading and the wide one


def test_an_unreadable_list_is_tried_again(world: World) -> None:
    """P-15: the moment up to which all is read does not move; the trouble is written down."""
    backfill.look(world.store, world.gateway, now=NOON)
    world.gateway.down = GatewayUnreachable("no_connection")
    backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=5))
    with world.store.read() as s:
        row = s.get_one(GatewayWatch, ("default", backfill.NEW))
    assert (row.read_to_at, row.trouble) == (NOON, "no_connection")
    world.gateway.down = None
    backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=10))
    with world.store.read() as s:
        row = s.get_one(GatewayWatch, ("default", backfill.NEW))
    assert (row.read_to_at, row.trouble) == (NOON + timedelta(minutes=10), None)


def down_from(world: World, look: Callable[..., object], *minutes: int) -> list[str]:
    """Ask a gateway that cannot be read, at minutes after noon; returns the alerts by then."""
    world.gateway.down = GatewayRefused("permission_denied")
    for minute in minutes:
        look(world.store, world.gateway, now=NOON + timedelta(minutes=minute))
    return world.alerts()


@pytest.mark.parametrize("read_before", [True, False], ids=["read before", "never read"])
def test_a_list_that_cannot_be_read_is_an_alert(world: World, read_before: bool) -> None:
    """P-15: 15 minutes after it was last read somebody is told, once, and why; it is over when it is read."""
    if read_before:
        backfill.look(world.store, world.gateway, now=NOON)
    else:
        down_from(world, backfill.look, 0)
    assert down_from(world, backfill.look, 5, 10) == []
    assert down_from(world, backfill.look, 15, 20) == ["gateway_unread"]
    with world.store.read() as s:
        alert = s.scalars(select(Alert)).one()
    assert (alert.key, alert.raised_at) == ("gateway:default:events", NOON + timedelta(minutes=15))
    assert (alert.facts["object"], alert.facts["why"]) == ("default", "permission_denied")
    # The hourly one is late when it has missed its hour twice.
    down_from(world, backfill.look, 60, 121)
    with world.store.read() as s:
        assert s.scalars(select(Alert.key)).all() == ["gateway:default:events", "gateway:default:events_wide"]
    world.gateway.down = None
    backfill.look(world.store, world.gateway, now=NOON + timedelta(minutes=190))
    with world.store.read() as s:
        assert s.scalars(select(Alert.id).where(Alert.closed_at.is_(None))).all() == []


def test_endpoints_that_cannot_be_read_are_an_alert_and_hide_no_silence(world: World) -> None:
    """P-18: the key may not list endpoints: somebody is told; and that nothing comes is seen all the same."""
    world.gateway.addresses = [endpoint()]
    health.look(world.store, world.gateway, now=NOON)
    assert down_from(world, health.look, 5, 10) == []
    assert down_from(world, health.look, 15) == ["gateway_unread"]
    later = NOON + timedelta(days=2)
    world.gateway.down = None
    world.pay(Money(2500, "GBP"), at=later)
    world.gateway.down = GatewayRefused("permission_denied")
    health.look(world.store, world.gateway, now=later + timedelta(hours=3))
    assert world.alerts() == ["gateway_unread", "events_silent"]
    world.gateway.down = None
    health.look(world.store, world.gateway, now=later + timedelta(hours=4))
    with world.store.read() as s:
        assert s.scalars(select(Alert.code).where(Alert.closed_at.is_(None))).all() == ["events_silent"]


def test_a_payout_is_followed_by_its_notification(world: World) -> None:
    """M-18: payout.paid moves it without waiting for the daily run."""
    moved = a_movement(MovementKind.CHARGE, Money(5000, "GBP"))
    payout = world.payout(moved, at=NOON, status=PayoutState.IN_TRANSIT)
    event = GatewayEvent(
        event_id="evt_po", type="payout.created", created_at=NOON, live=False, object_id=payout.payout_id,
        session_id=None, intent_id=None, attempt_ref=None, tagged=False, raw="{}",
    )  # fmt: skip
    with world.store.write() as s:
        inbox.accept(s, event, gateway_account="default", now=NOON)
    work(world, now=NOON)
    assert world.balance(LedgerCode.BANK_IN_TRANSIT) == 5000


# --------------------------------------------------------------------------- endpoint health


VERSION = "2026-10-28.endive"


def endpoint(
    *,
    enabled: bool = True,
    path: str = "/webhooks/stripe/default",
    told_of: Sequence[str] = ("*",),
    version: str | None = VERSION,
) -> EndpointHealth:
    url = f"https://pay.northgate.example{path}"
    return EndpointHealth(f"we{path}", url, enabled, told_of, version, VERSION)


def test_a_disabled_endpoint_is_an_alert_within_15_minutes(world: World) -> None:
    """P-18: asked every 5 minutes; one open alert however often it is asked."""
    world.gateway.addresses = [endpoint()]
    health.look(world.store, world.gateway, now=NOON)
    assert world.alerts() == []
    world.gateway.addresses = [endpoint(enabled=False)]
    for minutes in (5, 10, 15):
        health.look(world.store, world.gateway, now=NOON + timedelta(minutes=minutes))
    assert world.alerts() == ["endpoint_off"]
    with world.store.read() as s:
        alert = s.scalars(select(Alert)).one()
    assert alert.raised_at <= NOON + timedelta(minutes=15)
    assert alert.facts["object"].startswith("https://pay.northgate.example")


def test_no_endpoint_at_all_is_an_alert(world: World) -> None:
    """P-18: a gateway that notifies nobody."""
    health.look(world.store, world.gateway, now=NOON)
    assert world.alerts() == ["endpoint_missing"]


def test_an_endpoint_of_somebody_else_is_no_endpoint_of_ours(world: World) -> None:
    """P-18: a shop on the same account has its own; whether that is on says nothing of ours."""
    world.gateway.addresses = [endpoint(path="/shop/hooks")]
    health.look(world.store, world.gateway, now=NOON)
    assert world.alerts() == ["endpoint_missing"]
    world.gateway.addresses = [endpoint(), endpoint(enabled=False, path="/webhooks/stripe/other")]
    health.look(world.store, world.gateway, now=NOON + timedelta(minutes=5))
    assert world.alerts() == ["endpoint_missing"]
    with world.store.write() as s:
        reader = make.staff_actor(make.a_person(s, Role.AUDITOR))
    with world.store.read() as s:
        [line] = reports.lines(s, reader)
    assert [(one.url, one.enabled) for one in line.endpoints] == [
        ("https://pay.northgate.example/webhooks/stripe/default", True)
    ]


@pytest.mark.parametrize(
    ("told_of", "missing"),
    [
        (("*",), ()),
        (health.WANTED, ()),
        ((*health.WANTED, "invoice.paid"), ()),
        (
            [one for one in health.WANTED if not one.startswith("refund.")],
            ("refund.created", "refund.updated", "refund.failed"),
        ),
        ([one for one in health.WANTED if "dispute.closed" not in one], ("charge.dispute.closed",)),
        (("checkout.session.completed",), None),
    ],
    ids=["all", "each that we follow", "and more", "no refunds", "not all of chargebacks", "almost nothing"],
)  # fmt: skip
def test_an_endpoint_that_is_told_too_little_is_an_alert(
    world: World, told_of: Sequence[str], missing: tuple[str, ...] | None
) -> None:
    """P-18: what we follow and it is not told of is named, once; over when it is told."""
    world.gateway.addresses = [endpoint(told_of=told_of)]
    for minutes in (0, 5):
        health.look(world.store, world.gateway, now=NOON + timedelta(minutes=minutes))
    assert world.alerts() == ([] if missing == () else ["endpoint_events"])
    with world.store.write() as s:
        reader = make.staff_actor(make.a_person(s, Role.AUDITOR))
    with world.store.read() as s:
        [line] = reports.lines(s, reader)
        facts = [one.facts for one in s.scalars(select(Alert))]
    [shown] = line.endpoints
    if missing is None:
        assert {"refund.failed", "charge.dispute.created", "checkout.session.expired"} <= set(shown.missing)
    else:
        assert shown.missing == missing
    assert [one["missing"] for one in facts] == ([", ".join(shown.missing)] if facts else [])
    world.gateway.addresses = [endpoint()]
    health.look(world.store, world.gateway, now=NOON + timedelta(minutes=10))
    with world.store.read() as s:
        assert s.scalars(select(Alert.id).where(Alert.closed_at.is_(None))).all() == []


@pytest.mark.parametrize("version", [None, "2019-08-14"], ids=["the account's", "an old one"])
def test_an_endpoint_of_another_version_is_an_alert(world: World, version: str | None) -> None:
    """P-18, stripe.md 1: its notices are written in another version than ours; over when it is ours."""
    world.gateway.addresses = [endpoint(version=version)]
    health.look(world.store, world.gateway, now=NOON)
    assert world.alerts() == ["endpoint_events"]
    with world.store.read() as s:
        facts = s.scalars(select(Alert)).one().facts
    assert (facts["version"], facts["wanted"]) == (version or "", "2026-10-28.endive")
    assert facts["object"].startswith("https://pay.northgate.example")
    world.gateway.addresses = [endpoint()]
    health.look(world.store, world.gateway, now=NOON + timedelta(minutes=5))
    with world.store.read() as s:
        assert s.scalars(select(Alert.id).where(Alert.closed_at.is_(None))).all() == []


def test_the_first_charge_after_a_quiet_day_is_no_silence(world: World) -> None:
    """P-18: booked by the return page a minute ago, its notification has its time; an hour later it is."""
    world.gateway.addresses = [endpoint()]
    heard = NOON - timedelta(days=1)
    before = world.pay(Money(2100, "GBP"), at=heard)
    with world.store.write() as s:
        inbox.accept(s, an_event(world, before, at=heard), gateway_account="default", now=heard)
    world.pay(Money(4200, "GBP"), at=NOON)
    health.look(world.store, world.gateway, now=NOON + timedelta(minutes=1))
    assert world.alerts() == []
    health.look(world.store, world.gateway, now=NOON + timedelta(hours=2))
    assert world.alerts() == ["events_silent"]


def test_silence_while_charges_are_made_is_an_alert(world: World) -> None:
    """P-18: money came by the return page, no notification for hours; what the list brought is no sign."""
    world.gateway.addresses = [endpoint()]
    backfill.look(world.store, world.gateway, now=NOON - timedelta(hours=1))
    moved = world.pay(Money(4200, "GBP"), at=NOON)
    world.gateway.events.append(an_event(world, moved, at=NOON))
    later = NOON + timedelta(hours=11)
    backfill.look(world.store, world.gateway, now=later)
    health.look(world.store, world.gateway, now=later)
    assert world.alerts() == ["events_silent"]


def test_notifications_that_come_are_no_silence(world: World) -> None:
    """P-18: heard within the hours, nothing is said."""
    world.gateway.addresses = [endpoint()]
    moved = world.pay(Money(4200, "GBP"), at=NOON)
    with world.store.write() as s:
        inbox.accept(s, an_event(world, moved, at=NOON), gateway_account="default", now=NOON)
    health.look(world.store, world.gateway, now=NOON + timedelta(hours=1))
    assert world.alerts() == []


def test_one_that_reaches_us_after_all_was_heard(world: World) -> None:
    """P-18: the list was quicker than the notification; that is no silence."""
    moved = world.charge(Money(4200, "GBP"))
    event = an_event(world, moved, at=NOON)
    with world.store.write() as s:
        inbox.accept(s, event, gateway_account="default", now=NOON, brought_in=True)
    with world.store.read() as s:
        assert health.last_heard(s, "default") is None
    with world.store.write() as s:
        inbox.accept(s, event, gateway_account="default", now=NOON)
    with world.store.read() as s:
        assert health.last_heard(s, "default") == NOON


# --------------------------------------------------------------------------- parked events


def test_a_person_tries_a_parked_event_again(world: World) -> None:
    """P-12: taken up at once, audited; who may only read may not, and one that is done is refused."""
    moved = world.charge(Money(4200, "GBP"))
    with world.store.write() as s:
        inbox.accept(s, an_event(world, moved, at=NOON), gateway_account="default", now=NOON)
        make_parked(s)
        books = make.staff_actor(make.a_person(s, Role.ACCOUNTANT))
        reader = make.staff_actor(make.a_person(s, Role.AUDITOR))
    with world.store.read() as s:
        (row,) = parked.waiting(s, reader)
    assert (row.parked, row.error) == (True, "unknown_attempt")
    later = NOON + timedelta(hours=1)
    with world.store.write() as s:
        with pytest.raises(NotAllowed):
            parked.try_again(s, reader, row.event_id, now=later)
        with pytest.raises(NotFound):
            parked.try_again(s, books, "evt_nobody", now=later)
        parked.try_again(s, books, row.event_id, now=later)
    work(world, now=later)
    assert open_invoices(world) == [0]
    with world.store.write() as s:
        assert "event.tried_again" in set(s.scalars(select(AuditEntry.code)))
        with pytest.raises(Refused, match="event_done"):
            parked.try_again(s, books, row.event_id, now=later)
