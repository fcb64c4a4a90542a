"""What drafted rules would do: on how many accounts, and on one of them (X-05)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice, InvoiceKind
from models.money import Money, total
from models.states import InvoiceStatus
from receivables import invoices
from receivables.arrangements import offer_terms, plan_terms, promises
from receivables.calendar_days import business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy
from receivables.ports import InvoiceRow

#: Most balances that are counted; beyond it an even sample.
MOST = 20_000


@dataclass(frozen=True, slots=True)
class Effect:
    """How many balances of today another rule would meet.

    Attributes:
        code: plan_more, plan_less, plan_down, discount_more, discount_less, transfer_first.
        count: balances, one for each account and currency.
    """

    code: str
    count: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What today's balances say of a draft; `looked` of `all` were counted."""

    rows: Sequence[Effect]
    looked: int
    all: int


def effects(session: Session, before: Policy, after: Policy, *, now: datetime) -> Effects:
    """Count the balances of today for which a draft gives something else."""
    owed = (Invoice.status == InvoiceStatus.OPEN, Invoice.kind.in_((InvoiceKind.INVOICE, InvoiceKind.FEE)))
    number = (
        session.scalar(
            select(func.count()).select_from(
                select(Invoice.account_id)
                .where(*owed)
                .group_by(Invoice.account_id, Invoice.currency)
                .subquery()
            )
        )
        or 0
    )
    query = (
        select(
            Invoice.account_id, Invoice.currency, func.sum(Invoice.balance_minor), func.min(Invoice.due_on)
        )
        .where(*owed)
        .group_by(Invoice.account_id, Invoice.currency)
        .limit(MOST)
    )
    if number > MOST:
        query = query.where(Invoice.account_id % (number // MOST + 1) == 0)
    today, counts, looked = now.date(), dict.fromkeys(_CODES, 0), 0
    for _, currency, minor, due_on in session.execute(query):
        looked += 1
        if minor > 0:
            for code in _differs(before, after, Money(int(minor), currency), due_on, today):
                counts[code] += 1
    return Effects([Effect(code, n) for code, n in counts.items() if n], looked, number)


_CODES = ("plan_more", "plan_less", "plan_down", "discount_more", "discount_less", "transfer_first")


def _differs(before: Policy, after: Policy, owed: Money, due_on: date | None, today: date) -> list[str]:
    found = []
    old, new = (plan_terms.band_of(p, owed, kept_promises=0, today=today) for p in (before, after))
    if new.most_parts > old.most_parts:
        found.append("plan_more")
    elif new.most_parts < old.most_parts:
        found.append("plan_less")
    if new.down != old.down:
        found.append("plan_down")
    late = (today - due_on).days if due_on is not None else 0
    was, is_ = _percent(before, late), _percent(after, late)
    if was != is_:
        found.append("discount_more" if is_ > was else "discount_less")
    if _transfer_first(before, owed) != _transfer_first(after, owed):
        found.append("transfer_first")
    return found


def _percent(policy: Policy, late: int) -> int:
    return next((band.discount_percent for band in policy.offers.grid if late >= band.days_late), 0)


def _transfer_first(policy: Policy, owed: Money) -> bool:
    limit = policy.units(policy.ways.transfer_first_above, owed.currency)
    return limit is not None and owed >= limit


@dataclass(frozen=True, slots=True)
class Side:
    """What one debtor is given under one set of rules, in one currency; None where a person decides."""

    most_parts: int
    least_part: Money | None
    first_to_on: date | None
    down: Money | None
    most_forgiven: Money | None
    promise_to_on: date
    transfer_first: bool
    hours: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Preview:
    """One account under the rules in force and under a draft, a pair for each currency it owes."""

    ref: str
    name: str
    sides: Sequence[tuple[Money, Side, Side]]


def preview(
    session: Session, actor: Actor, number: str, before: Policy, after: Policy, *, now: datetime
) -> Preview:
    """Return what a debtor would be given under a draft, beside what he is given now.

    Args:
        number: of the account, or its ref.
    Raises: NotAllowed; NotFound: no such account.
    """
    require(actor, Permission.ACCOUNT_READ)
    account = find_account(session, number)
    today = business_date(now, account.zone)
    rows = [row for row in invoices.open_rows(session, account.id, today) if row.balance.minor > 0]
    sides = []
    for currency in sorted({row.currency for row in rows}):
        mine = [row for row in rows if row.currency == currency]
        owed = total([row.asked for row in mine], currency)
        sides.append(
            (owed, _side(before, account, mine, owed, today), _side(after, account, mine, owed, today))
        )
    return Preview(account.ref, account.name, sides)


def find_account(session: Session, number: str) -> Account:
    """Return an account by its number or ref. Raises: NotFound."""
    found = session.scalars(
        select(Account)
        .where((Account.number == number) | (Account.ref == number))
        .order_by(Account.id)
        .limit(1)
    ).first()
    if found is None:
        raise NotFound("not_found")
    return found


def _side(policy: Policy, account: Account, rows: Sequence[InvoiceRow], owed: Money, today: date) -> Side:
    band = plan_terms.band_of(policy, owed, kept_promises=0, today=today) if owed.minor > 0 else None
    try:
        forgiven = offer_terms.limits(policy, rows, today).most_forgiven
    except Refused:
        forgiven = None
    gives = band is not None and band.most_parts >= 2
    return Side(
        most_parts=band.most_parts if band is not None and gives else 0,
        least_part=band.least_part if band is not None and gives else None,
        first_to_on=band.first_to_on if band is not None and gives else None,
        down=band.down if band is not None else None,
        most_forgiven=forgiven,
        promise_to_on=promises.last_day(today, account.country, policy.promises),
        transfer_first=_transfer_first(policy, owed),
        hours=(f"{policy.contact_from:%H:%M}", f"{policy.contact_to:%H:%M}"),
    )
