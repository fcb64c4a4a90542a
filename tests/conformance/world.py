"""A Stripe of this version to ask, with or without the stand-in's levers, for the claims about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import stripe

from tests.standins import StandIn

Thing = TypeVar("Thing")
#: Longest wait for what real test mode does in its own time, seconds.
PATIENCE = 180
NEEDS_STANDIN: set[str] = set()


@dataclass
class World:
    """A Stripe to ask, and the stand-in behind it where it is one."""

    client: stripe.StripeClient
    standin: StandIn | None = None

    def later(self, look: Callable[[], Thing | None], *, days: int = 0) -> Thing:
        """What a look finds: at once, after some days of the stand-in's clock, or within PATIENCE."""
        if self.standin is not None and days:
            self.standin.control("advance", days=days)
        until = time.monotonic() + (0 if self.standin is not None else PATIENCE)
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < until, "it did not come"
            time.sleep(5)

    def charged(self, card: str = "pm_card_visa", amount: int = 5000, **more: Any) -> Any:
        """A charge that succeeded, with the intent it belongs to expanded."""
        intent: Any = self.client.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "eur",
                "payment_method": card,
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {"attempt": "claim"},
                "expand": ["latest_charge"],
                **more,
            }
        )
        return intent.latest_charge

    def settled(self, charge: Any) -> Any:
        """The balance transaction of a charge, once it is there."""
        found = self.later(lambda: self.client.v1.charges.retrieve(charge.id).balance_transaction)
        return self.client.v1.balance_transactions.retrieve(str(found))

    def contested(self, card: str) -> Any:
        """The dispute or inquiry that a test card brings."""
        charge = self.charged(card)
        page = self.later(lambda: self.client.v1.disputes.list({"charge": charge.id}).data)
        return page[0]

    def debited(self, iban: str) -> Any:
        """A payment intent whose SEPA debit has begun."""
        method = self.client.v1.payment_methods.create(
            {
                "type": "sepa_debit",
                "sepa_debit": {"iban": iban},
                "billing_details": {"name": "Test Payer", "email": "payer@mill.example"},
            }
        )
        return self.client.v1.payment_intents.create(
            {
                "amount": 5000,
                "currency": "eur",
                "payment_method": method.id,
                "confirm": True,
                "mandate_data": {
                    "customer_acceptance": {
                        "type": "online",
                        "online": {"ip_address": "192.0.2.1", "user_agent": "claims"},
                    }
                },
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            }
        )


def refused(call: Callable[[], object]) -> Any:
    """The refusal of a call that must be refused."""
    try:
        call()
    except stripe.StripeError as error:
        return error
    raise AssertionError("it was not refused")


def standin_only(claim: Callable[[World], None]) -> Callable[[World], None]:
    """Marks a claim that real test mode can't be brought to show in minutes."""
    NEEDS_STANDIN.add(claim.__name__)
    return claim
