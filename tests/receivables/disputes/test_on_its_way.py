"""A dispute of what a bank debit is paying already: accepted, and set aside only if the money fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.money import Money
from models.pauses import Pause, PauseReason
from models.payments import Payment
from models.store import Store
from receivables.disputes import outcomes
from receivables.disputes.claims import LineClaim
from receivables.errors import Refused
from receivables.payments import settling, starting
from receivables.payments.quotes import Choice
from receivables.ports import RemoteState
from tests.fakes import ToldGateway, a_charge, a_truth
from tests.receivables.disputes.story import Story, refused_code

#: The dispute's own pauses: the money on its way has one as well (P-19).
DISPUTED = select(Pause).where(Pause.reason == PauseReason.DISPUTE)


def debited(story: Story) -> str:
    """Start a bank debit of the whole invoice that the gateway has accepted; returns its attempt."""
    ref = starting.start(
        story.store, ToldGateway(), story.debtor, Choice("all", "GBP"), account_id=story.account.id,
        zone=story.account.zone, nonce="debit", language="en", title="Northgate", note=None,
        base_url="http://127.0.0.1:9", now=story.now,
    ).ref  # fmt: skip
    ends(story, ref, RemoteState.PROCESSING)
    story.now += timedelta(hours=1)
    return ref


def ends(story: Story, ref: str, state: RemoteState) -> None:
    charge = a_charge(ref, story.row().balance) if state is RemoteState.SUCCEEDED else None  # type: ignore[union-attr]
    settling.settle(story.store, ToldGateway([a_truth(ref, state, charge)]), ref, now=story.now)


def test_it_counts_as_paid(store: Store) -> None:
    """Race table, pay ∥ dispute: payment was first, so paid under dispute; the money stays where it is."""
    story = Story(store)
    ref = debited(story)
    dispute = story.dispute(LineClaim(2))
    assert (dispute.paid_before, dispute.holds, dispute.contested_minor) == (True, False, 28080)
    assert story.all(DISPUTED) == []
    with pytest.raises(Refused) as refused:
        story.act(outcomes.uphold, story.supervisor, dispute.ref, credited=story.row().processing,  # type: ignore[union-attr]
                  finding="Wet.")  # fmt: skip
    assert refused_code(refused) == "amount_above_contested"
    ends(story, ref, RemoteState.SUCCEEDED)
    (payment,) = story.all(select(Payment))
    assert payment.amount_minor == story.total
    assert story.row() is None
    assert story.again(dispute).paid_before


def test_agreed_with_before_the_money_is_here(store: Store) -> None:
    """Nothing is given back that never came (INV-7): the desk waits for the money."""
    story = Story(store)
    debited(story)
    dispute = story.dispute(LineClaim(2))
    with pytest.raises(Refused) as refused:
        story.act(outcomes.uphold, story.supervisor, dispute.ref, credited=Money(28080, "GBP"),
                  finding="Wet.")  # fmt: skip
    assert refused_code(refused) == "money_on_its_way"


def test_set_aside_once_the_money_fails(store: Store) -> None:
    """P-05: what is disputed is not asked for again because the bank said no."""
    story = Story(store)
    ref = debited(story)
    dispute = story.dispute(LineClaim(2))
    ends(story, ref, RemoteState.FAILED)
    again = story.again(dispute)
    assert (again.paid_before, again.holds) == (False, True)
    assert story.asked() == story.total - 28080
    assert len(story.all(DISPUTED)) == 1
    assert story.row().balance.minor == story.total  # type: ignore[union-attr]


def test_the_same_money_is_questioned_once(store: Store) -> None:
    """A whole document whose money is on its way cannot be questioned again and again."""
    story = Story(store)
    debited(story)
    assert story.dispute().contested_minor == story.total
    with pytest.raises(Refused) as refused:
        story.dispute()
    assert refused_code(refused) == "nothing_to_question"
