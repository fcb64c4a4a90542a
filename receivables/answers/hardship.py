"""A debtor in difficulty tells a person: kept apart, by a permission of its own.

The words lie in the case and nowhere else: not on the timeline, in no task, message, log or audit
entry. Reminders stand still until a person has answered. Source: domain.md, "Six kinds of debtor"
(hardship); decision 8; issue of the portal, part 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.answers import HardshipCase
from models.money import Money
from models.pauses import PauseReason
from models.staff import Staff
from models.states import RequestStatus, advance
from models.work import Task, TaskKind
from receivables import outbox, pauses
from receivables.audit import record
from receivables.calendar_days import add_business_days, business_date
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy
from receivables.texts import clean_words

#: Longest that one telling may be, characters; a case holds what was told while it is open.
MOST_WORDS = 4000
#: Between what was told on two occasions.
_THEN = "\n\n· · ·\n\n"


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case in the list of those who may read it: who and by when, not yet what."""

    ref: str
    account_ref: str
    account_name: str
    status: RequestStatus
    told_at: datetime
    answer_by_on: date
    answered_at: datetime | None
    #: Who told; of one account several may have.
    contact: str | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case as the person who looks after it reads it."""

    row: CaseRow
    account_id: int
    zone: str
    phone: str | None
    words: str
    could_pay: Money | None
    answered_by: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """What the teller is shown of his own case: that a person has it and by when, never the words."""

    told_at: datetime
    answer_by_on: date


def tell(
    session: Session, actor: Actor, account: Account, words: str, could_pay: Money | None, *, now: datetime
) -> HardshipCase:
    """Give a case to a person and stand still; words of the same teller are added while it is open.

    Args:
        words: what the debtor says; at most MOST_WORDS.
        could_pay: what he could pay, if he named it.
    Returns:
        The open case.
    Raises:
        NotAllowed, NotFound.
        Refused: words_missing, words_too_long, amount_zero, amount_negative.
    """
    require(actor, Permission.HARDSHIP_TELL, account_id=account.id)
    said = clean_words(words, most=MOST_WORDS)
    if not said:
        raise Refused("words_missing")
    if could_pay is not None and could_pay.minor <= 0:
        raise Refused("amount_zero" if could_pay.minor == 0 else "amount_negative")
    case = session.scalar(_open_case(account.id, actor.contact_id).with_for_update())
    if case is None:
        case = _begin(session, actor, account, said, now=now)
    elif said not in case.words.split(_THEN):
        case.words += _THEN + said
    if could_pay is not None:
        case.could_pay_minor, case.currency = could_pay.minor, could_pay.currency
    return case


def _begin(session: Session, actor: Actor, account: Account, said: str, *, now: datetime) -> HardshipCase:
    days = current_policy(session, now).pauses.answer_business_days
    case = HardshipCase(
        account_id=account.id,
        contact_id=actor.contact_id,
        status=RequestStatus.OPEN,
        words=said,
        told_at=now,
        answer_by_on=add_business_days(business_date(now, account.zone), days, account.country),
    )
    session.add(case)
    session.flush()
    pauses.pause(session, actor, account, PauseReason.HARDSHIP, key=_key(case), now=now)
    outbox.ask_person(session, TaskKind.HARDSHIP, _key(case), account_id=account.id, facts={}, now=now)
    record(session, actor, "hardship.told", case, account_id=account.id, now=now)
    return case


def _key(case: HardshipCase) -> str:
    return f"hardship:{case.id}"


def _open_case(account_id: int, contact_id: int | None) -> Select[HardshipCase]:
    """What one person has told; of each other's telling the people of an account learn nothing."""
    return select(HardshipCase).where(
        HardshipCase.account_id == account_id,
        HardshipCase.contact_id == contact_id,
        HardshipCase.status == RequestStatus.OPEN,
    )


def told(session: Session, actor: Actor) -> Told | None:
    """Return what the link holder himself has told and waits for; None when nothing of his is open.

    Raises: NotAllowed.
    """
    require(actor, Permission.HARDSHIP_TELL)
    case = session.scalar(_open_case(actor.account_id or 0, actor.contact_id))
    return Told(case.told_at, case.answer_by_on) if case is not None else None


def answer(session: Session, actor: Actor, ref: str, *, now: datetime) -> HardshipCase:
    """Close a case when a person has spoken with the debtor; reminders go on. A second call changes nothing.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.HARDSHIP_READ)
    case = session.scalar(select(HardshipCase).where(HardshipCase.ref == ref))
    if case is None:
        raise NotFound("not_found")
    account = session.get_one(Account, case.account_id, with_for_update=True)
    session.refresh(case)
    if case.status is not RequestStatus.OPEN:
        return case
    advance(case, RequestStatus.ANSWERED)
    case.answered_at, case.answered_by_id = now, actor.id
    pauses.resume(session, actor, account, _key(case), now=now)
    task = session.scalar(select(Task).where(Task.key == _key(case), Task.done_at.is_(None)))
    if task is not None:
        task.done_at, task.done_by_id = now, actor.id
    record(session, actor, "hardship.answered", case, account_id=account.id, now=now)
    return case


_ROWS = (
    select(
        HardshipCase.ref,
        Account.ref.label("account_ref"),
        Account.name.label("account_name"),
        HardshipCase.status,
        HardshipCase.told_at,
        HardshipCase.answer_by_on,
        HardshipCase.answered_at,
        Contact.name.label("contact"),
    )
    .join(Account, Account.id == HardshipCase.account_id)
    .outerjoin(Contact, Contact.id == HardshipCase.contact_id)
)  # fmt: skip


def cases(session: Session, actor: Actor, *, closed: bool = False, limit: int = 200) -> Sequence[CaseRow]:
    """Return cases that wait, the one promised first on top, or those that are closed, newest first.

    Raises: NotAllowed.
    """
    require(actor, Permission.HARDSHIP_READ)
    if closed:
        query = _ROWS.where(HardshipCase.status != RequestStatus.OPEN).order_by(HardshipCase.id.desc())
    else:
        query = _ROWS.where(HardshipCase.status == RequestStatus.OPEN).order_by(
            HardshipCase.answer_by_on, HardshipCase.id
        )
    return [CaseRow(*r) for r in session.execute(query.limit(limit))]


def case_view(session: Session, actor: Actor, ref: str) -> CaseView:
    """Return one case with its words.

    Raises: NotAllowed, NotFound.
    """
    require(actor, Permission.HARDSHIP_READ)
    r = session.execute(
        _ROWS.add_columns(
            HardshipCase.account_id,
            Account.zone,
            Contact.phone,
            HardshipCase.words,
            HardshipCase.could_pay_minor,
            HardshipCase.currency,
            Staff.name.label("answered_by"),
        )
        .outerjoin(Staff, Staff.id == HardshipCase.answered_by_id)
        .where(HardshipCase.ref == ref)
    ).first()
    if r is None:
        raise NotFound("not_found")
    return CaseView(
        row=CaseRow(*r[:8]),
        account_id=r.account_id,
        zone=r.zone,
        phone=r.phone,
        words=r.words,
        could_pay=Money(r.could_pay_minor, r.currency) if r.currency else None,
        answered_by=r.answered_by,
    )
