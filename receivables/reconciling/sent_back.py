"""Refunds, chargebacks and inquiries that the gateway lists, beside what the books know of them.

An inquiry moves no money, so no movement tells of it, nor of a refund that waits: where the notification
was never made, this list is the last that does. Source: P-17, P-20, P-21; stripe.md section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.approvals import Refund
from models.payments import ProviderEffect
from models.reversals import Chargeback
from models.store import Store
from receivables import outbox
from receivables.errors import NotFound
from receivables.ports import GatewayRefused, OutcomeUnknown, PaymentGateway, RemoteDispute, RemoteRefund
from receivables.reconciling import copies
from receivables.reversals import chargebacks, outside_refunds

#: Rows that are looked at together.
_PART = 100


def look(
    store: Store,
    gateway: PaymentGateway,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    told: Callable[[int], object] = lambda _rows: None,
) -> tuple[int, int]:
    """Follow what was refunded or contested from `start` until before `end` and is not here as it is there.

    Speaks to the gateway between units of work. What tells nothing now is asked again by the runs of the
    days that follow; its money stands on the list of differences meanwhile.

    Returns:
        How many the gateway listed; how many were brought in.
    Raises:
        GatewayUnreachable, GatewayRefused: a list could not be read to its end.
    """
    listed = brought_in = 0
    for refunds in copies.parts(gateway.refunds_between(start, end), _PART):
        listed += len(refunds)
        with store.read() as session:
            news = _other_refunds(session, refunds)
        brought_in += sum(_refund(store, gateway, one, now=now) for one in news)
        told(listed)
    for disputes in copies.parts(gateway.disputes_between(start, end), _PART):
        listed += len(disputes)
        with store.read() as session:
            others = _other_disputes(session, disputes)
        brought_in += sum(_dispute(store, gateway, one, now=now) for one in others)
        told(listed)
    return listed, brought_in


def _other_refunds(session: Session, part: Sequence[RemoteRefund]) -> list[RemoteRefund]:
    """Those that do not stand in our books as the gateway says."""
    refs = [one.refund_ref for one in part if one.refund_ref]
    rows = session.execute(select(Refund.ref, Refund.remote_status).where(Refund.ref.in_(refs)))
    own: dict[str, str | None] = {r.ref: r.remote_status for r in rows}
    booked = _booked(session, part)

    def is_known(one: RemoteRefund) -> bool:
        ours = one.refund_ref or ""
        if ours in own:
            return own[ours] == one.status.value
        if one.status in outside_refunds.NOT_SENT:
            return (one.refund_id, "refund_failed") in booked
        return (one.refund_id, "refund") in booked

    return [one for one in part if not is_known(one)]


def _booked(session: Session, part: Sequence[RemoteRefund]) -> set[tuple[str, str]]:
    effects = select(ProviderEffect.provider_object_id, ProviderEffect.kind).where(
        ProviderEffect.provider_object_id.in_([one.refund_id for one in part]),
        ProviderEffect.kind.in_(["refund", "refund_failed"]),
    )
    return {(r.provider_object_id, r.kind) for r in session.execute(effects)}


def _refund(store: Store, gateway: PaymentGateway, remote: RemoteRefund, *, now: datetime) -> bool:
    """Let a refund come in by its door; True, with an alert, where the books say more by that."""
    with store.read() as session:
        before = _booked(session, [remote])
    try:
        outside_refunds.learn(store, gateway, remote, now=now)
    except (GatewayRefused, NotFound, OutcomeUnknown):
        return False

    def unit(session: Session) -> bool:
        if _booked(session, [remote]) == before:
            return False
        facts = {
            "object": remote.refund_id, "amount_minor": remote.amount.minor,
            "currency": remote.amount.currency, "taken": remote.created_at.isoformat(timespec="minutes"),
        }  # fmt: skip
        outbox.raise_alert(session, "refund_found", f"refund:{remote.refund_id}", now=now, facts=facts)
        return True

    return store.run(unit)


def _other_disputes(session: Session, part: Sequence[RemoteDispute]) -> list[RemoteDispute]:
    """Those that do not stand in our books as the gateway says."""
    rows = session.execute(
        select(Chargeback.dispute_id, Chargeback.status).where(
            Chargeback.dispute_id.in_([one.dispute_id for one in part])
        )
    )
    known = {r.dispute_id: r.status for r in rows}
    return [one for one in part if known.get(one.dispute_id) is not chargebacks.status_of(one)]


def _dispute(store: Store, gateway: PaymentGateway, remote: RemoteDispute, *, now: datetime) -> bool:
    """Let a chargeback or an inquiry come in by its door; True where it was not here at all.

    A person is asked to answer it, as of any other; money that it took is told of as found late.
    """
    known = select(Chargeback.id).where(Chargeback.dispute_id == remote.dispute_id)
    with store.read() as session:
        was_here = session.scalar(known) is not None
    try:
        found = chargebacks.learn(store, gateway, remote.dispute_id, now=now)
    except (GatewayRefused, NotFound, OutcomeUnknown):
        return False
    if found is None or was_here:
        return False
    if remote.movements:
        facts = {
            "object": remote.dispute_id, "amount_minor": remote.amount.minor,
            "currency": remote.amount.currency, "taken": remote.created_at.isoformat(timespec="minutes"),
        }  # fmt: skip
        key = f"dispute:{remote.dispute_id}"
        store.run(lambda s: outbox.raise_alert(s, "chargeback_found", key, now=now, facts=facts))
    return True
