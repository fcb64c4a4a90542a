"""Rows of the ranking, worked out anew for some accounts: by the daily job, and after whatever happened.

Every act on an account is chained in the audit in the transaction that does it, in the order of commits;
so the ranking follows the chain and misses nothing, whoever wrote. What a page shows is at most as old as
the worker's last look. An account that somebody claims is worked out at that moment.
Source: issue of the desk, part 1; decision 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import Date, bindparam, delete, exists, func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.audit import AuditEntry
from models.bulk import among, pour
from models.invoices import OWED_KINDS, Invoice
from models.states import InvoiceStatus
from models.store import fetch
from models.worklist import WorklistFollower, WorklistRow
from receivables.calendar_days import business_date
from receivables.policy import Policy, current_policy
from receivables.worklist import facts, ranking, reasons
from receivables.worklist.facts import Known

#: Accounts of one unit of work.
CHUNK = 500
#: Acts of the chain that are read at once.
ACTS = 2000
#: What explains an amount and is no reason to be worked: said last.
_BESIDE = frozenset({"bank_behind", "on_hold"})
#: Columns of a row as `pour` writes them.
_NAMES = tuple(column.name for column in WorklistRow.__table__.columns)
_LOCK = select(Account.id).where(among(Account.id)).order_by(Account.id).with_for_update()
_OLD = delete(WorklistRow).where(among(WorklistRow.account_id))


def refresh(session: Session, account_ids: Iterable[int], *, now: datetime) -> int:
    """Work the rows of some accounts out anew; what has nothing overdue any more leaves the list.

    The accounts are locked, so that of two who look at the same time the later one is right.

    Returns:
        How many rows stand for them now.
    """
    ids = sorted(set(account_ids))
    policy, count = current_policy(session, now), 0
    for first in range(0, len(ids), CHUNK):
        part = ids[first : first + CHUNK]
        fetch(session, _LOCK, {"ids": part}).all()
        rows = [
            row
            for known in facts.read(session, part, policy=policy, now=now)
            for row in _rows(known, policy=policy, now=now)
        ]
        fetch(session, _OLD, {"ids": part})
        pour(session, WorklistRow, _NAMES, [tuple(row[name] for name in _NAMES) for row in rows])
        count += len(rows)
    return count


def _rows(known: Known, *, policy: Policy, now: datetime) -> Iterable[dict[str, Any]]:
    """The rows of one account, one for each currency in which something is overdue."""
    for currency, overdue in known.overdue().items():
        said = reasons.why(known, currency, overdue, rules=policy.worklist, now=now)
        asked = [(document.asked_minor, late) for document, late in said.documents if document.asked_minor]
        risk = ranking.risk(
            asked, currency=currency, segment=known.segment, happened=said.codes,
            untouched_days=said.untouched_days, policy=policy,
        )  # fmt: skip
        counted = [(document, late) for document, late in said.documents if document.asked_minor] or overdue
        yield {
            "account_id": known.id,
            "currency": currency,
            "collectable_minor": risk.collectable_minor,
            "disputed_minor": known.disputed.get(currency, 0),
            "oldest_on": known.today - timedelta(days=max(late for _, late in counted)),
            "at_risk_minor": risk.at_risk_minor,
            "lifted_from_minor": risk.lifted_from_minor,
            "rank": risk.rank,
            "size": risk.size,
            "bands": [[minor, str(percent)] for minor, percent in risk.bands],
            "factors": [[code, percent] for code, percent in risk.factors],
            "why": _told(said, known, currency, risk, counted),
            "next_code": said.next_code,
            "next_on": said.next_on,
            "rests_until": said.rests_until,
            "collector_id": known.collector_id,
            "segment": known.segment,
            "language": known.language,
            "ranked_on": known.today,
            "ranked_at": now,
        }


def _told(said: Any, known: Known, currency: str, risk: ranking.Risk, counted: Any) -> list[dict[str, Any]]:
    """Why it is here, with how late the oldest is and since when nobody looked, which always hold."""
    told = reasons.told(said, known, currency)
    beside = [one for one in told if one["code"] in _BESIDE]
    told = [one for one in told if one not in beside]
    if risk.lifted_from_minor is not None:
        told.append(
            {"code": "lifted", "days": said.untouched_days, "minor": risk.lifted_from_minor,
             "currency": currency}
        )  # fmt: skip
    told.append({"code": "late", "days": max(late for _, late in counted), "count": len(counted)})
    return told + beside


# --------------------------------------------------------------------------- who is to be looked at


def concerned(session: Session, *, now: datetime) -> list[int]:
    """Return the accounts whose rows are of another day, or that have none though something is overdue."""
    found: set[int] = set()
    for zone in session.scalars(select(Account.zone).distinct()):
        try:
            today = business_date(now, zone)
        except ZoneInfoNotFoundError:
            continue  # the ladder tells of it
        found |= set(fetch(session, _OF_OTHER_DAY, {"zone": zone, "today": today}).scalars())
        found |= set(fetch(session, _WITHOUT, {"zone": zone, "today": today}).scalars())
    return sorted(found)


_TODAY = bindparam("today", type_=Date())
_OF_OTHER_DAY = (
    select(WorklistRow.account_id)
    .join(Account, Account.id == WorklistRow.account_id)
    .where(Account.zone == bindparam("zone"), WorklistRow.ranked_on != _TODAY)
)
_WITHOUT = (
    select(Invoice.account_id)
    .join(Account, Account.id == Invoice.account_id)
    .where(
        Account.zone == bindparam("zone"),
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.kind.in_(OWED_KINDS),
        Invoice.balance_minor > 0,
        Invoice.due_on < _TODAY,
        ~exists().where(WorklistRow.account_id == Invoice.account_id),
    )
    .distinct()
)


def follow(session: Session, *, now: datetime, most: int = ACTS) -> int:
    """Work out anew every account that an act was chained for since the last look.

    Whoever follows holds the one row of the follower, so two workers share the work and never do it twice.

    Args:
        most: acts that are read at once.
    Returns:
        How many accounts were looked at.
    """
    follower = session.get(WorklistFollower, 1, with_for_update=True, populate_existing=True)
    if follower is None:
        head = session.scalar(select(func.max(AuditEntry.id))) or 0
        session.add(WorklistFollower(id=1, audit_id=head, followed_at=now))
        return 0
    acts = session.execute(
        select(AuditEntry.id, AuditEntry.account_id, AuditEntry.code)
        .where(AuditEntry.id > follower.audit_id)
        .order_by(AuditEntry.id)
        .limit(most)
    ).all()
    if not acts:
        return 0
    ids = {act.account_id for act in acts if act.account_id is not None}
    refresh(session, ids, now=now)
    follower.audit_id, follower.followed_at = acts[-1].id, now
    return len(ids)


def is_behind(session: Session) -> bool:
    """Whether acts were chained that the ranking has not followed yet; a cheap question."""
    followed = session.scalar(select(WorklistFollower.audit_id).where(WorklistFollower.id == 1))
    head = session.scalar(select(func.max(AuditEntry.id)))
    return followed is None or (head or 0) > followed


def parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Divide accounts into units of work."""
    for first in range(0, len(ids), CHUNK):
        yield ids[first : first + CHUNK]
