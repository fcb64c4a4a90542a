"""A plan of the desk: signed by the debtor, approved first beyond the band, in place of another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Plan
from models.pauses import PauseReason
from models.states import PlanStatus
from models.store import Store
from receivables.arrangements import plan_deciding, plan_desk, plan_ends, plan_proposing, plan_reads, plans
from receivables.arrangements.plan_terms import Wish
from receivables.errors import NotAllowed, NotFound, ReceivablesError, Refused
from receivables.permissions import Actor
from tests.conftest import NOON
from tests.effort import REPEATS
from tests.races import together
from tests.receivables.arrangements.plan_world import TODAY, PlanWorld, an_owing_account

SIGNED = plans.Signature("Helen Marsh", "Owner", may_bind=True, language="en", ip_prefix=None)


@pytest.fixture
def world(store: Store) -> PlanWorld:
    return an_owing_account(store)


@pytest.fixture
def lite(sqlite_store: Store) -> PlanWorld:
    return an_owing_account(sqlite_store)


def put_forward(
    world: PlanWorld,
    parts: int = 3,
    *,
    days: int = 15,
    replaces: str | None = None,
    actor: Actor | None = None,
    reason: str = "They asked for time.",
) -> Plan:
    wish = Wish(parts, TODAY + timedelta(days=days))

    def unit(s: Session) -> Plan:
        account = s.get_one(Account, world.account.id)
        return plan_proposing.propose(
            s, actor or world.collector, account, currency="GBP", refs=world.refs, wish=wish, reason=reason,
            replaces=replaces, now=NOON,
        )  # fmt: skip

    return world.store.run(unit)


def sign(world: PlanWorld, plan: Plan) -> Plan:
    digest = world.plan(plan).terms_digest
    return world.store.run(
        lambda s: plans.accept(s, world.holder, plan.ref, digest=digest, signature=SIGNED, now=NOON)
    )


def test_within_the_band_the_debtor_signs_it(lite: PlanWorld) -> None:
    """Nothing is agreed, reserved or asked less before the signature; the chasing stands still meanwhile."""
    plan = put_forward(lite)
    assert (plan.status, plan.proposed_by_staff_id) == (PlanStatus.PROPOSED, lite.collector.id)
    assert lite.blocking(plan) == {False}
    assert lite.paused(PauseReason.PLAN) == 1
    assert lite.mails() == ["plan_proposed"]
    assert sign(lite, plan).status is PlanStatus.ACTIVE
    assert lite.asked_for() == 0


def test_beyond_the_band_another_person_then_the_debtor(lite: PlanWorld) -> None:
    """A-02: the debtor neither sees nor hears of it before; the proposer cannot approve it."""
    plan = put_forward(lite, 20)
    assert plan.status is PlanStatus.AWAITING_APPROVAL
    assert lite.mails() == []
    with lite.store.read() as s, pytest.raises(NotFound):
        plan_reads.view(s, lite.holder, plan.ref, now=NOON)
    with pytest.raises(ReceivablesError) as own:
        lite.store.run(
            lambda s: plan_deciding.approve(s, lite.collector, plan.ref, digest=plan.terms_digest, now=NOON)
        )
    assert own.value.code in ("own_proposal", "above_limit")
    lite.store.run(
        lambda s: plan_deciding.approve(s, lite.supervisor, plan.ref, digest=plan.terms_digest, now=NOON)
    )
    assert lite.plan(plan).status is PlanStatus.PROPOSED
    assert lite.mails() == ["plan_proposed"]
    assert sign(lite, plan).status is PlanStatus.ACTIVE


def test_refused_by_the_second_person_the_debtor_hears_nothing(lite: PlanWorld) -> None:
    plan = put_forward(lite, 20)
    lite.store.run(lambda s: plan_deciding.refuse(s, lite.supervisor, plan.ref, reason="Too long.", now=NOON))
    assert lite.plan(plan).status is PlanStatus.DECLINED
    assert lite.mails() == []


def test_a_new_proposal_takes_the_place_of_one_nobody_signed(lite: PlanWorld) -> None:
    first, second = put_forward(lite, 3), put_forward(lite, 4)
    assert lite.plan(first).status is PlanStatus.DECLINED
    assert lite.paused(PauseReason.PLAN) == 1
    assert second.status is PlanStatus.PROPOSED
    waiting = put_forward(lite, 20)
    assert waiting.status is PlanStatus.AWAITING_APPROVAL
    with pytest.raises(Refused) as again:
        put_forward(lite, 3)
    assert again.value.code == "plan_waits"


def test_a_plan_that_runs_is_replaced_when_the_new_one_is_signed(world: PlanWorld) -> None:
    """What was paid stays; the old one runs until the signature, and its invoices are the new one's then."""
    old = world.agreed(3)
    paid = world.pay(old, "next")
    new = put_forward(world, 4, replaces=old.ref)
    assert world.plan(old).status is PlanStatus.ACTIVE
    assert new.total_minor == old.total_minor - paid
    assert sign(world, new).status is PlanStatus.ACTIVE
    gone = world.plan(old)
    assert (gone.status, gone.ended_at is not None) == (PlanStatus.CANCELLED, True)
    assert (world.blocking(old), world.blocking(new)) == ({False}, {True})
    assert world.asked_for() == 0


def test_a_payment_meanwhile_makes_the_new_one_void(lite: PlanWorld) -> None:
    old = lite.agreed(3)
    new = put_forward(lite, 4, replaces=old.ref)
    lite.pay(old, "next")
    with pytest.raises(Refused) as changed:
        sign(lite, new)
    assert changed.value.code == "plan_changed"
    assert lite.plan(old).status is PlanStatus.ACTIVE
    assert lite.plan(new).status is PlanStatus.PROPOSED


def test_without_naming_it_a_running_plan_keeps_its_invoices(lite: PlanWorld) -> None:
    lite.agreed(3)
    with pytest.raises(Refused) as refused:
        put_forward(lite, 4)
    assert refused.value.code == "invoice_not_open"


def test_cancelled_the_rest_is_asked_for_again(world: PlanWorld) -> None:
    """The page's figures are what comes true; a second press is refused by name."""
    plan = world.agreed(3)
    paid = world.pay(plan, "next")
    with world.store.read() as s:
        ahead = plan_desk.ending(s, world.collector, plan.ref, now=NOON)
    world.store.run(
        lambda s: plan_ends.cancel(s, world.collector, plan.ref, reason="They pay all.", now=NOON)
    )
    assert world.asked_for() == ahead.asked.minor == plan.total_minor - paid
    assert world.plan(plan).status is PlanStatus.CANCELLED
    assert world.paused(PauseReason.PLAN) == 0
    assert world.mails()[-1] == "plan_cancelled"
    with pytest.raises(Refused) as again:
        world.store.run(lambda s: plan_ends.cancel(s, world.collector, plan.ref, reason="x", now=NOON))
    assert again.value.code == "plan_gone"


def test_who_may_and_what_is_needed(lite: PlanWorld) -> None:
    plan = lite.agreed(3)
    with pytest.raises(NotAllowed):
        lite.store.run(lambda s: plan_ends.cancel(s, lite.holder, plan.ref, reason="x", now=NOON))
    with pytest.raises(Refused) as silent:
        lite.store.run(lambda s: plan_ends.cancel(s, lite.collector, plan.ref, reason=" \u202e", now=NOON))
    assert silent.value.code == "reason_missing"
    other = an_owing_account(lite.store)
    with pytest.raises(NotFound):
        put_forward(other, 3, replaces=plan.ref)


def test_signed_and_cancelled_at_once_one_plan_holds(world: PlanWorld) -> None:
    """Decision 12: whoever is first, no invoice is in two plans and none is left in a dead one."""
    for _ in range(REPEATS):
        old = world.agreed(3)
        new = put_forward(world, 4, replaces=old.ref)

        def act(number: int, old: Plan = old, new: Plan = new) -> str:
            if number:
                world.store.run(
                    lambda s: plan_ends.cancel(s, world.collector, old.ref, reason="They pay all.", now=NOON)
                )
                return "cancelled"
            sign(world, new)
            return "signed"

        ends = together(2, act)
        assert "signed" in ends  # a plan whose old one has ended is still good
        assert world.plan(old).status is PlanStatus.CANCELLED
        assert (world.blocking(old), world.blocking(new)) == ({False}, {True})
        world.store.run(
            lambda s, new=new: plan_ends.cancel(s, world.collector, new.ref, reason="x", now=NOON)
        )
