"""Speaking with somebody: whether we may now, and what came of it (C-01, C-02; policy rows 2, 13, 14).

A visit and a talk by messenger that we begin ask the same gate as a call; what the debtor begins does not.

A call is made by a person, so the gate forbids what the law forbids and names what to look at first.
Staff ask before they dial, and the answer is kept; a call that nobody was allowed to make is refused by
name and not written down as made. What a telephone system reports was made: it counts, and what stood
against it stays readable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.inbound import ReachEventKind
from models.links import Channel
from models.messages import CallAttempt, ContactDecision, Direction, Spoken
from models.work import Task, TaskKind
from receivables import outbox, pauses, switches
from receivables.audit import record
from receivables.calendar_days import at_local, business_date, is_business_day, local_time
from receivables.contact import after_calls, decisions, reach
from receivables.contact.inputs import CALL, Inputs, binding_of, counts_of, flags_of, place_of, talked_on
from receivables.contact.rule_rows import current_rules
from receivables.contact.rules import Decision, hours_of, in_hours, judge, take_turn
from receivables.errors import NotFound, Refused
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy

#: What came of a call that somebody answered, and of one that nobody did.
TALKED = frozenset(
    {
        "promised",
        "pays_now",
        "says_paid",
        "disputed",
        "call_again",
        "asked_for_time",
        "hardship",
        "refused",
        "talked",
    }
)
NOT_TALKED = frozenset({"no_answer", "voicemail", "busy", "unreachable", "dead_number"})
#: Either way.
EITHER = frozenset({"wrong_number"})
#: After these the number is dead, which is evidence for "not found".
DEAD = frozenset({"dead_number", "wrong_number"})
#: What came of a visit on which nobody was met, and of words by messenger that nobody answered.
NOT_MET = frozenset({"nobody_there", "left_note", "moved_away"})
NOT_ANSWERED = frozenset({"no_answer"})
NOTHING_CAME: Mapping[Spoken, frozenset[str]] = {
    Spoken.PHONE: NOT_TALKED, Spoken.VISIT: NOT_MET, Spoken.MESSENGER: NOT_ANSWERED,
}  # fmt: skip
#: How the timeline tells of it.
TOLD = {
    (Spoken.PHONE, Direction.OUT): "call.made", (Spoken.PHONE, Direction.IN): "call.came",
    (Spoken.VISIT, Direction.OUT): "visit.made", (Spoken.VISIT, Direction.IN): "visit.came",
    (Spoken.MESSENGER, Direction.OUT): "messenger.wrote", (Spoken.MESSENGER, Direction.IN): "messenger.came",
}  # fmt: skip
#: How long a yes holds: time to dial, to talk and to write it down.
ANSWER_HOLDS = timedelta(hours=2)
#: How many days ahead the next allowed moment is looked for.
_AHEAD = 31
#: When people are tried again, wall-clock; and how far from the hour that reached nobody.
_TRIES = (time(10), time(14), time(17))
_APART = timedelta(hours=2)
_MOST_TRIES = 3
#: Reasons that pass with time; every other waits for somebody to do something.
_PASSING = ("cap:", "paused:", "quiet_after_talk", "outside_hours")


def may_call(
    session: Session,
    account: Account,
    contact: Contact,
    *,
    policy: Policy,
    now: datetime,
    asked_for: bool = False,
) -> Decision:
    """Decide whether a person of the account may be rung up now.

    Args:
        asked_for: the debtor asked to be rung; then no pause, cap, hour or stop of ours stands
            against it, and flags still do.
    Returns:
        The decision; its cautions name what to look at first.
    """
    rules = current_rules(session, now)
    known = Inputs(
        channel=CALL,
        purpose=CALL,
        at=now,
        **place_of(account),
        **hours_of(contact, policy),
        addressed=contact.phone is not None,
        active=contact.is_active,
        forwarded=contact.forwarded_by_id is not None,
        asked_for=asked_for,
    )
    today, zone, binding = known.today, known.zones[0], binding_of(rules, known)
    known = replace(known, flags=tuple(kind.value for kind in flags_of(session, account.id, today)))
    held = pauses.standing(session, account.id, today)
    standing = pauses.paused_by(held, contact_id=contact.id)
    others = {pause.reason for pause in held} - set(standing)
    known = replace(known, beside=tuple(sorted(pauses.spoken(reason).value for reason in others)))
    if not asked_for:
        known = replace(
            known,
            pauses=tuple(pauses.spoken(reason).value for reason in standing),
            stopped=switches.sending_stopped(session),
            no_calls=contact.no_calls_at is not None,
            counts=counts_of(session, account, binding.caps_on("calls"), today=today, zone=zone),
            talked_on=talked_on(session, account, zone),
        )
    return replace(judge(known, binding), rules_version_id=rules.version_id)


def next_allowed(
    session: Session, account: Account, contact: Contact, decision: Decision, *, policy: Policy, now: datetime
) -> datetime | None:
    """Return when a call that is refused now will be allowed, as far as that is known; None else.

    Args:
        decision: by `may_call`, of this moment.
    """
    if decision.next_at is not None or not all(code.startswith(_PASSING) for code in decision.reasons):
        return decision.next_at
    zone = place_of(account)["zones"][0]
    today = business_date(now, zone)
    for days in range(1, _AHEAD + 1):
        opens = at_local(today + timedelta(days=days), policy.contact_from, zone)
        then = may_call(session, account, contact, policy=policy, now=opens)
        if then.allowed or then.next_at is not None:
            return then.next_at or opens
    return None


def next_tries(
    session: Session, account: Account, contact: Contact, *, policy: Policy, now: datetime
) -> list[datetime]:
    """Return moments to try again after a call that reached nobody: on business days, one a day, inside
    every rule, and the first at another time of day than now."""
    zone = place_of(account)["zones"][0]
    today, tried = business_date(now, zone), local_time(now, zone)
    found: list[datetime] = []
    for days in range(_AHEAD):
        day = today + timedelta(days=days)
        if not is_business_day(day, account.country):
            continue
        for clock in _TRIES:
            moment = at_local(day, clock, zone)
            near = not found and abs(_minutes(clock) - _minutes(tried)) < _APART // timedelta(minutes=1)
            if moment < now + _APART or near or not in_hours(contact, clock, policy):
                continue
            if may_call(session, account, contact, policy=policy, now=moment).allowed:
                found.append(moment)
                break
        if len(found) == _MOST_TRIES:
            break
    return found


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def ask(
    session: Session, actor: Actor, contact: Contact, *, task: Task | None = None, now: datetime
) -> Decision:
    """Ask before dialling; the answer is kept with everything it was made from, a yes and a no (C-01, C-04).

    Args:
        task: the task that asks for the call.
    Raises:
        NotAllowed: the actor may not make calls.
        NotFound: the task is another account's.
    """
    require(actor, Permission.CALL_LOG, account_id=contact.account_id)
    _belongs(task, contact)
    take_turn(session, contact.account_id)
    return _asked(session, contact, task, now=now)


def standing_yes(session: Session, contact: Contact, *, now: datetime) -> datetime | None:
    """Return when the contact was last allowed to be rung, while that holds and no call was made since."""
    last = session.execute(
        select(ContactDecision.allowed, ContactDecision.decided_at)
        .where(ContactDecision.contact_id == contact.id, ContactDecision.channel == CALL)
        .order_by(ContactDecision.id.desc())
        .limit(1)
    ).first()
    if last is None or not last.allowed or last.decided_at + ANSWER_HOLDS < now:
        return None
    made = session.scalar(
        select(CallAttempt.id)
        .where(
            CallAttempt.contact_id == contact.id,
            CallAttempt.made_at >= last.decided_at,
            CallAttempt.direction == Direction.OUT,
        )
        .limit(1)
    )
    return last.decided_at if made is None else None


def log_call(
    session: Session,
    actor: Actor,
    contact: Contact,
    *,
    talked: bool,
    outcome: str,
    task: Task | None = None,
    words: str = "",
    direction: Direction = Direction.OUT,
    channel: Spoken = Spoken.PHONE,
    number: str | None = None,
    checks: Sequence[str] = (),
    now: datetime,
) -> CallAttempt:
    """Write down a call, visit or talk by messenger; a call of ours counts against the caps, answered or not.

    A number that is somebody else's, or nobody's, is dead from now on; after a call that reached nobody the
    contact is invited to a talk, where the gate allows that.

    Args:
        talked: whether somebody was spoken to; quiet days begin with it.
        outcome: one of TALKED; of a call also of NOT_TALKED, EITHER; of a visit of NOT_MET, of a messenger
            of NOT_ANSWERED.
        task: the task that asked for the call.
        words: what was said, for the timeline.
        direction: what the debtor began asks no gate.
        number: the one that was used, where it is known.
        checks: what was gone through on a visit.
    Raises:
        NotAllowed: the actor may not log calls.
        NotFound: the task is another account's.
        Refused: `outcome_unknown`, `outcome_unfit` (a promise without a talk); `call_not_allowed`
            (facts: reasons) to staff whom no answer of the last hours allowed it.
    """
    require(actor, Permission.CALL_LOG, account_id=contact.account_id)
    silent = NOTHING_CAME[channel]
    if outcome not in TALKED | silent | EITHER:
        raise Refused("outcome_unknown", outcome=outcome)
    if outcome in (silent if talked else TALKED) or (outcome in EITHER and channel is not Spoken.PHONE):
        raise Refused("outcome_unfit", outcome=outcome)
    _belongs(task, contact)
    take_turn(session, contact.account_id)
    against: tuple[str, ...] = ()
    if direction is Direction.OUT and standing_yes(session, contact, now=now) is None:
        against = _asked(session, contact, task, now=now).reasons
        if against and actor.kind is ActorKind.STAFF:
            raise Refused("call_not_allowed", reasons=list(against))
    call = CallAttempt(
        account_id=contact.account_id,
        contact_id=contact.id,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
        talked=talked,
        outcome=outcome,
        task_id=task.id if task is not None else None,
        made_at=now,
        direction=direction,
        channel=channel,
        number=number,
        checks=list(checks) or None,
    )
    session.add(call)
    session.flush()
    facts: dict[str, Any] = {"talked": talked, "outcome": outcome}
    facts |= {"checks": list(checks)} if checks else {}
    outbox.note(
        session, call.account_id, TOLD[channel, direction], contact_id=contact.id, staff_id=call.staff_id,
        now=now,
        facts=facts | ({"words": words} if words else {}),
    )  # fmt: skip
    record(
        session, actor, "call.logged", call, account_id=call.account_id, now=now,
        facts={
            **facts, "contact": contact.id, "against": list(against), "direction": direction.value,
            "channel": channel.value,
        },
    )  # fmt: skip
    if outcome in DEAD:
        reach.learn(session, contact, Channel.SMS, ReachEventKind.DEAD, why=f"call:{outcome}", now=now)
    elif not talked and channel is Spoken.PHONE and direction is Direction.OUT:
        after_calls.invite(session, actor, contact, call, currency=_currency(task), now=now)
    return call


def _asked(session: Session, contact: Contact, task: Task | None, *, now: datetime) -> Decision:
    """Ask the gate and keep its answer."""
    account = session.get_one(Account, contact.account_id)
    asked_for = task is not None and task.kind is TaskKind.CALL_BACK
    decision = may_call(
        session, account, contact, policy=current_policy(session, now), now=now, asked_for=asked_for
    )
    decisions.keep(session, account, contact, decision, now=now)
    return decision


def _belongs(task: Task | None, contact: Contact) -> None:
    if task is not None and task.account_id != contact.account_id:
        raise NotFound("not_found")


def _currency(task: Task | None) -> str | None:
    return task.facts.get("currency") if task is not None else None
