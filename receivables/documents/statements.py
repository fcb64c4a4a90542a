"""The statement of account: what was owed, what changed it, what is owed, how old it is.

Read from the postings alone, by their effective day, so that every figure sums to the books: the
opening balance and the movements to the closing balance, the ages to what is open.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, aliased

from models.invoices import Invoice
from models.ledger import LedgerCode, LedgerEntry, Posting
from models.money import Money, total
from models.payments import Allocation, Payment
from models.store import fetch
from receivables.calendar_days import business_date, days_late
from receivables.documents.data import Movement, OpenItem, Statement
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require

#: How old an open amount is on the last day: (code, days late up to which).
BUCKETS: tuple[tuple[str, int | None], ...] = (
    ("not_due", 0),
    ("to_30", 30),
    ("to_60", 60),
    ("to_90", 90),
    ("over_90", None),
)
#: Ready periods, the first one shown when none is asked for.
PERIODS = ("recent", "month", "last_month", "year", "last_year")
#: Longest period of one statement, days.
LONGEST_DAYS = 366

#: Of the account: what it owes and what is in its favour.
_OF_ACCOUNT = (LedgerCode.RECEIVABLES, LedgerCode.UNAPPLIED_CREDIT)
_MOVED = Posting.debit_minor - Posting.credit_minor

#: The accounts and currencies that are asked for; a statement of several branches reads them at once.
_THEIRS = Posting.account_id.in_(bindparam("account_ids", expanding=True))
_IN_CURRENCIES = Posting.currency.in_(bindparam("currencies", expanding=True))

_CURRENCIES = (
    select(Posting.account_id, Posting.currency, func.sum(_MOVED).label("minor"))
    .where(_THEIRS, Posting.ledger_code.in_(_OF_ACCOUNT))
    .group_by(Posting.account_id, Posting.currency)
    .order_by(Posting.account_id, Posting.currency)
)
_OPENINGS = (
    select(Posting.account_id, Posting.currency, func.sum(_MOVED).label("minor"))
    .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
    .where(
        _THEIRS,
        _IN_CURRENCIES,
        Posting.ledger_code.in_(_OF_ACCOUNT),
        LedgerEntry.effective_on < bindparam("from_on"),
    )
    .group_by(Posting.account_id, Posting.currency)
)
_NOTE = aliased(Invoice)
#: The entry whose documents are named: a reversal goes by what it undoes.
_NAMED = func.coalesce(LedgerEntry.reverses_id, LedgerEntry.id)
#: By way of the invoice, since allocations are found by it.
_NOTE_NUMBER = (
    select(func.min(_NOTE.number))
    .join(Allocation, Allocation.credit_note_id == _NOTE.id)
    .where(Allocation.invoice_id == Posting.invoice_id, Allocation.entry_id == _NAMED)
    .correlate(LedgerEntry, Posting)
    .scalar_subquery()
    .label("note_number")
)
_SIDES = (
    select(
        Posting.account_id,
        Posting.currency,
        LedgerEntry.id,
        LedgerEntry.kind,
        LedgerEntry.effective_on,
        _MOVED.label("minor"),
        Posting.ledger_code,
        Invoice.number.label("invoice_number"),
        Payment.number.label("payment_number"),
        _NOTE_NUMBER,
    )
    .join(Posting, Posting.entry_id == LedgerEntry.id)
    .outerjoin(Invoice, Invoice.id == Posting.invoice_id)
    .outerjoin(Payment, Payment.entry_id == _NAMED)
    .where(
        _THEIRS,
        _IN_CURRENCIES,
        Posting.ledger_code.in_(_OF_ACCOUNT),
        LedgerEntry.effective_on.between(bindparam("from_on"), bindparam("to_on")),
    )
    .order_by(LedgerEntry.effective_on, LedgerEntry.id, Posting.position)
)
_OPEN = (
    select(
        Posting.account_id,
        Posting.currency,
        Invoice.number,
        Invoice.kind,
        Invoice.issued_on,
        Invoice.due_on,
        Invoice.total_minor,
        func.sum(_MOVED).label("minor"),
    )
    .join(Posting, Posting.invoice_id == Invoice.id)
    .join(LedgerEntry, LedgerEntry.id == Posting.entry_id)
    .where(
        _THEIRS,
        _IN_CURRENCIES,
        Posting.ledger_code == LedgerCode.RECEIVABLES,
        LedgerEntry.effective_on <= bindparam("to_on"),
    )
    .group_by(
        Posting.account_id,
        Posting.currency,
        Invoice.id,
        Invoice.number,
        Invoice.kind,
        Invoice.issued_on,
        Invoice.due_on,
        Invoice.total_minor,
    )
    .having(func.sum(_MOVED) != 0)
    .order_by(Invoice.due_on.is_(None), Invoice.due_on, Invoice.id)
)


def period(name: str, today: date) -> tuple[date, date]:
    """Return first and last day of a ready period.

    Args:
        name: one of PERIODS; "recent" is this month and the two before.
    Raises:
        NotFound: another name.

    >>> period("recent", date(2026, 1, 15))
    (datetime.date(2025, 11, 1), datetime.date(2026, 1, 15))
    """
    month = today.replace(day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    match name:
        case "recent":
            return (last_month - timedelta(days=1)).replace(day=1), today
        case "month":
            return month, today
        case "last_month":
            return last_month, month - timedelta(days=1)
        case "year":
            return today.replace(month=1, day=1), today
        case "last_year":
            return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)
    raise NotFound("not_found")


def statement(
    session: Session,
    actor: Actor,
    *,
    account_id: int,
    zone: str,
    currency: str | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    now: datetime,
) -> Statement | None:
    """Return the statement of one currency for a period; None while the books know no movement.

    Args:
        zone: the account's; its today is the last day there can be.
        currency: None takes the first that is not settled.
        from_on, to_on: both or neither; neither is the first of PERIODS.
    Raises:
        NotAllowed, NotFound: the actor may not read this account's documents; no such currency.
        Refused: period_backwards, period_in_future, period_too_long (facts: days).
    """
    require(actor, Permission.DOCUMENT_READ, account_id=account_id)
    from_on, to_on = period_of(from_on, to_on, business_date(now, zone))
    known = currencies_of(session, [account_id])[account_id]
    if not known:
        return None
    if currency is None:
        currency = next((code for code, minor in known.items() if minor), next(iter(known)))
    elif currency not in known:
        raise NotFound("not_found")
    read = read_statements(session, {account_id: known}, from_on, to_on, currencies=[currency])
    return read[account_id][0]


def period_of(from_on: date | None, to_on: date | None, today: date) -> tuple[date, date]:
    """Return a period that a statement can cover: the one asked for, else the first of PERIODS.

    Raises:
        Refused: period_backwards, period_in_future, period_too_long (facts: days).
    """
    if from_on is None or to_on is None:
        return period(PERIODS[0], today)
    if to_on < from_on:
        raise Refused("period_backwards")
    if to_on > today:
        raise Refused("period_in_future")
    if (to_on - from_on).days >= LONGEST_DAYS:
        raise Refused("period_too_long", days=LONGEST_DAYS)
    return from_on, to_on


def currencies_of(session: Session, account_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return what the books say of each account, in minor units by currency, in order of the code."""
    known: dict[int, dict[str, int]] = {account_id: {} for account_id in account_ids}
    for r in fetch(session, _CURRENCIES, {"account_ids": list(account_ids)}):
        known[r.account_id][r.currency] = int(r.minor)
    return known


def read_statements(
    session: Session,
    known: Mapping[int, Mapping[str, int]],
    from_on: date,
    to_on: date,
    *,
    currencies: Sequence[str],
) -> dict[int, list[Statement]]:
    """Return the statements of some accounts in some currencies, three reads whatever their number.

    The caller has asked for the permission, and `period_of` for the period.

    Args:
        known: account id -> its currencies (`currencies_of`).
    Returns:
        Account id -> one statement for each of its own currencies among those asked for.
    """
    scope = {"account_ids": list(known), "currencies": list(currencies), "from_on": from_on, "to_on": to_on}
    openings = {(r.account_id, r.currency): int(r.minor) for r in fetch(session, _OPENINGS, scope)}
    sides, opens = _grouped(fetch(session, _SIDES, scope)), _grouped(fetch(session, _OPEN, scope))
    return {
        account_id: [
            _statement(
                Money(openings.get((account_id, code), 0), code), list(own), from_on, to_on,
                sides[account_id, code], opens[account_id, code],
            )
            for code in own
            if code in currencies
        ]
        for account_id, own in known.items()
    }  # fmt: skip


def _grouped(rows: Any) -> defaultdict[tuple[int, str], list[Any]]:
    found: defaultdict[tuple[int, str], list[Any]] = defaultdict(list)
    for r in rows:
        found[r.account_id, r.currency].append(r)
    return found


def _statement(
    opening: Money, currencies: Sequence[str], from_on: date, to_on: date, sides: Any, opens: Any
) -> Statement:
    currency = opening.currency
    movements = _movements(sides, opening)
    closing = movements[-1].balance if movements else opening
    items = _items(opens, currency, to_on)
    return Statement(
        currency=currency,
        currencies=currencies,
        from_on=from_on,
        to_on=to_on,
        opening=opening,
        movements=movements,
        charged=total([m.amount for m in movements if m.amount.minor > 0], currency),
        settled=total([-m.amount for m in movements if m.amount.minor < 0], currency),
        closing=closing,
        items=items,
        ages=[
            (code, total([item.open for item in items if item.bucket == code], currency))
            for code, _ in BUCKETS
        ],
        credit=total([item.open for item in items], currency) - closing,
    )


@dataclass(slots=True)
class _Fold:
    """One entry while its sides are added up."""

    on: date
    kind: str
    minor: int = 0
    payment: str = ""
    note: str = ""
    invoices: list[str] = field(default_factory=list)


def _movements(sides: Any, opening: Money) -> list[Movement]:
    """Add up the sides of each entry; one that only moves between invoice and credit is left out."""
    folds: dict[int, _Fold] = {}
    for side in sides:
        fold = folds.setdefault(side.id, _Fold(side.effective_on, side.kind))
        fold.minor += side.minor
        fold.payment = side.payment_number or fold.payment
        fold.note = side.note_number or fold.note
        if side.invoice_number and side.invoice_number not in fold.invoices:
            fold.invoices.append(side.invoice_number)
    movements, balance = [], opening
    for fold in folds.values():
        if not fold.minor:
            continue
        amount = Money(fold.minor, opening.currency)
        balance += amount
        number, documents = _named(fold)
        movements.append(Movement(fold.on, fold.kind, number, documents, amount, balance))
    return movements


def _named(fold: _Fold) -> tuple[str, Sequence[str]]:
    """The number an entry goes by, and the invoices it went to."""
    own = fold.payment or fold.note
    if own:
        return own, [number for number in fold.invoices if number != own]
    if len(fold.invoices) == 1:
        return fold.invoices[0], []
    return "", fold.invoices


def _items(rows: Any, currency: str, to_on: date) -> list[OpenItem]:
    items = []
    for r in rows:
        late = days_late(r.due_on, to_on)
        bucket = next(code for code, most in BUCKETS if most is None or late <= most)
        items.append(
            OpenItem(
                r.number, r.kind.value, r.issued_on, r.due_on, Money(r.total_minor, currency),
                Money(int(r.minor), currency), late, bucket,
            )
        )  # fmt: skip
    return items
