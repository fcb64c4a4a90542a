"""Whether the gateway still notifies us: its endpoints, and silence while charges are made (P-18)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.payments import InboxEvent, Payment, PaymentAttempt
from models.store import Store
from models.work import Alert
from receivables import outbox
from receivables.policy import current_policy
from receivables.ports import EndpointHealth, GatewayError, PaymentGateway
from receivables.reconciling import watches

WORK = "endpoints"
#: Where a gateway account's notifications come in, whatever the host is called outside (portal/webhooks.py).
PATH = "/webhooks/stripe/{name}"
#: A notification may take so long before its charge counts as one that nobody told us of.
PATIENCE = timedelta(hours=1)


def look(store: Store, gateway: PaymentGateway, *, now: datetime) -> None:
    """Ask the gateway which addresses it notifies, and raise an alert where it does not notify us.

    Asked every few minutes, so that a switched-off address is known within 15 minutes; nothing where it
    is not time, or another worker asks.
    """
    with store.read() as session:
        policy = current_policy(session, now)
    rules = policy.reconciling
    claimed = store.run(lambda s: watches.claim(s, gateway.name, WORK, now=now))
    if claimed is None:
        return
    every = timedelta(minutes=rules.endpoint_minutes)
    next_at, patience = now + every, watches.patience(every, policy.alert_after)
    # What we heard stands in our own books: a gateway that cannot be asked hides no silence.
    store.run(lambda s: _listen(s, gateway.name, timedelta(hours=rules.silence_hours), now=now))
    try:
        found = gateway.endpoints()
    except GatewayError as error:
        why = str(error)
        store.run(lambda s: watches.stumbled(s, claimed, why, next_at=next_at, now=now, told_after=patience))
        return
    # Others on the same account have addresses of their own, which say nothing of ours.
    ours = [one for one in found if urlsplit(one.url).path.endswith(PATH.format(name=gateway.name))]
    told = [{"url": one.url, "enabled": one.enabled} for one in ours]

    def unit(session: Session) -> None:
        _judge(session, gateway.name, ours, now=now)
        watches.ended(session, claimed, next_at=next_at, now=now, read_to_at=now, facts={"endpoints": told})

    store.run(unit)


def _judge(session: Session, name: str, found: Sequence[EndpointHealth], *, now: datetime) -> None:
    """Raise an alert for each address that is off, and one where there is no address at all."""
    key = f"gateway:{name}"
    if not found:
        outbox.raise_alert(session, "endpoint_missing", key, now=now, facts={"object": name})
    for one in found:
        if not one.enabled:
            outbox.raise_alert(
                session, "endpoint_off", f"{key}:{one.endpoint_id}", now=now,
                facts={"object": one.url},
            )  # fmt: skip


def _listen(session: Session, name: str, silence: timedelta, *, now: datetime) -> None:
    """Raise an alert when nothing was heard for so long though charges were booked meanwhile.

    Charges come in by the return page, the sweeper and the gateway's list too, so money is no sign that
    notifications arrive. What the list brought in counts as not heard, and what was booked a moment ago
    may still be told.
    """
    heard = last_heard(session, name)
    since = max(heard, now - silence) if heard else now - silence
    if heard is not None and heard > now - silence:
        return
    charges = session.execute(
        select(func.count())
        .select_from(Payment)
        .join(PaymentAttempt, PaymentAttempt.id == Payment.attempt_id)
        .where(
            PaymentAttempt.gateway_account == name,
            Payment.received_at > since,
            Payment.received_at <= now - PATIENCE,
        )
    ).scalar_one()
    known = session.scalar(
        select(Alert.id).where(
            Alert.code == "events_silent", Alert.key == f"gateway:{name}", Alert.raised_at > now - silence
        )
    )
    if charges and known is None:
        facts = {"object": name, "charges": charges, "since": since.isoformat(timespec="minutes")}
        outbox.raise_alert(session, "events_silent", f"gateway:{name}", now=now, facts=facts)


def last_heard(session: Session, name: str) -> datetime | None:
    """Return when the last notification of a gateway account came by itself."""
    query = select(func.max(InboxEvent.received_at)).where(
        InboxEvent.gateway_account == name, InboxEvent.brought_in.is_(False)
    )
    return session.execute(query).scalar_one()
