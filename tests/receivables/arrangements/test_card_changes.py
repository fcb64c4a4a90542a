"""Saved cards that change without their holder's act: renewed, let go, deleted, withdrawn, about to end."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.arrangements import Instalment, PaysBy, Plan, SavedCard
from models.audit import AuditEntry
from models.messages import Message
from models.payments import PaymentAttempt
from models.states import AttemptStatus, CardStatus, InboxStatus, InstalmentStatus, PlanStatus
from models.store import Store
from models.work import Job, Task
from receivables import letters
from receivables.arrangements import card_changes, cards, charging, plan_changes, plan_days
from receivables.arrangements.decline_classes import DeclineKind, DeclineReason
from receivables.payments import inbox
from receivables.permissions import SYSTEM
from receivables.policy import default_policy
from receivables.ports import (
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    PreparedRequest,
    RemoteCard,
    RemotePayment,
    RemoteState,
)
from tests.effort import REPEATS
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.races import together
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account, gbp, noon_of

KEPT = RemoteCard("pm_4242", "cus_1", "visa", "4242", 11, 2029)
RENEWED = RemoteCard("pm_4242", "cus_1", "visa", "1881", 11, 2033)


@dataclass
class CardGateway(ToldGateway):
    """Knows cards and mandates as they are now; `away` while it can't be reached."""

    cards: dict[str, RemoteCard] = field(default_factory=lambda: {"pm_4242": KEPT})
    mandates: dict[str, bool] = field(default_factory=dict)
    away: bool = False

    def card_of(self, payment_method_id: str) -> RemoteCard | None:
        self.calls.append("card_of")
        if self.away:
            raise GatewayUnreachable("no_connection")
        return self.cards.get(payment_method_id)

    def mandate_is_active(self, mandate_id: str) -> bool:
        self.calls.append("mandate_is_active")
        return self.mandates.get(mandate_id, False)

    def charge(self, prepared: PreparedRequest) -> RemotePayment:
        if "pm_4242" not in self.cards:
            self.calls.append("charge")
            raise GatewayRefused("resource_missing")
        return super().charge(prepared)


@dataclass
class Kept:
    """A plan of three parts, paid by a saved card; the first is due on `due`."""

    world: PlanWorld
    plan: Plan
    gateway: CardGateway
    heard: int = 0

    @property
    def due(self) -> date:
        return self.world.parts(self.plan)[0].due_on

    def hear(self, kind: str, object_id: str, *, now: datetime, method: str | None = None) -> InboxStatus:
        """Bring a notification through the inbox, as the worker does."""
        self.heard += 1
        event = GatewayEvent(
            event_id=f"evt_{self.heard}", type=kind, created_at=now, live=False, object_id=object_id,
            session_id=None, intent_id=None, attempt_ref=None, tagged=False, raw=json.dumps({"type": kind}),
            payment_method_id=method,
        )  # fmt: skip
        store = self.world.store
        store.run(lambda s: inbox.accept(s, event, gateway_account=self.gateway.name, now=now))
        (row,) = store.run(lambda s: inbox.claim(s, worker="w", policy=default_policy(), now=now))
        return inbox.process(store, self.gateway, row, now=now)

    def run(self, on: date) -> AttemptStatus | None:
        """Let the worker charge the part that is due."""
        (part,) = self.world.charges(on)
        return self.charge(part, on)

    def charge(self, part: int, on: date) -> AttemptStatus | None:
        """Charge a part that was found due, as it is by now."""
        self.gateway.truths = [lambda: self._takes()]
        return charging.charge_instalment(self.world.store, self.gateway, SYSTEM, part, now=noon_of(on))

    def _takes(self) -> RemotePayment:
        with self.world.store.read() as s:
            attempt = s.scalars(select(PaymentAttempt).order_by(PaymentAttempt.id.desc())).first()
        assert attempt is not None
        charge = a_charge(attempt.ref, gbp(attempt.amount_minor))
        return a_truth(attempt.ref, RemoteState.SUCCEEDED, charge)

    def card(self) -> SavedCard:
        with self.world.store.read() as s:
            return s.scalars(select(SavedCard).order_by(SavedCard.id)).first()  # type: ignore[return-value]

    def now_plan(self) -> Plan:
        return self.world.plan(self.plan)

    def rows(self, model: Any, *where: Any) -> list[Any]:
        with self.world.store.read() as s:
            return list(s.scalars(select(model).where(*where).order_by(model.id)))


@pytest.fixture
def kept(store: Store) -> Kept:
    return a_kept_card(store)


@pytest.fixture
def lite(sqlite_store: Store) -> Kept:
    return a_kept_card(sqlite_store)


def a_kept_card(store: Store) -> Kept:
    world = an_owing_account(store)
    plan = world.agreed(3)
    world.on_card(plan)
    return Kept(world, plan, CardGateway())


def codes(kept: Kept) -> list[str]:
    return [row.code for row in kept.rows(AuditEntry) if row.code.startswith("card.")]


class TestRenewed:
    """payment_method.automatically_updated, .updated: expiry and digits follow, the plan goes on."""

    @pytest.mark.parametrize("kind", ["payment_method.automatically_updated", "payment_method.updated"])
    def test_the_card_follows_and_the_plan_goes_on(self, kept: Kept, kind: str) -> None:
        now = noon_of(kept.due - timedelta(days=9))
        kept.gateway.cards["pm_4242"] = RENEWED
        assert kept.hear(kind, "pm_4242", now=now) is InboxStatus.DONE
        card, plan = kept.card(), kept.now_plan()
        assert (card.status, card.last4, card.expires_year) == (CardStatus.ACTIVE, "1881", 2033)
        assert (plan.status, plan.pays_by, plan.saved_card_id) == (PlanStatus.ACTIVE, PaysBy.CARD, card.id)
        assert card.consent_text
        assert kept.run(kept.due) is AttemptStatus.SUCCEEDED
        assert codes(kept) == ["card.renewed"]

    def test_told_twice_it_is_written_once(self, kept: Kept) -> None:
        """P-11: the same card told again changes nothing, whichever event tells it."""
        now = noon_of(kept.due)
        kept.gateway.cards["pm_4242"] = RENEWED
        for kind in (
            "payment_method.automatically_updated",
            "payment_method.updated",
            "payment_method.updated",
        ):
            kept.hear(kind, "pm_4242", now=now)
        assert codes(kept) == ["card.renewed"]

    def test_a_part_that_failed_for_the_old_date_is_tried_again(self, kept: Kept) -> None:
        """Declined as expired: no further try by itself; renewed, it is charged the same day."""
        part, now = kept.world.parts(kept.plan)[0], noon_of(kept.due)

        def fail(session: Any) -> object:
            row = session.get_one(Instalment, part.id)
            return plan_days.charge_failed(
                session, SYSTEM, row, kind=DeclineKind.HARD, reason=DeclineReason.CARD_EXPIRED, now=now
            )

        kept.world.store.run(fail)
        assert kept.world.charges(kept.due) == []
        kept.gateway.cards["pm_4242"] = RENEWED
        kept.hear("payment_method.automatically_updated", "pm_4242", now=now)
        assert kept.run(kept.due) is AttemptStatus.SUCCEEDED
        assert kept.world.statuses(kept.plan)[0] == "paid"

    def test_a_refusal_for_another_reason_stays(self, lite: Kept) -> None:
        """A card that has no money has none under a new date either: its days stay those of the terms."""
        part, now = lite.world.parts(lite.plan)[0], noon_of(lite.due)

        def fail(session: Any) -> object:
            row = session.get_one(Instalment, part.id)
            return plan_days.charge_failed(
                session, SYSTEM, row, kind=DeclineKind.SOFT, reason=DeclineReason.NO_FUNDS, now=now
            )

        lite.world.store.run(fail)
        before = lite.world.parts(lite.plan)[0].next_try_on
        assert before is not None
        lite.gateway.cards["pm_4242"] = RENEWED
        lite.hear("payment_method.updated", "pm_4242", now=now)
        assert lite.world.parts(lite.plan)[0].next_try_on == before > lite.due

    def test_a_gateway_that_is_away_is_asked_later(self, lite: Kept) -> None:
        """P-12: nothing was learned, the hint is kept."""
        lite.gateway.away = True
        assert lite.hear("payment_method.updated", "pm_4242", now=noon_of(lite.due)) is InboxStatus.FAILED
        assert codes(lite) == []

    def test_a_strangers_card_is_done_without_a_question(self, lite: Kept) -> None:
        """P-13: a card of another system on the same gateway account."""
        done = lite.hear("payment_method.attached", "pm_stranger", now=noon_of(lite.due))
        assert (done, lite.gateway.calls) == (InboxStatus.DONE, [])


GONE = ["payment_method.detached", "customer.deleted", "mandate.updated"]


def go(kept: Kept, kind: str, *, now: datetime) -> InboxStatus:
    """Let the card go at the gateway as the kind of notification says."""
    if kind == "mandate.updated":
        kept.gateway.mandates["mandate_1"] = False
        return kept.hear(kind, "mandate_1", now=now, method="pm_4242")
    del kept.gateway.cards["pm_4242"]
    return kept.hear(kind, "cus_1" if kind == "customer.deleted" else "pm_4242", now=now)


class TestGone:
    """A card that can't be charged any more: no debit, the debtor is asked for another way, no default."""

    @pytest.mark.parametrize("kind", GONE)
    def test_debits_stop_and_the_debtor_is_asked(self, kept: Kept, kind: str) -> None:
        now = noon_of(kept.due - timedelta(days=9))
        assert go(kept, kind, now=now) is InboxStatus.DONE
        card, plan = kept.card(), kept.now_plan()
        assert (card.status, plan.status) == (CardStatus.REMOVED, PlanStatus.ACTIVE)
        assert (plan.pays_by, plan.saved_card_id) == (PaysBy.LINK, None)
        assert kept.world.charges(kept.due) == []
        told = kept.rows(Message, Message.kind == "card_gone")
        assert [m.channel.value for m in told] == ["email", "sms"]
        assert {m.facts["instalment_id"] for m in told} == {kept.world.parts(kept.plan)[0].id}
        (task,) = kept.rows(Task)
        assert (task.kind.value, task.facts["why"]) == ("plan_trouble", "card_gone")
        # What the gateway has let go itself needs no further word to it; a card without mandate does.
        assert len(kept.rows(Job, Job.kind == "detach_card")) == (kind == "mandate.updated")
        why = {"payment_method.detached": "detached", "customer.deleted": "customer_deleted"}
        (removed,) = kept.rows(AuditEntry, AuditEntry.code == "card.removed")
        assert f'"why":"{why.get(kind, "mandate_withdrawn")}"' in removed.payload

    @pytest.mark.parametrize("kind", GONE)
    def test_told_again_nothing_happens(self, kept: Kept, kind: str) -> None:
        now = noon_of(kept.due)
        for _ in range(2):
            if "pm_4242" not in kept.gateway.cards:
                kept.gateway.cards["pm_4242"] = KEPT
            go(kept, kind, now=now)
        assert codes(kept) == ["card.removed"]
        assert len(kept.rows(Message, Message.kind == "card_gone")) == 2

    def test_the_plan_is_not_defaulted_before_its_days(self, kept: Kept) -> None:
        """Issue E part 6: only two parts missed in a row do that, as the terms say."""
        go(kept, "payment_method.detached", now=noon_of(kept.due - timedelta(days=9)))
        parts = kept.world.parts(kept.plan)
        kept.world.days(kept.due - timedelta(days=8), parts[1].due_on)
        plan = kept.now_plan()
        assert (plan.status, plan.missed_in_row) == (PlanStatus.ACTIVE, 1)
        kept.world.days(parts[1].due_on + timedelta(days=1), parts[1].due_on + timedelta(days=1))
        assert kept.now_plan().status is PlanStatus.DEFAULTED

    def test_paid_by_link_the_plan_goes_on(self, kept: Kept) -> None:
        go(kept, "mandate.updated", now=noon_of(kept.due - timedelta(days=9)))
        kept.world.pay(kept.plan, on=kept.due)
        assert kept.world.statuses(kept.plan) == ["paid", "scheduled", "scheduled"]

    def test_another_card_takes_its_place_and_the_letter_falls_silent(self, lite: Kept) -> None:
        """What waits in the queue is asked again before it leaves: a new card was named meanwhile."""
        now = noon_of(lite.due - timedelta(days=9))
        go(lite, "payment_method.detached", now=now)
        (letter, _) = lite.rows(Message, Message.kind == "card_gone")
        with lite.world.store.read() as s:
            assert letters.is_still_true(s, letter, lite.world.account, now=now)
        lite.world.on_card(lite.plan, last4="4444", now=now)
        with lite.world.store.read() as s:
            assert not letters.is_still_true(s, letter, lite.world.account, now=now)
        assert lite.world.charges(lite.due) == [lite.world.parts(lite.plan)[0].id]

    def test_a_card_of_no_plan_goes_quietly(self, lite: Kept) -> None:
        now = noon_of(lite.due)
        lite.world.store.run(lambda s: plan_changes.pay_by_link(s, lite.world.holder, lite.plan.ref, now=now))
        go(lite, "payment_method.detached", now=now)
        assert lite.rows(Message, Message.kind == "card_gone") == []
        assert lite.rows(Task) == []

    def test_a_mandate_that_stands_changes_nothing(self, lite: Kept) -> None:
        lite.gateway.mandates["mandate_1"] = True
        lite.hear("mandate.updated", "mandate_1", now=noon_of(lite.due), method="pm_4242")
        assert lite.now_plan().pays_by is PaysBy.CARD

    def test_a_mandate_is_known_by_its_own_name(self, lite: Kept) -> None:
        """Kept with the card: the event of a mandate that names no card is understood."""
        with lite.world.store.write() as s:
            s.get_one(SavedCard, lite.card().id).mandate_id = "mandate_7"
        lite.hear("mandate.updated", "mandate_7", now=noon_of(lite.due))
        assert lite.card().status is CardStatus.REMOVED

    def test_without_a_notification_the_charge_finds_out(self, kept: Kept) -> None:
        """The event was lost: the refused charge makes us look, and no later part is tried in vain."""
        del kept.gateway.cards["pm_4242"]
        assert kept.run(kept.due) is AttemptStatus.FAILED
        assert kept.gateway.calls == ["charge", "card_of"]
        assert (kept.card().status, kept.now_plan().pays_by) == (CardStatus.REMOVED, PaysBy.LINK)
        assert len(kept.rows(Message, Message.kind == "card_gone")) == 2
        assert kept.now_plan().status is PlanStatus.ACTIVE

    def test_a_new_consent_makes_a_new_customer(self, lite: Kept) -> None:
        """A deleted customer can't be given a card, and its old key would bring it back for a day."""
        go(lite, "customer.deleted", now=noon_of(lite.due))
        with lite.world.store.read() as s:
            saving = cards.card_saving(s, lite.world.holder, lite.world.account)
        assert saving.customer_id is None
        assert saving.customer_key == f"customer:{lite.world.contact.ref}:2"


class TestAboutToEnd:
    """The card ends before the next part it shall pay: its holder hears of it in time, once."""

    def ends(self, kept: Kept, year: int, month: int) -> None:
        with kept.world.store.write() as s:
            card = s.get_one(SavedCard, kept.card().id)
            card.expires_year, card.expires_month = year, month

    def warn(self, kept: Kept, on: date) -> int:
        def unit(session: Any) -> int:
            account = session.merge(kept.world.account)
            return card_changes.warn(session, account, today=on, now=noon_of(on))

        return kept.world.store.run(unit)

    def test_he_is_told_once_and_in_time(self, kept: Kept) -> None:
        """policy plans.card_notice_days: 21 days before the first part after its end."""
        part = kept.world.parts(kept.plan)[0]
        self.ends(kept, part.due_on.year, part.due_on.month - 1)
        ahead = default_policy().plans.card_notice_days
        assert self.warn(kept, part.due_on - timedelta(days=ahead + 1)) == 0
        for day in range(3):
            self.warn(kept, part.due_on - timedelta(days=ahead - day))
        told = kept.rows(Message, Message.kind == "card_ends")
        assert [m.channel.value for m in told] == ["email", "sms"]
        with kept.world.store.read() as s:
            assert letters.is_still_true(s, told[0], kept.world.account, now=noon_of(part.due_on))

    def test_a_card_that_lasts_is_not_spoken_of(self, lite: Kept) -> None:
        """The month on it is its last good one: a part on its last day is paid from it."""
        part = lite.world.parts(lite.plan)[0]
        self.ends(lite, part.due_on.year, part.due_on.month)
        assert self.warn(lite, part.due_on - timedelta(days=1)) == 0

    def test_renewed_meanwhile_the_letter_falls_silent(self, lite: Kept) -> None:
        part = lite.world.parts(lite.plan)[0]
        self.ends(lite, part.due_on.year, part.due_on.month - 1)
        at = part.due_on - timedelta(days=5)
        self.warn(lite, at)
        lite.gateway.cards["pm_4242"] = RENEWED
        lite.hear("payment_method.automatically_updated", "pm_4242", now=noon_of(at))
        (letter, _) = lite.rows(Message, Message.kind == "card_ends")
        with lite.world.store.read() as s:
            assert not letters.is_still_true(s, letter, lite.world.account, now=noon_of(at))


@pytest.mark.parametrize("first", [0, 1])
def test_gone_beside_the_charge(store: Store, first: int) -> None:
    """FT-25: charged once or not at all, never afterwards; the part is paid exactly when money came."""
    for _ in range(REPEATS):
        kept = a_kept_card(store)
        due, now = kept.due, noon_of(kept.due)
        with store.write() as s:
            row = s.get_one(SavedCard, s.get_one(Plan, kept.plan.id).saved_card_id)
            row.payment_method_id = method = f"pm_{row.id}"

        def charge(kept: Kept = kept, due: date = due) -> object:
            return next((kept.charge(part, due) for part in kept.world.charges(due)), None)

        def let_go(method: str = method, now: datetime = now) -> object:
            return store.run(lambda s: card_changes.gone(s, method, why="detached", now=now))

        kept.gateway.cards = {"pm_4242": KEPT}
        acts = [charge, let_go]
        outcomes = together(2, lambda n: acts[(n + first) % 2]())  # noqa: B023
        # The charge may find its part no longer due between the question and the lock: that is no fault.
        assert [o for o in outcomes if isinstance(o, Exception)] == []
        plan = kept.now_plan()
        assert (plan.pays_by, plan.saved_card_id, plan.status) == (PaysBy.LINK, None, PlanStatus.ACTIVE)
        paid = kept.world.parts(kept.plan)[0].status is InstalmentStatus.PAID
        assert paid == (AttemptStatus.SUCCEEDED in outcomes)
        assert kept.world.charges(due) == []
