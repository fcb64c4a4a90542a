"""What may be agreed on before there is a plan: the band, ready choices, and a wish worked out.

Source: domain.md, "Arrangements"; policy keys `plans.*`, `better_terms.*`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Promise
from models.money import Money, total
from models.states import PromiseStatus
from receivables import invoices
from receivables.arrangements.plan_terms import Band, Draft, Wish, band_of, draft, ready_wishes
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import Policy, current_policy
from receivables.ports import InvoiceRow


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may be agreed on over some invoices: the band, ready choices, and what else can be chosen.

    `rows` are all that can be in a plan, `chosen` those that this one is about. `answer_by_on` is when
    a person would answer a request that goes beyond the band.
    """

    currency: str
    rows: Sequence[InvoiceRow]
    chosen: Sequence[InvoiceRow]
    total: Money
    band: Band
    choices: Sequence[Draft]
    most_asked: int
    latest_asked_on: date
    answer_by_on: date
    rules: Any
    today: date


def outlook(
    session: Session,
    actor: Actor,
    *,
    account_id: int,
    currency: str | None,
    invoice_refs: Sequence[str],
    now: datetime,
) -> Outlook:
    """Return what may be agreed on over some invoices of one currency.

    Args:
        currency: None for that of the oldest overdue invoice, else of the first open one.
        invoice_refs: names of invoices; none for everything overdue, else everything open.
    Raises:
        Refused: plan_nothing_open, invoice_not_open.
        NotAllowed, NotFound.
    """
    require(actor, Permission.PLAN_MAKE, account_id=account_id)
    account = session.get_one(Account, account_id)
    today = business_date(now, account.zone)
    policy = current_policy(session, now)
    everything = [row for row in invoices.open_rows(session, account_id, today) if may_be_covered(row)]
    first = next((row for row in everything if row.days_late), next(iter(everything), None))
    if first is None:
        raise Refused("plan_nothing_open")
    currency = currency or first.currency
    rows = [row for row in everything if row.currency == currency]
    if not rows:
        raise Refused("plan_nothing_open")
    if missing := set(invoice_refs) - {row.ref for row in rows}:
        raise Refused("invoice_not_open", ref=sorted(missing)[0])
    chosen = [row for row in rows if row.ref in invoice_refs]
    chosen = chosen or [row for row in rows if row.days_late] or rows
    whole = total([row.asked for row in chosen], currency)
    band = band_of(policy, whole, kept_promises=kept_promises(session, account_id), today=today)
    choices = [
        draft(policy, whole, wish, band, today=today, country=account.country)
        for wish in ready_wishes(policy, band, today)
    ]
    return Outlook(
        currency=currency,
        rows=rows,
        chosen=chosen,
        total=whole,
        band=band,
        choices=[found for found in choices if not found.outside],
        most_asked=max(*policy.approvals.plan_parts.values(), band.most_parts),
        latest_asked_on=today + timedelta(days=policy.plans.asked_within_days),
        answer_by_on=add_business_days(today, policy.pauses.answer_business_days, account.country),
        rules=policy.plans,
        today=today,
    )


def worked_out(session: Session, account_id: int, found: Outlook, wish: Wish, *, now: datetime) -> Draft:
    """Work a wish over the invoices of an outlook out.

    Raises: Refused: as `plan_terms.draft`.
    """
    account = session.get_one(Account, account_id)
    policy: Policy = current_policy(session, now)
    return draft(policy, found.total, wish, found.band, today=found.today, country=account.country)


def may_be_covered(row: InvoiceRow) -> bool:
    """Whether an invoice can come into a plan: something is asked on it and nothing is on its way."""
    return bool(row.asked) and not row.processing and row.arranged is None


def kept_promises(session: Session, account_id: int) -> int:
    """How many promises the account has kept."""
    count = select(func.count()).where(Promise.account_id == account_id, Promise.status == PromiseStatus.KEPT)
    return int(session.execute(count).scalar_one())
