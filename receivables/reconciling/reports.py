"""What the desk shows of reconciliation: sums there and here, the three lists, payouts, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.creditors import Creditor
from models.money import Money
from models.reconciliation import FindingList, GatewayWatch, Payout, ReconciliationFinding
from models.staff import Staff
from models.states import FindingStatus, PayoutStatus
from receivables.permissions import Actor, Permission, require
from receivables.reconciling import ageing, findings, health, runs, ties

F = ReconciliationFinding
#: Rows of one list on the page; the file has them all.
MOST = 100


@dataclass(frozen=True, slots=True)
class KindRow:
    """Movements of one kind and currency in the span, there and here."""

    currency: str
    kind: str
    number: int
    there: Money
    here: Money

    @property
    def difference(self) -> Money:
        return self.there - self.here


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One difference; `here` or `there` None where it is missing.

    `said` is what the gateway wrote where our money cannot say it, and `moved` its kind: no sum then.
    """

    ref: str
    listed: FindingList
    about: str
    object_id: str
    source: str | None
    here: Money | None
    there: Money | None
    said: str | None
    moved: str | None
    difference: Money | None
    arose_on: date
    found_at: datetime
    explained: bool
    reason: str | None
    explained_by: str | None
    explained_at: datetime | None


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One payout and what its movements sum to; `listed` None where the gateway has not listed them."""

    payout_id: str
    made_at: datetime
    arrives_on: date
    status: PayoutStatus
    automatic: bool
    amount: Money
    listed: Money | None
    banked_at: datetime | None

    @property
    def ties(self) -> bool | None:
        """Whether it is the sum of its movements; None while that is not known."""
        return None if self.listed is None else self.listed == self.amount


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One gateway account over a span of days.

    Attributes:
        differences: what stands, open before explained, the oldest first; of any day.
        number: how many stand in all; the page shows the first MOST.
        done_at, trouble: when it was last compared by itself, and why it was not since.
    """

    gateway_account: str
    sums: Sequence[KindRow]
    differences: Sequence[FindingRow]
    number: int
    open: int
    payouts: Sequence[PayoutRow]
    places: Sequence[ageing.Place]
    done_at: datetime | None
    trouble: str | None

    def listed(self, listed: str) -> list[FindingRow]:
        """The differences of one of the three lists."""
        return [row for row in self.differences if row.listed.value == listed]

    @property
    def currencies(self) -> list[str]:
        """Currencies that moved in the span."""
        return sorted({row.currency for row in self.sums})

    def total(self, currency: str) -> KindRow:
        """All kinds of a currency together."""
        rows = [row for row in self.sums if row.currency == currency]
        return KindRow(
            currency, "all", sum(row.number for row in rows),
            Money(sum(row.there.minor for row in rows), currency),
            Money(sum(row.here.minor for row in rows), currency),
        )  # fmt: skip


def gateway_accounts(session: Session) -> list[str]:
    """Return the names of the gateway accounts of the house."""
    return list(
        session.scalars(select(Creditor.gateway_account).distinct().order_by(Creditor.gateway_account))
    )


def report(
    session: Session, actor: Actor, first: date, last: date, *, now: datetime, whole: bool = False
) -> list[AccountReport]:
    """Return each gateway account over a span of days of its own zone; both days are in it.

    Args:
        whole: all rows, for a file; else the first MOST of each list.
    Raises: NotAllowed.
    """
    require(actor, Permission.RECONCILIATION_READ)
    return [_of(session, name, first, last, now=now, whole=whole) for name in gateway_accounts(session)]


def _of(session: Session, name: str, first: date, last: date, *, now: datetime, whole: bool) -> AccountReport:
    zone = ZoneInfo(findings.zone_of(session, name))
    start = datetime.combine(first, time.min, zone).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time.min, zone).astimezone(UTC)
    sums = [
        KindRow(
            one.currency, one.kind, one.number, Money(one.there_minor, one.currency),
            Money(one.here_minor, one.currency),
        )
        for one in ties.sums(session, ties.within(name, start, end))
    ]  # fmt: skip
    open_, explained = runs.standing(session, name)
    watch = session.get(GatewayWatch, (name, "reconcile"))
    return AccountReport(
        gateway_account=name,
        sums=sums,
        differences=_differences(session, name, whole=whole),
        number=sum(open_.values()) + explained,
        open=sum(open_.values()),
        payouts=_payouts(session, name, start, end, whole=whole),
        places=ageing.places(session, name, now=now),
        done_at=watch.done_at if watch else None,
        trouble=watch.trouble if watch else None,
    )


def _differences(session: Session, name: str, *, whole: bool) -> list[FindingRow]:
    query = (
        select(F, Staff.name)
        .outerjoin(Staff, Staff.id == F.explained_by_id)
        .where(F.gateway_account == name, F.status != FindingStatus.GONE)
        .order_by(F.status.desc(), F.arose_on, F.id)
    )
    rows = session.execute(query if whole else query.limit(MOST)).all()
    return [_row(row, by) for row, by in rows]


def _row(row: ReconciliationFinding, by: str | None) -> FindingRow:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, row.currency)

    unread = row.about == findings.UNREAD
    return FindingRow(
        ref=row.ref, listed=row.listed, about=row.about, object_id=row.object_id,
        source=row.facts.get("source"), here=money(row.here_minor), there=money(row.there_minor),
        said=row.facts.get("said"), moved=row.facts.get("moved"),
        difference=None if unread else money((row.there_minor or 0) - (row.here_minor or 0)),
        arose_on=row.arose_on, found_at=row.found_at, explained=row.status is FindingStatus.EXPLAINED,
        reason=row.reason, explained_by=by, explained_at=row.explained_at,
    )  # fmt: skip


def _payouts(session: Session, name: str, start: datetime, end: datetime, *, whole: bool) -> list[PayoutRow]:
    query = (
        select(Payout)
        .where(Payout.gateway_account == name, Payout.made_at >= start, Payout.made_at < end)
        .order_by(Payout.made_at.desc(), Payout.id.desc())
    )
    return [
        PayoutRow(
            row.payout_id, row.made_at, row.arrives_on, row.status, row.automatic,
            Money(row.amount_minor, row.currency),
            None if row.listed_minor is None else Money(row.listed_minor, row.currency), row.banked_at,
        )
        for row in session.scalars(query if whole else query.limit(MOST))
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """One address that the gateway notifies.

    Attributes:
        missing: types of events that we follow and that it is not told of.
        version, wanted: in which its notices are written (None is the account's default), and in which they
            should be; `wanted` None where they are.
    """

    url: str
    enabled: bool
    missing: tuple[str, ...] = ()
    version: str | None = None
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    """How one gateway account is heard.

    Attributes:
        heard_at: when a notification last came by itself.
        read_to_at: up to when the gateway's own list of events was read.
        endpoints: addresses that it notifies.
        troubles: works that did not come to their end, with the reason.
    """

    gateway_account: str
    heard_at: datetime | None
    read_to_at: datetime | None
    endpoints: Sequence[Address]
    asked_at: datetime | None
    troubles: Sequence[tuple[str, str]]


def lines(session: Session, actor: Actor) -> list[LineRow]:
    """Return how each gateway account is heard. Raises: NotAllowed."""
    require(actor, Permission.RECONCILIATION_READ)
    found = []
    for name in gateway_accounts(session):
        watches = {
            row.work: row
            for row in session.scalars(select(GatewayWatch).where(GatewayWatch.gateway_account == name))
        }
        events, asked = watches.get("events"), watches.get(health.WORK)
        told = asked.facts.get("endpoints", []) if asked else []
        found.append(
            LineRow(
                gateway_account=name,
                heard_at=health.last_heard(session, name),
                read_to_at=events.read_to_at if events else None,
                endpoints=[
                    Address(
                        one["url"],
                        bool(one["enabled"]),
                        tuple(one.get("missing", ())),
                        one.get("version"),
                        one.get("wanted"),
                    )
                    for one in told
                ],
                asked_at=asked.done_at if asked else None,
                troubles=[(work, row.trouble) for work, row in sorted(watches.items()) if row.trouble],
            )
        )
    return found
