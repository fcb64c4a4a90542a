"""What the order system is told of an account: ok, watch or hold, why, and what would release it.

A hold is a person's decision; a watch follows from facts and policy and only warns: the order system
asks before it takes a new order on credit. Nothing here is stored. Source: issue of the desk, part 5;
policy [credit_holds].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import CreditHold, Promise
from models.credit_limits import CreditLimit
from models.money import Money, total
from models.states import HoldStatus, PromiseStatus
from receivables import credit_holds, credit_limits, invoices
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.own_accounts import theirs
from receivables.permissions import Actor, Permission, require
from receivables.policy import HoldRules, Policy, current_policy
from receivables.ports import Cell, InvoiceRow, Sheet

#: Accounts read together: bounds the statement and the memory.
CHUNK = 500


class Grade(StrEnum):
    """What may be sold on credit: all, with a question first, nothing."""

    OK = "ok"
    WATCH = "watch"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class CreditStatus:
    """One account as the order system reads it.

    Attributes:
        reasons: codes of what makes it a watch: "overdue", "broken_promise", "over_limit"; worded by the
            desk. Empty for ok and hold.
        release: what of what was asked for is still to come, while on hold.
        prepaid_allowed: whether orders that are paid in advance go on; a hold may stop them too.
        since_on, review_on, why: of the hold.
    """

    account_ref: str
    number: str
    name: str
    grade: Grade
    reasons: Sequence[str] = ()
    since_on: date | None = None
    why: str | None = None
    release: Money | None = None
    review_on: date | None = None
    prepaid_allowed: bool = True


def credit_status(session: Session, actor: Actor, account_ref: str, *, now: datetime) -> CreditStatus:
    """Return the status of one account.

    Raises:
        NotAllowed: the actor may not read holds.
        NotFound: no such account, or another salesperson's.
    """
    require(actor, Permission.CREDIT_HOLD_READ)
    account = session.scalar(select(Account).where(Account.ref == account_ref, theirs(actor)))
    if account is None:
        raise NotFound("not_found")
    return _statuses(session, actor, [account], now=now)[0]


def statuses_of(
    session: Session, actor: Actor, account_ids: Sequence[int], *, now: datetime
) -> dict[int, CreditStatus]:
    """Return the status of each account that the actor may see, by its id.

    Raises:
        NotAllowed: the actor may not read holds.
    """
    require(actor, Permission.CREDIT_HOLD_READ)
    accounts = list(session.scalars(select(Account).where(Account.id.in_(account_ids), theirs(actor))))
    found = _statuses(session, actor, accounts, now=now) if accounts else []
    return {account.id: status for account, status in zip(accounts, found, strict=True)}


def credit_statuses(session: Session, actor: Actor, *, now: datetime) -> Iterator[CreditStatus]:
    """Go through the status of every account that the actor may see, by number; in pieces.

    Raises:
        NotAllowed: the actor may not read holds.
    """
    require(actor, Permission.CREDIT_HOLD_READ)
    last = 0
    while True:
        query = select(Account).where(Account.id > last, theirs(actor)).order_by(Account.id).limit(CHUNK)
        accounts = list(session.scalars(query))
        if not accounts:
            return
        last = accounts[-1].id
        yield from _statuses(session, actor, accounts, now=now)
        session.expunge_all()


def watch_reasons(
    rows: Sequence[InvoiceRow], *, broken: bool, over_limit: bool, policy: Policy
) -> tuple[str, ...]:
    """Return why an account is watched, by policy; empty where it is not.

    Args:
        rows: what is open on it.
        broken: whether a promise was broken lately.
    """
    found = []
    rules = policy.credit_holds
    late = [row for row in rows if row.days_late >= rules.watch_days_late and row.asked]
    for currency in sorted({row.currency for row in late}):
        most = policy.units(rules.watch_overdue, currency)
        if most is None or total([r.asked for r in late if r.currency == currency], currency) > most:
            found.append("overdue")
            break
    if broken:
        found.append("broken_promise")
    if over_limit:
        found.append("over_limit")
    return tuple(found)


def _statuses(
    session: Session, actor: Actor, accounts: Sequence[Account], *, now: datetime
) -> list[CreditStatus]:
    policy = current_policy(session, now)
    ids = [account.id for account in accounts]
    held = {
        hold.account_id: hold
        for hold in session.scalars(
            select(CreditHold).where(CreditHold.account_id.in_(ids), CreditHold.status == HoldStatus.ACTIVE)
        )
    }
    rows = invoices.open_rows_of(session, {a.id: business_date(now, a.zone) for a in accounts})
    broken = _broken(session, ids, policy.credit_holds, now)
    over = _over_limit(session, actor, ids)
    return [
        _held(session, account, held[account.id])
        if account.id in held
        else _free(account, rows, account.id in broken, account.id in over, policy)
        for account in accounts
    ]


def _held(session: Session, account: Account, hold: CreditHold) -> CreditStatus:
    return CreditStatus(
        account_ref=account.ref,
        number=account.number,
        name=account.name,
        grade=Grade.HOLD,
        since_on=hold.since_on,
        why=hold.reason,
        release=credit_holds.left_of(session, hold),
        review_on=hold.review_on,
        prepaid_allowed=hold.prepaid_allowed,
    )


def _free(
    account: Account,
    rows: Mapping[int, Sequence[InvoiceRow]],
    broken: bool,
    over_limit: bool,
    policy: Policy,
) -> CreditStatus:
    why = watch_reasons(rows[account.id], broken=broken, over_limit=over_limit, policy=policy)
    grade = Grade.WATCH if why else Grade.OK
    return CreditStatus(account.ref, account.number, account.name, grade, why)


def _broken(session: Session, ids: Sequence[int], rules: HoldRules, now: datetime) -> set[int]:
    """Accounts whose last promise of late was broken; one that was kept since speaks for them."""
    last = (
        select(Promise.account_id, func.max(Promise.id).label("id"))
        .where(
            Promise.account_id.in_(ids),
            Promise.status.in_((PromiseStatus.BROKEN, PromiseStatus.KEPT)),
            Promise.judged_at >= now - timedelta(days=rules.watch_promise_days),
        )
        .group_by(Promise.account_id)
        .subquery()
    )
    return set(
        session.scalars(
            select(Promise.account_id)
            .join(last, last.c.id == Promise.id)
            .where(Promise.status == PromiseStatus.BROKEN)
        )
    )


def _over_limit(session: Session, actor: Actor, ids: Sequence[int]) -> set[int]:
    limited = session.scalars(
        select(CreditLimit.account_id).where(CreditLimit.account_id.in_(ids)).distinct()
    ).all()
    return {one for one in limited if credit_limits.credit_of(session, actor, one).is_over}


#: Names of the columns that a program reads, in its order.
COLUMNS = (
    "account", "name", "status", "reasons", "since", "release_amount", "currency", "review_on",
    "prepaid_allowed",
)  # fmt: skip


def sheet(session: Session, actor: Actor, *, now: datetime) -> Sheet:
    """Return the status of every account as a table, read while it is written.

    Raises:
        NotAllowed: the actor may not read holds.
    """
    rows = credit_statuses(session, actor, now=now)
    return Sheet("credit status", COLUMNS, (_cells(one) for one in rows))


def _cells(one: CreditStatus) -> list[Cell]:
    """One account as a row of COLUMNS; codes and not words, days and amounts as such."""
    release = one.release
    return [
        one.number, one.name, one.grade.value, " ".join(one.reasons), one.since_on, release,
        release.currency if release else None, one.review_on, "yes" if one.prepaid_allowed else "no",
    ]  # fmt: skip
