"""How much may be open on an account, by whom it was set and why, and how far it is used.

A limit binds no payment and no invoice: it is what the order system and whoever sells go by. Exposure is
what is open in the books and what the order system told of orders that are not invoiced yet, in one
currency; currencies are never added up, since there is no rate of the day here.
Source: issue D, part 2 ("credit limit and exposure").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.credit_limits import CreditLimit, OrdersOpen
from models.invoices import Invoice, InvoiceKind
from models.money import Money, total
from models.staff import Staff
from models.states import InvoiceStatus
from receivables.audit import record
from receivables.errors import Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.texts import clean_words

#: Longest reason, characters.
REASON_MOST = 500
#: Who may tell of orders.
SOURCES = ("order_system", "desk")
#: What counts as used: a prepayment is a sale not yet made, a credit note is theirs.
OWED = (InvoiceKind.INVOICE, InvoiceKind.FEE)


@dataclass(frozen=True, slots=True)
class LimitChange:
    """One decision about a limit; `limit` None took it away."""

    currency: str
    limit: Money | None
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Exposure:
    """How one currency of an account stands.

    Attributes:
        limit: None where none is set.
        open: balance of its open documents.
        orders: told by the order system, not invoiced yet; None where it never told.
        used: open and orders together.
        over: what is used beyond the limit; None while within, or without one.
    """

    currency: str
    limit: Money | None
    open: Money
    orders: Money | None
    orders_as_of_at: datetime | None
    used: Money
    over: Money | None

    @property
    def left(self) -> Money | None:
        """What the limit still allows; None without one, or beyond it."""
        return self.limit - self.used if self.limit is not None and self.over is None else None


@dataclass(frozen=True, slots=True)
class Credit:
    """The credit of an account: each currency, and the decisions, newest first."""

    exposures: Sequence[Exposure]
    history: Sequence[LimitChange]

    @property
    def is_over(self) -> bool:
        """Whether any currency is beyond its limit."""
        return any(row.over is not None for row in self.exposures)


def set_limit(
    session: Session, actor: Actor, account: Account, *, currency: str, limit: Money | None, reason: str,
    now: datetime,
) -> CreditLimit:  # fmt: skip
    """Set, change or take away the limit of an account in one currency; the decisions before stay.

    Args:
        limit: zero or more, in that currency; None takes it away.
        reason: in words, kept for whoever asks.
    Raises:
        NotAllowed: the actor may not set limits.
        Refused: reason_missing, limit_negative, currency_other, limit_same.
    """
    require(actor, Permission.CREDIT_LIMIT_SET)
    said = clean_words(reason, most=REASON_MOST)
    if not said:
        raise Refused("reason_missing")
    if limit is not None and limit.minor < 0:
        raise Refused("limit_negative")
    if limit is not None and limit.currency != currency:
        raise Refused("currency_other")
    # The account's row is the lock under which the last decision is read.
    session.get_one(Account, account.id, with_for_update=True)
    last = _last(session, CreditLimit, account.id).get(currency)
    before = last.limit_minor if last is not None else None
    after = limit.minor if limit is not None else None
    if before == after:
        raise Refused("limit_same")
    row = CreditLimit(
        account_id=account.id, currency=currency, limit_minor=after, set_by_id=actor.id, reason=said,
        set_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(
        session, actor, "credit_limit.set", row, account_id=account.id, now=now, reason=said,
        facts={"currency": currency, "before_minor": before, "after_minor": after},
    )  # fmt: skip
    return row


def tell_orders(
    session: Session, actor: Actor, account: Account, amount: Money, *, as_of_at: datetime, source: str,
    now: datetime,
) -> OrdersOpen:  # fmt: skip
    """Keep what the order system says of orders on credit that are not invoiced yet; the last word holds.

    Args:
        amount: zero or more; all such orders of the account in its currency.
        as_of_at: up to when it counts; at most `now`.
        source: one of SOURCES.
    Raises:
        NotAllowed: the actor may not set limits, and is not the system.
        Refused: orders_negative, orders_from_future.
    """
    require(actor, Permission.CREDIT_LIMIT_SET)
    if source not in SOURCES:
        raise ValueError(source)
    if amount.minor < 0:
        raise Refused("orders_negative")
    if as_of_at > now:
        raise Refused("orders_from_future")
    row = OrdersOpen(
        account_id=account.id, currency=amount.currency, amount_minor=amount.minor, as_of_at=as_of_at,
        source=source, told_by_id=actor.id if actor.kind is ActorKind.STAFF else None, told_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(
        session, actor, "orders.told", row, account_id=account.id, now=now,
        facts={"amount_minor": amount.minor, "currency": amount.currency, "source": source},
    )  # fmt: skip
    return row


def credit_of(session: Session, actor: Actor, account_id: int) -> Credit:
    """Return limits, exposure and the decisions about them; 3 statements however many documents there are.

    Raises:
        NotAllowed: the actor may not read accounts.

    >>> Exposure("GBP", Money(100, "GBP"), Money(90, "GBP"), Money(30, "GBP"), None, Money(120, "GBP"),
    ...          Money(20, "GBP")).left is None
    True
    """
    require(actor, Permission.ACCOUNT_READ)
    opened: dict[str, int] = {
        r.currency: int(r.minor)
        for r in session.execute(
            select(Invoice.currency, func.sum(Invoice.balance_minor).label("minor"))
            .where(
                Invoice.account_id == account_id,
                Invoice.status == InvoiceStatus.OPEN,
                Invoice.kind.in_(OWED),
            )
            .group_by(Invoice.currency)
        )
    }
    history = session.execute(
        select(CreditLimit, Staff.name)
        .join(Staff, Staff.id == CreditLimit.set_by_id)
        .where(CreditLimit.account_id == account_id)
        .order_by(CreditLimit.id.desc())
        .limit(100)
    ).all()
    limits: dict[str, CreditLimit] = {}
    for row, _ in history:
        limits.setdefault(row.currency, row)
    told = _last(session, OrdersOpen, account_id)
    currencies = sorted({code for code, row in limits.items() if row.limit_minor is not None} | set(told) |
                        {code for code, minor in opened.items() if minor})  # fmt: skip
    return Credit(
        [_exposure(code, limits.get(code), opened.get(code, 0), told.get(code)) for code in currencies],
        [
            LimitChange(
                row.currency,
                Money(row.limit_minor, row.currency) if row.limit_minor is not None else None,
                by, row.reason, row.set_at,
            )
            for row, by in history
        ],
    )  # fmt: skip


def _exposure(code: str, limit: CreditLimit | None, opened: int, told: Any) -> Exposure:
    most = Money(limit.limit_minor, code) if limit is not None and limit.limit_minor is not None else None
    orders = Money(told.amount_minor, code) if told is not None else None
    used = total([Money(opened, code)] + ([orders] if orders is not None else []), code)
    over = used - most if most is not None and used.minor > most.minor else None
    return Exposure(
        code, most, Money(opened, code), orders, told.as_of_at if told is not None else None, used, over
    )


def _last(session: Session, table: Any, account_id: int) -> dict[str, Any]:
    """The last row of each currency."""
    newest = select(func.max(table.id)).where(table.account_id == account_id).group_by(table.currency)
    return {row.currency: row for row in session.scalars(select(table).where(table.id.in_(newest)))}
