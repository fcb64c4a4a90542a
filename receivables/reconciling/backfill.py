"""The gateway's own list of events, read again and again: what did not reach us comes in by the same door.

Every few minutes what is new, hourly with a wide overlap and with what the gateway could not deliver. The
list goes 30 days back; after a longer gap, or for an event that was never made, reconciliation finds the
money. Source: P-15; docs.stripe.com/webhooks/process-undelivered-events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.payments import InboxEvent, PaymentAttempt
from models.store import Store
from receivables import outbox
from receivables.payments import inbox
from receivables.payments.followers import FOLLOWERS
from receivables.policy import ReconcilingRules, current_policy
from receivables.ports import GatewayError, GatewayEvent, PaymentGateway
from receivables.reconciling import watches
from receivables.reconciling.copies import parts
from receivables.reconciling.watches import Claim

#: The two rhythms: what is new, and the wide look.
NEW, WIDE = "events", "events_wide"
#: Events of one unit of work.
PART = 100


@dataclass(slots=True)
class Found:
    """How many events the gateway listed, and how many of them we had not heard of."""

    listed: int = 0
    new: int = 0


def look(store: Store, gateway: PaymentGateway, *, now: datetime) -> Found:
    """Read what is due of the gateway's list; nothing where it is not time, or another worker does it."""
    found = Found()
    with store.read() as session:
        policy = current_policy(session, now)
    rules = policy.reconciling
    for work, every, overlap in (
        (NEW, timedelta(minutes=rules.events_minutes), timedelta(minutes=rules.events_overlap_minutes)),
        (WIDE, timedelta(minutes=rules.wide_minutes), timedelta(hours=rules.wide_overlap_hours)),
    ):
        claimed = store.run(lambda s, w=work: watches.claim(s, gateway.name, w, now=now))  # type: ignore[misc]
        if claimed is None:
            continue
        try:
            _read(store, gateway, claimed, rules, found, overlap=overlap, next_at=now + every, now=now)
        except GatewayError as error:
            why, patience = str(error), watches.patience(every, policy.alert_after)
            store.run(
                lambda s, c=claimed, e=every, why=why, p=patience: watches.stumbled(  # type: ignore[misc]
                    s, c, why, next_at=now + e, now=now, told_after=p
                )
            )
    return found


def _read(
    store: Store,
    gateway: PaymentGateway,
    claimed: Claim,
    rules: ReconcilingRules,
    found: Found,
    *,
    overlap: timedelta,
    next_at: datetime,
    now: datetime,
) -> None:
    """Walk the list from where the last reading ended, less the overlap; then write down how far it went."""
    oldest = now - timedelta(days=rules.events_days)
    with store.read() as session:
        begun = first_attempt(session, gateway.name)
    read_to = claimed.read_to_at or begun or now
    since = max(read_to - overlap, oldest)
    if claimed.read_to_at is not None and read_to < oldest:
        # The list does not go back so far: reconciliation goes back to its own last end by itself.
        facts = {"object": gateway.name, "since": read_to.isoformat(timespec="minutes")}
        store.run(
            lambda s: outbox.raise_alert(s, "events_gap", f"gateway:{gateway.name}", now=now, facts=facts)
        )
    types = [f"{start}*" for start, _ in FOLLOWERS]
    # From a moment on, not from the last event: what was made before it may be listed after it.
    _take(store, gateway, gateway.events_since(since, types=types), found, now=now)
    if claimed.work == WIDE:
        _take(store, gateway, gateway.undelivered_events(oldest), found, now=now)
    store.run(lambda s: watches.ended(s, claimed, next_at=next_at, now=now, read_to_at=now))


def first_attempt(session: Session, gateway_account: str) -> datetime | None:
    """Return when somebody first began to pay through a gateway account."""
    query = select(func.min(PaymentAttempt.started_at)).where(
        PaymentAttempt.gateway_account == gateway_account
    )
    return session.execute(query).scalar_one()


def _take(
    store: Store, gateway: PaymentGateway, events: Iterable[GatewayEvent], found: Found, *, now: datetime
) -> None:
    """Keep the events that are not here.

    One that is here is left alone, whatever became of it: parked ones would wake with every reading.
    """
    for part in parts(events, PART):
        found.listed += len(part)

        def unit(session: Session, part: Sequence[GatewayEvent] = part) -> int:
            ids = [event.event_id for event in part]
            here = set(session.scalars(select(InboxEvent.event_id).where(InboxEvent.event_id.in_(ids))))
            return sum(
                inbox.accept(session, event, gateway_account=gateway.name, now=now, brought_in=True)
                for event in part
                if event.event_id not in here
            )

        found.new += store.run(unit)
