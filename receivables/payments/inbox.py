"""Notifications of the gateway: kept first, understood later (P-10…P-14).

An event is a hint. Its row is written and committed before the answer 200; the worker then asks
the gateway for the truth. Only a row that is `done` makes a repeat a repeat.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.arrangements import CardSetup
from models.payments import InboxEvent, PaymentAttempt
from models.states import InboxStatus, advance
from models.store import Store
from receivables import outbox
from receivables.arrangements import card_setups, cards
from receivables.errors import NotFound
from receivables.payments import settling
from receivables.policy import Policy, current_policy
from receivables.ports import GatewayEvent, GatewayRefused, GatewayUnreachable, PaymentGateway

#: Events after which an attempt or a card setup may stand otherwise; all others are kept and done at once.
TELLING = (
    "checkout.session.",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "charge.updated",
    "charge.succeeded",
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "setup_intent.canceled",
)
#: A card was let go at the gateway; the object bears no tag of ours, its id is the link.
CARD_GONE = "payment_method.detached"


_EVENTS = InboxEvent.__table__
#: Keep an event unless its id is here; built once, since composing it costs more than running it.
_KEEP = {
    name: dialect.insert(_EVENTS).on_conflict_do_nothing(index_elements=["event_id"]).returning(_EVENTS.c.id)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}


def accept(session: Session, event: GatewayEvent, *, gateway_account: str, now: datetime) -> bool:
    """Keep a verified event; returns False when this event id is here already (P-10).

    Only a `done` one makes it a mere repeat: one that failed or was parked is tried again at once.
    A new event takes one statement: the gateway waits for the answer, and repeats arrive side by side.
    """
    connection = session.connection()
    kept = connection.execute(
        _KEEP[connection.dialect.name],
        {
            "event_id": event.event_id,
            "gateway_account": gateway_account,
            "type": event.type,
            "object_id": event.object_id,
            "session_id": event.session_id,
            "intent_id": event.intent_id,
            "attempt_ref": event.attempt_ref,
            "tagged": event.tagged,
            "payload": event.raw,
            "status": InboxStatus.RECEIVED,
            "attempts": 0,
            "next_try_at": now,
            "received_at": now,
        },
    )
    if kept.first() is not None:
        return True
    _wake(
        session.scalars(
            select(InboxEvent).where(InboxEvent.event_id == event.event_id).with_for_update()
        ).one(),
        now=now,
    )
    return False


def _wake(row: InboxEvent, *, now: datetime) -> None:
    if row.status is InboxStatus.PARKED:
        # As if its worker had died: the next claim takes it up.
        advance(row, InboxStatus.PROCESSING)
    elif row.status is not InboxStatus.FAILED:
        return
    row.next_try_at = now


def claim(session: Session, *, worker: str, policy: Policy, now: datetime, limit: int = 20) -> list[int]:
    """Lease waiting events to a worker and return their ids, oldest first.

    On PostgreSQL several workers share the queue by SKIP LOCKED; an expired lease is free again.
    """
    rows = session.scalars(
        select(InboxEvent)
        .where(
            InboxEvent.status.in_([InboxStatus.RECEIVED, InboxStatus.FAILED, InboxStatus.PROCESSING]),
            InboxEvent.next_try_at <= now,
        )
        .order_by(InboxEvent.next_try_at, InboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    taken = []
    for row in rows:
        if row.status is InboxStatus.PROCESSING:
            if row.locked_until is not None and row.locked_until > now:
                continue
        else:
            advance(row, InboxStatus.PROCESSING)
        row.worker, row.locked_until = worker, now + policy.lease
        # A leased row is not looked at again before its lease is over.
        row.next_try_at = row.locked_until
        row.attempts += 1
        taken.append(row.id)
    return taken


def process(store: Store, gateway: PaymentGateway, event_row_id: int, *, now: datetime) -> InboxStatus:
    """Follow one hint to the truth; speaks to the gateway between units of work.

    Foreign objects are done at once (P-13). An event for an attempt that is not here yet, or one that
    the gateway tells nothing about now, is tried again with growing pauses, then parked with an
    alert (P-12).
    """
    with store.read() as session:
        row = session.get_one(InboxEvent, event_row_id)
        ref, setup_ref = _attempt_of(session, row), _setup_of(session, row)
        policy = current_policy(session, now)
    if row.type == CARD_GONE:
        store.run(lambda s: cards.gone_at_gateway(s, row.object_id, now=now))
        return _end(store, row.id, InboxStatus.DONE, now=now)
    if not row.type.startswith(TELLING) or not row.tagged:
        return _end(store, row.id, InboxStatus.DONE, now=now)
    if ref is None and setup_ref is None:
        return _try_later(store, row, "unknown_attempt", policy, now=now)
    try:
        if ref is not None:
            settling.learn(store, gateway, ref, now=now)
        elif setup_ref is not None:
            card_setups.settle_setup(store, gateway, setup_ref, now=now)
    except (NotFound, GatewayRefused, GatewayUnreachable) as error:
        return _try_later(store, row, str(error), policy, now=now)
    return _end(store, row.id, InboxStatus.DONE, now=now)


def fail(store: Store, event_row_id: int, error: str, *, now: datetime) -> InboxStatus:
    """Put an event back after its handler raised: tried again later, parked after three days."""
    with store.read() as session:
        row = session.get_one(InboxEvent, event_row_id)
        policy = current_policy(session, now)
    return _try_later(store, row, error, policy, now=now)


def _attempt_of(session: Session, row: InboxEvent) -> str | None:
    """Find the attempt that an event is about: by our tag, by the page, by the payment."""
    for column, value in (
        (PaymentAttempt.ref, row.attempt_ref),
        (PaymentAttempt.remote_id, row.session_id),
        (PaymentAttempt.intent_id, row.intent_id),
    ):
        if value:
            ref = session.scalar(select(PaymentAttempt.ref).where(column == value))
            if ref is not None:
                return ref
    return None


def _setup_of(session: Session, row: InboxEvent) -> str | None:
    """Find the card setup that an event is about: by our tag, by the page."""
    for column, value in ((CardSetup.ref, row.attempt_ref), (CardSetup.remote_id, row.session_id)):
        if value:
            ref = session.scalar(select(CardSetup.ref).where(column == value))
            if ref is not None:
                return ref
    return None


def _end(store: Store, row_id: int, to: InboxStatus, *, now: datetime) -> InboxStatus:
    def unit(session: Session) -> InboxStatus:
        row = session.get_one(InboxEvent, row_id, with_for_update=True)
        if row.status is InboxStatus.PROCESSING:
            advance(row, to)
            row.done_at, row.error, row.locked_until = now, None, None
        return row.status

    return store.run(unit)


def _try_later(store: Store, event: InboxEvent, error: str, policy: Policy, *, now: datetime) -> InboxStatus:
    def unit(session: Session) -> InboxStatus:
        row = session.get_one(InboxEvent, event.id, with_for_update=True)
        if row.status is not InboxStatus.PROCESSING:
            return row.status
        given_up = now - row.received_at > policy.event_give_up
        advance(row, InboxStatus.PARKED if given_up else InboxStatus.FAILED)
        row.error, row.locked_until = error[:500], None
        row.next_try_at = now + min(timedelta(seconds=5 * 2 ** min(row.attempts, 10)), timedelta(hours=1))
        if given_up or now - row.received_at > policy.alert_after:
            outbox.raise_alert(
                session,
                "event_not_understood",
                f"inbox:{row.id}",
                now=now,
                facts={"event": row.event_id, "type": row.type, "error": error[:200]},
            )
        return row.status

    return store.run(unit)
