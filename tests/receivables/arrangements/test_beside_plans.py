"""What stands beside a plan on its invoice: a refused dispute's part is asked for, the plan's part is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.disputes import DisputeReason
from models.store import Store
from receivables import credit_notes, invoices
from receivables.arrangements import plan_outlook
from receivables.disputes import opening, outcomes
from receivables.disputes.claims import Claim
from receivables.errors import Refused
from receivables.payments.quotes import Choice
from receivables.ports import InvoiceRow, RemoteState
from tests.conftest import NOON
from tests.receivables.arrangements.plan_world import TODAY, PlanWorld, an_owing_account, gbp

LATER = NOON + timedelta(days=1)


@pytest.fixture
def world(store: Store) -> PlanWorld:
    """A plan over £176.00 of the first invoice and all of the second; £400.00 were disputed and refused."""
    world = an_owing_account(store)
    claim = Claim(DisputeReason.DAMAGED, (), gbp(40000))
    dispute = store.run(
        lambda s: opening.open_dispute(
            s, world.holder, world.refs[0], claim, words="wet", shown_at=NOON, now=NOON
        )
    )
    world.agreed(3)
    assert world.asked_for() == 0
    store.run(lambda s: outcomes.refuse(s, world.supervisor, dispute.ref, finding="All was dry.", now=LATER))
    return world


def row(world: PlanWorld) -> InvoiceRow:
    with world.store.read() as session:
        rows = invoices.open_rows(session, world.account.id, TODAY)
    return next(found for found in rows if found.ref == world.refs[0])


def credit(world: PlanWorld, minor: int) -> None:
    world.store.run(
        lambda s: credit_notes.record_credit_note(
            s, world.supervisor, world.refs[0], number="CN-1", amount=gbp(minor), reason="torn", now=LATER
        )
    )


def test_a_refused_dispute_is_asked_for_beside_the_plan(world: PlanWorld) -> None:
    """domain.md, "Arrangements": asked is what is open less what the plan still covers."""
    found = row(world)
    assert (found.arranged, found.open_part.minor) == ("plan", 57600)
    assert (found.covered.minor, found.asked.minor) == (17600, 40000)
    with world.store.read() as session:
        (group,) = invoices.overview(
            session, world.holder, account_id=world.account.id, zone=world.account.zone, now=LATER
        ).groups
    assert (group.asked.minor, group.arranged.minor) == (40000, 17600 + 84240)
    assert group.asked + group.arranged == gbp(141840)


def test_it_can_be_paid(world: PlanWorld) -> None:
    ref = world.start(Choice("chosen", "GBP", world.refs[:1]), nonce="beside", now=LATER)
    world.told(ref, RemoteState.SUCCEEDED, 40000, now=LATER)
    with world.store.read() as session:
        left = sum(r.balance.minor for r in invoices.open_rows(session, world.account.id, TODAY))
    assert left == 141840 - 40000


def test_no_second_plan_is_made_over_it(world: PlanWorld) -> None:
    """Decision 12: an invoice is in one plan only."""
    assert not plan_outlook.may_be_covered(row(world))
    with pytest.raises(Refused) as refused:
        world.propose(2, refs=world.refs[:1])
    assert refused.value.code == "invoice_not_open"


def test_a_credit_note_takes_off_first_what_stands_beside(world: PlanWorld) -> None:
    credit(world, 30000)
    assert (row(world).covered.minor, row(world).asked.minor) == (17600, 10000)


def test_money_on_its_way_for_the_plan_leaves_the_rest_asked(world: PlanWorld) -> None:
    ref = world.start(Choice("arranged", "GBP", world.refs[:1], gbp(10000)), nonce="part", now=LATER)
    world.told(ref, RemoteState.PROCESSING, now=LATER)
    found = row(world)
    assert (found.processing.minor, found.covered.minor, found.asked.minor) == (10000, 7600, 40000)


def test_without_a_dispute_nothing_is_asked_beside_a_plan(sqlite_store: Store) -> None:
    """A credit before the plan was agreed stands for nothing beside it."""
    world = an_owing_account(sqlite_store)
    credit(world, 10000)
    plan = world.agreed(3, now=LATER)
    assert world.asked_for() == 0
    world.pay(plan, on=LATER.date())
    assert world.asked_for() == 0
