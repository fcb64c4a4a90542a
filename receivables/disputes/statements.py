"""What was promised: the salesperson is asked about a contested price, by a day, and says it in the case.

He is asked once at a time, by a task and a mail; when the day is over he is reminded once, and whoever has
the case is alerted. His answer is a note of ours in the thread: the debtor never sees it.
Source: issue of the desk, part 6; policy disputes.statement_business_days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.accounts import Account
from models.disputes import Dispute, DisputeNote, DisputeReason, DisputeStatement
from models.invoices import Invoice
from models.money import Money
from models.staff import Staff
from models.states import HOLDING_DISPUTES
from models.work import Task, TaskKind
from receivables import outbox
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.disputes.cases import case_number, lock
from receivables.errors import NotFound, Refused
from receivables.own_accounts import is_theirs, theirs
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import current_policy
from receivables.staff_mail import queue_staff_mail
from receivables.texts import clean_words

#: Longest question or answer, characters.
WORDS_MOST = 1000
#: What a salesperson may have promised.
PRICES = frozenset({DisputeReason.WRONG_PRICE, DisputeReason.OTHER, DisputeReason.WRONG_TAX})


@dataclass(frozen=True, slots=True)
class StatementView:
    """One question to sales, as its page and the case show it.

    `was_promised` and `answer` are None until it is answered; `is_late` while it waits after its day.
    """

    ref: str
    case: str
    dispute_ref: str
    account_ref: str
    account_name: str
    account_id: int
    invoice_number: str
    contested: Money
    reason: DisputeReason
    debtor_words: str
    question: str
    asked_of: str
    asked_by: str
    asked_at: datetime
    due_on: date
    is_late: bool
    is_open: bool
    was_promised: bool | None
    answer: str | None
    answered_by: str | None
    zone: str


def ask(session: Session, actor: Actor, ref: str, *, question: str, now: datetime) -> DisputeStatement:
    """Ask who sells to the account what was promised.

    Args:
        question: what the salesperson reads, at most WORDS_MOST characters.
    Returns:
        The question, open.
    Raises:
        NotAllowed, NotFound.
        Refused: dispute_closed, not_a_price, no_salesperson, statement_asked, words_missing,
            words_too_long.
    """
    account, invoice, dispute = lock(session, actor, ref, Permission.DISPUTE_RESOLVE)
    if dispute.status not in HOLDING_DISPUTES:
        raise Refused("dispute_closed")
    if dispute.reason not in PRICES:
        raise Refused("not_a_price")
    seller = session.get(Staff, account.salesperson_id) if account.salesperson_id else None
    if seller is None:
        raise Refused("no_salesperson")
    words = _words(question)
    if _open(session, dispute.id) is not None:
        raise Refused("statement_asked")
    days = current_policy(session, now).disputes.statement_business_days
    due_on = add_business_days(business_date(now, account.zone), days, account.country)
    row = DisputeStatement(
        dispute_id=dispute.id, asked_of_id=seller.id, asked_by_id=actor.id, question=words, asked_at=now,
        due_on=due_on,
    )  # fmt: skip
    session.add(row)
    session.flush()
    task = outbox.ask_person(
        session, TaskKind.STATEMENT, _key(row), account_id=account.id, now=now,
        facts={"what": invoice.number, "dispute": dispute.ref, "statement": row.ref, "on": due_on.isoformat(),
               "amount_minor": dispute.contested_minor, "currency": dispute.currency, "words": words},
    )  # fmt: skip
    task.assigned_to_id = seller.id
    case = case_number(dispute.id, dispute.opened_at)
    values = {"who": actor.name, "case": case, "customer": account.name, "until": due_on.isoformat()}
    queue_staff_mail(session, seller, "statement_asked", key=row.ref, values=values, now=now)
    record(session, actor, "dispute.statement_asked", dispute, account_id=account.id, now=now, reason=words,
           facts={"of": seller.id, "due_on": due_on.isoformat()})  # fmt: skip
    outbox.note(session, account.id, "dispute.statement_asked", staff_id=actor.id, now=now,
                facts={"what": seller.name})  # fmt: skip
    return row


def give(
    session: Session, actor: Actor, ref: str, *, was_promised: bool, words: str, now: datetime
) -> DisputeStatement:
    """Say whether it was promised; it comes back into the case as a note of ours.

    Args:
        words: what was said and when, at most WORDS_MOST characters.
    Raises:
        NotAllowed; NotFound: no such question for this actor.
        Refused: statement_answered, words_missing, words_too_long.
    """
    require(actor, Permission.DISPUTE_STATE)
    found = session.execute(
        select(Dispute.ref, Account)
        .join(DisputeStatement, DisputeStatement.dispute_id == Dispute.id)
        .join(Account, Account.id == Dispute.account_id)
        .where(DisputeStatement.ref == ref)
    ).first()
    if found is None or not is_theirs(actor, found.Account):
        raise NotFound("not_found")
    account, _invoice, dispute = lock(session, actor, found.ref, Permission.DISPUTE_STATE)
    row = session.scalars(
        select(DisputeStatement)
        .where(DisputeStatement.ref == ref)
        .execution_options(populate_existing=True)
        .with_for_update()
    ).one()
    said = _words(words)
    if row.closed_at is not None:
        raise Refused("statement_answered")
    row.was_promised, row.answer, row.closed_at, row.answered_by_id = was_promised, said, now, actor.id
    session.add(
        DisputeNote(dispute_id=dispute.id, staff_id=actor.id, words=said, written_at=now, internal=True)
    )
    _end_task(session, actor, row, now=now)
    record(session, actor, "dispute.statement_given", dispute, account_id=account.id, now=now, reason=said,
           facts={"promised": was_promised})  # fmt: skip
    outbox.note(session, account.id, "dispute.statement_given", staff_id=actor.id, now=now,
                facts={"words": said})  # fmt: skip
    return row


def close(session: Session, actor: Actor, dispute: Dispute, *, now: datetime) -> None:
    """Ask no more, because the dispute has ended; the caller has locked it."""
    row = _open(session, dispute.id)
    if row is not None:
        row.closed_at = now
        _end_task(session, actor, row, now=now)


def view(session: Session, actor: Actor, ref: str, *, now: datetime) -> StatementView:
    """Return one question, for whoever may answer it.

    Raises:
        NotAllowed; NotFound: no such question for this actor.
    """
    require(actor, Permission.DISPUTE_STATE)
    r = session.execute(_rows().where(DisputeStatement.ref == ref, theirs(actor))).first()
    if r is None:
        raise NotFound("not_found")
    return _view(session, r, now)


def of_dispute(session: Session, dispute_id: int, *, now: datetime) -> list[StatementView]:
    """Return what sales was asked about a dispute, the latest first; for who reads the case."""
    rows = session.execute(
        _rows().where(DisputeStatement.dispute_id == dispute_id).order_by(DisputeStatement.id.desc())
    )
    return [_view(session, r, now) for r in rows]


# --------------------------------------------------------------------------- the day after


def concerned(session: Session, latest: date) -> list[int]:
    """Accounts with a question to sales whose day is over and that nobody was reminded of."""
    return list(
        session.scalars(
            select(Dispute.account_id)
            .join(DisputeStatement, DisputeStatement.dispute_id == Dispute.id)
            .where(_LATE, DisputeStatement.due_on < latest)
            .distinct()
        )
    )


_LATE = DisputeStatement.closed_at.is_(None) & DisputeStatement.reminded_at.is_(None)


def remind(session: Session, account: Account, *, today: date, now: datetime) -> list[DisputeStatement]:
    """Remind the salesperson once, and alert whoever has the case, when the day is over."""
    rows = list(
        session.scalars(
            select(DisputeStatement)
            .join(Dispute, Dispute.id == DisputeStatement.dispute_id)
            .where(Dispute.account_id == account.id, _LATE, DisputeStatement.due_on < today)
            .order_by(DisputeStatement.id)
        )
    )
    for row in rows:
        row.reminded_at = now
        dispute = session.get_one(Dispute, row.dispute_id)
        case = case_number(dispute.id, dispute.opened_at)
        values = {"case": case, "customer": account.name, "until": row.due_on.isoformat()}
        person = session.get_one(Staff, row.asked_of_id)
        queue_staff_mail(session, person, "statement_late", key=row.ref, values=values, now=now)
        outbox.raise_alert(
            session, "statement_late", f"statement:{row.id}", account_id=account.id, now=now,
            facts={"what": case},
        )  # fmt: skip
    return rows


# --------------------------------------------------------------------------- parts of the above


def _words(words: str) -> str:
    said = clean_words(words, most=WORDS_MOST)
    if not said:
        raise Refused("words_missing")
    return said


def _open(session: Session, dispute_id: int) -> DisputeStatement | None:
    return session.scalar(
        select(DisputeStatement).where(
            DisputeStatement.dispute_id == dispute_id, DisputeStatement.closed_at.is_(None)
        )
    )


def _key(row: DisputeStatement) -> str:
    return f"statement:{row.id}"


def _end_task(session: Session, actor: Actor, row: DisputeStatement, *, now: datetime) -> None:
    task = session.scalar(select(Task).where(Task.key == _key(row), Task.done_at.is_(None)))
    if task is not None:
        task.done_at = now
        task.done_by_id = actor.id if actor.kind is ActorKind.STAFF else None


_OF, _BY, _ANSWERER = aliased(Staff), aliased(Staff), aliased(Staff)


def _rows() -> Any:
    return (
        select(
            DisputeStatement, Dispute, Account.ref.label("account_ref"), Account.name, Account.zone,
            Invoice.number, _OF.name.label("asked_of"), _BY.name.label("asked_by"),
            _ANSWERER.name.label("answered_by"),
        )
        .join(Dispute, Dispute.id == DisputeStatement.dispute_id)
        .join(Account, Account.id == Dispute.account_id)
        .join(Invoice, Invoice.id == Dispute.invoice_id)
        .join(_OF, _OF.id == DisputeStatement.asked_of_id)
        .join(_BY, _BY.id == DisputeStatement.asked_by_id)
        .outerjoin(_ANSWERER, _ANSWERER.id == DisputeStatement.answered_by_id)
    )  # fmt: skip


def _view(session: Session, r: Any, now: datetime) -> StatementView:
    row, dispute = r.DisputeStatement, r.Dispute
    first = session.scalar(
        select(DisputeNote.words)
        .where(DisputeNote.dispute_id == dispute.id, DisputeNote.staff_id.is_(None))
        .order_by(DisputeNote.id)
        .limit(1)
    )
    is_open = row.closed_at is None
    return StatementView(
        ref=row.ref,
        case=case_number(dispute.id, dispute.opened_at),
        dispute_ref=dispute.ref,
        account_ref=r.account_ref,
        account_name=r.name,
        account_id=dispute.account_id,
        invoice_number=r.number,
        contested=Money(dispute.contested_minor, dispute.currency),
        reason=dispute.reason,
        debtor_words=first or "",
        question=row.question,
        asked_of=r.asked_of,
        asked_by=r.asked_by,
        asked_at=row.asked_at,
        due_on=row.due_on,
        is_late=is_open and row.due_on < business_date(now, r.zone),
        is_open=is_open,
        was_promised=row.was_promised,
        answer=row.answer,
        answered_by=r.answered_by,
        zone=r.zone,
    )
