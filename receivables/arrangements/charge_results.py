"""What the end of a charge does to its instalment: credited once, or left for a person.

At most one success is credited to an instalment. A second one (autopay beside a payment by hand) is booked
as unapplied money with a task, never put on the next instalment by itself; none is charged after it. What is
open again though its charge took money loses the credit in the count (plan_counts).
Source: M-15, P-24, FT-25.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.arrangements import Instalment, InstalmentCharge, Plan
from models.payments import PaymentAttempt
from models.states import InstalmentStatus, PlanStatus
from receivables.arrangements import plan_counts, plan_days
from receivables.arrangements.decline_classes import DeclineKind, decline_kind, decline_reason
from receivables.permissions import SYSTEM

#: Plans whose instalments are still waited for.
_RUNNING = frozenset({PlanStatus.ACTIVE, PlanStatus.DEFAULTED})
_ENDED = frozenset({InstalmentStatus.PAID, InstalmentStatus.WAIVED})
#: The gateway never heard of it: no decline, and the next run tries anew.
NEVER_CREATED = "never_created"


def is_second(session: Session, attempt: PaymentAttempt) -> bool:
    """Whether a charge took money for an instalment that is paid already; the account is locked."""
    charge = session.get(InstalmentCharge, attempt.id)
    if charge is None or charge.credited:
        return False
    instalment = session.get_one(Instalment, charge.instalment_id, populate_existing=True)
    other = select(InstalmentCharge.attempt_id).where(
        InstalmentCharge.instalment_id == instalment.id, InstalmentCharge.credited
    )
    return instalment.status in _ENDED or session.scalar(other) is not None


def credit(session: Session, attempt: PaymentAttempt) -> None:
    """Credit a charge that took its money to its instalment, unless the plan has ended meanwhile.

    Called in the unit of work that books it, before the instalment counts its money.
    """
    charge = session.get(InstalmentCharge, attempt.id, with_for_update=True)
    if charge is None:
        return
    instalment = session.get_one(Instalment, charge.instalment_id)
    if session.get_one(Plan, instalment.plan_id).status in _RUNNING:
        charge.credited = True


def stop(session: Session, attempt: PaymentAttempt) -> None:
    """Let no further charge follow by itself one that took money a second time; the account is locked."""
    charge = session.get_one(InstalmentCharge, attempt.id)
    plan_counts.stand_still(session.get_one(Instalment, charge.instalment_id, with_for_update=True))


def failed(session: Session, attempt: PaymentAttempt, *, now: datetime, refused: bool = False) -> None:
    """Let the plan follow a charge that brought no money; called once, when the attempt moved.

    Args:
        refused: the gateway would not even try (no such card): the same call would be refused again,
            whatever its code.
    """
    charge = session.get(InstalmentCharge, attempt.id)
    if charge is None or attempt.failure_code == NEVER_CREATED:
        return
    instalment = session.get_one(Instalment, charge.instalment_id, with_for_update=True)
    plan = session.get_one(Plan, instalment.plan_id)
    if instalment.status in _ENDED or plan.status not in _RUNNING:
        return
    plan_days.charge_failed(
        session,
        SYSTEM,
        instalment,
        kind=DeclineKind.HARD if refused else decline_kind(attempt.failure_code),
        reason=decline_reason(attempt.failure_code),
        now=now,
    )
