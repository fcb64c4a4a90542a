"""The machine is worth something: with each of these mistakes in the product it fails (M-23).

Each mistake is planted in the product itself, where somebody might make it; what then fails is an invariant,
a check of the database that no step survives, or the end, when all that was lost must be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from models.ledger import LedgerCode
from models.money import Money
from models.states import AttemptStatus, InboxStatus
from receivables import consequences, ledger, refunds
from receivables.arrangements import offer_money, plan_counts
from receivables.payments import followers, inbox, receipts, settling
from receivables.reversals import card_refunds, chargebacks, outside_refunds, taking
from tests.simulation.money.machine import MoneyMachine
from tests.simulation.money.running import run


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
    return _replaced(chargebacks, "_give_back", lambda real: lambda *given, **more: None)


MISTAKES = (
    doubled_effect, dropped_excess, forgiven_early, uncounted_plan, deaf_to_refunds, taken_from_nowhere,
    never_swept, lost_event, wrong_currency, hundredth_lost, allocated_beyond_open, refunded_beyond_paid,
    refunded_beyond_credit, refunded_again, charged_again, won_for_nothing,
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.__name__)
def test_a_seeded_mistake_is_seen(mistake: Any) -> None:
    """M-23: its own words say what is wrong; a machine that runs through has seen nothing."""

    class Spoiled(MoneyMachine):
        spoiled = staticmethod(mistake)

    with pytest.raises(AssertionError):
        run(Spoiled, 40, 40, shrink=False)
