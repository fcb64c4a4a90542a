"""What the messages of a plan say at the moment they leave."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.accounts import Account
from models.arrangements import Instalment, PaysBy, Plan, SavedCard
from models.messages import Message
from models.money import Money
from models.states import InstalmentStatus, PlanStatus
from receivables.arrangements import plan_reads
from receivables.arrangements.at_risk import ends_by
from receivables.arrangements.decline_classes import DeclineReason, remedy_of
from receivables.calendar_days import business_date
from receivables.letter_kinds import LetterKind
from receivables.ports import InvoiceRow


def activated_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """The plan's number, all its dates and amounts, and its first one."""
    plan = session.get_one(Plan, message.facts["plan_id"])
    parts = plan_reads.parts_of(session, plan.id)
    return {
        "case": plan_reads.number_of(plan),
        "plan_total": Money(plan.total_minor, plan.currency),
        "instalment_list": [_row(part, plan.currency) for part in parts],
        "instalment_amount": Money(parts[0].amount_minor, plan.currency),
        "due_date": parts[0].due_on,
    }


def answered_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """The number of the request that was answered."""
    return {"case": plan_reads.number_of(session.get_one(Plan, message.facts["plan_id"]))}


def proposed_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """The plan's number, its parts, the first of them, and the last day to sign."""
    plan = session.get_one(Plan, message.facts["plan_id"])
    return {
        **activated_values(session, message, account, today),
        "deadline": business_date(plan_reads.open_to(plan), account.zone),
    }


def still_proposed(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether a plan that waits for a signature still does."""
    return session.get_one(Plan, message.facts["plan_id"]).status is PlanStatus.PROPOSED


def cancelled_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Which plan has ended, why, and what of it is open."""
    plan = session.get_one(Plan, message.facts["plan_id"])
    came = plan_reads.received(session, [plan])[plan.id]
    return {
        "case": plan_reads.number_of(plan),
        "reason": plan.decision_reason or "",
        "balance": plan_reads.left_of(plan, came),
    }


def due_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What is still to be paid of the instalment that comes, and its day."""
    plan, part = _subject(session, message)
    parts = plan_reads.parts_of(session, plan.id)
    came = plan_reads.received(session, [plan])[plan.id]
    return {
        "instalment_amount": plan_reads.remainder(parts, plan, came, part),
        "due_date": part.due_on,
    }


def missed_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """What did not come, until when it may, and what of the plan is open."""
    plan, part = _subject(session, message)
    parts = plan_reads.parts_of(session, plan.id)
    came = plan_reads.received(session, [plan])[plan.id]
    late = [p for p in parts if p.seq <= part.seq]
    amounts = [plan_reads.remainder(parts, plan, came, p).minor for p in late]
    return {
        "instalment_amount": Money(sum(amounts), plan.currency),
        "due_date": part.due_on,
        "deadline": max(deadline(plan, parts, part), today),
        "balance": Money(max(plan.total_minor - came.received - came.processing, 0), plan.currency),
    }


def refused_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Why the saved card did not pay an instalment, and what helps: `refusal`, `remedy` and their days."""
    plan, part = _subject(session, message)
    parts = plan_reads.parts_of(session, plan.id)
    came = plan_reads.received(session, [plan])[plan.id]
    reason = DeclineReason(part.last_failure or DeclineReason.DECLINED)
    return {
        "instalment_amount": plan_reads.remainder(parts, plan, came, part),
        "due_date": part.due_on,
        "refusal": reason.value,
        "remedy": remedy_of(reason, part.next_try_on).value,
        "retry_date": max(part.next_try_on or today, today),
        "deadline": max(deadline(plan, parts, part), today),
    }


def card_values(session: Session, message: Message, account: Account, today: date) -> dict[str, Any]:
    """Which card pays a plan no longer, and the next amount and day that wait for another way."""
    plan, part = _subject(session, message)
    parts = plan_reads.parts_of(session, plan.id)
    came = plan_reads.received(session, [plan])[plan.id]
    card = session.get_one(SavedCard, message.facts["card_id"])
    month, year = card.expires_month or part.due_on.month, card.expires_year or part.due_on.year
    return {
        "card": " ".join(filter(None, (card.brand.title(), card.last4))),
        "card_until": f"{month:02d}/{year}",
        "instalment_amount": plan_reads.remainder(parts, plan, came, part),
        "due_date": part.due_on,
    }


def deadline(plan: Plan, parts: list[Instalment], part: Instalment) -> date:
    """Return the day by which a missed instalment may come without any other consequence.

    That is the day of the next one; of the last one, as long as a defaulted plan can be cured.
    """
    if plan.status is PlanStatus.DEFAULTED and plan.cure_until_on is not None:
        return plan.cure_until_on
    after = [p.due_on for p in parts if p.seq > part.seq and p.status is InstalmentStatus.SCHEDULED]
    rules = plan.terms["rules"]
    return after[0] if after else part.due_on + timedelta(days=max(rules["retry_days"]) + rules["cure_days"])


def still_due(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the instalment of a waiting notice is still to come."""
    plan, part = _subject(session, message)
    moved = part.due_on.isoformat() != message.facts["due_on"]
    return plan.status is PlanStatus.ACTIVE and part.status is InstalmentStatus.SCHEDULED and not moved


def still_missed(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the instalment of a waiting notice has not come yet and the plan can go on."""
    plan, part = _subject(session, message)
    runs = plan.status in (PlanStatus.ACTIVE, PlanStatus.DEFAULTED) and plan.ended_at is None
    return runs and part.status in (InstalmentStatus.SCHEDULED, InstalmentStatus.MISSED)


def still_refused(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the card that did not pay is still the one that is asked, and its instalment is open."""
    plan, part = _subject(session, message)
    by_card = plan.pays_by is PaysBy.CARD and part.last_failure is not None
    return by_card and still_missed(session, message, account, today)


def still_gone(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether nothing has taken the place of a card that is gone, and the instalment is open."""
    plan, _ = _subject(session, message)
    return plan.saved_card_id is None and still_missed(session, message, account, today)


def still_ends(session: Session, message: Message, account: Account, today: date) -> bool:
    """Whether the card that pays a plan still ends before the instalment that it shall pay."""
    plan, part = _subject(session, message)
    card = session.get_one(SavedCard, message.facts["card_id"])
    same = plan.pays_by is PaysBy.CARD and plan.saved_card_id == card.id
    ends = ends_by(card.expires_year, card.expires_month, part.due_on)
    return same and ends and still_due(session, message, account, today)


def _subject(session: Session, message: Message) -> tuple[Plan, Instalment]:
    part = session.get_one(Instalment, message.facts["instalment_id"])
    return session.get_one(Plan, part.plan_id), part


def _row(part: Instalment, currency: str) -> InvoiceRow:
    """One line of the table of dates: its number, its day, its amount."""
    amount = Money(part.amount_minor, currency)
    return InvoiceRow(
        ref=part.ref,
        number=str(part.seq),
        kind="instalment",
        issued_on=part.due_on,
        due_on=part.due_on,
        total=amount,
        balance=amount,
        days_late=0,
        description="",
        processing=Money(0, currency),
        currency=currency,
    )


LETTERS = {
    "plan_activated": LetterKind(activated_values),
    "plan_answered": LetterKind(answered_values),
    "plan_cancelled": LetterKind(cancelled_values),
    "plan_proposed": LetterKind(proposed_values, still_proposed),
    "instalment_due": LetterKind(due_values, still_due),
    "instalment_missed": LetterKind(missed_values, still_missed),
    "card_refused": LetterKind(refused_values, still_refused),
    "card_gone": LetterKind(card_values, still_gone),
    "card_ends": LetterKind(card_values, still_ends),
}
