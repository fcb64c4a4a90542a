"""What becomes of a promise: kept by money of its time, broken by its absence, let go when moot.

Broken it is one rung, not a jump: a notice, and a task for a person. Money counts by when it was
initiated, whenever we learn of it. Source: domain.md, "Arrangements" (Promise); policy [promises].
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Promise
from models.invoices import Invoice
from models.messages import Purpose
from models.pauses import PauseReason
from models.payments import Allocation, AttemptInvoice, Payment, PaymentAttempt
from models.states import UNSETTLED_ATTEMPTS, PromiseStatus, advance
from models.work import TaskKind
from receivables import bank_lines, invoices, outbox, pauses
from receivables.allocations import KEPT_MINOR, TAKEN_BEYOND_MINOR, TAKEN_MINOR
from receivables.arrangements import promises
from receivables.arrangements.paid_for import accounts_of
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM
from receivables.policy import PromiseRules, current_policy


def received(session: Session, row: Promise, until: date) -> int:
    """Return what was initiated since the promise was made and by a day, in minor units.

    What a head office paid on the account's invoices counts, what the account paid on the invoices
    of its branches does not, nor what was taken back.
    """
    came = session.execute(select(came_since(Payment.valued_on <= until)).where(Promise.id == row.id))
    return int(came.scalar_one())


def came_since(*more: ColumnElement[bool]) -> ColumnElement[int]:
    """Return the question what was initiated since a promise was made, beside its row, in minor units.

    Args:
        more: what else a payment has to meet.
    """
    ours, given = Payment.account_id == Promise.account_id, Invoice.account_id != Promise.account_id
    begun_at = func.coalesce(
        select(PaymentAttempt.started_at)
        .where(PaymentAttempt.id == Payment.attempt_id)
        .correlate(Payment)
        .scalar_subquery(),
        Payment.received_at,
    )
    in_time = [Payment.currency == Promise.currency, begun_at >= Promise.made_at, *more]
    # What left a payment twice is no less than nothing of it.
    stays = Payment.amount_minor - (TAKEN_MINOR - TAKEN_BEYOND_MINOR)
    paid = select(func.coalesce(func.sum(stays), 0)).where(ours, *in_time)
    shares = (
        select(func.coalesce(func.sum(KEPT_MINOR), 0))
        .join(Payment, Payment.id == Allocation.payment_id)
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .where(*in_time)
    )
    for_branches = shares.where(ours, given)
    # Looked up by the documents of the account, not by every payment of others.
    by_others = shares.where(Invoice.account_id == Promise.account_id, ~ours)

    def beside(part: Select[Any]) -> Any:
        return part.correlate(Promise).scalar_subquery()

    whole: ColumnElement[int] = beside(paid) - beside(for_branches) + beside(by_others)
    return whole


def _is_kept(row: Promise, came_minor: int, rules: PromiseRules) -> bool:
    return came_minor * 100 >= row.amount_minor * rules.kept_percent


def keep(session: Session, payment: Payment, *, now: datetime) -> None:
    """See whether money that came keeps an open promise; a follower of payments.

    Looks at the promise of the account that paid, and of each whose invoices were paid with it.
    Source: policy promises.kept_percent, grace_business_days.
    """
    for account in accounts_of(session, payment):
        keep_for(session, account, payment.currency, now=now)


def keep_for(session: Session, account: Account, currency: str, *, now: datetime) -> None:
    """See whether what has come by now keeps the open promise of an account; it is locked."""
    row = promises.open_promise(session, account.id, currency)
    if row is not None:
        _keep(session, account, row, now=now)


def _keep(session: Session, account: Account, row: Promise, *, now: datetime) -> None:
    rules = current_policy(session, now).promises
    came = received(session, row, promises.waited_until(row.promised_on, account.country, rules))
    row.received_minor = came
    if not _is_kept(row, came, rules):
        return
    advance(row, PromiseStatus.KEPT)
    row.judged_at = now
    pauses.resume(session, SYSTEM, account, promises.key_of(row), now=now)
    facts = {"amount_minor": came, "currency": row.currency, "on": row.promised_on.isoformat()}
    record(session, SYSTEM, "promise.kept", row, account_id=account.id, now=now, facts=facts)
    outbox.note(session, account.id, "promise.kept", contact_id=row.contact_id, now=now, facts=facts)


def unkeep(session: Session, payment: Payment, *, now: datetime) -> list[Promise]:
    """Judge again the promises that a payment had kept, after it was reversed in part or whole.

    Returns:
        Those that fall without what was taken back, broken.
    Source: domain.md, "Statuses and their moves": kept→broken (payment reversed).
    """
    judged = (_unkeep(session, account, payment, now=now) for account in accounts_of(session, payment))
    return [row for row in judged if row is not None]


def _unkeep(session: Session, account: Account, payment: Payment, *, now: datetime) -> Promise | None:
    row = session.scalar(
        select(Promise)
        .where(
            Promise.account_id == account.id,
            Promise.currency == payment.currency,
            Promise.status == PromiseStatus.KEPT,
            Promise.made_at <= payment.received_at,
        )
        .order_by(Promise.id.desc())
        .limit(1)
    )
    if row is None:
        return None
    rules = current_policy(session, now).promises
    until = promises.waited_until(row.promised_on, account.country, rules)
    if payment.valued_on > until:
        return None
    came = received(session, row, until)
    if _is_kept(row, came, rules):
        return None
    _break(session, account, row, came, now=now)
    return row


def concerned_tomorrow(session: Session, latest: date) -> Iterable[int]:
    """Accounts that may have a promise for the next day."""
    return _accounts(session, latest + timedelta(days=1))


def concerned_late(session: Session, latest: date) -> Iterable[int]:
    """Accounts that may have a promise whose day has passed."""
    return _accounts(session, latest)


def _accounts(session: Session, upto: date) -> list[int]:
    return list(
        session.scalars(
            select(Promise.account_id).where(
                Promise.status == PromiseStatus.OPEN, Promise.promised_on <= upto
            )
        )
    )


def remind_tomorrow(session: Session, account: Account, *, today: date, now: datetime) -> None:
    """Write a short note the day before, as was agreed when the promise was noted; daily."""
    for row in _open(session, account):
        made_today = business_date(row.made_at, account.zone) == today
        if row.promised_on == today + timedelta(days=1) and not made_today:
            promises.write(
                session, SYSTEM, account, row, "promise_due_tomorrow", Purpose.ARRANGEMENT, now=now
            )


def break_late(session: Session, account: Account, *, today: date, now: datetime) -> None:
    """Break what was not kept when its day and the grace are over; daily.

    Nothing breaks while something else stands still for the account, such as "I have paid", nor while
    money that was begun in time is on its way, nor while the bank's lines are behind; where nothing is
    asked for any more, the promise is let go.
    """
    if bank_lines.is_behind(session, account, now=now):
        return
    rules = current_policy(session, now).promises
    held = [h for h in pauses.standing(session, account.id, today) if h.reason is not PauseReason.PROMISE]
    for row in _open(session, account):
        until = promises.waited_until(row.promised_on, account.country, rules)
        if today <= until or pauses.paused_by(held, currency=row.currency):
            continue
        rows = invoices.open_rows(session, account.id, today, currency=row.currency)
        asked = [r for r in rows if r.asked]
        if not asked:
            promises.let_go(session, SYSTEM, account, row, now=now)
        elif _on_its_way(session, row, until, account.zone):
            continue
        elif not all(pauses.paused_by(held, invoice_ref=r.ref, currency=r.currency) for r in asked):
            _break(session, account, row, received(session, row, until), now=now)


def _on_its_way(session: Session, row: Promise, until: date, zone: str) -> bool:
    """Whether a payment that was begun for the account by a day has no end yet (P-19)."""
    begun = session.scalars(
        select(PaymentAttempt.started_at)
        .join(AttemptInvoice, AttemptInvoice.attempt_id == PaymentAttempt.id)
        .join(Invoice, Invoice.id == AttemptInvoice.invoice_id)
        .where(
            Invoice.account_id == row.account_id,
            PaymentAttempt.currency == row.currency,
            PaymentAttempt.started_at >= row.made_at,
            PaymentAttempt.status.in_(UNSETTLED_ATTEMPTS),
        )
    )
    return any(business_date(started_at, zone) <= until for started_at in begun)


def _open(session: Session, account: Account) -> list[Promise]:
    return list(
        session.scalars(
            select(Promise)
            .where(Promise.account_id == account.id, Promise.status == PromiseStatus.OPEN)
            .order_by(Promise.id)
        )
    )


def _break(session: Session, account: Account, row: Promise, came: int, *, now: datetime) -> None:
    advance(row, PromiseStatus.BROKEN)
    row.judged_at, row.received_minor = now, came
    facts = {"amount_minor": row.amount_minor, "currency": row.currency, "on": row.promised_on.isoformat()}
    record(session, SYSTEM, "promise.broken", row, account_id=account.id, now=now,
           facts=facts | {"received_minor": came})  # fmt: skip
    outbox.note(session, account.id, "promise.broken", contact_id=row.contact_id, now=now, facts=facts)
    outbox.ask_person(
        session, TaskKind.PROMISE_BROKEN, promises.key_of(row), account_id=account.id, facts=facts, now=now
    )
    promises.write(session, SYSTEM, account, row, "promise_broken", Purpose.ARRANGEMENT, now=now)
