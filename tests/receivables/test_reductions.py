"""A balance that falls without a payment brings what a payment would: hold, offer, plan."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from models.accounts import Account
from models.arrangements import CreditHold, Offer
from models.invoices import Invoice
from models.money import Money
from models.states import HoldStatus, OfferStatus
from models.store import Store
from receivables import adjustments, credit_holds, credit_notes
from receivables.arrangements import offer_money
from tests.conftest import NOON
from tests.receivables.arrangements.offer_world import OfferWorld, a_late_account, gbp

LATER = NOON + timedelta(hours=1)


def _credit(world: OfferWorld, place: int, amount: Money) -> None:
    world.store.run(
        lambda s: credit_notes.record_credit_note(
            s, world.supervisor, world.refs[place], number=f"CN-{place}", amount=amount,
            reason="returned", now=LATER,
        )
    )  # fmt: skip


def test_a_credit_note_releases_a_hold_whose_condition_it_meets(store: Store) -> None:
    world = a_late_account(store, tax=False)
    world.store.run(
        lambda s: credit_holds.place(
            s, world.supervisor, s.get_one(Account, world.account.id), "Overdue.", gbp(57600), now=NOON
        )
    )
    _credit(world, 0, gbp(57600))
    with store.read() as s:
        assert s.scalars(select(CreditHold)).one().status is HoldStatus.RELEASED


def test_an_agreement_of_which_nothing_is_open_is_settled(store: Store) -> None:
    """Not lapsed with a letter about money that nobody owes."""
    world = a_late_account(store, tax=False)
    offer = world.accept(world.propose(121896))
    _credit(world, 0, gbp(57600))
    assert world.status(offer.ref) is OfferStatus.ACCEPTED
    _credit(world, 1, gbp(84240))
    assert world.status(offer.ref) is OfferStatus.SETTLED


def test_withheld_tax_counts_towards_an_agreed_sum(store: Store) -> None:
    """What he proved to have paid to the tax office for us is not asked for again."""
    world = a_late_account(store)
    offer = world.accept(world.propose(121896))

    def withhold(s: object) -> None:
        invoice = s.scalars(select(Invoice).where(Invoice.ref == world.refs[1])).one()  # type: ignore[attr-defined]
        adjustments.adjust(s, world.supervisor, invoice, "withholding_tax", gbp(8000), now=LATER)  # type: ignore[arg-type]

    store.run(withhold)
    with store.read() as s:
        found = s.scalars(select(Offer).where(Offer.ref == offer.ref)).one()
        assert offer_money.sums(s, found).due == gbp(113896)
