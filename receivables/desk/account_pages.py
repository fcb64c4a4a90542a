"""The account page of the desk, put together: one read for everything that one page shows.

The number of statements is the same for two invoices and for two thousand; what is long is cut into pages
here, so that a template never sees more than it shows. Source: issue D, part 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.notes import PayRun
from models.work import Task
from receivables import credit_limits, pauses, pay_runs
from receivables.credit_limits import Credit
from receivables.desk import accounts as desk_accounts
from receivables.desk import agreed, attachments
from receivables.desk.accounts import AccountPage
from receivables.desk.agreed import AgreedLine
from receivables.desk.attachments import FileLine
from receivables.invoices import CurrencyGroup
from receivables.pay_runs import NextRun
from receivables.permissions import Actor, Permission, may
from receivables.ports import InvoiceRow

#: Documents on one page.
INVOICES = 50


@dataclass(frozen=True, slots=True)
class InvoicePart:
    """One page of the open documents of a currency; the sums of the group are of all of them."""

    group: CurrencyGroup
    rows: Sequence[InvoiceRow]


@dataclass(frozen=True, slots=True)
class OpenInvoices:
    """A page of the open documents, by currency, in the order in which they fall due."""

    parts: Sequence[InvoicePart]
    number: int
    more: bool
    count: int
    #: Ref of a document on this page -> what it stands still for today.
    pauses: Mapping[str, Sequence[pauses.Standing]]


@dataclass(frozen=True, slots=True)
class DeskAccount:
    """Everything of the account page but timeline, tasks, segment and ladder."""

    page: AccountPage
    invoices: OpenInvoices
    credit: Credit
    arrangements: Sequence[AgreedLine]
    files: Sequence[FileLine]
    pay_run: PayRun | None
    next_run: NextRun | None
    follow_up: Task | None


def desk_account(session: Session, actor: Actor, ref: str, *, number: int = 0, now: datetime) -> DeskAccount:
    """Return the account page.

    Args:
        number: which page of the open documents, from 0.
    Raises:
        NotAllowed: the actor may not read accounts.
        NotFound: no such account, or not this salesperson's.
    """
    view = desk_accounts.page(session, actor, ref, now=now)
    who = view.head
    run = pay_runs.run_of(session, who.id)
    return DeskAccount(
        page=view,
        invoices=open_invoices(view.overview.groups, view.standing.pauses, view.overview.today, number),
        credit=credit_limits.credit_of(session, actor, who.id),
        arrangements=agreed.history(session, actor, who.id),
        files=attachments.listed(session, actor, who.id),
        pay_run=run,
        next_run=pay_runs.coming(run, today=view.overview.today, country=who.country),
        follow_up=pay_runs.open_follow_up(session, who.id) if may(actor, Permission.ALERT_READ) else None,
    )


def open_invoices(
    groups: Sequence[CurrencyGroup], standing: Sequence[pauses.Standing], today: date, number: int
) -> OpenInvoices:
    """Cut the open documents into a page; a number beyond the last page gives the last."""
    count = sum(len(group.rows) for group in groups)
    number = max(0, min(number, (count - 1) // INVOICES))
    first, last = number * INVOICES, (number + 1) * INVOICES
    parts, at = [], 0
    for group in groups:
        rows = group.rows[max(first - at, 0) : max(last - at, 0)]
        at += len(group.rows)
        if rows:
            parts.append(InvoicePart(group, rows))
    shown = {row.ref for part in parts for row in part.rows}
    still: dict[str, list[pauses.Standing]] = {}
    for held in standing:
        if held.invoice_ref in shown and held.holds_on(today):
            still.setdefault(str(held.invoice_ref), []).append(held)
    return OpenInvoices(parts, number, last < count, count, still)
