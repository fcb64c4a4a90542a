"""Copies of what the gateway lists: movements of its balance and payouts, a page at a time.

Taking the same list twice changes nothing. Source: P-17; docs.stripe.com/payouts/reconciliation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.bulk import among, pour
from models.reconciliation import GatewayMovement, Payout
from models.states import PayoutStatus
from models.store import Store
from receivables import payouts
from receivables.ports import PaymentGateway, RemoteMovement, RemotePayout, UnreadMovement
from receivables.reconciling import findings

T = TypeVar("T")

#: Rows of one unit of work.
PART = 500
#: In the order of `_values`.
_COLUMNS = (
    "gateway_account", "movement_id", "kind", "source_id", "amount_minor", "fee_minor", "net_minor",
    "currency", "original_minor", "original_currency", "exchange_rate", "made_at", "available_on",
    "payout_id",
)  # fmt: skip


@dataclass(slots=True)
class Copied:
    """What a walk over movements came to.

    Attributes:
        listed: how many the gateway listed.
        unread: how many of them our money cannot say; each is a finding.
        changed: findings of these that are new or other than before.
    """

    listed: int = 0
    unread: int = 0
    changed: int = 0


def copy_movements(
    store: Store,
    gateway: PaymentGateway,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    told: Callable[[int], object] = lambda _rows: None,
) -> Copied:
    """Keep what moved from `start` until before `end`; memory does not grow with their number.

    What our money cannot say is written down as a difference at once, and hides nothing else.

    Args:
        told: is called with the number so far, after each part.
    Raises:
        GatewayUnreachable, GatewayRefused.
    """
    done = Copied()
    for part in parts(gateway.movements_between(start, end)):
        read, unread = _sorted(part)
        _keep(store, gateway.name, read, listed=False)
        if unread:
            done.changed += store.run(
                lambda s, unread=unread: findings.keep_unread(s, gateway.name, unread, now=now)  # type: ignore[misc]
            )
        done.listed += len(part)
        done.unread += len(unread)
        told(done.listed)
    return done


def _sorted(
    part: Sequence[RemoteMovement | UnreadMovement],
) -> tuple[list[RemoteMovement], list[UnreadMovement]]:
    read = [one for one in part if isinstance(one, RemoteMovement)]
    return read, [one for one in part if isinstance(one, UnreadMovement)]


def parts(items: Iterable[T], size: int = PART) -> Iterator[list[T]]:
    """Cut a walk into lists of at most `size`."""
    walk = iter(items)
    while part := list(islice(walk, size)):
        yield part


def _keep(store: Store, gateway_account: str, part: Sequence[RemoteMovement], *, listed: bool) -> None:
    """Keep what is not here; what a payout lists learns with which one it went out."""
    if not part:
        return
    ids = [one.movement_id for one in part]
    m = GatewayMovement

    def unit(session: Session) -> None:
        if not store.is_sqlite:
            # While the table grows its numbers are not known, and the plan would read all of it each time.
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = session.execute(
            select(m.id, m.movement_id, m.gateway_account, m.payout_id).where(among(m.movement_id)),
            {"ids": ids},
        ).all()
        found = [row for row in found if row.gateway_account == gateway_account]
        here = {row.movement_id for row in found}
        fresh = [_values(gateway_account, one) for one in part if one.movement_id not in here]
        pour(session, m, _COLUMNS, fresh)
        payout_id = part[0].payout_id
        other = [row.id for row in found if row.payout_id != payout_id]
        if listed and other:
            session.connection().execute(
                update(m).where(among(m.id)).values(payout_id=payout_id), {"ids": other}
            )

    try:
        store.run(unit)
    except IntegrityError:  # another run has kept some of them in this moment
        store.run(unit)


def _values(gateway_account: str, one: RemoteMovement) -> tuple[Any, ...]:
    original = one.original
    return (
        gateway_account, one.movement_id, one.kind.value, one.source_id, one.amount.minor, one.fee.minor,
        one.net.minor, one.net.currency, original.minor if original else None,
        original.currency if original else None,
        str(one.exchange_rate) if one.exchange_rate is not None else None, one.created_at, one.available_on,
        one.payout_id,
    )  # fmt: skip


def copy_payouts(
    store: Store,
    gateway: PaymentGateway,
    start: datetime,
    end: datetime,
    *,
    again: timedelta,
    now: datetime,
    told: Callable[[int], object] = lambda _rows: None,
) -> int:
    """Keep the payouts made in a span, and those before it that may still change; post what follows.

    Args:
        again: a payout is looked at again for so long after it was made: a paid one may come back.
        told: is called with the number looked at so far, after each.
    Returns:
        How many changed.
    Raises:
        GatewayUnreachable, GatewayRefused.
    """
    changed = 0
    for number, remote in enumerate(gateway.payouts_between(start - again, end), 1):
        changed += _keep_payout(store, gateway, remote, now=now)
        told(number)
    with store.read() as session:
        older = session.scalars(
            select(Payout.payout_id).where(
                Payout.gateway_account == gateway.name,
                Payout.made_at < start - again,
                Payout.status.in_([PayoutStatus.PENDING, PayoutStatus.IN_TRANSIT, PayoutStatus.PAID]),
                Payout.banked_at.is_(None),
            )
        ).all()
    for payout_id in older:
        changed += _keep_payout(store, gateway, gateway.payout_of(payout_id), now=now)
    return changed


def _keep_payout(store: Store, gateway: PaymentGateway, remote: RemotePayout, *, now: datetime) -> bool:
    changed = store.run(lambda session: payouts.keep(session, gateway.name, remote, now=now))
    if not (remote.automatic and remote.reconciled):
        return changed
    query = select(Payout).where(Payout.gateway_account == gateway.name, Payout.payout_id == remote.payout_id)
    with store.read() as session:
        payout = session.scalar(query)
    if payout is None or payout.listed_minor is not None:
        return changed
    for part in parts(gateway.movements_of_payout(remote.payout_id)):
        # What is unread in it is a finding of the day on which it moved, and this payout's sum another.
        _keep(store, gateway.name, _sorted(part)[0], listed=True)

    def unit(session: Session) -> None:
        row = session.scalars(query.with_for_update()).one()
        row.listed_minor = listed_sum(session, row)

    store.run(unit)
    return True


def listed_sum(session: Session, payout: Payout) -> int:
    """Return what a payout's movements sum to, its own left out."""
    nets = select(func.coalesce(func.sum(GatewayMovement.net_minor), 0)).where(
        GatewayMovement.gateway_account == payout.gateway_account,
        GatewayMovement.payout_id == payout.payout_id,
        GatewayMovement.source_id.is_distinct_from(payout.payout_id),
    )
    return int(session.execute(nets).scalar_one())
