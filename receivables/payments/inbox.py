"""Notifications of the gateway: kept first, understood later (P-10…P-14).

An event is a hint. Its row is written and committed before the answer 200; the worker then asks
the gateway for the truth. Only a row that is `done` makes a repeat a repeat.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models import fault_points
from models.payments import InboxEvent, PaymentAttempt, ProviderEffect
from models.states import AttemptStatus, InboxStatus, advance
from models.store import Store
from receivables import outbox
from receivables.errors import NotFound
from receivables.payments.followers import (
    FOLLOWERS,
    PAYMENT_TYPES,
    NotHereYet,
    follow_payment,
    follower_of,
)
from receivables.payments.receipts import FEE_EFFECT
from receivables.policy import Policy, current_policy
from receivables.ports import (
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    OutcomeUnknown,
    PaymentGateway,
)

#: What a follower may end in besides its result: the hint is kept for later.
NOT_LEARNED = (NotHereYet, NotFound, GatewayRefused, GatewayUnreachable, OutcomeUnknown)

#: Why a notification is refused whose signature is ours and whose moment is not now.
STALE = "stale"

_EVENTS = InboxEvent.__table__
#: Types that somebody follows, and those that tell of a payment or a card page.
_FOLLOWED, _OF_PAYMENTS = (
    or_(*(InboxEvent.type.startswith(start, autoescape=True) for start in starts))
    for starts in ([start for start, _ in FOLLOWERS], PAYMENT_TYPES)
)
#: Keep an event unless its id is here; built once, since composing it costs more than running it.
_KEEP = {
    name: dialect.insert(_EVENTS).on_conflict_do_nothing(index_elements=["event_id"]).returning(_EVENTS.c.id)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}


def is_kept(session: Session, event_id: str) -> bool:
    """Whether an event is here already and its repeat changes nothing.

    Asked before anything is written: in a storm of repeats none of them waits for a writer (FT-11).
    """
    status = session.scalar(select(InboxEvent.status).where(InboxEvent.event_id == event_id))
    return status is not None and status not in (InboxStatus.FAILED, InboxStatus.PARKED)


def accept(
    session: Session, event: GatewayEvent, *, gateway_account: str, now: datetime, brought_in: bool = False
) -> bool:
    """Keep a verified event; returns False when this event id is here already (P-10).

    Only a `done` one makes it a mere repeat: one that failed or was parked is tried again at once.
    A new event takes one statement: the gateway waits for the answer, and repeats arrive side by side.

    Args:
        brought_in: it did not reach us by itself, we read it in the gateway's list (P-15).
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
            "charge_id": event.charge_id,
            "payment_method_id": event.payment_method_id,
            "attempt_ref": event.attempt_ref,
            "tagged": event.tagged,
            "payload": event.raw,
            "status": InboxStatus.RECEIVED,
            "attempts": 0,
            "next_try_at": now,
            "received_at": now,
            "brought_in": brought_in,
        },
    )
    if kept.first() is not None:
        return True
    row = session.scalars(
        select(InboxEvent).where(InboxEvent.event_id == event.event_id).with_for_update()
    ).one()
    if row.brought_in and not brought_in:
        row.brought_in = False  # it has reached us after all
    wake(row, now=now)
    return False


def refused_by_clock(session: Session, gateway_account: str, *, now: datetime) -> None:
    """Say that one was signed for us and is too old or too new: a clock is wrong, or it is replayed."""
    outbox.raise_alert(
        session, "clock_differs", f"gateway:{gateway_account}", now=now, facts={"object": gateway_account}
    )


def wake(row: InboxEvent, *, now: datetime) -> None:
    """Let an event that failed or was parked be tried again at once; others are left alone."""
    if row.status is InboxStatus.PARKED:
        # As if its worker had died: the next claim takes it up.
        advance(row, InboxStatus.PROCESSING)
    elif row.status is not InboxStatus.FAILED:
        return
    row.next_try_at = now


def end_needless(session: Session, *, now: datetime, limit: int = 500) -> int:
    """End waiting hints that would tell nothing new, the oldest first, without asking anybody.

    Of one payment some five events tell; once one of them was followed and the payment is booked whole,
    with its fee, the others end together, so that in a storm the next payment is reached sooner (FT-11).
    So do events of a type that nobody follows (P-14).

    Returns:
        How many were ended, `limit` at most.
    """
    fee = select(ProviderEffect.id).where(
        ProviderEffect.attempt_id == PaymentAttempt.id, ProviderEffect.kind == FEE_EFFECT
    )
    booked = select(PaymentAttempt.ref).where(
        PaymentAttempt.ref == InboxEvent.attempt_ref,
        PaymentAttempt.gateway_account == InboxEvent.gateway_account,
        PaymentAttempt.status == AttemptStatus.SUCCEEDED,
        fee.exists(),
    )
    rows = session.scalars(
        select(InboxEvent)
        .where(
            InboxEvent.status.in_([InboxStatus.RECEIVED, InboxStatus.FAILED]),
            InboxEvent.next_try_at <= now,
            or_(~_FOLLOWED, and_(_OF_PAYMENTS, booked.exists())),
        )
        .order_by(InboxEvent.next_try_at, InboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        advance(row, InboxStatus.PROCESSING)
        advance(row, InboxStatus.DONE)
        row.attempts += 1
        row.done_at, row.error = now, None
    return len(rows)


def claim(session: Session, *, worker: str, policy: Policy, now: datetime, limit: int = 20) -> list[int]:
    """Lease waiting events to a worker and return their ids, oldest first.

    On PostgreSQL several workers share the queue by SKIP LOCKED; an expired lease is free again. Of the
    events about one payment one is taken at a time: when it is done, the others tell nothing new mostly.
    """
    in_hand = select(InboxEvent.attempt_ref).where(
        InboxEvent.status == InboxStatus.PROCESSING, InboxEvent.locked_until > now
    )
    refs = set(session.scalars(in_hand.where(InboxEvent.attempt_ref.is_not(None))))
    rows = session.scalars(
        select(InboxEvent)
        .where(
            InboxEvent.status.in_([InboxStatus.RECEIVED, InboxStatus.FAILED, InboxStatus.PROCESSING]),
            InboxEvent.next_try_at <= now,
            or_(InboxEvent.attempt_ref.is_(None), InboxEvent.attempt_ref.not_in(refs), ~_OF_PAYMENTS),
        )
        .order_by(InboxEvent.next_try_at, InboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    taken = []
    for row in rows:
        follows = follower_of(row.type) is follow_payment
        if follows and row.attempt_ref is not None:
            if row.attempt_ref in refs:
                continue
            refs.add(row.attempt_ref)
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
        policy = current_policy(session, now)
    follow = follower_of(row.type)
    if follow is not None:
        try:
            follow(store, gateway, row, now=now)
        except NOT_LEARNED as error:
            return _try_later(store, row, str(error), policy, now=now)
        fault_points.reach("event.before_done")
    return _end(store, row.id, InboxStatus.DONE, now=now)


def fail(store: Store, event_row_id: int, error: str, *, now: datetime) -> InboxStatus:
    """Put an event back after its handler raised: tried again later, parked after three days."""
    with store.read() as session:
        row = session.get_one(InboxEvent, event_row_id)
        policy = current_policy(session, now)
    return _try_later(store, row, error, policy, now=now)


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
        # A person hears of it in good time, also where the next try would come too late for that (INV-13).
        if given_up or row.next_try_at > row.received_at + policy.alert_after:
            outbox.raise_alert(
                session,
                "event_not_understood",
                f"inbox:{row.id}",
                now=now,
                facts={"event": row.event_id, "type": row.type, "error": error[:200]},
            )
        return row.status

    return store.run(unit)
