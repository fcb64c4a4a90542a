"""What is to be paid next on the running plans of an account, for pages that open with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.arrangements import Instalment, Plan
from models.money import Money, total
from models.states import PlanStatus
from receivables.arrangements.plan_reads import Received, left_of, payable, received, remainder
from receivables.permissions import Actor, Permission, require


@dataclass(frozen=True, slots=True)
class Coming:
    """What is to be paid next on a running plan.

    Attributes:
        on: day of the earliest part with something to pay.
        what: how `choice` names it: "late" for all whose day has passed, else "next".
        amount: what that choice comes to.
        invoice_refs: the invoices that wait for the plan's days instead of their own.
    """

    ref: str
    on: date
    what: str
    amount: Money
    invoice_refs: tuple[str, ...]


_RUNNING = (Plan.status == PlanStatus.ACTIVE) | (
    (Plan.status == PlanStatus.DEFAULTED) & Plan.ended_at.is_(None)
)


def coming(session: Session, actor: Actor, *, account_id: int, today: date) -> list[Coming]:
    """Return what comes next on each running plan of an account; two statements.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=account_id)
    parts: dict[Plan, list[Instalment]] = {}
    for plan, part in session.execute(
        select(Plan, Instalment)
        .join(Instalment, Instalment.plan_id == Plan.id)
        .where(Plan.account_id == account_id, _RUNNING)
        .order_by(Plan.id, Instalment.seq)
    ):
        parts.setdefault(plan, []).append(part)
    came = received(session, parts) if parts else {}
    found = (_coming(plan, rows, came[plan.id], today) for plan, rows in parts.items())
    return [row for row in found if row is not None]


def _coming(plan: Plan, parts: Sequence[Instalment], came: Received, today: date) -> Coming | None:
    left = {part: remainder(parts, plan, came, part) for part in parts}
    first = next((part for part in parts if left[part]), None)
    if first is None:
        return None
    late = [part for part in parts if part.due_on < today]
    amount = total([left[part] for part in late], plan.currency) or left[first]
    return Coming(
        ref=plan.ref,
        on=first.due_on,
        what="late" if first.due_on < today else "next",
        amount=payable(amount, left_of(plan, came)),
        invoice_refs=came.open_refs,
    )
