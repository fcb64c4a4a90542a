"""What "at risk" means of a promise and of a plan that still run: one definition for every page and figure.

A promise is at risk when it is open and
- `soon_after_broken`: its day is here or at most `promise_within_days` ahead, no payment was begun for it,
  and the account broke `broken_before` promises in `broken_days`; or
- `in_grace`: its day has passed, the days of grace run, and too little came.

A plan is at risk when it runs (active) and
- `missed_part`: `missed_parts` of its parts did not come; or
- `card_ends`: the card that pays it ends within `card_days`, or was taken away; or
- `card_refused`: the card was refused `refusals` times for a part that is still open.

A defaulted plan and a broken promise are no longer at risk: they are broken. Nothing here is a judgement of
a person; each code is a fact that the page words. Source: issue D, part 8; policy [at_risk].
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.arrangements import Instalment, PaysBy, Plan, Promise, SavedCard
from models.invoices import Invoice
from models.payments import Allocation, AttemptInvoice, Payment, PaymentAttempt
from models.states import UNSETTLED_ATTEMPTS, CardStatus, InstalmentStatus, PlanStatus, PromiseStatus
from receivables.calendar_days import business_date
from receivables.policy import RiskRules, current_policy


class PromiseRisk(StrEnum):
    """Why an open promise is at risk."""

    SOON_AFTER_BROKEN = "soon_after_broken"
    IN_GRACE = "in_grace"


class PlanRisk(StrEnum):
    """Why a running plan is at risk."""

    MISSED_PART = "missed_part"
    CARD_ENDS = "card_ends"
    CARD_REFUSED = "card_refused"


# --------------------------------------------------------------------------- promises


def promises_at_risk(
    session: Session, *, now: datetime, account_ids: Sequence[int] | None = None
) -> dict[int, tuple[PromiseRisk, ...]]:
    """Return the open promises that are at risk, by id, with why; one statement.

    Args:
        account_ids: only of these; None for all.
    """
    rules = current_policy(session, now).at_risk
    # A day that has begun anywhere; each row is judged on its account's own day.
    latest = now.date() + timedelta(days=rules.promise_within_days + 1)
    query = (
        select(
            Promise.id, Promise.promised_on, Promise.amount_minor, Account.zone,
            _begun().label("begun"), _broken_before(rules, now).label("broken"),
        )
        .join(Account, Account.id == Promise.account_id)
        .where(Promise.status == PromiseStatus.OPEN, Promise.promised_on <= latest)
    )  # fmt: skip
    if account_ids is not None:
        query = query.where(Promise.account_id.in_(account_ids))
    found = {r.id: _promise_risks(r, rules, business_date(now, r.zone)) for r in session.execute(query)}
    return {promise_id: why for promise_id, why in found.items() if why}


def _promise_risks(r: Any, rules: RiskRules, today: date) -> tuple[PromiseRisk, ...]:
    if r.begun:
        return ()
    found = []
    near = r.promised_on <= today + timedelta(days=rules.promise_within_days)
    if near and r.broken >= rules.broken_before:
        found.append(PromiseRisk.SOON_AFTER_BROKEN)
    if r.promised_on < today:
        found.append(PromiseRisk.IN_GRACE)
    return tuple(found)


def _begun() -> ColumnElement[bool]:
    """Whether something was begun since a promise was made: money that came, or a payment without an end.

    It counts for the account that paid and for the one whose documents were paid (a head office).
    """
    came = (
        select(Payment.id)
        .outerjoin(Allocation, Allocation.payment_id == Payment.id)
        .outerjoin(Invoice, Invoice.id == Allocation.invoice_id)
        .where(
            or_(Payment.account_id == Promise.account_id, Invoice.account_id == Promise.account_id),
            Payment.currency == Promise.currency,
            Payment.received_at >= Promise.made_at,
        )
        .correlate(Promise)
    )
    coming = (
        select(PaymentAttempt.id)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .join(Invoice, Invoice.id == AttemptInvoice.invoice_id)
        .where(
            Invoice.account_id == Promise.account_id,
            PaymentAttempt.currency == Promise.currency,
            PaymentAttempt.started_at >= Promise.made_at,
            PaymentAttempt.status.in_(UNSETTLED_ATTEMPTS),
        )
        .correlate(Promise)
    )
    return or_(exists(came), exists(coming))


def _broken_before(rules: RiskRules, now: datetime) -> ColumnElement[int]:
    earlier = aliased(Promise)
    return (
        select(func.count(earlier.id))
        .where(
            earlier.account_id == Promise.account_id,
            earlier.status == PromiseStatus.BROKEN,
            earlier.judged_at >= now - timedelta(days=rules.broken_days),
        )
        .correlate(Promise)
        .scalar_subquery()
    )


# --------------------------------------------------------------------------- plans


def plans_at_risk(
    session: Session, *, now: datetime, account_ids: Sequence[int] | None = None
) -> dict[int, tuple[PlanRisk, ...]]:
    """Return the running plans that are at risk, by id, with why; one statement.

    Args:
        account_ids: only of these; None for all.
    """
    rules = current_policy(session, now).at_risk
    found = {r.id: _plan_risks(r, rules, now.date()) for r in session.execute(_plans(account_ids))}
    return {plan_id: why for plan_id, why in found.items() if why}


def _plans(account_ids: Sequence[int] | None) -> Any:
    missed = case((Instalment.status == InstalmentStatus.MISSED, 1), else_=0)
    waits = Instalment.status.in_([InstalmentStatus.SCHEDULED, InstalmentStatus.MISSED])
    refused = case((and_(waits, Instalment.last_failure.is_not(None)), Instalment.tries), else_=0)
    query = (
        select(
            Plan.id, Plan.pays_by, SavedCard.status.label("card"), SavedCard.expires_year,
            SavedCard.expires_month, func.sum(missed).label("missed"), func.max(refused).label("refused"),
        )
        .join(Instalment, Instalment.plan_id == Plan.id)
        .outerjoin(SavedCard, SavedCard.id == Plan.saved_card_id)
        .where(Plan.status == PlanStatus.ACTIVE)
        .group_by(
            Plan.id, Plan.pays_by, SavedCard.status, SavedCard.expires_year, SavedCard.expires_month
        )
    )  # fmt: skip
    return query if account_ids is None else query.where(Plan.account_id.in_(account_ids))


def _plan_risks(r: Any, rules: RiskRules, today: date) -> tuple[PlanRisk, ...]:
    found = []
    if r.missed >= rules.missed_parts:
        found.append(PlanRisk.MISSED_PART)
    if r.pays_by is PaysBy.CARD:
        if r.card is not CardStatus.ACTIVE or ends_by(
            r.expires_year, r.expires_month, today + timedelta(days=rules.card_days)
        ):
            found.append(PlanRisk.CARD_ENDS)
        if r.refused >= rules.refusals:
            found.append(PlanRisk.CARD_REFUSED)
    return tuple(found)


def ends_by(year: int | None, month: int | None, day: date) -> bool:
    """Whether a card's last month is over by a day; one without a month is never said to end.

    >>> ends_by(2026, 12, date(2026, 12, 31)), ends_by(2026, 12, date(2027, 1, 1))
    (False, True)
    """
    if year is None or month is None:
        return False
    return day >= date(year + month // 12, month % 12 + 1, 1)
