"""What the ladder asked people to do and nobody needs to do any more: nobody rings up who has just paid."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.payments import Payment
from models.work import Task, TaskKind
from receivables import invoices
from receivables.audit import record
from receivables.calendar_days import business_date
from receivables.permissions import SYSTEM


def end_calls(session: Session, payment: Payment, *, now: datetime) -> list[Task]:
    """Money came: end the calls of its account in a currency of which nothing is late or due today."""
    return end_calls_of(session, payment.account_id, now=now)


def end_calls_of(session: Session, account_id: int, *, now: datetime) -> list[Task]:
    """End the ladder's open calls to an account in each currency of which nothing is late or due today.

    Returns:
        The tasks that it ended; the account is locked by the caller.
    """
    tasks = session.scalars(
        select(Task)
        .where(Task.account_id == account_id, Task.kind == TaskKind.LADDER_CALL, Task.done_at.is_(None))
        .order_by(Task.id)
    ).all()
    if not tasks:
        return []
    today = business_date(now, session.get_one(Account, account_id).zone)
    asked = {
        row.currency
        for row in invoices.open_rows(session, account_id, today)
        if row.asked and (row.days_late or row.due_on == today)
    }
    over = [task for task in tasks if task.facts.get("currency") not in asked]
    for task in over:
        task.done_at = now
        record(
            session, SYSTEM, "task.done", task, account_id=account_id, now=now,
            facts={"code": task.kind.value, "key": task.key, "why": "nothing_due"},
        )  # fmt: skip
    return over
