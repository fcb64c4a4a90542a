"""What follows from a notification of the gateway: event type -> follower, in one table (P-11).

An event is a hint: each follower asks the gateway for the object as it stands now and writes that into
the books, so neither the order nor the number of events matters. It speaks of its own gateway account alone:
what it names is looked for among what that account was asked for, and is unknown anywhere else (B20).
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.arrangements import CardSetup, SavedCard
from models.payments import InboxEvent, PaymentAttempt
from models.store import Store
from receivables import payouts
from receivables.arrangements import card_changes, card_setups
from receivables.payments import settling
from receivables.ports import PaymentGateway
from receivables.reversals import chargebacks, fraud_warnings, outside_refunds


class NotHereYet(Exception):
    """What an event is about is not in our books, though it should be: it is tried again (P-12)."""


class Follower(Protocol):
    """Follow one hint to the truth; speaks to the gateway between units of work.

    Called again for the same row until it returns: it takes a repeated call as done. An object that is
    not ours is no error, it returns (P-13).

    Raises:
        NotHereYet, NotFound, GatewayRefused, GatewayUnreachable, OutcomeUnknown: nothing was learned,
            the hint is kept and tried again later.
    """

    def __call__(
        self, store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime
    ) -> object: ...


def follow_payment(store: Store, gateway: PaymentGateway, row: InboxEvent, *, now: datetime) -> None:
    """Learn what became of an attempt or of a card setup.

    Raises: as `Follower`.
    """
    with store.read() as session:
        attempt_ref, setup_ref = _attempt_of(session, row), _setup_of(session, row)
    if attempt_ref is not None:
        settling.learn(store, gateway, attempt_ref, now=now)
    elif setup_ref is not None:
        card_setups.settle_setup(store, gateway, setup_ref, now=now)
    elif row.tagged:
        raise NotHereYet("unknown_attempt")


#: Beginning of an event's type -> who follows it; the first that fits is called. An event of any other
#: type is kept and done at once (P-14). A payment that failed inside an open page is not final: its
#: follower reads the page, which says so.
FOLLOWERS: tuple[tuple[str, Follower], ...] = (
    ("checkout.session.", follow_payment),
    ("payment_intent.succeeded", follow_payment),
    ("payment_intent.processing", follow_payment),
    ("payment_intent.payment_failed", follow_payment),
    ("payment_intent.canceled", follow_payment),
    ("payment_intent.requires_action", follow_payment),
    ("charge.succeeded", follow_payment),
    ("charge.updated", follow_payment),
    ("setup_intent.succeeded", follow_payment),
    ("setup_intent.setup_failed", follow_payment),
    ("setup_intent.canceled", follow_payment),
    ("charge.dispute.", chargebacks.follow_dispute),
    ("charge.refunded", outside_refunds.follow_refund),
    ("charge.refund.updated", outside_refunds.follow_refund),
    ("refund.", outside_refunds.follow_refund),
    ("radar.early_fraud_warning.", fraud_warnings.follow_warning),
    ("review.", fraud_warnings.follow_review),
    ("payment_method.", card_changes.follow_card),
    ("customer.deleted", card_changes.follow_customer),
    ("mandate.updated", card_changes.follow_mandate),
    ("payout.", payouts.follow_payout),
)

#: Beginnings of the types that tell of a payment or a card page.
PAYMENT_TYPES = tuple(start for start, follow in FOLLOWERS if follow is follow_payment)


def follower_of(event_type: str) -> Follower | None:
    """Return who follows events of a type; None when nothing follows from them."""
    return next((follow for start, follow in FOLLOWERS if event_type.startswith(start)), None)


def _attempt_of(session: Session, row: InboxEvent) -> str | None:
    """Find the attempt of the event's own account that it is about: by our tag, the page, the payment."""
    own = PaymentAttempt.gateway_account == row.gateway_account
    for column, value in (
        (PaymentAttempt.ref, row.attempt_ref),
        (PaymentAttempt.remote_id, row.session_id),
        (PaymentAttempt.intent_id, row.intent_id),
    ):
        if value:
            ref = session.scalar(select(PaymentAttempt.ref).where(column == value, own))
            if ref is not None:
                return ref
    return None


def _setup_of(session: Session, row: InboxEvent) -> str | None:
    """Find the card setup of the event's own account that it is about: by our tag, by the page."""
    setups = select(CardSetup.ref).join(SavedCard, SavedCard.id == CardSetup.saved_card_id)
    own = SavedCard.gateway_account == row.gateway_account
    for column, value in ((CardSetup.ref, row.attempt_ref), (CardSetup.remote_id, row.session_id)):
        if value:
            ref = session.scalar(setups.where(column == value, own))
            if ref is not None:
                return ref
    return None
