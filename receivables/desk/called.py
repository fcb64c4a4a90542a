"""What a collector does from the call screen: ask before dialling, write down what came of it, note wishes.

Source: C-01, C-02, C-04; issue C, part 5; issue D, part 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.ladder import LadderPosition
from models.links import Channel
from models.messages import CallAttempt, Direction, Spoken
from models.work import Task, TaskKind
from receivables import outbox
from receivables.contact import after_calls, calls
from receivables.contact.rules import Decision
from receivables.desk import alerts
from receivables.desk.calling import CALLS_FOR
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, Permission, require
from receivables.policy import TalkRules, current_policy
from receivables.texts import one_line

#: What a collector may choose of each way to speak, in the order of the page and of its keys.
TALKED = (
    "promised", "pays_now", "disputed", "hardship", "refused", "call_again", "asked_for_time", "says_paid",
    "talked",
)  # fmt: skip
NOT_TALKED: Mapping[Spoken, Sequence[str]] = {
    Spoken.PHONE: ("no_answer", "voicemail", "wrong_number", "dead_number", "busy", "unreachable"),
    Spoken.VISIT: ("nobody_there", "left_note", "moved_away"),
    Spoken.MESSENGER: ("no_answer",),
}
WORDS_MOST = 1000
#: Longest number or name in a messenger.
NUMBER_MOST = 40
#: What comes next; each but "ladder" is a task with a day and an hour.
NEXT = ("call", "visit", "check_payment", "send_papers", "ask_inside", "ladder")
_TASK_OF = {"call": TaskKind.LADDER_CALL, "visit": TaskKind.TRACE}


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next and when; "ladder" needs no moment, since the ladder has its own days."""

    what: str
    at: datetime | None = None


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
    follows: Next,
    words: str = "",
    task: str = "",
    direction: Direction = Direction.OUT,
    channel: Spoken = Spoken.PHONE,
    number: str = "",
    checks: Sequence[str] = (),
    no_calls: bool = False,
    instead: Channel | None = None,
    now: datetime,
) -> CallAttempt:
    """Write a call, visit or talk down with what follows: its task is done or waits, wishes are noted.

    Args:
        ref, contact, task: names of the account, of its contact, of the task that asked for the call.
        talked, outcome, words, direction, channel, number, checks: see `receivables.contact.calls.log_call`.
        follows: what comes next; never nothing.
        no_calls: he asked us not to ring him up.
        instead: where he wants to be written to.
    Raises:
        NotAllowed, NotFound.
        Refused: of `log_call`; next_missing (no act, no moment, or "ladder" where no ladder goes on),
            next_call_needed (he asked to be rung again), number_too_long, check_unknown, `day_past`,
            `day_too_late`.
    Source: policy talks.next_within_days, talks.visit_checks.
    """
    require(actor, Permission.CALL_LOG)
    found = _contact(session, ref, contact)
    asked = _open_task(session, found, task)
    rules = current_policy(session, now).talks
    _check_next(session, found, outcome, follows, rules, now=now)
    if len(number) > NUMBER_MOST:
        raise Refused("number_too_long")
    if set(checks) - set(rules.visit_checks):
        raise Refused("check_unknown")
    call = calls.log_call(
        session, actor, found, talked=talked, outcome=outcome, task=asked, words=words, direction=direction,
        channel=channel, number=one_line(number) or _usual(found, channel),
        checks=[code for code in rules.visit_checks if code in checks], now=now,
    )  # fmt: skip
    if no_calls or instead is not None:
        wanted = found.no_calls_at is None and not no_calls
        after_calls.wish(session, actor, found, calls=wanted, instead=instead, now=now)
    if follows.what == "call":
        _ring_again(session, actor, call, asked, follows.at or now, now=now)
    elif asked is not None and (talked or follows.what != "ladder"):
        alerts.finish_task(session, actor, asked.ref, reason=words or outcome, now=now)
    if follows.what not in ("call", "ladder"):
        _ask_oneself(session, actor, call, follows, now=now)
    return call


def _usual(contact: Contact, channel: Spoken) -> str | None:
    return contact.phone if channel is not Spoken.VISIT else None


def goes_on(session: Session, account_id: int) -> bool:
    """Whether the ladder has a next step for the account, or stands still for a reason it knows."""
    position = select(LadderPosition.invoice_id).where(
        LadderPosition.account_id == account_id,
        or_(LadderPosition.next_on.is_not(None), LadderPosition.waits_for.is_not(None)),
    )
    return session.scalar(position.limit(1)) is not None


def _check_next(
    session: Session, contact: Contact, outcome: str, follows: Next, rules: TalkRules, *, now: datetime
) -> None:
    if follows.what not in NEXT or (follows.what != "ladder" and follows.at is None):
        raise Refused("next_missing")
    if outcome == "call_again" and follows.what != "call":
        raise Refused("next_call_needed")
    # A promise or a dispute keeps the account in view by itself: its day is a task of its own.
    kept = outcome in ("promised", "disputed")
    if follows.what == "ladder" and not kept and not goes_on(session, contact.account_id):
        raise Refused("next_missing")
    if follows.at is None:
        return
    if follows.at <= now:
        raise Refused("day_past")
    if follows.at > now + timedelta(days=rules.next_within_days):
        raise Refused("day_too_late")


def _ask_oneself(session: Session, actor: Actor, call: CallAttempt, follows: Next, *, now: datetime) -> None:
    """Leave a task for whoever spoke with the debtor."""
    task = outbox.ask_person(
        session, _TASK_OF.get(follows.what, TaskKind.FOLLOW_UP), f"call:{call.id}:next",
        account_id=call.account_id, facts={"contact": call.contact_id, "next": follows.what}, now=now,
    )  # fmt: skip
    task.due_at = follows.at or now
    task.assigned_to_id = actor.id


def wish(
    session: Session, actor: Actor, ref: str, *, contact: str, calls_wanted: bool, now: datetime
) -> Contact:
    """Note that a contact wants no more calls, or wants them again.

    Raises: NotAllowed, NotFound.
    """
    found = _contact(session, ref, contact)
    return after_calls.wish(session, actor, found, calls=calls_wanted, now=now)


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
