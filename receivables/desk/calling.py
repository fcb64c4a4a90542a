"""The call screen: whom a collector may ring now, what he says and asks for, and what came of it before.

Source: C-01 ("called … by the call screen"); domain.md, "The ladder" (call); issue C, part 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, Contact
from models.arrangements import Promise
from models.files import StoredFile
from models.links import Channel
from models.messages import CallAttempt, CallFile
from models.money import Money
from models.staff import Staff
from models.states import PromiseStatus
from models.work import Task, TaskKind
from receivables import invoices
from receivables.contact import calls, reach
from receivables.contact.rule_rows import current_rules
from receivables.contact.rules import Decision
from receivables.desk import accounts as desk_accounts
from receivables.desk.accounts import AccountHead
from receivables.errors import NotFound
from receivables.permissions import Actor, Permission, require
from receivables.policy import current_policy

#: Tasks that a call settles; the screen closes them, or lets them wait for the next try.
CALLS_FOR = frozenset(
    {TaskKind.LADDER_CALL, TaskKind.CALL_BACK, TaskKind.PROMISE_BROKEN, TaskKind.PLAN_TROUBLE}
)
_LAST_CALLS, _LAST_PROMISES = 8, 5


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of contact that stands behind a no, and where it is written."""

    title: str
    source: str


@dataclass(frozen=True, slots=True)
class Person:
    """One contact as the caller sees him.

    Attributes:
        decision: whether he may be rung now.
        next_at: when he may, where a no passes with time.
        rules: those that say no.
        asked_at: when the gate said yes and that was kept; None before anybody asked, or after the call.
        again: moments for another try.
    """

    ref: str
    name: str
    phone: str | None
    email: str | None
    decision: Decision
    next_at: datetime | None
    rules: Sequence[Rule]
    asked_at: datetime | None
    again: Sequence[datetime]
    no_calls_at: datetime | None
    preferred: str | None
    #: Since when the number is known to be nobody's, or somebody else's.
    dead_since: datetime | None


@dataclass(frozen=True, slots=True)
class CallTask:
    """The task that asks for the call."""

    ref: str
    kind: TaskKind
    facts: dict[str, Any]
    due_at: datetime

    @property
    def script(self) -> str:
        """Which words are offered: of the rung, else of the kind of task."""
        return str(self.facts.get("script") or self.kind.value)


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call that was tried."""

    at: datetime
    contact: str
    by: str | None
    talked: bool
    outcome: str
    channel: str
    direction: str
    #: Names of files that were kept with it: a recording, photos.
    files: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """One promise and what became of it."""

    amount: Money
    promised_on: date
    status: PromiseStatus


@dataclass(frozen=True, slots=True)
class CallScreen:
    """Everything before a call on one page; `tasks` are all that a call would settle, first due first."""

    who: AccountHead
    people: Sequence[Person]
    task: CallTask | None
    tasks: Sequence[CallTask]
    groups: Sequence[invoices.CurrencyGroup]
    calls: Sequence[MadeCall]
    promises: Sequence[PromiseLine]


def screen(session: Session, actor: Actor, ref: str, *, task: str = "", now: datetime) -> CallScreen:
    """Return the call screen of an account; writes nothing.

    Args:
        ref: of the account.
        task: of the open task that asks for the call; empty takes the one due first.
    Raises:
        NotAllowed: the actor may not make calls.
        NotFound: no such account, or no such open task of it.
    """
    require(actor, Permission.CALL_LOG)
    who = desk_accounts.head(session, actor, ref)
    account = session.get_one(Account, who.id)
    tasks = [CallTask(row.ref, row.kind, row.facts, row.due_at) for row in _tasks(session, who.id)]
    chosen = next((row for row in tasks if row.ref == task), None)
    if task and chosen is None:
        raise NotFound("not_found")
    chosen = chosen or (tasks[0] if tasks else None)
    overview = invoices.overview(session, actor, account_id=who.id, zone=who.zone, now=now)
    about = chosen.facts.get("currency") if chosen is not None else None
    asked_for = chosen is not None and chosen.kind is TaskKind.CALL_BACK
    return CallScreen(
        who=who,
        people=[
            _person(session, account, contact, asked_for=asked_for, now=now)
            for contact in _people(session, who.id)
        ],
        task=chosen,
        tasks=tasks,
        groups=sorted((g for g in overview.groups if g.asked), key=lambda g: g.currency != about),
        calls=_calls(session, who.id),
        promises=_promises(session, who.id),
    )


def _people(session: Session, account_id: int) -> Sequence[Contact]:
    """Who stands for the account; a colleague to whom one invoice was forwarded is never rung."""
    return session.scalars(
        select(Contact)
        .where(Contact.account_id == account_id, Contact.is_active, Contact.forwarded_by_id.is_(None))
        .order_by(Contact.id)
    ).all()


def _person(
    session: Session, account: Account, contact: Contact, *, asked_for: bool, now: datetime
) -> Person:
    policy = current_policy(session, now)
    decision = calls.may_call(session, account, contact, policy=policy, now=now, asked_for=asked_for)
    asked_at = calls.standing_yes(session, contact, now=now)
    return Person(
        ref=contact.ref,
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        decision=decision,
        next_at=calls.next_allowed(session, account, contact, decision, policy=policy, now=now),
        rules=_rules(session, decision, now),
        asked_at=asked_at,
        again=calls.next_tries(session, account, contact, policy=policy, now=now),
        dead_since=reach.dead_since(session, contact, Channel.SMS),
        no_calls_at=contact.no_calls_at,
        preferred=contact.preferred_channel,
    )


def _rules(session: Session, decision: Decision, now: datetime) -> list[Rule]:
    """The rules of place and kind of debtor that speak in a no; the house's own hours are none of them."""
    if decision.allowed or decision.binding is None:
        return []
    capped = {code.removeprefix("cap:") for code in decision.reasons if code.startswith("cap:")}
    return [
        Rule(row.title, row.source)
        for row in current_rules(session, now).rows
        if row.id in decision.binding.rows
        and (
            capped & {cap.what for cap in row.caps}
            or ("quiet_after_talk" in decision.reasons and row.quiet_after_talk_days)
            or ("outside_hours" in decision.reasons and row.window)
        )
    ]


def _tasks(session: Session, account_id: int) -> Sequence[Task]:
    return session.scalars(
        select(Task)
        .where(Task.account_id == account_id, Task.done_at.is_(None), Task.kind.in_(CALLS_FOR))
        .order_by(Task.due_at, Task.id)
    ).all()


def _calls(session: Session, account_id: int) -> list[MadeCall]:
    rows = session.execute(
        select(
            CallAttempt.id, CallAttempt.made_at, Contact.name.label("contact"), Staff.name.label("staff"),
            CallAttempt.talked, CallAttempt.outcome, CallAttempt.channel, CallAttempt.direction,
        )
        .join(Contact, Contact.id == CallAttempt.contact_id)
        .outerjoin(Staff, Staff.id == CallAttempt.staff_id)
        .where(CallAttempt.account_id == account_id)
        .order_by(CallAttempt.made_at.desc(), CallAttempt.id.desc())
        .limit(_LAST_CALLS)
    ).all()  # fmt: skip
    kept: dict[int, list[tuple[str, str]]] = {}
    for call_id, ref, name in session.execute(
        select(CallFile.call_id, StoredFile.ref, StoredFile.name)
        .join(StoredFile, StoredFile.id == CallFile.file_id)
        .where(CallFile.call_id.in_([r.id for r in rows]))
        .order_by(CallFile.file_id)
    ):
        kept.setdefault(call_id, []).append((ref, name))
    return [
        MadeCall(
            r.made_at, r.contact, r.staff, r.talked, r.outcome, r.channel, r.direction, kept.get(r.id, ())
        )
        for r in rows
    ]


def _promises(session: Session, account_id: int) -> list[PromiseLine]:
    rows = session.scalars(
        select(Promise)
        .where(Promise.account_id == account_id)
        .order_by(Promise.made_at.desc(), Promise.id.desc())
        .limit(_LAST_PROMISES)
    )
    return [PromiseLine(Money(p.amount_minor, p.currency), p.promised_on, p.status) for p in rows]
