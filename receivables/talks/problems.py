"""Recurring problems: which reason, at which account, with which product, under which salesperson.

One row for each dispute (its contested amount, split over the lines it is about) and for each reason
that a debtor gave in the portal or in a talk (which names no amount, so it counts without one). Sums are
per currency and never mixed. Source: domain.md, "find recurring problems"; issue D, part 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.answers import Answer
from models.creditors import Creditor
from models.disputes import Dispute, DisputeLine
from models.invoices import Invoice, InvoiceLine
from models.messages import CallAttempt
from models.money import Money
from models.staff import Staff
from models.states import DisputeStatus
from receivables.calendar_days import at_local
from receivables.permissions import Actor, Permission, may, require

#: What the rows may be put together by.
BY = ("reason", "account", "product", "salesperson")
#: Outcomes of talks that are reasons; the others say what was agreed.
_SAID = ("hardship", "refused", "says_paid")
#: Names the rows without a salesperson or a product, in an address.
NOBODY = "-"
_IN_DIFFICULTY = ("answer:hardship", "talk:hardship")
#: The longest span.
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Span:
    """Days from and to, both included, in the creditor's zone."""

    first: date
    last: date

    @classmethod
    def of(cls, first: date, last: date) -> Span:
        """Return the days in their order, at most MOST_DAYS of them."""
        first, last = min(first, last), max(first, last)
        return cls(max(first, last - timedelta(days=MOST_DAYS - 1)), last)


@dataclass(frozen=True, slots=True)
class Only:
    """Which rows are wanted: names of a reason, an account, a product, a salesperson; "" for all."""

    reason: str = ""
    account: str = ""
    product: str = ""
    salesperson: str = ""


ALL = Only()


@dataclass(frozen=True, slots=True)
class Case:
    """One time that something went wrong, or that a debtor named a reason.

    Attributes:
        reason: "dispute:wrong_price", "answer:forgot", "talk:refused".
        account, salesperson: refs or ids as text; "" for none.
        dispute: its ref, where there is one.
        amount: what was contested of this product; None of an answer.
    """

    at: datetime
    reason: str
    account: str
    account_name: str
    product: str
    salesperson: str
    salesperson_name: str
    dispute: str = ""
    number: str = ""
    amount: Money | None = None
    upheld: bool | None = None


@dataclass(slots=True)
class Line:
    """One line of the report: how often, at how many accounts, and how much, by currency."""

    key: str
    name: str
    times: int = 0
    disputes: int = 0
    accounts: set[str] = field(default_factory=set)
    amounts: dict[str, int] = field(default_factory=dict)
    upheld: int = 0
    decided: int = 0

    @property
    def sums(self) -> list[Money]:
        """The amounts, one for each currency, largest first."""
        found = [Money(minor, code) for code, minor in self.amounts.items()]
        return sorted(found, key=lambda amount: (-amount.minor, amount.currency))


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a span; `cases` are the single ones behind it, newest first, when some were asked for."""

    span: Span
    by: str
    only: Only
    lines: Sequence[Line]
    cases: Sequence[Case]
    total: Line


def report(session: Session, actor: Actor, span: Span, *, by: str, only: Only = ALL) -> Report:
    """Return how often what went wrong, put together by one of BY, most often first.

    Args:
        only: narrows the rows; the lines are those of what is left.
    Raises:
        NotAllowed.
    """
    require(actor, Permission.REPORT_READ)
    by = by if by in BY else BY[0]
    zone = session.scalar(select(Creditor.zone).order_by(Creditor.id).limit(1)) or "UTC"
    first = at_local(span.first, time.min, zone)
    last = at_local(span.last + timedelta(days=1), time.min, zone)
    # Who is in difficulty is told to those who may read that (domain.md, hardship).
    hidden = () if may(actor, Permission.HARDSHIP_READ) else _IN_DIFFICULTY
    found = [
        case for case in _cases(session, first, last) if _wanted(case, only) and case.reason not in hidden
    ]
    lines: dict[str, Line] = {}
    whole = Line("", "")
    for case in found:
        key, name = _key(case, by)
        _count(lines.setdefault(key, Line(key, name)), case)
        _count(whole, case)
    _count_disputes([*lines.values(), whole], found, by)
    ordered = sorted(lines.values(), key=lambda line: (-line.times, -sum(line.amounts.values()), line.key))
    return Report(span, by, only, ordered, sorted(found, key=lambda case: case.at, reverse=True), whole)


def _key(case: Case, by: str) -> tuple[str, str]:
    if by == "account":
        return case.account, case.account_name
    if by == "salesperson":
        return case.salesperson, case.salesperson_name
    return (case.product, case.product) if by == "product" else (case.reason, case.reason)


def _wanted(case: Case, only: Only) -> bool:
    asked = ((only.reason, case.reason), (only.account, case.account), (only.product, case.product),
             (only.salesperson, case.salesperson))  # fmt: skip
    return all(want in ("", has) or (want == NOBODY and not has) for want, has in asked)


def _count(line: Line, case: Case) -> None:
    line.accounts.add(case.account)
    if case.amount is not None:
        line.amounts[case.amount.currency] = line.amounts.get(case.amount.currency, 0) + case.amount.minor


def _count_disputes(lines: Sequence[Line], cases: Iterable[Case], by: str) -> None:
    """Count each dispute once a line, however many of its lines are about it."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    by_key = {line.key: line for line in lines[:-1]}
    for place, case in enumerate(cases):
        for line in (by_key[_key(case, by)[0]], lines[-1]):
            name = case.dispute or f"#{place}"
            whose = f"{id(line)}"
            if name in seen[whose]:
                continue
            seen[whose].add(name)
            line.times += 1
            line.disputes += bool(case.dispute)
            line.decided += case.upheld is not None
            line.upheld += bool(case.upheld)


def _cases(session: Session, first: datetime, last: datetime) -> list[Case]:
    return [*_disputes(session, first, last), *_answers(session, first, last), *_talks(session, first, last)]


_SALES = aliased(Staff)


def _whose(row: Any) -> dict[str, Any]:
    return {
        "account": row.account_ref, "account_name": row.account_name,
        "salesperson": row.sales_ref or "", "salesperson_name": row.sales_name or "",
    }  # fmt: skip


_WHOSE = (
    Account.ref.label("account_ref"), Account.name.label("account_name"), _SALES.ref.label("sales_ref"),
    _SALES.name.label("sales_name"),
)  # fmt: skip
_DECIDED = {
    DisputeStatus.UPHELD: True, DisputeStatus.PARTLY_UPHELD: True, DisputeStatus.REJECTED: False,
}  # fmt: skip


def _disputes(session: Session, first: datetime, last: datetime) -> list[Case]:
    """A row for each line that a dispute is about; of an amount or a whole document, one without product."""
    rows = session.execute(
        select(
            Dispute.opened_at, Dispute.ref, Dispute.reason, Dispute.status, Dispute.contested_minor,
            Dispute.currency, Invoice.number, DisputeLine.contested_minor.label("line_minor"),
            InvoiceLine.description, *_WHOSE,
        )
        .join(Account, Account.id == Dispute.account_id)
        .join(Invoice, Invoice.id == Dispute.invoice_id)
        .outerjoin(_SALES, _SALES.id == Account.salesperson_id)
        .outerjoin(DisputeLine, DisputeLine.dispute_id == Dispute.id)
        .outerjoin(InvoiceLine, InvoiceLine.id == DisputeLine.invoice_line_id)
        .where(
            Dispute.opened_at >= first, Dispute.opened_at < last, Dispute.status != DisputeStatus.WITHDRAWN
        )
        .order_by(Dispute.id, DisputeLine.invoice_line_id)
    )  # fmt: skip
    return [
        Case(
            at=r.opened_at,
            reason=f"dispute:{r.reason.value}",
            product=r.description or "",
            dispute=r.ref,
            number=r.number,
            upheld=_DECIDED.get(r.status),
            amount=Money(r.contested_minor if r.line_minor is None else r.line_minor, r.currency),
            **_whose(r),
        )
        for r in rows
    ]


def _answers(session: Session, first: datetime, last: datetime) -> list[Case]:
    """Reasons given in the portal; those that opened a dispute are counted there."""
    rows = session.execute(
        select(Answer.given_at, Answer.kind, *_WHOSE)
        .join(Account, Account.id == Answer.account_id)
        .outerjoin(_SALES, _SALES.id == Account.salesperson_id)
        .where(Answer.given_at >= first, Answer.given_at < last, Answer.kind != "wrong_invoice")
        .order_by(Answer.id)
    )
    return [Case(at=r.given_at, reason=f"answer:{r.kind.value}", product="", **_whose(r)) for r in rows]


def _talks(session: Session, first: datetime, last: datetime) -> list[Case]:
    """Reasons heard in a talk; what was said to be wrong is counted as its dispute."""
    rows = session.execute(
        select(CallAttempt.made_at, CallAttempt.outcome, *_WHOSE)
        .join(Account, Account.id == CallAttempt.account_id)
        .outerjoin(_SALES, _SALES.id == Account.salesperson_id)
        .where(
            CallAttempt.made_at >= first, CallAttempt.made_at < last,
            CallAttempt.outcome.in_(_SAID),
        )
        .order_by(CallAttempt.id)
    )  # fmt: skip
    return [Case(at=r.made_at, reason=f"talk:{r.outcome}", product="", **_whose(r)) for r in rows]
