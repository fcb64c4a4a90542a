"""Promises as the desk works them: due today, at risk, broken; with what came of each so far.

Sums are per currency and never across. Which are at risk says at_risk.py. Source: issue D, part 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.money import Money
from models.staff import Staff
from models.states import PromiseStatus
from receivables.arrangements import promise_ends
from receivables.arrangements.at_risk import PromiseRisk, promises_at_risk
from receivables.arrangements.promises import waited_until
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy

#: Rows of a page.
PAGE = 100


class Show(StrEnum):
    """Which promises; the order is that of the tabs."""

    DUE = "due"  # promised for today, in the account's zone
    RISK = "risk"
    BROKEN = "broken"  # lately, and nobody has agreed on anything since
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class PromiseRow:
    """One promise on the desk.

    Attributes:
        giver: who gave it; noted_by: who of the desk wrote it down, None where he gave it himself.
        received: what came since, so far.
        waited_until: last day of grace.
        broken_before: promises of the account that were broken in the days that count.
    """

    ref: str
    account_ref: str
    account_name: str
    account_number: str
    zone: str
    collector: str | None
    giver: str | None
    noted_by: str | None
    status: PromiseStatus
    amount: Money
    received: Money
    promised_on: date
    waited_until: date
    today: date
    risks: tuple[PromiseRisk, ...]
    broken_before: int


@dataclass(frozen=True, slots=True)
class Total:
    """How many, and how much in one currency."""

    count: int
    amount: Money


@dataclass(frozen=True, slots=True)
class PromiseDesk:
    """A page of promises with the sums of all of its kind, and how many there are of each kind."""

    rows: Sequence[PromiseRow]
    totals: Sequence[Total]
    counts: dict[Show, int]
    currencies: Sequence[str]
    more: bool


_EARLIER, _LATER = aliased(Promise), aliased(Promise)


def promises(
    session: Session,
    actor: Actor,
    *,
    show: Show = Show.DUE,
    collector_id: int | None = None,
    currency: str | None = None,
    first: int = 0,
    now: datetime,
) -> PromiseDesk:
    """Return promises of one kind, the nearest day first; broken ones newest first.

    Args:
        collector_id: only of accounts that he looks after.
        first: how many rows to pass over.
    Raises: NotAllowed.
    """
    require(actor, Permission.ARRANGEMENT_READ)
    policy = current_policy(session, now)
    risks = promises_at_risk(session, now=now)
    narrow = _narrow(collector_id, currency)
    known = session.execute(_light().where(_any_kind(policy, now), *narrow)).all()
    kinds = {show: [r for r in known if _is(r, show, risks, now)] for show in Show}
    chosen = sorted(kinds[show], key=_order(show))
    shown = [r.id for r in chosen[first : first + PAGE]]
    return PromiseDesk(
        rows=_rows(session, shown, risks, policy, now),
        totals=_totals(chosen),
        counts={show: len(rows) for show, rows in kinds.items()},
        currencies=sorted({r.currency for r in known} | ({currency} if currency else set())),
        more=len(chosen) > first + PAGE,
    )


def promise(session: Session, actor: Actor, ref: str, *, now: datetime) -> PromiseRow:
    """Return one promise.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.ARRANGEMENT_READ)
    promise_id = session.scalar(select(Promise.id).where(Promise.ref == ref))
    if promise_id is None:
        raise NotFound("not_found")
    return _rows(
        session, [promise_id], promises_at_risk(session, now=now), current_policy(session, now), now
    )[0]


def _light() -> Any:
    """What it takes to say of which kind a promise is and to add it up."""
    return select(
        Promise.id, Promise.status, Promise.promised_on, Promise.amount_minor, Promise.currency,
        Promise.judged_at, Account.zone,
    ).join(Account, Account.id == Promise.account_id)  # fmt: skip


def _narrow(collector_id: int | None, currency: str | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if collector_id is not None:
        found.append(Account.collector_id == collector_id)
    if currency is not None:
        found.append(Promise.currency == currency)
    return found


def _any_kind(policy: Policy, now: datetime) -> ColumnElement[bool]:
    """Open, or broken lately and followed by no newer promise in its currency."""
    since = now - timedelta(days=policy.at_risk.broken_shown_days)
    followed = exists().where(
        _LATER.account_id == Promise.account_id, _LATER.currency == Promise.currency, _LATER.id > Promise.id
    )
    broken = and_(Promise.status == PromiseStatus.BROKEN, Promise.judged_at >= since, ~followed)
    return or_(Promise.status == PromiseStatus.OPEN, broken)


def _is(r: Any, show: Show, risks: dict[int, tuple[PromiseRisk, ...]], now: datetime) -> bool:
    if r.status is PromiseStatus.BROKEN:
        return show is Show.BROKEN
    if show is Show.DUE:
        return bool(r.promised_on == business_date(now, r.zone))
    return show is Show.OPEN or (show is Show.RISK and r.id in risks)


def _order(show: Show) -> Any:
    if show is Show.BROKEN:
        return lambda r: (-r.judged_at.timestamp(), r.id)
    return lambda r: (r.promised_on, -r.amount_minor, r.id)


def _totals(rows: Sequence[Any]) -> list[Total]:
    sums: dict[str, list[int]] = {}
    for r in rows:
        found = sums.setdefault(r.currency, [0, 0])
        found[0] += 1
        found[1] += r.amount_minor
    return [Total(count, Money(minor, code)) for code, (count, minor) in sorted(sums.items())]


def _rows(
    session: Session,
    ids: Sequence[int],
    risks: dict[int, tuple[PromiseRisk, ...]],
    policy: Policy,
    now: datetime,
) -> list[PromiseRow]:
    collector, noted = aliased(Staff), aliased(Staff)
    broken = (
        select(func.count(_EARLIER.id))
        .where(
            _EARLIER.account_id == Promise.account_id,
            _EARLIER.status == PromiseStatus.BROKEN,
            _EARLIER.id != Promise.id,
            _EARLIER.judged_at >= now - timedelta(days=policy.at_risk.broken_days),
        )
        .correlate(Promise)
        .scalar_subquery()
    )
    found = session.execute(
        select(
            Promise, Account, Contact.name.label("giver"), collector.name.label("collector"),
            noted.name.label("noted_by"), broken.label("broken"), promise_ends.came_since().label("came"),
        )
        .join(Account, Account.id == Promise.account_id)
        .outerjoin(Contact, Contact.id == Promise.contact_id)
        .outerjoin(collector, collector.id == Account.collector_id)
        .outerjoin(noted, noted.id == Promise.recorded_by_id)
        .where(Promise.id.in_(ids))
    )  # fmt: skip
    by_id = {r.Promise.id: r for r in found}
    return [_row(by_id[one], risks.get(one, ()), policy, now) for one in ids]


def _row(r: Any, risks: tuple[PromiseRisk, ...], policy: Policy, now: datetime) -> PromiseRow:
    row, account = r.Promise, r.Account
    came = int(r.came) if row.status is PromiseStatus.OPEN else row.received_minor
    return PromiseRow(
        ref=row.ref,
        account_ref=account.ref,
        account_name=account.name,
        account_number=account.number,
        zone=account.zone,
        collector=r.collector,
        giver=r.giver,
        noted_by=r.noted_by,
        status=row.status,
        amount=Money(row.amount_minor, row.currency),
        received=Money(came, row.currency),
        promised_on=row.promised_on,
        waited_until=waited_until(row.promised_on, account.country, policy.promises),
        today=business_date(now, account.zone),
        risks=risks,
        broken_before=r.broken,
    )
