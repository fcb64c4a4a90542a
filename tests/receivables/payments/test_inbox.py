"""The inbox of notifications: kept first, followed to the truth, never lost and never in the way."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.money import Money
from models.payments import InboxEvent, Payment
from models.states import AttemptStatus, InboxStatus
from models.store import Store
from models.work import Alert
from receivables.payments import attempts, inbox
from receivables.policy import default_policy
from receivables.ports import GatewayEvent, GatewayRefused, GatewayUnreachable, RemoteState
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.payments.test_settling import Books, at_once, hint, now, open_books

POLICY = default_policy()


@pytest.fixture
def told(store: Store) -> Books:
    """Books on each database, behind a gateway that says what the test tells it to."""
    return open_books(store, ToldGateway())


def accept(store: Store, event: GatewayEvent, at: Any = NOON) -> bool:
    return store.run(lambda s: inbox.accept(s, event, gateway_account="default", now=at))


def claim(store: Store, at: Any = NOON, worker: str = "w1", limit: int = 20) -> list[int]:
    return store.run(lambda s: inbox.claim(s, worker=worker, policy=POLICY, now=at, limit=limit))


def row(store: Store) -> InboxEvent:
    with store.read() as s:
        return s.scalars(select(InboxEvent)).one()


def alerts(store: Store) -> list[str]:
    with store.read() as s:
        return list(s.scalars(select(Alert.code)))


class TestKeeping:
    def test_a_repeat_is_one_row(self, store: Store) -> None:
        """P-10: the event id names the event."""
        assert accept(store, hint("abc", "evt_1"))
        assert not accept(store, hint("abc", "evt_1"))
        assert row(store).status is InboxStatus.RECEIVED

    def test_the_same_event_on_many_lines_at_once(self, store: Store) -> None:
        """FT-11 in small: eight deliveries in one moment, no trace, one row."""
        kept: list[bool] = []
        at_once([lambda: kept.append(accept(store, hint("abc", "evt_1")))] * 8)
        assert sorted(kept) == [False] * 7 + [True]
        assert row(store).event_id == "evt_1"

    def test_long_names_are_kept(self, store: Store) -> None:
        """P-14: 4 KB ids of objects and types of next year."""
        long = secrets.token_hex(2048)
        event = hint(None, "evt_1", type="next_year." + long)
        assert accept(store, GatewayEvent(**{**_fields(event), "object_id": long, "session_id": long}))
        kept = row(store)
        assert (kept.object_id, kept.session_id) == (long, long)

    def test_only_done_makes_a_repeat_a_repeat(self, told: Books) -> None:
        """P-10: one that is done stays done; one that failed or was parked is tried again at once."""
        started = told.start()
        told.gateway.truths = [GatewayUnreachable("rate_limit")]
        event = hint(started.ref, "evt_1")
        accept(told.store, event, now())
        [row_id] = claim(told.store, now())
        assert inbox.process(told.store, told.gateway, row_id, now=now()) is InboxStatus.FAILED
        assert claim(told.store, now()) == []
        assert not accept(told.store, event, now())
        assert claim(told.store, now()) == [row_id]

        later = now() + timedelta(hours=73)
        assert inbox.process(told.store, told.gateway, row_id, now=later) is InboxStatus.PARKED
        assert claim(told.store, later + timedelta(days=30)) == []
        told.gateway.truths = [a_truth(started.ref, RemoteState.EXPIRED)]
        assert not accept(told.store, event, later)
        assert claim(told.store, later) == [row_id]
        assert inbox.process(told.store, told.gateway, row_id, now=later) is InboxStatus.DONE

        assert not accept(told.store, event, later)
        assert claim(told.store, later + timedelta(days=1)) == []

    def test_a_repeat_does_not_disturb_who_is_at_it(self, store: Store) -> None:
        """Somebody works on it now: the repeat takes no second worker to it."""
        accept(store, hint("abc", "evt_1"))
        assert len(claim(store)) == 1
        assert not accept(store, hint("abc", "evt_1"))
        assert claim(store, worker="w2") == []


class TestLeases:
    def test_a_lease_is_for_one_and_ends(self, store: Store) -> None:
        """P-10: taken by one; free again when its worker has died."""
        accept(store, hint("abc", "evt_1"))
        [row_id] = claim(store)
        assert claim(store, worker="w2") == []
        assert claim(store, NOON + POLICY.lease - timedelta(seconds=1), "w2") == []
        assert claim(store, NOON + POLICY.lease, "w2") == [row_id]
        assert (row(store).worker, row(store).attempts) == ("w2", 2)

    def test_workers_share_the_queue(self, store: Store) -> None:
        """P-25: five at once, each event for one of them."""
        for number in range(40):
            accept(store, hint(f"abc{number}", f"evt_{number}"))
        taken: list[int] = []
        at_once([lambda n=n: taken.extend(claim(store, worker=f"w{n}", limit=8)) for n in range(5)])  # type: ignore[misc]
        rest = claim(store, worker="w9", limit=40)
        assert len(taken) == len(set(taken))
        assert sorted(taken + rest) == sorted(set(taken + rest))
        assert len(taken + rest) == 40

    def test_what_is_leased_takes_no_place(self, store: Store) -> None:
        """FT-08: twenty events in hand do not hide the twenty-first."""
        for number in range(3):
            accept(store, hint(f"abc{number}", f"evt_{number}"))
        first = [claim(store, worker=f"w{n}", limit=1) for n in range(3)]
        assert sorted(len(ids) for ids in first) == [1, 1, 1]

    def test_of_one_payment_one_at_a_time(self, store: Store) -> None:
        """FT-11: what the first learns, the others need not ask; other matters of it do not wait."""
        for number, kind in enumerate(("charge.succeeded", "charge.updated", "charge.dispute.created")):
            accept(store, hint("abc", f"evt_{number}", type=kind))
        taken = claim(store)
        with store.read() as s:
            names = {s.get_one(InboxEvent, i).type for i in taken}
        assert names == {"charge.succeeded", "charge.dispute.created"}
        assert claim(store, worker="w2") == []
        after = NOON + POLICY.lease
        assert len(claim(store, after, "w2")) == 2, "a lease that ended holds nobody back"

    def test_the_oldest_first(self, store: Store) -> None:
        accept(store, hint("abc", "evt_late"), NOON)
        accept(store, hint("xyz", "evt_early"), NOON - timedelta(minutes=1))
        first, second = claim(store)
        with store.read() as s:
            names = [s.get_one(InboxEvent, i).event_id for i in (first, second)]
        assert names == ["evt_early", "evt_late"]


class TestFollowing:
    @pytest.mark.parametrize(
        ("ref", "type"),
        [(None, "checkout.session.completed"), (None, "next_year.thing"), ("abc", "next_year.thing")],
    )
    def test_what_is_not_ours_is_done_at_once(self, told: Books, ref: str | None, type: str) -> None:
        """P-13: foreign objects, and things of which nothing follows: kept, done, nobody asked."""
        accept(told.store, hint(ref, "evt_1", type=type))
        [row_id] = claim(told.store)
        assert inbox.process(told.store, told.gateway, row_id, now=NOON) is InboxStatus.DONE
        assert told.gateway.calls == []
        assert alerts(told.store) == []

    @pytest.mark.parametrize(
        "type",
        ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded", "charge.updated"],
    )
    def test_each_telling_event_leads_to_the_truth(self, told: Books, type: str) -> None:
        """Stripe.md 4: an event is a hint; what it says of the money is not believed."""
        started = told.start()
        charge = a_charge(started.ref, Money(141840, "GBP"))
        told.gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
        accept(told.store, hint(started.ref, "evt_1", type=type), now())
        [row_id] = claim(told.store, now())
        assert inbox.process(told.store, told.gateway, row_id, now=now()) is InboxStatus.DONE
        assert told.attempt(started.ref).status is AttemptStatus.SUCCEEDED
        assert told.count(Payment) == 1

    def test_found_by_page_or_payment_when_the_tag_is_gone(self, told: Books) -> None:
        """P-13: partly tagged, and known all the same."""
        started = told.start()
        told.gateway.truths = [a_truth(started.ref, RemoteState.EXPIRED)]
        event = hint(None, "evt_1")
        fields = {**_fields(event), "tagged": True, "session_id": f"page-{started.ref}"}
        accept(told.store, GatewayEvent(**fields), now())
        [row_id] = claim(told.store, now())
        assert inbox.process(told.store, told.gateway, row_id, now=now()) is InboxStatus.DONE
        assert told.attempt(started.ref).status is AttemptStatus.EXPIRED

    def test_before_the_local_commit(self, told: Books) -> None:
        """P-12, FT-07: the event is faster than our own commit: tried again, then done."""
        started = told.start()
        with told.store.write() as s:
            attempt = attempts.find_attempt(s, started.ref)
            attempt.ref, hidden = "not-here-yet", attempt.ref
        accept(told.store, hint(hidden, "evt_1"), now())
        [row_id] = claim(told.store, now())
        assert inbox.process(told.store, told.gateway, row_id, now=now()) is InboxStatus.FAILED
        with told.store.write() as s:
            attempts.find_attempt(s, "not-here-yet").ref = hidden
        told.gateway.truths = [a_truth(hidden, RemoteState.EXPIRED)]
        soon = now() + timedelta(seconds=11)
        assert claim(told.store, soon) == [row_id]
        assert inbox.process(told.store, told.gateway, row_id, now=soon) is InboxStatus.DONE
        assert alerts(told.store) == []

    def test_never_known(self, told: Books) -> None:
        """P-12: growing pauses, an alert, parked after three days; never "200 and forget"."""
        accept(told.store, hint("nobody", "evt_1"))
        at, pauses = NOON, []
        while (found := row(told.store)).status is not InboxStatus.PARKED:
            pauses.append(found.next_try_at - at)
            at = found.next_try_at
            [row_id] = claim(told.store, at)
            inbox.process(told.store, told.gateway, row_id, now=at)
            # INV-13: told before the quarter of an hour is over, not at the first try after it.
            late = row(told.store).next_try_at - NOON > POLICY.alert_after
            assert alerts(told.store) == (["event_not_understood"] if late else [])
        assert timedelta(hours=72) < at - NOON <= timedelta(hours=74)
        assert pauses[1:] == sorted(pauses[1:])
        assert pauses[-1] == timedelta(hours=1)
        assert alerts(told.store) == ["event_not_understood"]
        assert row(told.store).error == "unknown_attempt"
        assert claim(told.store, at + timedelta(days=10)) == []

    @pytest.mark.parametrize("error", [GatewayUnreachable("rate_limit"), GatewayRefused("resource_missing")])
    def test_what_was_not_learned_is_not_done(self, told: Books, error: Exception) -> None:
        """P-10: the gateway did not tell; the hint is kept for later."""
        started = told.start()
        told.gateway.truths = [error]
        accept(told.store, hint(started.ref, "evt_1"), now())
        [row_id] = claim(told.store, now())
        assert inbox.process(told.store, told.gateway, row_id, now=now()) is InboxStatus.FAILED
        assert row(told.store).error == str(error)

    def test_a_trace_is_kept_short(self, told: Books) -> None:
        accept(told.store, hint("nobody", "evt_1"))
        [row_id] = claim(told.store)
        assert inbox.fail(told.store, row_id, "x" * 9000, now=NOON) is InboxStatus.FAILED
        assert len(row(told.store).error or "") == 500


class TestNothingNew:
    """FT-11: events about a payment that is known whole end together, and nobody is asked."""

    def settled(self, told: Books, *, fee: Money | None) -> str:
        started = told.start()
        charge = a_charge(started.ref, Money(141840, "GBP"), fee=fee)
        told.gateway.truths = [a_truth(started.ref, RemoteState.SUCCEEDED, charge)]
        told.settle(started.ref)
        told.gateway.calls.clear()
        return started.ref

    def end(self, told: Books) -> int:
        return told.store.run(lambda s: inbox.end_needless(s, now=now()))

    def test_the_other_events_of_a_booked_payment(self, told: Books) -> None:
        ref = self.settled(told, fee=Money(300, "GBP"))
        for number, kind in enumerate(("checkout.session.completed", "charge.succeeded", "charge.updated")):
            accept(told.store, hint(ref, f"evt_{number}", type=kind), now())
        assert self.end(told) == 3
        assert claim(told.store, now()) == []
        assert told.count(InboxEvent, InboxEvent.status == "done", InboxEvent.done_at.is_not(None)) == 3
        assert told.gateway.calls == []

    @pytest.mark.parametrize("kind", ["charge.refunded", "charge.dispute.created", "refund.updated"])
    def test_what_may_tell_more_is_followed(self, told: Books, kind: str) -> None:
        """P-20, P-21: the same payment, and yet another thing."""
        accept(told.store, hint(self.settled(told, fee=Money(300, "GBP")), "evt_1", type=kind), now())
        assert self.end(told) == 0
        assert len(claim(told.store, now())) == 1

    def test_while_the_fee_is_not_known(self, told: Books) -> None:
        """The gateway knows its fee later; `charge.updated` brings it."""
        accept(told.store, hint(self.settled(told, fee=None), "evt_1", type="charge.updated"), now())
        assert self.end(told) == 0

    def test_what_nobody_follows(self, told: Books) -> None:
        """P-14: kept and done, whatever it is about."""
        accept(told.store, hint(None, "evt_1", type="next_year.thing"), now())
        accept(told.store, hint("abc", "evt_2", type="payment_intent.created"), now())
        assert self.end(told) == 2

    def test_before_the_payment_is_booked(self, told: Books) -> None:
        accept(told.store, hint(told.start().ref, "evt_1"), now())
        assert self.end(told) == 0

    def test_what_somebody_works_on_is_left_to_him(self, told: Books) -> None:
        accept(told.store, hint(self.settled(told, fee=Money(300, "GBP")), "evt_1"), now())
        assert len(claim(told.store, now())) == 1
        assert self.end(told) == 0


def _fields(event: GatewayEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in GatewayEvent.__dataclass_fields__}
