"""Whether the gateway still notifies us: its endpoints, and silence while charges are made (P-18)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.payments import InboxEvent, Payment, PaymentAttempt
from models.store import Store
from models.work import Alert
from receivables import outbox
from receivables.payments.followers import FOLLOWERS
from receivables.policy import current_policy
from receivables.ports import EndpointHealth, GatewayError, PaymentGateway
from receivables.reconciling import watches

WORK = "endpoints"
#: What we have to be told of where a whole group is followed; other types of it move nothing.
#: Source: stripe.md section 4; followers.FOLLOWERS.
_OF_GROUP: Mapping[str, tuple[str, ...]] = {
    "checkout.session.": ("completed", "async_payment_succeeded", "async_payment_failed", "expired"),
    "charge.dispute.": ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated"),
    "refund.": ("created", "updated", "failed"),
    "radar.early_fraud_warning.": ("created",),
    "review.": ("opened", "closed"),
    "payment_method.": ("automatically_updated", "updated", "detached"),
    "payout.": ("paid", "failed", "canceled", "reconciliation_completed"),
}
WANTED: tuple[str, ...] = tuple(
    one
    for start, _ in FOLLOWERS
    for one in ([start + rest for rest in _OF_GROUP[start]] if start.endswith(".") else [start])
)
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
    told = [
        {
            "url": one.url, "enabled": one.enabled, "missing": missing(one), "version": one.api_version,
            "wanted": other_version(one),
        }
        for one in ours
    ]  # fmt: skip

    def unit(session: Session) -> None:
        _judge(session, gateway.name, ours, now=now)
        watches.ended(session, claimed, next_at=next_at, now=now, read_to_at=now, facts={"endpoints": told})

    store.run(unit)


def missing(one: EndpointHealth) -> list[str]:
    """Return the types of events that we follow and that an address is not told of."""
    return [] if "*" in one.event_types else [kind for kind in WANTED if kind not in one.event_types]


def other_version(one: EndpointHealth) -> str | None:
    """Return our version where an address is told in another one; None where it is ours."""
    return one.our_version if one.api_version != one.our_version else None


def _judge(session: Session, name: str, found: Sequence[EndpointHealth], *, now: datetime) -> None:
    """Raise an alert for each address that is off, or told too little, and one where there is none at all."""
    key = f"gateway:{name}"
    wrong = {f"{key}:{one.endpoint_id}": one for one in found if missing(one) or other_version(one)}
    for known in outbox.open_keys(session, "endpoint_events", f"{key}:"):
        if known not in wrong:
            outbox.end_alert(session, "endpoint_events", known, now=now)
    for cause, one in wrong.items():
        outbox.raise_alert(
            session, "endpoint_events", cause, now=now,
            facts={
                "object": one.url, "missing": ", ".join(missing(one)), "version": one.api_version or "",
                "wanted": other_version(one) or "",
            },
        )  # fmt: skip
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
