"""Ringing somebody up: whether we may now, and what came of it (C-01, C-02; policy rows 2, 13, 14).

A call is made by a person, so the gate forbids what the law forbids and names what to look at first.
A call that was made is written down whatever the gate says: it happened, it counts, and what stood
against it stays readable.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.messages import CallAttempt
from models.work import Task, TaskKind
from receivables import outbox, pauses
from receivables.audit import record
from receivables.contact import decisions
from receivables.contact.inputs import CALL, Inputs, binding_of, counts_of, flags_of, place_of, talked_on
from receivables.contact.rule_rows import current_rules
from receivables.contact.rules import Decision, hours_of, judge, take_turn
from receivables.errors import NotFound, Refused
from receivables.ladder import switches
from receivables.permissions import Actor, ActorKind, Permission, require
from receivables.policy import Policy, current_policy

#: What came of a call that somebody answered, and of one that nobody did.
TALKED = frozenset({"promised", "says_paid", "disputed", "asked_for_time", "hardship", "refused", "talked"})
NOT_TALKED = frozenset({"no_answer", "voicemail", "busy", "unreachable"})
#: Either way.
EITHER = frozenset({"wrong_number"})


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
            counts=counts_of(session, account, binding.caps_on("calls"), today=today, zone=zone),
            talked_on=talked_on(session, account, zone),
        )
    return replace(judge(known, binding), rules_version_id=rules.version_id)


def log_call(
    session: Session,
    actor: Actor,
    contact: Contact,
    *,
    talked: bool,
    outcome: str,
    task: Task | None = None,
    now: datetime,
) -> CallAttempt:
    """Write down a call that was made: it counts against the caps, answered or not.

    Args:
        talked: whether somebody was spoken to; quiet days begin with it.
        outcome: one of TALKED, NOT_TALKED, EITHER.
        task: the task that asked for the call.
    Raises:
        NotAllowed: the actor may not log calls.
        NotFound: the task is another account's.
        Refused: `outcome_unknown`, `outcome_unfit` (a promise without a talk).
    """
    require(actor, Permission.CALL_LOG, account_id=contact.account_id)
    if outcome not in TALKED | NOT_TALKED | EITHER:
        raise Refused("outcome_unknown", outcome=outcome)
    if outcome in (NOT_TALKED if talked else TALKED):
        raise Refused("outcome_unfit", outcome=outcome)
    if task is not None and task.account_id != contact.account_id:
        raise NotFound("not_found")
    take_turn(session, contact.account_id)
    account = session.get_one(Account, contact.account_id)
    asked_for = task is not None and task.kind is TaskKind.CALL_BACK
    decision = may_call(
        session, account, contact, policy=current_policy(session, now), now=now, asked_for=asked_for
    )
    decisions.keep(session, account, contact, decision, now=now)
    call = CallAttempt(
        account_id=account.id,
        contact_id=contact.id,
        staff_id=actor.id if actor.kind is ActorKind.STAFF else None,
        talked=talked,
        outcome=outcome,
        task_id=task.id if task is not None else None,
        made_at=now,
    )
    session.add(call)
    session.flush()
    facts = {"talked": talked, "outcome": outcome}
    outbox.note(
        session, account.id, "call.made", contact_id=contact.id, staff_id=call.staff_id, now=now, facts=facts
    )
    record(
        session, actor, "call.logged", call, account_id=account.id, now=now,
        facts={**facts, "contact": contact.id, "against": list(decision.reasons)},
    )  # fmt: skip
    return call
