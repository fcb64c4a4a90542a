"""Head office and branches: what each branch owes, and one payment for several of them.

A branch is an account that names the head office as its payer and is shown to it. The head office sees
of a branch what is open, and pays it; a branch sees nothing of the head office, nor of another branch.
The payment belongs to the head office; each invoice is credited in its own branch's account, and the
branch is told that its head office has paid. Source: decision 2; L-15; issue of the portal, part 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.invoices import Invoice
from models.money import Money, total
from models.payments import AttemptInvoice, PaymentAttempt
from models.store import fetch
from receivables import invoices
from receivables.calendar_days import business_date
from receivables.errors import NotFound
from receivables.invoices import InvoiceView
from receivables.permissions import Actor, Permission, require
from receivables.ports import InvoiceRow


@dataclass(frozen=True, slots=True)
class Branch:
    """One account that the head office can pay, with what is asked for in one currency.

    `is_own` marks the head office itself; `asked` and `overdue` are sums of `rows`.
    """

    ref: str
    name: str
    number: str
    is_own: bool
    rows: Sequence[InvoiceRow]
    asked: Money
    overdue: Money
    today: date


@dataclass(frozen=True, slots=True)
class Branches:
    """The head office and its branches in one currency, those that owe something."""

    currency: str
    branches: Sequence[Branch]
    asked: Money

    @property
    def rows(self) -> list[InvoiceRow]:
        """Every open document of all of them, by branch."""
        return [row for branch in self.branches for row in branch.rows]


_GROUP = (
    select(Account.id, Account.ref, Account.name, Account.number, Account.zone)
    .where(
        (Account.id == bindparam("account_id"))
        | ((Account.payer_id == bindparam("account_id")) & Account.shown_to_payer)
    )
    .order_by(Account.id)
)


@dataclass(frozen=True, slots=True)
class GroupMember:
    """An account of a head office's group: itself, or a branch that is shown to it."""

    id: int
    ref: str
    name: str
    number: str
    zone: str


def members(session: Session, account_id: int) -> list[GroupMember]:
    """Return the head office, then the branches shown to it by name; alone, where it pays for no other.

    The caller has asked for the permission to read the head office's account.
    """
    found = [
        GroupMember(r.id, r.ref, r.name, r.number, r.zone)
        for r in fetch(session, _GROUP, {"account_id": account_id})
    ]
    return sorted(found, key=lambda m: (m.id != account_id, m.name.casefold(), m.id))


def document(session: Session, actor: Actor, ref: str, *, account_id: int, now: datetime) -> InvoiceView:
    """Return a document of a branch with its lines, as its head office may read it.

    Raises:
        NotAllowed: a forwarded link sees its one invoice only.
        NotFound: not this actor's account, or no document of a branch that is shown to it (L-15).
    """
    require(actor, Permission.DOCUMENT_READ, account_id=account_id)
    return invoices.branch_document(session, ref, payer_id=account_id, now=now)


def lock_group(session: Session, account_id: int) -> list[int]:
    """Lock an account and the branches shown to it, in the order of their ids, and return these."""
    return _locked(session, [r.id for r in fetch(session, _GROUP, {"account_id": account_id})])


def lock_paid(session: Session, attempt_id: int) -> None:
    """Lock the accounts that an attempt may touch, in the order of their ids: payer and branches (M-07)."""
    payer = session.execute(select(PaymentAttempt.account_id).where(PaymentAttempt.id == attempt_id))
    owners = session.scalars(
        select(Invoice.account_id)
        .join(AttemptInvoice, AttemptInvoice.invoice_id == Invoice.id)
        .where(AttemptInvoice.attempt_id == attempt_id)
        .distinct()
    )
    _locked(session, sorted({payer.scalar_one(), *owners}))


def _locked(session: Session, account_ids: list[int]) -> list[int]:
    for account_id in account_ids:
        session.get_one(Account, account_id, with_for_update=True)
    return account_ids


def views(session: Session, actor: Actor, *, account_id: int, now: datetime) -> list[Branches]:
    """Return what the head office and its branches owe, one view a currency, the largest first.

    Raises:
        NotAllowed: a forwarded link sees its one invoice only.
        NotFound: not this actor's account, or it pays for no other.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=account_id)
    accounts = members(session, account_id)
    if len(accounts) < 2:
        raise NotFound("not_found")
    days = {r.id: business_date(now, r.zone) for r in accounts}
    rows = invoices.open_rows_of(session, days)
    found = []
    for code in sorted({row.currency for own in rows.values() for row in own}):
        owing = []
        for r in accounts:
            own = [row for row in rows[r.id] if row.currency == code and row.asked]
            if not own:
                continue
            asked = total([row.asked for row in own], code)
            late = total([row.asked for row in own if row.days_late], code)
            owing.append(Branch(r.ref, r.name, r.number, r.id == account_id, own, asked, late, days[r.id]))
        if owing:
            found.append(Branches(code, owing, total([b.asked for b in owing], code)))
    return sorted(found, key=lambda view: (not any(m.overdue for m in view.branches), view.currency))


def payable_rows(session: Session, account_id: int, *, currency: str, now: datetime) -> list[InvoiceRow]:
    """Return the open documents that a head office may pay in one payment, oldest due date first."""
    accounts = fetch(session, _GROUP, {"account_id": account_id})
    rows = invoices.open_rows_of(session, {r.id: business_date(now, r.zone) for r in accounts})
    merged = [row for own in rows.values() for row in own if row.currency == currency]
    return sorted(merged, key=lambda row: (row.due_on is None, row.due_on or date.max, row.number))


def chosen_refs(view: Branches, branch_refs: Sequence[str], invoice_refs: Sequence[str]) -> tuple[str, ...]:
    """Return the documents that ticks stand for: all of a ticked branch, else the ticked ones.

    Raises:
        NotFound: a name that is none of theirs (L-15).
    """
    known = {branch.ref for branch in view.branches}
    rows = {row.ref for row in view.rows}
    if not set(branch_refs) <= known or not set(invoice_refs) <= rows:
        raise NotFound("not_found")
    return tuple(
        row.ref
        for branch in view.branches
        for row in branch.rows
        if branch.ref in branch_refs or row.ref in invoice_refs
    )
