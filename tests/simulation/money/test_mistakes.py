"""The machine is worth something: with each of these mistakes in the product it fails (M-23).

Each mistake is planted in the product itself, where somebody might make it. A short story, led through the
machine's own world, ends well without it; with it an invariant fails, or the end, when all that was lost must
be found, and its words say what is wrong. Whether chance finds it too is no question of these tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from models.ledger import LedgerCode
from models.money import Money
from models.states import AttemptStatus, InboxStatus
from receivables import consequences, ledger, refunds
from receivables.arrangements import offer_money, plan_counts
from receivables.payments import followers, inbox, receipts, settling
from receivables.reversals import card_refunds, chargebacks, outside_refunds, taking
from tests.simulation.money.bank import Mood
from tests.simulation.money.machine import MoneyMachine
from tests.simulation.money.world import TALLY


@contextmanager
def _replaced(where: Any, name: str, other: Any) -> Iterator[None]:
    real = getattr(where, name)
    setattr(where, name, other(real))
    try:
        yield
    finally:
        setattr(where, name, real)


def doubled_effect() -> AbstractContextManager[None]:
    """A refund at the gateway's own desk is taken back twice, under two names."""

    def other(real: Any) -> Any:
        def take(*given: Any, source: str, **more: Any) -> Any:
            real(*given, source=f"{source}:again", **more)
            return real(*given, source=source, **more)

        return take

    return _replaced(outside_refunds, "take_back", other)


def dropped_excess() -> AbstractContextManager[None]:
    """What is left over is kept from the debtor: put to the small differences instead."""

    def other(real: Any) -> Any:
        def credit(code: LedgerCode, amount: Money, **more: Any) -> Any:
            lost = code is LedgerCode.UNAPPLIED_CREDIT
            return real(LedgerCode.SMALL_DIFFERENCES if lost else code, amount, **({} if lost else more))

        return credit

    return _replaced(ledger, "credit", other)


def forgiven_early() -> AbstractContextManager[None]:
    """An offer settles one unit short."""
    return _replaced(
        offer_money, "received", lambda real: lambda s, offer: real(s, offer) + Money(100, offer.currency)
    )


def uncounted_plan() -> AbstractContextManager[None]:
    """A plan does not look at what came."""
    return _replaced(
        consequences, "AFTER_PAYMENT", lambda real: tuple(f for f in real if f is not plan_counts.recount)
    )


def deaf_to_refunds() -> AbstractContextManager[None]:
    """Refunds made at the gateway's own desk are not followed."""
    return _replaced(
        followers, "FOLLOWERS", lambda real: tuple(f for f in real if not f[0].startswith("refund"))
    )


def taken_from_nowhere() -> AbstractContextManager[None]:
    """What goes back is not owed again."""

    def other(real: Any) -> Any:
        def split(session: Any, payment: Any, minor: int) -> Any:
            found = real(session, payment, minor)
            return replace(found, pieces=[], beyond=found.beyond + found.allocated)

        return split

    return _replaced(taking, "_split", other)


def never_swept() -> AbstractContextManager[None]:
    """Attempts without an answer are forgotten, and so are their notifications."""
    return _replaced(
        settling, "learn", lambda real: lambda store, gateway, ref, *, now: AttemptStatus.UNKNOWN
    )


def lost_event() -> AbstractContextManager[None]:
    """An event that could not be followed at once is called done."""
    return _replaced(
        inbox, "_try_later",
        lambda real: lambda store, row, error, policy, *, now: inbox._end(
            store, row.id, InboxStatus.DONE, now=now
        ),
    )  # fmt: skip


def wrong_currency() -> AbstractContextManager[None]:
    """A charge is booked in another currency than it was taken in."""

    def other(real: Any) -> Any:
        def book(session: Any, attempt: Any, charge: Any, **more: Any) -> Any:
            amount = Money(charge.amount.minor, "EUR" if charge.amount.currency == "HUF" else "GBP")
            return real(session, attempt, replace(charge, amount=amount), **more)

        return book

    return _replaced(settling, "book_charge", other)


def hundredth_lost() -> AbstractContextManager[None]:
    """A currency that is shown without decimals is booked as if it had none."""

    def other(real: Any) -> Any:
        def book(session: Any, attempt: Any, charge: Any, **more: Any) -> Any:
            minor = charge.amount.minor // (100 if charge.amount.currency == "HUF" else 1)
            return real(
                session, attempt, replace(charge, amount=Money(minor, charge.amount.currency)), **more
            )

        return book

    return _replaced(settling, "book_charge", other)


def allocated_beyond_open() -> AbstractContextManager[None]:
    """What was meant for a document is put on it, whatever is open by now."""

    def other(real: Any) -> Any:
        def allocate(minor: int, targets: Any, reserved: Any) -> Any:
            return real(
                minor, [replace(t, open_minor=reserved.get(t.invoice_id, 0)) for t in targets], reserved
            )

        return allocate

    return _replaced(receipts, "allocate", other)


def refunded_beyond_paid() -> AbstractContextManager[None]:
    """Nobody looks what of a payment may still go back."""
    return _replaced(refunds, "_refuse_beyond_card", lambda real: lambda *given: None)


def refunded_beyond_credit() -> AbstractContextManager[None]:
    """Nobody looks how much credit there is."""
    return _replaced(refunds, "_refuse_beyond_credit", lambda real: lambda *given: None)


def refunded_again() -> AbstractContextManager[None]:
    """A refund whose answer was lost is made anew: each try has a key of its own."""

    def other(real: Any) -> Any:
        def truth(gateway: Any, ref: Any, call: Any, age: Any, remote_id: Any, *, now: Any) -> Any:
            fresh = replace(call, idempotency_key=f"{call.idempotency_key}:{now}")
            return real(gateway, ref, fresh, age, remote_id, now=now)

        return truth

    return _replaced(card_refunds, "_truth", other)


def charged_again() -> AbstractContextManager[None]:
    """A charge without an answer is made anew: each try has a key of its own."""

    def other(real: Any) -> Any:
        def truth(gateway: Any, attempt: Any, age: Any, *, stopped: bool) -> Any:
            attempt.idempotency_key = f"{attempt.idempotency_key}:{age}"
            return real(gateway, attempt, age, stopped=stopped)

        return truth

    return _replaced(settling, "_charge_truth", other)


def won_for_nothing() -> AbstractContextManager[None]:
    """What a won chargeback brings back is not booked."""
    return _replaced(chargebacks, "give_back", lambda real: lambda *given, **more: None)


# --------------------------------------------------------------------------- the stories

Step = Callable[[MoneyMachine], object]


def paid(machine: MoneyMachine) -> None:
    """The first account pays all it owes, and we hear of it."""
    machine.pay_at_once(0, "all", 1, 2)


def paid_in_forints(machine: MoneyMachine) -> None:
    machine.pay_at_once(1, "all", 1, 2)


def overpaid(machine: MoneyMachine) -> None:
    """A credit note comes while the page is open, and it is paid all the same: there is credit."""
    machine.pay_what_changed(0, 1, "note", 1)


def half_refunded(machine: MoneyMachine) -> None:
    """Half of the first charge is refunded at the gateway's own desk, and we hear of it."""
    machine.gateways_desk(0, 50, "refund", 2)


def half_refunded_while_nobody_answers(machine: MoneyMachine) -> None:
    """The same, and the gateway is away when we ask it back."""
    machine.gateways_desk(0, 50, "refund", 1)


def contested(machine: MoneyMachine) -> None:
    machine.gateways_desk(0, 100, "chargeback", 2)


def won(machine: MoneyMachine) -> None:
    machine.gateways_desk(0, 100, "won", 2)


def offer_accepted(machine: MoneyMachine) -> None:
    machine.settle_for_less(0, 95, 2, 5, pays=False)


def offer_paid(machine: MoneyMachine) -> None:
    """What the product says is still to pay of the offer."""
    machine.pay_as_agreed(0, "offer", 1)


def plan_agreed(machine: MoneyMachine) -> None:
    machine.plan(0, 2, 4, by_card=False)


def part_paid(machine: MoneyMachine) -> None:
    """The next part of the plan is paid by hand."""
    machine.pay_as_agreed(0, "next", 1)


def plan_by_card(machine: MoneyMachine) -> None:
    machine.plan(0, 2, 4, by_card=True)


def charged_without_an_answer(machine: MoneyMachine) -> None:
    """The night charges the first part; it is taken, and the answer is lost."""
    machine.night(4, None, Mood.LOST, None)


def credit_approved(machine: MoneyMachine) -> None:
    """Two people send a part of the credit back to the card."""
    machine.own_refund(0, 40, works=False)


def sent_without_an_answer(machine: MoneyMachine) -> None:
    machine.work(Mood.LOST, None)


def swept(machine: MoneyMachine) -> None:
    machine.sweep(15, None)


def more_than_the_credit(machine: MoneyMachine) -> None:
    """One step more than there is credit, of a charge of which enough is left."""
    machine.own_refund(0, 101, works=False)


def more_than_the_card(machine: MoneyMachine) -> None:
    """There is credit, and the charge that it shall go back to was given back whole before."""
    machine.own_refund(1, 101, works=False)


@dataclass(frozen=True)
class Story:
    """How a mistake comes to light.

    Attributes:
        reached: what was tallied when all is well: a story that does not get there proves nothing.
        seen: what the machine says when the mistake is there.
    """

    mistake: Callable[[], AbstractContextManager[None]]
    steps: tuple[Step, ...]
    reached: str
    seen: str


STORIES = (
    Story(doubled_effect, (paid, half_refunded), "taken back", "the gateway holds another sum"),
    Story(dropped_excess, (overpaid,), "booked beyond what was open", "unapplied: books 0, "),
    Story(forgiven_early, (offer_accepted, offer_paid), "booked", "open on "),
    Story(uncounted_plan, (plan_agreed, part_paid), "booked", r"plan \d+: .*must 1"),
    Story(deaf_to_refunds, (paid, half_refunded), "taken back", "the gateway holds another sum"),
    Story(taken_from_nowhere, (paid, half_refunded), "taken back", "open on "),
    Story(never_swept, (paid,), "booked", "money was taken and is not in the books"),
    Story(
        lost_event, (paid, half_refunded_while_nobody_answers), "taken back", "the gateway holds another sum"
    ),
    Story(wrong_currency, (paid_in_forints,), "booked", "taken .*'HUF'.* booked .*'EUR'"),
    Story(hundredth_lost, (paid_in_forints,), "booked", "taken .* booked "),
    Story(
        allocated_beyond_open, (overpaid,), "booked beyond what was open",
        "money was taken and is not in the books",
    ),
    Story(
        refunded_beyond_paid, (overpaid, more_than_the_card), "own refund refused refunded_before",
        "1 is to go back, and 0 is there",
    ),
    Story(
        refunded_beyond_credit, (overpaid, more_than_the_credit), "own refund refused credit_too_small",
        "is to go back, and",
    ),
    Story(
        refunded_again, (overpaid, credit_approved, sent_without_an_answer, swept), "own refund paid out",
        "cash in GBP",
    ),
    Story(
        charged_again, (plan_by_card, charged_without_an_answer), "booked",
        "money was taken and is not in the books",
    ),
    Story(won_for_nothing, (paid, contested, won), "given back", "the gateway holds another sum"),
)  # fmt: skip


def tell(kind: type[MoneyMachine], story: Story) -> None:
    """Lead a machine through a story."""
    TALLY.clear()
    machine = kind()
    try:
        machine.follow(*story.steps)
    finally:
        machine.close()


@pytest.mark.parametrize(
    "story", {story.steps: story for story in STORIES}.values(), ids=lambda s: s.mistake.__name__
)
def test_its_story_ends_well_without_the_mistake(story: Story) -> None:
    """M-23: it gets where the mistake would be made, and the machine has nothing to say."""
    tell(MoneyMachine, story)
    assert TALLY[story.reached], dict(TALLY)


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.mistake.__name__)
def test_a_seeded_mistake_is_seen(story: Story) -> None:
    """M-23: the machine's own words say what is wrong; an error of another kind is not the machine's."""

    class Spoiled(MoneyMachine):
        spoiled = staticmethod(story.mistake)

    with pytest.raises(AssertionError, match=story.seen):
        tell(Spoiled, story)
