"""What happens next, as a debtor is told: what comes at the earliest when, and what waits for what.

Read from where his documents stand, so that a page costs two statements; what stands still is read anew.
A rung that only the house acts on is told as what it is to him: a person looks at the account.
Source: issue C, part 3 ("in the portal's tone for the debtor"); tone.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.disputes import Dispute
from models.invoices import Invoice
from models.ladder import LadderPosition
from models.pauses import PauseReason
from models.states import InvoiceStatus
from models.store import fetch
from receivables import pauses
from receivables.calendar_days import add_business_days, business_date
from receivables.ladder.choosing import ladders_in_force
from receivables.ladder.rungs import Act, Ladder, Rung
from receivables.pauses import Standing
from receivables.permissions import Actor, Permission, require


class Told(StrEnum):
    """What a rung is to the debtor."""

    REMINDER = "reminder"
    CALL = "call"
    #: A message or a call, as it turns out on the day.
    CONTACT = "contact"
    LETTER = "letter"
    ORDER_ENDS = "order_ends"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next at the earliest on a day, and which documents it is about."""

    told: Told
    on: date
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wait:
    """What stands still: why, up to which day where that is known, and for which documents.

    reason: a pause's; None where nothing is said of why.
    """

    reason: PauseReason | None
    until: date | None
    numbers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next step, and everything that waits; both empty where nothing is planned."""

    step: Step | None
    waits: Sequence[Wait]


_CONTESTED = (
    select(func.coalesce(func.sum(Dispute.contested_minor), 0))
    .where(Dispute.invoice_id == Invoice.id, Dispute.holds)
    .correlate(Invoice)
    .scalar_subquery()
)
_STANDING = (
    select(
        Invoice.ref, Invoice.number, Invoice.currency, LadderPosition.ladder, LadderPosition.next_rung,
        LadderPosition.next_on, LadderPosition.waits_for, Invoice.due_on, Account.country,
        Account.agreed_days,
        (Invoice.balance_minor <= _CONTESTED).label("contested"),
    )
    .join(LadderPosition, LadderPosition.invoice_id == Invoice.id)
    .join(Account, Account.id == Invoice.account_id)
    .where(
        Invoice.account_id == bindparam("account_id"),
        Invoice.status == InvoiceStatus.OPEN,
        Invoice.balance_minor > 0,
    )
    .order_by(Invoice.due_on, Invoice.id)
)  # fmt: skip


def outlook(session: Session, actor: Actor, *, account_id: int, zone: str, now: datetime) -> Outlook:
    """Return what happens next at an account; writes nothing.

    Args:
        zone: of the account; days are its own.
    Raises: NotAllowed; NotFound: another account's.
    """
    require(actor, Permission.ACCOUNT_READ, account_id=account_id)
    today = business_date(now, zone)
    rows = fetch(session, _STANDING, {"account_id": account_id}).all()
    if not rows:
        return Outlook(None, ())
    held = pauses.standing(session, account_id, today)
    ladders = ladders_in_force(session, now)
    steps: dict[tuple[date, Told], list[str]] = {}
    waits: dict[tuple[PauseReason | None, date | None], list[str]] = {}
    for row in rows:
        pause = next((p for p in held if _stops(p, row)), None)
        if pause is not None:
            waits.setdefault((pauses.spoken(pause.reason), pause.to_on), []).append(row.number)
        elif row.next_rung is not None and row.next_on is not None:
            rung = _rung(ladders.get(row.ladder), row.next_rung)
            steps.setdefault((_earliest(row, rung, today), _told(rung)), []).append(row.number)
        elif row.waits_for != "top":
            waits.setdefault((None, None), []).append(row.number)
    first = min(steps, default=None)
    return Outlook(
        Step(first[1], first[0], steps[first]) if first is not None else None,
        [Wait(reason, until, numbers) for (reason, until), numbers in waits.items()],
    )


def _stops(pause: Standing, row: Any) -> bool:
    """Whether a pause stops a document: a dispute does when it contests all of it, the rest is asked for."""
    covered = pause.covers(row.ref, None, row.currency)
    return covered and (pause.reason is not PauseReason.DISPUTE or row.contested)


def _rung(ladder: Ladder | None, code: str) -> Rung | None:
    """The rung of a code; None where the ladder no longer has it."""
    return next((rung for rung in ladder.rungs if rung.code == code), None) if ladder is not None else None


def _earliest(row: Any, rung: Rung | None, today: date) -> date:
    """The first day on which a rung may come: an account that was woken is looked at today, yet no rung
    comes before its day after the due date."""
    on = max(row.next_on, today)
    if rung is not None and row.due_on is not None:
        on = max(on, row.due_on + timedelta(days=rung.day + row.agreed_days))
    return add_business_days(on, 0, row.country)


def _told(rung: Rung | None) -> Told:
    """What a rung is to the debtor; one that is gone is a person who looks."""
    acts = {effect.act for effect in rung.effects} if rung is not None else set()
    if acts >= {Act.MESSAGE, Act.CALL}:
        return Told.CONTACT
    for act, told in (
        (Act.LETTER, Told.LETTER), (Act.MESSAGE, Told.REMINDER), (Act.CALL, Told.CALL),
        (Act.EXPIRE, Told.ORDER_ENDS),
    ):  # fmt: skip
        if act in acts:
            return told
    return Told.PERSON
