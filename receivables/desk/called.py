"""What a collector does from the call screen: ask before dialling, write down what came of it, note wishes.

Source: C-01, C-02, C-04; issue C, part 5.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.links import Channel
from models.messages import CallAttempt
from models.work import Task, TaskKind
from receivables import outbox
from receivables.contact import after_calls, calls
from receivables.contact.rules import Decision
from receivables.desk import alerts
from receivables.desk.calling import CALLS_FOR
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy

#: What a collector may choose, in the order in which it is asked for; "wrong_number" fits both.
TALKED = (
    "promised", "says_paid", "disputed", "asked_for_time", "hardship", "refused", "talked", "wrong_number",
)  # fmt: skip
NOT_TALKED = ("no_answer", "voicemail", "busy", "unreachable", "wrong_number")
#: The next try is the first that is offered, where nobody was reached.
BY_ITSELF = "by_itself"
WORDS_MOST = 1000
#: How far ahead somebody may ask to be rung again.
_AGAIN_MOST = timedelta(days=60)


def ask(session: Session, actor: Actor, ref: str, *, contact: str, task: str = "", now: datetime) -> Decision:
    """Ask the gate before dialling, and keep its answer (C-01, C-04).

    Args:
        ref, contact, task: names of the account, of its contact, of the task that asks for the call.
    Raises:
        NotAllowed, NotFound: see `receivables.contact.calls.ask`.
    """
    found = _contact(session, ref, contact)
    return calls.ask(session, actor, found, task=_open_task(session, found, task), now=now)


def write_down(
    session: Session,
    actor: Actor,
    ref: str,
    *,
    contact: str,
    talked: bool,
    outcome: str,
    words: str = "",
    task: str = "",
    again: str | datetime = BY_ITSELF,
    no_calls: bool = False,
    instead: Channel | None = None,
    now: datetime,
) -> CallAttempt:
    """Write a call down with what follows: its task is done or waits for the next try, wishes are noted.

    Args:
        ref, contact, task: names of the account, of its contact, of the task that asked for the call.
        talked, outcome, words: see `receivables.contact.calls.log_call`.
        again: when to ring again; BY_ITSELF: the first moment that fits, where nobody was reached; ""
            not at all.
        no_calls: he asked us not to ring him up.
        instead: where he wants to be written to.
    Raises:
        NotAllowed, NotFound.
        Refused: of `log_call`; `day_past`, `day_too_late` (again).
    """
    require(actor, Permission.CALL_LOG)
    found = _contact(session, ref, contact)
    asked = _open_task(session, found, task)
    call = calls.log_call(
        session, actor, found, talked=talked, outcome=outcome, task=asked, words=words, now=now
    )
    if no_calls or instead is not None:
        wanted = found.no_calls_at is None and not no_calls
        after_calls.wish(session, actor, found, calls=wanted, instead=instead, now=now)
    next_at = _next_at(session, found, call, again, now=now)
    if next_at is not None:
        _ring_again(session, actor, call, asked, next_at, now=now)
    elif asked is not None and talked:
        alerts.finish_task(session, actor, asked.ref, reason=words or outcome, now=now)
    return call


def wish(
    session: Session, actor: Actor, ref: str, *, contact: str, calls_wanted: bool, now: datetime
) -> Contact:
    """Note that a contact wants no more calls, or wants them again.

    Raises: NotAllowed, NotFound.
    """
    found = _contact(session, ref, contact)
    return after_calls.wish(session, actor, found, calls=calls_wanted, now=now)


def _next_at(
    session: Session, contact: Contact, call: CallAttempt, again: str | datetime, *, now: datetime
) -> datetime | None:
    if isinstance(again, datetime):
        if again <= now:
            raise Refused("day_past")
        if again > now + _AGAIN_MOST:
            raise Refused("day_too_late")
        return again
    if again != BY_ITSELF or call.talked or call.outcome in calls.EITHER:
        return None
    account = session.get_one(Account, contact.account_id)
    policy = current_policy(session, now)
    return next(iter(calls.next_tries(session, account, contact, policy=policy, now=now)), None)


def _ring_again(
    session: Session, actor: Actor, call: CallAttempt, asked: Task | None, next_at: datetime, *, now: datetime
) -> None:
    """Let the task wait for the next try; a call without one gets a task of its own."""
    task = asked or outbox.ask_person(
        session, TaskKind.LADDER_CALL, f"call:{call.id}:again", account_id=call.account_id,
        facts={"contact": call.contact_id}, now=now,
    )  # fmt: skip
    task.due_at = next_at
    task.assigned_to_id = task.assigned_to_id or actor.id


def _contact(session: Session, ref: str, contact: str) -> Contact:
    found = session.scalar(
        select(Contact)
        .join(Account, Account.id == Contact.account_id)
        .where(Contact.ref == contact, Account.ref == ref)
    )
    if found is None:
        raise NotFound("not_found")
    return found


def _open_task(session: Session, contact: Contact, task: str) -> Task | None:
    if not task:
        return None
    found = session.scalar(
        select(Task)
        .where(
            Task.ref == task, Task.account_id == contact.account_id, Task.done_at.is_(None),
            Task.kind.in_(CALLS_FOR),
        )
        .with_for_update()
    )  # fmt: skip
    if found is None:
        raise NotFound("not_found")
    return found
