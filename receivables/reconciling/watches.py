"""Regular work on a gateway account, claimed by its next moment so that two workers do it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.reconciliation import GatewayWatch
from receivables import outbox

#: A claim holds so long: whoever dies at it leaves it to the next one then. Two at once do no harm.
LEASE = timedelta(minutes=10)
#: Fact of a work that fails: since when.
_FAILING_SINCE = "failing_since"


@dataclass(frozen=True, slots=True)
class Claim:
    """One piece of work that is ours now, and how far it had come.

    Attributes:
        read_to_at: up to which moment all was read; None before the first time.
    """

    gateway_account: str
    work: str
    read_to_at: datetime | None


def claim(session: Session, gateway_account: str, work: str, *, now: datetime) -> Claim | None:
    """Take up a piece of work that is due; None when it is not, or somebody else has it."""
    row = session.get(GatewayWatch, (gateway_account, work))
    if row is None:
        try:
            with session.begin_nested():
                session.add(GatewayWatch(gateway_account=gateway_account, work=work, next_at=now, facts={}))
        except IntegrityError:  # another worker is first
            return None
    taken = session.execute(
        update(GatewayWatch)
        .where(
            GatewayWatch.gateway_account == gateway_account,
            GatewayWatch.work == work,
            GatewayWatch.next_at <= now,
        )
        .values(next_at=now + LEASE)
        .execution_options(synchronize_session=False)
    )
    if not taken.rowcount:  # type: ignore[attr-defined]
        return None
    read_to_at = session.execute(
        select(GatewayWatch.read_to_at).where(
            GatewayWatch.gateway_account == gateway_account, GatewayWatch.work == work
        )
    ).scalar_one()
    return Claim(gateway_account, work, read_to_at)


def ended(
    session: Session,
    claimed: Claim,
    *,
    next_at: datetime,
    now: datetime,
    read_to_at: datetime | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write down that a piece of work came to its end, how far, and when it is due again."""
    row = session.get_one(GatewayWatch, (claimed.gateway_account, claimed.work), with_for_update=True)
    row.done_at, row.trouble, row.next_at = now, None, next_at
    row.read_to_at = read_to_at or row.read_to_at
    kept = row.facts if facts is None else facts
    row.facts = {name: value for name, value in kept.items() if name != _FAILING_SINCE}
    outbox.end_alert(session, "gateway_unread", _key(claimed), now=now)


def stumbled(
    session: Session,
    claimed: Claim,
    trouble: str,
    *,
    next_at: datetime,
    now: datetime,
    told_after: timedelta | None = None,
) -> None:
    """Write down why a piece of work did not come to its end, and when it is tried again.

    Args:
        told_after: an alert is raised when it last came to its end so long ago, or never has and began to
            fail so long ago; None where the caller tells of it.
    """
    row = session.get_one(GatewayWatch, (claimed.gateway_account, claimed.work), with_for_update=True)
    row.trouble, row.next_at = trouble[:200], next_at
    row.facts = {_FAILING_SINCE: now.isoformat(), **row.facts}
    since = row.done_at or datetime.fromisoformat(row.facts[_FAILING_SINCE])
    if told_after is not None and now - since >= told_after:
        outbox.raise_alert(
            session, "gateway_unread", _key(claimed), now=now,
            facts={
                "object": claimed.gateway_account, "why": trouble[:200],
                "since": since.isoformat(timespec="minutes"),
            },
        )  # fmt: skip


def patience(every: timedelta, alert_after: timedelta) -> timedelta:
    """How long regular work may fail before somebody is told: what is seldom done may fail once.

    Source: payments.alert_after_minutes; P-15, P-18.
    """
    return max(alert_after, 2 * every)


def _key(claimed: Claim) -> str:
    return f"gateway:{claimed.gateway_account}:{claimed.work}"
