"""Cases of arrears: opened when an account is late, closed with their figures when it is not any more.

Daily work of each account: it may run again on the same day, or after days that were missed, and finds
what it did. A person may add what the house learned. Source: domain.md, "Good collection ends with
another order, and with lessons learned"; issue D, part 16; policy talks.evidence_days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select, union
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.answers import Answer, AnswerKind
from models.arrangements import Offer, Plan
from models.arrears import ArrearsCase, ArrearsEnd
from models.disputes import Dispute
from models.invoices import OWED_KINDS, Invoice, InvoiceKind
from models.ladder import LadderStep
from models.ledger import LedgerEntry
from models.messages import CallAttempt, Direction, Message, Purpose
from models.money import Money
from models.payments import Allocation, Payment
from models.post import PostLetter
from models.states import DisputeStatus, InvoiceStatus, MessageStatus, OfferStatus, PlanStatus, PostStatus
from receivables import invoices
from receivables.allocations import KEPT_MINOR
from receivables.audit import record
from receivables.calendar_days import at_local
from receivables.errors import NotFound, Refused
from receivables.permissions import SYSTEM, Actor, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words

#: Longest lesson, characters.
LESSON_MOST = 1000
#: Kinds that can be late; a prepayment that hangs is a sale that is not closed yet, not arrears.
_LATE_KINDS = tuple(kind for kind in OWED_KINDS if kind is not InvoiceKind.PREPAYMENT)
_LEFT = (MessageStatus.SENT, MessageStatus.DELIVERED)
#: Reasons heard in a talk.
_TOLD = ("refused", "says_paid", "asked_for_time")


@dataclass(frozen=True, slots=True)
class Act:
    """One act before the money: "message:reminder", "call:promised", "letter:official_letter", "plan"."""

    at: datetime
    code: str
    rung: str | None = None


def concerned(session: Session, latest: date) -> Iterable[int]:
    """Accounts with something late on a day, and those with an open case."""
    late = select(Invoice.account_id).where(
        Invoice.status == InvoiceStatus.OPEN, Invoice.kind.in_(_LATE_KINDS), Invoice.balance_minor > 0,
        Invoice.due_on < latest,
    )  # fmt: skip
    still = select(ArrearsCase.account_id).where(ArrearsCase.closed_on.is_(None))
    return session.scalars(union(late, still)).all()


def look(session: Session, account: Account, *, today: date, now: datetime) -> None:
    """Open a case for each currency in which something is late, and close those in which nothing is."""
    late: dict[str, Money] = {}
    since: dict[str, date] = {}
    for row in invoices.open_rows(session, account.id, today):
        if row.days_late and row.kind in _LATE_KINDS and row.due_on is not None:
            late[row.currency] = late.get(row.currency, Money(0, row.currency)) + row.balance
            since[row.currency] = min(since.get(row.currency, row.due_on), row.due_on)
    standing = {
        case.currency: case
        for case in session.scalars(
            select(ArrearsCase).where(ArrearsCase.account_id == account.id, ArrearsCase.closed_on.is_(None))
        )
    }
    for currency, amount in late.items():
        case = standing.pop(currency, None)
        if case is None:
            session.add(
                ArrearsCase(account_id=account.id, currency=currency, since_on=since[currency],
                            peak_minor=amount.minor, opened_at=now)
            )  # fmt: skip
        else:
            case.peak_minor = max(case.peak_minor, amount.minor)
    for case in standing.values():
        _close(session, account, case, today=today, now=now)
    session.flush()


def _close(session: Session, account: Account, case: ArrearsCase, *, today: date, now: datetime) -> None:
    """End a case with what is known on its last day."""
    money = _money(session, case, today)
    written_off = session.scalar(
        select(func.count()).where(
            Invoice.account_id == case.account_id, Invoice.currency == case.currency,
            Invoice.status == InvoiceStatus.WRITTEN_OFF, Invoice.due_on >= case.since_on,
        )
    )  # fmt: skip
    case.recovered_minor = sum(minor for minor, _, _ in money)
    last_at = max((received for _, received, _ in money), default=None)
    if written_off:
        case.ended, case.closed_on = ArrearsEnd.WRITTEN_OFF, today
    elif last_at is not None:
        case.ended, case.closed_on = ArrearsEnd.PAID, min(max(day for _, _, day in money), today)
    else:
        case.ended, case.closed_on = ArrearsEnd.CREDITED, today
    case.closed_at = now
    case.days = (case.closed_on - case.since_on).days
    start, end = at_local(case.since_on, time.min, account.zone), last_at or now
    acts = _acts(session, case, start, end)
    case.acts = len(acts)
    worked = _worked(session, case, acts, start, last_at)
    if worked is not None:
        case.worked, case.rung = worked.code, worked.rung
    case.reason = _reason(session, case, start, now)
    session.flush()
    record(
        session, SYSTEM, "arrears.closed", case, account_id=account.id, now=now,
        facts={
            "ended": case.ended.value, "days": case.days, "acts": case.acts, "worked": case.worked,
            "recovered_minor": case.recovered_minor, "currency": case.currency,
        },
    )  # fmt: skip


def _money(session: Session, case: ArrearsCase, today: date) -> list[tuple[int, datetime, date]]:
    """What payments brought for documents that were late: amount, moment, value day; nothing reversed."""
    undone = aliased(LedgerEntry)
    rows = session.execute(
        select(KEPT_MINOR.label("amount_minor"), Payment.received_at, Allocation.valued_on)
        .join(Payment, Payment.id == Allocation.payment_id)
        .join(Invoice, Invoice.id == Allocation.invoice_id)
        .outerjoin(undone, undone.reverses_id == Allocation.entry_id)
        .where(
            Invoice.account_id == case.account_id, Allocation.currency == case.currency,
            Invoice.kind.in_(_LATE_KINDS), Invoice.due_on >= case.since_on,
            Allocation.valued_on > Invoice.due_on, Allocation.valued_on <= today, undone.id.is_(None),
            KEPT_MINOR > 0,
        )
    )  # fmt: skip
    return [(r.amount_minor, r.received_at, r.valued_on) for r in rows]


def _acts(session: Session, case: ArrearsCase, start: datetime, end: datetime) -> list[Act]:
    """What we did in the case: reminders that left, talks we began, letters that were posted."""
    steps = {
        row.id: row.rung
        for row in session.execute(
            select(LadderStep.id, LadderStep.rung).where(LadderStep.account_id == case.account_id)
        )
    }
    messages = session.execute(
        select(Message.sent_at, Message.kind, Message.facts).where(
            Message.account_id == case.account_id, Message.purpose == Purpose.REMINDER,
            Message.currency == case.currency, Message.status.in_(_LEFT), Message.sent_at >= start,
            Message.sent_at <= end,
        )
    )  # fmt: skip
    found = [Act(r.sent_at, f"message:{r.kind}", steps.get(r.facts.get("step_id"))) for r in messages]
    talks = session.execute(
        select(CallAttempt.made_at, CallAttempt.channel, CallAttempt.outcome).where(
            CallAttempt.account_id == case.account_id, CallAttempt.direction == Direction.OUT,
            CallAttempt.made_at >= start, CallAttempt.made_at <= end,
        )
    )  # fmt: skip
    found += [Act(r.made_at, f"{_WAY[r.channel]}:{r.outcome}") for r in talks]
    letters = session.execute(
        select(PostLetter.queued_at, PostLetter.kind, PostLetter.step_id).where(
            PostLetter.account_id == case.account_id, PostLetter.currency == case.currency,
            PostLetter.status == PostStatus.POSTED, PostLetter.queued_at >= start,
            PostLetter.queued_at <= end,
        )
    )  # fmt: skip
    found += [Act(r.queued_at, f"letter:{r.kind}", steps.get(r.step_id)) for r in letters]
    return sorted(found, key=lambda act: act.at)


#: How a talk is named among acts.
_WAY = {"phone": "call", "visit": "visit", "messenger": "messenger"}


def _worked(
    session: Session, case: ArrearsCase, acts: list[Act], start: datetime, last_at: datetime | None
) -> Act | None:
    """The last act before the last money, if it is young enough; else an arrangement that was signed."""
    if last_at is None:
        return None
    young = last_at - timedelta(days=current_policy(session, last_at).talks.evidence_days)
    latest = next((act for act in reversed(acts) if act.at >= young), None)
    if latest is not None:
        return latest
    signed = [
        *_signed(session, Plan, "plan", case, (PlanStatus.ACTIVE, PlanStatus.COMPLETED)),
        *_signed(session, Offer, "offer", case, (OfferStatus.ACCEPTED, OfferStatus.SETTLED)),
    ]
    within = [act for act in signed if start <= act.at <= last_at]
    return max(within, key=lambda act: act.at, default=None)


def _signed(
    session: Session,
    kind: type[Plan] | type[Offer],
    code: str,
    case: ArrearsCase,
    statuses: tuple[object, ...],
) -> list[Act]:
    moments = session.scalars(
        select(kind.accepted_at).where(
            kind.account_id == case.account_id, kind.currency == case.currency, kind.status.in_(statuses),
            kind.accepted_at.is_not(None),
        )
    )  # fmt: skip
    return [Act(moment, code) for moment in moments if moment is not None]


def _reason(session: Session, case: ArrearsCase, start: datetime, now: datetime) -> str | None:
    """What the debtor last said stood in the way; what was told in difficulty is kept apart."""
    disputes = session.execute(
        select(Dispute.opened_at, Dispute.reason).where(
            Dispute.account_id == case.account_id, Dispute.currency == case.currency,
            Dispute.status != DisputeStatus.WITHDRAWN, Dispute.opened_at >= start, Dispute.opened_at <= now,
        )
    )  # fmt: skip
    found = [(r.opened_at, f"dispute:{r.reason.value}") for r in disputes]
    answers = session.execute(
        select(Answer.given_at, Answer.kind).where(
            Answer.account_id == case.account_id, Answer.kind != AnswerKind.HARDSHIP,
            Answer.given_at >= start, Answer.given_at <= now,
        )
    )  # fmt: skip
    found += [(r.given_at, f"answer:{r.kind.value}") for r in answers]
    talks = session.execute(
        select(CallAttempt.made_at, CallAttempt.outcome).where(
            CallAttempt.account_id == case.account_id, CallAttempt.outcome.in_(_TOLD),
            CallAttempt.made_at >= start, CallAttempt.made_at <= now,
        )
    )  # fmt: skip
    found += [(r.made_at, f"talk:{r.outcome}") for r in talks]
    return max(found)[1] if found else None


def add_lesson(session: Session, actor: Actor, ref: str, *, words: str, now: datetime) -> ArrearsCase:
    """Write down what the house learned of a closed case; another lesson takes the place of the first.

    Args:
        ref: of the case.
        words: at most LESSON_MOST characters.
    Raises:
        NotAllowed.
        NotFound: no such closed case.
        Refused: words_missing, words_too_long.
    """
    require(actor, Permission.LESSON_ADD)
    case = session.scalar(
        select(ArrearsCase)
        .where(ArrearsCase.ref == ref, ArrearsCase.closed_on.is_not(None))
        .with_for_update()
    )
    if case is None:
        raise NotFound("not_found")
    said = clean_words(words, most=LESSON_MOST)
    if not said:
        raise Refused("words_missing")
    before = case.lesson
    if said != before:
        case.lesson, case.lesson_by_id, case.lesson_at = said, actor.id, now
        record(session, actor, "arrears.lesson_added", case, account_id=case.account_id, now=now,
               personal={"before": before, "after": said})  # fmt: skip
    return case
