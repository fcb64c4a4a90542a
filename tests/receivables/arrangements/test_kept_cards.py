"""Whose card it is and which row keeps it: consent, a card named twice by the gateway, removal by several."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from models.arrangements import CardSetup, PaysBy, Plan, SavedCard
from models.audit import AuditEntry
from models.payments import Payment
from models.states import AttemptStatus, CardStatus
from models.store import Store
from models.work import Job
from receivables.arrangements import cards, plan_reads
from receivables.errors import NotFound
from receivables.payments import settling, starting
from receivables.permissions import Actor
from receivables.ports import RemoteCard, RemoteState
from tests import factories as make
from tests.conftest import NOON
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.races import together
from tests.receivables.arrangements.plan_world import PlanWorld, an_owing_account

KEPT = RemoteCard("pm_4242", "cus_1", "visa", "4242", 11, 2029)


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


def pay_and_keep(world: PlanWorld, plan: Plan, *, nonce: str = "keep") -> AttemptStatus:
    """Pay the next part on a page that keeps the card, which the gateway says is `KEPT`."""
    choice = world.choice(plan, "next")
    assert choice.amount is not None
    ref = starting.start(
        world.store, ToldGateway(), world.holder, choice, account_id=world.account.id,
        zone=world.account.zone, nonce=nonce, language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=NOON,
        consent=cards.Consent("You may keep it.", "en", None, plan_ref=plan.ref),
    ).ref  # fmt: skip
    truth = replace(a_truth(ref, RemoteState.SUCCEEDED, a_charge(ref, choice.amount)), card=KEPT)
    return settling.settle(world.store, ToldGateway([truth]), ref, now=NOON)


def kept(world: PlanWorld) -> list[tuple[CardStatus, str | None]]:
    with world.store.read() as session:
        rows = session.scalars(select(SavedCard).order_by(SavedCard.id)).all()
    return [(row.status, row.payment_method_id) for row in rows]


def count(world: PlanWorld, code: str) -> int:
    with world.store.read() as session:
        return len(session.scalars(select(AuditEntry.id).where(AuditEntry.code == code)).all())


def of_a_colleague(world: PlanWorld) -> tuple[Actor, SavedCard]:
    """Another contact of the account, who keeps a card on a consent of his own."""
    with world.store.write() as session:
        joan = make.a_contact(session, world.account, name="Joan Pike", email="joan@tidewater.example")
        card = world.card(session, last4="1111")
        card.contact_id = joan.id
    return make.holder_actor(world.account, joan), card


class TestNamedTwice:
    def test_the_payment_is_booked_and_the_kept_card_pays_the_plan(self, world: PlanWorld) -> None:
        """P-24, M-06: a returning customer keeps the card that is kept already; his money must count."""
        plan = world.agreed(3)
        with world.store.write() as session:
            known = world.card(session)
        assert pay_and_keep(world, plan) is AttemptStatus.SUCCEEDED
        with world.store.read() as session:
            assert session.scalar(select(func.count()).select_from(Payment)) == 1
            assert session.scalars(select(CardSetup.status)).all() == [AttemptStatus.SUCCEEDED]
            assert not session.scalars(select(Job).where(Job.kind == "detach_card")).all()
        assert kept(world) == [(CardStatus.ACTIVE, "pm_4242"), (CardStatus.REMOVED, None)]
        paid = world.plan(plan)
        assert (paid.pays_by, paid.saved_card_id) == (PaysBy.CARD, known.id)
        assert (count(world, "card.not_kept"), world.statuses(plan)[0]) == (1, "paid")

    def test_a_card_that_was_removed_is_kept_by_the_new_consent(self, world: PlanWorld) -> None:
        """Removed here, and the gateway had not forgotten it yet when it was agreed to anew."""
        plan = world.agreed(3)
        with world.store.write() as session:
            first = world.card(session)
        world.store.run(lambda s: cards.remove(s, world.holder, first.ref, now=NOON))
        assert pay_and_keep(world, plan) is AttemptStatus.SUCCEEDED
        assert kept(world) == [(CardStatus.REMOVED, None), (CardStatus.ACTIVE, "pm_4242")]
        assert world.plan(plan).pays_by is PaysBy.CARD
        gateway = ToldGateway()
        cards.detach(world.store, gateway, first.ref)
        assert gateway.calls == []


class TestWhoseCard:
    def test_nobody_pays_with_a_colleagues_card(self, world: PlanWorld) -> None:
        """Decision 11: the consent is of the contact who gave it; a plan is charged on it by him alone."""
        plan = world.agreed(3)
        joan, card = of_a_colleague(world)
        with pytest.raises(NotFound):
            world.store.run(lambda s: cards.use_for_plan(s, world.holder, plan.ref, card.ref, now=NOON))
        assert world.plan(plan).saved_card_id is None
        world.store.run(lambda s: cards.use_for_plan(s, joan, plan.ref, card.ref, now=NOON))
        assert world.plan(plan).saved_card_id == card.id

    def test_only_his_own_cards_are_his_to_choose(self, world: PlanWorld) -> None:
        joan, _ = of_a_colleague(world)
        with world.store.write() as session:
            world.card(session)

        def seen(actor: Actor, own: bool) -> list[str]:
            with world.store.read() as session:
                found, _ = cards.cards_of(session, actor, account_id=world.account.id, now=NOON, own=own)
            return [view.last4 for view in found]

        assert (seen(world.holder, True), seen(joan, True)) == (["4242"], ["1111"])
        assert seen(world.holder, False) == ["4242", "1111"]
        nobody = make.holder_actor(world.account)
        assert seen(replace(nobody, contact_id=None), True) == []

    def test_anybody_of_the_account_may_remove_one(self, world: PlanWorld) -> None:
        plan = world.agreed(3)
        joan, card = of_a_colleague(world)
        world.store.run(lambda s: cards.use_for_plan(s, joan, plan.ref, card.ref, now=NOON))
        world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=NOON))
        assert kept(world) == [(CardStatus.REMOVED, "pm_1111")]
        with world.store.read() as session:
            assert plan_reads.view(session, joan, plan.ref, now=NOON).pays_by is PaysBy.LINK


def test_four_devices_remove_one_card(world: PlanWorld) -> None:
    """M-06: whoever waited finds it removed; one removal is written, and nobody hears of a fault."""
    with world.store.write() as session:
        card = world.card(session)
    outcomes = together(
        4, lambda _: world.store.run(lambda s: cards.remove(s, world.holder, card.ref, now=NOON))
    )
    assert [getattr(found, "status", found) for found in outcomes] == [CardStatus.REMOVED] * 4
    assert count(world, "card.removed") == 1
