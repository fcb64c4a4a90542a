"""Settlements out agree with the ledger, by period, row by row; or nothing leaves (part 15)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from models.ledger import LedgerCode
from models.money import Money
from models.staff import Role
from models.states import OfferStatus, PlanStatus
from models.store import Store
from receivables import credits
from receivables.errors import NotAllowed, Refused
from receivables.figures import settlements
from receivables.figures.settlements import Period, Settlement
from receivables.payments.quotes import Choice
from receivables.permissions import SYSTEM
from tests import factories as make
from tests.conftest import NOON
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account, gbp
from tests.receivables.arrangements.plan_world import an_owing_account
from tests.receivables.paying import pay
from tests.receivables.test_credits import a_credit_note

TODAY = NOON.date()
MONTH = Period(date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def world(store: Store) -> OfferWorld:
    """£1,418.40 with 20 % tax in it."""
    return a_late_account(store)


def rows(store: Store, period: Period = MONTH) -> list[Settlement]:
    with store.read() as session:
        return settlements.checked(session, SYSTEM, period)


def settle(world: OfferWorld) -> None:
    """£1,300.00 of £1,418.40 are paid, £118.40 forgiven: 98.67 net and 19.73 tax over two invoices."""
    offer = world.propose(130000)
    world.accept(offer)
    world.pay_offer(offer)


def test_an_offer_that_was_paid(store: Store, world: OfferWorld) -> None:
    """Decision 5: what is forgiven is told net and tax, exactly as it stands in the ledger."""
    settle(world)
    (row,) = rows(store)
    assert (row.kind, row.status, row.maker) == ("offer", OfferStatus.SETTLED, "staff")
    assert (row.original, row.agreed, row.paid) == (gbp(141840), gbp(130000), gbp(130000))
    assert (row.forgiven + row.forgiven_tax).minor == 11840
    assert row.forgiven.minor == world.ledger(LedgerCode.SETTLEMENT_DISCOUNTS) == 9867
    assert row.forgiven_tax.minor == world.ledger(LedgerCode.SETTLEMENT_DISCOUNT_TAX) == 1973
    assert len(row.invoices) == 2
    assert row.proposer == "Priya Shah"
    assert (row.proposed_on, row.accepted_on, row.ended_on) == (TODAY, TODAY, TODAY)
    (total,) = settlements.totals([row])
    assert (total.offers, total.plans, total.paid) == (1, 0, gbp(130000))


def test_what_moves_in_another_period_is_told_there(store: Store, world: OfferWorld) -> None:
    """An offer of November that is paid in December is in both, its money in December alone."""
    offer = world.propose(130000, pay_by_on=date(2026, 12, 3))
    world.accept(offer)
    world.pay_offer(offer, now=NOON + timedelta(days=13))
    (november,) = rows(store)
    assert (november.original, november.paid, november.forgiven) == (gbp(141840), gbp(0), gbp(0))
    (december,) = rows(store, Period(date(2026, 12, 1), date(2026, 12, 31)))
    assert (december.paid, december.forgiven + december.forgiven_tax) == (gbp(130000), gbp(11840))
    assert rows(store, Period(date(2026, 10, 1), date(2026, 10, 31))) == []


def test_a_plan_and_what_came_for_it(store: Store) -> None:
    """A plan forgives nothing; what was paid while it ran counts."""
    world = an_owing_account(store)
    plan = world.agreed(3)
    (row,) = rows(store)
    assert (row.kind, row.status) == ("plan", PlanStatus.ACTIVE)
    assert (row.original, row.paid, row.forgiven) == (gbp(plan.total_minor), gbp(0), gbp(0))
    assert row.pay_by_on == world.parts(plan)[-1].due_on


def test_credit_of_a_payment_and_a_note_used_at_once(store: Store) -> None:
    """INV-15: one entry with both leaves; what the note took off is no money that came."""
    world = an_owing_account(store, 1000, 60000)
    pay(store, world.account, Choice("chosen", "GBP", (world.refs[0],)), came=gbp(1500))
    a_credit_note(store, world.account, 700, days=-30)
    store.run(lambda s: credits.apply_credit(s, world.holder, world.refs[1], gbp(1200), nonce="n", now=NOON))
    world.agreed(3, refs=(world.refs[1],))
    (row,) = rows(store)
    assert (row.kind, row.original, row.paid) == ("plan", gbp(58800), gbp(500))


def test_a_row_that_differs_from_the_ledger_is_refused_by_name(store: Store, world: OfferWorld) -> None:
    """Nothing leaves: neither where a row says another sum than its entry, nor where the whole differs."""
    settle(world)
    with store.write() as session:
        for name in ("adjustment", "offer"):
            drop = {
                "sqlite": f"DROP TRIGGER IF EXISTS {name}_no_update",
                "postgresql": f"DROP TRIGGER IF EXISTS {name}_append_only ON {name}",
            }[session.get_bind().dialect.name]
            session.execute(text(drop))
        session.execute(text("UPDATE adjustment SET amount_minor = amount_minor + 1 WHERE id = 1"))
    with pytest.raises(Refused) as refused:
        rows(store)
    assert (refused.value.code, refused.value.facts["what"]) == ("settlements_differ", "entry")
    assert refused.value.facts["shown"] == refused.value.facts["posted"] + 1
    with store.write() as session:
        session.execute(text("UPDATE adjustment SET amount_minor = amount_minor - 1 WHERE id = 1"))
        session.execute(text("UPDATE offer_invoice SET balance_minor = balance_minor + 1"))
    with pytest.raises(Refused) as refused:
        rows(store)
    assert refused.value.facts["what"] == "original"


def test_a_discount_that_no_offer_explains_is_refused(store: Store, world: OfferWorld) -> None:
    """The movement on settlement discounts is compared as a whole: a row that was lost shows."""
    settle(world)
    with store.write() as session:
        session.execute(text("UPDATE offer SET accepted_at = NULL"))
    with pytest.raises(Refused) as refused:
        rows(store)
    assert (refused.value.facts["what"], refused.value.facts["posted"]) == ("total", 11840)


def test_who_may_read_them_and_for_which_days(store: Store) -> None:
    """A-01, and bad input."""
    with store.write() as session:
        collector = make.staff_actor(make.a_person(session, Role.COLLECTOR))
    with store.read() as session, pytest.raises(NotAllowed):
        settlements.checked(session, collector, MONTH)
    with pytest.raises(Refused, match="period_backwards"):
        Period(TODAY, TODAY - timedelta(days=1))
    with pytest.raises(Refused, match="period_too_long"):
        Period(date(2000, 1, 1), TODAY)


def test_the_table_has_typed_cells(store: Store, world: OfferWorld) -> None:
    """X-01: amounts are amounts and days are days, one cell a column."""
    settle(world)
    (row,) = rows(store)
    cells = dict(zip(settlements.COLUMNS, settlements.cells(row, lambda table, code: code), strict=True))
    assert cells["original"] == gbp(141840)
    assert cells["proposed_on"] == TODAY
    assert isinstance(cells["forgiven_tax"], Money)
    assert cells["status"] == "settled"


def test_a_simulated_book_agrees_with_its_ledger(store: Store) -> None:
    """Many settlements of odd sums: the totals are those of the ledger, to the penny."""
    worlds = [a_late_account(store, tax=bool(n % 2)) for n in range(5)]
    for world, forgiven in zip(worlds, (1001, 5003, 12007, 12345, 7), strict=True):
        offer = world.propose(141840 - forgiven)
        world.accept(offer)
        world.pay_offer(offer)
    (total,) = settlements.totals(rows(store))
    assert total.offers == 5
    assert total.forgiven.minor == worlds[0].ledger(LedgerCode.SETTLEMENT_DISCOUNTS)
    assert total.forgiven_tax.minor == worlds[0].ledger(LedgerCode.SETTLEMENT_DISCOUNT_TAX)
    assert total.forgiven.minor + total.forgiven_tax.minor == 1001 + 5003 + 12007 + 12345 + 7
