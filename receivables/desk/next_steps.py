"""The next step of an account with both consequences: what follows if it is done, and if it is not.

A person's step is the task that is due first, or a step of the ladder that waits for approval; where nothing
waits for a person it is what the ladder does next by itself. Source: issue D, part 2; look.md ("consequences
before the button").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.ladder import LadderStep
from models.money import Money
from models.states import StepStatus
from models.work import TaskKind
from receivables.desk.reads import TaskRow
from receivables.permissions import Actor, Permission, may


@dataclass(frozen=True, slots=True)
class WaitingStep:
    """A step of the ladder that waits for a person."""

    rung: str
    amount: Money
    proposed_on: date
    held_back: str | None


@dataclass(frozen=True, slots=True)
class Following:
    """What the ladder does by itself: a rung and its earliest day, or why nothing comes and up to when."""

    rung: str | None
    on: date | None
    waits_for: str | None
    until: date | None


@dataclass(frozen=True, slots=True)
class NextStep:
    """What is next at an account; `task` and `step` are both None where nothing waits for a person."""

    task: TaskRow | None
    step: WaitingStep | None
    following: Following | None

    @property
    def since(self) -> datetime | date | None:
        """Since when it waits for a person."""
        if self.step is not None:
            return self.step.proposed_on
        return self.task.due_at if self.task is not None else None


def waiting_step(session: Session, actor: Actor, account_id: int) -> WaitingStep | None:
    """Return the firmest step of the ladder that waits for approval; None for who may not read the ladder."""
    if not may(actor, Permission.LADDER_READ):
        return None
    row = session.scalars(
        select(LadderStep)
        .where(LadderStep.account_id == account_id, LadderStep.status == StepStatus.PROPOSED)
        .order_by(LadderStep.seq.desc(), LadderStep.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return WaitingStep(row.rung, Money(row.amount_minor, row.currency), row.business_on, row.held_back)


def next_step(
    actor: Actor, tasks: Sequence[TaskRow], step: WaitingStep | None, places: Sequence[Any] | None, *,
    now: datetime,
) -> NextStep:  # fmt: skip
    """Return what is next.

    Args:
        tasks: open ones of the account; one that is put off is not due yet and waits, and a colleague's own
            question is nobody else's next step.
        places: where its documents stand on their ladders (receivables.ladder.reads.Place); None for who
            may not know.
    """
    mine = [t for t in tasks if t.kind is not TaskKind.MENTION or t.assigned_to == actor.name]
    due = sorted((task for task in mine if task.due_at <= now), key=lambda task: task.due_at)
    return NextStep(None if step is not None else next(iter(due), None), step, _following(places or ()))


def _following(places: Sequence[Any]) -> Following | None:
    """What comes first of all documents; what waits is said where nothing comes."""
    coming = sorted((p for p in places if p.next_rung), key=lambda p: (p.on or date.max, -p.age))
    if coming:
        return Following(coming[0].next_rung, coming[0].on, None, None)
    waiting = [p for p in places if p.waits_for and p.waits_for != "top"]
    return Following(None, None, waiting[0].waits_for, waiting[0].until) if waiting else None
